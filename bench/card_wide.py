"""Wide networks on an NVIDIA card: kernels beside what its matrix units can do, whole frames, inner scales, errors.

Used by `bench/card.py`; `python bench/card.py OUT.json --only wide` runs nothing else and tells what each precision of
MORPHOGEN_WIDE costs.
"""

from __future__ import annotations

import os
from itertools import pairwise
from typing import Any

import numpy as np

import card_limits as limits
from card_time import timed
from morphogen.bench.draw import VALUES
from morphogen.field.cppn import evaluate, pixel_inputs
from morphogen.field.network import Network, Shape, init_glow, preset
from morphogen.field.scene import SCENE_SLOTS, SLOT, Scene, scene_uniforms, target_uniforms
from morphogen.frame import TargetSpec
from morphogen.render.cuda.driver import Memory
from morphogen.render.cuda.products import PRODUCTS, VARIABLE
from morphogen.render.cuda.renderer import CudaRenderer
from morphogen.render.wide.samples import Grid

SIZES = {"1080p": (1920, 1080), "4K": (3840, 2160)}
CASES = (("4L_128D", "1080p"), ("4L_256D", "1080p"), ("8L_256D", "1080p"), ("4L_128D", "4K"))
SMALL = TargetSpec(320, 180)
SEED = 3
FRAMES = 40  # until the governor has learned and settled
Result = dict[str, Any]


def operations(shape: Shape) -> int:
    """Multiplications and additions of a pixel; activations are not counted."""
    widths = [len(pixel_inputs(shape)), *shape.widths[1:]]
    return 2 * sum(a * b for a, b in pairwise(widths))


class Precision:
    """The CUDA backend with one precision of products."""

    def __init__(self, name: str) -> None:
        before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = name
        try:
            self.renderer = CudaRenderer()
        finally:
            os.environ.pop(VARIABLE)
            if before is not None:
                os.environ[VARIABLE] = before
        self.card = self.renderer._card
        with self.card:
            self.clock = limits.Clock(self.card)

    def measured(self, name: str, size: str, rate: float) -> Result:
        """One preset. rate: products a second that the card can do, as additions and multiplications."""
        network, spec = init_glow(preset(name), SEED), TargetSpec(*SIZES[size])
        terms = PRODUCTS[self.renderer._wide.products.name].terms
        self.renderer.prepare(Scene((network,), VALUES).program)
        with self.card:
            ms = self.field(network, spec)[0]
        flops = operations(network.shape) * spec.width * spec.height / ms * 1e3
        return {"field_ms": ms, "tflops": flops / 1e12, "share": terms * flops / rate, **self.frames(network, spec)}

    def field(self, network: Network, spec: TargetSpec) -> tuple[float, np.ndarray]:
        """(milliseconds of the field's kernel at scale 1, its colours as float64 (3, height, width))."""
        painter, card, scene = self.renderer._wide, self.card, Scene((network,), VALUES)
        (pack,) = painter.begin(scene)
        grid = Grid.of(0, 0, spec.width, spec.height, 1)
        uniforms = target_uniforms(scene_uniforms(scene), spec).astype(np.float32)[:SCENE_SLOTS]
        planes, out = Memory(card, 12 * grid.samples), np.zeros((3, grid.down, grid.across), np.float32)
        assert painter._field is not None
        assert pack is not None
        launch = painter._field.launch
        ms = self.clock.milliseconds(lambda: launch(pack, grid, uniforms, planes), 5)
        card.call("cuMemcpyDtoHAsync", out.ctypes.data, planes.handle, out.nbytes, card.stream)
        card.call("cuStreamSynchronize", card.stream)
        return ms, 1 / (1 + np.exp2(out[:, 1:-2, 1:-2].astype(np.float64)))

    def frames(self, network: Network, spec: TargetSpec) -> Result:
        """Whole frames at scale 1, and as the governor draws them at 60 a second."""
        renderer, what, out = self.renderer, Scene((network,), VALUES), np.zeros(spec.pixel_bytes, np.uint8)
        renderer.limit(0)
        whole, _ = timed(lambda: renderer.render(what, [(spec, out)]), 0.4)
        renderer.limit(1 / 60)
        for _ in range(FRAMES):
            renderer.render(what, [(spec, out)])
        inner = renderer.describe()["inner"].get(f"{spec.width}x{spec.height}", 1)
        wall, _ = timed(lambda: renderer.render(what, [(spec, out)]), 0.4)
        renderer.limit(0)
        return {"frame_ms": whole, "inner_at_60": inner, "frame_at_60_ms": wall}

    def error(self, name: str) -> Result:
        """In levels of 255, against the float64 truth."""
        network = init_glow(preset(name), SEED)
        with self.card:
            ours = self.field(network, SMALL)[1]
        slots = target_uniforms(scene_uniforms(Scene((network,), VALUES)), SMALL)
        px, py = np.meshgrid(np.arange(SMALL.width), np.arange(SMALL.height))
        x, y = (px * slots[SLOT[f"across_{a}"]] + py * slots[SLOT[f"down_{a}"]] + slots[SLOT[f"origin_{a}"]]
                for a in "xy")  # fmt: skip
        apart = 255 * np.abs(ours - np.stack(evaluate(network, {"x": x, "y": y}, VALUES)))
        return {"max": float(apart.max()), "p99.9": float(np.percentile(apart, 99.9)), "mean": float(apart.mean())}


def wide(multiprocessors: int) -> Result:
    """Everything, by precision and preset."""
    found: Result = {}
    for name, products in PRODUCTS.items():
        made = Precision(name)
        try:
            with made.card:
                rate = limits.matrix_rate(made.card, made.clock, multiprocessors, products.shape)
            rows: Result = {"matrix_tflops": rate / 1e12}
            for shape, size in CASES:
                rows[f"{shape} {size}"] = made.measured(shape, size, rate)
            rows["levels"] = {shape: made.error(shape) for shape, size in CASES if size == "1080p"}
            found[name] = rows
        finally:
            made.renderer.close()
    return found


def table(found: Result) -> list[str]:
    """Markdown."""
    heads = ("wide", "products", "field ms", "TFLOP/s", "of the matrix units", "frame ms", "inner at 60",
             "frame at 60 ms", "levels: mean, 99.9 %, max")  # fmt: skip
    lines = ["", f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for products, rows in found.items():
        for shape, size in CASES:
            row, levels = rows[f"{shape} {size}"], rows["levels"][shape]
            error = ", ".join(f"{levels[k]:.3g}" for k in ("mean", "p99.9", "max"))
            lines.append(
                f"| {shape} {size} | {products} | {row['field_ms']:.2f} | {row['tflops']:.0f} | {row['share']:.0%} | "
                f"{row['frame_ms']:.2f} | {row['inner_at_60']} | {row['frame_at_60_ms']:.2f} | {error} |"
            )
    rates = ", ".join(f"{name} {rows['matrix_tflops']:.0f}" for name, rows in found.items())
    return [*lines, "", f"Matrix units, mma.sync out of registers, TFLOP/s: {rates}."]
