"""Spout beside the contract: names, contexts, refusals, the card's textures, and the default on Windows."""

from __future__ import annotations

import logging
import threading

import numpy as np
import pytest

from drawing import apart, draw, scene
from fake_spout import BGRA, RGBA, Machine
from fakes import FakeHost, make_frame
from morphogen import links
from morphogen.app import App
from morphogen.config import build
from morphogen.errors import RenderError, StateError, Unavailable, UsageError
from morphogen.frame import PixelFormat, TargetSpec
from morphogen.publish import Publisher, options_from
from morphogen.render import create
from morphogen.render.opengl.calls import BrokenContext
from morphogen.render.opengl.renderer import OpenGLRenderer
from morphogen.render.switch import Switch
from morphogen.stub import StubSink
from morphogen_bridges import spout_sender
from morphogen_bridges.sinks.spout import HELD, SpoutSink
from texture_rigs import SpoutRig, SpoutTextureRig

FRAME = make_frame(TargetSpec(8, 4))


@pytest.fixture
def rig(monkeypatch):
    made = SpoutRig(monkeypatch)
    yield made
    assert made.world.offences == []
    assert made.left() == {}


@pytest.fixture
def machine(rig) -> Machine:
    return rig.world


@pytest.fixture
def sink(rig, host):
    made = rig.make()
    made.open(host)
    yield made
    made.close()


# --- names


def test_a_name_that_lives_elsewhere_gets_a_number_and_everybody_hears_of_it(sink, machine, host, caplog):
    machine.foreign("Morphogen")
    machine.foreign("Morphogen_2")
    sink.write(FRAME)
    assert sink.name == "Morphogen_1"
    assert {"name": "Morphogen_1", "wanted": "Morphogen"}.items() <= sink.describe().items()
    said = {"event": "named", "kind": "spout", "name": "Morphogen_1", "wanted": "Morphogen"}
    assert [event for topic, event in host.events if topic == "output"] == [said]
    assert "another program sends as Morphogen; this output is called Morphogen_1" in caplog.text


def test_the_number_is_in_the_list_of_outputs(rig, machine, host):
    machine.foreign("Morphogen")
    publisher = Publisher(host)
    publisher.open("spout", {"size": "8x4"}, SpoutSink)
    while not publisher.list()[0]["written"]:
        plan = publisher.plan(host.clock.now())
        publisher.publish(plan, 0, 0, 0)
        threading.Event().wait(0.001)
    row = publisher.list()[0]
    assert (row["name"], row["wanted"], row["via"]) == ("Morphogen_1", "Morphogen", "image")
    publisher.close_all()


def test_names_of_crashed_senders_are_free_again(sink, machine):
    machine.crashed("Morphogen")
    sink.write(FRAME)
    assert sink.name == "Morphogen"
    assert machine.names == {"Morphogen"}


def test_one_call_of_set_sender_name_would_not_have_been_enough(machine):
    """What Spout does, and why it is called twice."""
    machine.crashed("show")
    sender = machine.module().SpoutSender()
    sender.setSenderName("show")
    assert sender._name == "show_1"
    sender.setSenderName("show")
    assert sender._name == "show"


def test_two_of_ours_with_one_name(rig, host, machine):
    sinks = [rig.make(name="wall") for _ in range(2)]
    for sink in sinks:
        sink.open(host)
    for sink in sinks:
        sink.write(FRAME)
    assert [sink.name for sink in sinks] == ["wall", "wall_1"]
    for sink in sinks:
        sink.close()


def test_a_full_list_is_an_error_instead_of_a_sender_that_nobody_sees(sink, machine):
    for n in range(64):
        machine.foreign(f"other{n}")
    with pytest.raises(StateError, match=r"list of 64 senders is full.*SpoutSettings"):
        sink.write(FRAME)


@pytest.mark.parametrize("name", ["Fürst", "日本", "x" * 201])
def test_names_that_spout_cannot_keep_are_refused_before_they_end_the_process(rig, sink, host, name):
    with pytest.raises(UsageError, match="without accents"):
        rig.make(name=name[:100]).open(host) if name[0] != "x" else spout_sender.checked(name)
    if name[0] != "x":
        with pytest.raises(UsageError):
            sink.reconfigure(options_from({"name": name}, sink.options))
        sink.write(FRAME)
        assert sink.name == "Morphogen"


