from __future__ import annotations

import sys
import threading
import time

import numpy as np
import pytest

from fake_sound import FakeSound, wait
from morphogen.clock import WallClock
from morphogen.errors import Unavailable
from morphogen_bridges import portaudio
from morphogen_bridges.sources import audio_device
from morphogen_bridges.sources.audio_device import AudioDevice, list_devices
from morphogen_bridges.sources.audio_track import AudioTrack

RATE = 48_000


@pytest.fixture
def sound(monkeypatch):
    fake = FakeSound(["Scarlett 2i2", "Built-in Microphone", "Built-in Line"])
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    monkeypatch.setattr(audio_device, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(portaudio, "_streams", 0)
    return fake


@pytest.fixture
def device(sound, host):
    source = AudioDevice("Scarlett 2i2")
    source.open(host)
    yield source
    source.close()


# --- devices by name


def test_devices_are_listed(sound):
    assert list_devices()[0] == {
        "name": "Scarlett 2i2", "channels": 2, "rate": 48_000, "default": True, "hostapi": "Windows WASAPI",
    }  # fmt: skip
    assert [row["name"] for row in list_devices()] == sound.plugged


@pytest.mark.parametrize(("asked", "found"), [("Scarlett 2i2", 0), ("scarlett", 0), ("Scarlett 2i2, Windows WASAPI", 0),
                                              ("LINE", 2), ("", 0)])  # fmt: skip
def test_names_exact_then_part(sound, asked, found):
    assert portaudio.find(asked)["index"] == found


def test_an_exact_name_beats_a_part(sound):
    sound.plugged = ["Mic", "Mic 2"]
    sound._initialize()
    assert portaudio.find("Mic")["index"] == 0


def test_the_same_device_in_two_host_apis_is_one(sound):
    sound.plugged = ["Scarlett 2i2@1", "Scarlett 2i2@0"]
    sound._initialize()
    assert portaudio.find("scarlett")["hostapi"] == "Windows WASAPI"


def test_missing_and_ambiguous_names_list_what_exists(sound, host):
    with pytest.raises(Unavailable, match="no sound input called 'Behringer'") as error:
        AudioDevice("Behringer").open(host)
    assert "'Scarlett 2i2', 'Built-in Microphone'" in error.value.cure
    with pytest.raises(Unavailable, match="2 sound inputs are called like 'built-in'") as error:
        AudioDevice("built-in").open(host)
    assert "whole name" in error.value.cure
    sound.plugged.clear()
    sound._initialize()
    with pytest.raises(Unavailable, match="there is no sound input"):
        AudioDevice("").open(host)


def test_missing_portaudio_names_the_package(monkeypatch, host):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(Unavailable, match="PortAudio library not found") as error:
        AudioDevice("x").open(host)
    assert "apt install libportaudio2" in error.value.cure
    with pytest.raises(Unavailable):
        list_devices()
    track = AudioTrack(np.zeros(480, np.float32), RATE)
    track.open(host)
    assert wait(lambda: track.stats()["state"] == "playing")
    assert "seen, not heard" in track.describe()["text"]
    track.close()


# --- the input


def test_the_callback_copies_and_counts(device, sound, host):
    stream = sound.streams[0]
    assert stream.options["latency"] == "low"
    assert stream.options["blocksize"] == 240
    block = np.ones((240, 2), np.float32)
    stream.call(block)
    stream.call(block, status=4)
    assert len(host.audio.blocks) == 2
    assert host.audio.blocks[0][1] == RATE
    assert host.audio.xruns == 1
    assert device.stats() == {"blocks": 2, "xruns": 1, "rebinds": 0, "latency_ms": 12.0, "connected": True}
    assert device.describe()["text"] == "listening to Scarlett 2i2"


def test_a_device_that_vanishes_is_waited_for_and_bound_again(device, sound, host):
    sound.plugged.remove("Scarlett 2i2")
    sound.streams[0].active = False
    assert wait(lambda: device.describe()["text"] == "waiting for Scarlett 2i2")
    scans = sound.scans
    assert wait(lambda: sound.scans > scans + 2)
    assert len(sound.streams) == 1, "bound to another device"
    sound.plugged.append("Scarlett 2i2")
    assert wait(lambda: device.stats()["rebinds"] == 1)
    assert sound.streams[-1].options["device"] == 2
    sound.streams[-1].call(np.zeros((240, 2), np.float32))
    assert len(host.audio.blocks) == 1


def test_a_driver_that_falls_silent_is_gone_too(device, sound, host):
    host.clock.advance(audio_device.QUIET_SECONDS + 1)
    assert wait(lambda: device.stats()["rebinds"] == 1)
    assert sound.streams[0].closed


def test_no_rescan_under_another_open_stream(device, sound):
    assert portaudio.rescan() is False
    device.close()
    assert portaudio.rescan() is True


def test_a_device_in_use_says_so(sound, host):
    sound.refuses = True
    with pytest.raises(Unavailable, match="'Scarlett 2i2' cannot be opened") as error:
        AudioDevice("Scarlett").open(host)
    assert error.value.cure


def test_close_is_idempotent_and_closes_the_stream(device, sound):
    device.close()
    device.close()
    assert sound.streams[0].closed
    assert device.stats()["connected"] is False


# --- tracks


@pytest.fixture
def silent(monkeypatch):
    """No sound card at all."""
    fake = FakeSound([])
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    monkeypatch.setattr(portaudio, "_streams", 0)


def play(host, track, seconds, step=0.05):
    """Move the clock until the track has pushed that much."""
    track.open(host)
    assert wait(lambda: track.stats()["state"] != "loading")
    goal = host.clock.now() + seconds
    while host.clock.now() < goal - 1e-9:
        before = host.clock.advance(step) - 100
        assert wait(lambda t=before: pushed(host) >= t * RATE - 0.008 * RATE or track.stats()["state"] == "ended")


def pushed(host):
    return sum(len(block) for block, _ in host.audio.blocks)


@pytest.fixture
def stage(host):
    host.clock.advance(100.0)
    return host


def test_a_track_is_paced_by_the_clock_without_drift(stage, silent):
    samples = np.arange(RATE, dtype=np.float32)
    track = AudioTrack(samples, RATE, title="ramp", loop=False)
    play(stage, track, 0.6)
    assert abs(pushed(stage) - 0.6 * RATE) <= 0.008 * RATE
    play(stage, track, 0.6)
    assert wait(lambda: track.stats()["state"] == "ended")
    np.testing.assert_array_equal(np.concatenate([b[:, 0] for b, _ in stage.audio.blocks]), samples)
    assert stage.audio.positions[-1] == (1.0, 1.0)
    assert track.describe()["text"].startswith("ramp: seen, not heard")
    track.close()


def test_a_loop_has_no_seam(stage, silent):
    samples = np.arange(0.1 * RATE, dtype=np.float32)
    track = AudioTrack(samples, RATE)
    play(stage, track, 0.35)
    track.close()
    heard = np.concatenate([b[:, 0] for b, _ in stage.audio.blocks])
    np.testing.assert_array_equal(heard, np.resize(samples, len(heard)))
    assert max(p for p, _ in stage.audio.positions) <= 0.1


def test_a_stalled_clock_causes_no_burst(stage, silent):
    track = AudioTrack(np.zeros(10 * RATE, np.float32), RATE)
    play(stage, track, 0.2)
    before = pushed(stage)
    stage.clock.advance(5.0)
    time.sleep(0.1)
    assert pushed(stage) - before < 0.1 * RATE
    track.close()


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
def test_files_of_every_kind(tmp_path, stage, silent, ending):
    soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE // 2) / RATE)
    path = tmp_path / f"tone.{ending}"
    try:
        soundfile.write(path, np.stack([tone, tone], axis=1), RATE)
    except soundfile.LibsndfileError as error:
        pytest.skip(f"this libsndfile cannot write {ending}: {error}")
    track = AudioTrack(str(path), loop=False)
    play(stage, track, 0.4)
    heard = np.concatenate([b for b, _ in stage.audio.blocks])
    assert heard.shape[1] == 2
    spectrum = np.abs(np.fft.rfft(heard[4800:14400, 0]))
    assert np.argmax(spectrum) * RATE / 9600 == pytest.approx(440, abs=5)
    assert track.title == "tone"
    track.close()


def test_files_that_cannot_be_played_say_why(tmp_path, host):
    with pytest.raises(Unavailable, match="no sound file") as error:
        AudioTrack(tmp_path / "gone.wav").open(host)
    assert error.value.cure
    broken = tmp_path / "broken.ogg"
    broken.write_bytes(b"this is not music" * 100)
    with pytest.raises(Unavailable, match="is no sound file that can be read") as error:
        AudioTrack(broken).open(host)
    assert "flac" in error.value.cure
    with pytest.raises(Unavailable, match="no samples"):
        AudioTrack(np.zeros(0, np.float32), RATE).open(host)
    with pytest.raises(Unavailable, match="sample rate"):
        AudioTrack(np.zeros(10, np.float32)).open(host)


def test_samples_may_be_made_on_the_thread(stage, silent):
    gate = threading.Event()

    def make():
        gate.wait(10)
        return np.ones((RATE, 2), np.float32), RATE

    track = AudioTrack(make, title="made", bpm=125.0)
    track.open(stage)
    assert track.stats()["state"] == "loading"
    assert not stage.audio.blocks
    gate.set()
    play(stage, track, 0.1)
    assert track.describe()["bpm"] == 125.0
    track.close()


def test_what_is_heard_is_what_is_pushed_when_it_is_heard(monkeypatch, host):
    fake = FakeSound([])
    fake.outputs = ["Speakers"]
    fake._initialize()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    monkeypatch.setattr(portaudio, "_streams", 0)
    samples = np.arange(RATE, dtype=np.float32).reshape(-1, 1).repeat(2, axis=1)
    track = AudioTrack(samples, RATE, title="ramp")
    track.open(host)
    for _ in range(20):
        fake.room.release()
    assert wait(lambda: fake.streams and len(fake.streams[0].written) == 21)
    stream = fake.streams[0]
    written, heard = sum(map(len, stream.written)), pushed(host)
    assert heard == pytest.approx(written - stream.latency * RATE, abs=2 * 384)
    np.testing.assert_array_equal(host.audio.blocks[0][0][:, 0], samples[:384, 0])
    assert track.describe()["text"] == "ramp: heard on Speakers"
    stream.active = False  # the card is pulled out
    for _ in range(5):
        fake.room.release()
    host.clock.advance(0.2)
    assert wait(lambda: not track.heard)
    assert wait(lambda: pushed(host) > heard)
    assert "Speakers is gone" in track.describe()["text"]
    track.close()


def test_a_track_ends_while_the_clock_stands_still(host, silent):
    track = AudioTrack(np.zeros(RATE, np.float32), RATE)
    track.open(host)
    track.close()
    assert not [t for t in threading.enumerate() if t.name == "audio-track"]


def test_the_wall_clock_paces_a_track(host, silent):
    host.clock = WallClock()
    track = AudioTrack(np.zeros(RATE, np.float32), RATE)
    track.open(host)
    assert wait(lambda: len(host.audio.blocks) > 5)
    track.close()
