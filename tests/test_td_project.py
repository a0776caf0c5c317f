"""TouchDesigner's component, built and played against a stand-in that knows only what the documentation lists."""

from __future__ import annotations

import ast
import importlib
import json
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from fake_td import DOCUMENTED, Channel, World
from fakes import FakeHost, make_frame
from morphogen.app import App
from morphogen.config import build as build_config
from morphogen.contracts import SinkOptions
from morphogen.docs import WHOLE
from morphogen.frame import PixelFormat, TargetSpec
from morphogen.params.catalog import BY_KEY, PARAMS
from morphogen_bridges.servers.http import HttpServer
from morphogen_bridges.sinks.shm import ShmSink
from web_show import Show

TD = Path(__file__).resolve().parent.parent / "td_project"


@pytest.fixture
def world(monkeypatch):
    world = World()
    monkeypatch.setitem(sys.modules, "td", world)
    monkeypatch.syspath_prepend(str(TD))
    monkeypatch.delitem(sys.modules, "morphogen_td", raising=False)
    return world


@pytest.fixture
def build(world, free_port):
    module = importlib.import_module("morphogen_td")
    return lambda **more: module.build(**{"base": free_port - 2, **more})


@pytest.fixture
def comp(build):
    return build()


@pytest.fixture(scope="module")
def stats_keys():
    """What the real `stats` answers, so that the component asks for nothing else."""
    app = App(build_config({"audio": "none", "size": "64x36", "backend": "numpy"}))
    try:
        return set(app.instrument.stats())
    finally:
        app.close()


def sent(comp):
    found = list(comp.op("osc_out").sent)
    comp.op("osc_out").sent.clear()
    return [message for message in found if "subscribe" not in message[0]]


def receive(world, comp, address, *args):
    calls = comp.op(comp.op("osc_in").par.callbacks.eval())
    world.call(calls, "onReceiveOSC", comp.op("osc_in"), 0, "", b"", 0.0, address, list(args), None)


def answer(world, comp, code, data):
    world.call(comp.op(comp.op("web").par.callbacks.eval()), "onResponse", comp.op("web"), code, {}, data, 1)


def test_the_whole_component_is_built_without_a_daemon(build, capsys):
    comp = build()
    said = capsys.readouterr().out
    assert "does not answer" in said
    assert "description.json" in said
    assert comp.path == "/project1/morphogen"
    settable = [param for param in PARAMS if not param.feature]
    assert len(comp.fetch("keys")) == len(settable)
    names = {page.name for page in comp.customPages}
    assert {"Morphogen", "Style"} | {param.group.capitalize() for param in settable} == names


def test_every_parameter_is_there_as_it_is_declared(comp):
    for name, spec in comp.fetch("keys").items():
        param, par = BY_KEY[spec["key"]], comp.pars(name)[0]
        style = {"bool": "Toggle", "int": "Int", "choice": "Menu"}.get(param.kind, "Float")
        assert (par.style, par.eval()) == (style, param.public(param.default)), name
        assert param.doc in par.help
        if param.kind in ("float", "int"):
            assert (par.min, par.max, par.clampMin, par.clampMax) == (param.minimum, param.maximum, True, True)
        if param.kind == "choice":
            assert tuple(par.menuNames) == tuple(param.choices)


def test_pictures_and_channels_are_wired(comp):
    switch = comp.op("video")
    sources = [switch.inputConnectors[n].connections[0].owner.name for n in range(3)]
    assert sources == ["video_ring", "video_spout", "video_ndi"]
    assert comp.op("out_video").inputConnectors[0].connections[0].owner is switch
    assert comp.op("out_music").inputConnectors[0].connections[0].owner.name == "music"


def test_building_again_keeps_what_was_set(build, world):
    first = build()
    first.par.Viewzoom = 3.5
    first.par.Viewmirror = "x"
    second = build()
    assert second is first
    assert (second.par.Viewzoom.eval(), second.par.Viewmirror.eval()) == (3.5, "x")
    assert len(second.customPages) == len({page.name for page in second.customPages})


