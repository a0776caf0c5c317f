"""Geometry in style files, datagrams and on the wire: whole, bounded, and refused in plain words when hostile."""

from __future__ import annotations

import contextlib
import json
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from typer.testing import CliRunner

from drawing import VALUES, draw
from morphogen.cli.styles import app
from morphogen.errors import StyleError
from morphogen.field import geometry
from morphogen.field.cppn import evaluate
from morphogen.field.inputs import FIELDS, FRAME_INPUTS, INPUTS, PIXEL_INPUTS
from morphogen.field.network import Network, Shape, init_glow, preset
from morphogen.field.scene import Scene
from morphogen.frame import TargetSpec
from morphogen.library import geometry as geometries
from morphogen.library.align import align, meet, mix
from morphogen.library.draw import Recipe
from morphogen.library.draw import network as drawn
from morphogen.library.pack import GEOMETRY, LIMIT, pack, unpack
from morphogen.library.style import Style, describe, load_style, save_style
from morphogen.render.numpy import NumpyRenderer
from morphogen.scene_wire import Decoder, Encoder, Shot
from morphogen.stage import morphs

READS = ("x", "swirl_x", "swirl_y", "clouds", "stars", "time", "bass")


def lively(inputs: tuple[str, ...] = READS, seed: int = 7) -> Network:
    """A network whose geometry has been set, moved and drifts."""
    network = init_glow(Shape(inputs, (("sin",) * 4, ("gaussian",) * 3), "palette"), seed, hidden_gain=2.0)
    numbers = geometry.default(inputs, seed)
    rng = np.random.default_rng(seed)
    for row, (_, parameter) in zip(numbers, geometry.rows(inputs), strict=True):
        if parameter.kind != "whole":
            row[0] = np.float32(parameter.low + rng.uniform(0.2, 0.8) * (parameter.high - parameter.low))
            row[1:] = (rng.uniform(-0.5, 0.5, len(row) - 1) * (rng.uniform(size=len(row) - 1) < 0.3)).astype(np.float32)
    return replace(network, geometry=numbers)


def test_a_file_keeps_its_geometry(tmp_path):
    style = Style(lively(), "own/lively")
    back = load_style(save_style(style, tmp_path / "own" / "lively.safetensors").path)
    assert np.array_equal(back.network.geometry, style.network.geometry)
    saved = describe(back)["geometry"]
    assert set(saved) == {"swirl", "noise", "stars"}
    assert saved["noise"]["seed"] == 7
    assert isinstance(saved["noise"]["seed"], int)
    here, there = (draw(NumpyRenderer(), Scene((s.network,), VALUES)) for s in (style, back))
    assert np.array_equal(here, there)


def test_what_a_file_leaves_out_is_at_rest(tmp_path):
    inputs = ("swirl_x", "stars")
    assert np.array_equal(geometries.read(inputs, {}), geometry.default(inputs))
    some = geometries.read(inputs, {"swirl": {"rate": {"bass": 0.5}}})
    assert some[0, geometry.COLUMNS.index("bass")] == 0.5
    some[0, geometry.COLUMNS.index("bass")] = 0
    assert np.array_equal(some, geometry.default(inputs))
    plain = save_style(Style(init_glow(preset("2L_4D"), 1), "own/plain"), tmp_path / "plain.safetensors")
    assert "geometry" not in describe(load_style(plain.path))


