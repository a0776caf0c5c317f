"""The layer over the show: its style comes and goes here, all else of it are parameters (`layer/...`)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from morphogen.field.scene import program

if TYPE_CHECKING:
    from morphogen.instrument import Instrument


def _load(instrument: Instrument, name: str) -> Future[dict[str, Any]]:
    style = instrument.library.find(name)
    instrument.prepare(program((style.shape,)))
    return instrument.overlay.request(style)


def _clear(instrument: Instrument) -> Future[dict[str, Any]]:
    return instrument.overlay.request(None)


CALLS: dict[str, Callable[..., Any]] = {"layer.load": _load, "layer.clear": _clear}
