"""What the music is like chooses the style: judged on curves, and by the whole instrument with styles of its own."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from itertools import pairwise

import pytest

from drawing import glow
from morphogen.audio.features import SILENCE
from morphogen.character import BRIGHT, DWELL, HIGH, LOW, MARGIN, STYLES, Cast, Character, read_cast
from morphogen.clock import ManualClock
from morphogen.config import build
from morphogen.errors import StyleError, UsageError
from morphogen.instrument import Instrument
from morphogen.library.find import Library
from morphogen.library.style import Style, save_style
from morphogen.render import create

STEP = 1 / 60


def heard(character: Character, rms: float, centroid: float, seconds: float) -> list[str]:
    """The characters that come within so many seconds of one sound."""
    found = (character.hear(rms, centroid, STEP) for _ in range(round(seconds / STEP)))
    return [name for name in found if name]


@pytest.mark.parametrize(("rms", "centroid", "expected"), [
    (0.9, 0.3, "high"), (0.9, 0.9, "high"), (0.4, 0.9, "bright"), (0.4, 0.3, "medium"), (0.05, 0.2, "low"),
    (0.0, 0.9, "low"),
])  # fmt: skip
def test_each_kind_of_music_has_its_character(rms, centroid, expected):
    assert heard(Character(), rms, centroid, 60.0)[-1] == expected


def test_a_piece_from_silence_to_the_drop_and_back():
    character = Character()
    piece = [(0.0, 0.2), (0.4, 0.3), (0.45, 0.9), (0.9, 0.6), (0.02, 0.2)]
    found = [heard(character, rms, centroid, 30.0)[-1] for rms, centroid in piece]
    assert found == ["low", "medium", "bright", "high", "low"]


def test_a_break_of_a_beat_changes_nothing():
    character = Character()
    heard(character, 0.8, 0.3, 30.0)
    assert heard(character, 0.0, 0.0, 0.4) == []
    assert heard(character, 0.8, 0.3, 30.0) == []


@pytest.mark.parametrize(("limit", "key"), [(HIGH, "rms"), (LOW, "rms"), (BRIGHT, "centroid")])
def test_what_sways_about_a_limit_stays(limit, key):
    character, found = Character(), []
    sound = {"rms": 0.4, "centroid": 0.3}
    for second in range(240):
        sway = limit + (0.4 * MARGIN if second % 20 < 10 else -0.4 * MARGIN)
        found += heard(character, **sound | {key: sway}, seconds=1.0)
    assert len(found) <= 2


def test_a_character_stays_for_a_while():
    character, times = Character(), []
    for frame in range(round(120 / STEP)):
        loud = frame * STEP % 4 < 2  # swings right across, faster than anything should follow
        if character.hear(1.0 if loud else 0.0, 0.5, STEP):
            times.append(frame * STEP)
    assert all(later - sooner >= DWELL - 2 * STEP for sooner, later in pairwise(times))


@pytest.mark.parametrize("dt", [0.0, STEP, 3600.0])
def test_any_step_of_time_keeps_it_in_bounds(dt):
    character = Character()
    for _ in range(10):
        character.hear(1.0, 1.0, dt)
    assert 0.0 <= character.energy <= 1.0
    assert 0.0 <= character.brightness <= 1.0


def test_switched_off_it_asks_for_nothing_and_forgets():
    cast = Cast()
    assert not any(cast.wanted(False, 1.0, 0.5, 1.0) for _ in range(60))
    asked = [cast.wanted(True, 1.0, 0.5, 1.0) for _ in range(60)]
    assert [name for name in asked if name] == [STYLES["high"]]
    cast.wanted(False, 1.0, 0.5, 1.0)
    assert not cast.wanted(True, 1.0, 0.5, STEP)  # it listens again first
    assert STYLES["high"] in [cast.wanted(True, 1.0, 0.5, 1.0) for _ in range(60)]


def test_styles_are_named_by_option_and_file(tmp_path):
    assert build({"character": "high=own/a, low=own/b"}).character == {**STYLES, "high": "own/a", "low": "own/b"}
    file = tmp_path / "show.toml"
    file.write_text('[character]\nbright = "own/c"\n')
    assert build(file=file).character == {**STYLES, "bright": "own/c"}
    assert build().character is None
    for wrong in ("loud=own/a", "high", "high=", "", 3, {"low": 4}):
        with pytest.raises(UsageError, match=r"gives no character a style|names no styles") as error:
            read_cast(wrong)
        assert "high=STYLE" in error.value.cure


class Stage:
    """An instrument with four styles, whose music the test decides."""

    def __init__(self, folder, monkeypatch) -> None:
        names = {key: f"show/{key}" for key in ("high", "bright", "medium", "low")}
        for seed, name in enumerate(names.values()):
            save_style(Style(glow(seed), name), folder / f"{name}.safetensors")
        self.clock, library = ManualClock(), Library(folder, folder / "none")
        self.instrument = Instrument(
            self.clock, library, library.find("show/low"), create("numpy", 1), (32, 18), 60.0
        )  # fmt: skip
        self.instrument.cast.styles = names
        self.music = SILENCE
        monkeypatch.setattr(self.instrument.audio, "features", lambda now: self.music)

    def play(self, seconds: float, **music: float) -> str:
        """So long of this music; the style afterwards. A tenth of a second a frame."""
        self.music = replace(SILENCE, **music)
        for _ in range(round(seconds * 10)):
            self.instrument.loop.frame(self.clock.advance(0.1), 0.1)
            drained = threading.Event()
            self.instrument.caller.submit(drained.set)
            assert drained.wait(30)
        return self.instrument.stage.style.name


@pytest.fixture
def stage(tmp_path, monkeypatch):
    stage = Stage(tmp_path, monkeypatch)
    yield stage
    stage.instrument.close()


def test_off_by_default(stage):
    assert stage.play(30, rms=0.9, centroid=0.3) == "show/low"


def test_the_music_brings_its_styles_in_with_the_usual_fade(stage):
    stage.instrument.params.set("transition/character", True)
    stage.instrument.params.set("transition/seconds", 3.0)
    mixed: list[str] = []
    stage.instrument.subscribe(lambda topic, data: mixed.append(f"{data['name']} {data['seconds']:g}")
                               if topic == "style" else None)  # fmt: skip
    assert stage.play(30, rms=0.9, centroid=0.3) == "show/high"
    assert stage.play(30, rms=0.4, centroid=0.9) == "show/bright"
    assert stage.play(30, rms=0.4, centroid=0.2) == "show/medium"
    assert stage.play(30) == "show/low"
    assert mixed == ["show/high 3", "show/bright 3", "show/medium 3", "show/low 3"]
    stage.instrument.params.set("transition/character", False)
    assert stage.play(30, rms=0.9, centroid=0.3) == "show/low"


def test_it_waits_for_the_bar_if_changes_do(stage):
    stage.instrument.params.set("transition/character", True)
    stage.instrument.params.set("transition/quantise", "bar")
    stage.instrument.params.set("transition/seconds", 0.0)
    stage.instrument.call("tempo.set", {"bpm": 60}).result(10)
    stage.instrument.call("tempo.beat").result(10)
    beats: list[float] = []
    stage.instrument.subscribe(lambda topic, data: beats.append(stage.instrument.frame_tempo.beat_at(
        stage.clock.now())) if topic == "style" else None)  # fmt: skip
    assert stage.play(30, rms=0.9, centroid=0.3) == "show/high"
    assert len(beats) == 1
    assert beats[0] % 4 < 0.25


def test_a_style_that_is_missing_is_told_once_and_the_show_goes_on(stage, caplog):
    stage.instrument.cast.styles = {**stage.instrument.cast.styles, "high": "show/hihg"}
    stage.instrument.params.set("transition/character", True)
    with caplog.at_level(logging.WARNING):
        assert stage.play(30, rms=0.9, centroid=0.3) == "show/low"
    said = [record.getMessage() for record in caplog.records if "show/hihg" in record.getMessage()]
    assert len(said) == 1
    assert "show/high" in said[0]  # a near name
    assert stage.instrument.loop.stats.errors == 0
    assert stage.play(30, rms=0.4, centroid=0.2) == "show/medium"


def test_an_unknown_pattern_is_refused_with_near_names():
    with pytest.raises(StyleError, match="there is no style 'pattern/plasna'") as error:
        Library().find("pattern/plasna")
    assert "pattern/plasma" in error.value.cure
    with pytest.raises(StyleError, match="there is no style 'pattern/nope'") as error:
        Library().find("pattern/nope")
    assert error.value.cure
