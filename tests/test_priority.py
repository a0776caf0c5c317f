from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from morphogen import priority

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux sets the priority of a single thread")


def niceness():
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@linux
def test_a_thread_goes_first_and_steps_back():
    def run():
        with priority.first_in_line() as raised:
            seen.extend([raised, niceness()])
        seen.append(niceness())

    seen: list = []
    before = niceness()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen[1] == (min(before, priority.NICE) if seen[0] else before)
    assert seen[2] == before
    assert niceness() == before


@linux
def test_not_being_allowed_is_no_error(monkeypatch):
    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refused)
    with priority.first_in_line() as raised:
        assert not raised


@linux
def test_what_compiles_steps_back_for_good():
    def found() -> int:
        priority.last_in_line()
        return niceness()

    before = niceness()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(found).result() == max(priority.HUMBLE, before)
    assert niceness() == before
