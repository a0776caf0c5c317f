"""The gallery of the docs, by one command: contact sheets of all that can be seen, and a short loop of the best.

    python bench/gallery.py                      all of it, into docs
    python bench/gallery.py --only pattern       one sheet (a series, `preset`, `palette`), `strip` or `clip`; the page
                                                 is kept
    python bench/gallery.py -o FOLDER            elsewhere

Each style in four states: above 3 s into its own time, below 45 s; left in silence, right in loud music.
Palettes on four styles. Writes images/gallery/NAME.jpg (under 600 kB each), images/gallery/loop.webp, the strip of all
palettes images/palettes.png, and gallery.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parent))

from morphogen.field.network import PRESETS, init_glow, preset
from morphogen.field.palettes import TABLE
from morphogen.library.find import Library, StyleInfo
from morphogen.library.style import Style
from morphogen.offline.clip import encode
from morphogen.offline.track import demo_track
from morphogen.params.catalog import BY_KEY
from style_figures import LEVELS, Bench
from style_sheets import DIM, INK, PAPER, font, wrapped

CELL = (160, 90)
MOMENTS = (3.0, 45.0)
SEEDS = (3, 7, 11)  # of each preset
COLUMNS, GAP, WORDS = 3, 10, 34
EACH = 24  # blocks a sheet
MOST_BYTES = 600_000
PALETTE = "color/palette"
WITHOUT = ("none", "off", "")  # values of PALETTE that are no palette
DYED = ("cosmic/nebula", "nature/sea", "organic/cell_division", "mood/pastel_watercolor")  # under the palettes: dark
# and bright, lines and clouds
STRIPE, BETWEEN = (768, 28), 4  # of each palette in the strip
BEST = ("cosmic/galaxy", "nature/lava", "organic/neurons", "cosmic/nebula")  # of the loop
LOOP_SIZE, LOOP_SECONDS, LOOP_FPS, LOOP_FADE, LOOP_QUALITY = (480, 270), 6.0, 20.0, 10, 60
ABOUT = {
    "pattern": "Patterns of formulas, driven by music as networks are; their fields are inputs for networks, too.",
    "mood": "Trained styles of the series `mood`, and `mood/glitch`, written by hand.",
    "preset": f"Untrained networks of each size with a palette, seeds {', '.join(map(str, SEEDS))}.",
    "palette": f"Every palette of `{PALETTE}`, on {', '.join(f'`{name}`' for name in DYED)}.",
    "starter": "Untrained starters.",
}
Picture = NDArray[np.uint8]
Block = tuple[Image.Image, str, str]  # cells, name, words


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench/gallery.py", description="The gallery of the docs.")
    parser.add_argument("--only", metavar="NAME", help="one sheet, 'strip' or 'clip'")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs"), help="folder of the page")
    given = parser.parse_args(argv)
    library, bench = Library(), Bench([demo_track()])
    folder = given.output / "images" / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    kinds = sections(library)
    if given.only and given.only not in (*kinds, "strip", "clip"):
        known = ", ".join((*kinds, "strip", "clip"))
        print(f"gallery: there is no sheet {given.only[:40]!r}. Known: {known}.", file=sys.stderr)
        return 2
    shown: dict[str, list[Path]] = {}
    for kind, blocks in kinds.items():
        if given.only in (None, kind):
            shown[kind] = sheets(folder, kind, blocks(bench, library))
            print(f"{kind}: {', '.join(path.name for path in shown[kind])}", flush=True)
    if given.only in (None, "strip"):
        strip().save(given.output / "images" / "palettes.png", optimize=True)
    if given.only in (None, "clip"):
        print(f"loop.webp: {clip(bench, [library.find(name) for name in BEST], folder / 'loop.webp') / 1e6:.1f} MB")
    bench.close()
    if not given.only:
        (given.output / "gallery.md").write_text(page(shown), encoding="utf-8")
    return 0


# --- what is shown


def sections(library: Library) -> dict[str, Callable[[Bench, Library], Iterator[Block]]]:
    """Sheets by name, in the page's order."""
    series = sorted({info.series for info in shipped(library)} - {"pattern", "starter"})
    found: dict[str, Callable[[Bench, Library], Iterator[Block]]] = {}
    for name in ("pattern", *series, "starter"):
        if any(info.series == name for info in shipped(library)):
            found[name] = lambda bench, library, name=name: _styles(bench, library, name)
    found["preset"] = _presets
    if palettes():
        found["palette"] = _palettes
    return found


