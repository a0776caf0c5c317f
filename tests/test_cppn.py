"""The network's mathematics: the truth against plain loops, the folded form against the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawing import VALUES, glow
from morphogen.field import geometry
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.cppn import (
    COVER,
    block_size,
    evaluate,
    expand,
    first_bias,
    fold,
    frame_bias,
    pixel_inputs,
    reflect,
)
from morphogen.field.graph import Evaluator, pixel_input
from morphogen.field.inputs import FIELDS, FRAME_INPUTS, INPUTS, PIXEL_INPUTS
from morphogen.field.network import (
    ACTIVATION_CYCLE,
    HEADS,
    MAX_LAYERS,
    PRESETS,
    SEED_INPUTS,
    Network,
    Shape,
    init_glow,
    init_seed,
    preset,
    tensor_shapes,
)

TEN_HOURS = 36_000.0

# Written a second time, from the meaning and in plain floats: no NumPy, no table of the program's.
PLAIN = {
    "sin": math.sin,
    "cos": math.cos,
    "gaussian": lambda v: math.exp(-v * v) if abs(v) < 26 else 0.0,
    "tanh": math.tanh,
    "sigmoid": lambda v: 1 / (1 + math.exp(-v)) if v > -700 else 0.0,
    "relu": lambda v: v if v > 0 else 0.0,
    "abs": abs,
    "identity": lambda v: v,
}


def plain(network: Network, x: float, y: float, values: dict[str, float]) -> list[float]:
    """One pixel, unit by unit. x, y in picture heights."""
    x, y = 2 * network.extent * x, 2 * network.extent * y
    fields = [name for name in PIXEL_INPUTS if name not in FIELDS["place"].channels]  # they have tests of their own
    at = {"x": np.array(x / (2 * network.extent)), "y": np.array(y / (2 * network.extent))}
    inputs = tuple(name for name in network.shape.inputs if name in fields)
    sampled = geometry.sample(inputs, network.geometry, network.extent, at, values)
    known = {name: float(value) for name, value in sampled.items()}
    known |= {"x": x, "y": y, "r": math.sqrt(x * x + y * y), "theta": math.atan2(y, x) / math.pi,
             "abs_x": abs(x), "abs_y": abs(y)}  # fmt: skip
    low, high = network.time_range
    span = high - low
    there_and_back = (values.get("time", 0.0) - low) % (2 * span)
    folded_time = low + min(there_and_back, 2 * span - there_and_back)
    units: list[float] = []
    layers = [*network.shape.layers, ("sigmoid",) * network.shape.outputs]
    for n, names in enumerate(layers):
        weight, bias = network.tensors[2 * n], network.tensors[2 * n + 1]
        following = []
        for j, name in enumerate(names):
            total = float(bias[j])
            if n == 0:
                for i, source in enumerate(network.shape.inputs):
                    value = known.get(source, values.get(source, 0.0))
                    if source == "time" and name not in ("sin", "cos"):
                        value = folded_time
                    total += float(weight[j, i]) * value
            else:
                for i, unit in enumerate(units):
                    total += float(weight[j, i]) * unit
            following.append(PLAIN[name](total))
        units = following
    return [*blossom(network.tensors[-1], units[0]), *units[1:]] if network.shape.palette else units


def blossom(stops: np.ndarray, place: float) -> list[float]:
    """The palette's curve by de Boor's algorithm, on its knots."""
    knots = [0, 0, 0, 1 / 3, 2 / 3, 1, 1, 1]
    span = 2 + (place >= 1 / 3) + (place >= 2 / 3)
    points = [[1 / (1 + math.exp(-float(v))) for v in stops[span - 2 + j]] for j in range(3)]
    for degree in (1, 2):
        for j in range(2, degree - 1, -1):
            low = knots[j + span - 2]
            share = (place - low) / (knots[j + 1 + span - degree] - low)
            points[j] = [(1 - share) * p + share * q for p, q in zip(points[j - 1], points[j], strict=True)]
    return points[2]


def drawn(shape: Shape, seed: int, extent: float = 0.5, gain: float = 2.0) -> Network:
    return init_glow(shape, seed, extent, gain)


names = st.sampled_from(sorted(ACTIVATIONS))
shapes = st.builds(
    lambda pixels, frames, layers, head: Shape((*pixels, *frames), layers, head),
    st.lists(st.sampled_from(PIXEL_INPUTS), min_size=1, unique=True),
    st.lists(st.sampled_from(FRAME_INPUTS), unique=True),
    st.lists(st.lists(names, min_size=1, max_size=6).map(tuple), min_size=0, max_size=3).map(tuple),
    st.sampled_from(sorted(HEADS)),
)
levels = st.fixed_dictionaries({name: st.floats(0, 1) for name in FRAME_INPUTS if name != "time"})
times = st.one_of(st.floats(0, 60), st.floats(TEN_HOURS, TEN_HOURS + 60))
extents = st.sampled_from([0.5, 1.0, math.pi])


def grid(height: int = 5, width: int = 7) -> dict[str, np.ndarray]:
    y, x = np.meshgrid(np.linspace(0.47, -0.51, height), np.linspace(-0.83, 0.87, width), indexing="ij")
    return {"x": x, "y": y}


@settings(max_examples=60, deadline=None)
@given(shapes, st.integers(0, 10_000), extents, levels, times)
def test_the_truth_is_what_plain_loops_give(shape, seed, extent, heard, time):
    network = drawn(shape, seed, extent)
    values, pixels = heard | {"time": time}, grid(2, 3)
    channels = evaluate(network, pixels, values)
    assert len(channels) == (4 if shape.alpha else 3)
    for at in np.ndindex(pixels["x"].shape):
        expected = plain(network, float(pixels["x"][at]), float(pixels["y"][at]), values)
        np.testing.assert_allclose([c[at] for c in channels], expected, rtol=0, atol=1e-9)


@settings(max_examples=100, deadline=None)
@given(shapes, st.integers(0, 10_000), extents, levels, times)
def test_the_folded_graph_draws_the_truth(shape, seed, extent, heard, time):
    """In float64 all that is left of the folding is its float32 block: a quarter of a level."""
    network = drawn(shape, seed, extent, gain=1.0)
    compare(network, heard | {"time": time}, 1 / 1020)


@pytest.mark.parametrize("name", [name for name in PRESETS if not preset(name).wide])  # the others: test_wide
@pytest.mark.parametrize("time", [0.0, 7.0, TEN_HOURS])
@pytest.mark.parametrize("extent", [0.5, math.pi])
def test_presets_fold_to_the_truth(name, time, extent):
    for make in (init_glow, init_seed):
        compare(make(preset(name), 11, extent), {"time": time, "bass": 0.8, "beat": 1.0}, 1 / 1020)


def compare(network: Network, values: dict[str, float], tolerance: float) -> None:
    pixels = grid()
    block = fold(network, values)
    assert block.dtype == np.float32
    assert block.shape == (block_size(network.shape),)
    offset = 5  # the graph reads from the slot that it is told
    uniforms = np.concatenate([np.full(offset, np.nan), block.astype(np.float64)])
    uniforms[COVER] = 1.0
    graph = Evaluator(uniforms, pixels)
    truth = evaluate(network, pixels, values)
    for node, expected in zip(
        expand(network.shape, offset, pixel_input("x"), pixel_input("y"))[-1], truth, strict=True
    ):
        np.testing.assert_allclose(np.broadcast_to(graph(node), expected.shape), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_each_activation_by_hand(name):
    """One hidden unit: v = 2 x - 3 y + 0.5 time + 0.25, then rows (1, -2, 0.5) and biases (0.1, 0.2, -0.3)."""
    network = Network(
        Shape(("x", "y", "time"), ((name,),)),
        (np.array([[2.0, -3.0, 0.5]]), np.array([0.25]), np.array([[1.0], [-2.0], [0.5]]), np.array([0.1, 0.2, -0.3])),
    )  # fmt: skip
    x, y, time = 0.3, -0.4, 3.0
    unit = PLAIN[name](2 * 0.3 + 3 * 0.4 + 0.5 * 3.0 + 0.25)
    expected = [1 / (1 + math.exp(-(w * unit + b))) for w, b in ((1.0, 0.1), (-2.0, 0.2), (0.5, -0.3))]
    got = evaluate(network, {"x": np.array([x]), "y": np.array([y])}, {"time": time})
    np.testing.assert_allclose(np.ravel(got), expected, atol=1e-7)


def test_every_activation_is_tested():
    assert set(PLAIN) == set(ACTIVATIONS)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_what_the_table_says_of_an_activation(name):
    act, v = ACTIVATIONS[name], np.linspace(-4, 4, 161)
    f = act.reference(v)
    emitted = Evaluator(np.zeros(0), {"u": act.scale * v + act.turn})(act.emit(pixel_input("u")))
    np.testing.assert_allclose(act.gain * emitted + act.shift, f, atol=1e-12)
    parity = "odd" if np.allclose(f[::-1], -f) else "even" if np.allclose(f[::-1], f) else "none"
    assert act.parity == parity
    assert act.periodic == np.allclose(act.reference(v + 2 * math.pi), f)


def test_layers_see_their_own_inputs():
    """Every weight counts: nudging any one of them changes the picture."""
    network = drawn(preset("3L_4D"), 5)
    values = dict.fromkeys(FRAME_INPUTS, 0.3)
    before = np.stack(evaluate(network, grid(), values))
    for index in range(network.shape.parameters):
        flat = np.array(network.flat)
        flat[index] += 0.25
        after = np.stack(evaluate(network.with_flat(flat), grid(), values))
        assert np.abs(after - before).max() > 1e-9, index


def test_no_hidden_layer_is_allowed():
    network = drawn(Shape(("x", "time"), ()), 1)
    compare(network, {"time": 100.0}, 1e-6)


@given(st.floats(-1e5, 1e5), st.floats(-100, 100), st.floats(0.5, 100))
def test_time_is_reflected_without_a_jump(t, low, span):
    high = low + span
    here = reflect(t, low, high)
    assert low <= here <= high
    assert reflect(t + 0.01, low, high) == pytest.approx(here, abs=0.01 + 1e-6)
    assert reflect(t + 2 * span, low, high) == pytest.approx(here, abs=1e-6)
    if low <= t <= high:
        assert here == pytest.approx(t, abs=1e-9)


def test_a_reflected_time_runs_back():
    assert [reflect(t, 0, 60) for t in (59, 60, 61, 119, 120, 121, -1)] == [59, 60, 59, 1, 0, 1, 1]
    assert reflect(5, 3, 3) == 3


def test_ten_hours_saturate_nothing():
    """A tanh unit sees time reflected; a sine's phase goes on by exactly its own turns."""
    tanh = Network(Shape(("time",), (("tanh",), ("sin",))), tuple(np.ones(s, np.float32) for s in
                   tensor_shapes(Shape(("time",), (("tanh",), ("sin",))))))  # fmt: skip
    assert frame_bias(tanh, {"time": TEN_HOURS + 7})[0] == pytest.approx(1 + 7)
    sine = Network(Shape(("time",), (("sin",),)), (np.array([[0.37]]), np.zeros(1), np.ones((3, 1)), np.zeros(3)))
    time, weight = TEN_HOURS + 0.123, float(np.float32(0.37))
    phase = weight * time / math.tau - 0.25
    # The block of one sine unit without pixel inputs is its bias alone, in turns.
    assert fold(sine, {"time": time})[0] == pytest.approx(phase - round(phase), abs=1e-7)


