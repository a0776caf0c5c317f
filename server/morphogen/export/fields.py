"""The fields that a style reads, each as one GLSL function of the pixel, with the geometry that moves at its top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from morphogen.errors import StyleError
from morphogen.export.inputs import HEARD
from morphogen.export.trace import Moving, bounded, traced
from morphogen.export.words import comment, folded
from morphogen.export.writer import Writer, number
from morphogen.field import geometry
from morphogen.field.entry import Parameter
from morphogen.field.graph import Array, Node, as_node, fma, pixel_input
from morphogen.field.inputs import CHANNELS, FIELDS, FRAME_INPUTS, shaped
from morphogen.field.network import Network

FRAME = {"time": "time"} | {feature: f"sound.{name}" for name, feature in HEARD.items()}


@dataclass
class Text:
    """Functions of the fields, and the statements that call them: what the style's function begins with."""

    functions: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    calls: set[str] = field(default_factory=set)


def variable(name: str) -> str:
    """Of an input, in the style's function: no word of any shading language ends so."""
    return f"{name}_"


def fields(network: Network) -> Text:
    """All that turns a pixel's place into the network's inputs. Raises StyleError where geometry cannot be traced."""
    text = Text()
    inputs = network.shape.inputs
    for name in dict.fromkeys(CHANNELS[i] for i in inputs if i in CHANNELS):
        wanted = [channel for channel in FIELDS[name].channels if channel in inputs]
        (_shaped if FIELDS[name].uniforms else _places)(network, name, wanted, text)
    return text


def _places(network: Network, name: str, wanted: list[str], text: Text) -> None:
    """A field without geometry: one statement a channel."""
    made = FIELDS[name].emit(pixel_input("x"), pixel_input("y"), ())
    writer = Writer({"x": "p.x", "y": "p.y"})
    for channel, value in zip(wanted, writer.write([made[channel] for channel in wanted]), strict=True):
        scaled = f"EXTENT * {value}" if channel in FIELDS[name].lengths else value
        writer.lines.append(f"float {variable(channel)} = {scaled};  // {FIELDS[name].channels[channel]}")
    text.statements += writer.lines
    text.calls |= writer.calls


def _shaped(network: Network, name: str, wanted: list[str], text: Text) -> None:
    numbers, named = _parameters(network, name)
    x, y = pixel_input("x"), pixel_input("y")
    made = FIELDS[name].emit(x, y, traced(name, FIELDS[name], numbers))
    writer = Writer({**FRAME, "x": "p.x", "y": "p.y"}, named)
    results = writer.write([made[channel] for channel in wanted])
    body = writer.lines + [f"{channel}_ = {value};" for channel, value in zip(wanted, results, strict=True)]
    outs = ", ".join(f"out float {channel}_" for channel in wanted)
    still = [f"{key} {number(v)}" for key, v in numbers.items() if not isinstance(v, Moving)]
    told = [f"{FIELDS[name].doc}.", *(f"{channel}: {FIELDS[name].channels[channel]}." for channel in wanted)]
    head = comment(" ".join(told), f"Fixed here: {', '.join(still)}." if still else "Everything here moves.")
    signature = f"void field_{name}(vec2 p, float time, Sound sound, {outs}) {{"
    text.functions.append("\n".join([head + signature, *(folded(f"    {line}") for line in body), "}", ""]))
    names = ", ".join(map(variable, wanted))
    text.statements += [f"float {names};", f"field_{name}(clamp(EXTENT * p, -1024.0, 1024.0), time, sound, {names});"]
    text.calls |= writer.calls


def _parameters(network: Network, name: str) -> tuple[Mapping[str, float | Moving], dict[Node, tuple[str, str]]]:
    """Geometry of one field: a number, or a symbol where time or sound moves it; and the names of those."""
    rest = geometry.at(network.shape.inputs, network.geometry, {})[name]
    numbers: dict[str, float | Moving] = dict(rest)
    named = {}
    for owner, parameter, row in geometry.parts(network.shape.inputs, network.geometry):
        if owner == name and parameter.kind != "whole" and np.any(row[1:]):
            node = bounded(parameter, _moved(row))
            numbers[parameter.name] = Moving(node)
            named[node] = (f"{parameter.name}_", _doc(parameter))
    return numbers, named


def _moved(row: Array) -> Node:
    total: Node | None = None
    for name, amount in zip(FRAME_INPUTS, row[1:].tolist(), strict=True):
        if amount:
            source = pixel_input(name)
            first = fma(source, amount, float(row[0])) if row[0] else source * amount
            total = first if total is None else fma(source, amount, total)
    return total if total is not None else as_node(float(row[0]))


def _doc(parameter: Parameter) -> str:
    return f"{parameter.doc} ({parameter.unit})" if parameter.unit else parameter.doc


def rested(network: Network) -> Network:
    """The same network, those fields at rest whose movement cannot be traced."""
    numbers = network.geometry.copy()
    for name in shaped(network.shape.inputs):
        try:
            traced(name, FIELDS[name], _parameters(network, name)[0])
        except StyleError:
            for (owner, _, _), row in zip(geometry.parts(network.shape.inputs, numbers), numbers, strict=True):
                row[1:] = 0.0 if owner == name else row[1:]
    return replace(network, geometry=numbers)
