"""Forms of nature: fire, water, stone, growth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from morphogen.training.concept import Concept, Sheet, ranges, seeded, some

FIRE = ("#050102", "#4f0a06", "#d8400a", "#ffb42a", "#fffbe0")
DEEP = ("#01060f", "#06346a", "#1480b0", "#7fe0d8", "#fafff4")


def _noise(rng: np.random.Generator, low: float, high: float, **moves: Any) -> dict[str, Any]:
    return {"seed": seeded(rng), "scale": some(rng, low, high), **moves}


def _flames(s: Sheet) -> Any:
    t, p = s.t, s.p
    height = s.y + 0.5 - 0.34 * s.clouds
    body = t.exp(-t.relu(height - p["low"] - 0.22 * s.bass) / 0.19)
    tongues = s.step(s.clouds + 0.55 - 1.1 * (s.y + 0.3) + 0.3 * s.bass, 0.16)
    heart = body * tongues
    embers = s.stars * (0.5 + 0.5 * s.treble)
    return 0.02 + heart * (0.55 + 0.32 * s.ridges * (0.6 + s.mid)) + 0.22 * body**2 + 0.15 * s.beat * heart + 0.7 * embers


def _flames_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "noise": _noise(rng, 1.8, 2.6, bend=some(rng, 0.7, 1.0, mid=0.2), y={"time": -0.9, "bass": -0.15}, boil={"time": 0.08}),
        "stars": {"seed": seeded(rng), "scale": 4.0, "size": 1.4, "density": 0.4, "y": {"time": -0.5}, "phase": {"time": 0.4}},
    }  # fmt: skip


def _aurora(s: Sheet) -> Any:
    t, p = s.t, s.p
    low = s.y - 0.16 * s.noise - 0.10 * t.sin(p["wide"] * s.x + s.turn) - 0.06 * s.bass
    curtain = t.where(low < 0, t.exp(-((low / 0.045) ** 2)), t.exp(-low / (0.20 + 0.14 * s.bass)))
    folds = 0.55 + 0.45 * t.sin(p["folds"] * s.warp_x + 2 * s.turn)
    rays = 0.65 + 0.35 * s.treble * folds
    return 0.04 + 0.06 * (0.5 - s.y) + curtain * (0.25 + 0.6 * folds) * rays + 0.15 * s.beat * curtain + 0.7 * s.stars


def _aurora_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "warp": {"seed": seeded(rng), "scale": some(rng, 0.6, 0.9), "amount": some(rng, 0.35, 0.5, mid=0.2), "flow": {"time": 0.02}},
        "noise": _noise(rng, 0.9, 1.3, boil={"time": 0.03, "mid": 0.12}),
        "stars": {"seed": seeded(rng), "scale": some(rng, 5, 7), "density": 0.5, "phase": {"time": 0.1, "treble": 0.4}},
    }  # fmt: skip


def _sea(s: Sheet) -> Any:
    t, p = s.t, s.p
    swell = t.sin(p["waves"] * s.warp_y + 0.7 * s.noise + s.turn)
    foam = t.relu(s.ridges - 0.2) * s.step(swell - 0.3 + 0.4 * s.beat, 0.2)
    light = 0.30 + 0.05 * s.bass + 0.25 * swell + 0.16 * s.noise
    return light + foam * (0.55 + 0.4 * s.mid) + s.t.relu(s.ridges - 0.5) * (0.2 + 0.5 * s.treble)


def _sea_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "warp": {"seed": seeded(rng), "scale": some(rng, 0.5, 0.8), "amount": some(rng, 0.5, 0.7, bass=0.25), "flow": {"time": 0.03}},
        "noise": _noise(rng, 2.0, 3.0, bend=0.9, boil={"time": 0.05, "mid": 0.15}, y={"time": 0.05}),
    }  # fmt: skip


def _lightning(s: Sheet) -> Any:
    t, p = s.t, s.p
    bolt = s.branch ** 2.2
    core = s.step(s.branch - 0.62, 0.05)
    cloud = s.step(s.clouds - 0.05 + 0.9 * (s.y - p["sky"]), 0.35)
    power = 0.45 + 0.55 * s.beat + 0.1 * t.sin(2 * s.turn)
    glow = s.branch ** 0.8 * 0.18
    return 0.04 + (0.16 + 0.14 * s.bass) * cloud * (1 + s.clouds) + power * (0.55 * bolt + 0.5 * core) + glow * (0.6 + s.treble)


def _lightning_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "branch": {"seed": seeded(rng), "turn": 0.75, "scale": some(rng, 0.8, 1.0), "sway": some(rng, 1.0, 1.6, mid=0.5),
                   "flow": {"time": 0.06, "treble": 0.2}, "thickness": {"base": 0.28, "beat": 0.2}},
        "noise": _noise(rng, 1.2, 1.8, bend=0.8, boil={"time": 0.03, "mid": 0.15}),
    }  # fmt: skip


def _crystal(s: Sheet) -> Any:
    p = s.p
    facet = 0.36 + 0.26 * s.cell_id + 0.20 * s.t.sin(5 * s.cell_id + 2 * s.turn) * (0.4 + 0.6 * s.mid)
    shade = 0.20 * s.t.tanh(2.5 * (s.x * math.cos(p["light"]) + s.y * math.sin(p["light"]))) * s.cell_id
    edge = s.t.exp(-s.cell_edge / (0.02 + 0.02 * s.bass))
    flash = s.step(s.cell_id - 0.55 + 0.5 * s.beat, 0.08) * (0.08 + 0.30 * s.treble + 0.2 * s.beat)
    return facet + shade + (0.42 + 0.3 * s.treble) * edge + flash - 0.12 * s.cell


def _crystal_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {"cells": {"seed": seeded(rng), "scale": some(rng, 2.2, 3.6, bass=-0.3), "loose": 1.0,
                      "drift": {"time": 0.008, "mid": 0.05}}}  # fmt: skip


def _honeycomb(s: Sheet) -> Any:
    wall = s.t.exp(-s.cell_edge / (0.07 * (1 + 0.4 * s.bass)))
    full = s.step(s.cell_id + 0.35 * s.t.sin(s.turn) + 0.3 * s.mid - 0.1, 0.25)
    honey = (0.22 + 0.36 * full) * s.step(s.cell_edge - 0.08, 0.03)
    glint = s.bell(s.cell - 0.18, 0.10) * (0.20 + 0.4 * s.treble) * full
    return 0.04 + honey + 0.30 * wall * (1 + 0.6 * s.beat) + glint + 0.04 * s.noise


def _honeycomb_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "cells": {"seed": seeded(rng), "scale": some(rng, 3.6, 5.0, bass=-0.2), "loose": some(rng, 0.35, 0.5, mid=0.15),
                  "drift": {"time": 0.01}},
        "noise": _noise(rng, 2.0, 3.0, boil={"time": 0.03, "mid": 0.1}),
    }  # fmt: skip


def _marble(s: Sheet) -> Any:
    t, p = s.t, s.p
    flow = p["veins"] * (s.warp_x * math.cos(p["way"]) + s.warp_y * math.sin(p["way"])) + 0.9 * s.clouds
    vein = 1 - t.abs(t.sin(flow + s.turn + 0.5 * s.bass))
    gold = vein ** (5 - 2 * s.treble)
    return 0.14 + 0.20 * s.clouds + 0.16 * s.mid * s.noise + 0.45 * vein**2 + (0.42 + 0.3 * s.beat) * gold


def _marble_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "warp": {"seed": seeded(rng), "scale": some(rng, 0.5, 0.8), "amount": some(rng, 0.7, 0.9, bass=0.15), "flow": {"time": 0.012, "mid": 0.06}},
        "noise": _noise(rng, 1.5, 2.5, bend=0.8, boil={"time": 0.015, "mid": 0.08}),
    }  # fmt: skip


def _mycelium(s: Sheet) -> Any:
    t = s.t
    web = t.relu(s.ridges - 0.1) ** 1.5
    line = s.branch ** 1.4
    wave = (0.5 + 0.5 * t.cos(12 * s.branch_along - 3 * s.turn)) ** 2
    glow = s.step(s.noise + 0.1 + 0.3 * s.mid, 0.25)
    return 0.03 + 0.30 * web * (0.5 + 0.5 * glow) * (1 + s.mid) + 0.55 * line + line * wave * (0.1 + 0.4 * s.beat) + 0.5 * s.stars


def _mycelium_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "branch": {"seed": seeded(rng), "scale": some(rng, 0.7, 0.85), "sway": some(rng, 0.8, 1.3, mid=0.3), "flow": {"time": 0.02},
                   "thickness": {"base": 0.35, "bass": 0.25}},
        "noise": _noise(rng, 2.6, 3.6, rough=0.7, bend=0.9, boil={"time": 0.02, "mid": 0.08}),
        "stars": {"seed": seeded(rng), "scale": 5.0, "density": 0.45, "size": 1.3, "phase": {"time": 0.1, "treble": 0.5}},
    }  # fmt: skip


def _coral(s: Sheet) -> Any:
    t, p = s.t, s.p
    maze = t.sin(p["maze"] * s.noise + 3.2 * s.warp_x + s.turn + 0.6 * s.bass)
    wall = s.step(maze - 0.15 + 0.25 * s.mid, 0.16)
    rim = s.bell(maze - 0.15, 0.22)
    polyp = s.bell(s.cell, 0.16 + 0.06 * s.beat) * wall
    return 0.06 + 0.34 * wall * (1 + 0.3 * s.noise) + (0.26 + 0.25 * s.treble) * rim + (0.3 + 0.35 * s.beat) * polyp


def _coral_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "warp": {"seed": seeded(rng), "scale": some(rng, 0.7, 1.0), "amount": some(rng, 0.6, 0.8, bass=0.2), "flow": {"time": 0.015}},
        "cells": {"seed": seeded(rng), "scale": some(rng, 6, 8), "loose": 0.8, "drift": {"time": 0.02, "mid": 0.05}},
        "noise": _noise(rng, 1.2, 1.8, boil={"time": 0.02, "mid": 0.08}),
    }  # fmt: skip


def _eye(s: Sheet) -> Any:
    t, p = s.t, s.p
    pupil = p["pupil"] * (1 + 0.45 * s.bass + 0.06 * t.sin(s.turn))
    iris = s.step(p["iris"] - s.r, 0.018) * s.step(s.r - pupil, 0.012)
    fibre = 0.5 + 0.5 * s.rays
    ring = s.bell(s.r - pupil - 0.06, 0.05) * (0.25 + 0.3 * s.mid)
    limbus = s.bell(s.r - p["iris"], 0.04)
    lid = s.bell(s.y / (0.34 - 0.28 * s.x**2), 1.0)
    glint = s.bell(t.sqrt((s.x + 0.06) ** 2 + (s.y - 0.07) ** 2), 0.035 + 0.02 * s.beat)
    white = (1 - s.step(p["iris"] - s.r, 0.018)) * lid * 0.16
    return 0.03 + iris * (0.24 + 0.42 * fibre * (0.8 + 0.5 * s.treble)) + ring * iris - 0.2 * limbus * iris + white + 0.9 * glint


def _eye_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {"rays": {"seed": seeded(rng), "count": float(rng.integers(22, 38)), "wander": some(rng, 0.2, 0.5, treble=0.2),
                     "twist": {"base": 0.1, "mid": 0.15}, "flow": {"time": 0.02}}}  # fmt: skip


def _shell(s: Sheet) -> Any:
    t, p = s.t, s.p
    angle = t.atan2(s.swirl_y, s.swirl_x)
    whorl = 0.5 + 0.5 * t.cos(angle)
    ridge = whorl ** 6
    ribs = 0.5 + 0.5 * t.cos(p["ribs"] * angle)
    body = s.bell(s.r, 0.62 + 0.1 * s.bass)
    return 0.03 + body * (0.12 + 0.42 * whorl + 0.24 * ridge * (1 + s.beat) + 0.14 * ribs * (0.6 + s.treble) + 0.10 * s.noise * (1 + s.mid))


def _shell_shape(rng: np.random.Generator) -> dict[str, Any]:
    way = float(rng.choice((-1, 1)))
    return {
        "swirl": {"rate": some(rng, 0.42 * way, 0.6 * way, mid=0.08 * way), "core": 0.02, "turn": some(rng, 0, 1, time=-way / 48)},
        "noise": _noise(rng, 3.0, 4.0, boil={"time": 0.03, "mid": 0.1}),
    }  # fmt: skip


def _mandala(s: Sheet) -> Any:
    t, p = s.t, s.p
    rings = t.cos(p["rings"] * s.r - 2 * s.turn - 1.2 * s.bass)
    weave = t.cos(p["weave"] * s.abs_x + s.turn) * t.cos(p["weave"] * s.abs_y + s.turn)
    petal = s.step(rings * 0.6 + weave + 0.5 * s.rays * (0.6 + s.mid) - 0.1, 0.16)
    line = s.bell(rings * 0.6 + weave + 0.5 * s.rays - 0.1, 0.14)
    fade = s.bell(s.r, 0.85)
    return 0.04 + fade * (0.36 * petal + (0.36 + 0.3 * s.treble) * line + 0.10 * rings + 0.05) + s.bell(s.r, 0.08) * (0.3 + 0.4 * s.beat)


def _mandala_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {"rays": {"seed": seeded(rng), "count": float(rng.choice((6, 8, 10, 12))), "wander": 0.0, "turn": {"time": 1 / 24},
                     "core": 0.08, "twist": {"mid": 0.2}}}  # fmt: skip


def _flower(s: Sheet) -> Any:
    t, p = s.t, s.p
    edge = p["size"] * (1 + 0.15 * s.bass + 0.22 * s.rays + 0.03 * t.sin(s.turn))
    petals = s.step(edge - s.r, 0.03)
    veins = 0.5 + 0.5 * s.rays
    depth = s.bell(s.r - 0.5 * edge, 0.3 * p["size"])
    heart = s.bell(s.r, 0.075 + 0.03 * s.beat)
    return 0.04 + 0.02 * s.noise + petals * (0.20 + 0.26 * depth + 0.22 * veins * (0.7 + s.treble) + 0.08 * s.noise * (1 + s.mid)) + 0.5 * heart


def _flower_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "rays": {"seed": seeded(rng), "count": float(rng.integers(5, 10)), "wander": some(rng, 0.0, 0.15), "turn": {"time": 1 / 48},
                 "twist": some(rng, -0.3, 0.3, mid=0.2), "core": 0.05},
        "noise": _noise(rng, 3.0, 4.0, boil={"time": 0.03, "mid": 0.1}),
    }  # fmt: skip


def _lava(s: Sheet) -> Any:
    crack = s.t.exp(-s.cell_edge / (0.05 * (1 + 0.9 * s.bass)))
    heat = s.step(s.clouds + 0.15 + 0.3 * s.mid, 0.25)
    skin = 0.07 + 0.06 * s.clouds + 0.05 * s.t.sin(s.turn) * heat
    return skin + crack * (0.25 + 0.6 * heat) + 0.28 * heat * s.t.relu(s.ridges) * (0.5 + s.treble) + 0.25 * s.beat * crack * heat


def _lava_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "cells": {"seed": seeded(rng), "scale": some(rng, 2.2, 3.2), "loose": 1.0, "drift": {"time": 0.012, "mid": 0.03}},
        "noise": _noise(rng, 1.6, 2.4, bend=0.9, boil={"time": 0.03, "mid": 0.12}, x={"time": 0.03}),
    }  # fmt: skip


def _smoke(s: Sheet) -> Any:
    t, p = s.t, s.p
    plume = s.bell(s.warp_x - p["side"] * 0.2, 0.34 + 0.15 * s.bass)
    curl = 0.5 + 0.5 * t.sin(4.5 * s.warp_y + 2.2 * s.clouds - s.turn)
    wisp = t.relu(s.ridges) ** 1.5
    return 0.03 + plume * (0.10 + 0.40 * curl * (1 + 0.3 * s.mid) + (0.30 + 0.3 * s.treble) * wisp + 0.2 * s.beat * curl) + 0.05 * wisp


def _smoke_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "warp": {"seed": seeded(rng), "scale": some(rng, 0.6, 0.9), "amount": some(rng, 0.8, 1.0, bass=0.2), "flow": {"time": 0.025, "mid": 0.1}},
        "noise": _noise(rng, 1.4, 2.0, bend=1.0, y={"time": -0.25}, boil={"time": 0.03}),
    }  # fmt: skip


NATURE = (
    Concept(
        "flames", ("y", "clouds", "ridges", "stars"), _flames, ranges(low=(0.1, 0.22)),
        (FIRE, ("#020108", "#1a0a5a", "#b8301e", "#ffa040", "#fffbe8"), ("#01040a", "#062a7a", "#1e7ae8", "#8fe0ff", "#ffffff")),
        _flames_shape, {"bass": "flames leap", "mid": "tongues curl", "treble": "sparks fly", "beat": "a flare"},
        words=("flame", "fire", "burning", "blaze"),
    ),
    Concept(
        "aurora", ("x", "y", "warp_x", "noise", "stars"), _aurora, ranges(wide=(3.0, 5.0), folds=(9.0, 15.0)),
        (("#020611", "#0a3a52", "#16b07a", "#a0ffb0", "#fdf0ff"), ("#030414", "#143a6a", "#2ac0a0", "#d0a0ff", "#ffffff")),
        _aurora_shape, {"bass": "curtains rise", "mid": "folds wander", "treble": "rays dance", "beat": "the sky lights up"},
        words=("aurora", "northern lights", "polar light"),
    ),
    Concept(
        "sea", ("warp_y", "noise", "ridges"), _sea, ranges(waves=(6.0, 9.0)),
        (DEEP, ("#010810", "#0a4a5a", "#1aa09a", "#a8f0d8", "#ffffff")), _sea_shape,
        {"bass": "the swell", "mid": "foam", "treble": "light on the water", "beat": "a breaker"},
        words=("ocean", "waves", "sea", "water", "underwater"), also=("ripples",),
    ),
    Concept(
        "lightning", ("y", "branch", "clouds"), _lightning, ranges(sky=(0.05, 0.25)),
        (("#03030c", "#1e1a56", "#5a5ae0", "#c0c8ff", "#ffffff"), ("#04030a", "#301a5e", "#9a5af0", "#f0c8ff", "#ffffff")),
        _lightning_shape, {"bass": "clouds glow", "mid": "the bolt writhes", "treble": "it flickers", "beat": "it strikes"},
        words=("lightning", "thunder", "storm", "electric"),
    ),
    Concept(
        "crystal", ("x", "y", "cell", "cell_edge", "cell_id"), _crystal, ranges(light=(0.0, 6.2)),
        (("#040818", "#1a3a7a", "#3fa0d0", "#b8f0f0", "#ffffff"), ("#0a0418", "#3f1a7a", "#b05ad0", "#ffb8e8", "#fffaff"),
         ("#030c0a", "#0a4a4a", "#2ab090", "#c0f8d0", "#ffffff")), _crystal_shape,
        {"bass": "facets grow", "mid": "they turn in the light", "treble": "edges sparkle", "beat": "facets flash"},
        words=("crystal", "gem", "ice", "diamond"),
    ),
    Concept(
        "honeycomb", ("cell", "cell_edge", "cell_id", "noise"), _honeycomb, ranges(free=(0.0, 1.0)),
        (("#0a0501", "#5a3005", "#d08a10", "#ffd45a", "#fffbe0"), ("#080301", "#4a1f08", "#c0640a", "#ffb84a", "#fff6d8")),
        _honeycomb_shape, {"bass": "walls thicken", "mid": "honey rises", "treble": "it glints", "beat": "walls glow"},
        words=("honeycomb", "beehive", "honey"), also=("cells", "scales"),
    ),
    Concept(
        "marble", ("warp_x", "warp_y", "noise", "clouds"), _marble, ranges(veins=(2.5, 4.5), way=(0.0, 3.1)),
        (("#050608", "#1e2a36", "#5a6a72", "#e0b860", "#fffaea"), ("#02080a", "#0a3a3a", "#2a7a6a", "#e0c070", "#fffbe8"),
         ("#0a0406", "#4a1a2a", "#a05060", "#f0c8a0", "#fffaf2")), _marble_shape,
        {"bass": "veins shift", "mid": "the stone clouds", "treble": "gold widens", "beat": "gold flashes"},
        words=("marble", "stone", "agate"), also=("wood",),
    ),
    Concept(
        "mycelium", ("branch", "branch_along", "noise", "ridges", "stars"), _mycelium, ranges(free=(0.0, 1.0)),
        (("#03040a", "#14304a", "#2a9aa0", "#b8f0b0", "#fffff0"), ("#060308", "#3a1a4a", "#a05ac0", "#ffc8a0", "#fffbe8"),
         ("#050302", "#3a2a14", "#a8844a", "#f4e0a8", "#ffffff")), _mycelium_shape,
        {"bass": "threads thicken", "mid": "the web glows", "treble": "spores glitter", "beat": "signals run"},
        words=("mycelium", "fungus", "mushroom", "roots"), also=("cracks", "tree"),
    ),
    Concept(
        "coral", ("warp_x", "noise", "cell"), _coral, ranges(maze=(5.0, 8.0)),
        (("#03060f", "#0a3a5a", "#e05a6a", "#ffb08a", "#fff6e0"), ("#04040f", "#2a1a6a", "#d04aa0", "#ffa8b8", "#fff8ea"),
         ("#01090c", "#0a4a4a", "#f07a3a", "#ffd080", "#fffbe8")), _coral_shape,
        {"bass": "the reef sways", "mid": "walls grow", "treble": "rims glow", "beat": "polyps open"},
        words=("coral", "reef", "anemone"), also=("maze",),
    ),
    Concept(
        "eye", ("x", "y", "r", "rays"), _eye, ranges(pupil=(0.08, 0.11), iris=(0.29, 0.35)),
        (("#020406", "#0a3a4a", "#1e9a8a", "#b0f0b0", "#ffffff"), ("#050302", "#4a2408", "#b8741a", "#ffd870", "#ffffff"),
         ("#020410", "#102a7a", "#3a80e0", "#b0e4ff", "#ffffff")), _eye_shape,
        {"bass": "the pupil opens", "mid": "the iris turns", "treble": "fibres light up", "beat": "a glint"},
        words=("eye", "iris", "pupil"),
    ),
    Concept(
        "shell", ("swirl_x", "swirl_y", "r", "noise"), _shell, ranges(ribs=(7.0, 12.0)),
        (("#0a0408", "#4a2030", "#c07060", "#ffd0a0", "#fffaf0"), ("#03060a", "#1a3a5a", "#6a90b0", "#f0d8c8", "#ffffff")),
        _shell_shape, {"bass": "it grows", "mid": "it winds up", "treble": "ribs gleam", "beat": "the ridge flashes"},
        words=("shell", "nautilus", "snail", "ammonite"),
    ),
    Concept(
        "mandala", ("abs_x", "abs_y", "r", "rays"), _mandala, ranges(rings=(16.0, 24.0), weave=(7.0, 12.0)),
        (("#080312", "#3f0f6a", "#d0307a", "#ffb84a", "#fffbe0"), ("#02060f", "#0f3a7a", "#1aa0a8", "#ffd870", "#ffffff"),
         ("#0a0206", "#5a0a3a", "#e0501e", "#ffd04a", "#fffde0")), _mandala_shape,
        {"bass": "rings run outwards", "mid": "petals twist", "treble": "lines glow", "beat": "the heart lights up"},
        words=("mandala", "kaleidoscop", "ornament", "sacred geometry"), also=("snowflake", "rings"),
    ),
    Concept(
        "flower", ("r", "rays", "noise"), _flower, ranges(size=(0.34, 0.42)),
        (("#02060a", "#5a0f4a", "#e0508a", "#ffb0b0", "#fff6c8"), ("#03050a", "#3a1a7a", "#8a5ae8", "#e0b8ff", "#fffbd8"),
         ("#040602", "#6a2a08", "#f0801a", "#ffd04a", "#fffbe0")), _flower_shape,
        {"bass": "it opens", "mid": "petals turn", "treble": "veins glow", "beat": "the heart glows"},
        words=("flower", "blossom", "petal", "rose", "lotus"),
    ),
    Concept(
        "lava", ("cell_edge", "clouds", "ridges"), _lava, ranges(free=(0.0, 1.0)),
        (FIRE, ("#060203", "#3a0a0a", "#c02a08", "#ff8a1a", "#fff0b0")), _lava_shape,
        {"bass": "cracks open", "mid": "heat wanders", "treble": "the melt glitters", "beat": "it glows up"},
        words=("lava", "magma", "volcan"),
    ),
    Concept(
        "smoke", ("warp_x", "warp_y", "clouds", "ridges"), _smoke, ranges(side=(-1.0, 1.0)),
        (("#030406", "#1f2a3a", "#5a7a94", "#c0d4dc", "#ffffff"), ("#05030a", "#2f1a4a", "#8a5aa8", "#e8b8d0", "#fffaf4"),
         ("#020608", "#0a3444", "#2a8a98", "#b0e8d8", "#ffffff")), _smoke_shape,
        {"bass": "it billows", "mid": "it curls", "treble": "wisps light up", "beat": "a puff"},
        words=("smoke", "fog", "mist", "incense"), also=("clouds",),
    ),
)  # fmt: skip
