from __future__ import annotations

import math
import sys
import threading
from collections.abc import Iterator

import pytest

from morphogen.clock import ManualClock
from morphogen.errors import ParamError
from morphogen.params.catalog import PARAMS
from morphogen.params.motion import Axis
from morphogen.params.store import HeldFeatures, ParamStore, Snapshot


class Heard:
    def __init__(self) -> None:
        self.calls: list[tuple[str, float, str]] = []

    def __call__(self, key: str, value: float, origin: str) -> None:
        self.calls.append((key, value, origin))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def store(clock: ManualClock, heard: Heard) -> ParamStore:
    store = ParamStore(clock, heard)
    store.snapshot(0.0)
    return store


def run(store: ParamStore, clock: ManualClock, fps: float, seconds: float) -> Iterator[Snapshot]:
    for _ in range(round(seconds * fps)):
        yield store.snapshot(clock.advance(1 / fps))


# --- setting and reading


def test_set_get_and_who_is_told(store: ParamStore, heard: Heard) -> None:
    store.set("view/zoom", "2", "osc:127.0.0.1:5000")
    store.set_normalised("output/master", 0.25)
    store.set("view/mirror", "both")
    store.set("output/freeze", 1)
    assert heard.calls[:2] == [("view/zoom", 2.0, "osc:127.0.0.1:5000"), ("output/master", 0.25, "")]
    assert store.get("view/zoom") == store.value("view/zoom") == 2.0
    assert store.get("view/mirror") == "both"
    assert store.get("output/freeze") is True


def test_refusals_are_readable_and_change_nothing(store: ParamStore, heard: Heard) -> None:
    with pytest.raises(ParamError, match=r"no parameter 'view/zom'\. See `morphogen ctl param.list`"):
        store.set("view/zom", 1)
    with pytest.raises(ParamError, match="no parameter"):
        store.get(["view/zoom"])  # type: ignore[arg-type]
    for bad in (math.nan, math.inf, "nan", None, "loud", 10**5000):
        with pytest.raises(ParamError, match="view/zoom"):
            store.set("view/zoom", bad)
        with pytest.raises(ParamError, match="view/zoom"):
            store.set_normalised("view/zoom", bad)  # type: ignore[arg-type]
    assert heard.calls == []
    assert store.get("view/zoom") == 1.0


def test_listeners_run_outside_the_lock(clock: ManualClock) -> None:
    seen = []

    def listener(key: str, value: float, origin: str) -> None:
        seen.append(store.targets()[key])  # would deadlock under the lock
        if key == "view/x":
            store.set("view/y", value)

    store = ParamStore(clock, listener)
    store.set("view/x", 1.0)
    store.glide({"color/contrast": 2.0}, 1.0)
    store.snapshot(clock.advance(2.0))
    assert seen == [1.0, 1.0, 2.0]


def test_snapshots_are_immutable_mappings(store: ParamStore) -> None:
    store.set("view/mirror", "y")
    store.set("output/blackout", True)
    snapshot = store.snapshot(1.0)
    store.set("output/blackout", False)
    assert list(snapshot) == [p.key for p in PARAMS]
    assert len(snapshot) == len(PARAMS)
    assert all(type(value) is float for value in snapshot.values())
    assert snapshot.time == 1.0
    assert snapshot.on("output/blackout")
    assert snapshot.index("view/mirror") == 2
    assert snapshot.group("lfo2") == {"rate": 0.2, "shape": 0.0, "phase": 0.0, "sync": 0.0}
    with pytest.raises(AttributeError, match="cannot be changed"):
        snapshot.time = 2.0
    with pytest.raises(TypeError):
        snapshot["view/zoom"] = 2.0  # type: ignore[index]


# --- smoothing


def test_the_first_snapshot_starts_at_the_targets(clock: ManualClock) -> None:
    store = ParamStore(clock)
    store.set("view/zoom", 4.0)
    store.set("view/rotate", 90.0)
    first = store.snapshot(123.0)
    assert first["view/zoom"] == 4.0
    assert first["view/rotate"] == 90.0


