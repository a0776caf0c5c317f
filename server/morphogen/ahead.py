"""Compiles what the bank holds before anyone asks for it, so that the first use of a style does not wait.

Twenty shapes take some seconds of one core the first time on a machine, in native code behind the picture
(`priority.behind_the_picture`); afterwards they lie in the store of compiled code and take milliseconds.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, Protocol

from morphogen import log
from morphogen.errors import MorphogenError
from morphogen.field.network import Shape
from morphogen.field.scene import Program, program
from morphogen.library.find import Library

MOST = 16  # shapes; a backend keeps 24 programs, and cross-fades want some of them

_log = log.get("ahead")


class Compiler(Protocol):
    """A backend, or the instrument, which tells its followers too."""

    def prepare(self, wanted: Program, /) -> Any:
        """Compile; slow."""


class Ahead:
    """One thread that works through the shapes of `names` and ends. `start` and `close` on any thread."""

    def __init__(self, library: Library, compiler: Compiler) -> None:
        self._library = library
        self._compiler = compiler
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, names: Iterable[str]) -> None:
        """Begin with the styles of these names, first ones first; once."""
        self._thread = threading.Thread(target=self._work, args=(tuple(names),), name="morphogen-ahead", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the shape that is being compiled; idempotent."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(2.0)

    def _work(self, names: tuple[str, ...]) -> None:
        done: set[Shape] = set()
        for name in names:
            if self._closing.is_set() or len(done) >= MOST:
                return
            try:
                shape = self._library.find(name).shape
                if shape not in done:
                    done.add(shape)
                    self._compiler.prepare(program((shape,)))
            except MorphogenError as error:  # whoever asks for this style will hear it
                _log.debug("%s was not compiled ahead: %s", name, error)
