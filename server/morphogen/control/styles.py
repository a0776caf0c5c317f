"""Styles on stage: load, put, morph, bank."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from morphogen.composer import HEARD, heard
from morphogen.cues import moment
from morphogen.errors import StateError, UsageError
from morphogen.field.names import weight_names
from morphogen.field.scene import program
from morphogen.library.align import align
from morphogen.library.exchange import received
from morphogen.library.style import Style
from morphogen.share import share
from morphogen.stage import Change, morphs

if TYPE_CHECKING:
    from morphogen.instrument import Instrument

LONGEST = 600.0
MOST_WEIGHTS = 4096  # in one answer of style.weights


def bring(
    instrument: Instrument, style: Style, seconds: float | None, on: str | None, slot: int = 0,
    hold: float | None = None,
) -> Future[Any]:  # fmt: skip
    """Compile and align what the change needs and ask the stage for it. Control thread: this is the slow part."""
    on = moment(on, instrument.params.get("transition/quantise"))
    if seconds is None:
        seconds = instrument.params.value("transition/seconds")
    if not 0 <= seconds <= LONGEST:
        raise UsageError(f"a change cannot take {seconds:g} seconds.", f"Give 0 to {LONGEST:g}.")
    kind = instrument.params.get("transition/kind")
    network = instrument.stage.network
    running = network.shape
    instrument.prepare(program((style.shape,)))
    passage, morph = seconds > 0 or hold is not None, morphs(kind, network, style.network)
    if passage and not morph:
        instrument.prepare(program((running, style.shape)))
    aligned = None
    if passage and morph:
        now = heard(instrument.values, instrument.composer.time)
        aligned = align(network, style.network, now)
    return instrument.stage.request(Change(style, seconds, on, kind, slot, hold, aligned))


def _load(instrument: Instrument, name: str, seconds: float | None, on: str | None) -> Future[Any]:
    style = instrument.library.find(name)
    return bring(instrument, style, seconds, on, instrument.bank.locate(style.name))


def _put(instrument: Instrument, blob: bytes, seconds: float | None, on: str | None) -> Future[Any]:
    return bring(instrument, received(blob), seconds, on)


def _morph(instrument: Instrument, name: str, position: float) -> Future[Any]:
    if not 0 <= position <= 1:
        raise UsageError(f"a mixture of {position:g} is not possible.", "Give 0 (the running style) to 1 (the other).")
    return bring(instrument, instrument.library.find(name), 0.0, "now", hold=position)


def _step(move: Callable[[Instrument], str]) -> Callable[..., Future[Any]]:
    def step(instrument: Instrument, seconds: float | None, on: str | None) -> Future[Any]:
        if not len(instrument.bank):
            raise StateError("the bank is empty.", "Fill it with bank.set.")
        name = move(instrument)
        return bring(instrument, instrument.library.find(name), seconds, on, instrument.bank.slot)

    return step


def _slot(instrument: Instrument, slot: int, seconds: float | None, on: str | None) -> Future[Any]:
    name = instrument.bank.select(slot)
    return bring(instrument, instrument.library.find(name), seconds, on, slot)


def _weight(instrument: Instrument, index: int, value: float) -> dict[str, Any]:
    instrument.stage.bend(index, value)
    instrument.emit("weight", {"index": index, "value": value})
    return {"index": index, "value": value}


def _weights(instrument: Instrument, first: int, count: int) -> dict[str, Any]:
    stage = instrument.stage
    network, name, generation = stage.network, stage.style.name, stage.generation
    if not 0 <= first < len(network.flat) or not 1 <= count <= MOST_WEIGHTS:
        raise UsageError(
            f"there are no {count} weights from {first} on to be told.",
            f"This style has 0 to {len(network.flat) - 1}; ask for at most {MOST_WEIGHTS} at a time.",
        )
    return {
        "name": name,
        "generation": generation,
        "total": len(network.flat),
        "first": first,
        "values": network.flat[first : first + count].tolist(),
        "names": weight_names(network.shape, first, count),
    }


def _list(instrument: Instrument) -> list[dict[str, Any]]:
    return [info.public() for info in instrument.library.list()]


def _current(instrument: Instrument) -> dict[str, Any]:
    stage = instrument.stage
    style = stage.style
    return {
        "name": style.name,
        "title": style.title,
        "prompt": style.prompt,
        "shape": str(style.shape),
        "generation": stage.generation,
        "slot": stage.slot,
        "weights": [float(w) for w in stage.network.flat],
    }


def _share(instrument: Instrument, name: str) -> dict[str, Any]:
    if name:
        style = instrument.library.find(name)
        return {"name": style.name, "png": share(style)}
    style, network, values = instrument.stage.style, instrument.stage.network, instrument.values
    if network is not style.network:  # bent by hand: the command would make the style as it was
        style = replace(style, network=network, training="")
    sounds = (*HEARD, "progress", "reaction")
    sound = {f"audio/{key}": values[f"audio/{key}"] for key in sounds}
    return {"name": style.name, "png": share(style, time=instrument.composer.time, heard=sound)}


def _bank_set(instrument: Instrument, slots: list[str]) -> dict[str, Any]:
    names = [str(name) for name in slots] or instrument.library.names()
    for name in names:
        instrument.library.find(name)
    instrument.bank.set(names)
    return _bank_list(instrument)


def _bank_list(instrument: Instrument) -> dict[str, Any]:
    return {"slots": list(instrument.bank.names), "current": instrument.stage.slot}


CALLS: dict[str, Callable[..., Any]] = {
    "style.list": _list,
    "style.current": _current,
    "style.load": _load,
    "style.put": _put,
    "style.share": _share,
    "style.morph": _morph,
    "style.next": _step(lambda i: i.bank.next()),
    "style.previous": _step(lambda i: i.bank.previous()),
    "style.slot": _slot,
    "style.weight": _weight,
    "style.weights": _weights,
    "bank.set": _bank_set,
    "bank.list": _bank_list,
}
