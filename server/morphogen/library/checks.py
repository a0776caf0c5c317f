"""What a style may contain: every value from a file or a datagram passes here before it is believed.

All functions raise StyleError that says what is wrong and what cures it; the caller adds the file's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import StyleError
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.inputs import INPUTS
from morphogen.field.network import HEADS, MAX_LAYERS, MAX_WIDTH, NARROW, Network, Shape, tensor_shapes

MAX_WEIGHT = 1e4
MAX_EXTENT = 100.0
MAX_SECONDS = 1e6
MAX_SEED = 2**63 - 1
NAME = re.compile(r"[a-z0-9_-]{1,64}/[a-z0-9_-]{1,64}")
REMAKE = "Get the file again from where it came, or make it anew with `morphogen train` or `morphogen styles draw`."
NEWER = "A newer Morphogen may know it: `pip install --upgrade morphogen`."


def name(value: Any) -> str:
    """A style's name, `series/name`."""
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise StyleError(f"{shown(value)} is not a style name.",
                         "Names are `series/name`, each half 1 to 64 of a-z, 0-9, _ and -.")  # fmt: skip
    return value


def slug(value: str) -> str:
    """Any text as one half of a name: 'Cosmic Galaxy!' -> 'cosmic-galaxy'. Never empty."""
    return re.sub(r"[^a-z0-9_]+", "-", value.lower()).strip("-")[:64] or "unnamed"


def text(value: Any, key: str, limit: int) -> str:
    """One line of printable text (so no terminal sequences and no lone surrogates) of `limit` characters at most."""
    if not isinstance(value, str):
        raise StyleError(f"{key!r} must be text, got {kind(value)}.", REMAKE)
    if len(value) > limit:
        raise StyleError(f"{key!r} has {len(value)} characters, {limit} are allowed.", f"Shorten {key!r}.")
    if not value.isprintable():
        raise StyleError(f"{key!r} contains control characters.", f"Write {key!r} as one line of plain text.")
    return value


def number(value: Any, key: str, low: float, high: float) -> float:
    """A finite number in low..high; booleans are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise StyleError(f"{key!r} must be a number, got {kind(value)}.", REMAKE)
    if not low <= value <= high:  # so is NaN; and a huge int is not converted
        raise StyleError(f"{key!r} is {shown(value)}, it must lie in {low:g} to {high:g}.", REMAKE)
    return float(value)


def seed(value: Any) -> int | None:
    """A seed that any random generator here takes, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SEED:
        raise StyleError(f"'seed' is {shown(value)}, it must be a whole number from 0 to 2^63-1.", REMAKE)
    return value


def time_range(value: Any) -> tuple[float, float]:
    """(start, end) in seconds, start < end."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise StyleError(f"'time' must be two numbers of seconds, got {shown(value)}.", REMAKE)
    start, end = (number(v, "time", -MAX_SECONDS, MAX_SECONDS) for v in value)
    if start >= end:
        raise StyleError(f"'time' runs from {start:g} to {end:g} s.", "The start must come before the end.")
    return start, end


def extent(value: Any) -> float:
    """Network coordinate at the picture's upper edge."""
    return number(value, "extent", 1e-3, MAX_EXTENT)


def roles(value: Any) -> dict[str, str]:
    """{input or feature: what it does in this style}, 32 entries at most."""
    if not isinstance(value, Mapping) or len(value) > 32:
        raise StyleError(f"'audio_roles' must map at most 32 features to a sentence each, got {kind(value)}.", REMAKE)
    return {text(k, "audio_roles", 40): text(v, f"audio_roles/{k}", 200) for k, v in value.items()}


