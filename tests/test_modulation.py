from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphogen.clock import ManualClock
from morphogen.contracts import TempoState
from morphogen.errors import UsageError
from morphogen.params.catalog import BY_KEY, FEATURES, LFO_SHAPES, PARAMS
from morphogen.params.drift import drift_noise
from morphogen.params.lfo import SHAPES
from morphogen.params.modulation import BIPOLAR, CURVES, MAX_ROUTES, SOURCES, TARGETS, ModMatrix, Route, bend
from morphogen.params.store import ParamStore

DEFAULTS = {p.key: p.default for p in PARAMS}
NO_TEMPO = TempoState()


def level(source: str, now: float = 0.0, tempo: TempoState = NO_TEMPO, **features: float) -> float:
    matrix = ModMatrix()
    matrix.set_routes([Route(source, "view/x", 1.0)])
    return matrix.evaluate(now, DEFAULTS, features, tempo)["view/x"]


def lfo_run(matrix: ModMatrix, values: dict[str, float], times: Any, tempo: TempoState = NO_TEMPO) -> list[float]:
    return [matrix.evaluate(t, values, {}, tempo)["view/x"] for t in times]


# --- routes


def test_a_route_moves_its_target_by_amount_times_source() -> None:
    matrix = ModMatrix()
    matrix.set_routes(
        [
            {"source": "audio/bass", "target": "view/zoom", "amount": 0.5},
            {"source": "audio/mid", "target": "view/zoom", "amount": -0.25, "curve": "square"},
            Route("audio/rms", "output/master", -1.0, "inverse"),
        ]
    )
    offsets = matrix.evaluate(0.0, DEFAULTS, {"bass": 0.8, "mid": 0.5, "rms": 0.9}, NO_TEMPO)
    assert offsets == {"view/zoom": pytest.approx(0.4 - 0.0625), "output/master": pytest.approx(-0.1)}
    assert matrix.routes()[0] == {"source": "audio/bass", "target": "view/zoom", "amount": 0.5, "curve": "linear"}
    other = ModMatrix()
    other.set_routes(matrix.routes())
    assert other.routes() == matrix.routes()
    matrix.set_routes([])
    assert matrix.evaluate(1.0, DEFAULTS, {}, NO_TEMPO) == {}


def test_every_source_works_and_stays_in_its_range() -> None:
    for source in SOURCES:
        matrix = ModMatrix()
        matrix.set_routes([Route(source, "view/x", 1.0)])
        for i in range(300):
            offset = matrix.evaluate(i / 30, DEFAULTS, dict.fromkeys(FEATURES, i / 300), NO_TEMPO)["view/x"]
            assert (-1 if source in BIPOLAR else 0) <= offset <= 1


def test_bad_features_count_as_silence() -> None:
    assert level("audio/bass", bass=math.nan) == 0.0
    assert level("audio/bass", bass=-3.0) == 0.0
    assert level("audio/bass", bass=7.0) == 1.0
    assert level("audio/bass") == 0.0


def test_reaction_scales_what_comes_from_the_sound() -> None:
    matrix = ModMatrix()
    matrix.set_routes([Route("audio/bass", "view/x", 0.5, "inverse"), Route("tempo/beat", "view/y", 0.5)])
    for reaction in (0.0, 0.5, 2.0):
        offsets = matrix.evaluate(0.0, {**DEFAULTS, "audio/reaction": reaction}, {"bass": 0.2}, NO_TEMPO)
        assert offsets == {"view/x": pytest.approx(0.4 * reaction), "view/y": 0.5}


