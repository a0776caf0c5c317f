from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from morphogen.audio.engine import AudioEngine
from morphogen.audio.features import NAMES, SILENCE, AudioSettings
from morphogen.audio.listener import HISTORY, History
from morphogen.audio.ring import Ring
from morphogen.clock import FixedStepClock, ManualClock
from morphogen.errors import ParamError
from morphogen.tempo import Transport
from music import RATE, groove


class Rig:
    def __init__(self, clock=None):
        self.clock = clock or ManualClock(100.0)
        self.transport = Transport()
        self.settings = AudioSettings()
        self.engine = AudioEngine(self.clock, self.transport, lambda: self.settings)
        self.engine.restart("device")

    def play(self, samples, block=480, rate=RATE):
        """Offline: features at the end of each block."""
        out = []
        for at in range(0, len(samples), block):
            self.engine.process(samples[at : at + block], rate)
            self.clock.advance(len(samples[at : at + block]) / rate)
            out.append(self.engine.features(self.clock.now()))
        return out


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.engine.close()


@pytest.fixture(scope="module")
def music():
    return groove(120, 10)[0]


def wait(condition, seconds=20.0):
    for _ in range(round(seconds / 0.005)):
        if condition():
            return True
        time.sleep(0.005)
    return condition()


def test_nothing_heard_is_silence(rig):
    features = rig.engine.features(100.0)
    assert replace(features, progress=0.0, time=0.0) == SILENCE
    assert rig.engine.level_db == -120.0


def test_offline_music_moves_the_features(rig, music):
    heard = rig.play(music[: 5 * RATE])
    for name in ("bass", "mid", "rms", "flux", "onset", "beat", "treble"):
        values = np.array([getattr(f, name) for f in heard[200:]])
        assert np.ptp(values) > 0.3, name
    assert -60 < rig.engine.level_db < 0