def shipped(library: Library) -> list[StyleInfo]:
    """What comes along, without the user's own."""
    return [info for info in library.list() if not (info.own or info.error)]


def palettes() -> list[str]:
    """Values of the palette's parameter that are palettes."""
    return [name for name in (BY_KEY[PALETTE].choices if PALETTE in BY_KEY else ()) if name not in WITHOUT]


def _styles(bench: Bench, library: Library, series: str) -> Iterator[Block]:
    for info in shipped(library):
        if info.series == series:
            style = library.find(info.name)
            yield cells(bench, style), info.name, info.prompt or info.title


def _presets(bench: Bench, _: Library) -> Iterator[Block]:
    for name in PRESETS:
        for seed in SEEDS:
            style = Style(init_glow(preset(name, head="palette"), seed), f"preset/{name.lower()}")
            yield cells(bench, style), f"{name}, seed {seed}", f"{style.network.shape.parameters:,} numbers"


def _palettes(bench: Bench, library: Library) -> Iterator[Block]:
    styles = [library.find(name) for name in DYED]
    for name in palettes():
        pictures = [held(bench, style, MOMENTS[:1], ("mid",), **{PALETTE: name})[0] for style in styles]
        yield tiled(pictures), name, f"{PALETTE}={name}"


def cells(bench: Bench, style: Style) -> Image.Image:
    """Four pictures in a square: above early, below later; left quiet, right loud."""
    return tiled(held(bench, style, MOMENTS, ("quiet", "loud")))


def held(
    bench: Bench, style: Style, times: Sequence[float], levels: Sequence[str], **settings: str
) -> list[Image.Image]:
    """Pictures of a style at each time, at each level of music held still."""
    with bench.rehearsal(style, **settings) as rehearsal:
        drawn = [rehearsal.draw(rehearsal.hold(time, **LEVELS[level]), CELL) for time in times for level in levels]
    return [Image.fromarray(np.ascontiguousarray(picture[..., :3])) for picture in drawn]