# --- contexts and refusals


def test_without_a_context_bytes_go_through_direct3d(sink, machine):
    sink.write(FRAME)
    assert machine.handles.get("context", 0) == 0
    assert sink.describe()["via"] == "image"


def test_bgra_gets_a_context_of_its_own(sink, machine):
    sink.write(make_frame(TargetSpec(8, 4, PixelFormat.BGRA8)))
    assert machine.handles["context"] == 1
    machine.gl = False
    sink.close()
    sink.open(FakeHost())
    with pytest.raises(Unavailable, match=r"cannot open OpenGL.*format=rgba8"):
        sink.write(make_frame(TargetSpec(8, 4, PixelFormat.BGRA8)))
    sink.write(FRAME)


def test_where_the_first_way_does_not_work_it_is_tried_once_more_in_a_context(sink, machine):
    machine.needs_context = True
    for _ in range(3):
        sink.write(FRAME)
    assert machine.handles["context"] == 1
    assert sink.stats() == {"frames": 3, "refused": 1, "senders": 2}


def test_and_then_it_fails_clearly_without_making_a_sender_for_every_picture(sink, machine):
    machine.directx = False
    for _ in range(5):
        with pytest.raises(Unavailable, match=r"does not take the pictures of Morphogen.*SpoutSettings.*prefer-gpu"):
            sink.write(FRAME)
    assert machine.made == 2
    machine.directx = True
    sink.write(FRAME)
    assert sink.name == "Morphogen"


def test_a_receiver_that_holds_the_picture_costs_pictures_and_no_sender(sink, machine):
    sink.write(FRAME)
    machine.held.add("Morphogen")
    for _ in range(HELD - 1):
        sink.write(FRAME)
    machine.held.clear()
    sink.write(FRAME)
    assert sink.stats() == {"frames": 2, "refused": HELD - 1, "senders": 1}
    machine.held.add("Morphogen")
    for _ in range(HELD - 1):
        sink.write(FRAME)
    with pytest.raises(Unavailable):
        sink.write(FRAME)
    assert machine.made == 2


def test_frames_are_counted_as_spout_counts_them(sink, machine):
    for _ in range(4):
        sink.write(FRAME)
    assert sink.stats()["frames"] == 4
    machine.counting = False
    sink.write(FRAME)
    assert sink.stats()["frames"] == 4


@pytest.mark.parametrize("error", [ImportError("DLL load failed while importing _spoutgl"), OSError("not a DLL")])
def test_a_missing_runtime_is_called_by_its_name(monkeypatch, host, error):
    import builtins

    real = builtins.__import__

    def importing(name, *rest):
        if name == "SpoutGL":
            raise error
        return real(name, *rest)

    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr(builtins, "__import__", importing)
    with pytest.raises(Unavailable, match="vc_redist"):
        spout_sender.load()


def test_options_of_its_own(rig, host):
    with pytest.raises(UsageError, match=r"via=carrier.*auto, image"):
        rig.make(via="carrier").open(host)


# --- the stand-in refuses what the real one refuses


def test_the_stand_in_is_no_softer_than_pybind():
    sender = Machine().module().SpoutSender()
    good = (bytes(8 * 4 * 4), 8, 4, RGBA, False, 0)
    wrong = [
        (good[:-1], {}), (good, {"invert": False}), ((*good[:4], 0, 0), {}), ((*good[:5], False), {}),
        (("text", *good[1:]), {}), ((good[0], 8.0, *good[2:]), {}), ((good[0], -8, *good[2:]), {}),
    ]  # fmt: skip
    for arguments, named in wrong:
        with pytest.raises(TypeError):
            sender.sendImage(*arguments, **named)
    with pytest.raises(BufferError, match="large enough"):
        sender.sendImage(bytes(8 * 4 * 4 - 1), *good[1:])
    with pytest.raises(BufferError, match="contiguous"):
        sender.sendImage(np.zeros((4, 16, 4), np.uint8)[:, ::2], *good[1:])
    with pytest.raises(ValueError, match="Unknown GL format"):
        sender.sendImage(*good[:3], 7, False, 0)
    with pytest.raises(TypeError):
        sender.setSenderName(None)


