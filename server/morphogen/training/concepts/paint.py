"""Ink to colour: palettes from named colours, grounds, moods. Vectorised over pictures."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from morphogen.training.concepts.vocabulary import Concept, vocabulary
from morphogen.training.torches import need_torch

Tensor = Any
NATURAL = 0.5  # of the pictures wear the usual colours of their structure
MOODY = 0.3  # have a mood
MOOD_COLOURS = {
    "neon": ("magenta", "cyan", "lime", "purple", "blue"),
    "fiery": ("red", "orange", "yellow", "gold"),
    "icy": ("white", "cyan", "blue", "teal"),
    "earthy": ("brown", "beige", "green", "orange", "gold"),
    "dreamy": ("purple", "pink", "blue", "cyan", "white"),
    "gloomy": ("blue", "purple", "grey", "green", "brown", "teal", "red"),
}
WITHOUT_COLOUR = ("monochrome", "vintage", "psychedelic")  # they bring colours of their own


@dataclass
class Wear:
    """What n pictures are painted with: names, one a picture."""

    main: list[str]
    second: list[str]
    ground: list[str]
    mood: list[str]
    tokens: list[set[str]] = field(default_factory=list)  # what can be said of the colours


@functools.cache
def plain() -> tuple[str, ...]:
    """Colours that are one colour."""
    return tuple(name for name in vocabulary().concepts["colour"] if name != "rainbow")


def choose(rng: np.random.Generator, structure: str, n: int, colours: tuple[str, ...], banned: frozenset[str]) -> Wear:
    """Colours, ground and mood of n pictures. `colours`: main (and second) colour, fixed; `banned`: never main or
    second."""
    concept = vocabulary().concepts["structure"].get(structure, Concept("structure", structure, ()))
    moods = tuple(vocabulary().concepts["mood"])
    schemes = [scheme for scheme in concept.natural if not banned & set(scheme)]
    wear = Wear([], [], [], [])
    for dice in rng.random((n, 9)):
        mood = _pick(moods, dice[0]) if dice[1] < MOODY and not colours else ""
        pool = MOOD_COLOURS.get(mood, (*plain(), "rainbow"))
        pool = tuple(name for name in pool if name not in banned) or pool
        if colours:
            pair: tuple[str, ...] = (colours[0], colours[-1])
        elif schemes and not mood and dice[2] < NATURAL:
            pair = _pick(schemes, dice[3])
        else:
            pair = (_pick(pool, dice[3]), _pick(pool, dice[4]))
        wear.main.append(pair[0])
        wear.second.append(pair[-1] if dice[5] < 0.7 else pair[0])
        wear.mood.append(mood)
        wear.ground.append(_ground(dice[6:], concept, pair[0], mood))
    return wear


def _pick(options: Sequence[Any], dice: float) -> Any:
    return options[int(dice * len(options))]


def _ground(dice: np.ndarray, concept: Concept, main: str, mood: str) -> str:
    """A ground that the main colour can be seen on."""
    if mood in ("neon", "fiery", "gloomy"):
        return "black"
    if mood == "pastel":
        return str(_pick(("white", "white", "beige", "pink", "cyan"), dice[1]))
    ground = concept.ground
    if dice[0] >= 0.4:
        ground = "black" if dice[0] < 0.65 else "white" if dice[0] < 0.82 else _pick(plain(), dice[1])
    if ground == main or {ground, main} <= {"black", "navy"} or {ground, main} <= {"white", "beige"}:
        ground = "white" if main in ("black", "navy", "brown") else "black"
    return ground


def shades(rng: np.random.Generator, names: list[str]) -> np.ndarray:
    """One RGB colour for each name, drawn from its range; float32 (n, 3)."""
    table = vocabulary().concepts["colour"]
    low_high = np.array([table[name].hsv for name in names], dtype=np.float64)
    draw = rng.random((len(names), 3))
    h = (low_high[:, 0] + (low_high[:, 1] - low_high[:, 0]) * draw[:, 0]) / 360
    s = low_high[:, 2] + (low_high[:, 3] - low_high[:, 2]) * draw[:, 1]
    v = low_high[:, 4] + (low_high[:, 5] - low_high[:, 4]) * draw[:, 2]
    return rgb_of(h, s, v).astype(np.float32)


def rgb_of(h: np.ndarray, s: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Hue in turns, saturation, value to RGB; (n,) each to (n, 3)."""
    k = (np.array([5.0, 3.0, 1.0]) + h[:, None] * 6) % 6
    return v[:, None] * (1 - s[:, None] * np.clip(np.minimum(k, 4 - k), 0, 1))


