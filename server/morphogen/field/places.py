"""Places at the edge of the Mandelbrot set where it is similar to itself, and how their first iterates go.

The polynomials that `fractals` begins with, worked out once for each place; see there for the method.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from morphogen.field.graph import Array

TERMS = 5  # of the polynomial that a pixel begins with
HEIGHT = 2.6  # of the plane, in one picture height: the whole set
RADIUS = 1.2  # picture heights from the middle, within which the polynomial is good
ROUGH = 1e-5  # what it may be wrong there
SETTLED = 3e7  # derivative of an iterate from which on c counts as the same all over the picture
LEAST_STEP = 0.05  # octaves from one row to the next, so that none comes in with a jerk


@dataclass(frozen=True)
class Place:
    """Iterates of c0 + e as polynomials of e. terms: (rows, TERMS), row m - 3 for m = 3, 4 ...; opens: the depth in
    octaves from which on each row is good; multiplier: of the cycle; settled: the depth where the picture begins to
    repeat."""

    c: complex
    terms: np.ndarray
    opens: Array
    multiplier: complex
    settled: float


# (guess, iterations before the cycle, length of the cycle)
PLACES = (
    (0.0 + 1.0j, 2, 2), (-0.1010963638 + 0.9562865108j, 4, 1), (0.435250700 + 0.197473552j, 4, 3),
    (-0.696240969 + 0.438754598j, 5, 3), (-1.284714543 + 0.432711573j, 6, 2), (0.369855201 + 0.671448251j, 6, 1),
)  # fmt: skip
FIRST = 3  # iteration: up to it five terms are exact


@lru_cache(maxsize=len(PLACES))
def place(number: int) -> Place:
    """One of PLACES; about 5 ms when asked for the first time."""
    guess, before, cycle = PLACES[number]
    c = _landed(guess, before, cycle)
    orbit = [0j]
    while len(orbit) < before + cycle:
        orbit.append(orbit[-1] ** 2 + c)
    multiplier = math.prod((2 * z for z in orbit[before:]), start=1 + 0j)
    terms = np.zeros(TERMS + 2, complex)
    rows, opens, stop = [], [], math.inf
    m = 0
    while m < stop:
        m += 1
        terms = np.convolve(terms, terms)[: TERMS + 2]
        terms[1] += 1
        # Taken from the cycle, so it never escapes however far it is followed.
        terms[0] = orbit[m if m < before else before + (m - before) % cycle]
        if m >= FIRST:
            rows.append(terms[:TERMS].copy())
            opens.append(_opens(terms))
        if stop == math.inf and abs(terms[1]) > SETTLED:
            stop = m + cycle + 2
    for k in range(1, len(opens)):
        opens[k] = max(opens[k], opens[k - 1] + LEAST_STEP)
    return Place(c, np.array(rows), np.array(opens), multiplier, opens[-cycle - 3])


def _landed(c: complex, before: int, cycle: int) -> complex:
    """Newton's method on f^(before + cycle)(0) = f^before(0)."""
    for _ in range(40):
        z, slope, at = 0j, 0j, (0j, 0j)
        for n in range(before + cycle):
            at = (z, slope) if n == before else at
            z, slope = z * z + c, 2 * z * slope + 1
        c -= (z - at[0]) / (slope - at[1])
    return c


def _opens(terms: np.ndarray) -> float:
    """Depth from which on the terms beyond TERMS may be left out."""
    needed = [(abs(t) / ROUGH) ** (1 / j) for j, t in enumerate(terms) if j >= TERMS and t]
    return math.log2(HEIGHT * RADIUS * max(needed)) if needed else -8.0
