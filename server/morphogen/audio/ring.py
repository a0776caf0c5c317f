"""The ring between a driver's callback and the analysis: one writer, one reader, no lock, no growth."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CAPACITY = 1 << 18  # 5.4 s at 48 kHz: longer than any stall that a show survives
BLOCKS = 4096


@dataclass(frozen=True, slots=True)
class Block:
    """A copied block: mono float32 samples, number of its first sample, rate, clock time of its end."""

    samples: NDArray[np.float32]
    index: int
    rate: int
    end_time: float

    @property
    def start_time(self) -> float:
        """Clock time of its first sample."""
        return self.end_time - len(self.samples) / self.rate


class Ring:
    """Mono samples, mixed down while copying. `write` on the driver's thread, all else on the reader's.

    When the reader falls behind by the whole ring, the oldest blocks are lost and counted in `overruns`.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._data = np.zeros(capacity, np.float32)
        self._written = 0
        self._blocks: deque[tuple[int, int, int, float]] = deque(maxlen=BLOCKS)
        self.overruns = 0
        self.blocks = 0
        self.channels = 0

    def write(self, samples: NDArray[np.float32], rate: int, end_time: float) -> None:
        """Copy (n, channels) or (n,); a block longer than the ring keeps its end."""
        capacity = len(self._data)
        samples = samples[-capacity:]
        count = len(samples)
        if count == 0:
            return
        self.channels = 1 if samples.ndim == 1 else samples.shape[1]
        at = self._written % capacity
        first = min(count, capacity - at)
        self._mix(samples[:first], self._data[at : at + first])
        if first < count:
            self._mix(samples[first:], self._data[: count - first])
        self._blocks.append((self._written, count, rate, end_time))
        self._written += count
        self.blocks += 1

    @staticmethod
    def _mix(samples: NDArray[np.float32], target: NDArray[np.float32]) -> None:
        if samples.ndim == 1:
            target[:] = samples
        elif samples.shape[1] == 1:
            target[:] = samples[:, 0]
        elif samples.shape[1] == 2:
            np.add(samples[:, 0], samples[:, 1], out=target, casting="same_kind")
            target *= np.float32(0.5)
        else:
            np.mean(samples, axis=1, out=target)

    def read(self) -> Block | None:
        """The oldest block not read yet, or None."""
        capacity = len(self._data)
        while self._blocks:
            index, count, rate, end_time = self._blocks.popleft()
            at = index % capacity
            first = min(count, capacity - at)
            samples = np.empty(count, np.float32)
            samples[:first] = self._data[at : at + first]
            samples[first:] = self._data[: count - first]
            if self._written - index <= capacity:
                return Block(samples, index, rate, end_time)
            self.overruns += 1
        return None

    def clear(self) -> None:
        """Forget what was not read."""
        self._blocks.clear()
