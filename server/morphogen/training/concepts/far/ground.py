"""Second family: stone, sand, ice, land, city, paint, broken screens."""

from __future__ import annotations

from typing import Any

from morphogen.training.concepts.canvas import TAU, Canvas
from morphogen.training.concepts.far.tools import away, scatter, waves

Ink = Any


def crystal(c: Canvas) -> Ink:
    """Planes cut by straight lines at random: every cut changes the shade."""
    v, edge = 0.35 + 0 * c.x, 9.0 + 0 * c.x
    for angle, at, shade in zip(c.u(0, TAU, 8), c.u(-0.6, 0.6, 8), c.u(-0.22, 0.22, 8), strict=True):
        d = c.x * angle.cos() + c.y * angle.sin() - at
        v = v + shade * d.sign() + 0.12 * d * shade.sign()
        edge = c.low(edge, d.abs())
    whole = c.coin(0.5)
    gem = c.either(whole, c.step(0.92, 0.88, c.top(c.x.abs() * 0.9 + c.y.abs() * 0.5, c.y.abs())), 1 + 0 * c.x)
    return ((v + 0.6 * c.bump(edge, 0.018)) * gem).clamp(0, 1), (v > 0.5).float()


def dunes(c: Canvas) -> Ink:
    """Hill after hill, each a smooth curve, bright to the light and dark behind."""
    v = 0.75 + 0 * c.x
    for k, (phase, f) in enumerate(zip(c.u(0, TAU, 5), c.u(0.8, 1.8, 5), strict=True)):
        top = 0.65 - 0.38 * k + 0.2 * (f * c.x + phase).sin() + 0.05 * (2.3 * f * c.x + phase).sin()
        below = c.step(0, 0.015, top - c.y)
        slope = (f * c.x + phase).cos()
        shade = 0.55 + 0.3 * slope - 0.25 * (top - c.y) + 0.05 * ((top - c.y) * 60 + 4 * c.x).sin()
        v = v + (shade - v) * below
    return v.clamp(0, 1), c.step(0.5, 0.3, v)


def marble(c: Canvas) -> Ink:
    """Polished stone: few wandering veins, many hair lines."""
    n = waves(c, c.x, c.y, 2.5, 4)
    v = 0.25 * waves(c, c.x, c.y, 3, 2)
    for angle, at in zip(c.u(0, TAU, 4), c.u(-0.8, 0.8, 4), strict=True):
        d = (c.x * angle.cos() + c.y * angle.sin() - at + 0.7 * (n - 0.5)).abs()
        v = v + 0.7 * (-d * 26).exp() + 0.3 * (-d * 6).exp() * n
    return c.either(c.coin(0.6), 0.95 - 0.8 * v, 0.1 + 0.85 * v).clamp(0, 1), c.step(0.3, 0.8, v)


def wood(c: Canvas) -> Ink:
    """A cut board or the end of a log with its year rings."""
    log = c.coin(0.35)
    rough = 0.1 * waves(c, c.x, c.y, 3, 2)
    board = c.x * 1.1 + 0.12 * (1.7 * c.y + 2 * c.x).sin() + rough
    rings = c.either(log, c.r * 1.3 + rough, board)
    line = c.tri(rings * c.u(5, 9) + 0.4 * (rings * 9).sin())
    fibre = 0.14 * (c.x * 90 + 6 * (2 * c.y).sin()).sin() * (1 - log)
    gap = c.either(log, 0 * c.x, 0.4 * c.bump(c.near(c.x * 0.9 + 0.3), 0.02))
    return (0.78 - 0.42 * line**2 - fibre - gap).clamp(0, 1), line


def lava(c: Canvas) -> Ink:
    """Glowing rivers between black floes."""
    n, m = waves(c, c.x, c.y, 3, 2), waves(c, c.x, c.y, 3.5, 2)
    a, b = (n - 0.5).abs(), (m - 0.5).abs()
    river = c.top((-a * c.u(9, 16)).exp(), (-b * c.u(12, 20)).exp())
    crust = 0.08 + 0.15 * waves(c, c.x, c.y, 16, 2)
    return c.top(river**1.3, crust).clamp(0, 1), c.step(0.4, 0.9, river)


