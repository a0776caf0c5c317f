"""Fractal fields against direct iteration, deep down against whole arithmetic, and what must never happen: noise."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest

from morphogen.field import geometry
from morphogen.field.fractals import MIDDLE, SPAN, TOP, constant_of
from morphogen.field.inputs import FIELDS
from morphogen.field.places import HEIGHT, PLACES, place

BITS = 400  # of the whole numbers that the deep truth is counted in


def at(field: str, x, y, **changed: float) -> dict[str, np.ndarray]:
    names = tuple(FIELDS[field].channels)
    numbers = geometry.default(names)
    for row, (_, parameter) in zip(numbers, geometry.rows(names), strict=True):
        row[0] = changed.get(parameter.name, row[0])
    return geometry.sample(names, numbers, 0.5, {"x": np.asarray(x, float), "y": np.asarray(y, float)}, {})


def grid(width: int = 96, height: int = 54) -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid((np.arange(width) + 0.5 - width / 2) / height, (height / 2 - np.arange(height) - 0.5) / height)


def escape(z: np.ndarray, c: np.ndarray, steps: int = 60) -> np.ndarray:
    """Smooth count of iterations until |z| passes 2^16, infinite where it does not; plain complex arithmetic."""
    count = np.full(np.shape(z), np.inf)
    for n in range(steps):
        out = (np.abs(z) > 2.0**16) & np.isinf(count)
        count[out] = n - np.log2(2 * np.log2(np.abs(z[out])))
        z = np.where(np.isinf(count), z * z + c, z)
    return count


def counted(values: np.ndarray) -> np.ndarray:
    """A channel back in iterations."""
    return values * SPAN + MIDDLE


def agrees(found: np.ndarray, truth: np.ndarray, tolerance: float) -> None:
    """Equal but for one offset, where the count is plain (not faded, not at its end)."""
    plain = np.isfinite(truth) & (found < TOP - 3)
    assert plain.sum() > 200
    apart = (found - truth)[plain]
    np.testing.assert_allclose(apart, np.median(apart), atol=tolerance)


def test_the_whole_mandelbrot_set_is_that_of_plain_iteration():
    x, y = grid()
    found = at("mandelbrot", x, y, zoom=0.0, fine=0.0005)
    c = -0.65 + HEIGHT * (x + 1j * y)
    truth = escape(np.zeros_like(c), c)
    near = found["mandelbrot_edge"] > 0.7  # close to the set, some of the count has faded
    agrees(np.where(near, TOP, counted(found["mandelbrot"])), truth, 0.01)
    inside = (np.abs(1 - np.sqrt(1 - 4 * c)) < 0.9) | (np.abs(c + 1) < 0.2)  # heart and disc
    assert inside.sum() > 200
    np.testing.assert_allclose(found["mandelbrot_edge"][inside], 1.0)
    np.testing.assert_allclose(counted(found["mandelbrot"])[inside], TOP)


@pytest.mark.parametrize("swing", [0.0, 0.2, 0.5])
def test_a_whole_julia_set_is_that_of_plain_iteration(swing):
    x, y = grid()
    found = at("julia", x, y, place=0, swing=swing, reach=1.2, fine=0.0005)
    truth = escape(HEIGHT * (x + 1j * y), np.full(x.shape, constant_of(swing, 1.2)))
    agrees(np.where(found["julia_edge"] > 0.7, TOP, counted(found["julia"])), truth, 0.01)


def exactly(number: int, depth: float, x: float, y: float) -> float:
    """The count of one pixel in whole numbers of BITS bits, from the first iteration on."""
    one = 1 << BITS
    _, before, cycle = PLACES[number]
    cr, ci = (round(v * 2**60) << (BITS - 60) for v in (place(number).c.real, place(number).c.imag))
    for _ in range(5):  # Newton's method on the place itself, each time twice the digits
        zr = zi = dr = di = kept = 0
        marks = []
        for n in range(before + cycle + 1):
            if n in (before, before + cycle):
                marks.append((zr, zi, dr, di))
            dr, di = ((2 * (zr * dr - zi * di)) >> BITS) + one, (2 * (zr * di + zi * dr)) >> BITS
            zr, zi = ((zr * zr - zi * zi) >> BITS) + cr, ((2 * zr * zi) >> BITS) + ci
        fr, fi, gr, gi = (b - a for a, b in zip(*marks, strict=True))
        kept = gr * gr + gi * gi
        cr, ci = cr - ((fr * gr + fi * gi) << BITS) // kept, ci - ((fi * gr - fr * gi) << BITS) // kept
    scale = HEIGHT * 2.0 ** -(depth % 1)
    cr += round(x * scale * 2**60) << (BITS - 60) >> int(depth)
    ci += round(y * scale * 2**60) << (BITS - 60) >> int(depth)
    zr = zi = 0
    for n in range(2000):
        size = (zr * zr + zi * zi) >> (2 * BITS)
        if size > 2**32:
            return n - math.log2(math.log2(size))
        zr, zi = ((zr * zr - zi * zi) >> BITS) + cr, ((2 * zr * zi) >> BITS) + ci
    return math.inf


@pytest.mark.parametrize("number", range(len(PLACES)))
@pytest.mark.parametrize("depth", [11.0, 24.5, 150.0])
def test_deep_down_it_is_the_true_set(number, depth):
    """150 octaves are far beyond float64: the reference is iterated in 400 bits."""
    x, y = (axis.ravel() for axis in grid(8, 6))
    found = at("mandelbrot", x, y, place=number, zoom=depth, fine=0.0005)
    truth = np.array([exactly(number, depth, float(a), float(b)) for a, b in zip(x, y, strict=True)])
    plain = np.isfinite(truth) & (counted(found["mandelbrot"]) < TOP - 3) & (found["mandelbrot_edge"] < 0.7)
    assert plain.sum() >= 8
    apart = (counted(found["mandelbrot"]) - truth)[plain]
    np.testing.assert_allclose(apart, np.median(apart), atol=0.01)


@pytest.mark.parametrize("number", range(len(PLACES)))
def test_one_multiplier_deeper_it_is_the_same_picture_turned(number):
    here = place(number)
    octaves, turn = math.log2(abs(here.multiplier)), cmath.phase(here.multiplier) / math.tau
    x, y = grid(64, 36)
    for depth in (here.settled - octaves + 0.2, here.settled + 0.3, 90.0, 12345.6):
        near = at("mandelbrot", x, y, place=number, zoom=depth)
        deep = at("mandelbrot", x, y, place=number, zoom=depth + octaves, turn=(-turn) % 1)
        for name, values in near.items():
            np.testing.assert_allclose(deep[name], values, atol=0.02, err_msg=f"{name} at {depth}")
            assert np.abs(deep[name] - values).mean() < 1e-4


@pytest.mark.parametrize("number", range(len(PLACES)))
def test_a_dive_has_no_jerk(number):
    """A ten-thousandth of an octave moves the picture by about so much, also where it begins to go round."""
    x, y = grid(48, 27)
    for depth in np.concatenate([np.arange(0, 12, 0.23), place(number).settled + np.linspace(-0.01, 5, 40)]):
        a, b = (at("mandelbrot", x, y, place=number, zoom=d) for d in (depth, depth + 1e-4))
        assert np.abs(a["mandelbrot"] - b["mandelbrot"]).mean() < 1e-3
        assert np.abs(a["mandelbrot_edge"] - b["mandelbrot_edge"]).mean() < 1e-3


def test_the_deepest_zoom_is_a_picture_not_noise():
    x, y = grid(128, 72)
    for field, changed in [("mandelbrot", {"zoom": 1e6, "place": n}) for n in range(6)] + [("julia", {"zoom": 4.0})]:
        for name, values in at(field, x, y, **changed).items():
            assert np.isfinite(values).all()
            steps = np.abs(np.diff(values, axis=1))
            assert np.median(steps) < 0.05, (field, name)


def test_the_gradient_is_bounded():
    """However wildly the orbits part: over a hundredth of `fine` nearly all change less than a hundredth of the range,
    the worst less than a tenth."""
    rng = np.random.default_rng(3)
    x, y = rng.uniform(-0.9, 0.9, 20_000), rng.uniform(-0.5, 0.5, 20_000)
    fine = 0.002
    for field, changed in (("mandelbrot", {"zoom": 0.0}), ("mandelbrot", {"zoom": 40.0}), ("julia", {"reach": 1.2})):
        a, b = (at(field, x + step, y, fine=fine, **changed)[field] for step in (0.0, fine / 100))
        apart = np.abs(a - b) / 2
        assert apart.max() < 0.1
        assert np.quantile(apart, 0.999) < 0.01