def test_it_describes_itself_from_a_running_morphogen(build, world, tmp_path, capsys, free_port):
    show = Show(tmp_path)
    server = HttpServer("127.0.0.1", free_port)
    server.open(show)
    try:
        comp = build()
        assert "the running Morphogen" in capsys.readouterr().out
        assert "micro/mitosis" in comp.par.Style.menuNames
        url, method = comp.op("web").requests[-1]
        with urllib.request.urlopen(url, timeout=10) as reply:
            reply_text = reply.read()
            answer(world, comp, {"code": reply.status}, reply_text)
        assert method == "GET"
        assert comp.par.Status.eval().startswith("connected: cosmic/galaxy"), reply_text
    finally:
        server.close()


@pytest.mark.parametrize(("name", "value", "message"), [
    ("Viewzoom", 2.5, ("/morphogen/view/zoom", [2.5])),
    ("Viewkaleidoscope", 6, ("/morphogen/view/kaleidoscope", [6])),
    ("Outputblackout", True, ("/morphogen/output/blackout", [1])),
    ("Viewmirror", "both", ("/morphogen/view/mirror", [3])),
])  # fmt: skip
def test_a_moved_parameter_goes_out_in_its_own_unit(comp, name, value, message):
    sent(comp)
    setattr(comp.par, name, value)
    assert sent(comp) == [message]
    key = message[0].removeprefix("/morphogen/")
    assert BY_KEY[key].check(message[1][0]) == pytest.approx(BY_KEY[key].check(value))


def test_what_comes_in_is_shown_and_not_sent_back(world, comp):
    sent(comp)
    receive(world, comp, "/morphogen/view/zoom", 4.0)
    receive(world, comp, "/morphogen/view/mirror", 2.0)
    receive(world, comp, "/morphogen/output/freeze", 1.0)
    receive(world, comp, "/morphogen/style/current", "cosmic/nebula")
    assert (comp.par.Viewzoom.eval(), comp.par.Viewmirror.eval(), comp.par.Outputfreeze.eval()) == (4.0, "y", True)
    assert comp.par.Style.eval() == "cosmic/nebula"
    assert sent(comp) == []
    comp.par.Viewzoom = 5.0  # a hand on it after that
    assert sent(comp) == [("/morphogen/view/zoom", [5.0])]


def test_a_float32_of_what_was_sent_is_no_news(world, comp):
    comp.par.Viewrotate = 33.3
    sent(comp)
    receive(world, comp, "/morphogen/view/rotate", float(np.float32(33.3)))
    assert sent(comp) == []


@pytest.mark.parametrize(("address", "args"), [
    ("/elsewhere/view/zoom", [2.0]), ("/morphogen/no/such", [1.0]), ("/morphogen/view/zoom", []),
])  # fmt: skip
def test_foreign_messages_change_nothing(world, comp, address, args):
    receive(world, comp, address, *args)
    assert comp.par.Viewzoom.eval() == 1.0


def test_styles_by_menu_and_buttons(comp):
    sent(comp)
    comp.par.Style = "cosmic/galaxy"
    comp.par.Styleseconds = 1.5
    assert sent(comp) == []
    for name in ("Styleload", "Stylenext", "Styleprevious"):
        getattr(comp.par, name).pulse()
    assert sent(comp) == [
        ("/morphogen/style/load", ["cosmic/galaxy", 1.5]),
        ("/morphogen/style/next", []),
        ("/morphogen/style/previous", []),
    ]


def test_it_says_when_morphogen_is_away_and_when_it_is_back(world, comp, stats_keys):
    for number in range(0, 360, 60):
        world.frame(comp, number)
    assert "not connected" in comp.par.Status.eval()
    assert "start.py" in comp.par.Status.eval()
    comp.op("osc_out").sent.clear()
    assert {"style", "fps", "late"} <= stats_keys
    answer(world, comp, 200, json.dumps({"style": "mood/glitch", "fps": 59.9, "late": 2}).encode())
    assert comp.par.Status.eval() == "connected: mood/glitch, 60 frames a second, 2 late"
    assert ("/morphogen/feedback/subscribe", [comp.op("music").par.port.eval()]) in comp.op("osc_out").sent


