"""What this machine plays: heard from a real sound server, and rule by rule from outputs that can be pulled out."""

from __future__ import annotations

import importlib.util
import sys
import threading
import types

import numpy as np
import pytest

from fake_sound import wait
from morphogen.errors import Unavailable
from morphogen_bridges import soundcards
from morphogen_bridges.sources import audio_loopback
from morphogen_bridges.sources.audio_loopback import AudioLoopback
from test_audio_pulse import PATHS, play_beside, pulse  # noqa: F401  (the fixture)

PLAYER = """
import subprocess, sys, time, threading, numpy as np
sys.path[:0] = {paths!r}
from fakes import FakeHost
from morphogen.clock import WallClock
from morphogen.audio.engine import AudioEngine
from morphogen.audio.features import AudioSettings
from morphogen.tempo import Transport
from morphogen_bridges import soundcards
from morphogen_bridges.probes.audio import list_loopbacks
from morphogen_bridges.sources.audio_loopback import AudioLoopback

host = FakeHost()
host.clock = WallClock()
host.audio = AudioEngine(host.clock, Transport(), AudioSettings)

def until(what, condition):
    for _ in range(1000):
        if condition():
            print(what, flush=True)
            return
        time.sleep(0.02)
    raise SystemExit("%s did not happen: %s %s %s" % (what, default.stats(), default.describe(), host.audio.stats()))

def hears():
    f = host.audio.features(host.clock.now())
    return f.rms > 0.5 and f.mid > 0.5 and f.treble < 0.1 and -13 < host.audio.level_db < -8

def play(sink):
    return subprocess.Popen(["paplay", "--raw", "--rate=48000", "--format=float32le", "--channels=1",
                             "--device=" + sink, {tone!r}])

pactl = lambda *words: subprocess.run(["pactl", *words], check=True, capture_output=True)
pactl("load-module", "module-null-sink", "sink_name=booth", "sink_properties=device.description=Booth")
pactl("set-default-sink", "vj")
default, named = AudioLoopback(), AudioLoopback("booth")
default.open(host)
quiet = FakeHost()
named.open(quiet)
rows = list_loopbacks()
assert [row["default"] for row in rows] == [True, False] and rows[1]["name"] == "Booth", rows
until("silence is no error", lambda: default.stats()["blocks"] > 50 and host.audio.level_db == -120)
player = play("vj")
until("heard", hears)
player.kill(); player.wait()
until("quiet", lambda: host.audio.features(host.clock.now()).rms == 0)
pactl("set-default-sink", "booth")
until("moved", lambda: default.stats()["rebinds"] == 1 and "Booth" in default.describe()["text"])
player = play("booth")
until("heard there", hears)
until("the named one hears too", lambda: any(np.abs(block).max() > 0.4 for block, _ in quiet.audio.blocks[-50:]))
assert named.stats()["rebinds"] == 0
player.kill(); player.wait()
print("unplug", flush=True)
until("gone", lambda: not default.stats()["connected"] and not named.stats()["connected"])
print("plug", flush=True)
until("back", lambda: default.stats()["rebinds"] == 2)
player = play("vj")
until("heard again", hears)
assert not named.stats()["connected"], "another output in its place"
player.kill(); player.wait()
default.close(); named.close(); host.audio.close()
print("done", flush=True)
"""


@pytest.mark.device
def test_a_real_sound_server_moved_stopped_and_started(pulse, tmp_path):  # noqa: F811
    if importlib.util.find_spec("soundcard") is None:
        pytest.skip('needs soundcard: pip install "morphogen[loopback]"')
    tone = tmp_path / "tone.f32"
    (0.5 * np.sin(2 * np.pi * 440 * np.arange(48_000 * 60) / 48_000)).astype(np.float32).tofile(tone)
    play_beside(pulse, tmp_path, PLAYER.format(paths=PATHS, tone=str(tone)))


class FakeStream:
    """As WASAPI behaves behind soundcard: blocks until something is played, raises when its device has gone."""

    def __init__(self, sound, id, rate, channels, blocksize):
        assert (rate, channels, blocksize) == (48_000, 2, 240)
        self.sound, self.id = sound, id
        self.entered = self.left = 0

    def __enter__(self):
        self.sound.check(self.id)
        self.entered += 1
        self.thread = threading.current_thread()
        self.sound.streams.append(self)
        return self

    def __exit__(self, *error):
        self.left += 1

    def record(self, numframes=None):
        assert numframes is None, "what is there now, and not so many frames"
        assert self.entered == 1
        assert self.left == 0
        assert threading.current_thread() is self.thread
        while not self.sound.played[self.id].wait(0.01):
            self.sound.check(self.id)
        return np.full((240, 2), 0.5, np.float64)


