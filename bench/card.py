"""Everything that needs a graphics card, in one run of a few minutes: `python bench/card.py OUT.json [--seconds 420]`.

Parity of every backend that is here, the card's own limits, kernel times from 480p to 8K beside them, whole frames,
processor time and memory, and the same picture in torch. A step that fails says why and the next one goes on; the file
is written after each. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import card_limits as limits
import card_wide
from card_time import timed
from morphogen.bench import baselines
from morphogen.bench.draw import FADE, FIELD, NETWORK, SCENE, VALUES
from morphogen.field.network import PRESETS, init_glow, preset
from morphogen.field.scene import Scene, View
from morphogen.frame import TargetSpec
from morphogen.library.find import Library
from morphogen.render import BACKENDS, create
from morphogen.render.cuda import ptx
from morphogen.render.cuda.driver import Held
from morphogen.render.cuda.renderer import CudaRenderer
from morphogen.render.numpy import NumpyRenderer

SIZES = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160), "8K": (7680, 4320)}
SCENES = {"field": FIELD, "scene": SCENE, "fade": FADE}
BYTES = {"field": 4, "scene": 4 + 12, "fade": 4}  # stored or loaded for a pixel
ROOT = Path(__file__).resolve().parent.parent
Result = dict[str, Any]


class Steps:
    """Runs steps one by one until the time is up; keeps what they found."""

    def __init__(self, path: Path, seconds: float, only: str = "") -> None:
        self.path, self.end, self.only = path, time.monotonic() + seconds, only
        self.found: Result = {"date": time.strftime("%Y-%m-%d"), "errors": {}}

    def left(self) -> float:
        return self.end - time.monotonic()

    def __call__(self, name: str, work: Callable[[], Any]) -> Any:
        if not name.startswith(self.only):
            return None
        if self.left() < 5:
            self.found["errors"][name] = "no time left"
            return None
        start = time.monotonic()
        try:
            self.found[name] = work()
        except Exception as error:  # noqa: BLE001  one failure must not lose the rest
            self.found["errors"][name] = f"{type(error).__name__}: {error}"[:400]
        print(f"{name}: {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)
        self.path.write_text(json.dumps(self.found, indent=1))
        return self.found.get(name)


# --- pictures


def cases() -> list[tuple[str, Scene]]:
    """Presets, shipped styles, views, at the start and after ten hours."""
    library = Library()
    networks = {name: init_glow(preset(name), 7) for name, (_, width) in PRESETS.items() if width <= ptx.UNROLLED}
    networks |= {info.name: library.find(info.name).network for info in library.list() if not info.error}
    found = [(f"{name} at {t:g} s", Scene((network,), {**VALUES, "time": t}))
             for name, network in networks.items() for t in (1.25, 36_000.0)]  # fmt: skip
    views = {"kaleidoscope": View(1.5, 33.0, 0.2, -0.1, kaleidoscope=5), "far": View(0.25, 12.0, 2.0, -2.0),
             "warped": View(mirror=3, warp=0.6, warp_scale=2.0, warp_phase=7.7)}  # fmt: skip
    return [*found, *((name, Scene((NETWORK,), VALUES, view=view)) for name, view in views.items()), ("fade", FADE)]


def parity(name: str) -> Result:
    """Largest error in levels over `cases`, and the largest share of values that are off at all."""
    renderer, reference = create(name), NumpyRenderer()
    spec = TargetSpec(320, 180)
    ours, truth = np.zeros(spec.pixel_bytes, np.uint8), np.zeros(spec.pixel_bytes, np.uint8)
    worst, share, where = 0, 0.0, ""
    try:
        for label, what in cases():
            renderer.render(what, [(spec, ours)])
            reference.render(what, [(spec, truth)])
            error = np.abs(ours.astype(int) - truth)
            if (int(error.max()), float((error > 0).mean())) > (worst, share):
                worst, share, where = int(error.max()), float((error > 0).mean()), label
        return {"levels": worst, "share": share, "where": where, "renderer": renderer.describe()}
    finally:
        renderer.close()


def suite(seconds: float) -> Result:
    """The project's own parity tests on the cards that are here."""
    command = [sys.executable, "-m", "pytest", "-q", "-rP", "-p", "no:cacheprovider", "tests/test_render_parity.py",
               "-k", "cuda or opengl"]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds)
    lines = done.stdout.splitlines()
    return {"closing": lines[-1] if lines else done.stderr[-300:],
            "worst": [line for line in lines if "worst" in line],
            "failed": [line[:300] for line in lines if line.startswith("FAILED")]}  # fmt: skip


