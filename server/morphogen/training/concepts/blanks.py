"""Pictures of nothing: random networks (`abstract`) and blank or nearly blank ones (`empty`).

A style is a small random network before it is trained, so a guide must not take one for a galaxy; and a guide must not
be pleased by darkness: one that never saw it ranked a black picture first (std .011 for "neurons").
"""

from __future__ import annotations

from typing import Any

import numpy as np

from morphogen.training.concepts.canvas import TAU, Canvas
from morphogen.training.concepts.paint import choose, paint

Tensor = Any


def draw(kind: str, n: int, size: int, key: tuple[int, ...], device: str) -> tuple[Tensor, list[set[str]], bool]:
    """Pictures, tokens, whether the tokens are all that could be said."""
    c = Canvas(n, size, key, device)
    tokens = [{f"structure:{kind}"} for _ in range(n)]
    if kind == "abstract":
        return networks(c), tokens, False
    return empty(c), tokens, False


def networks(c: Canvas) -> Tensor:
    """Random CPPNs of several widths, gains and heads."""
    torch = c.torch
    x, y = c.turn(c.x, c.y, c.u(-np.pi, np.pi))
    zoom = c.u(0.35, 1.6)
    x, y = x * zoom, y * zoom
    grid = torch.stack([x, y, (x * x + y * y + 1e-9).sqrt(), 1 + 0 * x, c.u(-1, 1) + 0 * x], 1)
    layers, width, gain = (
        int(c.rng.integers(2, 5)),
        int(c.rng.choice([4, 8, 12])),
        float(c.rng.choice([1.5, 2.0, 3.0, 5.0])),
    )
    value = grid.flatten(2)
    for layer in range(layers):
        value = _layer(c, value, width, gain, layer)
    out = _layer(c, value, 3, 2.5, -1).view(c.n, 3, c.size, c.size)
    rgb = (out + c.u(-1.5, 0.5)[:, None]).sigmoid()
    wear = choose(c.rng, "abstract", c.n, (), frozenset())
    inked = paint(c.rng, wear, rgb[:, 0] * 1.2, rgb[:, 1], "near")
    return torch.where((c.u() < 0.5)[:, None], inked, rgb)


def _layer(c: Canvas, value: Tensor, width: int, gain: float, kind: int) -> Tensor:
    """One layer of n different networks: (n, in, pixels) to (n, width, pixels)."""
    torch, fan = c.torch, value.shape[1]
    limit = gain * (6 / (fan + width)) ** 0.5
    weight = c.rng.uniform(-limit, limit, (c.n, width, fan)).astype(np.float32)
    bias = c.rng.uniform(-1.5, 1.5, (c.n, width, 1)).astype(np.float32)
    out = torch.baddbmm(torch.from_numpy(bias).to(c.device), torch.from_numpy(weight).to(c.device), value)
    if kind < 0:
        return out
    return (out.sin(), out.cos(), (-out * out).exp(), out.tanh())[
        int(c.rng.integers(4)) if c.rng.random() < 0.5 else kind % 4
    ]


def empty(c: Canvas) -> Tensor:
    """One colour, a soft gradient, faint noise, or a picture that has all but faded."""
    torch = c.torch
    base = torch.from_numpy(c.rng.random((c.n, 3, 1, 1), dtype=np.float32)).to(c.device)
    dark = c.coin(0.55)[:, None]
    base = torch.where(dark > 0.5, base * c.u(0, 0.12)[:, None], base)
    angle = c.u(0, TAU)
    slope = (c.x * angle.cos() + c.y * angle.sin())[:, None] * c.u(0, 0.06)[:, None]
    grain = torch.from_numpy(c.rng.standard_normal((c.n, 3, c.size, c.size), dtype=np.float32)).to(c.device)
    faint = (networks(c) - 0.5) * c.u(0.0, 0.06)[:, None]
    spot = (
        c.bump(((c.x - c.u(-1, 1)) ** 2 + (c.y - c.u(-1, 1)) ** 2).sqrt(), c.u(0.02, 0.2))[:, None]
        * c.u(0, 0.12)[:, None]
    )
    return (base + slope + grain * c.u(0, 0.02)[:, None] + faint + spot).clamp(0, 1)
