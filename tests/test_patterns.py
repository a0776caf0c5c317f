"""The styles of the series `pattern` are what their makers in bench/ write, up to what was turned down for flashes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))

import patterns
from morphogen.field.geometry import rows
from morphogen.field.network import Network
from morphogen.library.find import default_shipped_dir
from morphogen.library.style import load_style
from morphogen.training.calm import Drive, drives, turned

MADE = {name: patterns.style(pattern) for name, pattern in patterns.table().items()}
ROUNDED = 6e-4  # a share is written down with three digits


def shares(network: Network, said: dict[str, float]) -> dict[Drive, float]:
    """What a style's file says was turned down, by what drives it. Raises KeyError for what does not drive it."""
    table = rows(network.shape.inputs)
    names = {}
    for drive in drives(network):
        where = "" if drive.row is None else f" on {table[drive.row][0]} {table[drive.row][1].name}"
        names[drive.frame + where] = drive
    return {names[name]: share for name, share in said.items()}


def test_every_pattern_is_shipped_and_none_that_nobody_makes():
    assert {path.stem for path in (default_shipped_dir() / "pattern").glob("*.safetensors")} == {
        name for name, made in MADE.items() if made.series == "pattern"
    }


@pytest.mark.parametrize("name", MADE)
def test_a_pattern_is_what_its_maker_writes(name):
    made = MADE[name]
    shipped = load_style(default_shipped_dir() / f"{made.name}.safetensors")
    assert (shipped.name, shipped.title, shipped.training) == (made.name, made.title, made.training)
    assert (shipped.shape, shipped.network.extent) == (made.shape, made.network.extent)
    assert shipped.audio_roles == made.audio_roles
    kept = shares(made.network, shipped.extra["flashes"]["turned_down"])
    assert all(0 <= share < 1 for share in kept.values())
    again = turned(made.network, kept)
    assert (np.abs(shipped.network.flat - again.flat) <= ROUNDED * np.abs(made.network.flat)).all()
    np.testing.assert_allclose(shipped.network.geometry[:, 1:], again.geometry[:, 1:], rtol=0.1, atol=ROUNDED)
    # Slowed down, it stands at 20 s where it stood: that is as exact as twenty times the rounding.
    np.testing.assert_allclose(shipped.network.geometry[:, 0], again.geometry[:, 0], atol=20 * ROUNDED)
