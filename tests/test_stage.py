"""What is on stage: cut, morph, fade, hold, bend; on the beat; and what happens when people change their minds."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphogen.contracts import TempoState
from morphogen.errors import MorphogenError, RenderError, StateError, StyleError
from morphogen.field.cppn import evaluate
from morphogen.field.network import init_glow, preset
from morphogen.library import align as alignment
from morphogen.library.style import Style
from morphogen.stage import WAITING, Change, Stage

STEP = 1 / 60
SMALL = 0.045  # more than one frame of a quarter-second change moves the mean picture, less than any jump does


def style(seed: int, name: str = "3L_4D") -> Style:
    """Gentle networks: their pictures move evenly while their weights do, so that a jump stands out."""
    return Style(init_glow(preset(name), seed, hidden_gain=1.0), f"test/s{seed}-{name.lower()}")


A, B, C, WIDE, WIDER = style(1), style(2), style(3), style(4, "2L_8D"), style(5, "3L_8D")
GRID = dict(zip("yx", np.meshgrid(np.linspace(0.5, -0.5, 6), np.linspace(-0.8, 0.8, 8), indexing="ij"), strict=True))


class Play:
    """A stage, frame by frame. `compiled`: what is ready; by default everything."""

    def __init__(self, first: Style = A, compiled=None, bpm: float = 120.0) -> None:
        self.compiled = compiled
        self.asked: list = []
        self.stage = Stage(first, self.ready)
        self.now = 0.0
        self.bpm = bpm
        self.index = -1
        self.look = self.frame()

    def ready(self, shapes) -> bool:
        self.asked.append(shapes)
        return self.compiled is None or shapes in self.compiled

    def inputs(self) -> dict[str, float]:
        return {"time": self.now}

    def frame(self):
        self.index += 1
        self.now = self.index * STEP
        self.look = self.stage.advance(
            self.now, TempoState(self.bpm, self.now * self.bpm / 60, self.now), self.inputs()
        )
        self.arrived = self.stage.published(self.index)
        return self.look

    def frames(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            self.frame()

    def ask(self, to: Style, seconds: float = 0.0, **more) -> Future:
        return self.stage.request(Change(to, seconds, **more))

    def picture(self) -> np.ndarray:
        """Time stands still here, so that only the change moves the picture."""
        drawn = [np.stack(evaluate(n, GRID, {"time": 0.0})) for n in self.look.networks]
        return drawn[0] if len(drawn) == 1 else drawn[0] + (drawn[1] - drawn[0]) * self.look.mix

    def smooth(self, seconds: float, largest: float = SMALL) -> None:
        """Play on; no frame may be far from the one before."""
        before = self.picture()
        for _ in range(round(seconds / STEP)):
            self.frame()
            after = self.picture()
            assert np.abs(after - before).mean() < largest, (self.now, self.look.mix)
            before = after


def picture(of: Style) -> np.ndarray:
    return np.stack(evaluate(of.network, GRID, {"time": 0.0}))


def shows(play: Play, what: Style) -> bool:
    return len(play.look.networks) == 1 and np.allclose(play.picture(), picture(what), atol=1e-6)


# --- cut


def test_a_cut_shows_the_new_style_at_the_next_frame():
    play = Play()
    assert shows(play, A)
    future = play.ask(B)
    assert not future.done()
    play.frame()
    assert shows(play, B)
    assert future.result(0) == {"generation": 1, "frame": 1, "name": B.name, "seconds": 0.0}
    assert [c.style for c in play.arrived] == [B]
    play.frame()
    assert play.arrived == []
    assert play.stage.generation == 1
    assert play.stage.style is B


def test_the_answer_waits_until_the_frame_is_out():
    stage = Stage(A, lambda shapes: True)
    future = stage.request(Change(B, slot=3))
    stage.advance(0.0, TempoState())
    assert not future.done()
    assert stage.generation == 1
    stage.published(77)
    assert future.result(0)["frame"] == 77
    assert stage.slot == 3


def test_a_cut_ends_whatever_runs():
    for running in (B, WIDE):
        play = Play()
        play.ask(running, 2.0)
        play.frames(0.5)
        play.ask(C)
        play.frame()
        assert shows(play, C)


# --- morph


def test_a_morph_goes_through_the_weights():
    play = Play()
    future = play.ask(B, 1.0)
    play.frame()
    assert future.done()
    assert play.stage.generation == 1
    assert shows(play, A)  # the first frame of a morph is where it starts
    between = []
    for _ in range(59):
        look = play.frame()
        assert len(look.networks) == 1
        between.append(look.networks[0])
    middle = between[29].flat
    assert not np.allclose(middle, A.network.flat, atol=0.1)
    assert not np.allclose(middle, B.network.flat, atol=0.1)
    play.frame()
    play.frame()
    assert play.look.networks == (B.network,)
    assert play.stage.generation == 1


def test_a_morph_is_continuous_from_end_to_end():
    play = Play()
    play.ask(B, 2.0, aligned=alignment.align(A.network, B.network))
    play.smooth(2.2)
    assert shows(play, B)


def test_aligned_weights_are_used_and_draw_the_goal():
    aligned = alignment.align(A.network, B.network)
    assert not np.array_equal(aligned.flat, B.network.flat)
    play = Play()
    play.ask(B, 1.0, aligned=aligned)
    play.frames(1.0)
    near_end = play.look.networks[0].flat
    assert np.abs(near_end - aligned.flat).mean() < np.abs(near_end - B.network.flat).mean() / 5
    play.frames(0.1)
    assert play.look.networks == (B.network,)


def test_nothing_slow_happens_at_a_frame_edge(monkeypatch):
    """Aligning takes 40 to 150 ms: whoever asks for a morph has done it."""
    monkeypatch.setattr(alignment, "_path", lambda *a: pytest.fail("aligned on the render thread"))
    play = Play()
    play.ask(B, 0.2)
    play.frames(0.1)
    play.ask(C, 0.2)
    play.frames(0.1)
    play.ask(A, hold=0.5)
    play.frames(0.5)


def test_a_morph_late_in_the_show_keeps_its_phases_together():
    """After ten minutes the raw weights would run through dozens of turns on the way."""
    play = Play()
    play.inputs = lambda: {"time": 600.0}

    def now(network):
        return np.stack(evaluate(network, GRID, {"time": 600.0}))

    play.ask(B, 1.0)
    play.frame()
    start, steps = play.look.networks[0], []
    before = now(start)
    while play.frame().networks[0] is not B.network:
        after = now(play.look.networks[0])
        steps.append(np.abs(after - before).mean())
        before = after
    assert max(steps) < 0.1
    assert np.abs(now(B.network) - before).mean() < 0.02


def test_a_new_change_during_a_morph_starts_from_what_is_seen():
    for to in (C, WIDE):
        for kind in ("auto", "fade"):
            play = Play()
            play.ask(B, 1.0)
            play.frames(0.4)
            play.ask(to, 1.0, kind=kind)
            play.smooth(1.3)
            assert shows(play, to)


# --- fade


@pytest.mark.parametrize(("to", "kind"), [(WIDE, "auto"), (WIDE, "morph"), (B, "fade")])
def test_a_fade_draws_both(to, kind):
    play = Play()
    future = play.ask(to, 1.0, kind=kind)
    play.frame()
    assert future.done()
    assert play.look.networks == (A.network, to.network)
    assert play.look.mix == pytest.approx(0, abs=1e-3)
    play.smooth(0.5)
    assert play.look.mix == pytest.approx(0.5, abs=0.05)
    play.smooth(0.6)
    assert play.look.networks == (to.network,)


def test_a_change_during_a_fade_waits_and_hurries_it():
    play = Play()
    play.ask(WIDE, 4.0)
    play.frames(0.5)
    future = play.ask(WIDER, 1.0)
    play.frames(0.1)
    assert not future.done()
    play.smooth(0.3)
    assert future.done()  # 3.5 seconds were left; a quarter of one was enough
    assert play.look.networks[1] is WIDER.network
    play.smooth(1.2)
    assert shows(play, WIDER)


def test_a_fade_that_is_nearly_over_is_not_slowed_down():
    play = Play()
    play.ask(WIDE, 1.0)
    play.frames(0.9)
    play.ask(WIDER, 1.0)
    play.smooth(0.15)
    assert play.look.networks[1:] == (WIDER.network,)


def test_a_change_for_a_later_bar_does_not_hurry_a_fade():
    play = Play()
    play.frames(0.1)
    play.ask(WIDE, 3.0)
    play.frame()
    play.ask(WIDER, 1.0, on="bar")  # at 2 s
    play.frames(1.0)
    assert play.look.networks == (A.network, WIDE.network)
    assert play.look.mix < 0.5


# --- on the beat


@pytest.mark.parametrize(("on", "due"), [("beat", 0.5), ("bar", 2.0)])
def test_on_the_beat_and_on_the_bar(on, due):
    play = Play()
    play.frames(0.1)
    future = play.ask(B, on=on)
    while not future.done():
        play.frame()
        assert play.now < 3
    assert play.now == pytest.approx(due, abs=STEP)
    assert play.now >= due - 1e-9
    assert shows(play, B)


def test_a_change_now_does_not_wait_for_an_older_one_on_the_bar():
    play = Play()
    play.frames(0.1)
    bar = play.ask(B, on="bar")
    play.frame()
    cut = play.ask(C)
    play.frame()
    assert shows(play, C)
    # The older one is overtaken and answered with what is shown now.
    assert cut.result(0)["name"] == C.name
    assert bar.result(0) == cut.result(0) | {"seconds": 0.0}


def test_a_later_change_on_the_bar_stays_to_its_bar():
    play = Play()
    play.frames(0.1)
    cut, bar = play.ask(B), play.ask(C, on="bar")
    play.frame()
    assert cut.done()
    assert not bar.done()
    assert shows(play, B)
    play.frames(2.0)
    assert bar.done()
    assert shows(play, C)


def test_a_beat_that_has_come_is_not_waited_for_again():
    """The compiler was late: the change comes as soon as it can, not a bar later."""
    play = Play(compiled={(A.shape,)})
    play.frames(0.1)
    future = play.ask(WIDE, on="bar")
    play.frames(2.2)
    assert not future.done()
    play.compiled.add((WIDE.shape,))
    play.frame()
    assert future.done()


# --- not compiled yet


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_what_is_not_compiled_holds_the_change_back(seconds):
    play = Play(compiled={(A.shape,)})
    future = play.ask(WIDE, seconds)
    play.frames(0.5)
    assert not future.done()
    assert shows(play, A)
    assert play.stage.generation == 0
    assert (WIDE.shape,) in play.asked
    play.compiled.add((WIDE.shape,))
    play.frame()
    if seconds:
        assert not future.done()  # the pair is still missing
        assert (A.shape, WIDE.shape) in play.asked
        play.compiled.add((A.shape, WIDE.shape))
        play.frame()
    assert future.done()
    assert play.stage.generation == 1


def test_what_cannot_be_compiled_is_answered():
    play = Play(compiled={(A.shape,)})
    broken, other = play.ask(WIDE), play.ask(B, on="bar")
    play.frame()
    play.stage.refuse((WIDE.shape,), RenderError("LLVM says no."))
    play.frame()
    with pytest.raises(RenderError, match="LLVM says no"):
        broken.result(0)
    assert not other.done()
    play.frames(2.1)
    assert shows(play, B)


# --- hold


def test_a_held_mixture_of_weights_stays():
    play = Play()
    future = play.ask(B, hold=0.3)
    play.frame()
    assert future.result(0)["generation"] == 1
    held = play.look.networks[0]
    play.frames(0.5)
    assert np.array_equal(play.look.networks[0].flat, held.flat)
    assert not shows(play, A)
    assert not shows(play, B)
    assert play.stage.style is A  # the running style stays the running one


def test_a_hand_on_the_fader_changes_no_generation():
    for other in (B, WIDE):
        play = Play()
        for position in (0.1, 0.2, 0.9, 1.0, 0.4):
            play.ask(replace(other), hold=position)
            play.frame()
            assert play.stage.generation == 1
            if other is WIDE:
                assert play.look.mix == position
        play.ask(replace(other), hold=0.0)
        play.frame()
        assert shows(play, A)


def test_holding_another_style_is_a_new_generation():
    play = Play()
    for other, generation in ((B, 1), (WIDE, 2), (C, 3)):
        play.ask(other, hold=0.5)
        play.frame()
        assert play.stage.generation == generation
    assert play.look.networks[0].shape == C.shape


@pytest.mark.parametrize("held", [B, WIDE])
@pytest.mark.parametrize("to", [A, B, C, WIDE, WIDER])
@pytest.mark.parametrize("position", [0.05, 0.6, 1.0])
def test_from_a_held_mixture_every_style_arrives_without_a_jump(held, to, position):
    play = Play()
    play.ask(held, hold=position)
    play.frames(0.2)
    future = play.ask(to, 1.0)
    play.smooth(1.6)
    assert future.done()
    assert shows(play, to)


def test_a_mixture_waits_for_a_running_change():
    for running in (B, WIDE):
        play = Play()
        play.ask(running, 4.0)
        play.frames(0.5)
        future = play.ask(C, hold=0.01)
        play.smooth(0.4, 2 * SMALL)  # weights in a hurry
        assert future.done()
        assert play.stage.style is running


# --- bend


def test_a_bent_weight_is_there_at_the_next_frame():
    play = Play()
    for index in (0, 50, 106):
        play.stage.bend(index, 2.5)
        play.frame()
        assert play.look.networks[0].flat[index] == 2.5
    assert (play.look.networks[0].flat != A.network.flat).sum() == 3
    assert A.network.flat[0] != 2.5  # the style itself is as it was
    assert play.stage.generation == 0


@pytest.mark.parametrize("index", [-1, 107, 10**9])
def test_there_is_no_such_weight(index):
    with pytest.raises(StyleError, match="0 to 106"):
        Play().stage.bend(index, 0.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e5, 1e39])
def test_a_weight_that_draws_nothing_is_refused(value):
    with pytest.raises(StyleError, match="cannot be"):
        Play().stage.bend(3, value)


@pytest.mark.parametrize("to", [B, WIDE])
@pytest.mark.parametrize("kind", ["auto", "fade"])
def test_bending_during_a_change_is_continuous_and_lasts(to, kind):
    """A bend to the value that is there already is nothing; each further one moves a little."""
    play = Play()
    aligned = alignment.align(A.network, B.network) if to is B else None
    play.ask(to, 1.0, kind=kind, aligned=aligned)
    play.frames(0.5)
    before = play.picture()
    play.stage.bend(13, float(to.network.flat[13]))
    play.frame()
    assert np.abs(play.picture() - before).mean() < SMALL
    before = play.picture()
    for step in range(40):
        play.stage.bend(13, float(to.network.flat[13]) + 0.01 * step)
        play.frame()
        assert np.abs(play.picture() - before).mean() < SMALL
        before = play.picture()
    expected = np.array(to.network.flat)
    expected[13] += 0.39
    assert len(play.look.networks) == 1
    np.testing.assert_allclose(play.look.networks[0].flat, expected, atol=1e-6)


@pytest.mark.parametrize("held", [B, WIDE])
def test_bending_a_held_mixture_bends_the_running_style(held):
    play = Play()
    play.ask(held, hold=0.4)
    play.frame()
    before = play.picture()
    play.stage.bend(12, float(A.network.flat[12]) + 0.01)
    play.frame()
    assert 0 < np.abs(play.picture() - before).mean() < SMALL
    play.ask(held, hold=0.0)
    play.frame()
    assert play.look.networks[0].flat[12] == pytest.approx(A.network.flat[12] + 0.01)


# --- many at once, failing, closing


def test_the_newest_wins_and_all_are_answered():
    play = Play()
    futures = [play.ask(style(seed)) for seed in range(10, 20)]
    play.frame()
    assert shows(play, style(19))
    assert play.stage.generation == 1
    assert {f.result(0)["name"] for f in futures} == {style(19).name}


def test_too_many_are_refused_not_kept():
    play = Play()
    futures = [play.ask(B) for _ in range(WAITING + 5)]
    for future in futures[:5]:
        with pytest.raises(StyleError, match="too many style changes"):
            future.result(0)
    play.frame()
    assert all(f.done() for f in futures)


def test_a_frame_that_fails_answers_those_it_was_to_show():
    play = Play()
    cut = play.ask(B)
    bar = play.ask(C, on="bar")
    play.stage.advance(play.now + STEP, TempoState(), {})
    play.stage.failed(ValueError("no such op"))
    with pytest.raises(StyleError, match="no such op"):
        cut.result(0)
    assert not bar.done()
    assert play.stage.published(5) == []


def test_closing_answers_everyone_and_everyone_after():
    play = Play(compiled={(A.shape,)})
    waiting, bar = play.ask(WIDE), play.ask(B, on="bar")
    play.frame()
    incoming = play.ask(C)
    play.stage.close()
    late = play.ask(B)
    play.stage.close()
    for future in (waiting, bar, incoming, late):
        with pytest.raises(StateError, match="closing"):
            future.result(0)


def test_requests_from_many_threads_are_all_answered():
    play = Play()
    futures: list[Future] = []

    def ask():
        for n in range(40):
            futures.append(play.ask(A if n % 2 else B, 0.01 * (n % 3)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(t.is_alive() for t in threads):
        play.frame()
    play.frames(1.0)
    assert len(futures) == 160
    for future in futures:
        assert future.done()
        assert future.exception(0) is None or isinstance(future.exception(0), MorphogenError)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([A, B, C, WIDE, WIDER]), st.sampled_from([0.0, 0.05, 0.3, 1.0]),
            st.sampled_from(["now", "beat", "bar"]), st.sampled_from(["auto", "fade", "morph"]),
            st.sampled_from([None, None, None, 0.0, 0.4]), st.integers(0, 40),
        ),
        max_size=8,
    )
)  # fmt: skip
def test_whatever_is_asked_for_something_is_drawn_and_everyone_answered(requests):
    """Generations count the frames at which something new was shown, without gaps; in the end the stage rests."""
    play = Play()
    futures, generations = [], [0]
    for to, seconds, on, kind, hold, pause in requests:
        futures.append(play.ask(to, seconds, on=on, kind=kind, hold=hold))
        for _ in range(pause):
            look = play.frame()
            assert 1 <= len(look.networks) <= 2
            assert 0 <= look.mix <= 1
            generations.append(play.stage.generation)
    for _ in range(60 * 8):
        play.frame()
        generations.append(play.stage.generation)
    assert set(np.diff(generations)) <= {0, 1}
    assert all(f.done() and f.exception() is None for f in futures)
