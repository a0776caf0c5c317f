"""OSCQuery from outside: a strict client of the proposal's text, liblo as the hand on the fader, python-oscquery."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from fakes import FakeHost
from morphogen.app import App
from morphogen.clock import WallClock
from morphogen.config import build
from morphogen.contracts import TempoState
from morphogen.field.names import weight_names
from morphogen.field.network import Shape, preset
from morphogen.params.catalog import BY_KEY, FEATURES, PARAMS
from morphogen_bridges.osc import addresses as table
from morphogen_bridges.osc import nodes
from morphogen_bridges.osc.codec import ntp_now, write_bundle, write_message
from morphogen_bridges.servers.http import HttpServer
from morphogen_bridges.servers.web import osc_client, osc_hub
from morphogen_bridges.servers.web.oscquery import EXTENSIONS
from morphogen_bridges.sources.osc import OscSource
from oscquery_client import Client, Socket, Wrong, check_method
from waiting import until

M = write_message
SMALL, LARGE, WIDE = preset("3L_4D"), preset("3L_6D"), preset("4L_128D")
STYLES = {"show/small": SMALL, "show/large": LARGE, "show/wide": WIDE}


class Show(FakeHost):
    """A host with three styles, whose weights are their own numbers in hundredths."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = WallClock()
        self.tempo_state = TempoState(120.0, 0.0, self.clock.now(), 1.0, "tap")
        self.style, self.generation, self.styles = "show/small", 1, ["show/small", "show/large"]
        self.answers = {
            "style.weights": self.weights, "style.load": self.load, "style.weight": self.bend,
            "style.list": lambda: [{"name": name} for name in self.styles],
            "bank.list": lambda: {"slots": self.styles, "current": 1},
        }  # fmt: skip

    @property
    def shape(self) -> Shape:
        return STYLES[self.style]

    def weights(self, first: int, count: int) -> dict[str, Any]:
        names = weight_names(self.shape, first, count)
        return {
            "name": self.style, "generation": self.generation, "total": self.shape.parameters, "first": first,
            "values": [n / 100 for n in range(first, first + len(names))], "names": names,
        }  # fmt: skip

    def load(self, name: str, seconds: float | None = None, on: str = "now") -> dict[str, Any]:
        self.style, self.generation = name, self.generation + 1
        self.emit("style", {"name": name, "generation": self.generation})
        return {"generation": self.generation}

    def bend(self, index: int, value: float) -> dict[str, Any]:
        self.emit("weight", {"index": index, "value": value})
        return {"index": index, "value": value}


class Rig:
    def __init__(self, **options: Any) -> None:
        self.show = Show()
        self.osc = OscSource(port=0)
        self.osc.open(self.show)
        self.server = HttpServer(port=0, osc=("127.0.0.1", self.osc.port), **options)
        self.server.open(self.show)
        self.client = Client(self.server.port, EXTENSIONS)
        self.sockets: list[Socket] = []

    def connect(self, **headers: str) -> Socket:
        self.sockets.append(Socket(self.server.port, **headers))
        return self.sockets[-1]

    def listener(self, *paths: str) -> Socket:
        """A WebSocket that listens; when this returns, the server knows."""
        ws, before = self.connect(), self.stats["listened"]
        assert ws.status == 101
        for path in paths:
            ws.command("LISTEN", path, self.client.attribute(path, "TYPE"))
        until(lambda: self.stats["listened"] == before + len(paths), "the listening")
        return ws

    def send(self, *packets: bytes) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for packet in packets:
                sender.sendto(packet, ("127.0.0.1", self.osc.port))

    @property
    def stats(self) -> dict[str, Any]:
        return self.server.stats()["oscquery"]

    def close(self) -> None:
        for ws in self.sockets:
            ws.close()
        self.server.close()
        self.osc.close()


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.close()


def methods(client: Client, path: str = "/") -> dict[str, dict[str, Any]]:
    return {node["FULL_PATH"]: node for node in client.walk(client.tree(path), path) if "TYPE" in node}