def shape(inputs: Any, layers: Any, activations: Any, head: Any) -> Shape:
    """Shape of a network: input names, hidden widths, activations (a name, or a list per unit, per layer), head."""
    if not isinstance(inputs, list | tuple) or not 1 <= len(inputs) <= len(INPUTS):
        raise StyleError(f"'inputs' must be a list of 1 to {len(INPUTS)} names, got {shown(inputs)}.", REMAKE)
    for value in inputs:
        if not isinstance(value, str) or value not in INPUTS:
            raise StyleError(f"unknown input {shown(value)}.", f"Known: {', '.join(INPUTS)}. {NEWER}")
    if len(set(inputs)) < len(inputs):
        raise StyleError("an input is listed twice.", REMAKE)
    if not isinstance(head, str) or head not in HEADS:
        raise StyleError(f"unknown output head {shown(head)}.", f"Known: {', '.join(HEADS)}. {NEWER}")
    made = Shape(tuple(inputs), _units(widths(layers), activations), head)
    if made.wide and made.alpha:
        raise StyleError(f"this network has a layer of more than {NARROW} units, and so no output for alpha.",
                         f"Take narrower layers, or the head {'palette' if made.palette else 'rgb'}.")  # fmt: skip
    return made


def widths(layers: Any) -> list[int]:
    """Hidden widths, each 1..MAX_WIDTH, 1..MAX_LAYERS of them."""
    if not isinstance(layers, list | tuple) or not layers:
        raise StyleError(f"'layers' must be the list of hidden widths, got {shown(layers)}.", REMAKE)
    if len(layers) > MAX_LAYERS:
        raise StyleError(f"this network is deep: {len(layers)} hidden layers, {MAX_LAYERS} are drawn.",
                         "Train one with fewer layers, such as --arch 3L_8D.")  # fmt: skip
    for width in layers:
        if isinstance(width, bool) or not isinstance(width, int) or width < 1:
            raise StyleError(f"'layers' holds {shown(width)}, a width is a whole number from 1.", REMAKE)
        if width > MAX_WIDTH:
            raise StyleError(f"this network is too wide: {width} units in a layer, {MAX_WIDTH} are drawn.",
                             "Train one with narrower layers, such as --arch 4L_128D.")  # fmt: skip
    return list(layers)


def _units(layer_widths: Sequence[int], activations: Any) -> tuple[tuple[str, ...], ...]:
    if not isinstance(activations, list | tuple) or len(activations) != len(layer_widths):
        raise StyleError(f"'activations' must name one per hidden layer ({len(layer_widths)}), "
                         f"got {shown(activations)}.", REMAKE)  # fmt: skip
    units = []
    for width, layer in zip(layer_widths, activations, strict=True):
        row = [layer] * width if isinstance(layer, str) else layer
        if not isinstance(row, list | tuple) or len(row) != width:
            raise StyleError(f"a layer of {width} units has the activations {shown(layer)}.",
                             "Give one name, or a list with one name per unit.")  # fmt: skip
        for value in row:
            if not isinstance(value, str) or value not in ACTIVATIONS:
                raise StyleError(f"unknown activation {shown(value)}.",
                                 f"Known: {', '.join(sorted(ACTIVATIONS))}. {NEWER}")  # fmt: skip
        units.append(tuple(row))
    return tuple(units)


def network(
    made: Shape, tensors: Sequence[NDArray[Any]], edge: float, seconds: tuple[float, float], shaped: NDArray[np.float64]
) -> Network:
    """The network, once its weights (and a palette's stops) are of the right shape, finite and sane. shaped: geometry
    that `library.geometry` has checked."""
    expected = tensor_shapes(made)
    got = [t.shape for t in tensors]
    if got != expected:
        raise StyleError(f"the tensors have shapes {shown(got)}, this network needs {expected}.", REMAKE)
    for tensor in tensors:
        if not np.isfinite(tensor).all():
            raise StyleError("weights are NaN or infinite.", REMAKE)
        worst = float(np.abs(tensor).max())
        if worst > MAX_WEIGHT:
            raise StyleError(f"a weight is {worst:.3g}, {MAX_WEIGHT:g} is the most that makes a picture.", REMAKE)
    return Network(made, tuple(np.asarray(t, np.float32) for t in tensors), edge, seconds, shaped)


def shown(value: Any) -> str:
    """A value as an error may quote it: short, printable."""
    quoted = ascii(value) if not isinstance(value, int) or abs(value) < 10**20 else "a huge number"
    return quoted if len(quoted) <= 80 else quoted[:77] + "..."


def kind(value: Any) -> str:
    """The JSON word for a value's type."""
    words = {dict: "an object", list: "a list", str: "text", bool: "true/false", int: "a number", float: "a number"}
    return "nothing" if value is None else words.get(type(value), type(value).__name__)
