"""Styles with an alpha of their own over a chessboard: `python bench/alpha.py [-o docs/images/alpha.jpg]`.

For each, from the left: what it is laid over something (by its straight alpha), its alpha, its colours without it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from morphogen.still import render_still

STYLES = ("pattern/drops", "pattern/veil")
CELL, SQUARE, TIME = (480, 270), 30, 20.0
DARK, LIGHT = 90, 150


def board() -> NDArray[np.float64]:
    """(height, width, 1): a chessboard of greys."""
    y, x = np.mgrid[: CELL[1], : CELL[0]] // SQUARE
    return np.where((x + y) % 2, LIGHT, DARK)[..., None].astype(float)


def row(style: str) -> NDArray[np.uint8]:
    """The three pictures of a style, side by side, RGB."""
    picture = render_still(style, CELL, TIME, {"output/alpha": "style"}).astype(float)
    rgb, alpha = picture[..., :3], picture[..., 3:] / 255
    over = rgb * alpha + board() * (1 - alpha)
    plain = render_still(style, CELL, TIME, {})[..., :3]
    return np.hstack([np.rint(over), np.repeat(picture[..., 3:], 3, axis=-1), plain]).astype(np.uint8)


def main(words: list[str]) -> int:
    """Exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/images/alpha.jpg"), metavar="FILE")
    given = parser.parse_args(words)
    Image.fromarray(np.vstack([row(style) for style in STYLES])).save(given.output, quality=88)
    print(given.output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
