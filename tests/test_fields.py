"""Fields as inputs: every entry of the table draws what it says, without jumps, the same for ever and everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from drawing import VALUES
from morphogen.field import geometry
from morphogen.field.graph import Evaluator, pixel_input
from morphogen.field.growth import THIN, neuron, vessels
from morphogen.field.inputs import CHANNELS, FIELDS, FRAME_INPUTS, LENGTHS, input_nodes, shaped, uniform_count
from morphogen.field.network import Shape, preset
from morphogen.field.noise import CELLS, permuted, residue
from morphogen.render.cost import Bill

HOURS = 36_000.0
SHAPED = [name for name, field in FIELDS.items() if field.parameters]
SCATTERED = [name for name in SHAPED if FIELDS[name].parameters[0].name == "seed"]
PARAMETERS = [(name, p.name) for name in SHAPED for p in FIELDS[name].parameters]
FREE = [name for name in CHANNELS if name != "theta"]  # theta has its cut


def inputs_of(field: str) -> tuple[str, ...]:
    return tuple(FIELDS[field].channels)


def row(field: str, parameter: str) -> int:
    return [p.name for p in FIELDS[field].parameters].index(parameter)


def at(names: tuple[str, ...], px, py, values=None, extent: float = 0.5, **changed: float) -> dict[str, np.ndarray]:
    """Channels at places; changed: parameters of the (one) field."""
    numbers = geometry.default(names)
    for name, value in changed.items():
        numbers[row(CHANNELS[names[0]], name), 0] = value
    pixels = {"x": np.asarray(px, float), "y": np.asarray(py, float)}
    return geometry.sample(names, numbers, extent, pixels, values or {})


def grid(width: int = 64, height: int = 36) -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid((np.arange(width) + 0.5) / height - width / height / 2, 0.5 - (np.arange(height) + 0.5) / height)


def picture(field: str, **changed: float) -> np.ndarray:
    return np.stack(list(at(inputs_of(field), *grid(), **changed).values()))


@pytest.mark.parametrize("name", FIELDS)
def test_an_entry_is_complete(name):
    field = FIELDS[name]
    assert field.doc
    assert all(field.channels.values())
    x, y = pixel_input("x"), pixel_input("y")
    made = field.emit(x, y, [pixel_input("u")] * field.uniforms)
    assert set(made) == set(field.channels)
    assert set(field.lengths) <= set(field.channels)
    assert bool(field.parameters) == bool(field.uniforms)
    assert not (field.lengths and field.uniforms), "what has geometry sees scaled coordinates, and is not scaled again"
    for parameter in field.parameters:
        assert parameter.doc
        assert parameter.low <= parameter.default <= parameter.high
    names = [p.name for p in field.parameters]
    assert len(set(names)) == len(names)
    assert not set(names) & {"base", *FRAME_INPUTS}
    if field.parameters:
        numbers = {p.name: p.default for p in field.parameters}
        assert np.shape(field.fold(numbers)) == (field.uniforms,)


def test_channels_are_named_once_and_differ_from_frame_inputs():
    channels = [channel for field in FIELDS.values() for channel in field.channels]
    assert len(set(channels)) == len(channels)
    assert not set(channels) & set(FRAME_INPUTS)
    assert list(CHANNELS) == channels
    assert {"x", "y", "r", "abs_x", "abs_y"} == LENGTHS


@pytest.mark.parametrize("name", FREE)
def test_a_field_has_no_jump(name):
    """Along many lines: where it changes most, a thousandth of the way changes it less, and so on down to float64."""
    rng = np.random.default_rng(1)
    for _ in range(12):
        a, b = rng.uniform(-0.9, 0.9, 2), rng.uniform(-0.9, 0.9, 2)
        for _ in range(4):
            share = np.linspace(0, 1, 2001)[:, None]
            places = a + (b - a) * share
            found = at((name,), places[:, 0], places[:, 1])[name]
            steepest = int(np.abs(np.diff(found)).argmax())
            a, b = places[steepest], places[steepest + 1]
        # 1e-13 picture heights apart by now
        assert abs(found[steepest + 1] - found[steepest]) < 1e-4, (a, found[steepest : steepest + 2])


@pytest.mark.parametrize("name", CHANNELS)
def test_a_field_is_finite_everywhere(name):
    places = [0.0, -0.0, 1e-30, 1e-12, 0.5, -0.5, 0.25, 1.0, 77.5, -1e3, 1e6, -1e30]
    x, y = (axis.ravel() for axis in np.meshgrid(places, places))
    for values in ({}, {"time": HOURS, "bass": 1.0}, {"time": 1e12}):
        assert np.isfinite(at((name,), x, y, values)[name]).all()


@pytest.mark.parametrize("name", [n for n in CHANNELS if n not in FIELDS["place"].channels])
def test_a_field_fills_a_range_that_weights_can_use(name):
    """Neither flat nor far beyond the coordinates' own size, or training would have to find its scale first."""
    values = at((name,), *grid(192, 108))[name]
    assert np.abs(values).max() < 2.5
    assert values.std() > (0.01 if name in ("stars", "flight") else 0.05)


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_every_parameter_does_something(name, parameter):
    entry = FIELDS[name].parameters[row(name, parameter)]
    changed = entry.low + 0.37 * (entry.high - entry.low)
    if abs(changed - entry.default) < 1e-3 or parameter == "seed":
        changed = entry.default + 1
    more = {"twinkle": 1.0} if parameter == "phase" else {}
    apart = np.abs(picture(name, **{parameter: changed}, **more) - picture(name, **more))
    assert apart.max() > 0.02


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_bounds_can_be_drawn_and_what_wraps_closes(name, parameter):
    entry = FIELDS[name].parameters[row(name, parameter)]
    low, high = picture(name, **{parameter: entry.low}), picture(name, **{parameter: entry.high})
    assert np.isfinite(low).all()
    assert np.isfinite(high).all()
    if entry.kind == "wrap":
        span = entry.high - entry.low
        np.testing.assert_allclose(high, low, atol=1e-7)
        almost = picture(name, **{parameter: entry.high - 1e-7 * span})
        np.testing.assert_allclose(almost, low, atol=2e-3)  # not only at the end: before it, too
        np.testing.assert_allclose(picture(name, **{parameter: entry.low - 3 * span}), low, atol=1e-7)


