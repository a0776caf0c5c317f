"""What a trail remembers: the blended picture of the frame before, for each target."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from morphogen.frame import TargetSpec

KEPT_FRAMES = 120  # a history that was not drawn for so long is dropped: 25 MB at 1080p


class History:
    """Two sets of planes (3, height, width) uint16 for one target: the past is read while the present is written. With
    alpha there are four, and what was drawn without was opaque."""

    def __init__(self, spec: TargetSpec, width: int) -> None:
        self._planes = [np.zeros((3, spec.height, width), np.uint16) for _ in range(2)]
        self._newest = 0
        self.valid = False
        self.drawn = 0

    def turn(self, count: int) -> tuple[int, int]:
        """Addresses (past, present) for the frame that comes. count: of planes, 3 or 4."""
        self._planes = [_resized(planes, count) for planes in self._planes]
        past, present = self._planes[self._newest], self._planes[1 - self._newest]
        self._newest = 1 - self._newest
        return past.ctypes.data, present.ctypes.data


def _resized(planes: NDArray[np.uint16], count: int) -> NDArray[np.uint16]:
    if len(planes) == count:
        return planes
    return planes[:3].copy() if count == 3 else np.concatenate([planes, np.full_like(planes[:1], 65535)])
