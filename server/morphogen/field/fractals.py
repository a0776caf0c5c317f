"""Fields of Mandelbrot and Julia sets, as deep as one likes, always by the same few iterations.

A pixel does not begin at the first iteration. Around a place c0 whose orbit ends in a repelling cycle (a Misiurewicz
point, where the set is self-similar) the m-th iterate is a polynomial of the pixel (series approximation; Martin,
"Superfractalthing maths", 2013); the CPU holds its coefficients for every m and takes the largest m whose first five
terms are good for the whole picture. So a pixel starts with numbers of ordinary size at any depth, and float32 does.
Once c itself no longer changes over the picture, the picture is that of the Poincare function of the cycle (Tan Lei,
"Similarity between the Mandelbrot set and Julia sets", 1990): the same again after each multiplier, turned by its
angle. There the depth goes round, exactly, for ever.

The derivative goes along, so the distance to the set is known: what is finer than a pixel fades into the set.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from morphogen.field.entry import Emit, Field, Parameter, light_parameter
from morphogen.field.graph import Array, Node, as_node, clamp, fma, op
from morphogen.field.places import HEIGHT, PLACES, RADIUS, ROUGH, TERMS, place

BLOCKS, BLOCK = 9, 3  # iterations: an orbit is looked at after each block, and stands still once it is out
TOP = BLOCKS * BLOCK - 4.0  # iterations where the count ends, so that what is just below has been far out
OUT = 2.0**12  # squared size of what is out: from there the count is good to 2e-5, and three more stay below 2**96
STILL = 2.0**-40  # scale of the derivative: its square stays a float
SMALL = 2.0**-60  # scale of squared sizes beside it: 2**96 of a point and 2**118 of a derivative both stay floats
MIDDLE, SPAN = 11.0, 12.0  # count that becomes 0, and from there to 1
DEEP = 0.1  # heights: what is inside fades within about so much of the edge
MOVED = 5.0  # octaves on the way to the place, in which it comes to the middle of the picture


def _times(a: tuple[Node, Node], b: tuple[Node, Node], c: tuple[Node, Node]) -> tuple[Node, Node]:
    """a b + c, complex."""
    return fma(a[0], b[0], fma(-a[1], b[1], c[0])), fma(a[0], b[1], fma(a[1], b[0], c[1]))


@dataclass
class _Orbit:
    """z, its derivative to the pixel (times STILL), iterations done, least squared size, greatest of the derivative."""

    z: tuple[Node, Node]
    slope: tuple[Node, Node]
    count: Node
    least: Node
    steepest: Node


def _start(p: tuple[Node, Node], u: Sequence[Node]) -> _Orbit:
    """The polynomial and its derivative."""
    z, slope = (u[2 * TERMS - 2], u[2 * TERMS - 1]), (as_node(0.0), as_node(0.0))
    for j in range(TERMS - 2, -1, -1):
        slope = z if j == TERMS - 2 else _times(slope, p, z)
        z = _times(z, p, (u[2 * j], u[2 * j + 1]))
    far = (clamp(z[0], -(2.0**20), 2.0**20), clamp(z[1], -(2.0**20), 2.0**20))
    kept = (clamp(slope[0] * STILL, -(2.0**-16), 2.0**-16), clamp(slope[1] * STILL, -(2.0**-16), 2.0**-16))
    return _Orbit(far, kept, as_node(0.0), as_node(1.0), as_node(0.0))


def _iterate(
    o: _Orbit, c: tuple[Node, Node], push: Node | None, first: Node | None = None, last: Node | None = None
) -> None:
    """One block. push: derivative of c to the pixel, times STILL; real, since the pixel is turned. first, last: how
    much, 0 to 1, the block's first or last iterate counts, so that what the next depth leaves out has gone before it
    does, and what it brings comes little by little."""
    # What is out goes round beside the others, and shall stay a float there; what is not is smaller anyway.
    edge, slope = math.sqrt(OUT), o.slope
    z = (clamp(o.z[0], -edge, edge), clamp(o.z[1], -edge, edge))
    sizes, steeps = [], []
    for _ in range(BLOCK):
        twice, square = (z[0] + z[0], z[1] + z[1]), z[1] * z[1]
        sizes.append(fma(z[0], z[0], square))
        steeps.append(fma(slope[0], slope[0], slope[1] * slope[1]))
        if push is None:
            slope = (fma(twice[0], slope[0], -(twice[1] * slope[1])), fma(twice[0], slope[1], twice[1] * slope[0]))
        else:
            slope = (fma(twice[0], slope[0], fma(-twice[1], slope[1], push)),
                     fma(twice[0], slope[1], twice[1] * slope[0]))  # fmt: skip
        z = (fma(z[0], z[0], c[0] - square), fma(twice[0], z[1], c[1]))
    size = sizes[0]
    for n, counts in ((0, first), (BLOCK - 1, last)):
        if counts is not None:
            sizes[n], steeps[n] = sizes[n] + (2.0 - counts * 2.0), steeps[n] * counts
    for met, steep in zip(sizes, steeps, strict=True):
        o.least, o.steepest = op("min", o.least, met), op("max", o.steepest, steep)
    o.z = (op("less", size, OUT, z[0], o.z[0]), op("less", size, OUT, z[1], o.z[1]))
    o.slope = (op("less", size, OUT, slope[0], o.slope[0]), op("less", size, OUT, slope[1], o.slope[1]))
    o.count = o.count + op("less", size, OUT, float(BLOCK), 0.0)


def _channels(name: str, o: _Orbit, u: Sequence[Node]) -> dict[str, Node]:
    """u: shift, squared `fine`, squared `glow` in heights, light."""
    shift, fine, glow, light_x, light_y = u
    size = fma(o.z[0], o.z[0], o.z[1] * o.z[1])
    bits = op("max", op("log2", size), 0.0)
    steep = fma(o.slope[0], o.slope[0], o.slope[1] * o.slope[1])
    nats = bits * (0.5 * math.log(2))
    count = op("min", o.count + shift - op("log2", op("max", bits, 1.0)), TOP)
    # What did not get out has no distance: 0, and not at once.
    outside = clamp((TOP - count) * 0.5)
    apart = size * SMALL * nats * nats * outside

    def share(distance: Node, width: Node) -> Node:
        blurred = op("min", steep, 2.0**90) * (width * (SMALL * STILL**-2)) + 1e-35
        return distance / (distance + blurred)

    sure = share(apart, fine)
    shown = fma(sure, count - TOP, TOP)
    # Within, an orbit whose derivative ever grew was near the edge: there all fades before it is finer than DEEP.
    near_edge = op("min", o.steepest, 2.0**-50) * (DEEP**2 * STILL**-2)
    inner = (1.0 - outside) / (1.0 + near_edge)
    near = 1.0 - op("min", op("sqrt", o.least), 1.0)
    # The slope of log |z| is the conjugate of derivative / z: where the way out leads.
    uphill = fma(o.slope[0], o.z[0], o.slope[1] * o.z[1]), fma(o.slope[1], o.z[0], -(o.slope[0] * o.z[1]))
    long = op("sqrt", size) * op("sqrt", steep) + 1e-30
    return {
        name: fma(shown, 1 / SPAN, -MIDDLE / SPAN),
        f"{name}_edge": op("sqrt", 1.0 - share(apart, glow)),
        f"{name}_trap": (sure + inner) * near,
        f"{name}_light": fma(uphill[0], light_x, -(uphill[1] * light_y)) / long * (sure * sure),
        f"{name}_inner": inner,
    }


def _emit(name: str, moving: bool) -> Emit:
    """moving: c belongs to the pixel. u: polynomial, c, shift, fine, glow, light; moving: c's slope, as it is and times
    STILL, what to add to the place, turn."""

    def emit(x: Node, y: Node, u: Sequence[Node]) -> dict[str, Node]:
        c_x, c_y, shift = u[2 * TERMS : 2 * TERMS + 3]
        push = None
        if moving:
            slope, push, aside_x, aside_y, turn_x, turn_y = u[2 * TERMS + 7 :]
            x, y = fma(x, turn_x, fma(-y, turn_y, aside_x)), fma(x, turn_y, fma(y, turn_x, aside_y))
            c_x, c_y = fma(x, slope, c_x), fma(y, slope, c_y)
        orbit = _start((x, y), u)
        _iterate(orbit, (c_x, c_y), push, first=shift + 1.0)
        for _ in range(BLOCKS - 2):
            _iterate(orbit, (c_x, c_y), push)
        _iterate(orbit, (c_x, c_y), push, last=-shift)
        return _channels(name, orbit, u[2 * TERMS + 2 : 2 * TERMS + 7])

    return emit


def _fold_mandelbrot(p: Mapping[str, float]) -> Array:
    here, depth, turn = place(int(p["place"])), p["zoom"], cmath.exp(2j * math.pi * p["turn"])
    aside = max(1 - depth / MOVED, 0.0) ** 2 * (-0.65 - here.c) / HEIGHT
    around = 0
    if depth > here.settled:
        octaves = math.log2(abs(here.multiplier))
        around = math.floor((depth - here.settled) / octaves)
        depth -= around * octaves
    # The whole turns of the multiplier, which are left out of the depth, turned the picture.
    turn *= cmath.exp(1j * ((around * cmath.phase(here.multiplier)) % math.tau))
    row = max(int(np.searchsorted(here.opens, depth, "right")) - 1, 0)
    share = (depth - here.opens[row]) / (here.opens[row + 1] - here.opens[row])
    scale = HEIGHT * 2.0**-depth
    out = (here.terms[row] * scale ** np.arange(TERMS)).view(float)
    more = [scale, scale * STILL, aside.real, aside.imag, turn.real, turn.imag]
    return np.concatenate([out, [here.c.real, here.c.imag, -share], _looks(p, turn), more])


def _looks(p: Mapping[str, float], turn: complex) -> list[float]:
    """fine, glow, light; turn: of what the derivative belongs to."""
    light = turn * cmath.exp(2j * math.pi * p["light"])
    return [p["fine"] ** 2, p["glow"] ** 2, light.real, light.imag]


_LOOKS = (
    Parameter("turn", 0.0, 0, 1, "turns", "all turned", "wrap"),
    Parameter("fine", 0.0015, 0.0005, 0.05, "heights", "what is finer fades into the set"),
    Parameter("glow", 0.03, 0.003, 0.5, "heights", "width of the edge's light"),
    light_parameter(),
)


def _named(name: str) -> dict[str, str]:
    return {
        name: "iterations until a point gets away, about -1 far outside to 1 at the set and inside",
        f"{name}_edge": "1 at the set and inside, fading to 0 over `glow`",
        f"{name}_trap": "1 where a point on its way met the plane's middle, 0 where it did not, and at the edge",
        f"{name}_light": "slopes down to the set: -1 in the shade to 1 towards the light; 0 in the set",
        f"{name}_inner": "1 deep inside the set, fading to 0 at its edge and outside",
    }


MANDELBROT = Field(
    "the Mandelbrot set, and a fall without end into one of six places at its edge",
    _named("mandelbrot"),
    _emit("mandelbrot", True),
    (
        Parameter("place", 0, 0, len(PLACES) - 1, "", "where the zoom leads", "whole"),
        Parameter("zoom", 3.0, 0, 1e6, "octaves", "how deep: 0 the whole set; it may grow with time for ever"),
        *_LOOKS,
    ),
    2 * TERMS + 13,
    _fold_mandelbrot,
)


def constant_of(swing: float, reach: float) -> complex:
    """c of the Julia set whose one fixed point has the multiplier reach * e^(2 pi i h): reach 1 is the cardioid's edge,
    where h swings from 0.1 over 0.5 to 0.9 and back; nearer to 0, where c would be 1/4, nothing repels."""
    multiplier = reach * cmath.exp(2j * math.pi * (0.5 - 0.4 * math.cos(math.tau * swing)))
    return multiplier / 2 - multiplier**2 / 4


def _whole(c: complex, step: complex) -> list[complex]:
    """Two iterations of step * pixel."""
    return [c * c + c, 0j, 2 * c * step**2, 0j, step**4]


def _tip(c: complex, fall: float, step: complex) -> list[complex]:
    """The Poincare function of the repelling fixed point, P(multiplier * w) = P(w)^2 + c, as far as five terms go;
    step: of w, where 1 is the farthest that they are good."""
    point = 0.5 + cmath.sqrt(0.25 - c)
    rate = 2 * point
    terms = [point, 1 + 0j]
    for n in range(2, TERMS + 2):
        inner = sum(terms[i] * terms[n - i] for i in range(1, n))
        terms.append(inner / (rate**n - rate))
    good = 1 / max((abs(terms[n]) / ROUGH) ** (1 / n) for n in (TERMS, TERMS + 1))
    w = step * good / RADIUS * cmath.exp(-fall * cmath.log(rate))
    return [term * w**n for n, term in enumerate(terms[:TERMS])]


def _fold_julia(p: Mapping[str, float]) -> Array:
    c = constant_of(p["swing"], p["reach"])
    step = cmath.exp(2j * math.pi * p["turn"]) * 2.0 ** -p["zoom"]
    if p["place"] < 0.5:
        terms, share = _whole(c, HEIGHT * step), 0.0
    else:
        terms, share = _tip(c, p["fall"], step), p["fall"]
    out = [part for term in terms for part in (term.real, term.imag)]
    return np.array([*out, c.real, c.imag, -share, *_looks(p, 1.0)])


JULIA = Field(
    "Julia sets of the constants along the edge of the Mandelbrot set's heart",
    _named("julia"),
    _emit("julia", False),
    (
        Parameter("place", 1, 0, 1, "", "0 the whole set, 1 its tip, seen as if from infinitely near", "whole"),
        Parameter("swing", 0.2, 0, 1, "turns", "which of them: to and fro along the edge", "wrap"),
        Parameter("reach", 1.05, 0.8, 1.3, "", "1 the edge: below, a filled shape; above, threads and dust"),
        Parameter("zoom", 0.0, 0, 4, "octaves", "closer"),
        Parameter("fall", 0.0, 0, 1, "turns", "falls into the tip without end: each turn draws the same", "wrap"),
        *_LOOKS,
    ),
    2 * TERMS + 7,
    _fold_julia,
)
