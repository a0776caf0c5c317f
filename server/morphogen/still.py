"""One frame, deterministic: no modulation, no smoothing, no history."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.clock import ManualClock
from morphogen.composer import Composer
from morphogen.composer import layer as layered
from morphogen.contracts import Renderer
from morphogen.field.colours import Lut
from morphogen.field.network import Network
from morphogen.field.scene import Scene
from morphogen.folders import cache_folder
from morphogen.frame import Alpha, Crop, TargetSpec
from morphogen.library.find import Library
from morphogen.library.style import Style
from morphogen.params.catalog import FEATURES
from morphogen.params.store import HeldFeatures, ParamStore
from morphogen.render import SAFE, create
from morphogen.stage import Look

# Rows that are drawn at once: 2 MB of 16384 pixels. Cards keep what they drew in for 120 frames: 240 MB of theirs.
BAND = 32


def render_still(
    style: str | Style, size: tuple[int, int], time: float, sets: Mapping[str, Any], backend: str = "auto",
    layer: str = "", lut: Lut | None = None,
) -> NDArray[np.uint8]:  # fmt: skip
    """Draw `style` (a name, a file, '' for the first one, or a Style) at `time` seconds of the picture's own time.

    size: (width, height). sets: parameters and audio features, in their own units. backend: 'auto' is the CPU, so that
    a still is the same on every machine. layer: the style over it, by name or file. Returns (height, width, 4) uint8
    RGBA, alpha straight, 255 unless `output/alpha` is set; top row first. Raises StyleError, ParamError, UsageError,
    RenderError.
    """
    with _drawing(style, time, sets, backend, layer, lut) as (renderer, scene):
        spec = TargetSpec(*size, alpha=_alpha(scene))
        pixels = np.empty(spec.pixel_bytes, np.uint8)
        renderer.render(scene, [(spec, pixels)])
    return pixels.reshape(spec.height, spec.width, 4)


def still_bands(
    style: str | Style, size: tuple[int, int], time: float, sets: Mapping[str, Any], backend: str = "auto",
    layer: str = "", lut: Lut | None = None,
) -> Generator[NDArray[np.uint8], None, None]:  # fmt: skip
    """The very bytes of `render_still` as bands of BAND rows, the last one of fewer, each (rows, width, 4) and its
    own: in constant memory, whatever the height. A band is a crop of the canvas, so nothing meets at a seam that would
    not meet within the picture, the dither included. Close it, or read it to its end. Raises the same."""
    width, height = size
    with _drawing(style, time, sets, backend, layer, lut) as (renderer, scene):
        for top in range(0, height, BAND):
            spec = TargetSpec(width, min(BAND, height - top), crop=Crop(0, top, width, height), alpha=_alpha(scene))
            pixels = np.empty(spec.pixel_bytes, np.uint8)
            renderer.render(scene, [(spec, pixels)])
            yield pixels.reshape(spec.height, width, 4)


def _alpha(scene: Scene) -> Alpha:
    return Alpha.STRAIGHT if scene.matte or scene.keyed else Alpha.OPAQUE


@contextlib.contextmanager
def _drawing(
    style: str | Style, time: float, sets: Mapping[str, Any], backend: str, layer: str, lut: Lut | None
) -> Iterator[tuple[Renderer, Scene]]:
    library = Library()
    chosen = style if isinstance(style, Style) else first_style(library, style)
    over = library.find(layer).network if layer else None
    features = HeldFeatures()
    params = ParamStore(ManualClock(), features=features)
    for key, value in sets.items():
        params.set(key, value)
    heard = {name: features.feature(name) for name in FEATURES}
    values = dict(params.snapshot(0.0, features=heard))
    values["time/trail"] = 0.0
    composer = Composer(time)
    composer.colourist.lut = lut
    above = layered(values, over) if over else None
    scene = composer.compose(type(params.snapshot(0.0))(values, 0.0), Look((chosen.network,)), 0.0, above)
    renderer = create(SAFE if backend == "auto" else backend, cache=cache_folder())
    try:
        yield renderer, scene
    finally:
        renderer.close()


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
