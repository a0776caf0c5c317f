"""The fields that a style reads, each as one GLSL function of the pixel, with the geometry that moves at its top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from morphogen.export import orbits
from morphogen.export.inputs import HEARD
from morphogen.export.trace import Moving, bounded, left_over, node_of, parts, traced
from morphogen.export.words import comment, folded
from morphogen.export.writer import Writer, number
from morphogen.field import geometry
from morphogen.field.entry import Parameter
from morphogen.field.graph import Array, Node, as_node, fma, pixel_input
from morphogen.field.inputs import CHANNELS, FIELDS, FRAME_INPUTS
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
    writer = Writer({**FRAME, "x": "p.x", "y": "p.y"}, named)
    if name in orbits.ARGUMENTS:
        results = _followed(name, numbers, wanted, writer, text)
    else:
        made = FIELDS[name].emit(pixel_input("x"), pixel_input("y"), traced(name, FIELDS[name], numbers))
        results = writer.write([made[channel] for channel in wanted])
    body = writer.lines + [f"{channel}_ = {value};" for channel, value in zip(wanted, results, strict=True)]
    outs = ", ".join(f"out float {channel}_" for channel in wanted)
    still = [f"{key} {number(v)}" for key, v in numbers.items() if not isinstance(v, Moving)]
    told = [f"{FIELDS[name].doc}.", *(f"{channel}: {FIELDS[name].channels[channel]}." for channel in wanted)]
    head = comment(" ".join(told), f"Fixed here: {', '.join(still)}." if still else "Everything here moves.")
    signature = folded(f"void field_{name}(vec2 p, float time, Sound sound, {outs}) {{")
    text.functions.append("\n".join([head + signature, *(folded(f"    {line}") for line in body), "}", ""]))
    names = ", ".join(map(variable, wanted))
    text.statements += [f"float {names};", f"field_{name}(clamp(EXTENT * p, -1024.0, 1024.0), time, sound, {names});"]
    text.calls |= writer.calls


def _followed(name: str, numbers: Mapping[str, Any], wanted: list[str], writer: Writer, text: Text) -> list[str]:
    """A fractal: a function of its own, called with what moves. The expressions of the wanted channels."""
    values = writer.write([node_of(numbers.get(key, 0.0)) for key in orbits.ARGUMENTS[name]])
    text.functions += [one for one in orbits.functions(name, int(numbers["place"])) if one not in text.functions]
    text.calls |= orbits.CALLS
    writer.lines.append(f"Orbit found = {name}({', '.join(['p', *values])});")
    return [f"found.{orbits.MEMBERS[list(FIELDS[name].channels).index(channel)]}" for channel in wanted]


def _parameters(network: Network, name: str) -> tuple[Mapping[str, Any], dict[Node, tuple[str, str]]]:
    """Geometry of one field: a number, or a `Moving` where time or sound moves it; and the names of those."""
    numbers: dict[str, Any] = dict(geometry.at(network.shape.inputs, network.geometry, {})[name])
    named = {}
    for owner, parameter, row in geometry.parts(network.shape.inputs, network.geometry):
        if owner != name or parameter.kind == "whole" or not np.any(row[1:]):
            continue
        time = pixel_input("time")
        if (owner, parameter.name) == orbits.ENDLESS and row[geometry.TIME] > 0:
            rounds, time = orbits.rest_of_time(int(numbers["place"]), row)
            numbers["rounds"], named[rounds] = Moving(rounds), ("rounds", "the picture has repeated itself so often")
        elif parameter.kind == "wrap" and row[geometry.TIME]:
            time = left_over(time, *parts((parameter.high - parameter.low) / abs(float(row[geometry.TIME]))))
        node = bounded(parameter, _moved(row, time))
        numbers[parameter.name], named[node] = Moving(node), (f"{parameter.name}_", _doc(parameter))
    return numbers, named


def _moved(row: Array, time: Node) -> Node:
    total: Node | None = None
    for name, amount in zip(FRAME_INPUTS, row[1:].tolist(), strict=True):
        if amount:
            source = time if name == "time" else pixel_input(name)
            first = fma(source, amount, float(row[0])) if row[0] else source * amount
            total = first if total is None else fma(source, amount, total)
    return total if total is not None else as_node(float(row[0]))


def _doc(parameter: Parameter) -> str:
    return f"{parameter.doc} ({parameter.unit})" if parameter.unit else parameter.doc
