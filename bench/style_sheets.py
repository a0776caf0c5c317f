"""Contact sheets of `bench/styles.py`: what a style looks like, quiet and loud, early and late, with its prompt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from morphogen.library.style import Style
from style_figures import LEVELS, MOMENTS, Bench

CELL = (320, 180)
SHOWN = (("early", "quiet"), ("early", "loud"), ("later", "quiet"), ("later", "loud"))
BLOCK = (2 * CELL[0] + 16, 2 * CELL[1] + 66)
COLUMNS, ROWS = 3, 4
INK, DIM, PAPER, WRONG = (235, 235, 235), (150, 150, 150), (24, 24, 26), (255, 120, 100)
# Columns of the study's sheet (cells of 128 pixels), by words of a style's name.
STUDY_CELL = 128
STUDY = (
    ("galaxy",), ("nebula",), ("supernova",), ("black-hole", "black_hole", "black hole"), ("web",), ("division",),
    ("microb", "microorg"), ("solvent",), ("neuron",), ("vessel",),
)  # fmt: skip


def cells(bench: Bench, style: Style) -> Image.Image:
    """Four pictures in a square: above early, below later; left quiet, right loud."""
    sheet = Image.new("RGB", (2 * CELL[0], 2 * CELL[1]))
    with bench.rehearsal(style) as rehearsal:
        for n, (when, level) in enumerate(SHOWN):
            picture = rehearsal.draw(rehearsal.hold(MOMENTS[when], **LEVELS[level]), CELL)[..., :3]
            sheet.paste(Image.fromarray(np.ascontiguousarray(picture)), (n % 2 * CELL[0], n // 2 * CELL[1]))
    return sheet


def pages(folder: Path, blocks: Sequence[tuple[Image.Image, str, str, str]]) -> list[Path]:
    """blocks: (cells, name, prompt, figures; figures that begin with '!' are a warning). Twelve styles a page."""
    written = []
    each = COLUMNS * ROWS
    for page, start in enumerate(range(0, len(blocks), each), 1):
        shown = blocks[start : start + each]
        rows = -(-len(shown) // COLUMNS)
        sheet = Image.new("RGB", (COLUMNS * BLOCK[0] + 16, rows * BLOCK[1] + 16), PAPER)
        for n, block in enumerate(shown):
            place(sheet, (16 + n % COLUMNS * BLOCK[0], 16 + n // COLUMNS * BLOCK[1]), *block)
        path = folder / f"sheet-{page}.png"
        sheet.save(path)
        written.append(path)
    return written


def place(sheet: Image.Image, at: tuple[int, int], picture: Image.Image, name: str, prompt: str, figures: str) -> None:
    sheet.paste(picture, at)
    draw = ImageDraw.Draw(sheet)
    left, under = at[0], at[1] + 2 * CELL[1] + 3
    draw.text((left, under), name, INK, font(15))
    warned = figures.startswith("!")
    draw.text((left + 200, under + 2), figures.lstrip("!"), WRONG if warned else DIM, font(12))
    for n, line in enumerate(wrapped(prompt or "no prompt: drawn from a seed", 2 * CELL[0], 12)[:2]):
        draw.text((left, under + 19 + 14 * n), line, DIM, font(12))


def beside(study: Path, path: Path, blocks: Sequence[tuple[Image.Image, str, str, str]]) -> Path | None:
    """Each style whose concept the study has, its pictures beside all of the study's takes; None if there is none."""
    picture = Image.open(study).convert("RGB")
    takes = picture.height // STUDY_CELL
    found = [(block, column) for block in blocks if (column := _column(block[1], block[2])) is not None]
    if not found:
        return None
    width = 16 + BLOCK[0] + 2 * (CELL[1] + 8)
    tall = BLOCK[1]
    sheet = Image.new("RGB", (width, len(found) * tall + 16), PAPER)
    for n, (block, column) in enumerate(found):
        place(sheet, (16, 16 + n * tall), *block)
        for take in range(min(takes, 4)):
            box = (column * STUDY_CELL, take * STUDY_CELL, (column + 1) * STUDY_CELL, (take + 1) * STUDY_CELL)
            cell = picture.crop(box).resize((CELL[1], CELL[1]), Image.Resampling.BICUBIC)
            sheet.paste(cell, (16 + BLOCK[0] + take % 2 * CELL[1], 16 + n * tall + take // 2 * CELL[1]))
    sheet.save(path)
    return path


def _column(*texts: str) -> int | None:
    """The study's column that a style's name names, else its prompt."""
    found = (n for text in texts for n, words in enumerate(STUDY) if any(word in text.lower() for word in words))
    return next(found, None)


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def wrapped(text: str, width: int, size: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font(size).getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
