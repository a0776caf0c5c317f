"""The same picture the other ways, in the same run: torch eager as the seeds drew it, and torch.compile.

Only measured where torch is installed; torch.compile on the CPU also needs a C++ compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from morphogen.bench.draw import NETWORK, VALUES, median_ms

ACTIVATIONS = {"sin": "sin", "cos": "cos", "tanh": "tanh"}


def measure(size: tuple[int, int], threads: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    """Rows {name, threads, ms} or {name, why}."""
    try:
        import torch
    except ImportError:
        return [{"name": "torch", "why": "torch is not installed (pip install torch)"}]
    rows: list[dict[str, Any]] = []
    for count in threads:
        torch.set_num_threads(count)
        for name, make in (("torch eager", _eager), ("torch.compile", _compiled), ("torch.compile fused", _fused)):
            try:
                with torch.no_grad():
                    rows.append(
                        {
                            "name": name,
                            "size": f"{size[0]}x{size[1]}",
                            "threads": count,
                            "ms": round(median_ms(make(size), seconds, 3), 2),
                        }
                    )
            except Exception as error:  # noqa: BLE001  a missing compiler shows in many ways; the row says which
                rows.append({"name": name, "threads": count, "why": str(error).strip().splitlines()[0][:120]})
    return rows


def _tensors() -> list[Any]:
    import torch

    return [torch.tensor(t) for t in NETWORK.tensors]


def _inputs(size: tuple[int, int]) -> Any:
    """(pixels, 12) float32: x, y and the frame's values repeated for every pixel, as the seeds did."""
    import torch

    width, height = size
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    coords = {"x": (x + 0.5 - width / 2) / height, "y": (height / 2 - y - 0.5) / height}
    columns = [
        coords[n] if n in coords else torch.full((height, width), VALUES.get(n, 0.0)) for n in NETWORK.shape.inputs
    ]
    return torch.stack(columns, -1).reshape(-1, len(columns)).float()


def _eager(size: tuple[int, int]) -> Callable[[], Any]:
    import torch

    tensors, grid = _tensors(), _inputs(size)
    names = [layer[0] for layer in NETWORK.shape.layers]

    def draw(grid: Any) -> Any:
        units = grid
        for i, name in enumerate(names):
            units = units @ tensors[2 * i].T + tensors[2 * i + 1]
            units = torch.exp(-units * units) if name == "gaussian" else getattr(torch, ACTIVATIONS[name])(units)
        rgb = torch.sigmoid(units @ tensors[-2].T + tensors[-1])
        return (rgb * 255).to(torch.uint8)

    return lambda: draw(grid)


def _compiled(size: tuple[int, int]) -> Callable[[], Any]:
    import torch

    eager = _eager(size)
    return torch.compile(eager, dynamic=False)


def _fused(size: tuple[int, int]) -> Callable[[], Any]:
    """The best form by hand: one scalar expression a pixel, frame inputs folded, everything in one fused loop."""
    import torch

    from morphogen.field.cppn import frame_bias

    tensors = [[[float(v) for v in row] for row in t.reshape(t.shape[0], -1)] for t in NETWORK.tensors]
    bias = [float(v) for v in frame_bias(NETWORK, VALUES)]
    names = [layer[0] for layer in NETWORK.shape.layers]
    width, height = size
    px = (torch.arange(width) + 0.5 - width / 2).float()[None, :] / height
    py = (height / 2 - torch.arange(height) - 0.5).float()[:, None] / height

    def draw(px: Any, py: Any) -> Any:
        units = [px, py]
        for i, name in enumerate([*names, "sigmoid"]):
            rows = tensors[2 * i]
            shift = bias if i == 0 else [b[0] for b in tensors[2 * i + 1]]
            sums = [
                sum(w * u for w, u in zip(row, units, strict=False)) + b for row, b in zip(rows, shift, strict=True)
            ]
            units = [torch.exp(-s * s) if name == "gaussian" else getattr(torch, name)(s) for s in sums]
        r, g, b = ((u * 255.0 + 0.5).to(torch.int32) for u in units)
        return r | (g << 8) | (b << 16) | (255 << 24)

    compiled = torch.compile(draw, dynamic=False)
    return lambda: compiled(px, py)
