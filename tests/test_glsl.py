"""The graph as GLSL: every operation has a text that means what it means in NumPy, laid out as promised."""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from drawing import PLACES
from morphogen.errors import RenderError, Unavailable
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.graph import OPS, Node, branch, op, pixel_input, uniform
from morphogen.field.inputs import PIXEL_INPUTS
from morphogen.field.network import SEED_INPUTS, Shape, preset
from morphogen.field.scene import SCENE_SLOTS, program
from morphogen.render.opengl import glsl
from morphogen.render.opengl.context import Gpu
from morphogen.render.opengl.program import Triangle

PLAIN = program((preset("3L_4D"),))


def lines_of(*nodes: Node, inputs: tuple[str, ...] = ("a", "b")) -> tuple[list[str], list[str]]:
    writer = glsl.Writer(PLAIN)
    writer.bind({name: name for name in inputs})
    return [writer.lower(node) for node in nodes], writer.lines


def test_every_operation_has_a_text():
    assert not set(OPS) - set(glsl.OPS), "operations of field.graph.OPS without a text in render.glsl.OPS"
    assert not set(glsl.OPS) - set(OPS), "texts of render.glsl.OPS for operations that field.graph.OPS does not know"


@pytest.mark.parametrize("name", OPS)
def test_a_text_has_as_many_places_as_the_operation_arguments(name):
    assert sum(field is not None for _, field, _, _ in string.Formatter().parse(glsl.OPS[name])) == OPS[name].arity


def test_an_operation_without_text_is_named(monkeypatch):
    monkeypatch.delitem(glsl.OPS, "sqrt")
    with pytest.raises(RenderError, match="'sqrt'"):
        lines_of(op("sqrt", pixel_input("a")))


def test_each_value_is_assigned_once():
    a, b = pixel_input("a"), pixel_input("b")
    twice = a * b
    (name,), lines = lines_of(op("max", twice + 1.0, twice))
    assert lines == ["float t1 = a * b;", "float t2 = t1 + 1.0;", "float t3 = max(t2, t1);"]
    assert name == "t3"


def test_negative_numbers_are_fenced():
    assert lines_of(pixel_input("a") - (-1.5))[1] == ["float t1 = a - (-1.5);"]


def test_a_branch_is_a_real_one_and_what_both_sides_need_comes_before_it():
    a = pixel_input("a")
    shared = a * a
    names, lines = lines_of(*branch(uniform(6), (shared + 1.0, a), (op("sqrt", shared), shared)))
    assert lines == [
        "float t1 = a * a;", "float t2, t3;", "if (u[1].z > 0.5) {", "    float t4 = t1 + 1.0;", "    t2 = t4;",
        "    t3 = a;", "} else {", "    float t5 = sqrt(t1);", "    t2 = t5;", "    t3 = t1;", "}",
    ]  # fmt: skip
    assert names == ["t2", "t3"]


def test_nothing_of_one_branch_is_used_in_another():
    a = pixel_input("a")
    inside = a + 2.0
    first, second = branch(uniform(0), (inside,), (a,)), branch(uniform(1), (inside,), (a,))
    lines = lines_of(first[0], second[0])[1]
    assert sum("a + 2.0" in line for line in lines) == 2


def test_a_program_depends_on_shapes_alone():
    assert glsl.fragment(PLAIN) == glsl.fragment(replace(PLAIN))
    assert glsl.fragment(PLAIN) != glsl.fragment(program((preset("3L_6D"),)))


