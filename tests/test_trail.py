"""The trail is a time constant in seconds, whatever rate an output is drawn at."""

from __future__ import annotations

import math

import numpy as np
import pytest

from morphogen.errors import MorphogenError
from morphogen.field.network import init_glow, preset
from morphogen.field.scene import Scene
from morphogen.frame import TargetSpec
from morphogen.render import BACKENDS, create

TRAIL, DT = 0.2, 1 / 60
OLD, NEW = (init_glow(preset("3L_4D"), seed) for seed in (3, 4))
SPEC, OTHER = TargetSpec(64, 36), TargetSpec(72, 36)


@pytest.mark.parametrize("backend", sorted(BACKENDS))
@pytest.mark.parametrize("skipped", [0, 1, 3])
def test_skipped_frames_age_the_past(backend, skipped):
    try:
        renderer = create(backend)
    except MorphogenError as error:
        pytest.skip(f"{backend}: {error}")

    def draw(network, spec, trail=TRAIL):
        out = np.zeros(spec.pixel_bytes, np.uint8)
        renderer.render(Scene((network,), {"time": 1.0}, trail=trail, dt=DT, dither=False), [(spec, out)])
        return out.astype(float)

    try:
        start, goal = draw(OLD, SPEC, 0.0), draw(NEW, SPEC, 0.0)
        for _ in range(2):
            draw(OLD, OTHER, 0.0)  # whatever past there was is gone
        draw(OLD, SPEC)
        for _ in range(skipped):
            draw(NEW, OTHER)
        keep = math.exp(-(skipped + 1) * DT / TRAIL)
        assert np.abs(draw(NEW, SPEC) - (goal + (start - goal) * keep)).max() <= 1.5
    finally:
        renderer.close()
