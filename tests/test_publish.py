from __future__ import annotations

import threading

import numpy as np
import pytest

from morphogen.contracts import Sink, SinkOptions
from morphogen.errors import StateError, Unavailable, UsageError
from morphogen.frame import FrameInfo, PixelFormat, TargetSpec, new_buffer
from morphogen.lane import FAILURES, QUEUE, grid_index
from morphogen.publish import Publisher

STEP = 1 / 60
PATIENT = 20.0  # seconds until a test that waits for another thread gives up


class Recorder(Sink):
    """Keeps indices and sizes; `gate` holds its worker up, `fails` says which write raises."""

    kind = "rec"
    policy = "every"

    def __init__(self, options: SinkOptions | None = None) -> None:
        super().__init__(options)
        self.seen: list[int] = []
        self.sizes: list[tuple[int, int]] = []
        self.threads: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.attempts = self.opened = self.closed = self.inside = self.overlaps = 0
        self.fails = lambda attempt: False
        self.looked_at = True
        self.got = threading.Condition()

    def watched(self):
        return self.looked_at

    def _enter(self):
        self.overlaps += self.inside
        self.inside += 1

    def _open(self, host):
        self.opened += 1

    def _write(self, frame):
        self._enter()
        self.entered.set()
        self.threads.add(threading.get_ident())
        assert self.gate.wait(PATIENT)
        self.attempts += 1
        broken = self.fails(self.attempts - 1)
        with self.got:
            if not broken:
                # The header belongs to the picture, and nobody has drawn over it.
                assert FrameInfo.unpack(bytes(frame.wire[:64])).index == frame.info.index
                assert np.all(frame.buffer[64:] == frame.info.index % 256)
                self.seen.append(frame.info.index)
                self.sizes.append((frame.info.spec.width, frame.info.spec.height))
            self.inside -= 1
            self.got.notify_all()
        if broken:
            raise OSError("the cable is out")

    def reconfigure(self, options):
        self._enter()
        super().reconfigure(options)
        self.inside -= 1

    def _close(self):
        self._enter()
        self.closed += 1
        self.inside -= 1

    def until(self, predicate):
        with self.got:
            assert self.got.wait_for(predicate, PATIENT)


class Live(Recorder):
    kind = "live"
    policy = "latest"


class OnRender(Recorder):
    kind = "gpu"
    thread = "render"


class Slotted(Recorder):
    """Offers its own buffer, as shared memory does."""

    kind = "slot"
    policy = "latest"

    def __init__(self, options=None):
        super().__init__(options)
        self.buffers: dict[int, np.ndarray] = {}
        self.committed: list[int] = []
        self.broken = False

    def slot(self, spec):
        if self.broken:
            raise OSError("no more memory")
        self._enter()
        self.inside -= 1
        return self.buffers.setdefault(spec.pixel_bytes, new_buffer(spec.pixel_bytes))

    def commit(self, frame):
        assert np.all(frame.buffer[64:] == frame.info.index % 256)
        self.committed.append(frame.info.index)


class Loop:
    """The frame loop in ten lines."""

    def __init__(self, host, **how):
        self.host = host
        self.publisher = Publisher(host, **how)
        self.index = 0

    def frame(self, generation=0):
        plan = self.publisher.plan(self.host.clock.now())
        for target in plan:
            assert target.pixels.shape == (target.spec.pixel_bytes,)
            target.pixels[:] = self.index % 256
        self.publisher.publish(plan, self.index, self.index * 1000, generation)
        self.index += 1
        self.host.clock.advance(STEP)
        return plan

    def on_other_thread(self, act):
        """Run `act` on a control thread while frames go on."""
        failed: list[BaseException] = []

        def run():
            try:
                act()
            except BaseException as error:  # noqa: BLE001
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        while thread.is_alive():
            self.frame()
            thread.join(0.0005)
        if failed:
            raise failed[0]


@pytest.fixture
def loop(host):
    loop = Loop(host)
    yield loop
    loop.publisher.close_all()


def test_equal_pictures_are_drawn_once_and_shared(loop):
    a, b, c = Recorder(), Recorder(), Recorder(SinkOptions(width=32, height=18))
    assert [loop.publisher.add(s) for s in (a, b, c)] == ["rec", "rec-2", "rec-3"]
    plan = loop.frame()
    assert [t.spec for t in plan] == [TargetSpec(64, 36), TargetSpec(32, 18)]
    assert [len(t.lanes) for t in plan] == [2, 1]
    for sink in (a, b, c):
        sink.until(lambda sink=sink: sink.seen == [0])


