"""OSC feedback: what receivers hear, what the one who moves a fader does not, and receivers that are not there."""

from __future__ import annotations

import logging
import shutil
import socket
import subprocess
import threading
import time

import pytest

from fakes import FakeHost
from morphogen.contracts import TempoState
from morphogen.errors import Unavailable
from morphogen_bridges.osc.codec import parse, write_message
from morphogen_bridges.osc.target import PROBE_SECONDS
from morphogen_bridges.servers import osc_feedback
from morphogen_bridges.servers.osc_feedback import EXPIRES, HUSH, OscFeedback
from morphogen_bridges.sources.osc import OscSource
from waiting import until


class Ear:
    """A receiver that keeps all it hears, in order."""

    def __init__(self, port=0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.address = self.socket.getsockname()
        self.heard = []
        self.bundles = 0

    def listen(self):
        while True:
            try:
                packet = self.socket.recv(65536)
            except BlockingIOError:
                return self.heard
            self.bundles += packet.startswith(b"#bundle")
            self.heard += [(m.address.removeprefix("/morphogen/"), m.args[0]) for m in parse(packet)]

    def values(self, address):
        return [value for where, value in self.listen() if where == address]

    def wait(self, address, value=None):
        def there():
            found = self.values(address)
            return found and (value is None or found[-1] == pytest.approx(value))

        until(there, f"{address} {value}")

    def go_deaf(self):
        """From now on it is as if nobody listened there: a socket that is connected to itself takes nothing from
        anybody else, who is told so, and yet no other process can be given its port meanwhile."""
        self.socket.connect(self.address)

    def clear(self):
        self.listen()
        self.heard.clear()


class Stage:
    """Feedback on a host, its receivers, and time that moves only when asked."""

    def __init__(self):
        self.host = FakeHost()
        self.ears = []
        self.feedback = None

    def ear(self, port=0):
        self.ears.append(Ear(port))
        return self.ears[-1]

    def start(self, *targets):
        self.feedback = OscFeedback(targets, rate=200.0)
        self.feedback.open(self.host)
        return self.feedback

    def settle(self, *ears):
        """Every receiver has heard its welcome."""
        for ear in ears:
            ear.wait("lfo4/sync")
            ear.wait("beat/phase")
        for ear in ears:
            ear.clear()

    @property
    def targets(self):
        return {t["port"]: t for t in self.feedback.stats()["targets"]}

    def close(self):
        if self.feedback:
            self.feedback.close()
        for ear in self.ears:
            ear.socket.close()


@pytest.fixture
def stage():
    stage = Stage()
    yield stage
    stage.close()


@pytest.fixture
def one(stage):
    """One receiver, settled."""
    ear = stage.ear()
    stage.start(ear.address)
    stage.settle(ear)
    return ear


def test_a_new_receiver_hears_every_parameter_as_one_float(stage):
    stage.host.params.set("view/mirror", "both")
    stage.host.params.set("output/freeze", True)
    ear = stage.ear()
    stage.start(ear.address)
    for key, spec in stage.host.params.specs.items():
        if not spec.feature:
            ear.wait(key, stage.host.params.values[key])
    assert ear.values("view/mirror") == [3.0]
    assert ear.values("output/freeze") == [1.0]
    assert all(type(value) is float for _, value in ear.listen())


def test_changes_arrive_newest_last(stage, one):
    for n in range(200):
        stage.host.params.set("view/zoom", 1 + n / 100)
    stage.host.params.set("output/blackout", True)
    one.wait("view/zoom", 2.99)
    one.wait("output/blackout", 1.0)
    assert len(one.values("view/zoom")) <= 200


@pytest.fixture
def tick(stage, one, monkeypatch):
    """The tick itself, without its thread."""
    feedback = stage.feedback
    stage.feedback.close()
    monkeypatch.setattr(feedback, "_run", lambda: None)
    feedback.open(stage.host)

    def tick():
        feedback._step(True)
        time.sleep(0.02)  # the loopback delivers, or a refusal comes back

    tick()
    tick()
    one.clear()
    return tick


def test_one_tick_sends_one_value_a_parameter(stage, one, tick):
    for n in range(50):
        stage.host.params.set("view/zoom", 1 + n / 100)
    tick()
    one.wait("view/zoom", 1.49)
    assert one.values("view/zoom") == [pytest.approx(1.49)]


@pytest.mark.parametrize("values", [1, 2, 3])
def test_a_subscriber_that_left_is_forgotten_however_many_packets_were_refused_at_once(stage, tick, values):
    ear = stage.ear()
    stage.host.emit("subscribe", {"host": "127.0.0.1", "port": ear.address[1]})
    for _ in range(2):
        tick()
    assert stage.targets[ear.address[1]]["alive"]
    ear.go_deaf()
    for key in ("view/x", "view/y", "view/zoom")[:values]:
        stage.host.params.set(key, 0.5)
    for _ in range(2 * EXPIRES + 1):
        tick()
        stage.host.clock.advance(PROBE_SECONDS + 0.1)
    assert ear.address[1] not in stage.targets


def test_the_hand_on_the_fader_is_not_echoed_and_hears_the_final_value(stage, one):
    origin = "osc:127.0.0.1:5000"
    for value in (2.0, 3.0, 4.0):
        stage.host.params.set("view/zoom", value, origin)
        stage.host.params.set("view/x", value / 4)
        one.wait("view/x", value / 4)  # ticks go by
        stage.host.clock.advance(HUSH * 0.5)
    assert one.values("view/zoom") == []
    stage.host.params.set("view/zoom", 5.0)  # another hand: still not into the face of the first
    stage.host.params.set("view/y", 1.0)
    one.wait("view/y", 1.0)
    assert one.values("view/zoom") == []
    stage.host.clock.advance(HUSH * 1.1)
    one.wait("view/zoom", 5.0)
    assert one.values("view/zoom") == [5.0]


def test_others_hear_the_moving_fader_at_once(stage, one):
    stage.host.params.set("view/zoom", 3.0, "osc:192.0.2.7:5000")
    one.wait("view/zoom", 3.0)


def test_style_beat_and_answers(stage, one):
    stage.host.emit("style", {"name": "cosmic/galaxy", "generation": 7})
    stage.host.emit("query", {"address": "/morphogen/norm/view/zoom", "value": 0.5})
    stage.host.emit("beat", {"beat": 9, "bar": 2, "bpm": 128.0, "phase": 0.0})
    until(lambda: one.values("style/current"))
    assert one.values("style/current") == ["cosmic/galaxy"]
    one.wait("style/generation", 7.0)
    one.wait("norm/view/zoom", 0.5)
    one.wait("beat/count", 9.0)
    one.wait("beat/bar", 2.0)
    until(lambda: 128.0 in one.values("tempo/bpm"))
    one.wait("beat/pulse", 0.0)
    assert one.values("beat/pulse") == [1.0, 0.0]


def test_what_runs_comes_in_one_bundle_and_only_when_it_changes(stage, one):
    bundles = one.bundles
    stage.host.tempo_state = TempoState(bpm=60.0, beat=4.0, time=stage.host.clock.now())
    stage.host.clock.advance(0.25)
    for name in ("bass", "rms"):
        stage.host.params.values[f"audio/{name}"] = 0.5
    stage.host.emit("state", {"fps": 59.5, "late": 3})
    for address, value in (("beat/phase", 0.25), ("beat/bar_phase", 0.0625), ("tempo/bpm", 60.0), ("audio/bass", 0.5),
                           ("audio/rms", 0.5), ("state/fps", 59.5), ("state/late", 3.0)):  # fmt: skip
        one.wait(address, value)
    assert one.bundles > bundles
    assert one.values("audio/mid") == []
    one.clear()
    stage.host.params.set("view/x", 1.0)
    one.wait("view/x", 1.0)
    assert one.values("audio/bass") == []


def test_subscribers_come_and_go(stage):
    ear = stage.ear()
    stage.start()
    stage.host.emit("subscribe", {"host": "127.0.0.1", "port": ear.address[1]})
    stage.settle(ear)
    stage.host.emit("style", {"name": "a/b", "generation": 1})
    until(lambda: ear.values("style/current"))
    ear.clear()
    stage.host.emit("subscribe", {"host": "127.0.0.1", "port": ear.address[1]})  # again: everything once more
    ear.wait("view/zoom", 1.0)
    until(lambda: ear.values("style/current") == ["a/b"])
    assert len(stage.targets) == 1
    ear.go_deaf()

    def forgotten():
        stage.host.clock.advance(PROBE_SECONDS + 0.1)
        return not stage.targets

    until(forgotten)


def test_subscribers_are_bounded(stage, monkeypatch, caplog):
    monkeypatch.setattr(osc_feedback, "MAX_SUBSCRIBERS", 2)
    feedback = stage.start()
    ears = [stage.ear() for _ in range(4)]
    with caplog.at_level(logging.WARNING, "morphogen.osc"):
        for ear in ears:
            stage.host.emit("subscribe", {"host": "127.0.0.1", "port": ear.address[1]})
        stage.host.emit("subscribe", {"host": "no name server is asked", "port": 9000})
        until(lambda: feedback.stats()["refused_subscribers"] == 3)
    assert len(stage.targets) == 2
    assert len(caplog.records) == 1


def test_a_dead_receiver_is_said_once_costs_one_probe_and_is_welcomed_back(stage, caplog):
    live, dead = stage.ear(), stage.ear()
    dead.go_deaf()
    port = dead.address[1]
    with caplog.at_level(logging.DEBUG, "morphogen.osc"):
        feedback = stage.start(("127.0.0.1", port), live.address)
        stage.settle(live)
        for n in range(30):
            stage.host.clock.advance(PROBE_SECONDS + 0.1)  # not a whole beat: something runs, so something is sent
            stage.host.params.set("view/x", n / 30)
            live.wait("view/x", n / 30)
        assert stage.targets[port]["alive"] is False
        lines = [r.getMessage() for r in caplog.records]
    assert lines == [f"OSC feedback: nobody listens at 127.0.0.1:{port} yet"]
    dead.socket.close()
    late = stage.ear(port)

    def back():
        stage.host.clock.advance(PROBE_SECONDS + 0.1)
        return stage.targets[port]["alive"]

    until(back)
    late.wait("view/x", 29 / 30)
    late.wait("view/zoom", 1.0)
    assert feedback.is_open


def test_a_target_that_cannot_be_is_refused_at_start():
    feedback = OscFeedback([("127.0.0.1", 99_999)])
    with pytest.raises(Unavailable, match="99999") as error:
        feedback.open(FakeHost())
    assert "--osc-out" in error.value.cure
    assert not feedback.is_open


def test_it_outlives_a_bad_event_and_closes_cleanly(stage, one, caplog):
    stage.host.emit("style", {"generation": "not a number"})
    until(lambda: "please report" in caplog.text)
    stage.host.params.set("view/x", 0.5)
    one.wait("view/x", 0.5)
    for _ in range(2):
        stage.feedback.close()
    assert not any(thread.name == "osc-feedback" for thread in threading.enumerate())
    stage.host.params.set("view/x", 0.75)  # nobody listens any more
    stage.feedback.open(stage.host)
    one.wait("view/x", 0.75)


def test_source_and_feedback_together_do_not_echo(stage):
    source = OscSource(port=0)
    source.open(stage.host)
    client = stage.ear()
    stage.start()

    def send(*message):
        client.socket.sendto(write_message(*message), ("127.0.0.1", source.port))

    try:
        send("/morphogen/feedback/subscribe", client.address[1])
        stage.settle(client)
        send("/morphogen/view/zoom", 3.0)
        send("/morphogen/view/zoom")
        until(lambda: len(client.values("view/zoom")) >= 2)  # the answer, and the answer to all receivers
        stage.host.params.set("view/x", 0.5)
        client.wait("view/x", 0.5)
        assert client.values("view/zoom") == [3.0, 3.0]
    finally:
        source.close()


@pytest.mark.skipif(shutil.which("oscdump") is None, reason="oscdump (liblo-tools) is not installed")
def test_oscdump_reads_it(stage, free_port):
    dump = subprocess.Popen(["oscdump", "-L", str(free_port)], stdout=subprocess.PIPE, text=True)
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(dump.stdout), daemon=True)
    reader.start()
    try:
        stage.start(("127.0.0.1", free_port))

        def alive():
            stage.host.clock.advance(PROBE_SECONDS + 0.1)  # not a whole beat: something runs, so something is sent
            return stage.targets[free_port]["alive"]

        until(alive)
        stage.host.emit("style", {"name": "cosmic/galaxy", "generation": 7})
        stage.host.params.set("view/zoom", 2.5)
        wanted = ("/morphogen/style/current s", "/morphogen/view/zoom f 2.500000", "/morphogen/beat/phase f")

        # oscdump's stdout is a pipe: flushed when full, or line by line, as its version likes; so make it full
        def said():
            stage.host.emit("query", {"address": "/morphogen/view/zoom", "value": 2.5})
            return all(any(part in line for line in list(lines)) for part in wanted)

        until(said)
    finally:
        dump.terminate()
        dump.wait(20)
        reader.join(20)
        dump.stdout.close()
