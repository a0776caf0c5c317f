"""Second family: the sky at night, fire, water and air."""

from __future__ import annotations

from typing import Any

from morphogen.training.concepts.canvas import TAU, Canvas
from morphogen.training.concepts.far.tools import away, night, scatter, waves

Ink = Any


def galaxy(c: Canvas) -> Ink:
    """A disc twisted about its middle: the twist makes a bar into arms."""
    y = c.y / c.u(0.4, 0.95)
    r = away(c.x, y)
    px, py = c.turn(c.x, y, c.u(2.5, 5.0) * (1 - 2 * c.coin()) * (-r * 1.4).exp() * 1.6)
    bar = c.bump(py / (0.25 + 0.5 * r), c.u(0.25, 0.4))
    disc = (-r * c.u(1.8, 2.8)).exp()
    clumps = 0.6 + 0.8 * waves(c, c.x, c.y, 9, 2)
    v = bar * disc * 1.5 * clumps + 0.25 * disc + c.bump(r, 0.12) + 0.02 * px
    return (v + night(c, 12) * c.coin(0.7)).clamp(0, 1), c.step(0.15, 0.6, r)


def nebula(c: Canvas) -> Ink:
    """Billows lit from within, dark lanes, stars."""
    a = waves(c, c.x, c.y, 2.0, 4)
    b = waves(c, c.x + a, c.y - a, 2.5, 4)
    lanes = (2 * waves(c, c.x + 0.5 * b, c.y, 3.0, 3) - 1).abs()
    v = (0.2 + 1.1 * b * a) * (0.35 + 0.8 * lanes)
    return (v + night(c, 12, 0.022)).clamp(0, 1), c.step(0.35, 0.7, a)


def supernova(c: Canvas) -> Ink:
    """Debris on a broken ring, streamers outward, flash in the middle."""
    v = 0.9 * c.bump(c.r, c.u(0.07, 0.2)) + 0.25 * (-c.r * 3).exp()
    size = c.u(0.4, 0.7)
    rough = waves(c, c.x, c.y, 7, 3)
    v = v + c.bump(c.r - size * (0.85 + 0.35 * rough), 0.09) * (0.3 + 1.0 * rough)
    for angle, long, wide in zip(c.u(0, TAU, 12), c.u(0.5, 1.2, 12), c.u(0.01, 0.03, 12), strict=True):
        px, py = c.turn(c.x, c.y, angle)
        v = c.top(v, 0.8 * c.bump(py, wide + 0.02 * px.abs()) * c.step(long, 0.1, px) * (px > 0).float())
    return (v + night(c, 8) * c.coin()).clamp(0, 1), c.step(0.1, 0.8, c.r)


def black_hole(c: Canvas) -> Ink:
    """Matter on ellipses round a hole that swallows what lies behind it, with the light bent over the top."""
    hole = c.u(0.2, 0.32)
    px, py = c.turn(c.x, c.y, c.u(-0.3, 0.3))
    flat = away(px, py * c.u(2.5, 6))
    band = (-(flat - hole * 1.5).clamp(min=0) * c.u(2.5, 5)).exp() * c.step(hole * 1.1, hole * 1.6, flat)
    band = band * (0.7 + 0.3 * waves(c, flat * 3, 0 * flat, 6, 2))
    halo = (-(c.r - hole).abs() * c.u(10, 20)).exp()
    dark = c.step(hole, hole * 0.94, c.r)
    over = band * (py < 0).float()
    return (c.top((halo + band) * (1 - dark), over) + night(c, 9) * c.coin() * (1 - dark)).clamp(0, 1), c.step(
        0.3, 0.8, flat
    )


def cosmic_web(c: Canvas) -> Ink:
    """Points joined by faint glowing lines."""
    places = [(ax * 1.1, ay * 1.1) for ax, ay, _ in scatter(c, 11)]
    bend = 0.12 * (waves(c, c.x, c.y, 4, 2) - 0.5)
    x, y = c.x + bend, c.y - bend
    v = 0.05 + 0 * c.x
    for k, (ax, ay) in enumerate(places):
        v = c.top(v, 0.95 * c.bump(away(x - ax, y - ay), 0.05))
        for bx, by in places[k + 1 :]:
            d, _ = c.line(x, y, ax, ay, bx, by)
            close = c.step(1.0, 0.7, away(ax - bx, ay - by))
            v = c.top(v, close * (0.6 * c.bump(d, 0.018) + 0.25 * (-d * 14).exp()))
    return v.clamp(0, 1), waves(c, c.x, c.y, 2, 1)


def stars(c: Canvas) -> Ink:
    """Scattered lights of many sizes, the largest with spikes."""
    v = night(c, 34, 0.018)
    for ax, ay, _ in scatter(c, 4):
        dx, dy = (c.x - ax).abs(), (c.y - ay).abs()
        v = c.top(v, 0.03 / (0.03 + 6 * (dx * dy) ** 0.5 + away(dx, dy)) * 1.1 * c.step(0.35, 0.05, away(dx, dy)))
    return v.clamp(0, 1), waves(c, c.x, c.y, 5, 1)


