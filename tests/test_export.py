"""Styles as shaders of other hosts: compiled, drawn and compared with the reference, by OpenGL and in a browser."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import devtools
import isf_player
from drawing import draw, scene
from morphogen.cli import run as command
from morphogen.errors import MorphogenError, RenderError, StyleError, UsageError
from morphogen.export import inputs
from morphogen.export.style import CURVES
from morphogen.export.table import TARGETS, export
from morphogen.export.trace import Moving, traced
from morphogen.export.words import folded, line, plain
from morphogen.export.writer import Writer, number
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.grade import Grade
from morphogen.field.graph import Evaluator, Node, fma, op, pixel_input
from morphogen.field.inputs import FIELDS
from morphogen.field.network import init_glow, preset
from morphogen.field.scene import Scene, View
from morphogen.library.find import Library
from morphogen.library.style import Style
from morphogen.render.numpy import NumpyRenderer

SIZE = (96, 54)
LATE = 600.0  # seconds, after which float32 shaders still hold
HEARD = {"bass": 0.8, "mid": 0.3, "treble": 0.5, "beat": 0.6, "rms": 0.5, "centroid": 0.4, "rolloff": 0.3, "flux": 0.2,
         "progress": 0.3}  # fmt: skip
NAMES = Library().names()
A_FEW = ("starter/ember", "cosmic/galaxy", "nature/flames", "organic/neurons", "organic/cell_division", "nature/eye",
         "mood/cyberpunk_neon")  # fmt: skip
VERTEX = """#version 330 core
out vec2 isf_FragNormCoord;
void main() {
    vec2 at = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
    isf_FragNormCoord = 0.5 * at + 0.5;
    gl_Position = vec4(at, 0.0, 1.0);
}
"""
# What TouchDesigner and Shadertoy put before a shader.
TOUCH = """#version 330 core
in vec2 isf_FragNormCoord;
#define vUV vec3(isf_FragNormCoord, 0.0)
struct TDTexInfo { vec4 res; vec4 depth; };
uniform vec2 host_size;
#define uTDOutputInfo TDTexInfo(vec4(1.0 / host_size, host_size), vec4(0.0))
vec4 TDOutputSwizzle(vec4 c) { return c; }
"""
TOY = """#version 330 core
uniform vec3 iResolution; uniform float iTime; uniform sampler2D iChannel0; out vec4 host_colour;
"""


class Screen:
    """Compiles a fragment shader and draws it."""

    def __init__(self) -> None:
        import moderngl

        from morphogen.render.opengl.context import Gpu

        self._triangles, self._gpu = moderngl.TRIANGLES, Gpu()
        self._gpu.enter()
        self._ctx = self._gpu.ctx

    def draw(self, text: str, uniforms: dict[str, object], spectrum: float = 0.0) -> np.ndarray:
        program = self._ctx.program(vertex_shader=VERTEX, fragment_shader=text)
        for name, value in uniforms.items():
            if name in program:
                program[name] = value
        target = self._ctx.framebuffer([self._ctx.texture(SIZE, 4)])
        target.use()
        heard = self._ctx.texture((512, 2), 1, np.full((2, 512), spectrum * 255, np.uint8).tobytes())
        heard.use(0)
        self._ctx.vertex_array(program, []).render(self._triangles, vertices=3)
        pixels = np.frombuffer(target.read(components=3), np.uint8)
        return pixels.reshape(SIZE[1], SIZE[0], 3)[::-1].astype(int)

    def close(self) -> None:
        self._gpu.release()


@pytest.fixture(scope="module")
def screen() -> Iterator[Screen]:
    try:
        screen = Screen()
    except MorphogenError as error:
        pytest.skip(str(error))
    yield screen
    screen.close()


def shown(what: Scene) -> np.ndarray:
    return draw(NumpyRenderer(), replace(what, dither=False), SIZE)[..., :3].astype(int)


def told(style: Style, prefix: str = "", **more: float) -> dict[str, float]:
    """Uniforms as the sliders stand, with sound and time."""
    every = [*inputs.view(), *inputs.grade(), inputs.speed()]
    sound = {name: HEARD[feature] for name, feature in inputs.HEARD.items()}
    return {prefix + name: value for name, value in ({i.name: i.default for i in every} | sound | more).items()}


def hosted(style: Style, target: str, time: float, **more: float) -> tuple[str, dict[str, object]]:
    """What the host compiles, and the uniforms that it sets."""
    text, size = export(style, target, still=True), SIZE
    if target == "isf":
        words: dict[str, object] = {**told(style, **more), "TIME": time, "RENDERSIZE": size}
        return isf_player.declared(text), {k: int(v) if k == "mirrored" else v for k, v in words.items()}
    if target == "touchdesigner":
        return TOUCH + text, {**told(style, "u", **more), "utime": time, "host_size": size}
    if target == "shadertoy":
        end = "void main() { mainImage(host_colour, gl_FragCoord.xy); }\n"
        return f"{TOY}{text}{end}", {"iResolution": (*size, 1.0), "iTime": time}
    return text, {**told(style, **more), "time": time, "resolution": size}


def expected(style: Style, time: float, heard: dict[str, float] = HEARD, **more) -> np.ndarray:
    from morphogen.export.fields import rested

    return shown(scene(rested(style.network), values={**heard, "time": time}, **more))


@pytest.mark.parametrize("name", NAMES)
def test_every_style_draws_the_same_in_plain_glsl(screen, name):
    style = Library().find(name)
    error = np.abs(screen.draw(*hosted(style, "glsl", LATE)) - expected(style, LATE))
    assert error.mean() < 0.2, f"{name}: {error.mean():.3f} levels on average, {error.max()} at most"


@pytest.mark.parametrize("name", NAMES[::5])  # the text around it is what differs: 2 s each
def test_styles_draw_the_same_as_isf(screen, name):
    style = Library().find(name)
    error = np.abs(screen.draw(*hosted(style, "isf", 7.0)) - expected(style, 7.0))
    assert error.mean() < 0.2, f"{name}: {error.mean():.3f} levels on average, {error.max()} at most"


@pytest.mark.parametrize("name", A_FEW)
def test_styles_draw_the_same_in_touchdesigners_dialect(screen, name):
    style = Library().find(name)
    error = np.abs(screen.draw(*hosted(style, "touchdesigner", 7.0)) - expected(style, 7.0))
    assert error.mean() < 0.2, f"{name}: {error.mean():.3f} levels on average, {error.max()} at most"


@pytest.mark.parametrize("name", A_FEW)
def test_a_shadertoy_is_the_style_in_silence_and_moves_with_the_channel(screen, name):
    style = Library().find(name)
    text, words = hosted(style, "shadertoy", 7.0)
    silent = dict.fromkeys(HEARD, 0.0) | {"progress": 0.5 - 0.5 * np.cos(7 / 38.2)}
    quiet, loud = screen.draw(text, words), screen.draw(text, words, spectrum=0.9)
    assert np.abs(quiet - expected(style, 7.0, silent)).mean() < 0.2
    assert np.abs(quiet - loud).mean() > 0.5


@pytest.mark.parametrize("target", ["glsl", "isf", "touchdesigner"])
@pytest.mark.parametrize(
    ("view", "grade"),
    [
        (View(zoom=2.5, rotate=35, x=0.3, y=-0.2), Grade(exposure=0.7, contrast=1.3)),
        (View(mirror=1, kaleidoscope=5), Grade(saturation=1.6, hue=0.35)),
        (View(mirror=2), Grade(tint=0.6, tint_hue=0.9)), (View(mirror=3, zoom=0.4), Grade(contrast=0.5, hue=0.8)),
    ],
)  # fmt: skip
def test_view_and_grade_are_those_of_the_stage(screen, target, view, grade):
    style = Library().find("starter/ember")
    moved = {"zoom": view.zoom, "turned": view.rotate, "shift_x": view.x, "shift_y": view.y, "mirrored": view.mirror,
             "segments": view.kaleidoscope}  # fmt: skip
    moved |= {name: getattr(grade, name) for name in inputs.GRADE}
    error = np.abs(screen.draw(*hosted(style, target, 7.0, **moved)) - expected(style, 7.0, view=view, grade=grade))
    assert error.mean() < 0.2, f"{error.mean():.3f} levels on average, {error.max()} at most"


def test_sound_moves_every_style_that_listens(screen):
    for name in A_FEW:
        style = Library().find(name)
        silent = dict.fromkeys(inputs.HEARD, 0.0)
        apart = screen.draw(*hosted(style, "glsl", 7.0)) - screen.draw(*hosted(style, "glsl", 7.0, **silent))
        assert np.abs(apart).mean() > 0.5, name


# --- tracing


def _numbers(name: str, luck: np.random.Generator) -> dict[str, float]:
    return {p.name: float(round(p.default)) if p.kind == "whole" else float(luck.uniform(p.low, min(p.high, 50)))
            for p in FIELDS[name].parameters}  # fmt: skip


# The orbits of the fractals are followed in complex numbers, with decisions on the way: no shader can.
TRACED = [name for name, field in FIELDS.items() if field.uniforms and name not in ("mandelbrot", "julia")]


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
    with pytest.raises(StyleError, match=r"field swirl cannot be written .* while rate moves.*--still"):
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


HOSTILE = "a */ } void main() { // </script><script>alert(1)</script> <!-- \\\n#error \u2028 \x00 "
HOSTILE += "\"' ]]> & \u96ea @SCRIPT@ @STYLE@"


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


# --- in a browser

browser = pytest.mark.skipif(devtools.find_chromium() is None, reason="needs chromium: apt install chromium")
SOFTWARE = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
SHOT = "(morphogen.draw(), document.querySelector('#picture').toDataURL())"
PLAY = (
    (
        """(text, values) => {
  const canvas = Object.assign(document.createElement('canvas'), {width: WIDTH, height: HEIGHT});
  const gl = canvas.getContext('webgl', {alpha: false, antialias: false}), program = gl.createProgram();
  const vertex = 'attribute vec2 at; varying vec2 isf_FragNormCoord; ' +
    'void main() { isf_FragNormCoord = 0.5 * at + 0.5; gl_Position = vec4(at, 0.0, 1.0); }';
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, text]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source); gl.compileShader(shader); gl.attachShader(program, shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
  }
  gl.linkProgram(program); gl.useProgram(program);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
  gl.enableVertexAttribArray(gl.getAttribLocation(program, 'at'));
  gl.vertexAttribPointer(gl.getAttribLocation(program, 'at'), 2, gl.FLOAT, false, 0, 0);
  for (const [name, value] of Object.entries(values)) {
    const place = gl.getUniformLocation(program, name);
    if (Array.isArray(value)) gl.uniform2f(place, ...value);
    else if (name === 'mirrored') gl.uniform1i(place, value); else gl.uniform1f(place, value);
  }
  gl.drawArrays(gl.TRIANGLES, 0, 3);
  return canvas.toDataURL();
}"""
    )
    .replace("WIDTH", str(SIZE[0]))
    .replace("HEIGHT", str(SIZE[1]))
)


def pixels(url: str) -> np.ndarray:
    picture = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    return np.asarray(picture.convert("RGB")).astype(int)


def complaints(page: devtools.Browser) -> list[str]:
    """Less the driver's own talk about its speed: reading pictures back makes it wait."""
    return [said for said in page.complaints if "GL Driver Message" not in said]


