"""The one tempo clock, and who leads it: a person, Ableton Link, MIDI clock, a known track or the audio tracker.

The order, first to last: `link`, a person (`tap`, `set`, `beat`), `midi`, `track`, `audio`. Link stands first because a
person's act goes into its session and comes back from there: so the last act wins, and the room stays together. Who has
not been heard for two seconds lets go, and the next one takes over from the same beat.
"""

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
MACHINES = ("link", "midi", "track", "audio")
CHOICES = ("auto", "manual", *MACHINES)
SILENT = 2.0  # seconds without a word after which a machine no longer leads
_GAIN = {"link": 1.0, "track": 1.0}  # how much of a phase error is taken on at once; a tracker's is a guess
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
    heard: float = math.inf  # when the source last spoke; a person is heard for ever
    hand: str = ""  # the last act of a person who has not let go: what leads when Link falls silent

    def fresh(self, now: float) -> bool:
        return now - self.heard <= SILENT

    def leads(self, now: float) -> str:
        """Who leads at `now`: the source, or what is under it when it has fallen silent."""
        return self.source if self.fresh(now) else self.hand or "none"

    def at(self, now: float) -> float:
        elapsed = now - self.time
        paid = min(max(elapsed / self.slew, 0.0), 1.0)
        return self.beat + elapsed * self.bpm / 60.0 + self.debt * paid


