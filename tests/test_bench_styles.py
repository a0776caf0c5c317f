"""The style report, tiny and short: it finds what was built into the styles, and goes on where it was."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))

import style_figures
import style_sheets
import styles as report
from morphogen.field.network import Network, Shape
from morphogen.library.style import Style, save_style
from morphogen.offline.track import Track

RATE = 16_000
INPUTS = ("x", "time", "bass", "treble")


def drawn(name: str, x: float, time: float, bass: float, bias: float = 0.0, prompt: str = "") -> Style:
    """A grey wave along x that time moves and the bass lights; deaf to treble."""
    shape = Shape(INPUTS, (("sin",),))
    first = [[x, time, bass, 0.0]]
    network = Network(shape, (np.float32(first), np.float32([0.4]), np.full((3, 1), 2.5), np.full(3, bias)))
    return Style(network, f"test/{name}", prompt=prompt)


LIVELY = drawn("lively", 9.0, 0.3, 1.2, prompt="a slow grey galaxy of waves that the bass lights up")
DEAD = drawn("dead", 0.0, 0.0, 0.0)
STROBE = drawn("strobe", 0.0, 50.0, 0.0)


@pytest.fixture(scope="module")
def small():
    t = np.arange(4 * RATE) / RATE
    wave = 0.6 * np.sin(2 * np.pi * 70 * t) * ((t % 0.5) < 0.25)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("SIZE", (64, 36)), ("FRAME", (128, 72)), ("SECONDS", 2.0)):
            patch.setattr(style_figures, name, value)
        patch.setattr(style_sheets, "CELL", (64, 36))
        patch.setattr(report, "demo_track", lambda: Track("thump", wave.astype(np.float32)[:, None], RATE))
        yield


@pytest.fixture(scope="module")
def told(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    paths = [str(folder / f"{style.name[5:]}.safetensors") for style in (LIVELY, DEAD, STROBE)]
    for style, path in zip((LIVELY, DEAD, STROBE), paths, strict=True):
        save_style(style, path)
    study = folder / "study-in.png"
    Image.new("RGB", (1280, 512), (0, 90, 200)).save(study)
    assert report.main([*paths, "-o", str(folder / "out"), "--study", str(study)]) == 0
    rows = json.loads((folder / "out" / "report.json").read_text())
    return folder / "out", paths, {row["name"].split("/")[1]: row for row in rows}


def test_reaction_is_found_band_by_band(told):
    bare = told[2]["lively"]["reaction"]["bare"]
    assert bare["bass"]["change"] > 0.05
    assert bare["bass"]["visible"] > 0.5
    assert bare["treble"]["change"] == bare["mid"]["change"] == 0
    moved = told[2]["lively"]["reaction"]["moved"]
    assert moved["treble"]["change"] > 0  # the exposure that the view's routes turn up
    silence = told[2]["lively"]["reaction"]["silence"]["early"]
    assert silence["change"] == pytest.approx(silence["way"], rel=0.2)  # one way, no trembling
    assert told[2]["dead"]["reaction"]["silence"]["hour"]["change"] == 0


def test_music_is_followed(told):
    music = told[2]["lively"]["music"]["thump"]
    assert music["moved"] > 0.02
    assert music["follows"] > 0.5
    assert told[2]["dead"]["music"]["thump"]["moved"] == 0


def test_flashes_are_found(told):
    assert told[2]["dead"]["music"]["thump"]["safe"]
    strobe = told[2]["strobe"]["music"]["thump"]
    assert (strobe["safe"], strobe["broadcast"]) == (False, False)
    assert strobe["flash"]["most"] == pytest.approx(50 / (2 * np.pi), abs=1)  # sin(50 t)
    assert strobe["flash"]["area"] == 1.0


def test_emptiness_is_found(told):
    assert told[2]["dead"]["guards"]["empty"] == told[2]["strobe"]["guards"]["empty"] == 12
    assert told[2]["lively"]["guards"]["empty"] == 0
    assert told[2]["lively"]["guards"]["contrast"] > 0.1


def test_cost_is_told_with_what_was_predicted(told):
    cost = told[2]["lively"]["cost"]
    assert cost["parameters"] == 4 + 1 + 3 + 3
    assert min(cost["predicted_ms"], cost["whole_ms"], cost["live_ms"]) > 0
    assert cost["inner"] in (1, 2)


def test_people_are_told_what_to_look_at(told):
    folder = told[0]
    text = (folder / "report.md").read_text()
    lines = {line.split("|")[1].strip(" `"): line for line in text.splitlines()[2:]}
    assert "static in silence" in lines["test/dead"]
    assert "deaf to bass, mid" in lines["test/dead"]
    assert "restless in silence, " in lines["test/strobe"]
    assert "flashes" in lines["test/strobe"]
    assert "**no**" in lines["test/strobe"]
    assert "flashes" not in lines["test/lively"]
    assert "rank" not in text  # nobody was asked


def test_sheets_show_quiet_and_loud_with_the_prompt(told):
    with Image.open(told[0] / "sheet-1.png") as sheet:
        pixels = np.asarray(sheet)
    assert pixels.shape[1] > 3 * 2 * 64
    quiet, loud = pixels[16:52, 16:80], pixels[16:52, 80:144]
    assert np.abs(quiet.astype(int) - loud).mean() > 5
    under = pixels[16 + 72 : 16 + 72 + 50, 16:140]
    assert under.max() > 200  # something is written there
    with Image.open(told[0] / "study.png") as beside:
        assert (np.asarray(beside) == (0, 90, 200)).all(-1).sum() == 4 * 36 * 36  # four takes


def test_what_is_known_is_not_measured_again(told, monkeypatch, capsys):
    folder, paths, rows = told
    broken = dict.fromkeys(report.PARTS, lambda bench, style: pytest.fail(f"{style.name} was measured again"))
    monkeypatch.setattr(report, "PARTS", broken)
    assert report.main([*paths, "-o", str(folder)]) == 0
    assert {row["name"].split("/")[1]: row for row in json.loads((folder / "report.json").read_text())} == rows


def test_another_style_under_the_same_name_is_measured_anew(told, tmp_path, monkeypatch):
    folder, paths, _ = told
    measured = []
    parts = {"guards": lambda bench, style: measured.append(style.name) or style_figures.guards(bench, style)}
    monkeypatch.setattr(report, "PARTS", parts)
    other = save_style(replace(LIVELY, prompt="something else"), tmp_path / "lively.safetensors")
    assert report.main([str(other.path), paths[1], "-o", str(folder)]) == 0
    assert measured == ["test/lively"]


def test_a_style_that_is_not_there_is_an_error(small, tmp_path, capsys):
    assert report.main(["starter/nothing-like-it", "-o", str(tmp_path)]) == 1
    assert "there is no style" in capsys.readouterr().err


def test_slow_gradients_and_lost_colours_are_seen():
    ramp = np.repeat(np.tile(np.linspace(40, 55, 256).astype(np.uint8), (144, 1))[..., None], 3, axis=2)
    steep = np.repeat(np.tile(np.arange(256, dtype=np.uint8), (144, 1))[..., None], 3, axis=2)
    assert style_figures._look(ramp)["bands"] > 0.4
    assert style_figures._look(steep)["bands"] < 0.02
    cut = np.zeros((144, 256, 3), np.uint8)
    cut[:72, :, 0] = 255
    look = style_figures._look(cut)
    assert (look["cut"], look["black"], look["white"]) == (0.5, 0.5, 0.0)


def test_the_judge_ranks_among_library_and_distractors(monkeypatch):
    """Its arithmetic, with a judge that knows one direction a text."""
    torch = pytest.importorskip("torch", reason="the judge model needs torch")
    import style_judge

    judge = object.__new__(style_judge.Judge)
    judge.texts = ["first", LIVELY.prompt, "third"]
    judge.directions = np.eye(3)
    seen = torch.tensor([[0.9, 0.5, 0.1]]).repeat(12, 1)
    judge.guide = type("Guide", (), {"embed": lambda self, images: seen})()
    bench = style_figures.Bench(())
    try:
        found = judge.rank(bench, LIVELY)
        assert (found["rank"], found["of"], found["first"][0]) == (2, 3, "first")
        assert found["ranks"] == [2] * 12
        assert judge.rank(bench, DEAD) == {}
    finally:
        bench.close()


def test_fifty_distractors():
    import style_judge

    assert len(set(style_judge.DISTRACTORS)) == 50
