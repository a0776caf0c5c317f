"""The dither's error: no coarse grain, no direction, and nothing to see of the matrix's period (docs/quality.md)."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))

import banding


@pytest.fixture(scope="module")
def found():
    return banding.drawn((640, 512))


def test_the_gradient_is_slow_and_dark(found):
    exact = found["exact"]
    assert exact.max() == pytest.approx(banding.LIGHT, abs=0.2)
    assert exact.min() < banding.DARK + 0.5
    assert np.abs(np.diff(exact, axis=1)).max() < 0.05, "levels from one pixel to the next"
    assert np.abs(found["plain"] - exact).max() <= 0.51
    assert np.abs(found["ours"] - exact).max() < 1.01


def test_coarse_grain_is_far_below_white_noise(found):
    told = banding.figures(found)
    assert told["ours"]["low"] < 0.1 * told["white"]["low"] < 0.01 * told["plain"]["low"]
    assert told["ours"]["seen"] < 0.6 * told["white"]["seen"] < 0.1 * told["plain"]["seen"]
    assert told["ours"]["rms"] == pytest.approx(told["white"]["rms"], rel=0.03)


def test_the_hole_is_round(found):
    """Coarse power by direction: none of eight sectors has twice the mean."""
    power = banding.spectrum(banding.square(found["ours"] - found["exact"]))
    n = len(power)
    x, y = np.meshgrid(*2 * [(np.arange(n) - n // 2) / n])
    away, sector = np.hypot(x, y), (np.arctan2(y, x) / np.pi * 4).astype(int) % 4
    coarse = (away > 4 / n) & (away < 1 / 8)
    sectors = [power[coarse & (sector == k)].mean() for k in range(4)]
    assert max(sectors) < 1.5 * np.mean(sectors)


def test_white_noise_measures_as_its_variance():
    noise = np.random.default_rng(2).normal(0, 0.5, (256, 256))
    frequencies, power = banding.radial(banding.spectrum(noise))
    assert len(frequencies) == len(power) == 128
    assert power[4:].mean() == pytest.approx(0.25, rel=0.05)


def test_the_period_of_the_matrix_is_not_seen():
    assert banding.repetition() < 0.01


def test_one_command_draws_and_tells(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(banding, "SIZE", (192, 128))
    assert banding.main(["-o", str(tmp_path)]) == 0
    assert "blue" not in capsys.readouterr().out
    for name in ("banding.png", "banding-spectrum.png"):
        with Image.open(tmp_path / name) as picture:
            assert len(picture.getcolors(256)) > 3
