"""Palettes of five stops: written as colours, kept as logits; and what colour words make of them.

The palette head's curve is drawn towards the inner stops without reaching them (`field.palette`), so what concepts
write down is a little stronger than what is seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from morphogen.field.palette import STOPS

Rgb = tuple[float, float, float]
HUES: dict[str, Sequence[str]] = {
    "red": ("#080103", "#5a0612", "#d3122a", "#ff5a4a", "#ffe2d2"),
    "orange": ("#0a0300", "#5c1c02", "#d95a08", "#ffa63a", "#fff1d0"),
    "gold": ("#090501", "#543305", "#c98a12", "#ffd45c", "#fff8dc"),
    "yellow": ("#080701", "#514a04", "#c9bb10", "#fff04a", "#fffee0"),
    "lime": ("#040801", "#2a4c06", "#7cc414", "#c8f55a", "#f6ffdc"),
    "green": ("#010805", "#04412a", "#0fa35a", "#5fe89a", "#e2fff0"),
    "teal": ("#010709", "#053e48", "#0f98a0", "#52e0dc", "#dcfffb"),
    "cyan": ("#01060b", "#053c5c", "#0aa0cf", "#55def8", "#e0fbff"),
    "blue": ("#01030c", "#0a1f6a", "#1f5fe0", "#62aaff", "#e6f3ff"),
    "navy": ("#010209", "#071646", "#173a94", "#4f7fd6", "#d6e4ff"),
    "purple": ("#05020c", "#2c0d62", "#7a2bd6", "#b981ff", "#f4e8ff"),
    "magenta": ("#09010a", "#560a56", "#d118b8", "#ff6fe4", "#ffe6fb"),
    "pink": ("#0b0207", "#6a0f44", "#e8408f", "#ff95c0", "#fff0f5"),
    "brown": ("#070402", "#3a2010", "#8a5428", "#cf9a5c", "#f7e6ca"),
    "beige": ("#1a140d", "#5f4d38", "#b89a74", "#e3cda8", "#fdf6e6"),
    "white": ("#07080c", "#3d4350", "#9ba5b6", "#d9e0ea", "#ffffff"),
    "grey": ("#050506", "#2a2c30", "#70747c", "#aeb3bb", "#e8eaee"),
    "black": ("#000000", "#0c0c10", "#33343c", "#7a7c88", "#d8dae2"),
    "silver": ("#05070a", "#323a46", "#8794a8", "#c6d2e2", "#fafdff"),
    "copper": ("#080301", "#4a1c0c", "#b4562c", "#eb9c6c", "#ffe9d8"),
}  # fmt: skip


def rgb(code: str) -> Rgb:
    """'#ff8000' as three numbers 0..1."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", code):
        raise ValueError(f"{code!r} is no colour")
    return tuple(int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))  # type: ignore[return-value]


def stops(codes: Sequence[str]) -> NDArray[np.float32]:
    """Five colours as a palette's logits (5, 3)."""
    if len(codes) != STOPS:
        raise ValueError(f"a palette has {STOPS} colours, not {len(codes)}")
    return logits(np.array([rgb(code) for code in codes]))


def logits(colours: NDArray[np.float64]) -> NDArray[np.float32]:
    """Colours 0..1 as a palette keeps them."""
    inside = np.clip(colours, 0.004, 0.996)
    return np.asarray(np.log(inside / (1 - inside)), np.float32)


def of_codes(codes: Sequence[str]) -> NDArray[np.float32]:
    """A palette through any number of colours, from the darkest to the brightest."""
    table = np.array(sorted((rgb(code) for code in codes), key=lambda c: 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]))
    places = np.linspace(0, len(table) - 1, STOPS)
    mixed = np.stack([np.interp(places, np.arange(len(table)), channel) for channel in table.T], axis=1)
    return logits(mixed)


def of_words(names: Sequence[str]) -> NDArray[np.float32] | None:
    """The palette of colour words ('blue', 'pink'): dark in the first colour, bright in the second, and so on. Unknown
    names and 'rainbow' are passed over; None when nothing is left."""
    rows = [stops(HUES[name]) for name in names if name in HUES]
    if not rows:
        return None
    owners = [min(k * len(rows) // STOPS, len(rows) - 1) for k in range(STOPS)]
    return np.stack([rows[owner][k] for k, owner in enumerate(owners)])


def varied(palette: NDArray[np.float32], rng: np.random.Generator, amount: float = 0.35) -> NDArray[np.float32]:
    """The same palette, a little warmer, cooler, brighter or darker: no two takes are alike."""
    tint = rng.normal(0, amount, (1, 3)) * np.array([[1.0, 0.7, 1.0]])
    weight = np.array([[0.3], [0.8], [1.0], [0.7], [0.2]])
    return np.asarray(palette + tint * weight, np.float32)
