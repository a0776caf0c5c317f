"""Other programs' addresses: from liblo's packets through the rules of the controls to the parameters."""

from __future__ import annotations

import logging
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import FakeHost
from morphogen.controls.book import read
from morphogen.controls.engine import Engine
from morphogen.controls.rules import Rule, make
from morphogen_bridges.osc.codec import Infinitum, parse, write_bundle, write_message
from morphogen_bridges.osc.foreign import MAX_ADDRESS, MAX_ARGUMENTS
from morphogen_bridges.servers.osc_feedback import OscFeedback
from morphogen_bridges.sources.osc import OscSource
from waiting import until

M = write_message
OPACITY = "/composition/layers/1/video/opacity"
EXAMPLES = sorted((Path(__file__).parent.parent / "docs" / "examples").glob("*.toml"))
liblo = pytest.mark.skipif(shutil.which("oscsend") is None, reason="oscsend (liblo-tools) is not installed")


class Rig:
    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.source = OscSource(port=0)
        self.source.open(host)

    def send(self, *packets: bytes) -> None:
        """And wait until all of them have been dealt with."""
        before = self.source.stats()["received"]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for packet in packets:
                sender.sendto(packet, ("127.0.0.1", self.source.port))
        count = sum(len(parse(packet)) for packet in packets)
        until(lambda: self.source.stats()["received"] >= before + count)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.settimeout(10)
            sender.sendto(M("/morphogen/ping"), ("127.0.0.1", self.source.port))
            sender.recv(1024)

    def liblo(self, address: str, *values: str) -> None:
        subprocess.run(["oscsend", "127.0.0.1", str(self.source.port), address, *values], check=True)

    @property
    def rejected(self) -> dict[str, int]:
        return self.source.stats()["kinds"]


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig(FakeHost())
    yield rig
    rig.source.close()


@pytest.fixture
def ruled() -> Iterator[Rig]:
    """With the real rules behind it."""
    host = FakeHost()
    host.controls = Engine(host.params, host.call, host.clock.now)
    rig = Rig(host)
    yield rig
    rig.source.close()


def rules(rig: Rig) -> Engine:
    assert isinstance(rig.host.controls, Engine)
    return rig.host.controls


# --- what is felt


@pytest.mark.parametrize(
    ("packet", "felt"),
    [
        (M(OPACITY, 0.25), [("osc" + OPACITY, 0.25)]),
        (M("/1/toggle1", 1), [("osc/1/toggle1", 1.0)]),
        (M("/1/toggle1", True), [("osc/1/toggle1", 1.0)]),
        (M("/3/xy", 0.25, 0.75), [("osc/3/xy", 0.25), ("osc/3/xy#1", 0.75)]),
        (M("/a", "+", 0.5, None, b"x", Infinitum.INFINITUM, 2), [("osc/a#1", 0.5), ("osc/a#5", 2.0)]),
        (M("/bang"), [("osc/bang", 1.0)]),
        (M("/many", *range(50)), [(f"osc/many#{n}" if n else "osc/many", float(n)) for n in range(MAX_ARGUMENTS)]),
        (M("/" + "x" * (MAX_ADDRESS - 1), 1.0), [("osc/" + "x" * (MAX_ADDRESS - 1), 1.0)]),
        (M("/" + "x" * MAX_ADDRESS, 1.0), []),
        (M("/text", "hello"), []),
        (M("/composition/*/opacity", 1.0), []),
        (M("/morphogen/view/zooom", 1.0), []),
        (M("/morphogen/view/zoom", 2.0), []),
    ],
    ids=["float", "int", "bool", "two", "mixed", "none", "many", "long", "too long", "text", "pattern", "typo", "ours"],
)
def test_numbers_of_foreign_addresses_are_felt(rig, packet, felt):
    rig.send(packet)
    assert [(address, value) for address, value, _ in rig.host.controls.felt] == felt


def test_what_no_rule_takes_is_counted_each_time_and_said_once(rig, caplog):
    caplog.set_level(logging.WARNING, "morphogen.osc")
    rig.send(*(M(OPACITY, n / 10) for n in range(10)))
    assert rig.rejected == {"address": 10}
    said = [record.getMessage() for record in caplog.records if "unknown address" in record.getMessage()]
    assert len(said) == 1
    assert OPACITY in said[0]
    assert "morphogen ctl learn" in said[0]


def test_what_a_rule_takes_is_not_counted(rig):
    rig.host.controls.mapped.add("osc" + OPACITY)
    rig.send(M(OPACITY, 0.5), M("/1/fader1", 0.5))
    assert rig.rejected == {"address": 1}


def test_synesthesia_says_more_than_we_use_and_rules_may_use_it(rig):
    rig.send(M("/audio/presence/bass", 0.5), M("/audio/hits/bass", 1.0), M("/audio/level/bass", 0.75))
    assert [address for address, _, _ in rig.host.controls.felt] == ["osc/audio/presence/bass", "osc/audio/hits/bass"]
    assert rig.host.params.get("audio/bass") == 0.75
    assert rig.rejected == {}


