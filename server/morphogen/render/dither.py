"""The threshold matrix of the ordered dither: 64 x 64 blue noise, made by void and cluster.

Ulichney, "The void-and-cluster method for dither array generation" (1993). Against a Bayer matrix it has no visible
cross-hatch on LED walls; as an ordered matrix it costs one load a pixel and is the same on every backend. `make`
rebuilds the shipped file, and a test checks that it does.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIZE = 64
# Each channel reads the matrix somewhere else, so that the noise of the three does not add up in luminance.
CHANNEL_OFFSETS = ((0, 0), (23, 11), (41, 37))  # (rows, columns)
_FILE = Path(__file__).with_name("blue_noise.npy")


@lru_cache(maxsize=1)
def thresholds() -> NDArray[np.float32]:
    """(64, 64) float32 in (0, 1), every value once; read-only.

    The largest stays 2e-3 below 1: a white that is a few float32 steps too bright must not wrap round to black.
    """
    table = ((np.load(_FILE).astype(np.float64) + 0.5) / (SIZE**2 + 8)).astype(np.float32)
    table.flags.writeable = False
    return table


def at(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Thresholds (3, rows, columns) for canvas rows and columns."""
    table = thresholds().astype(np.float64)
    return np.stack([table[np.ix_((rows + dy) % SIZE, (columns + dx) % SIZE)] for dy, dx in CHANNEL_OFFSETS])


def make(size: int = SIZE, sigma: float = 1.9, seed: int = 1) -> NDArray[np.uint16]:
    """Void and cluster: ranks 0 .. size*size-1 as (size, size) uint16. Takes about a second."""
    axis = np.minimum(np.arange(size), size - np.arange(size))
    kernel = np.exp(-(axis[:, None] ** 2 + axis[None, :] ** 2) / (2 * sigma**2))
    rng = np.random.default_rng(seed)
    pattern = np.zeros((size, size), bool)
    pattern.ravel()[rng.choice(size * size, size * size // 10, replace=False)] = True
    _settle(pattern, kernel)
    ranks = np.zeros((size, size), np.uint16)
    ones = int(pattern.sum())
    shrinking, energy = pattern.copy(), _energy(pattern, kernel)
    for rank in range(ones - 1, -1, -1):
        spot = _extreme(energy, shrinking, tightest=True)
        _toggle(shrinking, energy, spot, kernel)
        ranks[spot] = rank
    growing, energy = pattern.copy(), _energy(pattern, kernel)
    for rank in range(ones, size * size):
        spot = _extreme(energy, ~growing, tightest=False)
        _toggle(growing, energy, spot, kernel)
        ranks[spot] = rank
    return ranks


def _settle(pattern: NDArray[np.bool_], kernel: NDArray[np.float64]) -> None:
    energy = _energy(pattern, kernel)
    for _ in range(pattern.size):
        cluster = _extreme(energy, pattern, tightest=True)
        _toggle(pattern, energy, cluster, kernel)
        void = _extreme(energy, ~pattern, tightest=False)
        _toggle(pattern, energy, void, kernel)
        if void == cluster:
            return


def _energy(pattern: NDArray[np.bool_], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.real(np.fft.ifft2(np.fft.fft2(pattern) * np.fft.fft2(kernel)))


def _extreme(energy: NDArray[np.float64], where: NDArray[np.bool_], tightest: bool) -> tuple[int, int]:
    masked = np.where(where, energy, -np.inf if tightest else np.inf)
    flat = int(masked.argmax() if tightest else masked.argmin())
    return flat // energy.shape[1], flat % energy.shape[1]


def _toggle(
    pattern: NDArray[np.bool_], energy: NDArray[np.float64], spot: tuple[int, int], kernel: NDArray[np.float64]
) -> None:
    sign = -1.0 if pattern[spot] else 1.0
    pattern[spot] = not pattern[spot]
    energy += sign * np.roll(kernel, spot, (0, 1))
