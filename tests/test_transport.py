from __future__ import annotations

import threading

import numpy as np
import pytest

from morphogen import grammar
from morphogen.errors import ParamError
from morphogen.tempo import CHOICES, Transport


def walk(transport, start, end, events=(), step=0.01):
    """State every `step`; `events` are (time, function). Checks that the beat never goes back."""
    waiting = sorted(events, key=lambda event: event[0])
    states = []
    for now in np.arange(start, end, step):
        while waiting and waiting[0][0] <= now:
            at, act = waiting.pop(0)
            act(at)
        states.append(transport.state(now))
    beats = np.array([state.beat for state in states])
    assert (np.diff(beats) >= -1e-9).all()
    return states, beats


def test_runs_at_120_until_told_otherwise():
    states, beats = walk(Transport(), 0, 10)
    assert states[0].source == "none"
    assert states[0].bpm == 120
    assert states[0].beats_per_bar == 4
    assert beats[-1] - beats[0] == pytest.approx(2 * 9.99)


def test_set_keeps_the_phase_and_zero_gives_back():
    transport = Transport()
    before = transport.state(3.3).beat
    transport.set_bpm(90, 3.3)
    state = transport.state(3.3)
    assert (state.beat, state.bpm, state.source, state.confidence) == (pytest.approx(before), 90, "set", 1.0)
    transport.follow(128, 4.0, 1.0, 4.0)
    assert transport.state(4.0).bpm == 90
    transport.set_bpm(0, 5.0)
    assert transport.state(5.0).source == "none"
    transport.follow(128, 6.0, 1.0, 6.0)
    assert (transport.state(6.0).bpm, transport.state(6.0).source) == (128, "audio")


@pytest.mark.parametrize("bpm", [-5, 3, 1000, float("nan")])
def test_impossible_tempi_are_refused_readably(bpm):
    with pytest.raises(ParamError, match="BPM is not possible") as error:
        Transport().set_bpm(bpm, 0.0)
    assert "20 to 400" in error.value.cure


def test_taps_give_tempo_and_phase():
    transport = Transport()
    times = 1.0 + 0.5 * np.arange(8) * (120 / 100)
    states, _ = walk(transport, 0, 9, [(t, transport.tap) for t in times])
    assert states[-1].source == "tap"
    assert states[-1].bpm == pytest.approx(100, rel=1e-6)
    phase = transport.state(times[-1] + 5 * 0.6).phase_at(times[-1] + 5 * 0.6)
    assert min(phase, 1 - phase) < 1e-6


def test_one_shaky_tap_hardly_matters():
    transport = Transport()
    times = 1.0 + 0.5 * np.arange(8)
    times[4] += 0.06
    for time in times:
        transport.tap(time)
    assert transport.state(5.0).bpm == pytest.approx(120, rel=0.01)


def test_a_pause_starts_the_taps_anew_and_bounces_are_ignored():
    transport = Transport()
    for time in (1.0, 1.5, 2.0, 2.05, 2.5):
        transport.tap(time)
    assert transport.state(2.5).bpm == pytest.approx(120)
    transport.tap(10.0)
    assert transport.state(10.0).bpm == pytest.approx(120)
    transport.tap(10.4)
    assert transport.state(10.4).bpm == pytest.approx(150)


def test_beat_makes_now_the_first_of_a_bar_without_going_back():
    for at in np.arange(3.0, 5.0, 0.13):
        transport = Transport()
        _, beats = walk(transport, 0, 8, [(at, transport.beat)])
        later = transport.state(at + 8 * 0.5)
        assert later.beat % 4 == pytest.approx(0, abs=1e-6) or later.beat % 4 == pytest.approx(4, abs=1e-6)
        assert later.source == "beat"
        assert beats[-1] - beats[0] < 2 * 8 + 5


def test_people_win_over_the_tracker():
    transport = Transport()
    transport.tap(1.0)
    transport.tap(1.4)
    transport.follow(99, 2.0, 1.0, 2.0)
    transport.follow(99, 2.0, 1.0, 2.0, source="track")
    assert transport.state(2.0).bpm == pytest.approx(150)