# --- from one end to the other


@pytest.mark.skipif(shutil.which("oscsend") is None, reason="oscsend (liblo-tools) is not installed")
def test_a_client_finds_everything_by_itself_and_hears_what_liblo_sends(rig):
    client = Client(rig.server.port)
    info = client.host_info()
    zoom = methods(client)["/morphogen/view/zoom"]
    ws = Socket(info["WS_PORT"])
    ws.command("LISTEN", zoom["FULL_PATH"], zoom["TYPE"])
    until(lambda: rig.stats["listened"] == 1)
    address = [info["OSC_IP"], str(info["OSC_PORT"]), zoom["FULL_PATH"], zoom["TYPE"], "2.5"]
    subprocess.run(["oscsend", *address], check=True)
    assert ws.hear() == (zoom["FULL_PATH"], [2.5])
    assert client.attribute(zoom["FULL_PATH"], "VALUE") == [2.5]
    ws.close()


def test_the_real_instrument_shows_its_weights_and_says_when_there_are_others(port_base, tmp_path, monkeypatch):
    monkeypatch.setenv("MORPHOGEN_HOME", str(tmp_path))
    options = {"size": "64x36", "audio": "none", "port_base": str(port_base), "backend": "numpy"}
    app = App(build({**options, "style": "cosmic/galaxy"}))
    app.open()
    player = threading.Thread(target=app.run)
    player.start()
    try:
        client = Client(app.ports.http)
        assert client.host_info()["OSC_PORT"] == app.ports.osc
        before = methods(client, "/morphogen/weight")
        flat = app.instrument.stage.network.flat
        assert [node["VALUE"][0] for node in before.values()] == flat.tolist()
        assert client.attribute("/morphogen/style/current", "VALUE") == ["cosmic/galaxy"]
        ws = Socket(app.ports.http)
        ws.command("LISTEN", "/morphogen/weight/3", "f")
        until(lambda: app.stats()["http"]["oscquery"]["listened"] == 1)
        ws.osc(M("/morphogen/weight/7", 0.5))
        until(lambda: client.attribute("/morphogen/weight/7", "VALUE") == [0.5])
        other = next(i for i in app.instrument.library.list() if i.parameters < len(flat))
        ws.osc(M("/morphogen/style/load", other.name, 0.0))
        assert ws.hear() == ("PATH_REMOVED", f"/morphogen/weight/{other.parameters}")
        assert ws.until("PATH_CHANGED") == "/morphogen/weight"
        assert ws.until("/morphogen/weight/3") == [pytest.approx(float(app.instrument.stage.network.flat[3]))]
        assert len(methods(client, "/morphogen/weight")) == other.parameters
        ws.close()
    finally:
        app.instrument.loop.stop()
        player.join(10)
        app.close()


# --- the tree


def test_every_address_is_a_node_and_every_node_an_address(rig):
    """What OSC takes and what OSCQuery says are derived from the same declarations; here neither may lag."""
    found = methods(rig.client)
    known = {
        *(prefix + key for key in BY_KEY for prefix in (table.PREFIX, table.NORM)),
        *(command.address for command in table.COMMANDS),
        *(table.PREFIX + reading.key for reading in table.READINGS),
        *(f"{table.WEIGHT}{n}" for n in range(SMALL.parameters)),
        *table.SYNESTHESIA, *table.SYNESTHESIA_BPM, table.PING, table.SUBSCRIBE,
    }  # fmt: skip
    assert set(found) == known - {"/audio/bpm"}  # heard, too; here it can only be the container of /audio/bpm/bpm
    samples = {"f": 1.0, "i": 2000, "T": True, "s": "x", "b": b"", "I": 1}
    for address, node in found.items():
        for types in [node["TYPE"], *(other["TYPE"] for other in node.get("OVERLOADS", ()))]:
            if node["ACCESS"] & 2 and address not in {table.PREFIX + key for key in BY_KEY}:
                rig.send(M(address, *(samples[tag] for tag in types)))
    rig.send(*(M(address, node["VALUE"][0]) for address, node in found.items() if node["ACCESS"] == 3))
    until(lambda: rig.osc.stats()["received"] >= len(known) - len(table.READINGS))
    assert rig.osc.stats()["kinds"].keys() <= {"failed"}  # no such style, no such snapshot


