"""The key as it is heard: every key, badly tuned, in noise, with and without drums, and what is no music at all."""

from __future__ import annotations

import math

import numpy as np
import pytest

from morphogen.audio import instruments as make
from morphogen.audio.engine import AudioEngine
from morphogen.audio.features import AudioSettings
from morphogen.audio.key import SURE, Key, KeyTracker
from morphogen.clock import ManualClock
from morphogen.tempo import Transport

RATE = 16_000
CHORD = 0.5
MAJOR, MINOR = (0, 4, 7), (0, 3, 7)
RANDOM = np.random.default_rng(1)
NOISE = RANDOM.standard_normal(40 * RATE).astype(np.float32)


def note(semitones, seconds=CHORD, cents=0.0, harmonics=8, rate=RATE):
    """Semitones above middle C."""
    t = np.arange(round(seconds * rate)) / rate
    hertz = 440 * 2 ** ((semitones - 9 + cents / 100) / 12)
    wave = sum(np.sin(math.tau * k * hertz * t + k) / k for k in range(1, harmonics + 1) if k * hertz < 0.45 * rate)
    return wave * np.minimum(1, t / 0.01) * np.minimum(1, (seconds - t) / 0.03)


def cadence(tonic, minor, times=4, noise=0.02, **how):
    """Tonic, subdominant, dominant, tonic, with a bass: 2 s each time."""
    own = MINOR if minor else MAJOR
    chords = ((0, own), (5, own), (7, MAJOR), (0, own))
    parts = []
    for root, chord in chords:
        low = tonic + root
        parts.append(sum(note(low + step, **how) for step in chord) + note(low % 12 - 12, **how))
    music = 0.08 * np.tile(np.concatenate(parts), times)
    return (music + noise * NOISE[: len(music)]).astype(np.float32)


def drums(seconds):
    out = 0.01 * NOISE[: round(seconds * RATE)]
    hits = ((make.kick(RATE), 0.0, 0.8), (make.hat(RATE), 0.25, 0.4), (make.clap(RATE).mean(axis=0), 0.5, 0.5))
    for wave, first, gain in hits:
        for at in np.arange(first, seconds - 0.5, 0.5 if first < 0.5 else 1.0):
            begin = round(at * RATE)
            out[begin : begin + len(wave)] += np.float32(gain) * wave
    return out