def test_the_tracker_is_followed_smoothly_into_phase():
    transport = Transport()
    truth = lambda now: (now - 0.2) * 126 / 60  # noqa: E731
    events = [
        (at, lambda now: transport.follow(126, 0.2 + np.floor(truth(now)) * 60 / 126, 0.9, now))
        for at in np.arange(1, 8, 0.1)
    ]
    states, beats = walk(transport, 0, 10, events)
    assert states[900].source == "audio"
    assert states[-1].source == "none"  # not a word for two seconds
    error = (beats[-200:] - truth(np.arange(0, 10, 0.01)[-200:]) + 0.5) % 1 - 0.5
    assert np.abs(error).max() < 0.01
    speed = np.diff(beats) / 0.01 / (126 / 60)
    assert speed[120:].min() > 0.45
    assert speed[120:].max() < 1.55


def test_a_tracker_that_is_not_sure_changes_nothing_but_the_confidence():
    transport = Transport()
    transport.follow(120, 1.0, 0.9, 1.0)
    transport.follow(77, 3.33, 0.02, 3.0)
    state = transport.state(3.0)
    assert (state.bpm, state.confidence, state.source) == (120, 0.02, "audio")


@pytest.mark.parametrize("values", [(float("nan"), 0.0), (120.0, float("inf")), (5.0, 0.0), (1e9, 0.0)])
def test_nonsense_from_a_tracker_is_ignored(values):
    transport = Transport()
    transport.follow(*values, 1.0, 1.0)
    assert transport.state(1.0).source == "none"


def test_a_known_track_sets_the_bar_and_outranks_the_tracker_until_it_ends():
    transport = Transport()
    bar = 4 * 60 / 125
    events = [
        (t, lambda now: transport.follow(125, now - now % bar, 1.0, now, "track", now - now % bar))
        for t in np.arange(2, 8, 0.1)
    ]
    walk(transport, 0, 9, events)
    transport.follow(90, 9.0, 1.0, 9.0)
    at = 6 * bar
    phase = transport.state(at).bar_phase_at(at)
    assert min(phase, 1 - phase) < 0.002
    assert transport.state(9.0).source == "track"
    transport.release("track", 9.0)
    assert transport.state(9.0).source == "none"


def test_many_threads_may_use_it_at_once():
    transport = Transport()
    errors = []

    def worker(seed):
        try:
            for index in range(300):
                now = seed + index * 0.01
                transport.follow(120, now, 0.8, now)
                transport.tap(now)
                assert np.isfinite(transport.state(now).beat)
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=worker, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def clock(source, bpm, start, stop, first=0.0):
    """Events of a machine that says every 50 ms where its bar begins."""
    bar = 4 * 60 / bpm

    def speak(transport, now):
        begun = first + (now - first) // bar * bar
        transport.follow(bpm, begun, 1.0, now, source, begun)

    return [(t, speak) for t in np.arange(start, stop, 0.05)]


def play(transport, seconds, *clocks):
    events = [(t, lambda now, act=act: act(transport, now)) for one in clocks for t, act in one]
    return walk(transport, 0, seconds, events)


def sources(states):
    """Who led, in order, with the second at which the lead began; nobody does until the next one speaks again."""
    found = []
    for state in states:
        if state.source != "none" and (not found or found[-1][0] != state.source):
            found.append((state.source, round(state.time)))
    return found


def test_each_machine_gives_way_to_the_one_before_it_and_takes_over_when_it_falls_silent():
    transport = Transport()
    states, _ = play(
        transport, 30, clock("audio", 120, 1, 30), clock("track", 121, 3, 20), clock("midi", 122, 5, 14),
        clock("link", 123, 7, 10),
    )  # fmt: skip
    assert sources(states) == [
        ("audio", 1), ("track", 3), ("midi", 5), ("link", 7), ("midi", 12), ("track", 16), ("audio", 22),
    ]  # fmt: skip
    assert {round(state.bpm) for state in states} == {120, 121, 122, 123}


def test_whoever_lets_go_is_replaced_at_once_and_nothing_jumps():
    transport = Transport()
    for now in np.arange(1, 6, 0.05):
        transport.follow(125, 1.0, 1.0, now, "link", 1.0)
        transport.follow(125, 1.24, 1.0, now, "midi", 1.24)
    before = transport.state(6.0)
    transport.release("link", 6.0)
    assert transport.state(6.0).source == "none"
    assert transport.state(6.0).beat == pytest.approx(before.beat, abs=1e-9)
    assert transport.state(6.0).bpm == 125
    transport.follow(125, 1.24, 1.0, 6.01, "midi", 1.24)
    assert transport.state(6.01).source == "midi"
    assert transport.state(6.01).beat % 1 == pytest.approx(before.beat_at(6.01) % 1, abs=1e-6)
    transport.release("track", 6.02)
    assert transport.state(6.02).source == "midi"


