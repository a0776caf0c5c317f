"""The window output on X servers without a monitor: what is on the screen, pixel for pixel, and what hands do to it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import FakeHost, make_frame
from morphogen.app import App
from morphogen.config import build
from morphogen.contracts import SinkOptions
from morphogen.errors import RenderError, Unavailable, UsageError
from morphogen.findings import attempt
from morphogen.frame import PixelFormat, TargetSpec
from morphogen.sink_options import options_from
from morphogen_bridges import window_desktop, window_painter
from morphogen_bridges.probes.window import list_displays, probe
from morphogen_bridges.sinks.window import WindowSink
from morphogen_bridges.window_desktop import DESKTOP, Display, choose
from morphogen_bridges.window_painter import fit
from screens import Hand, Screen, TwoDisplays, one_display
from waiting import until

SHOW = TargetSpec(320, 180)
CENTRE = (160, 110)  # of a 320x180 window on 640x400
TITLE = "Morphogen-window"


@pytest.fixture(scope="module")
def server() -> Iterator[Screen]:
    screen = one_display()
    yield screen
    screen.close()


@pytest.fixture
def screen(server, monkeypatch) -> Screen:
    monkeypatch.setenv("DISPLAY", server.name)
    return server


@pytest.fixture
def hand(screen) -> Iterator[Hand]:
    hand = Hand(screen)
    yield hand
    hand.close()


@pytest.fixture
def host() -> FakeHost:
    return FakeHost(size=(SHOW.width, SHOW.height))


@pytest.fixture
def make(host):
    made = []

    def make(**options) -> WindowSink:
        made.append(WindowSink(options_from(options)))
        made[-1].open(host)
        return made[-1]

    yield make
    for sink in made:
        sink.close()
    assert DESKTOP._thread is None, "the desktop ends with its last window"


@pytest.fixture
def sink(screen, make) -> WindowSink:
    return make()


def flat(colour, size=(SHOW.width, SHOW.height), index=1):
    """A frame of one colour: scaled or not, it stays that."""
    frame = make_frame(TargetSpec(*size), index)
    frame.pixels[..., :3] = colour
    return frame


def bars(colour, screen=(640, 400), picture=(0, 20, 640, 360)) -> np.ndarray:
    """Black, and a rectangle of one colour."""
    x, y, width, height = picture
    wanted = np.zeros((screen[1], screen[0], 3), np.uint8)
    wanted[y : y + height, x : x + width] = colour
    return wanted


# --- pictures


@pytest.mark.parametrize("pixels", [PixelFormat.RGBA8, PixelFormat.BGRA8])
def test_a_framed_window_shows_the_very_bytes_of_the_frame(screen, sink, pixels):
    frame = make_frame(replace(SHOW, format=pixels), 5)
    sink.write(frame)
    wanted = bars(0, picture=(0, 0, 1, 1))
    rgb = frame.pixels[..., :3] if pixels is PixelFormat.RGBA8 else frame.pixels[..., 2::-1]
    wanted[110:290, 160:480] = rgb
    screen.shows(wanted)
    assert sink.stats() == {"shown": 1, "stalled": 0}


def test_pictures_follow_one_another(screen, sink):
    for index in range(40):
        frame = make_frame(SHOW, index)
        sink.write(frame)
        if index % 13 == 0:
            screen.shows(frame.pixels, CENTRE)
    screen.shows(frame.pixels, CENTRE)


def test_full_screen_one_to_one_shows_the_very_bytes(screen, make):
    sink = make(fullscreen=1, size="640x400")
    frame = make_frame(TargetSpec(640, 400), 9)
    sink.write(frame)
    screen.shows(frame.pixels)
    assert sink.describe()["fullscreen"] is True
    assert sink.describe()["window"] == "640x400"


def test_another_shape_gets_a_border_or_is_cut(screen, make):
    sink = make(fullscreen=1)
    sink.write(flat((200, 100, 50)))
    screen.shows(bars((200, 100, 50)))
    sink.reconfigure(options_from({"fit": "fill"}, sink.options))
    screen.shows(bars((200, 100, 50), picture=(0, 0, 640, 400)))
    tall = flat((1, 2, 3), (90, 200))
    sink.reconfigure(options_from({"fit": "letterbox"}, sink.options))
    sink.write(tall)
    screen.shows(bars((1, 2, 3), picture=(230, 0, 180, 400)))


def test_what_fill_cuts_off_is_the_same_on_both_sides(screen, make):
    frame = flat((0, 0, 0), (640, 200))
    # Of 640 columns the middle 320 remain, twice as wide: the outermost pixels lie a quarter of a column inside.
    for column, value in ((159, 10), (160, 20), (479, 30), (480, 40)):
        frame.pixels[:, column, :3] = value
    sink = make(fullscreen=1, fit="fill")
    sink.write(frame)

    def ends():
        row = screen.picture()[200, :, 0]
        return (int(row[0]), int(row[-1])) if row.any() else None

    left, right = until(ends, "a picture")
    assert left in (17, 18)
    assert right in (32, 33)


def test_a_resized_window_is_drawn_again_without_a_new_frame(screen, sink, hand):
    sink.write(flat((9, 99, 199)))
    screen.shows(bars((9, 99, 199), picture=(*CENTRE, 320, 180)))
    hand.resize(TITLE, 400, 280)
    screen.shows(bars((9, 99, 199), (400, 280), (0, 27, 400, 225)), CENTRE)
    assert sink.stats()["shown"] == 1


def test_before_the_first_frame_it_is_black(screen, sink, hand):
    assert hand.place(TITLE) == (*CENTRE, 320, 180)
    screen.shows(bars(0))


def test_two_windows_show_two_pictures(screen, make, hand):
    left, right = make(name="left", size="100x80"), make(name="right", size="100x80")
    hand.seen("left").configure(x=0, y=0)
    hand.seen("right").configure(x=300, y=0)
    hand._display.sync()
    for n in range(5):
        left.write(flat((n, 0, 0), (100, 80)))
        right.write(flat((0, n, 0), (100, 80)))
    screen.shows(bars((4, 0, 0), (100, 80), (0, 0, 100, 80)))
    screen.shows(bars((0, 4, 0), (100, 80), (0, 0, 100, 80)), (300, 0))
    left.close()
    right.write(flat((7, 8, 9), (100, 80)))
    screen.shows(bars((7, 8, 9), (100, 80), (0, 0, 100, 80)), (300, 0))


def test_a_picture_that_no_card_can_take_is_an_error_and_the_next_one_is_shown(screen, sink, monkeypatch):
    painter = sink._painter
    painter.run(lambda canvas: setattr(canvas, "_largest", 100))
    with pytest.raises(RenderError, match="up to 100 pixels a side, not 320x180") as caught:
        sink.write(flat((1, 1, 1)))
    assert "size" in caught.value.cure
    painter.run(lambda canvas: setattr(canvas, "_largest", 4096))
    sink.write(flat((2, 2, 2)))
    screen.shows(bars((2, 2, 2), picture=(*CENTRE, 320, 180)))


# --- people


def test_f_and_escape(screen, sink, hand):
    sink.write(flat((50, 60, 70)))
    for leave in ("f", "Escape"):
        hand.key(TITLE, "f")
        screen.shows(bars((50, 60, 70)))
        until(lambda: sink.describe()["fullscreen"])
        hand.key(TITLE, leave)
        screen.shows(bars((50, 60, 70), picture=(*CENTRE, 320, 180)))
        assert hand.place(TITLE) == (*CENTRE, 320, 180), "where it was before"
    hand.key(TITLE, "Escape")  # framed already
    sink.write(flat((1, 60, 70)))
    screen.shows(bars((1, 60, 70), picture=(*CENTRE, 320, 180)))


def test_a_double_click_leaves_full_screen_and_a_single_one_does_not(screen, make, hand):
    sink = make(fullscreen=1)
    sink.write(flat((50, 60, 70)))
    screen.shows(bars((50, 60, 70)))
    hand.click(300, 200, 1)
    time.sleep(window_frame_patience())
    assert sink.describe()["fullscreen"]
    hand.click(300, 200, 2)
    screen.shows(bars((50, 60, 70), picture=(*CENTRE, 320, 180)))
    assert not sink.describe()["fullscreen"]


def window_frame_patience() -> float:
    from morphogen_bridges.window_frame import DOUBLE_CLICK

    return DOUBLE_CLICK + 0.1


def test_there_is_no_cursor_in_full_screen(screen, sink, hand):
    hand.click(320, 200, 1)
    until(lambda: not hand.cursor_is_hidden(), "a cursor")
    time.sleep(window_frame_patience())
    hand.key(TITLE, "f")
    until(hand.cursor_is_hidden, "a hidden cursor")
    hand.key(TITLE, "f")
    until(lambda: not hand.cursor_is_hidden(), "a cursor again")


def test_options_change_while_it_runs(screen, sink, hand):
    sink.write(flat((5, 5, 5)))
    sink.reconfigure(options_from({"fullscreen": 1, "vsync": 0, "name": "Stage"}, sink.options))
    screen.shows(bars((5, 5, 5)))
    assert hand.seen("Stage")
    hand.key("Stage", "Escape")
    until(lambda: not sink.describe()["fullscreen"])
    sink.reconfigure(options_from({"fps": 30}, sink.options))
    assert not sink.describe()["fullscreen"], "what was not asked for stays as the hand left it"
    before = sink.options
    with pytest.raises(Unavailable, match="no display 'elsewhere'"):
        sink.reconfigure(options_from({"display": "elsewhere", "name": "Other"}, sink.options))
    assert sink.options is before
    assert hand.seen("Stage")


def test_closing_the_window_closes_this_output_only(screen, make, host, hand):
    rows = [{"id": "zmq", "kind": "zmq"}, {"id": "window-2", "kind": "window"}]
    host.answers["output.list"] = lambda: [*rows, {"id": "window", "kind": sink.kind, **sink.describe()}]
    sink = make()
    sink.write(flat((200, 0, 0)))
    screen.shows(bars((200, 0, 0), picture=(*CENTRE, 320, 180)))
    hand.ask_to_close(TITLE)
    until(lambda: ("output.close", {"id": "window"}) in host.calls, "closing the output")
    assert [call for call in host.calls if call[0] == "output.close"] == [("output.close", {"id": "window"})]
    screen.shows(bars(0))
    assert not sink.watched()
    sink.write(flat((0, 200, 0)))  # one that was on its way
    assert hand.window(TITLE) is None


@pytest.mark.parametrize("answer", ["refused", "cancelled"])
def test_closing_the_window_while_the_instrument_closes_is_harmless(screen, make, host, hand, answer, caplog):
    future: Future = Future()
    if answer == "refused":
        future.set_exception(Unavailable("closing."))
    else:
        future.cancel()
    sink = make()
    host.call = lambda method, arguments=None: future
    hand.ask_to_close(TITLE)
    until(lambda: not sink.watched())
    assert caplog.records == []


def test_a_fault_in_an_event_is_logged_and_the_next_one_is_heard(screen, sink, hand, monkeypatch, caplog):
    real = sink._window._toggle
    monkeypatch.setattr(sink._window, "_toggle", lambda glfw: 1 / 0)
    hand.key(TITLE, "f")
    until(lambda: "division by zero" in caplog.text)
    monkeypatch.setattr(sink._window, "_toggle", real)
    sink.write(flat((8, 8, 8)))
    hand.key(TITLE, "f")
    screen.shows(bars((8, 8, 8)))


def test_the_show_goes_on_without_its_window(screen, hand, port_base, tmp_path, monkeypatch):
    monkeypatch.setenv("MORPHOGEN_HOME", str(tmp_path))
    words = {"size": "64x36", "audio": "none", "port_base": str(port_base), "backend": "numpy", "outs": ["window"]}
    app = App(build(words))
    told = []
    app.instrument.subscribe(lambda topic, data: told.append(data["event"]) if topic == "output" else None)
    app.open()
    player = threading.Thread(target=app.run)
    player.start()
    try:
        until(lambda: screen.picture().any(), "a picture")
        hand.ask_to_close(TITLE)
        until(lambda: "close" in told)
        assert "window" not in {row["kind"] for row in app.instrument.publisher.list()}
        frames = app.instrument.loop.index
        until(lambda: app.instrument.loop.index > frames + 5, "more frames")
        assert app.instrument.call("output.open", {"kind": "window"}).result(20)["id"] == "window"
        until(lambda: screen.picture().any(), "a picture again")
    finally:
        app.instrument.loop.stop()
        player.join(10)
        app.close()
    assert not [t.name for t in threading.enumerate() if t.name.startswith(("morphogen-desktop", "morphogen-window"))]


# --- displays


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Iterator[TwoDisplays]:
    desk = TwoDisplays(tmp_path_factory.mktemp("xorg"))
    yield desk
    desk.close()


@pytest.fixture
def two(desk, monkeypatch) -> TwoDisplays:
    monkeypatch.setenv("DISPLAY", desk.name)
    desk.plug()
    return desk


def test_displays_are_listed(two):
    listed = list_displays()
    assert all(row.pop("hz") >= 50 for row in listed)
    assert listed == [
        {"name": "DUMMY0", "number": 1, "size": "800x600"},
        {"name": "DUMMY1", "number": 2, "size": "640x480"},
    ]


@pytest.mark.parametrize("display", ["2", "DUMMY1", "y1"])
def test_the_second_display_is_covered_and_the_first_is_not(two, make, display):
    sink = make(display=display, fullscreen=1, fit="fill")
    sink.write(flat((10, 200, 10)))
    two.shows(bars((10, 200, 10), (1440, 480), (800, 0, 640, 480)))
    assert sink.describe()["display"] == "DUMMY1"


def test_a_window_moves_to_another_display_as_it_is(two, make):
    sink = make(fit="fill")
    sink.write(flat((10, 200, 10)))
    two.shows(bars((10, 200, 10), (1440, 480), (240, 210, 320, 180)))
    sink.reconfigure(options_from({"display": "2"}, sink.options))
    two.shows(bars((10, 200, 10), (1440, 480), (960, 150, 320, 180)))
    sink.reconfigure(options_from({"fullscreen": "1"}, sink.options))
    two.shows(bars((10, 200, 10), (1440, 480), (800, 0, 640, 480)))
    sink.reconfigure(options_from({"display": "1"}, sink.options))
    two.shows(bars((10, 200, 10), (1440, 480), (0, 0, 800, 480)))


def test_a_display_that_is_unplugged_leaves_a_framed_window_and_gets_it_back(two, make, host, caplog):
    sink = make(display=2, fullscreen=1, fit="fill")
    sink.write(flat((10, 200, 10)))
    two.shows(bars((10, 200, 10), (1440, 480), (800, 0, 640, 480)))
    two.unplug()
    told = {"event": "windowed", "kind": "window", "name": TITLE, "display": "DUMMY1"}
    until(lambda: ("output", told) in host.events, "the event")
    sink.write(flat((200, 10, 10)))
    two.shows(bars((200, 10, 10), (800, 600), (240, 210, 320, 180)))
    assert sink.describe() | {"display": "DUMMY0", "fullscreen": False, "window": "320x180"} == sink.describe()
    assert "DUMMY1 is gone" in caplog.text
    two.plug()
    sink.write(flat((10, 10, 200)))
    two.shows(bars((10, 10, 200), (1440, 480), (800, 0, 640, 480)))
    assert sink.describe()["fullscreen"] is True


def test_a_window_manager_that_puts_it_elsewhere_is_asked_again(two, make):
    """As one does that has not heard of a new display yet."""
    sink = make(display=2, fullscreen=1, fit="fill")
    sink.write(flat((10, 200, 10)))
    hand = Hand(two)
    hand.seen(TITLE).configure(x=0, y=0, width=300, height=200)
    hand._display.sync()
    two.shows(bars((10, 200, 10), (1440, 480), (800, 0, 640, 480)))
    assert hand.place(TITLE) == (800, 0, 640, 480)
    hand.close()


def test_a_hand_that_chose_a_frame_keeps_it_when_the_display_comes_back(two, make):
    sink = make(display=2, fullscreen=1, fit="fill")
    sink.write(flat((10, 200, 10)))
    two.unplug()
    until(lambda: not sink.describe()["fullscreen"])
    sink.reconfigure(options_from({"fullscreen": 0}, sink.options))
    two.plug()
    until(lambda: len(list_displays()) == 2)
    two.shows(bars((10, 200, 10), (1440, 480), (240, 210, 320, 180)))
    assert not sink.describe()["fullscreen"]


DESK = [
    Display(1, "DP-1", (0, 0), (1920, 1080), (0, 30, 1920, 1050), 60),
    Display(2, "HDMI-1", (1920, 0), (1280, 720), (1920, 0, 1280, 720), 50),
    Display(3, "HDMI-2", (3200, 0), (1280, 720), (3200, 0, 1280, 720), 0),
]


@pytest.mark.parametrize(("wanted", "number"), [("", 1), ("1", 1), ("3", 3), ("dp", 1), ("HDMI-1", 2), ("i-2", 3)])
def test_a_display_is_chosen_by_number_or_name(wanted, number):
    assert choose(DESK, wanted).number == number


@pytest.mark.parametrize(("wanted", "what"), [("4", "no display '4'"), ("hdmi", "several displays are called 'hdmi'")])
def test_a_wrong_display_is_answered_with_those_that_are_there(wanted, what):
    with pytest.raises(Unavailable, match=what) as caught:
        choose(DESK, wanted)
    assert "2 (HDMI-1, 1280x720)" in caught.value.cure
    with pytest.raises(Unavailable, match="no display is connected"):
        choose([], wanted)


def test_a_framed_window_fits_its_display():
    assert DESK[0].centred((1280, 720)) == (320, 195, 1280, 720)
    assert DESK[1].centred((1920, 1080)) == (2048, 72, 1024, 576)
    assert DESK[1].centred((100_000, 1))[2:] == (1024, 1)


@given(st.tuples(st.integers(1, 9000), st.integers(1, 9000)), st.tuples(st.integers(1, 9000), st.integers(1, 9000)))
def test_fit_is_undistorted_centred_and_as_large_as_can_be(picture, window):
    for fill in (False, True):
        x, y, width, height = fit(picture, window, fill)
        sides = (width - window[0], height - window[1])
        assert 0 in sides
        assert max(sides) <= 0 if not fill else min(sides) >= 0
        exact = picture[0] / picture[1]
        assert min(width, height) == 1 or (width - 0.51) / (height + 0.51) <= exact <= (width + 0.51) / max(
            height - 0.51, 1e-9
        )
        assert 0 <= window[0] - width - 2 * x <= 1
        assert 0 <= window[1] - height - 2 * y <= 1
    assert fit(picture, picture, fill=False) == fit(picture, picture, fill=True) == (0, 0, *picture)


# --- what can go wrong


@pytest.mark.parametrize(("options", "what"), [
    ({"fit": "stretch"}, "fit=letterbox"), ({"fullscreen": "maybe"}, "fullscreen=1"), ({"vsync": 2}, "vsync=1"),
])  # fmt: skip
def test_wrong_options_say_what_is_right(host, options, what):
    with pytest.raises(UsageError) as caught:
        WindowSink(options_from(options)).open(host)
    assert what in caught.value.cure


@pytest.mark.parametrize("wayland", ["", "wayland-0"])
def test_without_a_display_the_cure_is_told(host, monkeypatch, wayland):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("WAYLAND_DISPLAY", wayland)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(Unavailable, match="DISPLAY is not set") as caught:
        WindowSink().open(host)
    assert ("Wayland alone" in caught.value.message) == bool(wayland)
    assert "DISPLAY=:0" in caught.value.cure
    assert "Xwayland" in caught.value.cure
    found = attempt("window", "output", probe)
    assert (found.status, found.cure) == ("absent", caught.value.cure)


def test_a_display_that_does_not_answer_is_said(host, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":54321")
    with pytest.raises(Unavailable, match=r"cannot be reached.*:54321") as caught:
        WindowSink().open(host)
    assert "DISPLAY" in caught.value.cure
    assert DESKTOP._thread is None


def test_on_macos_the_reason_is_honest(host, monkeypatch):
    monkeypatch.setattr(window_desktop.sys, "platform", "darwin")
    with pytest.raises(Unavailable, match="main thread on macOS") as caught:
        WindowSink().open(host)
    assert "full screen" in caught.value.cure


def test_without_the_package_the_extra_is_named(host, screen, monkeypatch):
    monkeypatch.setitem(sys.modules, "glfw", None)
    with pytest.raises(Unavailable, match="glfw") as caught:
        WindowSink().open(host)
    assert "morphogen[window]" in caught.value.cure


def test_a_missing_display_leaves_nothing_open(host, screen):
    with pytest.raises(Unavailable, match="no display '7'") as caught:
        WindowSink(SinkOptions(extra={"display": "7"})).open(host)
    assert "1 (screen, 640x400)" in caught.value.cure
    assert DESKTOP._thread is None


@pytest.mark.parametrize("when", ["window", "context", "shaders"])
def test_a_driver_that_cannot_leaves_nothing_open(host, screen, hand, monkeypatch, when):
    import glfw
    import moderngl

    def refuse(*_, **__):
        raise ValueError("driver said no")

    if when == "window":
        monkeypatch.setattr(glfw, "create_window", lambda *_: None)
    elif when == "context":
        monkeypatch.setattr(glfw, "get_current_context", lambda: None)
    else:
        monkeypatch.setattr(moderngl, "create_context", refuse)
    with pytest.raises(Unavailable) as caught:
        WindowSink().open(host)
    assert "driver" in caught.value.cure
    assert DESKTOP._thread is None
    assert hand.window(TITLE) is None
    monkeypatch.undo()
    monkeypatch.setenv("DISPLAY", screen.name)
    sink = WindowSink()
    sink.open(host)
    sink.write(flat((3, 3, 3)))
    screen.shows(bars((3, 3, 3), picture=(*CENTRE, 320, 180)))
    sink.close()


def test_a_display_that_does_not_take_pictures_holds_up_nobody(host, screen, hand, monkeypatch, caplog):
    """A sleeping or covered display may keep the driver inside `swap_buffers`."""
    import glfw

    awake = threading.Event()
    real = glfw.swap_buffers

    def asleep(handle):
        awake.wait(30)
        real(handle)

    monkeypatch.setattr(window_painter, "STALL", 0.05)
    sink = WindowSink()
    sink.open(host)
    sink._painter.run(lambda canvas: None)
    monkeypatch.setattr(glfw, "swap_buffers", asleep)
    frames = [flat((n, n, n)) for n in range(3)]
    for frame in frames:
        sink.write(frame)
    assert sink.stats()["stalled"] == 3
    assert [frame._holds for frame in frames] == [1, 1, 1]
    sink.close()
    assert "its window is left behind" in caplog.text
    until(lambda: hand.window(TITLE) is None, "hiding the window")
    awake.set()
    until(lambda: not any(t.name == "morphogen-window" for t in threading.enumerate()))
    DESKTOP.release()


def test_nothing_is_left_after_closing(host, screen):
    before = set(threading.enumerate())  # other tests' threads are not ours

    def left():
        threads = [t.name for t in threading.enumerate() if t not in before]
        return threads, len(list(Path("/proc/self/fd").iterdir()))

    counts = []
    for n in range(12):
        sink = WindowSink(SinkOptions(extra={"fullscreen": str(n % 2)}))
        sink.open(host)
        sink.write(flat((n, n, n)))
        sink.close()
        counts.append(left()[1])
    assert left()[0] == []
    if sys.platform == "linux":
        assert counts[-1] <= counts[3] + 2, counts


def test_the_doctor_draws_and_reads_back(screen):
    found = attempt("window", "output", probe)
    assert (found.status, found.cure) == ("works", "")
    assert "1 display" in found.summary
    assert found.details["devices"][0]["name"] == "screen"


def test_the_doctor_sees_a_wrong_picture(screen, monkeypatch):
    monkeypatch.setitem(window_painter._SWIZZLES, PixelFormat.RGBA8, "BGR1")
    assert attempt("window", "output", probe).status == "failed"
