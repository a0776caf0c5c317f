"""The whole instrument, frame by frame on a clock that only the test moves: what is called is seen."""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from PIL import Image

from drawing import apart, glow
from morphogen.clock import ManualClock
from morphogen.contracts import Sink
from morphogen.control import ASIDE, CALLS, SLOW
from morphogen.control import styles as control_styles
from morphogen.errors import MorphogenError, ParamError, RenderError, StateError, StyleError, UsageError
from morphogen.field.network import SEED_INPUTS, init_glow, preset
from morphogen.field.scene import program
from morphogen.frame import PixelFormat
from morphogen.instrument import Instrument
from morphogen.library.exchange import as_picture, received
from morphogen.library.find import Library
from morphogen.library.pack import pack
from morphogen.library.style import Style, save_style, to_bytes
from morphogen.methods import METHODS
from morphogen.render import create
from morphogen.share import share
from morphogen.stage import Change

SIZE = (64, 36)
STEP = 1 / 60
# Without `progress`, which moves by itself: in silence these pictures stand still when time does.
STILL = tuple(name for name in SEED_INPUTS if name != "progress")
STYLES = {
    name: init_glow(preset(kind, STILL), seed)
    for name, kind, seed in (
        ("show/a", "3L_4D", 1), ("show/b", "3L_4D", 2), ("show/c", "3L_4D", 3), ("show/wide", "2L_8D", 4),
    )
}  # fmt: skip


class Keeper(Sink):
    """Keeps a copy of the newest frame."""

    kind = "keeper"
    policy = "every"
    thread = "render"
    formats = (PixelFormat.RGBA8,)

    def _open(self, host) -> None:
        self.picture = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
        self.info: Any = None

    def _write(self, frame) -> None:
        self.picture, self.info = frame.pixels.copy(), frame.info

    def _close(self) -> None:
        pass


class FakeRig:
    def __init__(self) -> None:
        self.asked: list[tuple] = []

    def audio_devices(self):
        return [{"name": "Mic"}]

    def select_audio(self, source):
        self.asked.append(("audio", source))
        return source

    def open_output(self, kind, options):
        self.asked.append((kind, dict(options)))
        return "keeper"

    def save_state(self):
        return "here"

    def link(self, on=None):
        self.asked.append(("link", on))
        return bool(on)

    def peers(self):
        return 2

    def stats(self):
        return {}


class Stand:
    """An instrument on the bench: `frame()` plays one frame and returns its picture."""

    def __init__(self, folder, backend: str) -> None:
        for name, network in STYLES.items():
            save_style(Style(network, name), folder / f"{name}.safetensors")
        self.library = Library(folder, folder / "none")
        self.clock = ManualClock()
        renderer = create(backend, 1)
        self.instrument = Instrument(self.clock, self.library, self.library.find("show/a"), renderer, SIZE, 60.0)
        self.instrument.rig = FakeRig()
        self.sink = Keeper()
        self.instrument.publisher.add(self.sink)
        self.events: list[tuple[str, dict]] = []
        self.instrument.subscribe(lambda topic, data: self.events.append((topic, data)))
        self.instrument.params.load({"time/speed": 0})  # the picture stands still unless a test lets it go

    def frame(self, count: int = 1) -> np.ndarray:
        for _ in range(count):
            self.instrument.loop.frame(self.clock.advance(STEP), STEP)
        assert self.instrument.loop.stats.errors == 0
        return self.sink.picture

    def call(self, method: str, /, **arguments) -> Any:
        """Call and play on until it is answered."""
        return self.finish(self.instrument.call(method, arguments))

    def finish(self, future: Future) -> Any:
        answered = threading.Event()
        future.add_done_callback(lambda _: answered.set())
        for _ in range(3000):
            if answered.wait(0.01):
                return future.result(0)
            self.frame()
        raise AssertionError("never answered")

    def settle(self) -> np.ndarray:
        """Let every smoothing come to rest."""
        return self.frame(150)

    def heard(self, topic: str) -> list[dict]:
        return [data for name, data in self.events if name == topic]


@pytest.fixture
def stand(tmp_path) -> Iterator[Stand]:
    stand = Stand(tmp_path, "numpy")
    stand.frame(2)
    yield stand
    stand.instrument.close()


def test_every_method_is_built_and_every_call_declared():
    assert {method.name for method in METHODS} == set(CALLS)
    assert set(CALLS) > SLOW | ASIDE


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_each_call_takes_the_declared_arguments(method):
    parameters = list(inspect.signature(CALLS[method.name]).parameters)[1:]
    assert parameters == [arg.name for arg in method.args]


