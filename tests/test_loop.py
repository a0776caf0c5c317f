"""The frame loop: states, pace, commands, and that nothing ends it but `stop`."""

from __future__ import annotations

import logging
import math
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import FakeHost
from morphogen.clock import SLACK, FixedStepClock, ManualClock, next_due
from morphogen.contracts import Sink
from morphogen.frame import PixelFormat
from morphogen.loop import FrameLoop
from morphogen.publish import Publisher


class Keeper(Sink):
    """Remembers what the header of every frame says."""

    kind = "keeper"
    policy = "every"
    thread = "render"
    formats = (PixelFormat.RGBA8,)

    def __init__(self, options=None) -> None:
        super().__init__(options)
        self.infos: list = []
        self.pictures: list[int] = []

    def _open(self, host) -> None:
        pass

    def _write(self, frame) -> None:
        self.infos.append(frame.info)
        self.pictures.append(int(frame.pixels[0, 0, 0]))

    def _close(self) -> None:
        pass


class Show:
    def __init__(self, loop_of=None) -> None:
        self.edges: list[tuple[float, float]] = []
        self.seen: list[tuple[int, float]] = []
        self.errors: list[Exception] = []
        self.generation = 0
        self.act = lambda n: n  # what the n-th edge gives

    def edge(self, now, dt):
        self.edges.append((now, dt))
        return self.act(len(self.edges) - 1)

    def shown(self, index, now):
        self.seen.append((index, now))

    def failed(self, error):
        self.errors.append(error)


class Painter:
    """Fills each target with the scene's number; fails, and takes time, by a pattern."""

    name = "painter"

    def __init__(self, clock, takes=lambda n: 0.0, fails=lambda n: False) -> None:
        self.clock, self.takes, self.fails = clock, takes, fails
        self.calls = 0

    def render(self, scene, targets):
        n, self.calls = self.calls, self.calls + 1
        if hasattr(self.clock, "advance"):
            self.clock.advance(self.takes(n))
        else:
            self.clock.wait_until(self.clock.now() + self.takes(n))
        if self.fails(n):
            raise RuntimeError(f"card fell off the bus at {n}")
        for _spec, pixels in targets:
            pixels.fill(scene % 251)


class Rig:
    def __init__(self, clock=None, fps=60.0, **painter) -> None:
        self.clock = clock or FixedStepClock()
        self.host = FakeHost()
        self.host.clock = self.clock
        self.show = Show()
        self.painter = Painter(self.clock, **painter)
        self.publisher = Publisher(self.host)
        self.sink = Keeper()
        self.publisher.add(self.sink)
        self.loop = FrameLoop(self.show, self.painter, self.publisher, self.clock, fps)

    @property
    def starts(self) -> np.ndarray:
        return np.array([now for now, _ in self.show.edges])


def test_the_states_in_order():
    rig = Rig()
    states = [rig.loop.state]
    rig.show.act = lambda n: states.append(rig.loop.state) or n
    rig.loop.post(lambda: None)
    rig.loop.run(0.05)
    states.append(rig.loop.state)
    assert states == ["ready", "running", "running", "running", "stopped"]
    # What is posted after the last frame still runs, while stopping.
    late = Rig()
    seen: list = []
    late.show.act = lambda n: late.loop.stop() or late.loop.post(lambda: seen.append(late.loop.state)) or n
    late.loop.run()
    assert seen == ["stopping"]


def test_frames_lie_on_the_grid():
    rig = Rig()
    rig.loop.run(1.995)
    assert len(rig.starts) == 120
    np.testing.assert_allclose(rig.starts, np.arange(120) / 60, atol=1e-9)
    np.testing.assert_allclose([dt for _, dt in rig.show.edges[1:]], 1 / 60, atol=1e-9)
    assert rig.show.edges[0][1] == 0
    assert rig.loop.stats.late == 0
    assert rig.loop.stats.fps == pytest.approx(60)
    assert rig.loop.stats.fps_now == pytest.approx(60, rel=1e-3)


@pytest.mark.parametrize("seconds", [0.0, 0.45, 0.95])
def test_seconds_are_clock_seconds(seconds):
    rig = Rig(fps=10.0)
    rig.loop.run(seconds)
    assert rig.loop.index == math.ceil(seconds * 10)


