from __future__ import annotations

import socket
import threading
from concurrent.futures import Future

import msgpack
import pytest
import zmq

from morphogen.errors import MorphogenError, ParamError, StateError, StyleError, Unavailable, UsageError
from morphogen_bridges.clients.control import ControlClient
from morphogen_bridges.servers.zmq_control import ZmqControl
from zmq_helpers import opened


@pytest.fixture
def control(host):
    with opened(ZmqControl(port=0), host) as server:
        yield server


@pytest.fixture
def client(control):
    with ControlClient(port=control.describe()["port"], timeout=20) as client:
        yield client


def test_a_call_with_names_gives_the_result(client, host):
    host.answers["style.load"] = {"generation": 2, "frame": 77}
    assert client.call("style.load", name="cosmic/galaxy", seconds=0) == {"generation": 2, "frame": 77}
    assert host.calls == [("style.load", {"name": "cosmic/galaxy", "seconds": 0.0, "on": None})]


def test_bytes_and_maps_arrive_as_they_are(client, host):
    client.call("style.put", blob=b"\x00\xff")
    client.call("param.set", values={"view/zoom": 2.0})
    assert host.calls[0][1]["blob"] == b"\x00\xff"
    assert host.calls[1][1]["values"] == {"view/zoom": 2.0}


@pytest.mark.parametrize("error", [ParamError, StyleError, Unavailable, StateError, UsageError, MorphogenError])
def test_the_instruments_errors_come_back_as_they_were(client, host, error):
    def fail():
        raise error("what and why.", "the cure.")

    host.answers["stats"] = fail
    with pytest.raises(MorphogenError) as caught:
        client.call("stats")
    assert type(caught.value) is error
    assert (caught.value.message, caught.value.cure) == ("what and why.", "the cure.")


def test_usage_errors(client):
    with pytest.raises(UsageError, match="no method 'nope'") as caught:
        client.call("nope")
    assert caught.value.code == -32601
    with pytest.raises(UsageError, match="needs 'name'"):
        client.call("style.load")
    with pytest.raises(UsageError, match="cannot be sent"):
        client.call("style.load", name=object())
    assert client.call("ping") == {"ok": True}


def test_an_internal_error_is_a_morphogen_error(client, host):
    host.answers["stats"] = object
    with pytest.raises(MorphogenError) as caught:
        client.call("stats")
    assert caught.value.code == -32603
    assert UsageError.code == -32602


def test_nobody_there_is_said_at_once_with_the_cure(free_port):
    with ControlClient(port=free_port) as client, pytest.raises(Unavailable, match="Nobody answers") as caught:
        client.call("ping")
    assert "Is `morphogen serve` running?" in caught.value.cure


def test_a_host_that_has_no_address_is_unavailable(monkeypatch):
    def unknown(*_):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", unknown)
    with pytest.raises(Unavailable, match="Name or service not known"):
        ControlClient(host="no-such-host.invalid").call("ping")


def test_a_server_that_never_answers_times_out(host, monkeypatch):
    monkeypatch.setattr(host, "call", lambda method, arguments=None: Future())
    with opened(ZmqControl(port=0), host) as server:
        client = ControlClient(port=server.describe()["port"], timeout=0.2)
        with pytest.raises(Unavailable, match=r"within 0\.2 s"):
            client.call("ping")
        monkeypatch.undo()
        client.timeout = 20
        assert client.call("ping") == {"ok": True}
        client.close()
        client.close()


def test_a_late_answer_is_not_taken_for_the_next_one(free_port):
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.linger = 0
    router.bind(f"tcp://127.0.0.1:{free_port}")

    def serve():
        *envelope, data = router.recv_multipart()
        number = msgpack.unpackb(data)["id"]
        for answer in ({"id": number - 1, "result": "late"}, {"id": number, "result": "right"}):
            router.send_multipart([*envelope, msgpack.packb({"jsonrpc": "2.0", **answer})])

    thread = threading.Thread(target=serve)
    thread.start()
    with ControlClient(port=free_port, timeout=20) as client:
        assert client.call("ping") == "right"
    thread.join()
    router.close(0)
    context.term()


@pytest.mark.parametrize("answer", [b"\xc1", b"\x01", msgpack.packb({"id": 1, "error": "odd"})])
def test_something_else_on_the_port_is_said(free_port, answer):
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.linger = 0
    router.bind(f"tcp://127.0.0.1:{free_port}")

    def serve():
        *envelope, _ = router.recv_multipart()
        router.send_multipart([*envelope, answer])

    thread = threading.Thread(target=serve)
    thread.start()
    with ControlClient(port=free_port, timeout=20) as client, pytest.raises(Unavailable, match="answer is"):
        client.call("ping")
    thread.join()
    router.close(0)
    context.term()


def test_a_daemon_that_ends_is_noticed_without_waiting(host):
    server = ZmqControl(port=0)
    server.open(host)
    client = ControlClient(port=server.describe()["port"], timeout=600)
    assert client.call("ping") == {"ok": True}
    server.close()
    with pytest.raises(Unavailable, match="Nobody answers"):
        client.call("ping")
    client.close()


def test_calls_from_several_threads_keep_apart(client, host):
    host.answers["style.load"] = lambda name, **_: name
    wrong = []

    def many(prefix):
        for number in range(30):
            name = f"{prefix}/{number}"
            if client.call("style.load", name=name) != name:
                wrong.append(name)

    threads = [threading.Thread(target=many, args=(p,)) for p in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(host.calls) == 90


def test_many_clients_leave_nothing_behind(control):
    for _ in range(30):
        with ControlClient(port=control.describe()["port"], timeout=20) as client:
            assert client.call("ping") == {"ok": True}
