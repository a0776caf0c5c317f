from __future__ import annotations

import socket
import threading
from concurrent.futures import Future
from pathlib import Path

import msgpack
import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes import FakeHost
from morphogen.errors import StyleError, Unavailable, UsageError
from morphogen.methods import METHODS
from morphogen_bridges import zmq_rpc
from morphogen_bridges.servers import zmq_control
from morphogen_bridges.servers.zmq_control import ZmqControl
from morphogen_bridges.servers.zmq_events import ZmqEvents
from morphogen_bridges.sources.zmq_params import ZmqParams
from morphogen_bridges.zmq_common import bind, context
from waiting import until
from zmq_helpers import PATIENCE, ask, leaves, opened, peer, request


class SlowHost(FakeHost):
    """Calls stay open until a test resolves them."""

    def __init__(self):
        super().__init__()
        self.futures = []

    def call(self, method, arguments=None):
        self.calls.append((method, dict(arguments or {})))
        future = Future()
        self.futures.append(future)
        return future


@pytest.fixture
def control(host):
    with opened(ZmqControl(port=0), host) as server:
        yield server


@pytest.fixture
def dealer(control):
    with peer(zmq.DEALER, control.describe()["port"]) as socket:
        yield socket


@pytest.fixture
def slow():
    host = SlowHost()
    with opened(ZmqControl(port=0), host) as server, peer(zmq.DEALER, server.describe()["port"]) as socket:
        yield host, server, socket


def test_req_is_answered(control, host):
    host.answers["ping"] = {"pong": True}
    with peer(zmq.REQ, control.describe()["port"]) as socket:
        for number in (1, "two", 3.5):
            assert ask(socket, request("ping", number=number)) == {
                "jsonrpc": "2.0", "id": number, "result": {"pong": True},
            }  # fmt: skip


@pytest.mark.parametrize("envelope", [[], [b""], [b"a", b"", b"\x00trace"]])
def test_dealer_gets_all_frames_before_the_last_back(dealer, envelope):
    dealer.send_multipart([*envelope, msgpack.packb(request("ping"))])
    *echoed, data = dealer.recv_multipart()
    assert echoed == envelope
    assert msgpack.unpackb(data)["result"] == {"ok": True}


def test_params_as_map_as_list_and_bytes(dealer, host):
    ask(dealer, request("style.load", {"name": "cosmic/galaxy", "seconds": 2}))
    ask(dealer, request("style.load", ["cosmic/galaxy", 2.0, "bar"]))
    ask(dealer, request("style.put", {"blob": b"\x00\xff"}))
    assert host.calls == [
        ("style.load", {"name": "cosmic/galaxy", "seconds": 2.0, "on": None}),
        ("style.load", {"name": "cosmic/galaxy", "seconds": 2.0, "on": "bar"}),
        ("style.put", {"blob": b"\x00\xff", "seconds": None, "on": None}),
    ]


def test_every_method_is_reachable(dealer):
    for method in METHODS:
        answer = ask(dealer, request(method.name))
        assert "result" in answer or answer["error"]["code"] == -32602, method.name


def test_without_id_the_answer_has_id_null(dealer, host):
    message = request("ping")
    del message["id"]
    assert ask(dealer, message) == {"jsonrpc": "2.0", "id": None, "result": {"ok": True}}
    assert host.calls == [("ping", {})]


def test_a_batch_is_answered_as_a_batch_in_order(dealer):
    answer = ask(dealer, [request("ping", number=1), request("nope", number=2), 7, request("version", number=3)])
    assert [(a["id"], a.get("error", {}).get("code")) for a in answer] == [
        (1, None), (2, -32601), (None, -32600), (3, None),
    ]  # fmt: skip


def test_a_batch_waits_for_its_slowest(slow):
    host, _, socket = slow
    socket.send(msgpack.packb([request("ping", number=1), request("version", number=2)]))
    until(lambda: len(host.futures) == 2)
    host.futures[1].set_result("late")
    assert not socket.poll(50)
    host.futures[0].set_result("later")
    assert [a["result"] for a in msgpack.unpackb(socket.recv())] == ["later", "late"]


