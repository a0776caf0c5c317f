"""Training pictures of geometric patterns."""

from __future__ import annotations

from typing import Any

from morphogen.training.concepts.canvas import TAU, Canvas

Ink = Any


def mandala(c: Canvas) -> Ink:
    """Rings of petals, dots and arcs with many-fold symmetry."""
    many = c.whole(3, 6) * 2
    wedge = c.tri(c.th * many / TAU)
    v = 0 * c.x
    for k, (at, wave) in enumerate(zip(c.u(0, 0.12, 5), c.u(0.2, 1.0, 5), strict=True)):
        middle = 0.15 + 0.18 * k + at
        petal = c.r - middle - 0.07 * wave * (wedge * 2 - 1) * (1 if k % 2 else -1)
        v = c.top(v, c.bump(petal, 0.018) * 0.9)
        dot = ((c.r - middle - 0.05) ** 2 + ((1 - wedge) * c.r * TAU / 2 / many) ** 2 + 1e-6).sqrt()
        v = c.top(v, c.bump(dot, 0.03) * (wave > 0.5).float())
        v = c.top(v, 0.4 * c.step(0.0, 0.01, petal) * c.step(0.09, 0.08, petal) * (wave > 0.65).float())
    return (v * c.step(1.15, 1.1, c.r)).clamp(0, 1), c.step(0.3, 0.7, c.tri(c.r * 2))


def grid(c: Canvas) -> Ink:
    """Two families of lines at right angles, flat or as a floor that runs to the horizon."""
    floor = c.coin(0.35)
    depth = 0.5 / (0.25 - c.y).clamp(min=0.03)
    f = c.u(2.5, 6.0)
    x = c.either(floor, c.x * depth * 2.5, c.x * f)
    y = c.either(floor, depth * 3, c.y * f)
    thin = c.u(0.035, 0.09)
    lines = c.top(c.step(thin * 1.5, thin * 0.6, c.near(x)), c.step(thin * 1.5, thin * 0.6, c.near(y)))
    sky = c.either(floor, (c.y < 0.22).float(), 1 + 0 * c.x)
    glow = 0.25 * c.top((-c.near(x) * 9).exp(), (-c.near(y) * 9).exp())
    horizon = floor * 0.8 * c.bump(c.y - 0.24, 0.03)
    return (c.top(lines, glow) * sky + horizon).clamp(0, 1), c.step(0.8, -0.8, c.y)


def stripes(c: Canvas) -> Ink:
    """Parallel straight bands."""
    x = c.x * c.u(1.2, 4.5) + c.u()
    share = c.u(0.3, 0.7)
    hard = c.step(share - 0.04, share + 0.04, c.tri(x))
    soft = c.tri(x) ** 1.3
    second = c.step(0.9, 0.94, c.tri(x * 2 + 0.3)) * c.coin(0.4)
    return (c.either(c.coin(0.75), hard, soft) * 0.9 + 0.3 * second).clamp(0, 1), x.floor().remainder(2)


def rings(c: Canvas) -> Ink:
    """Circles inside circles."""
    x = c.r * c.u(2.0, 6.0) + c.u()
    hard = c.step(0.4, 0.5, c.tri(x))
    thin = c.bump(c.near(x), 0.1)
    return c.either(c.coin(), hard, thin) * (0.95 - 0.25 * c.r * c.coin()), x.floor().remainder(2)


def spiral(c: Canvas) -> Ink:
    """One or more arms that wind evenly outwards."""
    way = 1 - 2 * c.coin()
    x = c.r * c.u(1.5, 4.0) + way * c.th / TAU * c.whole(1, 3)
    hard = c.step(0.42, 0.55, c.tri(x))
    thin = c.bump(c.near(x), 0.11)
    return (c.either(c.coin(), hard, thin) * c.step(1.5, 1.2, c.r)).clamp(0, 1), c.step(0, 1, c.r)


