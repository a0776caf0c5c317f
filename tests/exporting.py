"""Helpers of the tests of exports: what a host declares around a shader, and a screen that draws it with OpenGL."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import isf_player
from drawing import draw, scene
from morphogen.export import inputs
from morphogen.export.inputs import Look
from morphogen.export.palettes import known
from morphogen.export.table import export
from morphogen.field import geometry
from morphogen.field.colours import Colours, Table
from morphogen.field.inputs import FIELDS, FRAME_INPUTS
from morphogen.field.network import Shape, init_glow
from morphogen.field.palettes import TABLE
from morphogen.field.scene import Scene
from morphogen.library.style import Style
from morphogen.render.numpy import NumpyRenderer

SIZE = (96, 54)
LATE = 600.0  # seconds, after which float32 shaders still hold
HEARD = {"bass": 0.8, "mid": 0.3, "treble": 0.5, "beat": 0.6, "rms": 0.5, "centroid": 0.4, "rolloff": 0.3, "flux": 0.2,
         "progress": 0.3}  # fmt: skip
A_FEW = ("starter/ember", "cosmic/galaxy", "pattern/mandelbrot")  # bench/exports.py draws all of them
HOSTILE = "a */ } void main() { // </script><script>alert(1)</script> <!-- \\\n#error \u2028 \x00 "
HOSTILE += "\"' ]]> & \u96ea @SCRIPT@ @STYLE@"
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
    """Compiles fragment shaders, each once, and draws them."""

    def __init__(self) -> None:
        import moderngl

        from morphogen.render.opengl.context import Gpu

        self._triangles, self._gpu = moderngl.TRIANGLES, Gpu()
        self._gpu.enter()
        self._ctx = self._gpu.ctx
        self._programs: dict[str, moderngl.Program] = {}

    def draw(self, text: str, uniforms: dict[str, object], spectrum: float = 0.0, channels: int = 3) -> np.ndarray:
        if text not in self._programs:
            self._programs[text] = self._ctx.program(vertex_shader=VERTEX, fragment_shader=text)
        program = self._programs[text]
        for name, value in uniforms.items():
            if name in program:
                program[name] = value
        target = self._ctx.framebuffer([self._ctx.texture(SIZE, 4)])
        target.use()
        heard = self._ctx.texture((512, 2), 1, np.full((2, 512), spectrum * 255, np.uint8).tobytes())
        heard.use(0)
        self._ctx.vertex_array(program, []).render(self._triangles, vertices=3)
        pixels = np.frombuffer(target.read(components=channels), np.uint8)
        return pixels.reshape(SIZE[1], SIZE[0], channels)[::-1].astype(int)

    def close(self) -> None:
        self._gpu.release()


def shown(what: Scene) -> np.ndarray:
    """(height, width, 3), levels."""
    return draw(NumpyRenderer(), replace(what, dither=False), SIZE)[..., :3].astype(int)


def expected(style: Style, time: float, heard: dict[str, float] = HEARD, **more) -> np.ndarray:
    """The reference's picture; more: of the scene."""
    return shown(scene(style.network, values={**heard, "time": time}, **more))


def recoloured(style: Style, name: str, amount: float = 1.0, shift: float = 0.0, **heard: float) -> np.ndarray:
    """The reference's picture after 7 s in a palette."""
    colours = Colours(palette=amount, shift=shift, table=Table(TABLE[name]))
    return expected(style, 7.0, HEARD | heard, colours=colours)


def told(style: Style, prefix: str = "", palette: str = "", **more: float) -> dict[str, float]:
    """Uniforms as the sliders stand, with sound and time."""
    every = [*Look(style, known(palette), int(bool(palette))).sliders, inputs.speed()]
    sound = {name: HEARD[feature] for name, feature in inputs.HEARD.items()}
    return {prefix + name: value for name, value in ({i.name: i.default for i in every} | sound | more).items()}


def hosted(style: Style, target: str, time: float, palette: str = "", **more: float) -> tuple[str, dict[str, object]]:
    """What the host compiles, and the uniforms that it sets."""
    text, size = export(style, target, palette), SIZE
    if target == "isf":
        words: dict[str, object] = {**told(style, "", palette, **more), "TIME": time, "RENDERSIZE": size}
        return isf_player.declared(text), isf_player.typed(text, words)
    if target == "touchdesigner":
        return TOUCH + text, {**told(style, "u", palette, **more), "utime": time, "host_size": size}
    if target == "shadertoy":
        end = "void main() { mainImage(host_colour, gl_FragCoord.xy); }\n"
        return f"{TOY}{text}{end}", {"iResolution": (*size, 1.0), "iTime": time}
    return text, {**told(style, "", palette, **more), "time": time, "resolution": size}


def silence(time: float) -> dict[str, float]:
    """What a Shadertoy hears where its channel is empty."""
    return dict.fromkeys(HEARD, 0.0) | {"progress": 0.5 - 0.5 * np.cos(time / 38.2)}


def apart(screen: Screen, style: Style, target: str, time: float) -> float:
    """Mean difference to the reference, levels."""
    wanted = expected(style, time, silence(time) if target == "shadertoy" else HEARD)
    return float(np.abs(screen.draw(*hosted(style, target, time)) - wanted).mean())


def moving(name: str, seed: int, **base: float) -> Style:
    """A style that reads every channel of one field, all of whose geometry moves with time and sound. base: geometry
    at rest, where it is not the default."""
    channels = tuple(FIELDS[name].channels)
    shape = Shape((*channels, "time", "mid"), (("sin", "cos", "gaussian", "tanh"),))
    network, luck = init_glow(shape, seed, hidden_gain=2.0), np.random.default_rng(seed)
    numbers = geometry.default(shape.inputs, seed)
    for row, (_, parameter) in zip(numbers, geometry.rows(shape.inputs), strict=True):
        row[0] = base.get(parameter.name, row[0])
        if parameter.kind != "whole":
            reach = min(parameter.high - parameter.low, 4.0)
            row[geometry.TIME] = luck.uniform(-1, 1) * reach * 1e-3
            row[1 + FRAME_INPUTS.index("bass")] = luck.uniform(-0.1, 0.1) * reach
    return Style(replace(network, geometry=numbers), f"test/{name}")
