"""Styles with music, offline: the same frames every time; a clip that loops; a card that says what the file says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from morphogen.audio.demo import DEMO_BPM
from morphogen.cli.application import app
from morphogen.errors import Unavailable, UsageError
from morphogen.field.network import init_glow, preset
from morphogen.library.card import card
from morphogen.library.style import Style, save_style
from morphogen.offline.clip import Wish, durations, encode, looped, record
from morphogen.offline.rehearsal import Rehearsal
from morphogen.offline.track import Track, read_track
from morphogen.render.cpu.renderer import CpuRenderer

RATE = 24_000
STYLE = Style(
    init_glow(preset("2L_4D"), 5), "cosmic/whirl", prompt="a whirl of stars", guide="concepts", score=0.71, seed=3,
    trained=True, training="morphogen train 'a whirl of stars'", audio_roles={"treble": "twinkle", "bass": "waves"},
    licence="MIT",
    extra={"understood": ["whirl", "stars"], "unknown": ["flurb"], "worst": 0.6,
           "moves": {"bass": 0.081, "time": 0.02}},
)  # fmt: skip


@pytest.fixture(scope="module")
def renderer():
    made = CpuRenderer(1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def thumping() -> Track:
    """Two silent seconds, then two with a bass drum of 4 Hz, then a quiet one."""
    t = np.arange(5 * RATE) / RATE
    kick = np.sin(2 * np.pi * 60 * t) * np.exp(-((t * 4) % 1.0) * 6) * ((t >= 2) & (t < 4))
    return Track("thumping", (0.8 * kick + 1e-4 * np.sin(700 * t)).astype(np.float32)[:, None], RATE)


def scenes(renderer, track, seconds=2.0, begin=2.0, routes=()):
    with Rehearsal(STYLE, renderer, routes) as rehearsal:
        return list(rehearsal.play(track, begin, seconds, 30, time=7.0))


def test_a_rehearsal_hears_the_track(renderer, thumping):
    played = scenes(renderer, thumping)
    assert len(played) == 60
    assert played[0].values["time"] == pytest.approx(7.0 + 1 / 30)
    assert played[-1].values["time"] == pytest.approx(9.0)
    bass = [scene.values["bass"] for scene in played]
    assert max(bass) > 0.8
    assert min(bass[10:]) < 0.5
    assert max(scene.values["treble"] for scene in played) < 0.1
    assert played[30].values["progress"] == pytest.approx((2 + 31 / 30) / 5, abs=0.01)


def test_it_is_the_same_every_time(renderer, thumping):
    assert [s.values for s in scenes(renderer, thumping, 0.5)] == [s.values for s in scenes(renderer, thumping, 0.5)]


def test_silence_before_is_silence(renderer, thumping):
    assert {scene.values["bass"] for scene in scenes(renderer, thumping, 1.0, begin=0.5)} == {0.0}


def test_modulation_moves_the_view_as_on_stage(renderer, thumping):
    routes = [{"source": "audio/bass", "target": "view/zoom", "amount": 0.2}]
    zooms = [scene.view.zoom for scene in scenes(renderer, thumping, routes=routes)]
    assert max(zooms) > 1.5
    assert {scene.view.zoom for scene in scenes(renderer, thumping)} == {1.0}


def test_features_can_be_held(renderer):
    with Rehearsal(STYLE, renderer) as rehearsal:
        loud = rehearsal.hold(12.0, bass=0.9, beat=1.0)
        assert (loud.values["bass"], loud.values["beat"], loud.values["time"]) == (0.9, 1.0, 12.0)
        quiet = rehearsal.hold(3.0)
        assert {quiet.values[name] for name in ("bass", "beat", "rms", "progress")} == {0.0}
        assert quiet.values["time"] == 3.0
        assert rehearsal.draw(loud, (64, 36)).shape == (36, 64, 4)
        assert not np.array_equal(rehearsal.draw(loud, (64, 36)), rehearsal.draw(rehearsal.hold(12.0), (64, 36)))


def test_a_known_tempo_gives_the_beat(renderer):
    """Silence with a tempo: the beat is the tempo clock's, faded out with the sound; with sound it pulses."""
    noise = np.random.default_rng(1).normal(0, 0.1, (4 * RATE, 2)).astype(np.float32)
    with Rehearsal(STYLE, renderer) as rehearsal:
        track = Track("known", noise, RATE, DEMO_BPM, 0.0, "demo")
        beats = [scene.values["beat"] for scene in rehearsal.play(track, 0.0, 2.0, 60)]
    peaks = [n for n in range(1, 119) if beats[n] > beats[n - 1] and beats[n] >= beats[n + 1]]
    assert np.diff(peaks).tolist() == pytest.approx([60 * 60 / DEMO_BPM] * (len(peaks) - 1), abs=1)
    assert len(peaks) >= 3


