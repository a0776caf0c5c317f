"""Training pictures of stone, sand, ice, wood and land, and of paint and broken screens."""

from __future__ import annotations

from typing import Any

from morphogen.training.concepts.canvas import TAU, Canvas

Ink = Any


def crystal(c: Canvas) -> Ink:
    """Flat facets with sharp edges, or shards that stand out from a middle."""
    radial = c.coin(0.4)
    f = c.u(1.4, 2.6)
    x = c.either(radial, c.th / TAU * 12, c.x * f + 0.4 * c.y)
    y = c.either(radial, c.r * 1.2, c.y * f)
    cell = c.cells(x, y)
    lean = cell.tag * TAU
    facet = 0.4 + 0.4 * (cell.other - 0.3) + 0.5 * (cell.dx * lean.cos() + cell.dy * lean.sin())
    edge = c.bump(cell.edge, 0.05) * c.u(0.3, 0.9)
    fade = c.either(radial, c.step(1.15, 0.75, c.r + 0.3 * (cell.tag - 0.5)), 1 + 0 * c.x)
    return ((facet + edge) * fade).clamp(0, 1), (cell.other > 0.6).float()


def dunes(c: Canvas) -> Ink:
    """Sand: long crests with a lit and a shaded side, and fine ripples."""
    bend = 0.7 * c.fbm(c.x * 0.9, c.y * 1.4, 3)
    rows = c.y * c.u(1.2, 2.2) + bend + 0.25 * (c.x * 1.5).sin()
    place = rows - rows.floor()
    shade = c.either((place < 0.68), 0.45 + 0.55 * place / 0.68, 0.25 + 0.3 * (1 - place) / 0.32)
    fine = 0.08 * ((rows * 9 + c.x * c.u(2, 5) + 3 * c.noise(c.x * 2, c.y * 2)) * TAU).sin()
    return (shade + fine * c.coin(0.7)).clamp(0, 1), c.step(0.6, 0.75, place)


def marble(c: Canvas) -> Ink:
    """Stone with thin turbulent veins."""
    f, turn = c.u(1.0, 2.0), c.u(0, TAU)
    x, y = c.turn(c.x, c.y, turn)
    storm = c.fbm(x * f, y * f, 5) * c.u(2.5, 4.5)
    vein = (x * f * 1.5 + storm) * 1.2
    line = (-c.near(vein) / c.u(0.06, 0.14)).exp() + 0.5 * (-c.near(vein * 1.9 + 0.3) / 0.06).exp()
    light = c.coin(0.6)
    ground = 0.25 + 0.3 * c.fbm(x * 2, y * 2, 4, 1)
    return (light * (0.95 - 0.75 * line - 0.3 * (ground - 0.3)) + (1 - light) * (ground * 0.6 + 0.8 * line)).clamp(
        0, 1
    ), line.clamp(0, 1)


def wood(c: Canvas) -> Ink:
    """Grain: long wavering lines round knots."""
    x, y = c.x, c.y * c.u(0.25, 0.4)
    bend = 0.3 * (c.noise(x * 1.2, y * 2.5) - 0.5)
    knot = ((x - c.u(-0.6, 0.6)) ** 2 + ((c.y - c.u(-0.6, 0.6)) / 1.8) ** 2 + 1e-6).sqrt()
    bulge = c.coin(0.7) * 0.35 * (-knot * 3.5).exp()
    rings = (x + bend + bulge) * c.u(5, 10)
    place = rings - rings.floor()
    pores = c.noise(x * 45, y * 5, 1) * c.noise(x * 20, y * 3 + 5, 2)
    dark = c.coin(0.5) * c.bump(knot, 0.12) * 0.3
    return (0.8 - 0.4 * place**2 - 0.35 * pores - dark).clamp(0, 1), place


def lava(c: Canvas) -> Ink:
    """Dark crust, torn by glowing cracks."""
    f = c.u(1.2, 2.2)
    wx, wy = c.fbm(c.x * 2, c.y * 2, 3, 2) - 0.5, c.fbm(c.x * 2 + 4, c.y * 2, 3, 3) - 0.5
    cell = c.cells(c.x * f + 0.9 * wx, c.y * f + 0.9 * wy)
    hot = (-cell.edge / c.u(0.08, 0.22)).exp()
    pools = c.step(0.55, 0.75, c.fbm(c.x * 1.2, c.y * 1.2, 4))
    crust = 0.14 + 0.16 * c.fbm(c.x * 7, c.y * 7, 3, 1)
    return (c.top(hot, pools * 0.85) + crust * (1 - hot)).clamp(0, 1), c.step(0.3, 0.9, hot)


