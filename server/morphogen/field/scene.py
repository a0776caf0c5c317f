"""The pixel program: view -> field -> palette, grade, LUT (or two, cross-faded) | temporal | master -> dither.

`program(shapes)` is the graph that backends compile, once per network shape (some also per pair). `Scene` is
everything that one frame shows, immutable; `uniforms` turns it into the numbers that the compiled program reads.
Coordinates are picture heights, x right, y up, (0, 0) in the middle.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from morphogen.field import colours, folds, matte
from morphogen.field.colours import Colours
from morphogen.field.cppn import block_size, fold
from morphogen.field.grade import Grade, grade_matrix
from morphogen.field.graph import Node, branch, clamp, fma, op, pixel_input, uniform
from morphogen.field.layers import LAYER_SLOTS, layer_slots, over
from morphogen.field.network import Network, Shape
from morphogen.frame import Alpha, TargetSpec

# Slots of the uniform block. The networks' folded weights follow behind.
_SLOTS = (
    "cover", "screen_scale", "screen_x", "screen_y",
    "fold", "across_x", "across_y", "down_x", "down_y", "origin_x", "origin_y",
    "mirror_x", "mirror_y", "kaleidoscope", "segments", "polar",
    "warp", "warp_amount", "warp_scale", "warp_phase_x", "warp_phase_y",
    "view_xx", "view_xy", "view_x", "view_yx", "view_yy", "view_y",
    "g00", "g01", "g02", "g03", "g10", "g11", "g12", "g13", "g20", "g21", "g22", "g23",
    *colours.SLOTS,
    "graded", "mix", "trail", "keep", "level", *matte.SLOTS, *LAYER_SLOTS,
)  # fmt: skip
SLOT = {name: i for i, name in enumerate(_SLOTS)}
SCENE_SLOTS = len(_SLOTS)
ROW = ("row_x", "row_y")  # inputs of the colour stage that `Program.row` yields
WARP_REACH = 0.12  # picture heights that warp 1 bends at most; more folds the picture over itself at scale 2
SAMPLES = (1, 4, 16)  # of a pixel
KNEE = 0.8  # where the grade's soft shoulder begins


def _u(name: str) -> Node:
    return uniform(SLOT[name])


@dataclass(frozen=True)
class Program:
    """What is compiled.

    row: graph from 'py' to ROW values, the same for all pixels of a row. pictures: of each network, graph from 'px',
    'py' and those to r, g, b and alpha, over what lies below, premultiplied; alpha is 1 unless somebody asks for it
    (`cover`), and a channel to be kept only with `four`. joined: graph from what is seen of the pictures (`seen`, the
    means of their samples) to the same before the temporal blend: the one, or the fade of two over what lies below.
    matte: graph from 'r', 'g', 'b', 'a' after it to red, green, blue and alpha.
    finish: graph from 'value' and 'threshold' to a number whose floor is the 8-bit level of one channel; alpha: to that
    of the fourth, from 'value', 'red', 'green' and 'blue', the thresholds of the others.
    """

    shapes: tuple[Shape, ...]
    row: tuple[Node, ...] = field(repr=False)  # written out, nodes that are shared would fill the memory
    pictures: tuple[tuple[Node, ...], ...] = field(repr=False)
    joined: tuple[Node, ...] = field(repr=False)
    matte: tuple[Node, ...] = field(repr=False)
    finish: Node = field(repr=False)
    alpha: Node = field(repr=False)

    @property
    def network_slots(self) -> tuple[int, ...]:
        """First uniform slot of each network."""
        slots, at = [], SCENE_SLOTS
        for shape in self.shapes:
            slots.append(at)
            at += block_size(shape)
        return tuple(slots)

    @property
    def uniform_count(self) -> int:
        """Floats in the whole uniform block."""
        return SCENE_SLOTS + sum(block_size(s) for s in self.shapes)


@lru_cache(maxsize=64)
def program(shapes: tuple[Shape, ...]) -> Program:
    """The pixel program for one network shape, or for two while they cross-fade."""
    x, y = folds.view(pixel_input("px"), pixel_input("py"), _u)
    fields = [Node("network", (i, (x, y))) for i in range(len(shapes))]
    pictures = [_coloured(one, shape) for one, shape in zip(fields, shapes, strict=True)]
    covered = tuple(matte.covered(one, _u) for one in pictures)
    if len(shapes) == 1:
        covered = (branch(_u("layered"), over(pictures[0], _u), covered[0]),)
    py = pixel_input("py")
    row = (fma(py, _u("down_x"), _u("origin_x")), fma(py, _u("down_y"), _u("origin_y")))
    finish = fma(pixel_input("value"), _u("level"), pixel_input("threshold"))
    return Program(shapes, row, covered, _joined(len(shapes)), matte.colours(_u), finish, matte.alpha(_u))


def seen(picture: int) -> tuple[str, ...]:
    """Inputs of `Program.joined`: r, g, b and alpha of one picture."""
    return tuple(f"seen_{c}{picture}" for c in "rgba")


def _joined(pictures: int) -> tuple[Node, ...]:
    """Graded first, so that a backend may as well draw one picture over the other."""
    first, *second = [tuple(map(pixel_input, seen(i))) for i in range(pictures)]
    if not second:
        return first
    rgba = tuple(fma(b - a, _u("mix"), a) for a, b in zip(first, second[0], strict=True))
    return branch(_u("layered"), over(rgba[:3], _u), rgba)


def _coloured(network: Node, shape: Shape) -> tuple[Node, ...]:
    """r, g, b and, where the shape has it, alpha, which no palette or grade changes."""
    rgba = [Node("pick", (network, c)) for c in range(4 if shape.alpha else 3)]
    return (*colours.lut(_grade(colours.palette(rgba[:3], _u)), _u), *rgba[3:])


def _grade(rgb: Sequence[Node]) -> tuple[Node, ...]:
    """A neutral grade costs nothing: sigmoids stay inside 0..1 by themselves."""
    r, g, b = rgb
    out = [fma(r, _u(f"g{i}0"), fma(g, _u(f"g{i}1"), fma(b, _u(f"g{i}2"), _u(f"g{i}3")))) for i in range(3)]
    return branch(_u("graded"), tuple(clamp(_shoulder(c)) for c in out), tuple(rgb))


def _shoulder(c: Node) -> Node:
    room = 1.0 - KNEE
    over = op("max", c - KNEE, 0.0)
    return op("min", c, KNEE) + room * (1.0 - op("exp2", over * (-math.log2(math.e) / room)))


@dataclass(frozen=True)
class View:
    """How the field is looked at; units of the parameters of the same names."""

    zoom: float = 1.0
    rotate: float = 0.0
    x: float = 0.0
    y: float = 0.0
    mirror: int = 0
    kaleidoscope: int = 0
    polar: bool = False
    warp: float = 0.0
    warp_scale: float = 2.0
    warp_phase: float = 0.0


@dataclass(frozen=True)
class Layer:
    """A second picture over the first, with a view and a grade of its own. blend: a mode of `layers.BLENDS`."""

    network: Network
    blend: str = "add"
    opacity: float = 1.0
    view: View = View()
    grade: Grade = Grade()  # noqa: RUF009  it is frozen


@dataclass(frozen=True)
class Scene:
    """One frame, complete. networks: one, or two with `mix` (0 the first, 1 the second). values: time and audio by
    input name. trail: time constant in seconds of the blend with the past; dt: seconds since the last frame. layer:
    what lies over the networks' picture, before the trail. matte: targets that ask for alpha get the picture's
    brightness as alpha; keyed: they get its networks' own, 1 where one has none. samples: 1, 4 or 16 a pixel."""

    networks: tuple[Network, ...]
    values: Mapping[str, float] = field(default_factory=dict)
    mix: float = 0.0
    view: View = View()
    grade: Grade = Grade()  # noqa: RUF009  it is frozen
    trail: float = 0.0
    dt: float = 1 / 60
    master: float = 1.0
    dither: bool = True
    colours: Colours = Colours()  # noqa: RUF009  it is frozen
    layer: Layer | None = None
    matte: bool = False
    keyed: bool = False
    samples: int = 1

    @property
    def program(self) -> Program:
        """The program that draws this scene, its layer apart."""
        return program(tuple(n.shape for n in self.networks))

    @property
    def passes(self) -> tuple[Pass, ...]:
        """What is drawn one over the other; without a layer the scene alone."""
        layer, keyed = self.layer, self.keyed and any(network.shape.alpha for network in self.networks)
        whole = self if keyed == self.keyed else replace(self, keyed=keyed)
        if layer is None or not layer.opacity > 0:
            return (Pass(whole),)
        below = replace(whole, trail=0.0, layer=None)
        above = replace(
            whole, networks=(layer.network,), mix=0.0, view=layer.view, grade=layer.grade,
            colours=replace(self.colours, palette=0.0), layer=None,
        )  # fmt: skip
        return Pass(below), Pass(above, layer)

    @property
    def programs(self) -> tuple[Program, ...]:
        """Of each pass."""
        return tuple(one.scene.program for one in self.passes)