def tiled(pictures: Sequence[Image.Image]) -> Image.Image:
    """Four in a square, row by row."""
    sheet = Image.new("RGB", (2 * CELL[0], 2 * CELL[1]))
    for n, picture in enumerate(pictures):
        sheet.paste(picture, (n % 2 * CELL[0], n // 2 * CELL[1]))
    return sheet


def strip() -> Image.Image:
    """All palettes from dark to bright, one below the other."""
    step = STRIPE[1] + BETWEEN
    picture = Image.new("RGB", (STRIPE[0], len(TABLE) * step - BETWEEN), PAPER)
    for n, colours in enumerate(TABLE.values()):
        entries = np.rint(np.linspace(0, len(colours) - 1, STRIPE[0])).astype(int)
        row = np.rint(255 * colours[entries]).astype(np.uint8)
        picture.paste(Image.fromarray(np.repeat(row[None], STRIPE[1], axis=0)), (0, n * step))
    return picture


# --- sheets


def sheets(folder: Path, kind: str, blocks: Iterable[Block]) -> list[Path]:
    """Write KIND.jpg, or KIND-1.jpg and so on, EACH blocks a sheet; other sheets of that kind go."""
    known = list(blocks)
    for old in (*folder.glob(f"{kind}-[0-9]*.jpg"), folder / f"{kind}.jpg"):
        old.unlink(missing_ok=True)
    pages = [known[at : at + EACH] for at in range(0, len(known), EACH)]
    written = []
    for n, shown in enumerate(pages, 1):
        path = folder / (f"{kind}.jpg" if len(pages) == 1 else f"{kind}-{n}.jpg")
        path.write_bytes(small(sheet(shown)))
        written.append(path)
    return written


def sheet(blocks: Sequence[Block]) -> Image.Image:
    """Blocks from left to right, COLUMNS a row, each with its name and a line of words."""
    wide, tall = 2 * CELL[0] + GAP, 2 * CELL[1] + WORDS + GAP
    rows = -(-len(blocks) // COLUMNS)
    picture = Image.new("RGB", (COLUMNS * wide + GAP, rows * tall + GAP), PAPER)
    draw = ImageDraw.Draw(picture)
    for n, (cell, name, words) in enumerate(blocks):
        at = (GAP + n % COLUMNS * wide, GAP + n // COLUMNS * tall)
        picture.paste(cell, at)
        under = at[1] + 2 * CELL[1] + 1
        draw.text((at[0], under), name, INK, font(14))
        lines = wrapped(words, 2 * CELL[0] - 20, 11)
        draw.text((at[0], under + 17), lines[0] + (" ..." if len(lines) > 1 else ""), DIM, font(11))
    return picture


def small(picture: Image.Image) -> bytes:
    """A JPEG of at most MOST_BYTES, as good as that allows."""
    data = b""
    for quality in (86, 80, 72, 62, 50):
        out = BytesIO()
        picture.save(out, "JPEG", quality=quality, optimize=True)
        data = out.getvalue()
        if len(data) <= MOST_BYTES:
            break
    return data


# --- the loop


def clip(bench: Bench, styles: Sequence[Style], path: Path) -> int:
    """One style after the other to the demo track, the last fading into the first. Returns the bytes written."""
    each = round(LOOP_SECONDS * LOOP_FPS / len(styles))
    takes = [take(bench, style, each + LOOP_FADE, n * each / LOOP_FPS) for n, style in enumerate(styles)]
    data = encode(chained(takes, LOOP_FADE), path, LOOP_FPS, LOOP_QUALITY)
    path.write_bytes(data)
    return len(data)


def take(bench: Bench, style: Style, frames: int, late: float) -> list[Picture]:
    """Pictures of a style with the track's loudest part, `late` seconds into it; the dither would be half the file."""
    track, seconds = bench.tracks[0], frames / LOOP_FPS
    with bench.rehearsal(style, (), **{"output/dither": False}) as rehearsal:
        scenes = rehearsal.play(track, track.loudest(LOOP_SECONDS) + late, seconds, LOOP_FPS, MOMENTS[0])
        return [rehearsal.draw(scene, LOOP_SIZE)[..., :3].copy() for scene in scenes]


def chained(takes: Sequence[Sequence[Picture]], fade: int) -> list[Picture]:
    """Takes in turn, each begun under the `fade` pictures that the one before has too many; the first one under those
    of the last, so that the end is the beginning."""
    pictures: list[Picture] = []
    for n, now in enumerate(takes):
        before = takes[n - 1]
        for at, picture in enumerate(now[: len(now) - fade]):
            new = (at + 0.5) / fade
            old = before[len(before) - fade + at] if at < fade else picture
            blend = picture if at >= fade else np.rint(picture * new + old * (1 - new)).astype(np.uint8)
            pictures.append(blend)
    return pictures


# --- the page


def page(shown: dict[str, list[Path]]) -> str:
    """docs/gallery.md."""
    text = [
        "# Gallery", "",
        "![A loop of four styles with music](images/gallery/loop.webp)", "",
        f"Every style in four states: above {MOMENTS[0]:g} s into its own time, below {MOMENTS[1]:g} s; left in",
        "silence, right in loud music (both held still). `python bench/gallery.py` makes this page and its",
        "pictures anew.", "",
    ]  # fmt: skip
    for kind, paths in shown.items():
        text += [f"## {kind.capitalize()}", "", ABOUT.get(kind, f"Trained styles of the series `{kind}`."), ""]
        text += [f"![{kind.capitalize()}](images/gallery/{path.name})\n" for path in paths]
    return "\n".join(text).rstrip() + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