def test_the_seed_network_has_107_parameters():
    shape = preset("3L_4D")
    assert shape.parameters == 107
    assert shape.inputs == SEED_INPUTS
    assert shape.layers == (("sin",) * 4, ("cos",) * 4, ("gaussian",) * 4)
    assert [i for i, _ in pixel_inputs(shape)] == [0, 1]
    assert set(INPUTS) == set(PIXEL_INPUTS) | set(FRAME_INPUTS)


def test_presets_are_what_they_are_called():
    assert {name: preset(name).parameters for name in PRESETS} == {
        "2L_4D": 87, "3L_4D": 107, "3L_6D": 183, "2L_8D": 203, "3L_8D": 275,
        "4L_128D": 51_587, "4L_256D": 201_475, "8L_256D": 464_643,
    }  # fmt: skip
    for name in PRESETS:
        shape = preset(name)
        assert f"{len(shape.layers)}L_{len(shape.layers[0])}D" == name
        assert [layer[0] for layer in shape.layers] == [ACTIVATION_CYCLE[i % 4] for i in range(len(shape.layers))]
        assert len(shape.layers) <= MAX_LAYERS
    with pytest.raises(KeyError):
        preset("9L_9D")


def test_the_seed_init_is_xavier_with_zero_biases():
    shape = preset("3L_8D")
    networks = [init_seed(shape, seed) for seed in range(60)]
    widths = shape.widths
    for n in range(4):
        bound = (1.0 if n == 3 else 5.0) * math.sqrt(6 / (widths[n] + widths[n + 1]))
        weights = np.concatenate([net.tensors[2 * n].ravel() for net in networks])
        assert np.abs(weights).max() <= bound * (1 + 1e-6)
        assert np.abs(weights).max() > 0.98 * bound
        assert weights.std() == pytest.approx(bound / math.sqrt(3), rel=0.03)
        assert abs(weights.mean()) < 0.05 * bound
        assert not any(net.tensors[2 * n + 1].any() for net in networks)