def paint(rng: np.random.Generator, wear: Wear, ink: Tensor, share: Tensor, family: str) -> Tensor:
    """Ink (n, h, w) and share of the second colour to pictures (n, 3, h, w). Fills `wear.tokens`."""
    torch = need_torch()

    def column(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(ink.device)[:, :, None, None]

    n = len(wear.main)
    ground, main, second = (shades(rng, names) for names in (wear.ground, wear.main, wear.second))
    light = (ground.mean(1, keepdims=True) > 0.55).astype(np.float32)
    lift = rng.uniform(0.15, 0.85, (n, 1)).astype(np.float32)
    gleam = light * 0.0 + (1 - light) * 1.0  # highlights are white on dark grounds, dark on light ones
    colours = []
    for base in (main, second):
        top = base + (gleam - base) * lift * (0.45 if family == "near" else 0.3)
        colours.append((base, top))
    depth = rng.uniform(0.25, 0.75, (n, 1)).astype(np.float32)
    ink = ink[:, None]
    share = share[:, None].clamp(0, 1)
    pictures = [
        _ramp(ink, column(ground), column(ground + (a - ground) * depth), column(a), column(b), family)
        for a, b in colours
    ]
    rgb = pictures[0] + (pictures[1] - pictures[0]) * share
    rainbow = column(np.array([[float(name == "rainbow")] for name in wear.main]))
    spin = column(rng.random((n, 1)))
    wheel = _wheel(ink * 0.9 + share * 0.5 + spin)
    rgb = rgb + (column(ground) + (wheel - column(ground)) * (ink * 1.6).clamp(0, 1) - rgb) * rainbow
    rgb = _moods(wear, rgb, ink, share, spin, column)
    wear.tokens = _said(wear, ink[:, 0], share[:, 0])
    return rgb.clamp(0, 1)


def _ramp(ink: Tensor, ground: Tensor, deep: Tensor, base: Tensor, top: Tensor, family: str) -> Tensor:
    """Near: four stops, straight between them. Far: two smooth mixes and no deep tone."""
    if family == "near":
        a, b, c = (ink / 0.33).clamp(0, 1), ((ink - 0.33) / 0.34).clamp(0, 1), ((ink - 0.67) / 0.33).clamp(0, 1)
        return ground + (deep - ground) * a + (base - deep) * b + (top - base) * c
    a = ink.clamp(0, 1) ** 0.8
    b = ((ink - 0.55) / 0.45).clamp(0, 1) ** 2
    return ground + (base - ground) * a + (top - base) * b * a


def _wheel(turns: Tensor) -> Tensor:
    """The colour wheel, (n, 1, h, w) turns to (n, 3, h, w)."""
    torch = need_torch()
    return torch.cat([0.5 + 0.5 * (2 * math.pi * (turns + shift)).cos() for shift in (0.0, 1 / 3, 2 / 3)], 1)


def _moods(wear: Wear, rgb: Tensor, ink: Tensor, share: Tensor, spin: Tensor, column: Any) -> Tensor:
    """What a mood does to the finished colours, for those pictures that have it."""

    def of(name: str) -> Tensor:
        return column(np.array([[float(mood == name)] for mood in wear.mood]))

    grey = rgb.mean(1, keepdim=True)
    sepia = column(np.array([[1.05, 0.86, 0.62]] * len(wear.mood)))
    moods: dict[str, Callable[[Tensor], Tensor]] = {
        "pastel": lambda now: 0.45 * now + 0.55,
        "vintage": lambda now: grey * sepia * 0.8 + 0.12,
        "monochrome": lambda now: grey + 0 * now,
        "gloomy": lambda now: 0.35 * now + 0.15 * grey,
        "dreamy": lambda now: 0.7 * now + 0.3 * haze(now, 9) + 0.08,
        "vivid": lambda now: grey + (now - grey) * 1.5,
        "neon": lambda now: now + 0.5 * haze(now, 9),
        "psychedelic": lambda now: _wheel(ink * 2.2 + share + spin),
    }
    for name, change in moods.items():
        if name in wear.mood:
            rgb = rgb + (change(rgb) - rgb) * of(name)
    return rgb


def haze(rgb: Tensor, wide: int) -> Tensor:
    """Mean over a square of odd width; in two passes: 9 x 9 at once takes 80 ms for 16 pictures of 128 px, this 15."""
    pool = need_torch().nn.functional.avg_pool2d
    return pool(pool(rgb, (wide, 1), 1, (wide // 2, 0)), (1, wide), 1, (0, wide // 2))


def _said(wear: Wear, ink: Tensor, share: Tensor) -> list[set[str]]:
    """Tokens of the colours that can be seen: main always, second and ground where they cover enough."""
    shown = (ink > 0.35).float()
    second = (shown * (share > 0.5).float()).mean((1, 2)).tolist()
    cover = shown.mean((1, 2)).tolist()
    said = []
    for k, mood in enumerate(wear.mood):
        tokens = {f"mood:{mood}"} if mood else set()
        if mood in WITHOUT_COLOUR:
            if mood == "psychedelic":
                tokens.add("colour:rainbow")
        else:
            tokens |= {f"colour:{wear.main[k]}"} | ({f"colour:{wear.second[k]}"} if second[k] > 0.06 else set())
            tokens |= {f"ground:{wear.ground[k]}"} if cover[k] < 0.75 else set()
        said.append(tokens)
    return said
