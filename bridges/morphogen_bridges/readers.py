"""Where the samples of a track come from: memory, or a file that libsndfile streams."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import Unavailable

FORMATS = "wav, flac, ogg, opus, mp3, aiff"

Samples = NDArray[np.float32]


class Reader(Protocol):
    """Where the sound of a track comes from."""

    rate: int
    channels: int
    frames: int

    def read(self, count: int) -> Samples:
        """The next frames (n, channels); fewer at the end, none past it."""

    def rewind(self) -> None:
        """Back to the start."""

    def close(self) -> None:
        """Free the file."""


class ArrayReader:
    """Plays samples in memory, (n,) or (n, channels) float32."""

    def __init__(self, samples: Samples, rate: int) -> None:
        """Raises Unavailable for an empty array."""
        data = np.asarray(samples, np.float32)
        if data.size == 0:
            raise Unavailable("the track has no samples.", "Give another track.")
        self._data = data if data.ndim == 2 else data[:, None]
        self.rate = rate
        self.frames, self.channels = self._data.shape
        self._at = 0

    def read(self, count: int) -> Samples:
        part = self._data[self._at : self._at + count]
        self._at += len(part)
        return part

    def rewind(self) -> None:
        self._at = 0

    def close(self) -> None:
        return None


class FileReader:
    """Streams a file through libsndfile, so that an hour of music needs no memory."""

    def __init__(self, path: Path) -> None:
        """Raises Unavailable: no such file, not a sound file, broken, empty."""
        if not path.is_file():
            raise Unavailable(f"there is no sound file {str(path)!r}.", "Check the path.")
        try:
            import soundfile
        except (OSError, ImportError) as error:
            raise Unavailable(f"sound files cannot be read: {error}.", "pip install soundfile") from error
        try:
            self._file = soundfile.SoundFile(str(path))
        except soundfile.LibsndfileError as error:
            raise Unavailable(f"{path.name} is no sound file that can be read ({error}).", f"Use {FORMATS}.") from error
        self._errors = soundfile.LibsndfileError
        self.rate = int(self._file.samplerate)
        self.channels = int(self._file.channels)
        self.frames = int(self._file.frames)
        if self.frames == 0:
            self._file.close()
            raise Unavailable(f"{path.name} holds no sound.", f"Use {FORMATS}.")

    def read(self, count: int) -> Samples:
        """A file that breaks off in the middle ends there."""
        try:
            part: Samples = self._file.read(count, dtype="float32", always_2d=True)
        except self._errors:
            return np.zeros((0, self.channels), np.float32)
        return part

    def rewind(self) -> None:
        self._file.seek(0)

    def close(self) -> None:
        self._file.close()
