from __future__ import annotations

import pytest

from morphogen.contracts import SinkOptions
from morphogen.errors import UsageError
from morphogen.frame import Alpha, Crop, PixelFormat, TargetSpec
from morphogen.publish import check_options, options_from, parse_out
from morphogen.sink_options import target_spec
from morphogen.stub import StubSink
from morphogen_bridges.sinks.null import NullSink
from morphogen_bridges.sinks.png import PngSink

SHOW = (1920, 1080)


def spec(text: str) -> TargetSpec:
    return target_spec(NullSink(), parse_out(text)[1], SHOW)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("null", TargetSpec(1920, 1080)),
        ("null:size=640x360", TargetSpec(640, 360)),
        ("null:width=640", TargetSpec(640, 360)),
        ("null:height=360", TargetSpec(640, 360)),
        ("null:size=640x360,size2=1", TargetSpec(640, 360)),
        ("null:size=show", TargetSpec(1920, 1080)),
        ("null:crop=960x1080+960+0", TargetSpec(960, 1080, crop=Crop(960, 0, 1920, 1080))),
        ("null:crop=960x1080+960+0@3840x2160", TargetSpec(960, 1080, crop=Crop(960, 0, 3840, 2160))),
        ("null:crop=10+20,size=64x64", TargetSpec(64, 64, crop=Crop(10, 20, 1920, 1080))),
        ("null:format=bgra8,flip=1,alpha=straight",
         TargetSpec(1920, 1080, PixelFormat.BGRA8, flip=True, alpha=Alpha.STRAIGHT)),
        ("null:format=jpeg", TargetSpec(1920, 1080)),
    ],
)  # fmt: skip
def test_what_an_output_draws(text, wanted):
    assert spec(text) == wanted


def test_everything_at_once():
    kind, options = parse_out("shm:name=Left wall,size=640x360,flip=yes,alpha=premultiplied,fps=29.97,dir=/a:b")
    assert kind == "shm"
    assert options == SinkOptions(
        "Left wall", 640, 360, flip=True, alpha="premultiplied", fps=29.97, extra={"dir": "/a:b"}
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (":size=2x2", "NAME"), ("", "NAME"), ("-zmq", "NAME"), ("x:foo", "'foo' is no option"), ("x:=3", "k=v"),
        ("x:flip=1,flip=0", "twice"), ("x:size=0x3", "WIDTHxHEIGHT"), ("x:size=9", "WIDTHxHEIGHT"),
        ("x:width=-1", "width='-1'.*16384"), ("x:height=big", "height='big'"), ("x:flip=maybe", "flip.*yes or no"),
        ("x:alpha=mask", "alpha.*opaque, straight, premultiplied"), ("x:format=png", "format.*rgba8, bgra8, rgba16f"),
        ("x:fps=-1", "fps.*1000"), ("x:fps=nan", "fps"), ("x:fps=fast", "fps"), ("x:name=" + "a" * 101, "100"),
        ("x:name=a\x07b", "printable"), ("x:crop=1x1", r"crop.*WxH\+X\+Y"), ("x:crop=0x5+1+1", "crop"),
        ("x:crop=99999x5+1+1", "16384"), ("x:crop=64x64+0+0@32x32", "beyond its canvas"),
        ("x:crop=64x64+0+0,size=2x2", "64x64.*2x2.*not scaled"),
    ],
)  # fmt: skip
def test_errors_name_the_option_and_what_is_allowed(text, said):
    with pytest.raises(UsageError, match=said):
        parse_out(text)


def test_maps_take_plain_values():
    options = options_from({"width": 64, "flip": True, "fps": 30, "crop": [1, 2, 300, 400], "size": [8, 9], "port": 5})
    assert options == SinkOptions("", 8, 9, (1, 2, 300, 400), flip=True, fps=30.0, extra={"port": "5"})
    for bad in ({"width": True}, {"crop": [1, 2, 3]}, {"crop": [1, 2, 3, -4]}, {"size": [1]}, {"name": 7},
                {"fps": True}, {"size": ["a", "b"]}, {"width": float("nan")}):  # fmt: skip
        with pytest.raises(UsageError):
            options_from(bad)
    assert options_from(None) == SinkOptions()


def test_a_change_keeps_the_rest():
    base = options_from({"name": "a", "size": "64x32", "crop": "1+2", "dir": "/x"})
    assert options_from({"name": "b"}, base) == SinkOptions("b", 64, 32, (1, 2, 0, 0), extra={"dir": "/x"})
    assert options_from({"crop": "none", "size": "show"}, base) == SinkOptions("a", extra={"dir": "/x"})
    assert options_from({"format": "jpeg"}).extra == {"format": "jpeg"}
    assert options_from({"format": "auto"}, options_from({"format": "jpeg"})) == SinkOptions()


def test_sinks_refuse_what_they_cannot_do():
    with pytest.raises(UsageError, match=r"cannot send format=rgba16f.*rgba8, bgra8"):
        check_options(StubSink, options_from({"format": "rgba16f"}))
    with pytest.raises(UsageError, match=r"png cannot send format=jpeg.*rgba8"):
        check_options(PngSink, options_from({"format": "jpeg"}))
    with pytest.raises(UsageError, match=r"png has no option 'widht'.*width.*path"):
        check_options(PngSink, options_from({"widht": 3}))
    check_options(PngSink, options_from({"path": "x"}))
