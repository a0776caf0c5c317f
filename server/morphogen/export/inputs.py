"""What an exported style may be told while it plays: the sliders of every host, from the one table of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from morphogen.field.inputs import FRAME_INPUTS
from morphogen.field.network import Network
from morphogen.library.style import Style
from morphogen.params.catalog import BY_KEY

# name in the shader: key of the parameter; the order of the arguments of `looked_at` and `graded`.
VIEW = {"zoom": "view/zoom", "turned": "view/rotate", "shift_x": "view/x", "shift_y": "view/y",
        "mirrored": "view/mirror", "segments": "view/kaleidoscope", "polar": "view/polar", "warp": "view/warp",
        "warp_scale": "view/warp_scale", "warp_speed": "view/warp_speed"}  # fmt: skip
GRADE = {"exposure": "color/exposure", "contrast": "color/contrast", "saturation": "color/saturation",
         "hue": "color/hue", "tint": "color/tint", "tint_hue": "color/tint_hue"}  # fmt: skip
PALETTE = {"palette_chosen": "color/palette", "palette_amount": "color/palette_amount",
           "palette_shift": "color/palette_shift"}  # fmt: skip
# Audio features by their names in the shader, members of its `Sound`: 'centroid' is a word of the language.
HEARD = {{"centroid": "brightness"}.get(name, name): name for name in FRAME_INPUTS if name != "time"}


@dataclass(frozen=True)
class Input:
    """One slider. kind: 'float', 'whole', 'choice' of `choices`, or 'switch', a choice of off and on."""

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
    kind = {"choice": "choice", "bool": "switch", "int": "whole"}.get(p.kind, "float")
    label = key.partition("/")[2].replace("_", " ")
    choices = ("off", "on") if p.kind == "bool" else tuple(p.choices)
    return Input(name, label, float(p.default), p.minimum, p.maximum, p.doc, kind, choices)


@dataclass(frozen=True)
class Look:
    """What leaves: a style, and the stage's palettes that it may be seen in; chosen: of them at first, counted from 1,
    or 0 for the style's own colours."""

    style: Style
    palettes: tuple[str, ...] = ()
    chosen: int = 0

    @property
    def sliders(self) -> list[Input]:
        """How it is looked at and coloured."""
        return [*view(), *palette(self.palettes, self.chosen), *grade()]

    @property
    def sound(self) -> list[Input]:
        """Those audio features that the style listens to."""
        return sound(self.style.network)


def view() -> list[Input]:
    """Where the picture is looked at."""
    return [_input(name, key) for name, key in VIEW.items()]


def grade() -> list[Input]:
    """Colour."""
    return [_input(name, key) for name, key in GRADE.items()]


def palette(names: Sequence[str], chosen: int) -> list[Input]:
    """Which of these palettes, and how; chosen: as of a `Look`."""
    if not names:
        return []
    first, *rest = (_input(name, key) for name, key in PALETTE.items())
    high = float(len(names))
    return [replace(first, default=float(chosen), high=high, choices=("off", *names)), *rest]


def speed() -> Input:
    """Of the picture's own time."""
    return _input("speed", "time/speed")


def sound(network: Network) -> list[Input]:
    """Those audio features that this style listens to."""
    listens = set(network.shape.inputs)
    for row in network.geometry:
        listens |= {name for name, amount in zip(FRAME_INPUTS, row[1:].tolist(), strict=True) if amount}
    return [_input(name, f"audio/{feature}") for name, feature in HEARD.items() if feature in listens]
