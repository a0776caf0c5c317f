"""Plain values of a scene on the wire, by their declarations, and nothing is believed before it is checked.

Everything that reads raises ValueError that says what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, get_type_hints

from morphogen.field.colours import Colours
from morphogen.field.grade import Grade
from morphogen.field.scene import Layer, Scene, View
from morphogen.library import checks

BIGGEST = 1e15  # no picture needs larger numbers, and none overflows below
_WHOLE = 2**63


class Missing(ValueError):
    """Numbers that were sent before this follower listened: ask for them."""


def _numbers(kind: type) -> dict[str, type]:
    hints = get_type_hints(kind)
    return {name: hint for name, hint in hints.items() if hint in (float, int, bool)}


# Of each kind the fields that are plain numbers, by name.
FIELDS: dict[type, dict[str, type]] = {kind: _numbers(kind) for kind in (Scene, Layer, View, Grade, Colours)}


def plain(value: Any) -> dict[str, Any]:
    """The plain fields of a scene or a part of it."""
    return {name: kind(getattr(value, name)) for name, kind in FIELDS[type(value)].items()}


def read_plain(kind: type, message: Mapping[str, Any]) -> dict[str, Any]:
    """What `plain` wrote, as arguments."""
    return {name: _READERS[wanted](message[name], name) for name, wanted in FIELDS[kind].items()}


def number(value: Any, name: object) -> float:
    """A finite float that no picture finds too large."""
    if type(value) is not float or not abs(value) <= BIGGEST:  # so is NaN
        raise ValueError(f"{checks.shown(name)} is {checks.shown(value)}, it must be a finite float")
    return value


def integer(value: Any, name: object) -> int:
    """A whole number from 0."""
    if type(value) is not int or not 0 <= value < _WHOLE:
        raise ValueError(f"{checks.shown(name)} is {checks.shown(value)}, it must be a whole number from 0")
    return value


def _switch(value: Any, name: object) -> bool:
    if type(value) is not bool:
        raise ValueError(f"{checks.shown(name)} is {checks.shown(value)}, it must be true or false")
    return value


_READERS: dict[type, Any] = {float: number, int: integer, bool: _switch}


def named(value: Any) -> str:
    """A short name."""
    if not isinstance(value, str) or len(value) > 64:
        raise ValueError(f"{checks.shown(value)} is not a name")
    return value


def mapping(value: Any, what: str, always: Set[str], perhaps: Set[str] = frozenset()) -> dict[str, Any]:
    """A map with exactly these keys; another version of Morphogen may have others."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be a map, got {checks.kind(value)}")
    missing, more = always - value.keys(), value.keys() - always - perhaps
    if missing or more:
        wrong = f"lacks {min(missing)!r}" if missing else f"has an unknown {checks.shown(more.pop())}"
        raise ValueError(f"{what} {wrong}: leader and follower must be the same version of Morphogen")
    return value