def planet(c: Canvas) -> Ink:
    """A lit ball, crescent to full, with spots or zones."""
    size, angle = c.u(0.4, 0.75), c.u(0, TAU)
    px, py = c.turn(c.x, c.y, angle)
    disc = c.step(size, size * 0.96, c.r)
    night_side = away(px + c.u(0.1, 0.9) * size, py) / size
    lit = disc * c.step(0.75, 1.15, night_side)
    zones = 0.65 + 0.3 * (c.y * c.u(8, 16) + 3 * waves(c, c.x, c.y, 3, 2)).sin()
    spots = 0 * c.x
    for ax, ay, s in scatter(c, 7, -0.5, 0.5):
        spots = c.top(spots, c.step(0.12, 0.08, away(c.x - ax, c.y - ay) / (0.5 + s)))
    face = c.either(c.coin(), zones, 0.9 - 0.4 * spots)
    band = (
        c.step(0.1, 0.05, (away(c.x, c.y / 0.22) / size - 1.55).abs()) * c.coin(0.35) * (1 - disc * (c.y > 0).float())
    )
    return c.top(lit * face, 0.7 * band, night(c, 10) * (1 - disc) * c.coin()).clamp(0, 1), band


def sun(c: Canvas) -> Ink:
    """A ball of fire: bright limb to limb, prominences around."""
    size = c.u(0.28, 0.5)
    rim = size * (1 + 0.12 * (waves(c, c.th.cos() * 2, c.th.sin() * 2, 4, 2) - 0.5))
    disc = c.step(rim, rim * 0.94, c.r) * (0.75 + 0.3 * waves(c, c.x, c.y, 16, 2))
    spikes = 0.5 + 0.5 * waves(c, c.th.cos() * 3, c.th.sin() * 3, 5, 2)
    return c.top(disc, 0.8 * spikes * (size / (c.r + 1e-3)).clamp(0, 1) ** c.u(2, 4)).clamp(0, 1), c.step(
        1, 1.4, c.r / size
    )


def aurora(c: Canvas) -> Ink:
    """Ribbons that sway, each a fan of vertical light."""
    v = night(c, 10, 0.015) * 0.5
    for low, phase, k in zip(c.u(-0.7, 0.2, 3), c.u(0, TAU, 3), c.u(1.5, 3.5, 3), strict=True):
        h = c.y - low - 0.2 * (k * c.x + phase).sin() - 0.07 * (2.7 * k * c.x).sin()
        comb = 0.55 + 0.45 * (26 * c.x + 5 * (3 * c.x + phase).sin() + 3 * phase).sin()
        v = v + 0.75 * comb * c.torch.where(h > 0, (-h * 2.2).exp(), (h * 22).clamp(-20, 0).exp())
    return v.clamp(0, 1), c.step(-0.4, 0.7, c.y)


def comet(c: Canvas) -> Ink:
    """A ball with a fan of streaks behind it."""
    x, y = c.turn(c.x + c.u(0, 0.5), c.y, c.u(-0.6, 0.6))
    v = 1.2 * c.bump(away(x, y), c.u(0.06, 0.12))
    for lean, long in zip(c.u(-0.2, 0.2, 7), c.u(0.5, 1.4, 7), strict=True):
        v = c.top(v, c.bump(y - lean * x, 0.02 + 0.06 * x.abs()) * 0.85 * (1 - x / long).clamp(0, 1) * (x > 0).float())
    return (v + night(c, 12)).clamp(0, 1), c.step(0, 0.7, x)


def flames(c: Canvas) -> Ink:
    """A row of pointed tongues that lick upward."""
    v = 0 * c.x
    for at, high, wide in zip(c.u(-1, 1, 9), c.u(0.5, 1.7, 9), c.u(0.18, 0.42, 9), strict=True):
        t = ((c.y + 1.05) / high).clamp(0, 1.2)
        x = c.x - at - 0.16 * t * (5 * t + 7 * at).sin() - 0.06 * (waves(c, c.x, c.y - at, 5, 1) - 0.5)
        edge = wide * (1 - t).clamp(min=0) ** 0.8 * (0.6 + 0.8 * t)
        v = c.top(v, c.step(edge, edge * 0.1 - 0.02, x.abs()) * (1 - 0.5 * t) * (t < 1).float())
    return (v + 0.25 * (-(c.y + 1) * 1.5).exp()).clamp(0, 1), c.step(0.2, 0.7, v)


def sea(c: Canvas) -> Ink:
    """A heaving surface: curved swells that get finer to the far end."""
    depth = 1 / (1.25 - c.y).clamp(min=0.12)
    swell = 0 * c.x
    for k, turn, phase in zip(c.u(4, 11, 4), c.u(-0.4, 0.4, 4), c.u(0, TAU, 4), strict=True):
        swell = (
            swell
            + (k * (2.2 / depth * turn.cos() + c.x * turn.sin() * 1.5) + phase + 0.6 * (2 * c.x + phase).sin()).sin()
        )
    crest = c.step(1.2, 2.4, swell)
    return (0.36 + 0.14 * swell + 0.55 * crest).clamp(0, 1), crest


