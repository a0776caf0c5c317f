"""Moods and made things: the seeds' mood board."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from morphogen.training.concept import Concept, Sheet, ranges, seeded, some


def _neon(s: Sheet) -> Any:
    t, p = s.t, s.p
    line = t.exp(-s.cell_edge / (0.022 * (1 + 0.8 * s.bass)))
    glow = t.exp(-s.cell_edge / 0.12)
    lit = s.step(s.cell_id - p["lit"] + 0.5 * s.beat + 0.25 * t.sin(2 * s.turn), 0.18)
    frame = s.bell(t.sin(p["frames"] * (s.abs_x + s.abs_y) - 2 * s.turn), 0.16 + 0.08 * s.treble)
    return 0.03 + 0.5 * line + 0.16 * glow + lit * (0.16 + 0.22 * s.mid) + 0.36 * frame * (0.35 + 0.65 * glow)


def _neon_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {"cells": {"seed": seeded(rng), "scale": some(rng, 2.6, 3.8), "loose": some(rng, 0.0, 0.3, bass=0.25)}}


def _tendrils(s: Sheet) -> Any:
    t, p = s.t, s.p
    flow = p["bands"] * (s.warp_x * math.cos(p["way"]) + s.warp_y * math.sin(p["way"]))
    strand = (0.5 + 0.5 * t.sin(flow + s.turn + 0.8 * s.bass)) ** 3
    vein = t.relu(s.ridges - 0.15) * (0.45 + 0.4 * s.treble)
    depth = s.step(s.noise + 0.2 + 0.2 * s.mid, 0.2)
    return 0.02 + strand * (0.2 + 0.62 * depth) + vein * (0.25 + 0.4 * strand) + 0.12 * s.beat * strand


def _tendrils_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "warp": {
            "seed": seeded(rng),
            "scale": some(rng, 0.6, 0.9),
            "amount": some(rng, 0.75, 1.0, bass=0.2),
            "flow": {"time": 0.025, "mid": 0.12},
        },
        "noise": {
            "seed": seeded(rng),
            "scale": some(rng, 1.4, 2.0),
            "bend": 0.8,
            "boil": {"time": 0.03, "treble": 0.1},
        },
    }


def _fractal(s: Sheet) -> Any:
    t, p = s.t, s.p
    fern = s.step(s.branch - 0.33 + 0.06 * s.bass, 0.09)
    rib = t.relu(s.ridges) ** 2
    leaf = (0.5 + 0.5 * t.cos(p["ribs"] * s.branch_along - 2 * s.turn)) ** 2
    canopy = 0.07 + (0.30 + 0.25 * s.mid) * rib * s.step(s.clouds + 0.1, 0.2)
    return (
        canopy * (1 - 0.6 * fern)
        + fern * (0.34 + 0.26 * leaf + 0.3 * s.beat * leaf)
        + 0.25 * s.branch**3 * (1 + s.treble)
    )


def _fractal_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "branch": {
            "seed": seeded(rng),
            "scale": some(rng, 0.52, 0.66),
            "sway": some(rng, 0.6, 1.0, mid=0.25),
            "flow": {"time": 0.02},
            "thickness": {"base": 0.9, "bass": 0.35},
        },
        "noise": {
            "seed": seeded(rng),
            "scale": some(rng, 1.6, 2.4),
            "rough": 0.7,
            "bend": 0.7,
            "boil": {"time": 0.02, "mid": 0.1},
        },
    }


def _glitch(s: Sheet) -> Any:
    t, p = s.t, s.p
    torn = s.step(s.cell_id - p["torn"] + 0.45 * s.beat + 0.3 * s.bass, 0.06)
    lines = (0.5 + 0.5 * t.sin(p["lines"] * s.y + 5 * s.noise + 3 * s.turn)) ** 2
    bars = s.step(t.sin(p["bars"] * s.x + 9 * s.cell_id + 2 * s.turn), 0.15)
    edge = t.exp(-s.cell_edge / 0.03)
    return 0.03 + torn * (0.30 + 0.40 * bars * (0.5 + s.treble)) + 0.16 * lines * (0.6 + s.mid) + 0.3 * edge * torn


def _glitch_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "cells": {
            "seed": seeded(rng),
            "scale": some(rng, 4, 7, bass=-0.6),
            "loose": {"base": 0.0, "mid": 0.25},
            "drift": {"time": 0.06, "beat": 0.15},
        },
        "noise": {"seed": seeded(rng), "scale": some(rng, 1.0, 1.8), "boil": {"time": 0.15, "treble": 0.4}},
    }


def _watercolor(s: Sheet) -> Any:
    p = s.p
    wash = 0.46 + 0.46 * s.clouds + 0.24 * s.t.sin(p["wide"] * s.warp_x + s.turn) + 0.10 * s.bass
    rim = s.bell(s.clouds - p["rim"], 0.10) * (0.14 + 0.14 * s.treble)
    bloom = s.bell(s.noise - p["bloom"], 0.2) * (0.14 + 0.2 * s.mid + 0.25 * s.beat)
    return wash - rim + bloom


def _watercolor_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "warp": {
            "seed": seeded(rng),
            "scale": some(rng, 0.5, 0.8),
            "amount": some(rng, 0.6, 0.9, bass=0.2),
            "flow": {"time": 0.015, "mid": 0.08},
        },
        "noise": {"seed": seeded(rng), "scale": some(rng, 0.9, 1.4), "bend": 0.8, "boil": {"time": 0.02, "mid": 0.08}},
    }


MOODS = (
    Concept(
        "neon",
        ("cell_edge", "cell_id", "abs_x", "abs_y"),
        _neon,
        ranges(lit=(0.3, 0.7), frames=(7.0, 11.0)),
        (
            ("#04020f", "#1a0c5e", "#2a5cff", "#ff3fa8", "#ffe6ff"),
            ("#030212", "#3a0a6a", "#ff2a8a", "#3ae0ff", "#f2ffff"),
        ),
        _neon_shape,
        {"bass": "lines thicken, tiles shift", "mid": "tiles glow", "treble": "frames flash", "beat": "tiles light up"},
        words=("cyberpunk", "neon", "circuit", "synthwave"),
    ),
    Concept(
        "tendrils",
        ("warp_x", "warp_y", "noise", "ridges"),
        _tendrils,
        ranges(bands=(5.0, 8.0), way=(0.0, 3.1)),
        (
            ("#020501", "#1f3a04", "#8ab80a", "#e8f53a", "#fffde0"),
            ("#030602", "#0c4a1a", "#5ac81e", "#d8f04a", "#fdffdc"),
            ("#040502", "#2f4a06", "#a8c414", "#f4f060", "#ffffff"),
        ),
        _tendrils_shape,
        {"bass": "strands swell", "mid": "they stream", "treble": "veins light up", "beat": "strands flash"},
        words=("tendril", "organic flow", "flowing shapes"),
    ),
    Concept(
        "fractal",
        ("branch", "branch_along", "ridges", "clouds"),
        _fractal,
        ranges(ribs=(24.0, 40.0)),
        (
            ("#020602", "#0f3a12", "#3f8f2a", "#c8d85a", "#fff8d8"),
            ("#050402", "#3a2a0a", "#8a8a1e", "#e8d070", "#fffbe4"),
            ("#01060a", "#0a3f3a", "#2a9a6a", "#b0f0a0", "#fbffe8"),
        ),
        _fractal_shape,
        {"bass": "branches thicken", "mid": "the canopy moves", "treble": "stems glow", "beat": "leaves flash"},
        words=("fractal", "fern", "nature"),
    ),
    Concept(
        "glitch",
        ("x", "y", "cell_id", "cell_edge", "noise"),
        _glitch,
        ranges(torn=(0.1, 0.5), lines=(40.0, 60.0), bars=(9.0, 16.0)),
        (
            ("#030203", "#3a0408", "#c80f1e", "#ff4a3a", "#fff0ea"),
            ("#020203", "#2a0610", "#e0102a", "#ff7a6a", "#e8ffff"),
        ),
        _glitch_shape,
        {"bass": "blocks tear", "mid": "lines roll", "treble": "bars flicker", "beat": "blocks jump"},
        words=("glitch", "corruption", "digital"),
    ),
    Concept(
        "watercolor",
        ("warp_x", "noise", "clouds"),
        _watercolor,
        ranges(wide=(2.5, 4.5), rim=(-0.3, 0.3), bloom=(-0.2, 0.4)),
        (
            ("#3f5fae", "#8fb0e4", "#f4a4c0", "#fde0b4", "#fffaf2"),
            ("#3f8a88", "#8fd0c0", "#f0d090", "#fab4b0", "#fffaf4"),
            ("#6a52a8", "#b094e4", "#f0c0d8", "#c8e4ec", "#fffdf8"),
        ),
        _watercolor_shape,
        {"bass": "the wash spreads", "mid": "colours bleed", "treble": "edges darken", "beat": "blooms open"},
        words=("watercolor", "watercolour", "pastel", "aquarelle", "soft"),
    ),
)
