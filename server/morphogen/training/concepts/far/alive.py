"""Second family: under the microscope and in the body."""

from __future__ import annotations

from typing import Any

from morphogen.training.concepts.canvas import TAU, Canvas
from morphogen.training.concepts.far.tools import away, scatter, waves

Ink = Any


def cells(c: Canvas) -> Ink:
    """Rows of rounded bricks with a core each, as onion skin or plant tissue."""
    f = c.u(1.6, 3.0)
    y = (c.y + 0.06 * (4 * c.x).sin()) * f
    row = y.floor()
    x = (c.x + 0.05 * (5 * c.y).sin()) * f * c.u(0.7, 1.0) + 0.5 * row + 0.3 * c.look(row, 0 * row)
    px, py = x - x.floor() - 0.5, y - row - 0.5
    inside = (px.abs() ** 4 + py.abs() ** 4 + 1e-9) ** 0.25
    wall = c.bump(inside - 0.46, 0.05)
    ox, oy = 0.25 * (c.look(x.floor(), row, 1) - 0.5), 0.25 * (c.look(x.floor(), row, 2) - 0.5)
    core = c.step(0.2, 0.12, away(px - ox, py - oy))
    body = 0.22 + 0.15 * waves(c, c.x, c.y, 14, 2)
    return (body + 0.65 * wall + 0.55 * core).clamp(0, 1), core


def cell_division(c: Canvas) -> Ink:
    """A waisted oval: a Cassini curve about two nuclei."""
    a = c.u(0.3, 0.42)
    product = away(c.x - a, c.y) * away(c.x + a, c.y)
    level = product - (a * c.u(0.98, 1.18)) ** 2
    wall = c.bump(level, c.u(0.02, 0.035))
    inside = c.step(0.01, -0.03, level)
    core = c.top(c.bump(away(c.x - a, c.y), c.u(0.1, 0.15)), c.bump(away(c.x + a, c.y), c.u(0.1, 0.15)))
    plasma = 0.25 + 0.25 * waves(c, c.x, c.y, 10, 2)
    halo = 0.2 * (-level.clamp(min=0) * 6).exp()
    return (inside * plasma + wall + 0.75 * core + halo * c.coin()).clamp(0, 1), core


def microbes(c: Canvas) -> Ink:
    """Scattered capsules, curved ones and ovals with hairs."""
    v, tint = 0.05 + 0 * c.x, 0 * c.x
    hairy = c.coin(0.4)
    for (ax, ay, s), turn in zip(scatter(c, 11, -1.05, 1.05), c.u(0, TAU, 11), strict=True):
        px, py = c.turn(c.x - ax, c.y - ay, turn)
        py = py - c.u(0, 1.5) * px * px
        d, _ = c.line(px, py, -0.05 - 0.12 * s, 0.0, 0.05 + 0.12 * s, 0.0)
        fat = 0.07 + 0.03 * s
        body = c.step(fat, fat * 0.6, d)
        comb = hairy * 0.5 * c.step(fat * 1.7, fat, d) * (px * 70).sin().clamp(min=0)
        tail = c.bump(py - 0.03 * (px * 25).sin(), 0.012) * (px > 0.1).float() * c.step(0.5, 0.4, px) * 0.6
        v = c.top(v, body * (0.35 + 0.4 * c.step(fat * 0.5, fat * 0.9, d)), comb, (1 - hairy) * tail)
        tint = c.top(tint, body * s)
    return v.clamp(0, 1), tint


def solvents(c: Canvas) -> Ink:
    """Two liquids that fold into one another: sheared layers with soft fringes."""
    x, y = c.x, c.y
    for ax, ay, s in scatter(c, 4, -0.8, 0.8):
        dx, dy = x - ax, y - ay
        d = away(dx, dy)
        px, py = c.turn(dx, dy, (s - 0.5) * 7 * (-d * 2).exp())
        x, y = ax + px, ay + py
    dye = waves(c, x, y, c.u(1.2, 2.0), 2)
    front = c.step(0.35, 0.65, dye)
    fringe = 0.3 * c.bump(dye - 0.5, 0.06)
    return (0.1 + 0.65 * front + fringe).clamp(0, 1), c.step(0.3, 0.7, waves(c, x, y, 2.5, 1))


def neurons(c: Canvas) -> Ink:
    """Cell bodies whose arms are bent chains of segments, with buttons at their ends."""
    v = 0 * c.x
    for k, (ox, oy, s) in enumerate(scatter(c, 2, -0.36, 0.36)):
        there = 1.0 if k == 0 else (s < 0.5).float()
        v = c.top(v, there * 1.1 * c.bump(away(c.x - ox, c.y - oy), c.u(0.08, 0.13)))
        for i, start in enumerate(c.u(-0.4, 0.4, 6)):
            x, y, angle = ox, oy, i / 6 * TAU + start
            for j in range(3):
                bx, by = x + angle.cos() * 0.3, y + angle.sin() * 0.3
                d, _ = c.line(c.x, c.y, x, y, bx, by)
                v = c.top(v, there * c.bump(d, 0.034 - 0.009 * j) * (0.85 - 0.12 * j))
                x, y, angle = bx, by, angle + c.u(-0.8, 0.8)
            v = c.top(v, there * 0.8 * c.bump(away(c.x - x, c.y - y), 0.03))
    return v.clamp(0, 1), c.step(0.8, 1, v)


