"""What an exported style may be told while it plays: the sliders of every host, from the one table of parameters."""

from __future__ import annotations

from dataclasses import dataclass

from morphogen.field.inputs import FRAME_INPUTS
from morphogen.field.network import Network
from morphogen.params.catalog import BY_KEY

# name in the shader: key of the parameter; the order of the arguments of `looked_at` and `graded`.
VIEW = {"zoom": "view/zoom", "turned": "view/rotate", "shift_x": "view/x", "shift_y": "view/y",
        "mirrored": "view/mirror", "segments": "view/kaleidoscope"}  # fmt: skip
GRADE = {"exposure": "color/exposure", "contrast": "color/contrast", "saturation": "color/saturation",
         "hue": "color/hue", "tint": "color/tint", "tint_hue": "color/tint_hue"}  # fmt: skip
# Audio features by their names in the shader, members of its `Sound`: 'centroid' is a word of the language.
HEARD = {{"centroid": "brightness"}.get(name, name): name for name in FRAME_INPUTS if name != "time"}


@dataclass(frozen=True)
class Input:
    """One slider. kind: 'float', 'whole', or 'choice' of `choices`."""

    name: str
    label: str
    default: float
    low: float
    high: float
    doc: str
    kind: str = "float"
    choices: tuple[str, ...] = ()


def _input(name: str, key: str) -> Input:
    p = BY_KEY[key]
    kind = {"choice": "choice", "int": "whole"}.get(p.kind, "float")
    label = key.partition("/")[2].replace("_", " ")
    return Input(name, label, float(p.default), p.minimum, p.maximum, p.doc, kind, tuple(p.choices))


def view() -> list[Input]:
    """Where the picture is looked at."""
    return [_input(name, key) for name, key in VIEW.items()]


def grade() -> list[Input]:
    """Colour."""
    return [_input(name, key) for name, key in GRADE.items()]


def speed() -> Input:
    """Of the picture's own time."""
    return _input("speed", "time/speed")


def sound(network: Network) -> list[Input]:
    """Those audio features that this style listens to."""
    listens = set(network.shape.inputs)
    for row in network.geometry:
        listens |= {name for name, amount in zip(FRAME_INPUTS, row[1:].tolist(), strict=True) if amount}
    return [_input(name, f"audio/{feature}") for name, feature in HEARD.items() if feature in listens]
