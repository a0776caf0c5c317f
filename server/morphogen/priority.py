"""Lets the threads that draw go before others, and those that compile behind, where the system allows it."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
NICE = -10
HUMBLE = 5


@contextlib.contextmanager
def first_in_line() -> Iterator[bool]:
    """The calling thread at a higher priority meanwhile; False where this user may not (then nothing changes).

    Linux only: elsewhere `setpriority` means the whole process. Ordinary users need a `nice` entry in
    /etc/security/limits.conf for it.
    """
    if sys.platform != "linux":
        yield False
        return
    thread = threading.get_native_id()
    before = os.getpriority(os.PRIO_PROCESS, thread)
    try:
        os.setpriority(os.PRIO_PROCESS, thread, min(before, NICE))
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, before)


class Precedence:
    """What somebody waits for goes before what nobody asked for yet. Any thread."""

    def __init__(self) -> None:
        self._none_waits = threading.Condition()
        self._waiting = 0

    @contextlib.contextmanager
    def first(self) -> Iterator[None]:
        """Somebody waits for what is done meanwhile."""
        with self._none_waits:
            self._waiting += 1
        try:
            yield
        finally:
            with self._none_waits:
                self._waiting -= 1
                self._none_waits.notify_all()

    def last(self, seconds: float = 10.0) -> None:
        """Return when nobody waits, or after some seconds."""
        with self._none_waits:
            self._none_waits.wait_for(lambda: not self._waiting, seconds)


def behind_the_picture(work: Callable[[], T]) -> T:
    """The result of `work`, done by a thread of its own at a lower priority (Linux; see above) and waited for.

    For long work in native code only: a humble thread that holds the interpreter's lock while others have its core
    would keep the picture waiting (measured: up to 75 ms).
    """
    with ThreadPoolExecutor(1, "behind", step_back) as thread:
        return thread.submit(work).result()


def step_back(nice: int = HUMBLE) -> None:
    """The calling thread, and those that it starts from now on, at a lower priority (Linux; see above)."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, max(os.getpriority(os.PRIO_PROCESS, thread), nice))


@contextlib.contextmanager
def only_when_idle() -> Iterator[None]:
    """The calling thread, and those that it starts meanwhile, get the processor when nobody else wants it (Linux).

    SCHED_IDLE gives way at once, the lowest priority only in turns. Measured beside a show at 1080p60 on two cores,
    frames more than half a frame late within 30 s of training: 4 with it, as many as alone; 54 with a nice of 19.
    """
    if sys.platform != "linux":
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # not everyone may go back
            os.sched_setscheduler(0, *before)