def test_quick_methods_answer_at_once(stand):
    for method in {m.name for m in METHODS if not m.args} - SLOW - ASIDE - {"shutdown"}:
        assert stand.instrument.call(method).done(), method
    assert stand.call("ping")["pong"] is True
    assert set(stand.call("version")) == {"version", "protocol", "python"}
    assert set(stand.call("style.current")) == {"name", "title", "prompt", "shape", "generation", "slot", "weights"}
    assert len(stand.call("style.current")["weights"]) == 103
    assert set(stand.call("mod.list")) >= {"sources", "curves", "routes"}
    assert stand.call("audio.devices") == [{"name": "Mic"}]
    assert stand.call("state.save") == {"path": "here"}


def test_shutdown_stops_the_loop(stand):
    assert stand.call("shutdown") == {"stopping": True}
    stand.instrument.loop.run()  # returns at once
    assert stand.instrument.loop.state == "stopped"


# --- parameters


def test_a_set_parameter_is_in_the_next_frame(stand):
    before = stand.frame()
    assert apart(stand.frame(), before) == 0
    assert stand.call("param.set", key="view/mirror", value="x") == {"set": 1}
    mirrored = stand.frame()
    assert apart(mirrored[:, :32][:, ::-1], mirrored[:, 32:]) <= 1  # the dither is not mirrored
    assert apart(mirrored, before) > 5
    assert stand.call("param.get", key="view/mirror") == {"key": "view/mirror", "value": "x", "normalised": 1 / 3}


def test_several_parameters_are_set_together_or_not_at_all(stand):
    assert stand.call("param.set", values={"view/zoom": 2, "view/rotate": 90}) == {"set": 2}
    for bad in ({"view/zoom": 3, "view/nowhere": 1}, {"view/zoom": 3, "view/rotate": "much"}):
        with pytest.raises(ParamError):
            stand.call("param.set", values=bad)
    for bad in ({"view/zoom": 0.5, "view/nowhere": 1}, {"view/zoom": 0.5, "view/rotate": "much"}):
        with pytest.raises(MorphogenError):
            stand.call("param.set", values=bad, normalised=True)
    assert stand.instrument.params.get("view/zoom") == 2
    assert stand.call("param.set", key="view/rotate", value=0.5, normalised=True) == {"set": 1}
    assert stand.instrument.params.get("view/rotate") == 0


def test_a_set_without_anything_says_how(stand):
    with pytest.raises(UsageError, match="key"):
        stand.call("param.set")


def test_param_list_tells_all(stand):
    rows = stand.call("param.list")
    assert [row["key"] for row in rows] == list(stand.instrument.params.specs)


def test_smoothing_takes_its_time_and_arrives(stand):
    before = stand.frame()
    stand.call("param.set", key="view/rotate", value=90)
    first = stand.frame()
    assert apart(first, before) > 0
    settled = stand.settle()
    assert apart(first, settled) > 5
    assert apart(stand.frame(), settled) == 0


def test_blackout_is_black_on_the_very_next_frame(stand):
    stand.call("param.set", key="time/trail", value=2.0)
    before = stand.settle()
    assert before[..., :3].any()
    stand.call("param.set", key="output/blackout", value=True)
    assert not stand.frame()[..., :3].any()
    stand.call("param.set", key="output/blackout", value=False)
    assert apart(stand.frame(), before) <= 1  # and back at once


def test_blackout_beats_freeze_and_the_master_fades_a_frozen_picture(stand):
    stand.call("param.set", key="output/freeze", value=True)
    frozen = stand.frame()
    stand.call("param.set", key="output/blackout", value=True)
    assert not stand.frame()[..., :3].any()
    stand.call("param.set", values={"output/blackout": False, "output/master": 0.5})
    assert stand.settle()[..., :3].mean() == pytest.approx(frozen[..., :3].mean() / 2, abs=0.6)


def test_freeze_holds_the_picture_and_lets_go(stand):
    stand.call("param.set", key="time/speed", value=1)
    stand.settle()
    stand.call("param.set", key="output/freeze", value=True)
    frozen = stand.frame()
    stand.call("param.set", values={"view/zoom": 3, "color/hue": 0.5})
    for _ in range(30):
        assert apart(stand.frame(), frozen) == 0
    stand.call("param.set", key="output/freeze", value=False)
    assert apart(stand.frame(), frozen) > 5