def test_batches_of_nothing_and_of_too_much_are_refused(dealer):
    for batch in ([], [1] * 257):
        error = ask(dealer, batch)["error"]
        assert error["code"] == -32600
        assert "1 to 256" in error["data"]["cure"]


ODD = [
    (b"\xc1", -32700, "jsonrpc"),
    (b"", -32700, "jsonrpc"),
    (b"\x91" * 2000, -32700, "jsonrpc"),
    (b"\x91" * 100 + b"\x01", -32700, "jsonrpc"),
    (b"\xdd\x7f\xff\xff\xff", -32700, "jsonrpc"),
    (b"\xdf\xff\xff\xff\xff", -32700, "jsonrpc"),
    (b"\xc7\x04\x05abcd", -32700, "jsonrpc"),
    (msgpack.packb(request("ping")) + b"\x01", -32700, "jsonrpc"),
    (msgpack.packb("x" * 300_000), -32600, "262144"),
    (5, -32600, "jsonrpc"),
    ({}, -32600, "jsonrpc"),
    ({"id": 1, "method": "ping"}, -32600, "jsonrpc"),
    ({"jsonrpc": "2.0", "id": [1], "method": "ping"}, -32600, "jsonrpc"),
    ({"jsonrpc": "2.0", "id": True, "method": "ping"}, -32600, "jsonrpc"),
    (request(b"ping"), -32600, "jsonrpc"),
    (request("ping", 5), -32600, "jsonrpc"),
    (request("style.lod"), -32601, "style.load"),
    (request("x" * 5000), -32601, "There are"),
    (request("style.load"), -32602, "path"),
    (request("style.load", {"nam": "x"}), -32602, "name"),
    (request("style.load", {b"name": "x"}), -32602, "strings"),
    (request("style.load", {"name": 5}), -32602, "path"),
    (request("style.load", ["a", 1, "now", 9]), -32602, "name, seconds, on"),
    (request("tempo.set", {"bpm": float("nan")}), -32602, "20 to 400"),
]


@pytest.mark.parametrize(("message", "code", "cure"), ODD)
def test_standard_errors_have_code_message_and_cure(dealer, message, code, cure):
    answer = ask(dealer, message)
    assert answer["error"]["code"] == code
    assert cure in answer["error"]["data"]["cure"]
    assert len(answer["error"]["message"]) < 300
    assert "result" not in answer
    assert ask(dealer, request("ping"))["result"] == {"ok": True}


def test_the_id_comes_back_with_an_error(dealer):
    assert ask(dealer, request("nope", number="n1"))["id"] == "n1"
    assert ask(dealer, {"id": 4, "method": "ping"})["id"] == 4


def test_errors_of_the_instrument_keep_code_and_cure(slow):
    host, _, socket = slow
    socket.send(msgpack.packb(request("style.load", {"name": "a"})))
    until(lambda: host.futures)
    host.futures[0].set_exception(StyleError("no style 'a'.", "See `styles list`."))
    error = msgpack.unpackb(socket.recv())["error"]
    assert error == {"code": -32002, "message": "no style 'a'.", "data": {"cure": "See `styles list`."}}


def test_text_that_is_not_utf8_still_gives_an_answer(slow):
    host, _, socket = slow
    socket.send(msgpack.packb(request("state.save")))
    until(lambda: host.futures)
    host.futures[0].set_exception(StyleError("bad file \udcff."))
    assert "\\udcff" in msgpack.unpackb(socket.recv())["error"]["message"]


@pytest.mark.parametrize("result", [object(), {1, 2}, 1 << 70, {"a": {"b": object()}}, "\udcff"])
def test_a_result_that_cannot_be_packed_is_an_internal_error(dealer, host, result):
    host.answers["stats"] = lambda: result
    batch = ask(dealer, [request("stats", number=1), request("ping", number=2)])
    assert batch[0]["error"]["code"] == -32603
    assert batch[0]["error"]["data"]["cure"]
    assert batch[1]["result"] == {"ok": True}


