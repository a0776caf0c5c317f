"""The card of a style: what it is, what was understood, how it moves, how it was made; for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from morphogen.field import geometry
from morphogen.library.style import Style

_SOUND = ("bass", "mid", "treble", "centroid", "rolloff", "flux", "beat", "rms")


@dataclass(frozen=True)
class Card:
    """rows: (what, text). moves: (what moves it, how), music first."""

    title: str
    name: str
    prompt: str
    rows: tuple[tuple[str, str], ...]
    moves: tuple[tuple[str, str], ...]

    def markdown(self) -> str:
        """As a section of Markdown."""
        lines = [f"### {self.title}", ""]
        if self.prompt:
            lines += [f"> {self.prompt}", ""]
        lines += [f"* **{what}:** {text}" for what, text in (("Name", f"`{self.name}`"), *self.rows)]
        if self.moves:
            lines += ["", "How it moves:", "", *(f"* **{who}:** {how}" for who, how in self.moves)]
        return "\n".join(lines) + "\n"


def card(style: Style) -> Card:
    """All that the file says, in words."""
    return Card(style.title, style.name, style.prompt, tuple(_rows(style)), tuple(_moves(style).items()))


def _rows(style: Style) -> Iterator[tuple[str, str]]:
    extra = style.extra
    yield "Guide", _guide(style)
    for key, what in (("understood", "Understood"), ("unknown", "Not understood")):
        words = _words(extra.get(key))
        if words:
            yield what, words
    held = {"worst": "worst moment", "unseen": "unseen moments"}
    score = [f"{text} {extra[key]:.3f}" for key, text in held.items() if _number(extra.get(key))]
    if score:
        yield "Held up", ", ".join(score)
    flashes = _flashes(extra.get("flashes"))
    if flashes:
        yield "Flashes", flashes
    yield "Network", f"{style.shape}, {style.shape.parameters} numbers"
    if style.training:
        yield "Made by", style.training
    if style.licence:
        yield "Licence", style.licence


def _guide(style: Style) -> str:
    if not style.trained:
        return "none; drawn from a seed, untrained" if style.seed is None else f"none; seed {style.seed}, untrained"
    return style.guide if style.score is None else f"{style.guide}, score {style.score:.3f}"


def _moves(style: Style) -> dict[str, str]:
    """{input: what it does}: what the file says of its roles, which parts of the geometry it moves, how much it changed
    the picture when measured."""
    parts: dict[str, list[str]] = {}
    for who, role in style.audio_roles.items():
        parts.setdefault(who, []).append(role)
    for who, what in _geometry(style):
        parts.setdefault(who, []).append(what)
    measured = style.extra.get("moves")
    for who, value in (measured if isinstance(measured, Mapping) else {}).items():
        if _number(value):
            parts.setdefault(str(who), []).append(f"changes the picture by {100 * float(value):.1f} %")
    order = [*_SOUND, "time", "progress"]
    heard = [name for name in style.shape.inputs if name in _SOUND]
    for name in heard if not parts else ():
        parts.setdefault(name, ["bends the whole network"])
    return {who: "; ".join(parts[who]) for who in sorted(parts, key=lambda n: order.index(n) if n in order else 99)}


def _geometry(style: Style) -> Iterator[tuple[str, str]]:
    network = style.network
    for field, parameter, row in geometry.parts(network.shape.inputs, network.geometry):
        for name, amount in zip(geometry.COLUMNS[1:], row[1:].tolist(), strict=True):
            if amount:
                unit = f" {parameter.unit}" if parameter.unit else ""
                rate = " a second" if name == "time" else ""
                yield name, f"{field} {parameter.name} {amount:+.3g}{unit}{rate}"


def _flashes(found: Any) -> str:
    """What the last step of the training found, played against loud music."""
    if not isinstance(found, Mapping) or not _number(found.get("after")):
        return ""
    times = f"{float(found['after']):g} in the worst second of loud music"
    if found.get("strict") is not True:
        return f"too many for photosensitive viewers: {times}"
    turned = found.get("turned_down")
    parts = turned.items() if isinstance(turned, Mapping) else ()
    down = ", ".join(f"{who} to {100 * float(share):.0f} %" for who, share in parts if _number(share))
    return f"within the strict limit: {times}{f'; turned down: {down}' if down else ''}"


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else ""


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
