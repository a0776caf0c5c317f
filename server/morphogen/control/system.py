"""The daemon itself: life, numbers, audio, outputs, state."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import morphogen

if TYPE_CHECKING:
    from morphogen.instrument import Instrument


def _ping(instrument: Instrument) -> dict[str, Any]:
    return {"pong": True, "time_ns": instrument.clock.now_ns()}


def _version(instrument: Instrument) -> dict[str, Any]:
    return {"version": morphogen.__version__, "protocol": 1, "python": platform.python_version()}


def _stats(instrument: Instrument) -> dict[str, Any]:
    return instrument.stats()


def _shutdown(instrument: Instrument) -> dict[str, Any]:
    instrument.loop.stop()
    return {"stopping": True}


def _devices(instrument: Instrument) -> list[dict[str, Any]]:
    return instrument.rig.audio_devices()


def _select(instrument: Instrument, source: str) -> dict[str, Any]:
    return {"audio": instrument.rig.select_audio(source)}


def _outputs(instrument: Instrument) -> list[dict[str, Any]]:
    return instrument.publisher.list()


def _open(instrument: Instrument, kind: str, options: dict[str, Any] | None) -> dict[str, Any]:
    return _named(instrument, instrument.rig.open_output(kind, options or {}))


def _set(instrument: Instrument, id: str, options: dict[str, Any]) -> dict[str, Any]:  # noqa: A002  (the wire's name)
    instrument.publisher.set(id, options)
    return _named(instrument, id)


def _close(instrument: Instrument, id: str) -> dict[str, Any]:  # noqa: A002  (the wire's name)
    instrument.publisher.close(id)
    return {"id": id}


def _named(instrument: Instrument, output: str) -> dict[str, Any]:
    row = next((row for row in instrument.publisher.list() if row["id"] == output), {})
    return {"id": output, "name": row.get("name", "")}


def _save(instrument: Instrument) -> dict[str, Any]:
    return {"path": instrument.rig.save_state()}


CALLS: dict[str, Callable[..., Any]] = {
    "ping": _ping,
    "version": _version,
    "stats": _stats,
    "shutdown": _shutdown,
    "audio.devices": _devices,
    "audio.select": _select,
    "output.list": _outputs,
    "output.open": _open,
    "output.set": _set,
    "output.close": _close,
    "state.save": _save,
}
