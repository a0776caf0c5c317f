"""Our own figures: milliseconds a frame, compile time, error against the reference."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from morphogen.bench import limits
from morphogen.field.network import PRESETS, init_glow, preset
from morphogen.field.scene import Grade, Scene, View, program
from morphogen.frame import TargetSpec
from morphogen.library.find import Library
from morphogen.render.cpu import CpuRenderer
from morphogen.render.numpy import NumpyRenderer

VALUES = {"time": 1.25, "bass": 0.5, "mid": 0.2, "treble": 0.3}
HOURS = 10 * 3600.0
NETWORK = init_glow(preset("3L_4D"), 3)
FIELD = Scene((NETWORK,), VALUES)
SCENE = Scene((NETWORK,), VALUES, view=View(1.2, 15.0), grade=Grade(0.2, 1.1, 1.2, 0.1, 0.1), trail=0.3)
FADE = Scene((NETWORK, init_glow(preset("3L_4D"), 4)), VALUES, mix=0.4)


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


def median_ms(work: Callable[[], None], seconds: float, least: int = 5) -> float:
    """Median time of `work` in ms over `seconds`, after two warm-up runs."""
    work()
    work()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < least:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1e3


def times(size: tuple[int, int], threads: int, seconds: float, limit: dict[str, Any]) -> dict[str, Any]:
    """One row: bare field, whole scene, cross-fade; and the field against the arithmetic limit."""
    renderer = CpuRenderer(threads)
    spec = TargetSpec(*size)
    pixels = np.zeros(spec.pixel_bytes, np.uint8)
    drawn = {}
    for name, scene in (("field", FIELD), ("scene", SCENE), ("fade", FADE)):
        renderer.prepare(scene.program)
        drawn[name] = round(median_ms(lambda s=scene: renderer.render(s, [(spec, pixels)]), seconds), 3)  # type: ignore[misc]
    renderer.close()
    bound = limits.milliseconds(limit, NETWORK.shape, size[0] * size[1], threads)
    return {
        "size": f"{size[0]}x{size[1]}",
        "threads": threads,
        **{f"{name}_ms": ms for name, ms in drawn.items()},
        "limit_ms": round(bound, 3),
        "field_to_limit": round(drawn["field"] / bound, 2),
        "scene_fps": round(1e3 / drawn["scene"], 1),
    }


def compiling() -> dict[str, float]:
    """Seconds to compile a new shape, a fade's pair, and to take on new weights (nothing is compiled)."""
    renderer = CpuRenderer(1)
    found = {}
    a, b = preset("3L_4D"), preset("3L_8D")
    for name, shapes in (("shape_s", (a,)), ("pair_s", (a, b)), ("weights_s", (a,))):
        start = time.perf_counter()
        renderer.prepare(program(shapes))
        found[name] = round(time.perf_counter() - start, 4)
    renderer.close()
    return found


def accuracy(size: tuple[int, int] = (320, 180)) -> dict[str, Any]:
    """Largest error in levels of 255 over presets and shipped styles, at the start and after ten hours."""
    networks = {name: init_glow(preset(name), 7) for name in PRESETS}
    library = Library()
    networks |= {info.name: library.find(info.name).network for info in library.list() if not info.error}
    renderer, reference = CpuRenderer(), NumpyRenderer()
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
    return {"networks": len(networks), "max_levels": worst, "where": worst_name, "share_off": round(off, 6)}
