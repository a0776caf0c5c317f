"""The comparison of ways to a style, tiny: each way is what it says, everything is measured once, and shown."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))

import compare
import compare_sheets
from morphogen.library.style import load_style, save_style
from morphogen.training import guided, make
from morphogen.training import judge as judging
from morphogen.training import run as runs

pytest.importorskip("torch", reason="PyTorch is not installed (extra `train`)")

PROMPT = "a green eye"  # few fields: quickly compiled
TINY = ("--steps", "4", "--seeds", "16")


@pytest.fixture(scope="module", autouse=True)
def tiny():
    """As in the tests of training; and all in this process, at its priority."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make, "only_when_idle", nullcontext)
        patch.setattr(make, "calmed", lambda _, result: result)
        patch.setattr(runs, "MOMENTS", 4)
        for module in (guided, judging):
            patch.setattr(module, "LINES", 32)
        patch.setattr(runs, "FITTED", (runs.Stage("fit", 2, 6, 16), runs.Stage("fine", 2, 3, 16)))
        patch.setattr(compare, "workers", lambda _: ThreadPoolExecutor(1))
        patch.setattr(compare, "CEILING", 2)
        patch.setattr(compare_sheets, "CELL", (64, 36))
        yield


@pytest.fixture(scope="module")
def told(tiny, tmp_path_factory):
    """(folder, row, the shipped file): trained and measured."""
    folder = tmp_path_factory.mktemp("compare")
    shipped = folder / "whole" / "own" / "eye.safetensors"  # which spares training it a second time
    compare.one("whole", PROMPT, 0, 4, 16, shipped)
    assert compare.main([str(shipped), "-o", str(folder), *TINY]) == 0
    (row,) = json.loads((folder / "compare.json").read_text())
    return folder, row, shipped


def test_each_way_leaves_out_what_it_says():
    seed, guide, fit, whole = (compare.prepared(way, PROMPT, 1) for way in compare.TRAINED)
    assert whole.order.command() == f"morphogen train '{PROMPT}' --take 1"
    assert (seed.order.method, seed.plan.shape.parameters) == ("seed", 107)
    assert guide.plan.concept is None
    assert guide.aim is not None
    assert fit.aim is None
    assert fit.plan.concept is whole.plan.concept
    assert fit.plan.shape == whole.plan.shape
    for made in (guide, fit):
        assert np.array_equal(made.plan.palette, whole.plan.palette), "the words' colours in all"


def test_every_way_is_ranked_scored_and_weighed(told):
    folder, row, file = told
    assert row["prompt"] == PROMPT
    assert 1 <= row["ceiling"] <= row["ours"]["of"]
    for way in compare.WAYS:
        found = row[way]
        assert 1 <= found["rank"] <= found["of"]
        assert found["worst"] <= found["score"]
        assert -1 <= found["unseen"] <= 1
        assert found["cpu_s"] > 0
        assert found["mb"] > 50
    assert row["seed"]["parameters"] == 107
    shipped = load_style(file)
    assert row["ours"]["score"] == pytest.approx(shipped.score, abs=1e-3), "as the trainer itself said"
    assert load_style(folder / "fit" / f"{row['name']}.safetensors").score is None


def test_what_is_known_is_not_done_again_but_another_file_is(told, monkeypatch, capsys):
    folder, _row, file = told
    kept, asked = file.read_bytes(), []
    monkeypatch.setattr(compare, "one", lambda *_: pytest.fail("it was trained before"))
    monkeypatch.setattr(compare, "figures", lambda *given: asked.append(given[-1].name) or {"rank": 9, "score": 0.5})
    style = load_style(file)
    assert compare.train_all([style], compare._options([str(file), "-o", str(folder), *TINY])) == 0
    assert compare.measured(None, [style], [PROMPT], folder)[0]["seed"]["rank"] == 9, "among other texts all is anew"
    assert len(asked) == 4
    save_style(load_style(folder / "fit" / "own" / "eye.safetensors"), file)
    assert compare.measured(None, [load_style(file)], [PROMPT], folder)[0]["ours"]["rank"] == 9
    assert asked[4:] == ["own/eye"]
    file.write_bytes(kept)
    assert ": rank" in capsys.readouterr().err


def test_the_table_counts_and_the_sheet_shows_all_ways(told):
    folder, row, _file = told
    text = (folder / "compare.md").read_text().splitlines()
    assert len([line for line in text if line.startswith("| `")]) == 1
    ours = next(line for line in text if line.startswith("| fit, then guide"))
    assert ours.split("|")[2].strip() == str(row["ours"]["rank"])
    with Image.open(folder / "compare-1.jpg") as sheet:
        pixels = np.asarray(sheet).astype(int)
    width = 2 * 64 + compare_sheets.GAP
    for n in range(len(compare.WAYS)):
        left = compare_sheets.GAP + n * width
        picture = pixels[compare_sheets.HEAD : compare_sheets.HEAD + 36, left : left + 128]
        assert np.abs(picture - compare_sheets.PAPER).mean() > 1


def test_a_training_that_fails_is_told_and_the_others_go_on(told, capsys):
    folder, row, shipped = told
    out = folder / "again"
    (out / "fit").mkdir(parents=True)
    (out / "fit" / row["name"].partition("/")[0]).write_text("in the way")
    assert compare.main([str(shipped), "-o", str(out), "--ways", "fit,seed", "--train-only", *TINY]) == 1
    said = capsys.readouterr().err
    assert f"fit {row['name']}: FileExistsError" in said
    assert (out / "seed" / f"{row['name']}.cost.json").exists()
    assert compare.main([str(shipped), "-o", str(out), "--ways", "seed", *TINY]) == 1
    assert f"{row['name']} is left out: guide, fit not trained yet" in capsys.readouterr().err
