"""NDI, received by another binding in another process; and what happens where there is no runtime."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import eight_ports
from fakes import FakeHost, make_frame
from morphogen.app import App
from morphogen.config import build
from morphogen.contracts import Sink, SinkOptions
from morphogen.errors import Unavailable
from morphogen.frame import Alpha, PixelFormat, TargetSpec
from morphogen.publish import options_from
from morphogen_bridges import ndi_library, ndi_sender
from morphogen_bridges.ndi_library import VideoFrame, fourcc
from morphogen_bridges.ndi_sender import Sender, rate_of
from morphogen_bridges.probes import ndi as probe
from morphogen_bridges.probes.card import card, check
from morphogen_bridges.sinks.ndi import NdiSink
from ndi_room import Watcher
from waiting import until

SIZE = (160, 90)


def has_runtime() -> str:
    """'' or why NDI cannot be tried here."""
    pytest.importorskip("NDIlib", reason="ndi-python is not here: nobody to receive")
    try:
        ndi_library.load()
    except Unavailable as error:
        return str(error)
    return ""


@pytest.fixture
def name() -> str:
    if reason := has_runtime():
        pytest.skip(reason)
    return f"Morphogen test {os.getpid()} {os.urandom(3).hex()}"


class Witness(Sink):
    """Keeps the newest picture."""

    kind = "witness"
    thread = "render"

    def __init__(self) -> None:
        super().__init__()
        self.picture = np.zeros(0, np.uint8)

    def _open(self, host: Any) -> None:
        pass

    def _write(self, frame: Any) -> None:
        self.picture = frame.pixels.copy()

    def _close(self) -> None:
        pass


class Running:
    """A daemon that plays in a thread."""

    def __init__(self, base: int, out: str) -> None:
        given = {"size": "160x90", "fps": "30", "audio": "none", "port_base": str(base), "backend": "cpu"}
        self.app = App(build({**given, "threads": "1", "outs": ["-zmq", "-web", out]}))
        self.app.open()
        self.events: list[dict[str, Any]] = []
        self.app.instrument.subscribe(lambda topic, data: self.events.append(data) if topic == "output" else None)
        self.witness = Witness()
        self.app.instrument.publisher.add(self.witness)
        self.thread = threading.Thread(target=self.app.run)
        self.thread.start()

    def call(self, method: str, **arguments: Any) -> Any:
        return self.app.instrument.call(method, arguments).result(20)

    def row(self) -> dict[str, Any]:
        return next(row for row in self.call("output.list") if row["kind"] == "ndi")

    def close(self) -> None:
        self.app.instrument.loop.stop()
        self.thread.join(10)
        self.app.close()


@pytest.fixture(scope="module")
def daemon() -> Iterator[Running]:
    if reason := has_runtime():
        pytest.skip(reason)
    with contextlib.ExitStack() as claims:
        running = Running(eight_ports(claims), "ndi")
        yield running
        running.close()


@pytest.fixture
def show(daemon, name) -> Running:
    """The daemon with its NDI output as it was at the start, under a name of its own, and nobody watching."""
    daemon.events.clear()
    daemon.app.instrument.publisher.set("ndi", SinkOptions(name=name))
    return daemon


@pytest.fixture
def watch() -> Iterator[Any]:
    with contextlib.ExitStack() as stack:
        yield lambda name: stack.enter_context(Watcher(name))


@contextlib.contextmanager
def sending(sink: Sink, frames: Any) -> Iterator[None]:
    """Writes over and over again, thirty times a second, on a thread of its own as the publisher does."""
    ending = threading.Event()

    def work() -> None:
        while not ending.wait(1 / 30):
            sink.write(next(frames))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(20)
        assert not thread.is_alive(), "NDI did not take a picture for 20 s"


def forever(frame: Any) -> Iterator[Any]:
    while True:
        yield frame


def psnr(one: np.ndarray, two: np.ndarray) -> float:
    """The worst channel's, dB."""
    return float((10 * np.log10(255**2 / (np.square(one.astype(float) - two).mean(axis=(0, 1)) + 1e-9))).min())


# --- the running show


