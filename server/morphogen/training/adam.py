"""Adam, thirty lines: torch's own loads its compiler first, which takes two seconds and 150 MB that nothing here uses.

Kingma and Ba, "Adam: a method for stochastic optimization" (2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from morphogen.training.torches import need_torch

TINY = 1e-8


class Adam:
    """tensors: what is trained, each with its factor on the rate. `step` with the gradients that are there."""

    def __init__(self, tensors: Sequence[tuple[Any, float]], betas: tuple[float, float] = (0.9, 0.98)) -> None:
        torch = need_torch()
        self._tensors, self._betas, self._steps = list(tensors), betas, 0
        self._mean = [torch.zeros_like(t) for t, _ in self._tensors]
        self._square = [torch.zeros_like(t) for t, _ in self._tensors]

    def zero(self) -> None:
        """Forget the gradients."""
        for tensor, _ in self._tensors:
            tensor.grad = None

    def step(self, rate: float) -> None:
        """One step downhill."""
        torch = need_torch()
        self._steps += 1
        first, second = self._betas
        with torch.no_grad():
            for (tensor, factor), mean, square in zip(self._tensors, self._mean, self._square, strict=True):
                mean.lerp_(tensor.grad, 1 - first)
                square.mul_(second).addcmul_(tensor.grad, tensor.grad, value=1 - second)
                spread = (square / (1 - second**self._steps)).sqrt_().add_(TINY)
                tensor.addcdiv_(mean, spread, value=-rate * factor / (1 - first**self._steps))
