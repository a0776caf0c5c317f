"""A stand-in for the instrument: just enough of `Host` for a bridge to be opened and proved."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.clock import WallClock
from morphogen.contracts import Event, Hearing, TempoState, Textures
from morphogen.errors import ParamError
from morphogen.frame import Frame, FrameInfo, FramePool, TargetSpec
from morphogen.params.catalog import BY_KEY

SIZE = (64, 36)


class ProbeParams:
    """Takes values and remembers them; `arrived` is set at each."""

    def __init__(self) -> None:
        self.specs = BY_KEY
        self.values: dict[str, float] = {key: param.default for key, param in BY_KEY.items()}
        self.arrived = threading.Event()

    def set(self, key: str, value: Any, origin: str = "") -> None:
        if key not in self.specs:
            raise ParamError(f"there is no parameter {key!r}.")
        self.values[key] = self.specs[key].check(value)
        self.arrived.set()

    def set_normalised(self, key: str, value: float, origin: str = "") -> None:
        self.set(key, self.specs[key].from_normalised(value), origin)

    def get(self, key: str) -> Any:
        return self.specs[key].public(self.values[key])


class ProbeAudio:
    """Listens to nothing."""

    def push(self, samples: NDArray[np.float32], rate: int) -> None:
        pass

    def position(self, seconds: float, duration: float | None) -> None:
        pass

    def xrun(self) -> None:
        pass

    def hear(self, listener: Hearing) -> Callable[[], None]:
        return lambda: None


class ProbeControls:
    """Has no rules; remembers what was felt."""

    def __init__(self) -> None:
        self.felt: list[tuple[str, float]] = []
        self.arrived = threading.Event()

    def feel(self, address: str, value: float, *, relative: bool = False) -> bool:
        self.felt.append((address, value))
        self.arrived.set()
        return False

    def newest_only(self, address: str) -> bool:
        return False

    def let_go(self, prefix: str) -> None:
        pass

    def lights(self, prefix: str) -> dict[str, float]:
        return {}


class ProbeHost:
    """`Host` of a probe: every call answers an empty map at once."""

    def __init__(self) -> None:
        self.clock = WallClock()
        self.params = ProbeParams()
        self.audio = ProbeAudio()
        self.controls = ProbeControls()
        self.show_size = SIZE
        self.show_fps = 60.0
        self.textures: Textures | None = None

    def call(self, method: str, arguments: Mapping[str, Any] | None = None) -> Future[Any]:
        answer: Future[Any] = Future()
        answer.set_result({"pong": True} if method == "ping" else {})
        return answer

    def subscribe(self, listener: Event) -> Callable[[], None]:
        return lambda: None

    def emit(self, topic: str, data: dict[str, Any]) -> None:
        pass

    def tempo(self) -> TempoState:
        return TempoState()

    def follow_tempo(
        self, source: str, bpm: float, beat_time: float, confidence: float, bar_time: float | None = None
    ) -> None:
        pass

    def release_tempo(self, source: str) -> None:
        pass


def draw_card() -> Frame:
    """A stamped RGBA frame in which every row and column differs."""
    spec = TargetSpec(*SIZE)
    frame = FramePool(spec, 1).take(FrameInfo(spec, 1, WallClock().now_ns()))
    rows, columns = np.mgrid[: spec.height, : spec.width]
    frame.pixels[...] = np.stack([columns * 4, rows * 7, columns + rows, np.full_like(rows, 255)], axis=-1)
    frame.stamp()
    return frame