@pytest.mark.parametrize("data", [b"\xff", b"{}", b"[]", b"not json"])
def test_an_answer_that_is_none_is_passed_over(world, comp, data):
    before = comp.par.Status.eval()
    answer(world, comp, {"code": 200}, data)
    answer(world, comp, {"code": 0}, b"")
    assert comp.par.Status.eval() == before


def test_another_port_base_is_followed(comp):
    comp.par.Base = 9000
    ports = [comp.op(name).par.port.eval() for name in ("osc_out", "osc_in", "music")]
    assert ports == [9000, 9001, 9011]
    assert comp.op("web").requests[-1][0] == "http://127.0.0.1:9002/api/v1/stats"


def test_the_picture_by_each_way(comp):
    for index, way in enumerate(("ring", "spout", "ndi")):
        comp.par.Video = way
        assert comp.op("video").par.index.eval() == index
        assert comp.op("video_ndi").par.active.eval() is (way == "ndi")
    comp.par.Sender = "Morphogen-left"
    assert comp.op("video_spout").par.sendername.eval() == comp.op("video_ndi").par.name.eval() == "Morphogen-left"


def test_music_analysed_in_touchdesigner_drives_morphogen(world, comp):
    sent(comp)
    for name, value in (("bass", 0.7), ("treble", 1.8), ("kick", 1.0)):
        world.call(comp.op("heard"), "onValueChange", Channel(name), 0, value, 0.0)
    assert sent(comp) == [("/morphogen/audio/bass", [0.7]), ("/morphogen/audio/treble", [1.0])]


def test_it_is_kept_as_a_tox(comp):
    comp.par.Savetox.pulse()
    assert comp.saved == ["morphogen.tox"]


@pytest.mark.skipif(sys.platform == "win32", reason="files")
@pytest.mark.parametrize("pixel_format", [PixelFormat.RGBA8, PixelFormat.BGRA8])
def test_frames_come_through_the_ring(world, comp, pixel_format, free_port):
    sink = ShmSink(SinkOptions(name=f"td-{free_port}"))
    sink.open(FakeHost(size=(64, 36)))
    try:
        comp.par.Video, comp.par.Sender = "ring", sink.name
        world.frame(comp, 1)
        assert comp.op("video_ring").picture is None  # nothing yet: no error
        for size in ((64, 36), (48, 20)):
            frame = make_frame(TargetSpec(*size, pixel_format))
            sink.write(frame)
            world.frame(comp, 2)
            shown = comp.op("video_ring").picture[::-1]
            expected = frame.pixels if pixel_format is PixelFormat.RGBA8 else frame.pixels[..., [2, 1, 0, 3]]
            assert shown.shape == (size[1], size[0], 4)
            assert np.array_equal(shown, expected)
    finally:
        sink.close()
    world.frame(comp, 3)  # the writer is gone: the last picture stays
    assert comp.op("video_ring").picture is not None


def test_its_files_need_nothing_but_what_touchdesigner_brings():
    allowed = set(sys.stdlib_module_names) | {"numpy", "td"}
    for file in TD.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= allowed, file.name


def test_the_description_beside_it_is_up_to_date():
    assert (TD / "description.json").read_text(encoding="utf-8") == WHOLE["td_project/description.json"]()


def test_the_stand_in_refuses_what_is_not_documented(world):
    comp = world.op("/project1").create(world.baseCOMP, "x")
    page = comp.appendCustomPage("A")
    undocumented = (
        lambda: page.appendFloat("view_zoom"),
        lambda: page.appendKnob("Zoom"),
        lambda: comp.create(world.soundTOP, "s"),
        lambda: comp.par.Nothing,
        lambda: comp.teleport,
    )
    for wrong in undocumented:
        with pytest.raises((AttributeError, ValueError)):
            wrong()
    assert all(page for page, _ in DOCUMENTED.values())
