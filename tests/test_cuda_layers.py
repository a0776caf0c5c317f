"""Layers on the CUDA backend: the kernels' very text, run by `ptx_machine` under a stand-in for the driver."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from drawing import VALUES, apart, draw, glow, scene
from fake_cuda import FakeDriver, cuda  # noqa: F401  a fixture
from morphogen.field.grade import Grade
from morphogen.field.layers import BLENDS
from morphogen.field.network import SEED_INPUTS, Shape, init_glow
from morphogen.field.scene import Layer, Scene, View
from morphogen.frame import TargetSpec
from morphogen.render.cuda import wide
from morphogen.render.cuda.renderer import CudaRenderer
from morphogen.render.numpy import NumpyRenderer

SPEC = TargetSpec(25, 9)
LAYER = Layer(glow(5, "2L_4D"), "screen", 0.7, View(0.6, 31.0, kaleidoscope=5), Grade(hue=0.3, exposure=0.4))


@pytest.fixture
def renderer(cuda: FakeDriver):  # noqa: F811
    """After each test everything was given back."""
    made = CudaRenderer()
    yield made
    made.close()
    del made
    gc.collect()
    assert cuda.left() == {}


@pytest.fixture(scope="module")
def reference():
    return NumpyRenderer()


def check(renderer, reference, what: Scene, label: str) -> None:
    ours, truth = draw(renderer, what, SPEC), draw(reference, what, SPEC)
    assert apart(ours, truth) <= 1, label
    assert (ours != truth).mean() <= 0.02 or np.abs(ours.astype(int) - truth).sum() <= 4, label


def test_every_mode(renderer, reference):
    """Over one network and over a cross-fade, in part and in full, without and with a trail."""
    for blend in BLENDS:
        for opacity in (0.3, 1.0):
            layer = Layer(LAYER.network, blend, opacity, LAYER.view, LAYER.grade)
            for networks in ((glow(3),), (glow(3), glow(9, "2L_8D", "palette"))):
                check(renderer, reference, Scene(networks, VALUES, 0.4, layer=layer), f"{blend} {opacity}")
    for n in range(4):
        moved = scene(layer=LAYER, trail=0.5, values=VALUES | {"time": n / 10})
        check(renderer, reference, moved, f"trail, frame {n}")


def test_a_layer_of_the_same_shape(renderer, reference):
    """One kernel draws both, each time with its own weights."""
    check(renderer, reference, scene(glow(3), layer=Layer(glow(4), "difference")), "same shape")


def test_wide_networks_below_and_above(renderer, reference, monkeypatch):
    monkeypatch.setattr(wide, "TRIAL_SAMPLES", 64)
    monkeypatch.setattr(wide, "TRIAL", Shape(("x", "y"), (("sin",) * 17,)))
    big = init_glow(Shape(SEED_INPUTS, (("sin",) * 24, ("tanh",) * 20)), 1)
    for network, layer in ((big, glow(5)), (glow(3), big), (big, big)):
        check(renderer, reference, scene(network, layer=Layer(layer, "screen", 0.7, View(1.4))), "wide")


def test_the_picture_below_leaves_the_card_with_the_layer(renderer, cuda):  # noqa: F811
    draw(renderer, scene(), SPEC)
    before = sum(block.size for block in cuda.memory.blocks.values())
    draw(renderer, scene(layer=Layer(glow(5), "add")), SPEC)
    assert sum(block.size for block in cuda.memory.blocks.values()) > before
    draw(renderer, scene(), SPEC)
    gc.collect()
    assert sum(block.size for block in cuda.memory.blocks.values()) == before
