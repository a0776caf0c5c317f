"""One contract for Spout, Syphon and TouchDesigner's memory, over stand-ins that refuse what the real ones refuse.

The stand-ins keep what a real machine would answer with a crash or a black picture; every test ends by asking that they
kept nothing, and that nothing is left open.
"""

from __future__ import annotations

import gc
import json
import logging
import random
import threading
import time

import numpy as np
import pytest

from drawing import scene
from fakes import FakeHost, make_frame
from morphogen.clock import ManualClock
from morphogen.errors import StateError, Unavailable, UsageError
from morphogen.frame import Alpha, PixelFormat, TargetSpec
from morphogen.lane import FAILURES
from morphogen.publish import Publisher, check_options, options_from
from morphogen.render.numpy import NumpyRenderer
from morphogen.sink_options import target_spec
from morphogen.stats import resident_mb
from morphogen_bridges.probes.card import card, check
from texture_rigs import RIGS, Rig, descriptors

KINDS = ["spout", "syphon", "tdshm"]
CRASH = RuntimeError  # what a driver throws here


@pytest.fixture(params=RIGS)
def rig(request, monkeypatch, silent):
    """Checked at the end: no offence, nothing left."""
    yield from checked_rig(request.param, monkeypatch)


@pytest.fixture(params=KINDS)
def plain(request, monkeypatch, silent):
    """The same without the backend's textures, for what happens off the render thread."""
    yield from checked_rig(request.param, monkeypatch)


@pytest.fixture
def silent(monkeypatch):
    """No log of failures: pytest keeps its records, those their tracebacks, and those what they passed through."""
    monkeypatch.setattr(logging.getLogger("morphogen.outputs"), "disabled", True)


def checked_rig(name, monkeypatch):
    rig = RIGS[name](monkeypatch)
    yield rig
    left = rig.left()
    assert rig.world.offences == []
    assert left == {}


@pytest.fixture
def opened(rig, host):
    """A factory of open sinks, closed afterwards."""
    made = []

    def factory(**options):
        made.append(rig.make(**options))
        made[-1].open(host)
        return made[-1]

    yield factory
    for sink in made:
        sink.close()


def rgba(frame):
    pixels = frame.pixels
    return pixels if frame.info.spec.format is PixelFormat.RGBA8 else pixels[..., [2, 1, 0, 3]]


# --- names


def test_the_first_is_called_morphogen(rig, opened):
    sink = opened()
    sink.write(make_frame(TargetSpec(8, 4)))
    assert sink.name == sink.describe()["name"] == "Morphogen"
    assert rig.senders() == ["Morphogen"]


def test_several_with_names_and_sizes_of_their_own(rig, opened):
    frames = {name: make_frame(TargetSpec(*size), n) for n, (name, size) in enumerate(
        {"left": (8, 4), "right": (6, 10), "all": (31, 3)}.items())}  # fmt: skip
    sinks = {name: opened(name=name) for name in frames}
    for name, frame in frames.items():
        sinks[name].write(frame)
    assert rig.senders() == ["all", "left", "right"]
    for name, frame in frames.items():
        assert np.array_equal(rig.seen(name), rgba(frame))
    sinks["left"].close()
    assert rig.senders() == ["all", "right"]
    assert np.array_equal(rig.seen("right"), rgba(frames["right"]))


def test_another_name_while_running(rig, opened):
    sink = opened()
    frame = make_frame(TargetSpec(8, 4))
    sink.write(frame)
    sink.reconfigure(options_from({"name": "other"}, sink.options))
    sink.write(frame)
    assert rig.senders() == ["other"]
    assert np.array_equal(rig.seen("other"), rgba(frame))
    assert "other" in json.dumps(sink.describe())


def test_the_publisher_names_the_second_after_its_id(plain, host):
    publisher = Publisher(host)
    ids = [publisher.open(plain.kind, {}, plain.cls) for _ in range(2)]
    assert [row["name"] for row in publisher.list()] == ["Morphogen", f"Morphogen-{plain.kind}-2"]
    assert ids == [plain.kind, f"{plain.kind}-2"]
    publisher.close_all()


# --- pictures


@pytest.mark.parametrize("order", [PixelFormat.RGBA8, PixelFormat.BGRA8])
@pytest.mark.parametrize("size", [(48, 24), (161, 91), (90, 160)])
def test_colours_arrive_as_they_are(rig, opened, order, size):
    sink = opened(format=order.name.lower())
    sent = card(size, order)
    sink.write(sent)
    verdict = check(rig.seen(), sent)
    assert verdict.faults() == []
    assert min(verdict.psnr) == 99.0


