"""Branches in the code that is written for processors and cards: LLVM's blocks and phis, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def when(b: Any, condition: Any, otherwise: Sequence[Any], work: Callable[[], Sequence[Any] | None]) -> list[Any]:
    """Run `work` only where `condition` (an i1) holds. Returns its values, or `otherwise`, of the same types; None is
    no values. b: the `llvmlite.ir.IRBuilder`, left behind the branch."""
    then, joined, before = b.append_basic_block("then"), b.append_basic_block("joined"), b.block
    b.cbranch(condition, then, joined)
    b.position_at_end(then)
    values = work() or ()
    after = b.block
    b.branch(joined)
    b.position_at_end(joined)
    out = []
    for new, old in zip(values, otherwise, strict=True):
        phi = b.phi(new.type)
        phi.add_incoming(new, after)
        phi.add_incoming(old, before)
        out.append(phi)
    return out