def test_pushing_gives_what_processing_gives(music):
    """One implementation: the thread publishes exactly the history that `process` publishes."""
    live, offline = Rig(), Rig()
    part = music[: 2 * RATE]
    for at in range(0, len(part), 480):
        block = part[at : at + 480]
        offline.engine.process(block, RATE)
        offline.clock.advance(0.01)
        live.clock.advance(0.01)
        live.engine.push(block, RATE)
        assert wait(lambda n=at // 480 + 1: live.engine.stats().get("hops", 0) == n)
        if at > RATE:
            a, b = live.engine.features(live.clock.now() + 1e-4), offline.engine.features(offline.clock.now() + 1e-4)
            for name in ("bass", "mid", "treble", "centroid", "rolloff", "flux", "rms", "onset"):
                assert getattr(a, name) == pytest.approx(getattr(b, name), abs=1e-6), name
    live.engine.close()
    assert not [t for t in threading.enumerate() if t.name == "audio-analysis" and t.is_alive()]


def test_delay_looks_back(music):
    now, late = Rig(), Rig()
    late.settings = AudioSettings(delay_ms=200)
    a, b = now.play(music[: 3 * RATE]), late.play(music[: 3 * RATE])
    for name in ("bass", "rms", "onset"):
        ahead = [getattr(f, name) for f in a[100:250]]
        behind = [getattr(f, name) for f in b[120:270]]
        np.testing.assert_allclose(ahead, behind, atol=1e-6)


def test_the_beat_comes_from_the_tempo_clock_when_a_person_set_it(rig):
    rig.transport.set_bpm(120, 100.0)
    rig.transport.beat(100.0)
    assert rig.engine.features(110.0).beat == pytest.approx(1.0, abs=1e-6)
    assert rig.engine.features(110.25).beat == pytest.approx(np.exp(-250 / 120), rel=1e-6)


def test_the_tracker_takes_over_the_beat(rig, music):
    heard = rig.play(music)
    state = rig.transport.state(rig.clock.now())
    assert state.source == "audio"
    assert state.bpm == pytest.approx(120, rel=0.01)
    beats = np.array([f.beat for f in heard[-200:]])
    assert 3 <= np.sum((beats[1:] > 0.6) & (beats[:-1] < 0.3)) <= 4


def test_a_known_track_sets_tempo_bar_and_progress(rig):
    rig.engine.restart("demo", bpm=125.0, first_beat=0.0)
    for _ in range(400):
        rig.clock.advance(0.01)
        rig.engine.position(rig.clock.now() - 100.0, 8.0)
    features = rig.engine.features(rig.clock.now())
    assert features.progress == pytest.approx(0.5, abs=0.01)
    assert features.time == pytest.approx(4.0, abs=0.01)
    state = rig.transport.state(rig.clock.now())
    assert (state.source, state.bpm) == ("track", 125.0)
    assert state.bar_phase_at(rig.clock.now()) == pytest.approx(4.0 / 1.92 % 1, abs=0.01)


def test_live_progress_is_a_slow_triangle(rig):
    values = [rig.engine.features(100.0 + t).progress for t in range(0, 481, 10)]
    assert values[0] == 0.0
    assert values[12] == pytest.approx(1.0)
    assert values[24] == pytest.approx(0.0)
    assert np.abs(np.diff(values)).max() < 0.09


def test_external_features_win_for_a_second(rig, music):
    rig.play(music[:RATE])
    now = rig.clock.now()
    rig.engine.set_external("bass", 0.123, now)
    rig.engine.set_external("progress", 7.0, now)
    assert rig.engine.features(now + 0.9).bass == 0.123
    assert rig.engine.features(now + 0.9).progress == 1.0
    assert rig.engine.features(now + 1.1).bass != 0.123


@pytest.mark.parametrize("name", ["onset", "beat"])
def test_a_pulse_from_outside_that_is_over_before_the_frame_shows_for_one_frame(rig, name):
    rig.engine.restart("osc")
    for value in (0.0, 1.0, 0.0):
        rig.engine.set_external(name, value, 100.0)
    rig.engine.set_external("bass", 1.0, 100.0)
    rig.engine.set_external("bass", 0.25, 100.0)
    seen = [rig.engine.features(100.0 + n / 60) for n in range(3)]
    assert [getattr(features, name) for features in seen] == [1.0, 0.0, 0.0]
    assert [features.bass for features in seen] == [0.25] * 3, "a level is what it is now"
    rig.engine.set_external(name, 1.0, 100.1)
    assert [getattr(rig.engine.features(100.1 + n / 60), name) for n in range(3)] == [1.0] * 3, "until it falls"


def test_external_features_stay_when_the_source_is_osc(rig):
    rig.engine.restart("osc")
    rig.engine.set_external("mid", 0.4, 100.0)
    assert rig.engine.features(5000.0).mid == 0.4


@pytest.mark.parametrize(
    ("name", "value", "text"), [("volume", 0.5, "no audio feature"), ("bass", float("nan"), "finite")]
)
def test_wrong_external_features_are_refused_readably(rig, name, value, text):
    with pytest.raises(ParamError, match=text) as error:
        rig.engine.set_external(name, value, 0.0)
    assert error.value.cure


def test_a_source_that_stops_fades_to_silence(rig, music):
    rig.play(music[: 3 * RATE])
    now = rig.clock.now()
    assert rig.engine.features(now).rms > 0.1
    assert rig.engine.features(now + 0.1).rms == pytest.approx(rig.engine.features(now).rms)
    gone = rig.engine.features(now + 2.0)
    assert all(getattr(gone, name) == 0.0 for name in NAMES if name != "progress")


def test_restart_forgets(rig, music):
    rig.play(music[: 2 * RATE])
    rig.engine.xrun()
    assert rig.engine.stats()["xruns"] == 1
    rig.engine.restart("none")
    stats = rig.engine.stats()
    assert (stats["xruns"], stats["source"], stats["rate"]) == (0, "none", 0)
    assert rig.engine.features(rig.clock.now()).rms == 0.0


def test_the_rate_may_change_in_mid_stream(rig, music):
    rig.play(music[:RATE])
    heard = rig.play(music[: 2 * RATE], rate=44_100)
    assert rig.engine.stats()["rate"] == 44_100
    assert max(f.bass for f in heard) > 0.3


def test_fixed_step_clock_gives_the_same_twice(music):
    def render():
        clock = FixedStepClock()
        engine = AudioEngine(clock, Transport(), AudioSettings)
        out = []
        for frame in range(120):
            engine.process(music[frame * 800 : (frame + 1) * 800], RATE)
            clock.wait_until((frame + 1) / 60)
            out.append(engine.features(clock.now()))
        return out

    assert render() == render()


def test_bad_sound_does_not_end_the_analysis(rig, music):
    rig.engine.push(music[:480], 17)
    rig.engine.push(music[:4800], RATE)
    assert wait(lambda: rig.engine.stats().get("hops", 0) == 10)


def test_close_twice_and_go_on(rig, music):
    rig.engine.push(music[:480], RATE)
    rig.engine.close()
    rig.engine.close()
    rig.engine.push(music[:4800], RATE)
    assert wait(lambda: rig.engine.stats().get("hops", 0) >= 10)


def test_ring_keeps_the_newest_and_counts_what_is_lost():
    ring = Ring(capacity=1000)
    data = np.arange(3000, dtype=np.float32)
    for at in range(0, 3000, 300):
        ring.write(data[at : at + 300], RATE, at / RATE)
    blocks = []
    while (block := ring.read()) is not None:
        blocks.append(block)
    assert ring.overruns == 7
    np.testing.assert_array_equal(np.concatenate([b.samples for b in blocks]), data[2100:])
    assert blocks[0].index == 2100


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_ring_mixes_down_and_wraps(channels):
    ring = Ring(capacity=700)
    data = np.random.default_rng(0).standard_normal((500, channels)).astype(np.float32)
    for _ in range(3):
        ring.write(data, RATE, 0.0)
        np.testing.assert_allclose(ring.read().samples, data.mean(axis=1), atol=1e-6)
    assert ring.read() is None
    ring.write(data[:0], RATE, 0.0)
    assert ring.read() is None


def test_history_finds_the_newest_at_a_time():
    history = History()
    assert history.at(1.0) is None
    for index in range(HISTORY + 50):
        history.add(SILENCE, index * 0.01)
    assert history.at(99.0)[1] == pytest.approx((HISTORY + 49) * 0.01)
    assert history.at(2.505)[1] == pytest.approx(2.5)
    assert history.at(-5.0)[1] == pytest.approx(0.5)


def test_importing_loads_the_standard_library_and_numpy_only():
    import subprocess

    code = (
        "import sys; import morphogen.audio.engine, morphogen.audio.demo, morphogen.tempo;"
        "print([m for m in ('sounddevice','soundfile','librosa','scipy','morphogen_bridges') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_others_hear_what_is_pushed(rig):
    heard, late = [], []
    leave = rig.engine.hear(lambda samples, rate, end: heard.append((samples.copy(), rate, end)))
    rig.engine.hear(lambda samples, rate, end: late.append(end))
    block = np.linspace(-1, 1, 960, dtype=np.float32).reshape(480, 2)
    rig.engine.push(block, 48000)
    rig.clock.advance(0.01)
    leave()
    rig.engine.push(block[:100], 44100)
    assert [(rate, end) for _, rate, end in heard] == [(48000, 100.0)]
    assert np.array_equal(heard[0][0], block), "both channels, untouched"
    assert late == [100.0, pytest.approx(100.01)]
