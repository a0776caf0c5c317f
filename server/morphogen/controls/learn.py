"""Learning: which control moved, and of what kind it is, from the first things that it sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from morphogen.controls.rules import kind_of
from morphogen.controls.targets import Command
from morphogen.params.spec import Param

WINDOW = 0.6  # seconds from the first sign: long enough to turn an encoder both ways, or to press and let go
REST = 0.4  # seconds
ENOUGH = 24  # messages of one control after which nothing new is to be learnt
MANY = 64  # controls and messages each that are looked at
HELD = ("output/blackout", "output/freeze", "output/strobe")
_SMALL, _BACK, _HIGH, _LOW = range(1, 16), range(113, 128), range(65, 80), range(49, 64)  # clicks, a few at once


class Learner:
    """Hears everything that moves, until `decide` knows. Times are clock seconds. Not thread-safe."""

    def __init__(self, target: str, deadline: float) -> None:
        self.target = target
        self.deadline = deadline
        self._heard: dict[str, list[float]] = {}
        self._first: float | None = None
        self.deaf: dict[str, float] = {}  # what moved by itself already when it began, and when it did so last

    def hear(self, address: str, value: float, now: float) -> None:
        """Something moved. What is let go of before anything was pressed is no sign."""
        if self._streams(address, now) or (address not in self._heard and value == 0 and kind_of(address) == "note"):
            return
        if self._first is None:
            self._first = now
        if address in self._heard or len(self._heard) < MANY:
            values = self._heard.setdefault(address, [])
            if len(values) < MANY:
                values.append(value)

    def _streams(self, address: str, now: float) -> bool:
        """What moved when learning began is heard after a rest: a hand rests, a meter does not."""
        last = self.deaf.get(address)
        if last is None:
            return False
        if now - last > REST:
            del self.deaf[address]
            return False
        self.deaf[address] = now
        return True

    def decide(self, now: float) -> tuple[str, list[float]] | None:
        """The address that moved most and what it sent; None: not yet. Raises TimeoutError."""
        if self._first is None:
            if now >= self.deadline:
                raise TimeoutError
            return None
        address = max(self._heard, key=self._weight)
        if now - self._first < WINDOW and len(self._heard[address]) < ENOUGH:
            return None
        return address, self._heard[address]

    def _weight(self, address: str) -> float:
        """How much speaks for an address. A fader of 14 bits is heard three times, a touched one as a note besides;
        pressing counts less than moving."""
        weight = float(len(set(self._heard[address])) + len(self._heard[address]) / (2 * MANY))
        kind = kind_of(address)
        return weight + MANY * (kind == "cc14") - 0.5 * (kind == "note")


def guess(address: str, values: Sequence[float], does: Param | Command) -> dict[str, Any]:
    """Mode and whatever goes with it, from what a control sent."""
    kind = kind_of(address)
    if isinstance(does, Command):
        return {"mode": "absolute" if does.number else "trigger"}
    if kind == "note" or (kind in ("cc", "") and _is_button(values)):
        return _button(does)
    encoding = _encoding(values) if kind == "cc" else ""
    if encoding:
        return {"mode": "relative", "encoding": encoding}
    return {"mode": "absolute", **({} if address.startswith("midi/") else _input(values))}


def _button(param: Param) -> dict[str, Any]:
    held = param.key in HELD or param.kind == "float"
    return {"mode": "momentary" if held else "toggle"}


def _is_button(values: Sequence[float]) -> bool:
    """Nothing but all and nothing, and not the only thing that a fader at its end has sent on its way down."""
    return set(values) <= {0.0, 1.0} and 1.0 in values


def _encoding(values: Sequence[float]) -> str:
    """The name of an encoder's way of counting, or '': a fader. An encoder turned evenly repeats itself."""
    numbers = [round(value * 127) for value in values]
    repeats = sum(a == b for a, b in pairwise(numbers))
    if len(numbers) < 3 or 2 * repeats < len(numbers) - 1:
        return ""
    said = set(numbers)
    right, back, high, low = (bool(said & set(some)) for some in (_SMALL, _BACK, _HIGH, _LOW))
    if not said <= {64, *_SMALL, *_BACK, *_HIGH, *_LOW}:
        return ""
    if right or back:
        return "sign" if high and not back else "twos"
    return "offset" if high or low else ""


def _input(values: Sequence[float]) -> Mapping[str, Any]:
    """What an OSC control seems to send at its ends."""
    low, high = min(values), max(values)
    if low < 0:
        return {"input": (-1.0, 1.0) if low >= -1 and high <= 1 else (low, high if high > low else low + 1)}
    if high <= 1:
        return {}
    return {"input": (0.0, next((float(top) for top in (10, 100, 127, 255, 1023, 16383, 65535) if high <= top), high))}
