"""The OSC source on real sockets of the loopback: addresses, answers, bundles, floods and horrors."""

from __future__ import annotations

import logging
import random
import shutil
import socket
import struct
import subprocess
import threading

import pytest
from pythonosc.tcp_client import SimpleTCPClient
from pythonosc.udp_client import SimpleUDPClient

import morphogen
from fakes import FakeHost
from morphogen.contracts import Source
from morphogen.errors import StyleError, Unavailable
from morphogen.methods import BY_NAME
from morphogen_bridges.osc import addresses as table
from morphogen_bridges.osc import dispatch, schedule
from morphogen_bridges.osc.codec import Infinitum, ntp_now, parse, write_bundle, write_message
from morphogen_bridges.osc.slip import slip
from morphogen_bridges.sources.osc import MAX_CLIENTS, OscSource
from waiting import until

M = write_message
SECOND = 1 << 32
liblo = pytest.mark.skipif(shutil.which("oscsend") is None, reason="oscsend (liblo-tools) is not installed")


class Ntp:
    def __init__(self):
        self.now = ntp_now()

    def __call__(self):
        return self.now


class Rig:
    """A source, its host, and a UDP client that can hear answers."""

    def __init__(self, host=None, **options):
        self.host = host or FakeHost()
        self.ntp = Ntp()
        self.source = OscSource(port=0, ntp=self.ntp, **options)
        self.source.open(self.host)
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.bind(("127.0.0.1", 0))
        self.client.settimeout(30)
        self.origin = f"osc:127.0.0.1:{self.client.getsockname()[1]}"

    def send(self, *packets):
        for packet in packets:
            self.client.sendto(packet, ("127.0.0.1", self.source.port))

    def hear(self):
        return parse(self.client.recv(65536))[0]

    def ping(self):
        """Everything sent before has been dealt with when this returns."""
        self.client.setblocking(False)
        while True:  # answers that nobody waited for, an old pong among them
            try:
                self.client.recv(65536)
            except BlockingIOError:
                break
        self.client.settimeout(5)
        for _ in range(12):
            self.send(M("/morphogen/ping"))
            try:
                while (answer := self.hear()).address != "/morphogen/pong":
                    pass
            except TimeoutError:  # lost in a full buffer
                continue
            return answer.args[0]
        raise AssertionError("no pong")

    @property
    def kinds(self):
        return self.source.stats()["kinds"]

    def close(self):
        self.source.close()
        self.client.close()


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.close()


def tcp(rig):
    sock = socket.create_connection(("127.0.0.1", rig.source.port), timeout=30)
    sock.settimeout(30)
    return sock


# --- addresses


@pytest.mark.parametrize("value", [1.5, Infinitum.INFINITUM, True, False, 2, 1 << 40, "1.5", " 2 "])
def test_numbers_and_numeric_strings_are_interchangeable(rig, value):
    rig.send(M("/morphogen/view/zoom", value))
    rig.ping()
    if value is Infinitum.INFINITUM:
        assert rig.kinds == {"arguments": 1}
    else:
        expected = rig.host.params.specs["view/zoom"].check(value)
        assert rig.host.params.sets == [("view/zoom", expected, rig.origin)]


def test_every_parameter_has_both_addresses(rig):
    for key in rig.host.params.specs:
        rig.send(M(f"/morphogen/{key}", 1.0), M("/morphogen/ping"))
        assert rig.hear().address == "/morphogen/pong"
        rig.send(M(f"/morphogen/norm/{key}", 0.5), M("/morphogen/ping"))
        assert rig.hear().address == "/morphogen/pong"
    assert rig.source.stats()["rejected"] == 0
    for key, spec in rig.host.params.specs.items():
        assert rig.host.params.values[key] == spec.from_normalised(0.5)


def test_choices_take_their_names_and_switches_their_words(rig):
    rig.send(M("/morphogen/view/mirror", "both"), M("/morphogen/output/blackout", "on"))
    rig.ping()
    assert rig.host.params.get("view/mirror") == "both"
    assert rig.host.params.get("output/blackout") is True


