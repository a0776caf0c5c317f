"""From an order to a plan: which concept is drawn, in which colours, by which network.

What the words mean is the guide's to say (`Guide.understand`); without a guide, or where it sees only pictures (CLIP),
the concepts' own words and the names of colours are looked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import UsageError
from morphogen.field.network import Shape, preset
from morphogen.render.cost import UPSCALE, work
from morphogen.training.colours import HUES, of_codes, of_words
from morphogen.training.concept import Concept
from morphogen.training.order import AUTO, Order
from morphogen.training.seed_method import seed_shape

COLOUR_WORDS = {
    "violet": "purple", "crimson": "red", "scarlet": "red", "turquoise": "teal", "golden": "gold", "amber": "orange",
    "emerald": "green", "azure": "cyan", "indigo": "navy", "rose": "pink", "gray": "grey", "ivory": "white",
}  # fmt: skip
WIDTHS = ("3L_8D", "3L_6D", "3L_4D")  # narrower ones lose nuclei and rims
# Slots of a pixel of 1080p, 45 % of a 60th of a second on two cores, where one slot of all its pixels takes 12 us.
FRAME = 620
LOOSE = 0.5  # below this the network reads plain coordinates instead of the concept's fields
PLAIN = ("x", "y", "r")
ADRIFT = ("warp_x", "warp_y", "r")  # where only a guide leads: of all inputs the warp helps most (study of recipes)
FRAMES = ("time", "bass", "mid", "treble", "beat", "rms")
ROLES = {"bass": "the whole form", "mid": "its folds", "treble": "its edges", "beat": "its glow"}


@dataclass(frozen=True)
class Plan:
    """concept: None where no generator knows the words: then the guide alone leads. palette: logits (5, 3) that the
    words ask for, or None. gain: of the random networks' hidden layers."""

    concept: Concept | None
    shape: Shape
    palette: NDArray[np.float32] | None
    understood: tuple[str, ...]
    unknown: tuple[str, ...]
    gain: float

    @property
    def roles(self) -> Mapping[str, str]:
        """What the music does."""
        return self.concept.roles if self.concept else ROLES


def make_plan(order: Order, table: Mapping[str, Concept], understanding: Any = None) -> Plan:
    """understanding: what the guide made of the words (`guides.Understanding`), or None. Raises UsageError when nothing
    is understood and no guide could lead either."""
    found, colours, unknown = _meaning(order.prompt, table, understanding)
    if order.method == "seed":
        return Plan(None, seed_shape(order.arch), None, (*found, *colours), tuple(unknown), 5.0)
    concept = table[found[0]] if found else None
    if concept is None and order.guide == "none":
        raise UsageError(f"no word of {order.prompt[:80]!r} names a concept, and without a guide no other is known.",
                         f"Use one of: {', '.join(table)}; or take --guide concepts.")  # fmt: skip
    inputs = _inputs(concept, order.literal)
    gain = 4.0 if concept is None else 2.0 + 1.5 * (1 - order.literal)
    shape = _shape(order.arch, inputs)
    palette = of_codes(order.palette) if order.palette else of_words(colours)
    return Plan(concept, shape, palette, (*found, *colours), tuple(unknown), gain)


def _shape(arch: str, inputs: tuple[str, ...]) -> Shape:
    """With `auto` the widest network that two cores draw in time, sampled at half width and height if need be, which
    is 62 to 71 dB from whole (docs/performance.md)."""
    shapes = [preset(name, inputs, "palette") for name in (WIDTHS if arch == AUTO else (arch,))]
    return next((shape for shape in shapes if slots(shape) / 4 + UPSCALE <= FRAME), shapes[-1])


def slots(shape: Shape) -> int:
    """What a pixel costs, as `render.cost` counts it."""
    multiplies, divisions = work(shape)
    return multiplies + 4 * divisions


def _inputs(concept: Concept | None, literal: float) -> tuple[str, ...]:
    if concept is None:
        return (*ADRIFT, *FRAMES)
    return concept.inputs if literal >= LOOSE else (*PLAIN, *concept.frames)


def _meaning(prompt: str, table: Mapping[str, Concept], understanding: Any) -> tuple[list[str], list[str], list[str]]:
    """(concepts of the table, colours, words not understood), in the order of the prompt."""
    words = re.findall(r"[^\W\d_]+", prompt.lower())
    named = _named(words, table)
    if understanding is not None:
        stand_in = {other: name for name, concept in table.items() for other in concept.also}
        structures = [stand_in.get(name, name) for name in understanding.concepts("structure")]
        found = [*(name for name in structures if name in table), *named]
        colours = [name for name in understanding.concepts("colour") if name in HUES]
        return list(dict.fromkeys(found)), colours, [unknown.word for unknown in understanding.unknown]
    taken = {part for name in named for part in name.split("_")}  # no black for a black hole
    colours = [COLOUR_WORDS.get(word, word) for word in words
               if COLOUR_WORDS.get(word, word) in HUES and word not in taken]  # fmt: skip
    return named, list(dict.fromkeys(colours)), _strange(words, table)


def _named(words: Sequence[str], table: Mapping[str, Concept]) -> list[str]:
    """Concepts whose own words begin words of the prompt, in the order of the prompt."""
    text = " " + " ".join(words)
    places = {}
    for name, concept in table.items():
        hits = [text.find(" " + word) for word in (name.replace("_", " "), *concept.words) if " " + word in text]
        if hits:
            places[name] = min(hits)
    return sorted(places, key=lambda name: places[name])


def _strange(words: Sequence[str], table: Mapping[str, Concept]) -> list[str]:
    known = {part for name, c in table.items() for text in (name.replace("_", " "), *c.words) for part in text.split()}
    return [word for word in words if word not in known and COLOUR_WORDS.get(word, word) not in HUES]