def test_a_result_that_contains_itself_is_an_internal_error(dealer, host):
    loop = []
    loop.append(loop)
    host.answers["stats"] = lambda: loop
    assert ask(dealer, request("stats"))["error"]["code"] == -32603


def test_a_fault_inside_is_an_internal_error_and_logged(dealer, host, caplog):
    def broken():
        raise ZeroDivisionError("oops")

    host.answers["stats"] = broken
    error = ask(dealer, request("stats"))["error"]
    assert error["code"] == -32603
    assert "ZeroDivisionError: oops" in error["message"]
    assert "oops" in caplog.text


def test_a_result_may_come_later_from_any_thread(slow):
    host, server, socket = slow
    for number in range(20):
        socket.send(msgpack.packb(request("ping", number=number)))
    until(lambda: len(host.futures) == 20)
    assert server.stats()["pending"] == 20
    threads = [threading.Thread(target=f.set_result, args=(i,)) for i, f in enumerate(host.futures)]
    for thread in threads:
        thread.start()
    answers = [msgpack.unpackb(socket.recv()) for _ in threads]
    for thread in threads:
        thread.join()
    assert sorted((a["id"], a["result"]) for a in answers) == [(i, i) for i in range(20)]
    until(lambda: server.stats()["pending"] == 0)


def test_a_cancelled_call_is_answered(slow):
    host, _, socket = slow
    socket.send(msgpack.packb(request("ping")))
    until(lambda: host.futures)
    host.futures[0].cancel()
    assert "called off" in msgpack.unpackb(socket.recv())["error"]["message"]


def test_a_call_that_never_ends_is_answered_after_its_time(slow):
    host, server, socket = slow
    socket.send(msgpack.packb(request("ping")))
    until(lambda: host.futures)
    host.clock.advance(121)
    error = msgpack.unpackb(socket.recv())["error"]
    assert error["code"] == -32000
    assert "120 s" in error["message"]
    assert error["data"]["cure"]
    host.futures[0].set_result("too late")
    assert not socket.poll(50)
    assert server.stats()["pending"] == 0


def test_too_many_open_calls_are_refused_at_once(slow, monkeypatch):
    host, _, socket = slow
    monkeypatch.setattr(zmq_control, "MAX_PENDING", 3)
    for number in range(5):
        socket.send(msgpack.packb(request("ping", number=number)))
    for number in (3, 4):
        answer = msgpack.unpackb(socket.recv())
        assert (answer["id"], answer["error"]["code"]) == (number, -32000)
        assert "Wait" in answer["error"]["data"]["cure"]
    host.futures[0].set_result(1)
    assert msgpack.unpackb(socket.recv())["id"] == 0
    socket.send(msgpack.packb(request("ping", number=9)))
    until(lambda: len(host.futures) == 4)


def test_closing_answers_what_is_open():
    host = SlowHost()
    server = ZmqControl(port=0)
    server.open(host)
    with peer(zmq.DEALER, server.describe()["port"]) as socket:
        socket.send(msgpack.packb(request("ping")))
        until(lambda: host.futures)
        server.close()
        assert "closing" in msgpack.unpackb(socket.recv())["error"]["message"]
        host.futures[0].set_result("after the end")
    server.close()


def test_a_client_that_went_away_costs_nothing(slow):
    host, server, socket = slow
    with peer(zmq.DEALER, server.describe()["port"]) as gone:
        for _ in range(50):
            gone.send(msgpack.packb(request("ping")))
        until(lambda: len(host.futures) == 50)
    for future in host.futures:
        future.set_result(1)
    socket.send(msgpack.packb(request("version")))
    until(lambda: len(host.futures) == 51)
    host.futures[50].set_result("alive")
    assert msgpack.unpackb(socket.recv())["result"] == "alive"
    assert server.stats()["pending"] == 0


def test_a_client_that_never_reads_does_not_hold_up_others(dealer, control, host):
    host.answers["stats"] = {"blob": b"x" * 100_000}
    with peer(zmq.DEALER, control.describe()["port"], rcvhwm=1, rcvbuf=4096) as deaf:
        for _ in range(1000):
            deaf.send(msgpack.packb(request("stats")))
        until(lambda: control.stats()["received"] >= 1000)
        assert ask(dealer, request("ping"))["result"] == {"ok": True}


