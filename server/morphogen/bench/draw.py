"""Our own figures: milliseconds and processor time a frame, compile time, error against the reference."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from morphogen.bench import limits
from morphogen.contracts import Renderer
from morphogen.errors import MorphogenError
from morphogen.field.grade import Grade
from morphogen.field.network import PRESETS, init_glow, preset
from morphogen.field.scene import Scene, View, program
from morphogen.frame import TargetSpec
from morphogen.library.find import Library
from morphogen.render import create
from morphogen.render.cpu.renderer import CpuRenderer
from morphogen.render.numpy import NumpyRenderer

VALUES = {"time": 1.25, "bass": 0.5, "mid": 0.2, "treble": 0.3}
HOURS = 10 * 3600.0
NETWORK = init_glow(preset("3L_4D"), 3)
FIELD = Scene((NETWORK,), VALUES)
SCENE = Scene((NETWORK,), VALUES, view=View(1.2, 15.0), grade=Grade(0.2, 1.1, 1.2, 0.1, 0.1), trail=0.3)
FADE = Scene((NETWORK, init_glow(preset("3L_4D"), 4)), VALUES, mix=0.4)


@dataclass(frozen=True)
class Spent:
    """What one frame took: median milliseconds, and milliseconds of processor time over all threads."""

    ms: float
    cpu_ms: float


def machine() -> dict[str, Any]:
    """Name, cores and versions."""
    renderer = CpuRenderer()
    described = renderer.describe()
    renderer.close()
    return {
        **described,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "llvmlite": version("llvmlite"),
    }


def spend(work: Callable[[], None], seconds: float, least: int = 5) -> Spent:
    """Median time and mean processor time of `work` over `seconds`, after two warm-up runs."""
    work()
    work()
    times: list[float] = []
    busy = time.process_time()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < least:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    cpu = (time.process_time() - busy) / len(times)
    return Spent(float(np.median(times)) * 1e3, cpu * 1e3)


def median_ms(work: Callable[[], None], seconds: float, least: int = 5) -> float:
    """Median time of `work` in ms over `seconds`, after two warm-up runs."""
    return spend(work, seconds, least).ms


def frame(renderer: Renderer, scene: Scene, size: tuple[int, int], seconds: float) -> Spent:
    """One picture of a scene, again and again."""
    spec = TargetSpec(*size)
    pixels = np.zeros(spec.pixel_bytes, np.uint8)
    renderer.prepare(scene.program)
    return spend(lambda: renderer.render(scene, [(spec, pixels)]), seconds)


def times(renderer: Renderer, size: tuple[int, int], seconds: float, limit: dict[str, Any] | None) -> dict[str, Any]:
    """One row: bare field, whole scene, cross-fade, processor time of a whole frame; on the CPU the field against the
    arithmetic limit, too."""
    drawn = {name: frame(renderer, scene, size, seconds)
             for name, scene in (("field", FIELD), ("scene", SCENE), ("fade", FADE))}  # fmt: skip
    about = renderer.describe()
    row = {
        "backend": renderer.name,
        "size": f"{size[0]}x{size[1]}",
        "threads": about.get("threads", 0),
        **{f"{name}_ms": round(spent.ms, 3) for name, spent in drawn.items()},
        "cpu_ms": round(drawn["scene"].cpu_ms, 3),
        "scene_fps": round(1e3 / drawn["scene"].ms, 1),
    }
    if limit is not None:
        bound = limits.milliseconds(limit, NETWORK.shape, size[0] * size[1], about["threads"])
        row |= {"limit_ms": round(bound, 3), "field_to_limit": round(drawn["field"].ms / bound, 2)}
    return row


def presets(renderer: Renderer, size: tuple[int, int], seconds: float) -> list[dict[str, Any]]:
    """One row a preset, narrow and wide: the bare field at full resolution."""
    rows = []
    for name in PRESETS:
        row: dict[str, Any] = {"backend": renderer.name, "preset": name, "size": f"{size[0]}x{size[1]}"}
        try:
            spent = frame(renderer, Scene((init_glow(preset(name), 3),), VALUES), size, seconds)
            rows.append(row | {"field_ms": round(spent.ms, 3), "fps": round(1e3 / spent.ms, 2)})
        except MorphogenError as error:
            rows.append(row | {"why": error.message})
    return rows


def compiling(backend: str) -> dict[str, Any]:
    """Seconds to compile a new shape, a pair that fades beside its shapes, and to take on new weights (nothing)."""
    renderer = create(backend, 1)
    found: dict[str, Any] = {"backend": backend}
    a, b = preset("3L_4D"), preset("3L_8D")
    for name, shapes in (("shape_s", (a,)), ("other_s", (b,)), ("pair_s", (a, b)), ("weights_s", (a,))):
        start = time.perf_counter()
        renderer.prepare(program(shapes))
        found[name] = round(time.perf_counter() - start, 4)
    renderer.close()
    return found


def accuracy(backend: str, size: tuple[int, int] = (320, 180)) -> dict[str, Any]:
    """Largest error in levels of 255 over small presets and shipped styles, at the start and after ten hours."""
    networks = {name: init_glow(preset(name), 7) for name, (_, width) in PRESETS.items() if width <= 16}
    library = Library()
    networks |= {info.name: library.find(info.name).network for info in library.list() if not info.error}
    renderer, reference = create(backend), NumpyRenderer()
    spec = TargetSpec(*size)
    ours, truth = np.zeros(spec.pixel_bytes, np.uint8), np.zeros(spec.pixel_bytes, np.uint8)
    worst, off, worst_name = 0, 0.0, ""
    for name, network in networks.items():
        for moment in (1.25, HOURS):
            scene = Scene((network,), {**VALUES, "time": moment})
            renderer.render(scene, [(spec, ours)])
            reference.render(scene, [(spec, truth)])
            error = np.abs(ours.astype(int) - truth.astype(int))
            off = max(off, float((error > 0).mean()))
            if int(error.max()) > worst:
                worst, worst_name = int(error.max()), f"{name} at {moment:g} s"
    renderer.close()
    return {
        "backend": backend, "networks": len(networks), "max_levels": worst, "where": worst_name,
        "share_off": round(off, 6),
    }  # fmt: skip
