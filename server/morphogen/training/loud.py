"""A loud rehearsal without sound: what the features of restless, loud music do, always the same.

Measured on eight pieces (the demo, seven of a game's orchestra and chip tunes): features jump up within a frame and
fall with the release of 120 ms; bass, mid and treble swing by more than 0.3 up to four times in the worst second,
a beat comes 2 to 3 times a second. Here that holds for most seconds, not for the worst.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from morphogen.field.inputs import FRAME_INPUTS
from morphogen.training.states import LOOP

FPS = 60
STRETCHES, SECONDS = 3, 3  # of the loop, evenly apart, each so long: its first second sets the scene
RELEASE = 0.12  # seconds, as `audio/release`
NOTE, BEAT = 10, 22  # frames: six notes a second, and beats
# How often a note sounds, how loud it is (from, to), and what it falls to.
NOTES = {"bass": (0.62, (0.35, 0.95), 0.06), "mid": (0.60, (0.35, 0.95), 0.12), "treble": (0.66, (0.35, 0.95), 0.06)}
SEED = 5
Row = dict[str, float]


@cache
def rehearsal() -> tuple[tuple[Row, ...], ...]:
    """The frame inputs of each stretch, frame by frame."""
    rng = np.random.default_rng(SEED)
    return tuple(tuple(_stretch(rng, LOOP * (n + 0.25) / STRETCHES)) for n in range(STRETCHES))


def _stretch(rng: np.random.Generator, begin: float) -> list[Row]:
    frames = SECONDS * FPS
    bands = {band: _notes(rng, frames, *how) for band, how in NOTES.items()}
    beat = _falling([0.9 if n % BEAT == 0 else 0.0 for n in range(frames)])
    rows = []
    for n in range(frames):
        heard = {band: values[n] for band, values in bands.items()} | {"beat": beat[n]}
        high = 0.4 + 0.5 * heard["treble"]
        heard |= {"rms": 0.45 * heard["bass"] + 0.35 * heard["mid"] + 0.2 * heard["treble"], "flux": heard["treble"],
                  "centroid": high, "rolloff": high, "progress": 0.5, "time": begin + n / FPS}  # fmt: skip
        rows.append({name: heard[name] for name in FRAME_INPUTS})
    return rows


def _notes(rng: np.random.Generator, frames: int, often: float, loud: tuple[float, float], rest: float) -> list[float]:
    count = frames // NOTE + 1
    struck, strength = rng.random(count) < often, rng.uniform(*loud, count)
    return _falling([float(strength[n // NOTE]) if n % NOTE < 3 and struck[n // NOTE] else rest
                     for n in range(frames)])  # fmt: skip


def _falling(wanted: list[float]) -> list[float]:
    """Up at once, down with the release."""
    keep, now, out = math.exp(-1 / (FPS * RELEASE)), wanted[0], []
    for value in wanted:
        now = value if value > now else value + (now - value) * keep
        out.append(now)
    return out