class Transport:
    """Tempo and beat position. All methods are thread-safe; `state` takes no lock. Times are clock seconds.

    `choice`: 'auto' listens to all machines in their order, 'manual' to none, any other name to that one alone. A
    person can always act: through Link while it leads, else over every machine, until `set_bpm(0)` or `choose`.
    The beat count never goes backwards: phase errors are paid off by running up to 50 % faster or slower, whole beats
    by skipping forward.
    """

    def __init__(self, bpm: float = 120.0, now: float = 0.0) -> None:
        """Beat 0 is at clock time `now`."""
        self._line = _Line(bpm=bpm, time=now)
        self._lock = threading.Lock()
        self._taps: list[float] = []
        self._heard: dict[str, float] = {}  # when each machine that may lead last spoke
        self.choice = "auto"

    def state(self, now: float) -> TempoState:
        """Tempo and beat at clock time `now`; immutable."""
        line = self._line
        source = line.leads(now)
        confidence = line.confidence if source == line.source else float(source in BY_HAND)
        return TempoState(line.bpm, line.at(now), now, confidence, source, BEATS_PER_BAR)

    def choose(self, name: str, now: float) -> None:
        """Say who may lead: 'auto', 'manual' (nobody but a person), or one machine. A tempo held by hand is let go.
        Raises ParamError: no such source."""
        if name not in CHOICES:
            raise ParamError(f"there is no tempo source {str(name)[:40]!r}.", f"Choose {', '.join(CHOICES)}.")
        with self._lock:
            self.choice = name
            self._heard = {source: at for source, at in self._heard.items() if name in ("auto", source)}
            self._taps.clear()
            self._let_go(now, keep=self._line.source if name in ("auto", self._line.source) else "")

    def set_bpm(self, bpm: float, now: float) -> None:
        """Fix the tempo; 0 gives it back to the music. Raises ParamError outside 20 to 400."""
        if bpm != 0.0 and not MIN_BPM <= bpm <= MAX_BPM:
            raise ParamError(f"a tempo of {bpm:g} BPM is not possible.", "Give 20 to 400, or 0 to follow the music.")
        with self._lock:
            self._taps.clear()
            if bpm == 0.0:
                self._let_go(now, keep=self._line.source)
            else:
                self._by_hand(now, "set", bpm)

    def tap(self, now: float) -> bool:
        """One tap. From the second on, the median of the last taps is the tempo and each tap is a beat; a pause of
        two seconds starts anew, so that its first tap changes nothing yet. Answers whether it set the tempo."""
        with self._lock:
            if self._taps and now - self._taps[-1] < TAP_BOUNCE:
                return False
            if self._taps and now - self._taps[-1] > TAP_PAUSE:
                self._taps.clear()
            self._taps = [*self._taps, now][-TAPS:]
            if len(self._taps) < 2:
                return False
            gaps = [later - earlier for earlier, later in zip(self._taps, self._taps[1:], strict=False)]
            if self._by_hand(now, "tap", 60.0 / statistics.median(gaps)):
                self._pull(now, _nearest(self._line.at(now)))
            return True

    def beat(self, now: float) -> None:
        """This is the beat, and the first of a bar. The tempo stays; the music no longer moves it. While Link leads,
        beat and bar belong to everyone in the session, and nothing moves."""
        with self._lock:
            if self._by_hand(now, "beat"):
                beat = _nearest(self._line.at(now))
                self._pull(now, beat)
                self._to_bar(beat)

    def follow(
        self, bpm: float, beat_time: float, confidence: float, now: float,
        source: str = "audio", bar_time: float | None = None,
    ) -> None:  # fmt: skip
        """What a machine says: a beat at clock time `beat_time` (any beat, past or next), at `bpm`; `bar_time`, where
        it is known, is the first beat of any bar. `source`: 'link', 'midi', 'track' or 'audio'.

        Ignored while one before it in the order leads, or where another is chosen. Below confidence 0.1 the clock runs
        on by itself. Nonsense (not finite, a tempo outside 20 to 400) is ignored."""
        times = (bpm, beat_time, confidence, beat_time if bar_time is None else bar_time)
        if not (all(map(math.isfinite, times)) and MIN_BPM <= bpm <= MAX_BPM):
            return
        with self._lock:
            line = self._line
            if not self._may(source, now):
                return
            if confidence < LEAST_CONFIDENCE:
                self._line = replace(line, confidence=max(confidence, 0.0), source=source, heard=now)
                return
            self._turn(now, bpm=bpm, source=source, confidence=min(confidence, 1.0), heard=now)
            beat = self._line.at(now) + (beat_time - now) * bpm / 60.0
            gain = _GAIN.get(source, 0.3 + 0.5 * min(confidence, 1.0))
            self._pull(now, self._line.at(now) + gain * (_nearest(beat) - beat))
            if bar_time is not None:
                self._to_bar(_nearest(beat) + round((bar_time - beat_time) * bpm / 60.0))

    def release(self, source: str, now: float) -> None:
        """A machine has stopped speaking (a track has ended, the last peer is gone): the next one may lead at once."""
        with self._lock:
            self._heard.pop(source, None)
            if self._line.source == source:
                self._turn(now, heard=-math.inf)

    def _may(self, source: str, now: float) -> bool:
        """Whether this machine, which has just spoken, may lead: nobody before it has spoken lately. Who takes over is
        then the next in the order, and not whoever happens to speak first."""
        if source not in MACHINES or self.choice not in ("auto", source):
            return False
        self._heard[source] = now
        if self._line.hand and source != "link":
            return False
        before = MACHINES[: MACHINES.index(source)]
        return not any(now - self._heard.get(other, -math.inf) <= SILENT for other in before)

    def _by_hand(self, now: float, act: str, bpm: float | None = None) -> bool:
        """A person's act. False while Link leads: then only the tempo changes, and the beat stays the session's."""
        tempo = {} if bpm is None else {"bpm": bpm}
        through_link = self._line.leads(now) == "link"
        if through_link:
            self._turn(now, hand=act, **tempo)
        else:
            self._turn(now, source=act, hand=act, confidence=1.0, heard=math.inf, **tempo)
        return not through_link

    def _let_go(self, now: float, keep: str) -> None:
        """No person holds the tempo; the machine `keep` goes on leading."""
        if keep in MACHINES:
            self._turn(now, hand="")
        else:
            self._turn(now, hand="", source="none", confidence=0.0, heard=math.inf)

    def _turn(self, now: float, **changes: float | str) -> None:
        """A new line that starts where the old one is."""
        line = self._line
        beat = line.at(now)
        rest = line.debt * (1.0 - min(max((now - line.time) / line.slew, 0.0), 1.0))
        slew = max(line.slew - (now - line.time), SLEW_SECONDS)
        self._line = replace(line, beat=beat, time=now, debt=rest, slew=slew, **changes)  # type: ignore[arg-type]

    def _pull(self, now: float, target: float) -> None:
        """Steer smoothly to `target` beats (as of `now`)."""
        line = self._line
        debt = target - line.beat
        slew = max(SLEW_SECONDS, abs(debt) / (SLEW_SHARE * line.bpm / 60.0))
        self._line = replace(line, debt=debt, slew=slew)

    def _to_bar(self, beat: float) -> None:
        """Skip whole beats forward until the integer `beat` begins a bar. The phase inside the beat is untouched."""
        skip = -round(beat) % BEATS_PER_BAR
        if skip:
            self._line = replace(self._line, beat=self._line.beat + skip)


def _nearest(beat: float) -> float:
    return float(math.floor(beat + 0.5))