def test_the_loudest_part(thumping):
    assert thumping.loudest(2.0) == pytest.approx(2.0, abs=0.25)
    assert thumping.loudest(60.0) == 0.0
    assert len(thumping.part(4.5, 6.0)) == 1.5 * RATE
    assert np.array_equal(thumping.part(5.0, 5.5), thumping.part(0.0, 0.5))


def test_sound_files_are_read_or_refused(tmp_path: Path):
    import soundfile

    soundfile.write(tmp_path / "a.wav", np.full((RATE, 2), 0.25, np.float32), RATE)
    track = read_track(tmp_path / "a.wav")
    assert (track.name, track.rate, track.seconds, track.samples.shape) == ("a", RATE, 1.0, (RATE, 2))
    with pytest.raises(Unavailable, match="there is no sound file"):
        read_track(tmp_path / "b.wav")
    (tmp_path / "c.wav").write_bytes(b"no sound at all")
    with pytest.raises(Unavailable, match=r"c\.wav is no sound file.* Use wav, flac"):
        read_track(tmp_path / "c.wav")
    soundfile.write(tmp_path / "d.wav", np.zeros((0, 1), np.float32), RATE)
    with pytest.raises(Unavailable, match="holds no sound"):
        read_track(tmp_path / "d.wav")


def test_a_loop_has_no_seam():
    """A ramp is the worst there is: its end is as far from its beginning as can be."""
    ramp = [np.full((4, 4, 3), 4 * n, np.uint8) for n in range(50)]
    loop = looped(ramp, 40)
    assert len(loop) == 40
    levels = [int(picture[0, 0, 0]) for picture in loop]
    assert levels[0] - levels[-1] == 4  # as from any frame to the next
    assert max(abs(b - a) for a, b in zip(levels, [*levels[1:], levels[0]], strict=True)) <= 12
    assert levels[10:] == [4 * n for n in range(10, 40)]


def test_durations_do_not_drift():
    assert sum(durations(90, 24, 1)) == 3750
    assert sum(durations(90, 24, 10)) == 3750
    assert set(durations(90, 24, 10)) == {40, 50}


def test_a_wish_is_checked():
    wrong = {"seconds": (0.1, "clip of 0.1 seconds"), "fps": (100.0, "100 frames a second"),
             "size": ((4000, 3000), "4000x3000 is too large"), "quality": (0, "no quality 0")}  # fmt: skip
    for key, (value, why) in wrong.items():
        with pytest.raises(UsageError, match=why):
            Wish(**{key: value})
    assert Wish(seconds=0.3, fps=10.0).overlap == 1
    assert Wish().overlap == 12


def test_a_clip_moves_with_the_music(renderer, thumping):
    told = []
    wish = Wish(seconds=0.5, size=(64, 36), fps=10)
    pictures = record(STYLE, renderer, thumping, wish, lambda done, of: told.append((done, of)))
    assert len(pictures) == 5
    assert told[-1] == (7, 7)
    assert len({picture.tobytes() for picture in pictures}) == 5


