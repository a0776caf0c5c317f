"""How one parameter moves: the straight line it travels on, smoothing and glides as pure functions.

A parameter moves on its *axis*: its own unit, or the logarithm of it for log-scale parameters, so that a zoom from 1
to 4 passes 2 half-way. A wrapping parameter goes the short way round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from morphogen.params.spec import Param

# A movement has arrived when it is this part of the range away: 1e-6 of the zoom's range is 0.01 pixels at 1080p. An
# exponential takes 14 time constants to get there; without the end it would keep the idle path busy for ever.
ARRIVED = 1e-6


@dataclass(frozen=True, slots=True)
class Axis:
    """The line that one parameter moves on. low, high, span: in axis units; rounds: whole numbers; switch: bool;
    jumps: has nothing between two values (bool, choice)."""

    param: Param
    low: float
    high: float
    span: float
    log: bool
    wrap: bool
    rounds: bool
    switch: bool
    jumps: bool
    smoothing: float

    @classmethod
    def of(cls, param: Param) -> Axis:
        """The axis of a declaration. Whole numbers, choices and switches do not smooth."""
        log = param.scale == "log"
        low = math.log(param.minimum) if log else param.minimum
        high = math.log(param.maximum) if log else param.maximum
        kind = param.kind
        return cls(
            param, low, high, high - low, log,
            wrap=param.clip == "wrap", rounds=kind in ("int", "choice"), switch=kind == "bool",
            jumps=kind in ("bool", "choice"), smoothing=param.smoothing if kind == "float" else 0.0,
        )  # fmt: skip

    def position(self, value: float) -> float:
        """Value in the parameter's unit -> position on the axis."""
        return math.log(value) if self.log else value

    def value(self, position: float) -> float:
        """Position on the axis, possibly outside of it -> value inside the range: wrapped or clipped, then rounded."""
        low, high = self.low, self.high
        if position < low or position > high:
            if self.wrap:
                position = (position - low) % self.span + low
            else:
                position = low if position < low else high
        if self.log:  # exp(log(20)) is 20.000000000000004
            return min(max(math.exp(position), self.param.minimum), self.param.maximum)
        if self.rounds:
            return float(round(position))
        return float(position - low >= 0.5 * self.span) if self.switch else position

    def way(self, start: float, end: float) -> float:
        """Distance to travel from position `start` to `end`; the short way round if it wraps."""
        way = end - start
        if self.wrap:
            half = 0.5 * self.span
            way = (way + half) % self.span - half
        return way


@dataclass(frozen=True, slots=True)
class Glide:
    """A target on its way from one value to another. begin: clock seconds; seconds > 0."""

    axis: Axis
    origin: str
    begin: float
    seconds: float
    start: float
    way: float
    first: float
    last: float

    @classmethod
    def between(cls, axis: Axis, first: float, last: float, begin: float, seconds: float, origin: str) -> Glide:
        """From the value `first` to the value `last`, both in the parameter's own unit."""
        start = axis.position(first)
        return cls(axis, origin, begin, seconds, start, axis.way(start, axis.position(last)), first, last)

    def done(self, now: float) -> bool:
        """Whether the end is reached."""
        return now - self.begin >= self.seconds

    def at(self, now: float) -> float:
        """Target value at clock time `now`: eased in and out; switches and choices change at the half."""
        progress = (now - self.begin) / self.seconds
        if progress >= 1.0:
            return self.last
        if progress <= 0.0:
            return self.first
        if self.axis.jumps:
            return self.last if progress >= 0.5 else self.first
        return self.axis.value(self.start + self.way * progress * progress * (3.0 - 2.0 * progress))


def decay(dt: float, smoothing: float) -> float:
    """What is left of a distance after `dt` seconds of one-pole smoothing: exp(-dt / smoothing). Because two steps
    multiply, 30 and 144 frames a second follow the same curve."""
    return math.exp(-dt / smoothing) if smoothing > 0.0 else 0.0
