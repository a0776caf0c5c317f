"""Scenes as maps of plain values, from a leader to its followers: exact, and nothing is believed before it is checked.

A message carries everything that one frame shows, so a follower needs neither parameters nor styles nor sound.
Numbers stay float64, weights float32 bytes, so a follower's pixels are the leader's. Networks of more than `LARGE`
weights carry a serial number and their weights only when these are new. docs/walls.md describes the fields.
"""

from __future__ import annotations

import dataclasses
import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from morphogen.colours_wire import ColourReader, ColourWriter
from morphogen.errors import MorphogenError, StyleError
from morphogen.field import geometry
from morphogen.field.grade import Grade
from morphogen.field.graph import Array
from morphogen.field.layers import BLENDS
from morphogen.field.network import Network, Shape, tensor_shapes
from morphogen.field.scene import SAMPLES, Layer, Scene, View, scene_uniforms
from morphogen.library import checks
from morphogen.library import geometry as geometries
from morphogen.wire_plain import FIELDS, Missing, integer, mapping, named, number, plain, read_plain

VERSION = 1
LARGE = 4096  # weights, 16 KB: below it is cheaper to send them than to think about it
KEPT = 8  # networks that either side remembers; a frame shows three
MAX_VALUES = 64
MAX_PROGRAMS = 64

Shapes = tuple[Shape, ...]


MissingWeights = Missing  # of a large network, or a look-up table, sent before this follower listened


@dataclasses.dataclass(frozen=True)
class Shot:
    """One frame edge of a leader. index, generation: as in the frame header; time_ns: on the leader's clock; style: the
    running one's name; canvas: (width, height) of the leader's; run: differs at each start of a leader, 0 there."""

    scene: Scene
    index: int
    generation: int
    time_ns: int
    style: str
    canvas: tuple[int, int]
    run: int = 0


class Encoder:
    """Shots to maps, for one stream. run: what tells this start of a leader from others. Use it from one thread."""

    def __init__(self, run: int) -> None:
        self._run = run
        self._large: OrderedDict[int, tuple[Network, int]] = OrderedDict()
        self._serial = 0
        self._told: set[int] = set()
        self._colours = ColourWriter()

    def renew(self) -> None:
        """Somebody new listens: send all weights again."""
        self._told.clear()
        self._colours.renew()

    def shot(self, shot: Shot) -> dict[str, Any]:
        """What `Decoder.shot` reads; msgpack-able."""
        scene = shot.scene
        return {
            "v": VERSION, "run": self._run, "index": shot.index, "generation": shot.generation,
            "time_ns": shot.time_ns, "style": shot.style, "canvas": list(shot.canvas),
            "scene": {
                **plain(scene),
                "layer": None if scene.layer is None else self._layer(scene.layer),
                "networks": [self._network(network) for network in scene.networks],
                "values": {str(name): float(value) for name, value in scene.values.items()},
                "view": plain(scene.view), "grade": plain(scene.grade),
                "colours": self._colours.write(scene.colours),
            },
        }  # fmt: skip

    def _layer(self, layer: Layer) -> dict[str, Any]:
        about = {"view": plain(layer.view), "grade": plain(layer.grade)}
        return {**plain(layer), **about, "blend": layer.blend, "network": self._network(layer.network)}

    def _network(self, network: Network) -> dict[str, Any]:
        low, high = network.time_range
        found = {**write_shape(network.shape), "extent": float(network.extent), "time": [float(low), float(high)]}
        found["geometry"] = network.geometry.astype("<f8").tobytes()
        if network.shape.parameters > LARGE:
            found["serial"] = serial = self._serial_of(network)
            if serial in self._told:
                return found
            self._told.add(serial)
        found["weights"] = network.flat.astype("<f4").tobytes()
        return found

    def _serial_of(self, network: Network) -> int:
        known = self._large.get(id(network))  # kept below, so no other object can have this id meanwhile
        if known is not None and known[0] is network:
            self._large.move_to_end(id(network))
            return known[1]
        self._serial += 1
        self._large[id(network)] = network, self._serial
        while len(self._large) > KEPT:
            self._told.discard(self._large.popitem(last=False)[1][1])
        return self._serial