def test_what_is_only_said_is_not_taken(rig):
    said = [address for address, node in methods(rig.client).items() if node["ACCESS"] == 1]
    assert len(said) == len(table.READINGS) - 1
    for address in said:
        rig.send(M(address, 1.0))
    until(lambda: rig.osc.stats()["kinds"].get("address") == len(said))


@pytest.mark.parametrize("param", PARAMS, ids=lambda p: p.key)
def test_attributes_follow_the_catalog(param):
    fixed = nodes.parameter(param).fixed
    check_method({**fixed, "VALUE": [param.public(param.default)]}, param.key)
    assert fixed["ACCESS"] == 3
    assert param.doc[:-1] in fixed["DESCRIPTION"]
    assert fixed["TYPE"] == {"float": "f", "int": "i", "bool": "T", "choice": "s"}[param.kind]
    span = fixed.get("RANGE", [{}])[0]
    if param.choices:
        assert span == {"VALS": list(param.choices)}
        assert fixed["OVERLOADS"] == [{"TYPE": "i", "RANGE": [{"MIN": 0, "MAX": len(param.choices) - 1}]}]
    elif param.kind != "bool":
        assert (span["MIN"], span["MAX"]) == (param.minimum, param.maximum)
        assert fixed["CLIPMODE"] == ["none" if param.clip == "wrap" else "both"]
    assert fixed.get("CRITICAL", False) == (param.kind in ("bool", "choice"))
    assert ("feature" in fixed["TAGS"]) == (param.feature)
    assert param.unit in fixed["DESCRIPTION"] or fixed["UNIT"] == [nodes.UNITS[param.unit]]


def test_commands_say_what_they_take(rig):
    found = methods(rig.client, "/morphogen/style") | methods(rig.client, "/morphogen/snapshot")
    load, slot = found["/morphogen/style/load"], found["/morphogen/style/slot"]
    assert (load["TYPE"], load["ACCESS"], load["CRITICAL"]) == ("s", 2, True)
    assert load["RANGE"] == [{"VALS": ["show/small", "show/large"]}]
    assert load["OVERLOADS"][0]["TYPE"] == "sf"
    assert load["OVERLOADS"][0]["UNIT"] == [None, "time.second"]
    assert slot["RANGE"] == [{"MIN": 1, "MAX": 2}]
    assert found["/morphogen/style/next"]["TYPE"] == "I"
    assert found["/morphogen/snapshot/recall"]["RANGE"] == [{"MIN": 1, "MAX": 64}]
    for command in table.COMMANDS:
        node = nodes.command(command)
        assert node.fixed.get("CRITICAL", False) == (not command.continuous)
        assert {node.type, *(o["TYPE"] for o in node.fixed.get("OVERLOADS", ()))} >= {
            "I" if command.button else command.letters
        }


def test_weights_say_what_they_do(rig):
    found = methods(rig.client, "/morphogen/weight")
    first = found["/morphogen/weight/0"]
    assert first["DESCRIPTION"] == "layer 1, unit 1 (sin): from x"
    assert first["TAGS"] == ["weight", "layer 1", "layer 1, unit 1 (sin)"]
    assert found["/morphogen/weight/106"]["DESCRIPTION"] == "output blue: bias"
    assert found["/morphogen/weight/106"]["VALUE"] == [1.06]
    assert rig.client.attribute("/morphogen/weight", "DESCRIPTION") == "The 107 weights of show/small."


