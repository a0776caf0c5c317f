"""What a frame is made of on the CPU: passes, pictures of a cross-fade, samples; each drawn over those before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from morphogen.field.scene import Scene
from morphogen.render.cpu.bands import Job
from morphogen.render.cpu.machine import Kernel
from morphogen.render.supersample import shares


@dataclass(frozen=True)
class Shot:
    """One pass, or one picture of a cross-fade, ready for its targets. slots: of the scene, float64; networks: folded
    weights of the small ones; depth: how many passes lie over it."""

    kernel: Kernel
    scene: Scene
    slots: NDArray[np.float64]
    networks: NDArray[np.float32]
    depth: int


Shots = Sequence[Shot]


@dataclass(frozen=True)
class Sheet:
    """One pass. inner: of each network whether it is wide (True), small but sampled beside a wide one (False), or drawn
    for every pixel (None); empty: they all are."""

    shots: Shots
    inner: Sequence[bool | None] = ()

    def scales(self, wide: int, small: int) -> Sequence[int]:
        """Of each network the inner scale, 0 if it is drawn for every pixel."""
        return [0 if kind is None else wide if kind else small for kind in self.inner]


class Over:
    """How much of each picture goes over those before it, picture by picture, sample by sample."""

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self._left: Iterator[float] | None = None

    def share(self, mix: Sequence[float], keep: float) -> float:
        """Of the next one. mix: parts of the pictures of one sample; keep: what stays of the past."""
        if self._left is None:
            self._left = iter(shares([part / self.samples for _ in range(self.samples) for part in mix], keep))
        return next(self._left)


def to_planes(job: Job) -> Job:
    """The same job, to end in planes."""
    aside = Job.from_buffer_copy(job)
    aside.sampled = 1
    return aside
