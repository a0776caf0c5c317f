"""TouchDesigner's memory beside the contract: layouts to the byte, info, postfix, locks, names of the dead."""

from __future__ import annotations

import struct
import threading

import numpy as np
import pytest

from fake_windows import Touch, Windows
from fakes import make_frame
from morphogen.errors import Unavailable, UsageError
from morphogen.frame import PixelFormat, TargetSpec
from morphogen.publish import options_from
from morphogen_bridges import td_memory
from morphogen_bridges.td_memory import Lock, TouchMemory, header
from texture_rigs import TouchRig

SMALL, LARGE = make_frame(TargetSpec(8, 4), 1), make_frame(TargetSpec(300, 200), 2)
INFOS = ["TouchSHMTouchSHM{}4jhd783h", "TouchSHM{}4jhd783h"]


@pytest.fixture
def rig(monkeypatch):
    made = TouchRig(monkeypatch)
    yield made
    assert made.world.offences == []
    assert made.left() == {}


@pytest.fixture
def windows(rig) -> Windows:
    return rig.world


@pytest.fixture
def sink(rig, host):
    host.show_size = (8, 4)
    made = rig.make()
    made.open(host)
    yield made
    made.close()


# --- layouts


@pytest.mark.parametrize(
    ("layout", "fmt", "numbers"),
    [
        ("2021", "<IIiiffiiii", (0xE95DF673, 2, 640, 360, 1, 1, 0x1908, 0x1401, 0x8058, 40)),
        ("1", "<IIiiffIIqii", (0xD95EF835, 1, 640, 360, 1, 1, 37, 0, 921600, 48, 0)),
        ("2", "<IIiiffIIqiIII", (0xD95EF835, 2, 640, 360, 1, 1, 37, 0, 921600, 56, 2, 1, 0)),
    ],
)
def test_headers_to_the_byte(layout, fmt, numbers):
    head = header(layout, TargetSpec(640, 360))
    assert struct.unpack(fmt, head) == numbers
    assert len(head) == {"2021": 40, "1": 48, "2": 56}[layout]
    other = header(layout, TargetSpec(640, 360, PixelFormat.BGRA8))
    assert struct.unpack_from("<I", other, 24)[0] == (0x80E1 if layout == "2021" else 44)


@pytest.mark.parametrize("layout", ["2021", "1", "2"])
@pytest.mark.parametrize("order", [PixelFormat.RGBA8, PixelFormat.BGRA8])
def test_touchdesigner_reads_each(rig, host, layout, order):
    sink = rig.make(header=layout)
    sink.open(host)
    frame = make_frame(TargetSpec(33, 17, order))
    sink.write(frame)
    pixels = frame.pixels if order is PixelFormat.RGBA8 else frame.pixels[..., [2, 1, 0, 3]]
    assert np.array_equal(rig.seen(), pixels)
    sink.close()


def test_rows_lie_bottom_first(sink, windows):
    sink.write(SMALL)
    view = windows.memory("TouchSHMMorphogen", 48 + 128)
    assert view[48:] == SMALL.pixels[::-1].tobytes()
    view.close()


def test_an_unknown_header_is_refused(rig, host):
    with pytest.raises(UsageError, match=r"no header=3\. Allowed: 2021, 1, 2"):
        rig.make(header="3").open(host)


# --- names, info, postfix


def test_names_of_windows_objects(sink, windows):
    assert set(windows.memories) == {
        "TouchSHMMorphogen", "TouchSHMTouchSHMMorphogen4jhd783h", "TouchSHMMorphogen4jhd783h",
    }  # fmt: skip
    assert set(windows.mutexes) == {
        "MorphogenTouchSHMMorphogen", "TouchSHMMorphogenMutex", "TouchSHMTouchSHMMorphogen4jhd783hMutex",
        "TouchSHMMorphogen4jhd783hMutex",
    }  # fmt: skip
    assert windows.memories["TouchSHMMorphogen4jhd783h"].size == 76


def test_for_every_session_names_begin_with_global(rig, host):
    sink = rig.make(**{"global": 1})
    sink.open(host)
    assert all(name.startswith("Global\\") for name in (*rig.world.memories, *rig.world.mutexes))
    assert sink.describe()["address"] == "Global\\TouchSHMMorphogen"
    sink.close()


@pytest.mark.parametrize("info", INFOS)
def test_a_receiver_follows_to_a_larger_memory_by_either_info(sink, windows, info):
    touch = Touch(windows, "Morphogen", info)
    sink.write(SMALL)
    assert np.array_equal(touch.picture(), SMALL.pixels)
    sink.write(LARGE)
    assert np.array_equal(touch.picture(), LARGE.pixels)
    assert len(touch.postfix) == 31
    assert touch.postfix.isalpha()
    assert touch.moves == 2
    sink.write(SMALL)
    assert np.array_equal(touch.picture(), SMALL.pixels)
    assert touch.moves == 2, "a smaller picture stays where it is"
    assert sink.stats() == {"held": 0, "remade": 2}
    sink.close()
    assert touch.picture() is None, "told that we are gone"
    touch.close()


