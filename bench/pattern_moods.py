"""Moods that a training does not reach, written by hand: entries for `bench/patterns.py`."""

from __future__ import annotations

from pattern_parts import Pattern, Unit

# One picture for red and one for cyan, a little apart, as on a screen whose colours no longer meet. The blocks' numbers
# shift the lines within each block: a fit to a target never finds such high frequencies and draws plain blocks.
_LINES = {"y": 60.0, "cell_id": 29.0, "noise": 9.0, "time": 2.2}
_BARS = {"x": 21.0, "cell_id": 41.0, "noise": 5.0, "time": -1.1, "mid": 2.0}

STYLES = (
    Pattern(
        "glitch", "Glitch",
        (
            Unit("tanh", {"cell_id": 9.0, "noise": 6.0, "bass": 2.5}, -1.2, 2.4),
            Unit("tanh", {"cell_id": -5.0, "noise": 11.0, "beat": 1.5}, -1.0, 1.4),
            Unit("sin", _LINES, 0.0, (2.0, 0.5, 0.4)),
            Unit("sin", _LINES, 1.1, (0.3, 1.7, 2.1)),
            Unit("sin", _BARS, 0.0, (2.2, 0.7, 0.7)),
            Unit("sin", _BARS, 0.8, (0.2, 1.5, 1.7)),
            Unit("gaussian", {"y": 16.0, "noise": 14.0, "time": 0.6, "treble": -1.0}, 0.0, (2.4, 1.6, 1.6)),
            Unit("sin", {"y": 330.0}, 0.0, 0.6),
        ),
        {
            "cells": {
                "seed": 11, "scale": {"base": 5.5, "bass": -0.4}, "loose": 0.0,
                "drift": {"base": 0, "time": 0.05, "beat": 0.1},
            },
            "noise": {"seed": 3, "scale": 1.6, "boil": {"base": 0, "time": 0.1, "treble": 0.3}},
        },
        level=(-2.0, -5.0, -4.8),
        roles={"bass": "blocks light up", "mid": "bars run", "treble": "lines tear", "beat": "blocks jump"},
        series="mood",
    ),
)  # fmt: skip
