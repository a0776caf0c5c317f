"""The modulation matrix: what moves parameters by itself. Sources x amount x curve, summed per target.

Measured (`bench/params.py`): 6 us a frame without routes, 9 us with two, 45 us with 64 over all sources.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from morphogen.contracts import TempoState
from morphogen.errors import UsageError
from morphogen.params.catalog import BY_KEY, FEATURES, LFOS, PARAMS
from morphogen.params.drift import drift_noise
from morphogen.params.lfo import Lfo

MAX_ROUTES = 64
DRIFTS = 4
LONGEST_FADE = 3600.0

SOURCES: dict[str, str] = {
    **{f"audio/{name}": BY_KEY[f"audio/{name}"].doc for name in FEATURES},
    **{f"lfo{n}": f"LFO {n}, -1 to 1." for n in range(1, LFOS + 1)},
    "tempo/beat": "1 on every beat, falling to 0 until the next.",
    "tempo/bar": "0 at the start of every bar, rising to 1 at its end.",
    **{f"drift{n}": f"Slow random walk {n}, -1 to 1, as fast as `drift/rate` says." for n in range(1, DRIFTS + 1)},
}
_HEARD = frozenset(f"audio/{name}" for name in FEATURES)
BIPOLAR = frozenset(name for name in SOURCES if name.startswith(("lfo", "drift")))


def _inverse(x: float) -> float:
    return 1.0 - x


def _s(x: float) -> float:
    return x * x * (3.0 - 2.0 * x)


# How a source of 0..1 is bent. From a bipolar source the size is bent and the sign kept; `inverse` turns the sign.
CURVES: dict[str, tuple[Callable[[float], float], str]] = {
    "linear": (float, "As it is."),
    "square": (lambda x: x * x, "Quiet stays quiet, loud stays loud: only the peaks move the picture."),
    "root": (math.sqrt, "Small movements count more."),
    "s": (_s, "Calm at both ends, quick in the middle."),
    "inverse": (_inverse, "Upside down: full when the source is silent."),
    "gate": (lambda x: 1.0 if x >= 0.5 else 0.0, "Off below one half, on above."),
}

# No target: the analysis listens to its settings (a loop), a change of style reads its own once, and nothing but a
# hand may let go of blackout and freeze.
_NOT_TARGETS = {"audio/gain", "audio/delay", "audio/attack", "audio/release", "transition/seconds", "transition/kind"}
TARGETS: tuple[str, ...] = tuple(
    p.key
    for p in PARAMS
    if not p.feature and p.key not in _NOT_TARGETS and not (p.kind == "bool" and p.group != "view")
)
_TARGET_SET = frozenset(TARGETS)


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the matrix. amount: -1..1 of the target's whole range at full source; curve: a name in CURVES."""

    source: str
    target: str
    amount: float
    curve: str = "linear"


