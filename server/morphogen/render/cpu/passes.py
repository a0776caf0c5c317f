"""What a frame is made of on the CPU: passes, and pictures of a cross-fade; each drawn over those before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from morphogen.field.scene import Scene
from morphogen.render.cpu.bands import Job
from morphogen.render.cpu.machine import Kernel
from morphogen.render.supersample import PATTERNS, numbers

_PATTERNS = {n: numbers(pattern) for n, pattern in PATTERNS.items()}


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


@dataclass
class Tally:
    """What a frame has drawn. runs: runs of pixels; samples: of all of them; asked: runs that took more than one, so
    that steep ones take all; steep: those."""

    runs: int = 0
    samples: int = 0
    asked: int = 0
    steep: int = 0

    def add(self, runs: int, samples: int, steep: int) -> None:
        """One job. samples: that a pixel may take."""
        pattern = PATTERNS[samples]
        self.runs += runs
        self.samples += runs * pattern.first + steep * (samples - pattern.first)
        self.asked += runs if samples > 1 else 0
        self.steep += steep

    @property
    def taken(self) -> float:
        """Samples a pixel, on average."""
        return self.samples / self.runs if self.runs else 1.0

    @property
    def share(self) -> float:
        """Of the runs that took all, where they could."""
        return self.steep / self.asked if self.asked else 0.0


def to_planes(job: Job) -> Job:
    """The same job, to end in planes."""
    aside = Job.from_buffer_copy(job)
    aside.sampled = 1
    return aside


def sample(job: Job, samples: int) -> None:
    """The job takes so many samples a pixel."""
    job.samples, job.first, job.pattern = samples, PATTERNS[samples].first, _PATTERNS[samples].ctypes.data
