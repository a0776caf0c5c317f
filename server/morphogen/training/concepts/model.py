"""The image-text model: a small convolutional tower and a table of tokens; functions over a dict of tensors.

Two towers, so that the judge is no sibling of the guide: `conv` (residual 3x3 convolutions, SiLU, several scales
pooled; the guide) and `patch` (4x4 patches, depthwise 5x5, ReLU; the judge). No batch statistics: a picture's answer
never depends on its neighbours. Texts are sets of tokens: their vectors are added, bent by one hidden layer,
normalised.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

from morphogen.errors import UsageError
from morphogen.training.torches import need_torch

Tensor = Any
Params = dict[str, Tensor]
SIZE = 64  # pixels that a tower looks at
WIDTH = 256  # of the common space
CONV = {"conv": (40, 80, 160, 256), "tiny": (8, 16, 24, 32)}  # channels at 32, 16, 8, 4 px; tiny: for tests
PATCH = (96, 192)  # channels at 16, 8 px
BLOCKS = 3  # of the patch tower, each size


def new(arch: str, tokens: int, seed: int) -> Params:
    """Fresh weights, float32 on the CPU, the same for one seed. Raises UsageError for an unknown tower."""
    torch = need_torch()
    rng = torch.Generator().manual_seed(seed)
    params: Params = {}

    def weight(name: str, *shape: int, gain: float = 1.0) -> None:
        fan = math.prod(shape[1:])
        params[name] = torch.randn(shape, generator=rng) * gain * (2 / fan) ** 0.5

    def norm(name: str, width: int) -> None:
        params[f"{name}.scale"], params[f"{name}.shift"] = torch.ones(width), torch.zeros(width)

    for name, *shape in _shapes(arch):
        if len(shape) == 1:
            norm(name, shape[0])
        else:
            weight(name, *shape, gain=0.2 if name.endswith("last") else 1.0)
    params["text.table"] = torch.randn((tokens, WIDTH), generator=rng) * 0.5
    weight("text.wide", 2 * WIDTH, WIDTH)
    weight("text.narrow", WIDTH, 2 * WIDTH, gain=0.5)
    params["scale"] = torch.tensor(math.log(12.0))
    return params


def _shapes(arch: str) -> Iterator[tuple[Any, ...]]:
    """Names and shapes of the tower's weights; one number stands for a norm."""
    if arch in CONV:
        before, channels = 3, CONV[arch]
        for k, width in enumerate(channels):
            yield f"down{k}", width, before, 3, 3
            yield f"down{k}.norm", width
            yield f"block{k}.first", width, width, 3, 3
            yield f"block{k}.norm", width
            yield f"block{k}.last", width, width, 3, 3
            yield f"block{k}.after", width
            before = width
        yield "head", WIDTH, sum(channels[1:]) + channels[-1]
    elif arch == "patch":
        before, kernel = 3, 4
        for k, width in enumerate(PATCH):
            yield f"down{k}", width, before, kernel, kernel
            yield f"down{k}.norm", width
            for j in range(BLOCKS):
                yield f"block{k}.{j}.deep", width, 1, 5, 5
                yield f"block{k}.{j}.norm", width
                yield f"block{k}.{j}.wide", 3 * width, width, 1, 1
                yield f"block{k}.{j}.last", width, 3 * width, 1, 1
            before, kernel = width, 2
        yield "head", WIDTH, 2 * PATCH[-1]
    else:
        raise UsageError(f"there is no tower {arch!r}.", "Known: conv, patch, tiny.")


def arch_of(params: Params) -> str:
    """The tower that these weights are for."""
    if "block0.0.deep" in params:
        return "patch"
    return "tiny" if params["down0"].shape[0] == CONV["tiny"][0] else "conv"


def _norm(params: Params, name: str, value: Tensor, groups: int = 8) -> Tensor:
    torch = need_torch()
    return torch.nn.functional.group_norm(value, groups, params[f"{name}.scale"], params[f"{name}.shift"])


def _conv(params: Params, pictures: Tensor) -> Tensor:
    f = need_torch().nn.functional
    value, pooled = pictures, []
    for k in range(len(CONV["conv"])):
        value = f.silu(_norm(params, f"down{k}.norm", f.conv2d(value, params[f"down{k}"], stride=2, padding=1)))
        inner = f.silu(_norm(params, f"block{k}.norm", f.conv2d(value, params[f"block{k}.first"], padding=1)))
        value = f.silu(value + _norm(params, f"block{k}.after", f.conv2d(inner, params[f"block{k}.last"], padding=1)))
        pooled += [value.mean((2, 3))] if k else []
    return need_torch().cat([*pooled, value.amax((2, 3))], 1)


def _patch(params: Params, pictures: Tensor) -> Tensor:
    f = need_torch().nn.functional
    value, stride = pictures, 4
    for k, width in enumerate(PATCH):
        value = _norm(params, f"down{k}.norm", f.conv2d(value, params[f"down{k}"], stride=stride), 1)
        for j in range(BLOCKS):
            name = f"block{k}.{j}"
            inner = _norm(params, f"{name}.norm", f.conv2d(value, params[f"{name}.deep"], padding=2, groups=width), 1)
            value = value + f.conv2d(f.relu(f.conv2d(inner, params[f"{name}.wide"])), params[f"{name}.last"])
        stride = 2
    return need_torch().cat([value.mean((2, 3)), value.amax((2, 3))], 1)


TOWERS: dict[str, Callable[[Params, Tensor], Tensor]] = {"conv": _conv, "tiny": _conv, "patch": _patch}


def look(params: Params, pictures: Tensor) -> Tensor:
    """Pictures (n, 3, 64, 64) in 0..1 to unit vectors (n, WIDTH), float32."""
    f = need_torch().nn.functional
    pooled = TOWERS[arch_of(params)](params, (pictures - 0.4) / 0.3)
    return f.normalize(f.linear(pooled, params["head"]).float(), dim=1)


def read(params: Params, sets: Tensor) -> Tensor:
    """Sets of tokens (m, tokens), weights 0..1 (or more for emphasis), to unit vectors (m, WIDTH)."""
    f = need_torch().nn.functional
    value = sets @ params["text.table"]
    bent = f.linear(f.gelu(f.linear(value, params["text.wide"])), params["text.narrow"])
    return f.normalize((value + bent).float(), dim=1)


def shrink(pictures: Tensor, size: int = SIZE) -> Tensor:
    """The middle square of pictures (n, 3, h, w), averaged or interpolated to size x size; differentiable."""
    f = need_torch().nn.functional
    high, wide = pictures.shape[2:]
    if high != wide:
        side = min(high, wide)
        top, left = (high - side) // 2, (wide - side) // 2
        pictures = pictures[:, :, top : top + side, left : left + side]
    side = pictures.shape[2]
    if side == size:
        return pictures
    if side % size == 0:
        return f.avg_pool2d(pictures, side // size)
    return f.interpolate(pictures, (size, size), mode="bilinear", antialias=side > size, align_corners=False)


@functools.cache
def count(arch: str, tokens: int) -> int:
    """Number of parameters."""
    return sum(value.numel() for value in new(arch, tokens, 0).values())
