"""Ableton Link: against another implementation on a loopback of its own, and rule by rule against a fake session."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

from fake_sound import wait
from morphogen.app import App
from morphogen.config import build
from morphogen.contracts import TempoState
from morphogen.errors import Unavailable
from morphogen_bridges.sources.link import LinkSession


class FakeState:
    def __init__(self, session):
        self.session = session
        self.bpm = session.bpm
        self.bar = None

    def tempo(self):
        return self.bpm

    def isPlaying(self):
        return self.session.playing

    def phaseAtTime(self, micros, quantum):
        assert isinstance(micros, int)
        assert quantum == 4.0
        return (micros - self.session.start) / 1e6 * self.session.bpm / 60 % quantum

    def setTempo(self, bpm, micros):
        assert isinstance(micros, int)
        self.bpm = bpm

    def requestBeatAtTime(self, beat, micros, quantum):
        self.bar = (beat, micros)


class FakeLink:
    """A session: `peers` others at `bpm`, whose bar began at clock time `start`."""

    made = None

    def __init__(self, bpm):
        self.bpm, self.peers, self.playing, self.start = bpm, 0, False, 0
        self.enabled, self.startStopSyncEnabled, self.commits = False, False, 0
        FakeLink.made = self

    def numPeers(self):
        assert self.enabled
        return self.peers

    def clock(self):
        return types.SimpleNamespace(micros=lambda: round(self.now() * 1e6))

    def captureAppSessionState(self):
        return FakeState(self)

    def commitAppSessionState(self, state):
        self.commits += 1
        self.bpm = state.bpm
        if state.bar is not None:
            self.start = round(state.bar[1] - state.bar[0] * 60e6 / self.bpm)


@pytest.fixture
def session(monkeypatch, host):
    monkeypatch.setitem(sys.modules, "link", types.SimpleNamespace(Link=FakeLink))
    opened = []

    def begin(**options):
        source = LinkSession(**options)
        FakeLink.now = staticmethod(host.clock.now)
        source.open(host)
        opened.append(source)
        return source, FakeLink.made

    yield begin
    for source in opened:
        source.close()


def test_with_others_in_it_the_session_leads_beat_and_bar(session, host):
    host.clock.advance(10.0)
    source, fake = session()
    assert wait(lambda: fake.enabled)
    fake.bpm, fake.start, fake.peers = 90.0, round(8.0 * 1e6), 2
    assert wait(lambda: host.clocks)
    name, bpm, beat_time, confidence, bar_time = host.clocks[-1]
    assert (name, bpm, confidence) == ("link", 90.0, 1.0)
    assert bar_time == pytest.approx(8.0, abs=1e-6)  # three beats of 2/3 s: 10.0 is the fourth of its bar
    assert beat_time == pytest.approx(10.0, abs=1e-6)
    assert source.stats() | {"sent": 0} == {"peers": 2, "bpm": 90.0, "playing": False, "leading": True, "sent": 0}
    assert source.describe()["text"] == "Ableton Link, 2 others in the session"
    fake.peers = 0
    assert wait(lambda: host.released == ["link"])
    assert source.stats()["leading"] is False


def test_a_persons_tempo_goes_into_the_session_unless_another_source_was_chosen(session, host):
    source, fake = session()
    fake.peers = 1
    assert wait(lambda: source.stats()["peers"] == 1)
    host.emit("hand", {"act": "tap", "bpm": 131.0, "choice": "auto"})
    assert fake.bpm == 131.0
    host.emit("hand", {"act": "set", "bpm": 128.0, "choice": "link"})
    assert fake.bpm == 128.0
    host.emit("hand", {"act": "set", "bpm": 99.0, "choice": "midi"})
    host.emit("hand", {"act": "beat", "bpm": 98.0, "choice": "auto"})
    host.emit("state", {"bpm": 97.0})
    assert fake.bpm == 128.0
    assert source.stats()["sent"] == 2


@pytest.mark.parametrize("meant", ["tap", "set", "beat", "midi", "track"])
def test_alone_the_session_keeps_the_tempo_and_the_bars_that_were_meant(session, host, meant):
    host.clock.advance(5.0)
    host.tempo_state = TempoState(111.0, 6.25, 5.0, 1.0, meant)
    _, fake = session()
    assert wait(lambda: fake.commits)
    assert fake.bpm == 111.0
    assert (5.0 - fake.start / 1e6) * 111 / 60 % 4 == pytest.approx(2.25, abs=1e-3)
    commits = fake.commits
    assert not wait(lambda: fake.commits > commits, seconds=0.2), "told although nothing has changed"
    assert not host.clocks, "alone, it leads nobody"


def test_what_was_only_heard_is_told_to_nobody(session, host):
    host.tempo_state = TempoState(118.3, 6.25, 0.0, 0.9, "audio")
    source, fake = session()
    assert not wait(lambda: fake.commits, seconds=0.2)
    assert source.stats()["sent"] == 0


def test_with_start_and_stop_it_leads_only_while_the_session_plays(session, host):
    source, fake = session(start_stop=True)
    assert fake.startStopSyncEnabled
    fake.peers = 1
    assert wait(lambda: source.stats()["peers"] == 1)
    assert not wait(lambda: host.clocks, seconds=0.2)
    fake.playing = True
    assert wait(lambda: host.clocks)
    fake.playing = False
    assert wait(lambda: host.released)


def test_closing_leaves_the_session_and_may_be_undone(session, host):
    source, fake = session()
    source.close()
    assert not fake.enabled
    assert host.released[-1] == "link"
    host.emit("hand", {"act": "tap", "bpm": 131.0, "choice": "auto"})
    source.open(host)
    assert FakeLink.made is not fake
    assert source.is_open


def test_without_the_library_it_says_what_to_install(monkeypatch, host):
    monkeypatch.setitem(sys.modules, "link", None)
    with pytest.raises(Unavailable, match="Ableton Link cannot be reached") as error:
        LinkSession().open(host)
    assert error.value.cure == 'pip install "morphogen[link]"'


def _alone() -> list[str]:
    """A command before the command that gives it a network of its own; skips where the system does not allow it."""
    if not sys.platform.startswith("linux") or shutil.which("unshare") is None:
        pytest.skip("a network of one's own needs Linux and `unshare` (util-linux)")
    ways = (["unshare", "-n"], ["unshare", "-rn"])
    for way in ways if os.geteuid() == 0 else ways[1:]:
        if subprocess.run([*way, "true"], capture_output=True, check=False).returncode == 0:
            return way
    pytest.skip("this system lets nobody have a network of their own (unshare -rn: user namespaces are off)")


@pytest.mark.device
def test_one_session_with_another_implementation():
    pytest.importorskip("link", reason='Ableton Link is missing: pip install "morphogen[link]"')
    pytest.importorskip("aalink", reason="the other program of the session is missing: pip install aalink")
    room = Path(__file__).with_name("link_room.py")
    done = subprocess.run(
        [*_alone(), sys.executable, str(room), "2"], capture_output=True, text=True, check=False, timeout=90
    )
    said = {}
    for line in done.stdout.splitlines():
        said |= json.loads(line)
    print(said)
    assert done.returncode == 0, done.stdout + done.stderr
    assert said["met"]
    assert said["source"] == "link"
    assert said["tempo"] == pytest.approx(120, rel=0.02)  # tapped by a sleeping thread
    assert said["samples"] > 50
    assert said["p50"] < 5.0  # milliseconds; measured 0.003, with 0.02 at the 99th percentile
    assert abs(said["jump"]) < 0.01  # beats, beside the straight line when the other one left
    assert said["stopped"] == "none"
    assert said["started_and_stopped"]


def test_the_daemon_joins_and_leaves_while_it_plays(session, monkeypatch):
    app = App(build({"size": "64x36", "backend": "numpy", "audio": "none"}))
    monkeypatch.setattr(FakeLink, "now", staticmethod(app.instrument.clock.now), raising=False)
    try:
        assert app.peers() is None
        assert app.instrument.state()["link_peers"] is None
        assert app.link(True)
        assert app.link(True), "joined already"
        assert app.link(), "only asked"
        joined = FakeLink.made
        joined.peers = 3
        assert wait(lambda: app.peers() == 3)
        assert app.instrument.state()["link_peers"] == 3
        assert wait(lambda: app.instrument.tempo().source == "link")
        assert app.stats()["link"]["peers"] == 3
        assert not app.link(False)
        assert not joined.enabled
        assert app.instrument.tempo().source == "none"
        assert not app.link(False)
    finally:
        app.close()