def test_time_moves_the_picture_at_its_speed(stand):
    composer = stand.instrument.composer
    begin = composer.time
    stand.frame(60)
    assert composer.time == begin
    stand.instrument.params.set("time/speed", -2)
    stand.settle()
    here = composer.time
    stand.frame(60)
    assert composer.time - here == pytest.approx(-2, abs=1e-3)


# --- what moves by itself


def test_features_from_outside_move_the_picture(stand):
    silent = stand.frame()
    stand.call("param.set", key="audio/bass", value=1.0)
    loud = stand.frame()
    assert apart(loud, silent) > 5
    assert stand.call("param.get", key="audio/bass")["value"] == 1.0
    stand.call("param.set", key="audio/reaction", value=0.0)
    stand.call("param.set", key="audio/bass", value=1.0)
    assert stand.instrument.stage.network is not None
    stand.frame(61)  # a second without messages: the own analysis, silence, is back
    assert stand.call("param.get", key="audio/bass")["value"] == 0.0


def test_a_route_from_bass_to_zoom_moves_the_scene(stand):
    assert stand.call("mod.set", routes=[{"source": "audio/bass", "target": "view/zoom", "amount": 0.5}]) == {
        "routes": 1
    }
    stand.frame()
    assert stand.instrument._scene.view.zoom == 1.0
    stand.call("param.set", key="audio/bass", value=1.0)
    stand.frame()
    assert stand.instrument._scene.view.zoom > 10
    assert stand.instrument.params.get("view/zoom") == 1.0  # the hand's own value stays
    with pytest.raises(UsageError, match="route 1"):
        stand.call("mod.set", routes=[{"source": "nothing", "target": "view/zoom", "amount": 1}])
    assert len(stand.call("mod.list")["routes"]) == 1


def test_drift_bends_the_weights_and_leaves_the_style(stand):
    before = stand.frame()
    stand.call("param.set", key="drift/amount", value=1.0)
    assert apart(stand.settle(), before) > 5
    stand.call("param.set", key="drift/amount", value=0.0)
    stand.settle()
    assert apart(stand.settle(), before) == 0


def test_snapshots_bring_parameters_routes_and_style_back(stand):
    stand.call("param.set", values={"view/zoom": 2, "color/hue": 0.25})
    stand.call("mod.set", routes=[{"source": "lfo1", "target": "view/x", "amount": 0.1}])
    assert stand.call("snapshot.store", slot=3) == {"slot": 3}
    stand.call("param.set", values={"view/zoom": 5, "color/hue": 0.75})
    stand.call("mod.set", routes=[])
    stand.call("style.load", name="show/b", seconds=0)
    assert stand.call("snapshot.recall", slot=3) == {"slot": 3}
    stand.settle()
    assert stand.instrument.params.get("view/zoom") == 2
    assert stand.instrument.params.get("color/hue") == 0.25
    assert len(stand.instrument.matrix.routes()) == 1
    assert stand.instrument.stage.style.name == "show/a"
    assert set(stand.call("snapshot.list")["slots"]) == {"3"}
    with pytest.raises(StateError, match="nothing is stored"):
        stand.call("snapshot.recall", slot=4)


def test_tempo_by_hand(stand):
    assert stand.call("tempo.set", bpm=90) == {"bpm": 90, "source": "set", "choice": "auto"}
    for _ in range(5):
        answer = stand.call("tempo.tap")
        stand.frame(30)
    assert answer == {"bpm": pytest.approx(120), "source": "tap", "choice": "auto"}
    assert stand.call("tempo.beat")["source"] == "beat"
    assert stand.call("tempo.set", bpm=0)["source"] == "none"
    with pytest.raises(ParamError, match="not possible"):
        stand.call("tempo.set", bpm=5)


def test_bridges_hear_of_a_persons_acts_on_the_tempo(stand):
    heard = []
    stand.instrument.subscribe(lambda topic, data: heard.append(data) if topic == "hand" else None)
    stand.call("tempo.set", bpm=90)
    stand.call("tempo.set", bpm=0)
    stand.call("tempo.tap")
    stand.frame(30)
    stand.call("tempo.tap")
    stand.call("tempo.source", name="midi")
    stand.call("tempo.beat")
    assert heard == [
        {"act": "set", "bpm": 90, "choice": "auto"}, {"act": "tap", "bpm": pytest.approx(120), "choice": "auto"},
        {"act": "beat", "bpm": pytest.approx(120), "choice": "midi"},
    ]  # fmt: skip