@pytest.mark.parametrize("fps", [30, 60, 144])
def test_smoothing_is_the_analytic_curve_at_any_frame_rate(store: ParamStore, clock: ManualClock, fps: int) -> None:
    store.set("view/x", 2.0)
    store.set("view/zoom", 8.0)
    store.set("view/rotate", 170.0)
    for snapshot in run(store, clock, fps, 0.5):
        left = math.exp(-clock.now() / 0.08)
        assert snapshot["view/x"] == pytest.approx(2.0 * (1 - left), abs=1e-4)
        assert snapshot["view/zoom"] == pytest.approx(8.0 ** (1 - left), rel=1e-4)
        assert snapshot["view/rotate"] == pytest.approx(170.0 * (1 - left), abs=1e-2)


@pytest.mark.parametrize("fps", [30, 60, 144])
def test_after_one_time_constant_63_percent_are_done(clock: ManualClock, fps: int) -> None:
    store = ParamStore(clock)
    store.snapshot(0.0)
    store.set("drift/amount", 1.0)
    *_, last = run(store, clock, fps, 0.3)
    assert last["drift/amount"] == pytest.approx(1 - math.exp(-clock.now() / 0.3), abs=1e-6)
    assert last["drift/amount"] == pytest.approx(0.632, abs=0.003)


def test_movement_ends_exactly_and_the_idle_path_returns(store: ParamStore, clock: ManualClock) -> None:
    store.set("view/zoom", 3.0)
    *_, last = run(store, clock, 60, 2.0)
    assert last["view/zoom"] == 3.0
    assert store._moving == {}


def test_wrapping_parameters_go_the_short_way_round(store: ParamStore, clock: ManualClock) -> None:
    store.set("view/rotate", 170.0)
    store.set("color/hue", 0.95)
    hues = [snapshot["color/hue"] for snapshot in run(store, clock, 60, 2.0)]
    assert all(hue >= 0.95 or hue == 0 for hue in hues)
    store.set("view/rotate", -170.0)
    turns = [snapshot["view/rotate"] for snapshot in run(store, clock, 60, 2.0)]
    assert all(abs(turn) >= 170 for turn in turns)
    assert turns[-1] == -170.0


def test_the_wrapped_curve_is_exact(store: ParamStore, clock: ManualClock) -> None:
    store.set("view/rotate", 170.0)
    list(run(store, clock, 60, 2.0))
    store.set("view/rotate", -170.0)
    begin = clock.now()
    for snapshot in run(store, clock, 60, 0.3):
        expected = 190.0 - 20.0 * math.exp(-(clock.now() - begin) / 0.08)
        assert snapshot["view/rotate"] % 360 == pytest.approx(expected, abs=1e-3)


def test_blackout_shows_on_the_very_next_frame(store: ParamStore, clock: ManualClock) -> None:
    store.set("output/blackout", True)
    assert store.snapshot(clock.advance(1e-6))["output/blackout"] == 1.0


def test_time_that_stands_still_or_runs_back_moves_nothing(store: ParamStore) -> None:
    store.set("view/x", 1.0)
    assert store.snapshot(0.0)["view/x"] == 0.0
    assert store.snapshot(-5.0)["view/x"] == 0.0


# --- glides


def test_a_glide_is_eased_and_ends_exactly(store: ParamStore, clock: ManualClock) -> None:
    store.glide({"drift/rate": 2.0, "transition/seconds": 12.0}, 2.0)
    assert store.gliding
    seen = list(run(store, clock, 50, 2.0))
    assert seen[49]["transition/seconds"] == pytest.approx(7.0)
    assert seen[49]["drift/rate"] == pytest.approx(math.sqrt(0.05 * 2.0))  # half-way in log space
    assert seen[24]["transition/seconds"] == pytest.approx(2 + 10 * (3 * 0.25**2 - 2 * 0.25**3))
    assert seen[-1]["transition/seconds"] == store.get("transition/seconds") == 12.0
    assert seen[-1]["drift/rate"] == 2.0
    assert not store.gliding