@pytest.fixture
def software(monkeypatch) -> None:
    monkeypatch.setattr(devtools, "FLAGS", (*devtools.FLAGS, *SOFTWARE))


def address(style: Style, folder: Path, **more: object) -> str:
    file = folder / f"{style.name.replace('/', '-')}.html"
    file.write_text(export(style, "html"), encoding="utf-8")
    return f"{file.as_uri()}#{'&'.join(f'{key}={value}' for key, value in more.items())}"


@browser
@pytest.mark.device
def test_the_page_draws_the_style(software, tmp_path):
    async def run() -> None:
        async with devtools.Browser(tmp_path / "browser", *SIZE) as page:
            heard = {name: HEARD[feature] for name, feature in inputs.HEARD.items()}
            for name in A_FEW:
                style = Library().find(name)
                await page.open("about:blank")
                await page.open(address(style, tmp_path, time=7, freeze=1, panel=0, scale=1, **heard))
                await page.until("window.morphogen && document.querySelector('#picture').width === 96")
                found = pixels(await page.run(SHOT))
                error = np.abs(found - expected(style, 7.0))
                print(f"{name}: {error.mean():.3f} levels on average, {error.max()} at most")
                assert error.mean() < 1, name
                await page.run("for (const name of Object.keys(morphogen.values)) "
                               "if (name === 'bass' || name === 'treble') morphogen.set(name, 0.0)")  # fmt: skip
                assert np.abs(pixels(await page.run(SHOT)) - found).mean() > 0.3, f"{name} does not hear"
                assert complaints(page) == []
            assert all(url.startswith(("file:", "about:")) for url in page.requested)

    asyncio.run(run())


