"""What one control does: a rule. Data; checked once, when it is made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from morphogen.errors import UsageError
from morphogen.params.spec import plain_number, shown

MODES: dict[str, str] = {
    "absolute": "a fader or knob: the parameter stands where the control stands",
    "relative": "an endless encoder: every click is a step",
    "toggle": "a button: every press changes between `low` and `high`",
    "momentary": "a button: `high` while it is held, then back to what it was",
    "trigger": "a button: every press runs the command, or sets `high`",
}
ENCODINGS: dict[str, str] = {
    "twos": "1, 2 ... to the right, 127, 126 ... to the left",
    "sign": "1, 2 ... to the right, 65, 66 ... to the left",
    "offset": "65, 66 ... to the right, 63, 62 ... to the left",
}


def _s(x: float) -> float:
    return x * x * (3.0 - 2.0 * x)


def _s_back(y: float) -> float:
    return 0.5 - math.sin(math.asin(1.0 - 2.0 * y) / 3.0)


# name -> (there, back): how the way of the control is bent, 0..1 to 0..1, and its inverse for lamps and take-over.
CURVES: dict[str, tuple[Callable[[float], float], Callable[[float], float], str]] = {
    "linear": (float, float, "evenly"),
    "square": (lambda x: x * x, math.sqrt, "finely at the low end"),
    "root": (math.sqrt, lambda y: y * y, "finely at the high end"),
    "s": (_s, _s_back, "finely at both ends"),
}
LONGEST = 200  # characters of an address or a target


def _listed(names: Mapping[str, str]) -> str:
    return "; ".join(f"`{name}`: {doc}" for name, doc in names.items())


def _field(default: Any, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True)
class Rule:
    """One control and what it does. Make it with `make`, which checks it. The field docs are the docs' table."""

    address: str = _field("", "Which control, as `morphogen ctl controls` shows it. `*` stands for one part.")
    target: str = _field("", "A parameter (`view/zoom`) or a command with its arguments (`style.slot 3`, `tempo.tap`).")
    mode: str = _field("absolute", f"{_listed(MODES)}.")
    low: float | str | None = _field(None, "Value at the low end, in the parameter's own unit, or as `\"25%\"` of its "
                                           "range. Left out: the least.")  # fmt: skip
    high: float | str | None = _field(None, "Value at the high end, and of a pressed button. Left out: the most.")
    curve: str = _field("linear", f"{_listed({name: doc for name, (_, _, doc) in CURVES.items()})}.")
    invert: bool = _field(False, "Upside down.")
    pickup: bool | None = _field(None, "Soft take-over: the parameter waits until the control passes where it stands. "
                                       "Left out: yes for MIDI faders, no for OSC.")  # fmt: skip
    encoding: str = _field("twos", f"How an encoder counts: {_listed(ENCODINGS)}.")
    step: float = _field(0.01, "Share of the range that one click of an encoder moves.")
    input: tuple[float, float] = _field((0.0, 1.0), "What the control sends at its ends. MIDI always 0 to 1; OSC as "
                                                    "the sender has it, as `[0, 127]`.")  # fmt: skip

    lamp: float = _field(127.0, "What a button's lamp is sent when it is on, 0 to 127: many controllers choose the "
                                "colour by it.")  # fmt: skip

    @property
    def name(self) -> tuple[str, str]:
        """What tells rules apart."""
        return self.address, self.target

    @property
    def takes_over_softly(self) -> bool:
        """Whether the parameter waits for the control to pass it."""
        if self.pickup is None:
            return self.mode == "absolute" and kind_of(self.address) in ("cc", "cc14", "bend")
        return self.pickup and self.mode == "absolute"

    def public(self) -> dict[str, Any]:
        """Address, target, mode and whatever is not as usual: for lists, and for the file."""
        said: dict[str, Any] = {"address": self.address, "target": self.target, "mode": self.mode}
        for item in fields(self)[3:]:
            value = getattr(self, item.name)
            if value != item.default:
                said[item.name] = list(value) if isinstance(value, tuple) else value
        return said


FIELDS: tuple[tuple[str, str], ...] = tuple((item.name, item.metadata["doc"]) for item in fields(Rule))
_NAMES = tuple(name for name, _ in FIELDS)


def kind_of(address: str) -> str:
    """`cc`, `cc14`, `note`, `bend` or `program` of a MIDI address; '' of any other."""
    parts = address.split("/")
    return parts[2] if len(parts) > 2 and parts[0] == "midi" else ""


def make(given: Mapping[str, Any]) -> Rule:
    """A checked Rule. Raises UsageError that begins with the field's name in quotes. The target is not looked up."""
    for key in given:
        if key not in _NAMES:
            raise UsageError(f"'{str(key)[:40]}' is no field of a control.", f"It takes {', '.join(_NAMES)}.")
    for key in ("address", "target"):
        text = given.get(key)
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST or not text.isprintable():
            raise UsageError(f"'{key}' must be a text of 1 to {LONGEST} characters.", _doc(key))
    rule = Rule(**{key: _CHECKS[key](key, value) for key, value in given.items() if value is not None})
    if not rule.address.startswith(("midi/", "osc/")):
        raise UsageError(f"'address' cannot be {rule.address[:60]!r}.", "It begins with midi/ or osc/.")
    return rule


def _doc(key: str) -> str:
    return dict(FIELDS)[key]


def _text(key: str, value: Any) -> str:
    return str(value).strip()


def _one_of(allowed: Mapping[str, Any]) -> Callable[[str, Any], str]:
    def check(key: str, value: Any) -> str:
        if value not in allowed:
            raise UsageError(f"'{key}' cannot be {shown(value)}.", f"One of {', '.join(allowed)}.")
        return str(value)

    return check


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"'{key}' must be true or false, not {shown(value)}.", _doc(key))
    return value


def _end(key: str, value: Any) -> float | str:
    """A number, a bool, or a text: a name of a choice or a percentage; what it means is the target's matter."""
    if isinstance(value, str) and value.strip() and len(value) <= LONGEST:
        return value.strip()
    return _number(key, value)


def _number(key: str, value: Any) -> float:
    number = plain_number(value) if isinstance(value, (int, float)) else None
    if number is None or not math.isfinite(number):
        raise UsageError(f"'{key}' must be a finite number, not {shown(value)}.", _doc(key))
    return number


def _step(key: str, value: Any) -> float:
    number = _number(key, value)
    if not 0.0 < abs(number) <= 1.0:
        raise UsageError(f"'{key}' cannot be {number:g}.", "Give a share of the range, above 0 and up to 1.")
    return number


def _lamp(key: str, value: Any) -> float:
    number = _number(key, value)
    if not 0.0 <= number <= 127.0:
        raise UsageError(f"'{key}' cannot be {number:g}.", "Give 0 to 127.")
    return number


def _ends(key: str, value: Any) -> tuple[float, float]:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise UsageError(f"'{key}' must be two numbers, not {shown(value)}.", _doc(key))
    low, high = (_number(key, one) for one in value)
    if low == high:
        raise UsageError(f"'{key}' has the same number twice.", _doc(key))
    return low, high


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "address": _text, "target": _text, "mode": _one_of(MODES), "low": _end, "high": _end,
    "curve": _one_of(CURVES), "invert": _flag, "pickup": _flag, "encoding": _one_of(ENCODINGS), "step": _step,
    "input": _ends, "lamp": _lamp,
}  # fmt: skip
