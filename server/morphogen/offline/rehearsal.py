"""A style with music, offline: the very scenes that the daemon would draw, frame by frame.

It is the instrument itself (`instrument.Instrument.edge`) on a clock that only this module moves, its sound analysed by
`AudioEngine.process`, so that tempo, smoothing, modulation and composition are the stage's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.audio.features import NAMES
from morphogen.clock import ManualClock
from morphogen.contracts import Renderer
from morphogen.field.scene import Scene
from morphogen.frame import TargetSpec
from morphogen.instrument import Instrument
from morphogen.library.find import Library
from morphogen.library.style import Style
from morphogen.offline.track import Track

LEAD = 6.0  # seconds heard before the first frame, so that ranges and tempo have settled


class Rehearsal:
    """One style, one renderer (the caller's), one thread. routes: of the modulation, as `mod.set` takes them; settings:
    parameters by key. A context manager; `close` frees what it made. Raises ParamError, UsageError."""

    def __init__(
        self, style: Style, renderer: Renderer, routes: Sequence[Mapping[str, Any]] = (),
        settings: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self._clock = ManualClock()
        self._instrument = Instrument(self._clock, Library(), style, renderer, offline=True)
        self._instrument.matrix.set_routes(list(routes))
        for key, value in (settings or {}).items():
            self._instrument.params.set(key, value)
        self._renderer = renderer

    def hold(self, time: float, **features: float) -> Scene:
        """The scene at `time` seconds of the picture's own time, the features held, those not named at 0."""
        audio, composer = self._instrument.audio, self._instrument.composer
        if audio.kind != "osc":
            audio.restart("osc")
        for name in NAMES:
            audio.set_external(name, features.get(name, 0.0), self._clock.now())
        composer.time = time
        return self._edge(0.0)

    def play(self, track: Track, begin: float, seconds: float, fps: float, time: float = 0.0) -> Iterator[Scene]:
        """The scenes of `seconds` of a track from `begin` on; the picture's own time is `time` before the first."""
        audio, composer = self._instrument.audio, self._instrument.composer
        audio.restart(track.kind, track.bpm, track.first_beat)
        lead = round(min(LEAD, begin) * fps)
        for n in range(-lead, round(seconds * fps)):
            at, end = begin + n / fps, begin + (n + 1) / fps
            audio.process(track.part(at, end), track.rate)
            self._clock.advance(1 / fps)
            audio.position(end % track.seconds, track.seconds)
            if n == 0:
                composer.time = time
            scene = self._edge(1 / fps)
            if n >= 0:
                yield scene

    def draw(self, scene: Scene, size: tuple[int, int]) -> NDArray[np.uint8]:
        """(height, width, 4) uint8 RGBA, top row first."""
        spec = TargetSpec(*size)
        pixels = np.empty(spec.pixel_bytes, np.uint8)
        self._renderer.render(scene, [(spec, pixels)])
        return pixels.reshape(spec.height, spec.width, 4)

    def close(self) -> None:
        """Idempotent. The renderer stays the caller's."""
        self._instrument.stage.close()
        self._instrument.audio.close()

    def __enter__(self) -> Rehearsal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _edge(self, dt: float) -> Scene:
        scene = self._instrument.edge(self._clock.now(), dt)
        assert scene is not None  # the instrument always has something to show
        return scene
