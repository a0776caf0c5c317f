"""Tempo: a person's acts, who may lead, Ableton Link on and off.

Each act is told to bridges as the event `hand`, so that Link can hand it on to its session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from morphogen.instrument import Instrument


def _answer(instrument: Instrument) -> dict[str, Any]:
    state = instrument.tempo()
    return {"bpm": state.bpm, "source": state.source, "choice": instrument.transport.choice}


def _told(instrument: Instrument, act: str) -> dict[str, Any]:
    answer = _answer(instrument)
    instrument.emit("hand", {"act": act, "bpm": answer["bpm"], "choice": answer["choice"]})
    return answer


def _set(instrument: Instrument, bpm: float) -> dict[str, Any]:
    instrument.transport.set_bpm(bpm, instrument.clock.now())
    return _told(instrument, "set") if bpm else _answer(instrument)


def _tap(instrument: Instrument) -> dict[str, Any]:
    moved = instrument.transport.tap(instrument.clock.now())
    return _told(instrument, "tap") if moved else _answer(instrument)


def _beat(instrument: Instrument) -> dict[str, Any]:
    instrument.transport.beat(instrument.clock.now())
    return _told(instrument, "beat")


def _source(instrument: Instrument, name: str) -> dict[str, Any]:
    if name:
        instrument.transport.choose(name, instrument.clock.now())
    return _answer(instrument)


def _link(instrument: Instrument, on: bool | None) -> dict[str, Any]:
    return {"on": instrument.rig.link(on)}


CALLS: dict[str, Callable[..., Any]] = {
    "tempo.set": _set,
    "tempo.tap": _tap,
    "tempo.beat": _beat,
    "tempo.source": _source,
    "tempo.link": _link,
}