def clouds(c: Canvas) -> Ink:
    """Heaps of overlapping round puffs with flat lower sides."""
    v = 0 * c.x
    for ax, ay, s in scatter(c, 3, -0.8, 0.8):
        for bx, by, t in scatter(c, 8, -0.35, 0.35):
            d = away(c.x - ax - 1.4 * bx, c.y - ay - by.abs() * 0.9) / (0.1 + 0.16 * t + 0.08 * s)
            puff = c.step(1.15, 0.4, d) * c.step(-0.08, 0.06, c.y - ay + 0.03)
            v = c.top(v, puff * (0.7 + 0.3 * (c.y - ay) / 0.4).clamp(0.4, 1))
    return (v * (0.85 + 0.3 * waves(c, c.x, c.y, 8, 2))).clamp(0, 1), c.step(0.7, 0.4, v) * v


def lightning(c: Canvas) -> Ink:
    """A zigzag of straight pieces that throws off shorter ones."""
    v = 0 * c.x
    x, y = c.u(-0.4, 0.4), 0 * c.u() + 1.1
    for dx, dy, fork in zip(c.u(-0.28, 0.28, 8), c.u(0.2, 0.36, 8), c.u(-1, 1, 8), strict=True):
        bx, by = x + dx, y - dy
        d, _ = c.line(c.x, c.y, x, y, bx, by)
        v = c.top(v, c.bump(d, 0.02), 0.4 * (-d * 10).exp())
        e, _ = c.line(c.x, c.y, bx, by, bx + 0.4 * fork, by - 0.25)
        v = c.top(v, (fork.abs() > 0.55).float() * (0.7 * c.bump(e, 0.013) + 0.2 * (-e * 16).exp()))
        x, y = bx, by
    return (v + 0.15 * waves(c, c.x, c.y, 3, 2) * c.coin()).clamp(0, 1), c.step(0.9, 0.3, v)


def smoke(c: Canvas) -> Ink:
    """Ribbons that fold over one another, thin and translucent."""
    v = 0 * c.x
    for at, k, phase in zip(c.u(-0.5, 0.5, 5), c.u(2, 4.5, 5), c.u(0, TAU, 5), strict=True):
        x = at + 0.25 * (c.y + 1.3) * (k * c.y + phase).sin() + 0.12 * (2.3 * k * c.y + c.x * 3).sin()
        wide = 0.05 + 0.16 * (0.5 + 0.5 * (k * 1.7 * c.y + phase).cos())
        sheet = (c.x - x) / wide
        v = v + 0.33 * (-(sheet.abs())).exp() + 0.3 * c.bump(sheet - 0.9, 0.2)
    return (v * (0.6 + 0.6 * waves(c, c.x, c.y, 4, 3))).clamp(0, 1), waves(c, c.x, c.y, 2, 1)


def bubbles(c: Canvas) -> Ink:
    """Scattered circles with a rim, a gleam and a pale inside."""
    v = 0.06 + 0 * c.x
    for ax, ay, s in scatter(c, 14, -1.1, 1.1):
        size = 0.08 + 0.3 * s**2
        d = away(c.x - ax, c.y - ay)
        ball = (d < size).float() * (0.1 + 0.45 * (d / size) ** 5) + 0.7 * c.bump(d - size, 0.018)
        gleam = c.bump(away(c.x - ax - 0.4 * size, c.y - ay - 0.45 * size), size * 0.15)
        v = c.top(v, ball, gleam)
    return v.clamp(0, 1), c.step(-1, 1, c.y)


def ripples(c: Canvas) -> Ink:
    """Rings on a pond: packets of waves that have travelled a way."""
    v = 0 * c.x
    for k, (ax, ay, s) in enumerate(scatter(c, 3, -0.6, 0.6)):
        d = away(c.x - ax, (c.y - ay) * c.u(1.0, 1.8))
        there = 1.0 if k == 0 else (s < 0.6).float()
        v = v + there * (c.u(14, 26) * d).sin() * c.bump(d - 0.3 - 0.3 * s, 0.4)
    return (0.4 + 0.4 * v + 0.1 * c.step(0.5, 1, v)).clamp(0, 1), c.step(0, 0.8, v)


def rain(c: Canvas) -> Ink:
    """Many thin parallel strokes."""
    v, lean = 0.06 + 0 * c.x, c.u(-0.4, 0.4)
    for ax, ay, s in scatter(c, 42, -1.1, 1.1):
        long = 0.1 + 0.22 * s
        d, along = c.line(c.x, c.y, ax, ay, ax + lean * long, ay - long)
        v = c.top(v, c.bump(d, 0.012 + 0.006 * s) * (0.35 + 0.6 * along))
    return v.clamp(0, 1), 0 * c.x


PICTURES = {
    f.__name__: f
    for f in (
        galaxy, nebula, supernova, black_hole, cosmic_web, stars, planet, sun, aurora, comet, flames, sea, clouds,
        lightning, smoke, bubbles, ripples, rain,
    )
}  # fmt: skip
