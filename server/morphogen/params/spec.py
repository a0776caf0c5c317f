"""What one parameter is. Vocabulary of OSCQuery (RANGE, UNIT, CLIPMODE) and ISF (DEFAULT, LABEL)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from morphogen.errors import ParamError

Kind = Literal["float", "int", "bool", "choice"]
Clip = Literal["clip", "wrap"]
Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Param:
    """One declaration, from which OSC address, web control, CLI help, docs and all else derive.

    key: 'group/name'. default, minimum, maximum: in `unit`. smoothing: seconds to cover 63 % of a step (0: the next
    frame). clip: what happens outside the range. scale: how 0..1 maps to the range. choices: names of a choice,
    whose value is the index. feature: measured by audio analysis, set only by outside analysers.
    """

    key: str
    default: float
    minimum: float
    maximum: float
    doc: str
    unit: str = ""
    kind: Kind = "float"
    smoothing: float = 0.0
    clip: Clip = "clip"
    scale: Scale = "linear"
    choices: Sequence[str] = field(default_factory=tuple)
    feature: bool = False
    rebuild: bool = False

    @property
    def group(self) -> str:
        """First part of the key."""
        return self.key.partition("/")[0]

    @property
    def name(self) -> str:
        """Second part of the key."""
        return self.key.partition("/")[2]

    @property
    def label(self) -> str:
        """For people: 'Warp scale'."""
        return self.name.replace("_", " ").capitalize()

    def check(self, value: Any) -> float:
        """The value as a finite float inside the range (clipped or wrapped).

        Takes numbers, bools, numeric strings and, for a choice, its names; raises ParamError for anything else. A
        wrapping parameter keeps both ends of its range: 180 degrees stays 180, so a fader at its top stays there."""
        number = self._number(value)
        if not math.isfinite(number):
            raise ParamError(f"{self.key} refuses {number}: not a finite number.", "Send a plain number.")
        if self.clip == "wrap" and not self.minimum <= number <= self.maximum:
            span = self.maximum - self.minimum
            number = (number - self.minimum) % span + self.minimum
        number = min(max(number, self.minimum), self.maximum)
        return float(round(number)) if self.kind in ("int", "choice") else self._as_bool(number)

    def _as_bool(self, number: float) -> float:
        return float(number >= 0.5) if self.kind == "bool" else number

    def _number(self, value: Any) -> float:
        if isinstance(value, str):
            text = value.strip().lower()
            if text in self.choices:
                return float(self.choices.index(text))
            if text in ("true", "on", "yes") and self.kind == "bool":
                return 1.0
            if text in ("false", "off", "no") and self.kind == "bool":
                return 0.0
        number = plain_number(value)
        if number is not None:
            return number
        hint = f"one of {', '.join(self.choices)}" if self.choices else "a plain number"
        raise ParamError(f"{self.key} cannot take {shown(value)} ({type(value).__name__}).", f"Send {hint}.")

    def from_normalised(self, position: Any) -> float:
        """0..1 (a number or a numeric string, clipped) -> value in the parameter's own unit. Raises ParamError."""
        number = plain_number(position)
        if number is None:
            raise ParamError(f"{self.key} cannot take {shown(position)} ({type(position).__name__}).", "Send 0 to 1.")
        if not math.isfinite(number):
            raise ParamError(f"{self.key} refuses {number}: not a finite number.", "Send 0 to 1.")
        p = min(max(number, 0.0), 1.0)
        if self.scale == "log":
            return self.check(self.minimum * (self.maximum / self.minimum) ** p)
        return self.check(self.minimum + (self.maximum - self.minimum) * p)

    def to_normalised(self, value: float) -> float:
        """Value -> 0..1."""
        if self.scale == "log":
            return math.log(max(value, self.minimum) / self.minimum) / math.log(self.maximum / self.minimum)
        return (value - self.minimum) / (self.maximum - self.minimum)

    def public(self, value: float) -> Any:
        """The value as people and JSON expect it: bool, int, choice name or float."""
        if self.kind == "bool":
            return bool(value)
        if self.kind == "choice":
            return self.choices[int(value)]
        return int(value) if self.kind == "int" else float(value)


def plain_number(value: Any) -> float | None:
    """A number, bool or numeric string as a float; None if it is not one, or an integer too large for a float."""
    if not (isinstance(value, (str, int, float)) or hasattr(value, "__float__")):
        return None
    try:
        return float(value)
    except (OverflowError, TypeError, ValueError):
        return None


def shown(value: Any) -> str:
    """At most 40 characters of a value. Python refuses to print integers of more than 4,300 digits."""
    try:
        return repr(str(value)[:40])
    except ValueError:
        return "a huge number"