@pytest.mark.parametrize("gone", [2.5, 60.0])
def test_the_clock_runs_on_when_everyone_is_silent(gone):
    transport = Transport()
    play(transport, 5, clock("midi", 140, 1, 5))
    before = transport.state(4.99)
    after = transport.state(4.99 + gone)
    assert (after.source, after.bpm, after.confidence) == ("none", 140, 0.0)
    assert after.beat == pytest.approx(before.beat_at(4.99 + gone), abs=1e-3)


@pytest.mark.parametrize("source", ["link", "midi"])
def test_a_clock_that_knows_its_bars_brings_them(source):
    transport = Transport()
    play(transport, 12, clock(source, 97, 2, 12, first=0.3))
    bar = 4 * 60 / 97
    at = 0.3 + 4 * bar
    phase = transport.state(at).bar_phase_at(at)
    assert min(phase, 1 - phase) < 1e-3


def test_a_person_wins_over_midi_until_letting_go():
    transport = Transport()
    play(transport, 2, clock("midi", 140, 0, 2))
    transport.set_bpm(100, 2.0)
    transport.follow(140, 2.0, 1.0, 2.1, "midi")
    assert (transport.state(2.1).source, transport.state(2.1).bpm) == ("set", 100)
    assert transport.state(100.0).source == "set", "a hand is not silent"
    transport.set_bpm(0, 101.0)
    transport.follow(140, 101.0, 1.0, 101.1, "midi")
    assert transport.state(101.1).source == "midi"


def test_while_link_leads_a_person_changes_the_tempo_and_the_beat_stays_the_sessions():
    transport = Transport()
    play(transport, 3, clock("link", 120, 0, 3))
    beat = transport.state(3.0).beat
    assert not transport.tap(3.0)
    assert transport.tap(3.4)
    state = transport.state(3.4)
    assert (state.source, state.bpm) == ("link", pytest.approx(150))
    assert state.beat == pytest.approx(beat + 0.8, abs=1e-3)
    transport.beat(3.5)
    assert transport.state(3.5).source == "link"
    transport.follow(99, 3.5, 1.0, 5.45, "audio")
    assert transport.state(5.45).source == "beat", "the others have left: what the person did last holds"
    assert transport.state(5.45).bpm == pytest.approx(150)
    transport.follow(151, 3.5, 1.0, 5.5, "link")
    assert transport.state(5.5).source == "link", "they are back"


def test_joining_a_session_goes_before_a_tempo_held_by_hand():
    transport = Transport()
    transport.set_bpm(90, 0.0)
    transport.follow(128, 1.0, 1.0, 1.0, "link", 1.0)
    assert (transport.state(1.0).source, transport.state(1.0).bpm) == ("link", 128)
    transport.set_bpm(0, 1.1)
    assert transport.state(1.1).source == "link"
    assert transport.state(9.0).source == "none"


def test_a_chosen_source_leads_alone_and_choosing_lets_go_of_the_hand():
    transport = Transport()
    transport.set_bpm(90, 0.0)
    transport.choose("midi", 1.0)
    assert transport.state(1.0).source == "none"
    for source in ("link", "track", "audio"):
        transport.follow(128, 1.0, 1.0, 1.0, source)
    assert transport.state(1.0).source == "none"
    transport.follow(128, 1.0, 1.0, 1.0, "midi")
    assert transport.state(1.0).source == "midi"
    transport.choose("auto", 1.5)
    assert transport.state(1.5).source == "midi", "who leads goes on"
    transport.choose("manual", 1.6)
    assert (transport.state(1.6).source, transport.state(1.6).bpm) == ("none", 128)
    transport.follow(99, 1.7, 1.0, 1.7, "link")
    assert transport.state(1.7).source == "none"
    transport.set_bpm(100, 2.0)
    assert transport.state(2.0).source == "set"


def test_a_choice_that_does_not_exist_is_refused_readably():
    with pytest.raises(ParamError, match="there is no tempo source 'abel'") as error:
        Transport().choose("abel", 0.0)
    assert "auto, manual, link, midi" in error.value.cure
    assert grammar.TEMPO_CHOICES == CHOICES
