"""Training pictures of what one sees in a microscope and in a body."""

from __future__ import annotations

from typing import Any

from morphogen.training.concepts.canvas import TAU, Canvas

Ink = Any


def cells(c: Canvas) -> Ink:
    """Tissue: cells side by side with membranes and nuclei."""
    f = c.u(1.6, 3.2)
    wobble = 0.25 * (c.noise(c.x * 4, c.y * 4, 2) - 0.5)
    cell = c.cells(c.x * f + wobble, c.y * f - wobble, c.u(0.5, 0.9))
    wall = c.bump(cell.edge, c.u(0.07, 0.14))
    nucleus = c.step(0.24, 0.16, cell.first) * (0.6 + 0.4 * cell.tag)
    plasma = 0.25 + 0.2 * cell.tag + 0.12 * c.noise(c.x * 12, c.y * 12)
    bright = c.coin(0.6)
    return (plasma + bright * 0.6 * wall - (1 - bright) * 0.25 * wall + 0.55 * nucleus).clamp(0, 1), nucleus


def cell_division(c: Canvas) -> Ink:
    """One cell that pinches into two, each half with its nucleus."""
    gap, size = c.u(0.2, 0.5), c.u(0.3, 0.42)
    left = ((c.x + gap) ** 2 + c.y**2 + 1e-6).sqrt() - size
    right = ((c.x - gap) ** 2 + c.y**2 + 1e-6).sqrt() - size
    soft = c.u(0.06, 0.14)
    blend = (0.5 + 0.5 * (right - left) / soft).clamp(0, 1)
    body = right + (left - right) * blend - soft * blend * (1 - blend)
    body = body + 0.03 * (c.noise(c.x * 5, c.y * 5) - 0.5)
    wall = c.bump(body, c.u(0.02, 0.05))
    inside = c.step(0.02, -0.1, body)
    core = c.u(0.1, 0.17)
    nuclei = c.step(core * 1.2, core * 0.7, c.low(left, right) + size)
    fibres = c.bump(c.near(c.y * 7), 0.12) * c.step(gap, 0.0, c.x.abs()) * inside * c.coin(0.4)
    grain = 0.3 + 0.2 * c.noise(c.x * 10, c.y * 10)
    return (wall * 0.95 + inside * grain + 0.6 * nuclei + 0.25 * fibres).clamp(0, 1), nuclei


def microbes(c: Canvas) -> Ink:
    """Rods, balls and slippers that swim, some with tails."""
    f = c.u(1.2, 2.2)
    cell = c.cells(c.x * f, c.y * f, 0.7)
    px, py = c.turn(cell.dx, cell.dy, cell.tag * TAU)
    long = c.u(0.05, 0.2)
    fat = c.u(0.09, 0.15) * (0.8 + 0.4 * cell.other)
    px_ = px - px.clamp(-1, 1) * 0 - (px.clamp(min=0).minimum(long) - (-px).clamp(min=0).minimum(long))
    body = (px_**2 + py**2 + 1e-6).sqrt() - fat
    wall, inside = c.bump(body, 0.03), c.step(0.01, -0.05, body)
    wiggle = py - 0.04 * (px * 30).sin()
    tail = c.bump(wiggle, 0.018) * c.step(0, 0.03, px - long - fat) * c.step(0.5, 0.42, px) * c.coin(0.6)
    dots = c.step(0.05, 0.02, ((px + 0.04) ** 2 + py**2 + 1e-6).sqrt()) * c.coin()
    there = (cell.other < c.u(0.7, 1.0)).float()
    v = wall * 0.8 + inside * c.u(0.25, 0.6) + 0.6 * tail + 0.5 * dots
    return (v * there).clamp(0, 1), inside * c.step(0, 0.1, px)


