"""`morphogen bench` measures what it says, on every backend that is here, and draws it."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from drawing import glow
from morphogen import bench
from morphogen.bench import Wish, draw
from morphogen.bench.chart import chart
from morphogen.bench.report import table
from morphogen.cli.application import app
from morphogen.errors import UsageError
from morphogen.library.find import Library
from morphogen.library.style import Style, save_style

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> dict:
    """Of small pictures and two styles: to compile all that are shipped takes a minute."""
    folder = tmp_path_factory.mktemp("styles")
    for seed in (1, 2):
        save_style(Style(glow(seed), f"show/{seed}"), folder / f"show/{seed}.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draw, "Library", lambda: Library(folder, folder / "none"))
        patch.setattr(bench, "SIZES", ((32, 18), (64, 36)))
        patch.setattr(bench, "LARGE", (96, 54))
        patch.setattr(draw, "PRESETS", {"2L_4D": (2, 4), "3L_4D": (3, 4)})
        return bench.run(Wish((64, 36), 0.02, ("cpu",), full=True))


def test_every_size_and_number_of_threads_has_a_row(result):
    rows = result["draw"]
    assert {row["size"] for row in rows} == {"32x18", "64x36", "96x54"}
    assert {row["backend"] for row in rows} == {"cpu"}
    for row in rows:
        assert min(row["field_ms"], row["scene_ms"], row["fade_ms"], row["limit_ms"], row["cpu_ms"]) > 0
        assert row["field_to_limit"] == pytest.approx(row["field_ms"] / row["limit_ms"], rel=0.1)
    assert [row["preset"] for row in result["presets"]] == ["2L_4D", "3L_4D"]
    assert result["accuracy"][0]["max_levels"] <= 1
    assert result["accuracy"][0]["networks"] == 4
    assert result["compile"][0]["shape_s"] > result["compile"][0]["weights_s"]


def test_the_table_has_what_was_measured(result):
    text = table(result)
    for row in result["draw"]:
        assert f"| cpu | {row['size']} | {row['threads']} | {row['field_ms']:.2f} |" in text
    assert "a new shape" in text
    assert "| beside it, same run |" in text


def test_the_chart_has_a_line_for_each_row_of_figures(result):
    root = ElementTree.fromstring(chart(result))
    lines = root.findall(f"{SVG}polyline")
    threads = {row["threads"] for row in result["draw"]}
    assert len(lines) == 2 * len(threads)  # ours, and the limit
    assert len(root.findall(f"{SVG}circle")) == len(result["draw"])
    words = {text.text for text in root.findall(f"{SVG}text")}
    assert {"60 fps", "32x18", "64x36"} <= words


def test_a_chart_of_nothing_is_empty():
    assert not ElementTree.fromstring(chart({"draw": []})).findall(f"{SVG}polyline")


def test_a_backend_that_is_not_here_is_named_and_one_that_does_not_exist_refused(monkeypatch):
    from morphogen import render
    from morphogen.errors import Unavailable

    def absent(**_):
        raise Unavailable("there is no card.", "Put one in.")

    monkeypatch.setitem(render.BACKENDS, "card", "card:Card")
    monkeypatch.setattr(bench, "create", lambda name, threads=0: absent())
    assert bench._present(("card",)) == ([], {"card": "there is no card. Put one in."})
    monkeypatch.undo()
    with pytest.raises(UsageError, match="there is no backend"):
        bench._present(("vulkan",))


def test_the_command_writes_json_and_chart(tmp_path, monkeypatch, result):
    monkeypatch.setattr(bench, "run", lambda wish: {**result, "asked": list(wish.backends)})
    file = tmp_path / "times.svg"
    done = CliRunner().invoke(app, ["bench", "--json", "--backend", "cpu", "--chart", str(file)])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout.strip().splitlines()[-1])["asked"] == ["cpu"]
    assert file.read_text().startswith("<svg")
    done = CliRunner().invoke(app, ["bench", "--json", "--chart", str(tmp_path / "no" / "where.svg")])
    assert done.exit_code != 0
