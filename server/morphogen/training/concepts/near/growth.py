"""Training pictures of plants, animals and what grows."""

from __future__ import annotations

from typing import Any

from morphogen.training.concepts.canvas import TAU, Canvas
from morphogen.training.concepts.near.life import branches

Ink = Any


def leaf(c: Canvas) -> Ink:
    """One pointed leaf with veins, or several."""
    many = c.coin(0.35)
    cell = c.cells(c.x * 1.2, c.y * 1.2, 0.6)
    mx, my = c.turn(cell.dx / 0.55, cell.dy / 0.55, cell.tag * TAU)
    x, y = c.either(many, mx, c.x / 0.95), c.either(many, my, c.y / 0.95)
    half = c.u(0.35, 0.6) * ((x.clamp(-1, 1) + 1) / 2 * 3.1416).sin().clamp(min=0) ** c.u(0.7, 1.1) * (1 - 0.3 * x)
    inside = c.step(0.02, -0.03, y.abs() - half) * (x.abs() < 1).float()
    rib = c.bump(y, 0.025)
    veins = c.bump(c.near(x * c.u(4, 6) - y.abs() * c.u(2.5, 4.5)), 0.09) * 0.7
    stalk = c.bump(y, 0.03) * (x < -0.9).float() * (x > -1.3).float()
    fill = 0.5 + 0.15 * c.noise(x * 5, y * 5)
    light = c.coin(0.7) * 2 - 1
    return (inside * (fill + light * 0.35 * c.top(rib, veins)) + 0.6 * stalk).clamp(0, 1), c.top(rib, veins) * inside


def tree(c: Canvas) -> Ink:
    """A tree that forks again and again, bare or with a crown."""
    at = (c.u(-0.15, 0.15) + 0 * c.x, -1.0 + 0 * c.x)
    limbs = branches(c, 6, at, c.u(1.45, 1.7), c.u(0.42, 0.6), c.u(0.04, 0.07), c.u(0.3, 0.55))
    wood = c.step(1.3, 0.8, limbs)
    crown = c.step(0.45, 0.75, c.fbm(c.x * 5, c.y * 5, 3) + 0.4 - ((c.y - 0.3) ** 2 + c.x**2) * 0.9) * c.coin(0.4)
    leaves = crown * (0.4 + 0.5 * c.fbm(c.x * 9, c.y * 9, 2, 1))
    ground = c.step(-0.9, -0.95, c.y) * 0.5 * c.coin(0.5)
    return c.top(wood * 0.85, leaves, ground).clamp(0, 1), crown * (1 - wood)


def feather(c: Canvas) -> Ink:
    """A quill with fine slanting barbs."""
    y = c.y - c.u(-0.25, 0.25) * c.x**2
    half = c.u(0.22, 0.42) * (1 - ((c.x - 0.15) / 0.95) ** 2).clamp(min=0) ** 0.5
    slant = c.x - y.abs() * c.u(0.7, 1.3)
    barbs = 0.5 + 0.5 * (slant * c.u(45, 80) + 3 * c.noise(slant * 3, y * 2)).sin()
    torn = c.step(0.72, 0.6, c.noise(slant * 6, (y > 0).float() * 3))
    vane = c.step(half, half * 0.8, y.abs()) * (0.35 + 0.5 * barbs) * (0.4 + 0.6 * torn)
    quill = c.bump(y, 0.022) * (c.x.abs() < 1).float()
    return c.top(vane, quill * 0.95).clamp(0, 1), c.step(half * 0.2, half, y.abs())


def fur(c: Canvas) -> Ink:
    """Fine hair that lies in one direction and swerves."""
    bend = (c.noise(c.x * 1.2, c.y * 1.2) - 0.5) * c.u(0.6, 1.6)
    along, across = c.y + 0 * bend, c.x + bend * c.y
    v = 0 * c.x
    for k, many in enumerate((14, 26, 44)):
        v = v + c.noise(across * many + 3 * k, along * c.u(1.2, 2.5) + 5 * k, k) ** 1.5 * (0.75 - 0.15 * k)
    shade = 0.5 + 0.7 * c.noise(c.x * 1.7, c.y * 1.7, 3)
    return (v * shade * 0.85).clamp(0, 1), c.step(0.4, 0.7, c.noise(c.x * 2, c.y * 2, 1))


def flower(c: Canvas) -> Ink:
    """Petals in one to three rounds about a middle."""
    many = c.whole(5, 9)
    v, edge = 0 * c.x, 0 * c.x
    for k in range(3):
        size = c.u(0.75, 0.95) * (1 - 0.27 * k)
        wave = ((c.th + k * 0.35) * many / 2).cos().abs()
        reach = size * (0.25 + 0.75 * wave ** c.u(0.4, 0.9))
        petal = c.step(reach, reach * 0.93, c.r)
        shade = (0.35 + 0.4 * c.r / reach + 0.2 * wave - 0.1 * c.near(c.th * many * 2)).clamp(0, 1)
        there = 1.0 if k == 0 else c.coin(0.6)
        v = v + (shade * (0.75 + 0.15 * k) - v) * petal * there
    core = c.u(0.1, 0.2)
    middle = c.step(core, core * 0.85, c.r)
    seeds = 0.7 + 0.3 * (c.r * 90).sin() * (c.th * 13).cos()
    return (v * (1 - middle) + middle * seeds).clamp(0, 1), middle + edge