def test_of_a_wide_network_all_weights_can_be_named_and_some_are_listed(rig):
    rig.show.load("show/wide")
    found = methods(rig.client, "/morphogen/weight")
    assert len(found) == 4096
    total = WIDE.parameters
    said = rig.client.attribute("/morphogen/weight", "DESCRIPTION")
    assert said == f"The {total} weights of show/wide. The first 4096 are listed; all can be named."
    last = methods(rig.client, f"/morphogen/weight/{total - 1}")[f"/morphogen/weight/{total - 1}"]
    assert (last["DESCRIPTION"], last["VALUE"]) == ("output blue: bias", [(total - 1) / 100])
    for name in (str(total), "05000", "-1", "x", "5000/1"):
        assert rig.client.ask(f"/morphogen/weight/{name}")[0] == 404


def test_names_of_weights_follow_the_tensors():
    shape = Shape(("x", "time"), (("sin", "cos"), ("tanh",)), "palette")
    names = weight_names(shape)
    assert names == [
        "layer 1, unit 1 (sin): from x", "layer 1, unit 1 (sin): from time",
        "layer 1, unit 2 (cos): from x", "layer 1, unit 2 (cos): from time",
        "layer 1, unit 1 (sin): bias", "layer 1, unit 2 (cos): bias",
        "layer 2, unit 1 (tanh): from unit 1 of layer 1", "layer 2, unit 1 (tanh): from unit 2 of layer 1",
        "layer 2, unit 1 (tanh): bias", "output: from unit 1 of layer 2", "output: bias",
        *(f"palette, stop {n}: {colour}" for n in range(1, 6) for colour in ("red", "green", "blue")),
    ]  # fmt: skip
    for one in (shape, SMALL, WIDE):
        assert len(weight_names(one, 0, 5000)) == min(one.parameters, 5000)
        assert weight_names(one, 7, 9) == weight_names(one)[7:16]


# --- single attributes


def test_single_attributes(rig):
    ask = rig.client.ask
    assert ask("/morphogen/view/zoom?VALUE") == (200, {"VALUE": [1.0]})
    assert ask("/morphogen/view/zoom?RANGE&TYPE") == (200, {"RANGE": [{"MIN": 0.05, "MAX": 20.0}], "TYPE": "f"})
    assert ask("/morphogen/view?TYPE") == (200, {})
    assert ask("/morphogen/view/zoom?UNIT") == (200, {})
    assert ask("/morphogen/view/zoom?FULL_PATH#there") == (200, {"FULL_PATH": "/morphogen/view/zoom"})
    assert set(ask("/morphogen/view?CONTENTS")[1]) == {"CONTENTS"}
    assert ask("/morphogen/state/fps?VALUE") == (200, {})  # nobody has said yet
    rig.show.emit("state", {"fps": 59.9})
    assert ask("/morphogen/state/fps?VALUE") == (200, {"VALUE": [59.9]})
    for name in (name for name, on in EXTENSIONS.items() if on and name in nodes.ATTRIBUTES):
        status, found = ask(f"/morphogen/view/zoom?{name}")
        assert (status, set(found) <= {name}) == (200, True)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nothing", 404), ("/morphogen/view/none?TYPE", 404), ("/morphogen/view/zoom/x", 404),
     ("/morphogen/view/zoom?NOTHING", 400), ("/morphogen/view/zoom?value", 400), ("/?HTML", 400),
     ("/morphogen/view/zoom?VALUE&NOTHING", 400),
     ("/morphogen/style/load?VALUE", 204), ("/morphogen/view?VALUE", 204), ("/?VALUE", 204)],
)  # fmt: skip
def test_what_cannot_be_answered_has_the_status_of_the_proposal(rig, path, status):
    assert rig.client.ask(path)[0] == status