def test_the_best_format_is_the_default(rig):
    sink = rig.make()
    wanted = {"spout": PixelFormat.RGBA8, "syphon": PixelFormat.BGRA8, "tdshm": PixelFormat.RGBA8}[rig.kind]
    assert target_spec(sink, sink.options, (64, 36)).format is wanted
    assert set(sink.formats) == {PixelFormat.RGBA8, PixelFormat.BGRA8}
    with pytest.raises(UsageError, match="cannot send format=rgba16f"):
        check_options(sink, options_from({"format": "rgba16f"}))


@pytest.mark.parametrize("alpha", list(Alpha))
def test_alpha_arrives_untouched_and_is_told(rig, opened, alpha):
    sink = opened(alpha=alpha.name.lower())
    sent = card((96, 54), sink.formats[0], alpha)
    sink.write(sent)
    assert check(rig.seen(), sent).faults() == []
    assert sink.describe()["alpha"] == alpha.name.lower()


def test_opaque_unless_told_otherwise(rig):
    sink = rig.make()
    assert target_spec(sink, sink.options, (64, 36)).alpha is Alpha.OPAQUE
    assert sink.describe()["alpha"] == "opaque"


def drawn(sink, size=(48, 27)):
    """A frame as the backend draws it for this sink."""
    frame = make_frame(target_spec(sink, sink.options, size))
    NumpyRenderer().render(scene(), [(frame.info.spec, frame.buffer[64:])])
    return frame


def test_flip_turns_it_upside_down_and_back(rig, opened):
    upright = opened(name="up")
    flipped = opened(name="down", flip=1)
    for sink in (upright, flipped):
        sink.write(drawn(sink))
    up, down = rig.seen("up"), rig.seen("down")
    assert not np.array_equal(up, down)
    assert np.array_equal(up, down[::-1])


def test_sizes_change_without_a_new_sender(rig, opened):
    sink = opened()
    for n, size in enumerate([(64, 36), (640, 360), (3, 5), (64, 36), (1, 1), (641, 2), (1280, 720)]):
        frame = make_frame(TargetSpec(*size), n)
        sink.write(frame)
        assert np.array_equal(rig.seen(), rgba(frame))
        assert rig.senders() == ["Morphogen"]
    assert rig.made() == 1


def test_the_format_changes_while_running(rig, opened):
    sink = opened()
    for order in (PixelFormat.RGBA8, PixelFormat.BGRA8, PixelFormat.RGBA8):
        sink.reconfigure(options_from({"format": order.name.lower()}, sink.options))
        sent = card((64, 36), order)
        sink.write(sent)
        assert check(rig.seen(), sent).faults() == []
    assert rig.senders() == ["Morphogen"]


def test_crops_of_different_sizes_meet_without_a_seam(plain, host):
    """Two outputs of one canvas and the whole: the same pixels, whoever draws them."""
    canvas = FakeHost(size=(90, 40))
    publisher = Publisher(canvas)
    for name, crop in (("left", "37x40+0+0"), ("right", "53x40+37+0"), ("all", "90x40+0+0")):
        publisher.open(plain.kind, {"name": name, "crop": crop}, plain.cls)
    renderer = NumpyRenderer()
    plan = publisher.plan(canvas.clock.now())
    renderer.render(scene(), [(target.spec, target.pixels) for target in plan])
    publisher.publish(plan, 0, 0, 0)
    settle(publisher, 3)
    left, right, whole = (plain.seen(name) for name in ("left", "right", "all"))
    assert (left.shape, right.shape) == ((40, 37, 4), (40, 53, 4))
    assert np.array_equal(np.concatenate([left, right], axis=1), whole)
    assert whole[..., :3].std() > 5, "a picture, not a plain surface"
    publisher.close_all()


def settle(publisher, written):
    """Wait until the workers have written so many pictures in all."""
    for _ in range(2000):
        if sum(row["written"] + row["failed"] for row in publisher.list()) >= written:
            return
        threading.Event().wait(0.002)
    raise AssertionError(publisher.list())


# --- life