@pytest.mark.parametrize(("value", "message"), [
    ([], "must be an object of fields, got a list"),
    ({"cells": {}}, "no input reads that field"),
    ({"swirl": []}, "'geometry/swirl' must be an object"),
    ({"swirl": {"speed": 1}}, "'geometry/swirl' has no 'speed'"),
    ({"swirl": {"rate": "fast"}}, "'geometry/swirl/rate' must be a number, got text"),
    ({"swirl": {"rate": True}}, "must be a number, got true/false"),
    ({"swirl": {"rate": 1e9}}, "must lie in -2 to 2"),
    ({"swirl": {"rate": float("nan")}}, "must lie in -2 to 2"),
    ({"swirl": {"rate": {"base": 10**400}}}, "must lie in -2 to 2"),
    ({"swirl": {"rate": {"drums": 1}}}, "is moved by 'drums'"),
    ({"swirl": {"rate": {"bass": float("inf")}}}, "'geometry/swirl/rate/bass' is inf"),
    ({"stars": {"seed": 1.5}}, "must be a whole number that nothing moves"),
    ({"stars": {"seed": {"base": 1, "bass": 1}}}, "must be a whole number that nothing moves"),
    ({"stars": {"seed": -1}}, "must lie in 0 to 65535"),
])  # fmt: skip
def test_hostile_geometry_is_refused(tmp_path, value, message):
    with pytest.raises(StyleError) as caught:
        geometries.read(("swirl_x", "stars"), value)
    assert message in str(caught.value)
    assert caught.value.cure
    style = save_style(Style(lively(), "own/lively"), tmp_path / "bad.safetensors")
    meta = describe(style) | {"geometry": value}
    tensors = load_tensors(style.path.read_bytes())
    style.path.write_bytes(save_tensors(tensors, {"morphogen": json.dumps(meta)}))
    with pytest.raises(StyleError, match=r"bad\.safetensors"):
        load_style(style.path)


def test_a_network_needs_the_geometry_of_its_own_inputs():
    with pytest.raises(ValueError, match="needs geometry"):
        replace(lively(), geometry=np.zeros((2, 11)))
    assert not lively().geometry.flags.writeable
    flat = lively().flat
    assert np.array_equal(lively().with_flat(flat * 2).geometry, lively().geometry)


# --- datagrams


def test_a_palette_style_with_fields_fits_one_datagram():
    """3L_8D with a spiral, noise and stars, moved by the music, with a name and a prompt."""
    network = lively(("x", "y", "r", "swirl_x", "swirl_y", "clouds", "stars", *FRAME_INPUTS))
    shape = preset("3L_8D", network.shape.inputs, "palette")
    style = Style(replace(init_glow(shape, 3), geometry=network.geometry), "cosmic/galaxy", prompt="a spiral galaxy")
    data = pack(style)
    assert len(data) <= LIMIT
    assert data[5] & GEOMETRY
    back = unpack(data)
    assert np.array_equal(back.network.geometry, style.network.geometry)
    assert back.shape == style.shape
    assert back.prompt.startswith("a spiral")
    at_rest = pack(Style(init_glow(shape, 3), "cosmic/galaxy", prompt="a spiral galaxy"))
    assert np.array_equal(unpack(at_rest).network.geometry, geometry.default(shape.inputs))


def sealed(body: bytes) -> bytes:
    data = body[:6] + struct.pack("<H", len(body) + 4) + body[8:]
    return data + struct.pack("<I", zlib.crc32(data))


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, 400), value=st.integers(0, 255))
def test_a_damaged_datagram_raises_nothing_but_style_errors(at, value):
    data = bytearray(pack(Style(lively(), "own/lively"))[:-4])
    data[at % len(data)] = value
    with contextlib.suppress(StyleError):
        network = unpack(sealed(bytes(data))).network
        assert np.isfinite(geometry.fold(network.shape.inputs, network.geometry, 0.5, VALUES)).all()


# --- the wire


def test_followers_draw_the_leaders_geometry():
    network = lively()
    scene = Scene((network,), VALUES)
    message = Encoder(1).shot(Shot(scene, 0, 0, 0, "own/lively", (64, 36)))
    back = Decoder().shot(message).scene
    assert np.array_equal(back.networks[0].geometry, network.geometry)
    spec = TargetSpec(31, 18)
    assert np.array_equal(draw(NumpyRenderer(), back, spec), draw(NumpyRenderer(), scene, spec))


@pytest.mark.parametrize("wrong", [b"", b"x" * 9, None, [1.0], np.full_like(geometry.default(READS), np.nan).tobytes()])
def test_a_wrong_geometry_on_the_wire_is_refused(wrong):
    message = Encoder(1).shot(Shot(Scene((lively(),), VALUES), 0, 0, 0, "own/lively", (64, 36)))
    assert len(message["scene"]["networks"][0]["geometry"]) == 8 * geometry.default(READS).size
    message["scene"]["networks"][0]["geometry"] = wrong
    with pytest.raises(ValueError, match=r"geometry|'swirl"):
        Decoder().shot(message)


# --- morphs


