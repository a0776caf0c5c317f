"""The colour grade as one 3x4 matrix: exposure, contrast, saturation, hue and tint are all affine in RGB.

One matrix costs nine multiply-adds a pixel whatever is switched on. Hue turns around the grey axis and keeps luminance
(the matrices of Haeberli, "Matrix operations for image processing", 1993); colours stay in sRGB encoding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LUMA = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True)
class Grade:
    """Colour after the field; units of the parameters of the same names."""

    exposure: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0
    tint: float = 0.0
    tint_hue: float = 0.6


@lru_cache(maxsize=256)
def grade_matrix(grade: Grade) -> NDArray[np.float64]:
    """(3, 4) float64: rgb_out = M[:, :3] @ rgb + M[:, 3]. Neutral settings give the identity exactly. Read-only:
    kept, since a grade mostly stays from frame to frame."""
    matrix = np.eye(3)
    if grade.hue % 1.0:
        matrix = _hue(grade.hue) @ matrix
    if grade.saturation != 1.0:
        matrix = _saturation(grade.saturation) @ matrix
    if grade.tint:
        matrix = _tint(grade.tint, grade.tint_hue) @ matrix
    gain = 2.0**grade.exposure
    offset = np.full((3, 1), 0.5 * (1.0 - grade.contrast))
    whole = np.hstack([matrix * (gain * grade.contrast), offset])
    whole.flags.writeable = False
    return whole


def _saturation(amount: float) -> NDArray[np.float64]:
    return amount * np.eye(3) + (1.0 - amount) * np.tile(LUMA, (3, 1))


def _hue(turns: float) -> NDArray[np.float64]:
    """Rotation about (1, 1, 1), then sheared so that luminance stays."""
    c, s = math.cos(math.tau * turns), math.sin(math.tau * turns)
    third, root = (1 - c) / 3, math.sqrt(1 / 3) * s
    rotation = np.array(
        [
            [c + third, third - root, third + root],
            [third + root, c + third, third - root],
            [third - root, third + root, c + third],
        ]
    )
    return rotation + np.tile(LUMA - LUMA @ rotation, (3, 1))


def _tint(amount: float, turns: float) -> NDArray[np.float64]:
    """Mix with one colour of the given hue, as bright as the picture is."""
    phases = turns + np.array([0.0, -1 / 3, 1 / 3])
    colour = np.clip(np.abs((phases % 1.0) * 6 - 3) - 1, 0, 1)
    colour = colour / max(float(LUMA @ colour), 0.25)
    return (1.0 - amount) * np.eye(3) + amount * np.outer(colour, LUMA)