@dataclass(frozen=True)
class Pass:
    """One drawing of a frame; the last one has the trail. over: the layer that it draws over the pass before."""

    scene: Scene
    over: Layer | None = None


def scene_uniforms(scene: Scene, over: Layer | None = None) -> NDArray[np.float64]:
    """Scene slots in float64, without those that depend on the target. over: of a `Pass`."""
    v = scene.view
    out = np.zeros(SCENE_SLOTS)

    def put(**values: float) -> None:
        for name, value in values.items():
            out[SLOT[name]] = value

    angle = math.radians(v.rotate)
    c, s = math.cos(angle) / v.zoom, math.sin(angle) / v.zoom
    put(mirror_x=v.mirror in (1, 3), mirror_y=v.mirror in (2, 3), polar=v.polar)
    put(kaleidoscope=v.kaleidoscope >= 1, segments=max(v.kaleidoscope, 1))
    put(warp=v.warp > 0, warp_amount=v.warp * WARP_REACH, warp_scale=v.warp_scale)
    put(warp_phase_x=v.warp_phase % 1.0, warp_phase_y=(0.25 + v.warp_phase * 0.7071) % 1.0)
    # Screen to picture is the inverse of what the view does: unshift, unrotate, shrink.
    put(view_xx=c, view_xy=s, view_x=-(c * v.x + s * v.y), view_yx=-s, view_yy=c, view_y=s * v.x - c * v.y)
    matrix = grade_matrix(scene.grade)
    out[SLOT["g00"] : SLOT["g23"] + 1] = matrix.ravel()
    put(graded=not np.array_equal(matrix, np.eye(3, 4)), mix=scene.mix)
    put(**colours.uniforms(scene.colours))
    put(fold=bool(v.mirror or v.kaleidoscope or v.polar or v.warp > 0))
    keep = math.exp(-max(scene.dt, 0.0) / scene.trail) if scene.trail > 1e-4 else 0.0
    put(trail=scene.trail > 1e-4, keep=keep, level=255.0 * scene.master, gain=scene.master)
    put(matte=scene.matte or scene.keyed, four=scene.keyed)
    if over is not None:
        put(cover=over.network.shape.alpha, **layer_slots(over.blend, over.opacity))
    return out