def test_header_carries_what_publish_was_told(loop):
    keeps = []

    class Keeper(Recorder):
        def _write(self, frame):
            keeps.append(bytes(frame.wire[:64]))
            super()._write(frame)

    sink = Keeper(SinkOptions(alpha="straight", format=PixelFormat.BGRA8))
    loop.publisher.add(sink)
    loop.index = 41
    loop.frame(generation=7)
    sink.until(lambda: sink.seen)
    info = FrameInfo.unpack(keeps[0])
    assert (info.index, info.time_ns, info.generation, info.alpha.name, info.spec.format) == (
        41, 41000, 7, "STRAIGHT", PixelFormat.BGRA8,
    )  # fmt: skip


def test_every_gets_all_in_order_and_drops_only_beyond_its_queue(loop):
    sink = Recorder()
    loop.publisher.add(sink)
    sink.gate.clear()
    loop.frame()
    assert sink.entered.wait(PATIENT)
    for _ in range(QUEUE + 5):
        loop.frame()
    assert loop.publisher.dropped() == {"rec": 5}
    sink.gate.set()
    sink.until(lambda: len(sink.seen) == QUEUE + 1)
    assert sink.seen == list(range(QUEUE + 1))
    assert max(loop.publisher.buffers.made().values()) <= QUEUE + 4


def test_latest_wins_and_the_replaced_are_counted(loop):
    sink = Live()
    loop.publisher.add(sink)
    sink.gate.clear()
    loop.frame()
    assert sink.entered.wait(PATIENT)
    for _ in range(50):
        loop.frame()
    sink.gate.set()
    sink.until(lambda: len(sink.seen) == 2)
    assert sink.seen == [0, 50]
    assert loop.publisher.dropped() == {"live": 49}
    assert max(loop.publisher.buffers.made().values()) <= 6


def test_offline_waits_for_every_frame(host):
    loop = Loop(host, offline=True)
    slow, fast = Recorder(), Recorder(SinkOptions(width=8, height=8))
    loop.publisher.add(slow)
    loop.publisher.add(fast)
    for _ in range(200):
        loop.frame()
    loop.publisher.close_all()
    assert slow.seen == fast.seen == list(range(200))
    assert slow.closed == 1


def test_unwatched_costs_nothing(loop):
    sink = Live()
    sink.looked_at = False
    loop.publisher.add(sink)
    assert loop.frame() == []
    assert loop.publisher.buffers.made() == {}
    sink.looked_at = True
    while not sink.seen:  # buffers are made by a helper; the first picture may be some frames late
        loop.frame()


@pytest.mark.parametrize(("fps", "every"), [(30, 2), (20, 3), (60, 1), (15, 4), (240, 1), (0, 1)])
def test_fps_is_phase_stable(host, fps, every):
    loop = Loop(host, offline=True)
    sink = Recorder(SinkOptions(fps=fps))
    loop.publisher.add(sink)
    for _ in range(600):
        loop.frame()
    loop.publisher.close_all()
    assert sink.seen == list(range(0, 600, every))


def test_two_sinks_of_one_rate_share_their_frames(loop):
    loop.publisher.add(Recorder(SinkOptions(fps=30)))
    loop.frame()
    loop.publisher.add(Recorder(SinkOptions(fps=30)))
    plans = [loop.frame() for _ in range(9)]
    assert [sum(len(t.lanes) for t in plan) for plan in plans[1:]] == [2, 0, 2, 0, 2, 0, 2, 0]


@pytest.mark.parametrize("start", [0.0, 36_000.0])
def test_grid_survives_jitter_and_ten_hours(start):
    jitter = np.random.default_rng(1).uniform(-0.0039, 0.0039, 5000)
    indices = [grid_index(0.0, start + n / 60 + j, 30) for n, j in enumerate(jitter)]
    assert [b - a for a, b in zip(indices[::2], indices[2::2], strict=False)] == [1] * 2499
    rate = [grid_index(0.0, n / 60, 50) for n in range(6001)]
    assert len(set(rate)) == 5001


def test_a_sink_that_fails_now_and_then_goes_on(loop, caplog):
    sink = Recorder()
    sink.fails = lambda attempt: attempt % 3 == 1
    loop.publisher.add(sink)
    for n in range(60):
        loop.frame()
        sink.until(lambda n=n: sink.attempts == n + 1)
    loop.publisher.close_all()
    assert sink.seen == [n for n in range(60) if n % 3 != 1]
    assert sink.opened == 1
    assert sum(bool(r.exc_info) for r in caplog.records) == 1  # one traceback, then counts
    assert len(caplog.records) <= 2
    assert "the cable is out" in caplog.text


