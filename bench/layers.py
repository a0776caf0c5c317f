"""The sheet of all blend modes for docs/layers.md, and what a layer costs.

python bench/layers.py              writes docs/images/layers.jpg
python bench/layers.py --cost       a frame at 1080p: each pattern alone and as a layer, beside a plain network
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parent))

from morphogen.field.layers import BLENDS
from morphogen.field.scene import Layer, Scene
from morphogen.frame import TargetSpec
from morphogen.library.find import Library
from morphogen.render import create
from morphogen.still import render_still
from style_sheets import DIM, INK, PAPER, font, wrapped

BASE = "nature/lava"
PLAIN = "starter/abyss"  # 3L_4D, the plain network
LAYERS = ("pattern/stars", "pattern/voronoi")
CELL, GAP, LINE = (288, 162), 10, 18
TIME, ROUNDS = 8.0, 12
SOUND = {"audio/bass": 0.5, "audio/rms": 0.5, "audio/treble": 0.4}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench/layers.py", description="Blend modes, seen and measured.")
    parser.add_argument("--cost", action="store_true", help="measure instead of drawing")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/images/layers.jpg"), help="the sheet")
    given = parser.parse_args(argv)
    if given.cost:
        cost()
    else:
        sheet().save(given.output, quality=86, optimize=True)
    return 0


def picture(style: str, blend: str = "", layer: str = "") -> Image.Image:
    """One cell."""
    sets = {**SOUND, **({"layer/blend": blend} if blend else {})}
    return Image.fromarray(render_still(style, CELL, TIME, sets, layer=layer)[..., :3])


def sheet() -> Image.Image:
    """The base and the layers alone, then each mode with each layer."""
    blocks = [([picture(BASE), *(picture(name) for name in LAYERS)], f"{BASE}   {'   '.join(LAYERS)}", "Alone.")]
    for blend, (_, words) in BLENDS.items():
        blocks.append(([picture(BASE, blend, name) for name in LAYERS], blend, words))
    wide, high = CELL[0] + GAP, CELL[1] + GAP + 3 * LINE
    rows = 1 + -(-(len(blocks) - 1) // 2)
    page = Image.new("RGB", (4 * wide + GAP, rows * high + GAP), PAPER)
    for n, (cells, name, words) in enumerate(blocks):
        left, top = (0, 0) if n == 0 else (((n - 1) % 2) * 2 * wide, ((n - 1) // 2 + 1) * high)
        for i, cell in enumerate(cells):
            page.paste(cell, (left + GAP + i * wide, top + GAP))
        draw, at = ImageDraw.Draw(page), top + GAP + CELL[1] + 4
        draw.text((left + GAP, at), name, INK, font(14))
        for i, line in enumerate(wrapped(words, 2 * CELL[0], 13)):
            draw.text((left + GAP, at + LINE * (i + 1)), line, DIM, font(13))
    return page


def cost() -> None:
    """Each pattern alone, and as a layer over the plain network, beside that network alone: a Markdown table. Medians
    of rounds in which every scene takes its turn, of processor time, which what else runs moves less."""
    library, spec = Library(), TargetSpec(1920, 1080)
    plain = library.find(PLAIN).network
    names = [name for name in library.names() if name.startswith("pattern/")]
    networks = {PLAIN: plain, **{name: library.find(name).network for name in names}}
    scenes = {(name, False): Scene((network,), SOUND) for name, network in networks.items()}
    scenes |= {(name, True): Scene((plain,), SOUND, layer=Layer(it, "screen", 0.7)) for name, it in networks.items()}
    renderer, out = create("cpu"), np.empty(spec.pixel_bytes, np.uint8)
    taken: dict[tuple[str, bool], list[float]] = {what: [] for what in scenes}
    for _ in range(ROUNDS):
        for what, scene in scenes.items():
            start = process_time()
            renderer.render(scene, [(spec, out)])
            taken[what].append(process_time() - start)
    renderer.close()
    bare = median(taken[PLAIN, False])
    print(f"| 1080p, every pixel, beside `{PLAIN}` ({1e3 * bare:.1f} ms of processor time) | alone | layer over it |")
    print("| --- | --- | --- |")
    for name in networks:
        alone, over = (median(taken[name, layered]) / bare for layered in (False, True))
        print(f"| `{name}` | x {alone:.2f} | x {over:.2f} |")


if __name__ == "__main__":
    raise SystemExit(main())
