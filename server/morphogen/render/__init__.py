"""Backends: the float64 reference in NumPy, and the CPU through LLVM. One module each, resolved by name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from morphogen.errors import UsageError

BACKENDS = {
    "numpy": "morphogen.render.numpy:NumpyRenderer",
    "cpu": "morphogen.render.cpu:CpuRenderer",
}


def create(name: str, threads: int = 0, cache: Path | None = None) -> Any:
    """A renderer by name; 'auto' is the CPU. cache: folder for compiled code, None to keep none. Raises UsageError or
    RenderError."""
    if name == "auto":
        name = "cpu"
    if name not in BACKENDS:
        raise UsageError(f"there is no backend {name!r}.", f"Known: auto, {', '.join(sorted(BACKENDS))}.")
    module, _, attribute = BACKENDS[name].partition(":")
    return getattr(import_module(module), attribute)(threads=threads, cache=cache)
