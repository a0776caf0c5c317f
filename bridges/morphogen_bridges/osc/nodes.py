"""Every OSC address as a node of the OSCQuery proposal (Vidvox, revision of 2018-08-31), all attributes but VALUE.

Pure functions on the declarations: the catalog of parameters, the commands and readings of `addresses`, the weights of
a style. Units and extended types are only those that the proposal lists; others are said in the description.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from morphogen.params.spec import Param
from morphogen_bridges.osc import addresses as table
from morphogen_bridges.osc.addresses import Command, Range, Reading

NO_VALUE, READ, WRITE, READ_WRITE = range(4)

UNITS = {"degrees": "angle.degree", "s": "time.second", "ms": "time.ms", "Hz": "time.hz", "bpm": "time.bpm"}
EXTENDED_TYPES = {
    "view/x": "position.cartesian.x",
    "view/y": "position.cartesian.y",
    "color/hue": "color.hsv.h",
    "color/tint_hue": "color.hsv.h",
}
ATTRIBUTES = (
    "FULL_PATH", "CONTENTS", "TYPE", "ACCESS", "VALUE", "RANGE", "DESCRIPTION", "TAGS", "EXTENDED_TYPE", "UNIT",
    "CRITICAL", "CLIPMODE", "OVERLOADS",
)  # fmt: skip
_TYPES = {"float": "f", "int": "i", "bool": "T", "choice": "s"}
WEIGHT_RANGE = 8.0  # of 6,000 weights of the library 99 in 100 are below 4, the largest is 6.8


class Node(NamedTuple):
    """One OSC method. fixed: its attributes as JSON, without VALUE."""

    address: str
    fixed: Mapping[str, Any]

    @property
    def readable(self) -> bool:
        """Whether it has a value that may be asked for."""
        return bool(self.fixed["ACCESS"] & READ)

    @property
    def type(self) -> str:
        """OSC letters."""
        return str(self.fixed["TYPE"])


def parameter(spec: Param) -> Node:
    """`/morphogen/<group>/<name>`, in the parameter's own unit."""
    tag = _TYPES[spec.kind]
    plain = tag in "fi"
    number = int if tag == "i" else float
    span = {"MIN": number(spec.minimum), "MAX": number(spec.maximum)} if plain else {"VALS": list(spec.choices)}
    return _node(
        table.PREFIX + spec.key, tag, READ_WRITE, _with_unit(spec), [spec.group] + ["feature"] * spec.feature,
        RANGE=[span] if plain or spec.choices else None,
        CLIPMODE=["none" if spec.clip == "wrap" else "both"] if plain else None,
        UNIT=_units([spec.unit]),
        EXTENDED_TYPE=[EXTENDED_TYPES[spec.key]] if spec.key in EXTENDED_TYPES else None,
        CRITICAL=spec.kind in ("bool", "choice"),  # a lost packet of a fader is followed by the next, one of these not
        OVERLOADS=[{"TYPE": "i", "RANGE": [_span((0, len(spec.choices) - 1), "i")]}] if spec.choices else None,
    )  # fmt: skip


def normalised(spec: Param) -> Node:
    """`/morphogen/norm/<group>/<name>`: the same as 0..1 over its range."""
    return _node(
        table.NORM + spec.key, "f", READ_WRITE, f"{spec.label} from 0 to 1 over its range.", ["norm", spec.group],
        RANGE=[{"MIN": 0.0, "MAX": 1.0}], CLIPMODE=["both"],
    )  # fmt: skip


def command(command: Command, choices: Mapping[str, Sequence[str]] | None = None) -> Node:
    """One command. A button is an impulse, with a number as pads send it beside. choices: argument -> what it takes,
    known only while the show runs; a range of `slot` follows the number of choices."""
    letters, required = command.letters, command.required
    if command.button:
        overloads = [{"TYPE": "f", "RANGE": [{"MIN": 0.0, "MAX": 1.0}]}]
        shape = {"TYPE": "I"}
    else:
        shape = _arguments(command, letters[:required], choices or {})
        overloads = [_arguments(command, letters[:n], choices or {}) for n in range(required + 1, len(letters) + 1)]
    reading = _READINGS.get(command.address)
    more = {key: value for key, value in shape.items() if key != "TYPE"}
    return _node(
        command.address, shape["TYPE"], READ_WRITE if reading else WRITE, command.doc,
        ["command", command.address.removeprefix(table.PREFIX).partition("/")[0]],
        **more, CRITICAL=not command.continuous, OVERLOADS=overloads or None,
    )  # fmt: skip


