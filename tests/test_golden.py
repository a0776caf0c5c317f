"""Golden pictures of the reference: what was drawn once is drawn for ever, on every machine, to a level.

`pytest tests/test_golden.py --regenerate-golden` writes them anew; look at them before committing. The networks are
drawn from seeds, so that a change of the shipped styles changes nothing here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawing import VALUES, draw, glow
from morphogen.field.inputs import FIELDS
from morphogen.field.network import Shape, init_glow, init_seed, preset
from morphogen.field.scene import Grade, Scene, View
from morphogen.render.numpy import NumpyRenderer

FOLDER = Path(__file__).with_name("golden")
PLACES = tuple(FIELDS["place"].channels)
SIZE = (96, 54)

SCENES: dict[str, Scene] = {
    "2l-4d": Scene((glow(11, "2L_4D"),), VALUES),
    "3l-4d": Scene((glow(12),), VALUES),
    "3l-6d": Scene((glow(13, "3L_6D"),), VALUES),
    "2l-8d": Scene((glow(14, "2L_8D"),), VALUES),
    "3l-8d": Scene((glow(15, "3L_8D"),), VALUES),
    "seed-init": Scene((init_seed(preset("3L_4D"), 16),), VALUES),
    "extent-pi": Scene((init_glow(preset("2L_4D"), 17, np.pi),), VALUES),
    "all-inputs": Scene((init_glow(Shape((*PLACES, "time"), (("tanh", "sin", "relu", "abs"), ("gaussian", "cos",
                        "sigmoid", "identity"))), 18, hidden_gain=2.0),), VALUES),
    "ten-hours": Scene((glow(12),), VALUES | {"time": 36_012.0}),
    "folded": Scene((glow(12),), VALUES, view=View(1.4, 25.0, 0.1, -0.2, 3, 7, False, 0.4, 2.5, 3.3)),
    "polar": Scene((glow(12),), VALUES, view=View(0.8, polar=True, warp=0.2)),
    "graded": Scene((glow(12),), VALUES, grade=Grade(0.8, 1.3, 1.5, 0.4, 0.25, 0.05), master=0.9),
    "fade": Scene((glow(12), glow(14, "2L_8D")), VALUES, 0.35),
    "plain": Scene((glow(12),), VALUES, dither=False),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENES)
def test_golden(name, request, tmp_path):
    picture = draw(NumpyRenderer(), SCENES[name], SIZE)[..., :3]
    path = FOLDER / f"{name}.png"
    if request.config.getoption("--regenerate-golden"):
        FOLDER.mkdir(exist_ok=True)
        Image.fromarray(picture).save(path, optimize=True)
    assert path.is_file(), f"{path.name} is not there yet: run with --regenerate-golden"
    golden = np.asarray(Image.open(path).convert("RGB"))
    assert golden.shape == picture.shape
    error = np.abs(picture.astype(int) - golden)
    # Another libm may round a sine the other way; where that falls on a step of the dither it is a level, rarely.
    if error.max() > 1 or (error > 0).mean() > 1e-3:
        beside = np.hstack([golden, picture, np.minimum(error * 32, 255).astype(np.uint8)])
        shown = tmp_path / f"{name}-golden-now-difference.png"
        Image.fromarray(beside).save(shown)
        pytest.fail(f"{name}: up to {error.max()} levels off, {(error > 0).mean():.2%} of the values; see {shown}")


def test_every_golden_picture_is_used():
    assert {path.stem for path in FOLDER.glob("*.png")} == set(SCENES)


def test_golden_pictures_are_worth_keeping():
    """No two alike, none flat: a picture of nothing would pass for ever."""
    pictures = {name: draw(NumpyRenderer(), what, SIZE)[..., :3].astype(float) for name, what in SCENES.items()}
    for name, picture in pictures.items():
        assert picture.std() > 8, name
        for other, seen in pictures.items():
            assert other == name or np.abs(picture - seen).mean() > (0.1 if "plain" in (name, other) else 2), (
                name,
                other,
            )
