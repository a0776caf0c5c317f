"""Runs control methods: quick ones at once on the caller's thread, slow ones in order on the control thread,
very slow ones that change nothing on another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from morphogen import log
from morphogen.control import ASIDE, CALLS, SLOW
from morphogen.errors import MorphogenError, StateError, UsageError
from morphogen.methods import BY_NAME, bind

if TYPE_CHECKING:
    from morphogen.instrument import Instrument

PENDING = 256
# What clients keep a copy of, and after which methods they must ask for it anew. (Parameters and styles have events.)
CHANGES = {
    "mod.set": "modulation", "snapshot.recall": "modulation", "snapshot.store": "snapshots", "bank.set": "bank",
    "audio.select": "sound",
}  # fmt: skip


class Caller:
    """One instrument's calls. `call` and `submit` on any thread; neither waits.

    changes: how often each of `CHANGES` changed, whoever asked for it. A count and not an event: who missed one, or
    came later, sees it all the same.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._thread = ThreadPoolExecutor(1, "control")
        self._aside = ThreadPoolExecutor(1, "aside")
        self._repeated = log.Repeated(log.get("control"), now=instrument.clock.now)
        self._waiting: set[Future[Any]] = set()  # calls that the control thread has not begun yet
        self.changes = dict.fromkeys(CHANGES.values(), 0)

    def call(self, method: str, arguments: Mapping[str, Any] | None = None) -> Future[Any]:
        """The answer of a method of `methods.py`, or its MorphogenError."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # a caller that gives up must not trip who answers
        try:
            if method not in BY_NAME:
                raise UsageError(f"there is no method {str(method)[:60]!r}.", "See `morphogen ctl --help`.")
            bound = bind(BY_NAME[method], arguments or {})
            if method not in SLOW and method not in ASIDE:
                self._answer(future, method, bound)
            elif len(self._waiting) >= PENDING:
                raise StateError("too many calls are waiting.", "Wait for the answers.")
            else:
                self._waiting.add(future)
                self._send(self._aside if method in ASIDE else self._thread, self._answer_slowly, future, method, bound)
        except MorphogenError as error:
            self._waiting.discard(future)
            future.set_exception(error)
        return future

    def submit(self, work: Callable[..., None], *args: Any) -> None:
        """Run something slow on the control thread. Raises StateError when closing."""
        self._send(self._thread, work, *args)

    def _send(self, thread: ThreadPoolExecutor, work: Callable[..., None], *args: Any) -> None:
        try:
            thread.submit(work, *args)
        except RuntimeError as error:
            raise StateError("the instrument is closing.", "Start it again.") from error

    def close(self) -> None:
        """Let the running call finish, refuse the others."""
        for thread in (self._thread, self._aside):
            thread.shutdown(wait=False, cancel_futures=True)
        while self._waiting:
            self._waiting.pop().set_exception(StateError("the instrument is closing.", "Start it again."))

    def _answer_slowly(self, future: Future[Any], method: str, bound: dict[str, Any]) -> None:
        try:
            self._waiting.remove(future)
        except KeyError:
            return  # closed in the same moment: it has its answer
        self._answer(future, method, bound)

    def _answer(self, future: Future[Any], method: str, bound: dict[str, Any]) -> None:
        try:
            result = CALLS[method](self._instrument, **bound)
        except MorphogenError as error:
            future.set_exception(error)
        except Exception as error:  # noqa: BLE001  a fault in one call is its caller's answer, not the show's end
            self._repeated.exception(method, f"{method} failed: {error}")
            future.set_exception(StateError(f"{method} failed: {error}", "Please report this."))
        else:
            if method in CHANGES:
                self.changes[CHANGES[method]] += 1
            if isinstance(result, Future):
                result.add_done_callback(lambda done: _hand_on(done, future))
            else:
                future.set_result(result)


def _hand_on(done: Future[Any], to: Future[Any]) -> None:
    error = done.exception()
    if error is not None:
        to.set_exception(error)
    else:
        to.set_result(done.result())
