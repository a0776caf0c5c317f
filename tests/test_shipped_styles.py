from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from morphogen.library import checks
from morphogen.library.draw import draw, parse_command
from morphogen.library.find import Library, default_shipped_dir
from morphogen.library.pack import LIMIT, pack
from morphogen.library.style import describe, load_style, to_bytes
from morphogen.library.thumb import CARRIED, SIZE, thumbnail

STYLES = sorted(default_shipped_dir().glob("*/*.safetensors"))
DOC = Path(__file__).resolve().parent.parent / "docs" / "styles.md"
IDS = [f"{p.parent.name}/{p.stem}" for p in STYLES]


def test_there_are_starters():
    assert sum(path.parent.name == "starter" for path in STYLES) >= 12


def test_all_are_listed_without_error():
    infos = Library(user_dir=Path("nowhere")).list()
    assert [i.error for i in infos] == [""] * len(STYLES)
    assert all(i.thumbnail for i in infos)


@pytest.mark.parametrize("path", STYLES, ids=IDS)
def test_the_file_says_what_it_is(path):
    style = load_style(path)
    assert style.name == f"{path.parent.name}/{path.stem}"
    assert checks.name(style.name)
    assert style.title
    assert style.licence
    assert len(pack(style)) <= LIMIT
    assert path.read_bytes() == to_bytes(style), "saved by this very version"
    if not style.trained:
        assert (style.guide, style.score, style.prompt) == ("none", None, "")
    else:
        assert style.guide != "none"
        assert style.prompt


@pytest.mark.parametrize("path", [p for p in STYLES if p.stat().st_size <= CARRIED])
def test_the_thumbnail_alone_plays(path):
    style, carried = load_style(path), load_style(path.with_suffix(".png"))
    assert describe(carried) == describe(style)
    assert carried.network.flat.tobytes() == style.network.flat.tobytes()


@pytest.mark.parametrize("path", [p for p in STYLES if p.parent.name == "starter"])
def test_starters_are_drawn_again_from_their_command(path):
    style = load_style(path)
    assert (style.trained, style.guide) == (False, "none")
    recipe = parse_command(style.training)
    assert recipe.seed == style.seed
    assert recipe.command() == style.training
    again = draw(recipe, style.name).network
    assert again.shape == style.network.shape
    assert again.extent == style.network.extent
    assert again.flat.tobytes() == style.network.flat.tobytes()


@pytest.mark.parametrize("path", STYLES, ids=IDS)
def test_the_thumbnail_is_the_style(path):
    with Image.open(path.with_suffix(".png")) as image:
        assert image.size == SIZE
        assert image.mode == "RGB"
        shown = np.asarray(image, np.float64)
    # Rounding of the last bit of sin and exp differs between machines: one level here and there.
    assert np.abs(shown - thumbnail(load_style(path))).mean() < 0.05


@pytest.mark.parametrize("path", [p for p in STYLES if p.parent.name == "starter"])
def test_a_starter_is_bright_colourful_and_alive(path):
    style = load_style(path)
    frames = {t: thumbnail(style, (96, 54), t) / 255.0 for t in (0.0, 1.0, 7.0, 30.0, 60.0, 300.0, 3600.0)}
    for t, frame in frames.items():
        light = frame @ [0.2126, 0.7152, 0.0722]
        assert light.std() > 0.08, t
        assert 0.04 < light.mean() < 0.7, t
    chroma = np.mean([f.max(-1) - f.min(-1) for f in frames.values()])
    assert chroma > 0.15
    assert 0.005 < np.abs(frames[1.0] - frames[0.0]).mean() < 0.08, "moves within a second, does not flicker"
    assert np.abs(frames[30.0] - frames[7.0]).mean() > 0.05
