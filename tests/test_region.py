"""A show that is part of a larger canvas: what is asked for, where each output lies, and its pixels."""

from __future__ import annotations

import contextlib
import re
import shlex
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drawing import draw
from morphogen import cli
from morphogen.app import App
from morphogen.config import OPTIONS, build
from morphogen.contracts import Sink, SinkOptions
from morphogen.errors import UsageError
from morphogen.frame import Crop, PixelFormat, TargetSpec
from morphogen.grammar import read_leader, read_region
from morphogen.region import Region
from morphogen.render import create
from morphogen.sink_options import parse_out, target_spec

# --- what is asked for


@pytest.mark.parametrize(("text", "region"), [
    ("0,0,960,1080@1920x1080", Region(0, 0, 960, 1080, 1920, 1080)),
    (" 960, 0, 960, 1080@1920X1080 ", Region(960, 0, 960, 1080, 1920, 1080)),
    ("7,3,1,1@8x4", Region(7, 3, 1, 1, 8, 4)),
])  # fmt: skip
def test_a_region_is_read(text, region):
    assert read_region(text) == region
    assert read_region(str(region)) == region


WRONG = [
    ("left", "'left' is not a region", "0,0,960,1080@1920x1080"),
    ("", "'' is not a region", "x,y,w,h@WxH"),
    ("0,0,960@1920x1080", "is not a region", "x,y,w,h@WxH"),
    ("0,0,960,1080", "is not a region", "x,y,w,h@WxH"),
    ("-1,0,10,10@20x20", "is not a region", "whole pixels"),
    ("0.5,0,10,10@20x20", "is not a region", "whole pixels"),
    ("0,0,0,10@20x20", "is empty", "x,y,w,h@WxH"),
    ("0,0,10,10@0x20", "is empty", "x,y,w,h@WxH"),
    ("11,0,10,10@20x20", "reaches beyond its canvas", "x + w may be 20 at most, y + h 20"),
    ("0,1,20,20@20x20", "reaches beyond its canvas", "y + h 20"),
    ("0,0,16385,10@20000x20", "is too large", "16384"),
    ("0,0,10,10@1048577x20", "is too large", "1048576"),
]


@pytest.mark.parametrize(("text", "what", "cure"), WRONG)
def test_a_wrong_region_is_one_line_with_its_cure(capsys, text, what, cure):
    assert cli.run(("serve", f"--region={text}", "--seconds", "1")) == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert out == ""
    assert line.startswith("morphogen: --region: ")
    assert what in line
    assert cure in line


@given(st.text(max_size=60))
@example("٣,٣,٣,٣@٣x٣")
def test_no_text_makes_the_readers_fail_otherwise(text):
    for read in (read_region, read_leader):
        with contextlib.suppress(UsageError):
            read(text)


def test_the_region_is_the_size_of_the_show():
    config = build({"region": "0,0,96,54@192x54"})
    assert config.size == (96, 54)
    assert build({"region": "0,0,96,54@192x54", "size": "96x54"}).size == (96, 54)
    with pytest.raises(UsageError, match="two different sizes") as caught:
        build({"region": "0,0,96,54@192x54", "size": "192x54"})
    assert "Leave out --size" in caught.value.cure


@pytest.mark.parametrize(("text", "leader"), [
    ("tcp://127.0.0.1:8717", ("127.0.0.1", 8717)), ("tcp://127.0.0.1:8717/", ("127.0.0.1", 8717)),
    ("192.168.0.10", ("192.168.0.10", 8717)), ("stage-left:9000", ("stage-left", 9000)),
    ("[::1]", ("::1", 8717)), ("tcp://[::1]:8800", ("::1", 8800)),
])  # fmt: skip
def test_a_leader_is_read(text, leader):
    assert read_leader(text) == leader


@pytest.mark.parametrize("text", ["", "tcp://", "::1", "a:b", "host:0", "host:70000", "http://host:80", "a b"])
def test_what_is_no_leader_is_refused_with_an_example(text):
    with pytest.raises(UsageError) as caught:
        read_leader(text)
    assert "tcp://192.168.0.10:8717" in caught.value.cure


def test_a_leader_on_another_machine_needs_keys(tmp_path):
    with pytest.raises(UsageError, match="another machine") as caught:
        build({"follow": "192.168.0.10"})
    assert "--curve-keys DIR" in caught.value.cure
    assert build({"follow": "192.168.0.10", "curve_keys": str(tmp_path)}).follow == ("192.168.0.10", 8717)
    assert build({"follow": "localhost"}).follow == ("localhost", 8717)


def test_what_only_a_leader_can_say_is_noted_to_a_follower():
    given = {"follow": "127.0.0.1", "style": "starter/ember", "audio": "none", "resume": True, "osc_bind": "0.0.0.0"}
    notes = build(given).warnings
    for name in ("style", "audio", "resume", "osc-bind"):
        assert any(note.startswith(f"--{name} is for the leader") for note in notes)
    assert build({"follow": "127.0.0.1"}).warnings == ()


def test_the_commands_in_the_docs_are_understood(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parent.parent / "docs" / "walls.md").read_text(encoding="utf-8")
    lines = [
        shlex.split(line) for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()
    ]
    assert len(lines) == 6
    fields = {f"--{option.name}": option.field for option in OPTIONS}
    regions = []
    for _, verb, *rest in lines:
        if verb == "keys":
            assert cli.run((verb, *rest)) == 0
        else:
            config = build({fields[name]: value for name, value in zip(rest[::2], rest[1::2], strict=True)})
            regions.append(config.region and str(config.region))
    assert sorted(path.name for path in (tmp_path / "keys" / "clients").glob("*.key")) == ["left.key", "right.key"]
    assert regions[:3] == [None, "0,0,640,720@1280x720", "640,0,640,720@1280x720"]
    assert all(region in text.partition("```sh")[0] for region in regions[3:]), "those of the drawing"


