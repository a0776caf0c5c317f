"""The daemon as a whole in one process: opens, plays, closes without a trace, resumes."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from morphogen import cli
from morphogen.app import App, serve
from morphogen.config import Config, build
from morphogen.errors import MorphogenError, StateError, Unavailable, UsageError
from morphogen.ports import Ports
from morphogen.state import State, StateFile, state_path
from morphogen_bridges.clients.control import ControlClient
from morphogen_bridges.osc.codec import write_message

PROMISED = {"frames", "fps", "frame_ms", "late", "dropped", "backend", "size", "rss_mb", "osc"}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MORPHOGEN_HOME", str(tmp_path / "home"))


@pytest.fixture
def base(port_base: int) -> int:
    return port_base


def config(base: int, **more) -> Config:
    return build({"size": "64x36", "audio": "none", "port_base": str(base), "backend": "numpy", **more})


@pytest.fixture
def app(base) -> Iterator[App]:
    app = App(config(base))
    app.open()
    yield app
    app.close()


def frames(app: App, count: int = 3) -> None:
    for _ in range(count):
        app.instrument.loop.frame(time.perf_counter(), 1 / 60)
    assert app.instrument.loop.stats.errors == 0


def answer(app: App, method: str, **arguments):
    """Call, and play until it is answered."""
    future = app.instrument.call(method, arguments)
    answered = threading.Event()
    future.add_done_callback(lambda _: answered.set())
    for _ in range(2000):
        if answered.wait(0.01):
            return future.result(0)
        frames(app, 1)
    raise AssertionError("never answered")


def ours() -> set[threading.Thread]:
    return set(threading.enumerate())


def gone(before: set[threading.Thread]) -> list[str]:
    """Names of threads that are there since; those that were told to end get a moment."""
    for _ in range(200):
        left = [thread.name for thread in ours() - before if thread.is_alive()]
        if not left:
            break
        time.sleep(0.02)
    return left


def is_free(port: int, kind: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(kind == socket.SOCK_STREAM))
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def test_it_opens_plays_closes_and_opens_again_on_the_same_ports(base):
    before = ours()
    for _ in range(3):
        app = App(config(base))
        app.open()
        for port in (app.ports.http, app.ports.control, app.ports.frames):
            assert not is_free(port, socket.SOCK_STREAM)
        assert not is_free(app.ports.osc, socket.SOCK_DGRAM)
        frames(app, 5)
        assert app.instrument.loop.index == 5
        app.close()
        app.close()
        assert gone(before) == []
        assert is_free(app.ports.osc, socket.SOCK_DGRAM)


def test_it_plays_on_a_thread_and_stops_from_here(app):
    player = threading.Thread(target=app.run)
    player.start()
    app.instrument.call("ping").result(5)
    while app.instrument.loop.index < 5:
        time.sleep(0.01)
    assert app.instrument.call("style.load", {"name": "starter/ember", "seconds": 0}).result(20)["generation"] == 1
    app.instrument.call("shutdown").result(5)
    player.join(10)
    assert not player.is_alive()
    assert app.instrument.loop.state == "stopped"


@pytest.mark.parametrize("which", ["osc", "http", "control", "params", "events", "frames"])
def test_a_taken_port_is_an_error_with_a_cure_and_nothing_stays_open(base, which):
    before = ours()
    kind = socket.SOCK_DGRAM if which == "osc" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", getattr(Ports(base), which)))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        app = App(config(base))
        with pytest.raises(Unavailable) as caught:
            app.open()
        assert "--port-base" in caught.value.cure
        assert gone(before) == []
    app = App(config(base))  # all the other ports were given back
    app.open()
    app.close()


def test_a_start_that_fails_leaves_the_saved_state_alone(base):
    """A second instance by mistake must not wipe out the show of the first."""
    file = StateFile(state_path(str(base)))
    file.save(State(style="starter/ember", params={"view/zoom": 3.0}))
    before = file.path.read_bytes()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", Ports(base).http))
        taken.listen()
        with pytest.raises(Unavailable):
            serve(config(base), announce=lambda line: None)
    assert file.path.read_bytes() == before


def test_wrong_choices_are_usage_errors(base):
    before = ours()
    for out in ("tv", "png:colour=red", "shm:crop=1x1"):
        with pytest.raises(MorphogenError) as caught:
            serve(config(base, outs=[out]), announce=lambda line: None)
        assert caught.value.cure
        assert gone(before) == []
    with pytest.raises(MorphogenError, match="starter/nothing"):
        App(config(base, style="starter/nothing"))


# --- state


def test_resume_brings_back_what_the_last_run_left(base):
    app = App(config(base))
    app.open()
    answer(app, "param.set", values={"view/zoom": 2.5, "color/hue": 0.3})
    answer(app, "mod.set", routes=[{"source": "audio/bass", "target": "view/zoom", "amount": 0.2}])
    answer(app, "snapshot.store", slot=7)
    answer(app, "bank.set", slots=["starter/velvet", "starter/ember", "starter/amber"])
    answer(app, "style.load", name="starter/ember", seconds=0)
    app.close()
    assert StateFile(state_path(str(base))).load().style == "starter/ember"

    fresh = App(config(base))
    assert fresh.instrument.params.get("view/zoom") == 1.0
    fresh.instrument.close()

    again = App(config(base, resume=True))
    try:
        instrument = again.instrument
        assert instrument.stage.style.name == "starter/ember"
        assert instrument.stage.slot == 2
        assert instrument.params.get("view/zoom") == 2.5
        assert instrument.params.get("color/hue") == 0.3
        assert instrument.matrix.routes() == [
            {"source": "audio/bass", "target": "view/zoom", "amount": 0.2, "curve": "linear"}
        ]
        assert list(instrument.snapshots.list()) == ["7"]
        assert instrument.bank.names == ("starter/velvet", "starter/ember", "starter/amber")
    finally:
        again.close()


def test_a_named_style_beats_the_resumed_one(base):
    StateFile(state_path(str(base))).save(State(style="starter/ember"))
    app = App(config(base, resume=True, style="starter/amber"))
    assert app.instrument.stage.style.name == "starter/amber"
    app.instrument.close()


def test_a_state_that_is_partly_gone_is_resumed_as_far_as_it_goes(base, caplog):
    """A deleted style, a deleted track, unknown parameters, broken routes: the show starts all the same."""
    StateFile(state_path(str(base))).save(
        State(
            {"view/zoom": 2.0, "old/name": 1, "view/rotate": "much"}, [{"source": "gone", "target": "view/x"}],
            {"1": {"params": {"view/x": 1}}, "2": "nonsense"}, ["starter/ember"], "gone/style",
            "file:/nowhere/track.wav",
        )
    )  # fmt: skip
    app = App(build({"size": "64x36", "port_base": str(base), "backend": "numpy", "resume": True}))
    try:
        # The demo track would be the fallback: it plays here too, without a sound card.
        app.open()
        assert app.instrument.params.get("view/zoom") == 2.0
        assert app.instrument.audio.kind == "demo"
        assert list(app.instrument.snapshots.list()) == ["1"]
        assert app.instrument.bank.names == ("starter/ember",)
        frames(app)
        said = caplog.text
        assert "gone/style" in said
        assert "routes" in said
        assert "sound of the last run" in said
    finally:
        app.close()


def test_state_save_writes_at_once(app, tmp_path):
    app.instrument.params.set("view/zoom", 4)
    path = answer(app, "state.save")["path"]
    assert path.startswith(str(tmp_path))
    assert json.loads(Path(path).read_text())["params"]["view/zoom"] == 4


def test_a_page_hears_of_changes_made_over_osc_zeromq_and_the_command_line(app, base, capsys):
    def osc():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(write_message("/morphogen/snapshot/store", 3), ("127.0.0.1", base))

    def zeromq():
        with ControlClient(port=Ports(base).control) as client:
            client.call("mod.set", routes=[{"source": "audio/bass", "target": "view/zoom", "amount": 0.5}])

    def command_line():
        assert cli.run(["ctl", "--port-base", str(base), "audio", "osc"]) == 0

    async def page():
        async with aiohttp.ClientSession() as session, session.ws_connect(f"http://127.0.0.1:{base + 2}/ws") as ws:

            async def told(what, count):
                async for message in ws:
                    said = json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else {}
                    if "state" in said and said["state"]["changes"][what] == count:
                        return

            for change, what in ((osc, "snapshots"), (zeromq, "modulation"), (command_line, "sound")):
                await asyncio.wait_for(told(what, 0), 30)
                await asyncio.to_thread(change)
                await asyncio.wait_for(told(what, 1), 30)

    player = threading.Thread(target=app.run)
    player.start()
    try:
        asyncio.run(page())
    finally:
        app.instrument.loop.stop()
        player.join(10)


# --- audio and outputs


def tone(path, seconds: float = 2.0) -> str:
    samples = (np.sin(np.arange(int(44_100 * seconds)) * 0.02) * 20_000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(samples.tobytes())
    return f"file:{path}"


def test_audio_changes_and_what_cannot_be_opened_changes_nothing(app, tmp_path):
    source = tone(tmp_path / "tone.wav")
    assert answer(app, "audio.select", source=source) == {"audio": source}
    assert app.instrument.audio.kind == "file"
    playing = app._audio
    with pytest.raises(MorphogenError) as caught:
        answer(app, "audio.select", source="file:/nowhere/at/all.wav")
    assert caught.value.cure
    assert app._audio is playing
    assert playing.is_open
    assert app.instrument.audio.kind == "file"
    assert app._collect().audio == source
    with pytest.raises(UsageError):
        answer(app, "audio.select", source="telepathy")
    assert playing.is_open
    assert answer(app, "audio.select", source="none") == {"audio": "none"}
    assert not playing.is_open
    assert app.instrument.audio.kind == "none"
    # From silence to something missing is silence again, not a half-open source.
    with pytest.raises(MorphogenError):
        answer(app, "audio.select", source="file:/nowhere/at/all.wav")
    assert app._audio is None
    assert app.instrument.audio.kind == "none"


def test_a_failed_choice_keeps_the_known_tempo(app):
    answer(app, "audio.select", source="demo")
    known = app.instrument.audio._track_bpm
    assert known > 0
    with pytest.raises(MorphogenError):
        answer(app, "audio.select", source="file:/nowhere/at/all.wav")
    assert app.instrument.audio._track_bpm == known
    assert app._audio.is_open


def test_the_sound_reaches_the_picture(app, tmp_path):
    answer(app, "audio.select", source=tone(tmp_path / "bass.wav", 20.0))
    for _ in range(500):
        frames(app, 1)
        if app.instrument.features.rms > 0.05:
            break
        time.sleep(0.01)
    assert app.instrument.features.rms > 0.05
    assert app.instrument._scene.values["rms"] == app.instrument.features.rms


def test_outputs_open_and_close_while_it_plays(app, tmp_path):
    before = {row["id"] for row in answer(app, "output.list")}
    assert "zmq" in before
    opened = answer(app, "output.open", kind="png", options={"path": str(tmp_path / "pictures"), "size": "32x18"})
    frames(app, 4)
    assert answer(app, "output.close", id=opened["id"]) == {"id": opened["id"]}
    assert {row["id"] for row in answer(app, "output.list")} == before
    assert len(list((tmp_path / "pictures").glob("*.png"))) >= 4
    for wrong in ({"kind": "tv"}, {"kind": "png", "options": {"colour": "red"}}):
        with pytest.raises(MorphogenError):
            answer(app, "output.open", **wrong)
    with pytest.raises(StateError):
        answer(app, "output.close", id=opened["id"])


def test_outputs_can_be_taken_away_and_added(base):
    app = App(config(base, outs=["-zmq", "null"]))
    try:
        app.open()
        kinds = {row["kind"] for row in app.instrument.publisher.list()}
        assert "zmq" not in kinds
        assert "null" in kinds
        assert is_free(app.ports.frames, socket.SOCK_STREAM)
        frames(app, 10)
        rows = {row["kind"]: row for row in app.instrument.publisher.list()}
        assert rows["null"]["frames"] == 10
    finally:
        app.close()


# --- serve


def test_serve_returns_the_promised_numbers(base, tmp_path):
    before = ours()
    said: list[str] = []
    numbers = serve(config(base, seconds="1", backend="auto", outs=["null"], osc_bind="127.0.0.1"), said.append)
    assert set(numbers) >= PROMISED
    assert set(numbers["frame_ms"]) == {"p50", "p99"}
    assert set(numbers["osc"]) == {"received", "rejected"}
    assert set(numbers["dropped"]) >= {"null", "zmq"}
    assert all(type(count) is int for count in numbers["dropped"].values())
    assert numbers["size"] == "64x36"
    assert numbers["backend"] == "cpu"
    assert numbers["frames"] > 10
    assert numbers["rss_mb"] > 10
    assert json.loads(json.dumps(numbers)) == numbers
    text = "\n".join(said)
    for port in (base, base + 1, base + 2, base + 3):
        assert str(port) in text
    assert state_path(str(base)).is_file()
    assert gone(before) == []


def test_serve_cleans_up_when_the_show_breaks(base, monkeypatch):
    before = ours()
    monkeypatch.setattr(App, "run", lambda self, seconds: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        serve(config(base), announce=lambda line: None)
    assert gone(before) == []
    assert is_free(base, socket.SOCK_DGRAM)
