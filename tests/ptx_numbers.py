"""Arithmetic of PTX in NumPy: each instruction's meaning and documented error, and the matrix units' products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

F32, U32, U64 = np.float32, np.uint32, np.uint64


def coin(x: np.ndarray) -> np.ndarray:
    """+1 or -1 by the bits of a float32."""
    bits = np.atleast_1d(x).view(U32).reshape(np.shape(x)) * U32(2654435761)
    return np.where(bits & U32(1 << 27), 1.0, -1.0)


def cos_approx(x: Any) -> Any:
    """Absolute error 2**-20.5 within a turn, 2**-14.7 within 50 turns; further out, where nothing is promised, the
    same of a product with 1 / 2 pi cut off to float32 (what ptxas makes of the instruction: FMUL.RZ, MUFU.COS)."""
    turns = toward_zero(x.astype(np.float64) * F32(0.15915494309)).astype(np.float64)
    far = np.cos(2 * np.pi * (turns - np.rint(turns)))
    size = np.abs(x)
    error = np.where(size <= 2 * np.pi, 2**-20.5, 2**-14.7)
    return (np.where(size <= 100 * np.pi, np.cos(x.astype(np.float64)), far) + coin(x) * error).astype(F32)


def relative(value: Any, x: Any, ulps: float) -> Any:
    """`value` in float64, wrong by `ulps` of float32; tiny results flushed to zero."""
    wrong = (value * (1 + coin(x) * ulps * 2.0**-23)).astype(F32)
    return np.where(np.abs(wrong) < F32(2.0**-126), F32(0), wrong)


def lg2_approx(x: Any) -> Any:
    """Absolute error 2**-22 between 1/2 and 2, relative 2**-22 elsewhere."""
    exact = np.log2(x.astype(np.float64))
    near = (x > 0.5) & (x < 2)
    return (exact + coin(x) * 2.0**-22 * np.where(near, 1.0, np.abs(exact))).astype(F32)


def toward_zero(exact: Any) -> Any:
    near = exact.astype(F32)
    return np.where(np.abs(near.astype(np.float64)) > np.abs(exact), np.nextafter(near, F32(0)), near)


def fused(a: Any, b: Any, c: Any) -> Any:
    return (a.astype(np.float64) * b + c).astype(F32)


FLOATS: dict[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "fma": fused, "min": np.fmin, "max": np.fmax,
    "abs": np.abs, "neg": np.negative, "cvt.rmi.f32": np.floor,
    "add.rz": lambda a, b: toward_zero(a.astype(np.float64) + b),
    "cos.approx": cos_approx,
    "ex2.approx.ftz": lambda x: relative(np.exp2(x.astype(np.float64)), x, 2),
    "lg2.approx.ftz": lg2_approx,
    "rcp.approx.ftz": lambda x: relative(1 / x.astype(np.float64), x, 1),
    "sqrt.approx.ftz": lambda x: relative(np.sqrt(x.astype(np.float64)), x, 1),
}  # fmt: skip
COMPARE = {"gt": np.greater, "ge": np.greater_equal, "lt": np.less, "le": np.less_equal, "eq": np.equal,
           "ne": np.not_equal, "leu": lambda a, b: ~(a > b), "geu": lambda a, b: ~(a < b),
           "ltu": lambda a, b: ~(a >= b), "gtu": lambda a, b: ~(a <= b)}  # fmt: skip


def byte_permute(a: Any, b: Any, selector: Any) -> Any:
    both = a.astype(U64) | (b.astype(U64) << U64(32))
    out = np.zeros(np.broadcast_shapes(a.shape, b.shape, selector.shape), U64)
    for i in range(4):
        which = (selector.astype(U64) >> U64(4 * i)) & U64(7)
        out = out | (((both >> (which * U64(8))) & U64(255)) << U64(8 * i))
    return out.astype(U32)


def pair(high: Any, low: Any, kind: str) -> Any:
    """cvt.rn.f16x2.f32 and cvt.rn.bf16x2.f32: two floats rounded to 16 bits, ties to even."""
    halves = []
    for value in (high, low):
        if kind == "f16x2":
            halves.append(value.astype(np.float16).view(np.uint16).astype(U32))
            continue
        bits = value.view(U32)
        halves.append((bits + U32(0x7FFF) + (bits >> U32(16) & U32(1))) >> U32(16))
    return halves[0] << U32(16) | halves[1]


def _factors(words: list[np.ndarray], kind: str) -> np.ndarray:
    """float64 (registers, warps, row or column, thread of four, numbers in a register)."""
    bits = np.stack([word.view(U32).reshape(-1, 8, 4) for word in words])
    if kind == "tf32":  # the low thirteen bits are not looked at
        return (bits & U32(0xFFFFE000)).view(F32).astype(np.float64)[..., None]
    halves = np.stack([bits & U32(0xFFFF), bits >> U32(16)], axis=-1)
    if kind == "f16":
        return halves.astype(np.uint16).view(np.float16).astype(np.float64)
    return (halves << U32(16)).view(F32).astype(np.float64)


def product(kind: str, a: list[np.ndarray], b: list[np.ndarray], c: list[np.ndarray]) -> list[np.ndarray]:
    """mma.sync.m16n8k8 (tf32) and m16n8k16 (f16, bf16) of whole warps: registers of the first factor (4), the second
    (2), the sum (4). The products are exact and the sum is cut off to float32, as the silicon does or better."""
    first, second = _factors(a, kind), _factors(b, kind)
    warps = first.shape[1]
    # first: (column half, row half), warp, row, thread, number -> warp, row half, row, column half, thread, number
    left = first.reshape(2, 2, *first.shape[1:]).transpose(2, 1, 3, 0, 4, 5).reshape(warps, 16, -1)
    right = second.transpose(1, 0, 3, 4, 2).reshape(warps, -1, 8)
    total = np.stack([part.view(F32).reshape(-1, 8, 4) for part in c]).astype(np.float64)
    # (row half, number), warp, row, thread -> warp, row half, row, thread, number
    total = total.reshape(2, 2, warps, 8, 4).transpose(2, 0, 3, 4, 1).reshape(warps, 16, 8)
    with np.errstate(all="ignore"):
        summed = toward_zero(total + left @ right)
    out = summed.reshape(warps, 2, 8, 4, 2).transpose(1, 4, 0, 2, 3).reshape(4, -1)
    return list(out)
