"""Concepts of the sky."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from morphogen.training.concept import Concept, Sheet
from morphogen.training.states import LOOP

BLUE = ("#02030d", "#141b6b", "#4a5be6", "#a9c4ff", "#fff6e8")
VIOLET = ("#05020f", "#2d1070", "#7b4be0", "#d3a8ff", "#fff2dd")
TEAL = ("#01060d", "#073a5c", "#1a8fb5", "#8fe8e0", "#fff8e0")
ROUND = 1 / LOOP  # turns a second: once around in a loop


def _galaxy(s: Sheet) -> Any:
    t, p = s.t, s.p
    angle = t.atan2(s.swirl_y, s.swirl_x)
    arms = (0.5 + 0.5 * t.cos(2 * angle)) ** p["sharp"]
    disc = s.bell(s.r, p["size"] * (1 + 0.3 * s.bass))
    core = s.bell(s.r, p["core"] * (1 + 0.6 * s.beat))
    breath = 0.03 * t.sin(s.turn)
    return 0.02 + disc * (0.16 + breath + (0.55 + 0.3 * s.treble) * arms) + 0.8 * core


def _galaxy_sample(rng: np.random.Generator) -> dict[str, float]:
    return {"size": float(rng.uniform(0.42, 0.6)), "core": float(rng.uniform(0.06, 0.11)),
            "sharp": float(rng.uniform(1.5, 3.0))}  # fmt: skip


def _galaxy_shape(rng: np.random.Generator) -> dict[str, Any]:
    way = float(rng.choice((-1, 1)))
    rate = way * float(rng.uniform(0.14, 0.3))
    return {"swirl": {"rate": {"base": rate, "mid": 0.1 * way, "bass": 0.03 * way}, "core": 0.05,
                      "turn": {"base": float(rng.uniform()), "time": -way * ROUND}}}  # fmt: skip


COSMOS = (
    Concept(
        "galaxy", ("swirl_x", "swirl_y", "r"), _galaxy, _galaxy_sample, (BLUE, VIOLET, TEAL), _galaxy_shape,
        {"bass": "gravitational waves: the disc swells", "mid": "the arms swirl", "treble": "the arms light up",
         "beat": "the core flares"},
    ),
)  # fmt: skip
assert math.isclose(ROUND * LOOP, 1)
