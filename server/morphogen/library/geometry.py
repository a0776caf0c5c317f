"""Geometry of fields as style files and datagrams hold it: read, checked, packed. `field.geometry` says what it is.

All functions raise StyleError that says what is wrong and what cures it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from morphogen.errors import StyleError
from morphogen.field import geometry
from morphogen.field.entry import Parameter
from morphogen.field.geometry import COLUMNS
from morphogen.field.graph import Array
from morphogen.field.inputs import FIELDS, FRAME_INPUTS, shaped
from morphogen.library import checks

MOST = 1e4  # of a frame input that may be added


def read(inputs: Sequence[str], value: Any) -> Array:
    """The array of a style's JSON: {field: {parameter: number, or {"base": number, input: amount}}}. What is left out
    is the default."""
    out = geometry.default(inputs)
    if not isinstance(value, Mapping):
        raise StyleError(f"'geometry' must be an object of fields, got {checks.kind(value)}.", checks.REMAKE)
    used = shaped(inputs)
    for name in value:
        if name not in used:
            known = ", ".join(used) or "none"
            raise StyleError(f"'geometry' shapes {checks.shown(name)}, but no input reads that field.",
                             f"Fields that this style reads: {known}. {checks.NEWER}")  # fmt: skip
    for field in used:
        given = value.get(field, {})
        if not isinstance(given, Mapping):
            raise StyleError(f"'geometry/{field}' must be an object, got {checks.kind(given)}.", checks.REMAKE)
        entries = {p.name: p for p in FIELDS[field].parameters}
        for name in given:
            if name not in entries:
                raise StyleError(f"'geometry/{field}' has no {checks.shown(name)}.",
                                 f"It has {', '.join(entries)}. {checks.NEWER}")  # fmt: skip
        for row, (owner, parameter) in zip(out, geometry.rows(tuple(inputs)), strict=True):
            if owner == field and parameter.name in given:
                row[:] = _row(parameter, given[parameter.name], f"geometry/{field}/{parameter.name}")
    return checked(inputs, out)


def _row(parameter: Parameter, value: Any, key: str) -> list[float]:
    parts = value if isinstance(value, Mapping) else {"base": value}
    for name in parts:
        if name not in COLUMNS:
            raise StyleError(
                f"{key!r} is moved by {checks.shown(name)}.", f"It can be moved by {', '.join(COLUMNS[1:])}."
            )
    base = checks.number(parts.get("base", parameter.default), key, parameter.low, parameter.high)
    return [base, *(checks.number(parts.get(name, 0.0), f"{key}/{name}", -MOST, MOST) for name in FRAME_INPUTS)]


def checked(inputs: Sequence[str], array: Array) -> Array:
    """The array, once it is of the right shape and inside the table's bounds; wherever it came from."""
    expected = geometry.default(inputs).shape
    if array.shape != expected:
        raise StyleError(f"the geometry has shape {array.shape}, these inputs need {expected}.", checks.REMAKE)
    for field, parameter, row in geometry.parts(inputs, array):
        key = f"geometry/{field}/{parameter.name}"
        base = checks.number(float(row[0]), key, parameter.low, parameter.high)
        for name, amount in zip(FRAME_INPUTS, row[1:], strict=True):
            checks.number(float(amount), f"{key}/{name}", -MOST, MOST)
        if parameter.kind == "whole" and (base != int(base) or row[1:].any()):
            raise StyleError(f"{key!r} must be a whole number that nothing moves, got {checks.shown(row.tolist())}.",
                             f"Give {parameter.low:g} to {parameter.high:g}.")  # fmt: skip
    return array


def words(inputs: Sequence[str], array: Array) -> dict[str, str]:
    """For people: {field: 'rate 0.25 (bass +0.3), turn 0'}."""
    found: dict[str, list[str]] = {name: [] for name in shaped(inputs)}
    for field, parameter, row in geometry.parts(inputs, array):
        moved = [f"{name} {amount:+g}" for name, amount in zip(FRAME_INPUTS, row[1:], strict=True) if amount]
        found[field].append(f"{parameter.name} {row[0]:g}" + (f" ({', '.join(moved)})" if moved else ""))
    return {field: ", ".join(parts) for field, parts in found.items()}


def pack(inputs: Sequence[str], array: Array) -> bytes:
    """For each row that is not at rest: u8 its number, u16 which columns follow, and those as float32; then 255."""
    out = b""
    for number, (row, rest) in enumerate(zip(array, geometry.default(inputs), strict=True)):
        mask = sum(1 << i for i, (a, b) in enumerate(zip(row, rest, strict=True)) if a != b)
        if mask:
            out += struct.pack("<BH", number, mask) + row[row != rest].astype("<f4").tobytes()
    return out + b"\xff"


def unpack(inputs: Sequence[str], take: Callable[[int], bytes], newer: str) -> Array:
    """The reverse; take: the next bytes."""
    out = geometry.default(inputs)
    for _ in range(len(out) + 1):
        number = take(1)[0]
        if number == 255:
            return checked(inputs, out)
        (mask,) = struct.unpack("<H", take(2))
        if number >= len(out) or mask >> len(COLUMNS):
            raise StyleError(f"the packed style shapes a parameter {number} that its fields do not have.", newer)
        columns = [i for i in range(len(COLUMNS)) if mask >> i & 1]
        out[number, columns] = struct.unpack(f"<{len(columns)}f", take(4 * len(columns)))  # NumPy warns of some NaNs
    raise StyleError("the packed style's geometry does not end.", newer)
