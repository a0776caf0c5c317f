"""Backends, one package each, resolved by name: the float64 reference in NumPy, the CPU, graphics cards."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from morphogen.errors import MorphogenError, UsageError

BACKENDS = {
    "numpy": "morphogen.render.numpy:NumpyRenderer",
    "cpu": "morphogen.render.cpu.renderer:CpuRenderer",
    "opengl": "morphogen.render.opengl.renderer:OpenGLRenderer",
    "cuda": "morphogen.render.cuda.renderer:CudaRenderer",
}


SAFE = "cpu"  # works everywhere
CARDS = ("cuda", "opengl")  # tried in this order by 'auto'


def create(name: str, threads: int = 0, cache: Path | None = None) -> Any:
    """A renderer by name. 'auto': the first graphics card that is there, else the CPU; a driver that only pretends to
    have one (llvmpipe) is slower than the CPU backend and does not count.

    cache: folder for compiled code, None to keep none. Raises UsageError (no such backend), Unavailable, RenderError.
    """
    if name == "auto":
        return _best(threads, cache)
    if name not in BACKENDS:
        raise UsageError(f"there is no backend {name!r}.", f"Known: auto, {', '.join(sorted(BACKENDS))}.")
    module, _, attribute = BACKENDS[name].partition(":")
    return getattr(import_module(module), attribute)(threads=threads, cache=cache)


def _best(threads: int, cache: Path | None) -> Any:
    for name in filter(BACKENDS.__contains__, CARDS):
        try:
            renderer = create(name, threads, cache)
        except MorphogenError:
            continue  # `morphogen doctor` says why
        if not renderer.describe().get("software"):
            return renderer
        renderer.close()
    return create(SAFE, threads, cache)
