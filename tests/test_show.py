"""The show changes its size and its backend while it runs: no index is lost, nothing is left behind."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from morphogen.app import App
from morphogen.config import build
from morphogen.contracts import Sink
from morphogen.errors import StateError, UsageError
from morphogen.frame import PixelFormat
from morphogen.render import BACKENDS, create
from morphogen.stats import resident_mb

SIZES = ("160x90", "96x54", "90x160", "33x17")


class Witness(Sink):
    """Keeps what every header says, and how bright each picture is."""

    kind = "witness"
    policy = "every"
    thread = "render"
    formats = (PixelFormat.RGBA8,)

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, int, int, float]] = []

    def _open(self, host) -> None:
        pass

    def _write(self, frame) -> None:
        spec = frame.info.spec
        self.seen.append((frame.info.index, spec.width, spec.height, float(frame.pixels[..., :3].mean())))

    def _close(self) -> None:
        pass


class Running:
    """A daemon that plays in a thread."""

    def __init__(self, base: int, **more) -> None:
        given = {"size": SIZES[0], "audio": "none", "port_base": str(base), "backend": "cpu", "threads": "1"}
        self.app = App(build({**given, **more}))
        self.app.open()
        self.witness = Witness()
        self.app.instrument.publisher.add(self.witness)
        self.thread = threading.Thread(target=self.app.run)
        self.thread.start()

    def call(self, method: str, **arguments):
        return self.app.instrument.call(method, arguments).result(20)

    def close(self) -> None:
        self.app.instrument.loop.stop()
        self.thread.join(10)
        self.app.close()


@pytest.fixture
def show(port_base, tmp_path, monkeypatch) -> Iterator[Running]:
    monkeypatch.setenv("MORPHOGEN_HOME", str(tmp_path))
    running = Running(port_base)
    yield running
    running.close()


def usable() -> list[str]:
    """Backends that this machine has."""
    found = []
    for name in BACKENDS:
        try:
            create(name, 1).close()
        except Exception as error:  # noqa: BLE001
            print(f"without {name}: {error}")
        else:
            found.append(name)
    return found


def settled(show: Running, count: int = 5) -> tuple[int, int, int, float]:
    """The newest frame after `count` more."""
    start = len(show.witness.seen)
    while len(show.witness.seen) < start + count:
        time.sleep(0.01)
    return show.witness.seen[-1]


def test_a_new_size_from_one_frame_to_the_next(show):
    settled(show)
    answer = show.call("show.set", size="96x54")
    assert answer == show.call("show.get")
    assert (answer["size"], answer["backend"]) == ("96x54", "cpu")
    assert "cpu" in answer["backends"]
    assert settled(show)[1:3] == (96, 54)
    assert show.app.instrument.stats()["size"] == "96x54"
    widths = {row["id"]: (row["width"], row["height"]) for row in show.call("output.list")}
    assert widths["zmq"] == (96, 54)
    indices = [index for index, *_ in show.witness.seen]
    assert indices == list(range(indices[0], indices[0] + len(indices)))


@pytest.mark.parametrize("size", ["0x9", "big", "99999x10"])
def test_a_size_that_cannot_be_changes_nothing(show, size):
    with pytest.raises(UsageError, match="size"):
        show.call("show.set", size=size)
    assert settled(show)[1:3] == (160, 90)


def test_outputs_with_a_size_of_their_own_keep_it(show):
    show.call("output.open", kind="null", options={"size": "64x64"})
    show.call("output.open", kind="null", options={"crop": "100x50+60+40"})
    show.call("show.set", size="120x60")
    sizes = {row["id"]: (row["width"], row["height"]) for row in show.call("output.list")}
    assert (sizes["null"], sizes["null-2"]) == ((64, 64), (100, 50))
    assert settled(show)[1:3] == (120, 60)
    assert show.app.instrument.loop.stats.errors == 0


def test_a_backend_that_is_not_there_changes_nothing(show):
    with pytest.raises(UsageError, match="there is no backend 'vulkan'"):
        show.call("show.set", backend="vulkan")
    assert show.app.instrument.stats()["backend"] == "cpu"


def test_a_part_of_a_wall_keeps_its_size(port_base, tmp_path, monkeypatch):
    monkeypatch.setenv("MORPHOGEN_HOME", str(tmp_path))
    show = Running(port_base, size="80x90", region="0,0,80,90@160x90")
    try:
        with pytest.raises(StateError, match="part of a larger canvas"):
            show.call("show.set", size="96x54")
    finally:
        show.close()


@pytest.mark.parametrize("count", [120, pytest.param(501, marks=pytest.mark.soak)])
@pytest.mark.timeout(600)
def test_hundreds_of_changes_of_backend_size_and_style(show, count):
    """Each backend of this machine, four sizes and all styles in turn while frames run: every index arrives, no frame
    is black, memory and threads stay."""
    backends = usable()
    names = show.call("bank.list")["slots"]
    rss, threads, files = [], [], []
    for change in range(count):
        kind = change % 3
        if kind == 0:
            show.call("show.set", backend=backends[change // 3 % len(backends)])
        elif kind == 1:
            show.call("show.set", size=SIZES[change // 3 % len(SIZES)])
        else:
            show.call("style.load", name=names[change // 3 % len(names)], seconds=0.0)
        if change % (count // 3) == count // 3 - 1:
            show.call("show.set", backend="cpu")
            settled(show, 3)
            gc.collect()
            rss.append(resident_mb())
            threads.append(threading.active_count())
            files.append(len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0)
    indices, brightness = ([row[i] for row in show.witness.seen] for i in (0, 3))
    assert indices == list(range(indices[0], indices[0] + len(indices)))
    assert min(brightness) > 0
    assert show.app.instrument.loop.stats.errors == 0
    assert threads[-1] <= threads[0] + 2, threads  # a pool may have begun its thread late
    assert files[-1] <= files[0] + 8, files
    assert rss[-1] - rss[0] < 100, rss  # caches and loaded code: it settles after some 400 changes, give or take 30 MB
    assert len({row[1:3] for row in show.witness.seen}) == len(SIZES)
    print(f"\n{len(indices)} frames over {', '.join(backends)}; memory {rss} MB; threads {threads}; open files {files}")
