"""Low-frequency oscillators: a phase that never jumps, and four waves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from morphogen.contracts import TempoState
from morphogen.params.catalog import BY_KEY

# A synced LFO that is off the beat (rate just changed, tempo tapped anew) slides into line with this time constant.
ALIGN_SECONDS = 0.4


def sine(phase: float) -> float:
    """0 at phase 0, rising."""
    return math.sin(2.0 * math.pi * phase)


def triangle(phase: float) -> float:
    """0 at phase 0, rising, straight."""
    return 4.0 * abs((phase + 0.75) % 1.0 - 0.5) - 1.0


def saw(phase: float) -> float:
    """-1 at phase 0, rising to 1, then jumping back."""
    return 2.0 * phase - 1.0


def square(phase: float) -> float:
    """1 in the first half, -1 in the second."""
    return 1.0 if phase < 0.5 else -1.0


# in the order of catalog.LFO_SHAPES
SHAPES: tuple[Callable[[float], float], ...] = (sine, triangle, saw, square)


class Lfo:
    """One oscillator, reading `lfoN/rate`, `/shape`, `/phase` and `/sync`. Render thread.

    Free: the phase is the integral of the rate in Hz, from 0 at the first step. Synced: the rate counts cycles per
    beat and the wave starts with the beats (rate 1/4: with every fourth). A change of rate, tempo or beat moves no
    value at once: the phase runs on and slides into line within about a second.
    """

    def __init__(self, number: int) -> None:
        self._rate_key = f"lfo{number}/rate"
        self._shape_key = f"lfo{number}/shape"
        self._phase_key = f"lfo{number}/phase"
        self._sync_key = f"lfo{number}/sync"
        self._default_rate = BY_KEY[self._rate_key].default
        self._phase = 0.0
        self._rate: float | None = None

    def step(self, dt: float, now: float, values: Mapping[str, float], tempo: TempoState) -> None:
        """Move on by `dt` seconds to clock time `now`."""
        rate = values.get(self._rate_key, self._default_rate)
        if values.get(self._sync_key, 0.0) >= 0.5:
            aligned = tempo.beat_at(now) * rate % 1.0
            if self._rate is None:
                self._phase = aligned
            else:
                phase = self._phase + rate * tempo.bpm / 60.0 * dt
                if rate == self._rate:  # while the rate moves, the place of the beat in it means nothing
                    error = (aligned - phase + 0.5) % 1.0 - 0.5
                    phase += error * (1.0 - math.exp(-dt / ALIGN_SECONDS))
                self._phase = phase % 1.0
        else:
            self._phase = (self._phase + rate * dt) % 1.0
        self._rate = rate

    def value(self, values: Mapping[str, float]) -> float:
        """The wave now, -1..1."""
        shape = SHAPES[int(values.get(self._shape_key, 0.0))]
        return shape((self._phase + values.get(self._phase_key, 0.0)) % 1.0)
