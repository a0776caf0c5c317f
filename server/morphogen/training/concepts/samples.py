"""Training and test pictures with what can be said of them: structure, view, texture, colour, mood.

Deterministic by seed: the same random numbers on every device, pictures equal up to rounding. Both families of
generators go through here; only `ink` (the shape) and the way of painting differ.
"""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from morphogen.errors import UsageError
from morphogen.training.concepts import blanks
from morphogen.training.concepts.canvas import TAU, Canvas
from morphogen.training.concepts.paint import choose, haze, paint, plain
from morphogen.training.concepts.vocabulary import EXTRA_STRUCTURES, vocabulary

Tensor = Any
FAMILIES = ("near", "far")
HELD_OUT = 0.1  # of all pairs of a structure and a colour are never shown in training
OVERLAYS = ("stars", "rays", "bubbles", "dots", "rain", "lightning", "rings", "grid", "smoke", "nebula", "ripples")
MIXED = 0.12  # of the calls lay a second structure over half of their pictures
EFFECT = 0.05  # chance of each texture


@dataclass
class Batch:
    """pictures (n, 3, size, size) float 0..1; tokens: what is true of each; known: False where only the structure is
    known (so that nobody may conclude that the rest is absent)."""

    pictures: Tensor
    tokens: list[set[str]]
    known: bool = True


def pictures_of(family: str) -> dict[str, Any]:
    """Generators of a family. Raises UsageError."""
    if family not in FAMILIES:
        raise UsageError(f"there is no family of pictures {family!r}.", f"Known: {', '.join(FAMILIES)}.")
    from morphogen.training.concepts import far, near

    return near.PICTURES if family == "near" else far.PICTURES


@functools.cache
def held_out(structure: str, colour: str) -> bool:
    """Whether this pair is kept for the test of new combinations: one in ten, by a checksum, never a natural pair."""
    concept = vocabulary().concepts["structure"].get(structure)
    if concept is None or colour == "rainbow" or any(colour in scheme for scheme in concept.natural):
        return False
    return zlib.crc32(f"{structure}/{colour}".encode()) % 1000 < HELD_OUT * 1000


def draw(
    structure: str, n: int, size: int, seed: int, family: str = "near", colours: tuple[str, ...] = (),
    device: str = "cpu", fine: int = 1, plainly: bool = False, every_pair: bool = False,
) -> Batch:  # fmt: skip
    """n pictures of one structure. fine: drawn so much larger and averaged down; plainly: no effects, no mixtures,
    moderate views; colours: fixed main and second colour; every_pair: held-out pairs, too."""
    key = (seed, zlib.crc32(f"{family}/{structure}".encode()))
    if structure in EXTRA_STRUCTURES:
        return Batch(*blanks.draw(structure, n, size, key, device))
    c = Canvas(n, size * fine, key, device)
    tokens: list[set[str]] = [{f"structure:{structure}"} for _ in range(n)]
    _view(c, structure, tokens, plainly)
    x, y = c.x, c.y
    ink, share = _ink(c, structure, family)
    if not plainly and c.rng.random() < MIXED:
        other = str(c.rng.choice([name for name in OVERLAYS if name != structure]))
        c.place(x, y)
        over, its = _ink(c, other, family)
        half = n // 2
        ink[:half], share[:half] = c.top(ink[:half], 0.9 * over[:half]), c.torch.where(
            over[:half] > ink[:half], 1 - share[:half].round(), share[:half]) + 0 * its[:half]  # fmt: skip
        for held in tokens[:half]:
            held.add(f"structure:{other}")
    if not plainly:
        ink = _ink_effects(c, ink, tokens)
    banned = frozenset() if every_pair else frozenset(name for name in plain() if held_out(structure, name))
    wear = choose(c.rng, structure, n, colours, banned)
    rgb = paint(c.rng, wear, ink, share, family)
    rgb = rgb if plainly else _finish(c, rgb, tokens, family)
    if fine > 1:
        rgb = c.torch.nn.functional.avg_pool2d(rgb, fine)
    return Batch(rgb.clamp(0, 1), [held | said for held, said in zip(tokens, wear.tokens, strict=True)])


def _ink(c: Canvas, structure: str, family: str) -> tuple[Tensor, Tensor]:
    answer = pictures_of(family)[structure](c)
    ink, share = answer if isinstance(answer, tuple) else (answer, 0 * answer)
    full = (c.n, c.size, c.size)
    return ink.expand(full).clone(), share.float().expand(full).clone()