def rays(c: Canvas) -> Ink:
    """Beams from a middle, as wedges or as soft light."""
    x = c.th / TAU * c.whole(6, 16) + c.u()
    hard = c.step(0.42, 0.56, c.tri(x))
    soft = (c.tri(x) ** 2) * (0.5 + 0.8 * c.noise(c.th.cos() * 4, c.th.sin() * 4)) * (-c.r * c.u(0.3, 1.0)).exp()
    core = c.bump(c.r, c.u(0.05, 0.25)) * c.coin(0.6)
    return c.top(c.either(c.coin(), hard * 0.9, soft * 1.2), core).clamp(0, 1), c.step(0.1, 1, c.r)


def dots(c: Canvas) -> Ink:
    """Round spots in rows, equal or growing."""
    f = c.u(2.0, 5.0)
    x, y = c.x * f, c.y * f
    x = x + 0.5 * c.coin() * y.floor().remainder(2)
    d = ((x - x.floor() - 0.5) ** 2 + (y - y.floor() - 0.5) ** 2 + 1e-6).sqrt()
    grow = c.coin(0.4) * 0.17 * (c.x * c.u(-1, 1) + c.y * c.u(-1, 1))
    size = c.u(0.18, 0.4) + grow
    return c.step(size + 0.04, size - 0.04, d) * 0.95, (c.look(x.floor(), y.floor()) > 0.6).float()


def plaid(c: Canvas) -> Ink:
    """Bands that cross and show through one another, with thin lines: tartan."""
    f = c.u(1.0, 2.2)

    def bands(x: Any) -> Any:
        return (
            0.5 * c.step(0.45, 0.5, c.tri(x))
            + 0.3 * c.step(0.86, 0.88, c.tri(x * 2 + 0.2))
            + 0.15 * c.step(0.7, 0.75, c.tri(x * 3))
        )

    across, down = bands(c.x * f), bands(c.y * f)
    weave = 1 - 0.25 * c.coin() * (0.5 + 0.5 * ((c.x + c.y) * 60).sin())
    return ((0.1 + 0.62 * across + 0.62 * down) * weave).clamp(0, 1), across


def maze(c: Canvas) -> Ink:
    """Walls of a labyrinth at right angles."""
    f = c.u(2.6, 5.0)
    x, y = c.x * f, c.y * f
    i, j = x.floor(), y.floor()
    wall = 0 * c.x
    for di, dj in ((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, -1)):
        upright = c.look(i + di, j + dj) < 0.5
        ax, ay = i + di, j + dj
        d1, _ = c.line(x, y, ax, ay, ax, ay + 1)
        d2, _ = c.line(x, y, ax, ay, ax + 1, ay)
        wall = c.top(wall, c.step(0.2, 0.12, c.torch.where(upright, d1, d2)))
    return c.either(c.coin(0.7), wall, 1 - wall) * 0.92, c.noise(c.x, c.y)


def circuit(c: Canvas) -> Ink:
    """A board: straight traces, corners, round pads, chips."""
    f = c.u(2.6, 4.4)
    x, y = c.x * f, c.y * f
    i, j = x.floor(), y.floor()
    px, py = x - i - 0.5, y - j - 0.5
    kind, way = c.look(i, j), c.look(i, j, 1)
    px, py = c.torch.where(way < 0.5, px, -py), c.torch.where(way < 0.5, py, px)
    thin = 0.06
    straight = c.top(c.step(thin, thin * 0.5, (py - 0.2).abs()), c.step(thin, thin * 0.5, (py + 0.2).abs()))
    bend = c.step(thin * 1.2, thin * 0.6, (px + py - 0.1).abs() * 0.707) * (px.abs() < 0.5).float()
    pad = (
        c.bump((px * px + py * py + 1e-6).sqrt() - 0.17, 0.06)
        + c.step(thin, thin * 0.5, py.abs()) * (px > 0.17).float()
    )
    chip = (px.abs() < 0.36).float() * (py.abs() < 0.3).float() * 0.55 + c.step(0.3, 0.2, c.near(px * 6)) * (
        py.abs() < 0.44
    ).float() * 0.4
    v = c.torch.where(kind < 0.4, straight, c.torch.where(kind < 0.6, bend, c.torch.where(kind < 0.88, pad, chip)))
    return (0.1 + 0.85 * v).clamp(0, 1), (kind > 0.6).float()


