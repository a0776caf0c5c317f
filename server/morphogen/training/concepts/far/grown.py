"""Second family: plants and animals."""

from __future__ import annotations

from typing import Any

from morphogen.training.concepts.canvas import TAU, Canvas
from morphogen.training.concepts.far.tools import away, scatter, waves

Ink = Any


def leaf(c: Canvas) -> Ink:
    """The overlap of two discs with curved side veins; one, or a twig of them."""
    twig = c.coin(0.35)
    side = c.y.sign()
    k = (c.x * 2.2).floor()
    mx, my = c.turn(c.x * 2.2 - k - 0.5, (c.y - side * 0.35) * 2.2, side * 1.1)
    x, y = c.either(twig, mx * 1.3, c.x), c.either(twig, my * 1.3, c.y)
    off = c.u(0.45, 0.85)
    reach = (1 + off * off).sqrt() * 0.97
    inside = c.step(reach, reach * 0.97, away(x, y.abs() + off))
    rib = c.bump(y, 0.03)
    vein = c.bump(c.near((x + 0.5 * y.abs() - 0.5 * y.abs() ** 2) * c.u(3.5, 6)), 0.1)
    stem = twig * c.bump(c.y, 0.03)
    shade = 0.55 - 0.15 * (y > 0).float()
    return (inside * (shade + 0.35 * c.top(rib, 0.7 * vein)) + 0.7 * stem).clamp(0, 1), inside * c.top(rib, vein)


def tree(c: Canvas) -> Ink:
    """A trunk with boughs left and right in turn, twigs, and sometimes round leaves."""
    v, leaves = 0 * c.x, 0 * c.x
    leafy, sway = c.coin(0.5), c.u(-0.15, 0.15)
    d, along = c.line(c.x - sway * (c.y + 1) ** 2 / 2, c.y, 0.0, -1.0, 0.0, 0.85)
    v = c.step(0.09, 0.06, d / (1.15 - 0.9 * along))
    for k in range(8):
        h = -0.45 + 0.15 * k
        long, rise, way = 0.8 - 0.075 * k, c.u(0.35, 0.8), 1 - 2 * (k % 2)
        ax = sway * (h + 1) ** 2 / 2
        bx, by = ax + way * long, h + long * rise
        d, t = c.line(c.x, c.y, ax, h, bx, by)
        v = c.top(v, c.step(0.032, 0.016, d + 0.018 * t))
        for s in (0.4, 0.65, 0.9):
            tx, ty = ax + s * (bx - ax), h + s * (by - h)
            d, _ = c.line(c.x, c.y, tx, ty, tx + way * 0.08, ty + 0.24)
            v = c.top(v, 0.85 * c.step(0.016, 0.008, d))
            leaves = c.top(leaves, leafy * 0.75 * c.step(0.12, 0.08, away(c.x - tx, c.y - ty - 0.12)))
    return c.top(v * 0.9, leaves).clamp(0, 1), leaves * (1 - v)


def feather(c: Canvas) -> Ink:
    """A curved shaft with many single hairs on both sides."""
    y = c.y - 0.2 * (c.x * 1.5).sin() * c.u(-1, 1)
    x = c.x + y.abs() * c.u(0.5, 0.9)
    half = c.u(0.25, 0.38) * ((0.95 - c.x.abs()).clamp(min=0)) ** 0.4
    hair = c.tri(x * c.u(9, 14) + 0.2 * waves(c, c.x, c.y, 5, 1)) ** 0.7
    down = c.step(half * (0.9 + 0.2 * hair), half * 0.7, y.abs())
    shaft = c.step(0.03, 0.012, y.abs()) * (c.x.abs() < 1.1).float()
    return c.top(down * (0.3 + 0.55 * hair), shaft).clamp(0, 1), c.step(0, half, y.abs())


def fur(c: Canvas) -> Ink:
    """A coat of many short overlapping strokes."""
    v = 0.25 + 0 * c.x
    lay = c.u(-0.6, 0.6)
    for k in range(4):
        f = 9.0 + 3 * k
        x = (c.x + lay * c.y + 0.12 * (3 * c.y + 2 * c.x + k).sin()) * f
        lane = x.floor()
        y = c.y * f * 0.22 + c.look(lane, 0 * lane + k) * 5
        t = y - y.floor()
        lock = c.bump(x - lane - 0.5, 0.28) * (1 - t)
        v = c.top(v * 0.9, lock * (0.45 + 0.6 * c.look(lane, y.floor(), 1)))
    return (v * (0.65 + 0.5 * waves(c, c.x, c.y, 2.5, 1))).clamp(0, 1), waves(c, c.x, c.y, 3, 1)


