"""Two outputs of one running show, of different sizes, cut out of one canvas: they meet without a seam."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from morphogen.app import App
from morphogen.config import build
from morphogen.contracts import Sink
from morphogen.frame import PixelFormat
from morphogen.publish import options_from
from waiting import until

CANVAS = (257, 97)
LEFT, RIGHT, FLIPPED = (101, 97, 0, 0), (156, 97, 101, 0), (64, 40, 70, 30)  # width, height, x, y
FRAMES = 25


class Cut(Sink):
    """Keeps every picture of its part, by frame index."""

    kind = "cut"
    policy = "every"
    thread = "render"
    formats = (PixelFormat.RGBA8, PixelFormat.BGRA8)
    extras = {}  # noqa: RUF012

    def __init__(self, **options: Any) -> None:
        super().__init__(options_from(options))
        self.pictures: dict[int, np.ndarray] = {}

    def _open(self, host: Any) -> None:
        pass

    def _write(self, frame: Any) -> None:
        picture = frame.pixels.copy()
        if frame.info.spec.flip:
            picture = picture[::-1]
        if frame.info.spec.format is PixelFormat.BGRA8:
            picture = picture[..., [2, 1, 0, 3]]
        self.pictures[frame.info.index] = picture

    def _close(self) -> None:
        pass


def crop(width: int, height: int, x: int, y: int) -> str:
    return f"{width}x{height}+{x}+{y}"


def part(picture: np.ndarray, width: int, height: int, x: int, y: int) -> np.ndarray:
    return picture[y : y + height, x : x + width]


class Show:
    """A daemon that plays in a thread, with four outputs from its first frame on."""

    def __init__(self, base: int, backend: str, values: dict[str, Any]) -> None:
        size = f"{CANVAS[0]}x{CANVAS[1]}"
        given = {"size": size, "fps": "30", "audio": "none", "port_base": str(base), "backend": backend, "threads": "2"}
        self.app = App(build({**given, "outs": ["-zmq", "-web"]}))
        self.app.open()
        self.app.instrument.params.load(values)
        self.whole, self.left, self.right = Cut(), Cut(crop=crop(*LEFT)), Cut(crop=crop(*RIGHT))
        self.flipped = Cut(crop=crop(*FLIPPED), flip=1, format="bgra8")
        for sink in (self.whole, self.left, self.right, self.flipped):
            self.app.instrument.publisher.add(sink)
        self.thread = threading.Thread(target=self.app.run)
        self.thread.start()

    def after(self, count: int) -> list[int]:
        """Indices of `count` frames from now on that every output has."""
        start = self.app.instrument.loop.index
        until(lambda: self.app.instrument.loop.index > start + count + 1, f"{count} frames")
        sinks = (self.whole, self.left, self.right, self.flipped)
        return sorted(index for index in set.intersection(*(set(s.pictures) for s in sinks)) if index > start)

    def close(self) -> None:
        self.app.instrument.loop.stop()
        self.thread.join(10)
        self.app.close()


LOOKS = {
    "plain": {"output/dither": False},
    "dither": {"output/dither": True},
    "trail and dither, turned, zoomed, folded": {
        "output/dither": True, "time/trail": 1.5, "time/speed": 3.0, "view/rotate": 17.0, "view/zoom": 1.3,
        "view/x": 0.07, "color/hue": 0.2,
    },
}  # fmt: skip


@pytest.fixture
def play(port_bases, tmp_path, monkeypatch) -> Iterator[Any]:
    monkeypatch.setenv("MORPHOGEN_HOME", str(tmp_path))
    shows: list[Show] = []

    def start(backend: str, values: dict[str, Any]) -> Show:
        shows.append(Show(port_bases(), backend, values))
        return shows[-1]

    yield start
    for show in shows:
        show.close()


@pytest.mark.parametrize("look", LOOKS)
def test_outputs_meet_without_a_seam(play, look):
    show = play("cpu", LOOKS[look])
    indices = show.after(FRAMES)
    assert len(indices) >= FRAMES
    moved = 0
    for index in indices:
        whole = show.whole.pictures[index]
        assert whole.shape == (CANVAS[1], CANVAS[0], 4)
        joined = np.concatenate([show.left.pictures[index], show.right.pictures[index]], axis=1)
        assert np.array_equal(joined[:, 100:102], whole[:, 100:102]), "at the border"
        assert np.array_equal(joined, whole), "and everywhere"
        assert np.array_equal(show.flipped.pictures[index], part(whole, *FLIPPED)), "upside down and BGRA too"
        moved += not np.array_equal(whole, show.whole.pictures[indices[0]])
    assert moved > FRAMES // 2, "a picture that stands still proves nothing about the trail"
    assert np.ptp(show.whole.pictures[indices[-1]][..., :3]) > 30


def test_cuts_of_different_sizes_are_not_one_picture():
    """The eye of the test above: a shift by one pixel is seen."""
    picture = np.random.default_rng(1).integers(0, 256, (*CANVAS[::-1], 4), np.uint8)
    assert not np.array_equal(part(picture, 64, 40, 70, 30), part(picture, 64, 40, 71, 30))


def test_an_output_that_comes_later_catches_up(play):
    """Its trail begins with its first picture; once the past has faded it meets the others, to a level."""
    show = play("cpu", {"output/dither": False, "time/trail": 0.3})
    show.after(5)
    late = Cut(crop=crop(*FLIPPED))
    show.app.instrument.publisher.add(late)
    until(lambda: len(late.pictures) > 75, "two and a half seconds of pictures")
    index = max(set(late.pictures) & set(show.whole.pictures))
    apart = np.abs(late.pictures[index].astype(int) - part(show.whole.pictures[index], *FLIPPED))
    assert apart.max() <= 1