GOOD = {"source": "lfo1", "target": "view/x", "amount": 1.0, "curve": "s"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": "audio/drums"}, r"route 2: source cannot be 'audio/drums'\. One of audio/bass, .*lfo1, .*drift4"),
        ({"source": None}, "route 2: source cannot be 'None'"),
        ({"target": "view/zom"}, r"route 2: target cannot be 'view/zom'\. One of view/zoom, view/rotate"),
        ({"target": "audio/bass"}, r"target cannot be 'audio/bass' \(it is measured\)"),
        ({"target": "output/blackout"}, r"target cannot be 'output/blackout' \(it is left to the hand\)"),
        ({"target": "lfo1/sync"}, r"target cannot be 'lfo1/sync'"),
        ({"target": ["view/x"]}, "target cannot be"),
        ({"amount": math.nan}, r"route 2: amount cannot be 'nan'\. Give a number from -1 to 1"),
        ({"amount": 1.01}, "amount cannot be '1.01'"),
        ({"amount": "1"}, "amount cannot be '1'"),
        ({"amount": True}, "amount cannot be 'True'"),
        ({"curve": "wavy"}, r"curve cannot be 'wavy'\. One of linear, square, root, s, inverse, gate"),
        ({"speed": 1}, r"unknown field 'speed'\. It takes source, target, amount, curve"),
    ],
)
def test_wrong_routes_are_refused_by_name_and_change_nothing(change: dict[str, Any], message: str) -> None:
    matrix = ModMatrix()
    matrix.set_routes([GOOD])
    with pytest.raises(UsageError, match=message):
        matrix.set_routes([GOOD, {**GOOD, **change}])
    assert matrix.routes() == [GOOD]


def test_new_routes_fade_in_while_the_old_ones_fade_out() -> None:
    matrix = ModMatrix()
    matrix.set_routes([Route("audio/bass", "view/x", 1.0)])
    matrix.evaluate(10.0, DEFAULTS, {"bass": 1.0}, NO_TEMPO)
    matrix.set_routes([Route("audio/bass", "view/y", -0.5)], seconds=2.0)
    at = [matrix.evaluate(t, DEFAULTS, {"bass": 1.0}, NO_TEMPO) for t in (11.0, 11.5, 12.0, 13.0, 14.0)]
    assert [offsets.get("view/x", 0.0) for offsets in at] == [1.0, 0.75, 0.5, 0.0, 0.0]
    assert [offsets.get("view/y", 0.0) for offsets in at] == [0.0, -0.125, -0.25, -0.5, -0.5]
    assert "view/x" not in at[-1]
    matrix.set_routes([])
    assert matrix.evaluate(14.1, DEFAULTS, {"bass": 1.0}, NO_TEMPO) == {}
    with pytest.raises(UsageError, match="routes cannot fade for 'nan' seconds"):
        matrix.set_routes([], seconds=math.nan)


def test_wrong_lists_are_refused() -> None:
    matrix = ModMatrix()
    with pytest.raises(UsageError, match=r"65 routes are too many\. At most 64\."):
        matrix.set_routes([GOOD] * (MAX_ROUTES + 1))
    matrix.set_routes([GOOD] * MAX_ROUTES)
    with pytest.raises(UsageError, match="routes must be a list, got dict"):
        matrix.set_routes(GOOD)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="route 1 must be a map, got str"):
        matrix.set_routes(["lfo1"])  # type: ignore[list-item]
    with pytest.raises(UsageError, match="route 1: amount cannot be 'None'"):
        matrix.set_routes([{"source": "lfo1", "target": "view/x"}])


def test_what_can_be_a_target() -> None:
    assert {"view/zoom", "view/polar", "output/master", "lfo1/rate", "drift/amount"} <= set(TARGETS)
    assert not {"audio/bass", "audio/gain", "output/freeze", "output/blackout", "transition/kind"} & set(TARGETS)
    assert ModMatrix().describe() == {
        "sources": list(SOURCES),
        "curves": list(CURVES),
        "targets": list(TARGETS),
        "routes": [],
    }


# --- curves


def test_curves() -> None:
    at = {name: [round(bend(name, x), 4) for x in (0.0, 0.25, 0.5, 1.0)] for name in CURVES}
    assert at == {
        "linear": [0, 0.25, 0.5, 1],
        "square": [0, 0.0625, 0.25, 1],
        "root": [0, 0.5, 0.7071, 1],
        "s": [0, 0.1562, 0.5, 1],
        "inverse": [1, 0.75, 0.5, 0],
        "gate": [0, 0, 1, 1],
    }


