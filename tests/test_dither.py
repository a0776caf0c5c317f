"""The threshold matrix: it is what `make` makes, it is blue, and it hides the steps of dark gradients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drawing import draw
from morphogen.field.network import Network, Shape
from morphogen.field.scene import Grade, Scene
from morphogen.frame import TargetSpec
from morphogen.render import dither
from morphogen.render.numpy import NumpyRenderer


def test_the_shipped_matrix_is_made_by_make():
    assert np.array_equal(dither.make(), np.load(dither._FILE))


def test_another_seed_is_another_matrix():
    small = dither.make(16, 1.9, 1)
    assert np.array_equal(small, dither.make(16, 1.9, 1))
    assert not np.array_equal(small, dither.make(16, 1.9, 2))


def test_every_rank_is_there_once():
    for ranks in (dither.make(16), np.load(dither._FILE)):
        assert np.array_equal(np.sort(ranks.ravel()), np.arange(ranks.size))


def test_thresholds_keep_black_black_and_white_white():
    table = dither.thresholds()
    assert table.shape == (64, 64)
    assert table.dtype == np.float32
    assert len(np.unique(table)) == 64 * 64
    assert table.min() > 0
    assert table.max() <= 1 - 1.9e-3  # room for a white that is a few float32 steps too bright
    assert abs(table.mean() - 0.5) < 2e-3
    with pytest.raises(ValueError, match="read-only"):
        table[0, 0] = 1


def power(picture: np.ndarray) -> tuple[float, float]:
    """Mean spectral power below a quarter of the highest frequency (without the mean), and above half of it."""
    spectrum = np.abs(np.fft.fft2(picture - picture.mean())) ** 2
    f = np.fft.fftfreq(len(picture))
    radius = np.hypot(f[:, None], f[None, :])
    return float(spectrum[(radius > 0) & (radius < 0.125)].mean()), float(spectrum[radius > 0.25].mean())


@pytest.mark.parametrize("share", [0.05, 0.1, 0.25, 0.5, 0.75, 0.9])
def test_every_level_of_grey_is_blue_noise(share):
    low, high = power((dither.thresholds() < share).astype(float))
    white = power((np.random.default_rng(1).random((64, 64)) < share).astype(float))
    assert low < 0.12 * high
    assert low < 0.12 * white[0]


def test_the_channels_read_different_places():
    noise = dither.at(np.arange(64), np.arange(64))
    assert noise.shape == (3, 64, 64)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert abs(np.corrcoef(noise[a].ravel(), noise[b].ravel())[0, 1]) < 0.05
    # Together they are no rougher at low frequencies than one alone: a sum of three unrelated noises.
    assert power(noise.mean(axis=0))[0] < 1.5 * power(noise[0])[0] / 3


def test_it_repeats_every_64_pixels_and_follows_the_canvas():
    whole = dither.at(np.arange(150), np.arange(200))
    assert np.array_equal(whole[:, :64, :64], whole[:, 64:128, 64:128])
    assert np.array_equal(dither.at(np.arange(70, 90), np.arange(33, 99)), whole[:, 70:90, 33:99])


# --- pictures


CONTRAST = 3.0


def ramp(levels: float) -> Network:
    """A straight gradient from 0 at the left to `levels` / 255 at the right of WIDTH x HEIGHT, seen at CONTRAST 3.

    Contrast 3 turns a third into black, and a sigmoid that moves by four thousandths is straight."""
    third, rise = 1 / 3, levels / 255 / CONTRAST
    middle = third + rise / 2
    slope = rise / (WIDTH / HEIGHT) / (middle * (1 - middle))
    bias = np.full(3, np.log(middle / (1 - middle)))
    return Network(Shape(("x",), (("identity",),)), (np.array([[slope]]), np.zeros(1), np.ones((3, 1)), bias))


WIDTH, HEIGHT = 512, 128


@pytest.fixture(scope="module")
def gradient() -> dict[str, np.ndarray]:
    renderer = NumpyRenderer()
    dark = Scene((ramp(3.0),), grade=Grade(contrast=CONTRAST))
    found = {"exact": renderer.levels(replace(dark, dither=False), TargetSpec(WIDTH, HEIGHT))[:3] - 0.5}
    for name in ("dithered", "plain"):
        picture = draw(renderer, replace(dark, dither=name == "dithered"), (WIDTH, HEIGHT))
        found[name] = np.moveaxis(picture[..., :3].astype(float), -1, 0)
    return found


def blurred(picture: np.ndarray, size: int = 16) -> np.ndarray:
    """Means of size x size blocks, half overlapping."""
    view = np.lib.stride_tricks.sliding_window_view(picture, (size, size), axis=(-2, -1))
    return view[..., :: size // 2, :: size // 2, :, :].mean(axis=(-2, -1))


def test_a_dark_gradient_keeps_its_local_mean(gradient):
    line = gradient["exact"][0, 0]
    assert np.abs(line - (np.arange(WIDTH) + 0.5) / WIDTH * 3).max() < 0.02  # the test's own gradient is straight
    exact = blurred(gradient["exact"])
    assert np.abs(blurred(gradient["dithered"]) - exact).max() < 0.06
    assert np.abs(blurred(gradient["plain"]) - exact).max() > 0.3  # what the dither is for


def longest_band(picture: np.ndarray) -> int:
    """Most pixels in a row of one value along any line of the gradient."""
    longest = 0
    for line in picture.reshape(-1, picture.shape[-1]):
        edges = np.flatnonzero(np.diff(line)) + 1
        longest = max(longest, int(np.diff(np.concatenate([[0], edges, [len(line)]])).max()))
    return longest


def test_a_dark_gradient_has_no_bands(gradient):
    """Columns whose exact level is well between two whole ones; at a whole level one value alone is right."""
    level = gradient["exact"][0, 0]
    between = np.abs(level - np.rint(level)) > 0.2
    runs = np.split(np.flatnonzero(between), np.flatnonzero(np.diff(np.flatnonzero(between)) > 1) + 1)
    stretch = max(runs, key=len)
    assert len(stretch) > 60
    assert longest_band(gradient["plain"][:, :, stretch]) > 0.4 * len(stretch)
    assert longest_band(gradient["dithered"][:, :, stretch]) <= 24
    # And as the eye sees it, over four rows: no column of the picture stands still.
    seen = gradient["dithered"][0].reshape(HEIGHT // 4, 4, WIDTH).mean(axis=1)[:, stretch]
    assert longest_band(seen) <= 12