def test_no_argument_asks_and_everyone_hears(rig):
    rig.send(M("/morphogen/view/zoom", 4.0), M("/morphogen/view/zoom"))
    assert rig.hear()[:2] == ("/morphogen/view/zoom", (4.0,))
    rig.send(M("/morphogen/norm/output/master"))
    assert rig.hear()[:2] == ("/morphogen/norm/output/master", (1.0,))
    rig.send(M("/morphogen/view/mirror"))
    assert rig.hear()[:2] == ("/morphogen/view/mirror", (0.0,))
    rig.ping()
    queries = [data for topic, data in rig.host.events if topic == "query"]
    assert queries[0] == {"address": "/morphogen/view/zoom", "value": 4.0}
    assert len(queries) == 3


@pytest.mark.parametrize(
    ("packet", "call"),
    [
        (M("/morphogen/style/load", "cosmic/galaxy"), ("style.load", {"name": "cosmic/galaxy", "seconds": None})),
        (M("/morphogen/style/load", "a/b", 2), ("style.load", {"name": "a/b", "seconds": 2.0})),
        (M("/morphogen/style/next"), ("style.next", {"seconds": None})),
        (M("/morphogen/style/next", 1.0), ("style.next", {"seconds": None})),
        (M("/morphogen/style/previous", Infinitum.INFINITUM), ("style.previous", {"seconds": None})),
        (M("/morphogen/style/slot", 3.0, "1.5"), ("style.slot", {"slot": 3, "seconds": 1.5})),
        (M("/morphogen/style/blob", b"MGS1"), ("style.put", {"blob": b"MGS1", "seconds": None})),
        (M("/morphogen/weight/17", 0.25), ("style.weight", {"index": 17, "value": 0.25})),
        (M("/morphogen/tempo/bpm", 128), ("tempo.set", {"bpm": 128.0})),
        (M("/morphogen/tempo/tap", True), ("tempo.tap", {})),
        (M("/morphogen/tempo/beat"), ("tempo.beat", {})),
        (M("/morphogen/snapshot/store", 2), ("snapshot.store", {"slot": 2})),
        (M("/morphogen/snapshot/recall", 2, 4.0), ("snapshot.recall", {"slot": 2, "seconds": 4.0})),
        (M("/audio/bpm/bpm", 93.5), ("tempo.set", {"bpm": 93.5})),
    ],
)
def test_commands(rig, packet, call):
    rig.send(packet)
    rig.ping()
    method, arguments = call
    assert [(m, {k: a[k] for k in arguments}) for m, a in rig.host.calls] == [(method, arguments)]
    assert rig.source.stats()["rejected"] == 0


def test_every_command_of_the_table_is_a_control_method():
    for command in table.COMMANDS:
        known = {arg.name for arg in BY_NAME[command.method].args}
        assert set(command.names) <= known
        assert len(command.names) == len(command.letters)
        assert command.doc.endswith(".")


def test_a_released_button_does_nothing(rig):
    rig.send(M("/morphogen/style/next", 0.0), M("/morphogen/tempo/tap", False))
    rig.ping()
    assert rig.host.calls == []
    assert rig.source.stats()["rejected"] == 0