def test_the_stand_in_keeps_what_would_end_badly():
    machine = Machine()
    sender = machine.module().SpoutSender()
    ends = [
        lambda: sender.setSenderName("x" * 256),
        lambda: sender.sendImage(bytes(128), 8, 4, BGRA, False, 0),
        lambda: sender.sendTexture(1, 0x0DE1, 8, 4, False, 0),
        lambda: (sender.releaseSender(), sender.sendImage(bytes(128), 8, 4, RGBA, False, 0)),
        lambda: (sender.createOpenGL(), sender.closeOpenGL(), sender.closeOpenGL()),
    ]
    for end in ends:
        with pytest.raises(AssertionError):
            end()
    caught = []

    def elsewhere():
        try:
            sender.getFrame()
        except AssertionError as error:
            caught.append(str(error))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert caught == ["getFrame on another thread than the one that made it"]
    assert len(machine.offences) == 6


# --- the card's own textures


class GlHost(FakeHost):
    """A host whose pictures are textures of a real driver, while that draws."""

    def __init__(self, switch) -> None:
        self.switch = switch
        super().__init__(size=(40, 30))

    @property
    def textures(self):
        return self.switch.textures

    @textures.setter
    def textures(self, nothing) -> None:
        pass


class GlShow:
    """The loop's part on OpenGL: plan, draw, publish. The pretended Spout reads the real textures."""

    def __init__(self, rig) -> None:
        try:
            self.renderer = OpenGLRenderer()
        except Unavailable as error:
            pytest.skip(f"no OpenGL here: {error}")
        self.world = rig.world
        for name in ("texture", "leave"):
            setattr(self.renderer, name, self._watched(getattr(self.renderer, name)))
        self.switch = Switch("opengl", lambda name: self.renderer if name == "opengl" else create(name))
        self.host = GlHost(self.switch)
        self.publisher = Publisher(self.host)
        self.bytes: dict[TargetSpec, np.ndarray] = {}
        rig.world.read_texture = self._read

    def _read(self, number):
        assert self.renderer._device.gpu.context.is_current
        pictures = self.renderer._device.pictures
        spec = next(spec for spec, picture in pictures.items() if picture.surfaces[0].texture.glo == number)
        shared = self.renderer._device.gpu.ctx.external_texture(number, (spec.width, spec.height), 4, 0, "f1")
        return np.frombuffer(shared.read(), np.uint8).reshape(spec.height, spec.width, 4)

    def frames_only(self) -> None:
        """The render thread's part of a frame without outputs."""
        self.publisher.discard(self.publisher.plan(self.host.clock.now()))

    def _look(self) -> None:
        """Which context is current here: the pretended Spout looks, too."""
        device = self.renderer._device
        self.world.current.clear()
        if device is not None and device.gpu.context.is_current:
            self.world.current[threading.get_ident()] = device

    def _watched(self, call):
        def watched(*arguments):
            try:
                return call(*arguments)
            finally:
                self._look()

        return watched

    def frame(self) -> None:
        while not (plan := self.publisher.plan(self.host.clock.now())):
            threading.Event().wait(0.002)  # a buffer for the new size is being made aside
        for target in plan:
            target.pixels[:] = 77
        self.switch.render(scene(), [(target.spec, target.pixels) for target in plan])
        self.bytes = {target.spec: np.array(target.frame.pixels) for target in plan}
        self._look()
        self.publisher.publish(plan, 0, 0, 0)
        self.host.clock.advance(1 / 60)

    def close(self) -> None:
        self.publisher.close_all()
        self.switch.close()
        self.world.current.clear()


@pytest.fixture
def gl(rig):
    show = GlShow(rig)
    yield show
    show.close()