def mountains(c: Canvas) -> Ink:
    """Ranges one before the other, paler with distance."""
    v, snow = c.u(0.0, 0.25) + 0.1 * c.y, 0 * c.x
    for k in range(4):
        ridge = c.fbm(c.x * (1.1 + 0.5 * k) + 9 * k, 0 * c.x + 3 * k, 5, k, ridged=k % 2 == 0)
        top = 0.55 - 0.42 * k + 0.7 * ridge - 0.25
        below = c.step(0, 0.02, top - c.y)
        face = 0.1 * c.fbm(c.x * 6 + c.y * 4, c.y * 3, 3)
        v = v + (0.35 + 0.17 * k + face - v) * below
        snow = snow * (1 - below) + below * c.step(0.25, 0.0, top - c.y) * (k < 2)
    return (v + 0.2 * snow * c.coin()).clamp(0, 1), snow


def cracks(c: Canvas) -> Ink:
    """Dry ground or broken glass: plates with thin dark gaps."""
    f = c.u(1.5, 3.2)
    wx = 0.25 * (c.fbm(c.x * 4, c.y * 4, 3, 2) - 0.5)
    cell = c.cells(c.x * f + wx, c.y * f - wx)
    gap = c.step(0.09, 0.02, cell.edge)
    hair = c.bump(c.cells(c.x * f * 2.3 + 4, c.y * f * 2.3).edge, 0.04) * 0.4 * c.coin()
    plate = 0.6 + 0.25 * (cell.tag - 0.5) + 0.15 * c.fbm(c.x * 8, c.y * 8, 3)
    return (plate * (1 - gap) * (1 - hair)).clamp(0, 1), cell.tag


def watercolor(c: Canvas) -> Ink:
    """Washes with soft insides and darker borders on paper."""
    f = c.u(0.7, 1.2)
    wx, wy = c.fbm(c.x * 3, c.y * 3, 4, 1) - 0.5, c.fbm(c.x * 3 + 5, c.y * 3, 4, 2) - 0.5
    v, tint = 0 * c.x, 0 * c.x
    for k in range(3):
        wash = c.noise((c.x + 0.35 * wx) * f + 4 * k, (c.y + 0.35 * wy) * f + 7 * k, k)
        edge = c.u(0.4, 0.6)
        blot = c.step(edge, edge + 0.06, wash) * (0.35 + 0.2 * wx) + 0.22 * c.bump(wash - edge - 0.03, 0.03)
        v = v + blot * (1 - 0.4 * v)
        tint = tint + blot * (k == 1)
    paper = 0.06 * c.noise(c.x * 25, c.y * 25, 3)
    return (v + paper).clamp(0, 1), (1.6 * tint).clamp(0, 1)


def glitch(c: Canvas) -> Ink:
    """Torn rows, blocks out of place, scan lines."""
    row = (c.y * c.u(5, 12)).floor()
    shift = (c.look(row, 0 * row) - 0.5) * (c.look(row, 0 * row + 1) < 0.6).float()
    x = c.x + 1.2 * shift
    blocks = c.look((x * c.u(1.5, 4)).floor() + 0 * row, (c.y * c.u(7, 16)).floor(), 1)
    bars = c.look((x * 12).floor(), row, 2) ** 3
    picture = c.noise(x * 2.2, c.y * 2.2, 3)
    v = 0.5 * c.step(0.45, 0.6, picture) + 0.7 * (blocks > 0.78).float() + 0.5 * bars * (blocks < 0.25).float()
    lines = 1 - 0.35 * c.coin(0.7) * (0.5 + 0.5 * (c.y * c.u(60, 100)).sin())
    return (v * lines).clamp(0, 1), c.step(0.48, 0.52, c.look(row + 3, (x * 2).floor(), 0))


def skyline(c: Canvas) -> Ink:
    """A city: towers with lit windows."""
    v, lit = 0.25 * c.step(0.9, -0.8, c.y) * c.coin(), 0 * c.x
    for k in range(3):
        f = c.u(3.0, 5.0) + k
        x = c.x * f + 7 * k
        tower = x.floor()
        high = 0.55 - 0.35 * k + 0.8 * (c.look(tower, 0 * tower + k) - 0.5)
        place = x - tower
        wide = 0.06 + 0.12 * c.look(tower, 0 * tower + 9, 1)
        wall = (c.y < high).float() * (place > wide).float() * (place < 1 - wide).float()
        wx, wy = place * 6, c.y * 15
        window = (
            (c.look(tower * 7 + wx.floor(), wy.floor() + k, 2) < 0.42).float()
            * (wx - wx.floor() > 0.35).float()
            * (wy - wy.floor() > 0.4).float()
        )
        v = v + (0.12 + 0.08 * k + 0.8 * window - v) * wall
        lit = lit + (window - lit) * wall
    return v.clamp(0, 1), lit


PICTURES = {f.__name__: f for f in (crystal, dunes, marble, wood, lava, mountains, cracks, watercolor, glitch, skyline)}
