from __future__ import annotations

import threading

import msgpack
import pytest
import zmq

from morphogen.errors import Unavailable, UsageError
from morphogen_bridges.clients.events import EventReader
from morphogen_bridges.servers import zmq_events
from morphogen_bridges.servers.zmq_events import ZmqEvents
from waiting import until
from zmq_helpers import PATIENCE, opened, peer


@pytest.fixture
def server(host):
    with opened(ZmqEvents(port=0), host) as server:
        yield server


def joined(host, reader):
    """Emit until the subscription has arrived, then swallow what was emitted."""
    until(lambda: (host.emit("state", {"hello": 1}), reader.read(0.02))[1])
    host.emit("state", {"hello": 2})
    while reader.read(PATIENCE)[1] != {"hello": 2}:
        pass


@pytest.fixture
def reader(host, server):
    with EventReader(port=server.describe()["port"]) as reader:
        joined(host, reader)
        yield reader


def test_all_six_topics_leave_and_nothing_else(host, reader):
    topics = ["state", "param", "style", "beat", "output", "log"]
    for topic in [*topics, "secret"]:
        host.emit(topic, {"from": topic})
    host.emit("log", {"last": True})
    got = [reader.read(PATIENCE) for _ in range(7)]
    assert got == [*((t, {"from": t}) for t in topics), ("log", {"last": True})]


def test_two_parts_topic_and_map(host, server):
    with peer(zmq.SUB, server.describe()["port"]) as socket:
        socket.subscribe(b"beat")
        until(lambda: (host.emit("beat", {"beat": 4, "bpm": 120.0}), socket.poll(20))[1])
        topic, data = socket.recv_multipart()
    assert topic == b"beat"
    assert msgpack.unpackb(data) == {"beat": 4, "bpm": 120.0}


def test_a_reader_may_choose_topics(host, server):
    with EventReader(port=server.describe()["port"], topics=["style"]) as reader:

        def both():
            host.emit("param", {"key": "view/zoom"})
            host.emit("style", {"name": "a"})
            return reader.read(0.02)

        assert until(both) == ("style", {"name": "a"})


def test_a_parameter_change_is_an_event(host, reader):
    host.params.set("view/zoom", 2, "test")
    assert reader.read(PATIENCE) == ("param", {"key": "view/zoom", "value": 2.0, "origin": "test"})


def test_what_cannot_be_packed_is_counted_and_survived(host, server, reader, caplog):
    host.emit("log", {"bad": object()})
    host.emit("log", {"good": 1})
    assert reader.read(PATIENCE) == ("log", {"good": 1})
    assert server.stats()["rejected"] == 1
    assert "cannot be packed" in caplog.text


def test_the_queue_is_bounded_and_the_newest_win(host, monkeypatch):
    monkeypatch.setattr(zmq_events, "QUEUE", 4)
    server = ZmqEvents(port=0)
    with opened(server, host):
        server._thread.stop()  # as if it were stuck
        for number in range(10):
            host.emit("beat", {"n": number})
        assert [data["n"] for _, data in server._queue] == [6, 7, 8, 9]
        assert server.stats()["dropped"] == 6


def test_events_come_from_any_thread_in_their_order(host, reader):
    def many(name):
        for number in range(100):
            host.emit("output", {"from": name, "n": number})

    threads = [threading.Thread(target=many, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    got = [reader.read(PATIENCE)[1] for _ in range(400)]
    for thread in threads:
        thread.join()
    for name in range(4):
        assert [g["n"] for g in got if g["from"] == name] == list(range(100))


def test_closing_unsubscribes(host):
    server = ZmqEvents(port=0)
    for _ in range(2):
        server.open(host)
        assert len(host._listeners) == 1
        server.close()
        server.close()
        assert not host._listeners


def test_ports_and_addresses(server, host):
    with pytest.raises(Unavailable, match="taken") as caught:
        ZmqEvents(port=server.describe()["port"]).open(host)
    assert "--port-base N" in caught.value.cure
    with pytest.raises(UsageError, match="network"):
        ZmqEvents(bind="0.0.0.0", port=0).open(host)
    assert len(host._listeners) == 1


def test_a_reader_ignores_what_is_no_event(free_port):
    context = zmq.Context()
    publisher = context.socket(zmq.PUB)
    publisher.linger = 0
    publisher.bind(f"tcp://127.0.0.1:{free_port}")
    with EventReader(port=free_port) as reader:
        until(lambda: (publisher.send(b"one part"), reader.read(0.02), reader.rejected)[2])
    assert reader.read(0) is None
    publisher.close(0)
    context.term()