def vessels(c: Canvas) -> Ink:
    """Winding tubes that cross the picture and give off smaller ones."""
    v, core = 0.08 * waves(c, c.x, c.y, 4, 2), 0 * c.x
    for k, (at, phase) in enumerate(zip(c.u(-0.7, 0.7, 4), c.u(0, TAU, 4), strict=True)):
        thick = (0.1, 0.07, 0.045, 0.03)[k]
        y = at + 0.14 * (2.5 * c.x + phase).sin() + 0.05 * (7 * c.x + 2 * phase).sin()
        d = (c.y - y).abs()
        for start, lean in zip(c.u(-0.9, 0.6, 2), c.u(0.4, 1.3, 2), strict=True):
            t = c.x - start
            side = y + (phase - 3).sign() * (lean * t + 0.08 * (9 * t).sin())
            twig = (c.y - side).abs() * 0.75 / 0.6 + (t < 0).float() * 9
            d = c.low(d, twig * (1 + 0.5 * t.abs()))
        tube = (1 - (d / thick) ** 2).clamp(min=0).sqrt()
        v, core = c.top(v, (0.4 + 0.55 * tube) * (tube > 0).float()), c.top(core, tube)
    return v.clamp(0, 1), c.step(0.3, 0.9, core)


def coral(c: Canvas) -> Ink:
    """Turing stripes: contours of warped noise, evenly wide."""
    n = waves(c, c.x, c.y, 1.6, 2)
    m = waves(c, c.x + 0.3 * n, c.y - 0.3 * n, 3.0, 2)
    v = (c.u(16, 26) * (n + 0.6 * m)).sin() + 0.4 * (10 * m).cos()
    return 0.07 + 0.85 * c.step(-0.4, 0.4, v), n


def mycelium(c: Canvas) -> Ink:
    """Threads that wander from one side and split and split again."""
    v = 0 * c.x
    limbs = [(c.u(-0.3, 0.3), c.u(-0.3, 0.3), k / 5 * TAU + c.u(-0.4, 0.4)) for k in range(5)]
    for level in range(3):
        after = []
        for x, y, angle in limbs:
            long = c.u(0.22, 0.42)
            bx, by = x + angle.cos() * long, y + angle.sin() * long
            d, _ = c.line(c.x + 0.03 * (18 * c.y).sin(), c.y + 0.03 * (17 * c.x).sin(), x, y, bx, by)
            v = c.top(v, c.bump(d, 0.016 - 0.003 * level) * (0.95 - 0.15 * level))
            after += [(bx, by, angle + c.u(0.2, 0.8)), (bx, by, angle - c.u(0.2, 0.8))]
        limbs = after
    haze = 0.2 * c.bump(c.near(waves(c, c.x, c.y, 5, 3) * 5), 0.06)
    return (v + haze).clamp(0, 1), c.step(0, 1, c.r)


def tendrils(c: Canvas) -> Ink:
    """Thick ropes that swing through the picture and round one another."""
    v = 0.06 + 0 * c.x
    for at, k, phase, bend in zip(c.u(-1, 1, 5), c.u(1.5, 3, 5), c.u(0, TAU, 5), c.u(0.2, 0.55, 5), strict=True):
        y = at + bend * (k * c.x + phase).sin() + 0.15 * (2 * k * c.x).cos()
        slope = 1 + (bend * k * (k * c.x + phase).cos()).abs()
        d = (c.y - y).abs() / slope
        v = c.top(v, c.bump(d, c.u(0.05, 0.11)) * (0.5 + 0.45 * (3 * c.x + phase).sin()) + 0.2 * (-d * 8).exp())
    return v.clamp(0, 1), waves(c, c.x, c.y, 2, 1)


def helix(c: Canvas) -> Ink:
    """Two strands of beads wound round one another and joined."""
    x, y = c.turn(c.x, c.y, c.u(-1.3, 1.3))
    k, tall, phase, v = c.u(3.2, 5), c.u(0.28, 0.4), c.u(0, TAU), 0 * c.x
    for i in range(17):
        ax = -1.28 + 0.16 * i
        a = tall * (k * ax + phase).sin()
        v = c.top(v, c.bump(away(x - ax, y - a), 0.075), 0.9 * c.bump(away(x - ax, y + a), 0.075))
        if i % 2:
            d, _ = c.line(x, y, ax, a, ax, -a)
            v = c.top(v, 0.5 * c.bump(d, 0.022))
    return v.clamp(0, 1), c.step(0.6, 0.4, v) * v


PICTURES = {
    f.__name__: f
    for f in (cells, cell_division, microbes, solvents, neurons, vessels, coral, mycelium, tendrils, helix)
}