@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (M("/morphogen/view/zoom", "big"), "arguments"),
        (M("/morphogen/view/zoom", b"blob"), "arguments"),
        (M("/morphogen/view/zoom", None), "arguments"),
        (M("/morphogen/view/zoom", [1.0]), "arguments"),
        (M("/morphogen/view/zoom", 1.0, 2.0), "arguments"),
        (M("/morphogen/view/zoom", float("nan")), "value"),
        (M("/morphogen/norm/view/zoom", float("inf")), "value"),
        (M("/morphogen/view/zoom", "x" * 60_000), "arguments"),
        (M("/morphogen/view/zooom", 1.0), "address"),
        (M("/" + "x" * 50_000, 1.0), "address"),
        (M("/morphogen/*/zooom", 1.0), "address"),
        (M("/morphogen/view/[zoom", 1.0), "address"),
        (M("/morphogen/weight/-1", 1.0), "address"),
        (M("/morphogen/weight/99999999999", 1.0), "address"),
        (M("/morphogen/weight/1"), "arguments"),
        (M("/morphogen/style/load", 3), "arguments"),
        (M("/morphogen/style/load"), "arguments"),
        (M("/morphogen/style/slot", "three"), "arguments"),
        (M("/morphogen/style/next", 1, 2), "arguments"),
        (M("/morphogen/snapshot/recall", 1, float("nan")), "value"),
        (M("/morphogen/feedback/subscribe"), "arguments"),
        (M("/morphogen/feedback/subscribe", 80), "arguments"),
        (b"", "malformed"),
        (b"/x\0\0,f\0\0", "malformed"),
        (b"junk", "malformed"),
    ],
)
def test_what_is_wrong_is_counted_by_kind_and_changes_nothing(rig, packet, kind):
    rig.send(packet)
    assert rig.ping() == morphogen.__version__
    assert rig.kinds == {kind: 1}
    assert rig.host.params.sets == []
    assert rig.host.calls == []


def test_a_failing_command_is_counted_and_said_once(caplog):
    def no_style(**_):
        raise StyleError("there is no style 'x/y'.", "See `morphogen styles list`.")

    rig = Rig(FakeHost({"style.load": no_style}))
    with caplog.at_level(logging.WARNING, "morphogen.osc"):
        rig.send(*[M("/morphogen/style/load", "x/y")] * 5)
        rig.ping()
    rig.close()
    assert rig.kinds == {"failed": 5}
    assert [r.getMessage() for r in caplog.records] == [
        "OSC, command failed: style.load: there is no style 'x/y'. See `morphogen styles list`."
    ]


def test_commands_that_nobody_takes_are_bounded(monkeypatch):
    class Stuck(FakeHost):
        def call(self, method, arguments=None):
            self.calls.append((method, arguments))
            return dispatch.Future()

    monkeypatch.setattr(dispatch, "MAX_OPEN_CALLS", 3)
    rig = Rig(Stuck())
    rig.send(*[M("/morphogen/tempo/tap")] * 8)
    rig.ping()
    rig.close()
    assert len(rig.host.calls) == 3
    assert rig.kinds == {"flood": 5}


def test_subscribe_tells_where_to(rig):
    rig.send(M("/morphogen/feedback/subscribe", 9000.0))
    rig.ping()
    assert ("subscribe", {"host": "127.0.0.1", "port": 9000}) in rig.host.events


def test_patterns_set_and_ask_every_parameter_that_matches(rig):
    rig.send(M("/morphogen/view/{x,y}", 0.5), M("/morphogen/norm/lfo[1-2]/rate", 1.0))
    rig.ping()
    assert rig.host.params.get("view/x") == rig.host.params.get("view/y") == 0.5
    assert rig.host.params.get("lfo1/rate") == rig.host.params.get("lfo2/rate") == 20.0
    rig.send(M("/morphogen/view/[xy]"))
    assert {rig.hear().address, rig.hear().address} == {"/morphogen/view/x", "/morphogen/view/y"}


def test_new_patterns_are_rationed_but_known_ones_are_not(rig):
    rig.send(M("/morphogen/view/zoo?", 2.0))
    rig.ping()
    flood = write_bundle([M(f"/morphogen/view/*{'?' * n}", 1.0) for n in range(1, 8)])
    rig.send(flood, *[M("/morphogen/view/zoo?", 3.0)] * 20)
    rig.ping()
    assert rig.kinds.get("flood", 0) >= 1
    assert rig.host.params.get("view/zoom") == 3.0


