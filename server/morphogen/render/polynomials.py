"""Polynomials of the compiled backends, fitted at first use from their definition (0.6 ms), not copied from a table.

Weighted least squares on Chebyshev points, iterated towards equal ripple (Lawson, 1961). Largest errors, held by
`tests/test_polynomials.py`: of the polynomial itself, and summed in float32 without fused multiply-add.

    cosine      1.1e-8  4.0e-7    absolute
    exp2        7.5e-8  2.4e-7    relative
    arctangent  6.0e-9  2.4e-8    turns
    logarithm   6.8e-9  6.4e-8   absolute
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Coefficients = tuple[float, ...]


def _fit(
    target: Callable[[Any], Any], low: float, high: float, powers: range, weight: Callable[[Any], Any] | None = None
) -> Coefficients:
    """Coefficients of sum(c_k * x**k for k in powers), nearly minimax on low..high."""
    x = (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(400) + 0.5) / 400)
    basis: NDArray[np.float64] = np.stack([x**k for k in powers], axis=1)
    values = target(x)
    scale = np.ones_like(x) if weight is None else weight(x)
    lawson = np.ones_like(x)
    for _ in range(12):
        w = np.sqrt(lawson) * scale
        solution = np.linalg.lstsq(basis * w[:, None], values * w, rcond=None)[0]
        error = np.abs((basis @ solution - values) * scale)
        lawson = lawson * error
        lawson /= lawson.sum()
    return tuple(float(c) for c in solution)


@lru_cache(maxsize=1)
def cosine() -> Coefficients:
    """cos(2 pi r) for |r| <= 1/2 in powers 0 .. 6 of r * r."""
    return _fit(lambda z: np.cos(2 * np.pi * np.sqrt(z)), 0.0, 0.25, range(7))


@lru_cache(maxsize=1)
def exp2() -> Coefficients:
    """2**f for |f| <= 1/2: powers 0 .. 5, relative error."""
    return _fit(np.exp2, -0.5, 0.5, range(6), lambda f: np.exp2(-f))


@lru_cache(maxsize=1)
def arctangent() -> Coefficients:
    """atan(t) / 2 pi for 0 <= t <= 1: odd, powers 1 .. 15."""
    return _fit(lambda t: np.arctan(t) / (2 * np.pi), 1e-4, 1.0, range(1, 16, 2))


@lru_cache(maxsize=1)
def logarithm() -> Coefficients:
    """log2(1 + t) for sqrt(1/2) <= 1 + t <= sqrt(2): powers 1 .. 9 of t."""
    return _fit(lambda t: np.log2(1 + t), 2**-0.5 - 1, 2**0.5 - 1, range(1, 10))
