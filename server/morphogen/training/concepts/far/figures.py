"""Second family: geometric patterns."""

from __future__ import annotations

from typing import Any

from morphogen.training.concepts.canvas import TAU, Canvas
from morphogen.training.concepts.far.tools import away, waves

Ink = Any


def mandala(c: Canvas) -> Ink:
    """Overlapping circles and pointed arcs, turned many times about the middle."""
    v, many = 0 * c.x, c.whole(6, 12)
    th = (c.near(c.th * many / TAU)) / many * TAU
    px, py = c.r * th.cos(), c.r * th.sin()
    for at, size in zip(c.u(0.2, 0.85, 6), c.u(0.06, 0.24, 6), strict=True):
        v = c.top(v, c.bump(away(px - at, py) - size, 0.017))
    for at in c.u(0.15, 0.95, 3):
        v = c.top(v, c.bump(c.r - at, 0.012) * 0.9, 0.8 * c.bump(away(px - at, py), 0.03))
    arcs = (c.step(0.02, 0.0, away(px - 0.55, py + 0.25) - 0.36) * c.step(0.3, 0.32, c.r)) * 0.35
    return (c.top(v, arcs) * c.step(1.1, 1.05, c.r)).clamp(0, 1), c.step(0.2, 0.8, c.r)


def grid(c: Canvas) -> Ink:
    """Thin bright wires, crossing at right angles, with knots; or bent by a lens."""
    f = c.u(3, 6)
    lens = 1 + c.coin(0.35) * 0.5 * (-c.r * 2.5).exp()
    a = (c.x / lens * f * 3.1416).sin().abs()
    b = (c.y / lens * f * 3.1416).sin().abs()
    thin = c.u(0.12, 0.26)
    wires = c.top(c.step(thin, thin * 0.3, a), c.step(thin, thin * 0.3, b))
    return (0.9 * wires + 0.3 * c.bump(a, 0.4) * c.bump(b, 0.4)).clamp(0, 1), c.step(-1, 1, c.x)


def stripes(c: Canvas) -> Ink:
    """Bands of unequal width side by side."""
    x = c.x * c.u(1.5, 4)
    phase = x + 0.18 * (x * 2.2).sin()
    hard = ((phase * 3.1416).sin() > c.u(-0.4, 0.4)).float()
    return hard * 0.9, (phase / 2).floor().remainder(2)


def rings(c: Canvas) -> Ink:
    """A target: circles in turn light and dark, widths growing."""
    x = c.r ** c.u(0.7, 1.4) * c.u(3, 8)
    v = c.step(-0.25, 0.25, (x * 3.1416).sin())
    return v * 0.95, (x / 2).floor().remainder(2)


def spiral(c: Canvas) -> Ink:
    """A coil drawn as a line that gets thicker, or a hypnotic twist."""
    way, arms = 1 - 2 * c.coin(), c.whole(1, 4)
    turns = c.th * way * arms + c.r.sqrt() * c.u(9, 17) * arms.sqrt()
    v = c.step(-0.3, 0.35, turns.sin())
    return v * 0.93, c.step(0.1, 0.9, c.r)


def rays(c: Canvas) -> Ink:
    """A burst: narrow pointed beams of unequal length and brightness."""
    v = c.bump(c.r, c.u(0.08, 0.2))
    for k, (jitter, long) in enumerate(zip(c.u(-0.1, 0.1, 16), c.u(0.5, 1.5, 16), strict=True)):
        px, py = c.turn(c.x, c.y, k * TAU / 16 + jitter)
        wedge = c.step(0.13, 0.06, py.abs() / (px.abs() + 0.02)) * (px > 0).float() * c.step(long, long * 0.6, px)
        v = c.top(v, wedge * (0.55 + 0.4 * (k % 2)))
    return v.clamp(0, 1), c.step(0.2, 1, c.r)


