"""What a trail remembers: the blended picture of the frame before, for each target."""

from __future__ import annotations

import numpy as np

from morphogen.frame import TargetSpec

KEPT_FRAMES = 120  # a history that was not drawn for so long is dropped: 25 MB at 1080p


class History:
    """Two sets of planes (3, height, width) uint16 for one target: the past is read while the present is written."""

    def __init__(self, spec: TargetSpec, width: int) -> None:
        self._planes = [np.zeros((3, spec.height, width), np.uint16) for _ in range(2)]
        self._newest = 0
        self.valid = False
        self.drawn = 0

    def turn(self) -> tuple[int, int]:
        """Addresses (past, present) for the frame that comes."""
        past, present = self._planes[self._newest], self._planes[1 - self._newest]
        self._newest = 1 - self._newest
        return past.ctypes.data, present.ctypes.data