def test_host_info(rig):
    info = rig.client.host_info("/morphogen/whatever/there/is")
    assert info == rig.client.host_info()
    here = {"OSC_IP": "127.0.0.1", "OSC_PORT": rig.osc.port, "OSC_TRANSPORT": "UDP", "WS_IP": "127.0.0.1",
            "WS_PORT": rig.server.port}  # fmt: skip
    assert {**info, **here} == info
    assert info["NAME"].startswith("Morphogen (")
    claimed = {name for name, on in info["EXTENSIONS"].items() if on and name in nodes.ATTRIBUTES}
    assert claimed <= {name for node in rig.client.walk(rig.client.tree(), "/") for name in node}, "claimed, never used"


def test_who_binds_everywhere_is_told_at_the_address_that_was_reached():
    rig = Rig(bind="0.0.0.0", token="secret")
    rig.server._osc = ("0.0.0.0", 1)
    try:
        status, info = rig.client.ask("/?HOST_INFO&token=secret")
        assert (status, info["WS_IP"]) == (200, "127.0.0.1")
    finally:
        rig.close()


def test_a_browser_gets_the_page_unless_it_asks_for_an_attribute(rig):
    html = {"Accept": "text/html,*/*"}
    with pytest.raises(Wrong, match="content type text/html"):
        rig.client.ask("/", **html)
    assert rig.client.ask("/?HOST_INFO", **html)[0] == 200
    assert rig.client.ask("/morphogen/view", **html)[0] == 200


# --- the WebSocket


def test_listen_and_ignore(rig):
    ws = rig.listener("/morphogen/view/zoom", "/morphogen/view/mirror", "/morphogen/output/blackout")
    rig.send(M("/morphogen/view/x", 1.0), M("/morphogen/view/zoom", 2.0))
    assert ws.hear() == ("/morphogen/view/zoom", [2.0])
    rig.send(M("/morphogen/view/mirror", 3))
    assert ws.hear() == ("/morphogen/view/mirror", ["both"])
    rig.send(M("/morphogen/output/blackout", 1))
    assert ws.hear() == ("/morphogen/output/blackout", [True])
    ws.command("IGNORE", "/morphogen/view/zoom")
    until(lambda: rig.stats["listened"] == 2)
    rig.send(M("/morphogen/view/zoom", 3.0), M("/morphogen/output/blackout", 0))
    assert ws.hear() == ("/morphogen/output/blackout", [False])


def test_a_parameter_is_heard_at_both_of_its_addresses(rig):
    ws = rig.listener("/morphogen/norm/output/master", "/morphogen/view/kaleidoscope")
    rig.send(M("/morphogen/output/master", 0.25))
    assert ws.hear() == ("/morphogen/norm/output/master", [0.25])
    rig.send(M("/morphogen/norm/view/kaleidoscope", 0.5))
    assert ws.hear() == ("/morphogen/view/kaleidoscope", [12])


def test_who_moves_a_fader_is_not_told_but_the_others_are(rig):
    paths = ("/morphogen/view/zoom", "/morphogen/view/x")
    mover, other = rig.listener(*paths), rig.connect()
    for path in paths:
        other.command("LISTEN", path, "f")
    for value in (1.5, 1.75, 2.0):
        mover.osc(M("/morphogen/view/zoom", value))
    while other.hear() != ("/morphogen/view/zoom", [2.0]):
        pass
    assert mover.hear(osc_client.HUSH * 2) is None
    mover.osc(M("/morphogen/view/zoom", 50.0))  # clipped: what it stands at is news
    assert mover.hear() == ("/morphogen/view/zoom", [20.0])
    rig.send(M("/morphogen/view/x", 1.0))
    assert mover.hear() == ("/morphogen/view/x", [1.0])


