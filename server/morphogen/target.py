"""One picture of a frame on its way: planned by the publisher, drawn by the loop, handed to its sinks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from morphogen.contracts import Textures
from morphogen.frame import HEADER_BYTES, Frame, TargetSpec
from morphogen.lane import Lane


@dataclass(eq=False)
class Target:
    """One picture to draw. spec: what; pixels: where, uint8 (spec.pixel_bytes,), 64-byte aligned in pool frames.

    direct: `frame` wraps the buffer of the one sink in `lanes`, which the render thread has entered. spent:
    published or discarded; either happens once, whatever the loop's error handling calls again.
    """

    spec: TargetSpec
    frame: Frame
    lanes: tuple[Lane, ...]
    direct: bool = False
    spent: bool = False

    @property
    def buffer(self) -> NDArray[np.uint8]:
        """Header and pixels, uint8 (64 + spec.pixel_bytes,)."""
        return self.frame.buffer

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The pixels alone, a view of `buffer`."""
        return self.frame.buffer[HEADER_BYTES:]

    @property
    def shared(self) -> bool:
        """Whether everyone who gets it takes the texture, so that nobody needs the bytes."""
        return all(lane.sink.textured for lane in self.lanes)


def leave_unread(textures: Textures | None, plan: Iterable[Target]) -> None:
    """Tell a backend with textures which pictures of the coming frame need not be copied to memory."""
    if textures is not None:
        textures.unread = {target.spec for target in plan if target.shared}


def unspent(plan: Sequence[Target]) -> Iterator[Target]:
    """Those targets that were neither published nor discarded yet; they count as that from now on."""
    for target in plan:
        if not target.spent:
            target.spent = True
            yield target
