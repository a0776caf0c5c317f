"""After late frames drawing gets less of a frame's time, and more again when all is calm."""

from __future__ import annotations

import pytest

from morphogen.app import App
from morphogen.config import build
from morphogen.headroom import CALM, GUILTY, LEAST, LESS, LONGEST, TOLERATED, Headroom

FRAME = 1 / 60


class Show:
    """Frames at 60 a second; `late(now, share)`: which miss their time. drawn: what drawing took of the interval."""

    def __init__(self, late, drawn=1.0) -> None:
        self.limits: list[float] = []
        self.headroom = Headroom(self.limits.append, FRAME)
        self.now, self.missed = 0.0, 0
        self.late = late
        self.drawn = drawn

    def play(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += FRAME
            late = int(self.late(self.now, self.headroom.share))
            self.missed += late
            self.headroom.frame(self.now, late, self.drawn * FRAME)


def test_a_calm_show_keeps_the_whole_frame():
    show = Show(lambda now, share: False)
    show.play(60)
    assert show.limits == [FRAME]


def test_a_rare_late_frame_changes_nothing():
    show = Show(lambda now, share: round(now * 60) % 40 == 0)
    show.play(60)
    assert show.missed == 90
    assert show.limits == [FRAME]


def test_frames_that_are_late_whatever_is_drawn_change_nothing():
    show = Show(lambda now, share: True, drawn=GUILTY * 0.9)
    show.play(30)
    assert show.limits == [FRAME]


def test_late_frames_make_room_until_it_is_enough():
    show = Show(lambda now, share: share > 0.5)
    show.play(CALM / 2)
    assert show.limits == pytest.approx([FRAME, FRAME * LESS, FRAME * LESS**2])
    assert show.missed < 40


def test_it_never_asks_for_less_than_the_least():
    show = Show(lambda now, share: True)
    show.play(30)
    assert show.limits[-1] == pytest.approx(FRAME * LEAST)
    assert show.headroom.share == LEAST


def test_when_the_load_is_gone_the_picture_comes_back():
    show = Show(lambda now, share: now < 3 and share > 0.5)
    show.play(3 + 3 * CALM)
    assert show.headroom.share == 1.0


def test_a_lasting_load_is_tried_ever_more_rarely():
    """The machine is too slow for the whole picture for good: after a while there is hardly a late frame."""
    show = Show(lambda now, share: share > 0.9)
    show.play(600)
    early = show.missed
    show.play(1200)
    assert show.missed - early <= (1200 / LONGEST + 1) * (TOLERATED + 1)


@pytest.mark.parametrize(("quality", "adapts"), [("auto", True), ("full", False)])
def test_the_daemon_adapts_unless_told_to_draw_in_full(quality, adapts, port_base):
    app = App(build({"size": "64x36", "audio": "none", "port_base": str(port_base), "quality": quality}))
    try:
        assert (app.instrument.loop.headroom is not None) == adapts
        assert app.instrument.renderer.current._governor.budget == (pytest.approx(FRAME) if adapts else 0)
    finally:
        app.close()