def test_the_cards_texture_is_sent_and_never_read_back(gl, machine):
    gl.publisher.open("spout", {}, SpoutSink)
    for _ in range(3):
        gl.frame()
    spec = TargetSpec(40, 30)
    assert apart(machine.shared["Morphogen"]["pixels"], draw(create("numpy"), scene(), spec)) <= 1
    assert (gl.bytes[spec] == 77).all(), "nobody needed the bytes"
    row = gl.publisher.list()[0]
    assert (row["via"], row["written"], row["failed"], row["frames"]) == ("texture", 3, 0, 3)


def test_the_package_is_loaded_before_the_render_thread_comes_to_it(gl, monkeypatch):
    loaded = []
    real = spout_sender.load
    monkeypatch.setattr(spout_sender, "load", lambda: loaded.append(threading.current_thread().name) or real())
    gl.frames_only()
    opener = threading.Thread(target=lambda: gl.publisher.open("spout", {}, SpoutSink), name="opener")
    opener.start()
    while opener.is_alive():
        gl.frames_only()
        opener.join(0.002)
    assert loaded[0] == "opener"
    gl.frame()
    assert gl.publisher.list()[0]["via"] == "texture"


def test_bytes_are_read_where_somebody_else_needs_them(gl, machine):
    gl.publisher.open("spout", {}, SpoutSink)
    gl.publisher.add(Neighbour())
    gl.frame()
    (pixels,) = gl.bytes.values()
    assert np.array_equal(pixels, machine.shared["Morphogen"]["pixels"])
    gl.publisher.close("stub")
    gl.frame()
    assert (next(iter(gl.bytes.values())) == 77).all()


class Neighbour(StubSink):
    """Takes the very same picture, on the render thread."""

    thread = "render"
    extras = None


@pytest.mark.parametrize("options", [{"via": "image"}, {"format": "bgra8"}])
def test_who_cannot_share_gets_bytes_on_a_thread_of_its_own(gl, machine, options):
    gl.publisher.open("spout", options, SpoutSink)
    while not gl.publisher.list()[0]["written"]:
        gl.frame()
        threading.Event().wait(0.002)
    (pixels,) = gl.bytes.values()
    order = [2, 1, 0, 3] if options.get("format") else [0, 1, 2, 3]
    assert np.array_equal(pixels[..., order], machine.shared["Morphogen"]["pixels"])
    assert gl.publisher.list()[0]["via"] == "image"


def test_size_crop_flip_and_format_change_on_the_render_thread(gl, machine):
    lane = gl.publisher.open("spout", {}, SpoutSink)
    for change, way in (
        ({"size": "64x20"}, "texture"), ({"crop": "16x8+3+4"}, "texture"), ({"flip": 1}, "texture"),
        ({"format": "bgra8"}, "image"), ({"format": "rgba8"}, "texture"), ({"via": "image"}, "image"),
    ):  # fmt: skip
        gl.publisher.set(lane, change)
        gl.frame()
        spec, pixels = next(iter(gl.bytes.items()))
        wanted = draw(create("numpy"), scene(), spec)
        seen = machine.shared["Morphogen"]["pixels"]
        assert apart(seen if spec.format is PixelFormat.RGBA8 else seen[..., [2, 1, 0, 3]], wanted) <= 1
        assert gl.publisher.list()[0]["via"] == way
        assert (pixels == 77).all() == (way == "texture")
    assert gl.publisher.list()[0]["name"] == "Morphogen"


def test_when_the_card_gives_up_bytes_go_out_under_the_same_name(gl, machine, monkeypatch):
    gl.publisher.open("spout", {}, SpoutSink)
    gl.frame()
    monkeypatch.setattr(gl.renderer, "submit", broken)
    for _ in range(2):
        gl.frame()
    assert gl.switch.name == "cpu"
    (pixels,) = gl.bytes.values()
    assert np.array_equal(pixels, machine.shared["Morphogen"]["pixels"])
    row = gl.publisher.list()[0]
    assert (row["name"], row["via"], row["written"], row["failed"]) == ("Morphogen", "image", 3, 0)