def test_who_leads_the_tempo_can_be_chosen_and_is_told(stand):
    now = stand.clock.now
    stand.instrument.follow_tempo("link", 128.0, now(), 1.0, now())
    stand.frame()
    state = stand.instrument.state()
    assert (state["tempo_source"], state["tempo_choice"], state["link_peers"]) == ("link", "auto", 2)
    assert stand.call("tempo.source", name="midi") == {"bpm": 128.0, "source": "none", "choice": "midi"}
    assert stand.call("tempo.source") == {"bpm": 128.0, "source": "none", "choice": "midi"}
    stand.instrument.follow_tempo("midi", 131.0, now(), 1.0)
    assert stand.call("tempo.source")["source"] == "midi"
    stand.instrument.release_tempo("midi")
    assert stand.call("tempo.source")["source"] == "none"
    with pytest.raises(ParamError, match="no tempo source 'dj'"):
        stand.call("tempo.source", name="dj")
    assert stand.call("tempo.link", on=True) == {"on": True}
    assert stand.instrument.rig.asked[-1] == ("link", True)


# --- on the beat


def drain(stand):
    """The control thread has done all it was asked to."""
    done = threading.Event()
    stand.instrument.caller.submit(done.set)
    assert done.wait(20)


def frames_until(stand, future, limit=400):
    for count in range(limit):
        if future.done():
            return count
        stand.frame()
    raise AssertionError("not within the limit")


@pytest.mark.parametrize(("source", "beats"), [("link", 4), ("midi", 4)])
def test_a_change_on_the_bar_keeps_to_the_bars_of_whoever_leads(stand, source, beats):
    begun = stand.clock.now() - 1.3 * 60 / 100  # 1.3 beats into a bar at 100
    future = None
    for _ in range(600):
        now = stand.clock.now()
        stand.instrument.follow_tempo(source, 100.0, begun, 1.0, begun)
        stand.frame()
        if future is None and now - begun > 5.3 * 60 / 100:  # long enough to be in phase; in the second bar
            future = stand.instrument.call("style.load", {"name": "show/b", "seconds": 0, "on": "bar"})
        if future is not None and future.done():
            break
    where = (stand.clock.now() - begun) * 100 / 60 % beats
    assert future.result()["name"] == "show/b"
    assert where < 0.15, "the first frames of a bar"


def test_what_does_not_say_its_moment_follows_the_launch_quantisation(stand):
    stand.call("param.set", key="transition/quantise", value="bar")
    stand.call("tempo.set", bpm=120)
    stand.call("tempo.beat")
    stand.frame(60)
    future = stand.instrument.call("style.load", {"name": "show/b", "seconds": 0})
    frames_until(stand, future)
    assert stand.instrument.tempo().beat % 4 < 0.15
    at_once = stand.instrument.call("style.load", {"name": "show/a", "seconds": 0, "on": "now"})
    assert frames_until(stand, at_once) < 10
    with pytest.raises(UsageError, match="cannot be 'soon'"):
        stand.call("style.load", name="show/b", on="soon")


def test_a_snapshot_on_the_bar_moves_style_and_parameters_in_the_same_frame(stand):
    stand.call("param.set", key="view/zoom", value=3.0)
    stand.call("snapshot.store", slot=1)
    stand.finish(stand.instrument.call("style.load", {"name": "show/b", "seconds": 0}))
    stand.call("param.set", key="view/zoom", value=1.0)
    stand.call("tempo.set", bpm=120)
    stand.call("tempo.beat")
    stand.frame(60)
    future = stand.instrument.call("snapshot.recall", {"slot": 1, "on": "bar"})
    seen = []
    for _ in range(400):
        stand.frame()
        seen.append((stand.instrument.params.get("view/zoom"), stand.instrument.stage.style.name))
        if future.done() and stand.instrument.stage.style.name == "show/a":
            break
    assert future.result() == {"slot": 1}
    assert set(seen) == {(1.0, "show/b"), (3.0, "show/a")}
    assert stand.instrument.tempo().beat % 4 < 0.15
    with pytest.raises(StateError, match="nothing is stored"):
        stand.call("snapshot.recall", slot=2, on="bar")
    with pytest.raises(ParamError, match="cannot last"):
        stand.call("snapshot.recall", slot=1, seconds=-1.0, on="bar")


def test_styles_change_by_themselves_every_so_many_beats(stand):
    stand.call("param.set", key="transition/seconds", value=0)
    stand.call("param.set", key="transition/every", value=4)
    stand.call("tempo.set", bpm=240)
    stand.call("tempo.beat")
    stand.frame(40)
    changes, before = [], stand.instrument.stage.generation
    for _ in range(400):
        stand.frame()
        drain(stand)  # the next style is read within the beat before
        if stand.instrument.stage.generation != before:
            before = stand.instrument.stage.generation
            changes.append(stand.instrument.tempo().beat)
    assert len(changes) >= 5
    assert all(beat % 4 < 0.3 for beat in changes), changes
    assert np.diff(np.floor(changes)).tolist() == [4] * (len(changes) - 1)
    stand.call("param.set", key="transition/every", value=0)
    before = stand.instrument.stage.generation
    stand.frame(200)
    assert stand.instrument.stage.generation <= before + 1