def test_an_enormous_message_ends_only_its_own_connection(dealer, control):
    with peer(zmq.DEALER, control.describe()["port"]) as large:
        large.send(b"\xc6" + b"x" * (5 << 20))
        assert ask(dealer, request("ping"))["result"] == {"ok": True}
        assert ask(large, request("ping"))["result"] == {"ok": True}


@pytest.mark.parametrize(
    "noise", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\xff\0\0\0\0\0\0\0\x09\x7f\x03" + b"\xff" * 99, b""]
)
def test_noise_on_the_port_harms_nobody(dealer, control, noise):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", control.describe()["port"]), PATIENCE) as stranger:
            stranger.sendall(noise)
    assert ask(dealer, request("ping"))["result"] == {"ok": True}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux does")
@pytest.mark.parametrize("cls", [ZmqControl, ZmqParams, ZmqEvents])
def test_nothing_is_left_after_closing(host, cls):
    def files():
        return len(list(Path("/proc/self/fd").iterdir()))

    with opened(cls(port=0), host):
        pass
    before = files()
    server = cls(port=0)
    for _ in range(20):
        with opened(server, host), peer(zmq.DEALER, server.describe()["port"]):
            pass
        server._port = 0
    until(lambda: files() <= before + 2, "closing the files")
    assert not [t.name for t in threading.enumerate() if t.name.startswith("morphogen-zmq")]


def test_a_taken_port_names_the_cure(control, host):
    with pytest.raises(Unavailable, match="taken") as caught:
        ZmqControl(port=control.describe()["port"]).open(host)
    assert "--port-base N" in caught.value.cure


def test_an_address_that_is_not_ours_names_the_cure():
    with pytest.raises(Unavailable, match=r"192\.0\.2\.1") as caught:
        bind(context().socket(zmq.ROUTER), "192.0.2.1", 0, "ZeroMQ control")
    assert "--bind" in caught.value.cure


def test_the_network_needs_keys(host):
    for address in ("0.0.0.0", "*", "192.0.2.1", "::"):
        with pytest.raises(UsageError, match="network") as caught:
            ZmqControl(bind=address, port=0).open(host)
        assert "--curve-keys" in caught.value.cure


def test_it_opens_and_closes_again_and_again(host):
    server = ZmqControl(port=0)
    for _ in range(3):
        with opened(server, host):
            server.open(host)
            with peer(zmq.REQ, server.describe()["port"]) as socket:
                assert ask(socket, request("ping"))["result"]
        server.close()
    assert not server.is_open


# --- fuzz: always answered, never dead

_value = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text() | st.integers(-9, 9), inner, max_size=5),
)
_method = st.sampled_from([m.name for m in METHODS]) | st.text() | leaves
_call = st.fixed_dictionaries(
    {}, optional={"jsonrpc": st.just("2.0") | leaves, "id": leaves, "method": _method, "params": _value, "x": _value}
)
_message = st.one_of(
    st.binary(max_size=200),
    st.one_of(_value, _call, st.lists(_call, max_size=4)).map(msgpack.packb),
    st.tuples(_call.map(msgpack.packb), st.integers(0, 40)).map(lambda t: t[0][: t[1]]),
)


@pytest.fixture(scope="module")
def fuzzed():
    host = FakeHost()
    with opened(ZmqControl(port=0), host) as server, peer(zmq.DEALER, server.describe()["port"]) as socket:
        yield socket


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(message=_message)
def test_every_message_is_answered(fuzzed, message):
    answer = ask(fuzzed, message)
    for reply in answer if isinstance(answer, list) else [answer]:
        assert reply["jsonrpc"] == "2.0"
        assert set(reply) in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"})
        if "error" in reply:
            assert isinstance(reply["error"]["code"], int)
            assert reply["error"]["message"]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(message=_message)
def test_parsing_never_raises(message):
    requests, batch = zmq_rpc.parse(message)
    assert requests
    assert batch or len(requests) == 1