def dots(c: Canvas) -> Ink:
    """Polka dots from the product of two waves, or balls on a hexagonal lattice."""
    k = c.u(7, 14)
    square = (k * c.x).sin() * (k * c.y).sin()
    hexed = ((k * c.x).cos() + (k * (0.5 * c.x + 0.866 * c.y)).cos() + (k * (0.5 * c.x - 0.866 * c.y)).cos()) / 2.4
    field = c.either(c.coin(), square.abs(), hexed)
    level = c.u(0.45, 0.7)
    return c.step(level - 0.05, level + 0.05, field) * 0.92, c.step(-0.1, 0.1, square)


def plaid(c: Canvas) -> Ink:
    """Tartan: the same sequence of stripes along and across, half transparent."""
    f = c.u(1.0, 2.0)

    def sett(x: Any) -> Any:
        t = x * f - (x * f).floor()
        return (
            0.45 * (t < 0.4).float()
            + 0.35 * c.bump(t - 0.55, 0.02)
            + 0.35 * c.bump(t - 0.62, 0.02)
            + 0.2 * (t > 0.8).float()
        )

    a, b = sett(c.x), sett(c.y)
    twill = 0.1 * ((c.x - c.y) * 70).sin() * c.coin()
    return (0.12 + a + b - 0.35 * a * b + twill).clamp(0, 1), (a > b).float()


def maze(c: Canvas) -> Ink:
    """Ten print: a slash or a backslash in each square, thick."""
    f = c.u(2.8, 5.0)
    x, y = c.turn(c.x, c.y, 0 * c.u() + TAU / 8)
    x, y = x * f, y * f
    i, j = x.floor(), y.floor()
    px, py = x - i, y - j
    slash = c.look(i, j) < 0.5
    d = c.torch.where(slash, (px - py).abs(), (px + py - 1).abs()) * 0.707
    corner = c.torch.where(slash, c.low(px + (1 - py), (1 - px) + py), c.low(px + py, 2 - px - py)) * 0.707
    wall = c.step(0.2, 0.12, c.low(d, corner))
    return c.either(c.coin(0.7), wall, 1 - wall) * 0.92, 0 * c.x


def circuit(c: Canvas) -> Ink:
    """Bundles of parallel wires that turn corners, with pads and square chips."""
    v = 0.08 + 0 * c.x
    for at, bend, way in zip(c.u(-0.95, 0.95, 12), c.u(-0.8, 0.8, 12), c.u(-0.9, 0.9, 12), strict=True):
        d1, _ = c.line(c.x, c.y, -1.2 + 0 * at, at, bend, at)
        d2, _ = c.line(c.x, c.y, bend, at, bend + 0.5 * (way - at), way)
        d3, _ = c.line(c.x, c.y, bend + 0.5 * (way - at), way, 0 * at + 1.2 * way.abs(), way)
        v = c.top(v, c.step(0.022, 0.012, c.low(d1, d2, d3)) * 0.8)
        v = c.top(v, c.bump(away(c.x - bend, c.y - at) - 0.045, 0.016))
    for ax, ay in zip(c.u(-0.7, 0.7, 3), c.u(-0.7, 0.7, 3), strict=True):
        dx, dy = (c.x - ax).abs(), (c.y - ay).abs()
        legs = (dx < 0.2).float() * (dy < 0.24).float() * (c.tri(c.x * 11) > 0.5).float() * 0.9
        v = v + (c.top(legs, 0.45 * ((dx < 0.17) & (dy < 0.17)).float()) - v) * ((dx < 0.2) & (dy < 0.24)).float()
    return v.clamp(0, 1), c.step(0.4, 0.5, v) * c.step(0.6, 0.5, v)


def checker(c: Canvas) -> Ink:
    """Squares in turn, from the sign of a product of waves."""
    f = c.u(4.5, 12)
    v = (c.x * f).sin() * (c.y * f).sin()
    return c.step(-0.03, 0.03, v) * 0.93, 0 * c.x


