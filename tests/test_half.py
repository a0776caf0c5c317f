"""Drawing at half the width and height when the frame rate would suffer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from morphogen.field.grade import Grade
from morphogen.field.network import init_glow, preset
from morphogen.field.scene import Scene, View
from morphogen.frame import Crop, PixelFormat, TargetSpec
from morphogen.library.find import Library
from morphogen.render.cost import HIGH, LAST_HIGH, LAST_LOW, LOW, UPSCALE, Bill, Governor, may_shrink, work
from morphogen.render.cpu.renderer import CpuRenderer

SPEC = TargetSpec(640, 360)
SMALL, LARGE = preset("3L_4D"), preset("3L_8D")
STYLES = [info.name for info in Library().list() if info.name.startswith("starter/")]


@pytest.fixture(scope="module")
def whole():
    renderer = CpuRenderer()
    yield renderer
    renderer.close()


@pytest.fixture
def half():
    renderer = CpuRenderer()
    renderer.limit(1e-9)
    yield renderer
    renderer.close()


@pytest.fixture
def third(monkeypatch):
    """Pictures at a third of the size wherever that is possible."""
    monkeypatch.setattr(Governor, "plan", lambda self, shapes, specs: {s: 3 for s in specs if may_shrink(s, 3)})
    renderer = CpuRenderer()
    yield renderer
    renderer.close()


def draw(renderer, scene, spec=SPEC, frames=2):
    out = np.zeros(spec.pixel_bytes, np.uint8)
    for _ in range(frames):
        renderer.render(scene, [(spec, out)])
    return out.reshape(spec.height, spec.width, 4).astype(int)


def decibels(a, b):
    return 10 * np.log10(255**2 / max(float(np.mean((a - b) ** 2.0)), 1e-9))


@pytest.mark.parametrize("name", STYLES)
def test_a_starter_drawn_at_half_size_looks_the_same(name, whole, half):
    """At 640x360, where every detail is three times as coarse as at 1080p."""
    scene = Scene((Library().find(name).network,), {"time": 5.0, "bass": 0.5, "rms": 0.5})
    a, b = draw(whole, scene), draw(half, scene)
    assert half.describe()["half"] == ["640x360"]
    assert half.describe()["inner"] == {"640x360": 2}
    assert decibels(a, b) > 40
    assert np.abs(a - b).max() < 64  # single pixels on the sharpest edges of the busiest style


@pytest.mark.parametrize("change", [
    {"view": View(1.3, 20, 0.1, 0.05)}, {"view": View(mirror=3)}, {"grade": Grade(0.3, 1.2, 1.3, 0.2, 0.2)},
    {"dither": False},
])  # fmt: skip
def test_view_and_grade_are_the_same(change, whole, half):
    scene = replace(Scene((init_glow(SMALL, 3),), {"time": 1.0}), **change)
    assert decibels(draw(whole, scene), draw(half, scene)) > 45


def test_a_cross_fade_too(whole, half):
    scene = Scene((init_glow(SMALL, 3), init_glow(LARGE, 4)), {"time": 1.0}, mix=0.4)
    assert decibels(draw(whole, scene), draw(half, scene)) > 35


def test_formats_flip_and_crop(whole, half):
    scene = Scene((init_glow(SMALL, 3),), {"time": 1.0})
    part = replace(SPEC, crop=Crop(320, 180, 1280, 720))
    for spec in (replace(SPEC, format=PixelFormat.BGRA8), replace(SPEC, flip=True), part):
        assert decibels(draw(whole, scene, spec), draw(half, scene, spec)) > 45


@pytest.mark.parametrize("name", ["cosmic/galaxy", "cosmic/cosmic_web", "organic/neurons"])
def test_a_third_of_the_size_still_looks_the_same(name, whole, third):
    scene = Scene((Library().find(name).network,), {"time": 3.0, "bass": 0.4, "mid": 0.3, "beat": 0.3})
    spec = TargetSpec(1152, 648)
    assert decibels(draw(whole, scene, spec), draw(third, scene, spec)) > 40


def test_formats_flip_crop_fades_and_tiles_at_a_third(whole, third):
    scene, spec = Scene((init_glow(SMALL, 3), init_glow(LARGE, 4)), {"time": 1.0}, mix=0.4), TargetSpec(768, 432)
    part = replace(spec, crop=Crop(384, 216, 1536, 864))
    for wanted in (replace(spec, format=PixelFormat.BGRA8), replace(spec, flip=True), part):
        assert decibels(draw(whole, scene, wanted), draw(third, scene, wanted)) > 35
    big = draw(third, scene, TargetSpec(1536, 432))
    parts = [draw(third, scene, replace(spec, crop=Crop(x, 0, 1536, 432))) for x in (0, 768)]
    assert np.array_equal(big, np.concatenate(parts, axis=1))


def test_a_flat_picture_stays_flat_at_a_third(whole, third):
    """The weights of every phase add up to one, at the borders too."""
    flat = Scene((init_glow(SMALL, 3),), master=0.0, dither=False)
    for spec in (TargetSpec(768, 432), TargetSpec(258, 300)):
        assert np.array_equal(draw(third, flat, spec), draw(whole, flat, spec))


def test_tiles_at_half_size_fit_together(half):
    scene = Scene((init_glow(SMALL, 3),), {"time": 1.0})
    big = draw(half, scene, TargetSpec(1280, 360))
    left = draw(half, scene, TargetSpec(640, 360, crop=Crop(0, 0, 1280, 360)))
    right = draw(half, scene, TargetSpec(640, 360, crop=Crop(640, 0, 1280, 360)))
    assert np.array_equal(big, np.concatenate([left, right], axis=1))


def test_a_trail_goes_on(whole, half):
    """The past of the samples is blended: after a jump the picture lies between old and new."""
    before, after = (Scene((init_glow(SMALL, s),), {"time": 1.0}, trail=0.1) for s in (3, 4))
    start, goal = draw(whole, replace(before, trail=0.0)), draw(whole, replace(after, trail=0.0))
    draw(half, before, frames=3)
    mixed = draw(half, after, frames=1)
    keep = np.exp(-(1 / 60) / 0.1)
    assert decibels(mixed, start * keep + goal * (1 - keep)) > 40


def test_black_is_black(half):
    assert draw(half, Scene((init_glow(SMALL, 3),), master=0.0))[..., :3].max() == 0


def test_without_a_limit_nothing_is_halved(whole):
    draw(whole, Scene((init_glow(SMALL, 3),)))
    assert whole.describe()["half"] == []
    assert whole.describe()["inner"] == {}


@pytest.mark.parametrize(("spec", "may"), [
    (SPEC, True), (TargetSpec(641, 360), False), (TargetSpec(640, 361), False), (TargetSpec(64, 36), False),
    (TargetSpec(640, 360, crop=Crop(1, 0, 1280, 720)), False),
    (TargetSpec(640, 360, crop=Crop(2, 2, 1280, 721)), False),
])  # fmt: skip
def test_only_even_and_large_pictures_are_halved(spec, may):
    assert may_shrink(spec, 2) is may


@pytest.mark.parametrize(("spec", "may"), [
    (TargetSpec(1920, 1080), True), (TargetSpec(1280, 720), False), (TargetSpec(252, 1080), False),
    (TargetSpec(960, 540, crop=Crop(960, 0, 1920, 1080)), True),
    (TargetSpec(960, 540, crop=Crop(961, 0, 1923, 1080)), False),
])  # fmt: skip
def test_thirds_want_what_can_be_divided(spec, may):
    assert may_shrink(spec, 3) is may


def governor(budget_slots):
    """One slot takes a second, so that the budget is in slots."""
    made = Governor()
    made.budget = budget_slots
    made.learn("small", 1.0, 1.0)
    return made


def slots(shape, specs, scales):
    return sum(Bill.of([shape]).total(specs, scales))


def test_the_governor_predicts_a_heavier_style_before_it_is_drawn():
    need = slots(LARGE, [SPEC], {})
    made = governor(need / HIGH * 0.9)
    assert made.plan([SMALL], [SPEC]) == {}
    assert made.plan([LARGE], [SPEC]) == {SPEC: 2}


def test_a_third_only_where_half_does_not_do():
    spec = TargetSpec(1920, 1080)
    need = slots(LARGE, [spec], {spec: 2})
    made = governor(need / LAST_HIGH * 1.05)
    assert made.plan([LARGE], [spec]) == {spec: 2}  # beyond HIGH, and still in time
    made.budget = need / LAST_HIGH * 0.9
    assert made.plan([LARGE], [spec]) == {spec: 3}
    made.budget = need / (LAST_HIGH + LAST_LOW) * 2
    assert made.plan([LARGE], [spec]) == {spec: 3}  # between the two marks: stays
    made.budget = need / LAST_LOW * 1.1
    assert made.plan([LARGE], [spec]) == {spec: 2}


def test_it_comes_back_only_when_there_is_room():
    made = governor(slots(SMALL, [SPEC], {}) / (HIGH + LOW) * 2)
    assert made.plan([SMALL], [SPEC]) == {}  # between the two marks: stays whole
    assert made.plan([LARGE], [SPEC]) == {SPEC: 2}
    assert made.plan([SMALL], [SPEC]) == {SPEC: 2}  # between the two marks: stays halved
    made.budget *= 2
    assert made.plan([SMALL], [SPEC]) == {}


def test_the_largest_picture_is_halved_first():
    other = TargetSpec(320, 180)
    made = governor(slots(SMALL, [SPEC, other], {SPEC: 2}) / HIGH * 1.01)
    assert made.plan([SMALL], [other, SPEC]) == {SPEC: 2}


def test_a_hiccup_does_not_move_it():
    made = governor(slots(SMALL, [SPEC], {}) / HIGH * 1.1)
    for _ in range(8):
        made.learn("small", 1.0, 1.0)
    made.learn("small", 1.0, 50.0)
    assert made.plan([SMALL], [SPEC]) == {}


def test_work_counts_more_for_more():
    assert work(LARGE)[0] > 2 * work(SMALL)[0]
    assert work(SMALL)[0] > UPSCALE
