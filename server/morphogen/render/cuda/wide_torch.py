"""Wide networks by matrix multiplication in torch, for graphics cards: coordinates in, colours out, nothing else.

The CUDA backend draws everything itself but this; it hands over where its pixels lie after the view and finishes what
comes back. Weights are folded as for the CPU, in float64 until they are sent to the card; activations are the very
graphs of `field.activations`, so a new one works here as well. Bias and activation are float32 whatever the products
are. On the CPU torch is slower than `render.wide.kernel` (figures there) and not used; the tests run it there.

    field = TorchField("cuda")                           # MORPHOGEN_WIDE=half, bfloat16 or tf32: faster, coarser
    rgb = field.draw(scene.networks, scene.values, xy)   # xy (2, n) -> (networks, 3, n), both float32 on the card

A tensor's memory is shared without a copy by `data_ptr()`, DLPack or `__cuda_array_interface__`.
"""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from morphogen.errors import RenderError, Unavailable, UsageError
from morphogen.field import geometry
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.cppn import activations, first_bias, first_weight, later_layers
from morphogen.field.graph import Node, pixel_input
from morphogen.field.inputs import input_nodes
from morphogen.field.network import Network, Shape

PRECISIONS = {"float32": "float32", "tf32": "float32", "half": "float16", "bfloat16": "bfloat16"}  # of the products
VARIABLE = "MORPHOGEN_WIDE"
TILE = 1 << 16  # pixels at once: 64 MB for a layer of 256 units
KEPT = 4  # networks whose weights stay on the card


def precision() -> str:
    """What MORPHOGEN_WIDE asks for; float32 if nothing. Raises UsageError."""
    wish = os.environ.get(VARIABLE, "") or "float32"
    if wish not in PRECISIONS:
        raise UsageError(f"{VARIABLE}={wish} is no precision of wide networks.", f"Known: {', '.join(PRECISIONS)}.")
    return wish


class TorchField:
    """Draws networks on one torch device. One thread.

    device: 'cuda', 'cuda:1', 'cpu' ... precision: of PRECISIONS; None: as `precision()` says. Raises Unavailable
    without torch or without that device, UsageError.
    """

    def __init__(self, device: str = "cuda", wish: str | None = None) -> None:
        try:
            import torch
        except ImportError as error:
            raise Unavailable("wide networks on a card need PyTorch, which is not installed.",
                              'pip install "morphogen[train]", or use --backend cpu') from error  # fmt: skip
        self.precision = wish or precision()
        if self.precision not in PRECISIONS:
            raise UsageError(f"unknown precision {wish!r}.", f"Known: {', '.join(PRECISIONS)}.")
        try:
            self.device = torch.zeros(1, device=device).device
        except (RuntimeError, AssertionError) as error:  # no driver; torch without CUDA
            raise Unavailable(f"torch has no device {device!r} ({str(error).splitlines()[0][:120]}).",
                              "Install a torch that suits the driver, or use --backend cpu.") from error  # fmt: skip
        self._torch = torch
        self._kind = getattr(torch, PRECISIONS[self.precision])
        self._ops = _operations(torch)
        self._weights: OrderedDict[int, tuple[Network, list[tuple[Any, Any]]]] = OrderedDict()

    def draw(self, networks: Sequence[Network], values: Mapping[str, float], xy: Any) -> Any:
        """Colours 0..1 (networks, 3, n), float32. xy: float32 (2, n) on the device, picture heights, after the view.
        Raises RenderError."""
        torch = self._torch
        if xy.shape[:1] != (2,) or xy.dim() != 2 or xy.dtype != torch.float32 or xy.device != self.device:
            raise RenderError(f"coordinates must be float32 (2, n) on {self.device}, got {xy.dtype} {tuple(xy.shape)} "
                              f"on {xy.device}.", "Please report this.")  # fmt: skip
        try:
            with torch.inference_mode(), self._rounding():
                out = torch.empty((len(networks), 3, xy.shape[1]), dtype=torch.float32, device=self.device)
                for network, rgb in zip(networks, out, strict=True):
                    layers = self._layers(network, values)
                    shaped = geometry.fold(network.shape.inputs, network.geometry, network.extent, values).tolist()
                    for at in range(0, xy.shape[1], TILE):
                        rgb[:, at : at + TILE] = self._tile(network.shape, layers, shaped, *xy[:, at : at + TILE])
        except RuntimeError as error:  # out of memory; the card is gone
            raise RenderError(f"torch could not draw on {self.device}: {str(error).splitlines()[0][:200]}",
                              "Use --backend cpu.") from error  # fmt: skip
        return out

    def describe(self) -> dict[str, Any]:
        """For `stats`."""
        return {"wide": f"torch {self._torch.__version__}", "device": str(self.device), "precision": self.precision}

    # --- inside

    @contextmanager
    def _rounding(self) -> Iterator[None]:
        """TF32 only when asked for, whatever the rest of the process has set."""
        torch = self._torch
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("high" if self.precision == "tf32" else "highest")
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before)

    def _layers(self, network: Network, values: Mapping[str, float]) -> list[tuple[Any, Any]]:
        """(weights, float32 biases as a column) of each layer on the device; only the first bias is new each frame."""
        known = self._weights.get(id(network))
        if known is None or known[0] is not network:
            layers = [(self._sent(w, self._kind), self._sent(b[:, None])) for w, b in later_layers(network)]
            first = self._sent(first_weight(network), self._kind)
            known = self._weights[id(network)] = (network, [(first, None), *layers])
        self._weights.move_to_end(id(network))
        while len(self._weights) > KEPT:
            self._weights.popitem(last=False)
        return [(known[1][0][0], self._sent(first_bias(network, values)[:, None])), *known[1][1:]]

    def _sent(self, array: Any, kind: Any = None) -> Any:
        return self._torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self.device, kind)

    def _tile(self, shape: Shape, layers: Sequence[tuple[Any, Any]], shaped: Sequence[float], x: Any, y: Any) -> Any:
        torch, value = self._torch, _Values(self._ops, {"x": x, "y": y}, shaped)
        columns = [value(node) for node in input_nodes(shape.inputs, pixel_input("x"), pixel_input("y"))]
        units = torch.stack(columns) if columns else torch.zeros((0, x.shape[0]), device=self.device)
        for layer, (weight, bias) in enumerate(layers):
            # A product over no inputs at all is no product for some devices.
            sums = (weight @ units.to(self._kind)).float() + bias if weight.shape[1] else bias.expand(-1, x.shape[0])
            units = self._activated(activations(shape, layer), sums)
        return units

    def _activated(self, names: Sequence[str], sums: Any) -> Any:
        if len(set(names)) == 1:
            return self._value(names[0], sums)
        out = self._torch.empty_like(sums)
        for name in dict.fromkeys(names):
            rows = [i for i, other in enumerate(names) if other == name]
            out[rows] = self._value(name, sums[rows])
        return out

    def _value(self, activation: str, sums: Any) -> Any:
        return _Values(self._ops, {"u": sums})(ACTIVATIONS[activation].emit(pixel_input("u")))


