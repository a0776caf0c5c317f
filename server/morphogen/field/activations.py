"""Activations: one entry each, from which reference, compiled code, checks and docs derive.

Compiled code is fast because constants are folded out of it (`fold`): a unit's weights and bias are multiplied by
`scale` beforehand, so that sin works in turns and tanh on powers of two; what `emit` leaves out of the result
(`value = gain * emitted + shift`) is folded into the next layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from morphogen.field.graph import Node, cos_turns, op

LOG2E = math.log2(math.e)


@dataclass(frozen=True)
class Activation:
    """reference: float64 meaning of the pre-activation v. emit: graph of the folded pre-activation u = scale * v
    (+ turn). periodic: u counts turns, whole turns drop out. parity: what f(-v) is, for aligning units."""

    reference: Callable[[Any], Any]
    emit: Callable[[Node], Node]
    doc: str
    scale: float = 1.0
    turn: float = 0.0
    gain: float = 1.0
    shift: float = 0.0
    periodic: bool = False
    parity: Literal["odd", "even", "none"] = "none"


def _inverse_one_plus_exp2(u: Node) -> Node:
    return 1.0 / (1.0 + op("exp2", u))


def _sigmoid(v: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-np.clip(v, -700, 700)))


ACTIVATIONS: dict[str, Activation] = {
    "sin": Activation(np.sin, cos_turns, "sine", 1 / math.tau, turn=-0.25, periodic=True, parity="odd"),
    "cos": Activation(np.cos, cos_turns, "cosine", 1 / math.tau, periodic=True, parity="even"),
    "gaussian": Activation(
        lambda v: np.exp(-np.square(v)),
        lambda u: op("exp2_neg", u * u),
        "bell curve exp(-v^2)",
        math.sqrt(LOG2E),
        parity="even",
    ),
    "tanh": Activation(
        np.tanh, _inverse_one_plus_exp2, "hyperbolic tangent", 2 * LOG2E, gain=-2.0, shift=1.0, parity="odd"
    ),
    "sigmoid": Activation(_sigmoid, _inverse_one_plus_exp2, "logistic curve 0..1", -LOG2E),
    "relu": Activation(lambda v: np.maximum(v, 0), lambda u: op("max", u, 0.0), "zero below zero"),
    "abs": Activation(np.abs, abs, "absolute value", parity="even"),
    "identity": Activation(lambda v: v, lambda u: u, "the value itself", parity="odd"),
}
