"""mDNS on the loopback interface, seen by browsers that are not ours: zeroconf in another process, python-oscquery."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from morphogen import registry
from morphogen.config import build
from morphogen.errors import Unavailable
from morphogen.links import servers
from morphogen.ports import Ports
from morphogen_bridges.osc.identity import host_name, instance_name
from morphogen_bridges.servers.http import HttpServer
from morphogen_bridges.servers.mdns import OSC, OSCQUERY, Mdns, reached_at
from oscquery_client import Client
from test_oscquery import Show
from waiting import until

zeroconf = pytest.importorskip("zeroconf", reason="zeroconf (morphogen[mdns]) is not installed")

# What another program sees: one line of JSON for each thing that comes or goes, until it is ended.
BROWSER = """
import json, sys
from zeroconf import ServiceBrowser, ServiceStateChange, Zeroconf

def told(zeroconf, service_type, name, state_change):
    said = {"name": name, "there": state_change is not ServiceStateChange.Removed}
    if said["there"]:
        info = zeroconf.get_service_info(service_type, name, 3000)
        said |= {"port": info.port, "at": info.parsed_addresses(), "server": info.server,
                 "text": info.decoded_properties}
    print(json.dumps(said), flush=True)

with Zeroconf(interfaces=["127.0.0.1"]) as zc:
    ServiceBrowser(zc, ["_oscjson._tcp.local.", "_osc._udp.local."], handlers=[told])
    sys.stdin.read()
"""


@pytest.fixture
def mdns() -> Iterator[Mdns]:
    mdns = Mdns(("127.0.0.1", 18712), ("127.0.0.1", 18710))
    mdns.open(Show())
    yield mdns
    mdns.close()


def announced(mdns: Mdns) -> dict[str, str]:
    return until(lambda: len(found := mdns.stats()["announced"]) == 2 and found, "the announcement")


class Browser:
    """The other program; ended after 40 seconds, so that nobody waits for ever for what it says."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", BROWSER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.said: list[dict[str, Any]] = []
        self.end = threading.Timer(40, self.process.kill)
        self.end.start()

    def wait(self, name: str, there: bool) -> dict[str, Any]:
        assert self.process.stdout is not None
        while True:
            for said in self.said:
                if said["name"] == name and said["there"] == there:
                    return said
            line = self.process.stdout.readline()
            assert line, f"{name} was not seen, only {self.said}"
            self.said.append(json.loads(line))

    def close(self) -> None:
        self.process.communicate(timeout=20)
        self.end.cancel()


def test_another_process_sees_it_come_and_go(mdns):
    names = announced(mdns)
    browser = Browser()
    try:
        seen = {kind: browser.wait(name, True) for kind, name in sorted(names.items(), reverse=True)}
        assert seen[OSCQUERY]["port"] == 18712
        assert seen[OSC]["port"] == 18710
        for kind, said in seen.items():
            assert said["name"] == f"{instance_name(18710)}.{kind}"
            assert said["at"] == ["127.0.0.1"]
            assert said["text"] == {"txtvers": "1"}
            assert said["server"] == f"{host_name(said['port'])}."
        mdns.close()
        assert not browser.wait(names[OSCQUERY], False)["there"]
    finally:
        browser.close()
    assert mdns.stats()["announced"] == {}


def test_a_second_one_of_the_same_name_gets_a_number(mdns):
    names = announced(mdns)
    other = Mdns(("127.0.0.1", 18812), ("127.0.0.1", 18710))
    other.open(Show())
    try:
        assert announced(other) == {kind: f"{instance_name(18710)} 2.{kind}" for kind in names}
        assert mdns.stats()["announced"] == names
    finally:
        other.close()


