"""The show itself, changed while it runs: its size, and the backend that draws it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from morphogen.errors import StateError, UsageError
from morphogen.frame import parse_size
from morphogen.render.switch import Switch

if TYPE_CHECKING:
    from morphogen.instrument import Instrument


def _set(instrument: Instrument, size: str, backend: str) -> Future[dict[str, Any]]:
    """All that is slow first: buffers, context, compiling. Then both change at one frame edge."""
    wanted = _size(size) if size else None
    if wanted is not None:
        instrument.publisher.refit(wanted)
    backends = instrument.renderer
    renderer = None
    if backend:
        if not isinstance(backends, Switch):
            raise StateError("this show has one backend only.", "Start it with --backend.")
        renderer = backends.change(backend, instrument.programs)
    done: Future[dict[str, Any]] = Future()

    def at_the_edge() -> None:
        if renderer is not None:
            backends.take(renderer)
        if wanted is not None:
            instrument.resize(wanted)
        width, height = instrument.show_size
        done.set_result({"size": f"{width}x{height}", "backend": backends.name})

    instrument.loop.post(at_the_edge)
    return done


def _size(text: str) -> tuple[int, int]:
    try:
        return parse_size(text)
    except ValueError as error:
        raise UsageError(f"{error}.", "Give WIDTHxHEIGHT, as 1920x1080.") from error


CALLS: dict[str, Callable[..., Any]] = {"show.set": _set}
