"""A piece of music in memory, for whoever plays it offline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from morphogen.audio import demo
from morphogen.errors import Unavailable

LONGEST = 600.0  # seconds that are read of a file: 230 MB
STEP = 0.25  # seconds


@dataclass(frozen=True, eq=False)
class Track:
    """samples (n, channels) float32 in -1..1; bpm and first_beat (seconds) where the tempo is known, else None and 0.
    kind: what `AudioEngine.restart` calls it."""

    name: str
    samples: NDArray[np.float32]
    rate: int
    bpm: float | None = None
    first_beat: float = 0.0
    kind: str = "file"

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / self.rate

    def part(self, begin: float, end: float) -> NDArray[np.float32]:
        """The samples between two moments; after its end a track begins anew, as on stage."""
        at = np.arange(round(begin * self.rate), round(end * self.rate)) % len(self.samples)
        return self.samples[at]

    def loudest(self, seconds: float) -> float:
        """Where the stretch of that length with the most energy begins, to a quarter of a second."""
        hop = round(STEP * self.rate)
        power = np.square(self.samples).sum(1)
        steps = power[: len(power) // hop * hop].reshape(-1, hop).sum(1)
        wide = round(seconds / STEP)
        if wide >= len(steps):
            return 0.0
        sums = np.concatenate([[0.0], np.cumsum(steps, dtype=np.float64)])
        return float(np.argmax(sums[wide:] - sums[:-wide])) * STEP


@cache
def demo_track() -> Track:
    """The demo, 92 s; takes a second to make, once."""
    samples, rate = demo.render_demo()
    return Track("demo", samples, rate, demo.DEMO_BPM, demo.DEMO_FIRST_BEAT, "demo")


def read_track(path: Path) -> Track:
    """A sound file's first ten minutes. Raises Unavailable: no such file, none that can be read, nothing in it."""
    path = path.expanduser()
    if not path.is_file():
        raise Unavailable(f"there is no sound file {str(path)!r}.", "Check the path.")
    try:
        import soundfile
    except (OSError, ImportError) as error:
        raise Unavailable(f"sound files cannot be read: {error}.", "pip install soundfile") from error
    try:
        with soundfile.SoundFile(str(path)) as file:
            samples = file.read(round(LONGEST * file.samplerate), dtype="float32", always_2d=True)
            rate = int(file.samplerate)
    except soundfile.LibsndfileError as error:
        raise Unavailable(
            f"{path.name} is no sound file that can be read ({error}).", "Use wav, flac, ogg, opus, mp3 or aiff."
        ) from error
    if not len(samples):
        raise Unavailable(f"{path.name} holds no sound.", "Give another file.")
    return Track(path.stem, samples, rate)
