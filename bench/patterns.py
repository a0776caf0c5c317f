"""Writes the styles made by hand, the series `pattern` and what else no training reaches.

    python bench/patterns.py [--only NAME ...] [-o styles] [--raw]

A pattern is a field of the table (`field.inputs`), shown by a tiny network: one hidden layer that reads it, a palette.
What it looks like, and how the music moves it, is one entry of `STYLES` in one of the modules of `SOURCES`; nothing is
trained. What flashes too much on loud music is turned down, as the last step of a training does (`--raw` leaves that
out, for a quick look).
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from morphogen.field.network import Network, Shape
from morphogen.library import geometry
from morphogen.library.style import Style, save_style
from morphogen.library.thumb import save_thumbnail
from morphogen.training.calm import calm
from pattern_parts import Pattern

SOURCES = ("pattern_weaves", "pattern_fractals", "pattern_keyed", "pattern_moods")
DARKEST = 0.002  # of a colour: its logit must be finite


def stops(colours: Sequence[str]) -> NDArray[np.float32]:
    """Logits (5, 3) of `#rrggbb` colours."""
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours])
    rgb = np.clip(rgb, DARKEST, 1 - DARKEST)
    return np.round(np.log(rgb / (1 - rgb)), 3).astype(np.float32)


def network(pattern: Pattern) -> Network:
    """Its network. Raises StyleError where the geometry is not that of the fields it reads."""
    inputs = tuple(dict.fromkeys(name for unit in pattern.units for name in unit.of))
    alpha = np.size(pattern.level) in (2, 4)  # one number more than there are colours
    head = ("palette_alpha" if alpha else "palette") if pattern.colours else "rgba" if alpha else "rgb"
    shape = Shape(inputs, (tuple(unit.activation for unit in pattern.units),), head)
    first = np.array([[unit.of.get(name, 0.0) for name in inputs] for unit in pattern.units], np.float32)
    bias = np.array([unit.bias for unit in pattern.units], np.float32)
    out = np.array([np.broadcast_to(unit.out, shape.outputs) for unit in pattern.units], np.float32).T
    level = np.array(np.broadcast_to(pattern.level, shape.outputs), np.float32)
    colours = (stops(pattern.colours),) if pattern.colours else ()
    shaped = geometry.read(inputs, pattern.geometry)
    return Network(shape, (first, bias, out, level, *colours), pattern.extent, geometry=shaped)


def style(pattern: Pattern) -> Style:
    """The style as it was written down, before it is turned down."""
    return Style(
        network(pattern), f"{pattern.series}/{pattern.name}", pattern.title, audio_roles=pattern.roles, licence="MIT",
        training=f"python bench/patterns.py --only {pattern.name}",
    )  # fmt: skip


def table() -> dict[str, Pattern]:
    """Every pattern by its name. Raises ValueError where two have the same."""
    found: dict[str, Pattern] = {}
    for source in filter(find_spec, SOURCES):
        for pattern in importlib.import_module(source).STYLES:
            if pattern.name in found:
                raise ValueError(f"two patterns are called {pattern.name!r}")
            found[pattern.name] = pattern
    return found


def write(pattern: Pattern, folder: Path, raw: bool = False) -> str:
    """Its style and thumbnail; what was done."""
    made, said = style(pattern), "as written"
    if not raw:
        done = calm(made.network)
        made, said = replace(made, network=done.network, extra={"flashes": done.describe()}), done.line()
    save_thumbnail(save_style(made, folder / f"{made.name}.safetensors"))
    return said


def main(words: list[str]) -> int:
    """Exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="only these")
    parser.add_argument("-o", "--output", type=Path, default=Path("styles"), metavar="FOLDER")
    parser.add_argument("--raw", action="store_true", help="as written, even if it flashes too much")
    given = parser.parse_args(words)
    patterns = table()
    unknown = [name for name in given.only if name not in patterns]
    if unknown:
        parser.error(f"there is no pattern {unknown[0]!r}; known: {', '.join(patterns)}")
    for name in given.only or patterns:
        print(f"{name}: {write(patterns[name], given.output, given.raw)}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
