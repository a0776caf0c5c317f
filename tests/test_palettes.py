"""Palettes, their cross-fade, and the steps around the grade, by the reference backend."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from drawing import apart, draw, scene
from morphogen.coloured import FADE, Colourist
from morphogen.field.colours import ENTRIES, Colours, Lut, Table, frozen
from morphogen.field.grade import LUMA
from morphogen.field.palettes import NAMES, TABLE, gradient, oklab, srgb
from morphogen.params.catalog import BY_KEY, PALETTES
from morphogen.render.numpy import NumpyRenderer


def values(name: str, **more: float) -> dict[str, float]:
    found = {key: param.default for key, param in BY_KEY.items()}
    return found | {"color/palette": float(NAMES.index(name))} | more


@pytest.mark.parametrize("name", TABLE)
def test_forms_stay_readable(name):
    """Colours inside 0..1, from dark to bright, and no step down by more than the eye forgives."""
    colours = TABLE[name]
    assert colours.shape == (ENTRIES, 3)
    assert ((colours >= 0) & (colours <= 1)).all()
    luma = colours @ LUMA
    assert luma[-1] - luma[0] > 0.6
    assert np.diff(luma).min() > -0.006


def test_there_are_enough_and_all_differ():
    assert PALETTES == NAMES
    assert len(TABLE) >= 16
    assert {"calm", "fierce", "cosmic", "cellular"} <= set(TABLE)
    flat = [colours.tobytes() for colours in TABLE.values()]
    assert len(set(flat)) == len(flat)


def test_oklab_there_and_back():
    colours = np.random.default_rng(1).random((50, 3))
    assert np.allclose(srgb(oklab(colours)), colours, atol=1e-6)
    ends = gradient("102030", "ffeedd")
    assert np.allclose(ends[[0, -1]] * 255, [[16, 32, 48], [255, 238, 221]], atol=1e-3)


def test_grey_goes_by_its_luminance():
    ramp = frozen(np.linspace(0, 1, ENTRIES)[:, None].repeat(3, axis=1))
    what = scene(colours=Colours(1.0, table=Table(ramp)), dither=False)
    plain = draw(NumpyRenderer(), scene(dither=False))[..., :3] @ LUMA
    got = draw(NumpyRenderer(), what)[..., :3]
    assert np.abs(got[..., 0] - plain).max() <= 1.5
    assert apart(got[..., 0], got[..., 2]) == 0


def test_shift_has_no_seam_and_half_a_turn_is_backwards():
    table = Table(frozen(TABLE["cosmic"]))
    drawn = [draw(NumpyRenderer(), scene(colours=Colours(1.0, shift, table=table))) for shift in (0.0, 0.9999, 0.5)]
    assert apart(drawn[0], drawn[1]) <= 1
    black = Table(frozen(TABLE["cosmic"][::-1]))
    assert apart(drawn[2], draw(NumpyRenderer(), scene(colours=Colours(1.0, table=black)))) <= 1


def test_no_palette_and_no_table_change_nothing():
    plain = draw(NumpyRenderer(), scene())
    assert apart(plain, draw(NumpyRenderer(), scene(colours=Colours(0.0, 0.3, 1.0)))) == 0
    wide = Lut(frozen(np.linspace(0, 1, 2)[:, None].repeat(3, axis=1)), (-1.0,) * 3, (3.0,) * 3)
    flat = draw(NumpyRenderer(), scene(colours=Colours(lut=1.0, table=Table(lut=wide))))
    assert flat[..., :3].min() >= 255 // 4  # 0 lies a quarter along the curve
    assert flat[..., :3].max() <= 128


def test_the_first_frame_has_its_palette_at_once():
    made = Colourist().colours(values("calm"), 0.0)
    assert made.palette == 1.0
    assert np.allclose(made.table.palette, TABLE["calm"])
    assert Colourist().colours(values("off"), 0.0).palette == 0.0


def test_palettes_fade_into_each_other_and_in_and_out():
    colourist, dt = Colourist(), FADE / 8
    colourist.colours(values("off"), dt)
    amounts = [colourist.colours(values("fierce"), dt).palette for _ in range(9)]
    assert np.allclose(np.diff(amounts)[:7], 1 / 8)
    assert amounts[-1] == 1.0
    tables = [colourist.colours(values("ice"), dt).table for _ in range(9)]
    steps = [np.abs(b.palette - a.palette).max() for a, b in pairwise(tables)]
    assert max(steps) < 0.2
    assert np.allclose(tables[-1].palette, TABLE["ice"])
    assert tables[-1] is tables[-2], "what stands still is not sent to a card again"
    out = [colourist.colours(values("off"), dt) for _ in range(9)]
    assert 0.0 < out[3].palette < 1.0
    assert out[-1].palette == 0.0


def test_a_change_within_a_change_does_not_jump():
    colourist, dt = Colourist(), FADE / 8
    colourist.colours(values("ink"), dt)
    before = [colourist.colours(values("rose"), dt) for _ in range(3)][-1].table.palette
    after = colourist.colours(values("gold"), dt).table.palette
    assert np.abs(after - before).max() < 0.2
