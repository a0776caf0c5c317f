from __future__ import annotations

import errno
import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from fakes import make_frame
from morphogen.errors import Unavailable, UsageError
from morphogen.frame import TargetSpec
from morphogen.publish import options_from
from morphogen_bridges.sinks import png
from morphogen_bridges.sinks.png import PngSink

SPEC = TargetSpec(7, 5)


def opened(host, folder, **options):
    sink = PngSink(options_from({"path": str(folder), **options}))
    sink.open(host)
    return sink


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_pictures_are_numbered_and_exact(host, tmp_path):
    folder = tmp_path / "deep" / "er"
    sink = opened(host, folder)
    frames = [make_frame(SPEC, n) for n in range(3)]
    for frame in frames:
        sink.write(frame)
    assert names(folder) == ["frame-000001.png", "frame-000002.png", "frame-000003.png"]
    for name, frame in zip(names(folder), frames, strict=True):
        with Image.open(folder / name) as picture:
            assert picture.mode == "RGB"
            assert np.array_equal(np.asarray(picture), frame.pixels[..., :3])


def test_straight_alpha_is_kept(host, tmp_path):
    sink = opened(host, tmp_path, alpha="straight")
    frame = make_frame(SPEC, fill=9)
    sink.write(frame)
    with Image.open(tmp_path / "frame-000001.png") as picture:
        assert np.array_equal(np.asarray(picture), frame.pixels)


def test_nothing_is_written_over(host, tmp_path):
    for _ in range(2):
        sink = opened(host, tmp_path)
        sink.write(make_frame(SPEC))
        sink.close()
    assert names(tmp_path) == ["frame-000001.png", "frame-000002.png"]


def test_another_folder_while_running(host, tmp_path):
    sink = opened(host, tmp_path / "a")
    sink.write(make_frame(SPEC))
    sink.reconfigure(options_from({"path": str(tmp_path / "b")}, sink.options))
    sink.write(make_frame(SPEC))
    assert names(tmp_path / "a") == names(tmp_path / "b") == ["frame-000001.png"]
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match=r"cannot write pictures to .*path=FOLDER"):
        sink.reconfigure(options_from({"path": str(tmp_path / "file" / "c")}, sink.options))
    sink.write(make_frame(SPEC))
    assert names(tmp_path / "b") == ["frame-000001.png", "frame-000002.png"]


def test_count_ends_it(host, tmp_path):
    sink = opened(host, tmp_path, count=2)
    for n in range(5):
        assert sink.watched() is (n < 2)
        sink.write(make_frame(SPEC))
    assert len(names(tmp_path)) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [({"count": "many"}, "count='many'"), ({"level": 10}, "level='10'.*0 to 9"),
     ({"alpha": "premultiplied"}, "straight by definition")],
)  # fmt: skip
def test_options_that_make_no_sense(host, tmp_path, options, said):
    with pytest.raises(UsageError, match=said):
        opened(host, tmp_path, **options)


def test_a_folder_that_is_read_only(host, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(Unavailable, match=r"read-only.*path=FOLDER"):
        opened(host, tmp_path)


def test_a_full_disk_is_said_and_leaves_no_half_picture(host, tmp_path, monkeypatch):
    sink = opened(host, tmp_path)

    def full(self, path, *_, **__):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Image.Image, "save", full)
        with pytest.raises(Unavailable, match=r"the disk .* is full.*Make room"):
            sink.write(make_frame(SPEC))
    assert names(tmp_path) == []
    sink.write(make_frame(SPEC))
    assert names(tmp_path) == ["frame-000001.png"]


def test_the_last_of_the_disk_is_left_alone(host, tmp_path, monkeypatch):
    sink = opened(host, tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=png.FLOOR - 1))
    with pytest.raises(Unavailable, match="less than 500 MB"):
        sink.write(make_frame(SPEC))


def test_the_default_folder_is_dated_and_among_the_pictures(host, tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_pictures_dir", lambda: str(tmp_path))
    sink = PngSink()
    sink.open(host)
    sink.write(make_frame(SPEC))
    (folder,) = (tmp_path / "Morphogen").iterdir()
    assert names(folder) == ["frame-000001.png"]
    assert sink.describe()["path"] == str(folder)
