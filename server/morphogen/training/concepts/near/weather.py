"""Training pictures of fire, water and air."""

from __future__ import annotations

from typing import Any

from morphogen.training.concepts.canvas import TAU, Canvas

Ink = Any


def flames(c: Canvas) -> Ink:
    """Tongues of fire that rise and thin out."""
    f = c.u(1.3, 2.4)
    sway = 0.5 * (c.noise(c.x * 1.5, c.y * 1.2 + 4, 1) - 0.5) * (c.y + 1)
    tongues = c.fbm((c.x + sway) * f, c.y * f * 0.45, 4)
    fine = c.fbm((c.x + sway) * f * 2, c.y * f * 0.9 + 3, 3, 2, ridged=True)
    top = c.u(0.2, 0.9)
    heat = tongues * 1.5 + 0.35 * fine - (c.y + 1) / (1 + top) * c.u(0.75, 1.0)
    narrow = c.coin(0.4) * (c.x / c.u(0.5, 0.9)) ** 2 * (0.5 + 0.4 * (c.y + 1))
    v = c.step(0.05, 0.85, heat - narrow)
    sparks = 0.8 * c.sprinkle(c.x * 5, c.y * 5, 0.2, 0.04, 0.1) * c.coin(0.5)
    return (v + sparks).clamp(0, 1), c.step(0.1, 0.6, v)


def sea(c: Canvas) -> Ink:
    """Rows of waves with crests and foam, one before the other."""
    v = 0.3 + 0 * c.x
    foam = 0 * c.x
    rows = 6
    for k, phase in enumerate(c.u(0, TAU, rows)):
        base = 0.75 - k * 0.3 + 0.08 * phase.sin()
        big = 0.05 + 0.035 * k
        wave = (1 - (c.x * (5.5 - 0.5 * k) / 2 + phase).sin().abs()) ** 1.5
        crest = base + big * (wave - 0.3) + 0.02 * (c.noise(c.x * 6, phase + 0 * c.x) - 0.5)
        below = c.step(0.0, 0.02, crest - c.y)
        shade = 0.32 + 0.1 * (k % 2) + 0.5 * (-(crest - c.y).clamp(min=0) * 5).exp()
        v = v + (shade - v) * below
        foam = foam * (1 - below) + below * c.bump(crest - c.y, 0.035)
    return (v + 0.5 * foam).clamp(0, 1), foam


def clouds(c: Canvas) -> Ink:
    """Puffy clouds, lit from above, with clear sky between."""
    f = c.u(0.9, 1.7)

    def heap(x: Any, y: Any) -> Any:
        puffs = c.cells(x * f * 2.4, y * f * 3.0)
        return c.fbm(x * f, y * f * 1.5, 5) + 0.12 * (0.5 - puffs.first)

    body = heap(c.x, c.y)
    lit = heap(c.x + 0.05, c.y + 0.12)
    cover = c.step(c.u(0.42, 0.5), c.u(0.58, 0.7), body)
    return (cover * (0.75 + 1.4 * (body - lit))).clamp(0, 1), c.step(0.05, -0.15, body - lit) * cover


def lightning(c: Canvas) -> Ink:
    """A jagged bolt from top to bottom with side branches."""

    def path(y: Any, k: int) -> Any:
        return (
            0.7 * (c.noise(y * 1.4 + 5 * k, 0 * y + k) - 0.5)
            + 0.22 * (c.noise(y * 6 + k, 0 * y + 3, 1) - 0.5)
            + 0.08 * (c.noise(y * 17, 0 * y + k, 2) - 0.5)
        )

    d = (c.x - path(c.y, 0)).abs()
    v = c.bump(d, 0.02) + 0.5 * (-d / c.u(0.04, 0.12)).exp()
    for k, (start, lean) in enumerate(zip(c.u(-0.5, 0.8, 3), c.u(-1.2, 1.2, 3), strict=True)):
        fall = start - c.y
        side = path(start + 0 * c.y, 0) + lean * fall + path(c.y * 1.5, k + 2) * fall.clamp(0, 1)
        away = (c.x - side).abs()
        twig = (c.bump(away, 0.015) + 0.3 * (-away / 0.05).exp()) * c.step(0, 0.03, fall) * c.step(0.8, 0.3, fall)
        v = c.top(v, 0.8 * twig)
    gloom = 0.2 * c.fbm(c.x * 1.5, c.y * 2, 4) * c.coin(0.6)
    return (v + gloom).clamp(0, 1), c.step(0.0, 0.3, d)


