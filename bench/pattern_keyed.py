"""Patterns with an alpha of their own, to lie over something: entries for `bench/patterns.py`.

The last number of `out` and `level` is alpha's. What is told by it and by no key of brightness: `drops` have outlines
that are black and solid, `veil` has light that lets everything through.
"""

from __future__ import annotations

from pattern_parts import Pattern, Unit

STYLES = (
    Pattern(
        "drops", "Drops",
        (
            Unit("tanh", {"blob": 26.0, "bass": 0.4}, -5.2, (0.0, 0.0, 0.0, 6.0)),
            Unit("tanh", {"blob": 15.0}, -5.2, (3.0, 3.0, 3.0, 0.0)),
            Unit("sin", {"plasma": 1.6, "blob": 1.4, "time": 0.15, "mid": 1.2}, 0.4, (1.9, -0.4, -2.2, 0.0)),
            Unit("gaussian", {"blob": 5.0, "plasma_cross": 1.0, "treble": -0.4}, -4.4, (1.9, 1.5, 1.1, 0.0)),
            Unit("gaussian", {"plasma_cross": 2.4, "plasma": 0.8}, 0.5, (-0.8, 0.9, 1.2, 0.0)),
        ),
        {
            "blobs": {
                "seed": 6, "scale": {"base": 2.6, "bass": -0.2}, "size": {"base": 0.75, "bass": 0.15},
                "drift": {"base": 0, "time": 0.07, "mid": 0.03},
            },
            "plasma": {"seed": 3, "scale": 0.9, "flow": {"base": 0, "time": 0.06}},
        },
        level=(-2.9, -3.3, -2.9, 0.0),
        roles={"bass": "the drops swell", "mid": "colours run through them", "treble": "they shine"},
    ),
    Pattern(
        "veil", "Veil",
        (
            Unit("gaussian", {"ridges": 4.6, "warp_y": 0.8, "treble": 0.3}, -0.1, (3.4, 0.4)),
            Unit("tanh", {"noise": 2.4, "bass": 0.9}, -0.2, (1.4, 2.3)),
            Unit("gaussian", {"ridges": 11.0, "treble": -0.3}, 0.0, (1.2, 2.4)),
            Unit("sin", {"noise": 2.2, "time": 0.15, "mid": 1.0}, 0.0, (0.7, 0.0)),
        ),
        {
            "noise": {
                "seed": 4, "scale": 1.3, "rough": 0.45, "bend": 1.0, "boil": {"base": 0, "time": 0.05},
                "x": {"base": 0, "time": 0.05},
            },
            "warp": {"seed": 2, "scale": 0.8, "amount": 0.5, "flow": {"base": 0, "time": 0.06}},
        },
        ("#0b0620", "#3a1fb0", "#22b8e8", "#b8ffe0", "#ffffff"),
        (-1.6, -2.1),
        roles={"bass": "it closes", "mid": "its colours run", "treble": "its threads grow sharp"},
    ),
)  # fmt: skip
