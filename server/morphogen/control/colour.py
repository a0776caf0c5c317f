"""Colours that come from files: the look-up table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphogen import log
from morphogen.errors import UsageError
from morphogen.library.cube import read_cube

if TYPE_CHECKING:
    from morphogen.instrument import Instrument

_log = log.get("app")


def load_lut(instrument: Instrument, path: Any) -> dict[str, Any]:
    """Take a look-up table from a file; '' takes none. Any thread; the next frame has it. Raises UsageError."""
    colourist = instrument.composer.colourist
    if not isinstance(path, str):
        raise UsageError("a look-up table is named by its path.", "Give the path of a .cube file, or nothing.")
    lut, said = read_cube(path) if path else (None, "")
    if said:
        _log.warning("%s", said)
    colourist.lut, colourist.lut_path = lut, str(Path(path).expanduser().absolute()) if path else ""
    return {"path": colourist.lut_path, "name": lut.name if lut else "", "size": lut.size if lut else 0, "note": said}


CALLS: dict[str, Callable[..., Any]] = {"color.lut": load_lut}
