"""The hue follows key or brightness: it glides, at any frame rate, and what is off turns nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from drawing import draw
from morphogen.audio.key import Key, Music
from morphogen.field.grade import Grade
from morphogen.field.network import init_glow, preset
from morphogen.hue import HueFollower
from morphogen.library.style import Style
from morphogen.offline.rehearsal import Rehearsal
from morphogen.offline.track import Track
from morphogen.params.catalog import BY_KEY, FOLLOWED
from morphogen.render import create
from morphogen.scene_wire import Decoder, Encoder, Shot
from test_key import CHORD, RATE, cadence

C, G, F_SHARP, D_FLAT, A_MINOR = (
    Music(Key(tonic, minor, 1.0)) for tonic, minor in ((0, False), (7, False), (6, False), (1, False), (9, True))
)
NONE, SILENCE = Music(), Music(silent=True)
DT = 1 / 60


def values(mode, amount=1.0, brightness=0.0):
    found = {key: param.default for key, param in BY_KEY.items()}
    return found | {
        "color/follow": float(FOLLOWED.index(mode)), "color/follow_amount": amount, "audio/centroid": brightness,
    }  # fmt: skip


def play(follower, seconds, mode="key", key=NONE, dt=DT, **how):
    return [follower.turn(values(mode, **how), key, dt) for _ in range(round(seconds / dt))]


def apart(a, b):
    return abs((a - b + 0.5) % 1.0 - 0.5)


def test_the_first_frame_is_there():
    assert HueFollower().turn(values("key"), G, 0.0) == pytest.approx(1 / 12)
    assert HueFollower().turn(values("centroid", brightness=0.9), NONE, 0.0) == pytest.approx(0.2)


def test_another_key_comes_in_within_two_seconds_without_a_jump():
    follower = HueFollower()
    follower.turn(values("key"), C, DT)
    turns = play(follower, 4.0, key=G)
    steps = np.diff([0.0, *turns])
    assert (steps > -1e-9).all(), "straight there"
    assert steps.max() < 1 / 12 * 2.5 / math.e * DT * 1.05, "no faster than a damped spring"
    assert steps[0] < steps.max() / 3, "it sets off gently"
    assert 0.8 < turns[round(1.5 / DT)] * 12 < 0.95
    assert turns[-1] == pytest.approx(1 / 12, abs=1e-4)


def test_the_short_way_round_also_over_the_seam():
    follower = HueFollower()
    follower.turn(values("key"), F_SHARP, DT)  # 6/12, and Db at 7/12, both told from -1/2 to 1/2
    turns = play(follower, 4.0, key=D_FLAT)
    assert max(apart(turn, 6.5 / 12) for turn in turns) < 0.51 / 12
    assert max(apart(a, b) for a, b in pairwise(turns)) < 0.002
    assert apart(turns[-1], 7 / 12) < 1e-4


def test_frame_rates_and_long_frames_do_not_matter():
    ends = []
    for dt in (1 / 240, 1 / 60, 1 / 10, 1.0):
        follower = HueFollower()
        follower.turn(values("key"), C, dt)
        ends.append(play(follower, 1.0, key=A_MINOR, dt=dt)[-1])
    assert np.ptp(ends) < 1e-9
    follower.turn(values("key"), D_FLAT, 1e9)
    assert math.isfinite(follower.turn(values("key"), D_FLAT, 0.0))


def test_a_change_of_mind_on_the_way_keeps_its_swing():
    follower = HueFollower()
    follower.turn(values("key"), C, DT)
    there = play(follower, 0.7, key=G)
    back = play(follower, 4.0, key=C)
    speeds = np.diff([*there[-3:], *back])
    assert np.abs(np.diff(speeds)).max() < 2e-4
    assert abs(back[-1]) < 1e-4


def test_nothing_clear_keeps_the_last_hue():
    follower = HueFollower()
    play(follower, 5.0, key=G)
    assert set(play(follower, 1.0, key=NONE)) == {play(follower, 0.1, key=G)[-1]}
    bright = play(follower, 5.0, "centroid", brightness=0.75)[-1]
    assert bright == pytest.approx(0.125, abs=1e-3)
    assert play(follower, 2.0, "centroid", brightness=0.0) == pytest.approx([0.125] * 120, abs=1e-3), "silence"
    fading = [follower.turn(values("centroid", brightness=0.75 * 0.9**n), SILENCE, DT) for n in range(120)]
    assert fading == pytest.approx([0.125] * 120, abs=1e-3), "a feature that falls back is no dull sound"
    assert play(follower, 2.0, "centroid", brightness=math.nan) == pytest.approx([0.125] * 120, abs=1e-3)


def test_the_amount_works_at_once_and_holds_on_the_way():
    follower = HueFollower()
    play(follower, 5.0, key=G)
    assert follower.turn(values("key", 0.5), G, DT) == pytest.approx(1 / 24, abs=1e-4)
    assert follower.turn(values("key", 0.0), G, DT) == pytest.approx(0, abs=1e-4)
    assert set(play(HueFollower(), 3.0, key=G, amount=0.0)) == {0.0}


def test_off_glides_back_to_exactly_nothing():
    follower = HueFollower()
    play(follower, 3.0, key=G)
    turns = play(follower, 6.0, "off", key=G)
    assert turns[0] == pytest.approx(1 / 12, abs=2e-3)
    assert turns[-1] == 0.0
    assert set(play(HueFollower(), 1.0, "off", key=G, brightness=0.9)) == {0.0}


def test_brightness_glides_and_does_not_jitter():
    """A sweep from dull to bright while every beat makes the brightness leap by a third of its range."""
    follower, turns = HueFollower(), []
    for frame in range(600):
        beat = 0.33 * math.exp(-(frame % 30) / 5)
        turns.append(follower.turn(values("centroid", brightness=min(0.05 + 0.65 * frame / 600 + beat, 1)), NONE, DT))
    turns = turns[120:]  # the first frame lay on a beat
    smooth = np.convolve(turns, np.ones(30) / 30, "valid")
    assert (np.diff(smooth) > -1e-4).all(), "upwards, beat by beat"
    assert np.abs(np.diff(turns)).max() < 0.004, "a degree and a half a frame"
    assert np.abs(np.array(turns[15:-14]) - smooth[: len(turns) - 29]).max() < 0.02, "7 degrees of swaying"
    assert turns[-1] - turns[0] > 0.2, "a good part of the half turn"


def test_no_brightness_makes_it_flicker():
    follower = HueFollower()
    turns = [follower.turn(values("centroid", brightness=float(n // 10 % 2) or 0.03), NONE, DT) for n in range(600)]
    assert np.ptp(turns[-120:]) < 0.012, "from end to end three times a second"


# --- in the whole instrument, offline


@pytest.fixture(scope="module")
def renderer():
    made = create("cpu")
    yield made
    made.close()


@pytest.fixture(scope="module")
def song():
    """Eight seconds of D, then twelve of F minor."""
    return Track("song", np.concatenate([cadence(2, False), cadence(5, True, 6)])[:, None], RATE, 60 / CHORD)


STYLE = Style(init_glow(preset("3L_4D"), 3), "test/hue")


def scenes(renderer, song, seconds, **settings):
    keys = {name.replace("_", "/", 1): value for name, value in settings.items()}
    with Rehearsal(STYLE, renderer, settings=keys) as rehearsal:
        return list(rehearsal.play(song, 0.0, seconds, 30))


def test_a_song_turns_the_hue_and_off_changes_nothing(renderer, song):
    plain = scenes(renderer, song, 20, color_hue=0.3)
    turned = scenes(renderer, song, 20, color_hue=0.3, color_follow="key")
    hues = np.array([new.grade.hue - old.grade.hue for new, old in zip(turned, plain, strict=True)])
    assert set(hues[:30]) == {0.0}, "nothing is clear yet"
    assert hues[8 * 30 - 1] == pytest.approx(2 / 12, abs=2e-3), "D is two fifths up"
    assert apart(hues[-1], (8 + 1 / 3) / 12) < 0.06, "F minor beside A flat"
    assert np.abs(np.diff(hues)).max() < 0.5 * 2.5 / math.e / 30 * 1.05
    assert {scene.grade.hue for scene in plain[30:]} == {0.3}
    idle = scenes(renderer, song, 3, color_hue=0.3, color_follow="key", color_follow_amount=0.0)
    assert [scene.grade for scene in idle] == [scene.grade for scene in plain[:90]], "nothing wanted, nothing changed"


def test_a_sound_that_brightens_turns_the_hue_onwards(renderer):
    """A tone from 150 Hz to 5 kHz in six seconds, as many seconds for each octave, then silence."""
    hertz = np.geomspace(150, 5000, 6 * RATE)
    tone = 0.2 * np.sin(np.cumsum(hertz) * math.tau / RATE)
    sound = np.concatenate([tone, np.zeros(3 * RATE)]).astype(np.float32)[:, None]
    hues = [scene.grade.hue for scene in scenes(renderer, Track("up", sound, RATE, 120.0), 9, color_follow="centroid")]
    assert max(np.abs(np.diff(hues))) < 0.02
    assert hues[170] > 0.15, "bright, at the upper end of what was heard"
    assert hues[170] - min(hues[:60]) > 0.15
    assert np.ptp(hues[-30:]) < 0.03, "in silence it comes to rest"
    assert hues[-1] > 0.1, "and stays"


def test_what_a_wall_gets_carries_the_hue(renderer, song):
    scene = scenes(renderer, song, 6, color_follow="key")[-1]
    assert scene.grade.hue > 0.1
    sent = Decoder().shot(Encoder(1).shot(Shot(scene, 1, 1, 1, "test/hue", (64, 36))))
    assert sent.scene.grade == scene.grade
    leader, follower, plain = (draw(renderer, one) for one in (scene, sent.scene, replace(scene, grade=Grade())))
    assert (leader == follower).all()
    assert (leader != plain).any()
