"""What a field is: what a network may read of each pixel, declared once in `field.inputs`.

A field has channels (inputs of a network), parameters (its geometry, in the style file) and a graph. Geometry reaches
the graph as uniforms: numbers, not code, so that structure may move with the music and nothing is compiled anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from morphogen.field.graph import Array, Node

Kind = Literal["clip", "wrap", "whole"]
Emit = Callable[[Node, Node, Sequence[Node]], Mapping[str, Node]]
Fold = Callable[[Mapping[str, float]], Array]


@dataclass(frozen=True)
class Parameter:
    """One number of a field's geometry.

    kind: how a value that was modulated is kept in bounds. clip: to low..high; wrap: low and high draw the same, so it
    may run on for ever; whole: a whole number that never moves (a seed, a count).
    """

    name: str
    default: float
    low: float
    high: float
    unit: str
    doc: str
    kind: Kind = "clip"


@dataclass(frozen=True)
class Field:
    """channels: input name -> what it is. uniforms: floats that `emit` reads. fold: parameters by name, in bounds, to
    those floats, in float64; called each frame. emit: graph of every channel from x, y (network coordinates) and the
    uniforms, continuous wherever the hint of a rounding could choose another side. lengths: those channels of a field
    without geometry that grow with the coordinates: their scale is folded into the weights."""

    doc: str
    channels: Mapping[str, str]
    emit: Emit
    parameters: tuple[Parameter, ...] = ()
    uniforms: int = 0
    fold: Fold = lambda _: np.zeros(0)
    lengths: frozenset[str] = frozenset()


@lru_cache(maxsize=1024)
def scattered(seed: float, salt: int, count: int) -> Array:
    """Numbers 0..1 that belong to a seed, read-only; salt: which field asks. Kept, since it is asked each frame."""
    numbers = np.random.default_rng([int(seed), salt]).uniform(size=count)
    numbers.flags.writeable = False
    return numbers


def seed_parameter(doc: str = "another seed, another pattern") -> Parameter:
    """The seed that every scattered field has."""
    return Parameter("seed", 0, 0, 65535, "", doc, "whole")


def light_parameter() -> Parameter:
    """Where the light comes from, of fields that know their own slope."""
    return Parameter("light", 0.375, 0, 1, "turns", "where the light comes from: 0 the right, 0.25 above", "wrap")
