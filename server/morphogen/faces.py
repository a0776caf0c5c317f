"""What bridges see of the instrument's parts: parameters, sound, control surfaces. `contracts` hands them on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from morphogen.frame import TargetSpec
    from morphogen.params.spec import Param


class Params(Protocol):
    """The parameters, as bridges see them. Thread-safe, never blocks for longer than a dictionary access."""

    @property
    def specs(self) -> Mapping[str, Param]:
        """Every declared parameter by key, in catalog order."""

    def set(self, key: str, value: Any, origin: str = "") -> None:
        """Set in the parameter's own unit. `origin` names who sets ('osc:127.0.0.1:5000'), so that feedback is not
        echoed to it. Raises ParamError: unknown key, wrong type, non-finite value."""

    def set_normalised(self, key: str, value: float, origin: str = "") -> None:
        """Set from 0..1 over the parameter's range."""

    def get(self, key: str) -> Any:
        """Current target value (before smoothing and modulation). Raises ParamError."""


Hearing = Callable[[NDArray[np.float32], int, float], None]  # samples, rate, clock time of their end


class AudioPort(Protocol):
    """Where an audio source delivers what it hears, and where others hear it too."""

    def push(self, samples: NDArray[np.float32], rate: int) -> None:
        """Copy a block (n, channels) float32 in -1..1 into the ring. Safe in a driver's callback: no allocation that
        grows, no lock held by anyone who works under it."""

    def position(self, seconds: float, duration: float | None) -> None:
        """Where a track is; duration None for live input."""

    def xrun(self) -> None:
        """Count an over- or underflow of the driver."""

    def hear(self, listener: Hearing) -> Callable[[], None]:
        """`listener(samples, rate, end_time)` for every block from now on, as it was pushed; returns the unsubscriber.

        On the pusher's thread, which may be a driver's callback: copy and return, never raise, never wait."""


class Controls(Protocol):
    """What control surfaces move: MIDI controllers and foreign OSC addresses, by one table of rules. Thread-safe,
    tens of microseconds; never waits for a frame.

    Addresses: `midi/<port>/cc/<channel>/<number>` (`cc14` where the value came in 14 bits, `note`),
    `midi/<port>/bend/<channel>`, `midi/<port>/program/<channel>` (number / 127), channels from 1;
    `osc/<foreign address>`, with `#<index>` for an argument that is not the first.
    """

    def feel(self, address: str, value: float, *, relative: bool = False) -> bool:
        """Something moved. value: 0..1 for MIDI, as sent for OSC; `relative`: it is a step, in shares of the range.

        True if a rule, or a learning that is under way, took it. Values that are not finite are taken and ignored."""

    def newest_only(self, address: str) -> bool:
        """Whether of several values that wait only the newest counts, as of a fader. Clicks and presses count all."""

    def let_go(self, prefix: str) -> None:
        """The surface whose addresses begin with `prefix` is gone: whatever is held down there is released."""

    def lights(self, prefix: str) -> Mapping[str, float]:
        """What lamps and motors should show, address -> 0..1, of the addresses that begin with `prefix`. Those that a
        hand has just moved are left out."""


class Textures(Protocol):
    """Pictures as OpenGL textures of the backend that draws. Render thread.

    unread: pictures that are wanted as textures only. Set before each drawing; their bytes are not copied to memory.
    contexts: how many OpenGL contexts there have been. Another number: what was shared with the one before is gone.
    """

    unread: Collection[TargetSpec]
    contexts: int

    def texture(self, spec: TargetSpec) -> int:
        """GL name of the newest picture of `spec`: RGBA8, its bytes as the spec says, top row first (upside down by
        OpenGL's custom). The context is current on this thread from now on. Raises RenderError."""

    def leave(self) -> None:
        """The context is current nowhere until `texture` is asked again."""