# --- styles


def test_a_load_is_answered_with_the_first_frame_that_shows_it(stand):
    before = stand.frame()
    future = stand.instrument.call("style.load", {"name": "show/b", "seconds": 0})
    answer = stand.finish(future)
    assert answer["generation"] == 1
    assert answer["name"] == "show/b"
    # The frame that the answer names is the one that was just published, and it shows the style.
    assert stand.sink.info.index == answer["frame"]
    assert stand.sink.info.generation == 1
    assert apart(stand.sink.picture, before) > 5
    assert stand.instrument._scene.networks[0].flat.tolist() == STYLES["show/b"].flat.tolist()
    assert stand.call("style.current")["name"] == "show/b"


def test_seconds_left_out_are_the_parameter(stand):
    stand.instrument.params.set("transition/seconds", 0.5)
    assert stand.call("style.load", name="show/b")["seconds"] == 0.5


def test_a_cross_fade_of_a_second_is_smooth(stand):
    answer = stand.call("style.load", name="show/wide", seconds=1.0)
    pictures = [stand.sink.picture] + [stand.frame() for _ in range(62)]
    steps = [np.abs(b.astype(int) - a).mean() for a, b in pairwise(pictures)]
    whole = np.abs(pictures[-1].astype(int) - pictures[0]).mean()
    assert 0 < max(steps) < 0.05 * whole
    assert steps[-1] == 0
    assert stand.sink.info.generation == answer["generation"]


def test_a_morph_of_a_second_is_smooth_in_the_weights(stand):
    """Its picture may travel fast; the weights go an even way, and the exchange at its end is not seen."""
    stand.call("style.load", name="show/b", seconds=1.0)
    weights, pictures = [], []
    for _ in range(62):
        pictures.append(stand.frame())
        weights.append(stand.instrument._scene.networks[0].flat)
    moving = weights[: next(i for i, w in enumerate(weights) if np.array_equal(w, STYLES["show/b"].flat))]
    steps = [np.linalg.norm(b - a) for a, b in pairwise(moving)]
    assert max(steps) < 0.03 * np.linalg.norm(moving[-1] - moving[0])
    last = len(moving)
    assert apart(pictures[last], pictures[last - 1]) <= apart(pictures[last - 1], pictures[last - 2])  # it slows down
    assert apart(pictures[-1], pictures[-2]) == 0


def test_aligning_is_done_on_the_control_thread(stand, monkeypatch):
    """40 to 150 ms of work: never on the thread that draws."""
    threads = []
    real = control_styles.align
    monkeypatch.setattr(control_styles, "align", lambda *a: threads.append(threading.current_thread()) or real(*a))
    stand.call("style.load", name="show/b", seconds=0.2)
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


def test_on_the_bar(stand):
    stand.call("tempo.set", bpm=120)
    stand.call("style.load", name="show/c", seconds=0, on="bar")
    beat = stand.instrument.tempo().beat
    assert beat % 4 < 0.1
    with pytest.raises(UsageError, match="One of"):
        stand.call("style.load", name="show/b", on="sunday")


def test_bank_next_previous_and_slots(stand):
    assert stand.call("bank.list") == {"slots": sorted(STYLES), "current": 1}
    assert stand.call("style.next", seconds=0)["name"] == "show/b"
    assert stand.call("style.previous", seconds=0)["name"] == "show/a"
    assert stand.call("style.previous", seconds=0)["name"] == "show/wide"
    assert stand.call("style.slot", slot=3, seconds=0)["name"] == "show/c"
    assert stand.call("bank.list")["current"] == 3
    assert stand.call("bank.set", slots=["show/b", "show/c"])["slots"] == ["show/b", "show/c"]
    assert stand.call("style.slot", slot=1, seconds=0)["name"] == "show/b"
    with pytest.raises(StateError, match="1 to 2"):
        stand.call("style.slot", slot=3)
    with pytest.raises(StyleError):
        stand.call("bank.set", slots=["show/nothing"])
    assert stand.call("bank.list")["slots"] == ["show/b", "show/c"]


