"""One rule at work: from what a control sends to what happens, with what must be remembered in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from morphogen.contracts import Params
from morphogen.controls.rules import Rule, kind_of
from morphogen.controls.targets import Command, Span, find, from_place, to_place, travel
from morphogen.params.spec import Param

CLOSE = 2.0 / 127  # of the range: a fader this near has arrived; a step of 7 bits is half of it


@dataclass(frozen=True)
class Put:
    """Set a parameter, in its own unit."""

    key: str
    value: float


@dataclass(frozen=True)
class Call:
    """Run a control method."""

    method: str
    arguments: Mapping[str, Any]


Act = Put | Call


class Binding:
    """Raises UsageError when it is made: a target that is not there, or ends that do not fit it.

    Not thread-safe: the engine holds its lock. Reads parameters, sets none: what is to be done is answered.
    """

    def __init__(self, rule: Rule, params: Params) -> None:
        self.rule = rule
        self.does: Command | Span = find(rule, params.specs)
        self._params = params
        self._place: float | None = None  # where the control was felt last, on the parameter's range
        self._left: float | None = None  # the value that this control gave last
        self._before: float | None = None  # what a held button goes back to
        self._down = False
        self._rest = 0.0  # share of a step that did not fill a whole one yet
        self._number = 0
        self._lit: tuple[Any, float] | None = None  # the parameter's value, and what shows it

    def feel(self, value: float, relative: bool = False) -> Act | None:
        """What a finite value means; None: nothing, or not yet."""
        if isinstance(self.does, Command):
            return self._command(self.does, value)
        mode = self.rule.mode
        if relative:
            return self._turn(self.does, -value if self.rule.invert else value)
        if mode == "relative":
            clicks = -decode(self.rule.encoding, value) if self.rule.invert else decode(self.rule.encoding, value)
            return self._turn(self.does, clicks * max(self.rule.step, _unit(self.does.param)))
        if mode == "absolute":
            return self._follow(self.does, value)
        if mode == "momentary":
            return self._hold(self.does, value)
        return self._press(self.does) if self._pressed(value) else None

    @property
    def is_fader(self) -> bool:
        """Whether only the newest of several values counts."""
        return isinstance(self.does, Span) and self.rule.mode == "absolute" and not self.does.param.feature

    def let_go(self) -> Act | None:
        """The control is gone: what it holds down is released."""
        held, self._place = self._down and self.rule.mode == "momentary", None
        if held and isinstance(self.does, Span):
            return self._hold(self.does, self.rule.input[self.rule.invert])
        self._down = False
        return None

    def grab(self) -> None:
        """The control has just been learnt and is in somebody's hand: its next move counts."""
        if isinstance(self.does, Span):
            self._left = self._value(self.does.param)

    def light(self, slot: int) -> float | None:
        """What the control should show, 0..1; None: nothing. slot: the running slot of the bank."""
        if isinstance(self.does, Command):
            if self.does.method != "style.slot" or self.does.number:
                return None
            return self.rule.lamp / 127 if slot == self.does.arguments["slot"] else 0.0
        value = self._params.get(self.does.param.key)
        if self._lit is None or self._lit[0] != value:  # asked 30 times a second, and seldom another
            self._lit = value, self._shown(self.does)
        return self._lit[1]

    def _shown(self, span: Span) -> float:
        place = self._now(span.param)
        if self.rule.mode in ("absolute", "relative"):
            return from_place(self.rule, span, place)
        on = abs(place - span.high) < abs(place - span.low)
        return self.rule.lamp / 127 if on else 0.0

    # --- faders and knobs

    def _follow(self, span: Span, value: float) -> Act | None:
        place, before = to_place(self.rule, span, value), self._place
        self._place = place
        if self.rule.takes_over_softly and not span.param.feature and not self._caught(span.param, place, before):
            return None
        return self._put(span.param, place)

    def _caught(self, param: Param, place: float, before: float | None) -> bool:
        """Whether the parameter stands where this control left it, or the control just arrived where it stands."""
        if self._left is not None and self._value(param) == self._left:
            return True
        now = self._now(param)
        return abs(place - now) <= CLOSE or (before is not None and (before - now) * (place - now) <= 0)

    def _turn(self, span: Span, share: float) -> Act | None:
        """Move by a share of the range; whole numbers and choices move when a whole one is full."""
        param, unit = span.param, _unit(span.param)
        self._rest += share
        way = self._rest if not unit else int(self._rest / unit + 1e-9 * (1 if share > 0 else -1)) * unit
        self._rest -= way
        if not way:
            return None
        low, high = sorted((span.low, span.high))
        place = self._now(param) + way
        if param.clip == "wrap" and (low, high) == (0.0, 1.0):
            return self._put(param, place % 1.0)
        return self._put(param, min(max(place, low), high))

    # --- buttons

    def _pressed(self, value: float) -> bool:
        """Whether this is a press. Pads that send no release are pressed again by another full value."""
        way = travel(self.rule, value)
        on = way > 0 if kind_of(self.rule.address) == "note" else way >= 0.5
        fired = on and (not self._down or way == 1.0)
        self._down = on
        return fired

    def _hold(self, span: Span, value: float) -> Act | None:
        was = self._down
        self._pressed(value)
        if self._down == was:
            return None
        if self._down:
            self._before = self._value(span.param)
            return self._put(span.param, span.high)
        if self._before is None or self._value(span.param) != self._left:
            return None  # someone else has moved it meanwhile: theirs it is
        return Put(span.param.key, self._before)

    def _press(self, span: Span) -> Act:
        place = self._now(span.param)
        on = self.rule.mode == "toggle" and abs(place - span.high) < abs(place - span.low)
        return self._put(span.param, span.low if on else span.high)

    def _command(self, does: Command, value: float) -> Act | None:
        if not does.number:
            return Call(does.method, does.arguments) if self._pressed(value) else None
        number = 1 + round(value * 127) if self.rule.address.startswith("midi/") else round(value)
        if number == self._number and kind_of(self.rule.address) != "program":
            return None  # a fader between two numbers
        self._number = number
        return Call(does.method, {**does.arguments, does.number: number})

    # --- the parameter

    def _put(self, param: Param, place: float) -> Put:
        self._left = param.from_normalised(place)
        return Put(param.key, self._left)

    def _value(self, param: Param) -> float:
        return param.check(self._params.get(param.key))

    def _now(self, param: Param) -> float:
        return param.to_normalised(self._value(param))


def decode(encoding: str, value: float) -> int:
    """Clicks of an encoder that sent `value` (0..1 of 7 bits), to the right positive."""
    number = round(value * 127)
    if encoding == "offset":
        return number - 64
    if encoding == "sign":
        return -(number & 63) if number & 64 else number
    return number - 128 if number & 64 else number


def _unit(param: Param) -> float:
    """Share of the range between two neighbours of a parameter that knows whole steps only; 0: any value."""
    return 0.0 if param.kind == "float" else 1.0 / (param.maximum - param.minimum)