@pytest.mark.parametrize("ending", ["webp", "png", "apng", "gif"])
def test_animations_are_what_their_name_says(ending, tmp_path: Path):
    pictures = [np.full((20, 30, 3), 40 * n, np.uint8) for n in range(5)]
    path = tmp_path / f"a.{ending}"
    path.write_bytes(encode(pictures, path, 20.0))
    with Image.open(path) as found:
        assert found.format == {"webp": "WEBP", "gif": "GIF"}.get(ending, "PNG")
        assert (found.n_frames, found.size, found.info.get("loop", 0)) == (5, (30, 20), 0)
        for n in range(5):
            found.seek(n)
            found.load()
            assert found.info["duration"] == 50
            assert found.convert("RGB").getpixel((10, 10))[1] == pytest.approx(40 * n, abs=3)


def test_an_unknown_ending_is_refused(tmp_path: Path):
    done = CliRunner().invoke(app, ["styles", "clip", "starter/ember", "-o", str(tmp_path / "a.mp4")])
    assert isinstance(done.exception, UsageError)
    assert "'.mp4'" in str(done.exception)
    assert ".webp" in done.exception.cure


def test_the_command_writes_a_clip(tmp_path: Path, thumping):
    import soundfile

    soundfile.write(tmp_path / "song.wav", thumping.samples, RATE)
    save_style(STYLE, tmp_path / "whirl.safetensors")
    out = tmp_path / "whirl.webp"
    done = CliRunner().invoke(app, [
        "styles", "clip", str(tmp_path / "whirl.safetensors"), "-o", str(out), "--seconds", "0.4", "--fps", "10",
        "--size", "64x36", "--audio", str(tmp_path / "song.wav"),
    ])  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "4 frames" in done.output
    with Image.open(out) as found:
        assert (found.n_frames, found.size) == (4, (64, 36))


def test_a_card_says_what_the_file_says():
    text = card(STYLE).markdown()
    assert text.startswith("### Whirl\n\n> a whirl of stars\n")
    assert "* **Guide:** concepts, score 0.710\n" in text
    assert "* **Understood:** whirl, stars\n" in text
    assert "* **Not understood:** flurb\n" in text
    assert "* **Held up:** worst moment 0.600\n" in text
    moves = text.partition("How it moves:")[2].split("\n* ")
    assert moves[1:] == ["**bass:** waves; changes the picture by 8.1 %", "**treble:** twinkle",
                         "**time:** changes the picture by 2.0 %\n"]  # fmt: skip


def test_a_card_of_an_untrained_style():
    plain = replace(STYLE, prompt="", guide="none", score=None, trained=False, extra={}, audio_roles={})
    text = card(plain).markdown()
    assert "none; seed 3, untrained" in text
    assert "* **bass:** bends the whole network" in text
    assert ">" not in text.splitlines()[2]


def test_a_card_names_what_the_music_moves_in_the_fields():
    network = init_glow(preset("2L_4D", inputs=("x", "y", "swirl_x", "swirl_y", "time", "bass")), 1)
    geometry = network.geometry.copy()
    geometry[0, 2] = 0.25  # the swirl's rate, by bass
    geometry[1, 1] = -0.02  # its turn, by time
    text = card(replace(STYLE, network=replace(network, geometry=geometry), extra={}, audio_roles={})).markdown()
    assert "* **bass:** swirl rate +0.25 turns\n" in text
    assert "* **time:** swirl turn -0.02 turns a second\n" in text


def test_the_card_command(tmp_path: Path):
    save_style(STYLE, tmp_path / "whirl.safetensors")
    plain = CliRunner().invoke(app, ["styles", "card", str(tmp_path / "whirl.safetensors")])
    assert "a whirl of stars" in plain.output
    assert "bass moves" in plain.output
    marked = CliRunner().invoke(app, ["styles", "card", str(tmp_path / "whirl.safetensors"), "--markdown"])
    assert marked.output.startswith("### Whirl")