def test_a_style_in_one_packet(stand):
    blob = pack(Style(glow(77), "sent/over", prompt="rain on glass"))
    answer = stand.call("style.put", blob=blob, seconds=0)
    assert answer["name"] == "sent/over"
    assert stand.heard("style")[-1]["prompt"] == "rain on glass"
    shown = stand.instrument._scene.networks[0].flat
    np.testing.assert_allclose(shown, glow(77).flat, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("blob", [b"", b"MGS1", b"\x00" * 1200, b"x" * 5000, pack(Style(glow(7)))[:-1] + b"\x00"])
def test_a_hostile_blob_is_refused_and_the_style_goes_on(stand, blob):
    before = stand.frame()
    with pytest.raises(StyleError):
        stand.call("style.put", blob=blob, seconds=0)
    assert apart(stand.frame(3), before) == 0
    assert stand.instrument.stage.generation == 0


def test_a_style_in_a_picture_or_a_file(stand):
    style = Style(glow(78), "sent/over", prompt="a lamp in the rain")
    for blob in (share(style, (32, 18)), to_bytes(style)):
        assert stand.call("style.put", blob=blob, seconds=0)["name"] == "sent/over"
        assert stand.instrument._scene.networks[0].flat.tobytes() == style.network.flat.tobytes()
    with pytest.raises(StyleError, match="a picture without a style"):
        stand.call("style.put", blob=as_picture(style, np.zeros((4, 4, 3), np.uint8), b""), seconds=0)


def test_what_runs_is_shared_as_it_is_now(stand):
    quiet = stand.call("style.share")
    assert quiet["name"] == "show/a"
    style = received(quiet["png"])
    assert (style.name, style.network.flat.tobytes()) == ("show/a", STYLES["show/a"].flat.tobytes())
    with Image.open(BytesIO(quiet["png"])) as image:
        assert image.size == (512, 288)
    assert stand.call("style.share") == quiet, "the same moment, the same picture"
    stand.instrument.audio.set_external("bass", 1.0, stand.clock.now())
    stand.frame()
    assert stand.call("style.share")["png"] != quiet["png"], "with the sound of this moment"
    stand.call("style.weight", index=0, value=1.5)
    stand.frame()
    bent = received(stand.call("style.share")["png"])
    assert (bent.network.flat[0], bent.training) == (1.5, "")


def test_any_style_is_shared_at_its_best_moment(stand):
    shared = stand.call("style.share", name="show/wide")
    assert shared == {"name": "show/wide", "png": share(stand.library.find("show/wide"))}
    with pytest.raises(StyleError, match="there is no style"):
        stand.call("style.share", name="show/nothing")


def test_sharing_holds_up_nothing(stand, monkeypatch):
    """A wide network takes seconds: meanwhile styles change, and parameters."""
    go_on = threading.Event()
    monkeypatch.setattr(control_styles, "share", lambda *_, **__: go_on.wait(20) and b"done")
    waiting = stand.instrument.call("style.share", {"name": "show/wide"})
    assert stand.call("style.load", name="show/b", seconds=0)["name"] == "show/b"
    assert not waiting.done()
    go_on.set()
    assert stand.finish(waiting)["png"] == b"done"


def test_a_held_mixture_and_a_bent_weight(stand):
    stand.call("style.morph", name="show/wide", position=0.5)
    assert stand.instrument._scene.mix == 0.5
    stand.call("style.morph", name="show/wide", position=0.0)
    before = stand.frame()
    assert stand.call("style.weight", index=0, value=1.5) == {"index": 0, "value": 1.5}
    assert apart(stand.frame(), before) > 0
    assert stand.call("style.current")["weights"][0] == 1.5
    for wrong in ({"index": 103, "value": 0}, {"index": 0, "value": 1e30}):
        with pytest.raises(StyleError):
            stand.call("style.weight", **wrong)


def test_a_wrong_name_or_file_changes_nothing(stand, tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x10" * 64)
    for name in ("show/nothing", str(broken), "../../etc/passwd"):
        with pytest.raises(StyleError):
            stand.call("style.load", name=name, seconds=0)
    assert stand.instrument.stage.generation == 0


# --- refusals


@pytest.mark.parametrize(
    ("method", "arguments", "what"),
    [
        ("style.fly", {}, "no method 'style.fly'"), ("param.get", {}, "needs 'key'"),
        ("param.get", {"key": "view/zoom", "more": 1}, "no argument 'more'"), ("style.slot", {"slot": "two"}, "int"),
        ("style.load", {"name": "show/b", "seconds": -1}, "cannot take"), ("param.get", {"key": "view/zo"}, "view/zo"),
        ("style.morph", {"name": "show/b", "position": 1.5}, "mixture"), ("output.close", {"id": "tv"}, "tv"),
        (17, {}, "17"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_through_the_future(stand, method, arguments, what):
    future = stand.instrument.call(method, arguments)
    with pytest.raises(MorphogenError, match=what) as caught:
        stand.finish(future)
    assert caught.value.cure


def test_a_bug_in_a_method_is_its_callers_answer(stand, monkeypatch):
    monkeypatch.setitem(CALLS, "ping", lambda instrument: 1 / 0)
    with pytest.raises(StateError, match="ping failed: division by zero"):
        stand.call("ping")
    stand.frame()


def test_a_caller_who_gives_up_trips_nobody(stand, caplog):
    future = stand.instrument.call("style.load", {"name": "show/b", "seconds": 0, "on": "bar"})
    future.cancel()
    stand.call("style.list")  # the control thread has been through it
    stand.frame(150)
    assert stand.instrument.stage.style.name == "show/b"
    assert "InvalidState" not in caplog.text


def test_closing_answers_every_call(stand, monkeypatch):
    gate = threading.Event()
    monkeypatch.setitem(CALLS, "style.list", lambda instrument: gate.wait(10))
    running = stand.instrument.call("style.list")
    queued = [stand.instrument.call("style.load", {"name": "show/b"}) for _ in range(5)]
    stand.instrument.close()
    for future in queued:
        with pytest.raises(StateError, match="closing"):
            future.result(5)
    gate.set()
    assert running.result(5) is True
    with pytest.raises(StateError, match="closing"):
        stand.instrument.call("style.load", {"name": "show/b"}).result(5)
    stand.instrument.close()


def test_a_load_that_is_prepared_while_closing_is_answered(stand):
    on_bar = stand.instrument.call("style.load", {"name": "show/b", "on": "bar"})
    stand.call("style.list")
    stand.instrument.close()
    with pytest.raises(StateError, match="closing"):
        on_bar.result(5)


def test_too_many_slow_calls_are_refused(stand, monkeypatch):
    gate = threading.Event()
    monkeypatch.setitem(CALLS, "style.list", lambda instrument: gate.wait(10))
    futures = [stand.instrument.call("style.list") for _ in range(400)]
    refused = [f for f in futures if f.done()]
    assert 100 < len(refused) < 300
    with pytest.raises(StateError, match="too many"):
        refused[0].result(0)
    gate.set()
    for future in futures:
        assert future.exception(10) is None or future in refused
    assert stand.call("style.current")["name"] == "show/a"
    assert stand.instrument.call("style.list").result(10)


# --- faults


def test_a_frame_that_cannot_be_drawn_answers_the_change_and_the_show_goes_on(stand, monkeypatch):
    real = stand.instrument.renderer.render

    def broken(scene, targets):
        if stand.instrument.stage.style.name == "show/b":
            raise RenderError("the card is gone.")
        real(scene, targets)

    monkeypatch.setattr(stand.instrument.renderer, "render", broken)
    future = stand.instrument.call("style.load", {"name": "show/b", "seconds": 0})
    answered = threading.Event()
    future.add_done_callback(lambda _: answered.set())
    for _ in range(500):
        if answered.wait(0.01):
            break
        stand.instrument.loop.frame(stand.clock.advance(STEP), STEP)
    with pytest.raises(MorphogenError, match="the card is gone"):
        future.result(0)
    assert stand.instrument.loop.stats.errors > 0
    stand.instrument.loop.stats.errors = 0
    future = stand.instrument.call("style.load", {"name": "show/c", "seconds": 0})
    future.add_done_callback(lambda _: answered.set())
    answered.clear()
    for _ in range(500):
        if answered.wait(0.01):
            break
        stand.instrument.loop.frame(stand.clock.advance(STEP), STEP)
    assert future.result(0)["name"] == "show/c"


def test_a_program_that_does_not_compile_is_tried_once_and_answered(stand, monkeypatch):
    asked = []

    def prepare(wanted):
        asked.append(wanted)
        raise RenderError("LLVM says no.")

    wide = program((STYLES["show/wide"].shape,))
    monkeypatch.setattr(stand.instrument.renderer, "has", lambda wanted: wanted is not wide)
    monkeypatch.setattr(stand.instrument.renderer, "prepare", prepare)
    future = stand.instrument.stage.request(Change(stand.library.find("show/wide")))
    with pytest.raises(RenderError, match="LLVM says no"):
        stand.finish(future)
    stand.frame(20)
    assert len(asked) == 1
    assert stand.instrument.stage.style.name == "show/a"


# --- events


def test_events_and_their_keys(stand):
    stand.call("tempo.set", bpm=120)
    stand.call("param.set", key="view/zoom", value=2)
    stand.call("style.load", name="show/b", seconds=0)
    stand.frame(130)
    assert stand.heard("param")[-1] == {"key": "view/zoom", "value": 2.0, "origin": "control"}
    event = stand.heard("style")[-1]
    assert set(event) == {"name", "title", "prompt", "generation", "slot", "shape", "seconds"}
    assert (event["name"], event["generation"], event["slot"]) == ("show/b", 1, 2)
    beats = stand.heard("beat")
    assert set(beats[0]) == {"beat", "bar", "in_bar", "bpm", "source"}
    numbers = [b["beat"] for b in beats]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    for b in beats:
        assert b["in_bar"] == b["beat"] % 4 + 1
        assert b["bar"] == b["beat"] // 4
    assert {"fps", "late", "frames", "style", "generation", "slot", "bpm", "audio", "backend", "size"} <= set(
        stand.heard("state")[-1]
    )


def test_states_come_ten_times_a_second(stand):
    before = len(stand.heard("state"))
    stand.frame(600)
    assert 85 <= len(stand.heard("state")) - before <= 101


@pytest.mark.parametrize(("method", "arguments", "what"), [
    ("mod.set", {"routes": []}, "modulation"),
    ("snapshot.store", {"slot": 2}, "snapshots"),
    ("snapshot.recall", {"slot": 1, "seconds": 0}, "modulation"),
    ("bank.set", {"slots": ["show/b"]}, "bank"),
    ("audio.select", {"source": "none"}, "sound"),
])  # fmt: skip
def test_what_clients_keep_a_copy_of_is_counted_when_it_changes(stand, method, arguments, what):
    stand.call("snapshot.store", slot=1)
    stand.frame(10)
    before = stand.heard("state")[-1]["changes"]
    assert set(before) == {"modulation", "snapshots", "bank", "sound", "controls"}
    stand.call(method, **arguments)
    stand.frame(10)
    assert stand.heard("state")[-1]["changes"] == {**before, what: before[what] + 1}


def test_what_was_refused_is_not_counted_as_a_change(stand):
    with pytest.raises(UsageError):
        stand.call("mod.set", routes=[{"source": "nothing"}])
    stand.frame(10)
    assert stand.heard("state")[-1]["changes"]["modulation"] == 0


def test_outputs_are_told(stand):
    stand.instrument.publisher.add(Keeper())
    stand.frame()
    assert stand.heard("output")[-1] == {
        "event": "open",
        "id": "keeper-2",
        "kind": "keeper",
        "name": "Morphogen-keeper",
    }
    stand.call("output.set", id="keeper-2", options={"flip": 1})
    assert stand.heard("output")[-1]["event"] == "set"
    assert stand.call("output.close", id="keeper-2") == {"id": "keeper-2"}
    assert stand.heard("output")[-1]["event"] == "close"
    assert [row["id"] for row in stand.call("output.list")] == ["keeper"]


def test_a_listener_that_raises_does_not_break_the_frame(stand, caplog):
    stand.instrument.subscribe(lambda topic, data: 1 / 0)
    later: list = []
    leave = stand.instrument.subscribe(lambda topic, data: later.append(topic))
    stand.call("param.set", key="view/zoom", value=2)
    stand.frame(30)
    assert "param" in later
    assert stand.instrument.loop.stats.errors == 0
    assert "a listener failed" in caplog.text
    leave()
    leave()
    count = len(later)
    stand.call("param.set", key="view/zoom", value=1)
    assert len(later) == count


def test_stats_are_plain_and_complete(stand):
    stats = stand.call("stats")
    json.dumps(stats)
    assert set(stats) >= {"frames", "fps", "frame_ms", "late", "dropped", "backend", "size", "rss_mb", "audio", "style"}
    assert stats["size"] == "64x36"
    assert stats["backend"] == "numpy"


def test_the_same_on_the_compiled_backend(tmp_path, stand):
    other = Stand(tmp_path / "again", "cpu")
    try:
        other.frame(2)
        for play in (stand, other):
            play.call("param.set", values={"view/zoom": 1.5, "color/hue": 0.2, "view/kaleidoscope": 3})
            play.call("style.load", name="show/wide", seconds=0)
            play.settle()
        assert apart(stand.sink.picture, other.sink.picture) <= 1
    finally:
        other.instrument.close()