class Decoder:
    """Maps to shots. Everything raises ValueError that says what is wrong. Use it from one thread."""

    def __init__(self) -> None:
        self._networks: OrderedDict[tuple[Any, ...], Network] = OrderedDict()
        self._colours = ColourReader()

    def shot(self, message: Any) -> Shot:
        """Read what `Encoder.shot` wrote. Raises ValueError; MissingWeights where asking again helps."""
        keys = {"v", "run", "index", "generation", "time_ns", "style", "canvas", "scene"}
        whole = mapping(message, "a message", keys)
        if whole["v"] != VERSION:
            raise ValueError(f"a scene of version {checks.shown(whole['v'])}, this Morphogen reads {VERSION}")
        run, index, generation, time_ns = (integer(whole[k], k) for k in ("run", "index", "generation", "time_ns"))
        canvas = whole["canvas"]
        if not isinstance(canvas, list) or len(canvas) != 2 or not all(integer(side, "canvas") for side in canvas):
            raise ValueError(f"the canvas is {checks.shown(canvas)}")
        style = whole["style"]
        if not isinstance(style, str) or len(style) > 200 or not style.isprintable():
            raise ValueError(f"the style's name is {checks.shown(style)}")
        scene = self._scene(whole["scene"], run)
        return Shot(scene, index, generation, time_ns, style, (canvas[0], canvas[1]), run)

    def _scene(self, message: Any, run: int) -> Scene:
        parts = mapping(message, "a scene", {f.name for f in dataclasses.fields(Scene)})
        networks = parts["networks"]
        if not isinstance(networks, list) or not 1 <= len(networks) <= 2:
            raise ValueError("a scene has one or two networks")
        values = parts["values"]
        if not isinstance(values, dict) or len(values) > MAX_VALUES:
            raise ValueError(f"a scene has at most {MAX_VALUES} values by name")
        scene = Scene(
            **read_plain(Scene, parts),
            networks=tuple(self._network(network, run) for network in networks),
            values={named(name): number(value, name) for name, value in values.items()},
            view=_view(parts["view"]),
            grade=_grade(parts["grade"]),
            layer=None if parts["layer"] is None else self._layer(parts["layer"], run),
            colours=self._colours.read(parts["colours"], run),
        )
        _check_drawable(scene)
        return scene

    def _layer(self, message: Any, run: int) -> Layer:
        parts = mapping(message, "a layer", {f.name for f in dataclasses.fields(Layer)})
        blend = parts["blend"]
        if not isinstance(blend, str) or blend not in BLENDS:
            raise ValueError(f"the layer's blend mode is {checks.shown(blend)}")
        network = self._network(parts["network"], run)
        view, grade = _view(parts["view"]), _grade(parts["grade"])
        return Layer(network, blend, view=view, grade=grade, **read_plain(Layer, parts))

    def _network(self, message: Any, run: int) -> Network:
        always = {"inputs", "layers", "activations", "head", "extent", "time", "geometry"}
        found = mapping(message, "a network", always, {"serial", "weights"})
        try:
            shape = read_shape({key: found[key] for key in ("inputs", "layers", "activations", "head")})
            about = _About(checks.extent(found["extent"]), checks.time_range(found["time"]), found["geometry"])
            about.array(shape)
        except MorphogenError as error:
            raise ValueError(error.message) from error
        weights = found.get("weights")
        if shape.parameters > LARGE:
            key: tuple[Any, ...] = (run, integer(found.get("serial"), "serial"), shape, about)
        else:
            key = (shape, about, weights)
        known = self._networks.get(key) if weights is None or isinstance(weights, bytes) else None
        if known is None or (weights is not None and shape.parameters > LARGE):
            known = self._networks[key] = _built(shape, weights, about)
        self._networks.move_to_end(key)
        while len(self._networks) > KEPT:
            self._networks.popitem(last=False)
        return known