def test_a_glide_goes_the_short_way_round(store: ParamStore, clock: ManualClock) -> None:
    store.set("color/hue", 0.9)
    list(run(store, clock, 60, 1.0))
    store.glide({"color/hue": 0.1}, 1.0)
    hues = [snapshot["color/hue"] for snapshot in run(store, clock, 60, 2.0)]
    assert all(hue >= 0.89 or hue <= 0.11 for hue in hues)
    assert hues[-1] == 0.1


def test_switches_and_choices_change_at_the_half(store: ParamStore, clock: ManualClock, heard: Heard) -> None:
    store.glide({"view/polar": True, "view/mirror": "both", "view/kaleidoscope": 8}, 1.0, "snapshot")
    seen = list(run(store, clock, 100, 1.0))
    assert [seen[i]["view/polar"] for i in (47, 51)] == [0.0, 1.0]
    assert [seen[i]["view/mirror"] for i in (47, 51)] == [0.0, 3.0]
    assert seen[49]["view/kaleidoscope"] == 4.0
    assert seen[-1]["view/kaleidoscope"] == 8.0
    assert heard.calls.count(("view/polar", 1.0, "snapshot")) >= 1


def test_a_set_during_a_glide_wins_for_that_key(store: ParamStore, clock: ManualClock) -> None:
    store.glide({"transition/seconds": 12.0, "drift/rate": 2.0}, 1.0)
    list(run(store, clock, 60, 0.5))
    store.set("transition/seconds", 5.0)
    *_, last = run(store, clock, 60, 1.0)
    assert last["transition/seconds"] == 5.0
    assert last["drift/rate"] == 2.0


def test_a_second_glide_starts_where_the_first_one_is(store: ParamStore, clock: ManualClock) -> None:
    store.glide({"transition/seconds": 12.0}, 1.0)
    *_, middle = run(store, clock, 60, 0.5)
    store.glide({"transition/seconds": 0.0}, 1.0)
    after = store.snapshot(clock.advance(1 / 60))
    assert after["transition/seconds"] == pytest.approx(middle["transition/seconds"], abs=0.05)


def test_listeners_hear_of_a_glide_ten_times_a_second(store: ParamStore, clock: ManualClock, heard: Heard) -> None:
    store.glide({"transition/seconds": 12.0}, 2.0, "snapshot")
    list(run(store, clock, 60, 2.1))
    assert 15 <= len(heard.calls) <= 21
    assert heard.calls[-1] == ("transition/seconds", 12.0, "snapshot")


def test_a_glide_of_no_seconds_is_a_set(store: ParamStore, heard: Heard) -> None:
    store.glide({"view/x": 1.0}, 0)
    assert store.get("view/x") == 1.0
    assert heard.calls == [("view/x", 1.0, "")]


def test_a_glide_with_one_bad_value_moves_nothing(store: ParamStore) -> None:
    with pytest.raises(ParamError, match="view/y"):
        store.glide({"view/x": 1.0, "view/y": math.nan}, 1.0)
    with pytest.raises(ParamError, match="audio/bass is measured from the sound"):
        store.glide({"audio/bass": 1.0}, 1.0)
    for seconds in (-1, math.nan, math.inf, "soon"):
        with pytest.raises(ParamError, match=r"a glide cannot last '.*' seconds\. Give 0 to 3600\."):
            store.glide({"view/x": 1.0}, seconds)  # type: ignore[arg-type]
    assert not store.gliding


# --- modulation


def test_modulation_is_in_units_of_the_range(store: ParamStore) -> None:
    snapshot = store.snapshot(
        0.0,
        {
            "view/x": 0.25,  # of -4..4
            "view/zoom": 0.5,  # of log 0.05..20
            "color/hue": -0.25,  # wraps
            "output/master": 0.5,  # clipped
            "view/kaleidoscope": 0.26,
            "view/polar": 0.5,
            "view/warp": math.nan,
            "audio/bass": 0.5,
            "no/such": 1.0,
        },
    )
    assert snapshot["view/x"] == 2.0
    assert snapshot["view/zoom"] == pytest.approx(20.0)
    assert snapshot["color/hue"] == 0.75
    assert snapshot["output/master"] == 1.0
    assert snapshot["view/kaleidoscope"] == 6.0
    assert snapshot["view/polar"] == 1.0
    assert snapshot["view/warp"] == 0.0
    assert snapshot["audio/bass"] == 0.0
    assert store.get("view/x") == 0.0
    assert store.snapshot(0.0)["view/x"] == 0.0


