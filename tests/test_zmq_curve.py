from __future__ import annotations

import os
import shutil
import stat
import threading

import msgpack
import pytest
import zmq

from morphogen.errors import Unavailable, UsageError
from morphogen_bridges import zmq_curve
from morphogen_bridges.clients.control import ControlClient
from morphogen_bridges.clients.events import EventReader
from morphogen_bridges.servers.zmq_control import ZmqControl
from morphogen_bridges.servers.zmq_events import ZmqEvents
from morphogen_bridges.sources.zmq_params import ZmqParams
from morphogen_bridges.zmq_curve import make_keys, secure_client
from waiting import until
from zmq_helpers import opened, peer, request


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder, ("client", "tablet"))
    return folder


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    folder = tmp_path_factory.mktemp("foreign")
    make_keys(folder)
    return folder


@pytest.fixture
def control(host, keys):
    with opened(ZmqControl(port=0, keys=keys), host) as server:
        yield server


def call(server, keys):
    with ControlClient(port=server.describe()["port"], keys=keys) as client:
        return client.call("ping")


def test_a_known_key_comes_in(control, keys):
    assert call(control, keys) == {"ok": True}
    assert call(control, keys / "clients" / "tablet.key_secret") == {"ok": True}
    assert control.describe()["curve"] is True


def test_a_client_needs_only_its_own_key_and_the_servers_public_one(control, keys, tmp_path):
    shutil.copy(keys / "server.key", tmp_path)
    shutil.copy(keys / "clients" / "tablet.key_secret", tmp_path)
    assert call(control, tmp_path) == {"ok": True}


def test_an_unknown_key_is_refused(control, keys, foreign, tmp_path, host):
    shutil.copy(keys / "server.key", tmp_path)
    shutil.copy(foreign / "clients" / "client.key_secret", tmp_path)
    with pytest.raises(Unavailable, match="refused") as caught:
        call(control, tmp_path)
    assert "clients" in caught.value.cure
    assert not host.calls


def test_a_refusal_before_the_first_word_holds_nobody_up(control, keys, foreign, tmp_path, monkeypatch):
    shutil.copy(keys / "server.key", tmp_path)
    shutil.copy(foreign / "clients" / "client.key_secret", tmp_path)
    with ControlClient(port=control.describe()["port"], keys=tmp_path) as client:
        connect = client._connected

        def refused():
            socket = connect()
            until(lambda: not socket.poll(0, zmq.POLLOUT))
            return socket

        monkeypatch.setattr(client, "_connected", refused)
        with pytest.raises(Unavailable, match="refused") as caught:
            client.call("ping")
        assert "clients" in caught.value.cure


def test_the_wrong_server_key_is_refused(control, keys, foreign, tmp_path, host):
    shutil.copy(foreign / "server.key", tmp_path)
    shutil.copy(keys / "clients" / "client.key_secret", tmp_path)
    with pytest.raises(Unavailable, match="refused") as caught:
        call(control, tmp_path)
    assert "server.key" in caught.value.cure
    assert not host.calls


def test_no_keys_at_all_are_refused(control, host):
    with pytest.raises(Unavailable, match="refused") as caught:
        call(control, None)
    assert "--curve-keys" in caught.value.cure
    with peer(zmq.DEALER, control.describe()["port"]) as socket:
        socket.send(msgpack.packb(request("ping")))
        assert not socket.poll(100)
    assert not host.calls


def test_keys_against_a_server_without_are_refused(host, keys):
    with opened(ZmqControl(port=0), host) as server, pytest.raises(Unavailable):
        call(server, keys)


def test_clients_are_added_and_withdrawn_while_it_runs(control, keys):
    make_keys(keys, ("guest",))
    guest = keys / "clients" / "guest.key_secret"
    assert call(control, guest) == {"ok": True}
    (keys / "clients" / "guest.key").unlink()
    with pytest.raises(Unavailable, match="refused"):
        call(control, guest)


def test_a_damaged_client_file_keeps_nobody_else_out(control, keys):
    damaged = keys / "clients" / "aaa.key"
    damaged.write_text("rubbish")
    try:
        assert call(control, keys) == {"ok": True}
    finally:
        damaged.unlink()


def test_parameters_and_events_take_keys_too(host, keys):
    with opened(ZmqParams(port=0, keys=keys), host) as params, opened(ZmqEvents(port=0, keys=keys), host) as events:
        with EventReader(port=events.describe()["port"], keys=keys) as reader:
            until(lambda: (host.emit("state", {}), reader.read(0.02))[1])
            port = params.describe()["port"]
            context = zmq.Context()
            socket = context.socket(zmq.PUSH)
            socket.linger = 0
            secure_client(socket, keys)
            socket.connect(f"tcp://127.0.0.1:{port}")
            socket.send(msgpack.packb({"view/zoom": 2}))
            until(lambda: host.params.sets)
            until(lambda: (reader.read(0.1) or ("", {}))[0] == "param")
            socket.close(0)
            context.term()
        with EventReader(port=events.describe()["port"]) as stranger:
            host.emit("state", {})
            assert stranger.read(0.1) is None


