"""The shared-memory ring, with the writer and the reader in different processes."""

from __future__ import annotations

import mmap
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from fakes import FakeHost, make_frame
from morphogen.clock import ManualClock
from morphogen.contracts import SinkOptions
from morphogen.errors import Unavailable
from morphogen.frame import FrameInfo, PixelFormat, TargetSpec
from morphogen_bridges import shm_named, shm_ring
from morphogen_bridges.clients.shm import ShmReader
from morphogen_bridges.shm_ring import Ring, RingInfo, ring_bytes, ring_header, ring_name, slot_bytes_for
from morphogen_bridges.sinks.shm import ShmSink

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files and flock")
ROOT = Path(__file__).resolve().parent.parent
PATIENT = 30.0

# Writes frames flat out: every byte of frame n is n % 251, straight into the slots. Prints a line when it flows.
WRITER = """
import sys
sys.path[:0] = sys.argv[1:4]
from fakes import FakeHost
from morphogen.contracts import SinkOptions
from morphogen.frame import Frame, FrameInfo, TargetSpec
from morphogen_bridges.sinks.shm import ShmSink
folder, mode = sys.argv[4:6]
sink = ShmSink(SinkOptions(name="t", extra={"dir": folder}))
host = FakeHost(size=(320, 180))
sink.open(host)
n = 0
while True:
    n += 1
    if mode == "resize" and n % 500 == 0:
        host.show_size = (64 + n // 500 % 7 * 64, 180)
        sink.reconfigure(sink.options)
    spec = TargetSpec(*host.show_size)
    buffer = sink.slot(spec)
    buffer[64:] = n % 251
    frame = Frame(FrameInfo(spec, n), buffer)
    frame.stamp()
    sink.commit(frame)
    if n == 4:
        print("flows", flush=True)
"""


@pytest.fixture
def writer(tmp_path):
    started = []

    def start(mode="plain"):
        paths = [str(ROOT / part) for part in ("server", "bridges", "tests")]
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, *paths, str(tmp_path), mode], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "flows\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def open_sink(tmp_path, host=None, **options):
    sink = ShmSink(SinkOptions(**{"name": "t", "extra": {"dir": str(tmp_path)}, **options}))
    sink.open(host or FakeHost())
    return sink


def frames(reader, count):
    """`count` new frames, each proven whole by its content."""
    for _ in range(count):
        got = reader.wait(PATIENT)
        assert got is not None
        info, picture = got
        assert picture.shape == (info.spec.height, info.spec.width, 4)
        assert picture.min() == picture.max() == info.index % 251
        yield info


def test_ring_header_bytes_are_fixed():
    expected = (
        b"MGR1\x01\x00\x40\x00\x04\x00\x00\x00\x00\x00\x00\x00" + bytes.fromhex("40fa7e0000000000")
        + bytes(8) + bytes.fromhex("d204000000000000") + bytes.fromhex("0700000000000000") + bytes(16)
    )  # fmt: skip
    assert ring_header(0x7EFA40, 1234, 7) == expected
    assert slot_bytes_for(1920 * 1080 * 4) == 1920 * 1080 * 4 + 192  # 136 bytes, rounded up to 64
    assert slot_bytes_for(4) == 192
    assert ring_bytes(192) == 64 + 4 * 192


def test_slot_layout_byte_by_byte(tmp_path):
    sink = open_sink(tmp_path)
    frame = make_frame(TargetSpec(3, 5), index=9)
    for _ in range(5):
        sink.write(frame)
    raw = (tmp_path / "morphogen-t").read_bytes()
    slot_bytes, newest, pid = struct.unpack_from("<QQQ", raw, 16)
    assert (newest, pid) == (5, os.getpid())
    slot = raw[64 + 1 * slot_bytes : 64 + 2 * slot_bytes]  # frame 5 lies in slot 5 % 4
    assert slot[:56] == bytes(56)
    assert struct.unpack("<Q", slot[56:64]) == struct.unpack("<Q", slot[-8:]) == (5,)
    assert slot[64:128] == frame.info.pack()
    assert slot[128 : 128 + 60] == bytes(frame.buffer[64:])
    sink.close()