def eye(c: Canvas) -> Ink:
    """Pupil, iris with fibres, a highlight; lids sometimes."""
    size, pupil = c.u(0.4, 0.62), c.u(0.13, 0.24)
    fibres = c.noise(c.th.cos() * 11 + 4, c.th.sin() * 11 + c.r, 1) * 0.7 + 0.4 * c.noise(c.th * 9, c.r * 4, 2)
    iris = c.step(pupil, pupil * 1.1, c.r) * c.step(size, size * 0.93, c.r)
    inner = iris * (0.3 + 0.6 * fibres + 0.25 * c.bump(c.r - pupil * 1.4, 0.08) - 0.2 * c.step(0.8, 1.0, c.r / size))
    shine = c.bump(((c.x + 0.12) ** 2 + (c.y - 0.14) ** 2 + 1e-6).sqrt(), c.u(0.04, 0.07))
    lid = c.u(0.45, 0.7) * (1 - (c.x / 1.05) ** 2).clamp(min=0)
    lids = c.coin(0.65)
    opened = c.either(lids, c.step(0.02, -0.04, c.y.abs() - lid), 1 + 0 * c.x)
    white = 0.8 * lids * c.step(size * 0.96, size * 1.02, c.r) * opened
    lashes = 0.5 * lids * c.bump(c.y.abs() - lid, 0.03)
    return (inner * opened + white + shine + lashes).clamp(0, 1), c.step(size * 0.96, size * 1.02, c.r)


def shell(c: Canvas) -> Ink:
    """A nautilus: one logarithmic coil with chambers."""
    grow = c.u(0.75, 1.15)
    turns = (c.r + 1e-3).log() / grow - c.th / TAU
    wall = c.bump(c.near(turns), c.u(0.05, 0.09))
    place = turns - turns.floor()
    septa = c.bump(c.near((turns.floor() + c.th / TAU + 0.08 * (place * 6.28).sin()) * c.u(9, 14)), 0.11) * 0.8
    end = c.step(0.95, 0.9, c.r / (1 - 0.25 * c.th / TAU))
    fill = 0.3 + 0.35 * place
    return ((c.top(wall, septa) * 0.6 + fill) * end * c.step(0.0, 0.06, c.r)).clamp(0, 1), wall * end


def scales(c: Canvas) -> Ink:
    """Overlapping scales in rows, as of a fish or a dragon."""
    f = c.u(2.5, 4.5)
    x, y = c.x * f, c.y * f * c.u(1.3, 1.8)
    best, tag = 0 * c.x, 0 * c.x
    for k in (1, 0):  # the lower row lies over the upper one
        row = y.floor() + k
        px = x + 0.5 * row.remainder(2)
        dx, dy = px - px.floor() - 0.5, (y - row) / c.u(1.2, 1.5)
        d = (dx * dx + dy * dy + 1e-6).sqrt()
        over = c.step(0.56, 0.53, d) * (dy < 0.5).float()
        shade = 0.25 + 1.0 * d + 0.2 * (c.look(px.floor(), row) - 0.5)
        best, tag = best + (shade - best) * over, tag + (c.look(px.floor(), row, 1) - tag) * over
    return best.clamp(0, 1), tag


def honeycomb(c: Canvas) -> Ink:
    """Hexagons side by side."""
    f = c.u(2.0, 4.0)
    x, y = c.x * f, c.y * f
    ax, ay = x - x.round(), y - (y / 1.732).round() * 1.732
    bx, by = x - (x - 0.5).round() - 0.5, y - ((y - 0.866) / 1.732).round() * 1.732 - 0.866
    first = (ax * ax + ay * ay) < (bx * bx + by * by)
    hx, hy = c.torch.where(first, ax, bx).abs(), c.torch.where(first, ay, by).abs()
    edge = 0.5 - c.top(hx, hx * 0.5 + hy * 0.866)
    tag = c.look((x - c.torch.where(first, ax, bx)).mul(2).round(), (y - c.torch.where(first, ay, by)).mul(2).round())
    line = c.step(0.11, 0.03, edge)
    filled = c.coin(0.5)
    fill = filled * (0.3 + 0.4 * tag + 0.3 * edge) + (1 - filled) * 0.12
    return c.either(c.coin(0.7), c.top(line, fill), (fill + 0.3) * (1 - line)).clamp(0, 1), (tag > 0.6).float()


def snowflake(c: Canvas) -> Ink:
    """Six arms with side branches, or several small flakes."""
    many = c.coin(0.3)
    cell = c.cells(c.x * 1.3, c.y * 1.3, 0.5)
    x, y = c.either(many, cell.dx / 0.5, c.x / 0.92), c.either(many, cell.dy / 0.5, c.y / 0.92)
    r, th = (x * x + y * y + 1e-6).sqrt(), c.torch.atan2(y, x)
    th = (c.tri(th * 6 / TAU) / 2) / 6 * TAU
    px, py = r * th.cos(), r * th.sin()
    wide = c.u(0.018, 0.035)
    v = c.bump(py, wide) * (px < 0.95).float()
    for place, long in zip(c.u(0.15, 0.85, 4), c.u(0.1, 0.32, 4), strict=True):
        d, _ = c.line(px, py, place, 0 * place, place + long * 0.5, long * 0.866)
        v = c.top(v, c.bump(d, wide))
    d, _ = c.line(px, py, c.u(0.12, 0.3), 0.0, c.u(0.1, 0.2), 0.2)
    plate = c.step(0.22, 0.2, px) * 0.4
    return c.top(v, c.bump(d, wide), plate * c.coin()).clamp(0, 1), c.step(0, 0.9, r)


PICTURES = {f.__name__: f for f in (leaf, tree, feather, fur, flower, eye, shell, scales, honeycomb, snowflake)}
