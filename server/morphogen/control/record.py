"""Recording the show into a file, as one button does it: `record.start`, `record.stop`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from morphogen.errors import StateError
from morphogen.recording import KIND

if TYPE_CHECKING:
    from morphogen.instrument import Instrument

_SIZES = {"size", "width", "height", "crop"}


def _start(instrument: Instrument, path: str, options: dict[str, Any] | None) -> dict[str, Any]:
    running = _rows(instrument)
    if running:
        raise StateError(
            f"a recording is running already: {running[-1].get('file', '')}.",
            "Stop it with record.stop; output.open makes a second one beside it.",
        )
    wanted = {**(options or {}), **({"path": path} if path else {})}
    if _SIZES.isdisjoint(wanted):
        # Should the show change its size, the recording is drawn on at its own: one file, nothing distorted.
        wanted["size"] = "{}x{}".format(*instrument.show_size)
    made = instrument.rig.open_output(KIND, wanted)
    row = next((row for row in _rows(instrument) if row["id"] == made), {})
    return {"id": made, "file": row.get("file", ""), "encoder": row.get("encoder", "")}


def _stop(instrument: Instrument, id: str) -> dict[str, Any]:  # noqa: A002  (the wire's name)
    rows = [row for row in _rows(instrument) if id in ("", row["id"])]
    if not rows:
        raise StateError("nothing is being recorded.", "Begin with record.start.")
    row, told = rows[-1], dict[str, Any]()

    def hear(topic: str, data: dict[str, Any]) -> None:
        if topic == "output" and data.get("event") in ("recorded", "stopped") and data.get("name") == row["name"]:
            told.update(data)

    leave = instrument.subscribe(hear)
    try:
        instrument.publisher.close(row["id"])
    finally:
        leave()
    return {
        "id": row["id"], "file": told.get("file", ""), "seconds": told.get("seconds", 0.0),
        "frames": told.get("frames", 0), "dropped": told.get("repeated", 0), "size": told.get("bytes", 0),
        "error": told.get("error", ""),
    }  # fmt: skip


def _rows(instrument: Instrument) -> list[dict[str, Any]]:
    return [row for row in instrument.publisher.list() if row["kind"] == KIND]


CALLS: dict[str, Callable[..., Any]] = {"record.start": _start, "record.stop": _stop}