class FakeCards(types.ModuleType):
    """As much of soundcard as is used, with Windows' names: a loopback is called like its speaker and has its id."""

    def __init__(self):
        super().__init__("soundcard")
        self.names = {"{1}": "Speakers", "{2}": "Headphones", "{3}": "Headphones (USB)"}
        self.default = "{1}"
        self.played = {id: threading.Event() for id in self.names}
        self.streams = []

    def check(self, id):
        if id not in self.names:
            raise RuntimeError("Error 0x88890004")  # AUDCLNT_E_DEVICE_INVALIDATED

    def default_speaker(self):
        self.check(self.default)
        return types.SimpleNamespace(id=self.default)

    def all_microphones(self, include_loopback=False):
        assert include_loopback
        loops = [
            types.SimpleNamespace(id=id, name=name, isloopback=True, channels=8) for id, name in self.names.items()
        ]
        return [*loops, types.SimpleNamespace(id="{9}", name="Microphone", isloopback=False, channels=1)]

    def get_microphone(self, id, include_loopback=False):
        assert include_loopback
        self.check(id)

        def recorder(samplerate, channels=None, blocksize=None, exclusive_mode=False):
            assert not exclusive_mode
            return FakeStream(self, id, samplerate, channels, blocksize)

        return types.SimpleNamespace(channels=8, recorder=recorder)


@pytest.fixture
def cards(monkeypatch):
    fake = FakeCards()
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "soundcard", fake)
    monkeypatch.delitem(sys.modules, "soundcard.pulseaudio", raising=False)
    monkeypatch.setattr(audio_loopback, "LOOK_SECONDS", 0.02)
    return fake


@pytest.fixture
def listen(cards, host):
    opened = []

    def begin(name=""):
        source = AudioLoopback(name)
        source.open(host)
        opened.append(source)
        return source

    yield begin
    for event in cards.played.values():
        event.set()
    for source in opened:
        source.close()


def test_what_the_default_output_plays_is_heard_as_float32_stereo(listen, cards, host):
    source = listen()
    assert source.describe() == {"device": "Speakers", "rate": 48_000, "connected": True,
                                 "text": "listening to what Speakers plays"}  # fmt: skip
    assert not host.audio.blocks, "silence is no sound and no error"
    cards.played["{1}"].set()
    assert wait(lambda: len(host.audio.blocks) > 3)
    block, rate = host.audio.blocks[0]
    assert (block.shape, block.dtype, rate) == ((240, 2), np.float32, 48_000)
    assert source.stats()["blocks"] > 3


def test_it_goes_where_the_sound_goes(listen, cards, host):
    source = listen()
    cards.default = "{2}"
    assert wait(lambda: source.stats()["rebinds"] == 1)
    assert source.describe()["device"] == "Headphones"
    cards.played["{2}"].set()
    assert wait(lambda: host.audio.blocks)
    cards.played["{1}"].set()  # the old ear wakes, and ends
    assert wait(lambda: cards.streams[0].left == 1)


def test_an_output_by_name_is_waited_for_and_never_replaced(listen, cards, host):
    source = listen("Headphones")
    name = cards.names.pop("{2}")
    assert wait(lambda: not source.stats()["connected"])
    assert source.describe()["text"] == "waiting for Headphones"
    assert not wait(lambda: source.stats()["connected"], seconds=0.2)
    cards.names["{2}"] = name
    assert wait(lambda: source.stats()["connected"])
    assert source.stats()["rebinds"] == 1
    assert source.describe()["device"] == "Headphones"


def test_the_default_moves_on_when_its_output_is_pulled_out(listen, cards):
    source = listen()
    del cards.names["{1}"]
    cards.default = "{2}"
    assert wait(lambda: source.describe()["device"] == "Headphones" and source.stats()["connected"])


def test_closing_lets_go_of_the_stream_and_may_be_undone(listen, cards, host):
    source = listen()
    cards.played["{1}"].set()
    assert wait(lambda: host.audio.blocks)
    source.close()
    assert cards.streams[0].left == 1
    count = len(host.audio.blocks)
    source.open(host)
    assert wait(lambda: len(host.audio.blocks) > count)


@pytest.mark.parametrize(("name", "said"), [
    ("kitchen", "there is no output called 'kitchen'"), ("phones", "2 outputs are called like 'phones'"),
])  # fmt: skip
def test_names_that_fit_none_or_several_are_refused_with_a_list(listen, name, said):
    with pytest.raises(Unavailable, match=said) as error:
        listen(name)
    assert "Headphones" in str(error.value)


def test_no_output_at_all_is_said(listen, cards):
    cards.names.clear()
    with pytest.raises(Unavailable, match="cannot be listed"):
        listen()


def test_macos_is_told_of_blackhole(monkeypatch, host):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(Unavailable, match="macOS lets no program hear") as error:
        AudioLoopback().open(host)
    assert "BlackHole" in error.value.cure
    assert "device:BlackHole" in error.value.cure


def test_without_the_package_it_says_what_to_install(monkeypatch, host):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "soundcard", None)
    with pytest.raises(Unavailable, match="cannot be heard") as error:
        soundcards.load()
    assert error.value.cure == 'pip install "morphogen[loopback]"'