@given(x=st.floats(-1, 1), name=st.sampled_from(list(CURVES)))
def test_bipolar_curves_are_odd_and_stay_inside(x: float, name: str) -> None:
    assert bend(name, -x, True) == -bend(name, x, True)
    assert -1 <= bend(name, x, True) <= 1
    assert bend("inverse", x, True) == -x


# --- tempo


def test_tempo_sources() -> None:
    tempo = TempoState(bpm=120, beat=8.0, time=10.0)
    assert level("tempo/beat", 10.0, tempo) == 1.0
    assert level("tempo/beat", 10.25, tempo) == pytest.approx(0.5)
    assert level("tempo/beat", 10.4999, tempo) == pytest.approx(0.0, abs=1e-3)
    assert level("tempo/bar", 10.0, tempo) == 0.0
    assert level("tempo/bar", 11.5, tempo) == pytest.approx(0.75)


# --- LFOs


def test_the_four_shapes() -> None:
    assert len(SHAPES) == len(LFO_SHAPES)
    at = {
        name: [round(shape(p), 6) for p in (0.0, 0.25, 0.5, 0.75)]
        for name, shape in zip(LFO_SHAPES, SHAPES, strict=True)
    }
    assert at == {
        "sine": [0, 1, 0, -1],
        "triangle": [0, 1, 0, -1],
        "saw": [-1, -0.5, 0, 0.5],
        "square": [1, 1, -1, -1],
    }


@pytest.mark.parametrize("fps", [30, 60, 144])
def test_an_lfo_runs_at_its_rate_at_any_frame_rate(fps: int) -> None:
    matrix = ModMatrix()
    matrix.set_routes([Route("lfo3", "view/x", 1.0)])
    times = [i / fps for i in range(fps * 4)]
    seen = lfo_run(matrix, DEFAULTS, times)
    assert seen == pytest.approx([math.sin(2 * math.pi * 0.3 * t) for t in times], abs=1e-9)


def test_phase_and_shape_parameters() -> None:
    values = {**DEFAULTS, "lfo1/phase": 0.25, "lfo1/shape": 1.0}
    matrix = ModMatrix()
    matrix.set_routes([Route("lfo1", "view/x", 1.0)])
    assert matrix.evaluate(0.0, values, {}, NO_TEMPO)["view/x"] == 1.0


