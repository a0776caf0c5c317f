"""Networks in torch against the float64 reference: pictures, fields at every moment, activations, gradients."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from morphogen.field import geometry
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.cppn import evaluate
from morphogen.field.graph import OPS, pixel_input, reachable
from morphogen.field.inputs import FRAME_INPUTS, PIXEL_INPUTS, input_nodes
from morphogen.field.network import SEED_INPUTS, Network, Shape, init_glow, init_seed, preset
from morphogen.training.canvas import Canvas, shaped
from morphogen.training.states import LOOP, moment
from morphogen.training.torch_field import activate, operations, random_batch, stack

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `train`)")

MOMENTS = (moment(1.5), moment(17.0, bass=0.8, mid=0.3, beat=1.0), moment(9.0, treble=0.7))


def reference(network: Network, canvas: Canvas) -> np.ndarray:
    x, y = (c.numpy().astype(np.float64) for c in canvas.grid())
    drawn = [np.stack(evaluate(network, {"x": x, "y": y}, state.values)) for state in canvas.states]
    return np.concatenate(drawn, axis=1)


FIELDS_ONLY = sorted(set(OPS) - {"lookup"})  # palettes and look-up tables come after a style; nothing of it is trained


def test_every_operation_of_the_graph_has_its_torch_form():
    assert sorted(operations()) == FIELDS_ONLY
    nodes = reachable(input_nodes(PIXEL_INPUTS, pixel_input("x"), pixel_input("y")))
    assert "lookup" not in {node.op for node in nodes}


@pytest.mark.parametrize("name", FIELDS_ONLY)
def test_operations_mean_the_same(name):
    rng = np.random.default_rng(1)
    arguments = [np.abs(rng.normal(0.4, 1, 50)) + 0.01 for _ in range(OPS[name].arity)]
    got = operations()[name](*(torch.tensor(a) for a in arguments))
    np.testing.assert_allclose(got.numpy(), OPS[name].numpy(*arguments), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_mean_the_same(name):
    v = np.linspace(-6, 6, 101)
    got = activate(name, torch.tensor(v, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(got, ACTIVATIONS[name].reference(v), atol=2e-6)


@pytest.mark.parametrize("head", ["rgb", "palette"])
def test_pictures_match_the_reference_on_every_field(head):
    shape = preset("3L_8D", (*PIXEL_INPUTS, *FRAME_INPUTS), head)
    wanted = {"swirl": {"turn": {"base": 0.2, "time": 0.04}}, "cells": {"seed": 7, "scale": {"base": 3, "bass": 0.5}}}
    own = shaped(shape.inputs, wanted)
    networks = [Network(shape, init_glow(shape, seed, 0.5, 1.0).tensors, geometry=own) for seed in range(3)]
    canvas = Canvas(32, 16, MOMENTS)
    batch = stack(networks)
    got = batch.pictures(canvas.batch(batch, [own] * 3)).detach().numpy()
    for picture, network in zip(got, networks, strict=True):
        apart = np.abs(picture - reference(network, canvas))
        assert np.quantile(apart, 0.99) < 1 / 255  # far out in a fine field float32 differs at single pixels


def test_the_seeds_range_is_drawn_as_trained():
    shape = preset("3L_4D", SEED_INPUTS)
    network = init_seed(shape, 4, math.pi)
    canvas, batch = Canvas(32, 16, MOMENTS), stack([network])
    got = batch.pictures(canvas.batch(batch, [network.geometry])).detach().numpy()[0]
    assert np.abs(got - reference(network, canvas)).max() < 1 / 255


def test_units_of_one_layer_may_differ():
    shape = Shape(("x", "y", "time"), (("sin", "tanh", "relu"), ("cos", "gaussian")))
    network = init_glow(shape, 3)
    canvas, batch = Canvas(16, 8, MOMENTS), stack([network])
    got = batch.pictures(canvas.batch(batch, [network.geometry])).detach().numpy()[0]
    assert np.abs(got - reference(network, canvas)).max() < 1 / 255


def test_a_batch_gives_its_networks_back():
    shape = preset("3L_4D", ("x", "swirl_x", "bass"), "palette")
    batch = random_batch(shape, 5, np.random.default_rng(0))
    own = geometry.default(shape.inputs, 9)
    network = batch.pick([3]).network(0, own)
    assert all(np.array_equal(a, b[3].numpy()) for a, b in zip(network.tensors, batch.tensors, strict=True))
    assert np.array_equal(network.geometry, own)


def test_gradients_reach_every_weight():
    shape = preset("3L_4D", ("x", "y", "bass"), "palette")
    batch = stack([init_glow(shape, seed) for seed in (1, 2)])
    canvas = Canvas(16, 8, MOMENTS)
    batch.pictures(canvas.batch(batch, [geometry.default(shape.inputs)] * 2)).square().mean().backward()
    assert all(t.grad is not None and float(t.grad.abs().max()) > 0 for t in batch.tensors)


def test_each_network_may_have_its_own_geometry():
    shape = preset("3L_4D", ("swirl_x", "swirl_y"), "palette")
    network = init_glow(shape, 2)
    shapes = [shaped(shape.inputs, {"swirl": {"rate": rate}}) for rate in (-0.4, 0.4)]
    batch, canvas = stack([network, network]), Canvas(32, 16, MOMENTS[:1])
    drawn = batch.pictures(canvas.batch(batch, shapes)).detach().numpy()
    for picture, own in zip(drawn, shapes, strict=True):
        assert np.abs(picture - reference(replace(network, geometry=own), canvas)).max() < 1 / 255
    assert np.abs(drawn[0] - drawn[1]).max() > 0.1


def test_geometry_is_filled_in_where_it_is_named():
    inputs = ("swirl_x", "time")
    array = shaped(inputs, {"swirl": {"rate": 0.5, "turn": {"base": 0.1, "time": 0.02}}, "cells": {"scale": 3}})
    assert geometry.at(inputs, array, {"time": 10.0})["swirl"] == pytest.approx(
        {"rate": 0.5, "turn": 0.3, "core": 0.04}
    )


def test_moments_are_silent_but_for_what_is_named():
    state = moment(LOOP / 2, bass=0.5)
    assert state["bass"] == 0.5
    assert state["mid"] == state["treble"] == state["beat"] == 0
    assert state["rms"] == pytest.approx(0.35)
    assert state["progress"] == pytest.approx(0.5)