def test_closing_twice_and_opening_again(rig, opened, host):
    sink = opened()
    frame = make_frame(TargetSpec(8, 4))
    for _ in range(3):
        sink.write(frame)
        assert rig.senders() == ["Morphogen"]
        sink.close()
        sink.close()
        assert rig.senders() == []
        sink.describe()
        sink.stats()
        sink.watched()
        sink.open(host)


def test_opened_and_closed_without_a_picture(opened, rig):
    for name in ("a", "b"):
        opened(name=name).close()
    assert rig.senders() == []


def test_a_crash_in_the_driver_is_the_callers_and_the_next_picture_goes_through(rig, opened):
    sink = opened()
    frame = make_frame(TargetSpec(8, 4))
    for _ in range(3):
        rig.crash()
        with pytest.raises(RuntimeError, match="fell over"):
            sink.write(frame)
        sink.write(frame)
        assert np.array_equal(rig.seen(), rgba(frame))


def test_after_a_crash_it_can_be_closed_and_opened(rig, opened, host):
    sink = opened()
    rig.crash()
    with pytest.raises(RuntimeError):
        sink.write(make_frame(TargetSpec(8, 4)))
    sink.close()
    assert rig.senders() == []
    sink.open(host)
    sink.write(make_frame(TargetSpec(8, 4)))
    assert rig.senders() == ["Morphogen"]


def test_what_cannot_be_opened_says_why_and_leaves_nothing(rig, host):
    rig.refuse_opening()
    sink = rig.make()
    with pytest.raises((Unavailable, OSError)) as caught:
        sink.open(host)
    if isinstance(caught.value, Unavailable):
        assert caught.value.cure
    assert not sink.is_open
    assert rig.senders() == []


def test_a_frame_is_neither_kept_nor_changed(rig, opened):
    sink = opened()
    frame = make_frame(TargetSpec(16, 9))
    before = frame.buffer.copy()
    sink.write(frame)
    assert frame._holds == 1
    frame.pixels[:] = 7
    assert not (rig.seen() == 7).all(), "receivers see what was sent, not what the buffer holds now"
    assert np.array_equal(before[:64], frame.buffer[:64])


# --- in the show


def test_made_used_and_released_by_its_own_worker(plain, host):
    """Opened by one thread, changed by another, closed by a third: the driver only ever meets one."""
    publisher = Publisher(host)
    lane = publisher.open(plain.kind, {"size": "16x9"}, plain.cls)
    show(publisher, host, 3)
    steps = (
        lambda: publisher.set(lane, {"size": "32x18"}), lambda: publisher.set(lane, {"name": "renamed"}),
        lambda: publisher.set(lane, {"flip": 1, "format": "bgra8"}), lambda: publisher.close(lane),
    )  # fmt: skip
    for n, step in enumerate(steps):
        thread = threading.Thread(target=step)
        thread.start()
        while thread.is_alive():
            show(publisher, host, 1)
            thread.join(0.001)
        if n < 3:
            before = publisher.list()[0]["written"]
            while publisher.list()[0]["written"] == before:
                show(publisher, host, 1)
    assert plain.senders() == []
    events = [event for topic, event in host.events if topic == "output"]
    assert [event["event"] for event in events] == ["open", "set", "set", "set", "close"]
    publisher.close_all()


def show(publisher, host, frames):
    for _ in range(frames):
        plan = publisher.plan(host.clock.now())
        for target in plan:
            target.pixels[:] = 99
        publisher.publish(plan, 0, 0, 0)
        host.clock.advance(1 / 60)
        threading.Event().wait(0.0005)


def test_ten_crashes_and_it_rests_and_starts_afresh(plain, host):
    publisher = Publisher(host)
    publisher.open(plain.kind, {"size": "16x9"}, plain.cls)
    show(publisher, host, 2)
    plain.crash(FAILURES)
    while publisher.list()[0]["failed"] < FAILURES:
        show(publisher, host, 1)
    assert publisher.list()[0]["state"] == "failed"
    host.clock.advance(2)
    while publisher.list()[0]["state"] != "running":
        show(publisher, host, 1)
    assert plain.senders() == ["Morphogen"]
    assert [e["event"] for t, e in host.events if t == "output"] == ["open", "failed", "recovered"]
    publisher.close_all()


# --- the package is missing, or the system is another


