"""Training pictures of what is in the sky at night."""

from __future__ import annotations

from typing import Any

from morphogen.training.concepts.canvas import TAU, Canvas

Ink = Any  # a tensor, or a pair of them


def galaxy(c: Canvas) -> Ink:
    """Logarithmic spiral arms round a bright core, tilted."""
    x, y = c.x, c.y / c.u(0.45, 1.0)
    r = (x * x + y * y + 1e-6).sqrt()
    th = c.torch.atan2(y, x)
    winding = c.u(1.2, 3.2) * (1 - 2 * c.coin())
    phase = c.whole(2, 3) * (th + winding * (r + 0.06).log()) + c.u(0, TAU)
    arms = (0.5 + 0.5 * phase.cos()) ** c.u(1.0, 3.0)
    body = c.bump(r, c.u(0.5, 0.85))
    dust = 0.45 + 0.8 * c.fbm(x * 4, y * 4, 3)
    core = c.bump(r, c.u(0.08, 0.22))
    stars = c.sprinkle(c.x * 6, c.y * 6, 0.35) * c.coin(0.7)
    return (arms * body * dust * 0.95 + 0.12 * body + core + 0.7 * stars).clamp(0, 1), c.step(0.1, 0.7, r)


def nebula(c: Canvas) -> Ink:
    """Warped clouds of gas with bright rims and a few stars."""
    f = c.u(0.8, 1.6)
    wx = c.fbm(c.x * f + 3, c.y * f, 3, 1)
    wy = c.fbm(c.x * f, c.y * f + 5, 3, 2)
    gas = c.fbm(c.x * f + 2.2 * wx, c.y * f + 2.2 * wy, 5)
    rim = c.fbm(c.x * f * 1.5 + 2 * wy, c.y * f * 1.5 + wx, 4, 1, ridged=True)
    v = c.step(0.22, 0.95, gas) * (0.55 + 0.5 * wx) + 0.4 * rim * gas
    stars = c.sprinkle(c.x * 5, c.y * 5, 0.4, 0.03, 0.13)
    return (v + 0.9 * stars).clamp(0, 1), c.step(0.35, 0.65, wy)


def supernova(c: Canvas) -> Ink:
    """A ragged shell with rays that shoot through it, and a bright remnant."""
    shell = c.u(0.45, 0.75) * (0.8 + 0.4 * c.noise(c.x * 2.5 + 9, c.y * 2.5))
    knots = c.fbm(c.x * 4, c.y * 4, 4, 1, ridged=True)
    ring = c.bump(c.r - shell, c.u(0.06, 0.16)) * (0.4 + 0.9 * knots)
    beams = c.noise(c.th.cos() * 5 + 11, c.th.sin() * 5) * c.noise(c.th.cos() * 9, c.th.sin() * 9 + 5, 2)
    rays = c.step(0.15, 0.7, beams) * (-c.r / c.u(0.35, 0.7)).exp() * c.step(1.4, 0.3, c.r)
    core = c.bump(c.r, c.u(0.06, 0.16)) * 1.2
    filling = 0.25 * c.step(1.0, 0.0, c.r / shell) * knots
    stars = c.sprinkle(c.x * 6, c.y * 6, 0.25) * c.coin()
    return (ring + 1.1 * rays + core + filling + 0.6 * stars).clamp(0, 1), c.step(0.2, 0.8, c.r)


def black_hole(c: Canvas) -> Ink:
    """A dark disc with a thin ring of light and a bright tilted disc of matter around it."""
    size = c.u(0.18, 0.34)
    flat = c.u(0.12, 0.45)
    re = (c.x**2 + (c.y / flat) ** 2 + 1e-6).sqrt()
    swirl = 0.65 + 0.35 * (re * c.u(10, 26) + c.th).sin()
    disc = c.bump((re - size * 2.0).clamp(min=0), c.u(0.2, 0.45)) * c.step(size * 1.15, size * 1.5, re) * swirl
    disc = disc * (1 + c.u(-0.6, 0.6) * c.x / (c.r + 0.1))
    ring = c.bump(c.r - size * 1.12, c.u(0.025, 0.06)) + 0.6 * c.bump(c.r - size * 1.3, 0.1) * c.coin(0.7)
    hidden = c.step(size * 0.95, size * 1.05, c.r)
    front = (c.y < 0).float()
    v = ring * hidden + disc * c.top(hidden, front * 0.9)
    stars = c.sprinkle(c.x * 6, c.y * 6, 0.3) * c.coin(0.6) * c.step(size * 1.1, size * 1.4, c.r)
    return (v + 0.5 * stars).clamp(0, 1), c.step(size, size * 3, c.r)


def cosmic_web(c: Canvas) -> Ink:
    """Thin glowing filaments between knots, with large voids."""
    f = c.u(1.3, 2.4)
    wx, wy = c.noise(c.x * 2, c.y * 2, 2) - 0.5, c.noise(c.x * 2 + 8, c.y * 2, 3) - 0.5
    cell = c.cells(c.x * f + 0.5 * wx, c.y * f + 0.5 * wy)
    fine = c.cells(c.x * f * 2.1 + 5, c.y * f * 2.1)
    thin = c.u(0.04, 0.1)
    lines = c.bump(cell.edge, thin) + 0.5 * c.bump(fine.edge, thin * 1.2) * c.bump(cell.edge, 0.35)
    haze = 0.35 * (-cell.edge * 4).exp()
    knots = c.step(0.55, 0.95, cell.first) * c.bump(cell.edge, 0.16)
    patchy = 0.35 + 0.9 * c.fbm(c.x * 2, c.y * 2, 3, 3)
    return ((lines + haze) * patchy + knots).clamp(0, 1), c.noise(c.x * 1.5, c.y * 1.5)