# --- the card


class Bench:
    """The CUDA backend with what timing needs."""

    def __init__(self) -> None:
        self.renderer = CudaRenderer()
        self.card = self.renderer._card
        with self.card:
            self.free_before = self.card.call("cuMemGetInfo")[0]
            self.clock = limits.Clock(self.card)
        kind = self.card.api.CUdevice_attribute
        self.multiprocessors = self.card.call(
            "cuDeviceGetAttribute", kind.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, self.card.device
        )
        self.special = self.stores = 0.0  # a second

    def about(self) -> Result:
        return {**self.renderer.describe(), "multiprocessors": self.multiprocessors}

    def limits(self) -> Result:
        with self.card:
            self.special = limits.special_rate(self.card, self.clock, self.multiprocessors)
            size = 1 << 28  # larger than the card's cache: below it, stores may be faster than this limit
            self.stores = size / limits.store_milliseconds(self.card, self.clock, size) * 1e3
        per_clock = {n: limits.special_functions(preset(n)) for n, (_, w) in PRESETS.items() if w <= ptx.UNROLLED}
        return {"special_per_s": self.special, "store_bytes_per_s": self.stores, "special_per_pixel": per_clock}

    def kernel(self, what: Scene, spec: TargetSpec) -> float:
        """Milliseconds of the kernel alone: launches in a graph, so that the processor does not count."""
        renderer, card = self.renderer, self.card
        out = np.zeros(spec.pixel_bytes, np.uint8)
        for _ in range(2):
            renderer.render(what, [(spec, out)])
        kernel = renderer.prepare(what.program)
        across, down = ptx.grid(what.program, spec.width, spec.height)

        def launch() -> None:
            card.call("cuLaunchKernel", kernel.function, across, down, 1, *ptx.BLOCK, 1, 0, card.stream,
                      kernel.arguments, 0)  # fmt: skip

        with card:
            count = 20
            replay = self._graph(launch, count)
            return self.clock.milliseconds(replay, 5) / count

    def _graph(self, launch: Callable[[], None], count: int) -> Callable[[], None]:
        card = self.card
        card.call("cuStreamBeginCapture", card.stream, card.api.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED)
        for _ in range(count):
            launch()
        graph = Held(card, card.call("cuStreamEndCapture", card.stream), "cuGraphDestroy")
        ready = Held(card, card.call("cuGraphInstantiate", graph.handle, 0), "cuGraphExecDestroy")
        return lambda: card.call("cuGraphLaunch", ready.handle, card.stream)

    def row(self, size: str) -> Result:
        """Kernel times of one size beside the limits."""
        spec = TargetSpec(*SIZES[size])
        pixels = spec.width * spec.height
        found: Result = {"size": size}
        for name, what in SCENES.items():
            special = sum(limits.special_functions(n.shape) for n in what.networks) + (3 if name == "scene" else 0)
            bound = max(special * pixels / self.special, BYTES[name] * pixels / self.stores) * 1e3
            ms = self.kernel(what, spec)
            found[name] = {"ms": ms, "limit_ms": bound, "ratio": ms / bound}
        return found

    def frame(self, size: str) -> Result:
        """Whole frames as a show draws them: wall clock, processor time, the way out, memory."""
        spec = TargetSpec(*SIZES[size])
        out = np.zeros(spec.pixel_bytes, np.uint8)
        renderer, found = self.renderer, {"size": size}
        for name, what in SCENES.items():
            wall, cpu = timed(lambda w=what: renderer.render(w, [(spec, out)]))  # type: ignore[misc]
            overlapped, _ = timed(Overlapped(renderer, what, spec))
            found[name] = {"wall_ms": wall, "cpu_ms": cpu, "overlapped_ms": overlapped}
        drawing = renderer.submit(FIELD, [spec])[0]
        card = self.card
        with card:
            found["to_host_ms"] = self.clock.milliseconds(
                lambda: card.call("cuMemcpyDtoHAsync", drawing.staging.address, drawing.pixels.handle,
                                  drawing.pixels.size, card.stream), 5)  # fmt: skip
        renderer.collect([drawing], [out])
        found["card_mb"] = renderer.describe()["card_mb"]
        return found

    def compiling(self) -> Result:
        """Seconds from a new shape to a kernel: the text, then the driver (its own cache may know it already)."""
        found = {}
        for name in ("3L_6D", "3L_8D"):
            program = Scene((init_glow(preset(name), 1),)).program
            start = time.perf_counter()
            ptx.ptx(program)
            text = time.perf_counter() - start
            start = time.perf_counter()
            self.renderer.prepare(program)
            found[name] = {"text_s": text, "both_s": time.perf_counter() - start}
        return found

    def variants(self) -> Result:
        """Pixels a thread and shapes of a block, at 1080p and 4K: milliseconds of the bare field."""
        kept, found = (ptx.PIXELS_PER_THREAD, ptx.BLOCK), {}
        try:
            for pixels in (1, 2, 4):
                for block in ((32, 8), (32, 4), (64, 4), (128, 1)):
                    ptx.PIXELS_PER_THREAD, ptx.BLOCK = pixels, block
                    self._forget()
                    label = f"{pixels} pixels, {block[0]}x{block[1]}"
                    found[label] = [self.kernel(FIELD, TargetSpec(*SIZES[size])) for size in ("1080p", "4K")]
        finally:
            ptx.PIXELS_PER_THREAD, ptx.BLOCK = kept
            self._forget()
        return found

    def _forget(self) -> None:
        """Kernels, and pictures: their rows are whole threads long."""
        self.renderer._kernels.clear()
        self.renderer._pictures.clear()

    def memory(self) -> Result:
        """Bytes beyond the context for a show at 1080p with a trail, as we count and as the card does."""
        self.renderer._pictures.clear()
        spec = TargetSpec(*SIZES["1080p"])
        out = np.zeros(spec.pixel_bytes, np.uint8)
        self.renderer.render(SCENE, [(spec, out)])
        with self.card:
            used = self.free_before - self.card.call("cuMemGetInfo")[0]
        return {"ours_mb": self.renderer.describe()["card_mb"], "card_mb": round(used / 1e6, 1)}