def flower(c: Canvas) -> Ink:
    """Single oval petals set in a circle, overlapping, round a dotted heart."""
    v, many = 0 * c.x, 11
    count, wide = c.whole(5, 11), c.u(0.16, 0.26)
    for k in range(many):
        px, py = c.turn(c.x, c.y, k * TAU / count)
        there = (k < count).float()
        d = away((px - 0.52) / 0.42, py / wide)
        petal = c.step(1.0, 0.93, d) * there
        shade = 0.85 - 0.4 * (1 - px).abs() + 0.12 * (py * 60).cos() - 0.2 * c.step(0.75, 1.0, d)
        v = v + (shade - v) * petal
    heart = c.step(0.2, 0.17, c.r)
    return (v * (1 - heart) + heart * (0.6 + 0.3 * c.tri(c.x * 12) * c.tri(c.y * 12))).clamp(0, 1), heart


def eye(c: Canvas) -> Ink:
    """An almond with iris and pupil, or a bare iris of radial threads."""
    size, almond = c.u(0.36, 0.52), c.coin(0.6)
    threads = 0.5 + 0.5 * (c.th * 24 + 5 * waves(c, c.x, c.y, 6, 1)).sin()
    iris = c.step(size, size * 0.95, c.r) * (0.35 + 0.4 * threads * (1 - c.r / size) + 0.25 * c.r / size)
    iris = iris * c.step(size * 0.38, size * 0.44, c.r) - 0.25 * c.bump(c.r - size, 0.03)
    lid = away(c.x, c.y.abs() + 0.75) - 1.3
    open_ = c.either(almond, c.step(0.0, -0.03, lid), c.step(size, size * 0.98, c.r))
    ball = c.either(c.r < size, iris, 0.82 + 0 * c.r) * open_
    gleam = c.bump(away(c.x - 0.1, c.y - 0.12), 0.05)
    rim = almond * 0.6 * c.bump(lid, 0.025)
    return (ball + gleam + rim).clamp(0, 1), (c.r > size).float() * open_


def shell(c: Canvas) -> Ink:
    """A snail: discs that shrink along a coil, each with a lit side."""
    v = 0 * c.x
    phase, tight = c.u(0, TAU), c.u(0.24, 0.32)
    for k in range(30):
        angle, far = phase - k * 0.42, 0.62 * (2.718 ** (-0.42 * k * tight))
        d = away(c.x - far * angle.cos(), c.y - far * angle.sin()) / (far * 0.62)
        disc = c.step(1.0, 0.95, d)
        shade = 0.85 - 0.6 * d**2 + 0.1 * (k % 2)
        v = v + (shade.clamp(0.12, 1) - v) * disc
    return v.clamp(0, 1), c.step(0.5, 0.2, v)


def scales(c: Canvas) -> Ink:
    """Rows of shields with a rim and a keel, each row covering the next."""
    f = c.u(2.4, 4.2)
    v, tint = 0 * c.x, 0 * c.x
    y = c.y * f * 1.5
    for k in (2, 1, 0):
        row = y.floor() + k
        x = c.x * f + 0.5 * row.remainder(2)
        px, py = x - x.floor() - 0.5, y - row + 0.25
        tip = py + 1.25 - 2.6 * px * px
        inside = c.step(0.0, 0.06, tip) * (py < 0.6).float()
        shade = 0.75 - 0.35 * c.step(-0.9, 0.6, py) - 0.25 * c.bump(tip, 0.12) + 0.15 * c.bump(px, 0.05)
        v, tint = v + (shade - v) * inside, tint + (c.look(x.floor(), row) - tint) * inside
    return v.clamp(0, 1), tint


def honeycomb(c: Canvas) -> Ink:
    """Hexagons from three waves; wax walls or filled cups."""
    k = c.u(6, 11)
    a = (k * c.x).cos()
    b = (k * (0.5 * c.x + 0.866 * c.y)).cos()
    d = (k * (0.5 * c.x - 0.866 * c.y)).cos()
    top = (a + b + d) / 3
    wall = c.step(0.05, -0.18, top)
    cup = 0.25 + 0.5 * top.clamp(min=0)
    return c.either(c.coin(0.65), c.top(wall * 0.9, cup * 0.5), (1 - wall) * (0.3 + cup)).clamp(0, 1), 0 * c.x


def snowflake(c: Canvas) -> Ink:
    """Three crossed bars with barbs, mirrored into six arms."""
    v = 0 * c.x
    barbs = list(zip(c.u(0.2, 0.75, 4), c.u(0.1, 0.28, 4), strict=True))
    wide = c.u(0.02, 0.035)
    for k in range(6):
        px, py = c.turn(c.x, c.y, 0 * c.u() + k * TAU / 6)
        py = py.abs()
        v = c.top(v, c.step(wide, wide * 0.4, py) * (px > 0).float() * (px < 0.9).float())
        for at, long in barbs:
            d, _ = c.line(px, py, at, 0 * at, at + 0.6 * long, long)
            v = c.top(v, c.step(wide, wide * 0.4, d) * 0.9)
    flakes = 0 * c.x
    for ax, ay, s in scatter(c, 6):
        flakes = flakes + 0.4 * c.bump(away(c.x - ax, c.y - ay), 0.02 + 0.02 * s)
    return (v + flakes * c.coin(0.5)).clamp(0, 1), c.step(0.2, 0.8, c.r)


PICTURES = {f.__name__: f for f in (leaf, tree, feather, fur, flower, eye, shell, scales, honeycomb, snowflake)}
