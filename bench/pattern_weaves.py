"""Patterns made of waves, tilings, cells and stars: entries for `bench/patterns.py`."""

from __future__ import annotations

from pattern_parts import Pattern, Unit

STYLES = (
    Pattern(
        "voronoi", "Voronoi",
        (
            Unit("gaussian", {"cell_edge": 16.0}, 0.0, 5.0),
            Unit("gaussian", {"cell": 2.6, "bass": -0.5}, 0.6, 3.2),
            Unit("sin", {"cell_id": 3.0, "mid": 2.0}, 0.0, 0.7),
        ),
        {
            "cells": {
                "seed": 7, "scale": {"base": 3.2, "bass": -0.5}, "loose": {"base": 0.85, "treble": 0.15},
                "drift": {"base": 0, "time": 0.045},
            },
        },
        ("#04020c", "#2a0b5e", "#c8146e", "#ff8a3c", "#fff4c8"),
        -3.4,
        roles={"bass": "the cells grow", "mid": "each cell changes its colour", "treble": "they scatter"},
    ),
    Pattern(
        "plasma", "Plasma",
        (
            Unit("sin", {"plasma": 3.4, "time": 0.35, "mid": 0.9}, 0.0, 2.2),
            Unit("sin", {"plasma_cross": 4.0, "plasma": 1.2, "time": -0.2, "bass": 0.9}, 1.0, 1.6),
            Unit("gaussian", {"plasma_cross": 3.0, "treble": 0.4}, 0.0, 1.6),
        ),
        {
            "plasma": {
                "seed": 3, "scale": {"base": 1.0, "bass": 0.12}, "bend": {"base": 0.9, "treble": 0.1},
                "rings": 0.7, "flow": {"base": 0.2, "time": 0.05},
            },
        },
        ("#05010f", "#1b0a6b", "#d0108c", "#ff9a1f", "#fffbd0"),
        -1.6,
        roles={"bass": "the waves press together", "mid": "the colours run on", "treble": "the waves bend"},
    ),
    Pattern(
        "reaction", "Reaction",
        (
            Unit("gaussian", {"labyrinth": 4.5, "treble": -0.35}, 0.4, 2.6),
            Unit("tanh", {"labyrinth": 1.6, "bass": 0.5}, -0.5, 1.1),
            Unit("sin", {"noise": 3.2, "labyrinth": 1.2, "time": 0.25, "mid": 1.0}, 0.0, 1.1),
        ),
        {
            "labyrinth": {
                "seed": 9, "scale": {"base": 6.0, "bass": -0.4}, "spots": {"base": 0.15, "mid": -0.4},
                "bend": 0.7, "order": 0.15, "boil": {"base": 0.0, "time": 0.06},
            },
            "noise": {"seed": 2, "scale": 1.1, "x": {"base": 0, "time": 0.06}},
        },
        ("#00060a", "#04323c", "#0a9a86", "#b8f04a", "#fffde0"),
        -1.9,
        roles={"bass": "the stripes swell", "mid": "spots join into a labyrinth", "treble": "the walls glow"},
    ),
    Pattern(
        "tunnel", "Tunnel",
        (
            Unit("gaussian", {"tunnel_ribs": 2.6, "treble": -0.3}, -2.6, 3.2),
            Unit("tanh", {"tunnel": 2.2, "bass": 0.8}, -0.6, 1.5),
            Unit("sin", {"tunnel": 4.0, "time": 0.25, "mid": 1.0}, 0.0, 0.8),
            Unit("gaussian", {"r": 5.5, "beat": -0.4}, 0.55, 1.6),
        ),
        {
            "tunnel": {
                "segments": 5, "rings": {"base": 1.25, "bass": 0.12}, "travel": {"base": 0, "time": 0.22},
                "twist": {"base": 0.1, "mid": 0.06}, "turn": {"base": 0, "time": 0.012}, "sharp": 9, "bend": 0.45,
            },
        },
        ("#01010a", "#0c0a5e", "#0878d0", "#f03aa8", "#fff0dc"),
        -2.6,
        roles={"bass": "the rings come closer", "mid": "it winds", "treble": "the ribs light up",
               "beat": "light from the far end"},
    ),
    Pattern(
        "geometric", "Geometric",
        (
            Unit("gaussian", {"tile": 9.0, "treble": -0.3}, -8.6, 3.0),
            Unit("tanh", {"tile_shape": 9.0, "bass": 0.4}, -1.2, 1.3),
            Unit("sin", {"tile": 9.0, "tile_id": 2.0, "time": 0.6, "mid": 1.0}, 0.0, 0.8),
            Unit("sin", {"tile_id": 3.0, "time": 0.3, "mid": 1.5}, 0.0, 0.9),
        ),
        {
            "tiles": {
                "scale": {"base": 3.4, "bass": -0.5}, "sides": 3, "size": {"base": 0.6, "bass": 0.35},
                "spin": {"base": 0, "time": 0.05}, "turn": {"base": 0.02, "time": 0.004},
                "shuffle": {"base": 0, "time": 0.03}, "round": {"base": 0.1, "treble": 0.5},
                "x": {"base": 0, "time": 0.05}, "y": {"base": 0, "time": 0.02},
            },
        },
        ("#03010a", "#0b1a7a", "#b314c8", "#ff5a4a", "#fff0b0"),
        -2.0,
        roles={"bass": "polygons grow", "mid": "the tiles change colours", "treble": "the tiles become round"},
    ),
    Pattern(
        "flowing", "Flowing",
        (
            Unit("sin", {"warp_y": 17.0, "noise": 2.0, "time": 0.5, "bass": 0.6}, 0.0, 1.5),
            Unit("sin", {"warp_y": 7.0, "warp_x": 2.5, "noise": 1.5, "time": -0.35, "mid": 0.8}, 0.5, 1.7),
            Unit("gaussian", {"warp_y": 5.0, "warp_x": -3.0, "noise": 2.0, "treble": 0.5}, 0.0, 1.6),
            Unit("sin", {"warp_y": 34.0, "warp_x": 4.0, "noise": 3.0, "time": 0.9, "treble": 0.8}, 0.0, 0.5),
        ),
        {
            "warp": {
                "seed": 4, "scale": 0.75, "amount": {"base": 0.62, "bass": 0.12}, "flow": {"base": 0, "time": 0.03},
            },
            "noise": {"seed": 8, "scale": 1.3, "boil": {"base": 0, "time": 0.02}},
        },
        ("#010409", "#07305e", "#0a8f9c", "#6df0a0", "#fdfbd8"),
        -1.6,
        roles={"bass": "the streams bend", "mid": "they drift across", "treble": "threads between them light up"},
    ),
    Pattern(
        "organic", "Organic",
        (
            Unit("tanh", {"blob": 6.0, "noise": 1.2, "bass": 0.7}, -3.2, 2.3),
            Unit("gaussian", {"blob": 7.0, "noise": 1.4, "treble": 0.4}, -3.9, 1.9),
            Unit("sin", {"blob": 5.0, "noise": 2.5, "time": -0.5, "mid": 1.0}, 0.0, 0.8),
        ),
        {
            "blobs": {
                "seed": 6, "scale": {"base": 2.1, "bass": -0.2}, "size": {"base": 0.72, "bass": 0.2},
                "drift": {"base": 0, "time": 0.05},
            },
            "noise": {"seed": 3, "scale": 2.0, "boil": {"base": 0, "time": 0.06}},
        },
        ("#0a0206", "#4a0a2c", "#d8264e", "#ff9d6a", "#fff3d6"),
        -1.9,
        roles={"bass": "the blobs swell", "mid": "waves run through them", "treble": "their skins glow"},
    ),
    Pattern(
        "stars", "Stars",
        (
            Unit("identity", {"stars": 7.0}, 0.0, 1.0),
            Unit("tanh", {"clouds": 1.6, "bass": 0.6}, -0.5, 1.4),
            Unit("gaussian", {"swirl_y": 3.0, "clouds": 1.0, "mid": 0.4}, 0.0, 1.5),
        ),
        {
            "stars": {
                "seed": 3, "scale": 6.0, "size": {"base": 1.5, "treble": 0.9}, "density": {"base": 0.7, "treble": 0.25},
                "twinkle": {"base": 0.4, "treble": 0.2}, "phase": {"base": 0, "time": 0.3},
                "x": {"base": 0, "time": 0.12}, "y": {"base": 0, "time": 0.03},
            },
            "noise": {"seed": 4, "scale": 1.5, "rough": 0.6, "bend": 0.6, "boil": {"base": 0, "time": 0.03},
                      "x": {"base": 0, "time": 0.05}},
            "swirl": {"rate": {"base": 0.2, "bass": 0.08}, "turn": {"base": 0.1, "time": 0.006}},
        },
        ("#01020a", "#12145c", "#6a2bb8", "#f08ad0", "#ffffff"),
        -2.6,
        roles={"bass": "clouds glow", "mid": "the band of light widens", "treble": "stars shine and twinkle"},
    ),
)  # fmt: skip
