"""Compiles what may come before anyone asks for it, so that the first use of a style does not wait.

First the shapes that the bank holds: some seconds of one core the first time on a machine, in native code behind the
picture (`priority.behind_the_picture`); afterwards they lie in the store of compiled code and take milliseconds. Then,
after each change of style, the cross-fades to the next and the previous slot, for the backends that compile such pairs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from morphogen import log
from morphogen.errors import MorphogenError
from morphogen.field.network import Shape
from morphogen.field.scene import Program, program
from morphogen.library.bank import Bank
from morphogen.library.find import Library

SETTLED = 2.0  # seconds that a style stays before its cross-fades are worth a core
MOST = 48  # shapes; a backend keeps 64 programs, and cross-fades want some of them

_log = log.get("ahead")


class Ahead:
    """One thread of its own. `start`, `turned` and `close` on any thread. prepare: compiles; slow."""

    def __init__(self, library: Library, bank: Bank, prepare: Callable[[Program], Any]) -> None:
        self._library, self._bank, self._compile = library, bank, prepare
        self._closing = False
        self._running = ""
        self._news = threading.Event()
        self._thread = threading.Thread(target=self._work, name="morphogen-ahead", daemon=True)

    def start(self, style: str) -> None:
        """Begin with the bank; `style` is the running one."""
        self._running = style
        self._news.set()
        self._thread.start()

    def turned(self, style: str) -> None:
        """This style runs now."""
        self._running = style
        self._news.set()

    def close(self) -> None:
        """Stop after what is being compiled; idempotent."""
        self._closing = True
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _work(self) -> None:
        for shape in self._alone():
            self._prepare((shape,))
        while not self._closing:
            self._news.wait()
            while not self._closing and self._news.is_set():  # who leafs through the bank wants no cross-fades yet
                self._news.clear()
                self._news.wait(SETTLED)
            for pair in self._neighbours():
                if self._news.is_set():
                    break  # another style runs already
                self._prepare(pair)

    def _alone(self) -> Iterator[Shape]:
        done: set[Shape] = set()
        for name in _around(self._bank.names, self._running):
            shape = self._shape(name)
            if shape is None or shape in done:
                continue
            if self._closing or len(done) >= MOST:
                return
            done.add(shape)
            yield shape

    def _neighbours(self) -> Iterator[tuple[Shape, Shape]]:
        names, running = self._bank.names, self._running
        here = self._shape(running)
        if here is None or running not in names:
            return
        at = names.index(running)
        for name in (names[(at + 1) % len(names)], names[at - 1]):
            shape = self._shape(name)
            if shape is not None and shape != here and not self._closing:
                yield here, shape

    def _shape(self, name: str) -> Shape | None:
        try:
            return self._library.find(name).shape
        except MorphogenError:
            return None  # whoever asks for this style will hear why

    def _prepare(self, shapes: tuple[Shape, ...]) -> None:
        try:
            self._compile(program(shapes))
        except MorphogenError as error:
            _log.debug("%s was not compiled ahead: %s", shapes, error)


def _around(names: Sequence[str], running: str) -> Sequence[str]:
    """The names, nearest neighbours in the ring first."""
    if running not in names:
        return names
    at, count = names.index(running), len(names)
    steps = {name: ((i - at) % count, (at - i) % count) for i, name in enumerate(names)}  # onward, back
    return sorted(names, key=lambda name: min(2 * steps[name][0] - 1, 2 * steps[name][1]))