def triangles(c: Canvas) -> Ink:
    """Squares split along a diagonal, each half in its own shade."""
    f = c.u(1.3, 2.8)
    x, y = c.x * f + 0.25 * (c.y * 2).sin() * c.coin(), c.y * f
    i, j = x.floor(), y.floor()
    px, py = x - i, y - j
    way = c.look(i, j, 1) < 0.5
    half = c.torch.where(way, px > py, px + py > 1).float()
    d = c.torch.where(way, (px - py).abs(), (px + py - 1).abs())
    edge = c.low(d, c.low(px, 1 - px), c.low(py, 1 - py))
    v = 0.12 + 0.8 * c.look(i + 5 * half, j + 3, 2)
    return (v + (0.95 - v) * c.step(0.05, 0.02, edge) * c.coin(0.4)).clamp(0, 1), c.look(i, j + 7 * half, 3)


def zigzag(c: Canvas) -> Ink:
    """Herringbone: slanting bars that change direction from column to column."""
    f = c.u(1.2, 2.6)
    x = c.x * f
    way = 1 - 2 * x.floor().remainder(2)
    v = ((c.y * c.u(1.2, 2.0) * f + way * (x - x.floor() - 0.5)) * TAU).sin()
    return c.step(-0.2, 0.2, v) * 0.92, (way > 0).float() * c.coin(0.3)


def tunnel(c: Canvas) -> Ink:
    """Nested frames that shrink and turn to a vanishing point."""
    level = (c.r + 0.015).log() * c.u(2.0, 3.5)
    sides, turn = c.whole(3, 9), c.u(-0.6, 0.6)
    th = c.th + turn * level * 0.5
    polygon = (c.near(th * sides / TAU) / sides * TAU).cos()
    depth = level + c.coin(0.6) * 2.5 * polygon.log()
    frame = c.step(0.45, 0.55, c.tri(depth)) * (0.55 + 0.4 * c.tri(th * sides / TAU))
    return (frame * c.step(0.0, 0.7, c.r)).clamp(0, 1), depth.floor().remainder(2)


def fractal(c: Canvas) -> Ink:
    """The edge of the Mandelbrot set, or an orbit trap of a Julia set."""
    zoom, mand = c.u(0.5, 1.3), c.coin()
    angle = c.u(0, TAU)
    px, py = (
        c.x * zoom + c.either(mand, c.u(-0.9, -0.3), 0 * angle),
        c.y * zoom + c.either(mand, c.u(-0.35, 0.35), 0 * angle),
    )
    cx = c.either(mand, px, 0.75 * angle.cos() + 0 * px)
    cy = c.either(mand, py, 0.75 * angle.sin() + 0 * py)
    x, y = px, py
    trap, count = 9.0 + 0 * px, 0 * px
    for _ in range(26):
        x, y = (x * x - y * y + cx).clamp(-8, 8), (2 * x * y + cy).clamp(-8, 8)
        count = count + (x * x + y * y < 8).float()
        trap = c.low(trap, (away(x, y) - 0.5).abs())
    v = c.either(c.coin(0.6), (count / 26) ** 0.8, (-trap * 9).exp())
    return v.clamp(0, 1), c.tri(count / 9)


def moire(c: Canvas) -> Ink:
    """Ring gratings with two middles, laid over one another."""
    k, off = c.u(20, 32), c.u(0.1, 0.35)
    a, b = (away(c.x - off, c.y) * k).sin(), (away(c.x + off, c.y) * k).sin()
    px, _ = c.turn(c.x, c.y, c.u(0.05, 0.25))
    lines = (c.x * k).sin() * (px * k * 1.05).sin()
    return (0.5 + 0.45 * c.either(c.coin(), a * b, lines)).clamp(0, 1), waves(c, c.x, c.y, 1, 1) * 0


PICTURES = {
    f.__name__: f
    for f in (
        mandala, grid, stripes, rings, spiral, rays, dots, plaid, maze, circuit, checker, triangles, zigzag, tunnel,
        fractal, moire,
    )
}  # fmt: skip
