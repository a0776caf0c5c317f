from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, permutations

import numpy as np
import pytest

from morphogen.errors import StyleError
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.cppn import evaluate
from morphogen.field.inputs import FIELDS, FRAME_INPUTS
from morphogen.field.network import Network, Shape, init_glow, preset
from morphogen.library.align import align, meet, mix, path
from morphogen.library.assign import assign
from morphogen.library.draw import Recipe, network

NOW = {"time": 7.0, "bass": 0.4, "rms": 0.7}


def picture(net: Network, values=None) -> np.ndarray:
    rng = np.random.default_rng(5)
    pixels = {"x": rng.uniform(-0.9, 0.9, 400), "y": rng.uniform(-0.5, 0.5, 400)}
    return np.stack(evaluate(net, pixels, values or NOW))


def scrambled(net: Network, seed: int) -> Network:
    """The same picture from units in other places, with other signs and turns."""
    rng = np.random.default_rng(seed)
    tensors = [t.astype(np.float64) for t in net.tensors]
    for layer, names in enumerate(net.shape.layers):
        for name in set(names):
            places = [i for i, other in enumerate(names) if other == name]
            order = rng.permutation(places)
            at = 2 * layer
            tensors[at][places] = tensors[at][order]
            tensors[at + 1][places] = tensors[at + 1][order]
            tensors[at + 2][:, places] = tensors[at + 2][:, order]
        for i, name in enumerate(names):
            entry = ACTIVATIONS[name]
            if entry.parity != "none" and rng.random() < 0.5:
                tensors[2 * layer][i] *= -1
                tensors[2 * layer + 1][i] *= -1
                tensors[2 * layer + 2][:, i] *= -1 if entry.parity == "odd" else 1
            if entry.periodic:
                tensors[2 * layer + 1][i] += 2 * np.pi * rng.integers(-2, 3)
                if rng.random() < 0.5:
                    tensors[2 * layer + 1][i] += np.pi
                    tensors[2 * layer + 2][:, i] *= -1
    return Network(net.shape, tuple(t.astype(np.float32) for t in tensors), net.extent, net.time_range)


def test_assignment_equals_trying_everything():
    rng = np.random.default_rng(0)
    for _ in range(150):
        n = int(rng.integers(1, 7))
        cost = rng.normal(size=(n, n)) * 10.0 ** rng.integers(-3, 4)
        best = min(sum(cost[i, p[i]] for i in range(n)) for p in permutations(range(n)))
        chosen = assign(cost)
        assert sorted(chosen) == list(range(n))
        assert sum(cost[i, j] for i, j in enumerate(chosen)) == pytest.approx(best)


@pytest.mark.parametrize("cost", [np.zeros((5, 5)), np.ones((1, 1)), np.zeros((0, 0))])
def test_assignment_of_equals_is_some_permutation(cost):
    assert sorted(assign(cost)) == list(range(len(cost)))