@pytest.mark.parametrize("name", SCATTERED)
def test_seeds_are_pictures_of_their_own(name):
    pictures = [picture(name, seed=seed) for seed in (0, 1, 2, 65535)]
    for i, a in enumerate(pictures):
        for b in pictures[:i]:
            assert np.abs(a - b).mean() > (0.004 if name in ("stars", "flight") else 0.02)
    assert np.array_equal(picture(name, seed=2), pictures[2])


@pytest.mark.parametrize("name", SHAPED)
def test_uniforms_stay_small_after_ten_hours(name):
    """What grows with time is reduced before it becomes float32: so nothing stutters."""
    numbers = geometry.default(inputs_of(name))
    numbers[:, geometry.TIME] = 0.37
    block = geometry.fold(inputs_of(name), numbers, 0.5, {"time": HOURS})
    tops = {p.name: p.high for p in FIELDS[name].parameters}
    assert np.isfinite(block).all()
    if name not in ("branch", "neuron"):  # their segments hold squared distances
        assert np.abs(block).max() <= max(2000.0, *tops.values())


def test_the_hash_is_exact_in_float32():
    """Whole numbers, rounded after each operation as float32 does, with and without fused multiply-add, are what whole
    arithmetic gives; so is the residue of any place that can be looked at."""
    whole = np.arange(-290, 291)
    expected = (34 * whole + 10) * whole
    expected = (expected + CELLS // 2) % CELLS - CELLS // 2
    node, f32 = permuted(pixel_input("a")), np.float32
    assert np.array_equal(Evaluator(np.zeros(0), {"a": whole.astype(float)})(node), expected)
    for fused in (True, False):
        assert np.array_equal(_single(node, whole.astype(f32), fused), expected)
    assert sorted(set(expected.tolist())) == list(range(-144, 145))
    far = np.concatenate([np.arange(-20_000, 20_000), np.random.default_rng(1).integers(-(2**21), 2**21, 20_000)])
    for fused in (True, False):
        found = _single(residue(pixel_input("a")), far.astype(f32), fused)
        assert np.array_equal(found, (far + CELLS // 2) % CELLS - CELLS // 2)


def _single(node, a: np.ndarray, fused: bool) -> np.ndarray:
    """A graph in float32."""
    if node.op in ("input", "const"):
        return a if node.op == "input" else np.float32(node.args[0])
    args = [_single(part, a, fused) for part in node.args]
    if node.op == "fma":
        if fused:
            return np.asarray(args[0].astype(np.float64) * args[1] + args[2], np.float32)
        return args[0] * args[1] + args[2]
    return {"mul": np.multiply, "add": np.add, "floor": np.floor}[node.op](*args)


@pytest.mark.parametrize("grow", [vessels, neuron])
def test_drawings_are_connected_and_taper(grow):
    for seed in range(20):
        plant = grow(seed, 32)
        assert len(plant.start) == 32
        assert ((plant.last <= plant.first) | (plant.last == THIN)).all()
        assert plant.finish.max() == 1.0
        for k in range(1, 32):
            parents = np.flatnonzero((plant.end[:k] == plant.start[k]).all(axis=1))
            if len(parents):  # a fork, or a piece that goes on: never thicker, and begun where the other ended
                parent = parents[0]
                assert plant.first[k] <= max(plant.last[parent], THIN)
                assert plant.begin[k] == plant.finish[parent]
            else:
                assert plant.begin[k] == 0.0


@pytest.mark.parametrize("name", ["branch", "neuron"])
def test_growth_only_adds(name):
    """It never takes back what was there, and at 0 there is nothing but the neuron's body."""
    before = np.zeros((36, 64))
    for growth in np.linspace(0, 1, 9):
        now = at((name,), *grid(), growth=growth, sway=0.3)[name]
        assert (now >= before - 1e-9).all()
        before = now
    start = at((name,), *grid(), growth=0.0)[name]
    assert (start > 0.5).mean() < 0.01


def test_stamps_are_where_they_say():
    """A creature's own coordinates: the axis where across is 0, odd about it."""
    found = at(inputs_of("stamps"), *grid(320, 180))
    core = found["stamp"] > 0.97
    assert np.abs(found["stamp_y"][core]).max() < 0.2
    assert found["stamp_x"][core].std() > 0.3
    assert found["stamp"].min() == pytest.approx(0.0, abs=1e-9)


def test_cells_know_their_walls():
    """Twice the distance to the wall is at most the difference between the two nearest points."""
    found = at(inputs_of("cells"), *grid(320, 180))
    assert found["cell_edge"].min() >= 0
    assert (found["cell_edge"] <= 0.76 - found["cell"] / 2 + 1e-9).all()
    inside = found["cell_edge"] > 0.1
    assert len(np.unique(np.round(found["cell_id"][inside], 2))) > 12


def test_the_extent_is_a_zoom():
    x, y = grid(16, 9)
    for name in CHANNELS:
        wide = at((name,), x, y, extent=1.5)[name]
        near = at((name,), 3 * x, 3 * y)[name]
        np.testing.assert_allclose(wide, near, atol=1e-9, err_msg=name)


def test_only_what_is_read_is_computed():
    """A network that reads one channel pays for it alone: the graph of the others is not reached."""
    from morphogen.field.graph import reachable

    def size(*names: str) -> int:
        return len(list(reachable(input_nodes(names, pixel_input("x"), pixel_input("y")))))

    assert size("x") == 1
    assert size("noise") < 0.6 * size("clouds")
    assert size("cell") < 0.8 * size("cell", "cell_edge")
    assert size("clouds", "ridges") < 1.1 * size("clouds")
    assert shaped(("x", "bass", "stars", "noise")) == ["noise", "stars"]
    assert uniform_count(("x", "theta", "time")) == 0
    assert uniform_count(("stars",)) == 1 + FIELDS["stars"].uniforms


def test_geometry_moves_with_the_music():
    names = ("x", "swirl_x", "noise", "bass")
    numbers = geometry.default(names, seed=5)
    table = [(field, p.name) for field, p in geometry.rows(names)]
    rate, turn = table.index(("swirl", "rate")), table.index(("swirl", "turn"))
    bass, time = geometry.COLUMNS.index("bass"), geometry.TIME
    numbers[rate, bass], numbers[turn, time] = 0.5, 0.25
    still, loud = (geometry.at(names, numbers, {"bass": level, "time": HOURS + 3}) for level in (0.0, 1.0))
    assert loud["swirl"]["rate"] == pytest.approx(still["swirl"]["rate"] + 0.5)
    assert still["swirl"]["turn"] == pytest.approx(0.75)
    assert still["noise"]["seed"] == 5
    numbers[rate, bass] = 99.0
    assert geometry.at(names, numbers, {"bass": 1.0})["swirl"]["rate"] == 2.0  # clipped to its range
    assert geometry.at(names, numbers, VALUES)["noise"]["scale"] == pytest.approx(2.2)


def test_what_fields_cost_is_predicted_as_documented():
    """The table of docs/fields.md: what was measured lies within a fifth of what the governor counts today."""
    page = (Path(__file__).parent.parent / "docs" / "fields.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (\w+) \| x ([\d.]+) \| x ([\d.]+) \|$", page, re.MULTILINE)
    assert [name for name, _, _ in table] == ["none", *SHAPED]

    def slots(*channels: str) -> float:
        return Bill.of([preset("3L_8D", ("x", "y", "r", *channels, *FRAME_INPUTS), "palette")]).small

    for name, measured, said in table[1:]:
        predicted = slots(*inputs_of(name)) / slots()
        assert predicted == pytest.approx(float(said), abs=0.006)
        assert predicted == pytest.approx(float(measured), rel=0.2)
    wide = [Shape((*names, "time"), (("sin",) * 64,)) for names in (("x",), ("branch",))]
    assert Bill.of(wide[1:]).sample > Bill.of(wide[:1]).sample + 300
