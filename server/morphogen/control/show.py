"""The show itself, changed while it runs: its size, and the backend that draws it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from morphogen.errors import StateError, UsageError
from morphogen.frame import parse_size
from morphogen.render import BACKENDS
from morphogen.render.switch import Switch

if TYPE_CHECKING:
    from morphogen.instrument import Instrument


def _get(instrument: Instrument) -> dict[str, Any]:
    width, height = instrument.show_size
    names = [name for name in BACKENDS if name != "numpy"]  # the reference: right, and a hundred times too slow
    return {"size": f"{width}x{height}", "backend": instrument.renderer.name, "backends": sorted(names)}


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
        done.set_result(_get(instrument))

    instrument.loop.post(at_the_edge)
    return done


def _size(text: str) -> tuple[int, int]:
    try:
        return parse_size(text)
    except ValueError as error:
        raise UsageError(f"{error}.", "Give WIDTHxHEIGHT, as 1920x1080.") from error


CALLS: dict[str, Callable[..., Any]] = {"show.get": _get, "show.set": _set}