def test_a_morph_passes_through_the_geometry_between():
    a, b = lively(seed=7), lively(seed=7)
    moved = np.array(b.geometry)
    rate = [p.name for _, p in geometry.rows(READS)].index("rate")
    moved[rate, 0] = -1.0
    b = replace(b, geometry=moved)
    half = mix(a, b, 0.5)
    assert half.geometry[rate, 0] == pytest.approx((a.geometry[rate, 0] - 1) / 2)
    assert np.array_equal(mix(a, b, 0.0).geometry, a.geometry)
    np.testing.assert_allclose(mix(a, b, 1.0).geometry, b.geometry, atol=1e-15)


def test_fields_of_other_seeds_cross_fade():
    a, b = lively(), lively()
    assert morphs("auto", a, b)
    seeded = np.array(b.geometry)
    seeded[[p.name for _, p in geometry.rows(READS)].index("seed"), 0] = 8
    for kind in ("auto", "morph"):
        assert not morphs(kind, a, replace(b, geometry=seeded))


def test_an_hours_drift_does_not_pass_by_during_a_morph():
    """Two drifts, ten hours in: `meet` changes nothing that b draws, and no picture on the way races."""
    a, b = lively(seed=7), lively(seed=7)
    slow, fast = np.array(a.geometry), np.array(b.geometry)
    drifting = [i for i, (_, p) in enumerate(geometry.rows(READS)) if p.kind == "wrap"]
    slow[:, geometry.TIME], fast[:, geometry.TIME] = 0, 0
    slow[drifting, geometry.TIME], fast[drifting, geometry.TIME] = 0.011, 0.031
    a, b = replace(a, geometry=slow), replace(b, geometry=fast)
    values = VALUES | {"time": 36_000.0}
    met = meet(a, b, values)
    pixels = {"x": np.linspace(-0.8, 0.8, 50), "y": np.linspace(-0.4, 0.3, 50)}
    for channels in zip(evaluate(met, pixels, values), evaluate(b, pixels, values), strict=True):
        np.testing.assert_allclose(*channels, atol=1e-4)
    now = np.array([1.0, *(values.get(name, 0.0) for name in FRAME_INPUTS)])
    table = geometry.rows(READS)
    for i in drifting:
        span = table[i][1].high - table[i][1].low
        assert abs((met.geometry[i] - a.geometry[i]) @ now) <= span / 2 + 1e-6
    assert abs((b.geometry[drifting[0]] - a.geometry[drifting[0]]) @ now) > 100


def test_alignment_sees_the_fields():
    a, b = lively(seed=7), lively(seed=9)
    aligned = align(a, replace(b, geometry=a.geometry), VALUES)
    assert np.array_equal(aligned.geometry[:, 1:], a.geometry[:, 1:])
    assert aligned.shape == a.shape


# --- making them


def test_a_drawn_style_takes_its_seed_for_its_fields():
    inputs = ("x", "y", "clouds", "time")
    a, b = (drawn(Recipe("2L_4D", seed, inputs=inputs)) for seed in (3, 4))
    assert geometry.seeds(inputs, a.geometry) == (3.0,)
    assert geometry.seeds(inputs, b.geometry) == (4.0,)


def test_show_tells_fields_and_geometry(tmp_path):
    path = save_style(Style(lively(), "own/lively"), tmp_path / "lively.safetensors").path
    shown = CliRunner().invoke(app, ["show", str(path)])
    assert shown.exit_code == 0, shown.output
    flat = " ".join(shown.output.split())
    assert "swirl: rate" in flat
    assert "seed 7" in flat
    listed = CliRunner().invoke(app, ["show", str(path), "--json"])
    assert json.loads(listed.output)["geometry"]["stars"]["seed"] == 7


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.parameters])
def test_every_field_survives_a_file_and_a_datagram(name, tmp_path):
    inputs = (*FIELDS[name].channels, "bass")
    style = Style(lively(inputs), "own/one")
    for back in (unpack(pack(style)), load_style(save_style(style, tmp_path / "one.safetensors").path)):
        assert np.array_equal(back.network.geometry, style.network.geometry)
    assert set(inputs) <= set(INPUTS)
    assert set(FIELDS[name].channels) <= set(PIXEL_INPUTS)