def test_names():
    assert ring_name("Morphogen-shm") == ring_name("shm") == ring_name("morphogen-shm") == "morphogen-shm"
    assert ring_name("Linke Wand/../x") == "morphogen-linke-wand-..-x"
    assert "/" not in ring_name("../../etc")
    assert len(ring_name("x" * 500)) <= 80


@pytest.mark.parametrize(
    ("head", "length", "said"),
    [
        (b"short", 5, "5 bytes"), (b"XXXX" + ring_header(192, 1, 1)[4:], 5000, "magic"),
        (ring_header(192, 1, 1), 800, "4 slots of 192 bytes in 800"), (ring_header(100, 1, 1), 5000, "slots of 100"),
        (ring_header(192, 1, 1, slots=5000), 1 << 30, "5000 slots"),
    ],
)  # fmt: skip
def test_a_broken_ring_says_what_is_wrong(head, length, said):
    with pytest.raises(ValueError, match=said):
        RingInfo.unpack(head, length)


def test_what_is_written_is_read(tmp_path):
    sink = open_sink(tmp_path)
    reader = ShmReader("t", tmp_path)
    assert reader.latest() is None
    frame = make_frame(TargetSpec(7, 5, PixelFormat.BGRA8), index=3, generation=2)
    sink.write(frame)
    info, picture = reader.latest()
    assert info == FrameInfo.unpack(frame.info.pack())
    assert np.array_equal(picture, frame.pixels)
    assert picture.base is None or picture.base.base is not frame.buffer
    out = np.empty(7 * 5 * 4, np.uint8)
    assert np.shares_memory(reader.latest(out)[1], out)
    assert reader.writer() == os.getpid()
    sink.close()
    assert reader.latest() is None
    assert list(tmp_path.iterdir()) == []


def test_half_floats(tmp_path):
    sink = open_sink(tmp_path, format=PixelFormat.RGBA16F)
    spec = TargetSpec(6, 4, PixelFormat.RGBA16F)
    buffer = sink.slot(spec)
    buffer[:64] = np.frombuffer(FrameInfo(spec, 1).pack(), np.uint8)
    buffer[64:].view(np.float16)[:] = 0.25
    sink.commit(make_frame(TargetSpec(1, 1)))
    _, picture = ShmReader("t", tmp_path).latest()
    assert picture.dtype == np.float16
    assert picture.shape == (4, 6, 4)
    assert np.all(picture == 0.25)
    sink.close()


def test_slots_are_aligned_and_a_frame_that_was_never_finished_is_not_seen(tmp_path):
    sink = open_sink(tmp_path)
    reader = ShmReader("t", tmp_path)
    sink.write(make_frame(TargetSpec(8, 8), index=1))
    for _ in range(20):  # begun again and again, as after a picture that could not be drawn
        buffer = sink.slot(TargetSpec(8, 8))
        assert buffer[64:].ctypes.data % 64 == 0
        buffer[:] = 255
    assert reader.latest()[0].index == 1
    assert sink.slot(TargetSpec(4000, 4000)) is None
    sink.close()


def test_only_the_owner_may_look(tmp_path):
    sink = open_sink(tmp_path)
    assert (tmp_path / "morphogen-t").stat().st_mode & 0o777 == 0o600
    sink.close()


def test_a_name_that_is_taken_says_by_whom_and_what_to_do(tmp_path):
    first = open_sink(tmp_path)
    with pytest.raises(Unavailable, match=rf"morphogen-t is in use by process {os.getpid()}\. .*name=") as caught:
        open_sink(tmp_path)
    assert caught.value.cure
    first.write(make_frame(TargetSpec(8, 8), index=5))
    assert ShmReader("t", tmp_path).latest()[0].index == 5
    assert [p.name for p in tmp_path.iterdir()] == ["morphogen-t"]
    first.close()
    open_sink(tmp_path).close()


def test_renaming_to_a_taken_name_changes_nothing(tmp_path):
    a, b = open_sink(tmp_path, name="a"), open_sink(tmp_path, name="b")
    with pytest.raises(Unavailable, match="morphogen-b is in use"):
        a.reconfigure(SinkOptions(name="b", extra=a.options.extra))
    a.write(make_frame(TargetSpec(8, 8), index=1))
    b.write(make_frame(TargetSpec(8, 8), index=2))
    assert [ShmReader(n, tmp_path).latest()[0].index for n in "ab"] == [1, 2]
    assert a.describe()["name"] == "morphogen-a"
    a.close()
    b.close()


