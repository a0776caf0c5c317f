"""Styles as they leave: each drawn by plain OpenGL, by its page and as an ISF in Chromium, beside our frame.

    python bench/exports.py OUT.png [STYLE ...]

One line a style with the mean differences in levels of 255, to the float64 reference; OUT.png: ours, plain GLSL, the
page (WebGL 2), the ISF (WebGL 1). Needs OpenGL 3.3 and Chromium, in software if need be; all styles take some minutes.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import devtools
from export_pages import SOFTWARE, drawn, pixels, played
from exporting import SIZE, Screen, expected, hosted
from morphogen.library.find import Library

ROWS = 3  # styles side by side in the sheet
MOMENT = 7.0


async def pictures(names: list[str], screen: Screen) -> list[list[np.ndarray]]:
    """Of each style: ours, plain GLSL, page, ISF."""
    found = []
    devtools.FLAGS = (*devtools.FLAGS, *SOFTWARE)
    with tempfile.TemporaryDirectory() as folder:
        async with devtools.Browser(Path(folder) / "browser", *SIZE) as page:
            for name in names:
                style = Library().find(name)
                ours, plain = expected(style, MOMENT), screen.draw(*hosted(style, "glsl", MOMENT))
                seen = await drawn(page, style, Path(folder), MOMENT)
                found.append([ours, plain, seen, pixels(await page.run(played(style, MOMENT)))])
                apart = [float(np.abs(one - ours).mean()) for one in found[-1][1:]]
                print(f"{name:32} glsl {apart[0]:.3f}  page {apart[1]:.3f}  isf {apart[2]:.3f}", flush=True)
    return found


def main() -> None:
    """Draws, prints, writes the sheet; exit code 1 where a style is a level off."""
    out, *names = sys.argv[1:]
    screen = Screen()
    found = asyncio.run(pictures(names or Library().names(), screen))
    screen.close()
    rows = [np.concatenate(one, axis=1) for one in found]
    rows += [np.zeros_like(rows[0])] * (-len(rows) % ROWS)
    sheet = np.concatenate([np.concatenate(rows[k : k + ROWS], axis=1) for k in range(0, len(rows), ROWS)])
    Image.fromarray(sheet.astype(np.uint8)).save(out)
    worst = max(float(np.abs(one - ours).mean()) for ours, *others in found for one in others)
    print(f"{len(found)} styles, {worst:.3f} levels at most")
    sys.exit(worst >= 1)


if __name__ == "__main__":
    main()