class Overlapped:
    """Each call submits a frame and collects the one before."""

    def __init__(self, renderer: CudaRenderer, what: Scene, spec: TargetSpec) -> None:
        self.renderer, self.what, self.spec = renderer, what, spec
        self.out = np.zeros(spec.pixel_bytes, np.uint8)
        self.token = renderer.submit(what, [spec])

    def __call__(self) -> None:
        before, self.token = self.token, self.renderer.submit(self.what, [self.spec])
        self.renderer.collect(before, [self.out])


def others(name: str) -> Result:
    """Whole frames of another backend, milliseconds."""
    renderer, found = create(name), {}
    try:
        found["renderer"] = renderer.describe()
        for size in ("720p", "1080p", "4K"):
            found[size] = whole_frames(renderer, TargetSpec(*SIZES[size]))
    finally:
        renderer.close()
    return found


def whole_frames(renderer: Any, spec: TargetSpec) -> dict[str, tuple[float, float]]:
    """(wall, processor) milliseconds of each scene."""
    out = np.zeros(spec.pixel_bytes, np.uint8)
    return {name: timed(lambda w=what: renderer.render(w, [(spec, out)]), 0.5) for name, what in SCENES.items()}  # type: ignore[misc]


def torch_cuda() -> Result:
    """The same picture in torch on the card, milliseconds at 1080p; eager and compiled as the seeds drew it, and fused
    by hand."""
    import torch

    if not torch.cuda.is_available():
        raise RuntimeError("torch sees no CUDA card")
    torch.set_default_device("cuda")
    found: Result = {"torch": torch.__version__}
    for name, make in (("eager", baselines._eager), ("compile", baselines._compiled), ("fused", baselines._fused)):
        try:
            with torch.no_grad():
                found[name] = on_card(torch, make(SIZES["1080p"]))
        except Exception as error:  # noqa: BLE001  a missing compiler shows in many ways
            found[name] = f"{type(error).__name__}: {error}"[:200]
    torch.set_default_device("cpu")
    return found


