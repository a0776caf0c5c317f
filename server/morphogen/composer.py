"""One frame's numbers into one `Scene`: parameters, what the music does, what is on stage, and the picture's own time.

Runs on the render thread. The picture's time is integrated, so changing its speed never makes it jump.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from morphogen.audio.key import Music
from morphogen.coloured import Colourist
from morphogen.field.grade import Grade
from morphogen.field.layers import BLENDS
from morphogen.field.network import Network
from morphogen.field.scene import SAMPLES, Layer, Scene, View
from morphogen.hue import HueFollower
from morphogen.params.catalog import BY_KEY, LAYER_GRADE, LAYER_VIEW
from morphogen.params.drift import drift_noise
from morphogen.params.store import Snapshot
from morphogen.stage import Look

HEARD = ("bass", "mid", "treble", "centroid", "rolloff", "flux", "beat", "rms")
_TWINS = (("view", LAYER_VIEW), ("color", LAYER_GRADE))
_NEUTRAL = {key: param.default for key, param in BY_KEY.items() if param.group == "view"}
_BLENDS = tuple(BLENDS)
_ALPHAS = BY_KEY["output/alpha"].choices
QUIET = Music()
DRIFT_REACH = 0.35  # of a tensor's own spread at drift 1: further, and most styles dissolve


class Composer:
    """Integrates time and builds scenes. `time`: seconds of the picture's own time."""

    def __init__(self, time: float = 0.0) -> None:
        self.time = time
        self.colourist = Colourist()
        self._hue = HueFollower()
        self._warp = 0.0
        self._drift = 0.0
        self._scale: tuple[Network | None, np.ndarray] = (None, np.zeros(0))

    def compose(
        self, values: Snapshot, look: Look, dt: float, layer: Layer | None = None, music: Music = QUIET
    ) -> Scene:
        """The scene of the frame that comes `dt` seconds after the last one. music: what turns its hue."""
        self.time += dt * values["time/speed"]
        self._warp += dt * values["view/warp_speed"]
        self._drift += dt * values["drift/rate"]
        networks = look.networks
        if values["drift/amount"] > 0:
            networks = tuple(self._drifted(n, values["drift/amount"]) for n in networks)
        black, alpha = values.on("output/blackout"), _ALPHAS[int(values["output/alpha"])]
        return Scene(
            networks,
            heard(values, self.time),
            look.mix,
            view(values, self._warp),
            self._grade(values, music, dt),
            trail=values["time/trail"],
            dt=dt,
            master=0.0 if black else values["output/master"],
            dither=values.on("output/dither"),
            colours=self.colourist.colours(values, dt),
            layer=layer,
            matte=alpha == "luminance",
            keyed=alpha == "style",
            samples=SAMPLES[int(values["output/supersample"])],
        )

    def _grade(self, values: Snapshot, music: Music, dt: float) -> Grade:
        plain, turn = grade(values), self._hue.turn(values, music, dt)
        return replace(plain, hue=plain.hue + turn) if turn else plain

    def _drifted(self, network: Network, amount: float) -> Network:
        noise = drift_noise(1, network.shape.parameters, self._drift)
        if self._scale[0] is not network:
            spread = [np.full(t.size, float(t.std()) or 0.1, np.float32) for t in network.tensors]
            self._scale = (network, np.concatenate(spread))
        return network.with_flat(network.flat + amount * DRIFT_REACH * self._scale[1] * noise)


def heard(values: Mapping[str, float], time: float) -> dict[str, float]:
    """The network's time and audio inputs by name."""
    reaction = values["audio/reaction"]
    inputs = {name: values[f"audio/{name}"] * reaction for name in HEARD}
    inputs["progress"] = values["audio/progress"]
    inputs["time"] = time
    return inputs


def view(values: Mapping[str, float], warp_phase: float = 0.0) -> View:
    """The view parameters."""
    return View(
        zoom=values["view/zoom"],
        rotate=values["view/rotate"],
        x=values["view/x"],
        y=values["view/y"],
        mirror=int(values["view/mirror"]),
        kaleidoscope=int(values["view/kaleidoscope"]),
        polar=values["view/polar"] >= 0.5,
        warp=values["view/warp"],
        warp_scale=values["view/warp_scale"],
        warp_phase=warp_phase,
    )


def layer(values: Mapping[str, float], network: Network, presence: float = 1.0) -> Layer | None:
    """The layer parameters; None where nothing of it would be seen. presence: share of its opacity."""
    opacity = values["layer/opacity"] * presence
    if not opacity > 0:
        return None
    own = {f"{group}/{name}": values[f"layer/{name}"] for group, names in _TWINS for name in names}
    return Layer(network, _BLENDS[int(values["layer/blend"])], opacity, view(_NEUTRAL | own), grade(own))


def grade(values: Mapping[str, float]) -> Grade:
    """The colour parameters."""
    names = ("exposure", "contrast", "saturation", "hue", "tint", "tint_hue")
    return Grade(**{name: values[f"color/{name}"] for name in names})