def test_the_show_is_received(show, name, watch, tmp_path):
    show.call("param.set", values={"output/freeze": True, "output/dither": False, "time/trail": 0})
    assert show.row()["source"].endswith(f"({name})")
    written = show.row()["written"]
    index = show.app.instrument.loop.index
    until(lambda: show.app.instrument.loop.index > index + 5, "five more frames")
    assert (show.row()["watched"], show.row()["written"]) == (False, written), "nobody watches: nothing is drawn for it"
    watcher = watch(name)
    assert watcher.found() == show.row()["source"]
    frame = watcher.next_frame()
    assert (frame["width"], frame["height"], frame["rate"], frame["fourcc"]) == (*SIZE, "30/1", "RGBX")
    picture = watcher.shot(tmp_path / "show.npy")
    assert np.ptp(picture[..., :3]) > 50, "a picture, not a plain colour"
    assert psnr(picture[..., :3], show.witness.picture[..., :3]) > 30
    assert (show.row()["receivers"], show.row()["watched"], show.row()["error"]) == (1, True, "")
    show.call("param.set", values={"output/freeze": False})


def test_a_receiver_is_killed_and_another_comes(show, name, watch):
    watcher = watch(name)
    watcher.next_frame()
    watcher.kill()
    until(lambda: not show.row()["watched"], "the loss of the receiver")
    written, index = show.row()["written"], show.app.instrument.loop.index
    until(lambda: show.app.instrument.loop.index > index + 10, "ten more frames")
    assert show.row()["written"] <= written + 1, "nothing is drawn for nobody"
    watch(name).next_frame()
    assert show.row()["failed"] == 0


def test_another_size_while_it_runs(show, name, watch):
    watcher = watch(name)
    watcher.next_frame(width=160, height=90)
    resized = (
        ("output.set", {"id": "ndi", "options": {"size": "96x54"}}, (96, 54)),
        ("output.set", {"id": "ndi", "options": {"size": "show"}}, (160, 90)),
        ("show.set", {"size": "240x136"}, (240, 136)),
        ("output.set", {"id": "ndi", "options": {"crop": "64x32+10+10"}}, (64, 32)),
        ("show.set", {"size": "160x90"}, (64, 32)),
    )
    for method, arguments, size in resized:
        show.call(method, **arguments)
        watcher.next_frame(width=size[0], height=size[1])
    assert watcher.connects == 1, "it never had to connect again"


def test_another_name_and_rate_while_it_runs(show, name, watch):
    first = watch(name)
    first.next_frame()
    show.call("output.set", id="ndi", options={"name": f"{name} b", "fps": 15})
    second = watch(f"{name} b")
    assert second.next_frame()["rate"] == "15/1"
    assert show.row()["source"].endswith(f"({name} b)")
    assert show.row()["rate"] == "15"


def test_tally(show, name, watch):
    watcher = watch(name)
    watcher.next_frame()
    told: list[dict[str, Any]] = show.events
    for lights, word in (({"preview": True}, "preview"), ({"program": True}, "program"), ({}, "off")):
        watcher.tally(**lights)
        until(lambda word=word: show.row()["tally"] == word, word)
    watcher.tally(program=True)
    until(lambda: show.row()["tally"] == "program", "program")
    watcher.kill()
    until(lambda: show.row()["tally"] == "off", "off, since nobody is there")
    words = [event["tally"] for event in told if event["event"] == "tally"]
    assert words == ["preview", "program", "off", "program", "off"]
    assert {event["name"] for event in told if event["event"] == "tally"} == {name}


def test_closed_and_opened_while_somebody_receives(show, name, watch):
    watcher = watch(name)
    watcher.next_frame()
    show.call("output.close", id="ndi")
    assert not [row for row in show.call("output.list") if row["kind"] == "ndi"]
    show.call("output.open", kind="ndi", options={"name": name})
    watcher.kill()
    watch(name).next_frame()


# --- the sink alone


@pytest.mark.parametrize("pixel_format", [PixelFormat.RGBA8, PixelFormat.BGRA8])
@pytest.mark.parametrize("alpha", [Alpha.STRAIGHT, Alpha.OPAQUE])
def test_the_card_comes_back(name, host, watch, tmp_path, pixel_format, alpha):
    sink = NdiSink(SinkOptions(name=name, alpha=alpha.name.lower()))
    sink.open(host)
    sent = card((320, 180), pixel_format, alpha, index=77)
    with sending(sink, forever(sent)):
        watcher = watch(name)
        assert watcher.next_frame()["fourcc"] == ("RGBA" if alpha is Alpha.STRAIGHT else "RGBX")
        verdict = check(watcher.shot(tmp_path / "card.npy"), sent)
    sink.close()
    assert verdict.faults() == []
    assert verdict.index == 77
    assert min(verdict.psnr) > 30
    assert sent._holds == 1, "given back"


