"""Patterns made of waves, tilings, cells and stars: entries for `bench/patterns.py`."""

from __future__ import annotations

from pattern_parts import Pattern, Unit

STYLES = (
    Pattern(
        "voronoi", "Voronoi",
        (
            Unit("gaussian", {"cell_edge": 15.0}, 0.0, (3.2, 2.6, 2.4)),
            Unit("identity", {"cell_light": 1.0}, 0.0, 1.9),
            Unit("gaussian", {"cell_light": 4.5}, -3.6, (1.8, 1.8, 1.8)),
            Unit("sin", {"cell_id": 4.2, "time": 0.12, "mid": 1.4}, 0.4, (1.3, 0.6, -1.3)),
            Unit("sin", {"cell_id": 9.0, "time": -0.1}, 0.0, (0.5, -0.1, 0.6)),
            Unit("gaussian", {"cell": 2.2, "bass": -0.5}, 0.7, (1.3, 0.7, 1.3)),
        ),
        {
            "cells": {
                "seed": 7, "scale": {"base": 3.3, "bass": -0.25}, "loose": {"base": 0.85, "treble": 0.1},
                "drift": {"base": 0, "time": 0.05, "mid": 0.03}, "light": {"base": 0.36, "time": 0.02, "treble": 0.08},
            },
        },
        level=(-1.9, -3.5, -1.5),
        roles={"bass": "the cells grow", "mid": "each cell changes its colour", "treble": "they scatter"},
    ),
    Pattern(
        "plasma", "Plasma",
        (
            Unit("sin", {"plasma": 2.6, "plasma_cross": 1.2, "time": 0.3, "mid": 1.8}, 0.0, (1.7, 0.3, -0.6)),
            Unit("identity", {"plasma_light": 1.0}, 0.0, 1.5),
            Unit("gaussian", {"plasma_light": 4.0, "treble": 0.3}, -3.4, (1.9, 2.0, 0.9)),
            Unit("sin", {"plasma_cross": 3.6, "time": -0.2, "bass": 0.8}, 1.0, (0.8, -0.5, 1.0)),
        ),
        {
            "plasma": {
                "seed": 3, "scale": {"base": 0.9, "bass": 0.1}, "bend": {"base": 0.8, "treble": 0.15},
                "rings": {"base": 0.5, "mid": 0.15}, "flow": {"base": 0.2, "time": 0.06, "bass": 0.03},
                "light": {"base": 0.375, "time": 0.015},
            },
        },
        level=(-1.5, -3.0, -0.9),
        roles={"bass": "the waves press together", "mid": "the colours run on", "treble": "the waves bend"},
    ),
    Pattern(
        "reaction", "Reaction",
        (
            Unit("tanh", {"labyrinth": 2.4, "bass": 0.4}, 0.0, (2.1, 0.9, 0.7)),
            Unit("identity", {"labyrinth_light": 1.0}, 0.0, 1.5),
            Unit("gaussian", {"labyrinth_light": 4.0, "labyrinth": -1.5}, -2.6, 1.3),
            Unit("sin", {"plasma": 1.6, "time": 0.12, "mid": 1.2}, 0.0, (0.9, 0.0, -0.7)),
        ),
        {
            "labyrinth": {
                "seed": 9, "scale": {"base": 7.0, "bass": -0.2}, "spots": {"base": 0.05, "bass": -0.25, "mid": 0.3},
                "bend": {"base": 0.9, "mid": 0.15}, "order": 0.28, "boil": {"base": 0.0, "time": 0.05},
                "light": {"base": 0.375, "time": 0.02, "treble": 0.1},
            },
            "plasma": {"seed": 2, "scale": 0.6, "flow": {"base": 0, "time": 0.04}},
        },
        level=(-1.6, -1.9, -1.1),
        roles={"bass": "the stripes swell", "mid": "they break into spots", "treble": "the light moves"},
    ),
    Pattern(
        "tunnel", "Tunnel",
        (
            Unit("gaussian", {"tunnel_ribs": 2.6, "treble": -0.3}, -2.6, (2.6, 2.4, 2.8)),
            Unit("tanh", {"tunnel": 2.4, "bass": 0.6}, -0.6, (1.2, 1.4, 1.7)),
            Unit("sin", {"tunnel": 2.2, "r": 4.0, "time": -0.5, "mid": 1.6}, 0.6, (1.7, -0.5, 0.1)),
            Unit("gaussian", {"r": 6.0, "beat": -0.5}, 0.0, (2.8, 2.4, 2.2)),
            Unit("gaussian", {"r": 2.6}, -1.5, (1.0, 1.0, 1.0)),
        ),
        {
            "tunnel": {
                "segments": 5, "rings": {"base": 1.25, "bass": 0.15},
                "travel": {"base": 0, "time": 0.55, "bass": 0.15}, "twist": {"base": 0.1, "mid": 0.1},
                "turn": {"base": 0, "time": 0.02}, "sharp": 8, "bend": {"base": 0.45, "treble": 0.4},
            },
        },
        level=(-3.0, -3.3, -2.3),
        roles={"bass": "the rings come closer", "mid": "it winds and changes its colour",
               "treble": "the walls bend", "beat": "light from the far end"},
    ),
    Pattern(
        "geometric", "Geometric",
        (
            Unit("gaussian", {"tile": 8.0}, -7.6, (2.0, 2.2, 2.6)),
            Unit("identity", {"tile_light": 1.0}, 0.0, 1.5),
            Unit("tanh", {"tile_shape": 9.0, "bass": 0.4}, -1.2, (1.6, 1.2, 0.8)),
            Unit("sin", {"tile_id": 2.6, "time": 0.25, "mid": 1.8}, 0.0, (1.5, -0.4, 0.3)),
            Unit("gaussian", {"tile_shape": 3.0, "tile_id": 0.8}, -1.6, (1.6, 0.9, -0.6)),
            Unit("sin", {"tile": 12.0, "tile_id": 2.0, "time": 0.8}, 0.0, 0.5),
        ),
        {
            "tiles": {
                "scale": {"base": 3.2, "bass": -0.2}, "sides": 3, "size": {"base": 0.55, "bass": 0.45},
                "spin": {"base": 0, "time": 0.07, "mid": 0.12}, "turn": {"base": 0.02, "time": 0.008, "bass": 0.004},
                "shuffle": {"base": 0, "time": 0.03}, "round": {"base": 0.1, "treble": 0.7},
                "x": {"base": 0, "time": 0.08}, "y": {"base": 0, "time": 0.03},
                "light": {"base": 0.375, "time": 0.02},
            },
        },
        level=(-2.1, -2.6, -1.1),
        roles={"bass": "tiles and polygons grow", "mid": "the tiles change colours, the polygons turn",
               "treble": "the tiles become round"},
    ),
    Pattern(
        "flowing", "Flowing",
        (
            Unit("sin", {"warp_y": 15.0, "plasma": 1.2, "time": 0.6}, 0.0, (1.0, 1.2, 1.0)),
            Unit("sin", {"warp_y": 27.0, "warp_x": 4.0, "plasma": 1.5, "time": 0.9, "treble": 0.8}, 0.0, 0.6),
            Unit("sin", {"warp_y": 3.2, "warp_x": 2.6, "time": -0.2, "mid": 1.6}, 0.5, (1.2, -0.9, 0.2)),
            Unit("identity", {"plasma_light": 1.0}, 0.0, 1.3),
            Unit("gaussian", {"plasma_light": 4.0, "warp_y": 4.0}, -3.0, 1.5),
        ),
        {
            "warp": {
                "seed": 4, "scale": {"base": 0.72, "bass": 0.03}, "amount": {"base": 0.58, "bass": 0.1},
                "flow": {"base": 0, "time": 0.04, "bass": 0.015},
            },
            "plasma": {"seed": 8, "scale": {"base": 0.7, "mid": 0.1}, "bend": 0.9, "rings": 0.3,
                       "flow": {"base": 0, "time": 0.05}},
        },
        level=(-2.2, -1.8, -0.6),
        roles={"bass": "the streams bend", "mid": "their colours drift across", "treble": "threads between them"},
    ),
    Pattern(
        "organic", "Organic",
        (
            Unit("tanh", {"blob": 13.0, "plasma_cross": 1.2}, -3.0, (2.0, 1.3, 1.1)),
            Unit("identity", {"blob_light": 1.0}, 0.0, (1.5, 1.4, 1.3)),
            Unit("gaussian", {"blob_light": 4.0, "blob": 1.0, "treble": 0.3}, -3.8, 2.2),
            Unit("gaussian", {"blob": 14.0, "plasma_cross": 1.2, "bass": 0.3}, -2.6, (1.0, 0.4, 2.0)),
            Unit("gaussian", {"blob": 5.0, "plasma": 0.8}, -4.0, (1.2, 0.7, 0.2)),
            Unit("sin", {"plasma": 1.5, "blob": 1.8, "time": 0.2, "mid": 1.5}, 0.0, (0.9, 0.6, -0.9)),
        ),
        {
            "blobs": {
                "seed": 6, "scale": {"base": 2.5, "bass": -0.15}, "size": {"base": 0.7, "bass": 0.15},
                "drift": {"base": 0, "time": 0.06, "mid": 0.03}, "light": {"base": 0.36, "time": 0.01, "treble": 0.1},
            },
            "plasma": {"seed": 3, "scale": 0.8, "flow": {"base": 0, "time": 0.06}},
        },
        level=(-2.5, -3.5, -2.1),
        roles={"bass": "the blobs swell", "mid": "colours run through them", "treble": "their skins glow"},
    ),
    Pattern(
        "stars", "Stars",
        (
            Unit("identity", {"flight": 12.0}, 0.0, (1.0, 1.0, 1.0)),
            Unit("sin", {"plasma": 0.8, "plasma_cross": 0.6, "bass": 0.6}, -0.3, (1.5, 1.1, 1.9)),
            Unit("sin", {"plasma_cross": 1.3, "plasma": 0.6, "time": 0.06, "mid": 1.4}, 0.3, (1.1, 0.0, -0.3)),
            Unit("gaussian", {"plasma_light": 1.6, "plasma": 0.7}, -0.9, (0.8, 0.8, 1.3)),
            Unit("sin", {"plasma": 4.2, "plasma_light": 1.0, "time": 0.1}, 0.0, (0.35, 0.3, 0.5)),
        ),
        {
            "flight": {
                "seed": 3, "scale": 10.0, "size": {"base": 1.3, "treble": 0.8},
                "density": {"base": 0.75, "treble": 0.25}, "twinkle": {"base": 0.3, "treble": 0.3},
                "phase": {"base": 0, "time": 0.3}, "fly": {"base": 0, "time": 0.13, "bass": 0.05},
                "turn": {"base": 0, "time": 0.006, "mid": 0.01},
            },
            "plasma": {"seed": 4, "scale": {"base": 0.85, "bass": 0.05}, "bend": 1, "rings": 0.3,
                       "flow": {"base": 0, "time": 0.025}},
        },
        level=(-3.2, -4.0, -2.3),
        roles={"bass": "it leaps forward, clouds glow", "mid": "the clouds change their colour",
               "treble": "stars shine and twinkle"},
    ),
)  # fmt: skip
