from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from morphogen import docs
from morphogen.errors import StateError, UsageError
from morphogen.methods import METHODS
from morphogen.params.catalog import BY_KEY, PARAMS
from morphogen.params.modulation import CURVES, SOURCES, ModMatrix

ROOT = Path(__file__).resolve().parents[1]


def test_generated_pages_are_up_to_date() -> None:
    message = docs.check(ROOT)
    assert not message, message


def test_everything_is_documented() -> None:
    parameters = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")
    for name in [*(p.key for p in PARAMS), *SOURCES, *CURVES]:
        assert f"| `{name}` |" in parameters
    control = (ROOT / "docs" / "control.md").read_text(encoding="utf-8")
    assert all(f"| `{method.name}` |" in control for method in METHODS)


def test_the_recipes_work() -> None:
    text = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")
    recipes = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert len(recipes) >= 5
    for recipe in recipes:
        ModMatrix().set_routes(json.loads(recipe))
    keys = re.findall(r"`([a-z]+[0-9]?/[a-z_]+)`", text)
    assert set(keys) <= {*BY_KEY, *SOURCES, "group/name"}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "x.md"
    page.write_text("before\n<!-- generated:methods -->\nold\n<!-- /generated -->\nafter\n")
    return page


def test_a_lagging_page_is_shown_and_rewritten(page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert docs.main(["--check", "--root", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "--- docs/x.md" in shown
    assert "-old" in shown
    assert "+| `ping` | Is anyone there?" in shown
    assert "1 page(s) lag behind the code. Run `python -m morphogen.docs --write`." in shown
    assert docs.main(["--write", "--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "wrote x.md\n"
    text = page.read_text()
    assert text.startswith("before\n<!-- generated:methods -->\n\n| method |")
    assert text.endswith("|\n\n<!-- /generated -->\nafter\n")
    assert docs.main(["--check", "--root", str(tmp_path)]) == 0
    assert docs.write(tmp_path) == []


def test_every_block_can_be_generated(tmp_path: Path) -> None:
    blocks = "".join(f"<!-- generated:{name} -->\n<!-- /generated -->\n" for name in docs.BLOCKS)
    (tmp_path / "README.md").write_text(blocks)
    docs.write(tmp_path)
    text = (tmp_path / "README.md").read_text()
    for word in ("`view/zoom`", "`/morphogen/style/load`", "`param.set`", "`null`", "`lfo1`"):
        assert word in text
    assert docs.check(tmp_path) == ""


def test_wrong_marks_and_places_are_named(page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page.write_text("<!-- generated:weather -->\n<!-- /generated -->\n")
    with pytest.raises(UsageError, match=r"docs/x\.md: there is no generated block 'weather'\. Known: params, osc"):
        docs.check(tmp_path)
    page.write_text("<!-- generated:params -->\n")
    with pytest.raises(UsageError, match=r"docs/x\.md: a mark of a generated block has no partner\. Write"):
        docs.check(tmp_path)
    assert docs.main(["--check", "--root", str(tmp_path)]) == 2
    assert "no partner" in capsys.readouterr().err
    with pytest.raises(StateError, match=r"there is no documentation in .*\. Run this in a checkout"):
        docs.check(tmp_path / "docs")