def test_a_dead_sink_rests_and_is_opened_afresh(loop, host):
    sink, other = Recorder(), Recorder()
    sink.fails = lambda attempt: attempt < FAILURES + 3
    loop.publisher.add(sink)
    loop.publisher.add(other)
    lane = loop.publisher._lanes[0]
    for _ in range(2000):
        loop.frame()
        with lane._changed:
            assert lane._changed.wait_for(lambda: not lane._busy and not lane._pending, PATIENT)
        if sink.seen:
            break
    # Ten failures, then rests of 1, 2 and 4 seconds, each ended by an attempt on a sink opened afresh.
    assert sink.attempts == FAILURES + 4
    assert sink.opened == 1 + 4
    assert 15.0 <= host.clock.now() <= 15.5
    other.until(lambda: len(other.seen) + loop.publisher.dropped()["rec-2"] == loop.index)
    events = [d["event"] for t, d in host.events if t == "output" and d["id"] == "rec"]
    assert events == ["open", "failed", "recovered"]
    row = loop.publisher.list()[0]
    assert (row["state"], row["failed"]) == ("running", FAILURES + 3)


def test_a_rest_is_shown(loop):
    sink = Recorder()
    sink.fails = lambda attempt: True
    loop.publisher.add(sink)
    while loop.publisher.list()[0]["state"] != "failed":
        loop.frame()
    assert loop.publisher.list()[0]["error"] == "the cable is out"
    assert loop.frame() == []


def test_expected_errors_come_without_traceback(loop, caplog):
    class Full(Recorder):
        def _write(self, frame):
            super()._write(frame)
            raise Unavailable("the disk is full.", "Make room.")

    sink = Full()
    loop.publisher.add(sink)
    loop.frame()
    loop.publisher.close_all()
    assert "the disk is full. Make room." in caplog.text
    assert not any(r.exc_info for r in caplog.records)


def test_a_sink_whose_every_answer_fails_stops_nobody(loop):
    class Broken(Recorder):
        def watched(self):
            raise RuntimeError("no answer")

        def describe(self):
            raise RuntimeError("no words")

    loop.publisher.add(Recorder())
    with pytest.raises(RuntimeError):
        Broken().watched()
    loop.publisher.add(Broken())
    for _ in range(30):
        assert len(loop.frame()) == 1
    rows = loop.publisher.list()
    assert rows[1]["state"] == "failed"
    assert not rows[1]["watched"]


def test_render_sinks_live_on_the_render_thread(loop):
    sink = OnRender()
    loop.frame()
    loop.on_other_thread(lambda: loop.publisher.add(sink))
    loop.frame()
    loop.on_other_thread(lambda: loop.publisher.set("gpu", {"size": "8x8"}))
    loop.frame()
    loop.on_other_thread(lambda: loop.publisher.close("gpu"))
    assert sink.threads == {threading.get_ident()}
    assert (sink.opened, sink.closed, sink.overlaps) == (1, 1, 0)
    assert sink.sizes[-1] == (8, 8)
    assert sink.seen == list(range(sink.seen[0], sink.seen[-1] + 1))


def test_alone_a_slot_sink_is_drawn_into_shared_it_gets_a_copy(loop):
    sink = Slotted()
    loop.publisher.add(sink)
    plan = loop.frame()
    assert plan[0].direct
    assert plan[0].buffer is sink.buffers[64 * 36 * 4]
    assert sink.committed == [0]
    other = Recorder()
    loop.publisher.add(other)
    plan = loop.frame()
    assert not plan[0].direct
    sink.until(lambda: sink.seen == [1])
    other.until(lambda: other.seen == [1])
    loop.publisher.close("rec")
    while not loop.frame()[0].direct:
        pass
    assert sink.committed[-1] == loop.index - 1
    assert sink.overlaps == 0


def test_a_slot_that_fails_is_counted_and_the_frame_goes_by_mail(loop):
    sink = Slotted()
    sink.broken = True
    loop.publisher.add(sink)
    while not sink.seen:
        loop.frame()
    assert loop.publisher.list()[0]["failed"] >= 1


def test_discard_gives_everything_back(loop):
    slotted, shared = Slotted(), Recorder(SinkOptions(width=8, height=8))
    loop.publisher.add(slotted)
    loop.publisher.add(shared)
    for _ in range(20):
        loop.publisher.discard(loop.publisher.plan(0.0))
    assert max(loop.publisher.buffers.made().values()) <= 4
    assert len(loop.frame()) == 2
    shared.until(lambda: shared.seen == [0])
    assert slotted.committed == [0]


def test_a_frame_is_published_or_discarded_once(loop):
    """What a loop does whose publishing failed half-way: discard the whole plan."""
    slotted, shared = Slotted(), Recorder(SinkOptions(width=8, height=8))
    loop.publisher.add(slotted)
    loop.publisher.add(shared)
    for _ in range(20):
        plan = loop.frame()
        loop.publisher.discard(plan)
        loop.publisher.publish(plan, 999, 0, 0)
    shared.until(lambda: len(shared.seen) + loop.publisher.dropped()["rec"] == 20)
    loop.publisher.close_all()
    assert 999 not in slotted.committed
    assert all(target.frame._holds == 0 for target in plan if not target.direct)
    assert slotted.overlaps == 0