def test_synesthesia(rig):
    levels = {"all": "rms", "bass": "bass", "mid": "mid", "high": "treble"}
    rig.send(*[M(f"/audio/level/{name}", 0.5) for name in levels], M("/audio/hits/all", 0.75))
    rig.send(*[M(address, 0.1) for address in sorted(table.SYNESTHESIA_UNUSED)])
    for value in (0.0, 1.0, 0.8, 0.1, 1.0):
        rig.send(M("/audio/beat/onbeat", value))
    rig.send(*[M("/audio/bpm/bpm", bpm) for bpm in (0.0, 120.0)])
    rig.ping()
    rig.send(M("/audio/bpm/bpm", 120.01))
    rig.ping()
    assert all(rig.host.params.get(f"audio/{key}") == 0.5 for key in levels.values())
    assert rig.host.params.get("audio/onset") == 0.75
    assert rig.host.params.get("audio/beat") == 1.0
    methods = [method for method, _ in rig.host.calls]
    assert methods.count("tempo.beat") == 2
    assert methods.count("tempo.set") == 1
    assert rig.source.stats()["rejected"] == 0


# --- bundles and coalescing


def test_past_and_immediate_bundles_act_at_once_and_future_ones_wait(rig):
    now = rig.ntp.now
    rig.send(write_bundle([M("/morphogen/view/x", 1.0)]), write_bundle([M("/morphogen/view/y", 1.0)], now - SECOND))
    rig.send(write_bundle([M("/morphogen/view/zoom", 2.0)], now + 5 * SECOND))
    rig.send(write_bundle([M("/morphogen/view/zoom", 3.0), M("/morphogen/tempo/tap")], now + 10 * SECOND))
    rig.ping()
    assert {key for key, _, _ in rig.host.params.sets} == {"view/x", "view/y"}
    assert rig.source.stats()["scheduled"] == 3
    rig.ntp.now = now + 6 * SECOND
    until(lambda: rig.host.params.get("view/zoom") == 2.0)
    assert rig.host.calls == []
    rig.ntp.now = now + 10 * SECOND
    until(lambda: rig.host.calls)
    assert rig.host.params.get("view/zoom") == 3.0
    assert rig.source.stats()["scheduled"] == 0
    assert rig.source.stats()["rejected"] == 0


def test_far_future_and_too_many_are_refused(rig):
    now = rig.ntp.now
    rig.send(write_bundle([M("/morphogen/view/zoom", 2.0)], now + 61 * SECOND))
    rig.send(write_bundle([M("/morphogen/view/zoom", 2.0)], 2**64 - 1))
    rig.ping()
    assert rig.kinds == {"time": 2}
    bundle = write_bundle([M("/morphogen/view/zoom", 2.0)] * 512, now + 9 * SECOND)
    rig.send(bundle, bundle, bundle)
    rig.ping()
    assert rig.kinds == {"time": 2, "flood": 512}
    assert rig.source.stats()["scheduled"] == schedule.MAX_PENDING


def test_of_many_values_in_one_batch_only_the_last_reaches_the_store(rig):
    moves = [M("/morphogen/view/zoom", 1 + n / 1000) for n in range(1000)]
    rig.send(write_bundle([*moves, M("/morphogen/norm/view/zoom", 1.0), M("/morphogen/view/zoom", float("nan"))]))
    rig.ping()
    assert rig.host.params.sets == [("view/zoom", 20.0, rig.origin)]
    assert rig.kinds == {"value": 1}


def test_a_pulse_within_one_batch_is_not_lost(rig):
    onset = [M("/morphogen/audio/onset", value) for value in (0.0, 1.0, 0.5, 0.0)]
    beat = [M("/audio/beat/onbeat", 1.0), M("/morphogen/norm/audio/beat", 0.0)]
    level = [M("/morphogen/audio/bass", value) for value in (1.0, 0.5)]
    rig.send(write_bundle([*onset, *beat, *level]))
    rig.ping()
    sets = [(key, value) for key, value, _ in rig.host.params.sets]
    assert [value for key, value in sets if key == "audio/onset"] == [1.0, 0.5, 0.0]
    assert [value for key, value in sets if key == "audio/beat"] == [1.0, 0.0]
    assert [value for key, value in sets if key == "audio/bass"] == [0.5]


def test_a_command_is_a_barrier():
    seen = []
    host = FakeHost({"snapshot.store": lambda slot: seen.append((slot, host.params.get("view/zoom")))})
    rig = Rig(host)
    zooms = [M("/morphogen/view/zoom", value) for value in (2.0, 3.0, 4.0)]
    store = [M("/morphogen/snapshot/store", slot) for slot in (1, 2)]
    rig.send(write_bundle([zooms[0], zooms[1], store[0], zooms[2], store[1]]))
    rig.ping()
    rig.close()
    assert seen == [(1, 3.0), (2, 4.0)]


