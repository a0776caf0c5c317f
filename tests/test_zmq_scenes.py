"""The sockets of a wall: who joins is noticed, messages keep their order, strangers and garbage stay outside."""

from __future__ import annotations

import contextlib
import shutil
import threading

import msgpack
import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st

from drawing import scene
from morphogen.clock import ManualClock
from morphogen.errors import Unavailable, UsageError
from morphogen.inbox import Inbox
from morphogen.relay import Relay
from morphogen.scene_wire import Shot
from morphogen_bridges.servers.zmq_scenes import ZmqScenes
from morphogen_bridges.sources.zmq_leader import ZmqLeader
from morphogen_bridges.zmq_curve import make_keys
from waiting import until
from zmq_helpers import leaves, opened, peer


class Script:
    """Stands in for a relay: what is put into it is sent."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.messages: list = []
        self.acts: list[str] = []
        self.wake = lambda: None

    def watch(self, wake):
        self.acts.append("watch")
        self.wake = wake

    def leave(self):
        self.acts.append("leave")

    def renew(self):
        self.acts.append("renew")

    def take(self):
        with self.lock:
            return self.messages.pop(0) if self.messages else None

    def say(self, *messages):
        with self.lock:
            self.messages += messages
        self.wake()


class Ear:
    """Stands in for an inbox: keeps what is delivered; `again` is what it answers."""

    def __init__(self) -> None:
        self.heard: list = []
        self.again = False

    def __call__(self, topic, message):
        if topic == "bad":
            raise ValueError("this is bad")
        self.heard.append((topic, message))
        return self.again


@pytest.fixture
def server(host):
    with opened(ZmqScenes(Script(), port=0), host) as server:
        yield server


def leader(server, ear, keys=None):
    return ZmqLeader("127.0.0.1", server.describe()["port"], ear, keys)


def followers(server, count):
    until(lambda: server.stats()["followers"] == count, f"{count} followers")


def test_what_is_said_arrives_in_order(server, host):
    ears = [Ear(), Ear()]
    with opened(leader(server, ears[0]), host), opened(leader(server, ears[1]), host):
        followers(server, 2)
        said = [("scene", {"n": n, "weights": bytes(5), "x": 0.1}) for n in range(50)]
        for n in range(0, 50, 5):
            server._scenes.say(*said[n : n + 5])
            for ear in ears:
                until(lambda e=ear, n=n: len(e.heard) >= n + 5, "messages")
        assert ears[0].heard == ears[1].heard == said
    assert server.stats()["failed"] == 0


def test_scenes_are_collected_only_while_somebody_follows(server, host):
    acts = server._scenes.acts
    assert acts == []
    with opened(leader(server, Ear()), host):
        followers(server, 1)
        assert acts == ["renew", "watch"]
        with opened(leader(server, Ear()), host):
            followers(server, 2)
        followers(server, 1)
        assert acts == ["renew", "watch", "renew"]
    followers(server, 0)
    assert acts[3:] == ["leave"]


def test_who_misses_weights_asks_once_until_they_have_come(server, host):
    ear = Ear()
    with opened(leader(server, ear), host):
        followers(server, 1)
        ear.again = True
        for n in range(1, 4):
            server._scenes.say(("scene", {"n": n}))
            until(lambda n=n: len(ear.heard) == n, "messages")
        until(lambda: server._scenes.acts.count("renew") == 2, "the question")
        ear.again = False
        server._scenes.say(("scene", {"n": 4}))
        until(lambda: len(ear.heard) == 4, "messages")
        ear.again = True
        server._scenes.say(("scene", {"n": 5}))
        until(lambda: server._scenes.acts.count("renew") == 3, "another question")
        assert server.stats()["followers"] == 1, "asking is not joining"


def test_a_killed_leader_is_found_again(host):
    ear, first = Ear(), ZmqScenes(Script(), port=0)
    with opened(first, host):
        port = first.describe()["port"]
        with opened(leader(first, ear), host) as follower:
            followers(first, 1)
            first.close()
            with opened(ZmqScenes(Script(), port=port), host) as second:
                followers(second, 1)
                second._scenes.say(("scene", {"again": True}))
                until(lambda: ear.heard == [("scene", {"again": True})], "the message")
            until(lambda: follower.stats()["connected"] == 2, "two connections")
            assert follower.stats()["refused"] == 0


def test_what_cannot_be_packed_is_counted(server, host, caplog):
    ear = Ear()
    with opened(leader(server, ear), host):
        followers(server, 1)
        server._scenes.say(("scene", {"n": object()}), ("scene", {"n": 1}))
        until(lambda: ear.heard == [("scene", {"n": 1})], "the good one")
    assert server.stats()["failed"] == 1
    assert "cannot be sent" in caplog.text


# --- strangers


@contextlib.contextmanager
def publisher():
    """Something that pretends to be a leader."""
    context = zmq.Context()
    socket = context.socket(zmq.XPUB)
    socket.linger, socket.rcvtimeo = 0, 20_000
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    try:
        yield socket, port
    finally:
        socket.close(0)
        context.term()


def test_garbage_is_counted_said_once_and_survived(host, caplog):
    ear = Ear()
    with publisher() as (socket, port), opened(ZmqLeader("127.0.0.1", port, ear), host) as follower:
        assert socket.recv() == b"\x01"
        deep = msgpack.packb([[[[[[[[[[1]]]]]]]]]])
        garbage = [[b"scene"], [b"scene", b"\xc1"], [b"a", b"b", b"c"], [b"bad", b"\x80"], [b"scene", deep],
                   [b"scene", b"\xdd\xff\xff\xff\xff"], [b"\xff\xfe", b"\x81\x01\x02"]]  # fmt: skip
        for _ in range(20):
            for parts in garbage:
                socket.send_multipart(parts)
            socket.send_multipart([b"scene", msgpack.packb({"good": 1})])
        until(lambda: len(ear.heard) == 20, "the good ones")
        assert follower.stats()["rejected"] == 20 * len(garbage)
    assert len([r for r in caplog.records if r.name == "morphogen.zmq_leader"]) <= len(garbage)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([b"scene", b"program", b"x"]), leaves | st.dictionaries(st.text(), leaves))))
def test_whatever_comes_a_real_inbox_goes_on(stream):
    relay, box = Relay(), Inbox(ManualClock())
    relay.watch(lambda: None)
    source = ZmqLeader("127.0.0.1", 1, box.put)
    for topic, value in stream:
        with contextlib.suppress(ValueError):
            source._take([topic, msgpack.packb(value)])
    relay.show(Shot(scene(), 3, 0, 0, "a/b", (64, 36)))
    topic, message = relay.take()
    assert not source._take([topic.encode(), msgpack.packb(message)])
    assert box.take(lambda _: True).index == 3


def test_events_are_no_scenes_and_the_port_is_doubted(host, caplog):
    box = Inbox(ManualClock())
    with publisher() as (socket, port), opened(ZmqLeader("127.0.0.1", port, box.put), host) as follower:
        assert socket.recv() == b"\x01"
        socket.send_multipart([b"state", msgpack.packb({"fps": 60.0})])
        until(lambda: follower.stats()["rejected"] == 1, "the refusal")
    assert "is this the port of the leader's scenes?" in caplog.text


def test_a_message_too_large_ends_only_the_connection(host, monkeypatch):
    monkeypatch.setattr("morphogen_bridges.sources.zmq_leader.MAX_MESSAGE", 1000)
    ear = Ear()
    with publisher() as (socket, port), opened(ZmqLeader("127.0.0.1", port, ear), host):
        assert socket.recv() == b"\x01"
        socket.send_multipart([b"scene", bytes(2000)])
        while socket.recv() != b"\x01":
            pass
        socket.send_multipart([b"scene", msgpack.packb({"small": 1})])
        until(lambda: ear.heard == [("scene", {"small": 1})], "the next message")


def test_odd_subscribers_harm_nobody(server, host):
    """Any topic may be subscribed to, and messages sent to the server are swallowed."""
    with peer(zmq.XSUB, server.describe()["port"]) as socket:
        for message in (b"\x01scene", b"\x01" + bytes(300), b"hello", b"", b"\x02"):
            socket.send(message)
        ear = Ear()
        with opened(leader(server, ear), host):
            followers(server, 3)
            server._scenes.say(("scene", {"n": 1}))
            until(lambda: ear.heard, "the message")


# --- keys


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder, ("left", "right"))
    return folder


def test_with_keys_only_who_is_known_follows(host, keys, tmp_path, caplog):
    shutil.copy(keys / "server.key", tmp_path)
    shutil.copy(keys / "clients" / "left.key_secret", tmp_path)
    stranger = tmp_path / "stranger"
    make_keys(stranger, ("left",))
    shutil.copy(keys / "server.key", stranger)
    with opened(ZmqScenes(Script(), port=0, keys=keys), host) as server:
        ears = [Ear(), Ear(), Ear()]
        with (
            opened(leader(server, ears[0], tmp_path), host) as known,
            opened(leader(server, ears[1], stranger), host) as unknown,
            opened(leader(server, ears[2]), host) as bare,
        ):
            followers(server, 1)
            until(lambda: unknown.stats()["refused"] and bare.stats()["refused"], "refusals")
            server._scenes.say(("scene", {"secret": 1}))
            until(lambda: ears[0].heard, "the message")
            assert ears[1].heard == ears[2].heard == []
            assert known.stats()["refused"] == 0
    assert "your public key lies in its folder `clients`" in caplog.text
    assert "give --curve-keys DIR here too" in caplog.text


def test_a_key_that_is_let_in_later_gets_through(host, tmp_path):
    """libzmq gives up for good when a key is refused; a wall must not have to be started again for that."""
    folder, ear = tmp_path / "keys", Ear()
    make_keys(folder, ("left",))
    public = folder / "clients" / "left.key"
    admitted = public.read_bytes()
    public.unlink()
    with opened(ZmqScenes(Script(), port=0, keys=folder), host) as server:
        secret = folder / "clients" / "left.key_secret"
        with opened(leader(server, ear, secret), host) as follower:
            until(lambda: follower.stats()["refused"], "a refusal")
            public.write_bytes(admitted)
            followers(server, 1)
            server._scenes.say(("scene", {"n": 1}))
            until(lambda: ear.heard, "the message")


def test_off_the_loopback_keys_are_needed(host):
    with pytest.raises(UsageError, match="ZeroMQ scenes on"):
        ZmqScenes(Script(), bind="0.0.0.0", port=0).open(host)


def test_missing_keys_and_taken_ports_are_said_with_a_cure(server, host, tmp_path):
    with pytest.raises(Unavailable, match="holds no client key"):
        leader(server, Ear(), tmp_path).open(host)
    with pytest.raises(Unavailable, match="taken") as caught:
        ZmqScenes(Script(), port=server.describe()["port"]).open(host)
    assert "--port-base N" in caught.value.cure


def test_both_close_without_a_trace(host):
    before = set(threading.enumerate())
    server = ZmqScenes(Script(), port=0)
    for _ in range(2):
        server.open(host)
        follower = leader(server, Ear())
        follower.open(host)
        followers(server, 1)
        follower.close()
        follower.close()
        server.close()
        server.close()
    until(lambda: not set(threading.enumerate()) - before, "the end of the threads")