SHAPES = {
    "3L_4D": preset("3L_4D"),
    "2L_8D": preset("2L_8D", (*FIELDS["place"].channels, *FRAME_INPUTS)),
    "mixed": Shape(
        ("x", "y", "time", "bass"), (("sin", "tanh", "gaussian", "cos"), ("identity", "abs", "cos", "relu"))
    ),
    "sigmoid": Shape(("x", "y", "r"), (("sigmoid", "relu", "sin"),)),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("seed", range(6))
def test_alignment_changes_nothing_that_is_drawn(name, seed):
    a, b = init_glow(SHAPES[name], seed), init_glow(SHAPES[name], seed + 100, 0.8)
    aligned = align(a, b, {})
    for values in ({}, {"bass": 0.8, "time": 0.5}):
        # Sign flips are exact; a moved bias is rounded to float32 again: 6e-6 is the most seen in 288 pairs.
        assert np.abs(picture(aligned, values) - picture(b, values)).max() < 1e-5
    assert (aligned.extent, aligned.time_range, aligned.shape) == (b.extent, b.time_range, b.shape)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("name", SHAPES)
def test_a_scrambled_copy_is_put_back(name, seed):
    a = init_glow(SHAPES[name], seed)
    b = scrambled(a, seed)
    assert np.abs(picture(b) - picture(a)).max() < 1e-4, "the test's own scrambling must keep the picture"
    aligned = align(a, b, NOW)
    assert np.abs(picture(mix(a, aligned, 0.5)) - picture(a)).max() < 1e-3


def test_without_alignment_the_scrambled_copy_collapses():
    lost = []
    for seed in range(8):
        a = init_glow(SHAPES["2L_8D"], seed)
        b = scrambled(a, seed)
        lost.append((path(a, b, NOW)[1], path(a, align(a, b, NOW), NOW)[1]))
    plain, aligned = np.mean(lost, axis=0)
    assert plain > 0.2
    assert aligned < 1e-3


def test_paths_of_strangers_get_shorter_and_never_worse():
    rows = []
    for seed in range(10):
        a, b = (network(Recipe("2L_8D", 2 * seed + k, pace=0.1, reaction=0.2, harmony=0.5)) for k in (0, 1))
        rows.append((*path(a, b, NOW), *path(a, align(a, b, NOW), NOW)))
        (rough, lost), (plain_rough, plain_lost) = rows[-1][2:], rows[-1][:2]
        assert rough + 3 * lost <= plain_rough + 3 * plain_lost + 1e-3
    plain_rough, plain_lost, rough, lost = np.mean(rows, axis=0)
    assert rough < 0.8 * plain_rough
    assert lost < 0.8 * plain_lost


def test_a_late_morph_does_not_spin_through_the_whole_show():
    """Half way between two speeds, ten minutes in, a phase would change by hundreds of radians in two seconds."""
    late = {"time": 600.0}
    a, b = (network(Recipe("3L_4D", seed, pace=0.1, reaction=0.2, harmony=0.5)) for seed in (1, 2))
    met = meet(a, b, late)
    assert np.abs(picture(met, late) - picture(b, late)).max() < 2e-3
    jumps = []
    for other in (b, met):
        frames = [picture(mix(a, other, t), late) for t in np.linspace(0, 1, 121)]
        jumps.append(max(np.abs(q - p).mean() for p, q in pairwise(frames)))
    assert jumps[1] < 0.25 * jumps[0]


def test_meeting_moves_whole_turns_only():
    a, b = (network(Recipe("3L_4D", seed, pace=0.1)) for seed in (1, 2))
    met = meet(a, b, {"time": 100.0})
    turns = (met.tensors[1] - b.tensors[1]) / (2 * np.pi)
    assert np.abs(turns - np.rint(turns)).max() < 1e-5
    assert all(np.array_equal(p, q) for i, (p, q) in enumerate(zip(met.tensors, b.tensors, strict=True)) if i != 1)


def test_mix_ends_at_both_networks():
    a, b = init_glow(preset("3L_4D"), 1), replace(init_glow(preset("3L_4D"), 2), extent=2.0, time_range=(0, 120))
    assert np.array_equal(mix(a, b, 0).flat, a.flat)
    assert np.allclose(mix(a, b, 1).flat, b.flat, atol=1e-6)
    half = mix(a, b, 0.5)
    assert np.allclose(half.flat, (a.flat + b.flat) / 2, atol=1e-6)
    assert half.extent == pytest.approx(1.0), "the geometric mean: a constant zoom"
    assert half.time_range == (0.0, 90.0)


def test_a_network_and_itself_go_nowhere():
    a = init_glow(preset("3L_4D"), 1)
    assert np.allclose(align(a, a, NOW).flat, a.flat, atol=1e-6)
    assert path(a, a) == (0.0, pytest.approx(0.0, abs=1e-9))


@pytest.mark.parametrize("call", [align, lambda a, b: mix(a, b, 0.5), lambda a, b: meet(a, b, {})])
def test_other_shapes_are_refused_with_the_way_out(call):
    with pytest.raises(
        StyleError, match=r"different shape cannot be morphed: 12>4x4x4>rgb and .* Cross-fade them instead"
    ):
        call(init_glow(preset("3L_4D"), 1), init_glow(preset("2L_4D"), 1))