def stars(c: Canvas) -> Ink:
    """Many points of light, some with crosses, sometimes a faint band."""
    f = c.u(2.5, 5.0)
    large = c.cells(c.x * f * 0.6 + 5, c.y * f * 0.6, 0.8)
    cross = c.bump(large.dx, 0.02) * c.bump(large.dy, 0.2) + c.bump(large.dy, 0.02) * c.bump(large.dx, 0.2)
    big = (cross + c.bump(large.first, 0.07)) * (large.tag < 0.4).float()
    v = c.sprinkle(c.x * f, c.y * f, 0.6, 0.05, 0.12) + 0.8 * c.sprinkle(c.x * f * 2 + 3, c.y * f * 2, 0.6, 0.08, 0.14)
    band = 0.3 * c.bump(c.y, 0.35) * c.fbm(c.x * 3, c.y * 3, 4) * c.coin(0.35)
    return (v + big * c.coin(0.6) + band).clamp(0, 1), c.noise(c.x * 4, c.y * 4, 2)


def planet(c: Canvas) -> Ink:
    """A ball lit from one side, with craters or bands, sometimes a ring."""
    size = c.u(0.4, 0.8)
    inside = c.step(size * 1.02, size * 0.97, c.r)
    z = (1 - (c.r / size) ** 2).clamp(min=0).sqrt()
    side = c.u(0, TAU)
    light = (0.25 + 0.75 * (z * c.u(0.1, 0.8) + (c.x * side.cos() + c.y * side.sin()) / size * 0.8)).clamp(0, 1)
    pits = c.cells(c.x / (z + 0.7) * 4, c.y / (z + 0.7) * 4)
    rock = 0.75 - 0.4 * c.bump(pits.first - 0.25, 0.08) - 0.35 * c.step(0.5, 0.7, c.fbm(c.x * 3, c.y * 3, 4))
    bands = 0.6 + 0.35 * (c.y / size * c.u(6, 14) + 2 * c.fbm(c.x * 2, c.y * 5, 3)).sin()
    ball = inside * light * c.either(c.coin(), rock, bands)
    re = (c.x**2 + (c.y / 0.25) ** 2 + 1e-6).sqrt() / size
    ring = c.step(1.2, 1.3, re) * c.step(1.9, 1.75, re) * (0.5 + 0.3 * (re * 40).sin()) * c.coin(0.35)
    ring = ring * (1 - inside * (c.y > 0).float())
    stars_ = 0.7 * c.sprinkle(c.x * 6, c.y * 6, 0.3) * (1 - inside) * c.coin(0.6)
    return c.top(ball, ring, stars_).clamp(0, 1), ring


def sun(c: Canvas) -> Ink:
    """A glowing disc with a corona."""
    size = c.u(0.25, 0.55)
    seething = 0.75 + 0.35 * c.fbm(c.x * 5, c.y * 5, 4)
    disc = c.step(size * 1.04, size * 0.96, c.r) * seething
    wave = c.noise(c.th.cos() * 3 + 4, c.th.sin() * 3) + 0.6 * c.noise(c.th.cos() * 9, c.th.sin() * 9, 1)
    corona = (-(c.r - size).clamp(min=0) / c.u(0.12, 0.35)).exp() * (0.35 + 0.5 * wave)
    return c.top(disc, 0.85 * corona).clamp(0, 1), c.step(0.9, 1.3, c.r / size)


def aurora(c: Canvas) -> Ink:
    """Hanging curtains of light with vertical streaks and a sharp lower edge."""
    v = c.u(0, 0.02) + 0 * c.x
    for k, start in enumerate(c.u(-0.8, 0.2, 3)):
        edge = start + 0.5 * (c.noise(c.x * 1.4 + 4 * k, start * 3 + 0 * c.x, k) - 0.5) + 0.12 * (c.x * 3 + k * 2).sin()
        height = c.y - edge
        streak = 0.35 + 0.75 * c.noise(c.x * 9 + 2 * height + 5 * k, 0.3 * height + k, 1)
        v = v + c.step(-0.05, 0.06, height) * (-height.clamp(min=0) / c.u(0.35, 0.7)).exp() * streak * c.u(0.5, 1.0)
    stars_ = 0.5 * c.sprinkle(c.x * 6, c.y * 6, 0.25) * c.coin()
    return (v + stars_).clamp(0, 1), c.step(-0.5, 0.8, c.y)


def comet(c: Canvas) -> Ink:
    """A bright head with a widening tail."""
    x, y = c.turn(c.x - c.u(-0.5, 0), c.y - c.u(-0.3, 0.3), c.u(-0.6, 0.6))
    width = 0.05 + c.u(0.08, 0.3) * x.clamp(min=0)
    tail = c.bump(y, width) * (-x.clamp(min=0) / c.u(0.5, 1.1)).exp() * c.step(-0.06, 0.05, x)
    streaky = 0.6 + 0.6 * c.noise(y / width * 3 + 9, x * 1.5)
    head = c.bump((x * x + y * y + 1e-6).sqrt(), c.u(0.06, 0.13)) * 1.3
    stars_ = 0.7 * c.sprinkle(c.x * 5, c.y * 5, 0.35)
    return (tail * streaky + head + stars_).clamp(0, 1), c.step(0.0, 0.8, x)


PICTURES = {
    f.__name__: f for f in (galaxy, nebula, supernova, black_hole, cosmic_web, stars, planet, sun, aurora, comet)
}
