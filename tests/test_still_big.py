"""Stills of any size: drawn and written in bands, the bytes of the whole, in constant memory, whole or not there."""

from __future__ import annotations

import errno
import subprocess
import sys
import textwrap
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawing import glow
from morphogen.cli import TERMINATED, run
from morphogen.errors import StyleError
from morphogen.library import atomic
from morphogen.library.bands import _joined, write_png
from morphogen.library.exchange import as_picture, picture_chunks
from morphogen.library.picture import carried
from morphogen.library.style import Style, load_style, save_style, to_bytes
from morphogen.still import BAND, render_still, still_bands
from waiting import until

STYLE = Style(glow(6), "test/six", title="Six", prompt="tendrils, Hα red", licence="CC0-1.0")
SETS = {"view/zoom": 0.7, "view/kaleidoscope": 5, "view/warp": 0.4, "audio/bass": 0.9, "color/exposure": -2.0}


def read(path):
    with Image.open(path) as picture:
        assert picture.mode == "RGB"
        return np.asarray(picture)


# --- the same picture


@pytest.mark.parametrize("size", [(1, 1), (3, 2 * BAND), (65, BAND), (203, 3 * BAND + 1), (130, 64 + BAND - 1)])
@pytest.mark.parametrize("sets", [{}, SETS], ids=["plain", "folded"])
def test_bands_are_the_picture_drawn_whole(size, sets):
    """To the byte, the dither across the seams included."""
    bands = list(still_bands(STYLE, size, 12.0, sets))
    assert all(len(band) <= BAND for band in bands)
    assert np.array_equal(np.concatenate(bands), render_still(STYLE, size, 12.0, sets))


@pytest.mark.parametrize("preset", ["3L_6D", "4L_128D"])
@pytest.mark.parametrize("backend", ["numpy", "cpu"])
def test_so_they_are_on_other_backends_and_with_wide_networks(preset, backend):
    style, size = Style(glow(3, preset), "test/other"), (97, 2 * BAND + 5)
    whole = render_still(style, size, 3.0, {}, backend)
    assert np.array_equal(np.concatenate(list(still_bands(style, size, 3.0, {}, backend))), whole)


@pytest.mark.parametrize("size", [(1, 1), (131, 3 * BAND + 7), (2, 200)])
def test_the_file_holds_the_picture_and_the_style(tmp_path, size):
    whole = render_still(STYLE, size, 12.0, SETS)
    path = tmp_path / "new" / "a.png"
    write_png(path, size, still_bands(STYLE, size, 12.0, SETS), picture_chunks(STYLE))
    assert np.array_equal(read(path), whole[..., :3])
    assert carried(path) == to_bytes(STYLE)
    assert load_style(path).prompt == STYLE.prompt
    pillow = tmp_path / "pillow.png"
    pillow.write_bytes(as_picture(STYLE, whole[..., :3]))
    with Image.open(path) as ours, Image.open(pillow) as theirs:
        ours.load(), theirs.load()
        assert ours.text == theirs.text


@pytest.mark.parametrize("kind", ["noise", "black", "white", "half"])
@pytest.mark.parametrize("rows", [1, 7, 100])
def test_any_picture_comes_back(tmp_path, kind, rows):
    size, rng = (75, 100), np.random.default_rng(3)
    picture = rng.integers(0, 256, (100, 75, 4), np.uint8)
    picture[50 if kind == "half" else 0 : None if kind in ("black", "white") else 51] = 255 * (kind == "white")
    path = tmp_path / "a.png"
    write_png(path, size, (picture[at : at + rows] for at in range(0, 100, rows)))
    assert np.array_equal(read(path), picture[..., :3])


def test_black_takes_no_room(tmp_path):
    path = tmp_path / "a.png"
    write_png(path, (640, 640), (np.zeros((BAND, 640, 4), np.uint8) for _ in range(20)))
    assert path.stat().st_size < 10_000


def test_two_sums_are_the_sum_of_both():
    data = np.random.default_rng(1).integers(0, 256, 200_000, np.uint8).tobytes()
    for cut in (0, 1, 65_521, 150_000, len(data)):
        first, second = zlib.adler32(data[:cut]), zlib.adler32(data[cut:])
        assert _joined(first, second, len(data) - cut) == zlib.adler32(data)


# --- memory


def peak(path, height):
    tracemalloc.start()
    try:
        write_png(path, (1024, height), still_bands(STYLE, (1024, height), 0.0, {}), picture_chunks(STYLE))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_height(tmp_path):
    peak(tmp_path / "first.png", 64)  # what is compiled and cached once
    low, high = peak(tmp_path / "low.png", 1024), peak(tmp_path / "high.png", 6144)
    assert high < 1.2 * low + 1e6, (low, high)
    assert high < 6144 * 1024 * 4 / 2, "half of what the whole picture takes"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from /proc")