def test_a_receiver_that_hangs_holds_up_nobody(name, host, watch):
    sink = NdiSink(SinkOptions(name=name))
    sink.open(host)
    written = 0

    def counted() -> Iterator[Any]:
        nonlocal written
        for index in range(1_000_000):
            written = index
            yield make_frame(TargetSpec(640, 360), index)

    watcher = watch(name)
    with sending(sink, counted()):
        watcher.next_frame()
        os.kill(watcher.process.pid, signal.SIGSTOP)
        before = written
        until(lambda: written > before + 30, "a second of pictures")
    sink.close()  # while it hangs
    os.kill(watcher.process.pid, signal.SIGCONT)
    assert not sink.is_open


def test_the_program_may_end_without_closing(name):
    """Whoever forgets to close, or crashes: no hang, no crash at the end of the interpreter."""
    code = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from fakes import FakeHost, make_frame\n"
        "from morphogen.contracts import SinkOptions\n"
        "from morphogen.frame import TargetSpec\n"
        "from morphogen_bridges.sinks.ndi import NdiSink\n"
        f"sink = NdiSink(SinkOptions(name={name!r})); sink.open(FakeHost())\n"
        "for n in range(30): sink.write(make_frame(TargetSpec(64, 36), n))\n"
        "print(sink.stats()['sent'])\n"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=root, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "30\n", "")


def test_default_names(host):
    assert NdiSink().name == "Morphogen"
    assert NdiSink(SinkOptions(name="left wall")).name == "left wall"
    assert NdiSink().describe()["source"] == ""


@pytest.mark.parametrize(
    ("fps", "rate"),
    [(60, "60"), (30.0, "30"), (59.94, "60000/1001"), (29.97, "30000/1001"), (23.976, "24000/1001"),
     (119.88, "120000/1001"), (50, "50"), (12.5, "25/2"), (61.3, "613/10")],
)  # fmt: skip
def test_rates(fps, rate):
    assert rate_of(fps) == Fraction(rate)


@pytest.mark.parametrize(
    ("show", "wanted", "told"), [(60, 0, "60"), (60, 30, "30"), (30, 60, "30"), (0, 0, "60"), (0, 25, "25")]
)
def test_the_rate_that_receivers_are_told(show, wanted, told):
    host = FakeHost()
    host.show_fps = show
    sink = NdiSink(SinkOptions(fps=wanted))
    sink._host = host
    assert sink.describe()["rate"] == told


# --- without a runtime, and with one that refuses


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """A machine without NDI."""
    monkeypatch.setattr(ndi_library, "PACKAGE", "no_such_package_as_this")
    monkeypatch.setattr(ndi_library, "LINUX_FILES", ("libno_such_ndi.so",))
    monkeypatch.setattr(sys, "platform", "linux")
    for variable in ndi_library.RUNTIME_FOLDERS:
        monkeypatch.delenv(variable, raising=False)
    ndi_library.load.cache_clear()
    yield tmp_path
    ndi_library.load.cache_clear()


def test_no_runtime(nowhere, host):
    sink = NdiSink()
    with pytest.raises(Unavailable, match="the NDI runtime is not installed") as caught:
        sink.open(host)
    assert caught.value.cure == 'pip install "morphogen[ndi]" brings it; or install NDI Tools from ndi.video.'
    assert not sink.is_open
    sink.close()
    with pytest.raises(Unavailable, match="not installed"):
        probe.probe()


def test_a_broken_runtime(nowhere, monkeypatch):
    monkeypatch.setenv("NDI_RUNTIME_DIR_V6", str(nowhere))
    (nowhere / "libno_such_ndi.so").write_text("this is no library")
    with pytest.raises(Unavailable, match=r"the NDI runtime cannot be loaded: .*libno_such_ndi\.so: ") as caught:
        ndi_library.load()
    assert caught.value.cure == 'Try pip install -U "morphogen[ndi]".'


