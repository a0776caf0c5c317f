"""Concepts of the sky. Bass is gravity, mid whirls, treble twinkles, a beat is light from the heart of the thing."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphogen.training.concept import Concept, Sheet, ranges, seeded, some
from morphogen.training.states import LOOP

BLUE = ("#02030d", "#141b6b", "#4a5be6", "#a9c4ff", "#fff6e8")
VIOLET = ("#05020f", "#2d1070", "#7b4be0", "#d3a8ff", "#fff2dd")
TEAL = ("#01060d", "#073a5c", "#1a8fb5", "#8fe8e0", "#fff8e0")
ROSE = ("#04030f", "#31105e", "#b02a80", "#ff8a6a", "#fff0d0")
EMBER = ("#060205", "#4a0a2c", "#c2331c", "#ffa232", "#fff4d8")
ROUND = 1 / LOOP  # turns a second: once around in a loop


def _stars(rng: np.random.Generator, density: float = 0.55) -> dict[str, Any]:
    return {
        "seed": seeded(rng),
        "scale": some(rng, 4.5, 7),
        "density": density,
        "size": some(rng, 0.8, 1.2),
        "twinkle": {"base": 0.5, "treble": 0.5},
        "phase": {"base": 0.0, "time": 0.15, "treble": 0.4},
    }


def _galaxy(s: Sheet) -> Any:
    t, p = s.t, s.p
    angle = t.atan2(s.swirl_y, s.swirl_x)
    dust = 1 + p["dust"] * s.clouds
    arms = (0.5 + 0.5 * t.cos(2 * angle)) ** p["sharp"]
    disc = s.bell(s.r, p["size"] * (1 + 0.3 * s.bass))
    core = s.bell(s.r, p["core"] * (1 + 0.6 * s.beat))
    sky = s.stars * (0.55 + 0.45 * s.treble)
    return 0.02 + disc * (0.14 + 0.02 * t.sin(s.turn) + (0.5 + 0.25 * s.treble) * arms) * dust + 0.8 * core + 0.8 * sky


def _galaxy_shape(rng: np.random.Generator) -> dict[str, Any]:
    way = float(rng.choice((-1, 1)))
    return {
        "swirl": {
            "rate": some(rng, 0.14 * way, 0.28 * way, mid=0.1 * way, bass=0.03 * way),
            "core": 0.05,
            "turn": some(rng, 0, 1, time=-way * ROUND),
        },
        "noise": {"seed": seeded(rng), "scale": some(rng, 2.5, 4), "boil": {"time": 0.03, "mid": 0.1}},
        "stars": _stars(rng),
    }


def _nebula(s: Sheet) -> Any:
    p = s.p
    gas = 0.24 + 0.55 * s.clouds + 0.10 * s.bass + 0.02 * s.t.sin(s.turn)
    lanes = s.step(s.noise + p["dark"] + 0.15 * s.mid, 0.14)
    threads = s.t.relu(s.ridges - 0.3) * (0.3 + 0.4 * s.mid + 0.35 * s.treble)
    heart = s.bell(s.r, p["heart"]) * (0.24 + 0.25 * s.beat)
    sky = s.stars * (0.6 + 0.4 * s.treble)
    return 0.03 + (gas + heart + threads * p["threads"]) * (0.12 + 0.88 * lanes) + 0.9 * sky


def _nebula_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "noise": {
            "seed": seeded(rng),
            "scale": some(rng, 1.1, 1.8),
            "rough": 0.6,
            "bend": some(rng, 0.7, 1.1, bass=0.25),
            "boil": {"time": 0.025, "mid": 0.12},
            "x": {"time": 0.02},
        },
        "stars": _stars(rng, 0.5),
    }


def _supernova(s: Sheet) -> Any:
    t, p = s.t, s.p
    edge = p["radius"] * (1 + 0.35 * s.bass + 0.24 * s.clouds + 0.10 * s.rays + 0.04 * t.sin(s.turn))
    shell = s.bell(s.r - edge, 0.05 + 0.03 * s.mid)
    inside = s.step(edge - s.r, 0.04)
    jets = t.relu(s.rays + 0.15) * t.exp(-2.2 * s.r) * (0.25 + 0.6 * s.treble)
    wisps = inside * (0.22 + 0.45 * s.clouds + 0.12 * s.rays)
    core = s.bell(s.r, 0.05 + 0.07 * s.beat)
    return 0.02 + 0.6 * shell * (0.8 + 0.5 * s.clouds) + wisps + 0.7 * jets + 0.9 * core + 0.6 * s.stars


def _supernova_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "rays": {
            "seed": seeded(rng),
            "count": float(rng.integers(7, 15)),
            "wander": some(rng, 0.2, 0.5),
            "flow": {"time": 0.03, "treble": 0.15},
            "core": 0.05,
        },
        "noise": {"seed": seeded(rng), "scale": some(rng, 2.2, 3.2), "bend": 0.9, "boil": {"time": 0.04, "mid": 0.15}},
        "stars": _stars(rng, 0.4),
    }


def _black_hole(s: Sheet) -> Any:
    t, p = s.t, s.p
    radius = p["radius"] * (1 + 0.12 * s.bass)
    tilted = s.y - p["tilt"] * s.x
    far = t.relu(s.r - radius * 0.9)
    disc = (
        s.bell(tilted, (0.02 + 0.10 * t.exp(-2.2 * far)) * (1 + 0.5 * s.mid))
        * t.exp(-1.9 * far)
        * s.step(far - 0.02, 0.02)
    )
    lens = s.bell(t.sqrt(s.x**2 + (1.12 * s.y - 0.04) ** 2) - 1.42 * radius, 0.035 + 0.015 * s.mid)
    ring = s.bell(s.r - radius, 0.014 + 0.010 * s.beat)
    doppler = 1 - p["doppler"] * t.tanh(3 * s.x)
    grain = 1 + 0.35 * s.rays * (0.5 + s.treble)
    dark = s.step(s.r - 0.97 * radius, 0.012)
    return 0.01 + (0.85 * disc * doppler * grain + 0.55 * lens * doppler) * dark + 0.6 * ring + 0.5 * s.stars * dark


def _black_hole_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "rays": {
            "seed": seeded(rng),
            "count": 9.0,
            "twist": some(rng, 0.6, 1.0),
            "turn": {"time": 2 * ROUND, "mid": 0.1},
            "flow": {"time": 0.05},
        },
        "stars": _stars(rng, 0.35),
    }


def _cosmic_web(s: Sheet) -> Any:
    p = s.p
    lit = s.step(s.clouds + 0.1 + 0.2 * s.mid, 0.14)
    thread = s.t.exp(-s.cell_edge / (p["width"] * (1 + 0.8 * s.bass)))
    halo = s.t.exp(-s.cell_edge / 0.2) * (1 + 0.5 * s.treble)
    knots = s.bell(s.cell - 0.75, 0.16) * s.t.exp(-s.cell_edge / 0.08)
    return 0.02 + (0.55 * thread + 0.28 * halo) * (0.15 + 0.85 * lit) + (0.4 + 0.5 * s.beat) * knots + 0.7 * s.stars


def _cosmic_web_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "cells": {
            "seed": seeded(rng),
            "scale": some(rng, 2.4, 3.4, bass=-0.25),
            "loose": 1.0,
            "drift": {"time": 0.012, "mid": 0.05},
        },
        "noise": {"seed": seeded(rng), "scale": 1.3, "boil": {"time": 0.02, "mid": 0.1}},
        "stars": _stars(rng, 0.6),
    }


COSMOS = (
    Concept(
        "galaxy",
        ("swirl_x", "swirl_y", "r", "clouds", "stars"),
        _galaxy,
        ranges(size=(0.42, 0.6), core=(0.06, 0.11), sharp=(1.5, 3.0), dust=(0.4, 0.8)),
        (BLUE, VIOLET, TEAL, ROSE),
        _galaxy_shape,
        {
            "bass": "gravitational waves: the disc swells",
            "mid": "the arms swirl",
            "treble": "stars twinkle, arms light up",
            "beat": "the core flares",
        },
        words=("spiral", "milky way", "swirl"),
    ),
    Concept(
        "nebula",
        ("noise", "clouds", "ridges", "r", "stars"),
        _nebula,
        ranges(dark=(0.0, 0.25), threads=(0.5, 1.0), heart=(0.3, 0.5)),
        (
            ("#03040f", "#1b1a6a", "#a02a8c", "#ff8f6b", "#fff3da"),
            ("#020712", "#0c3a6e", "#6a3ac0", "#f27aa8", "#fff4e4"),
            ("#03060c", "#0a4a52", "#3a7fae", "#f0a060", "#fff6dc"),
            ROSE,
        ),
        _nebula_shape,
        {
            "bass": "clouds billow and glow",
            "mid": "filaments come and go",
            "treble": "stars and filaments glitter",
            "beat": "the heart flares",
        },
        words=("nebula", "gas cloud", "stellar nurser"),
    ),
    Concept(
        "supernova",
        ("r", "rays", "clouds", "stars"),
        _supernova,
        ranges(radius=(0.24, 0.32)),
        (
            EMBER,
            ROSE,
            ("#03030c", "#3a0f5a", "#d0402a", "#ffc45c", "#f4fbff"),
            ("#02050c", "#123c7a", "#c8485a", "#ffd07a", "#ffffff"),
        ),
        _supernova_shape,
        {
            "bass": "the shell expands",
            "mid": "the shell thickens and boils",
            "treble": "rays shoot out",
            "beat": "the core flashes",
        },
        words=("supernova", "stellar explosion", "exploding star"),
    ),
    Concept(
        "black_hole",
        ("x", "y", "r", "rays", "stars"),
        _black_hole,
        ranges(radius=(0.15, 0.19), tilt=(-0.18, 0.18), doppler=(0.25, 0.5)),
        (
            ("#020103", "#3a0d05", "#d2560c", "#ffbe55", "#fffbe8"),
            ("#010208", "#1c1050", "#c0402a", "#ffb46a", "#fff8ea"),
            ("#010308", "#0a2a5a", "#3a7ad0", "#bfe0ff", "#ffffff"),
        ),
        _black_hole_shape,
        {
            "bass": "the hole grows",
            "mid": "the disc thickens",
            "treble": "matter streams",
            "beat": "the photon ring flares",
        },
        words=("accretion", "event horizon"),
    ),
    Concept(
        "cosmic_web",
        ("cell", "cell_edge", "clouds", "stars"),
        _cosmic_web,
        ranges(width=(0.025, 0.045)),
        (
            ("#04020c", "#241052", "#7a4ac8", "#d0a8ff", "#fff6ff"),
            ("#02040c", "#0c2a5e", "#3a80c8", "#a8dcff", "#ffffff"),
            ("#070209", "#4a0f46", "#b84a8a", "#ffb09a", "#fff6e6"),
        ),
        _cosmic_web_shape,
        {
            "bass": "filaments swell",
            "mid": "light runs through the web",
            "treble": "galaxies twinkle, haloes glow",
            "beat": "the knots flare",
        },
        words=("dark matter", "filament"),
    ),
)