def test_a_process_stays_small(tmp_path):
    """By the command line, as people do: eight times the pixels, next to no more memory."""
    save_style(STYLE, tmp_path / "six.safetensors")
    text = textwrap.dedent("""
        import sys
        from morphogen.cli import TERMINATED, run
        assert run(sys.argv[1:]) == 0
        print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
    """)

    def taken(height):
        words = ["still", "--style", str(tmp_path / "six.safetensors"), "--size", f"4096x{height}", "-o", "a.png"]
        done = subprocess.run(
            [sys.executable, "-c", text, *words], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return int(done.stdout) / 1024

    taken(64)  # compiles
    low, high = taken(1024), taken(8192)
    assert high < low + 40, f"{low:.0f} MB became {high:.0f} MB; the picture alone takes 128 MB"


# --- whole or not there


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ValueError])
@pytest.mark.parametrize("before", [b"", b"an older picture"])
def test_whatever_ends_it_leaves_what_was_there(tmp_path, error, before):
    path = tmp_path / "a.png"
    if before:
        path.write_bytes(before)

    def broken():
        for band in still_bands(STYLE, (64, 640), 0.0, {}):
            yield band
            if path.parent.joinpath("stop").exists():
                raise error
            path.parent.joinpath("stop").touch()

    with pytest.raises(error):
        write_png(path, (64, 640), broken())
    (tmp_path / "stop").unlink()
    assert [found.read_bytes() for found in tmp_path.iterdir()] == ([before] if before else [])


def test_ctrl_c_on_the_command_line(tmp_path, monkeypatch):
    def interrupted(*_):
        yield np.zeros((BAND, 64, 4), np.uint8)
        raise KeyboardInterrupt

    monkeypatch.setattr("morphogen.still.still_bands", interrupted)
    assert run(["still", "--size", "64x64", "-o", str(tmp_path / "a.png")]) == 130
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows makes links for administrators only")
def test_what_is_no_plain_file_is_not_replaced(tmp_path):
    """A device under /dev, too: as root, a file would take its place."""
    link, real, folder = tmp_path / "link.png", tmp_path / "real.png", tmp_path / "folder.png"
    link.symlink_to(real)
    folder.mkdir()
    atomic.write(link, b"one")
    assert (link.is_symlink(), real.read_bytes()) == (True, b"one")
    for refused in (folder, Path("/dev/null")):
        with pytest.raises(StyleError, match=r"no plain file\..*-o"):
            atomic.write(refused, b"two")
    assert Path("/dev/null").is_char_device()


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(StyleError, match=r"a\.png cannot be written: the disk is full\..*Make room"):
        write_png(tmp_path / "a.png", (64, 64), still_bands(STYLE, (64, 64), 0.0, {}))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("heights", [(32,), (32, 33), ()])
def test_bands_that_are_not_the_picture_make_no_file(tmp_path, heights):
    bands = (np.zeros((height, 64, 4), np.uint8) for height in heights)
    with pytest.raises(ValueError, match="the picture 64"):
        write_png(tmp_path / "a.png", (64, 64), bands)
    with pytest.raises(ValueError, match="a band is 64 wide, the picture 63"):
        write_png(tmp_path / "a.png", (63, 64), [np.zeros((64, 64, 4), np.uint8)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", ["16385x16", "16x16385", "0x9", "-5x9", "99999999999999999999x1", "1e4x9", "x", "nan"])
def test_sizes_that_cannot_be(tmp_path, capsys, size):
    assert run(["still", f"--size={size}", "-o", str(tmp_path / "a.png")]) == 2
    assert "Write WIDTHxHEIGHT, as 1920x1080; each side 1 to 16384" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


# --- progress


def test_a_terminal_hears_how_far_it_is(tmp_path, monkeypatch, capsys):
    told = []
    write_png(tmp_path / "a.png", (64, 80), still_bands(STYLE, (64, 80), 0.0, {}),
              watch=lambda done, of: told.append((done, of)))  # fmt: skip
    assert told == [(32, 80), (64, 80), (80, 80)]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("morphogen.cli.still.BIG", 1)
    monkeypatch.setenv("TERM", "xterm")
    assert run(["still", "--size", "64x80", "-o", str(tmp_path / "b.png")]) == 0
    assert "Drawing 64 x 80" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
def test_who_is_asked_to_end_leaves_no_half_picture(tmp_path):
    """SIGTERM, as a shutting machine and `timeout` send it."""
    command = [sys.executable, "-m", "morphogen", "still", "--size", "8192x8192", "-o", str(tmp_path / "big.png")]
    drawing = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until(lambda: list(tmp_path.iterdir()) or drawing.poll() is not None, "a begun picture")
    drawing.terminate()
    said = drawing.communicate(timeout=60)[1]
    assert drawing.returncode == TERMINATED, said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
