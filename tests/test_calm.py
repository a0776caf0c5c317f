"""Styles that do not flash too much: the loud rehearsal, what is turned down, what stays, and what the file says."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))

import library as bench
from morphogen.field.geometry import COLUMNS, at
from morphogen.field.inputs import FRAME_INPUTS
from morphogen.field.network import Network, Shape
from morphogen.library.card import card
from morphogen.library.draw import draw, parse_command
from morphogen.library.find import default_shipped_dir
from morphogen.library.style import Style, load_style, save_style
from morphogen.training import calm as calming
from morphogen.training.calm import Calmed, Drive, Reading, calm, drives, read, turned
from morphogen.training.loud import FPS, SECONDS, STRETCHES, rehearsal

INPUTS = ("x", "time", "bass", "mid", "treble")
SHIPPED = sorted(default_shipped_dir().glob("*/*.safetensors"))


def wave(bass: float, mid: float, treble: float = 0.0, time: float = 0.2) -> Network:
    """A grey wave along x that the music shifts."""
    shape = Shape(INPUTS, (("sin",),))
    first = np.float32([[2.0, time, bass, mid, treble]])
    return Network(shape, (first, np.float32([0.4]), np.full((3, 1), 2.5), np.zeros(3)))


@pytest.fixture(scope="module")
def flashing() -> Calmed:
    return calm(wave(6.0, 0.4, 0.05))


def column(network: Network, name: str) -> float:
    return float(network.tensors[0][0, INPUTS.index(name)])


# --- the rehearsal


def test_the_rehearsal_is_always_the_same_loud_and_restless():
    stretches = rehearsal()
    assert stretches is rehearsal()
    assert [len(rows) for rows in stretches] == [SECONDS * FPS] * STRETCHES
    for rows in stretches:
        assert all(set(row) == set(FRAME_INPUTS) for row in rows)
        for band in ("bass", "mid", "treble", "beat"):
            heard = np.array([row[band] for row in rows])
            assert 0 <= heard.min() < 0.2
            assert 0.7 < heard.max() <= 1
            assert np.diff(heard).max() > 0.5, "up at once"
            assert -0.15 < np.diff(heard).min() < 0, "down slowly"
    assert rehearsal()[1][0]["time"] - rehearsal()[0][0]["time"] == pytest.approx(8)


# --- calming


def test_what_flashes_is_turned_down_until_it_does_not(flashing):
    assert not flashing.before.strict
    assert flashing.before.most >= 4
    assert flashing.after.calm
    assert read(flashing.network).calm, "and so it is when it is played again"
    assert abs(column(flashing.network, "bass")) < 3


def test_it_stays_alive_and_what_is_innocent_stays_as_it_is(flashing):
    given = wave(6.0, 0.4, 0.05)
    assert column(flashing.network, "time") == column(given, "time")
    assert column(flashing.network, "treble") == column(given, "treble"), "nothing of the flicker is its"
    assert flashing.kept["mid"] > 3 * flashing.kept["bass"]
    player = calming._Player()
    assert calming._Search(flashing.network, player)._reaction(flashing.network)["bass"] >= calming.FLOOR
    player.close()
    assert all(np.array_equal(a, b) for a, b in zip(flashing.network.tensors[1:], given.tensors[1:], strict=True))


def test_a_calm_style_is_left_alone():
    given = wave(0.1, 0.05)
    done = calm(given)
    assert done.before.calm
    assert done.kept == {}
    assert done.network is given or np.array_equal(done.network.flat, given.flat)
    assert done.describe()["turned_down"] == {}


def test_flicker_that_no_drive_makes_is_told_not_hidden():
    done = calm(wave(0.3, 0.3, time=40.0))
    assert not done.after.strict
    assert "warn photosensitive viewers" in done.line()
    assert done.describe()["strict"] is False


def test_a_deaf_style_is_not_the_cure(monkeypatch):
    """With a floor at what each band does already, nothing is turned down."""
    monkeypatch.setattr(calming, "FLOOR", 1.0)
    given = wave(1.5, 0.4)
    done = calm(given)
    assert np.array_equal(done.network.flat, given.flat)
    assert not done.after.strict


def test_what_is_slowed_down_stands_where_it_stood():
    shape = Shape(("noise", "bass"), (("sin",),))
    rest = Network(shape, (np.ones((1, 2)), np.zeros(1), np.ones((3, 1)), np.zeros(3)))
    geometry = rest.geometry.copy()
    names = [parameter.name for _, parameter in calming.rows(shape.inputs)]
    row = names.index("boil")
    geometry[row, COLUMNS.index("time")] = 0.05
    network = replace(rest, geometry=geometry)
    assert Drive("time", row) in set(drives(network))
    slow = turned(network, {Drive("time", row): 0.5}, place=20.0)
    silence = dict.fromkeys(FRAME_INPUTS, 0.0)
    then, later = silence | {"time": 20.0}, silence | {"time": 24.0}
    assert at(shape.inputs, slow.geometry, then)["noise"]["boil"] == pytest.approx(
        at(shape.inputs, network.geometry, then)["noise"]["boil"]
    )
    moved = (
        at(shape.inputs, slow.geometry, later)["noise"]["boil"] - at(shape.inputs, slow.geometry, then)["noise"]["boil"]
    )
    assert moved == pytest.approx(0.1)


# --- what is told


def test_the_line_names_what_was_turned_down(flashing):
    assert "keeps the strict limit" in flashing.line()
    assert "bass to" in flashing.line()
    nothing = Calmed(flashing.network, flashing.after, flashing.after, {}, 0.1)
    assert nothing.line().endswith("on loud music")


def test_the_card_says_what_the_file_does(flashing):
    def row(found: object) -> str:
        rows = dict(card(Style(wave(1, 1), "own/a", extra={"flashes": found})).rows)
        return rows.get("Flashes", "")

    assert row(flashing.describe()).startswith("within the strict limit: ")
    assert "bass to" in row(flashing.describe())
    assert row({"strict": False, "after": 6.0}) == (
        "too many for photosensitive viewers: 6 in the worst second of loud music"
    )
    for strange in (None, "many", {"after": "six"}, {"strict": True}):
        assert row(strange) == ""
    assert row({"strict": True, "after": 1, "turned_down": {"bass": "x"}}) == (
        "within the strict limit: 1 in the worst second of loud music"
    )


def test_a_reading_is_strict_up_to_three_whole_flashes():
    assert Reading(3.5, 0.2, (0, 0), False).calm
    assert Reading(3.5, 0.24, (0, 0), False).strict
    assert not Reading(3.5, 0.24, (0, 0), False).calm
    assert not Reading(4.0, 0.26, (0, 0), False).strict


# --- the library


def test_a_starter_is_drawn_again_with_less_reaction(tmp_path, monkeypatch):
    command = "morphogen styles draw --preset 3L_4D --init glow --seed 31102 --pace 0.05"
    style = draw(parse_command(command), "starter/test", "Test")
    whole = reach(style.network)
    monkeypatch.setattr(
        calming, "read", lambda network: Reading(*((3.0, 0.1) if reach(network) < 0.5 * whole
                                                   else (9.0, 1.0)), (0, 0), False)
    )  # fmt: skip
    monkeypatch.setattr(bench, "_safe_on_the_demo", lambda style: reach(style.network) < 0.4 * whole)
    again, said = bench._calm_drawn(style)
    assert said == "reaction 1 to 0.386", "0.482 in the rehearsal, a step less on the demo"
    assert parse_command(again.training).reaction == 0.386
    assert (again.name, again.title) == (style.name, style.title)
    path = tmp_path / "a.safetensors"
    save_style(again, path)
    assert np.array_equal(load_style(path).network.flat, draw(parse_command(again.training)).network.flat)


def reach(network: Network) -> float:
    return float(np.abs(network.tensors[0][:, network.shape.inputs.index("bass")]).max())


@pytest.mark.parametrize("path", [p for p in SHIPPED if p.parent.name != "starter"], ids=lambda p: p.stem)
def test_trained_styles_of_the_library_say_that_they_keep_the_limit(path):
    found = load_style(path).extra["flashes"]
    assert found["strict"] is True
    assert found["after"] <= 3.5
    assert set(found) == {"strict", "before", "after", "turned_down"}


@pytest.mark.parametrize("name", ["mood/organic_flow", "nature/smoke", "nature/flames", "starter/lapis"])
def test_those_that_flashed_most_keep_it_when_they_are_played(name):
    assert read(load_style(default_shipped_dir() / f"{name}.safetensors").network).strict
