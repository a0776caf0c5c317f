"""MIDI: words, clock and names by themselves; the source against a fake system; and all of it through a real JACK."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from fake_midi import FakeRtmidi
from fakes import FakeHost
from morphogen.clock import WallClock
from morphogen.controls.engine import Engine
from morphogen.controls.rules import make
from morphogen.errors import Unavailable
from morphogen_bridges import midi_ports
from morphogen_bridges.midi_clock import MOST, MidiClock
from morphogen_bridges.midi_ports import clean, fitting, named, partner
from morphogen_bridges.midi_words import CLOCK, CONTINUE, POSITION, START, STOP, Reader, write
from morphogen_bridges.probes import midi as probe
from morphogen_bridges.sources import midi
from morphogen_bridges.sources.midi import BURST, WAITING, MidiSource
from waiting import until

NANO = "nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0"
AGAIN = "nanoKONTROL2:nanoKONTROL2 MIDI 1 28:0"
PADS = "APC MINI:APC MINI MIDI 1 24:0"
KNOB = "midi/nanoKONTROL2 MIDI 1/cc/1/16"


# --- words


@pytest.mark.parametrize(
    ("message", "words"),
    [([0xB0, 7, 127], [("cc/1/7", 1.0)]), ([0xBF, 64, 0], [("cc/16/64", 0.0)]), ([0x93, 60, 127], [("note/4/60", 1.0)]),
     ([0x90, 60, 0], [("note/1/60", 0.0)]), ([0x80, 60, 64], [("note/1/60", 0.0)]),
     ([0xE0, 127, 127], [("bend/1", 1.0)]),
     ([0xE0, 0, 0], [("bend/1", 0.0)]), ([0xC1, 127], [("program/2", 1.0)]), ([0xD0, 5], []), ([0xA0, 1, 2], []),
     ([0xF0, 1, 2, 0xF7], []), ([0xB0, 7], []), ([0xB0, 7, 200], []), ([0x40], []), ([0xB0, 7, 1, 2], []),
     ([0xFF], [])],
)  # fmt: skip
def test_messages_are_read(message, words):
    assert list(Reader().read(message)) == words


def test_fourteen_bits_where_the_low_bits_follow():
    reader = Reader()
    assert list(reader.read([0xB0, 1, 64])) == [("cc/1/1", pytest.approx(64 / 127))]
    assert list(reader.read([0xB0, 33, 5]))[1] == ("cc14/1/1", pytest.approx((64 * 128 + 5) / 16383))
    assert len(list(reader.read([0xB0, 33, 5]))) == 1, "a button of its own"
    assert len(list(reader.read([0xB0, 2, 5]))) == 1
    assert len(list(reader.read([0xB1, 34, 5]))) == 1, "another channel"


@pytest.mark.parametrize("address", ["cc/1/7", "note/16/127", "bend/3", "cc14/2/31"])
@pytest.mark.parametrize("value", [0.0, 0.25, 0.5, 1.0])
def test_what_is_written_reads_back(address, value):
    reader = Reader()
    said = [word for message in write(address, value) for word in reader.read(message)]
    assert said[-1] == (address, pytest.approx(value, abs=1 / 127))


@pytest.mark.parametrize(
    "address", ["program/1", "cc/0/7", "cc/17/7", "cc/1/128", "cc/1", "bend/1/1", "cc14/1/32", "x/1/1", "cc/a/b"]
)
def test_what_cannot_be_shown_is_not_sent(address):
    assert write(address, 1.0) == []


def test_any_bytes_are_survived():
    dice, reader = random.Random(1), Reader()
    for _ in range(20_000):
        words = list(reader.read([dice.randrange(256) for _ in range(dice.randrange(1, 6))]))
        assert all(0 <= value <= 1 for _, value in words)


# --- clock


def tick(clock, bpm, beats, start=0.0, jitter=lambda: 0.0):
    """Play ticks; what was said."""
    gap = 60 / bpm / 24
    said = [clock.hear([CLOCK], start + n * gap + jitter()) for n in range(int(24 * beats))]
    return [beat for beat in said if beat], start + int(24 * beats) * gap


@pytest.mark.parametrize("bpm", [40.0, 93.0, 120.0, 174.0, 300.0])
def test_the_tempo_is_found_through_clumped_and_late_ticks(bpm):
    dice = random.Random(3)
    period = 512 / 48_000

    def clumped(clock, beats):
        gap, said = 60 / bpm / 24, []
        for n in range(24 * beats):
            at = (n * gap // period + 1) * period + dice.uniform(0, 0.001)  # handed over once a buffer
            said.append(clock.hear([CLOCK], at))
        return [beat for beat in said if beat]

    found = clumped(MidiClock(), 12)
    assert all(beat.bpm == pytest.approx(bpm, rel=0.005) for beat in found)
    assert found[-1].bpm == pytest.approx(bpm, rel=0.002)


def test_a_start_says_where_the_bar_is():
    clock = MidiClock()
    assert tick(clock, 120, 3, start=2.5)[0][-1].bar_time is None
    clock.hear([START], 4.0)
    said, end = tick(clock, 120, 6, start=4.0)
    assert said[-1].bar_time == pytest.approx(4.0 + 2.0, abs=1e-6)
    assert said[-1].beat_time == pytest.approx(round((end - 4.0) * 2) / 2 + 4.0, abs=0.5001)
    assert said[-1].confidence == 1.0
    assert said[0].confidence == 1.0
    clock.hear([STOP], end)
    assert tick(clock, 120, 3, start=end)[0][-1].bar_time is None


def test_song_position_and_continue():
    clock = MidiClock()
    clock.hear([POSITION, 8, 0], 0.0)  # eight sixteenths: the third beat
    clock.hear([CONTINUE], 0.0)
    said, _ = tick(clock, 120, 4)
    assert said[-1].bar_time % 2.0 == pytest.approx(1.0, abs=1e-6)


def test_a_new_tempo_is_followed_within_two_beats():
    clock = MidiClock()
    _, end = tick(clock, 120, 8)
    said, _ = tick(clock, 140, 3, start=end)
    assert said[-1].bpm == pytest.approx(140, rel=0.005)


def test_a_pause_and_ticks_at_one_instant_are_survived():
    clock = MidiClock()
    _, end = tick(clock, 120, 4)
    said, _ = tick(clock, 90, 3, start=end + 5)
    assert said[-1].bpm == pytest.approx(90, rel=0.005)
    for _ in range(500):
        assert clock.hear([CLOCK], end + 30) is None
    assert len(clock._ticks) <= MOST


# --- names


@pytest.mark.parametrize(
    ("raw", "platform", "name"),
    [(NANO, "linux", "nanoKONTROL2 MIDI 1"), (AGAIN, "linux", "nanoKONTROL2 MIDI 1"),
     ("nanoKONTROL2 3", "win32", "nanoKONTROL2"),
     ("nanoKONTROL2 SLIDER/KNOB", "darwin", "nanoKONTROL2 SLIDER KNOB"), ("pads:out", "linux", "pads out"),
     ("pads-01:out", "linux", "pads out"),
     ("a2j:APC MINI (24) [capture]: APC MINI MIDI 1", "linux", "a2j APC MINI APC MINI MIDI 1"), (" ", "linux", "port"),
     ("X*Y#:Z 1:0", "linux", "X Y Z")],
)  # fmt: skip
def test_names_stay_when_a_controller_is_plugged_in_again(raw, platform, name):
    assert clean(raw, platform) == name


def test_two_alike_are_told_apart_and_our_own_are_left_out():
    found = named([NANO, "Morphogen:out 129:0", AGAIN, "Morphogen-02:pads out"])
    assert [(port.name, port.index) for port in found] == [("nanoKONTROL2 MIDI 1", 0), ("nanoKONTROL2 MIDI 1 #2", 2)]


def test_ports_are_chosen_by_a_part_of_their_name():
    ports = named([NANO, PADS, "Midi Through:Midi Through Port-0 14:0"])
    assert [port.name for port in fitting(ports, ())] == ["nanoKONTROL2 MIDI 1", "APC MINI MIDI 1"]
    assert [port.name for port in fitting(ports, ("apc", "through"))] == ["APC MINI MIDI 1", "Midi Through Port-0"]
    assert fitting(ports, ("all",)) == fitting(ports, ())


def test_the_way_back_is_found_by_name_or_client():
    outs = named([PADS, "pads-01:in"])
    assert partner(named([PADS])[0], outs).index == 0
    assert partner(named(["pads:out"])[0], outs).index == 1
    assert partner(named([NANO])[0], outs) is None


# --- the source, against a fake system


@pytest.fixture
def system(monkeypatch) -> FakeRtmidi:
    pytest.importorskip("mido", reason="needs mido: pip install morphogen[midi]")
    fake = FakeRtmidi([NANO], [NANO])
    monkeypatch.setitem(sys.modules, "rtmidi", fake)
    monkeypatch.delenv("MIDO_BACKEND", raising=False)
    monkeypatch.setattr(midi_ports, "SEQUENCER", "/")
    monkeypatch.setattr(midi, "LOOK_SECONDS", 0.01)
    return fake


@pytest.fixture
def live(system, host) -> Iterator[MidiSource]:
    host.clock = WallClock()
    source = MidiSource()
    source.open(host)
    yield source
    source.close()
    assert system.clients == 0, "every client is given back"


def test_what_moves_is_felt_under_its_name(system, live, host):
    system.play(NANO, [0xB0, 16, 127], [0x90, 3, 64], [0xF0, 1, 0xF7], [])
    until(lambda: len(host.controls.felt) == 2)
    assert host.controls.felt == [(KNOB, 1.0, False), ("midi/nanoKONTROL2 MIDI 1/note/1/3", 64 / 127, False)]
    assert live.stats()["ports"] == [{"name": "nanoKONTROL2 MIDI 1", "feedback": True}]
    assert (live.stats()["received"], live.stats()["taken"]) == (4, 0)
    assert live.describe()["text"] == "nanoKONTROL2 MIDI 1"
    assert system.open[NANO].ignored == {"sysex": True, "timing": False, "active_sense": True}


def test_unplugged_and_plugged_in_again_under_another_number(system, live, host):
    system.inputs[:] = []
    until(lambda: not live.stats()["ports"])
    until(lambda: host.controls.gone == ["midi/nanoKONTROL2 MIDI 1/"])
    system.inputs[:], system.outputs[:] = [AGAIN], [AGAIN]
    until(lambda: live.stats()["ports"])
    system.play(AGAIN, [0xB0, 16, 0])
    until(lambda: host.controls.felt == [(KNOB, 0.0, False)])
    assert live.stats()["rebinds"] == 1


def test_another_number_between_two_looks_is_another_plug(system, live, host):
    system.inputs[:] = [AGAIN]
    until(lambda: AGAIN in system.open)
    system.play(AGAIN, [0xB0, 16, 0])
    until(lambda: host.controls.felt)


def test_a_controller_in_use_elsewhere_is_said_once_and_waited_for(system, host, caplog):
    host.clock = WallClock()
    system.busy = {NANO}
    source = MidiSource()
    source.open(host)
    try:
        until(lambda: "cannot be opened" in caplog.text)
        time.sleep(0.1)
        assert caplog.text.count("Is another program using it alone?") == 1
        system.busy = set()
        until(lambda: source.stats()["ports"])
    finally:
        source.close()


def test_a_system_that_goes_away_takes_its_controllers_along(system, live, caplog):
    system.no_list = True
    until(lambda: not live.stats()["ports"])
    until(lambda: "the MIDI system has gone" in caplog.text)
    system.no_list = False
    until(lambda: live.stats()["ports"])


def test_without_midi_the_show_goes_on_unless_a_controller_was_named(system, host):
    system.no_system = True
    source = MidiSource()
    source.open(host)
    assert "this system has no MIDI" in source.stats()["absent"]
    assert source.stats()["ports"] == []
    source.close()
    with pytest.raises(Unavailable, match="error creating ALSA sequencer") as caught:
        MidiSource(["nano"]).open(host)
    assert "modprobe snd-seq" in caught.value.cure


def test_without_the_package_the_show_goes_on_unless_a_controller_was_named(monkeypatch, host):
    monkeypatch.setitem(sys.modules, "rtmidi", None)
    source = MidiSource()
    source.open(host)
    assert 'pip install "morphogen[midi]"' in source.stats()["absent"]
    source.close()
    with pytest.raises(Unavailable, match="needs the package"):
        MidiSource(["nano"]).open(host)


def test_linux_without_a_sequencer_is_not_asked(system, host, monkeypatch):
    monkeypatch.setattr(midi_ports, "SEQUENCER", "/nowhere/seq")
    monkeypatch.setattr(sys, "platform", "linux")
    source = MidiSource()
    source.open(host)
    assert "no MIDI" in source.stats()["absent"]
    assert system.clients == 0, "ALSA would complain on the terminal"
    with pytest.raises(Unavailable, match="no MIDI system 'ATARI'"):
        midi_ports.System("ATARI")


def test_switched_off(system, host):
    source = MidiSource(["none"])
    source.open(host)
    assert source.stats()["absent"] == "switched off"
    assert system.clients == 0
    source.close()


def test_lamps_are_sent_once_and_when_they_change(system, live, host):
    host.controls.lit = {KNOB: 0.5, "midi/nanoKONTROL2 MIDI 1/note/1/3": 1.0, "midi/other/cc/1/1": 1.0}
    until(lambda: len(system.sent.get(NANO, [])) == 2)
    assert system.sent[NANO] == [[0xB0, 16, 64], [0x90, 3, 127]]
    host.controls.lit = {KNOB: 0.25, "midi/nanoKONTROL2 MIDI 1/note/1/3": 1.0}
    until(lambda: len(system.sent[NANO]) == 3)
    host.controls.lit = {KNOB: 0.25}  # the pad does nothing any more
    until(lambda: system.sent[NANO][2:] == [[0xB0, 16, 32], [0x90, 3, 0]])


def test_what_the_hand_sent_is_not_sent_back(system, live, host):
    host.controls.mapped = {KNOB}
    system.play(NANO, [0xB0, 16, 100])
    until(lambda: host.controls.felt)
    host.controls.lit = {KNOB: 100 / 127, "midi/nanoKONTROL2 MIDI 1/cc/1/17": 1.0}
    until(lambda: system.sent.get(NANO))
    assert system.sent[NANO] == [[0xB0, 17, 127]]


def test_a_cable_is_not_flooded(system, live, host):
    host.controls.lit = {f"midi/nanoKONTROL2 MIDI 1/note/{c}/{n}": 1.0 for c in range(1, 3) for n in range(128)}
    until(lambda: len(system.sent.get(NANO, [])) >= 1)
    assert len(system.sent[NANO]) <= 3 * BURST
    until(lambda: len(system.sent[NANO]) == 256)


def test_a_way_back_that_breaks_costs_the_lamps_only(system, live, host, caplog):
    system.outputs[:] = []
    host.controls.lit = {KNOB: 0.5}
    until(lambda: "feedback to" in caplog.text)
    system.play(NANO, [0xB0, 16, 0])
    until(lambda: host.controls.felt)


def test_one_clock_leads_and_stops(system, live, host, monkeypatch):
    monkeypatch.setattr(midi, "SILENT", 0.2)
    start, gap = time.perf_counter(), 60 / 300 / 24
    for n in range(60):
        time.sleep(max(0.0, start + n * gap - time.perf_counter()))
        system.play(NANO, [CLOCK])
    until(lambda: host.clocks)
    assert host.clocks[-1][0] == "midi"
    assert live.stats()["clock"] == "nanoKONTROL2 MIDI 1"
    until(lambda: host.released == ["midi"])
    assert live.stats()["clock"] == ""


def test_a_flood_is_bounded_and_nothing_stays_pressed(system, live, host):
    gate, real = threading.Event(), host.controls.feel

    def slow(*args, **more):
        gate.wait(10)
        return real(*args, **more)

    host.controls.feel = slow
    for n in range(3 * WAITING):
        system.play(NANO, [0xB0, 16, n % 128])
    assert len(live._queue) <= WAITING
    assert live.stats()["dropped"] >= WAITING
    gate.set()
    until(lambda: "midi/nanoKONTROL2 MIDI 1/" in host.controls.gone)


def test_of_a_crowd_a_fader_says_its_newest_and_a_button_all(system, live, host):
    engine = Engine(host.params, host.call, host.clock.now)
    host.controls = engine
    engine.put(make({"address": KNOB, "target": "view/x", "pickup": False}))
    engine.put(make({"address": "midi/nanoKONTROL2 MIDI 1/note/1/3", "target": "tempo.tap", "mode": "trigger"}))
    live._stop.set()
    live._wake.set()
    for thread in live._threads:
        thread.join()
    surface = midi._Surface(named([NANO])[0], "midi/nanoKONTROL2 MIDI 1/")
    live._surfaces["nanoKONTROL2 MIDI 1"] = surface
    for n in range(1000):
        live._queue.append((surface, [0xB0, 16, n % 128], 0.0))
        live._queue.append((surface, [0x90, 3, 100 * (n % 2)], 0.0))
    live._drain()
    assert [key for key, _, _ in host.params.sets] == ["view/x"]
    assert host.params.get("view/x") == pytest.approx(8 * (999 % 128) / 127 - 4)
    assert host.calls == [("tempo.tap", {})] * 500


def test_garbage_ends_nothing(system, live, host):
    dice = random.Random(7)
    for _ in range(3000):
        system.play(NANO, [dice.randrange(256) for _ in range(dice.randrange(4))])
    system.play(NANO, [0xB5, 99, 127])
    until(lambda: ("midi/nanoKONTROL2 MIDI 1/cc/6/99", 1.0, False) in host.controls.felt)


# --- the probe


def test_ports_are_listed_with_their_direction(system):
    system.inputs[:], system.outputs[:] = [NANO, PADS], [NANO, "Launchpad:Launchpad MIDI 1 30:0"]
    assert probe.list_devices() == [
        {"name": "APC MINI MIDI 1", "direction": "in"},
        {"name": "Launchpad MIDI 1", "direction": "out"},
        {"name": "nanoKONTROL2 MIDI 1", "direction": "both"},
    ]
    assert system.clients == 0


# --- through a real system: JACK without a sound card


@pytest.fixture(scope="module")
def jack() -> Iterator[None]:
    pytest.importorskip("rtmidi", reason="needs python-rtmidi: pip install morphogen[midi]")
    if shutil.which("jackd") is None:
        pytest.skip("needs jackd: apt install jackd2")
    name = f"morphogen-{os.getpid()}"
    command = ["jackd", "-r", "-S", "-p", "64", "-n", name, "-d", "dummy", "-r", "48000", "-p", "256"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JACK_DEFAULT_SERVER", name)
        patch.setenv("JACK_NO_START_SERVER", "1")
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until(lambda: _jack_answers() or server.poll() is not None, "JACK's start", 10)
            if server.poll() is not None:
                pytest.skip(f"jackd does not run here (exit {server.returncode})")
            yield
        finally:
            server.terminate()
            server.wait(10)


def _jack_answers() -> bool:
    try:
        system = midi_ports.System("UNIX_JACK", "Test")
    except Unavailable:
        return False
    system.shut()
    return True


class Pads:
    """A controller made of two JACK clients: `out` sends, `heard` is what came back to its lamps."""

    def __init__(self, name: str = "pads") -> None:
        import mido

        backend = mido.Backend("mido.backends.rtmidi/UNIX_JACK")
        self.heard: list[list[int]] = []
        self._in = backend.open_input(
            "in", virtual=True, client_name=name, callback=lambda m: self.heard.append(m.bytes())
        )
        self.out = backend.open_output("out", virtual=True, client_name=name)
        self._message = mido.Message

    def send(self, kind, **more):
        self.out.send(self._message(kind, **more))

    def close(self):
        self.out.close()
        self._in._rt.cancel_callback()  # as `midi_ports.System.close` does, and for the same reason
        time.sleep(0.05)
        self._in.close()


@pytest.fixture
def rig(jack, monkeypatch):
    """Controller, source and the real engine."""
    monkeypatch.setattr(midi, "LOOK_SECONDS", 0.1)
    host = FakeHost()
    host.clock = WallClock()
    host.controls = Engine(host.params, host.call, host.clock.now)
    with contextlib.closing(Pads()) as pads, contextlib.closing(MidiSource(["pads"], "UNIX_JACK")) as source:
        source.open(host)
        shake_hands(pads, source)
        yield pads, source, host


def shake_hands(pads, source):
    """JACK connects in its own time."""
    before = source.stats()["received"]

    def heard():
        pads.send("control_change", channel=15, control=127, value=0)
        time.sleep(0.02)
        return source.stats()["received"] > before

    until(heard, "the first message")
    time.sleep(0.05)


def put(host, address, target, **fields):
    host.controls.put(make({"address": f"midi/pads out/{address}", "target": target, **fields}))


@pytest.mark.device
def test_a_thousand_messages_arrive_through_jack(rig):
    pads, source, host = rig
    put(host, "cc/1/7", "output/master", pickup=False)
    put(host, "note/1/5", "tempo.tap", mode="trigger")
    before = source.stats()["received"]
    for n in range(1000):
        if n % 4:
            pads.send("control_change", control=7, value=n % 128)
        else:
            pads.send("note_on", note=5, velocity=64 * (n % 8 // 4))
        if n % 25 == 24:
            time.sleep(0.01)
    until(lambda: source.stats()["received"] - before >= 1000, "a thousand messages")
    until(lambda: host.params.get("output/master") == pytest.approx((999 % 128) / 127))
    until(lambda: len(host.calls) == 125)
    assert source.stats()["dropped"] == 0


@pytest.mark.device
def test_learning_through_jack(rig):
    pads, _, host = rig
    future = host.controls.learn("color/hue")

    def turn():
        pads.send("control_change", control=20, value=1)
        time.sleep(0.02)
        host.controls.tick(host.clock.now())
        return future.done()

    until(turn, "learning")
    expected = {"address": "midi/pads out/cc/1/20", "target": "color/hue", "mode": "relative"}
    assert future.result() == expected
    pads.send("control_change", control=20, value=127)
    until(lambda: host.params.sets)


@pytest.mark.device
@pytest.mark.parametrize("bpm", [93, 120, 174])
def test_the_clock_is_right_within_half_a_percent_through_jack(rig, bpm):
    pads, _, host = rig
    pads.send("start")
    start, gap = time.perf_counter(), 60 / bpm / 24
    for n in range(24 * 4):
        time.sleep(max(0.0, start + n * gap - time.perf_counter()))
        pads.send("clock")
    until(lambda: host.clocks)
    source, found, _, confidence, bar = host.clocks[-1]
    assert (source, confidence) == ("midi", 1.0)
    assert found == pytest.approx(bpm, rel=0.005)
    assert bar is not None


@pytest.mark.device
def test_unplugged_and_plugged_in_again_through_jack(rig):
    pads, source, host = rig
    put(host, "note/1/1", "output/blackout", mode="momentary")
    pads.send("note_on", note=1, velocity=100)
    until(lambda: host.params.get("output/blackout"))
    pads.close()
    until(lambda: not source.stats()["ports"], "unplugging")
    until(lambda: host.params.get("output/blackout") is False, "letting go of what was held down")
    with contextlib.closing(Pads()) as again:
        until(lambda: source.stats()["rebinds"] == 1, "plugging in")
        shake_hands(again, source)
        again.send("note_on", note=1, velocity=100)
        until(lambda: host.params.get("output/blackout"))


@pytest.mark.device
def test_lamps_through_jack(rig):
    pads, source, host = rig
    put(host, "note/1/9", "view/polar", mode="toggle", lamp=3)
    put(host, "cc/1/30", "color/contrast")
    until(lambda: source.stats()["ports"][0]["feedback"])
    until(lambda: [0xB0, 30, 42] in pads.heard, "the fader's place")
    pads.send("note_on", note=9, velocity=100)
    pads.send("note_off", note=9)
    until(lambda: [0x90, 9, 3] in pads.heard, "the lamp")
    host.params.set("view/polar", False, "web:1")
    host.params.set("color/contrast", 3, "web:1")
    until(lambda: pads.heard[-2:] in ([[0x90, 9, 0], [0xB0, 30, 127]], [[0xB0, 30, 127], [0x90, 9, 0]]))


@pytest.mark.device
def test_the_doctor_hears_itself_through_jack(jack):
    found = probe.probe("UNIX_JACK")
    assert found.status == "works", found
    assert "message sent and received" in found.summary