def solvents(c: Canvas) -> Ink:
    """Ink that spreads in a liquid: soft fronts, fingers, fringes."""
    f = c.u(0.7, 1.3)
    wx, wy = c.fbm(c.x * f, c.y * f, 3, 1) - 0.5, c.fbm(c.x * f + 4, c.y * f, 3, 2) - 0.5
    x, y = c.x + 1.3 * wx, c.y + 1.3 * wy
    v, mixed = 0 * c.x, 0 * c.x
    for ax, ay, size in zip(c.u(-0.8, 0.8, 4), c.u(-0.8, 0.8, 4), c.u(0.2, 0.6, 4), strict=True):
        d = ((x - ax) ** 2 + (y - ay) ** 2 + 1e-6).sqrt()
        blot = c.step(size, size * 0.4, d) * 0.7 + 0.35 * c.bump(d - size, 0.05) * c.coin()
        v = c.top(v, blot)
        mixed = mixed + c.bump(d, size) * (ax > 0).float()
    return (v + 0.12 * c.fbm(x * 3, y * 3, 3)).clamp(0, 1), mixed.clamp(0, 1)


def neurons(c: Canvas) -> Ink:
    """Star-shaped cells with long forking arms."""
    v, soma = 0 * c.x, 0 * c.x
    spread, reach = c.coin(0.6) * 0.7, c.u(0.7, 1.2)
    for k, (ox, oy) in enumerate(zip(c.u(-1, 1, 2), c.u(-1, 1, 2), strict=True)):
        scale = 1.0 if k == 0 else 1.6
        x, y = (c.x - ox * spread) * scale, (c.y - oy * spread) * scale
        body = c.bump((x * x + y * y + 1e-6).sqrt(), c.u(0.07, 0.14)) * 1.1
        arms = 0 * c.x
        for i, start in enumerate(c.u(0, 1, 6)):
            px, py = c.turn(x, y, (i + 0.7 * start) / 6 * TAU)
            bend = 0.1 * (px * (3 + 3 * start) + 9 * start).sin() * px
            fork = (0.25 + 0.3 * start) * (px - reach * 0.45).clamp(min=0)
            width = 0.012 + 0.035 * (1 - px / reach).clamp(0, 1)
            line = c.bump((py - bend).abs() - fork, width)
            arms = c.top(arms, line * c.step(0.0, 0.05, px) * c.step(reach, reach * 0.85, px) * 0.85)
        keep = 1.0 if k == 0 else c.coin(0.5)
        v, soma = c.top(v, keep * c.top(arms, body)), c.top(soma, keep * body)
    sparks = 0.6 * c.sprinkle(c.x * 7, c.y * 7, 0.3, 0.06, 0.12) * c.coin(0.4)
    return (v + sparks).clamp(0, 1), soma.clamp(0, 1)


def branches(c: Canvas, levels: int, start: tuple[Any, Any], angle: Any, length: Any, width: Any, wide: Any) -> Any:
    """A binary tree of tapering limbs, as distance over width: 1 at the bark. 2**levels - 1 segments."""
    best = 9.0 + 0 * c.x
    limbs = [(*start, angle, length, width)]
    for _ in range(levels):
        after = []
        for ax, ay, turn, long, thick in limbs:
            bx, by = ax + turn.cos() * long, ay + turn.sin() * long
            distance, along = c.line(c.x, c.y, ax, ay, bx, by)
            best = c.low(best, distance / (thick * (1 - 0.3 * along)))
            for side in (-1, 1):
                fork = turn + side * wide * c.u(0.6, 1.3)
                after.append((bx, by, fork, long * c.u(0.62, 0.92), thick * 0.68))
        limbs = after
    return best


def vessels(c: Canvas) -> Ink:
    """Branching tubes that taper, entering from one side."""
    wx, wy = c.noise(c.x * 2.5, c.y * 2.5) - 0.5, c.noise(c.x * 2.5 + 6, c.y * 2.5) - 0.5
    c.place(c.x + 0.16 * wx, c.y + 0.16 * wy)
    at = (c.u(-1.2, -0.9) + 0 * c.x, c.u(-0.3, 0.3) + 0 * c.x)
    tube = branches(c, 5, at, c.u(-0.3, 0.3), c.u(0.5, 0.75), c.u(0.05, 0.085), c.u(0.35, 0.6))
    inside = c.step(1.15, 0.75, tube)
    round_ = (1 - tube.clamp(0, 1) ** 2).sqrt()
    glow = 0.3 * (-(tube - 1).clamp(min=0) * 0.5).exp()
    flesh = 0.12 * c.fbm(c.x * 3, c.y * 3, 3) * c.coin()
    return (inside * (0.45 + 0.5 * round_) + glow * (1 - inside) + flesh).clamp(0, 1), c.step(0.2, 0.9, round_)