def test_the_glow_init_has_biases_and_a_strong_dark_output():
    shape = preset("3L_8D")
    networks = [init_glow(shape, seed) for seed in range(60)]
    for n in range(4):
        last = n == 3
        bound = 5.0 * math.sqrt(6 / (shape.widths[n] + shape.widths[n + 1]))
        weights = np.concatenate([net.tensors[2 * n].ravel() for net in networks])
        assert 0.98 * bound < np.abs(weights).max() <= bound * (1 + 1e-6)
        bias = np.concatenate([net.tensors[2 * n + 1] for net in networks])
        low, high = (-2.5, -0.5) if last else (-1.5, 1.5)
        assert low <= bias.min() < low + 0.2
        assert high - 0.2 < bias.max() <= high
    gentle = np.concatenate([init_glow(shape, s, hidden_gain=2.0).tensors[2].ravel() for s in range(60)])
    assert np.abs(gentle).max() <= 2.0 * math.sqrt(6 / 16) * (1 + 1e-6)


def test_a_seed_is_one_network():
    a, b, other = (init_glow(preset("3L_4D"), seed) for seed in (4, 4, 5))
    assert np.array_equal(a.flat, b.flat)
    assert not np.array_equal(a.flat, other.flat)
    assert np.array_equal(a.with_flat(a.flat).flat, a.flat)


