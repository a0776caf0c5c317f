"""Test music with known beats, played on the demo's instruments, and how to score a tracker on it."""

from __future__ import annotations

import numpy as np

from morphogen.audio import instruments as make
from morphogen.audio.spectrum import Spectrum
from morphogen.audio.tempo import BeatTracker
from morphogen.tempo import Transport

RATE = 48_000
# Eighths of a bar: kick, snare, bass.
PATTERNS = {
    "four": ((0, 2, 4, 6), (2, 6), (1, 3, 5, 7)),
    "rock": ((0, 4), (2, 6), (0, 1, 3, 4, 6, 7)),
    "broken": ((0, 5), (2, 6), (0, 3, 5)),
}
CHORDS = ((45, (60, 64, 69)), (41, (57, 60, 65)), (48, (55, 60, 64)), (43, (55, 59, 62)))
TEMPI = (87.0, 120.0, 128.0, 174.0)


def groove(bpm, seconds, pattern="four", hats=0.9, rate=RATE, start=0.3, drums=1.0, drift=0.0, noise=0.0):
    """(samples (n,) float32, beat times (m,) in seconds). `hats` is the level of open hats on every off-beat."""
    out = np.zeros(round((seconds + 4) * rate), np.float32)
    kick, clap, hat = make.kick(rate), make.clap(rate).mean(axis=0), make.hat(rate, 0.09)
    kicks, snares, basses = PATTERNS[pattern]
    beats, time, index = [], start, 0
    while time < seconds:
        here = bpm * (1 + drift * time / seconds)
        eighth = 30.0 / here
        step = index % 8
        bass, notes = CHORDS[index // 16 % 4]
        if index % 2 == 0:
            beats.append(time)
        else:
            _put(out, rate, time, hat, hats)
        if index % 16 == 0:
            _put(out, rate, time, make.pad(rate, notes, 15.5 * eighth, 8).mean(axis=0), 0.5)
        if step in basses:
            _put(out, rate, time, make.bass(rate, bass, 0.9 * eighth), 0.35)
        if step in kicks:
            _put(out, rate, time, kick, 0.9 * drums)
        if step in snares:
            _put(out, rate, time, clap, 0.5 * drums)
        time += eighth
        index += 1
    out = out[: round(seconds * rate)]
    if noise:
        out += (np.random.default_rng(1).standard_normal(len(out)) * noise).astype(np.float32)
    return (0.5 * out).astype(np.float32), np.array(beats)


def _put(out, rate, time, wave, gain):
    at = round(time * rate)
    part = wave[: max(0, len(out) - at)]
    out[at : at + len(part)] += np.float32(gain) * part


def track(samples, rate, block=480):
    """Run the causal chain: (tempo seen at the end of each 0.1 s (t, bpm, confidence), times of the shown beats)."""
    spectrum, transport = Spectrum(rate), Transport()
    tracker = BeatTracker(spectrum.hop_seconds)
    seen, beats, before = [], [], None
    for at in range(0, len(samples), block):
        for raw in spectrum.feed(samples[at : at + block]):
            heard = tracker.step(raw.pulse, raw.time)
            if heard is not None:
                transport.follow(heard.bpm, heard.beat_time, heard.confidence, raw.time)
                seen.append((raw.time, heard.bpm, heard.confidence))
            beat = transport.state(raw.time).beat
            if before is not None and np.floor(beat) > np.floor(before):
                share = (np.floor(beat) - before) / (beat - before)
                beats.append(raw.time - spectrum.hop_seconds * (1 - share))
            before = beat
    return np.array(seen).reshape(-1, 3), np.array(beats)


def score(shown, true, after=6.0, tolerance=0.05):
    """(F1, mean offset in s of the matched ones) of shown beats against true ones, from `after` seconds on."""
    shown, true = shown[shown >= after], true[true >= after]
    if len(shown) == 0 or len(true) == 0:
        return 0.0, 0.0
    true = true[true <= shown[-1] + tolerance]
    offsets = np.array([shown[np.argmin(np.abs(shown - beat))] - beat for beat in true])
    hits = np.abs(offsets) <= tolerance
    f1 = 2 * hits.sum() / (len(shown) + len(true))
    return float(min(f1, 1.0)), float(offsets[hits].mean()) if hits.any() else 0.0


def tempo_error(seen, bpm, after=6.0):
    """Median relative error of the tempo from `after` seconds on."""
    late = seen[seen[:, 0] >= after, 1]
    return float(np.median(np.abs(late / bpm - 1.0))) if len(late) else 1.0
