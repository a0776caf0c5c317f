"""Slow, smooth, repeatable noise: what lets weights and parameters wander by themselves.

Value noise: every value has a random number at each whole `t`, and a uniform cubic B-spline runs through four of
them. It is a weighted mean, so it never leaves -1..1, and its speed and acceleration are continuous. The random
numbers come from a counter-based hash (splitmix64, Steele et al. 2014), hence the same on every machine and NumPy.

NumPy pays here. Measured for one frame: 107 weights 14 us (the same sum in plain Python 23 us, three sines each
55 us), 201,500 weights 0.2 ms (plain Python 42 ms).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 0xFFFFFFFFFFFFFFFF


def drift_noise(seed: int, n: int, t: float) -> NDArray[np.float32]:
    """`n` independent values in -1..1 (standard deviation about 0.4), shape (n,), a new array; smooth in `t`.

    One unit of `t` is about one swing; for a rate that can change, integrate it: `t += rate * dt`. Value i is the same
    whatever `n` is. A pure function, any thread. Entering a new whole `t` costs one hash of n values (201,500: 1.3 ms).
    """
    whole = math.floor(t)
    u = t - whole
    v = 1.0 - u
    weights = (v * v * v, 4.0 + u * u * (3.0 * u - 6.0), 4.0 + v * v * (3.0 * v - 6.0), u * u * u)
    out = _knot(seed, n, whole - 1) * np.float32(weights[0] / 6.0)
    for step in (1, 2, 3):
        out += _knot(seed, n, whole - 1 + step) * np.float32(weights[step] / 6.0)
    return out


@lru_cache(maxsize=16)
def _knot(seed: int, n: int, index: int) -> NDArray[np.float32]:
    """The random values at t = index, uniform in -1..1, read-only."""
    start = _mix((seed * _GOLDEN + index * 0xD1B54A32D192ED03) & _MASK)
    z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(_GOLDEN) + np.uint64(start)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    values = ((z >> np.uint64(40)).astype(np.float32) - np.float32(2**23)) / np.float32(2**23)
    values.flags.writeable = False
    return values


def _mix(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _MASK
    return z ^ (z >> 31)
