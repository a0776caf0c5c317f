"""The backend that draws just now, and the one that always works: a graphics card may come and go while the show runs.

The CPU backend stands by whenever another one draws. What fails to compile, draw or read back on the other is drawn by
the CPU from that very frame on, with the reason told once; nobody waits for it and no index is lost. A trail starts
anew at a switch, since the past lies on the backend that is left.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen import log
from morphogen.contracts import Renderer, Textures
from morphogen.errors import MorphogenError
from morphogen.field.scene import Program, Scene
from morphogen.frame import TargetSpec
from morphogen.render import SAFE, create

_log = log.get("backend")


class Switch:
    """`contracts.Renderer` over the others. `change` and `prepare` on any thread, the rest on the render thread.

    wish: a backend's name or 'auto'. make: builds a renderer by name; raises Unavailable, UsageError.
    """

    def __init__(self, wish: str, make: Callable[[str], Renderer]) -> None:
        self._make = make
        self._seconds = 0.0
        self._broken = ""
        self._fallen = ""
        self._aside = ThreadPoolExecutor(1, "spare")
        try:
            self._current = make(wish)
        except MorphogenError as error:
            if wish == SAFE or error.exit_code == 2:  # a name that does not exist is the user's to mend
                raise
            self._tell(wish, error)
            self._current = make(SAFE)
        self._spare = self._current if self._current.name == SAFE else make(SAFE)

    @property
    def name(self) -> str:
        """Of the backend that draws."""
        return self._current.name

    @property
    def current(self) -> Renderer:
        """The backend that draws."""
        return self._current

    @property
    def textures(self) -> Textures | None:
        """The backend that draws, if other programs on its card can have its pictures."""
        current: Any = self._current
        return current if hasattr(current, "texture") else None

    def prepare(self, program: Program) -> Any:
        """Compile for the backend that draws and, aside, for the one that stands by. Where only the former cannot, the
        show moves to the latter. Raises RenderError when neither can."""
        while True:
            current = self._current
            try:
                prepared = current.prepare(program)
            except MorphogenError as error:
                if current is self._spare:
                    raise
                if current is not self._current:
                    continue
                self._spare.prepare(program)
                self._broken = self._broken or str(error)
                return None
            if current is not self._spare:
                with contextlib.suppress(RuntimeError):  # closing: nobody needs to stand by any more
                    self._aside.submit(self._stand_by, program)
            return prepared

    def has(self, program: Program) -> bool:
        return (self._spare if self._broken else self._current).has(program)

    def limit(self, seconds: float) -> None:
        self._seconds = seconds
        self._current.limit(seconds)
        self._spare.limit(seconds)

    def render(self, scene: Scene, targets: Sequence[tuple[TargetSpec, NDArray[np.uint8]]]) -> None:
        """Draw; when the backend fails, the CPU draws the same frame and goes on."""
        if self._broken:
            self._fall(self._broken)
        try:
            self._current.render(scene, targets)
        except Exception as error:  # whatever a driver throws, the show goes on
            if self._current is self._spare:
                raise
            self._fall(str(error) or type(error).__name__)
            self._current.render(scene, targets)

    def change(self, name: str, programs: Sequence[Program]) -> Renderer:
        """Get backend `name` ready to draw `programs`; hand it to `take` at a frame edge. Slow; never on the render
        thread. Raises Unavailable, UsageError, RenderError: then nothing has changed."""
        if name in (SAFE, self._current.name):
            renderer = self._spare if name == SAFE else self._current
        else:
            renderer = self._make(name)
        try:
            for program in programs:
                renderer.prepare(program)
        except MorphogenError:
            if renderer not in (self._spare, self._current):
                renderer.close()
            raise
        renderer.limit(self._seconds)
        return renderer

    def take(self, renderer: Renderer) -> None:
        """Draw with this one from now on; the one before is closed unless it stands by. Render thread."""
        before, self._current = self._current, renderer
        self._broken = self._fallen = ""
        self._leave(before)

    def describe(self) -> dict[str, Any]:
        """As the backend says; `fallback`: why the CPU draws instead of what was wished."""
        return {**self._current.describe(), **({"fallback": self._fallen} if self._fallen else {})}

    def close(self) -> None:
        self._aside.shutdown(wait=True, cancel_futures=True)
        current, self._current = self._current, self._spare
        self._leave(current)
        self._spare.close()

    # --- inside

    def _stand_by(self, program: Program) -> None:
        try:
            self._spare.prepare(program)
        except MorphogenError as error:
            _log.warning("%s could not stand by: %s", SAFE, error)

    def _fall(self, reason: str) -> None:
        self._tell(self._current.name, reason)
        before, self._current, self._broken = self._current, self._spare, ""
        self._leave(before)

    def _tell(self, name: str, reason: Any) -> None:
        self._fallen = f"{name}: {reason}"
        _log.warning("%s gave up, %s draws from here on: %s", name, SAFE, reason)

    def _leave(self, renderer: Renderer) -> None:
        if renderer in (self._current, self._spare):
            return
        try:
            renderer.close()
        except Exception as error:  # noqa: BLE001  a driver that fails may fail to close, too
            _log.warning("%s did not close: %s", renderer.name, error)


def switch(wish: str, threads: int = 0, cache: Path | None = None) -> Switch:
    """The backends of this machine, `wish` first. Raises UsageError: no such backend."""
    return Switch(wish, partial(create, threads=threads, cache=cache))