class ModMatrix:
    """Up to 64 routes. `set_routes` and `routes` from any thread, `evaluate` on the render thread, once a frame.

    LFOs are targets like all others; they are read from the values of the frame before, so no loop can form.
    """

    def __init__(self, seed: int = 1) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._routes: tuple[Route, ...] = ()
        self._fading: tuple[Route, ...] = ()
        self._fade_seconds = 0.0
        self._fade_begin: float | None = None
        self._lfos = [Lfo(n) for n in range(1, LFOS + 1)]
        self._drift_time = 0.0
        self._last: float | None = None

    def set_routes(self, routes: Sequence[Mapping[str, Any] | Route], seconds: float = 0.0) -> None:
        """Replace all routes by `{source, target, amount, curve}` maps; `curve` may be left out. All or none.

        Within `seconds` the old ones fade out and the new ones in. Raises UsageError that names row, field and what
        is allowed."""
        if not 0.0 <= seconds <= LONGEST_FADE:
            raise UsageError(f"routes cannot fade for '{seconds}' seconds.", f"Give 0 to {LONGEST_FADE:g}.")
        if not isinstance(routes, (list, tuple)):
            raise UsageError(f"routes must be a list, got {type(routes).__name__}.", "Send a list of maps.")
        if len(routes) > MAX_ROUTES:
            raise UsageError(f"{len(routes)} routes are too many.", f"At most {MAX_ROUTES}.")
        checked = tuple(_route(row, number) for number, row in enumerate(routes, 1))
        with self._lock:
            self._fading = self._routes if seconds > 0.0 else ()
            self._fade_seconds, self._fade_begin = seconds, None
            self._routes = checked

    def routes(self) -> list[dict[str, Any]]:
        """The routes as maps, for `mod.list` and for saving."""
        return [asdict(route) for route in self._routes]

    def describe(self) -> dict[str, Any]:
        """What `mod.list` answers: all sources, curves and targets, and the routes."""
        return {
            "sources": list(SOURCES),
            "curves": list(CURVES),
            "targets": list(TARGETS),
            "routes": self.routes(),
        }

    def evaluate(
        self, now: float, values: Mapping[str, float], features: Mapping[str, float], tempo: TempoState
    ) -> dict[str, float]:
        """Offset of each target at clock time `now`, in 0..1 units of its range, for `ParamStore.snapshot`.

        values: the snapshot of the frame before; features: name ('bass') -> 0..1. `audio/reaction` scales all routes
        from audio features, so that one fader turns the music off."""
        dt = 0.0 if self._last is None else max(now - self._last, 0.0)
        self._last = now
        for lfo in self._lfos:
            lfo.step(dt, now, values, tempo)
        self._drift_time += dt * values.get("drift/rate", BY_KEY["drift/rate"].default)
        with self._lock:
            routes, fading, come = self._routes, self._fading, self._fade(now)
        if not routes and not fading:
            return {}
        level = self._levels({route.source for route in routes + fading}, now, values, features, tempo)
        reaction = values.get("audio/reaction", 1.0)
        offsets: dict[str, float] = {}
        for rows, part in ((routes, come), (fading, 1.0 - come)):
            for route in rows:
                x = bend(route.curve, level[route.source], route.source in BIPOLAR)
                amount = route.amount * part * (reaction if route.source in _HEARD else 1.0)
                offsets[route.target] = offsets.get(route.target, 0.0) + amount * x
        return offsets

    def _fade(self, now: float) -> float:
        """How much of the new routes counts, 0..1. Under the lock."""
        if not self._fading:
            return 1.0
        if self._fade_begin is None:
            self._fade_begin = now
        come = (now - self._fade_begin) / self._fade_seconds
        if come >= 1.0:
            self._fading = ()
        return min(max(come, 0.0), 1.0)

    def _levels(
        self,
        used: Iterable[str],
        now: float,
        values: Mapping[str, float],
        features: Mapping[str, float],
        tempo: TempoState,
    ) -> dict[str, float]:
        """Only the sources that a route uses."""
        levels: dict[str, float] = {}
        drift = None
        for name in used:
            if name.startswith("audio/"):
                x = features.get(name[6:], 0.0)
                levels[name] = x if 0.0 <= x <= 1.0 else float(x > 1.0)  # not a number counts as silence
            elif name.startswith("lfo"):
                levels[name] = self._lfos[int(name[3:]) - 1].value(values)
            elif name == "tempo/beat":
                levels[name] = 1.0 - tempo.phase_at(now)
            elif name == "tempo/bar":
                levels[name] = tempo.bar_phase_at(now)
            else:
                drift = drift_noise(self._seed, DRIFTS, self._drift_time) if drift is None else drift
                levels[name] = float(drift[int(name[5:]) - 1])
        return levels


def bend(curve: str, x: float, bipolar: bool = False) -> float:
    """A source's level through a curve: 0..1 -> 0..1, bipolar -1..1 -> -1..1 (size bent, sign kept)."""
    shape = CURVES[curve][0]
    if not bipolar:
        return shape(x)
    if shape is _inverse:
        return -x
    return shape(x) if x >= 0.0 else -shape(-x)


def _route(row: Mapping[str, Any] | Route, number: int) -> Route:
    if isinstance(row, Route):
        row = asdict(row)
    if not isinstance(row, Mapping):
        raise UsageError(f"route {number} must be a map, got {type(row).__name__}.", "Give source, target, amount.")
    unknown = sorted(map(str, set(row) - {"source", "target", "amount", "curve"}))
    if unknown:
        raise UsageError(
            f"route {number}: unknown field {unknown[0][:40]!r}.", "It takes source, target, amount, curve."
        )
    source = _one_of(row, number, "source", SOURCES)
    target = _one_of(row, number, "target", TARGETS)
    curve = _one_of(row, number, "curve", CURVES) if "curve" in row else "linear"
    amount = row.get("amount")
    if isinstance(amount, bool) or not isinstance(amount, (int, float)) or not -1.0 <= amount <= 1.0:
        raise UsageError(f"route {number}: amount cannot be {str(amount)[:40]!r}.", "Give a number from -1 to 1.")
    return Route(source, target, float(amount), curve)


def _one_of(row: Mapping[str, Any], number: int, name: str, allowed: Any) -> str:
    value = row.get(name)
    if isinstance(value, str) and value in allowed:
        return value
    why = ""
    if name == "target" and isinstance(value, str) and value in BY_KEY:
        why = " (it is measured)" if BY_KEY[value].feature else " (it is left to the hand)"
    raise UsageError(f"route {number}: {name} cannot be {str(value)[:40]!r}{why}.", f"One of {', '.join(allowed)}.")