def test_a_network_is_immutable_and_checked():
    network = drawn(preset("2L_4D"), 1)
    for tensor in (*network.tensors, network.flat):
        with pytest.raises(ValueError, match="read-only"):
            tensor.ravel()[0] = 1.0
    with pytest.raises(ValueError, match="needs tensors"):
        Network(network.shape, network.tensors[:-1])
    with pytest.raises(ValueError, match="needs tensors"):
        Network(network.shape, (network.tensors[0].T, *network.tensors[1:]))


def test_what_is_kept_with_a_network_changes_no_block():
    """Weights are folded once and times every frame: any order of frames gives what a fresh network gives."""
    network = glow(4)
    moments = [VALUES, VALUES | {"time": 36_000.0, "bass": 0.0}, {}, VALUES]
    for values in moments:
        assert np.array_equal(fold(network, values), fold(network.with_flat(network.flat), values))
    bent = network.with_flat(network.flat * 1.01)
    assert not np.array_equal(fold(bent, VALUES), fold(network, VALUES))
    fold(network, VALUES)[:] = 0  # a caller may do with its block what it likes
    assert fold(network, VALUES).any()


def test_the_first_bias_is_the_frames_bias_folded():
    for seed in range(4):
        network = init_seed(preset("3L_4D"), seed)
        for moment in (0.0, 12.5, 36_000.0):
            values = VALUES | {"time": moment}
            scale = np.array([ACTIVATIONS[a].scale for a in network.shape.layers[0]])
            turn = np.array([ACTIVATIONS[a].turn for a in network.shape.layers[0]])
            whole = frame_bias(network, values) * scale + turn
            apart = first_bias(network, values) - whole
            np.testing.assert_allclose(apart, np.rint(apart), atol=1e-9)  # whole turns
