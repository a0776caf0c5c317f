"""Exports as text: folds followed by symbols, numbers, brackets, lines, and the command line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from morphogen.cli import run as command
from morphogen.errors import RenderError, StyleError, UsageError
from morphogen.export.orbits import ARGUMENTS
from morphogen.export.palettes import NEAR, knots
from morphogen.export.style import CURVES
from morphogen.export.table import TARGETS, export
from morphogen.export.trace import Moving, traced
from morphogen.export.words import folded
from morphogen.export.writer import Writer, number
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.graph import Evaluator, Node, fma, op, pixel_input
from morphogen.field.inputs import FIELDS
from morphogen.field.network import init_glow, preset
from morphogen.field.palettes import TABLE
from morphogen.library.find import Library
from morphogen.library.style import Style


def _numbers(name: str, luck: np.random.Generator) -> dict[str, float]:
    return {p.name: float(round(p.default)) if p.kind == "whole" else float(luck.uniform(p.low, min(p.high, 50)))
            for p in FIELDS[name].parameters}  # fmt: skip


TRACED = [name for name, field in FIELDS.items() if field.uniforms and name not in ARGUMENTS]  # the rest: `orbits`


@pytest.mark.parametrize("name", TRACED)
def test_a_traced_fold_is_the_fold(name):
    luck = np.random.default_rng(8)
    kinds = {p.name: p.kind for p in FIELDS[name].parameters}
    moving = {key: Moving(pixel_input(key)) for key, kind in kinds.items() if kind != "whole"}
    for _ in range(5):
        values = _numbers(name, luck)
        evaluate = Evaluator(np.zeros(0), {key: np.float64(v) for key, v in values.items()})
        found = np.array([float(evaluate(node)) for node in traced(name, FIELDS[name], values | moving)])
        np.testing.assert_allclose(found, FIELDS[name].fold(values), rtol=1e-9, atol=1e-9)


def test_what_stands_still_is_a_number():
    nodes = traced("noise", FIELDS["noise"], _numbers("noise", np.random.default_rng(1)))
    assert {node.op for node in nodes} == {"const"}


def test_a_fold_that_decides_is_named():
    field = replace(FIELDS["swirl"], fold=lambda p: np.array([1.0 if p["rate"] > 0 else 2.0]))
    with pytest.raises(StyleError, match=r"field swirl cannot be written .* while rate moves.*Let that parameter rest"):
        traced("swirl", field, {"rate": Moving(pixel_input("rate")), "turn": 0.0, "core": 0.1})


# --- text


def test_numbers_are_the_same_float32():
    luck = np.random.default_rng(3)
    for value in [0.0, 1.0, -0.5, 1e-12, 3e20, 1 / 3, *(luck.normal(size=200) * 10 ** luck.uniform(-9, 9, 200))]:
        text = number(value)
        assert np.float32(text) == np.float32(value)
        assert "." in text


def test_brackets_stand_where_they_must():
    a, b, c = map(pixel_input, "abc")
    names = {"a": "a", "b": "b", "c": "c"}

    def text(node: Node) -> str:
        return Writer(names).write([node])[0]

    assert text(a - (b - c)) == "a - (b - c)"
    assert text((a + b) * c) == "(a + b) * c"
    assert text(a / (b * c)) == "a / (b * c)"
    assert text(fma(a, b, -1.5)) == "a * b - 1.5"
    assert text(a - op("floor", a)) == "fract(a)"
    assert text(op("less", a, b, a, b) + c) == "(a < b ? a : b) + c"


def test_every_activation_has_a_curve():
    assert set(CURVES) == set(ACTIVATIONS)


def test_an_unknown_operation_is_refused():
    with pytest.raises(RenderError, match=r"no text for the operation 'dream'"):
        Writer({}).write([Node("dream", ())])


def test_long_lines_break_before_a_sum():
    code = f"    float h = act_sin({' + '.join(f'0.123456 * source_{n}' for n in range(12))});  // told"
    lines = folded(code).split("\n")
    assert lines[0] == "    // told"
    assert all(len(one) <= 112 for one in lines)
    assert "".join(one.strip() for one in lines[1:]).replace(" ", "") == code.partition("  //")[0].replace(" ", "")


def test_wide_networks_are_refused():
    style = Style(init_glow(preset("4L_128D"), 1), "own/wide")
    for target in TARGETS:
        with pytest.raises(StyleError, match=r"own/wide has layers of more than 16 units.*at most 16"):
            export(style, target)


def test_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for target, entry in TARGETS.items():
        assert command(["styles", "export", target, "cosmic/galaxy"]) == 0
        assert (tmp_path / f"galaxy{entry.suffix}").read_text() == export(Library().find("cosmic/galaxy"), target)
    assert command(["styles", "export", "vhs", "cosmic/galaxy"]) == UsageError.exit_code
    assert "Choose one of html, isf" in capsys.readouterr().err


# --- palettes


@pytest.mark.parametrize("name", TABLE)
def test_straight_lines_are_near_a_palette(name):
    places = knots(TABLE[name])
    assert places[0] == 0
    assert places[-1] == 255
    drawn = np.stack([np.interp(np.arange(256), places, TABLE[name][places, c]) for c in range(3)], axis=1)
    assert np.abs(drawn - TABLE[name]).max() <= NEAR + 1e-12
    assert len(places) < 32


def test_palettes_are_chosen_by_name():
    style = Library().find("starter/ember")
    assert "palette_" not in export(style, "isf")
    several = export(style, "isf", "ember, ice")
    assert '"LABELS": ["off", "ember", "ice"], "DEFAULT": 1' in several
    assert "vec3 palette_ice(float at)" in several
    page = export(style, "html")
    assert all(f"vec3 palette_{name}(float at)" in page for name in TABLE)
    with pytest.raises(UsageError, match=r"no palette 'mud'.*some of calm, fierce"):
        export(style, "html", "mud")
