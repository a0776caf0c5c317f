"""Branching drawings: trees of tapering segments, grown from a seed on the CPU.

The thickest tip grows next: on, a little bent, or into two by Murray's law (the cubes of the radii add up, 1926), each
new piece turned to where there is room. Room is what makes a drawing look grown: without it twigs cross.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from morphogen.field.graph import Array

TRIES = 9  # directions that a piece may take
THIN = 0.0022  # heights, radius of the last tip


@dataclass(frozen=True)
class Plant:
    """Segments (n,), read-only. start, end: (n, 2) heights; first, last: radii; begin, finish: way from the root to
    the segment's ends, of the longest way 1."""

    start: Array
    end: Array
    first: Array
    last: Array
    begin: Array
    finish: Array


@dataclass(frozen=True)
class Habit:
    """How something grows. roots: (x, y, direction in turns, radius). step: length of a piece of radius 1, which grows
    with the radius to the power of 0.7; bend, fork: turns; uneven: the larger share of a fork; often: it forks; ahead:
    how much it wants to the right; frame: half width and height that it stays inside; body: radius of a blob in the
    middle, 0 for none."""

    roots: tuple[tuple[float, float, float, float], ...]
    count: int
    step: float
    bend: float
    fork: float
    uneven: tuple[float, float]
    often: float
    ahead: float
    frame: tuple[float, float]
    body: float = 0.0


@dataclass
class _Tip:
    place: NDArray[np.float64]
    way: float
    radius: float
    gone: float


class _Grower:
    def __init__(self, habit: Habit, rng: np.random.Generator) -> None:
        self._habit, self._rng = habit, rng
        self._pieces: list[tuple[NDArray[np.float64], NDArray[np.float64], float, float, float, float]] = []
        self._tips: list[tuple[float, int, _Tip]] = []
        self._made = 0
        if habit.body:
            middle = np.zeros(2)
            self._pieces.append((middle, middle, habit.body, habit.body, 0.0, 0.0))
        for x, y, way, radius in habit.roots:
            self._push(_Tip(np.array([x, y]), way, radius, 0.0))

    def _push(self, tip: _Tip) -> None:
        self._made += 1
        heapq.heappush(self._tips, (-tip.radius, self._made, tip))

    def grown(self) -> Plant:
        while len(self._pieces) < self._habit.count:
            self._extend(heapq.heappop(self._tips)[2])
        start, end = (np.array([piece[i] for piece in self._pieces]) for i in (0, 1))
        first, last, begin, finish = (np.array([piece[i] for piece in self._pieces]) for i in (2, 3, 4, 5))
        goes_on = {tuple(place) for place in start}
        last = np.where([tuple(place) in goes_on for place in end], last, THIN)  # the others end in points
        longest = finish.max()
        plant = Plant(start, end, first, last, begin / longest, finish / longest)
        for part in vars(plant).values():
            part.flags.writeable = False
        return plant

    def _extend(self, tip: _Tip) -> None:
        habit, rng = self._habit, self._rng
        length = habit.step * tip.radius**0.7 * rng.uniform(0.8, 1.25)
        way, place = self._room(tip, length)
        radius = max(tip.radius * rng.uniform(0.86, 0.94), THIN)
        self._pieces.append((tip.place, place, tip.radius, radius, tip.gone, tip.gone + length))
        if rng.uniform() > habit.often:
            self._push(_Tip(place, way, radius, tip.gone + length))
            return
        share, side = rng.uniform(*habit.uneven), rng.choice((-1.0, 1.0))
        for part, turn in ((share, -side * (1 - share)), (1 - share, side * share)):
            child = max(radius * part ** (1 / 3), THIN)
            self._push(_Tip(place, way + 2 * habit.fork * turn, child, tip.gone + length))

    def _room(self, tip: _Tip, length: float) -> tuple[float, NDArray[np.float64]]:
        """Direction and end of the next piece: where there is most room among some tries."""
        best, found = -math.inf, (tip.way, tip.place)
        for _ in range(TRIES):
            way = tip.way + self._rng.uniform(-1, 1) * self._habit.bend
            place = tip.place + length * np.array([math.cos(math.tau * way), math.sin(math.tau * way)])
            outside = max(abs(place[0]) - self._habit.frame[0], abs(place[1]) - self._habit.frame[1], 0.0)
            free = self._free(tip, place, length) - 6 * outside - 0.15 * abs(way - tip.way)
            free -= self._habit.ahead * abs(way)
            if free > best:
                best, found = free, (way, place)
        return found

    def _free(self, tip: _Tip, place: NDArray[np.float64], length: float) -> float:
        ahead = place + 0.7 * (place - tip.place)
        others = [piece for piece in self._pieces if piece[1] is not tip.place]
        middles = [(piece[0] + 2 * piece[1]) / 3 for piece in others] + [t.place for _, _, t in self._tips]
        nearest = min((float(np.hypot(*(m - ahead))) for m in middles), default=1.0)
        return min(nearest, 2.5 * length)


@lru_cache(maxsize=64)
def vessels(seed: int, count: int) -> Plant:
    """A tree from the left edge over a 16:9 picture."""
    rng = np.random.default_rng([seed, 7])
    y, way = rng.uniform(-0.22, 0.22), rng.uniform(-0.06, 0.06)
    habit = Habit(
        ((-0.97, y, way - y * 0.1, 0.034),), count, 3.3, 0.05, 0.15, (0.58, 0.82), 0.86, 1.4, (0.95, 0.5),
    )  # fmt: skip
    return _Grower(habit, rng).grown()


@lru_cache(maxsize=64)
def neuron(seed: int, count: int) -> Plant:
    """A body in the middle, five to seven arms that branch."""
    rng = np.random.default_rng([seed, 8])
    arms = int(rng.integers(5, 8))
    start = rng.uniform()
    roots = []
    for k in range(arms):
        way = start + (k + rng.uniform(-0.28, 0.28)) / arms
        inner = np.array([math.cos(math.tau * way), math.sin(math.tau * way)]) * 0.025
        roots.append((float(inner[0]), float(inner[1]), way, rng.uniform(0.013, 0.02)))
    habit = Habit(tuple(roots), count, 2.6, 0.05, 0.12, (0.5, 0.72), 0.8, 0.0, (0.7, 0.45), 0.05)
    return _Grower(habit, rng).grown()