def write_shape(shape: Shape) -> dict[str, Any]:
    """A network's shape, as style files say it."""
    return {
        "inputs": list(shape.inputs),
        "layers": [len(layer) for layer in shape.layers],
        "activations": [layer[0] if len(set(layer)) == 1 else list(layer) for layer in shape.layers],
        "head": shape.head,
    }


def read_shape(message: Any) -> Shape:
    """Read what `write_shape` wrote. Raises ValueError."""
    found = mapping(message, "a shape", {"inputs", "layers", "activations", "head"})
    try:
        return checks.shape(found["inputs"], found["layers"], found["activations"], found["head"])
    except MorphogenError as error:
        raise ValueError(error.message) from error


def write_programs(run: int, programs: Sequence[Shapes]) -> dict[str, Any]:
    """Which programs the leader may soon draw with, so that followers compile them ahead."""
    return {"v": VERSION, "run": run, "programs": [[write_shape(s) for s in shapes] for shapes in programs]}


def read_programs(message: Any) -> list[Shapes]:
    """Read what `write_programs` wrote. Raises ValueError."""
    found = mapping(message, "an announcement", {"v", "run", "programs"})
    programs = found["programs"]
    if found["v"] != VERSION or not isinstance(programs, list) or len(programs) > MAX_PROGRAMS:
        raise ValueError(f"an announcement of more than {MAX_PROGRAMS} programs, or of another version")
    for shapes in programs:
        if not isinstance(shapes, list) or not 1 <= len(shapes) <= 2:
            raise ValueError("a program has one or two shapes")
    return [tuple(read_shape(shape) for shape in shapes) for shapes in programs]


@dataclasses.dataclass(frozen=True)
class _About:  # a network beside its weights; geometry: float64 bytes
    extent: float
    time: tuple[float, float]
    geometry: Any

    def array(self, shape: Shape) -> Array:
        """Raises StyleError."""
        expected = geometry.default(shape.inputs)
        if not isinstance(self.geometry, bytes) or len(self.geometry) != expected.nbytes:
            raise StyleError(f"the geometry of {shape} has {expected.nbytes} bytes", checks.REMAKE)
        return geometries.checked(shape.inputs, np.frombuffer(self.geometry, "<f8").reshape(expected.shape))


def _built(shape: Shape, weights: Any, about: _About) -> Network:
    if weights is None:
        raise MissingWeights(f"the weights of a network {shape} have not come yet")
    if not isinstance(weights, bytes) or len(weights) != 4 * shape.parameters:
        raise ValueError(f"a network {shape} has {shape.parameters} weights of 4 bytes each")
    flat = np.frombuffer(weights, "<f4")
    if not np.isfinite(flat).all():
        raise ValueError("weights are NaN or infinite")
    sizes = [math.prod(s) for s in tensor_shapes(shape)]
    parts = np.split(flat, np.cumsum(sizes)[:-1])
    tensors = tuple(part.reshape(s) for part, s in zip(parts, tensor_shapes(shape), strict=True))
    return Network(shape, tensors, about.extent, about.time, about.array(shape))


def _view(message: Any) -> View:
    return View(**read_plain(View, mapping(message, "a view", FIELDS[View].keys())))


def _grade(message: Any) -> Grade:
    return Grade(**read_plain(Grade, mapping(message, "a grade", FIELDS[Grade].keys())))


def _check_drawable(scene: Scene) -> None:
    """Numbers that are each fine can still meet badly: a zoom of 0, an exposure of 1e5."""
    try:
        with np.errstate(all="ignore"):
            finite = all(np.isfinite(scene_uniforms(one.scene, one.over)).all() for one in scene.passes)
    except ArithmeticError as error:
        raise ValueError(f"a scene that cannot be drawn: {error}") from error
    if scene.samples not in SAMPLES:
        raise ValueError(
            f"a scene has {', '.join(map(str, SAMPLES))} samples a pixel, not {checks.shown(scene.samples)}"
        )
    if not finite:
        raise ValueError("a scene that cannot be drawn: its numbers run over")
