"""Proofs of the backends on this machine: draw a test card and compare it with the NumPy reference."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from morphogen.findings import Finding, version
from morphogen.render import BACKENDS

SIZE = (160, 90)
CARD = {"view/rotate": "30", "view/zoom": "1.3", "view/mirror": "x", "color/hue": "0.2", "audio/bass": "0.7"}
MOMENT = 3.25
TOLERANCE = 1  # levels of 255: DESIGN section 8, accuracy


def _draw(backend: str) -> NDArray[np.uint8]:
    """The test card: a network with every part of the scene in use."""
    from morphogen.still import render_still

    return render_still("", SIZE, MOMENT, CARD, backend)


def check_reference() -> Finding:
    """The reference draws a picture that is not empty."""
    start = time.perf_counter()
    picture = _draw("numpy")
    spread = int(picture[..., :3].max()) - int(picture[..., :3].min())
    took = f"NumPy {np.__version__}, test card in {(time.perf_counter() - start) * 1e3:.0f} ms"
    if picture.shape != (SIZE[1], SIZE[0], 4) or spread < 8:
        return Finding("numpy", "backend", "failed", f"{took}, but the picture is empty", "Please report this.")
    return Finding("numpy", "backend", "works", took, details={"spread": spread})


def check_backend(name: str, distribution: str) -> Finding:
    """Draw the card with backend `name` and with the reference; at most one level apart. Raises Unavailable."""
    reference = _draw("numpy").astype(int)
    start = time.perf_counter()
    picture = _draw(name).astype(int)
    milliseconds = (time.perf_counter() - start) * 1e3
    apart = int(np.abs(picture - reference).max())
    seen = f"{distribution} {version(distribution)}, test card in {milliseconds:.0f} ms, at most {apart} levels apart"
    details = {"max_difference": apart, "milliseconds": round(milliseconds, 1)}
    if apart > TOLERANCE:
        return Finding(name, "backend", "failed", seen, "Use --backend numpy and please report this.", details)
    return Finding(name, "backend", "works", seen, details=details)


_LIBRARIES = {"cpu": "llvmlite", "opengl": "moderngl", "cuda": "cuda-bindings"}

BACKEND_CHECKS: dict[str, Callable[[], Finding]] = {
    name: check_reference if name == "numpy" else partial(check_backend, name, _LIBRARIES.get(name, "numpy"))
    for name in sorted(BACKENDS, key=lambda name: name != "numpy")
}