def test_a_late_frame_is_counted_and_not_chased():
    """Frame 10 takes 3.5 intervals: three grid points pass, the next frame is back on the grid, none is doubled."""
    rig = Rig(takes=lambda n: 3.5 / 60 if n == 10 else 0.001)
    rig.loop.run(1.0)
    on_grid = np.rint(rig.starts * 60)
    np.testing.assert_allclose(rig.starts * 60, on_grid, atol=1e-6)
    assert list(on_grid[9:14]) == [9, 10, 14, 15, 16]
    assert rig.loop.stats.late == 3
    assert rig.loop.index == 60 - 3
    # The header counts frames, not grid points.
    assert [info.index for info in rig.sink.infos] == list(range(57))


def test_a_slight_overrun_costs_no_picture():
    """Frame 10 takes 1.3 intervals: the next starts at once, late by 0.3, and the one after is on the grid again."""
    rig = Rig(takes=lambda n: 1.3 / 60 if n == 10 else 0.001)
    rig.loop.run(0.995)
    assert rig.loop.index == 60
    assert rig.loop.stats.late == 1
    np.testing.assert_allclose(rig.starts[[10, 11, 12]] * 60, [10, 11.3, 12], atol=1e-6)


def test_always_too_slow_is_an_even_lower_rate_not_a_burst():
    rig = Rig(takes=lambda n: 1.4 / 60)
    rig.loop.run(1.0)
    assert rig.loop.index == 40
    assert rig.loop.stats.late == 40
    assert 1.39 / 60 < np.diff(rig.starts).min() < np.diff(rig.starts).max() < 1.61 / 60


def test_unpaced_runs_as_fast_as_it_draws():
    rig = Rig(fps=0.0, takes=lambda n: 0.004)
    rig.loop.run(1.0)
    assert rig.loop.index == 250
    assert rig.loop.stats.late == 0


def test_stop_from_another_thread_ends_it_after_the_running_frame():
    rig = Rig()
    begun, go_on = threading.Event(), threading.Event()

    def hold(n):
        if n == 5:
            begun.set()
            assert go_on.wait(10)
        return n

    rig.show.act = hold
    player = threading.Thread(target=rig.loop.run)
    player.start()
    assert begun.wait(10)
    rig.loop.stop()
    go_on.set()
    player.join(10)
    assert not player.is_alive()
    assert rig.loop.state == "stopped"
    assert [i for i, _ in rig.show.seen] == [0, 1, 2, 3, 4, 5]


def test_the_interpreter_is_left_as_it_was():
    before = sys.getswitchinterval()
    rig = Rig()
    during = []
    rig.show.act = lambda n: during.append(sys.getswitchinterval()) or n
    rig.loop.run(0.02)
    assert during[0] < 1e-3
    assert sys.getswitchinterval() == before


def test_commands_run_at_the_edge_in_order_before_the_scene():
    rig = Rig(ManualClock())
    seen: list = []
    rig.show.act = lambda n: seen.append("edge") or n
    for n in range(3):
        rig.loop.post(lambda n=n: seen.append(n))
    assert seen == []
    rig.loop.frame(0.0, 0.0)
    rig.loop.post(lambda: seen.append("again"))
    rig.loop.frame(0.1, 0.1)
    assert seen == [0, 1, 2, "edge", "again", "edge"]