def test_an_axis_never_leaves_the_range() -> None:
    for param in PARAMS:
        axis = Axis.of(param)
        for offset in (-9.0, -1.0, -0.3, 0.0, 0.3, 1.0, 9.0):
            value = axis.value(axis.position(param.default) + offset * axis.span)
            assert param.minimum <= value <= param.maximum
            assert param.check(value) == value


# --- features


class Analysis(HeldFeatures):
    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def set_external(self, name: str, value: float, now: float) -> None:
        super().set_external(name, value, now)
        self.times.append(now)


def test_features_are_passed_through(clock: ManualClock, heard: Heard) -> None:
    analysis = Analysis()
    store = ParamStore(clock, heard, analysis)
    clock.advance(7.0)
    store.set("audio/bass", 0.8, "osc")
    store.set_normalised("audio/rms", 0.5)
    assert analysis.times == [7.0, 7.0]
    assert store.get("audio/bass") == store.value("audio/bass") == 0.8
    assert store.snapshot(7.0)["audio/bass"] == 0.8
    assert store.snapshot(7.0, None, {"bass": 0.3, "nonsense": 1.0})["audio/bass"] == 0.3
    assert store.snapshot(7.0, None, {"audio/bass": 0.2})["audio/bass"] == 0.2
    assert heard.calls == []
    with pytest.raises(ParamError, match="audio/bass refuses nan"):
        store.set("audio/bass", math.nan)


# --- saving


def test_save_and_restore(store: ParamStore, clock: ManualClock) -> None:
    store.set("view/zoom", 3.0)
    store.set("audio/bass", 0.5)
    saved = store.targets()
    assert not any(key in saved for key in ("audio/bass", "audio/rms"))
    other = ParamStore(clock)
    assert other.load(saved) == []
    assert other.targets() == saved
    other.snapshot(0.0)
    other.set("view/zoom", 9.0)
    other.snapshot(0.01)
    ignored = other.load({"view/zoom": 2, "view/gone": 1.0, "audio/bass": 1.0, "view/x": None, "view/y": math.nan})
    assert sorted(ignored) == ["audio/bass", "view/gone", "view/x", "view/y"]
    assert other.get("view/zoom") == 2.0
    assert other.snapshot(0.02)["view/zoom"] == 2.0


# --- threads


def test_threads_hammering_while_snapshots_run(clock: ManualClock) -> None:
    counts: dict[str, int] = {}
    store = ParamStore(clock, lambda key, value, origin: counts.__setitem__(origin, counts.get(origin, 0) + 1))
    rounds = 3000

    def hammer(name: str) -> None:
        for i in range(rounds):
            store.set("view/zoom", 0.1 + i % 19, name)
            store.set("view/rotate", i * 7.0, name)
            if i % 100 == 0:
                store.glide({"color/hue": i / rounds, "view/x": 1.0}, 0.05, "glide")
                store.get("view/x")
                store.targets()

    threads = [threading.Thread(target=hammer, args=(f"t{n}",)) for n in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        frames = 0
        while any(thread.is_alive() for thread in threads):
            snapshot = store.snapshot(clock.advance(1 / 60))
            frames += 1
            for param in PARAMS:
                assert param.minimum <= snapshot[param.key] <= param.maximum
    finally:
        sys.setswitchinterval(interval)
        for thread in threads:
            thread.join()
    assert frames > 10
    assert all(counts[f"t{n}"] == 2 * rounds for n in range(4))
    final = store.targets()
    for _ in range(200):
        snapshot = store.snapshot(clock.advance(1 / 60))
    assert snapshot["view/zoom"] == final["view/zoom"]
    assert not store.gliding
