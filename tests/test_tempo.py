from __future__ import annotations

import numpy as np
import pytest

from morphogen.audio import demo
from morphogen.audio.tempo import BeatTracker
from music import RATE, TEMPI, groove, score, tempo_error, track


@pytest.mark.parametrize("bpm", TEMPI)
def test_kick_snare_bass_chords_and_loud_off_beat_hats(bpm):
    seen, beats = track(*_with_rate(groove(bpm, 22)))
    truth = groove(bpm, 22)[1]
    assert tempo_error(seen, bpm) < 0.02
    f1, offset = score(beats, truth)
    assert f1 > 0.95
    assert abs(offset) < 0.02


@pytest.mark.parametrize("bpm", [87.0, 120.0, 128.0])
def test_kick_and_snare_in_turn_with_very_loud_hats(bpm):
    samples, truth = groove(bpm, 22, "rock", hats=1.6)
    seen, beats = track(samples, RATE)
    assert tempo_error(seen, bpm) < 0.02
    assert score(beats, truth, after=9.0)[0] > 0.9


def test_noise_and_level_do_not_matter():
    samples, truth = groove(124, 20, noise=0.05)
    for gain in (1.0, 0.01):
        seen, beats = track(gain * samples, RATE)
        assert tempo_error(seen, 124) < 0.01
        assert score(beats, truth)[0] > 0.95


def test_a_slowly_changing_tempo_is_followed():
    samples, truth = groove(118, 36, drift=0.03)
    assert score(track(samples, RATE)[1], truth, after=8.0)[0] > 0.85


def test_the_demo_track():
    samples, rate = demo.render_demo()
    seen, beats = track(samples, rate)
    assert tempo_error(seen, demo.DEMO_BPM) < 0.005
    truth = demo.DEMO_FIRST_BEAT + np.arange(demo.BARS * 4) * 60 / demo.DEMO_BPM
    f1, offset = score(beats, truth)
    assert f1 > 0.95
    assert abs(offset) < 0.02


def test_honest_failure_half_time_drum_and_bass():
    """Documented: kick and snare in turn at 174 is heard as 87. When this fails, the docs can be rewritten."""
    seen, _ = track(*_with_rate(groove(174, 22, "rock")))
    assert min(tempo_error(seen, 174), tempo_error(seen, 87)) < 0.02


def test_silence_and_noise_are_not_trusted():
    quiet, _ = track(np.zeros(8 * RATE, np.float32), RATE)
    assert (quiet[:, 2] == 0).all()
    noise = (0.1 * np.random.default_rng(0).standard_normal(15 * RATE)).astype(np.float32)
    hiss, _ = track(noise, RATE)
    assert np.median(hiss[:, 2]) < 0.25


def test_confidence_falls_when_the_music_stops():
    samples = np.concatenate([groove(120, 12)[0], np.zeros(8 * RATE, np.float32)])
    seen, _ = track(samples, RATE)
    assert seen[seen[:, 0] < 12][-1, 2] > 0.5
    assert seen[-1, 2] == 0.0
    assert seen[-1, 1] == pytest.approx(120, rel=0.02)


def test_the_same_every_run():
    samples, _ = groove(120, 10)
    first, second = track(samples, RATE), track(samples, RATE, block=1000)
    np.testing.assert_array_equal(first[0], second[0])


def test_envelopes_without_sense_give_numbers():
    for values in (np.ones(1000), np.random.default_rng(1).random(1000) * 1e6, np.zeros(1000)):
        tracker = BeatTracker(0.01)
        for index, value in enumerate(values):
            heard = tracker.step(float(value), index * 0.01)
        assert heard is None or np.isfinite([heard.bpm, heard.beat_time, heard.confidence]).all()


def _with_rate(made):
    return made[0], RATE
