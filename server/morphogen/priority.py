"""Lets the threads that draw go before others, and those that compile behind, where the system allows it."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

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


def last_in_line() -> None:
    """The calling thread at a lower priority from now on: what it does may take its time. Linux only, see above."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, max(os.getpriority(os.PRIO_PROCESS, thread), HUMBLE))