def test_commands_come_from_any_thread_and_run_on_this_one():
    rig = Rig(ManualClock())
    ran: list = []

    def post(k):
        for n in range(100):
            rig.loop.post(lambda n=n: ran.append((k, n, threading.get_ident())))

    threads = [threading.Thread(target=post, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rig.loop.frame(0.0, 0.0)
    assert {ident for *_, ident in ran} == {threading.get_ident()}
    assert len(ran) == 400
    for k in range(4):
        numbers = [n for who, n, _ in ran if who == k]
        assert numbers == sorted(numbers)


def test_a_failing_command_harms_nobody(caplog):
    rig = Rig(ManualClock())
    ran = []
    rig.loop.post(lambda: 1 / 0)
    rig.loop.post(lambda: ran.append(1))
    rig.loop.frame(0.0, 0.0)
    assert ran == [1]
    assert rig.loop.index == 1
    assert "division by zero" in caplog.text


@pytest.mark.parametrize("every", [1, 3])
def test_a_failing_renderer_never_ends_the_loop(every, caplog):
    """Failed frames are counted, told to the show and given back; the index has no gap; the others come through."""
    rig = Rig(fails=lambda n: n % every == 0)
    rig.loop.run(1.0)
    failed = -(-60 // every)
    assert rig.loop.stats.errors == failed
    assert len(rig.show.errors) == failed
    assert rig.loop.index == rig.loop.stats.frames == 60 - failed
    assert [info.index for info in rig.sink.infos] == list(range(60 - failed))
    assert [i for i, _ in rig.show.seen] == list(range(60 - failed))
    # No buffer is lost to a failed frame: a handful serves them all.
    assert sum(rig.publisher.buffers.made().values()) <= 3


def test_the_first_failure_is_told_whole_the_others_in_a_line(caplog):
    with caplog.at_level(logging.WARNING, "morphogen"):
        rig = Rig(fails=lambda n: True)
        rig.loop.run(10.0)
    records = [r for r in caplog.records if r.name == "morphogen.loop"]
    assert [r.exc_info is not None for r in records] == [True] + [False] * (len(records) - 1)
    assert 2 <= len(records) <= 5  # 600 failures in ten seconds: one whole, then one line each three seconds
    assert "times)" in records[-1].getMessage()
    assert all("\n" not in r.getMessage() for r in records)


def test_a_failing_edge_is_a_failed_frame():
    rig = Rig()
    rig.show.act = lambda n: 1 / 0 if n == 2 else n
    rig.loop.run(0.095)
    assert rig.loop.stats.errors == 1
    assert rig.loop.index == 5


def test_a_failing_listener_to_frames_does_not_end_the_show():
    rig = Rig()
    rig.show.shown = lambda index, now: 1 / 0
    rig.loop.run(0.095)
    assert len(rig.sink.infos) == 6
    assert [info.index for info in rig.sink.infos] == list(range(6))


def test_no_scene_shows_nothing_new():
    rig = Rig()
    rig.show.act = lambda n: None if n % 2 else n
    rig.loop.run(0.095)
    assert rig.painter.calls == 3
    assert [info.index for info in rig.sink.infos] == [0, 1, 2]


def test_without_a_watcher_nothing_is_drawn_but_time_goes_on():
    rig = Rig()
    rig.publisher.close_all()
    rig.loop.run(0.095)
    assert rig.painter.calls == 0
    assert rig.loop.index == 6


def test_headers_carry_time_generation_and_picture():
    rig = Rig()
    generations = iter([0, 0, 1, 1, 2, 2])

    def act(n):
        rig.show.generation = next(generations)
        return 40 + n

    rig.show.act = act
    rig.loop.run(0.095)
    assert [info.generation for info in rig.sink.infos] == [0, 0, 1, 1, 2, 2]
    assert rig.sink.pictures == [40, 41, 42, 43, 44, 45]
    times = [info.time_ns for info in rig.sink.infos]
    assert times == sorted(times)


# --- pacing as a function


dues, intervals = st.floats(0, 1e5), st.floats(1e-3, 1.0)


@given(dues, st.floats(-1.0, 50.0), intervals)
def test_the_next_frame_is_on_the_grid_and_at_most_half_an_interval_ago(due, behind, interval):
    now = due + behind
    pace = next_due(due, now, interval)
    assert pace.due is not None
    steps = (pace.due - due) / interval
    assert steps == pytest.approx(round(steps), abs=1e-6 * (1 + due / interval))
    assert round(steps) in {pace.late, pace.late + 1}
    assert pace.late >= 0
    assert (pace.late == 0) == (now <= due + interval)
    assert pace.due >= now - SLACK * interval - 1e-6
    # The nearest such point: one interval before would have been missed.
    assert pace.late == 0 or pace.due - interval <= now + 1e-6


@given(st.lists(st.floats(0, 0.1), max_size=60), st.integers(24, 240))
def test_a_whole_show_stays_on_the_grid_of_its_first_frame(costs, fps):
    interval = 1 / fps
    due, now = 100.0, 100.0
    for cost in costs:
        now += cost
        pace = next_due(due, now, interval)
        assert pace.due > due
        due = pace.due
        now = max(now, due)
    steps = (due - 100.0) / interval
    assert steps == pytest.approx(round(steps), abs=1e-6)


@given(dues, dues)
def test_unpaced_has_no_due_time(due, now):
    assert next_due(due, now, 0.0) == next_due(0, 0, -1.0)
    assert next_due(due, now, 0.0).due is None


def test_a_fixed_step_clock_never_goes_back():
    clock = FixedStepClock(5.0)
    clock.wait_until(7.0)
    clock.wait_until(6.0)
    assert (clock.now(), clock.now_ns()) == (7.0, 7_000_000_000)