def test_without_a_receiver_a_larger_memory_keeps_the_name(sink, windows):
    sink.write(LARGE)
    assert sink.describe()["address"] == "TouchSHMMorphogen"
    assert len(windows.memories) == 3


def test_who_maps_it_without_the_info_does_not_stop_a_larger_picture(sink, windows):
    stranger = windows.memory("TouchSHMMorphogen", 64)
    sink.write(LARGE)
    assert sink.describe()["address"].startswith("TouchSHMMorphogen")
    assert len(sink.describe()["address"]) == len("TouchSHMMorphogen") + 31
    touch = Touch(windows, "Morphogen")
    assert np.array_equal(touch.picture(), LARGE.pixels)
    touch.close()
    stranger.close()


def test_a_receiver_that_outlived_the_last_sender_is_taken_along(rig, host, windows):
    """It still maps a memory that is too small for the new sender's picture."""
    host.show_size = (8, 4)
    first = rig.make()
    first.open(host)
    touch = Touch(windows, "Morphogen")
    first.write(SMALL)
    touch.picture()
    first.close()
    host.show_size = (300, 200)
    second = rig.make()
    second.open(host)
    second.write(LARGE)
    assert np.array_equal(touch.picture(), LARGE.pixels)
    second.close()
    touch.close()


def test_a_name_is_for_one_output(rig, host, sink):
    with pytest.raises(Unavailable, match=r"written by another output already\. Give this one a name"):
        rig.make().open(host)
    sink.write(SMALL)
    assert np.array_equal(rig.seen(), SMALL.pixels)


def test_a_name_that_is_taken_leaves_everything_as_it_was(rig, host, sink):
    other = rig.make(name="other")
    other.open(host)
    with pytest.raises(Unavailable):
        sink.reconfigure(options_from({"name": "other"}, sink.options))
    assert sink.name == "Morphogen"
    sink.write(SMALL)
    assert np.array_equal(rig.seen(), SMALL.pixels)
    other.close()


def test_no_memory_at_all_is_told(windows, monkeypatch, rig, host):
    def full(name, size):
        raise OSError(1455, "The paging file is too small")

    monkeypatch.setattr(td_memory, "named_memory", full)
    with pytest.raises((Unavailable, OSError)):
        rig.make().open(host)


# --- locks


def test_a_receiver_that_holds_on_costs_pictures_and_time_is_bounded(sink, windows, monkeypatch):
    monkeypatch.setattr(td_memory, "LOCK_MS", 1)
    handle = windows.CreateMutexW(None, False, "TouchSHMMorphogenMutex")
    inside, done = threading.Event(), threading.Event()

    def hold():
        windows.WaitForSingleObject(handle, 1000)
        inside.set()
        done.wait(10)
        windows.ReleaseMutex(handle)

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(10)
    sink.write(SMALL)
    assert sink.stats()["held"] == 1
    done.set()
    holder.join()
    sink.write(SMALL)
    assert sink.stats()["held"] == 1
    windows.CloseHandle(handle)


def test_a_lock_whose_owner_died_is_taken_over(sink, rig, windows):
    handle = windows.CreateMutexW(None, False, "TouchSHMMorphogenMutex")
    dead = threading.Thread(target=windows.WaitForSingleObject, args=(handle, 100))
    dead.start()
    dead.join()
    sink.write(SMALL)
    assert np.array_equal(rig.seen(), SMALL.pixels)
    windows.CloseHandle(handle)


def test_the_lock_is_given_back_whatever_happens_inside(sink, rig, windows, monkeypatch):
    def harmed(*_):
        raise RuntimeError("the memory is gone")

    with monkeypatch.context() as patch:
        patch.setattr(td_memory.np, "copyto", harmed)
        with pytest.raises(RuntimeError):
            sink.write(SMALL)
    assert windows.left().get("locked") is None
    sink.write(SMALL)
    assert np.array_equal(rig.seen(), SMALL.pixels)


def test_waiting_that_fails_is_an_error(windows):
    lock = Lock(windows, "x")
    windows.WaitForSingleObject = lambda handle, milliseconds: 0xFFFFFFFF
    with pytest.raises(OSError, match="0xffffffff"), lock.held():
        raise AssertionError("it is not ours")
    lock.close()
    lock.close()


def test_a_mutex_that_windows_refuses_leaves_nothing(windows):
    windows.refuses.add("TouchSHMTouchSHMshow4jhd783hMutex")
    with pytest.raises(OSError, match="error 5"):
        TouchMemory(windows, "show", 1000)


def test_elsewhere_named_memory_is_unavailable():
    with pytest.raises(Unavailable, match="Windows only"):
        TouchRigless.named_memory("x", 1)


class TouchRigless:
    """The module's own functions, before a rig replaces them."""

    named_memory = staticmethod(td_memory.named_memory)
