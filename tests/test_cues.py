from __future__ import annotations

from itertools import pairwise

import pytest

from morphogen.contracts import TempoState
from morphogen.cues import WAITING, Cues, crossed, moment, turns
from morphogen.errors import StateError, UsageError


def tempo(beat):
    return TempoState(120.0, beat, 0.0)


@pytest.mark.parametrize(("before", "after", "come"), [
    (1.2, 1.9, {"now"}), (1.9, 2.1, {"now", "beat"}), (3.9, 4.0, {"now", "beat", "bar"}),
    (3.9, 5.1, {"now", "beat"}), (6.4, 8.4, {"now", "beat", "bar"}),
])  # fmt: skip
def test_beats_and_bars_come_once(before, after, come):
    assert crossed(before, after, 4) == come


def test_an_act_says_its_moment_or_the_launch_quantisation_does():
    assert [moment(None, quantise) for quantise in ("off", "beat", "bar")] == ["now", "beat", "bar"]
    assert [moment(on, "bar") for on in ("now", "beat", "bar")] == ["now", "beat", "bar"]
    with pytest.raises(UsageError, match="cannot be 'later'") as error:
        moment("later", "off")
    assert "now, beat, bar" in error.value.cure


def test_acts_wait_for_their_moment_in_order():
    cues, done = Cues(), []
    cues.advance(0.0, tempo(0.5))
    futures = [cues.hold(on, lambda on=on: done.append(on) or on) for on in ("bar", "beat", "beat")]
    cues.advance(0.0, tempo(0.9))
    assert not done
    cues.advance(0.0, tempo(1.0))
    assert done == ["beat", "beat"]
    cues.advance(0.0, tempo(3.99))
    cues.advance(0.0, tempo(4.2))
    assert done == ["beat", "beat", "bar"]
    assert [future.result(0) for future in futures] == ["bar", "beat", "beat"]


def test_an_act_that_fails_is_its_callers_answer():
    cues = Cues()

    def fail():
        raise StateError("empty.", "Fill it.")

    broken, fine = cues.hold("beat", fail), cues.hold("beat", lambda: 1)
    cues.advance(0.0, tempo(1.0))
    with pytest.raises(StateError, match="empty"):
        broken.result(0)
    assert fine.result(0) == 1


def test_too_many_are_refused_and_closing_answers_all():
    cues = Cues()
    futures = [cues.hold("bar", lambda: None) for _ in range(WAITING)]
    with pytest.raises(StateError, match="wait for the beat"):
        cues.hold("bar", lambda: None)
    cues.close()
    for future in futures:
        with pytest.raises(StateError, match="closing"):
            future.result(0)


@pytest.mark.parametrize(("every", "asked"), [(0, []), (1, list(range(1, 33))), (4, [3, 7, 11, 15, 19, 23, 27, 31]),
                                              (16, [15, 31])])  # fmt: skip
def test_the_next_style_is_asked_for_one_beat_ahead(every, asked):
    at = [step / 10 for step in range(0, 321)]
    assert [int(b) for a, b in pairwise(at) if turns(a, b, every)] == asked