# --- TCP


def test_tcp_slip_and_length_framing(rig):
    with tcp(rig) as a, tcp(rig) as b:
        a.sendall(slip(M("/morphogen/view/zoom", 2.0)) + slip(M("/morphogen/ping")))
        assert M("/morphogen/pong", morphogen.__version__) in a.recv(4096)
        ping = M("/morphogen/ping")
        b.sendall(struct.pack(">I", len(ping)) + ping)
        assert b.recv(4096)[4:] == M("/morphogen/pong", morphogen.__version__)
        assert rig.host.params.get("view/zoom") == 2.0
        assert rig.source.stats()["clients"] == 2
        origin = f"osc:127.0.0.1:{a.getsockname()[1]}"
        assert rig.host.params.sets[0][2] == origin
    until(lambda: rig.source.stats()["clients"] == 0, "hanging up")


def test_python_osc_over_tcp_and_udp(rig):
    client = SimpleTCPClient("127.0.0.1", rig.source.port, mode="1.1")
    client.send_message("/morphogen/view/x", 0.5)
    client.close()
    SimpleUDPClient("127.0.0.1", rig.source.port).send_message("/morphogen/view/y", -1)
    until(lambda: (rig.host.params.get("view/x"), rig.host.params.get("view/y")) == (0.5, -1.0))


def test_broken_and_greedy_tcp_clients_are_dropped_alone(rig):
    with tcp(rig) as good, tcp(rig) as broken, tcp(rig) as greedy:
        good.sendall(slip(M("/morphogen/ping")))
        assert good.recv(4096)
        broken.sendall(b"\xc0/x\xdbz\xc0")
        greedy.sendall(struct.pack(">I", 1 << 20))
        for bad in (broken, greedy):
            assert bad.recv(10) == b""
        good.sendall(slip(M("/morphogen/ping")))
        assert good.recv(4096)
    assert rig.kinds == {"frame": 2}


def test_a_client_that_does_not_read_its_answers_is_dropped(rig):
    with tcp(rig) as deaf:
        ping = slip(M("/morphogen/view/zoom")) * 200
        with pytest.raises(OSError):  # noqa: PT012
            for _ in range(20_000):
                deaf.sendall(ping)
    until(lambda: rig.source.stats()["clients"] == 0)
    assert rig.ping()


def test_the_longest_silent_client_makes_room(rig):
    silent = tcp(rig)
    until(lambda: rig.source.stats()["clients"] == 1)
    rig.host.clock.advance(1.0)
    others = [tcp(rig) for _ in range(MAX_CLIENTS)]
    try:
        assert silent.recv(10) == b""
        until(lambda: rig.source.stats()["clients"] == MAX_CLIENTS)
    finally:
        for sock in (silent, *others):
            sock.close()


@liblo
@pytest.mark.parametrize("scheme", ["udp", "tcp"])
def test_oscsend(rig, scheme):
    url = f"osc.{scheme}://127.0.0.1:{rig.source.port}/"
    for args in (["/morphogen/view/zoom", "f", "2.5"], ["/morphogen/style/load", "sf", "cosmic/galaxy", "2"]):
        subprocess.run(["oscsend", url, *args], check=True, timeout=30)
    until(lambda: rig.host.calls)
    assert rig.host.params.get("view/zoom") == 2.5
    assert rig.host.calls[0][1]["name"] == "cosmic/galaxy"
    assert rig.source.stats()["rejected"] == 0


# --- life


def test_a_taken_port_names_the_cure(rig, free_port):
    with pytest.raises(Unavailable, match="taken") as error:
        OscSource(port=rig.source.port).open(FakeHost())
    assert "--port-base" in error.value.cure
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_port))
        other.listen()
        with pytest.raises(Unavailable, match="taken"):
            OscSource(port=free_port).open(FakeHost())
    with pytest.raises(Unavailable, match="no such address"):
        OscSource("203.0.113.7", 0).open(FakeHost())


