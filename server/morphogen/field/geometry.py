"""Geometry: the numbers that shape a network's fields, and how the music moves them.

An array (rows, 1 + frame inputs), float64: a row for each parameter of the fields that a network reads, in the table's
order; column 0 is the value at rest, the others how much of each frame input is added (of `time`: per second). So
geometry is data like weights: it morphs by interpolation and goes into the end of the uniform block each frame. In a
style file it is

    {"noise": {"seed": 5, "scale": 2.5, "evolve": {"base": 0, "time": 0.05, "bass": 0.3}}}

where what is left out is the default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.field.entry import Parameter
from morphogen.field.graph import Array, Evaluator, pixel_input
from morphogen.field.inputs import CHANNELS, FIELDS, FRAME_INPUTS, input_nodes, shaped

COLUMNS = ("base", *FRAME_INPUTS)
TIME = COLUMNS.index("time")


@lru_cache(maxsize=256)
def rows(inputs: tuple[str, ...]) -> tuple[tuple[str, Parameter], ...]:
    """(field, parameter) of each row."""
    return tuple((name, parameter) for name in shaped(inputs) for parameter in FIELDS[name].parameters)


def default(inputs: Sequence[str], seed: int = 0) -> Array:
    """Geometry at rest: the table's defaults, every field with this seed."""
    table = rows(tuple(inputs))
    out = np.zeros((len(table), len(COLUMNS)))
    for row, (_, parameter) in zip(out, table, strict=True):
        row[0] = seed % 65536 if parameter.name == "seed" else parameter.default
    return out


def seeds(inputs: Sequence[str], geometry: Array) -> tuple[float, ...]:
    """What cannot be interpolated: the whole numbers. Where they differ, a morph would jump."""
    return tuple(row[0] for row, (_, p) in zip(geometry, rows(tuple(inputs)), strict=True) if p.kind == "whole")


def mixed(inputs: Sequence[str], a: Array, b: Array, t: float) -> Array:
    """The geometry at t between a (0) and b (1); whole numbers are those of the nearer."""
    out = np.asarray(a + (b - a) * t)
    for row, p, q, (_, parameter) in zip(out, a, b, rows(tuple(inputs)), strict=True):
        if parameter.kind == "whole":
            row[:] = p if t < 0.5 else q
    return out


def met(inputs: Sequence[str], a: Array, b: Array, values: Mapping[str, float]) -> Array:
    """b, drawing the same, with whole turns added to what wraps, so that at `values` it is nearest to a: else, where
    the two drift at different speeds, an hour's turns would pass by during a morph."""
    now = np.array([1.0, *(float(values.get(name, 0.0)) for name in FRAME_INPUTS)])
    out = np.array(b)
    for row, p, q, (_, parameter) in zip(out, a @ now, b @ now, rows(tuple(inputs)), strict=True):
        if parameter.kind == "wrap":
            period = parameter.high - parameter.low
            row[0] -= period * np.rint((q - p) / period)
    return out


def at(inputs: Sequence[str], geometry: Array, values: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """{field: {parameter: value}} of one frame, in bounds."""
    moving = geometry @ np.array([1.0, *(float(values.get(name, 0.0)) for name in FRAME_INPUTS)])
    found: dict[str, dict[str, float]] = {}
    for (name, parameter), row, value in zip(rows(tuple(inputs)), geometry, moving.tolist(), strict=True):
        found.setdefault(name, {})[parameter.name] = _bounded(parameter, float(row[0]), value)
    return found


def _bounded(parameter: Parameter, base: float, value: float) -> float:
    low, high = parameter.low, parameter.high
    if parameter.kind == "whole":
        return float(round(min(max(base, low), high)))
    return low + (value - low) % (high - low) if parameter.kind == "wrap" else min(max(value, low), high)


def fold(inputs: Sequence[str], geometry: Array, extent: float, values: Mapping[str, float]) -> Array:
    """What `field.inputs.input_nodes` reads in this frame, float64; empty where no field has geometry."""
    found = at(inputs, geometry, values)
    if not found:
        return np.zeros(0)
    return np.concatenate([[2 * extent], *(FIELDS[name].fold(parameters) for name, parameters in found.items())])


def sample(
    inputs: Sequence[str], geometry: Array, extent: float, pixels: Mapping[str, Array], values: Mapping[str, float]
) -> dict[str, Array]:
    """The truth: each pixel input among `inputs` at 'x' and 'y' (picture heights, arrays of one shape), float64."""
    names = [name for name in inputs if name in CHANNELS]
    evaluate = Evaluator(fold(inputs, geometry, extent, values), pixels)
    lengths = {c for name in dict.fromkeys(CHANNELS[n] for n in names) for c in FIELDS[name].lengths}
    nodes = input_nodes(names, pixel_input("x"), pixel_input("y"))
    size = np.shape(pixels["x"])
    return {
        name: np.broadcast_to(evaluate(node) * (2 * extent if name in lengths else 1.0), size)
        for name, node in zip(names, nodes, strict=True)
    }


def parts(inputs: Sequence[str], geometry: Array) -> Iterator[tuple[str, Parameter, NDArray[np.float64]]]:
    """(field, parameter, its row)."""
    for (name, parameter), row in zip(rows(tuple(inputs)), geometry, strict=True):
        yield name, parameter, row


def write(inputs: Sequence[str], geometry: Array) -> dict[str, dict[str, Any]]:
    """As a style file has it, every parameter named."""
    found: dict[str, dict[str, Any]] = {}
    for name, parameter, row in parts(inputs, geometry):
        moved = {column: float(v) for column, v in zip(COLUMNS, row, strict=True) if v or column == "base"}
        base = int(row[0]) if parameter.kind == "whole" else float(row[0])
        found.setdefault(name, {})[parameter.name] = moved if len(moved) > 1 else base
    return found
