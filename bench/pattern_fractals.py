"""Patterns made of fractals: entries for `bench/patterns.py`."""

from __future__ import annotations

from pattern_parts import Pattern, Unit

STYLES = (
    Pattern(
        "mandelbrot", "Mandelbrot",
        (
            Unit("sin", {"mandelbrot": 5.5, "time": -0.25, "mid": 0.9}, 0.6, 1.1),
            Unit("gaussian", {"mandelbrot_edge": 2.2, "treble": -0.35}, -1.5, 3.2),
            Unit("gaussian", {"mandelbrot_edge": 9.0}, -9.0, -2.6),
            Unit("sin", {"mandelbrot_trap": 3.6, "time": 0.2, "bass": 0.6}, 0.4, 1.2),
        ),
        {
            "mandelbrot": {
                "place": 5, "zoom": {"base": 1.0, "time": 0.12, "bass": 0.25}, "turn": {"base": 0, "time": 0.004},
                "fine": 0.0015, "glow": {"base": 0.05, "treble": 0.05, "beat": 0.03},
            },
        },
        ("#02030f", "#0b2a78", "#1c9fc9", "#ffb347", "#fff6d8"),
        -1.5,
        roles={"bass": "it leaps deeper", "mid": "the colours run on", "treble": "the edge shines"},
    ),
    Pattern(
        "julia", "Julia",
        (
            Unit("sin", {"julia": 5.0, "time": 0.3, "mid": 0.8}, 0.0, 1.0),
            Unit("gaussian", {"julia_edge": 2.4, "treble": -0.35}, -1.7, 3.2),
            Unit("gaussian", {"julia_edge": 8.0}, -8.0, -1.6),
            Unit("sin", {"julia_trap": 4.2, "time": -0.2, "flux": 0.5}, 1.0, 1.3),
        ),
        {
            "julia": {
                "place": 0, "swing": {"base": 0.03, "time": 0.012, "mid": 0.03},
                "reach": {"base": 1.04, "bass": 0.07, "beat": 0.02}, "zoom": {"base": 0.2, "bass": 0.12},
                "turn": {"base": 0, "time": 0.01}, "fine": 0.0015, "glow": {"base": 0.06, "treble": 0.06},
            },
        },
        ("#0a0210", "#4a0c6b", "#e0245e", "#ff9e3d", "#fff3c4"),
        -1.5,
        roles={"bass": "the shape bursts into threads", "mid": "it swings along the edge", "treble": "the edge shines"},
    ),
    Pattern(
        "fractal", "Fractal",
        (
            Unit("gaussian", {"mandelbrot_edge": 3.2, "treble": -0.3}, -2.9, 4.6),
            Unit("sin", {"mandelbrot": 5.0, "time": -0.3, "mid": 1.0}, 0.9, 0.9),
            Unit("sin", {"mandelbrot_trap": 4.0, "time": 0.25, "mid": 0.6}, 0.0, 0.9),
        ),
        {
            "mandelbrot": {
                "place": 4, "zoom": {"base": 9.0, "time": 0.07, "bass": 0.3},
                "turn": {"base": 0.06, "time": -0.006, "bass": 0.012},
                "glow": {"base": 0.012, "treble": 0.01, "beat": 0.012},
            },
        },
        ("#020a08", "#0d4a3a", "#3fae5a", "#d7e86a", "#fdfbe4"),
        -2.2,
        roles={"bass": "it leaps deeper", "mid": "the colours run on", "treble": "the twigs shine"},
    ),
)  # fmt: skip