def test_a_hanging_sink_is_left_behind(loop, monkeypatch, caplog):
    monkeypatch.setattr("morphogen.publish.CLOSE_EVERY", 0.05)
    monkeypatch.setattr("morphogen.publish.PATIENCE", 0.05)
    first, hanging, last = Recorder(), Recorder(), Recorder()
    for sink in (first, hanging, last):
        loop.publisher.add(sink)
    hanging.gate.clear()
    loop.frame()
    assert hanging.entered.wait(PATIENT)
    with pytest.raises(StateError, match=r"rec-2 is busy.*Try again, or close it"):
        loop.on_other_thread(lambda: loop.publisher.set("rec-2", {"name": "x"}))
    loop.publisher.close_all()
    assert (first.closed, hanging.closed, last.closed) == (1, 0, 1)
    assert "rec-2 did not close" in caplog.text
    hanging.gate.set()  # it closes by itself if it ever comes back


def test_close_all_is_last_opened_first(loop, host):
    for _ in range(3):
        loop.publisher.add(Recorder())
    loop.publisher.close_all()
    loop.publisher.close_all()
    assert [d["id"] for _, d in host.events if d["event"] == "close"] == ["rec-3", "rec-2", "rec"]
    assert loop.frame() == []


def test_recordings_end_with_the_last_frame(loop):
    sink = Recorder()
    loop.publisher.add(sink)
    sink.gate.clear()
    for _ in range(5):
        loop.frame()
    sink.gate.set()
    loop.publisher.close_all()
    assert sink.seen == [0, 1, 2, 3, 4]


def test_open_names_the_second_and_frees_what_failed(loop):
    class Refuses(Recorder):
        def _open(self, host):
            raise Unavailable("no port.", "Take another.")

    assert loop.publisher.open("rec", None, Recorder) == "rec"
    with pytest.raises(Unavailable, match="no port"):
        loop.publisher.open("rec", None, Refuses)
    with pytest.raises(UsageError, match="cannot send format=rgba16f"):
        loop.publisher.open("rec", {"format": "rgba16f"}, Recorder)
    assert loop.publisher.open("rec", None, Recorder) == "rec-2"
    assert [row["name"] for row in loop.publisher.list()] == ["Morphogen-rec", "Morphogen-rec-2"]
    loop.publisher.close("rec")
    assert loop.publisher.open("rec", {"name": "mine"}, Recorder) == "rec"
    with pytest.raises(StateError, match=r"no output 'x'\. Running: rec-2, rec"):
        loop.publisher.close("x")


def test_a_refused_change_changes_nothing(loop):
    class Fixed(Recorder):
        def reconfigure(self, options):
            raise Unavailable("that name is taken.", "Take another.")

    loop.publisher.add(Fixed())
    loop.frame()
    with pytest.raises(Unavailable, match="taken"):
        loop.on_other_thread(lambda: loop.publisher.set("rec", {"size": "8x8"}))
    with pytest.raises(UsageError, match="flip"):
        loop.publisher.set("rec", {"flip": "maybe"})
    assert loop.frame()[0].spec == TargetSpec(64, 36)


def test_show_size_is_followed(loop, host):
    loop.publisher.add(Recorder())
    loop.frame()
    host.show_size = (32, 32)
    assert loop.frame()[0].spec == TargetSpec(32, 32)


def test_500_changes_while_frames_flow(loop):
    """Open, resize, rename, close from a control thread: no overlap inside a sink, nothing lost, nothing leaked."""
    sinks: list[Recorder] = []
    steady = Recorder(SinkOptions(width=16, height=16))
    loop.publisher.add(steady)

    def make(cls):
        def factory(options):
            sinks.append(cls(options))
            return sinks[-1]

        return factory

    def act():
        for n in range(500):
            kind = (Recorder, Live, Slotted, OnRender)[n % 4]
            lane_id = loop.publisher.open(kind.kind, {"size": f"{8 + n % 5}x8"}, make(kind))
            loop.publisher.set(lane_id, {"size": f"8x{8 + n % 7}", "name": f"n{n}", "flip": n % 2})
            loop.publisher.close(lane_id)

    before = threading.active_count()
    loop.on_other_thread(act)
    steady.until(lambda: len(steady.seen) + loop.publisher.dropped()["rec"] == loop.index)
    assert len(sinks) == 500
    assert all((s.opened, s.closed, s.overlaps) == (1, 1, 0) for s in sinks)
    assert set(loop.publisher.buffers.made()) == {TargetSpec(16, 16)}
    assert max(loop.publisher.buffers.made().values()) <= QUEUE + 4
    assert threading.active_count() <= before + 2
