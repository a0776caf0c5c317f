from __future__ import annotations

import os
import sys
import threading

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
def test_what_compiles_steps_back_and_the_caller_does_not():
    before = niceness()
    assert priority.behind_the_picture(niceness) == max(priority.HUMBLE, before)
    assert niceness() == before


@linux
def test_what_can_wait_runs_only_when_nobody_else_does():
    def policy():
        return os.sched_getscheduler(0)

    def run():
        before = policy()
        with priority.only_when_idle():
            inside = threading.Thread(target=lambda: seen.append(policy()))
            inside.start()
            inside.join()
            seen.append(policy())
        seen.append(policy() in (before, os.SCHED_IDLE))  # not everyone may go back

    seen: list = []
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [os.SCHED_IDLE, os.SCHED_IDLE, True]


def test_what_goes_wrong_behind_the_picture_is_told():
    with pytest.raises(ZeroDivisionError):
        priority.behind_the_picture(lambda: 1 / 0)


def test_what_is_asked_for_goes_before_what_is_not():
    precedence, order = priority.Precedence(), []

    def later() -> None:
        precedence.last()
        order.append("ahead")

    precedence.last()  # nobody waits: at once
    thread = threading.Thread(target=later)
    with precedence.first(), precedence.first():
        thread.start()
        thread.join(0.1)
        order.append("asked")
    thread.join(10)
    assert order == ["asked", "ahead"]
    with precedence.first():
        precedence.last(0.01)  # not for ever