def test_python_oscquery_finds_it_and_asks_it():
    pytest.importorskip("pythonoscquery", reason="python-oscquery is not installed")
    from pythonoscquery.osc_query_browser import OSCQueryListener
    from pythonoscquery.osc_query_client import OSCQueryClient

    server = HttpServer(port=0, osc=("127.0.0.1", 18710), announced=True)
    server.open(Show())
    mdns = Mdns(("127.0.0.1", server.port), ("127.0.0.1", 18710))
    mdns.open(Show())
    zc, listener = zeroconf.Zeroconf(interfaces=["127.0.0.1"]), OSCQueryListener()
    try:
        name = announced(mdns)[OSCQUERY]
        zeroconf.ServiceBrowser(zc, [OSCQUERY, OSC], listener)
        client = OSCQueryClient(until(lambda: listener.oscjson_services.get(name)))
        assert client.get_host_info().name == name.removesuffix(f".{OSCQUERY}")
        assert client.query_node("/morphogen/view/zoom").value == [1.0]
        assert until(lambda: listener.osc_services).keys() == {f"{instance_name(18710)}.{OSC}"}
        by_name = Client(server.port).ask("/?HOST_INFO", Host=f"{host_name(server.port)}:{server.port}")
        assert by_name[0] == 200
    finally:
        zc.close()
        mdns.close()
        server.close()


def test_the_name_of_mdns_is_let_in_only_while_it_is_announced():
    server = HttpServer(port=0)
    server.open(Show())
    try:
        assert Client(server.port).ask("/?HOST_INFO", Host=f"{host_name(server.port)}:{server.port}")[0] == 403
    finally:
        server.close()


# --- where


def test_loopback_stays_on_loopback_and_the_rest_is_told_where_it_is_reached(monkeypatch):
    adapters = [SimpleNamespace(ips=[SimpleNamespace(ip=ip, is_IPv4=True)]) for ip in ("127.0.0.1", "192.0.2.7")]
    adapters.append(SimpleNamespace(ips=[SimpleNamespace(ip=("fe80::1", 0, 0), is_IPv4=False)]))
    monkeypatch.setattr("ifaddr.get_adapters", lambda: adapters)
    assert reached_at("127.0.0.1") == reached_at("localhost") == ["127.0.0.1"]
    assert reached_at("[::1]") == ["::1"]
    assert reached_at("192.0.2.7") == reached_at("0.0.0.0") == ["192.0.2.7"]
    del adapters[1]
    assert reached_at("0.0.0.0") == ["127.0.0.1"]  # a machine without a network


def test_each_service_is_told_on_its_own_interface(monkeypatch):
    monkeypatch.setattr("morphogen_bridges.servers.mdns._own_addresses", lambda: ["192.0.2.7", "192.0.2.8"])
    mdns = Mdns(("127.0.0.1", 8712), ("0.0.0.0", 8710))
    places = {addresses: [service.kind for service in services] for addresses, services in mdns._places()}
    assert places == {("127.0.0.1",): [OSCQUERY], ("192.0.2.7", "192.0.2.8"): [OSC]}


# --- what can go wrong


def test_without_zeroconf_the_cure_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    with pytest.raises(Unavailable) as caught:
        Mdns().open(Show())
    assert caught.value.cure == "pip install 'morphogen[mdns]'"


def test_a_network_that_refuses_is_said_and_the_show_goes_on(monkeypatch, caplog):
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no such device")

    monkeypatch.setattr("zeroconf.Zeroconf", refuse)
    mdns = Mdns()
    mdns.open(Show())
    until(lambda: mdns.stats()["errors"] == 1)
    mdns.close()
    assert "mDNS on 127.0.0.1: no such device. Type the address by hand" in caplog.text


def test_closing_before_it_has_begun_does_not_wait_for_the_network():
    mdns = Mdns(("127.0.0.1", 18712), ("127.0.0.1", 18710))
    mdns.open(Show())
    mdns.close()
    mdns.close()
    until(lambda: not mdns._thread.is_alive())
    assert mdns.stats() == {"announced": {}, "errors": 0}


# --- the option


def test_it_is_off_until_asked_for(monkeypatch):
    made: dict[str, Any] = {}
    monkeypatch.setattr("morphogen.links.resolve", lambda _, name: lambda *given: made.setdefault(name, given))
    assert "mdns" not in servers(config=build({}), ports=Ports(), relay=None)
    made.clear()
    assert "mdns" in servers(config=build({"mdns": True, "osc_bind": "0.0.0.0"}), ports=Ports(), relay=None)
    assert made["mdns"] == (("127.0.0.1", 8712), ("0.0.0.0", 8710))
    assert made["http"][-1] is True
    assert registry.table("SERVERS")["mdns"].extra == "mdns"


def test_names():
    assert instance_name() in instance_name(8810).replace(" 8810", "")
    assert instance_name(8810).endswith(" 8810)")
    assert host_name(8712).endswith("-morphogen-8712.local")
    assert set(host_name(1)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
