"""What control surfaces do: the rules, and learning them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from morphogen.controls.rules import make

if TYPE_CHECKING:
    from morphogen.instrument import Instrument


def _list(instrument: Instrument) -> dict[str, Any]:
    rig = getattr(instrument, "rig", None)
    return {
        "rules": [{**rule.public(), "own": own} for rule, own in instrument.controls.rules()],
        "learning": instrument.controls.learning,
        **(rig.control_files() if rig is not None else {"file": "", "problems": []}),
    }


def _set(instrument: Instrument, address: str, target: str, fields: dict[str, Any] | None) -> dict[str, Any]:
    rule = make({**(fields or {}), "address": address, "target": target})
    instrument.controls.put(rule)
    return rule.public()


def _remove(instrument: Instrument, address: str, target: str) -> dict[str, Any]:
    return {"removed": instrument.controls.remove(address, target)}


def _learn(instrument: Instrument, target: str, seconds: float, fields: dict[str, Any] | None) -> Future[Any]:
    return instrument.controls.learn(target, seconds, fields)


def _cancel(instrument: Instrument) -> dict[str, Any]:
    return {"cancelled": instrument.controls.cancel()}


CALLS: dict[str, Callable[..., Any]] = {
    "controls.list": _list,
    "controls.set": _set,
    "controls.remove": _remove,
    "controls.learn": _learn,
    "controls.cancel": _cancel,
}
