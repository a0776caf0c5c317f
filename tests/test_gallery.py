"""The gallery's helpers, small: sheets within their bytes, a loop without a seam, a page that shows what is there."""

from __future__ import annotations

import re
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))

import gallery
from drawing import glow
from morphogen.library.find import Library
from morphogen.library.style import Style
from morphogen.offline.track import demo_track
from style_figures import Bench


@pytest.fixture(scope="module")
def bench():
    bench = Bench([demo_track()])
    yield bench
    bench.close()


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(gallery, "CELL", (32, 18))
    monkeypatch.setattr(gallery, "LOOP_SIZE", (32, 18))


STYLE = Style(glow(5), "test/five", prompt="threads of light " * 20)


def test_four_states_that_differ(bench, tiny):
    cells = np.asarray(gallery.cells(bench, STYLE)).astype(int)
    assert cells.shape == (36, 64, 3)
    quarters = [cells[y : y + 18, x : x + 32] for y in (0, 18) for x in (0, 32)]
    assert all(np.abs(a - b).max() > 3 for n, a in enumerate(quarters) for b in quarters[:n])


def test_sheets_keep_within_their_bytes_and_replace_older_ones(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    noise = Image.fromarray(rng.integers(0, 256, (2 * gallery.CELL[1], 2 * gallery.CELL[0], 3), np.uint8))
    blocks = [(noise, f"style {n}", "word " * 40) for n in range(5)]
    (tmp_path / "kind.jpg").write_bytes(b"old")
    (tmp_path / "kind-9.jpg").write_bytes(b"old")
    (tmp_path / "kindred.jpg").write_bytes(b"another's")
    monkeypatch.setattr(gallery, "EACH", 3)
    monkeypatch.setattr(gallery, "MOST_BYTES", 150_000)
    written = gallery.sheets(tmp_path, "kind", blocks)
    assert [path.name for path in written] == ["kind-1.jpg", "kind-2.jpg"]
    assert {path.name for path in tmp_path.iterdir()} == {"kind-1.jpg", "kind-2.jpg", "kindred.jpg"}
    fine = BytesIO()
    gallery.sheet(blocks[:3]).save(fine, "JPEG", quality=86)
    assert written[0].stat().st_size <= 150_000 < len(fine.getvalue())
    assert gallery.sheets(tmp_path, "kind", []) == []


def test_a_chain_of_takes_is_a_loop():
    """Takes that move by one level a picture and end where the next begins: no step in the chain is larger, the one
    from its end to its beginning included."""

    def rising(base, frames):
        return [np.full((2, 2, 3), base + n, np.uint8) for n in range(frames)]

    takes = [rising(0, 14), rising(10, 14), rising(20, 14)]
    loop = gallery.chained(takes, 4)
    assert len(loop) == 30
    levels = [int(picture[0, 0, 0]) for picture in loop]
    assert levels[10:] == list(range(10, 30))
    assert levels[4:10] == list(range(4, 10))
    cut = levels[0] - levels[-1]
    assert abs(cut) <= 4, "the last take fades into the first"


def test_the_loop_is_an_animation(bench, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "LOOP_SECONDS", 2.0)
    path = tmp_path / "loop.webp"
    size = gallery.clip(bench, [STYLE, Style(glow(8), "test/eight")], path)
    assert size == path.stat().st_size
    with Image.open(path) as picture:
        assert (picture.size, picture.n_frames) == ((32, 18), 40)
        assert picture.info["loop"] == 0


def test_one_sheet_at_a_time(tiny, tmp_path, capsys):
    assert gallery.main(["--only", "mood", "-o", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.rglob("*.*")] == ["mood.jpg"]
    assert gallery.main(["--only", "moood", "-o", str(tmp_path)]) == 2
    assert "there is no sheet 'moood'. Known: " in capsys.readouterr().err


def test_the_strip_of_the_docs_shows_the_palettes_as_they_are(tmp_path):
    """Made by `python bench/gallery.py --only strip`."""
    shown = np.asarray(Image.open(Path(__file__).resolve().parent.parent / "docs" / "images" / "palettes.png"))
    now = np.asarray(gallery.strip())
    assert now.shape == (32 * len(gallery.TABLE) - 4, 768, 3)
    assert np.abs(now.astype(int) - shown).max() <= 1
    assert (now[5, 0] == np.rint(255 * gallery.TABLE["calm"][0])).all()


def test_the_page_shows_every_sheet_that_is_there():
    docs = Path(__file__).resolve().parent.parent / "docs"
    text = (docs / "gallery.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"\((images/gallery/[^)]+)\)", text))
    assert shown == {f"images/gallery/{path.name}" for path in (docs / "images" / "gallery").iterdir()}
    for name in gallery.sections(Library()):
        assert f"## {name.capitalize()}\n" in text, "python bench/gallery.py"
    for path in (docs / "images" / "gallery").glob("*.jpg"):
        assert path.stat().st_size <= gallery.MOST_BYTES
    assert (docs / "images" / "gallery" / "loop.webp").stat().st_size < 3_000_000
