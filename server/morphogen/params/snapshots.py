"""Numbered snapshots: all parameters, the routes, the names of the style and the layer's, kept to be glided back to."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from morphogen.errors import MorphogenError, StateError, UsageError
from morphogen.params.modulation import ModMatrix
from morphogen.params.store import ParamStore

SLOTS = 64
# Kept, but not recalled: what the operator's hand has blacked out or frozen stays so until the same hand lets go.
_LEFT_ALONE = frozenset({"output/blackout", "output/freeze"})


@dataclass(frozen=True)
class Kept:
    """One snapshot. params: key -> value in its own unit; style: library name or ''; routes: maps of `mod.set`; layer:
    the library name of the layer's style, '' for none, None where it was not kept."""

    params: Mapping[str, float]
    style: str = ""
    routes: tuple[Mapping[str, Any], ...] = ()
    layer: str | None = None


class Snapshots:
    """Slots 1 to 64. All methods from any thread; none waits."""

    def __init__(self, params: ParamStore, modulation: ModMatrix) -> None:
        self._params = params
        self._modulation = modulation
        self._lock = threading.Lock()
        self._slots: dict[int, Kept] = {}

    def store(self, slot: int, style: str = "", layer: str | None = None) -> Kept:
        """Keep everything as it is now; what was in the slot is lost. Raises UsageError: no such slot."""
        number = _slot(slot)
        kept = Kept(self._params.targets(), style, tuple(self._modulation.routes()), layer)
        with self._lock:
            self._slots[number] = kept
        return kept

    def recall(self, slot: int, seconds: float = 0.0, origin: str = "snapshot") -> Kept:
        """Glide to what was kept in a slot, now. Raises what `kept` raises."""
        kept = self.kept(slot, seconds)
        self.move(kept, seconds, origin)
        return kept

    def kept(self, slot: int, seconds: float = 0.0) -> Kept:
        """What is in a slot, and whether one can glide there in that time. Raises UsageError (no such slot), StateError
        (empty), ParamError (seconds)."""
        self._params.glide({}, seconds)
        number = _slot(slot)
        with self._lock:
            kept = self._slots.get(number)
            stored = ", ".join(map(str, sorted(self._slots))) or "none"
        if kept is None:
            raise StateError(f"nothing is stored in snapshot {number}.", f"Stored: {stored}. Use snapshot.store first.")
        return kept

    def move(self, kept: Kept, seconds: float = 0.0, origin: str = "snapshot") -> None:
        """Glide to it; routes cross-fade in the same time. The caller loads its styles. Blackout and freeze stay as
        they are. Raises ParamError (seconds)."""
        self._params.glide({k: v for k, v in kept.params.items() if k not in _LEFT_ALONE}, seconds, origin)
        self._modulation.set_routes(kept.routes, float(seconds))

    def clear(self, slot: int) -> None:
        """Empty a slot; an empty one stays empty. Raises UsageError."""
        number = _slot(slot)
        with self._lock:
            self._slots.pop(number, None)

    def list(self) -> dict[str, dict[str, Any]]:
        """'1' -> {style, params, routes, layer}, in order; what `snapshot.list` shows and what is saved. The
        keys are texts, since JSON and strict msgpack know no others."""
        with self._lock:
            return {str(number): _plain(self._slots[number]) for number in sorted(self._slots)}

    def load(self, saved: Mapping[str, Any]) -> dict[str, str]:
        """Take on what `list` gave. Unknown parameters are left out; answers the slots that could not be read, with
        the reason."""
        slots: dict[int, Kept] = {}
        broken: dict[str, str] = {}
        for name, entry in saved.items():
            try:
                slots[_slot(int(name) if isinstance(name, str) and name.isdecimal() else name)] = self._read(entry)
            except MorphogenError as error:
                broken[str(name)[:40]] = str(error)
        with self._lock:
            self._slots = slots
        return broken

    def _read(self, entry: Any) -> Kept:
        params = entry.get("params") if isinstance(entry, Mapping) else None
        if not isinstance(params, Mapping) or not isinstance(entry.get("style", ""), str):
            raise StateError("this is no snapshot.", "It must be a map of params, style and routes.")
        layer = entry.get("layer")
        specs = self._params.specs
        values = {k: specs[k].check(v) for k, v in params.items() if k in specs and not specs[k].feature}
        trial = ModMatrix()
        trial.set_routes(entry.get("routes", []))
        return Kept(values, entry.get("style", ""), tuple(trial.routes()), layer if isinstance(layer, str) else None)


def _plain(kept: Kept) -> dict[str, Any]:
    return {**asdict(kept), "params": dict(kept.params), "routes": [dict(route) for route in kept.routes]}


def _slot(number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= SLOTS:
        raise UsageError(f"there is no snapshot {str(number)[:40]!r}.", f"Slots count from 1 to {SLOTS}.")
    return number