def test_a_change_of_rate_never_jumps() -> None:
    for sync in (0.0, 1.0):
        matrix = ModMatrix()
        matrix.set_routes([Route("lfo1", "view/x", 1.0)])
        seen = []
        for i in range(2000):
            values = {**DEFAULTS, "lfo1/rate": 0.1 + 0.05 * (i // 37 % 20), "lfo1/sync": sync}
            tempo = TempoState(bpm=120 + 40 * (i // 300 % 2), beat=0.37 * (i // 300), time=i // 300 * 5.0)
            seen += lfo_run(matrix, values, [1000 + i / 60], tempo)
        fastest = 2 * math.pi * (1.05 * 160 / 60 + 0.5 / 0.4) / 60
        assert max(abs(b - a) for a, b in itertools.pairwise(seen)) < fastest


def test_a_synced_lfo_starts_with_the_beat_and_stays_with_it() -> None:
    values = {**DEFAULTS, "lfo1/rate": 0.25, "lfo1/sync": 1.0, "lfo1/shape": 2.0}
    tempo = TempoState(bpm=128, beat=3.0, time=2.0)
    matrix = ModMatrix()
    matrix.set_routes([Route("lfo1", "view/x", 1.0)])
    times = [2.0 + i / 60 for i in range(600)]
    expected = [2 * tempo.bar_phase_at(t) - 1 for t in times]
    assert lfo_run(matrix, values, times, tempo) == pytest.approx(expected, abs=1e-6)


def test_a_synced_lfo_slides_back_into_line() -> None:
    free = {**DEFAULTS, "lfo1/rate": 1.0, "lfo1/shape": 2.0}
    tempo = TempoState(bpm=97, beat=0.3)
    matrix = ModMatrix()
    matrix.set_routes([Route("lfo1", "view/x", 1.0)])
    lfo_run(matrix, free, [i / 60 for i in range(100)], tempo)
    seen = lfo_run(matrix, {**free, "lfo1/sync": 1.0}, [100 / 60 + i / 60 for i in range(300)], tempo)
    off = (seen[-1] - (2 * tempo.phase_at(399 / 60) - 1)) / 2
    assert abs((off + 0.5) % 1 - 0.5) < 1e-3


def test_an_lfo_can_move_an_lfo_without_a_loop() -> None:
    store, matrix, clock = ParamStore(ManualClock()), ModMatrix(), ManualClock()
    matrix.set_routes(
        [Route("lfo1", "lfo1/rate", 1.0), Route("lfo1", "lfo2/rate", 1.0), Route("lfo2", "lfo1/rate", 1.0)]
    )
    snapshot = store.snapshot(0.0)
    for _ in range(1000):
        now = clock.advance(1 / 60)
        snapshot = store.snapshot(now, matrix.evaluate(now, snapshot, {}, NO_TEMPO))
        assert 0.001 <= snapshot["lfo1/rate"] <= 20
    assert snapshot["lfo1/rate"] != BY_KEY["lfo1/rate"].default


def test_bass_pumps_the_zoom() -> None:
    store, matrix = ParamStore(ManualClock()), ModMatrix()
    matrix.set_routes([Route("audio/bass", "view/zoom", 0.25)])
    store.snapshot(0.0)
    quiet, loud = (store.snapshot(0.0, matrix.evaluate(0.0, DEFAULTS, {"bass": b}, NO_TEMPO)) for b in (0.0, 1.0))
    assert quiet["view/zoom"] == 1.0
    assert loud["view/zoom"] == pytest.approx(400**0.25)


# --- drift


def test_drift_follows_its_rate_without_jumps() -> None:
    matrix = ModMatrix(seed=7)
    matrix.set_routes([Route("drift2", "view/x", 1.0)])
    seen = []
    for i in range(1200):
        values = {**DEFAULTS, "drift/rate": 2.0 if i // 100 % 2 else 0.05}
        seen += lfo_run(matrix, values, [i / 60])
    assert max(abs(b - a) for a, b in itertools.pairwise(seen)) < 2.0 * 2 / 60
    assert max(seen) - min(seen) > 0.5
    again = ModMatrix(seed=7)
    again.set_routes(matrix.routes())
    assert lfo_run(again, DEFAULTS, [0.0, 1.0]) != lfo_run(ModMatrixWith(8), DEFAULTS, [0.0, 1.0])


def ModMatrixWith(seed: int) -> ModMatrix:
    matrix = ModMatrix(seed)
    matrix.set_routes([Route("drift2", "view/x", 1.0)])
    return matrix


def test_drift_noise_is_repeatable_smooth_and_bounded() -> None:
    times = np.linspace(-3, 40, 4301)
    walk = np.stack([drift_noise(3, 50, t) for t in times])
    assert walk.dtype == np.float32
    assert np.abs(walk).max() <= 1
    assert 0.3 < walk.std() < 0.5
    assert abs(walk.mean()) < 0.05
    assert np.abs(np.diff(walk, axis=0)).max() < 0.02  # at most two a unit of time
    assert np.abs(np.diff(walk, 2, axis=0)).max() < 0.001
    assert np.array_equal(drift_noise(3, 50, 1.7), drift_noise(3, 50, 1.7))
    assert np.array_equal(drift_noise(3, 50, 1.7), drift_noise(3, 107, 1.7)[:50])
    assert not np.allclose(drift_noise(3, 50, 1.7), drift_noise(4, 50, 1.7), atol=0.1)
    assert np.abs(np.corrcoef(walk[::100].T) - np.eye(50)).max() < 0.8
    drift_noise(3, 50, 1.0)[:] = 0
    assert drift_noise(3, 50, 1.0).any()


def test_drift_noise_is_the_same_everywhere() -> None:
    golden = [0.2966991, 0.2027165, -0.3097088]
    assert drift_noise(1, 3, 0.25) == pytest.approx(golden, abs=1e-6)