def test_no_room_and_no_folder_are_explained(tmp_path, monkeypatch):
    with pytest.raises(Unavailable, match=r"nowhere.*dir=PATH"):
        open_sink(tmp_path / "nowhere")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(Unavailable, match=r"MB\): No space left on device.*smaller size"):
        open_sink(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_resize_keeps_old_memory_readable_and_the_last_frame_in_sight(tmp_path):
    host = FakeHost()
    sink = open_sink(tmp_path, host)
    sink.write(make_frame(TargetSpec(64, 36), index=1))
    reader = ShmReader("t", tmp_path)
    assert reader.latest()[0].index == 1
    old_slot = sink.slot(TargetSpec(64, 36))
    for n in range(2, 40):
        sink.reconfigure(SinkOptions(name="t", width=8 * n, height=8, extra=sink.options.extra))
        assert reader.latest() is not None  # the last frame stays until there is a new one
        spec = TargetSpec(8 * n, 8)
        buffer = sink.slot(spec)
        frame = make_frame(spec, index=n)
        buffer[:] = frame.buffer
        sink.commit(frame)
        info, picture = reader.latest()
        assert (info.index, picture.shape) == (n, (8, 8 * n, 4))
    old_slot[:] = 7  # a renderer that still draws into the retired ring harms nobody
    assert reader.rings == 39
    assert [p.name for p in tmp_path.iterdir()] == ["morphogen-t"]
    sink.close()


def test_rename_while_running(tmp_path):
    sink = open_sink(tmp_path)
    sink.write(make_frame(TargetSpec(8, 8), index=1))
    reader = ShmReader("t", tmp_path)
    assert reader.latest()
    sink.reconfigure(SinkOptions(name="u", extra=sink.options.extra))
    assert reader.latest() is None
    sink.write(make_frame(TargetSpec(8, 8), index=2))
    assert ShmReader("u", tmp_path).latest()[0].index == 2
    assert [p.name for p in tmp_path.iterdir()] == ["morphogen-u"]
    sink.close()


def test_a_frame_too_large_for_the_ring_makes_a_larger_one(tmp_path):
    sink = open_sink(tmp_path)
    reader = ShmReader("t", tmp_path)
    sink.write(make_frame(TargetSpec(500, 300), index=4))
    assert reader.latest()[0].spec == TargetSpec(500, 300)
    sink.close()


def test_a_copy_that_the_writer_overtook_is_thrown_away(tmp_path, monkeypatch):
    sink = open_sink(tmp_path)
    reader = ShmReader("t", tmp_path)
    sink.write(make_frame(TargetSpec(64, 36), fill=1, index=1))
    assert reader.latest()
    copy, again = np.copyto, [4, 0]

    def overtaken(to, what):
        copy(to, what)
        if again[0]:
            again[0] -= 1
            again[1] += 1
            monkeypatch.setattr(shm_ring.np, "copyto", copy)
            for _ in range(4):
                sink.write(make_frame(TargetSpec(64, 36), fill=2, index=2))
            monkeypatch.setattr(shm_ring.np, "copyto", overtaken)

    monkeypatch.setattr(shm_ring.np, "copyto", overtaken)
    _, picture = reader.latest()
    assert np.all(picture == 2)
    assert reader.torn == 4


def test_wait_gives_each_frame_once_and_ends(tmp_path):
    sink = open_sink(tmp_path)

    class Steps(ManualClock):
        def wait_until(self, due):
            self.advance(max(0.0, due - self.now()))

    reader = ShmReader("t", tmp_path, clock=Steps())
    assert reader.wait(0.1) is None
    sink.write(make_frame(TargetSpec(8, 8), index=1))
    assert reader.wait(0.1)[0].index == 1
    assert reader.wait(0.1) is None
    assert reader.latest()[0].index == 1
    with reader:
        pass
    assert reader.latest()[0].index == 1
    sink.close()


def test_a_file_that_is_no_ring_is_passed_over(tmp_path):
    (tmp_path / "morphogen-t").write_bytes(b"hello")
    reader = ShmReader("t", tmp_path)
    assert reader.latest() is None
    (tmp_path / "morphogen-t").write_bytes(bytes(4096))
    assert reader.latest() is None
    sink = open_sink(tmp_path)  # nobody holds it, so the name is free
    sink.write(make_frame(TargetSpec(8, 8), index=1))
    assert reader.latest()[0].index == 1
    sink.close()


def test_two_processes_no_torn_frame(tmp_path, writer):
    writer()
    reader = ShmReader("t", tmp_path)
    seen = [info.index for info in frames(reader, 1500)]
    assert seen == sorted(set(seen))


def test_two_processes_while_it_resizes(tmp_path, writer):
    writer("resize")
    reader = ShmReader("t", tmp_path)
    while reader.rings < 40:
        assert len({info.index for info in frames(reader, 20)}) == 20
    reader.close()


def test_kill_restart_and_clearing_up(tmp_path, writer):
    process = writer()
    reader = ShmReader("t", tmp_path)
    list(frames(reader, 20))
    with pytest.raises(Unavailable, match=f"in use by process {process.pid}"):
        open_sink(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    last = reader.latest()
    assert last is not None  # its memory outlives it
    (tmp_path / f".morphogen-t.{process.pid}.9").write_bytes(bytes(100))  # a ring it did not live to finish
    (tmp_path / "morphogen-notes.txt").write_text("mine")
    (tmp_path / "morphogen-dead").write_bytes(ring_header(192, process.pid, 1) + bytes(4 * 192))
    second = writer()
    while reader.writer() != second.pid:
        assert reader.wait(PATIENT) is not None
    assert len(list(frames(reader, 50))) == 50
    assert sorted(p.name for p in tmp_path.iterdir()) == ["morphogen-notes.txt", "morphogen-t"]


def test_many_want_one_name(tmp_path):
    """Exactly one of many gets it, every time."""
    for _ in range(20):
        got, refused = [], []

        def claim(got=got, refused=refused):
            try:
                got.append(open_sink(tmp_path))
            except Unavailable as error:
                refused.append(error)

        threads = [threading.Thread(target=claim) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(got), len(refused)) == (1, 5)
        got[0].close()
        assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler (cc) here")
def test_the_page_of_c_reads_it(tmp_path, writer):
    program = tmp_path / "reader"
    subprocess.run(
        ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(ROOT / "docs" / "shm_reader.c")],
        check=True,
    )
    writer("resize")
    out = subprocess.run(
        [program, tmp_path / "morphogen-t", "2000"], check=True, capture_output=True, text=True, timeout=120
    ).stdout
    rows = [[int(word) for word in line.split()] for line in out.splitlines()]
    assert len(rows) == 2000
    for index, width, height, fmt, first, last, _torn in rows:
        assert first == last == index % 251
        assert (height, fmt) == (180, 1)
        assert width == 320 or width % 64 == 0
    assert len({row[1] for row in rows}) > 1


def test_named_memory_follows_its_pointer(tmp_path, monkeypatch):
    """Windows' way, with files in the part of named memory: made when absent, never resized."""

    def fake(name, size):
        path = tmp_path / name
        if not path.exists():
            path.write_bytes(bytes(size))
        with path.open("r+b") as file:
            return mmap.mmap(file.fileno(), size)

    monkeypatch.setattr(shm_named, "_map", fake)
    monkeypatch.setattr(shm_named, "_lock_name", lambda name: os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT))
    with pytest.raises(FileNotFoundError):
        shm_named.open_ring("m", None)
    first = shm_named.create("m", slot_bytes_for(64))
    ring, serial = shm_named.open_ring("m", None)
    assert serial == 1
    first.ring.begin(64)[:64] = np.frombuffer(FrameInfo(TargetSpec(4, 4), 3).pack(), np.uint8)
    assert ring.read(first.ring.commit())[0].index == 3
    second = first.replaced(slot_bytes_for(1000))
    assert ring.retired
    assert shm_named.open_ring("m", ring, serial)[1] == 2
    assert shm_named.open_ring("m", second.ring, 2) == (None, 2)
    second.release()
    with pytest.raises(FileNotFoundError):
        shm_named.open_ring("m", None)
    third = shm_named.create("m", slot_bytes_for(64))
    assert shm_named.open_ring("m", None)[1] == 3
    third.release()
    assert isinstance(ring, Ring)