def test_osc_over_the_websocket_is_osc(rig):
    ws = rig.connect()
    ws.osc(M("/morphogen/view/zoom", 2.0))
    ws.osc(write_bundle([M("/morphogen/view/x", 1.0), M("/morphogen/style/load", "show/large")]))
    until(lambda: rig.show.style == "show/large")
    assert rig.show.params.get("view/x") == 1.0
    origin = rig.show.params.sets[0][2]
    assert origin.startswith("oscquery:")
    ws.types["/morphogen/pong"] = "s"
    ws.osc(M("/morphogen/ping"))
    while (answer := ws.hear())[0] != "/morphogen/pong":
        pass
    assert answer is not None
    ws.osc(write_bundle([M("/morphogen/view/y", 2.0)], ntp_now() + (1 << 30)))  # in a quarter of a second
    until(lambda: rig.show.params.get("view/y") == 2.0)


def test_nothing_that_is_said_ends_anything(rig):
    ws = rig.listener("/morphogen/view/zoom")
    texts = ["", "[]", "no json", "{}", '{"COMMAND":"LISTEN"}', '{"COMMAND":"LISTEN","DATA":5}', "[" * 5000,
             '{"COMMAND":"LISTEN","DATA":"/nothing"}', '{"COMMAND":"LISTEN","DATA":"/morphogen/view"}',
             '{"COMMAND":"SHUTDOWN","DATA":"/morphogen/view/zoom"}']  # fmt: skip
    for text in texts:
        ws.text(text)
    packets = [b"", b"x", b"/a", M("/morphogen/view/zoom", "x"), M("/nothing/here", 1.0), M("/morphogen/no", 1)]
    for packet in packets:
        ws.osc(packet)
    rig.send(M("/morphogen/view/zoom", 2.0))
    assert ws.hear() == ("/morphogen/view/zoom", [2.0])
    until(lambda: rig.stats["rejected"] == len(texts) + len(packets))


def test_what_cannot_be_read_is_not_streamed(rig):
    ws = rig.connect()
    ws.command("LISTEN", "/morphogen/style/next")
    ws.command("LISTEN", "/morphogen/view/zoom", "f")
    until(lambda: rig.stats["listened"] == 1)
    rig.send(M("/morphogen/style/next"), M("/morphogen/view/zoom", 2.0))
    assert ws.hear() == ("/morphogen/view/zoom", [2.0])


def test_features_and_readings_are_streamed(rig):
    ws = rig.listener(*(f"/morphogen/audio/{name}" for name in FEATURES), "/morphogen/beat/phase",
                      "/morphogen/beat/pulse", "/morphogen/state/fps", "/morphogen/tempo/bpm")  # fmt: skip
    rig.show.params.values["audio/bass"] = 0.5
    rig.show.tempo_state = TempoState(90.0, 0.0, rig.show.clock.now(), 1.0, "tap")
    rig.show.emit("state", {"fps": 60.0})
    heard: dict[str, Any] = {}
    wanted = ("audio/bass", "beat/phase", "beat/pulse", "state/fps", "tempo/bpm")
    while not heard.keys() >= {f"/morphogen/{key}" for key in wanted}:
        address, (value,) = ws.hear()
        heard[address] = value
    assert heard["/morphogen/audio/bass"] == 0.5
    assert heard["/morphogen/tempo/bpm"] == 90.0
    assert "/morphogen/audio/mid" not in heard
    assert {reading.key for reading in table.READINGS} == set(rig.server._osc_hub.space._read)


def test_a_flood_is_told_sixty_times_a_second_and_to_the_end(rig):
    ws = rig.listener("/morphogen/view/zoom")
    start = rig.show.clock.now()
    for n in range(2000):
        rig.show.params.set("view/zoom", 1 + n / 1000)
    count = 0
    while ws.hear() != ("/morphogen/view/zoom", [pytest.approx(2.999)]):
        count += 1
    assert count <= (rig.show.clock.now() - start) / osc_hub.TICK + 2


# --- other nodes