# --- where each output lies


class Taker(Sink):
    """Keeps a copy of each frame."""

    kind = "taker"
    policy = "every"
    thread = "render"
    formats = (PixelFormat.RGBA8, PixelFormat.BGRA8)

    def _open(self, host) -> None:
        self.pictures: list = []

    def _write(self, frame) -> None:
        self.pictures.append((frame.info.spec, frame.pixels.copy()))

    def _close(self) -> None:
        pass


def wanted(text: str, region: Region) -> TargetSpec:
    return target_spec(Taker(), parse_out(text)[1], region)


RIGHT = Region(960, 0, 960, 1080, 1920, 1080)


@pytest.mark.parametrize(("text", "spec"), [
    ("taker", TargetSpec(960, 1080, crop=Crop(960, 0, 1920, 1080))),
    ("taker:size=480x540", TargetSpec(480, 540, crop=Crop(480, 0, 960, 540))),
    ("taker:width=480", TargetSpec(480, 540, crop=Crop(480, 0, 960, 540))),
    ("taker:size=1920x2160", TargetSpec(1920, 2160, crop=Crop(1920, 0, 3840, 2160))),
    ("taker:crop=100x50+10+20", TargetSpec(100, 50, crop=Crop(970, 20, 1920, 1080))),
    ("taker:crop=100x50+10+20@480x540", TargetSpec(100, 50, crop=Crop(490, 20, 960, 540))),
    ("taker:flip=1,format=bgra8", TargetSpec(960, 1080, PixelFormat.BGRA8, Crop(960, 0, 1920, 1080), True)),
])  # fmt: skip
def test_every_output_shows_the_region(text, spec):
    assert wanted(text, RIGHT) == spec


def test_without_a_region_nothing_changes():
    assert target_spec(Taker(), SinkOptions(), (64, 36)) == TargetSpec(64, 36)
    assert target_spec(Taker(), SinkOptions(width=32), (64, 36)) == TargetSpec(32, 18)


sides = st.integers(1, 16384)


@given(sides, sides, st.integers(0, 1 << 20), st.integers(0, 1 << 20), st.integers(0, 1 << 20), sides, sides)
def test_another_size_is_at_most_half_a_pixel_beside_its_place(width, height, x, y, more, across, down):
    region = Region(x, y, width, height, x + width + more, y + height + more)
    left, top, canvas_width, canvas_height = region.crop(0, 0, across, down)
    for place, exact in (
        (left, region.x * across / width), (canvas_width, region.canvas_width * across / width),
        (top, region.y * down / height), (canvas_height, region.canvas_height * down / height),
    ):  # fmt: skip
        assert abs(place - exact) <= 0.5 + 1e-6
    assert left >= 0 <= top
    assert left + across <= canvas_width
    assert top + down <= canvas_height
    # Its own size, and what is a whole multiple of it, is exact.
    assert region.crop(0, 0, 3 * width, 3 * height) == (
        3 * region.x, 3 * region.y, 3 * region.canvas_width, 3 * region.canvas_height,
    )  # fmt: skip


# --- its pixels


@pytest.fixture
def app(port_base):
    made = []

    def start(**more) -> App:
        app = App(build({"audio": "none", "port_base": str(port_base), "backend": "cpu", "threads": "1", **more}))
        made.append(app)
        app.open()
        return app

    yield start
    for app in made:
        app.close()


def test_a_show_of_a_region_is_that_part_of_the_whole(app):
    """In its own size, twice the size, cropped, upside down: each is that part of the whole picture, byte for byte."""
    one = app(region="61,18,97,51@320x180", outs=["null"])
    assert one.instrument.show_size == (97, 51)
    assert one.instrument.loop.headroom is None, "tiles are always drawn whole"
    takers = [Taker(SinkOptions(name=str(n), **more)) for n, more in enumerate(
        ({}, {"width": 194, "height": 102}, {"crop": (10, 5, 0, 0), "width": 30, "height": 20}, {"flip": True})
    )]  # fmt: skip
    for taker in takers:
        one.instrument.publisher.add(taker)
    for key, value in (("view/rotate", 30.0), ("view/kaleidoscope", 5), ("view/warp", 0.3), ("color/hue", 0.4)):
        one.instrument.params.set(key, value)
    whole = create("cpu", 1)
    for _ in range(3):
        one.instrument.loop.frame(time.perf_counter(), 1 / 60)
    one.instrument.publisher.close_all()
    assert one.instrument.loop.stats.errors == 0
    scene = one.instrument._scene
    full, double = draw(whole, scene, (320, 180)), draw(whole, scene, (640, 360))
    tile = full[18:69, 61:158]
    for taker, expected in zip(takers, (tile, double[36:138, 122:316], tile[5:25, 10:40], tile[::-1]), strict=True):
        assert len(taker.pictures) == 3
        assert np.array_equal(taker.pictures[-1][1], expected), taker.name
    whole.close()


def test_what_a_region_is_shown_in_is_told(app, port_base):
    one = app(region="0,0,96,54@192x54")
    lines = one.describe()
    assert "Region    0,0,96,54@192x54" in lines
    assert any(f"{port_base + 7} scenes" in line for line in lines)
    assert one.instrument.publisher.canvas == (192, 54)
    rows = {row["kind"]: row for row in one.instrument.publisher.list()}
    assert (rows["zmq"]["width"], rows["zmq"]["height"]) == (96, 54)
