"""The demo track: 48 bars at 125 BPM that loop without a seam, composed and synthesised here.

Intro, groove, groove with arpeggio, break with build-up, drop, outro. It is what the instrument plays when nothing else
is plugged in, and what the beat tracker is measured with. Every beat lies on a whole sample at 44.1 and 48 kHz.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from morphogen.audio import instruments as make
from morphogen.audio.instruments import Wave

DEMO_BPM = 125.0
DEMO_FIRST_BEAT = 0.0
DEMO_TITLE = "Petri dish (demo)"
BARS = 48
INTRO, GROOVE, ARP, BREAK, BUILD, DROP, OUTRO = 0, 8, 16, 24, 28, 32, 44
MASTER = 0.555

# Two bars a chord: root of the bass and the voices of the pad.
VERSE = ((45, (60, 64, 67, 71)), (41, (57, 60, 64, 67)), (48, (55, 59, 62, 64)), (43, (59, 62, 64, 67)))
LIFT = ((38, (57, 60, 64, 65)), (41, (57, 60, 64, 69)), (45, (60, 64, 67, 71)), (40, (59, 62, 64, 67)))
BASS_STEPS = ((2, 0), (3, 0), (6, 0), (10, 0), (11, 12), (14, 0))
DROP_STEPS = ((2, 0), (3, 12), (6, 0), (7, 0), (10, 0), (11, 12), (13, 7), (14, 0))
ARP_ORDER = (0, 2, 1, 3, 2, 0, 3, 1, 0, 2, 3, 1, 2, 3, 0, 1)
MELODY = ((0, 76, 3), (3, 74, 3), (6, 71, 2), (8, 72, 6), (16, 76, 3), (19, 79, 3), (22, 81, 2), (24, 76, 7))


class Canvas:
    """Stereo sum with a beat grid. `add` wraps round the end, so that tails sound into the start of the loop."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.beat = round(rate * 60.0 / DEMO_BPM)
        self.samples = np.zeros((2, self.beat * 4 * BARS), np.float32)

    def add(self, bar: float, step: float, wave: Wave, gain: float, pan: float = 0.0) -> None:
        """Mix a note in at sixteenth `step` of `bar`; pan -1 left to 1 right."""
        total = self.samples.shape[1]
        at = round((bar * 16 + step) * self.beat / 4) % total
        for side, share in ((0, 1.0 - max(pan, 0.0)), (1, 1.0 + min(pan, 0.0))):
            note = wave if wave.ndim == 1 else wave[side]
            first = min(len(note), total - at)
            self.samples[side, at : at + first] += note[:first] * np.float32(gain * share)
            if first < len(note):
                self.samples[side, : len(note) - first] += note[first:] * np.float32(gain * share)

    def pump(self, depth: float) -> None:
        """Duck under the bass drum wherever one plays."""
        t = np.arange(self.beat, dtype=np.float32) / np.float32(self.rate)
        duck = (1.0 - depth * np.exp(-t / 0.1)).astype(np.float32)
        grid = self.samples.reshape(2, BARS * 4, self.beat)
        for beat in range(BARS * 4):
            if has_kick(beat // 4):
                grid[:, beat] *= duck


def has_kick(bar: int) -> bool:
    """Whether the bass drum plays on all four beats of this bar."""
    return not BREAK <= bar < DROP


def chord(bar: int) -> tuple[int, tuple[int, ...]]:
    """(bass note, pad notes) of a bar."""
    lifted = BREAK <= bar < BUILD or 40 <= bar < OUTRO
    return (LIFT if lifted else VERSE)[bar // 2 % 4]


def _drums(canvas: Canvas) -> None:
    rate = canvas.rate
    kick, clap, crash = make.kick(rate), make.clap(rate), make.crash(rate)
    closed, opened = make.hat(rate), make.hat(rate, 0.11)
    for bar in range(BARS):
        if has_kick(bar):
            for beat in range(4):
                canvas.add(bar, 4 * beat, kick, 0.85 if bar >= GROOVE else 0.65)
        if bar >= GROOVE and has_kick(bar) and bar < 46:
            canvas.add(bar, 4, clap, 0.5)
            canvas.add(bar, 12, clap, 0.5)
        if (4 <= bar < BREAK) or DROP <= bar < 46:
            for beat in range(4):
                canvas.add(bar, 4 * beat + 2, opened, 0.5 if bar >= GROOVE else 0.26, 0.2)
        if (ARP <= bar < 26) or bar >= DROP or bar < 4:
            for step in range(16):
                level = (0.26, 0.11, 0.18, 0.13)[step % 4] * (1.0 if bar >= ARP else 0.7)
                canvas.add(bar, step, closed, level, -0.3 if step % 2 else 0.15)
        if bar in (15, 23, 39, 43):
            for step, level in ((10, 0.2), (13, 0.3), (14, 0.25), (15, 0.4)):
                canvas.add(bar, step, clap, level)
    for bar, level in ((GROOVE, 0.4), (ARP, 0.45), (BREAK, 0.5), (DROP, 0.75), (40, 0.5), (OUTRO, 0.4)):
        canvas.add(bar, 0, crash, level)
    _build_up(canvas, clap)


def _build_up(canvas: Canvas, clap: Wave) -> None:
    bar_seconds = 4 * 60.0 / DEMO_BPM
    canvas.add(BUILD, 0, make.riser(canvas.rate, 4 * bar_seconds), 0.32)
    canvas.add(46, 0, make.riser(canvas.rate, 2 * bar_seconds), 0.14)
    for step in range(64):
        every = 4 if step < 32 else 2 if step < 48 else 1
        if step % every == 0 and step < 62:
            canvas.add(BUILD, step, clap, 0.06 + 0.26 * (step / 64) ** 1.5)


def _bass(canvas: Canvas) -> None:
    sixteenth = 15.0 / DEMO_BPM
    notes = cache(lambda note: make.bass(canvas.rate, note, 1.25 * sixteenth))
    for bar in range(BARS):
        root = chord(bar)[0]
        if GROOVE <= bar < BREAK or DROP <= bar < OUTRO:
            for step, up in DROP_STEPS if bar >= DROP else BASS_STEPS:
                canvas.add(bar, step, notes(root + up), 0.4)
        elif BREAK <= bar < BUILD and bar % 2 == 0:
            canvas.add(bar, 0, make.bass(canvas.rate, root, 30 * sixteenth), 0.3)


def _pads(canvas: Canvas) -> None:
    length = 8 * 60.0 / DEMO_BPM
    voices = cache(lambda notes, harmonics: make.pad(canvas.rate, notes, length, harmonics))
    for bar in range(0, BARS, 2):
        notes = chord(bar)[1]
        opened = _openness(bar)
        canvas.add(bar, 0, voices(notes, 3), 0.34 * (1.0 - 0.6 * opened))
        if opened > 0.0:
            canvas.add(bar, 0, voices(notes, 18), 0.4 * opened)


def _openness(bar: int) -> float:
    """How far the filter is open, 0..1, over the piece."""
    points = (
        (0, 0.0),
        (6, 0.25),
        (GROOVE, 0.2),
        (22, 0.5),
        (BREAK, 0.35),
        (30, 1.0),
        (DROP, 0.7),
        (42, 0.85),
        (46, 0.1),
    )
    return float(np.interp(bar, [p[0] for p in points], [p[1] for p in points]))


def _tunes(canvas: Canvas) -> None:
    delay = 3 * canvas.beat // 4
    plucks = cache(lambda note, bright: make.echo(make.pluck(canvas.rate, note, bright / 4), delay, (0.42, 0.25, 0.12)))
    for bar in range(BARS):
        bright = round(4 * min(1.0, _openness(bar) + 0.15))
        level = 0.09 if bar < 4 else 0.13 if bar < ARP else 0.2
        playing = bar < GROOVE or bar >= ARP
        notes = chord(bar)[1]
        for step, voice in enumerate(ARP_ORDER if playing else ()):
            if bar < 4 and step % 2:
                continue
            octave = 12 if (step + bar) % 5 else 24
            canvas.add(bar, step, plucks(notes[voice] + octave, bright), level, 0.3 if step % 2 else -0.3)
    _lead(canvas)


def _lead(canvas: Canvas) -> None:
    sixteenth = 15.0 / DEMO_BPM
    voices = cache(
        lambda note, steps: make.echo(
            make.lead(canvas.rate, note, steps * sixteenth), 3 * canvas.beat // 4, (0.35, 0.2, 0.1)
        )
    )
    for start in (20, 26, 32, 34, 36, 38, 40, 42):
        for step, note, steps in MELODY:
            up = -12 if start == 26 else 0
            canvas.add(start, step, voices(note + up, steps), 0.17)


def render_demo(rate: int = 48_000) -> tuple[NDArray[np.float32], int]:
    """(samples (n, 2) float32 in -1..1, rate): the whole loop, 92.2 s, the same on every run.

    About -14 LUFS, peaks under -0.5 dBFS. Takes around a second: call it off the render thread."""
    ducked, loose = Canvas(rate), Canvas(rate)
    _bass(ducked)
    _pads(ducked)
    _tunes(ducked)
    ducked.pump(0.62)
    _drums(loose)
    mix = np.add(ducked.samples, loose.samples, out=ducked.samples)
    mix *= np.float32(MASTER)
    np.tanh(mix, out=mix)
    mix *= np.float32(0.95)
    return np.ascontiguousarray(mix.T), rate