def target_uniforms(
    scene_slots: NDArray[np.float64], spec: TargetSpec, offset: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.float64]:
    """The scene slots with those filled in that depend on the canvas. Pixel centres, or `offset` pixels to the right of
    and below them; the canvas height is one picture height. Pixels count from the canvas's corner, not the crop's, so
    that a tile's bytes are the whole's. Float64, since a view far off centre would lose its pixels in float32."""
    canvas = spec.canvas
    out = scene_slots.copy()
    scale = 1.0 / canvas.canvas_height
    left = (0.5 + offset[0] - canvas.canvas_width / 2) * scale
    top = (canvas.canvas_height / 2 - 0.5 - offset[1]) * scale
    values = {"screen_scale": scale, "screen_x": left, "screen_y": top}
    for axis in "xy":
        along, up, shift = (out[SLOT[f"view_{axis}{end}"]] for end in ("x", "y", ""))
        values |= {f"across_{axis}": along * scale, f"down_{axis}": -up * scale}
        values[f"origin_{axis}"] = along * left + up * top + shift
    if out[SLOT["matte"]] and spec.alpha is not Alpha.OPAQUE:
        values |= {"level": 255.0, "straight": spec.alpha is Alpha.STRAIGHT}
        values["cover"] = max(out[SLOT["cover"]], out[SLOT["four"]])
    else:
        values |= {"matte": 0.0, "four": 0.0}
    for name, value in values.items():
        out[SLOT[name]] = value
    return out


def folded_networks(scene: Scene) -> NDArray[np.float32]:
    """What follows the scene slots in the block for compiled code."""
    return np.concatenate([fold(network, scene.values) for network in scene.networks])