def test_another_style_adds_and_removes_nodes(rig):
    small, large = SMALL.parameters, LARGE.parameters
    ws = rig.listener("/morphogen/weight/5", f"/morphogen/weight/{small - 1}", "/morphogen/style/current")
    rig.show.load("show/large")
    for n in range(small, large):
        assert ws.hear() == ("PATH_ADDED", f"/morphogen/weight/{n}")
    assert ws.hear() == ("PATH_CHANGED", "/morphogen/weight")
    assert dict([ws.hear(), ws.hear(), ws.hear()]) == {
        "/morphogen/style/current": ["show/large"],
        f"/morphogen/weight/{small - 1}": [pytest.approx((small - 1) / 100)],
        "/morphogen/weight/5": [pytest.approx(0.05)],
    }
    ws.command("LISTEN", f"/morphogen/weight/{large - 1}", "f")
    until(lambda: rig.stats["listened"] == 4)
    rig.show.load("show/small")
    for n in range(small, large):
        assert ws.hear() == ("PATH_REMOVED", f"/morphogen/weight/{n}")
    assert ws.hear() == ("PATH_CHANGED", "/morphogen/weight")
    assert rig.client.ask(f"/morphogen/weight/{large - 1}")[0] == 404
    rig.send(M(f"/morphogen/weight/{large - 1}", 1.0), M(f"/morphogen/weight/{small - 1}", 1.0))
    assert ws.until(f"/morphogen/weight/{small - 1}") is not None
    until(lambda: rig.stats["listened"] == 3, "the end of listening to what is gone")


def test_weights_are_bent_and_heard(rig):
    ws = rig.listener("/morphogen/weight/17")
    rig.send(M("/morphogen/weight/17", 0.25), M("/morphogen/weight/16", 0.5))
    assert ws.hear() == ("/morphogen/weight/17", [0.25])
    assert rig.client.attribute("/morphogen/weight/16", "VALUE") == [0.5]


def test_a_style_of_the_same_shape_has_other_values_and_the_same_nodes(rig):
    ws = rig.listener("/morphogen/weight/3")
    rig.send(M("/morphogen/weight/3", 0.75))
    assert ws.hear() == ("/morphogen/weight/3", [0.75])
    rig.show.load("show/small")
    assert ws.hear() == ("/morphogen/weight/3", [pytest.approx(0.03)])


def test_a_new_style_in_the_library_changes_the_menu(rig, monkeypatch):
    monkeypatch.setattr("morphogen_bridges.servers.web.osc_space.MENU_SECONDS", 0.0)
    ws = rig.listener("/morphogen/view/zoom")
    assert rig.client.attribute("/morphogen/style/load", "RANGE") == [{"VALS": ["show/small", "show/large"]}]
    rig.show.styles = ["show/small", "show/large", "show/wide"]
    rig.client.ask("/morphogen/style")
    assert {ws.until("PATH_CHANGED"), ws.until("PATH_CHANGED")} == {"/morphogen/style/load", "/morphogen/style/slot"}
    assert len(rig.client.attribute("/morphogen/style/load", "RANGE")[0]["VALS"]) == 3


# --- who is let in, and how it ends


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 101), ({"Origin": "http://evil.example"}, 403), ({"Host": "evil.example"}, 400)],
    ids=["a program", "a web site", "two hosts"],
)
def test_web_sites_stay_outside(rig, headers, status):
    assert rig.connect(**headers).status == status


def test_a_token_opens_tree_and_websocket():
    rig = Rig(token="secret")
    try:
        assert rig.client.ask("/morphogen/view")[0] == 401
        assert rig.client.ask("/morphogen/view/zoom?TYPE&token=secret") == (200, {"TYPE": "f"})
        assert rig.client.ask("/morphogen/view", Authorization="Bearer secret")[0] == 200
        assert rig.connect().status == 401
        assert rig.connect(Authorization="Bearer secret").status == 101
    finally:
        rig.close()


def test_there_is_room_for_so_many_and_those_who_go_make_room(rig, monkeypatch):
    monkeypatch.setattr(osc_hub, "MAX_CLIENTS", 2)
    one, two = rig.listener("/morphogen/view/zoom"), rig.listener("/morphogen/view/x")
    assert rig.connect().status == 503
    one.close()
    until(lambda: (rig.stats["clients"], rig.stats["listened"]) == (1, 1))
    assert rig.connect().status == 101
    rig.send(M("/morphogen/view/x", 1.0))
    assert two.hear() == ("/morphogen/view/x", [1.0])


