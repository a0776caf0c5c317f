"""What a rule can move: a parameter between two values, or a control method with its arguments."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from morphogen.controls.rules import CURVES, Rule
from morphogen.errors import MorphogenError, ParamError, UsageError
from morphogen.methods import BY_NAME, REQUIRED, Arg, bind
from morphogen.params.catalog import BY_KEY
from morphogen.params.spec import Param, shown

# What a pad can give: method -> how many arguments at most. Nobody ends the show with an elbow, and who learns over OSC
# need not be allowed to choose where files are written.
COMMANDS = {
    "style.load": 3, "style.next": 2, "style.previous": 2, "style.slot": 3, "tempo.tap": 0, "tempo.beat": 0,
    "tempo.set": 1, "tempo.source": 1, "snapshot.store": 1, "snapshot.recall": 3, "record.start": 0, "record.stop": 0,
}  # fmt: skip


@dataclass(frozen=True)
class Command:
    """A control method. number: the argument that takes the number of the message (programme 0 is 1), or ''."""

    method: str
    arguments: Mapping[str, Any]
    number: str = ""


@dataclass(frozen=True)
class Span:
    """A parameter, and the part of its range that the control covers, as 0..1 of the parameter's range."""

    param: Param
    low: float
    high: float


def find(rule: Rule, specs: Mapping[str, Param]) -> Command | Span:
    """What the rule's target means. Raises UsageError that begins with the field's name in quotes."""
    param = specs.get(rule.target)
    if param is None:
        return command(rule.target)
    low, high = (_place(param, name, value) for name, value in (("low", rule.low), ("high", rule.high)))
    return Span(param, 0.0 if low is None else low, 1.0 if high is None else high)


def _place(param: Param, name: str, value: float | str | None) -> float | None:
    if value is None:
        return None
    try:
        if isinstance(value, str) and value.endswith("%"):
            return param.to_normalised(param.from_normalised(float(value[:-1]) / 100))
        return param.to_normalised(param.check(value))
    except (ParamError, ValueError) as error:
        cure = error.cure if isinstance(error, ParamError) else 'Write as "25%".'
        raise UsageError(f"'{name}' cannot be {shown(value)} for {param.key}.", cure) from error


def command(text: str) -> Command:
    """'style.slot 3' as a Command. Raises UsageError."""
    try:
        name, *words = shlex.split(text) or [""]
    except ValueError as error:
        raise UsageError(f"'target' {text[:60]!r}: {error}.", "Quotes come in pairs.") from error
    method = BY_NAME.get(name) if name in COMMANDS else None
    if method is None:
        raise UsageError(f"'target' {text[:60]!r} is neither a parameter nor a command that a control can give.",
                         _nearest(name))  # fmt: skip
    if len(words) > min(len(method.args), COMMANDS[name]):
        raise UsageError(f"'target' {text[:60]!r} has too many arguments.", _usage(name))
    given = {arg.name: _word(arg, word) for arg, word in zip(method.args, words, strict=False)}
    missing = [arg for arg in method.args[len(words) :] if arg.default is REQUIRED]
    number = missing[0].name if len(missing) == 1 and missing[0].kind == "int" else ""
    try:
        bind(method, {**given, **({number: 1} if number else {})})
    except MorphogenError as error:
        raise UsageError(f"'target' {text[:60]!r}: {error.message}", _usage(name)) from error
    return Command(name, given, number)


def _nearest(name: str) -> str:
    close = difflib.get_close_matches(name, (*BY_KEY, *COMMANDS), 1, 0.5)
    return f"Did you mean {close[0]}?" if close else "As view/zoom, style.next, style.slot 3 or tempo.tap."


def _usage(name: str) -> str:
    return f"Write {' '.join([name, *(arg.name.upper() for arg in BY_NAME[name].args[: COMMANDS[name]])])}."


def _word(arg: Arg, word: str) -> Any:
    """A word as the argument wants it; one that does not fit stays a text, and `bind` says so."""
    if arg.kind == "bool":
        return {"true": True, "false": False}.get(word.lower(), word)
    if arg.kind in ("int", "float", "any"):
        try:
            return float(word) if arg.kind != "int" else int(word)
        except ValueError:
            return word
    return word


def to_place(rule: Rule, span: Span, value: float) -> float:
    """What the control sends -> where on the parameter's range, 0..1."""
    return span.low + (span.high - span.low) * CURVES[rule.curve][0](travel(rule, value))


def travel(rule: Rule, value: float) -> float:
    """What the control sends -> 0..1 of its way, `input` and `invert` seen to."""
    low, high = rule.input
    way = min(max((value - low) / (high - low), 0.0), 1.0)
    return 1.0 - way if rule.invert else way


def from_place(rule: Rule, span: Span, place: float) -> float:
    """Where the parameter is on its range, 0..1 -> where the control would have to be, 0..1 of its way."""
    if span.high == span.low:
        return 0.0
    way = CURVES[rule.curve][1](min(max((place - span.low) / (span.high - span.low), 0.0), 1.0))
    return 1.0 - way if rule.invert else way
