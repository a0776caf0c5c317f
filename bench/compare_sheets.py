"""Table and sheets of `bench/compare.py`: a style a row, a way a column, quiet beside loud, the prompt under each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from morphogen.library.style import Style, load_style
from style_figures import LEVELS, MOMENTS, Bench
from style_sheets import DIM, INK, PAPER, font, wrapped

TITLES = {
    "seed": "the seeds' method", "guide": "the guide alone", "fit": "the fit alone", "ours": "fit, then guide: ours",
}  # fmt: skip
CELL = (192, 108)
GAP, HEAD, UNDER = 12, 26, 24
EACH = 13  # styles a page
QUALITY = 74
Row = dict[str, Any]


def pages(bench: Bench, folder: Path, rows: Sequence[Row], found: Callable[[str, str], Path]) -> list[Path]:
    """found: (way, name) to file. Returns what was written."""
    written = []
    for page, start in enumerate(range(0, len(rows), EACH), 1):
        shown = rows[start : start + EACH]
        column = 2 * CELL[0] + GAP
        sheet = Image.new("RGB", (len(TITLES) * column + GAP, HEAD + len(shown) * (CELL[1] + UNDER)), PAPER)
        draw = ImageDraw.Draw(sheet)
        for n, (way, title) in enumerate(TITLES.items()):
            left = GAP + n * column
            draw.text((left, 4), title, INK, font(15))
            for m, row in enumerate(shown):
                top = HEAD + m * (CELL[1] + UNDER)
                for k, level in enumerate(("quiet", "loud")):
                    sheet.paste(_picture(bench, load_style(found(way, row["name"])), level), (left + k * CELL[0], top))
                _caption(draw, (left, top + CELL[1] + 2), row, way)
        path = folder / f"compare-{page}.jpg"
        sheet.save(path, quality=QUALITY)
        written.append(path)
    return written


def _picture(bench: Bench, style: Style, level: str) -> Image.Image:
    with bench.rehearsal(style) as rehearsal:
        pixels = rehearsal.draw(rehearsal.hold(MOMENTS["early"], **LEVELS[level]), CELL)[..., :3]
    return Image.fromarray(np.ascontiguousarray(pixels))


def _caption(draw: ImageDraw.ImageDraw, at: tuple[int, int], row: Row, way: str) -> None:
    """The prompt as far as it fits, and the judge's rank."""
    rank = f"{row[way]['rank']}."
    width = 2 * CELL[0]
    lines = wrapped(row["prompt"], width - 40, 11)
    draw.text(at, lines[0] + (" ..." if len(lines) > 1 else ""), DIM, font(11))
    draw.text((at[0] + width - font(11).getlength(rank), at[1]), rank, INK, font(11))


def table(rows: Sequence[Row]) -> str:
    """All ways as a whole, then style by style."""
    lines = ["| way | median rank | first | among the first three | nine moments | worst of nine | three unseen | "
             "seconds | MB |", "| --- " * 9 + "|"]  # fmt: skip
    for way, title in TITLES.items():
        told = [row[way] for row in rows]
        ranks = [known["rank"] for known in told]
        cells = [title, f"{np.median(ranks):g}", str(sum(rank == 1 for rank in ranks)),
                 f"{sum(rank <= 3 for rank in ranks)} of {len(ranks)}",
                 *(f"{np.mean([known[key] for known in told]):.2f}" for key in ("score", "worst", "unseen")),
                 _span(told, "cpu_s"), _span(told, "mb")]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| style | ceiling | seeds | guide | fit | ours | nine: seeds | guide | fit | ours | worst | new |",
              "| --- " * 12 + "|"]  # fmt: skip
    for row in rows:
        cells = [f"`{row['name']}`", str(row["ceiling"]), *(str(row[way]["rank"]) for way in TITLES),
                 *(f"{row[way]['score']:.2f}" for way in TITLES),
                 *(f"{row['ours'][key]:.2f}" for key in ("worst", "unseen"))]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _span(told: Sequence[Row], key: str) -> str:
    """Median, and in brackets least and most."""
    values = [known[key] for known in told if key in known]
    return f"{np.median(values):.0f} ({min(values):.0f} to {max(values):.0f})" if values else ""