def _some(c: Canvas, tokens: list[set[str]], token: str, chance: float = EFFECT) -> Tensor:
    """Mask (n, 1, 1) of the pictures that get an effect; their tokens are extended."""
    mask = c.rng.random(c.n) < chance
    for held, chosen in zip(tokens, mask, strict=True):
        if chosen:
            held.add(token)
    return c.torch.from_numpy(mask.astype(np.float32))[:, None, None].to(c.device)


def _view(c: Canvas, structure: str, tokens: list[set[str]], plainly: bool) -> None:
    """Place, turn, scale; then effects that bend the coordinates."""
    concept = vocabulary().concepts["structure"][structure]
    spread = 0.2 if concept.upright else np.pi
    x, y = c.turn(c.x, c.y, c.u(-spread, spread))
    if plainly:
        scale = c.u(0.8, 1.2)
    else:
        small, large = _some(c, tokens, "texture:small", 0.13), _some(c, tokens, "texture:large", 0.13)
        size = c.u(0.75, 1.3)
        scale = c.either(small, c.u(1.6, 2.4), c.either(large, c.u(0.4, 0.6), size))
        for held in tokens:
            if "texture:small" in held:
                held.discard("texture:large")
    x, y = (x + c.u(-0.25, 0.25)) * scale, (y + c.u(-0.25, 0.25)) * scale
    c.place(x, y)
    if not plainly:
        _bend(c, tokens)


def _bend(c: Canvas, tokens: list[set[str]]) -> None:
    pixel = _some(c, tokens, "texture:pixel", EFFECT / 2)
    many = c.u(9, 16)
    x, y = c.either(pixel, (c.x * many).round() / many, c.x), c.either(pixel, (c.y * many).round() / many, c.y)
    fold = _some(c, tokens, "texture:symmetric")
    sectors = c.whole(2, 5) * 2
    r, th = (x * x + y * y + 1e-9).sqrt(), c.torch.atan2(y, x)
    folded = c.tri(th * sectors / 2 / TAU) * TAU / sectors
    shift = c.u(0.0, 0.5)
    x, y = c.either(fold, r * folded.cos() - shift, x), c.either(fold, r * folded.sin() - shift, y)
    swirl = _some(c, tokens, "texture:swirled") * c.u(2.5, 5.0) * (1 - 2 * c.coin())
    x, y = c.turn(x, y, swirl * (-(x * x + y * y)).exp())
    wavy = _some(c, tokens, "texture:wavy") * c.u(0.08, 0.16)
    f, phase = c.u(6, 11), c.u(0, TAU)
    x, y = x + wavy * (f * y + phase).sin(), y + wavy * (f * x + phase).sin()
    warp = _some(c, tokens, "texture:warped") * c.u(0.5, 0.9)
    f = c.u(1.2, 2.0)
    x, y = x + warp * (c.noise(x * f, y * f, 2) - 0.5) * 2, y + warp * (c.noise(x * f + 9, y * f, 3) - 0.5) * 2
    c.place(x, y)


def _ink_effects(c: Canvas, ink: Tensor, tokens: list[set[str]]) -> Tensor:
    lines = _some(c, tokens, "texture:contours", EFFECT / 2)
    many = c.u(3, 6)
    ink = c.either(lines, ink * 0.3 + 0.7 * c.step(0.35, 0.5, c.tri(ink * many)), ink)
    sharp = _some(c, tokens, "texture:sharp")
    steps = c.whole(2, 3)
    ink = c.either(sharp, (ink * steps).round() / steps, ink)
    return c.either(_some(c, tokens, "texture:contrast"), c.step(0.15, 0.7, ink), ink)


def _finish(c: Canvas, rgb: Tensor, tokens: list[set[str]], family: str) -> Tensor:
    """Effects on the painted picture: softness, glow, grain, faintness; light that falls off (far)."""
    wide = max(3, c.size // 15) | 1
    hazy = haze(haze(rgb, wide), wide)
    rgb = rgb + (hazy - rgb) * _some(c, tokens, "texture:soft")[:, None]
    rgb = rgb + 0.9 * hazy * (1 - rgb) * _some(c, tokens, "texture:glow")[:, None]
    grain = c.torch.from_numpy(c.rng.standard_normal((c.n, 1, c.size, c.size), dtype=np.float32)).to(c.device)
    rgb = rgb + 0.14 * grain * _some(c, tokens, "texture:grainy")[:, None]
    mean = rgb.mean((1, 2, 3), keepdim=True)
    rgb = rgb + (0.65 * (mean + 0.12) - 0.65 * rgb) * _some(c, tokens, "texture:faint")[:, None]
    if family == "far":
        fall = 1 - c.u(0, 0.45)[:, None] * (c.torch.linspace(-1, 1, c.size, device=c.device)[None, None, :, None] ** 2)
        rgb = rgb * fall
    return rgb
