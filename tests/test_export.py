"""Styles as shaders of other hosts: compiled, drawn by OpenGL and compared with the reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

import isf_player
from drawing import draw, glow, scene
from exporting import A_FEW, HEARD, HOSTILE, LATE, SIZE, Screen, apart, expected, hosted, moving, recoloured, silence
from morphogen.errors import MorphogenError
from morphogen.export import inputs
from morphogen.export.table import TARGETS, export
from morphogen.export.words import plain
from morphogen.field.grade import Grade
from morphogen.field.inputs import FIELDS
from morphogen.field.palettes import TABLE
from morphogen.field.scene import View
from morphogen.frame import Alpha, TargetSpec
from morphogen.library.find import Library
from morphogen.library.style import Style
from morphogen.render.numpy import NumpyRenderer

HOSTS = ("glsl", "isf", "touchdesigner", "shadertoy")


@pytest.fixture(scope="module")
def screen() -> Iterator[Screen]:
    try:
        screen = Screen()
    except MorphogenError as error:
        pytest.skip(str(error))
    yield screen
    screen.close()


@pytest.mark.parametrize(("number", "name"), list(enumerate(FIELDS)))
def test_every_field_moves_as_on_the_stage(screen, number, name):
    assert apart(screen, moving(name, number), HOSTS[number % len(HOSTS)], LATE) < 0.2


@pytest.mark.parametrize("name", A_FEW)
def test_styles_draw_the_same_and_hear(screen, name):
    style = Library().find(name)
    assert apart(screen, style, "glsl", LATE) < 0.2
    silent = dict.fromkeys(inputs.HEARD, 0.0)
    difference = screen.draw(*hosted(style, "glsl", 7.0)) - screen.draw(*hosted(style, "glsl", 7.0, **silent))
    assert np.abs(difference).mean() > 0.5


def test_a_shadertoy_is_the_style_in_silence_and_moves_with_the_channel(screen):
    style = Library().find("starter/ember")
    text, words = hosted(style, "shadertoy", 7.0)
    quiet, loud = screen.draw(text, words), screen.draw(text, words, spectrum=0.9)
    assert np.abs(quiet - expected(style, 7.0, silence(7.0))).mean() < 0.2
    assert np.abs(quiet - loud).mean() > 0.5


# --- fractals: written by hand, so who changes field/fractals.py changes export/templates/orbit.glsl as well


@pytest.mark.parametrize("place", [0, 2, 5])  # cycles of two, three and one
def test_a_zoom_draws_the_same_on_its_whole_way_and_round_and_round(screen, place):
    style = zooming(place, 0.1, -0.7)
    for time in (0.0, 31.0, 65.0, 222.2, 290.0, 320.1, 1000.7):
        text, words = hosted(style, "glsl", time)
        error = np.abs(screen.draw(text, words) - expected(style, time)).mean()
        assert error < 0.2, f"{error:.3f} levels after {time} s"


def zooming(place: int, rate: float, bass: float) -> Style:
    """All channels of the Mandelbrot set; rate: octaves a second; bass: octaves that it takes away."""
    style = moving("mandelbrot", place, place=place, zoom=0.0)
    numbers = style.network.geometry.copy()
    row = 1  # of `zoom`
    assert FIELDS["mandelbrot"].parameters[row].name == "zoom"
    numbers[row, 1:3] = rate, bass
    return replace(style, network=replace(style.network, geometry=numbers))


@pytest.mark.parametrize("name", ["pattern/mandelbrot", "pattern/julia", "pattern/fractal"])
@pytest.mark.parametrize("time", [600.0, 36_000.0])
def test_fractals_hold_for_ten_hours(screen, name, time):
    assert apart(screen, Library().find(name), "glsl", time) < 0.2


def test_whole_julia_sets_as_well_as_their_tips(screen):
    assert moving("julia", 5).network.geometry[0, 0] == 1  # what all fields were drawn with: the tip
    assert apart(screen, moving("julia", 5, place=0, swing=0.4), "glsl", 7.0) < 0.2


# --- view and colour


@pytest.mark.parametrize("target", ["glsl", "isf", "touchdesigner"])
@pytest.mark.parametrize(
    ("view", "grade"),
    [
        (View(zoom=2.5, rotate=35, x=0.3, y=-0.2), Grade(exposure=0.7, contrast=1.3)),
        (View(mirror=1, kaleidoscope=5), Grade(saturation=1.6, hue=0.35)),
        (View(mirror=2), Grade(tint=0.6, tint_hue=0.9)), (View(mirror=3, zoom=0.4), Grade(contrast=0.5, hue=0.8)),
        (View(polar=True, warp=0.7, warp_scale=3, warp_phase=7 * 0.1, rotate=20), Grade()),
    ],
)  # fmt: skip
def test_view_and_grade_are_those_of_the_stage(screen, target, view, grade):
    style = Library().find("starter/ember")
    moved = {"zoom": view.zoom, "turned": view.rotate, "shift_x": view.x, "shift_y": view.y, "mirrored": view.mirror,
             "segments": view.kaleidoscope, "polar": view.polar, "warp": view.warp,
             "warp_scale": view.warp_scale}  # fmt: skip
    moved |= {name: getattr(grade, name) for name in inputs.GRADE}
    error = np.abs(screen.draw(*hosted(style, target, 7.0, **moved)) - expected(style, 7.0, view=view, grade=grade))
    assert error.mean() < 0.2, f"{error.mean():.3f} levels on average, {error.max()} at most"


def test_every_palette_is_that_of_the_stage(screen):
    style = Library().find("starter/ember")
    text, words = hosted(style, "glsl", 7.0, "all")
    for number, name in enumerate(TABLE, 1):
        error = np.abs(screen.draw(text, words | {"palette_chosen": number}) - recoloured(style, name))
        assert error.mean() < 0.5, f"{name}: {error.mean():.3f} levels on average"
        assert error.max() <= 2, name
    off = screen.draw(text, words | {"palette_chosen": 0})
    assert (off == screen.draw(*hosted(style, "glsl", 7.0))).all()


@pytest.mark.parametrize("target", ["isf", "touchdesigner"])
def test_a_palette_that_is_asked_for_is_on(screen, target):
    style = Library().find("starter/ember")
    drawn = screen.draw(*hosted(style, target, 7.0, "ice", palette_amount=0.7, palette_shift=0.3))
    assert np.abs(drawn - recoloured(style, "ice", 0.7, 0.3)).mean() < 0.5


@pytest.mark.parametrize("head", ["rgba", "palette_alpha"])
@pytest.mark.parametrize(("target", "alpha"), [("isf", Alpha.STRAIGHT), ("touchdesigner", Alpha.PREMULTIPLIED)])
def test_an_alpha_of_its_own_goes_along(screen, head, target, alpha):
    style = Style(glow(4, head=head), "test/cut")
    what = scene(style.network, values={**HEARD, "time": 7.0}, keyed=True, dither=False)
    wanted = draw(NumpyRenderer(), what, TargetSpec(*SIZE, alpha=alpha)).astype(int)
    found = screen.draw(*hosted(style, target, 7.0), channels=4)
    sure = wanted[..., 3:] > 3  # what is hardly there has no colour on the stage
    assert sure.mean() > 0.05
    assert np.ptp(wanted[..., 3]) > 20
    assert np.abs((found - wanted) * sure).mean() < 0.5
    assert np.abs(found - wanted)[..., 3].mean() < 0.5


# --- strangers


@pytest.mark.parametrize("target", TARGETS)
def test_a_stranger_cannot_write_code(screen, target):
    style = replace(Library().find("starter/ember"), prompt=HOSTILE, title=HOSTILE[:80], licence=HOSTILE[:80])
    text = export(style, target)
    assert "<script>alert" not in text
    if target == "html":
        assert text.count("</script>") == 3
        assert text.count("<script") == 3
        return
    assert text.isascii()
    honest, words = hosted(replace(style, prompt="", title="Ember", licence="MIT"), target, 7.0)
    assert (screen.draw(hosted(style, target, 7.0)[0], words) == screen.draw(honest, words)).all()
    if target == "isf":
        assert isf_player.described(text)["DESCRIPTION"] == plain(HOSTILE)
