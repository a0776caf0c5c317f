"""Patterns made of fractals: entries for `bench/patterns.py`."""

from __future__ import annotations

from pattern_parts import Pattern, Unit

STYLES = (
    Pattern(
        "mandelbrot", "Mandelbrot",
        (
            Unit("sin", {"mandelbrot": 4.6, "time": -0.25, "mid": 1.1}, 0.4, (1.6, 0.35, -1.0)),
            Unit("identity", {"mandelbrot_light": 1.0}, 0.0, 1.5),
            Unit("gaussian", {"mandelbrot_edge": 2.6, "treble": -0.35}, -2.2, (2.6, 2.0, 1.2)),
            Unit("sin", {"mandelbrot_trap": 11.0, "time": 0.3, "bass": 0.9}, 0.4, (0.5, 0.6, 1.2)),
            Unit("identity", {"mandelbrot_inner": 1.0}, 0.0, (-3.2, -2.9, -1.8)),
            Unit("gaussian", {"mandelbrot_inner": 5.0}, -1.6, (0.2, 0.9, 1.8)),
            Unit("sin", {"mandelbrot": 38.0, "time": -0.4}, 0.0, (0.35, 0.25, 0.5)),
        ),
        {
            "mandelbrot": {
                "place": 5, "zoom": {"base": 2.2, "time": 0.12, "bass": 0.05}, "turn": {"base": 0, "time": 0.006},
                "fine": 0.0015, "glow": {"base": 0.04, "treble": 0.05, "beat": 0.03},
                "light": {"base": 0.375, "time": 0.03, "treble": 0.05},
            },
        },
        level=(-2.0, -2.4, -0.8),
        roles={"bass": "it leaps deeper", "mid": "the colours run on", "treble": "the edge shines"},
    ),
    Pattern(
        "julia", "Julia",
        (
            Unit("sin", {"julia": 4.2, "time": 0.3, "mid": 0.9}, 0.0, (1.3, 0.4, -0.8)),
            Unit("identity", {"julia_light": 1.0}, 0.0, 1.4),
            Unit("gaussian", {"julia_edge": 2.6, "treble": -0.35}, -2.3, (2.6, 1.9, 1.6)),
            Unit("sin", {"julia_trap": 9.0, "time": -0.3, "flux": 0.4}, 1.0, (1.1, 0.3, 0.9)),
            Unit("identity", {"julia_inner": 1.0}, 0.0, (-1.6, -1.6, -0.6)),
            Unit("sin", {"julia": 38.0, "time": 0.4}, 0.0, (0.4, 0.2, 0.5)),
        ),
        {
            "julia": {
                "place": 0, "swing": {"base": 0.03, "time": 0.012, "mid": 0.006},
                "reach": {"base": 1.02, "bass": 0.04}, "zoom": {"base": 0.45, "bass": 0.04},
                "turn": {"base": 0, "time": 0.012}, "fine": 0.0015, "glow": {"base": 0.05, "treble": 0.06},
                "light": {"base": 0.375, "time": 0.03},
            },
        },
        level=(-1.6, -3.0, -1.2),
        roles={"bass": "the shape bursts into threads", "mid": "it swings along the edge", "treble": "the edge shines"},
    ),
    Pattern(
        "fractal", "Fractal",
        (
            Unit("gaussian", {"mandelbrot_edge": 3.0, "treble": -0.3}, -2.8, (3.6, 4.2, 3.0)),
            Unit("identity", {"mandelbrot_light": 1.0}, 0.0, (0.7, 1.2, 1.6)),
            Unit("sin", {"mandelbrot": 4.4, "time": -0.3, "mid": 1.1}, 0.4, (-0.6, 0.7, -0.6)),
            Unit("sin", {"mandelbrot": 38.0, "time": -0.4, "mid": 0.5}, 0.0, (0.4, 0.45, 0.6)),
            Unit("sin", {"mandelbrot_trap": 4.0, "time": 0.25, "mid": 0.9}, 0.0, (0.9, 0.0, 0.8)),
        ),
        {
            "mandelbrot": {
                "place": 4, "zoom": {"base": 9.0, "time": 0.07, "bass": 0.04},
                "turn": {"base": 0.06, "time": -0.008, "bass": 0.004},
                "glow": {"base": 0.012, "treble": 0.01, "beat": 0.012},
                "light": {"base": 0.375, "time": 0.03},
            },
        },
        level=(-3.2, -2.2, -1.5),
        roles={"bass": "it leaps deeper", "mid": "the colours run on", "treble": "the twigs shine"},
    ),
)  # fmt: skip