@pytest.mark.parametrize(
    ("kind", "platform", "words"),
    [
        ("spout", "linux", "Windows only"), ("spout", "darwin", "--out syphon"),
        ("spout", "win32", 'pip install "morphogen\\[spout\\]"'),
        ("syphon", "linux", "macOS only"), ("syphon", "win32", "--out spout"),
        ("syphon", "darwin", 'pip install "morphogen\\[syphon\\]"'),
        ("tdshm", "linux", "Windows only.*--out shm"),
    ],
)  # fmt: skip
def test_what_is_missing_and_what_to_do(kind, platform, words, monkeypatch, host):
    if kind != "tdshm":
        monkeypatch.setattr("sys.platform", platform)
    with pytest.raises(Unavailable, match=words) as caught:
        RIGS[kind].cls(options_from({})).open(host)
    assert caught.value.cure


# --- ten minutes of everything


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seconds", [4, pytest.param(600, marks=pytest.mark.soak)])
def test_open_resize_close_crash_without_a_leak(seconds, monkeypatch, capsys, silent):
    rigs = [RIGS[kind](monkeypatch) for kind in KINDS]
    run = Soak(rigs)
    run.play(1.0)  # what is made once: pools of memory, names, modules
    before = run.counts()
    run.play(seconds)
    after = run.counts()
    if seconds > 60:
        with capsys.disabled():
            print(f"\n{seconds} s: {run.done} before {before} after {after}")
    assert run.strange == []
    assert all(rig.world.offences == [] for rig in rigs)
    assert [rig.left() for rig in rigs] == [{}, {}, {}]
    assert after["threads"] <= before["threads"]
    assert after["files"] <= before["files"]
    assert after["mb"] - before["mb"] < 25, "10 minutes took 7"
    assert min(run.done.values()) > 3, "every act had its turn"


class Soak:
    """Random acts on outputs of all kinds at once, through the publisher, frames all the while."""

    SIZES = ("16x9", "160x90", "641x3", "320x180", "90x160", "1x1")

    def __init__(self, rigs: list[Rig]) -> None:
        self.rigs = rigs
        self.strange: list[BaseException] = []
        self.done = dict.fromkeys(("open", "size", "name", "close", "crash", "refused", "frame"), 0)
        self._random = random.Random(5)

    def counts(self) -> dict[str, float]:
        gc.collect()
        return {"threads": threading.active_count(), "files": descriptors(), "mb": round(resident_mb(), 1)}

    def play(self, seconds: float) -> None:
        """A show of that length, closed at its end. Another thread acts; this one draws."""
        host = Forgetful(size=(64, 36))
        publisher = Publisher(host)
        end = host.clock.now() + seconds * WallTime.SPEED
        thread = threading.Thread(target=lambda: self._acts(publisher, host.clock, end))
        thread.start()
        index = 0
        while thread.is_alive():
            plan = publisher.plan(host.clock.now())
            for target in plan:
                target.pixels[:] = index % 256
            publisher.publish(plan, index, index, 0)
            index += 1
            thread.join(0.002)
        publisher.close_all()
        self.done["frame"] += index

    def _acts(self, publisher, clock, end) -> None:
        while clock.now() < end:
            try:
                self._act(publisher, self._random.choice(self.rigs))
            except (StateError, Unavailable, CRASH):
                self.done["refused"] += 1
            except BaseException as error:  # noqa: BLE001  told at the end of the test
                self.strange.append(error)
                return
            threading.Event().wait(self._random.random() * 0.004)

    def _act(self, publisher, rig) -> None:
        running = [row["id"] for row in publisher.list()]
        act = self._random.choice(("open", "size", "name", "close", "crash"))
        if act == "crash":
            rig.crash()
        elif act == "open" or not running:
            if len(running) > 8:
                return
            act = "open"
            publisher.open(rig.kind, {"size": self._random.choice(self.SIZES)}, rig.cls)
        elif act == "close":
            publisher.close(self._random.choice(running))
        else:
            change = {"size": self._random.choice(self.SIZES)} if act == "size" else {"name": f"n{self.done['name']}"}
            publisher.set(self._random.choice(running), change)
        self.done[act] += 1


class Forgetful(FakeHost):
    """Keeps no list of what happened, which would look like a leak."""

    def __init__(self, **more) -> None:
        super().__init__(**more)
        self.clock = WallTime()

    def emit(self, topic, data) -> None:
        pass


class WallTime(ManualClock):
    """The show's time, faster than the wall's: the rests after crashes must pass."""

    SPEED = 20

    def now(self) -> float:
        return time.monotonic() * self.SPEED