def reading(reading: Reading) -> Node:
    """What Morphogen only says."""
    return _node(
        table.PREFIX + reading.key, reading.type, READ, reading.doc, ["reading", reading.key.partition("/")[0]],
        RANGE=[_span(reading.range, reading.type)] if reading.range else None, UNIT=_units([reading.unit]),
    )  # fmt: skip


def weight(index: int, name: str, reach: float = WEIGHT_RANGE) -> Node:
    """`/morphogen/weight/<n>`. name: what it does, as 'layer 1, unit 3 (sin): from time'; the part in front of the
    first comma or colon and the part in front of the colon are tags, so that a client can show one layer or unit."""
    place = name.partition(":")[0]
    layer = place.partition(",")[0]
    return _node(
        f"{table.WEIGHT}{index}", "f", READ_WRITE, name, list(dict.fromkeys(["weight", layer, place])),
        RANGE=[{"MIN": -reach, "MAX": reach}], CLIPMODE=["none"],
    )  # fmt: skip


def fixed_nodes(specs: Mapping[str, Param], choices: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[Node]:
    """All nodes but the weights. choices: address of a command -> what its arguments take."""
    for spec in specs.values():
        yield parameter(spec)
    for one in table.COMMANDS:
        yield command(one, choices.get(one.address))
    commands = {one.address for one in table.COMMANDS}
    for said in table.READINGS:
        if table.PREFIX + said.key not in commands:
            yield reading(said)
    yield _node(table.PING, "I", WRITE, f"Answers {table.PONG} with the version to whoever asks.", ["command"])
    yield _node(table.SUBSCRIBE, "i", WRITE, "Send feedback over UDP to this port of the sender.", ["command"],
                RANGE=[{"MIN": 1024, "MAX": 65535}])  # fmt: skip
    yield from _synesthesia(specs)
    for spec in specs.values():
        yield normalised(spec)


def _synesthesia(specs: Mapping[str, Param]) -> Iterator[Node]:
    for address, key in table.SYNESTHESIA.items():
        if key in specs:
            yield _node(address, "f", WRITE, f"Synesthesia's way to set {key}.", ["synesthesia"],
                        RANGE=[{"MIN": 0.0, "MAX": 1.0}], CLIPMODE=["both"])  # fmt: skip
    # `/audio/bpm` is a container here, because `/audio/bpm/bpm` is below it; both are heard all the same
    address = max(table.SYNESTHESIA_BPM, key=len)
    yield _node(address, "f", WRITE, "Synesthesia's tempo.", ["synesthesia"], RANGE=[{"MIN": 30.0, "MAX": 300.0}],
                UNIT=_units(["bpm"]))  # fmt: skip


def _node(address: str, types: str, access: int, doc: str, tags: Iterable[str], **more: Any) -> Node:
    given = {key: value for key, value in more.items() if value not in (None, False)}
    return Node(address, {"FULL_PATH": address, "TYPE": types, "ACCESS": access, "DESCRIPTION": doc,
                          "TAGS": list(tags), **given})  # fmt: skip


def _arguments(command: Command, letters: str, choices: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """TYPE, RANGE, CLIPMODE and UNIT of a call with these arguments."""
    spans: list[dict[str, Any] | None] = []
    for place, letter in enumerate(letters):
        limits = command.ranges[place] if place < len(command.ranges) else None
        values = choices.get(command.names[place])
        if values and letter == "s":
            spans.append({"VALS": list(values)})
        else:
            spans.append(_span((limits[0], len(values)) if values and limits else limits, letter) if limits else None)
    found: dict[str, Any] = {"TYPE": letters}
    if any(spans):
        found["RANGE"] = spans
    modes = ["none" if span and "VALS" not in span else None for span in spans]
    if any(modes):
        found["CLIPMODE"] = modes
    units = _units(command.units[: len(letters)])
    return found | ({"UNIT": units} if units else {})


def _span(limits: Range, letter: str) -> dict[str, Any]:
    number = int if letter == "i" else float
    return {key: number(value) for key, value in zip(("MIN", "MAX"), limits, strict=True) if value is not None}


def _units(units: Sequence[str]) -> list[str | None] | None:
    found = [UNITS.get(unit) for unit in units]
    return found if any(found) else None


def _with_unit(spec: Param) -> str:
    said = spec.doc if not spec.unit or spec.unit in UNITS else f"{spec.doc[:-1]} ({spec.unit})."
    return f"{said} Runs round: what lies outside comes in again." if spec.clip == "wrap" else said


_READINGS = {table.PREFIX + one.key: one for one in table.READINGS}
