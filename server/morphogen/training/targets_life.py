"""Concepts of the living. Bass is the pulse, mid the drift, treble what is fine, a beat an event: division, a spike."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from morphogen.training.concept import Concept, Sheet, ranges, seeded, some

LEAF = ("#010803", "#07401f", "#27a04a", "#a4ec7a", "#f6ffdc")
SEA = ("#01070c", "#06385a", "#1a8cb8", "#7fe4dc", "#f2fffa")
PLUM = ("#07020c", "#3a0f5c", "#a03ab0", "#ff9ad0", "#fff2f8")
BLOOD = ("#080103", "#4a0410", "#c8142a", "#ff6a5a", "#ffe8dc")
ICE = ("#02040e", "#10226e", "#3f6af0", "#a4d4ff", "#ffffff")


def _division(s: Sheet) -> Any:
    t, p = s.t, s.p
    waist = 0.20 * s.bell(s.stamp_x, 0.35)  # where a long cell is drawn in
    skinned = s.stamp - waist - 0.5
    inside = s.step(skinned, 0.04)
    skin = s.bell(skinned, 0.10 + 0.05 * s.mid)
    halves = s.bell(s.t.abs(s.stamp_x) - p["core"], 0.24) * s.bell(s.stamp_y, 0.26)
    plasma = inside * (0.22 + 0.12 * s.noise * (1 + 1.5 * s.treble) + 0.05 * s.stamp_id)
    water = 0.05 + 0.03 * s.noise + 0.10 * s.stamp * (1 + 0.5 * s.bass)
    return water + plasma + 0.42 * skin + (0.42 + 0.3 * s.beat + 0.04 * t.sin(s.turn)) * halves * inside


def _division_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "stamps": {
            "seed": seeded(rng),
            "scale": some(rng, 1.1, 1.6),
            "length": some(rng, 0.24, 0.34, beat=0.14),
            "size": some(rng, 0.15, 0.18, bass=0.03),
            "loose": 0.6,
            "drift": {"time": 0.008, "mid": 0.03},
            "turn": {"time": 0.008, "mid": 0.05},
        },
        "noise": {"seed": seeded(rng), "scale": some(rng, 3, 5), "boil": {"time": 0.05, "mid": 0.2}},
    }


def _microbes(s: Sheet) -> Any:
    t, p = s.t, s.p
    body = s.step(s.stamp - 0.5, 0.035)
    skin = s.bell(s.stamp - 0.5, 0.10 + 0.06 * s.bass)
    core = s.bell(s.stamp_x - p["core"], 0.28) * s.bell(s.stamp_y, 0.22) * (0.5 + 0.4 * s.beat)
    grain = 0.5 + 0.5 * t.sin(11 * s.stamp_x + 2 * s.turn)
    inner = body * (0.20 + 0.10 * s.stamp_id + 0.18 * grain * (0.4 + s.treble))
    water = 0.06 + 0.05 * s.noise * (1 + s.mid)
    return water + inner + 0.45 * skin + body * core


def _microbes_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "stamps": {
            "seed": seeded(rng),
            "scale": some(rng, 1.8, 2.8),
            "length": some(rng, 0.22, 0.42, bass=0.06),
            "size": some(rng, 0.11, 0.15, bass=0.02),
            "drift": {"time": 0.02, "mid": 0.06},
            "turn": {"time": 0.01, "mid": 0.08},
        },
        "noise": {"seed": seeded(rng), "scale": some(rng, 1.5, 2.5), "boil": {"time": 0.04}},
    }


def _solvents(s: Sheet) -> Any:
    t, p = s.t, s.p
    film = t.sin(p["bands"] * (s.warp_x * math.cos(p["way"]) + s.warp_y * math.sin(p["way"])) + s.turn + 0.7 * s.mid)
    seam = s.bell(film, 0.22 + 0.14 * s.treble)
    drop = s.step(s.stamp - 0.45, 0.07)
    rim = s.bell(s.stamp - 0.45, 0.13 + 0.05 * s.bass)
    ground = 0.38 + 0.28 * film + 0.30 * seam + 0.10 * s.noise
    return ground * (1 - 0.8 * drop) + 0.34 * rim * (1 + 0.5 * s.beat) + drop * (0.12 + 0.3 * s.beat)


def _solvents_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "warp": {
            "seed": seeded(rng),
            "scale": some(rng, 0.5, 0.8),
            "amount": some(rng, 0.7, 0.95, bass=0.15),
            "flow": {"time": 0.02, "mid": 0.1},
        },
        "noise": {"seed": seeded(rng), "scale": some(rng, 1.0, 1.6), "boil": {"time": 0.04, "treble": 0.1}},
        "stamps": {
            "seed": seeded(rng),
            "scale": some(rng, 1.4, 2.0),
            "length": 0.0,
            "size": some(rng, 0.16, 0.22, bass=0.05),
            "loose": 1.0,
            "drift": {"time": 0.015, "mid": 0.05},
        },
    }


def _neurons(s: Sheet) -> Any:
    t, p = s.t, s.p
    line = s.neuron**1.6
    wave = (0.5 + 0.5 * t.cos(p["waves"] * s.neuron_along - 3 * s.turn)) ** 3
    pulse = s.step(s.neuron - 0.6, 0.05) * wave * (0.25 + 0.5 * s.beat + 0.2 * s.treble)
    soma = s.bell(s.r, 0.075 * (1 + 0.4 * s.bass))
    others = t.relu(s.ridges - 0.45) * (0.22 + 0.2 * s.mid)  # axons far behind
    mist = 0.06 + 0.03 * s.ridges + others
    return mist + 0.55 * line + pulse + 0.6 * soma


def _neurons_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "neuron": {
            "seed": seeded(rng),
            "scale": some(rng, 0.6, 0.75, bass=-0.04),
            "sway": some(rng, 0.6, 0.9, mid=0.3),
            "flow": {"time": 0.03},
            "thickness": {"base": 0.9, "bass": 0.3},
            "turn": some(rng, 0, 1),
        },
        "noise": {"seed": seeded(rng), "scale": some(rng, 1.5, 2.2), "boil": {"time": 0.03, "mid": 0.1}},
    }


def _vessels(s: Sheet) -> Any:
    t, p = s.t, s.p
    tube = s.step(s.branch - 0.5 + 0.08 * s.bass, 0.06)
    wave = 0.5 + 0.5 * t.cos(p["waves"] * s.branch_along - 4 * s.turn)
    flow = tube * wave * (0.22 + 0.25 * s.mid + 0.35 * s.beat)
    skin = s.bell(s.branch - 0.5, 0.12)
    tissue = 0.10 + 0.05 * s.noise * (1 + s.treble) + 0.10 * s.branch
    return tissue + 0.38 * tube + flow + 0.18 * skin * (0.5 + s.treble)


def _vessels_shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "branch": {
            "seed": seeded(rng),
            "scale": some(rng, 0.52, 0.64),
            "sway": some(rng, 0.5, 0.9, mid=0.2),
            "flow": {"time": 0.03},
            "thickness": {"base": 0.9, "bass": 0.25, "beat": 0.25},
        },
        "noise": {"seed": seeded(rng), "scale": some(rng, 4, 6), "boil": {"time": 0.03, "treble": 0.1}},
    }


LIFE = (
    Concept(
        "cell_division",
        ("stamp", "stamp_x", "stamp_y", "stamp_id", "noise"),
        _division,
        ranges(core=(0.5, 0.62)),
        (("#04060f", "#1a2a6a", "#3a7ad0", "#b0c8ff", "#fff0fa"), SEA, PLUM, LEAF),
        _division_shape,
        {"bass": "the cells swell", "mid": "membranes ripple", "treble": "the plasma glitters", "beat": "they divide"},
        words=("cell division", "mitosis", "dividing", "cellular", "membrane"),
    ),
    Concept(
        "microbes",
        ("stamp", "stamp_x", "stamp_y", "stamp_id", "noise"),
        _microbes,
        ranges(core=(-0.6, 0.6)),
        (LEAF, SEA, ("#050302", "#4a2a08", "#b8841a", "#ffe07a", "#fffbe0"), PLUM),
        _microbes_shape,
        {"bass": "bodies swell", "mid": "they swim", "treble": "the inside shimmers", "beat": "nuclei light up"},
        words=("microb", "microorganism", "organisms", "bacteria", "flagella", "plankton"),
    ),
    Concept(
        "solvents",
        ("warp_x", "warp_y", "noise", "stamp"),
        _solvents,
        ranges(bands=(2.2, 3.6), way=(0.0, 3.1)),
        (
            ("#0a0618", "#0f3f7a", "#16a0a8", "#ff8fb0", "#fff4d8"),
            ("#060a18", "#2a1f7a", "#c0408a", "#ffc27a", "#f4fff0"),
            ("#04100f", "#0c5a5a", "#5ac07a", "#ffe08a", "#ffffff"),
        ),
        _solvents_shape,
        {"bass": "drops spread", "mid": "the fluids stream", "treble": "films shimmer", "beat": "drops light up"},
        words=("solvent", "diffusion", "fluid", "oil", "ink"),
    ),
    Concept(
        "neurons",
        ("neuron", "neuron_along", "r", "ridges"),
        _neurons,
        ranges(waves=(9.0, 13.0)),
        (
            ICE,
            ("#060210", "#2f0f6a", "#8a4af0", "#e0a8ff", "#fffaff"),
            ("#02060a", "#0a3a52", "#12a0b0", "#8ff0e0", "#ffffff"),
            ("#080208", "#4a0a3a", "#d8307a", "#ffb08a", "#fffbe8"),
        ),
        _neurons_shape,
        {"bass": "the cell body swells", "mid": "the mist moves", "treble": "dendrites glow", "beat": "pulses fire"},
        words=("neuron", "synap", "neural", "brain", "axon"),
        pace=(3, 3, 1),
    ),
    Concept(
        "vessels",
        ("branch", "branch_along", "noise"),
        _vessels,
        ranges(waves=(9.0, 14.0)),
        (
            BLOOD,
            ("#0a0204", "#520a2a", "#d0284a", "#ffa07a", "#fff4e0"),
            ("#06020a", "#3a0a4a", "#b8205a", "#ff8a7a", "#fff0ea"),
        ),
        _vessels_shape,
        {"bass": "vessels widen", "mid": "blood flows", "treble": "walls glint", "beat": "the pulse"},
        words=("vessel", "blood", "artery", "arteries", "vein", "capillar"),
        pace=(4, 4, 1),
    ),
)