def test_the_block_holds_head_scene_and_networks():
    shapes = (preset("3L_4D"), preset("2L_8D"))
    both = program(shapes)
    assert both.uniform_count > SCENE_SLOTS
    assert glsl.block_bytes(both) == 48 + 16 * -(-both.uniform_count // 4)
    assert f"vec4 u[{-(-both.uniform_count // 4)}]" in glsl.fragment(both)
    assert [glsl.uniform(n) for n in (0, 5, 11)] == ["u[0].x", "u[1].y", "u[2].w"]


def test_the_largest_cross_fade_fits_what_drivers_offer():
    """Two networks of 16 units in 8 layers: 16.8 KB. Drivers offer 64 KB, OpenGL promises 16."""
    widest = Shape(PIXEL_INPUTS, (("sin",) * 16,) * 8)
    assert 16_384 < glsl.block_bytes(program((widest, widest))) < 65_536
    assert glsl.block_bytes(program((widest,))) < 16_384


# --- what the driver makes of it


@pytest.fixture(scope="module")
def gpu() -> Iterator[Gpu]:
    try:
        found = Gpu()
    except Unavailable as error:
        pytest.skip(f"no OpenGL here: {error}")
    with found.context:
        yield found
    found.release()


def run(gpu: Gpu, arguments: list[np.ndarray], native: frozenset[str], text: str) -> np.ndarray:
    """`text` (of a, b, c, d) for each row of arguments, as float64."""
    values = np.zeros((len(arguments[0]), 4), np.float32)
    for column, argument in enumerate(arguments):
        values[:, column] = argument
    size = (len(values), 1)
    shader = f"""#version 330 core
uniform sampler2D values;
layout(location = 0) out vec4 pixel;
{glsl.functions(native)}
void main() {{
    vec4 v = texelFetch(values, ivec2(gl_FragCoord.xy), 0);
    float a = v.r, b = v.g, c = v.b, d = v.a;
    {text}
}}
"""
    source, result = gpu.ctx.texture(size, 4, values.tobytes(), dtype="f4"), gpu.ctx.texture(size, 4, dtype="f4")
    framebuffer = gpu.ctx.framebuffer([result])
    framebuffer.use()
    source.use(0)
    Triangle(gpu.calls).draw(gpu.calls.link(glsl.VERTEX, shader), *size)
    gpu.calls.check("testing")
    return np.frombuffer(framebuffer.read(components=4, dtype="f4"), np.float32).reshape(-1, 4)[:, 0].astype(float)


@pytest.mark.parametrize("native", [glsl.NATIVE, glsl.EXACT], ids=["driver's functions", "polynomials"])
@pytest.mark.parametrize("name", sorted(set(OPS) - {"lookup"}))  # which needs a table: tests/test_colour_parity.py
def test_an_operation_means_what_it_means_in_numpy(gpu, name, native):
    rng = np.random.default_rng(7)
    arguments = [rng.uniform(-9, 9, 2000).astype(np.float32) for _ in range(OPS[name].arity)]
    if name in ("exp2", "exp2_neg"):
        arguments[0] = np.concatenate([np.linspace(-125, 125, 1500), rng.normal(0, 1, 500)]).astype(np.float32)
    if name in ("sqrt", "exp2_neg"):
        arguments[0] = np.abs(arguments[0])
    if name == "cos_turns":
        arguments[0] = np.linspace(-50, 50, 2000).astype(np.float32)
    writer = glsl.Writer(PLAIN)
    writer.bind({letter: letter for letter in "abcd"})
    value = writer.lower(Node(name, tuple(pixel_input(letter) for letter in "abcd"[: OPS[name].arity])))
    seen = run(gpu, arguments, native, "\n    ".join([*writer.lines, f"pixel = vec4({value});"]))
    truth = OPS[name].numpy(*(a.astype(np.float64) for a in arguments))
    assert (np.abs(seen - truth) / np.maximum(np.abs(truth), 1)).max() < 2e-6


@pytest.mark.parametrize("name", ["exp2", "exp2_neg"])
def test_powers_end_where_floats_do(gpu, name):
    x = np.array([-1e9, -127.0, 127.0, 1e9, 3e38], np.float32)
    x = np.abs(x) if name == "exp2_neg" else x
    for native in (glsl.NATIVE, glsl.EXACT):
        seen = run(gpu, [x], native, f"pixel = vec4({glsl.OPS[name].format('a')});")
        assert np.allclose(seen, OPS[name].numpy(x.astype(float)), rtol=1e-5)


def test_angles_of_axes_and_of_nothing(gpu):
    y, x = np.array([0, 1, 0, -1, 0, 1e-20, 1], np.float32), np.array([1, 0, -1, 0, 0, 1e-20, 1], np.float32)
    seen = run(gpu, [y, x], glsl.EXACT, "pixel = vec4(angle(a, b));")
    assert np.allclose(seen, [0, 0.25, 0.5, -0.25, 0, seen[5], 0.125], atol=1e-6)


def test_every_activation_compiles(gpu):
    names = tuple(sorted(ACTIVATIONS))
    shape = Shape((*PLACES, *SEED_INPUTS[2:]), (names, names[::-1], names))
    for native in (glsl.NATIVE, glsl.EXACT):
        assert gpu.calls.link(glsl.VERTEX, glsl.fragment(program((shape, preset("2L_8D"))), native))