def test_where_the_runtime_is_looked_for(monkeypatch, tmp_path):
    package = tmp_path / "cyndilib"
    (package / "wrapper" / "bin" / "x86_64-linux-gnu").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    inside = package / "wrapper" / "bin" / "x86_64-linux-gnu" / "libndi.so"
    inside.write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "cyndilib", raising=False)
    monkeypatch.setenv("NDI_RUNTIME_DIR_V6", "/opt/ndi")
    monkeypatch.delenv("NDI_RUNTIME_DIR_V5", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert list(ndi_library._candidates()) == [
        str(inside), "/opt/ndi/libndi.so", "/opt/ndi/libndi.so.6", "/opt/ndi/libndi.so.5",
        "libndi.so", "libndi.so.6", "libndi.so.5",
    ]  # fmt: skip
    monkeypatch.setattr(sys, "platform", "win32")
    windows = list(ndi_library._candidates())
    assert windows[-1] == "Processing.NDI.Lib.x64.dll"
    assert windows[0].endswith("Processing.NDI.Lib.x64.dll")


class FakeRuntime:
    """Notes the order of calls. `stuck`: the runtime does not come back from a look at the receivers."""

    def __init__(self, handle: int | None = 7) -> None:
        self.calls: list[str] = []
        self.handle = handle
        self.stuck = threading.Event()
        self.stuck.set()
        self.askers: set[threading.Thread] = set()
        self.videos: list[VideoFrame] = []

    def send_create(self, settings: Any) -> int | None:
        self.calls.append("create")
        return self.handle

    def send_get_source_name(self, handle: int) -> Any:
        return types.SimpleNamespace(contents=types.SimpleNamespace(name=b"HERE (x)"))

    def send_get_no_connections(self, handle: int, wait: int) -> int:
        self.askers.add(threading.current_thread())
        self.stuck.wait(20)
        return 0

    def send_get_tally(self, handle: int, lights: Any, wait: int) -> bool:
        return False

    def send_send_video_async_v2(self, handle: int, video: Any) -> None:
        self.calls.append("flush" if video is None else "send")
        if video is not None:
            self.videos.append(VideoFrame.from_buffer_copy(video._obj))

    def send_destroy(self, handle: int) -> None:
        assert not any(thread.is_alive() for thread in self.askers), "still asked about it"
        self.calls.append("destroy")


def test_the_order_of_the_end():
    runtime = FakeRuntime()
    sender = Sender(runtime, "x", lambda word: None)
    frames = [make_frame(TargetSpec(6, 4), n) for n in range(3)]
    for frame in frames:
        sender.send(frame, Fraction(60000, 1001))
    assert [frame._holds for frame in frames] == [1, 1, 2], "the last one is still being read"
    video = runtime.videos[-1]
    assert (video.width, video.height, video.row_bytes, video.rate_n, video.rate_d) == (6, 4, 24, 60000, 1001)
    assert (video.data, video.fourcc) == (frames[2].pixels.ctypes.data, fourcc("RGBX"))
    sender.close()
    sender.close()
    assert runtime.calls == ["create", "send", "send", "send", "flush", "destroy"]
    assert frames[2]._holds == 1


def test_a_runtime_that_hangs_is_left_behind(monkeypatch, caplog):
    monkeypatch.setattr(ndi_sender, "PATIENCE", 0.05)
    runtime = FakeRuntime()
    runtime.stuck.clear()
    sender = Sender(runtime, "x", lambda word: None)
    sender.close()
    assert "destroy" not in runtime.calls, "what is in use is not destroyed"
    assert "the sender HERE (x) is left behind" in caplog.text
    runtime.stuck.set()


def test_no_sender(monkeypatch, host):
    monkeypatch.setattr("morphogen_bridges.sinks.ndi.load", lambda: FakeRuntime(handle=None))
    sink = NdiSink(SinkOptions(name="x"))
    with pytest.raises(Unavailable, match="NDI made no sender called 'x'") as caught:
        sink.open(host)
    assert caught.value.cure == "Give another one: --out ndi:name=NAME."
    assert not sink.is_open


def test_a_name_is_had_once_and_free_again(name, host):
    first, second = NdiSink(SinkOptions(name=name)), NdiSink(SinkOptions(name=name))
    first.open(host)
    with pytest.raises(Unavailable, match="another program of this machine sends under that name"):
        second.open(host)
    first.close()
    second.open(host)
    second.close()


def test_a_name_that_cannot_be_taken_on(monkeypatch, host):
    runtimes = [FakeRuntime(), FakeRuntime(handle=None)]
    monkeypatch.setattr("morphogen_bridges.sinks.ndi.load", lambda: runtimes.pop(0))
    sink = NdiSink(SinkOptions(name="old"))
    sink.open(host)
    with pytest.raises(Unavailable, match="NDI made no sender called 'new'"):
        sink.reconfigure(options_from({"name": "new"}, sink.options))
    assert sink.name == "old"
    sink.write(make_frame(TargetSpec(6, 4)))
    assert sink.stats()["sent"] == 1
    sink.close()


# --- the doctor


def test_the_probe_works_here(name):
    found = probe.probe()
    assert found.status == "works", found.summary
    assert "colour, flip, alpha and size right" in found.summary


def test_the_probe_says_what_fails(name, monkeypatch):
    monkeypatch.setattr(probe, "SECONDS", 0.3)
    monkeypatch.setattr("morphogen_bridges.ndi_receiver.Finder.find", lambda *_: None)
    found = probe.probe()
    assert (found.status, found.cure) == ("failed", probe.FIREWALL)
    assert found.summary.endswith("but the source was not found on this machine within 0.3 s")
