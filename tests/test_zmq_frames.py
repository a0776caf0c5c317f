from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import zmq

from fakes import FakeHost, make_frame
from morphogen.contracts import SinkOptions
from morphogen.errors import Unavailable, UsageError
from morphogen.frame import HEADER_BYTES, Alpha, Frame, FrameInfo, FramePool, PixelFormat, TargetSpec
from morphogen_bridges.clients.frames import FrameReader
from morphogen_bridges.sinks.zmq_frames import HELD_FRAMES, QUEUED_FRAMES, ZmqFrames
from waiting import until
from zmq_helpers import PATIENCE, opened, peer

SMALL = TargetSpec(64, 36)
HD = TargetSpec(1280, 720)


def sink_of(host, spec=SMALL, **extra):
    return opened(ZmqFrames(SinkOptions(width=spec.width, height=spec.height, extra={"port": "0", **extra})), host)


@pytest.fixture
def sink(host):
    with sink_of(host) as sink:
        yield sink


def url(sink):
    return sink.describe()["url"]


@pytest.fixture
def reader(sink):
    with FrameReader(url(sink)) as reader:
        until(sink.watched)
        yield reader


def numbered(pool: FramePool, index: int) -> Frame:
    """A frame in which every byte tells the index."""
    frame = pool.take(FrameInfo(pool.spec, index, 1000 * index, index // 7))
    frame.buffer[HEADER_BYTES:] = index % 251
    frame.stamp()
    return frame


def whole(info, picture) -> bool:
    return bool((picture == info.index % 251).all())


def test_one_part_is_header_and_pixels(sink):
    frame = make_frame(SMALL, 5, generation=3)
    with peer(zmq.SUB, sink.describe()["port"]) as socket:
        socket.subscribe(b"")
        until(sink.watched)
        sink.write(frame)
        (message,) = socket.recv_multipart()
    assert message == bytes(frame.wire)
    assert message[:4] == b"MGF1"


def test_the_reader_sees_what_was_written(sink, reader):
    spec = SMALL
    frame = make_frame(spec, 9, generation=4)
    frame.info = FrameInfo(spec, 9, 123, 4, Alpha.PREMULTIPLIED, True)
    frame.stamp()
    sink.write(frame)
    info, picture = reader.read(PATIENCE)
    assert (info.index, info.time_ns, info.generation, info.alpha, info.linear) == (
        9,
        123,
        4,
        Alpha.PREMULTIPLIED,
        True,
    )
    assert picture.shape == (36, 64, 4)
    assert np.array_equal(picture, frame.pixels)
    with pytest.raises(ValueError, match="read-only"):
        picture[0] = 0


@pytest.mark.parametrize("fmt", [PixelFormat.BGRA8, PixelFormat.RGBA16F])
def test_other_pixel_formats(host, fmt):
    spec = TargetSpec(16, 8, fmt)
    with sink_of(host, spec) as sink, FrameReader(url(sink)) as reader:
        until(sink.watched)
        frame = FramePool(spec, 1).take(FrameInfo(spec, 1))
        frame.buffer[HEADER_BYTES:] = 60
        frame.stamp()
        sink.write(frame)
        info, picture = reader.read(PATIENCE)
    assert info.spec.format is fmt
    assert picture.shape == (8, 16, 4)
    assert picture.dtype == (np.float16 if fmt is PixelFormat.RGBA16F else np.uint8)


def test_jpeg(host):
    spec = TargetSpec(128, 96)
    frame = make_frame(spec, 3, generation=2)
    with sink_of(host, spec, format="jpeg", quality="95") as sink, FrameReader(url(sink)) as reader:
        assert sink.describe()["encoding"] == "jpeg"
        until(sink.watched)
        sink.write(frame)
        info, picture = reader.read(PATIENCE)
        wire = info.pack()
    assert (info.spec.format, info.index, info.generation) == (PixelFormat.JPEG, 3, 2)
    assert 0 < info.payload_bytes < spec.pixel_bytes
    assert wire[16:20] == b"\0\0\0\0", "row bytes are 0 for JPEG"
    assert np.abs(picture.astype(int) - frame.pixels).mean() < 8


def test_jpeg_keeps_the_order_of_colours(host):
    spec = TargetSpec(16, 16, PixelFormat.BGRA8)
    frame = make_frame(spec, 0, fill=0)
    frame.pixels[..., 0] = 255  # blue
    with sink_of(host, spec, format="jpeg") as sink, FrameReader(url(sink)) as reader:
        until(sink.watched)
        sink.write(frame)
        _, picture = reader.read(PATIENCE)
    assert picture[8, 8, 2] > 200
    assert picture[8, 8, 0] < 50


def test_watched_only_while_somebody_subscribes(sink):
    assert not sink.watched()
    with FrameReader(url(sink)):
        until(sink.watched)
        with FrameReader(url(sink)):
            until(lambda: (sink.write(make_frame(SMALL)), sink.stats()["subscribers"] == 2)[1])
        until(lambda: (sink.write(make_frame(SMALL)), sink.stats()["subscribers"] == 1)[1])
        assert sink.watched()
    until(lambda: (sink.write(make_frame(SMALL)), not sink.watched())[1])
    assert sink.stats()["subscribers"] == 0


def test_nothing_is_sent_while_nobody_subscribes(sink):
    for index in range(5):
        sink.write(make_frame(SMALL, index))
    assert sink.stats() == {"subscribers": 0, "sent": 0, "copied": 0, "behind": 0}


def test_frames_are_given_back(host):
    pool = FramePool(HD, 4)
    with sink_of(host, HD) as sink, FrameReader(url(sink)) as reader:
        until(sink.watched)
        for index in range(20):
            frame = numbered(pool, index)
            sink.write(frame)
            frame.release()
            assert reader.read(PATIENCE)[0].index == index
        assert len(pool._free) >= 4 - HELD_FRAMES
    assert len(pool._free) == 4


READER = """
import json, sys, time
from morphogen_bridges.clients.frames import FrameReader
url, conflate, stall, count = sys.argv[1], sys.argv[2] == "1", float(sys.argv[3]), int(sys.argv[4])
torn, indices = 0, []
with FrameReader(url, conflate=conflate) as reader:
    for info, picture in reader:
        torn += not (picture == info.index % 251).all()
        indices.append(info.index)
        if info.index >= count - 1:
            break
        if len(indices) == 30:
            time.sleep(stall)
    print(json.dumps({"torn": torn, "gaps": reader.gaps, "received": reader.received, "indices": indices}))
"""


def feed_a_second_process(host, conflate=False, stall=0.0, frames=150, spec=HD):
    """Pace frames at 60 a second to a reader in its own process; returns what it saw, and the sink's counters."""
    pool = FramePool(spec, 4)
    with sink_of(host, spec) as sink:
        command = [sys.executable, "-c", READER, url(sink), str(int(conflate)), str(stall), str(frames)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            until(sink.watched)
            for index in itertools.count():
                if process.poll() is not None or index > 60 * PATIENCE:
                    break
                frame = numbered(pool, index)
                sink.write(frame)
                frame.release()
                time.sleep(1 / 60)
            seen = json.loads(process.communicate(timeout=PATIENCE)[0])
        return seen, sink.stats()


@pytest.mark.parametrize("stall", [0.0, 0.1])
def test_a_second_process_that_keeps_up_or_stalls_shortly_sees_every_frame(host, stall):
    for _ in range(5):  # a busy computer may keep the reader from running for longer than the queue lasts
        seen, stats = feed_a_second_process(host, stall=stall)
        assert seen["torn"] == 0
        if seen["gaps"] == 0:
            break
    assert seen["indices"] == list(range(seen["indices"][0], 150))
    assert stats["behind"] == 0


def test_a_conflating_reader_skips_to_the_newest(host):
    seen, _ = feed_a_second_process(host, conflate=True, stall=0.5)
    assert seen["torn"] == 0
    assert seen["indices"] == sorted(seen["indices"])
    assert seen["received"] + seen["gaps"] == seen["indices"][-1] - seen["indices"][0] + 1
    assert seen["gaps"] > 0


def test_a_reader_that_stops_reading_costs_bounded_memory_and_no_other_reader_a_frame(host):
    pool = FramePool(HD, 4)
    total = 200
    with sink_of(host, HD) as sink, peer(zmq.SUB, sink.describe()["port"], rcvhwm=1, rcvbuf=4096) as dead:
        dead.subscribe(b"")
        until(sink.watched)
        with FrameReader(url(sink)) as reader:
            until(lambda: (sink._look_around(), sink.stats()["subscribers"] == 2)[1])
            for index in range(total):
                frame = numbered(pool, index)
                sink.write(frame)
                frame.release()
                info, picture = reader.read(PATIENCE)
                assert info.index == index
                assert whole(info, picture)
            assert reader.gaps == 0
        stats = sink.stats()
        assert stats["behind"] >= 1
        assert stats["copied"] <= total
        assert len(sink._lent) <= HELD_FRAMES
        received = 0
        while dead.poll(200):
            message = np.frombuffer(dead.recv(), np.uint8)
            info = FrameInfo.unpack(message[:HEADER_BYTES].tobytes())
            assert (message[HEADER_BYTES:] == info.index % 251).all(), "torn"
            received += 1
        assert received < QUEUED_FRAMES * 3
    assert len(pool._free) <= 4 + HELD_FRAMES


def test_the_queue_is_shorter_for_larger_frames(host):
    for (width, height), frames in (((640, 360), 12), ((1920, 1080), 12), ((3840, 2160), 4), ((16384, 16384), 4)):
        with sink_of(host, TargetSpec(width, height)) as sink:
            assert sink._socket.sndhwm == frames


def test_watching_and_writing_on_two_threads(host):
    pool = FramePool(SMALL, 4)
    stop = threading.Event()

    def watch():
        while not stop.is_set():
            sink.watched()

    with sink_of(host) as sink, ThreadPoolExecutor(1) as threads:
        watching = threads.submit(watch)
        try:
            for _ in range(10):
                with FrameReader(url(sink)) as reader:

                    def shown(reader=reader):
                        for index in range(30):
                            frame = numbered(pool, index)
                            sink.write(frame)
                            frame.release()
                        return reader.read(0.05)

                    assert whole(*until(shown))
        finally:
            stop.set()
        watching.result(PATIENCE)


def test_frames_stay_on_this_computer_unless_asked_by_name(host):
    for address in ("0.0.0.0", "*", "192.0.2.1"):
        with pytest.raises(UsageError, match="not encrypted") as caught:
            ZmqFrames(SinkOptions(extra={"bind": address, "port": "0"})).open(host)
        assert "public=1" in caught.value.cure
    with sink_of(host, bind="0.0.0.0", public="1") as sink:
        assert "0.0.0.0" in url(sink)
    with sink_of(host, bind="localhost") as sink:
        assert "127.0.0.1" in url(sink)


@pytest.mark.parametrize(
    ("extra", "text"),
    [({"port": "x"}, "port=x"), ({"port": "70000"}, "65535"), ({"quality": "0"}, "quality=0"),
     ({"format": "png"}, "format=png")],
)  # fmt: skip
def test_odd_options_are_refused(host, extra, text):
    with pytest.raises(UsageError, match=text) as caught:
        ZmqFrames(SinkOptions(extra=extra)).open(host)
    assert caught.value.cure


def test_jpeg_refuses_16_bits(host):
    with pytest.raises(UsageError, match="8 bits"):
        ZmqFrames(SinkOptions(format=PixelFormat.RGBA16F, extra={"format": "jpeg"})).open(host)


def test_a_taken_port_names_the_cure(sink, host):
    with pytest.raises(Unavailable, match="taken") as caught:
        ZmqFrames(SinkOptions(extra={"port": str(sink.describe()["port"])})).open(host)
    assert "--port-base N" in caught.value.cure


def test_reconfigure_keeps_the_readers_or_moves(sink, reader, free_port, host):
    port = sink.describe()["port"]
    sink.reconfigure(SinkOptions(width=32, height=16, name="Wall", extra={"port": str(port)}))
    sink.write(make_frame(TargetSpec(32, 16), 1))
    assert reader.read(PATIENCE)[1].shape == (16, 32, 4)
    assert sink.name == "Wall"
    with sink_of(host) as other, pytest.raises(Unavailable, match="taken"):
        sink.reconfigure(SinkOptions(extra={"port": str(other.describe()["port"])}))
    assert sink.describe()["port"] == port
    sink.reconfigure(SinkOptions(extra={"port": str(free_port)}))
    assert sink.describe()["port"] == free_port
    with FrameReader(url(sink)) as moved:
        until(sink.watched)
        sink.write(make_frame(SMALL, 2))
        assert moved.read(PATIENCE)[0].index == 2


def test_it_opens_and_closes_again_and_again():
    host = FakeHost()
    sink = ZmqFrames(SinkOptions(extra={"port": "0"}))
    sink.close()
    for _ in range(3):
        sink.open(host)
        with FrameReader(url(sink)):
            until(sink.watched)
            sink.write(make_frame(SMALL))
        sink.close()
        sink.close()
        assert not sink.watched()


def test_the_reader_counts_what_is_no_frame(free_port):
    context = zmq.Context()
    publisher = context.socket(zmq.PUB)
    publisher.linger = 0
    publisher.bind(f"tcp://127.0.0.1:{free_port}")
    good = bytes(make_frame(SMALL, 1).wire)
    bad = [
        b"",
        b"x" * 100,
        good[:-1],
        good[:64],
        good[:8] + b"\xff\xff\0\0" + good[12:],
        good[:20] + b"\x09" + good[21:],
    ]
    with FrameReader(f"tcp://127.0.0.1:{free_port}") as reader:
        until(lambda: (publisher.send(good), reader.read(0.02))[1])
        while reader.read(0.1):
            pass
        for message in bad:
            publisher.send(message)
            assert reader.read(PATIENCE) is None
        assert reader.rejected == len(bad)
        publisher.send(good)
        assert reader.read(PATIENCE)
    assert reader.read(0) is None
    publisher.close(0)
    context.term()
