"""The one tempo clock: taps, a set tempo, a known track or the audio tracker."""

from __future__ import annotations

import math
import statistics
import threading
from dataclasses import dataclass, replace

from morphogen.contracts import TempoState
from morphogen.errors import ParamError

BEATS_PER_BAR = 4
MIN_BPM, MAX_BPM = 20.0, 400.0
TAP_PAUSE = 2.0
TAP_BOUNCE = 0.15  # nobody taps faster than 400 BPM; a second edge this soon is the switch bouncing
TAPS = 8
BY_HAND = ("tap", "set", "beat")
LEAST_CONFIDENCE = 0.1
SLEW_SECONDS = 0.25
SLEW_SHARE = 0.5  # a correction changes the speed by half at most, so that the beat never stops or runs backwards


@dataclass(frozen=True)
class _Line:
    """Beats as a function of time: straight from (time, beat) on, plus `debt` beats paid off evenly in `slew` s."""

    bpm: float = 120.0
    beat: float = 0.0
    time: float = 0.0
    debt: float = 0.0
    slew: float = SLEW_SECONDS
    source: str = "none"
    confidence: float = 0.0

    def at(self, now: float) -> float:
        elapsed = now - self.time
        paid = min(max(elapsed / self.slew, 0.0), 1.0)
        return self.beat + elapsed * self.bpm / 60.0 + self.debt * paid


class Transport:
    """Tempo and beat position. All methods are thread-safe; `state` takes no lock. Times are clock seconds.

    Precedence: what a person taps or sets beats what the machine hears, until `set_bpm(0)`. The beat count never goes
    backwards: phase errors are paid off by running up to 50 % faster or slower, whole beats by skipping forward.
    """

    def __init__(self, bpm: float = 120.0, now: float = 0.0) -> None:
        """Beat 0 is at clock time `now`."""
        self._line = _Line(bpm=bpm, time=now)
        self._lock = threading.Lock()
        self._taps: list[float] = []

    def state(self, now: float) -> TempoState:
        """Tempo and beat at clock time `now`; immutable."""
        line = self._line
        return TempoState(line.bpm, line.at(now), now, line.confidence, line.source, BEATS_PER_BAR)

    def set_bpm(self, bpm: float, now: float) -> None:
        """Fix the tempo; 0 gives it back to the music. Raises ParamError outside 20 to 400."""
        if bpm != 0.0 and not MIN_BPM <= bpm <= MAX_BPM:
            raise ParamError(f"a tempo of {bpm:g} BPM is not possible.", "Give 20 to 400, or 0 to follow the music.")
        with self._lock:
            self._taps.clear()
            if bpm == 0.0:
                self._turn(now, source="none", confidence=0.0)
            else:
                self._turn(now, bpm=bpm, source="set", confidence=1.0)

    def tap(self, now: float) -> None:
        """One tap. From the second on, the median of the last taps is the tempo and each tap is a beat; a pause of
        two seconds starts anew, so that its first tap changes nothing yet."""
        with self._lock:
            if self._taps and now - self._taps[-1] < TAP_BOUNCE:
                return
            if self._taps and now - self._taps[-1] > TAP_PAUSE:
                self._taps.clear()
            self._taps = [*self._taps, now][-TAPS:]
            if len(self._taps) > 1:
                gaps = [later - earlier for earlier, later in zip(self._taps, self._taps[1:], strict=False)]
                self._turn(now, bpm=60.0 / statistics.median(gaps), source="tap", confidence=1.0)
                self._pull(now, _nearest(self._line.at(now)))

    def beat(self, now: float) -> None:
        """This is the beat, and the first of a bar. The tempo stays; the music no longer moves it."""
        with self._lock:
            self._turn(now, source="beat", confidence=1.0)
            self._pull(now, _nearest(self._line.at(now)), bar=True)

    def follow(self, bpm: float, beat_time: float, confidence: float, now: float, source: str = "audio") -> None:
        """What the tracker hears: a beat at clock time `beat_time` (any beat, past or next), at `bpm`.

        Ignored while a person holds the tempo. Below confidence 0.1 the clock runs on by itself. `source` 'track' is a
        known tempo: `beat_time` is then the first of a bar and is believed at once."""
        if not (math.isfinite(bpm) and math.isfinite(beat_time) and MIN_BPM <= bpm <= MAX_BPM):
            return
        with self._lock:
            line = self._line
            if line.source in BY_HAND or (source == "audio" and line.source == "track"):
                return
            if confidence < LEAST_CONFIDENCE:
                self._line = replace(line, confidence=confidence, source=source)
                return
            self._turn(now, bpm=bpm, source=source, confidence=min(confidence, 1.0))
            beat = self._line.at(now) + (beat_time - now) * bpm / 60.0
            error = _nearest(beat) - beat
            gain = 1.0 if source == "track" else 0.3 + 0.5 * min(confidence, 1.0)
            self._pull(now, self._line.at(now) + gain * error)
            if source == "track":
                self._to_bar(_nearest(beat))

    def release_track(self, now: float) -> None:
        """The track with a known tempo has ended: listen to the audio tracker again."""
        with self._lock:
            if self._line.source == "track":
                self._turn(now, source="none", confidence=0.0)

    def _turn(self, now: float, **changes: float | str) -> None:
        """A new line that starts where the old one is."""
        line = self._line
        beat = line.at(now)
        rest = line.debt * (1.0 - min(max((now - line.time) / line.slew, 0.0), 1.0))
        slew = max(line.slew - (now - line.time), SLEW_SECONDS)
        self._line = replace(line, beat=beat, time=now, debt=rest, slew=slew, **changes)  # type: ignore[arg-type]

    def _pull(self, now: float, target: float, bar: bool = False) -> None:
        """Steer smoothly to `target` beats (as of `now`); with `bar`, count it as the first of a bar."""
        line = self._line
        debt = target - line.beat
        slew = max(SLEW_SECONDS, abs(debt) / (SLEW_SHARE * line.bpm / 60.0))
        self._line = replace(line, debt=debt, slew=slew)
        if bar:
            self._to_bar(target)

    def _to_bar(self, beat: float) -> None:
        """Skip whole beats forward until the integer `beat` begins a bar. The phase inside the beat is untouched."""
        skip = -round(beat) % BEATS_PER_BAR
        if skip:
            self._line = replace(self._line, beat=self._line.beat + skip)


def _nearest(beat: float) -> float:
    return float(math.floor(beat + 0.5))