def test_the_network_is_allowed_with_keys(host, keys):
    with opened(ZmqControl(bind="0.0.0.0", port=0, keys=keys), host) as server:
        assert call(server, keys) == {"ok": True}


def test_one_authenticator_thread_that_ends_with_the_last_server(host, keys):
    def threads():
        return [t for t in threading.enumerate() if t.name == "morphogen-zmq_curve"]

    for _ in range(3):
        with opened(ZmqControl(port=0, keys=keys), host) as one, opened(ZmqControl(port=0, keys=keys), host) as two:
            assert len(threads()) == 1
            assert call(one, keys) == call(two, keys) == {"ok": True}
        assert not threads()
    assert zmq_curve._authenticator._folders == {}


def test_servers_with_different_folders_do_not_admit_each_others_clients(host, keys, foreign):
    with opened(ZmqControl(port=0, keys=keys), host) as one, opened(ZmqControl(port=0, keys=foreign), host) as two:
        assert call(one, keys) == call(two, foreign) == {"ok": True}
        with pytest.raises(Unavailable):
            call(one, foreign)


# --- files


def test_make_keys_writes_pairs_and_keeps_what_is_there(tmp_path):
    written = make_keys(tmp_path / "new", ("a", "b"))
    assert {str(p.relative_to(tmp_path / "new")) for p in written} == {
        *("server.key", "server.key_secret"),
        *(os.path.join("clients", n) for n in ("a.key", "a.key_secret", "b.key", "b.key_secret")),  # noqa: PTH118
    }
    before = (tmp_path / "new" / "server.key").read_text()
    assert make_keys(tmp_path / "new", ("a", "b")) == []
    assert len(make_keys(tmp_path / "new", ("c",))) == 2
    assert (tmp_path / "new" / "server.key").read_text() == before
    (tmp_path / "new" / "clients" / "a.key_secret").unlink()  # it has moved to its client, as the docs say
    assert make_keys(tmp_path / "new", ("a",)) == []
    (tmp_path / "new" / "clients" / "d.key_secret").touch(0o600)  # what an interrupted attempt leaves
    assert len(make_keys(tmp_path / "new", ("d",))) == 2
    if os.name == "posix":
        written = list((tmp_path / "new").rglob("*_secret"))
        assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in written)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a.b", "a b"])
def test_a_client_name_that_is_no_file_name_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="cannot be a client's name"):
        make_keys(tmp_path / "k", (name,))
    assert not (tmp_path / "k").exists()


def test_keys_that_cannot_be_written_say_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be written") as caught:
        make_keys(tmp_path / "file")
    assert caught.value.cure


def _broken(keys, folder, how):
    shutil.copytree(keys, folder)
    how(folder)
    return folder


SERVER_FAULTS = [
    ("is missing", lambda f: (f / "server.key_secret").unlink()),
    ("no folder `clients`", lambda f: shutil.rmtree(f / "clients")),
    ("only a public key", lambda f: shutil.copy(f / "server.key", f / "server.key_secret")),
    ("cannot be read", lambda f: (f / "server.key_secret").write_text("rubbish")),
    ("damaged", lambda f: (f / "server.key_secret").write_text('public-key = "a"\nsecret-key = "b"')),
]
CLIENT_FAULTS = [
    ("is missing", lambda f: (f / "server.key").unlink()),
    ("holds no client key", lambda f: shutil.rmtree(f / "clients")),
    ("several client keys", lambda f: (f / "clients" / "client.key_secret").rename(f / "clients" / "x.key_secret")),
    ("cannot be read", lambda f: (f / "clients" / "client.key_secret").write_bytes(b"\xff\x00")),
]


@pytest.mark.parametrize(("text", "how"), SERVER_FAULTS)
def test_faulty_server_files_are_named_with_the_cure(host, keys, tmp_path, text, how):
    server = ZmqControl(port=0, keys=_broken(keys, tmp_path / "k", how))
    with pytest.raises(Unavailable, match=text) as caught:
        server.open(host)
    assert str(tmp_path) in caught.value.message
    assert "`morphogen keys DIR`" in caught.value.cure
    assert zmq_curve._authenticator._folders == {}


@pytest.mark.parametrize(("text", "how"), CLIENT_FAULTS)
def test_faulty_client_files_are_named_with_the_cure(control, keys, tmp_path, text, how):
    with pytest.raises(Unavailable, match=text) as caught:
        call(control, _broken(keys, tmp_path / "k", how))
    assert str(tmp_path) in caught.value.message
    assert caught.value.cure
