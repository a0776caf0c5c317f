"""The palette head: its curve, its stops, and what is drawn from a seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawing import glow
from morphogen.errors import UsageError
from morphogen.field import palette
from morphogen.field.cppn import evaluate, fold
from morphogen.field.graph import Evaluator, pixel_input
from morphogen.field.network import PRESETS, init_glow, init_seed, preset
from morphogen.library.align import align, mix, path
from morphogen.library.draw import Recipe, draw, parse_command

PLACES = np.linspace(0, 1, 3001)
any_stops = st.integers(0, 10_000).map(lambda seed: np.random.default_rng(seed).normal(0, 5, (palette.STOPS, 3)))


def curve(stops: np.ndarray) -> np.ndarray:
    return np.stack(palette.evaluate(stops, PLACES))


@settings(max_examples=50, deadline=None)
@given(any_stops)
def test_the_graph_is_the_curve(stops):
    read = Evaluator(palette.coefficients(stops), {"place": PLACES})
    drawn = np.stack([read(node) for node in palette.expand(pixel_input("place"), 0)])
    np.testing.assert_allclose(drawn, curve(stops), atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(any_stops)
def test_the_curve_runs_from_the_first_stop_to_the_last_without_an_edge(stops):
    seen, colours = curve(stops), palette.colours(stops)
    np.testing.assert_allclose(seen[:, [0, -1]].T, colours[[0, -1]], atol=1e-12)
    assert (seen >= colours.min(axis=0)[:, None] - 1e-12).all()
    assert (seen <= colours.max(axis=0)[:, None] + 1e-12).all()
    slopes = np.diff(seen, axis=1) * 3000
    assert np.abs(np.diff(slopes, axis=1)).max() < 36 / 3000 + 1e-6  # straight lines would jump by up to 8


def test_equal_stops_are_one_colour():
    stops = np.tile([-1.0, 0.5, 3.0], (palette.STOPS, 1))
    np.testing.assert_allclose(curve(stops), palette.colours(stops[0])[:, None] + np.zeros(len(PLACES)), atol=1e-15)
    coefficients = palette.coefficients(np.full((palette.STOPS, 3), 1e4)).reshape(3, 5)
    assert (coefficients == [1, 0, 0, 0, 0]).all(), "white is white, to the bit"


def test_drawn_stops_run_from_dark_to_bright():
    weights = np.array([0.2126, 0.7152, 0.0722])
    drawn = [palette.random_stops(np.random.default_rng(seed)) for seed in range(200)]
    for stops in drawn:
        light = palette.colours(stops) @ weights
        assert light[0] < 0.1
        assert light[-1] > 0.6
        assert (np.diff(light) > 0).all()
        assert stops.dtype == np.float32
        assert np.abs(stops).max() < 7
    assert len({stops.tobytes() for stops in drawn}) == 200


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("init", [init_glow, init_seed])
def test_every_preset_has_one(name, init):
    shape = preset(name, head="palette")
    network = init(shape, 7)
    assert network.tensors[-1].shape == (palette.STOPS, 3)
    assert network.tensors[-3].shape == (1, PRESETS[name][1])
    assert network.flat.size == shape.parameters
    assert str(shape).endswith(">palette")
    assert np.array_equal(network.flat, init(shape, 7).flat)
    assert np.array_equal(network.with_flat(network.flat).tensors[-1], network.tensors[-1])


def test_stops_are_bent_and_stay_colours():
    """The last of `/morphogen/weight/<n>` are the stops; no value leaves the colours."""
    network = glow(3, head="palette")
    pixels = {"x": np.linspace(-0.8, 0.8, 50), "y": np.linspace(0.4, -0.4, 50)}
    plain = np.stack(evaluate(network, pixels, {}))
    for value in (-1e4, 1e4):
        flat = network.flat.copy()
        flat[-palette.STOPS * 3 :: 3] = value
        bent = np.stack(evaluate(network.with_flat(flat), pixels, {}))
        assert np.allclose(bent[0], value > 0)
        assert np.array_equal(bent[1:], plain[1:])


def test_the_block_ends_with_the_coefficients():
    network = glow(3, head="palette")
    expected = palette.coefficients(network.tensors[-1]).astype(np.float32)
    assert np.array_equal(fold(network, {"time": 5.0})[-palette.FLOATS :], expected)


def test_a_morph_passes_through_the_stops_between():
    a, b = glow(1, head="palette"), glow(2, head="palette")
    other = align(a, b, {"time": 3.0})
    assert np.array_equal(other.tensors[-1], b.tensors[-1])
    half = mix(a, other, 0.5)
    np.testing.assert_allclose(half.tensors[-1], (a.tensors[-1] + b.tensors[-1]) / 2, atol=1e-6)
    pixels = {"x": np.linspace(-0.8, 0.8, 50), "y": np.linspace(0.4, -0.4, 50)}
    np.testing.assert_allclose(
        np.stack(evaluate(other, pixels, {"time": 3.0})), np.stack(evaluate(b, pixels, {"time": 3.0})), atol=1e-4
    )
    weights = lambda roughness, collapse: roughness + 3 * collapse  # noqa: E731
    assert weights(*path(a, other, {"time": 3.0})) <= weights(*path(a, b, {"time": 3.0})) + 1e-6


def test_a_starter_with_a_palette_is_drawn_again_from_its_command():
    style = draw(Recipe("2L_8D", 5, head="palette", contrast=0.7, pace=0.1))
    assert "--head palette" in style.training
    again = draw(parse_command(style.training))
    assert again.shape.head == "palette"
    assert np.array_equal(again.network.flat, style.network.flat)
    with pytest.raises(UsageError, match="harmony joins three channels"):
        draw(Recipe(head="palette", harmony=0.5))
    with pytest.raises(UsageError, match=r"unknown head 'cmyk'\. Known: rgb, palette"):
        draw(Recipe(head="cmyk"))


@pytest.mark.parametrize("name", PRESETS)
def test_every_seed_glows_on_dark_and_shows_its_palette(name):
    """Over moments, silent and loud: half of it dark, light in the rarer part, nothing flat."""
    pixels = dict(zip("xy", (grid.ravel() for grid in np.meshgrid(*(np.linspace(-a, a, 15) for a in (0.9, 0.5)))),
                      strict=True))  # fmt: skip
    loud = dict.fromkeys(("bass", "mid", "treble", "beat", "rms"), 0.8)
    seeds = range(6) if PRESETS[name][1] <= 16 else range(2)
    for network in (init_glow(preset(name, head="palette"), seed) for seed in seeds):
        moments = [{"time": t} | heard for t in (0.0, 20.0, 40.0) for heard in ({}, loud)]
        light = np.array([0.2126, 0.7152, 0.0722]) @ np.array([evaluate(network, pixels, now) for now in moments])
        assert light.std() > 0.1
        assert np.median(light) < 0.3
        assert np.quantile(light, 0.97) > 0.4
        assert light.mean() < 0.45


def test_other_ears_leave_silence_as_it_is():
    plain, other = (draw(Recipe("3L_4D", 5, head="palette", ear=ear)) for ear in (0, 7))
    assert "--ear 7" in other.training
    assert "--ear" not in plain.training
    assert np.array_equal(draw(parse_command(other.training)).network.flat, other.network.flat)
    first, second = (style.network.tensors[0] for style in (plain, other))
    changed = [name for n, name in enumerate(plain.shape.inputs) if (first[:, n] != second[:, n]).any()]
    assert changed == ["bass", "mid", "treble", "centroid", "rolloff", "flux", "beat", "rms"]
    assert 0.5 < np.abs(second).max() / np.abs(first).max() < 2
