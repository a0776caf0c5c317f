"""The live values of all parameters: targets set from any thread, one immutable snapshot for each frame.

Measured (`bench/params.py`, 57 parameters): 3 us per snapshot when nothing moves, 20 us with every smoothed parameter
under way, 75 us with everything gliding and modulated at once; a `set` takes 1.6 us.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from morphogen.clock import Clock
from morphogen.errors import ParamError
from morphogen.params.catalog import BY_KEY
from morphogen.params.motion import ARRIVED, Axis, Glide, decay
from morphogen.params.spec import Param, plain_number, shown

OnChange = Callable[[str, float, str], None]
LONGEST_GLIDE = 3600.0
# While a value glides, listeners hear where it is this often: faders on a tablet follow, the network is not flooded.
GLIDE_REPORT = 0.1


class FeaturePort(Protocol):
    """Where audio features live. Names come without the group: 'bass'. Thread-safe, microseconds."""

    def set_external(self, name: str, value: float, now: float) -> None:
        """An outside analyser says that the feature is `value` (0..1) at clock time `now`, seconds."""

    def feature(self, name: str) -> float:
        """The newest value, 0..1."""


class HeldFeatures:
    """Features without audio: each stays as it was set. Used by `still`, and by tests."""

    def __init__(self) -> None:
        self._held: dict[str, float] = {}

    def set_external(self, name: str, value: float, now: float) -> None:
        self._held[name] = value

    def feature(self, name: str) -> float:
        return self._held.get(name, 0.0)


class Snapshot(Mapping[str, float]):
    """All parameters as one frame sees them: key -> value in the parameter's own unit. Immutable; any thread may
    read it. `time`: the clock time it was taken for, seconds."""

    __slots__ = ("_values", "time")
    time: float
    _values: dict[str, float]

    def __init__(self, values: Mapping[str, float], time: float) -> None:
        object.__setattr__(self, "_values", values if type(values) is dict else dict(values))
        object.__setattr__(self, "time", time)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a snapshot cannot be changed ({name}); set the ParamStore instead.")

    def __getitem__(self, key: str) -> float:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def on(self, key: str) -> bool:
        """A switch as a bool."""
        return self._values[key] >= 0.5

    def index(self, key: str) -> int:
        """A choice or whole number as an int."""
        return int(self._values[key])

    def group(self, name: str) -> dict[str, float]:
        """All of one group, keys without the group: `group('audio')['bass']`."""
        prefix = f"{name}/"
        return {key[len(prefix) :]: value for key, value in self._values.items() if key.startswith(prefix)}


class ParamStore:
    """Targets of all parameters, their smoothing and their glides. Implements `contracts.Params`.

    `set`, `glide`, `get`, `load` and `targets` may be called from any thread; `snapshot` from the render thread only.
    `on_change(key, value, origin)` runs outside the lock on the thread that caused the change (for a glide: the
    render thread), so it must only enqueue. Features are passed through: not smoothed, not reported, not saved.
    """

    def __init__(self, clock: Clock, on_change: OnChange | None = None, features: FeaturePort | None = None) -> None:
        self._clock = clock
        self._on_change = on_change
        self._features: FeaturePort = HeldFeatures() if features is None else features
        self._specs: Mapping[str, Param] = MappingProxyType(dict(BY_KEY))
        self._feature_keys = tuple((key, p.name) for key, p in BY_KEY.items() if p.feature)
        self._feature_names = {name: key for key, name in self._feature_keys} | {k: k for k, _ in self._feature_keys}
        self._axes = {key: Axis.of(p) for key, p in BY_KEY.items() if not p.feature}
        self._lock = threading.Lock()
        self._targets = {key: float(BY_KEY[key].default) for key in self._axes}
        self._values = {key: float(p.default) for key, p in BY_KEY.items()}
        self._moving: dict[str, float] = {}
        self._glides: dict[str, Glide] = {}
        self._reported = 0.0
        self._last: float | None = None

    @property
    def specs(self) -> Mapping[str, Param]:
        """Every declared parameter by key, in catalog order."""
        return self._specs

    def spec(self, key: str) -> Param:
        """One declaration. Raises ParamError."""
        param = self._specs.get(key) if isinstance(key, str) else None
        if param is None:
            raise ParamError(f"there is no parameter {str(key)[:60]!r}.", "See `morphogen ctl param.list`.")
        return param

    def set(self, key: str, value: Any, origin: str = "") -> None:
        """Set in the parameter's own unit; wins over a running glide. Raises ParamError: unknown, wrong, not finite."""
        param = self.spec(key)
        self._put(param, param.check(value), origin)

    def set_normalised(self, key: str, value: float, origin: str = "") -> None:
        """Set from 0..1 over the parameter's range. Raises ParamError."""
        param = self.spec(key)
        self._put(param, param.from_normalised(value), origin)

    def get(self, key: str) -> Any:
        """Current target in public form (bool, int, choice name or float); for a feature its live value."""
        param = self.spec(key)
        return param.public(self._features.feature(param.name) if param.feature else self._targets[key])

    def value(self, key: str) -> float:
        """Current target as a plain float; for a feature its live value. Raises ParamError."""
        param = self.spec(key)
        return self._features.feature(param.name) if param.feature else self._targets[key]

    def targets(self) -> dict[str, float]:
        """Where every parameter is heading, features left out: what is worth saving."""
        with self._lock:
            return dict(self._targets)

    def load(self, values: Mapping[str, Any], origin: str = "state") -> list[str]:
        """Set what was saved, at once: the next snapshot is there, without smoothing.

        Returns the keys that were left alone: unknown ones, features and refused values."""
        ignored = []
        for key, value in values.items():
            param = self._specs.get(key)
            try:
                if param is None or param.feature:
                    ignored.append(str(key))
                else:
                    self._put(param, param.check(value), origin, smooth=False)
            except ParamError:
                ignored.append(key)
        return ignored

    def glide(self, values: Mapping[str, Any], seconds: float, origin: str = "") -> None:
        """Move targets to `values` within `seconds`, eased; a later `set` or `glide` of a key wins for that key.

        Log-scale parameters travel in log space, wrapping ones the short way round; switches and choices change at
        the half. All values are checked before anything moves. Listeners hear of it under `origin`, ten times a second
        and at the end; give one that is nobody's address, or the one who asked would not be told. Raises ParamError.
        """
        length = plain_number(seconds)
        if length is None or not 0.0 <= length <= LONGEST_GLIDE:
            raise ParamError(f"a glide cannot last {shown(seconds)} seconds.", f"Give 0 to {LONGEST_GLIDE:g}.")
        goals = {}
        for key, value in values.items():
            param = self.spec(key)
            if param.feature:
                raise ParamError(f"{key} is measured from the sound and cannot glide.", "Leave it out.")
            goals[key] = param.check(value)
        if length == 0.0:
            for key, goal in goals.items():
                self._put(self._specs[key], goal, origin)
            return
        begin = self._clock.now()
        with self._lock:
            for key, goal in goals.items():
                self._glides[key] = Glide.between(self._axes[key], self._targets[key], goal, begin, length, origin)

    @property
    def gliding(self) -> bool:
        """Whether any glide is under way."""
        return bool(self._glides)

    def snapshot(
        self, now: float, modulation: Mapping[str, float] | None = None, features: Mapping[str, float] | None = None
    ) -> Snapshot:
        """All values at clock time `now`: smoothed, then modulated, features merged in. Render thread, once a frame.

        modulation: offsets in 0..1 units of each range (`ModMatrix.evaluate`), clipped or wrapped to the range.
        features: name ('bass' or 'audio/bass') -> 0..1; left out: asked from the feature port. The first snapshot
        starts at the targets."""
        reports: list[tuple[str, float, str]] = []
        with self._lock:
            dt = math.inf if self._last is None else max(now - self._last, 0.0)
            self._last = now
            if self._glides:
                self._advance_glides(now, reports)
            if self._moving:
                self._smooth(dt)
            values = self._values.copy()
        if self._on_change is not None:
            for report in reports:
                self._on_change(*report)
        if modulation:
            self._modulate(values, modulation)
        self._merge(values, features)
        return Snapshot(values, now)

    def _put(self, param: Param, value: float, origin: str, smooth: bool = True) -> None:
        if param.feature:
            self._features.set_external(param.name, value, self._clock.now())
            return
        key = param.key
        with self._lock:
            self._glides.pop(key, None)
            if not smooth:
                self._values[key] = value
                self._moving.pop(key, None)
            self._aim(key, value)
        if self._on_change is not None:
            self._on_change(key, value, origin)

    def _aim(self, key: str, value: float) -> None:
        """A new target; remembers where the smoothed value is on its axis. Under the lock."""
        self._targets[key] = value
        if key not in self._moving:
            self._moving[key] = self._axes[key].position(self._values[key])

    def _advance_glides(self, now: float, reports: list[tuple[str, float, str]]) -> None:
        tell = not 0.0 <= now - self._reported < GLIDE_REPORT
        if tell:
            self._reported = now
        for key, glide in list(self._glides.items()):
            value, done = glide.at(now), glide.done(now)
            moved = value != self._targets[key]
            if moved:
                self._aim(key, value)
            if done:
                del self._glides[key]
            if done or (moved and (tell or glide.axis.jumps)):
                reports.append((key, value, glide.origin))

    def _smooth(self, dt: float) -> None:
        """One step of the one-pole filter for everything that moves. Measured: 0.9 us a moving parameter."""
        left: dict[float, float] = {0.0: 0.0}
        arrived = []
        for key, position in self._moving.items():
            axis, target = self._axes[key], self._targets[key]
            factor = left.get(axis.smoothing)
            if factor is None:
                factor = left[axis.smoothing] = decay(dt, axis.smoothing)
            goal = axis.position(target)
            rest = axis.way(position, goal) * factor
            if abs(rest) <= ARRIVED * axis.span:
                self._values[key] = target
                arrived.append(key)
            else:
                self._moving[key] = goal - rest
                self._values[key] = axis.value(goal - rest)
        for key in arrived:
            del self._moving[key]

    def _modulate(self, values: dict[str, float], modulation: Mapping[str, float]) -> None:
        for key, offset in modulation.items():
            axis = self._axes.get(key)
            if axis is not None and offset and math.isfinite(offset):
                values[key] = axis.value(axis.position(values[key]) + offset * axis.span)

    def _merge(self, values: dict[str, float], features: Mapping[str, float] | None) -> None:
        if features is None:
            for key, name in self._feature_keys:
                values[key] = self._features.feature(name)
            return
        names = self._feature_names
        for name, value in features.items():
            merged = names.get(name)
            if merged is not None:
                values[merged] = float(value)
