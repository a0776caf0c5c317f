"""The grade as one affine step: neutral is nothing at all, and each control does what its name says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawing import constant, draw, scene
from morphogen.field.grade import LUMA, grade_matrix
from morphogen.field.scene import SLOT, Grade, scene_uniforms
from morphogen.render.numpy import NumpyRenderer

turns = st.floats(-3, 3)
colours = st.tuples(*[st.floats(0, 1)] * 3)


def apply(grade: Grade, rgb) -> np.ndarray:
    matrix = grade_matrix(grade)
    return matrix[:, :3] @ np.asarray(rgb, float) + matrix[:, 3]


@pytest.mark.parametrize("grade", [Grade(), Grade(tint_hue=0.1), Grade(hue=1.0), Grade(hue=-2.0)])
def test_neutral_is_the_identity_exactly(grade):
    assert np.array_equal(grade_matrix(grade), np.eye(3, 4))
    assert scene_uniforms(scene(grade=grade))[SLOT["graded"]] == 0


@pytest.mark.parametrize(
    "grade",
    [Grade(exposure=0.01), Grade(contrast=0.99), Grade(saturation=1.01), Grade(hue=0.001), Grade(tint=0.01)],
)  # fmt: skip
def test_the_least_change_switches_the_grade_on(grade):
    assert scene_uniforms(scene(grade=grade))[SLOT["graded"]] == 1


@given(turns, colours)
def test_hue_keeps_luminance_and_grey(hue, rgb):
    assert LUMA @ apply(Grade(hue=hue), rgb) == pytest.approx(LUMA @ np.array(rgb), abs=1e-9)
    np.testing.assert_allclose(apply(Grade(hue=hue), [0.4] * 3), [0.4] * 3, atol=1e-9)


@given(st.floats(0, 1), st.integers(-3, 3), colours)
def test_full_turns_of_hue_are_nothing(hue, whole, rgb):
    np.testing.assert_allclose(apply(Grade(hue=hue + whole), rgb), apply(Grade(hue=hue), rgb), atol=1e-7)


def test_a_third_of_a_turn_makes_red_green():
    r, g, b = apply(Grade(hue=1 / 3), (1, 0, 0))
    assert g > r
    assert g > b
    # The same rotation twice more comes home.
    matrix = grade_matrix(Grade(hue=1 / 3))[:, :3]
    np.testing.assert_allclose(np.linalg.matrix_power(matrix, 3), np.eye(3), atol=1e-12)


@given(colours)
def test_saturation(rgb):
    luma = LUMA @ np.array(rgb)
    np.testing.assert_allclose(apply(Grade(saturation=0.0), rgb), [luma] * 3, atol=1e-12)
    np.testing.assert_allclose(apply(Grade(saturation=2.0), rgb), 2 * np.array(rgb) - luma, atol=1e-12)


@given(colours, st.floats(-4, 4))
def test_exposure_is_in_stops(rgb, stops):
    np.testing.assert_allclose(apply(Grade(exposure=stops), rgb), np.array(rgb) * 2.0**stops, atol=1e-9)


@given(colours, st.floats(0, 3))
def test_contrast_turns_about_mid_grey(rgb, contrast):
    expected = 0.5 + contrast * (np.array(rgb) - 0.5)
    np.testing.assert_allclose(apply(Grade(contrast=contrast), rgb), expected, atol=1e-12)


@pytest.mark.parametrize(("hue", "brightest"), [(0.0, {0}), (1 / 3, {1}), (2 / 3, {2}), (1 / 6, {0, 1}), (0.5, {1, 2})])
def test_a_tint_is_one_colour_as_bright_as_the_picture(hue, brightest):
    full = Grade(tint=1.0, tint_hue=hue)
    a, b = apply(full, (0.9, 0.1, 0.3)), apply(full, (0.1, 0.2, 0.9))
    assert set(np.flatnonzero(a > a.max() - 1e-9)) == brightest
    np.testing.assert_allclose(a / np.linalg.norm(a), b / np.linalg.norm(b), atol=1e-9)
    half = apply(Grade(tint=0.5, tint_hue=hue), (0.9, 0.1, 0.3))
    np.testing.assert_allclose(half, (a + np.array((0.9, 0.1, 0.3))) / 2, atol=1e-12)


def test_a_tint_keeps_luminance_as_far_as_the_colour_allows():
    for hue in (0.1, 0.2, 1 / 3, 0.45, 0.9):
        got = LUMA @ apply(Grade(tint=1.0, tint_hue=hue), (0.5, 0.5, 0.5))
        assert got == pytest.approx(0.5, abs=1e-9) or got < 0.5


@settings(max_examples=40, deadline=None)
@given(st.floats(0.01, 0.99), st.floats(-2, 2), st.floats(0.2, 2), st.floats(0, 2))
def test_what_is_drawn_is_the_matrix_with_a_soft_shoulder(level, exposure, contrast, saturation):
    """Linear up to 0.8, then bent so that it never passes 1; below zero is black."""
    grade = Grade(exposure, contrast, saturation)
    value = float(apply(grade, [level] * 3)[0])
    expected = value if value <= 0.8 else 0.8 + 0.2 * (1 - np.exp(-(value - 0.8) / 0.2))
    picture = draw(NumpyRenderer(), scene(constant(level), grade=grade, dither=False), (2, 2))
    assert picture[0, 0, 0] == pytest.approx(255 * min(max(expected, 0), 1), abs=0.5 + 1e-3)


def test_the_shoulder_keeps_order_and_never_clips_flat():
    renderer = NumpyRenderer()
    values = [
        float(draw(renderer, scene(constant(level), grade=Grade(exposure=0.4), dither=False), (1, 1))[0, 0, 0])
        for level in np.linspace(0, 1, 60)
    ]
    assert values == sorted(values)
    assert values[-1] < 255