def test_of_a_faders_values_in_one_bundle_the_last_counts_and_of_a_buttons_all(rig):
    controls = rig.host.controls
    controls.mapped |= {"osc/1/fader1", "osc/2/push1"}
    controls.newest_only = lambda address: address == "osc/1/fader1"
    rig.send(write_bundle([M("/1/fader1", n / 100) for n in range(100)]))
    assert [value for _, value, _ in controls.felt] == [0.0, pytest.approx(0.99)]
    controls.felt.clear()
    rig.send(write_bundle([M("/2/push1", float(n % 2)) for n in range(4)]))
    assert [value for _, value, _ in controls.felt] == [0.0, 1.0, 0.0, 1.0]


def test_a_bundle_keeps_its_order_when_learning_begins_in_the_middle(rig):
    controls, fader = rig.host.controls, [True, True, False]
    controls.mapped.add("osc/a")
    controls.newest_only = lambda address: fader.pop(0)
    rig.send(write_bundle([M("/a", float(n)) for n in range(4)]))
    assert [value for _, value, _ in controls.felt] == [0.0, 3.0]


# --- with the real rules


@liblo
def test_resolumes_fader_is_scaled_to_the_whole_range(ruled):
    rules(ruled).put(make({"address": "osc" + OPACITY, "target": "view/zoom"}))
    zoom = ruled.host.params.specs["view/zoom"]
    for sent, expected in (("0", zoom.minimum), ("0.5", 1.0), ("1", zoom.maximum)):
        ruled.liblo(OPACITY, "f", sent)
        until(lambda wanted=expected: ruled.host.params.get("view/zoom") == pytest.approx(wanted))
    assert ruled.host.params.sets[-1][2] == "controls:osc" + OPACITY


@liblo
def test_a_foreign_address_is_learnt_from_one_move(ruled):
    engine, clock = rules(ruled), ruled.host.clock
    learnt = engine.learn("view/rotate")
    for value in ("0.5", "0.75", "0.25"):
        ruled.liblo(OPACITY, "f", value)
    until(lambda: ruled.source.stats()["received"] == 3)
    clock.advance(1.0)
    engine.tick(clock.now())
    rule = learnt.result(0)
    assert (rule["address"], rule["target"], rule["mode"]) == ("osc" + OPACITY, "view/rotate", "absolute")
    ruled.liblo(OPACITY, "f", "0.75")
    until(lambda: ruled.host.params.get("view/rotate") == 90.0)


@liblo
def test_midi_like_numbers_are_learnt_with_their_ends(ruled):
    engine, clock = rules(ruled), ruled.host.clock
    learnt = engine.learn("output/master")
    for value in ("0", "64", "100"):
        ruled.liblo("/desk/fader/3", "i", value)
    until(lambda: ruled.source.stats()["received"] == 3)
    clock.advance(1.0)
    engine.tick(clock.now())
    assert learnt.result(0)["input"] == [0.0, 100.0]


def test_nobody_is_told_of_foreign_addresses_and_what_we_say_is_never_foreign(ruled):
    """The guard against loops: feedback has our own addresses only, and those never reach the rules."""
    engine = rules(ruled)
    engine.put(make({"address": "osc/1/fader1", "target": "view/zoom"}))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tablet:
        tablet.bind(("127.0.0.1", 0))
        tablet.settimeout(0.2)
        feedback = OscFeedback([tablet.getsockname()], rate=200.0)
        feedback.open(ruled.host)
        try:
            heard = listen(ruled, tablet, 0)
            ruled.send(M("/1/fader1", 0.75))
            heard = listen(ruled, tablet, 1, "/morphogen/view/zoom")
        finally:
            feedback.close()
    assert all(parse(packet)[0].address.startswith("/morphogen/") for packet in heard)
    before = ruled.host.params.get("view/zoom")
    felt = dict(engine._recent)
    ruled.send(*heard)
    assert ruled.host.params.get("view/zoom") == pytest.approx(before)
    assert engine._recent == felt


def listen(rig: Rig, tablet: socket.socket, least: int, address: str = "") -> list[bytes]:
    """Packets until it is silent, of which at least so many say `address`."""
    packets: list[bytes] = []
    for _ in range(50):
        rig.host.clock.advance(1.0)  # receivers are looked for by the instrument's clock
        try:
            while True:
                packets.append(tablet.recv(65536))
        except TimeoutError:
            found = [packet for packet in packets if parse(packet)[0].address == address]
            if packets and len(found) >= least:
                return packets
    raise AssertionError(f"{address} was not said")


# --- the examples


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_rule_of_the_examples_does_something(ruled, path):
    engine = rules(ruled)
    book = read(path.read_text(encoding="utf-8"), engine.check)
    assert not book.problems
    assert len(book.rules) > 8
    engine.load((), book.rules)
    for rule in book.rules:
        before = (len(ruled.host.params.sets), len(ruled.host.calls))
        ruled.send(*packets(rule))
        assert (len(ruled.host.params.sets), len(ruled.host.calls)) != before, rule.address
    assert ruled.rejected == {}


def packets(rule: Rule) -> list[bytes]:
    address, _, index = rule.address.removeprefix("osc").partition("#")
    return [M(address, *[0.0] * int(index or 0), value) for value in (0.0, 1.0)]


def test_there_are_examples():
    assert {path.stem for path in EXAMPLES} >= {"resolume", "touchosc"}
