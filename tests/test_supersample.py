"""How many samples fit, and how much of each goes over those before it."""

from __future__ import annotations

import numpy as np
import pytest

from morphogen.field.scene import SAMPLES
from morphogen.render.supersample import OFFSETS, Sampling, shares


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("weights", [(1.0,), (0.25,) * 4, (1 / 16,) * 16, (0.6, 0.4), (1.0, 0.0), (0.0, 1.0)])
def test_every_pass_ends_up_with_its_weight(weights, keep):
    left = np.array([1.0, *[0.0] * len(weights)])  # of the past, and of each pass
    for n, share in enumerate(shares(weights, keep)):
        left *= 1.0 - share
        left[n + 1] += share
    assert np.allclose(left, [keep, *((1 - keep) * w for w in weights)], atol=1e-12)


def test_offsets_lie_in_the_pixel_and_around_its_middle():
    assert tuple(OFFSETS) == SAMPLES
    for count, offsets in OFFSETS.items():
        assert len(set(offsets)) == count
        assert np.abs(np.array(offsets)).max() < 0.5
        assert np.allclose(np.mean(offsets, axis=0), 0.0)
    assert all(len({o[axis] for o in OFFSETS[4]}) == 4 for axis in (0, 1))


def test_without_a_limit_all_samples_are_taken():
    sampling = Sampling()
    assert [sampling.plan(n) for n in SAMPLES] == list(SAMPLES)


def test_asking_for_samples_makes_no_frame_late():
    sampling = Sampling()
    sampling.budget = 16.0
    assert sampling.plan(16) == 1  # nothing is known yet
    sampling.measured(1, 2.0)
    assert sampling.plan(16) == 4
    assert sampling.plan(1) == 1
    sampling = Sampling()
    sampling.budget = 16.0
    sampling.measured(1, 5.0)
    assert sampling.plan(16) == 1


def test_samples_go_when_time_is_short_and_come_back_with_a_margin():
    sampling = Sampling()
    sampling.budget = 16.0
    for seconds, expected in ((0.5, 16), (0.8, 16), (0.9, 4), (0.7, 4), (0.5, 16), (4.5, 1), (3.0, 1), (2.0, 4)):
        for _ in range(60):
            sampling.measured(sampling.used, sampling.used * seconds)
            used = sampling.plan(16)
        assert used == expected, seconds