def coral(c: Canvas) -> Ink:
    """Labyrinths as of brain coral: plane waves of one length in many directions."""
    k = c.u(9, 18)
    v = 0 * c.x
    for angle, phase in zip(c.u(0, TAU, 9), c.u(0, TAU, 9), strict=True):
        v = v + (k * (c.x * angle.cos() + c.y * angle.sin()) + phase).cos()
    edge = c.u(0.3, 1.6)
    return 0.08 + 0.85 * c.step(-edge, edge, v + c.u(-0.6, 0.6)), c.noise(c.x * 1.5, c.y * 1.5)


def mycelium(c: Canvas) -> Ink:
    """Fine threads that spread and branch from a middle, all over the picture."""
    v = 0 * c.x
    wx, wy = c.noise(c.x * 4, c.y * 4) - 0.5, c.noise(c.x * 4 + 5, c.y * 4, 1) - 0.5
    x, y = c.x + 0.22 * wx - c.u(-0.4, 0.4), c.y + 0.22 * wy - c.u(-0.4, 0.4)
    r, th = (x * x + y * y + 1e-6).sqrt(), c.torch.atan2(y, x)
    for k, many in enumerate((7, 13, 23, 37)):
        wander = 0.5 * (c.noise(r * 5 + 9 * k, th.cos() * 2 + k, k) - 0.5)
        lane = c.near(th / TAU * many + wander + c.u()) / many * TAU * r
        begins = c.step(0.1 + 0.2 * k, 0.2 + 0.24 * k, r)
        v = c.top(v, c.bump(lane, 0.016) * begins * (0.9 - 0.12 * k)) if k else c.bump(lane, 0.02) * 0.9
    knots = c.sprinkle(x * 6, y * 6, 0.35, 0.07, 0.12)
    return (v * c.step(1.7, 0.9, r) + 0.6 * knots + 0.3 * c.bump(r, 0.15)).clamp(0, 1), c.step(0, 1, r)


def tendrils(c: Canvas) -> Ink:
    """Thick flowing loops: contour lines of smooth noise, glowing."""
    f = c.u(0.7, 1.2)
    wx, wy = c.noise(c.x * f, c.y * f, 1), c.noise(c.x * f + 7, c.y * f, 2)
    flow = c.noise(c.x * f + 1.5 * wx, c.y * f + 1.5 * wy) * c.u(3, 6) + c.u()
    width = c.u(0.1, 0.2) * (0.5 + wx)
    line = c.bump(c.near(flow), width)
    return (line * (0.45 + 0.7 * wy) + 0.12 * wx).clamp(0, 1), c.step(0.3, 0.7, wx)


def helix(c: Canvas) -> Ink:
    """The double strand of DNA with its rungs."""
    x, y = c.turn(c.x, c.y, c.u(-1.2, 1.2))
    k, tall, phase = c.u(3.0, 5.5), c.u(0.25, 0.42), c.u(0, TAU)
    one, two = tall * (k * x + phase).sin(), tall * (k * x + phase + c.u(1.8, 3.2)).sin()
    deep = 0.7 + 0.3 * (k * x + phase).cos()
    wide = c.u(0.035, 0.07)
    strands = c.top(c.bump(y - one, wide) * deep, c.bump(y - two, wide) * (1.4 - deep))
    rung = (
        c.bump(c.near(x * c.u(4, 7)), 0.14)
        * c.step(0, 0.03, y - c.low(one, two))
        * c.step(0, 0.03, c.top(one, two) - y)
    )
    return c.top(strands, 0.55 * rung).clamp(0, 1), rung * (1 - strands).clamp(0, 1)


PICTURES = {
    f.__name__: f
    for f in (cells, cell_division, microbes, solvents, neurons, vessels, coral, mycelium, tendrils, helix)
}