def test_open_and_close_are_idempotent_and_the_port_is_free_again():
    source = OscSource(port=0)
    assert isinstance(source, Source)
    for _ in range(3):
        source.open(FakeHost())
        source.open(FakeHost())
        port = source.port
        assert source.describe()["url"] == f"osc.udp://127.0.0.1:{port}"
        source.close()
        source.close()
    assert not any(thread.name == "osc-in" for thread in threading.enumerate())


def test_an_unexpected_error_ends_neither_thread_nor_show(caplog):
    class Broken(FakeHost):
        def emit(self, topic, data):
            if topic == "subscribe":
                raise RuntimeError("bug")
            super().emit(topic, data)

    rig = Rig(Broken())
    rig.send(M("/morphogen/feedback/subscribe", 9000))
    until(lambda: rig.kinds == {"internal": 1})
    assert rig.ping()
    rig.close()
    assert "bug" in caplog.text


def test_rate_is_messages_a_second(rig):
    rig.send(*[M("/morphogen/view/zoom", 1.0)] * 10)
    rig.ping()
    rig.host.clock.advance(2.0)
    before = rig.source.stats()["received"]
    rig.ping()
    assert rig.source.stats()["per_second"] == pytest.approx((before + 1) / 2, abs=1)


# --- horrors


def horrors(now):
    deep = M("/morphogen/view/zoom", 1.0)
    for _ in range(20):
        deep = write_bundle([deep])
    return [
        b"",
        b"\0",
        b"/",
        b"/morphogen/view/zoom\0\0\0\0,f\0\0",
        b"/morphogen/view/zoom\0\0\0\0,f\0\0\0\0",
        b"#bundle\0",
        b"#bundle\0" + b"\xff" * 100,
        M("/morphogen/view/zoom", "a string where a number was expected"),
        M("/morphogen/view/zoom", float("nan")),
        M("/morphogen/output/master", float("-inf")),
        M("/morphogen/view/zoom", "9" * 60_000),
        M("/morphogen/nothing/here\n\x1b[31m", 1),
        M("/morphogen/style/blob", b"\xff" * 60_000),
        M("/" + "*" * 250, 1.0),
        M("/" + "*{a,aa,aaa}" * 20, 1.0),
        M("/morphogen/" + "{" * 100, 1.0),
        deep,
        write_bundle([M("/morphogen/view/zoom", 1.0)], now + 3600 * SECOND),
        write_bundle([M("/morphogen/view/zoom", 1.0)], 2**64 - 1),
        write_bundle([M("/x", *[[]] * 100)] * 50),
    ]


def test_a_flood_of_rubbish_ends_nothing(rig, caplog):
    rng = random.Random(7)
    bad = horrors(rig.ntp.now)
    good = M("/morphogen/view/zoom", 2.0)
    with caplog.at_level(logging.WARNING, "morphogen"):
        for n in range(50_000):
            roll = rng.random()
            if roll < 0.02:
                packet = rng.choice(bad)
            elif roll < 0.3:
                cut = bytearray(good)
                cut[rng.randrange(len(cut))] = rng.randrange(256)
                packet = bytes(cut[: rng.randrange(len(cut) + 1)])
            else:
                packet = rng.randbytes(rng.randrange(0, 64))
            rig.send(packet)
            if n % 500 == 0:
                rig.ping()
        assert rig.ping() == morphogen.__version__
        stats = rig.source.stats()
        assert stats["received"] >= 45_000  # the kernel may drop some of a burst
        assert set(stats["kinds"]) <= {"malformed", "address", "arguments", "value", "time", "flood", "failed"}
        assert {"malformed", "address", "arguments", "value", "time"} <= set(stats["kinds"])
        assert stats["scheduled"] == 0
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) <= 2 * len(stats["kinds"])  # a line a kind, and another only when a minute has gone by
    assert all(line.isprintable() and len(line) < 300 for line in lines)
    rig.send(M("/morphogen/view/zoom", 3.0))
    rig.ping()
    assert rig.host.params.get("view/zoom") == 3.0
