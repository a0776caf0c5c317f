"""Noise and marks of the second family: sums of sine waves, scattered marks by loops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from morphogen.training.concepts.canvas import TAU, Canvas


def waves(c: Canvas, x: Any, y: Any, k: float, octaves: int = 3) -> Any:
    """Smooth noise, about 0..1: sine waves of random direction, each octave twice as fine; x, y may be warped."""
    total, weight = 0 * x, 0.0
    for octave in range(octaves):
        for angle, phase in zip(c.u(0, TAU, 4), c.u(0, TAU, 4), strict=True):
            f = k * 1.9**octave
            total = total + (f * (x * angle.cos() + y * angle.sin()) + phase + 0.7 * total.sin()).sin() * 0.55**octave
        weight += 4 * 0.55**octave
    return (0.5 + total / weight * 1.3).clamp(0, 1)


def scatter(c: Canvas, count: int, low: float = -1.0, high: float = 1.0) -> Iterator[tuple[Any, Any, Any]]:
    """Places and one more random number, (n, 1, 1) each."""
    yield from zip(c.u(low, high, count), c.u(low, high, count), c.u(0, 1, count), strict=True)


def away(x: Any, y: Any) -> Any:
    """Length of a vector, never quite 0."""
    return (x * x + y * y + 1e-6).sqrt()


def night(c: Canvas, count: int = 14, size: float = 0.02) -> Any:
    """Points of light at random places."""
    v = 0 * c.x
    for ax, ay, bright in scatter(c, count):
        v = v + (0.3 + 0.7 * bright) * c.bump(away(c.x - ax, c.y - ay), size * (0.7 + bright))
    return v