def test_clients_hear_the_end(rig):
    ws = rig.listener("/morphogen/view/zoom")
    rig.server.close()
    with pytest.raises((Wrong, ConnectionError)) as ended:
        ws.hear()
    assert "closing" in str(ended.value) or isinstance(ended.value, ConnectionError)
    rig.show.params.set("view/zoom", 2.0)  # an event after the end
    rig.server.open(rig.show)
    assert methods(Client(rig.server.port, EXTENSIONS), "/morphogen/view")


# --- another client, and the strictness of ours


def test_python_oscquery_finds_its_way(rig):
    """Its client knows no methods without a value (it raises for every command), so it walks the readable parts."""
    pytest.importorskip("pythonoscquery", reason="python-oscquery is not installed")
    from pythonoscquery.osc_query_client import OSCQueryClient
    from zeroconf import ServiceInfo

    service = ServiceInfo("_oscjson._tcp.local.", "x._oscjson._tcp.local.", rig.server.port,
                          addresses=[bytes([127, 0, 0, 1])])  # fmt: skip
    client = OSCQueryClient(service)
    info = client.get_host_info()
    assert (info.osc_ip, info.osc_port, info.osc_transport) == ("127.0.0.1", rig.osc.port, "UDP")
    for group in ("view", "color", "output", "weight", "norm"):
        node = client.query_node(f"/morphogen/{group}")
        ours = methods(rig.client, f"/morphogen/{group}")
        theirs = {one.full_path: one.value for one in node if one.value}
        assert theirs == {path: one["VALUE"] for path, one in ours.items()}
    assert client.query_node("/morphogen/nothing") is None


GOOD = {"FULL_PATH": "/a", "TYPE": "f", "ACCESS": 3, "VALUE": [0.5], "RANGE": [{"MIN": 0.0, "MAX": 1.0}]}


@pytest.mark.parametrize(
    ("change", "said"),
    [({"FULL_PATH": "/b"}, "FULL_PATH"), ({"TYPE": "x"}, "TYPE"), ({"ACCESS": 4}, "ACCESS"),
     ({"VALUE": ["1"]}, "is no f"), ({"RANGE": [{"MIN": 0}], "TYPE": "s", "VALUE": ["x"]}, "MIN"),
     ({"VALUE": [0.5, 1]}, "VALUE of"), ({"VALUE": 0.5}, "VALUE of"), ({"ACCESS": 2}, "may not"),
     ({"VALUE": [2.0], "CLIPMODE": ["both"]}, "outside"),
     ({"RANGE": [{"LOW": 1}]}, "RANGE"), ({"CLIPMODE": ["wrap"]}, "CLIPMODE"), ({"UNIT": ["turns"]}, "UNIT"),
     ({"EXTENDED_TYPE": ["zoom"]}, "EXTENDED_TYPE"), ({"CRITICAL": 1}, "CRITICAL"), ({"LABEL": "x"}, "LABEL"),
     ({"OVERLOADS": [{"TYPE": "f"}]}, "OVERLOADS"), ({"CONTENTS": {"b c": {}}}, "no OSC name")],
)  # fmt: skip
def test_our_client_is_strict(change, said):
    client = Client(0, EXTENSIONS)
    assert list(client.walk(GOOD, "/a"))
    with pytest.raises(Wrong, match=said):
        list(client.walk(json.loads(json.dumps({**GOOD, **change})), "/a"))


def test_our_client_wants_what_is_used_to_be_claimed():
    with pytest.raises(Wrong, match="not among the EXTENSIONS"):
        list(Client(0, {**EXTENSIONS, "RANGE": False}).walk(GOOD, "/a"))