def test_a_context_that_is_opened_anew_gets_a_new_sender_of_the_same_name(gl, machine, monkeypatch):
    gl.publisher.open("spout", {}, SpoutSink)
    gl.frame()
    real, failing = gl.renderer._submit, [BrokenContext("reset.", "Again.")]

    def reset(*arguments):
        if failing:
            raise failing.pop()
        return real(*arguments)

    monkeypatch.setattr(gl.renderer, "_submit", reset)
    for _ in range(2):
        gl.frame()
    row = gl.publisher.list()[0]
    assert (gl.switch.name, row["name"], row["via"]) == ("opengl", "Morphogen", "texture")
    assert (row["written"], row["failed"], row["senders"]) == (3, 0, 2)
    assert apart(machine.shared["Morphogen"]["pixels"], draw(create("numpy"), scene(), TargetSpec(40, 30))) <= 1


def broken(*_):
    raise RenderError("the card is gone.")


def test_a_picture_of_several_textures_goes_out_as_bytes(gl, machine):
    gl.renderer._device.gpu.max_side = 24
    gl.publisher.open("spout", {}, SpoutSink)
    gl.frame()
    (pixels,) = gl.bytes.values()
    assert np.array_equal(pixels, machine.shared["Morphogen"]["pixels"])
    assert gl.publisher.list()[0]["via"] == "image"


def test_back_to_textures_after_a_context_of_its_own(monkeypatch, host):
    """The sender before closes its context, which was current on the render thread until then."""
    rig = SpoutTextureRig(monkeypatch)
    sink = rig.make()
    sink.open(host)
    host.textures = None
    sink.write(make_frame(TargetSpec(8, 4, PixelFormat.BGRA8)))
    assert rig.world.handles["context"] == 1
    host.textures = rig.textures
    sink.write(FRAME)
    assert sink.describe()["via"] == "texture"
    assert np.array_equal(rig.seen(), FRAME.pixels)
    sink.close()
    assert rig.left() == {}
    assert rig.world.offences == []


def test_a_fault_that_spout_leaves_in_the_context_is_not_the_backends(gl, machine):
    def read(number):
        pixels = gl._read(number)
        gl.renderer._device.gpu.calls.integer(0x7FFF)  # no such limit: an error that stays
        return pixels

    machine.read_texture = read
    device = gl.renderer._device
    gl.publisher.open("spout", {}, SpoutSink)
    for _ in range(3):
        gl.frame()
    assert gl.switch.name == "opengl"
    assert gl.renderer._device is device, "no new context for that"
    assert gl.publisher.list()[0]["via"] == "texture"


# --- the default of the platform


@pytest.mark.parametrize(
    ("platform", "outputs"), [("win32", ("zmq", "spout")), ("darwin", ("zmq", "syphon")), ("linux", ("zmq",))]
)
def test_defaults_by_platform(monkeypatch, platform, outputs):
    monkeypatch.setattr("sys.platform", platform)
    assert links.default_outputs() == outputs


def started(port_base, monkeypatch, **more):
    """A daemon with Spout among its defaults; its outputs."""
    monkeypatch.setattr(links, "default_outputs", lambda: ("zmq", "spout"))
    given = {"size": "64x36", "audio": "none", "backend": "numpy", "port_base": str(port_base), **more}
    app = App(build(given))
    try:
        app.open()
        return {row["kind"]: row["name"] for row in app.instrument.publisher.list()}
    finally:
        app.close()


def test_the_default_is_open(rig, port_base, monkeypatch, tmp_path):
    monkeypatch.setenv("MORPHOGEN_HOME", str(tmp_path))
    assert started(port_base, monkeypatch)["spout"] == "Morphogen"


def test_a_missing_package_stops_no_show_but_is_told(rig, port_base, monkeypatch, caplog, tmp_path):
    monkeypatch.setenv("MORPHOGEN_HOME", str(tmp_path))
    rig.refuse_opening()
    with caplog.at_level(logging.WARNING, "morphogen"):
        assert "spout" not in started(port_base, monkeypatch)
    assert "no spout: Spout shares pictures on Windows only." in caplog.text
    assert "--out -spout" in caplog.text
    with pytest.raises(Unavailable):  # who asks for it by name is told at once
        started(port_base, monkeypatch, outs=["spout"])