def mountains(c: Canvas) -> Ink:
    """Peaks of straight flanks, light on one side, snow on top."""
    v = 0.12 + 0.1 * c.y
    snow = 0 * c.x
    for k in range(3):
        top, side = -1.0 + 0 * c.x, 0 * c.x
        for at, high in zip(c.u(-1.1, 1.1, 4), c.u(0.1, 0.6, 4), strict=True):
            flank = high - 0.3 * k - (c.x - at).abs() * (0.75 + 0.1 * k)
            flank = flank + 0.05 * (waves(c, c.x, 0 * c.x, 12, 2) - 0.5)
            side = c.torch.where(flank > top, (c.x > at).float(), side)
            top = c.top(top, flank)
        below = c.step(0, 0.015, top - c.y)
        v = v + (0.35 + 0.12 * k + 0.22 * side - v) * below
        snow = snow * (1 - below) + below * c.step(0.16, 0.1, top - c.y + 0.04 * (c.x * 20).sin())
    return (v + 0.4 * snow * c.coin(0.6)).clamp(0, 1), snow


def cracks(c: Canvas) -> Ink:
    """A plate that is broken by lines that run zigzag from one another."""
    v = 0.62 + 0.15 * waves(c, c.x, c.y, 9, 2)
    bend = 0.1 * (c.tri(c.x * 2.5 + c.y) - 0.5) + 0.06 * (c.tri(c.y * 4 - c.x) - 0.5)
    x, y, gap = c.x + bend, c.y - bend, 9.0 + 0 * c.x
    for (ax, ay, s), angle in zip(scatter(c, 11), c.u(0, TAU, 11), strict=True):
        long = 0.4 + 0.9 * s
        d, _ = c.line(x, y, ax, ay, ax + long * angle.cos(), ay + long * angle.sin())
        gap = c.low(gap, d)
    return (v * c.step(0.008, 0.035, gap)).clamp(0, 1), c.step(0.4, 0.7, waves(c, c.x, c.y, 2, 1))


def watercolor(c: Canvas) -> Ink:
    """Round washes that bleed into one another, edges where the water dried."""
    v, tint = 0 * c.x, 0 * c.x
    bleed = waves(c, c.x, c.y, 5, 3) - 0.5
    for k, (ax, ay, s) in enumerate(scatter(c, 7, -0.9, 0.9)):
        d = away(c.x - ax, c.y - ay) + 0.3 * bleed
        size = 0.25 + 0.4 * s
        wash = c.step(size, size - 0.06, d) * 0.26 + 0.16 * c.bump(d - size + 0.03, 0.025)
        v = v + wash
        tint = tint + wash * (k % 2)
    return (v * (0.85 + 0.3 * waves(c, c.x, c.y, 20, 2))).clamp(0, 1), (tint / (v + 0.05)).clamp(0, 1)


def glitch(c: Canvas) -> Ink:
    """A picture of circles cut in slices, the slices pushed aside, with blocks of noise over it."""
    slices, x = (c.y * c.u(4, 9) + 0.3 * (c.y * 13).sin()).floor(), c.x
    x = x + 0.9 * (c.look(slices, slices) - 0.5) * (c.look(slices, 0 * slices, 1) > 0.45).float()
    base = 0.7 * c.step(0.5, 0.45, away(x, c.y)) + 0.3 * (c.tri(x * 2) > 0.5).float()
    for ax, ay, s in scatter(c, 8):
        block = ((c.x - ax).abs() < 0.1 + 0.4 * s).float() * ((c.y - ay).abs() < 0.03 + 0.05 * s).float()
        grain = c.look((c.x * 22).floor(), (c.y * 22).floor() + 3, 2)
        base = base + (c.either(s > 0.5, grain, s + 0 * grain) - base) * block
    return (base * (1 - 0.3 * c.tri(c.y * c.u(12, 18)))).clamp(0, 1), (x - c.x).abs().clamp(0, 0.3) * 3


def skyline(c: Canvas) -> Ink:
    """Towers of given place and height, some with spires, lights in rows."""
    v, lit = 0.2 * c.step(0.8, -1, c.y), 0 * c.x
    for at, high, wide in zip(c.u(-1, 1, 11), c.u(-0.4, 0.65, 11), c.u(0.08, 0.2, 11), strict=True):
        d = (c.x - at).abs()
        tower = c.top(
            (d < wide).float() * (c.y < high).float(),
            (d < 0.012).float() * (c.y < high + 0.2).float() * (wide < 0.12).float(),
        )
        wx, wy = (c.x - at + 9) * 14, (c.y + 9) * 11
        lamp = (
            (c.look(wx.floor(), wy.floor() + (at * 50).floor()) < 0.4).float()
            * (c.near(wx) > 0.2).float()
            * (c.near(wy) > 0.2).float()
        )
        lamp = lamp * (d < wide * 0.85).float() * (c.y < high - 0.05).float()
        v = v + (0.14 + 0.8 * lamp - v) * tower
        lit = lit + (lamp - lit) * tower
    return v.clamp(0, 1), lit


PICTURES = {f.__name__: f for f in (crystal, dunes, marble, wood, lava, mountains, cracks, watercolor, glitch, skyline)}