def checker(c: Canvas) -> Ink:
    """A board of squares, light and dark in turn."""
    f = c.u(1.5, 4.0)
    v = (c.x * f).floor() + (c.y * f).floor()
    return v.remainder(2) * 0.95, 0 * c.x


def triangles(c: Canvas) -> Ink:
    """Low-poly: triangles in flat shades."""
    f = c.u(1.4, 3.0)
    wob = c.u(0.0, 0.5)
    x = c.x * f + wob * (c.noise(c.x * 1.5, c.y * 1.5, 2) - 0.5) * 2
    y = c.y * f * 1.15 + wob * (c.noise(c.x * 1.5 + 4, c.y * 1.5, 3) - 0.5) * 2
    s = x + 0.5 * y
    i, j = s.floor(), y.floor()
    upper = ((s - i) + (y - j) > 1).float()
    tag = c.look(i * 2 + upper, j)
    edge = c.low(c.near(s), c.near(y), c.near(s + y))
    line = c.step(0.05, 0.015, edge)
    v = 0.15 + 0.75 * tag
    return (v + (c.coin() * 1.0 - v) * line * c.coin(0.6)).clamp(0, 1), c.look(i * 2 + upper, j, 1)


def zigzag(c: Canvas) -> Ink:
    """Chevrons: bands that go up and down in sharp corners."""
    wave = c.tri(c.x * c.u(1.0, 2.5)) * c.u(0.6, 1.3)
    x = c.y * c.u(1.5, 3.0) + wave
    hard = c.step(0.42, 0.5, c.tri(x))
    return c.either(c.coin(0.8), hard, c.bump(c.near(x), 0.1)) * 0.93, x.floor().remainder(2)


def tunnel(c: Canvas) -> Ink:
    """Looking down a pipe: rings and seams that shrink to a middle."""
    x = c.th / TAU * c.whole(4, 10)
    depth = c.either(c.coin(), 0.45 / (c.r + 0.03), -(c.r + 0.02).log() * 1.6) + c.u()
    tiles = (x.floor() + (depth * 2).floor()).remainder(2)
    lines = c.top(c.step(0.12, 0.05, c.near(x)), c.step(0.14, 0.05, c.near(depth * 1.5)))
    fade = c.either(c.coin(0.75), c.step(0.0, 0.8, c.r), c.step(1.4, 0.1, c.r))
    return (c.either(c.coin(), tiles * 0.9, lines) * fade).clamp(0, 1), c.tri(depth)


def fractal(c: Canvas) -> Ink:
    """Julia sets, by the number of steps to escape."""
    angle = c.u(0, TAU)
    size = c.u(0.72, 0.8)
    cx, cy = size * angle.cos(), size * angle.sin()
    x, y = c.x * 1.35, c.y * 1.35
    count = 0 * c.x
    for _ in range(28):
        x, y = x * x - y * y + cx, 2 * x * y + cy
        alive = (x * x + y * y < 9).float()
        count = count + alive
        x, y = x.clamp(-9, 9), y.clamp(-9, 9)
    v = count / 28
    return c.either(c.coin(0.7), v ** c.u(0.5, 1.0), 0.5 + 0.5 * (count * 0.9).sin()).clamp(0, 1), (
        count / 6
    ).floor().remainder(2)


def moire(c: Canvas) -> Ink:
    """Two fine gratings of lines or rings that beat against one another."""
    k = c.u(22, 34)
    ax, ay = c.turn(c.x, c.y, c.u(0.06, 0.3))
    lines = (0.5 + 0.5 * (c.x * k).sin()) * (0.5 + 0.5 * (ax * k * c.u(0.95, 1.1)).sin())
    off = ((c.x - c.u(0.15, 0.4)) ** 2 + (c.y - c.u(-0.2, 0.2)) ** 2 + 1e-6).sqrt()
    circles = (0.5 + 0.5 * (c.r * k).sin()) * (0.5 + 0.5 * (off * k).sin())
    return c.either(c.coin(), lines, circles) * 0.97, 0 * ay


PICTURES = {
    f.__name__: f
    for f in (
        mandala, grid, stripes, rings, spiral, rays, dots, plaid, maze, circuit, checker, triangles, zigzag, tunnel,
        fractal, moire,
    )
}  # fmt: skip
