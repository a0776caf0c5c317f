"""Going on where the last run stopped: what `--resume` brings back, as far as it is still there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from morphogen import log
from morphogen.control.colour import load_lut
from morphogen.errors import MorphogenError
from morphogen.instrument import Instrument
from morphogen.library.find import Library
from morphogen.state import State
from morphogen.still import first_style

_log = log.get("app")


def resumed_style(library: Library, wanted: str, saved: str) -> Any:
    """The style `wanted`; where none is, the one of the last run, or the library's first. Raises StyleError."""
    if not wanted and saved:
        with contextlib.suppress(MorphogenError):
            return library.find(saved)
        _log.warning("the style %s of the last run is gone; starting with the first one", saved)
    return first_style(library, wanted)


def restore(instrument: Instrument, saved: State) -> None:
    """What the last run kept; anything unreadable is left out and said once."""
    steps: tuple[tuple[str, Any, Callable[[Any], Any]], ...] = (
        ("parameters", saved.params, instrument.params.load),
        ("routes", saved.routes, instrument.matrix.set_routes),
        ("snapshots", saved.snapshots, instrument.snapshots.load),
        ("layer", saved.layer, lambda name: _lay(instrument, name) if name else None),
        ("look-up table", saved.lut, lambda path: load_lut(instrument, path) and None),
        ("bank", saved.bank, lambda names: instrument.bank.set(names) if names else None),
    )
    for what, kept, load in steps:
        try:
            left_out = load(kept)
            if left_out:
                _log.warning("left out of the %s: %s", what, left_out)
        except (MorphogenError, TypeError, ValueError, AttributeError) as error:
            _log.warning("could not restore the %s: %s", what, error)


def _lay(instrument: Instrument, name: str) -> None:
    instrument.library.find(name)  # a style that is gone is told here; all else is the call's
    instrument.call("layer.load", {"name": name})
