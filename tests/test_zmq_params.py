from __future__ import annotations

import msgpack
import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes import FakeHost
from morphogen.errors import Unavailable, UsageError
from morphogen.params.catalog import BY_KEY
from morphogen_bridges.sources.zmq_params import ZmqParams
from waiting import until
from zmq_helpers import leaves, opened, peer


@pytest.fixture
def source(host):
    with opened(ZmqParams(port=0), host) as source:
        yield source


@pytest.fixture
def push(source):
    with peer(zmq.PUSH, source.describe()["port"]) as socket:
        yield socket


def test_a_map_sets_its_keys(push, host):
    push.send(msgpack.packb({"view/zoom": 1.5, "audio/bass": 0.8, "output/blackout": True, "view/mirror": "both"}))
    until(lambda: len(host.params.sets) == 4)
    assert {k: v for k, v, _ in host.params.sets} == {
        "view/zoom": 1.5, "audio/bass": 0.8, "output/blackout": 1.0, "view/mirror": 3.0,
    }  # fmt: skip
    assert {origin for *_, origin in host.params.sets} == {"zmq"}


def test_every_declared_key_can_be_set(push, host):
    push.send(msgpack.packb({key: spec.default for key, spec in BY_KEY.items()}))
    until(lambda: len(host.params.sets) == len(BY_KEY))


def test_good_keys_of_a_bad_map_are_set(push, host, source):
    bad = {
        "no/such": 1,
        "view/x": float("nan"),
        "view/y": b"1",
        "color/hue": None,
        "time/speed": [1],
        "": 0,
        b"view/x": 1,
    }
    push.send(msgpack.packb({**bad, "view/zoom": 2}))
    until(lambda: host.params.sets)
    assert host.params.sets == [("view/zoom", 2.0, "zmq")]
    assert source.stats()["rejected"] == len(bad)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc1", b"\x81\xa1a", msgpack.packb(5), msgpack.packb([1]), b"\xdf\xff\xff\xff\xff", b"\x81" * 900,
     msgpack.packb({1: 1, 2: 1}), msgpack.packb({f"k{i}": 1 for i in range(1025)}), b"\xc7\x01\x05a"],
)  # fmt: skip
def test_what_is_no_map_is_counted_and_survived(push, host, source, data):
    push.send(data)
    push.send(msgpack.packb({"view/zoom": 2}))
    until(lambda: host.params.sets)
    assert source.stats()["rejected"] == 1
    assert source.stats()["received"] == 2


def test_a_bad_key_is_reported_once(push, host, source, caplog):
    for _ in range(200):
        push.send(msgpack.packb({"no/such": 1}))
    until(lambda: source.stats()["rejected"] == 200)
    assert len([r for r in caplog.records if "no/such" in r.message]) < 20
    assert "param.list" in caplog.text


def test_a_flood_is_coalesced_and_ends_at_the_newest(push, host, source):
    for i in range(5001):
        push.send(msgpack.packb({"view/x": i / 5000, "view/y": 1}))
    until(lambda: source.stats()["received"] == 5001)
    until(lambda: host.params.get("view/x") == 1.0)
    stats = source.stats()
    assert stats["set"] + stats["coalesced"] == 2 * 5001


def test_a_pulse_within_one_batch_is_not_lost(host, source):
    values = {}
    for value in (0, 1, 0):
        source._merge(msgpack.packb({"audio/onset": value, "audio/bass": value}), values)
    assert host.params.sets == [("audio/onset", 1.0, "zmq")]
    assert values == {"audio/onset": 0.0, "audio/bass": 0.0}


def test_a_bad_value_does_not_hide_the_good_one_before_it(host, source):
    values = {}
    source._merge(msgpack.packb({"view/zoom": 2}), values)
    source._merge(msgpack.packb({"view/zoom": "much"}), values)
    assert values == {"view/zoom": 2.0}


def test_a_huge_message_ends_only_its_senders_connection(push, host, source):
    with peer(zmq.PUSH, source.describe()["port"]) as large:
        large.send(b"\xc6" + b"x" * 100_000)
        push.send(msgpack.packb({"view/zoom": 2}))
        until(lambda: host.params.sets)


def test_a_host_that_fails_does_not_end_the_source(push, host, source, caplog):
    good = host.params.set

    def broken(key, value, origin=""):
        host.params.set = good
        raise ZeroDivisionError("oops")

    host.params.set = broken
    push.send(msgpack.packb({"view/x": 1}))
    until(lambda: "oops" in caplog.text)
    push.send(msgpack.packb({"view/zoom": 2}))
    until(lambda: host.params.sets)


def test_ports_and_addresses(source, host):
    with pytest.raises(Unavailable, match="taken") as caught:
        ZmqParams(port=source.describe()["port"]).open(host)
    assert "--port-base N" in caught.value.cure
    with pytest.raises(UsageError, match="network"):
        ZmqParams(bind="0.0.0.0", port=0).open(host)


def test_close_is_idempotent(host):
    source = ZmqParams(port=0)
    source.close()
    for _ in range(2):
        source.open(host)
        source.close()
        source.close()


_value = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
_map = st.dictionaries(st.sampled_from(sorted(BY_KEY)) | st.text() | st.binary(), _value, max_size=6)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.binary(max_size=100) | (_map | _value).map(msgpack.packb))
def test_nothing_that_arrives_raises(data):
    source = ZmqParams()
    source._host = FakeHost()
    values = {}
    source._merge(data, values)
    for key, value in values.items():
        assert BY_KEY[key].minimum <= value <= BY_KEY[key].maximum