def on_card(torch: Any, work: Callable[[], Any]) -> float:
    """Milliseconds by torch's events, best of seven rounds of ten."""
    for _ in range(3):
        work()
    best = float("inf")
    for _ in range(7):
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        for _ in range(10):
            work()
        last.record()
        torch.cuda.synchronize()
        best = min(best, first.elapsed_time(last) / 10)
    return best


# --- the report


def table(found: Result) -> str:
    """Markdown of what was found."""
    about, rates = found.get("card", {}), found.get("limits", {})
    lines = [f"{about.get('adapter', 'no card')} ({about.get('driver', '')}), {found['date']}."]
    if rates:
        lines.append(
            f"Measured limits: {rates['special_per_s'] / 1e12:.2f} T special functions and "
            f"{rates['store_bytes_per_s'] / 1e12:.2f} TB stored a second."
        )
    lines += ["", "| size | field µs | limit | ratio | scene µs | limit | ratio | fade µs | limit | ratio |",
              "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for row in (r for n, r in found.items() if n.startswith("kernel ")):
        cells = [f"{row[s]['ms'] * 1e3:.1f} | {row[s]['limit_ms'] * 1e3:.1f} | {row[s]['ratio']:.2f}" for s in SCENES]
        lines.append(f"| {row['size']} | {' | '.join(cells)} |")
    lines += ["", "| whole frame | field ms | scene ms | fade ms | processor ms | to host ms | card MB |",
              "| --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for row in (r for n, r in found.items() if n.startswith("frame ")):
        walls = " | ".join(f"{row[s]['wall_ms']:.3f}" for s in SCENES)
        lines.append(f"| {row['size']} | {walls} | {row['scene']['cpu_ms']:.3f} | {row['to_host_ms']:.3f} | "
                     f"{row['card_mb']} |")  # fmt: skip
    lines += card_wide.table(found["wide"]) if "wide" in found else []
    return "\n".join([*lines, "", *rest(found)])


def rest(found: Result) -> list[str]:
    """Everything else, a line each."""
    lines = [f"- {n}: worst {r['levels']} levels, {r['share']:.4%} of the values off ({r['where']})"
             for n, r in found.items() if n.startswith("parity ")]  # fmt: skip
    for name in ("suite", "variants", "compiling", "memory", "torch"):
        if name in found:
            lines.append(f"- {name}: {json.dumps(found[name])}")
    torch, kernel = found.get("torch", {}), found.get("kernel 1080p")
    for name in ("eager", "compile", "fused"):
        if kernel and isinstance(torch.get(name), float):
            field, scene = (torch[name] / kernel[which]["ms"] for which in ("field", "scene"))
            lines.append(
                f"- torch {name}: {torch[name]:.3f} ms; our field is {field:.1f} times as fast, scene {scene:.1f}"
            )
    return lines + [f"- {name} failed: {error}" for name, error in found["errors"].items()]


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=420.0)
    parser.add_argument("--only", default="", help="steps whose names begin so")
    given = parser.parse_args(words)
    step = Steps(given.out, given.seconds, given.only)
    bench = step_bench(step)
    if bench is not None:
        step("card", bench.about)
        if step("limits", bench.limits):
            for size in SIZES:
                step(f"kernel {size}", lambda s=size: bench.row(s))  # type: ignore[misc]
        for size in ("720p", "1080p", "4K"):
            step(f"frame {size}", lambda s=size: bench.frame(s))  # type: ignore[misc]
        for name in ("memory", "compiling", "variants"):
            step(name, getattr(bench, name))
        step("wide", lambda: card_wide.wide(bench.multiprocessors))
    for name in [n for n in BACKENDS if n != "numpy"]:
        step(f"parity {name}", lambda n=name: parity(n))  # type: ignore[misc]
    step("torch", torch_cuda)
    for name in [n for n in BACKENDS if n not in ("numpy", "cuda")]:
        step(f"backend {name}", lambda n=name: others(n))  # type: ignore[misc]
    step("suite", lambda: suite(max(step.left() - 5, 5)))
    print(table(step.found))
    return 0


def step_bench(step: Steps) -> Bench | None:
    """None, with the reason told, where there is no card."""
    try:
        return Bench()
    except Exception as error:  # noqa: BLE001
        step.found["errors"]["cuda"] = f"{type(error).__name__}: {error}"
        return None


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
