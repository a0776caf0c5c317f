"""What is heard, as one unbroken stereo track in step with the pictures, whatever the sources do.

A sound card's clock is not ours: 50 millionths apart are 180 ms after an hour. So the place of each block comes from
the show's clock, its jitter averaged; a drift is taken up by a sample more or less in a block, a gap by silence.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
BLOCKS = 4_096  # heard and not yet asked for: half a minute at 8 ms
STEADY = 0.02  # share of a block's own time in the averaged one
JUMP = 0.15  # seconds: further off is another stream, not jitter
HARD = 0.06  # seconds out of step: silence or a cut at once
SOFT = 0.003  # seconds out of step: stretch until DONE
DONE = 0.0005
SILENT = 0.5  # seconds behind the pictures without a block: nobody plays

Samples = NDArray[np.float32]


class Tap:
    """A listener for `host.audio.hear`: copies and returns. `take` on any other thread."""

    def __init__(self) -> None:
        self._blocks: deque[tuple[Samples, int, float]] = deque(maxlen=BLOCKS)

    def __call__(self, samples: Samples, rate: int, end_time: float) -> None:
        self._blocks.append((np.array(samples, np.float32), rate, end_time))

    def take(self) -> Iterator[tuple[Samples, int, float]]:
        """All blocks that were heard since the last call, oldest first."""
        while self._blocks:
            yield self._blocks.popleft()


def stereo(samples: Samples) -> Samples:
    """(n,) or (n, channels) -> (2, n): of more than two channels the odd ones left, the even ones right, so that
    nothing is lost that the analysis hears."""
    if samples.ndim == 1 or samples.shape[1] == 1:
        mono = samples.reshape(-1)
        return np.stack([mono, mono])
    return np.stack([samples[:, 0::2].mean(1), samples[:, 1::2].mean(1)]).astype(np.float32)


class Track:
    """Blocks with clock times in, one track at RATE out. `put`, `pad` and `take` on one thread.

    origin: clock time of sample 0, may be moved slightly while it runs (`Grid.origin`).
    """

    def __init__(self, origin: float) -> None:
        self.origin = origin
        self.length = 0  # samples so far, taken ones included
        self._parts: deque[Samples] = deque()
        self._rate = 0
        self._index = 0  # samples of this stream so far, at its own rate
        self._offset = 0.0
        self._stretching = False
        self._resampler: Any = None

    def put(self, samples: Samples, rate: int, end_time: float, delay: float = 0.0) -> None:
        """A block (n,) or (n, channels) whose last sample was heard at clock time `end_time`; `delay`: seconds by which
        the pictures wait for the sound, and so the track too."""
        if not len(samples):
            return
        offset = end_time - (self._index + len(samples)) / rate
        if rate != self._rate or abs(offset - self._offset) > JUMP:
            self._begin(rate)
            offset = end_time - len(samples) / rate
            self._offset = offset
        self._offset += STEADY * (offset - self._offset)
        start = self._offset + self._index / rate + delay
        self._index += len(samples)
        self._append(self._at_our_rate(stereo(samples)), round((start - self.origin) * RATE))

    def pad(self, time: float) -> None:
        """The pictures have come to clock time `time`: where nothing was heard for long, silence."""
        missing = round((time - self.origin - SILENT / 2) * RATE) - self.length
        if missing > SILENT / 2 * RATE:
            self._silence(missing)

    def finish(self, time: float) -> None:
        """The pictures end at clock time `time`: so does the track."""
        missing = round((time - self.origin) * RATE) - self.length
        if missing > 0:
            self._silence(missing)
        while missing < 0 and self._parts:
            last = self._parts.pop()
            kept = last[:, : max(last.shape[1] + missing, 0)]
            self.length -= last.shape[1] - kept.shape[1]
            missing += last.shape[1] - kept.shape[1]
            if kept.shape[1]:
                self._parts.append(kept)

    def take(self) -> Samples | None:
        """The next samples (2, n), or None."""
        return self._parts.popleft() if self._parts else None

    # --- inside

    def _begin(self, rate: int) -> None:
        self._rate, self._index, self._resampler = rate, 0, None
        if rate != RATE:
            from av import AudioResampler

            self._resampler = AudioResampler("fltp", "stereo", RATE)

    def _at_our_rate(self, samples: Samples) -> Samples:
        if self._resampler is None:
            return samples
        from av import AudioFrame

        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", "stereo")
        frame.sample_rate = self._rate
        made = [part.to_ndarray() for part in self._resampler.resample(frame)]
        return np.concatenate(made, axis=1) if made else np.zeros((2, 0), np.float32)

    def _append(self, samples: Samples, place: int) -> None:
        """Put samples at the end of the track, which `place` says they belong to, nearly."""
        off = place - self.length
        if abs(off) > HARD * RATE:
            self._stretching = False
            if off > 0:
                self._silence(off)
            else:
                samples = samples[:, min(-off, samples.shape[1]) :]
        elif abs(off) > (DONE if self._stretching else SOFT) * RATE:
            self._stretching = True
            samples = _stretched(samples, (1 if off > 0 else -1) * (samples.shape[1] // 256 + 1))
        else:
            self._stretching = False
        if samples.shape[1]:
            self._parts.append(samples)
            self.length += samples.shape[1]

    def _silence(self, count: int) -> None:
        self._parts.append(np.zeros((2, count), np.float32))
        self.length += count


def _stretched(samples: Samples, by: int) -> Samples:
    """The same block with a few samples more or less: a quarter of a percent, 4 cents, while a drift is taken up."""
    count = samples.shape[1]
    if count + by < 2:
        return samples
    at = np.linspace(0, count - 1, count + by)
    return np.stack([np.interp(at, np.arange(count), channel) for channel in samples]).astype(np.float32)
