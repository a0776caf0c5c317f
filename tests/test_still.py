"""One frame, deterministic: what `morphogen still` writes and thumbnails of presets are made of."""

from __future__ import annotations

import numpy as np
import pytest

from drawing import apart, draw, glow
from morphogen.composer import grade, heard, view
from morphogen.errors import ParamError, StyleError, UsageError
from morphogen.field.scene import Scene
from morphogen.library.style import Style, save_style
from morphogen.params.catalog import BY_KEY
from morphogen.render.numpy import NumpyRenderer
from morphogen.still import render_still

SIZE = (65, 37)
STYLE = Style(glow(6), "test/six")
SETS = {"view/zoom": 1.7, "view/kaleidoscope": 5, "color/hue": 0.3, "audio/bass": 0.9, "audio/reaction": 1.5}


def still(sets=None, time=12.0, backend="auto", style=STYLE, size=SIZE):
    return render_still(style, size, time, sets or {}, backend)


def test_the_same_again_to_the_byte():
    first = still(SETS)
    assert first.shape == (37, 65, 4)
    assert first.dtype == np.uint8
    assert (first[..., 3] == 255).all()
    for _ in range(2):
        assert np.array_equal(still(SETS), first)


@pytest.mark.parametrize("sets", [{}, SETS, {"view/warp": 0.7, "view/polar": True, "color/exposure": 1.0}])
@pytest.mark.parametrize("time", [0.0, 12.0, 36_000.0])
def test_it_is_the_reference_within_one_level(sets, time):
    size = (64, 36)  # no pixel on the pole of the polar view, where no angle is right
    assert apart(still(sets, time, size=size), still(sets, time, "numpy", size=size)) <= 1


def test_it_is_the_scene_of_its_settings():
    values = {key: param.default for key, param in BY_KEY.items()} | SETS
    expected = Scene((STYLE.network,), heard(values, 12.0), view=view(values), grade=grade(values))
    assert heard(values, 12.0)["bass"] == pytest.approx(0.9 * 1.5)
    assert np.array_equal(still(SETS, backend="numpy"), draw(NumpyRenderer(), expected, SIZE))


@pytest.mark.parametrize(
    "sets",
    [{"audio/bass": 0.9}, {"audio/rms": 1.0}, {"audio/progress": 0.5}, {"audio/beat": 1.0}, {"view/rotate": 40},
     {"color/saturation": 0}, {"output/master": 0.5}, {"view/mirror": "both"}, {"drift/amount": 1}],
    ids=str,
)  # fmt: skip
def test_every_setting_matters_without_waiting_for_it(sets):
    """No smoothing: the picture is where the setting is, and text as the command line gives it means the same."""
    changed = still(sets)
    assert apart(changed, still()) > 3
    assert np.array_equal(still({key: str(value) for key, value in sets.items()}), changed)


def test_time_matters_and_the_past_does_not():
    assert apart(still(time=0.0), still(time=3.0)) > 3
    assert np.array_equal(still({"time/trail": 4.0}), still())


def test_blackout_is_black():
    assert not still({"output/blackout": True})[..., :3].any()


def test_a_style_by_file_and_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("MORPHOGEN_HOME", str(tmp_path))
    path = tmp_path / "styles" / "mine" / "six.safetensors"
    save_style(STYLE, path)
    assert np.array_equal(still(style=str(path)), still())
    assert np.array_equal(still(style="mine/six"), still())
    assert still(style="").shape == (37, 65, 4)


@pytest.mark.parametrize(
    ("more", "error", "what"),
    [
        ({"style": "no/such"}, StyleError, "no/such"), ({"sets": {"view/zooom": 1}}, ParamError, "view/zooom"),
        ({"sets": {"view/zoom": "wide"}}, ParamError, "view/zoom"),
        ({"sets": {"audio/bass": "nan"}}, ParamError, "bass"),
        ({"backend": "slide-projector"}, UsageError, "slide-projector"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_a_cure(more, error, what):
    with pytest.raises(error, match=what) as caught:
        still(**more)
    assert caught.value.cure