def listen(samples, tracker=None):
    """What was heard five times a second."""
    tracker = tracker or KeyTracker(RATE)
    said = []
    for at in range(0, len(samples) - RATE // 100 + 1, RATE // 100):
        tracker.step(samples[at : at + RATE // 100])
        said.append(tracker.key)
    return said[19::20]


def names(said):
    """Every key once, in order."""
    found = [str(key) for key in said if key]
    return [name for name, before in zip(found, ["", *found], strict=False) if name != before]


@pytest.mark.parametrize("minor", [False, True])
@pytest.mark.parametrize("tonic", range(12))
def test_every_key(tonic, minor):
    key = listen(cadence(tonic, minor))[-1]
    assert (key.tonic, key.minor) == (tonic, minor)
    assert key.confidence > 0.6


@pytest.mark.parametrize("cents", [-40, -30, 30, 40])
def test_out_of_tune(cents):
    assert names(listen(cadence(3, False, cents=cents)))[-1] == "Eb major"


def test_drums_over_music_and_noise_as_loud_do_not_hide_it():
    music = cadence(7, True)
    assert names(listen(music + drums(len(music) / RATE)))[-1] == "G minor"
    assert names(listen(cadence(7, True, noise=float(music.std()))))[-1] == "G minor"


@pytest.mark.parametrize(
    "sound",
    [np.zeros(8 * RATE, np.float32), drums(8), 0.2 * NOISE[: 8 * RATE], 1e-4 * NOISE[: 8 * RATE]],
    ids=["silence", "drums", "noise", "hiss"],
)
def test_what_has_no_key_gives_none_and_takes_none(sound):
    tracker = KeyTracker(RATE)
    assert listen(sound, tracker) == [None] * 40
    before = listen(cadence(2, False), tracker)[-1]
    after = listen(np.tile(sound, 2), tracker)[-1]
    assert str(before) == str(after) == "D major", "the last one stays"
    assert after.confidence < SURE < before.confidence, "but nobody is sure of it"


def test_one_note_and_all_notes_say_little():
    chromatic = np.concatenate([note(step, 0.25) for step in (*range(12), *range(11, -1, -1))] * 2).astype(np.float32)
    assert len(names(listen(0.1 * chromatic))) <= 1, "it does not wander"


def test_a_modulation_is_heard_once_and_within_twelve_seconds():
    """From C to E major, which share three notes."""
    said = listen(np.concatenate([cadence(0, False), cadence(4, False, 7)]))
    assert names(said) == ["C major", "E major"]
    assert [str(key) for key in said].index("E major") < 5 * (8 + 12)


def test_a_touch_of_the_relative_key_does_not_flicker():
    there = np.concatenate([cadence(0, False), note(9) * 0.1 + note(12) * 0.1 + note(16) * 0.1, cadence(0, False, 2)])
    assert names(listen(there.astype(np.float32))) == ["C major"]


def test_neighbours_on_the_circle_of_fifths():
    major = [Key(7 * step % 12, False, 1.0).place for step in range(12)]
    steps = np.diff([*major, major[0]]) % 1.0
    assert np.allclose(steps, 1 / 12), "a fifth up is a twelfth of a turn"
    assert major[0] == 0.0
    for tonic in range(12):
        relative = Key((tonic + 9) % 12, True, 1.0).place - Key(tonic, False, 1.0).place
        assert 0 < relative % 1.0 < 1 / 24, "nearer to its relative major than to any other"
    assert all(-0.5 <= Key(tonic, minor, 1.0).place <= 0.5 for tonic in range(12) for minor in (False, True))


@pytest.mark.parametrize("rate", [8000, 44_100, 96_000])
def test_at_any_rate_of_the_sound_card(rate):
    tracker, hop = KeyTracker(rate), rate // 100
    music = 0.1 * np.concatenate([sum(note(r + s, 0.5, 0, 5, rate) for s in MAJOR) for r in (2, 7, 9, 2)] * 2)
    for at in range(0, len(music) - hop, hop):
        tracker.step(music[at : at + hop].astype(np.float32))
    assert str(tracker.key) == "D major"


class Ears:
    """The engine, offline."""

    def __init__(self, keys=True):
        self.clock, self.settings = ManualClock(10.0), AudioSettings(keys=keys)
        self.engine = AudioEngine(self.clock, Transport(), lambda: self.settings)

    def hear(self, samples, block=77):
        for at in range(0, len(samples), block):
            self.engine.process(samples[at : at + block], RATE)
        return self.engine.key


def test_the_engine_asks_only_when_wanted_and_says_what_it_heard():
    ears, music = Ears(keys=False), cadence(9, True)
    assert ears.hear(music[: 2 * RATE]) is None
    assert (ears.engine.stats()["key"], ears.engine.stats()["key_confidence"]) == ("", 0.0)
    ears.settings = AudioSettings(keys=True)
    assert str(ears.hear(music)) == "A minor"
    said = ears.engine.stats()
    assert said["key"] == "A minor"
    assert 0.6 < said["key_confidence"] <= 1
    ears.engine.restart("file")
    assert ears.engine.key is None, "another sound, another key"


def test_blocks_stereo_and_broken_samples_change_nothing():
    music = cadence(6, False)
    whole, parts = Ears(), Ears()
    stereo = np.stack([music, music], axis=1)
    stereo[RATE : RATE + 40] = np.nan
    stereo[2 * RATE] = np.inf
    assert str(whole.hear(music, len(music))) == str(parts.hear(stereo, 133)) == "F# major"


def test_silence_is_known_and_what_is_sent_in_is_believed():
    ears = Ears()
    assert silent(ears), "nothing came yet"
    ears.hear(cadence(0, False, 1))
    assert not silent(ears)
    ears.hear(np.zeros(RATE // 10, np.float32))
    assert silent(ears)
    ears.engine.set_external("centroid", 0.7, ears.clock.now())
    assert not silent(ears)


def silent(ears):
    ears.engine.features(ears.clock.now())
    return ears.engine.music.silent


def test_a_broken_driver_does_not_poison_what_follows():
    tracker = KeyTracker(RATE)
    assert listen(np.full(RATE, 1e30, np.float32), tracker) == [None] * 5
    assert str(listen(cadence(8, False), tracker)[-1]) == "Ab major"
