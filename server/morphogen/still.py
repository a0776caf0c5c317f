"""One frame, deterministic: no modulation, no smoothing, no history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.clock import ManualClock
from morphogen.composer import Composer
from morphogen.contracts import Renderer
from morphogen.field.network import Network
from morphogen.field.scene import Scene
from morphogen.folders import cache_folder
from morphogen.frame import TargetSpec
from morphogen.library.find import Library
from morphogen.library.style import Style
from morphogen.params.catalog import FEATURES
from morphogen.params.store import HeldFeatures, ParamStore
from morphogen.render import SAFE, create
from morphogen.stage import Look


def render_still(
    style: str | Style, size: tuple[int, int], time: float, sets: Mapping[str, Any], backend: str = "auto"
) -> NDArray[np.uint8]:
    """Draw `style` (a name, a file, '' for the first one, or a Style) at `time` seconds of the picture's own time.

    size: (width, height). sets: parameters and audio features, in their own units. backend: 'auto' is the CPU, so that
    a still is the same on every machine. Returns (height, width, 4) uint8 RGBA, top row first. Raises StyleError,
    ParamError, UsageError, RenderError.
    """
    chosen = style if isinstance(style, Style) else first_style(Library(), style)
    features = HeldFeatures()
    params = ParamStore(ManualClock(), features=features)
    for key, value in sets.items():
        params.set(key, value)
    heard = {name: features.feature(name) for name in FEATURES}
    values = dict(params.snapshot(0.0, features=heard))
    values["time/trail"] = 0.0
    composer = Composer(time)
    scene = composer.compose(type(params.snapshot(0.0))(values, 0.0), Look((chosen.network,)), 0.0)
    spec = TargetSpec(*size)
    pixels = np.empty(spec.pixel_bytes, np.uint8)
    renderer = create(SAFE if backend == "auto" else backend, cache=cache_folder())
    try:
        renderer.render(scene, [(spec, pixels)])
    finally:
        renderer.close()
    return pixels.reshape(spec.height, spec.width, 4)


def first_style(library: Library, name: str) -> Style:
    """The style called `name`; for '' the first good one of the library. Raises StyleError."""
    if not name:
        good = [info.name for info in library.list() if not info.error]
        name = good[0] if good else "starter"
    return library.find(name)


def warm_up(renderer: Renderer, network: Network) -> None:
    """Compile a network's program. On the CPU draw it small a few times, too: the backend learns how fast it is here. A
    graphics context belongs to the thread that draws with it first, and that shall be the show's."""
    scene, spec = Scene((network,)), TargetSpec(640, 360)
    renderer.prepare(scene.program)
    pixels = np.empty(spec.pixel_bytes, np.uint8)
    for _ in range(3 if renderer.name == SAFE else 0):
        renderer.render(scene, [(spec, pixels)])
