"""The moments that a style is trained for: times within its loop, and what the music does then.

A trained style repeats after `LOOP` seconds: the weights of its input `time` are whole multiples of one turn per loop
and stay as they are, so a style that holds its meaning over the loop holds it for ever, and every clip closes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from morphogen.field.inputs import FRAME_INPUTS

LOOP = 24.0  # seconds
BANDS = ("bass", "mid", "treble", "beat")
QUIET: Mapping[str, float] = dict.fromkeys(FRAME_INPUTS, 0.0)


@dataclass(frozen=True)
class State:
    """One moment. values: of each of FRAME_INPUTS; 'time' in seconds."""

    values: Mapping[str, float] = field(default_factory=lambda: dict(QUIET))

    def __getitem__(self, name: str) -> float:
        return self.values[name]


def moment(time: float = 0.0, **audio: float) -> State:
    """Silence at `time`, but for what is named. rms and flux follow the loudest band if not given."""
    loud = max((audio.get(band, 0.0) for band in BANDS), default=0.0)
    values = {**QUIET, "rms": 0.7 * loud, "flux": 0.5 * loud, **audio, "time": time,
              "progress": (time / LOOP) % 1.0, "centroid": 0.3 + 0.4 * audio.get("treble", 0.0),
              "rolloff": 0.3 + 0.4 * audio.get("treble", 0.0)}  # fmt: skip
    return State({name: float(values[name]) for name in FRAME_INPUTS})


def training_states(rng: np.random.Generator, count: int = 18) -> list[State]:
    """Times spread over the loop; a third in silence, a third with one band alone, a third with music."""
    states = []
    for n in range(count):
        time = LOOP * (n + float(rng.uniform())) / count
        kind = n % 3
        audio: dict[str, float] = {}
        if kind == 0:
            audio = dict.fromkeys(BANDS, 0.0)
        elif kind == 1:
            audio = {BANDS[(n // 3) % len(BANDS)]: float(rng.uniform(0.7, 1.0))}
        else:
            audio = {band: float(rng.uniform(0, 1) ** 1.5) for band in BANDS}
        states.append(moment(time, **audio))
    return [states[i] for i in rng.permutation(count)]


def judging_states() -> list[State]:
    """The nine of the study: three times by three states of the music."""
    audio: tuple[dict[str, float], ...] = (
        {},
        {"bass": 0.8, "mid": 0.4, "treble": 0.3, "beat": 1.0},
        {"bass": 0.3, "mid": 0.8, "treble": 0.9},
    )
    return [moment(LOOP * part, **kind) for part in (0.05, 0.4, 0.75) for kind in audio]


def held_out_states() -> list[State]:
    """Three that no training sees: other times, other mixtures."""
    return [moment(7.0, bass=1.0, treble=1.0), moment(15.5, mid=0.9, beat=0.5), moment(21.0, bass=0.5, mid=0.5)]