def smoke(c: Canvas) -> Ink:
    """Wisps that rise and curl."""
    wx = c.fbm(c.x * 1.2, c.y * 0.9, 3, 1) - 0.5
    wy = c.fbm(c.x * 1.2 + 5, c.y * 0.9, 3, 2) - 0.5
    x, y = c.x + 1.5 * wx, c.y + 1.0 * wy
    curl = c.fbm(x * 1.4, y * 0.8, 4, 0, ridged=True)
    veil = c.fbm(x * 2.2 + 3, y * 1.2, 4, 3)
    column = c.bump(c.x - 0.6 * wx, c.u(0.35, 0.9) * (0.7 + 0.5 * (c.y + 1)))
    return ((0.75 * curl + 0.5 * veil * veil) * column * c.u(0.8, 1.15)).clamp(0, 1), c.step(0.3, 0.7, veil)


def bubbles(c: Canvas) -> Ink:
    """Round bubbles with thin rims and highlights, in several sizes."""
    v, tint = 0.1 * c.noise(c.x, c.y), 0 * c.x
    for k, f in enumerate((0.9, 1.6, 2.8)):
        cell = c.cells(c.x * f + 3 * k, c.y * f + 7 * k, 0.6)
        size = 0.16 + 0.24 * cell.other
        rim = c.bump(cell.first - size, 0.02 * f + 0.012)
        inside = (
            c.step(size, size * 0.6, cell.first) * 0.12
            + 0.2 * c.step(size * 0.5, size, cell.first) * (cell.first < size).float()
        )
        shine = c.bump(((cell.dx + size * 0.4) ** 2 + (cell.dy - size * 0.4) ** 2 + 1e-6).sqrt(), size * 0.16)
        there = (cell.tag < c.u(0.5, 0.9)).float()
        v = c.top(v, there * (0.8 * rim + inside + 0.9 * shine))
        tint = c.top(tint, there * rim * cell.tag)
    return v.clamp(0, 1), tint


def ripples(c: Canvas) -> Ink:
    """Circular waves on water from one to three drops."""
    v, f = 0 * c.x, c.u(9, 18)
    for k, (ax, ay) in enumerate(zip(c.u(-0.7, 0.7, 3), c.u(-0.6, 0.6, 3), strict=True)):
        d = ((c.x - ax) ** 2 + ((c.y - ay) / c.u(0.5, 1.0)) ** 2 + 1e-6).sqrt()
        there = 1.0 if k == 0 else c.coin(0.55)
        v = v + there * (d * f).cos() * (-d * c.u(0.6, 1.4)).exp()
    glint = 0.12 * (c.noise(c.x * 4, c.y * 8) - 0.5)
    return (0.42 + 0.42 * v + glint).clamp(0, 1), c.step(0.2, 0.9, v)


def rain(c: Canvas) -> Ink:
    """Slanting streaks of falling drops."""
    slant = c.u(-0.35, 0.35)
    v = 0.12 * c.fbm(c.x, c.y, 3)
    for k, f in enumerate((7.0, 12.0, 19.0)):
        x = (c.x + slant * c.y) * f
        lane = x.floor()
        speed = c.look(lane, 0 * lane + k)
        y = c.y * f * 0.16 * (1 + speed) + 9 * speed
        place = y - y.floor()
        there = (c.look(lane, y.floor(), 1) < 0.55).float()
        long = 0.35 + 0.3 * c.look(lane, y.floor(), 2)
        streak = c.bump(x - lane - 0.5, 0.17) * c.step(0, 0.05, place) * c.step(long, long * 0.3, place)
        v = c.top(v, streak * there * (0.95 - 0.22 * k))
    return v.clamp(0, 1), c.step(-0.5, 0.5, c.y)


PICTURES = {f.__name__: f for f in (flames, sea, clouds, lightning, smoke, bubbles, ripples, rain)}
