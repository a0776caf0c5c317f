"""Palette and look-up table on every backend against the float64 reference; judge: `test_render_parity`."""

from __future__ import annotations

import numpy as np
import pytest

from drawing import apart, draw, glow, scene
from morphogen.field.colours import Colours, Lut, Table, frozen
from morphogen.field.grade import Grade
from morphogen.field.network import init_glow, preset
from morphogen.field.palettes import TABLE
from morphogen.field.scene import Scene
from morphogen.frame import Crop, TargetSpec
from test_render_parity import SIZE, Judge, judge, no_history, wide  # noqa: F401  fixtures


def axes(size: int) -> np.ndarray:
    steps = np.linspace(0, 1, size)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    return np.stack([red, green, blue], axis=-1)


def strong(size: int) -> Lut:
    r, g, b = np.moveaxis(axes(size), -1, 0)
    return Lut(frozen(np.stack([g**2, 1 - r, np.abs(np.sin(4 * b))], axis=-1)), name="strong")


def curves(*powers: float, size: int = 17) -> Lut:
    return Lut(frozen(np.linspace(0, 1, size)[:, None] ** np.array(powers)))


def coloured(table: Lut | None = None, name: str = "cosmic", **more: float) -> Colours:
    return Colours(**more, table=Table(frozen(TABLE[name]), table))


@pytest.mark.parametrize("name", TABLE)
def test_every_palette(judge: Judge, name: str) -> None:  # noqa: F811
    for amount, shift in ((1.0, 0.0), (0.4, 0.3)):
        judge.check(scene(colours=coloured(name=name, palette=amount, shift=shift)), SIZE, f"{name} {amount} {shift}")


@pytest.mark.parametrize("lut", [strong(2), strong(33), curves(0.5, 1, 2), curves(3, 0.7, 1, size=4096)],
                         ids=["cube 2", "cube 33", "curves", "long curves"])  # fmt: skip
def test_look_up_tables(judge: Judge, lut: Lut) -> None:  # noqa: F811
    wider = Lut(lut.values, (-0.2, 0.1, 0.0), (1.2, 0.8, 1.0))
    for table, amount in ((lut, 1.0), (wider, 1.0), (lut, 0.5)):
        what = scene(colours=coloured(table, palette=0.7, shift=0.8, lut=amount), grade=Grade(exposure=0.5, hue=0.2))
        judge.check(what, SIZE, f"{lut.size} entries, {amount}")


def test_identity_tables_change_nothing(judge: Judge) -> None:  # noqa: F811
    plain = draw(judge.renderer, scene())
    for lut in (Lut(frozen(axes(33))), Lut(frozen(axes(5))), curves(1, 1, 1)):
        assert apart(plain, draw(judge.renderer, scene(colours=coloured(lut, lut=1.0)))) <= 1


def test_tables_that_change_are_seen(judge: Judge) -> None:  # noqa: F811
    """Larger, smaller, another one of the same size, and none."""
    for lut in (strong(9), curves(2, 2, 2), strong(33), Lut(frozen(axes(33))), None):
        judge.check(scene(colours=coloured(lut, lut=1.0)), SIZE, f"{lut and lut.name}")


def test_with_all_else(judge: Judge) -> None:  # noqa: F811
    """In a cross-fade, with a trail, as a tile and as a picture of one column."""
    colours = coloured(strong(17), palette=0.6, shift=0.2, lut=0.8)
    judge.check(Scene((glow(3), glow(9, "2L_8D")), colours=colours, mix=0.4), SIZE, "cross-fade")
    for _ in range(3):
        judge.check(scene(colours=colours, trail=0.3), SIZE, "trail")
    judge.check(scene(colours=colours), TargetSpec(9, 7, crop=Crop(11, 5, 41, 24)), "tile")
    judge.check(scene(colours=colours), (1, 9), "column")


def test_wide_networks_are_coloured(judge: Judge) -> None:  # noqa: F811
    shape, size = wide(judge, "4L_128D")
    judge.check(scene(init_glow(shape, 1), colours=coloured(strong(17), palette=0.5, lut=1.0)), size, "wide")


def test_what_is_not_finite_reads_inside_the_table(judge: Judge) -> None:  # noqa: F811
    network = init_glow(preset("3L_4D"), 1)
    broken = network.with_flat(np.full(network.shape.parameters, np.nan, np.float32))
    for colours in (coloured(strong(9), palette=1.0, lut=1.0), coloured(curves(2, 1, 1), lut=1.0)):
        assert draw(judge.renderer, scene(broken, colours=colours)).shape == (17, 33, 4)
