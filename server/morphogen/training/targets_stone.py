"""Stone, and what is built of cells."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from morphogen.training.concept import Concept, Sheet, noisy, ranges, seeded, some

FIRE = ("#050102", "#4f0a06", "#d8400a", "#ffb42a", "#fffbe0")


def _crystal(s: Sheet) -> Any:
    p = s.p
    facet = 0.36 + 0.26 * s.cell_id + 0.20 * s.t.sin(5 * s.cell_id + 2 * s.turn) * (0.4 + 0.6 * s.mid)
    shade = 0.20 * s.t.tanh(2.5 * (s.x * math.cos(p["light"]) + s.y * math.sin(p["light"]))) * s.cell_id
    edge = s.t.exp(-s.cell_edge / (0.02 + 0.02 * s.bass))
    flash = s.step(s.cell_id - 0.55 + 0.5 * s.beat, 0.08) * (0.08 + 0.30 * s.treble + 0.2 * s.beat)
    return facet + shade + (0.42 + 0.3 * s.treble) * edge + flash - 0.12 * s.cell


def _crystal_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "cells": {
            "seed": seeded(rng),
            "scale": some(rng, 2.2, 3.6, bass=-0.3),
            "loose": 1.0,
            "drift": {"time": 0.008, "mid": 0.05},
        }
    }


def _marble(s: Sheet) -> Any:
    t, p = s.t, s.p
    flow = p["veins"] * (s.warp_x * math.cos(p["way"]) + s.warp_y * math.sin(p["way"])) + 0.9 * s.clouds
    vein = 1 - t.abs(t.sin(flow + s.turn + 0.5 * s.bass))
    gold = vein ** (5 - 2 * s.treble)
    return 0.14 + 0.20 * s.clouds + 0.16 * s.mid * s.noise + 0.45 * vein**2 + (0.42 + 0.3 * s.beat) * gold


def _marble_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "warp": {
            "seed": seeded(rng),
            "scale": some(rng, 0.5, 0.8),
            "amount": some(rng, 0.7, 0.9, bass=0.15),
            "flow": {"time": 0.012, "mid": 0.06},
        },
        "noise": noisy(rng, 1.5, 2.5, bend=0.8, boil={"time": 0.015, "mid": 0.08}),
    }


def _lava(s: Sheet) -> Any:
    crack = s.t.exp(-s.cell_edge / (0.05 * (1 + 0.9 * s.bass)))
    heat = s.step(s.clouds + 0.15 + 0.3 * s.mid, 0.25)
    skin = 0.07 + 0.06 * s.clouds + 0.05 * s.t.sin(s.turn) * heat
    return (
        skin
        + crack * (0.25 + 0.6 * heat)
        + 0.28 * heat * s.t.relu(s.ridges) * (0.5 + s.treble)
        + 0.25 * s.beat * crack * heat
    )


def _lava_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "cells": {
            "seed": seeded(rng),
            "scale": some(rng, 2.2, 3.2),
            "loose": 1.0,
            "drift": {"time": 0.012, "mid": 0.03},
        },
        "noise": noisy(rng, 1.6, 2.4, bend=0.9, boil={"time": 0.03, "mid": 0.12}, x={"time": 0.03}),
    }


def _honeycomb(s: Sheet) -> Any:
    wall = s.t.exp(-s.cell_edge / (0.07 * (1 + 0.4 * s.bass)))
    full = s.step(s.cell_id + 0.35 * s.t.sin(s.turn) + 0.3 * s.mid - 0.1, 0.25)
    honey = (0.22 + 0.36 * full) * s.step(s.cell_edge - 0.08, 0.03)
    glint = s.bell(s.cell - 0.18, 0.10) * (0.20 + 0.4 * s.treble) * full
    return 0.04 + honey + 0.30 * wall * (1 + 0.6 * s.beat) + glint + 0.04 * s.noise


def _honeycomb_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "cells": {
            "seed": seeded(rng),
            "scale": some(rng, 3.6, 5.0, bass=-0.2),
            "loose": some(rng, 0.35, 0.5, mid=0.15),
            "drift": {"time": 0.01},
        },
        "noise": noisy(rng, 2.0, 3.0, boil={"time": 0.03, "mid": 0.1}),
    }


STONE = (
    Concept(
        "lava",
        ("cell_edge", "clouds", "ridges"),
        _lava,
        ranges(free=(0.0, 1.0)),
        (FIRE, ("#060203", "#3a0a0a", "#c02a08", "#ff8a1a", "#fff0b0")),
        _lava_shape,
        {"bass": "cracks open", "mid": "heat wanders", "treble": "the melt glitters", "beat": "it glows up"},
        words=("lava", "magma", "volcan"),
    ),
    Concept(
        "crystal",
        ("x", "y", "cell", "cell_edge", "cell_id"),
        _crystal,
        ranges(light=(0.0, 6.2)),
        (
            ("#040818", "#1a3a7a", "#3fa0d0", "#b8f0f0", "#ffffff"),
            ("#0a0418", "#3f1a7a", "#b05ad0", "#ffb8e8", "#fffaff"),
            ("#030c0a", "#0a4a4a", "#2ab090", "#c0f8d0", "#ffffff"),
        ),
        _crystal_shape,
        {"bass": "facets grow", "mid": "they turn in the light", "treble": "edges sparkle", "beat": "facets flash"},
        words=("crystal", "gem", "ice", "diamond"),
    ),
    Concept(
        "marble",
        ("warp_x", "warp_y", "noise", "clouds"),
        _marble,
        ranges(veins=(2.5, 4.5), way=(0.0, 3.1)),
        (
            ("#050608", "#1e2a36", "#5a6a72", "#e0b860", "#fffaea"),
            ("#02080a", "#0a3a3a", "#2a7a6a", "#e0c070", "#fffbe8"),
            ("#0a0406", "#4a1a2a", "#a05060", "#f0c8a0", "#fffaf2"),
        ),
        _marble_shape,
        {"bass": "veins shift", "mid": "the stone clouds", "treble": "gold widens", "beat": "gold flashes"},
        words=("marble", "stone", "agate"),
        also=("wood",),
    ),
    Concept(
        "honeycomb",
        ("cell", "cell_edge", "cell_id", "noise"),
        _honeycomb,
        ranges(free=(0.0, 1.0)),
        (
            ("#0a0501", "#5a3005", "#d08a10", "#ffd45a", "#fffbe0"),
            ("#080301", "#4a1f08", "#c0640a", "#ffb84a", "#fff6d8"),
        ),
        _honeycomb_shape,
        {"bass": "walls thicken", "mid": "honey rises", "treble": "it glints", "beat": "walls glow"},
        words=("honeycomb", "beehive", "honey"),
        also=("cells", "scales"),
    ),
)
