"""One contract for every sink in the table, and for the stub. A new sink is tested by being in the table.

Say under `HOW` what a sink needs to run here without a neighbour (a free port, a folder); only a window needs more, a
screen of its own.
"""

from __future__ import annotations

import importlib
import json
import threading
from dataclasses import replace
from pathlib import Path

import msgpack
import numpy as np
import pytest

from fakes import make_frame
from morphogen import registry
from morphogen.contracts import Sink
from morphogen.errors import Unavailable, UsageError
from morphogen.frame import PixelFormat, TargetSpec
from morphogen.publish import Publisher, check_options, options_from
from morphogen.sink_options import target_spec
from morphogen.stub import StubRenderer, StubSink, StubSource
from screens import one_display
from texture_rigs import RIGS

HOW = {
    "png": lambda tmp, port: {"path": str(tmp / "pictures")},
    "record": lambda tmp, port: {"path": str(tmp / "videos") + "/"},
    "shm": lambda tmp, port: {"dir": str(tmp), "name": "contract"},
    "zmq": lambda tmp, port: {"port": port},
}
SIZES = [(1, 1), (3, 5), (17, 9), (641, 2), (64, 36)]
KINDS = ["stub", *registry.table("SINKS")]


@pytest.fixture(params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def screen():
    screen = one_display()
    yield screen.name
    screen.close()


@pytest.fixture
def make(kind, tmp_path, free_port, request, monkeypatch):
    """A factory of this sink, closed afterwards; skips with the reason where it cannot run."""
    made: list[Sink] = []
    if kind == "window":
        monkeypatch.setenv("DISPLAY", request.getfixturevalue("screen"))
    if kind in RIGS:
        RIGS[kind](monkeypatch)  # a pretended computer that has what it takes
    if kind == "stub":
        cls = StubSink
    else:
        try:
            cls = registry.resolve("SINKS", kind)
        except Unavailable as error:
            pytest.skip(str(error))
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("morphogen_bridges"):
                raise
            pytest.skip(f"{kind}: {error.name} is not written yet")

    def factory(**more) -> Sink:
        given = HOW.get(kind, lambda tmp, port: {})(tmp_path, free_port)
        made.append(cls(options_from({**given, **more})))
        return made[-1]

    yield factory
    for sink in made:
        sink.close()


@pytest.fixture
def sink(make, host):
    sink = make()
    try:
        sink.open(host)
    except Unavailable as error:
        if not error.cure:
            pytest.fail(f"{error}: Unavailable needs a cure")
        pytest.skip(str(error))
    return sink


def drawable(sink):
    return [f for f in sink.formats if f is not PixelFormat.JPEG]


def any_frame(sink, size=(16, 9), index=0):
    return make_frame(TargetSpec(*size, drawable(sink)[0]), index)


def test_what_the_class_declares(make, kind):
    sink = make()
    assert sink.kind == kind
    assert sink.policy in ("latest", "every")
    assert sink.thread in ("own", "render")
    assert drawable(sink)
    assert all(isinstance(f, PixelFormat) for f in sink.formats)
    assert not sink.is_open
    assert type(sink).__doc__
    assert sink.extras is not None, "declare its own options, or {}"
    assert all(doc for doc in sink.extras.values())
    with pytest.raises(UsageError, match="no option 'misspelt'"):
        check_options(sink, options_from({"misspelt": 1}))
    overrides = [name in vars(type(sink)) for name in ("slot", "commit")]
    assert overrides in ([True, True], [False, False])


def test_open_and_close_are_idempotent(sink, host):
    sink.open(host)
    assert sink.is_open
    sink.close()
    sink.close()
    assert not sink.is_open
    sink.open(host)
    sink.write(any_frame(sink))
    sink.close()


def test_closed_before_opened_is_harmless(make):
    sink = make()
    sink.close()
    sink.describe()
    sink.stats()
    sink.watched()
    sink.reconfigure(replace(sink.options, name="other"))
    assert sink.options.name == "other"


@pytest.mark.parametrize("size", SIZES)
def test_takes_every_size_in_every_format(sink, size):
    for fmt in drawable(sink):
        spec = TargetSpec(*size, fmt)
        if fmt is PixelFormat.RGBA16F:
            frame = make_frame(TargetSpec(size[0] * 2, size[1]))
            frame.info = replace(frame.info, spec=spec)
            frame.stamp()
        else:
            frame = make_frame(spec, index=3)
        before = frame.buffer.copy()
        sink.write(frame)
        assert np.array_equal(before, frame.buffer), "a sink wrote to a frame"


def test_sizes_change_from_frame_to_frame(sink):
    for n in range(30):
        sink.write(any_frame(sink, (1 + n * 7 % 40, 1 + n * 11 % 30), n))


def test_frames_are_given_back(sink):
    frame = any_frame(sink)
    sink.write(frame)
    sink.close()
    assert frame._holds == 1


def test_reconfigure_while_open(sink):
    for change in ({"size": "8x8"}, {"name": "renamed"}, {"flip": 1}, {"fps": 30}, {"crop": "4x4+1+1@8x8"}):
        options = options_from(change, sink.options)
        sink.reconfigure(options)
        assert sink.options == options
        sink.write(any_frame(sink))
        spec = target_spec(sink, options, (64, 36))
        sink.write(make_frame(spec) if spec.format is not PixelFormat.RGBA16F else any_frame(sink))
    assert "renamed" in json.dumps(sink.describe()) or sink.name == "renamed"


def test_slots(sink):
    """Drawn into directly, in any order of begun, unfinished and committed."""
    spec = TargetSpec(16, 9, drawable(sink)[0])
    sink.reconfigure(options_from({"size": "16x9"}, sink.options))
    for n in range(12):
        buffer = sink.slot(spec)
        if buffer is None:
            sink.write(any_frame(sink, index=n))
            continue
        assert buffer.dtype == np.uint8
        assert buffer.shape == (64 + spec.pixel_bytes,)
        frame = make_frame(spec, n)
        buffer[:] = frame.buffer
        if n % 3:
            sink.commit(frame)


def test_reports_are_plain_values(sink):
    for report in (sink.stats, sink.describe):
        for _ in range(2):
            json.dumps(report())
            msgpack.packb(report())
            sink.write(any_frame(sink))
    assert isinstance(sink.watched(), bool)
    assert isinstance(sink.name, str)


def test_a_life_inside_the_publisher(make, host):
    """Frames, changes and close at any moment, from another thread, while it writes."""
    publisher = Publisher(host)
    sink = make()
    try:
        lane_id = publisher.add(sink)
    except Unavailable as error:
        pytest.skip(str(error))
    index = 0

    def frame():
        nonlocal index
        plan = publisher.plan(host.clock.now())
        for target in plan:
            target.pixels[:] = index % 256
        publisher.publish(plan, index, index, 0)
        index += 1
        host.clock.advance(1 / 60)

    def act():
        for n in range(20):
            publisher.set(lane_id, {"size": f"{8 + n}x{9 + n}", "name": f"n{n % 3}"})
            json.dumps(publisher.list())
        publisher.close(lane_id)

    frame()
    thread = threading.Thread(target=act)
    thread.start()
    while thread.is_alive():
        frame()
        thread.join(0.0005)
    assert not sink.is_open
    assert [d["event"] for t, d in host.events if t == "output" and "id" in d] == ["open", *["set"] * 20, "close"]
    publisher.close_all()


def test_stub_source_keeps_its_contract(host):
    source = StubSource()
    source.close()
    for _ in range(2):
        source.open(host)
        source.open(host)
        assert source.is_open
        source.close()
        source.close()
    assert not any(t.name == "morphogen-stub" for t in threading.enumerate())
    msgpack.packb([source.stats(), source.describe()])
    assert source.sinks() == ()


def test_stub_renderer_writes_every_byte():
    renderer = StubRenderer()
    for fmt in (PixelFormat.RGBA8, PixelFormat.BGRA8, PixelFormat.RGBA16F):
        spec = TargetSpec(5, 3, fmt)
        pixels = np.full(spec.pixel_bytes, 77, np.uint8)
        renderer.render(None, [(spec, pixels)])
        picture = pixels.view(np.float16 if fmt is PixelFormat.RGBA16F else np.uint8).reshape(3, 5, 4)
        assert np.all(picture[..., :3] == 0)
        assert np.all(picture[..., 3] == (1 if fmt is PixelFormat.RGBA16F else 255))
    renderer.close()
    renderer.close()


def test_every_sink_module_is_in_the_table():
    """A sink that nobody can name is no sink."""
    package = importlib.import_module("morphogen_bridges.sinks")
    folder = next(iter(package.__path__))
    named = {entry.target.partition(":")[0].rpartition(".")[2] for entry in registry.table("SINKS").values()}
    modules = {p.stem for p in Path(folder).glob("*.py")} - {"__init__"}
    assert {m for m in modules if not m.startswith("_")} - named == set()
