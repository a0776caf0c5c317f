"""Fractals in GLSL, written by hand: a loop says in ten lines what their graph says in two hundred.

`field.fractals` folds them in complex numbers and decides by the depth where a pixel begins. Here those rows are a
table of constants, and the deepest come first: a zoom without end goes round among them. Hours of zoom stay exact in
float32, since whole rounds are taken off the time before it becomes a depth.
"""

from __future__ import annotations

import cmath
import math
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import numpy as np

from morphogen.export.trace import parts
from morphogen.export.writer import number
from morphogen.field import fractals, places
from morphogen.field.geometry import TIME
from morphogen.field.graph import Array, Node, op, pixel_input
from morphogen.field.places import Place

ARGUMENTS = {
    "mandelbrot": ("zoom", "rounds", "turn", "fine", "glow", "light"),
    "julia": ("swing", "reach", "zoom", "fall", "turn", "fine", "glow", "light"),
}  # of the functions below, after p; they return an Orbit
CALLS = frozenset({"cos_turns", "angle"})  # helpers that they need
ENDLESS = ("mandelbrot", "zoom")  # what may grow with time for ever
MEMBERS = ("count", "edge", "trap", "light", "inner")  # of an Orbit: a field's channels, in their order


def functions(name: str, place: int) -> tuple[str, ...]:
    """GLSL of the field `name` at a place, after what both fractals share."""
    return _shared(), _mandelbrot(places.place(place)) if name == "mandelbrot" else _julia(place)


def rest_of_time(place: int, row: Array) -> tuple[Node, Node]:
    """Of a zoom whose geometry is `row`: how often the picture has repeated itself whole, and the time less that.
    Float32 then loses nothing that the time itself has."""
    here, time, rate = places.place(place), pixel_input("time"), float(row[TIME])
    octaves = math.log2(abs(here.multiplier))
    least = float(row[0] + np.minimum(row[TIME + 1 :], 0).sum())  # whatever the sound takes away
    rounds = op("max", op("floor", (time * rate + (least - here.settled)) * (1 / octaves)), 0.0)
    exact, more = parts(octaves / rate)
    return rounds, time - rounds * exact - rounds * more


def _shared() -> str:
    told = {
        "STILL": fractals.STILL, "BLOCKS": str(fractals.BLOCKS), "BLOCK": str(fractals.BLOCK), "TOP": fractals.TOP,
        "LAST_BLOCK": str(fractals.BLOCKS - 1), "LAST": str(fractals.BLOCK - 1),
        "STEPS": float(fractals.BLOCK), "OUT": fractals.OUT, "EDGE": math.sqrt(fractals.OUT), "SMALL": fractals.SMALL,
        "STEEPEST": 2.0**90, "NARROW": fractals.SMALL * fractals.STILL**-2, "STEEP_INSIDE": 2.0**-50,
        "DEEP": fractals.DEEP**2 * fractals.STILL**-2, "MIDDLE": fractals.MIDDLE, "SPAN": fractals.SPAN,
    }  # fmt: skip
    return _filled("orbit", told)


def _mandelbrot(here: Place) -> str:
    turn, more = parts(cmath.phase(here.multiplier) / math.tau)
    told = {
        "PLACE": here.c, "SETTLED": here.settled, "ROUND": math.log2(abs(here.multiplier)), "ROUND_TURN": turn,
        "MORE_TURN": more, "ASIDE": (-0.65 - here.c) / places.HEIGHT, "MOVED": fractals.MOVED,
        "HEIGHT": places.HEIGHT, "ROWS": _rows(here),
    }  # fmt: skip
    return _filled("mandelbrot", told)


def _rows(here: Place) -> str:
    """The deepest first. Each polynomial is that of the depth where it opens, so that its numbers are ordinary ones."""
    text = ""
    for k in range(len(here.opens) - 2, -1, -1):
        opens = float(here.opens[k])
        terms = here.terms[k] * (places.HEIGHT * 2.0**-opens) ** np.arange(places.TERMS)
        a = [f"a{j} = {_text(complex(term))};" for j, term in enumerate(terms)]
        reach = f"opens = {number(opens)}; closes = {number(here.opens[k + 1])};"
        begin, end = (f"if (depth >= {number(opens)}) {{ ", " return; }") if k else ("", "")
        text += f"    {begin}{reach} {a[0]}\n        {a[1]} {a[2]}\n        {a[3]} {a[4]}{end}\n"
    return text


def _julia(place: int) -> str:
    look = _filled("julia_tip" if place else "julia_whole", {
        "HEIGHT": places.HEIGHT, "PER_ROUGH": 1 / places.ROUGH, "RADIUS": places.RADIUS,
    })  # fmt: skip
    return _filled("julia", {"LOOK": look})


def _text(value: complex | float | str) -> str:
    if isinstance(value, complex):
        return f"vec2({number(value.real)}, {number(value.imag)})"
    return value if isinstance(value, str) else number(value)


def _filled(name: str, parts: Mapping[str, Any]) -> str:
    text = (files("morphogen.export") / "templates" / f"{name}.glsl").read_text(encoding="utf-8")
    return re.sub(r"@([A-Z_]+)@", lambda found: _text(parts[found[1]]), text)