@browser
@pytest.mark.device
def test_the_page_as_an_instrument(software, tmp_path):
    style = replace(Library().find("starter/ember"), prompt=HOSTILE)

    async def run() -> None:
        async with devtools.Browser(tmp_path / "browser", 900, 700, touch=True) as page:
            await page.open(address(style, tmp_path, scale=0.25))
            await page.until("window.morphogen && morphogen.state.time > 0.05")
            assert await page.run("document.querySelector('#prompt').textContent") == line(HOSTILE)
            heard = await page.run("morphogen.values.bass")
            await page.until(f"morphogen.values.bass !== {heard}")  # the demo plays
            await page.click("[data-ear=microphone]")
            await page.until("document.querySelector('#told').textContent.startsWith('No microphone')")
            assert await page.run("morphogen.state.ear") == "demo"
            await page.key("h")
            assert await page.run("getComputedStyle(document.querySelector('#panel')).visibility") == "hidden"
            await page.key("h")
            assert await page.run("getComputedStyle(document.querySelector('#panel')).visibility") == "visible"
            assert complaints(page) == []

    asyncio.run(run())


@browser
@pytest.mark.device
def test_isf_in_the_browsers_first_webgl(software, tmp_path):
    async def run() -> None:
        async with devtools.Browser(tmp_path / "browser", 200, 200) as page:
            for name in A_FEW:
                style = Library().find(name)
                text = export(style, "isf")
                words = isf_player.values(text) | told(style) | {"TIME": 7.0, "RENDERSIZE": list(SIZE)}
                call = f"({PLAY})({json.dumps(isf_player.declared(text, modern=False))}, {json.dumps(words)})"
                error = np.abs(pixels(await page.run(call)) - expected(style, 7.0))
                print(f"{name}: {error.mean():.3f} levels on average, {error.max()} at most")
                assert error.mean() < 1, name

    asyncio.run(run())


@browser
@pytest.mark.device
def test_the_page_hears_a_microphone(software, tmp_path, monkeypatch):
    """Chromium's pretended microphone beeps once a second."""
    pretended = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    monkeypatch.setattr(devtools, "FLAGS", (*devtools.FLAGS, *pretended))

    async def run() -> None:
        async with devtools.Browser(tmp_path / "browser", 900, 700) as page:
            await page.open(address(Library().find("starter/ember"), tmp_path, scale=0.1))
            await page.until("window.morphogen && morphogen.state.time > 0.05")
            await page.click("[data-ear=microphone]")
            await page.until("morphogen.state.ear === 'microphone' && morphogen.values.rms > 0.2")
            await page.until("morphogen.values.rms < 0.05")  # between two beeps
            await page.until("morphogen.values.rms > 0.2")
            assert await page.run("document.querySelector('#told').textContent") == ""

    asyncio.run(run())
