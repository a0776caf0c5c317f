"""What grows, and what is made in its image."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphogen.training.concept import Concept, Sheet, noisy, ranges, seeded, some


def _mycelium(s: Sheet) -> Any:
    t = s.t
    web = t.relu(s.ridges - 0.1) ** 1.5
    line = s.branch**1.4
    wave = (0.5 + 0.5 * t.cos(12 * s.branch_along - 3 * s.turn)) ** 2
    glow = s.step(s.noise + 0.1 + 0.3 * s.mid, 0.25)
    return (
        0.03
        + 0.30 * web * (0.5 + 0.5 * glow) * (1 + s.mid)
        + 0.55 * line
        + line * wave * (0.1 + 0.4 * s.beat)
        + (0.5 + 0.5 * s.treble) * s.stars
        + 0.25 * s.treble * web
    )


def _mycelium_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "branch": {
            "seed": seeded(rng),
            "scale": some(rng, 0.52, 0.66),
            "sway": some(rng, 0.8, 1.3, mid=0.3),
            "flow": {"time": 0.02},
            "thickness": {"base": 0.35, "bass": 0.25},
        },
        "noise": noisy(rng, 2.6, 3.6, rough=0.7, bend=0.9, boil={"time": 0.02, "mid": 0.08}),
        "stars": {
            "seed": seeded(rng),
            "scale": 5.0,
            "density": 0.45,
            "size": 1.3,
            "phase": {"time": 0.1, "treble": 0.5},
        },
    }


def _coral(s: Sheet) -> Any:
    t, p = s.t, s.p
    maze = t.sin(p["maze"] * s.noise + 3.2 * s.warp_x + s.turn + 0.6 * s.bass)
    wall = s.step(maze - 0.15 + 0.25 * s.mid, 0.16)
    rim = s.bell(maze - 0.15, 0.22)
    polyp = s.bell(s.cell, 0.16 + 0.06 * s.beat) * wall
    return 0.06 + 0.34 * wall * (1 + 0.3 * s.noise) + (0.26 + 0.25 * s.treble) * rim + (0.3 + 0.35 * s.beat) * polyp


def _coral_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "warp": {
            "seed": seeded(rng),
            "scale": some(rng, 0.7, 1.0),
            "amount": some(rng, 0.6, 0.8, bass=0.2),
            "flow": {"time": 0.015},
        },
        "cells": {"seed": seeded(rng), "scale": some(rng, 6, 8), "loose": 0.8, "drift": {"time": 0.02, "mid": 0.05}},
        "noise": noisy(rng, 1.2, 1.8, boil={"time": 0.02, "mid": 0.08}),
    }


def _eye(s: Sheet) -> Any:
    t, p = s.t, s.p
    pupil = p["pupil"] * (1 + 0.45 * s.bass + 0.06 * t.sin(s.turn))
    iris = s.step(p["iris"] - s.r, 0.018) * s.step(s.r - pupil, 0.012)
    fibre = 0.5 + 0.5 * s.rays
    ring = s.bell(s.r - pupil - 0.06, 0.05) * (0.25 + 0.3 * s.mid + 0.3 * s.beat)
    limbus = s.bell(s.r - p["iris"], 0.04)
    lid = s.bell(s.y / (0.34 - 0.28 * s.x**2), 1.0)
    glint = s.bell(t.sqrt((s.x + 0.06) ** 2 + (s.y - 0.07) ** 2), 0.035 + 0.02 * s.beat)
    white = (1 - s.step(p["iris"] - s.r, 0.018)) * lid * 0.16
    return (
        0.03
        + iris * (0.24 + 0.42 * fibre * (0.8 + 0.5 * s.treble))
        + ring * iris
        - 0.2 * limbus * iris
        + white
        + 0.9 * glint
    )


def _eye_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "rays": {
            "seed": seeded(rng),
            "count": float(rng.integers(22, 38)),
            "wander": some(rng, 0.2, 0.5, treble=0.2),
            "twist": {"base": 0.1, "mid": 0.15},
            "flow": {"time": 0.02},
        }
    }


def _shell(s: Sheet) -> Any:
    t, p = s.t, s.p
    angle = t.atan2(s.swirl_y, s.swirl_x)
    whorl = 0.5 + 0.5 * t.cos(angle)
    ridge = whorl**6
    ribs = 0.5 + 0.5 * t.cos(p["ribs"] * angle)
    body = s.bell(s.r, 0.62 + 0.1 * s.bass)
    return 0.03 + body * (
        0.12
        + 0.42 * whorl
        + 0.24 * ridge * (1 + s.beat)
        + 0.14 * ribs * (0.6 + s.treble)
        + 0.10 * s.noise * (1 + s.mid)
    )


def _shell_shape(rng: np.random.Generator) -> dict[str, Any]:
    way = float(rng.choice((-1, 1)))
    return {
        "swirl": {
            "rate": some(rng, 0.42 * way, 0.6 * way, mid=0.08 * way),
            "core": 0.02,
            "turn": some(rng, 0, 1, time=-way / 48),
        },
        "noise": noisy(rng, 3.0, 4.0, boil={"time": 0.03, "mid": 0.1}),
    }


def _mandala(s: Sheet) -> Any:
    t, p = s.t, s.p
    rings = t.cos(p["rings"] * s.r - 2 * s.turn - 1.2 * s.bass)
    weave = t.cos(p["weave"] * s.abs_x + s.turn) * t.cos(p["weave"] * s.abs_y + s.turn)
    petal = s.step(rings * 0.6 + weave + 0.5 * s.rays * (0.6 + s.mid) - 0.1, 0.16)
    line = s.bell(rings * 0.6 + weave + 0.5 * s.rays - 0.1, 0.14)
    fade = s.bell(s.r, 0.85)
    return (
        0.04
        + fade * (0.36 * petal + (0.36 + 0.3 * s.treble) * line + 0.10 * rings + 0.05)
        + s.bell(s.r, 0.08) * (0.3 + 0.4 * s.beat)
    )


def _mandala_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "rays": {
            "seed": seeded(rng),
            "count": float(rng.choice((6, 8, 10, 12))),
            "wander": 0.0,
            "turn": {"time": 1 / 24},
            "core": 0.08,
            "twist": {"mid": 0.2},
        }
    }


def _flower(s: Sheet) -> Any:
    t, p = s.t, s.p
    edge = p["size"] * (1 + 0.15 * s.bass + 0.22 * s.rays + 0.03 * t.sin(s.turn))
    petals = s.step(edge - s.r, 0.03)
    veins = 0.5 + 0.5 * s.rays
    depth = s.bell(s.r - 0.5 * edge, 0.3 * p["size"])
    heart = s.bell(s.r, 0.075 + 0.03 * s.beat)
    return (
        0.04
        + 0.02 * s.noise
        + petals * (0.20 + 0.26 * depth + 0.22 * veins * (0.7 + s.treble) + 0.08 * s.noise * (1 + s.mid))
        + 0.5 * heart
    )


def _flower_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "rays": {
            "seed": seeded(rng),
            "count": float(rng.integers(5, 10)),
            "wander": some(rng, 0.0, 0.15),
            "turn": {"time": 1 / 48},
            "twist": some(rng, -0.3, 0.3, mid=0.2),
            "core": 0.05,
        },
        "noise": noisy(rng, 3.0, 4.0, boil={"time": 0.03, "mid": 0.1}),
    }


GROWTH = (
    Concept(
        "mycelium",
        ("branch", "branch_along", "noise", "ridges", "stars"),
        _mycelium,
        ranges(free=(0.0, 1.0)),
        (
            ("#03040a", "#14304a", "#2a9aa0", "#b8f0b0", "#fffff0"),
            ("#060308", "#3a1a4a", "#a05ac0", "#ffc8a0", "#fffbe8"),
            ("#050302", "#3a2a14", "#a8844a", "#f4e0a8", "#ffffff"),
        ),
        _mycelium_shape,
        {"bass": "threads thicken", "mid": "the web glows", "treble": "spores glitter", "beat": "signals run"},
        words=("mycelium", "fungus", "mushroom", "roots"),
        also=("cracks", "tree"),
    ),
    Concept(
        "coral",
        ("warp_x", "noise", "cell"),
        _coral,
        ranges(maze=(5.0, 8.0)),
        (
            ("#03060f", "#0a3a5a", "#e05a6a", "#ffb08a", "#fff6e0"),
            ("#04040f", "#2a1a6a", "#d04aa0", "#ffa8b8", "#fff8ea"),
            ("#01090c", "#0a4a4a", "#f07a3a", "#ffd080", "#fffbe8"),
        ),
        _coral_shape,
        {"bass": "the reef sways", "mid": "walls grow", "treble": "rims glow", "beat": "polyps open"},
        words=("coral", "reef", "anemone"),
        also=("maze",),
    ),
    Concept(
        "eye",
        ("x", "y", "r", "rays"),
        _eye,
        ranges(pupil=(0.08, 0.11), iris=(0.29, 0.35)),
        (
            ("#020406", "#0a3a4a", "#1e9a8a", "#b0f0b0", "#ffffff"),
            ("#050302", "#4a2408", "#b8741a", "#ffd870", "#ffffff"),
            ("#020410", "#102a7a", "#3a80e0", "#b0e4ff", "#ffffff"),
        ),
        _eye_shape,
        {
            "bass": "the pupil opens",
            "mid": "the iris turns",
            "treble": "fibres light up",
            "beat": "a glint, and light around the pupil",
        },
        words=("eye", "iris", "pupil"),
    ),
    Concept(
        "shell",
        ("swirl_x", "swirl_y", "r", "noise"),
        _shell,
        ranges(ribs=(7.0, 12.0)),
        (
            ("#0a0408", "#4a2030", "#c07060", "#ffd0a0", "#fffaf0"),
            ("#03060a", "#1a3a5a", "#6a90b0", "#f0d8c8", "#ffffff"),
        ),
        _shell_shape,
        {"bass": "it grows", "mid": "it winds up", "treble": "ribs gleam", "beat": "the ridge flashes"},
        words=("shell", "nautilus", "snail", "ammonite"),
    ),
    Concept(
        "mandala",
        ("abs_x", "abs_y", "r", "rays"),
        _mandala,
        ranges(rings=(16.0, 24.0), weave=(7.0, 12.0)),
        (
            ("#080312", "#3f0f6a", "#d0307a", "#ffb84a", "#fffbe0"),
            ("#02060f", "#0f3a7a", "#1aa0a8", "#ffd870", "#ffffff"),
            ("#0a0206", "#5a0a3a", "#e0501e", "#ffd04a", "#fffde0"),
        ),
        _mandala_shape,
        {"bass": "rings run outwards", "mid": "petals twist", "treble": "lines glow", "beat": "the heart lights up"},
        words=("mandala", "kaleidoscop", "ornament", "sacred geometry"),
        also=("snowflake", "rings"),
    ),
    Concept(
        "flower",
        ("r", "rays", "noise"),
        _flower,
        ranges(size=(0.34, 0.42)),
        (
            ("#02060a", "#5a0f4a", "#e0508a", "#ffb0b0", "#fff6c8"),
            ("#03050a", "#3a1a7a", "#8a5ae8", "#e0b8ff", "#fffbd8"),
            ("#040602", "#6a2a08", "#f0801a", "#ffd04a", "#fffbe0"),
        ),
        _flower_shape,
        {"bass": "it opens", "mid": "petals turn", "treble": "veins glow", "beat": "the heart glows"},
        words=("flower", "blossom", "petal", "rose", "lotus"),
    ),
)
