"""Training of the image-text model: a pool of fresh pictures, contrast with every true sentence, hardening at the end.

Loss: softmax contrast both ways between pictures and sentences, where *every* sentence that is true of a picture
counts as a match (sets of tokens make that exact), and the same against all single structures and colours. In the last
part pictures are pushed a little towards a wrong answer first (two steps of projected gradient ascent, L2), which
makes the guide's gradients look like what they mean (perceptually aligned gradients; CLIPAG, arXiv 2306.16805).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from morphogen.clock import Clock, WallClock
from morphogen.training.concepts import model
from morphogen.training.concepts.samples import draw
from morphogen.training.concepts.vocabulary import EXTRA_STRUCTURES, vocabulary
from morphogen.training.torches import need_torch

Tensor = Any
ALL = ("structure", "colour", "ground", "texture", "mood")
KEEP = {"structure": 0.85, "colour": 0.6, "ground": 0.3, "texture": 0.5, "mood": 0.5}  # chance to be said of a picture


@dataclass(frozen=True)
class Plan:
    """One training. Ends after `steps` or, if that comes first, `seconds` (0: no limit)."""

    arch: str = "conv"
    family: str = "near"
    seed: int = 1
    steps: int = 6000
    seconds: float = 0.0
    batch: int = 1024
    pool: int = 768  # pictures kept of each structure
    fresh: int = 256  # drawn anew at a time: 0.12 s on a card, as long as five steps
    every: int = 1  # steps between
    rate: float = 2e-3
    hard: float = 0.3  # share of the time with hardened pictures
    reach: float = 1.0  # how far these are pushed (L2 over a 64 px picture)
    structures: tuple[str, ...] = ()  # () = all
    device: str = "cpu"


class Pool:
    """Pictures in memory, bytes, with their token sets; renewed piece by piece."""

    def __init__(self, plan: Plan) -> None:
        torch = need_torch()
        self.plan, self.names = plan, plan.structures or (*vocabulary().concepts["structure"], *EXTRA_STRUCTURES)
        self.weights = np.array([3.0 if name in EXTRA_STRUCTURES else 1.0 for name in self.names])
        total, tokens = len(self.names) * plan.pool, len(vocabulary().tokens)
        self.pictures = torch.zeros((total, 3, model.SIZE, model.SIZE), dtype=torch.uint8, device=plan.device)
        self.sets = torch.zeros((total, tokens), device=plan.device)
        self.known = torch.ones(total, dtype=torch.bool, device=plan.device)
        self.drawn = 0
        self.at = [0] * len(self.names)
        for k in range(len(self.names)):
            for _ in range(max(1, plan.pool // plan.fresh)):
                self.renew(k)

    def renew(self, k: int) -> None:
        """Draw new pictures of structure k over its oldest ones."""
        torch, plan = need_torch(), self.plan
        n = min(plan.fresh, plan.pool)
        self.drawn += 1
        seed = plan.seed * 1_000_003 + self.drawn
        batch = draw(self.names[k], n, model.SIZE, seed, plan.family, device=plan.device, fine=1 + seed % 2)
        place = k * plan.pool + (torch.arange(n, device=plan.device) + self.at[k]) % plan.pool
        self.at[k] = (self.at[k] + n) % plan.pool
        self.pictures[place] = (batch.pictures * 255).round().to(torch.uint8)
        self.sets[place] = sets_of(batch.tokens).to(plan.device)
        self.known[place] = batch.known

    def take(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """A batch: pictures float, sets, known. Nothings three times as often as any one structure."""
        torch, plan = need_torch(), self.plan
        kinds = rng.choice(len(self.names), plan.batch, p=self.weights / self.weights.sum())
        index = torch.from_numpy(kinds * plan.pool + rng.integers(0, plan.pool, plan.batch)).to(plan.device)
        return self.pictures[index].float() / 255, self.sets[index], self.known[index]


def sets_of(tokens: list[set[str]]) -> Tensor:
    """Token sets as rows of zeros and ones."""
    torch, index = need_torch(), vocabulary().index
    rows = np.zeros((len(tokens), len(index)), dtype=np.float32)
    for row, held in zip(rows, tokens, strict=True):
        row[[index[token] for token in held]] = 1
    return torch.from_numpy(rows)


def columns(kind: str) -> slice:
    """Where the tokens of a kind lie."""
    places = [k for k, token in enumerate(vocabulary().tokens) if token.startswith(f"{kind}:")]
    return slice(places[0], places[-1] + 1)


def sentences(sets: Tensor, known: Tensor, rng: Any) -> Tensor:
    """Part of what is true of each picture, as a set; never nothing. Of half-known ones the structure."""
    torch = need_torch()
    chance = torch.zeros(sets.shape[1], device=sets.device)
    for kind in ALL:
        chance[columns(kind)] = KEEP[kind]
    said = sets * (torch.rand(sets.shape, generator=rng, device=sets.device) < chance)
    said[:, columns("structure")] += sets[:, columns("structure")] * (said.sum(1, keepdim=True) == 0)
    return torch.where(known[:, None], said, sets)


def spoil(pictures: Tensor, rng: Any) -> Tensor:
    """Crops, flips, blur, noise, gamma, brightness; never hue, for colours are what sentences name."""
    torch = need_torch()
    f, n, device = torch.nn.functional, len(pictures), pictures.device

    def u(low: float, high: float) -> Tensor:
        return torch.rand((n, 1, 1, 1), generator=rng, device=device) * (high - low) + low

    zoom = torch.where(u(0, 1) < 0.6, u(0.6, 1.0), torch.ones_like(u(0, 1))).view(n)
    flip = torch.where(u(0, 1) < 0.5, 1.0, -1.0).view(n)
    theta = torch.zeros((n, 2, 3), device=device)
    theta[:, 0, 0], theta[:, 1, 1] = zoom * flip, zoom
    theta[:, 0, 2], theta[:, 1, 2] = u(-1, 1).view(n) * (1 - zoom), u(-1, 1).view(n) * (1 - zoom)
    grid = f.affine_grid(theta, list(pictures.shape), align_corners=False)
    pictures = f.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    pictures = torch.where(
        u(0, 1) < 0.25, f.avg_pool2d(f.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1), pictures
    )
    noise = torch.randn(pictures.shape, generator=rng, device=device) * u(0, 0.05)
    pictures = pictures + torch.where(u(0, 1) < 0.4, noise, torch.zeros_like(noise))
    return (pictures.clamp(1e-4, 1) ** u(0.75, 1.35) * u(0.85, 1.1)).clamp(0, 1)


def contrast(params: model.Params, seen: Tensor, sets: Tensor, known: Tensor, said: Tensor) -> Tensor:
    """The loss of vectors `seen` of pictures with `sets`, against sentences `said` and all single concepts."""
    torch = need_torch()
    scale = params["scale"].exp().clamp(max=30.0)

    def both(texts: Tensor, ways: tuple[int, ...]) -> Tensor:
        wanted = texts.sum(1)
        match = (sets @ texts.T) >= wanted - 0.5
        named = texts[:, columns("structure")].sum(1)
        wrong = sets[:, columns("structure")] @ texts[:, columns("structure")].T < named - 0.5
        open_ = ~known[:, None] & ~wrong & (wanted > named)[None, :]  # could be true: no judgement
        logits = (scale * seen @ model.read(params, texts).T).masked_fill(open_, -1e4)
        match = (match & ~open_).float()
        loss = 0.0
        for way in ways:
            share = match / match.sum(way, keepdim=True).clamp(min=1)
            rows = (match.sum(way) > 0).float()
            loss = loss - ((share * logits.log_softmax(way)).sum(way) * rows).sum() / rows.sum().clamp(min=1)
        return loss

    single = torch.eye(sets.shape[1], device=sets.device)
    loss = both(said, (0, 1)) + 0.7 * both(single[columns("structure")], (1,))
    return loss + 0.3 * both(single[columns("colour")], (1,)) + 0.2 * both(single, (0,))


def harden(
    params: model.Params, pictures: Tensor, loss_of: Callable[[Tensor], Tensor], reach: float, rng: Any
) -> Tensor:
    """Pictures pushed where the loss grows, by at most a random length up to `reach` in L2."""
    torch = need_torch()

    def length(value: Tensor) -> Tensor:
        return value.flatten(1).norm(dim=1)[:, None, None, None] + 1e-9

    limit = torch.rand((len(pictures), 1, 1, 1), generator=rng, device=pictures.device) * reach
    push = torch.randn(pictures.shape, generator=rng, device=pictures.device)
    push = push / length(push) * limit * 0.5
    for _ in range(2):
        push = push.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(loss_of((pictures + push).clamp(0, 1)), push)
        push = push.detach() + gradient / length(gradient) * limit * 0.7
        push = push * (limit / length(push)).clamp(max=1)
    return (pictures + push.detach()).clamp(0, 1)


def train(
    plan: Plan,
    say: Callable[[dict[str, float]], None] = lambda _: None,
    begin: model.Params | None = None,
    clock: Clock | None = None,
) -> model.Params:
    """Train a model, from `begin` if given; `say` gets a line of figures now and then. Returns averaged weights on the
    CPU, float32."""
    torch, clock = need_torch(), clock or WallClock()
    start = clock.now()
    begin = begin or model.new(plan.arch, len(vocabulary().tokens), plan.seed)
    params = {name: value.to(plan.device).clone() for name, value in begin.items()}
    mean = {name: value.clone() for name, value in params.items()}
    for value in params.values():
        value.requires_grad_(True)
    matrices = [value for value in params.values() if value.ndim > 1]
    others = [value for value in params.values() if value.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": 0.03}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, 0.98))
    pool, rng = Pool(plan), np.random.default_rng(plan.seed)
    dice = torch.Generator(device=plan.device).manual_seed(plan.seed)
    filled, step, done = clock.now() - start, 0, 0.0
    while done < 1:
        step += 1
        spent = clock.now() - start
        done = max(step / plan.steps, (spent - filled) / (plan.seconds - filled) if plan.seconds else 0.0)
        for group in optimiser.param_groups:
            group["lr"] = plan.rate * min(1.0, done / 0.04 + 0.01) * (0.5 + 0.5 * np.cos(np.pi * min(done, 1.0))) + 1e-6
        if step % plan.every == 0:
            pool.renew(step // plan.every % len(pool.names))
        loss = _step(
            replace(plan, hard=float(done > 1 - plan.hard and plan.hard > 0)), params, pool, optimiser, rng, dice
        )
        _average(mean, params, min(0.998, step / (step + 9)))
        if step % 100 == 1 or done >= 1:
            say({"step": step, "seconds": round(spent, 1), "done": round(done, 4), "loss": round(float(loss), 4)})
    return {name: value.detach().float().cpu() for name, value in mean.items()}


def _step(plan: Plan, params: model.Params, pool: Pool, optimiser: Any, rng: np.random.Generator, dice: Any) -> Tensor:
    """One update; plan.hard says whether this one is hardened."""
    torch = need_torch()
    pictures, sets, known = pool.take(rng)
    said = sentences(sets, known, dice)
    pictures = spoil(pictures, dice)

    def loss_of(shown: Tensor) -> Tensor:
        with torch.autocast(plan.device.split(":")[0], torch.bfloat16, enabled=plan.device != "cpu"):
            seen = model.look(params, shown)
        return contrast(params, seen, sets, known, said)

    if plan.hard:
        half = len(pictures) // 2
        hard = harden(params, pictures, loss_of, plan.reach, dice)
        pictures = torch.cat([hard[:half], pictures[half:]])
    loss = loss_of(pictures)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(list(params.values()), 1.0)
    optimiser.step()
    return loss.detach()


def _average(mean: model.Params, params: model.Params, keep: float) -> None:
    torch = need_torch()
    with torch.no_grad():
        torch._foreach_lerp_(list(mean.values()), [value.detach() for value in params.values()], 1 - keep)