class _Values:
    """Values of a graph's nodes, with torch's operations for the graph's, each computed once."""

    def __init__(self, ops: Mapping[str, Any], inputs: Mapping[str, Any], uniforms: Sequence[float] = ()) -> None:
        self._ops, self._inputs, self._uniforms = ops, inputs, uniforms
        self._known: dict[Node, Any] = {}

    def __call__(self, node: Node) -> Any:
        if node not in self._known:
            self._known[node] = self._computed(node)
        return self._known[node]

    def _computed(self, node: Node) -> Any:
        if node.op == "const":
            return node.args[0]
        if node.op == "input":
            return self._inputs[node.args[0]]
        if node.op == "uniform":
            return self._uniforms[node.args[0]]
        return self._ops[node.op](*(self(part) for part in node.args))


def error(network: Network, values: Mapping[str, float], wish: str, device: str = "cuda",
          size: tuple[int, int] = (320, 180)) -> dict[str, float]:  # fmt: skip
    """What a precision costs: {'max', 'p99.9', 'mean'} in levels of 255 against float32 on the same device."""
    import torch

    width, height = size
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    xy = torch.stack([(x + 0.5 - width / 2) / height, (height / 2 - y - 0.5) / height]).reshape(2, -1).float()
    exact, coarse = (TorchField(device, kind) for kind in ("float32", wish))
    xy = xy.to(exact.device)
    apart = (255 * (coarse.draw([network], values, xy) - exact.draw([network], values, xy)).abs()).cpu().numpy()
    return {"max": float(apart.max()), "p99.9": float(np.percentile(apart, 99.9)), "mean": float(apart.mean())}


def _operations(torch: Any) -> dict[str, Callable[..., Any]]:
    """Torch's form of the graph operations (`field.graph.OPS`); arguments are tensors or numbers."""

    def tensor(value: Any, like: Any) -> Any:
        return value if isinstance(value, torch.Tensor) else torch.full_like(like, value)

    def least(a: Any, b: Any) -> Any:
        return torch.minimum(a, tensor(b, a)) if isinstance(a, torch.Tensor) else torch.minimum(tensor(a, b), b)

    def most(a: Any, b: Any) -> Any:
        return torch.maximum(a, tensor(b, a)) if isinstance(a, torch.Tensor) else torch.maximum(tensor(a, b), b)

    return {
        "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b,
        "fma": lambda a, b, c: a * b + c, "neg": lambda a: -a, "abs": abs, "min": least, "max": most,
        "floor": torch.floor, "sqrt": torch.sqrt, "exp2": lambda a: torch.exp2(a.clamp(-126, 126)),
        "exp2_neg": lambda a: torch.exp2(-a.clamp(max=126)), "log2": lambda a: torch.log2(a.clamp(min=2.0**-126)),
        "cos_turns": lambda u: torch.cos(math.tau * (u - torch.round(u))),
        "atan2_turns": lambda y, x: torch.atan2(y, x) / math.tau, "less": lambda a, b, x, y: torch.where(a < b, x, y),
    }  # fmt: skip
