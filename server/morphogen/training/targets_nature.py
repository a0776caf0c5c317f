"""Fire, water and air."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphogen.training.concept import Concept, Sheet, noisy, ranges, seeded, some

FIRE = ("#050102", "#4f0a06", "#d8400a", "#ffb42a", "#fffbe0")
DEEP = ("#01060f", "#06346a", "#1480b0", "#7fe0d8", "#fafff4")


def _flames(s: Sheet) -> Any:
    t, p = s.t, s.p
    height = s.y + 0.5 - 0.34 * s.clouds
    body = t.exp(-t.relu(height - p["low"] - 0.22 * s.bass) / 0.19)
    tongues = s.step(s.clouds + 0.55 - 1.1 * (s.y + 0.3) + 0.3 * s.bass, 0.16)
    heart = body * tongues
    embers = s.stars * (0.5 + 0.5 * s.treble)
    return (
        0.02
        + heart * (0.55 + 0.30 * s.ridges * (0.5 + s.mid + s.treble))
        + 0.22 * body**2
        + 0.15 * s.beat * heart
        + 0.7 * embers
    )


def _flames_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "noise": noisy(
            rng, 1.8, 2.6, bend=some(rng, 0.7, 1.0, mid=0.2), y={"time": -0.9, "bass": -0.15}, boil={"time": 0.08}
        ),
        "stars": {
            "seed": seeded(rng),
            "scale": 4.0,
            "size": 1.4,
            "density": 0.4,
            "y": {"time": -0.5},
            "phase": {"time": 0.4},
        },
    }


def _aurora(s: Sheet) -> Any:
    t, p = s.t, s.p
    low = s.y - 0.16 * s.noise - 0.10 * t.sin(p["wide"] * s.x + s.turn) - 0.06 * s.bass
    curtain = t.where(low < 0, t.exp(-((low / 0.045) ** 2)), t.exp(-low / (0.20 + 0.14 * s.bass)))
    folds = 0.55 + 0.45 * t.sin(p["folds"] * s.warp_x + 2 * s.turn)
    rays = 0.65 + 0.35 * s.treble * folds
    return 0.04 + 0.06 * (0.5 - s.y) + curtain * (0.25 + 0.6 * folds) * rays + 0.15 * s.beat * curtain + 0.7 * s.stars


def _aurora_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "warp": {
            "seed": seeded(rng),
            "scale": some(rng, 0.6, 0.9),
            "amount": some(rng, 0.35, 0.5, mid=0.2),
            "flow": {"time": 0.02},
        },
        "noise": noisy(rng, 0.9, 1.3, boil={"time": 0.03, "mid": 0.12}),
        "stars": {"seed": seeded(rng), "scale": some(rng, 5, 7), "density": 0.5, "phase": {"time": 0.1, "treble": 0.4}},
    }


def _sea(s: Sheet) -> Any:
    t, p = s.t, s.p
    swell = t.sin(p["waves"] * s.warp_y + 0.7 * s.noise + s.turn)
    foam = t.relu(s.ridges - 0.2) * s.step(swell - 0.3 + 0.4 * s.beat, 0.2)
    light = 0.30 + 0.05 * s.bass + 0.25 * swell + 0.16 * s.noise
    return light + foam * (0.55 + 0.4 * s.mid) + s.t.relu(s.ridges - 0.5) * (0.2 + 0.5 * s.treble)


def _sea_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "warp": {
            "seed": seeded(rng),
            "scale": some(rng, 0.5, 0.8),
            "amount": some(rng, 0.5, 0.7, bass=0.25),
            "flow": {"time": 0.03},
        },
        "noise": noisy(rng, 2.0, 3.0, bend=0.9, boil={"time": 0.05, "mid": 0.15}, y={"time": 0.05}),
    }


def _lightning(s: Sheet) -> Any:
    t, p = s.t, s.p
    bolt = s.branch**2.2
    core = s.step(s.branch - 0.62, 0.05)
    cloud = s.step(s.clouds - 0.05 + 0.9 * (s.y - p["sky"]), 0.35)
    power = 0.45 + 0.55 * s.beat + 0.1 * t.sin(2 * s.turn)
    glow = s.branch**0.8 * 0.18
    return (
        0.04
        + (0.16 + 0.14 * s.bass) * cloud * (1 + s.clouds)
        + power * (0.55 * bolt + 0.5 * core)
        + glow * (0.6 + s.treble)
    )


def _lightning_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "branch": {
            "seed": seeded(rng),
            "turn": 0.75,
            "scale": some(rng, 0.8, 1.0),
            "sway": some(rng, 1.0, 1.6, mid=0.5),
            "flow": {"time": 0.06, "treble": 0.2},
            "thickness": {"base": 0.28, "beat": 0.2},
        },
        "noise": noisy(rng, 1.2, 1.8, bend=0.8, boil={"time": 0.03, "mid": 0.15}),
    }


def _smoke(s: Sheet) -> Any:
    t, p = s.t, s.p
    plume = s.bell(s.warp_x - p["side"] * 0.2, 0.34 + 0.15 * s.bass)
    curl = 0.5 + 0.5 * t.sin(4.5 * s.warp_y + 2.2 * s.clouds - s.turn)
    wisp = t.relu(s.ridges) ** 1.5
    return (
        0.03
        + plume * (0.10 + 0.40 * curl * (1 + 0.3 * s.mid) + (0.30 + 0.3 * s.treble) * wisp + 0.2 * s.beat * curl)
        + 0.05 * wisp
    )


def _smoke_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "warp": {
            "seed": seeded(rng),
            "scale": some(rng, 0.6, 0.9),
            "amount": some(rng, 0.8, 1.0, bass=0.2),
            "flow": {"time": 0.025, "mid": 0.1},
        },
        "noise": noisy(rng, 1.4, 2.0, bend=1.0, y={"time": -0.25}, boil={"time": 0.03}),
    }


NATURE = (
    Concept(
        "flames",
        ("y", "clouds", "ridges", "stars"),
        _flames,
        ranges(low=(0.1, 0.22)),
        (
            FIRE,
            ("#020108", "#1a0a5a", "#b8301e", "#ffa040", "#fffbe8"),
            ("#01040a", "#062a7a", "#1e7ae8", "#8fe0ff", "#ffffff"),
        ),
        _flames_shape,
        {"bass": "flames leap", "mid": "tongues curl", "treble": "sparks fly", "beat": "a flare"},
        words=("flame", "fire", "burning", "blaze"),
    ),
    Concept(
        "aurora",
        ("x", "y", "warp_x", "noise", "stars"),
        _aurora,
        ranges(wide=(3.0, 5.0), folds=(9.0, 15.0)),
        (
            ("#020611", "#0a3a52", "#16b07a", "#a0ffb0", "#fdf0ff"),
            ("#030414", "#143a6a", "#2ac0a0", "#d0a0ff", "#ffffff"),
        ),
        _aurora_shape,
        {"bass": "curtains rise", "mid": "folds wander", "treble": "rays dance", "beat": "the sky lights up"},
        words=("aurora", "northern lights", "polar light"),
    ),
    Concept(
        "sea",
        ("warp_y", "noise", "ridges"),
        _sea,
        ranges(waves=(6.0, 9.0)),
        (DEEP, ("#010810", "#0a4a5a", "#1aa09a", "#a8f0d8", "#ffffff")),
        _sea_shape,
        {"bass": "the swell", "mid": "foam", "treble": "light on the water", "beat": "a breaker"},
        words=("ocean", "waves", "sea", "water", "underwater"),
        also=("ripples",),
    ),
    Concept(
        "lightning",
        ("y", "branch", "clouds"),
        _lightning,
        ranges(sky=(0.05, 0.25)),
        (
            ("#03030c", "#1e1a56", "#5a5ae0", "#c0c8ff", "#ffffff"),
            ("#04030a", "#301a5e", "#9a5af0", "#f0c8ff", "#ffffff"),
        ),
        _lightning_shape,
        {"bass": "clouds glow", "mid": "the bolt writhes", "treble": "it flickers", "beat": "it strikes"},
        words=("lightning", "thunder", "storm", "electric"),
    ),
    Concept(
        "smoke",
        ("warp_x", "warp_y", "clouds", "ridges"),
        _smoke,
        ranges(side=(-1.0, 1.0)),
        (
            ("#030406", "#1f2a3a", "#5a7a94", "#c0d4dc", "#ffffff"),
            ("#05030a", "#2f1a4a", "#8a5aa8", "#e8b8d0", "#fffaf4"),
            ("#020608", "#0a3444", "#2a8a98", "#b0e8d8", "#ffffff"),
        ),
        _smoke_shape,
        {"bass": "it billows", "mid": "it curls", "treble": "wisps light up", "beat": "a puff"},
        words=("smoke", "fog", "mist", "incense"),
        also=("clouds",),
    ),
)
