from __future__ import annotations

import threading

import numpy as np
import pytest

from morphogen.frame import (
    HEADER_BYTES,
    Alpha,
    Crop,
    FrameInfo,
    FramePool,
    PixelFormat,
    TargetSpec,
    new_buffer,
    parse_size,
    with_format,
)

# One header, byte by byte: whoever changes it changes what receivers all over the world have to read.
WIRE = bytes.fromhex(
    "4d474631"  # MGF1
    "01004000"  # version 1, 64 header bytes
    "80070000 38040000"  # 1920 x 1080
    "001e0000"  # 7680 bytes a row
    "02000000"  # BGRA8
    "0807060504030201"  # frame index
    "00ca9a3b00000000"  # 1,000,000,000 ns
    "00907e0000000000"  # 8,294,400 bytes
    "07000000"  # style generation
    "05000000"  # straight alpha, linear light
    "0000000000000000"
)
INFO = FrameInfo(
    TargetSpec(1920, 1080, PixelFormat.BGRA8), 0x0102030405060708, 1_000_000_000, 7, Alpha.STRAIGHT, linear=True
)


def test_header_bytes_are_fixed():
    assert len(WIRE) == HEADER_BYTES
    assert INFO.pack() == WIRE


def test_header_is_read_back():
    info = FrameInfo.unpack(WIRE + b"pixels")
    assert info == FrameInfo(INFO.spec, INFO.index, INFO.time_ns, 7, Alpha.STRAIGHT, True, 8_294_400)


def test_jpeg_header_has_no_row_bytes():
    head = FrameInfo(TargetSpec(64, 36, PixelFormat.JPEG), payload_bytes=1234).pack()
    assert head[16:20] == bytes(4)
    assert FrameInfo.unpack(head).payload_bytes == 1234


@pytest.mark.parametrize(
    ("data", "said"),
    [(WIRE[:63], "64 bytes, got 63"), (b"XXXX" + WIRE[4:], "magic"), (WIRE[:4] + b"\x02" + WIRE[5:], "version 2"),
     (WIRE[:20] + b"\x63" + WIRE[21:], "99"), (WIRE[:52] + b"\x07" + WIRE[53:], "3"), (WIRE[:52], "52")],
)  # fmt: skip
def test_bad_header_says_what_is_wrong(data, said):
    with pytest.raises(ValueError, match=said):
        FrameInfo.unpack(data)


def test_generation_wraps_instead_of_failing():
    assert FrameInfo.unpack(FrameInfo(TargetSpec(1, 1), generation=1 << 32 | 5).pack()).generation == 5


def test_target_spec():
    spec = TargetSpec(3, 5)
    assert (spec.row_bytes, spec.pixel_bytes, spec.canvas) == (12, 60, Crop(0, 0, 3, 5))
    assert with_format(spec, PixelFormat.RGBA16F).pixel_bytes == 120
    part = TargetSpec(3, 5, crop=Crop(7, 9, 100, 50))
    assert part.canvas == Crop(7, 9, 100, 50)
    assert len({spec, TargetSpec(3, 5), part, TargetSpec(3, 5, flip=True), TargetSpec(3, 5, alpha=Alpha.STRAIGHT)}) == 4


def test_buffer_is_aligned_for_vectors():
    for pixel_bytes in (4, 60, 1000, 8_294_400):
        buffer = new_buffer(pixel_bytes)
        assert buffer.shape == (64 + pixel_bytes,)
        assert buffer[64:].ctypes.data % 64 == 0


def test_frame_is_one_block():
    frame = FramePool(TargetSpec(3, 2), 1).take(FrameInfo(TargetSpec(3, 2), 5))
    frame.pixels[1, 2] = (1, 2, 3, 4)
    frame.stamp()
    assert bytes(frame.wire[:4]) == b"MGF1"
    assert bytes(frame.wire[-4:]) == b"\1\2\3\4"
    assert frame.wire.contiguous


def test_pool_gives_a_buffer_out_once():
    pool = FramePool(TargetSpec(4, 4), ready=2)
    info = FrameInfo(pool.spec)
    frames = [pool.take(info) for _ in range(3)]
    assert len({frame.buffer.ctypes.data for frame in frames}) == 3
    assert (pool.made, pool.free) == (3, 0)
    held = frames[0].hold()
    for frame in frames:
        frame.release()
    assert pool.free == 2
    held.release()
    assert (pool.made, pool.free) == (3, 3)


def test_pool_stays_small_under_many_threads():
    pool = FramePool(TargetSpec(4, 4), ready=0)

    def work():
        for n in range(300):
            frame = pool.take(FrameInfo(pool.spec, n)).hold()
            frame.buffer[64:] = n % 256
            frame.release()
            assert np.all(frame.buffer[64:] == n % 256)
            frame.release()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pool.made <= 4
    assert pool.free == pool.made


def test_pool_grows_when_asked():
    pool = FramePool(TargetSpec(4, 4), ready=0)
    pool.grow()
    assert (pool.made, pool.free) == (1, 1)


def test_parse_size():
    assert parse_size("1920x1080") == (1920, 1080)
    assert parse_size(" 1X16384 ") == (1, 16384)


@pytest.mark.parametrize("text", ["", "x", "1920", "1920x", "x1080", "1920*1080", "-1x5", "1.5x2", "²x3", "1x2x3"])
def test_parse_size_says_how(text):
    with pytest.raises(ValueError, match="WIDTHxHEIGHT"):
        parse_size(text)


@pytest.mark.parametrize("text", ["0x1", "1x0", "16385x1"])
def test_parse_size_says_the_range(text):
    with pytest.raises(ValueError, match="16384"):
        parse_size(text)
