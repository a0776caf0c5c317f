"""Where samples lie, which pixels take them all, and how many fit into a frame's time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drawing import draw, glow, scene, tiles
from morphogen.field.scene import SAMPLES, View
from morphogen.frame import Crop, TargetSpec
from morphogen.render.cpu.renderer import CpuRenderer
from morphogen.render.supersample import PATTERNS, Sampling, mean, shares


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("weights", [(1.0,), (0.25,) * 4, (0.6, 0.4), (1.0, 0.0), (0.0, 1.0)])
def test_every_pass_ends_up_with_its_weight(weights, keep):
    left = np.array([1.0, *[0.0] * len(weights)])  # of the past, and of each pass
    for n, share in enumerate(shares(weights, keep)):
        left *= 1.0 - share
        left[n + 1] += share
    assert np.allclose(left, [keep, *((1 - keep) * w for w in weights)], atol=1e-12)


def test_offsets_lie_in_the_pixel_and_around_its_middle():
    assert tuple(PATTERNS) == SAMPLES
    for count, pattern in PATTERNS.items():
        offsets = np.array(pattern.offsets)
        assert len(set(pattern.offsets)) == pattern.count == count
        assert np.abs(offsets).max() < 0.5
        assert np.array_equal(offsets * 8, np.rint(offsets * 8))  # so a float32 adds them to any column exactly
        for some in (offsets, offsets[: pattern.first]):
            assert np.allclose(some.mean(axis=0), 0.0)
            assert len(some) == 16 or all(len(set(some[:, axis])) == len(some) for axis in (0, 1))


@pytest.mark.parametrize("samples", SAMPLES[1:])
def test_what_is_seen_goes_from_the_first_few_to_all(samples):
    """Continuously, by how far the first few are apart in any channel that counts."""
    pattern = PATTERNS[samples]
    taken = np.zeros((samples, 4))
    taken[pattern.first :] = 0.5  # which only those see that take them
    step = pattern.steep / 255
    for apart, weight in ((0.0, 0.0), (0.9, 0.0), (1.5, 0.5), (2.0, 1.0), (9.0, 1.0)):
        for channel, channels in ((0, 3), (2, 3), (3, 4)):
            steep = taken.copy()
            steep[1, channel] = apart * step
            few, every = steep[: pattern.first].mean(axis=0), steep.mean(axis=0)
            assert np.allclose(mean(steep, pattern, channels), few + weight * (every - few)), (apart, channel)
    steep = taken.copy()
    steep[1, 3] = 1.0
    assert np.allclose(mean(steep, pattern, 3)[:3], 0.0)  # alpha that nobody asks for


@pytest.mark.parametrize("samples", SAMPLES[1:])
def test_what_is_left_out_depends_on_the_pixel_alone(samples):
    """Tiles and threads part the runs of pixels elsewhere; the bytes are the same, and some pixels do take them all."""
    what = scene(glow(11), samples=samples)
    one, three = CpuRenderer(1), CpuRenderer(3)
    whole = draw(one, what, TargetSpec(300, 90, crop=Crop(500, 500, 1920, 1080)))
    assert PATTERNS[samples].first < one.describe()["taken"] < samples
    for spec in (TargetSpec(300, 90), *tiles(300, 90, [37, 150], [13, 64])):
        at = spec.canvas
        place = Crop(500 + at.x, 500 + at.y, 1920, 1080)
        part = whole[at.y : at.y + spec.height, at.x : at.x + spec.width]
        assert np.array_equal(draw(three, what, replace(spec, crop=place)), part), spec
    one.close(), three.close()


def test_no_more_runs_take_all_than_the_time_allows():
    renderer, spec = CpuRenderer(2), TargetSpec(640, 360)
    steep = scene(glow(11), samples=16, view=View(0.05))
    draw(renderer, steep, spec)
    assert renderer.describe()["taken"] > 14
    renderer._sampling.allowed = 0.25
    renderer._sampling.plan = lambda wanted, work: wanted
    draw(renderer, steep, spec)
    assert renderer.describe()["taken"] == pytest.approx(4 + 12 * 0.25, abs=0.6)  # a band of rows for each thread
    renderer.close()


def limited(seconds: float = 16.0) -> Sampling:
    sampling = Sampling()
    sampling.budget = seconds
    return sampling


def play(sampling: Sampling, steep: float, seconds: float, frames: int = 1, wanted: int = 16) -> tuple[int, float]:
    """Frames in which a sample costs so much and so many pixels would take all; (samples used, time of the last)."""
    for _ in range(frames):
        pattern = PATTERNS[sampling.plan(wanted)]
        share = min(steep, sampling.allowed) if pattern.count > 1 else 0.0
        took = seconds * pattern.taken(share)
        sampling.measured(share, took)
    return pattern.count, took


def test_without_a_limit_all_samples_are_taken():
    sampling = Sampling()
    assert [sampling.plan(n) for n in SAMPLES] == list(SAMPLES)
    assert sampling.allowed == 1.0


def test_asking_for_samples_makes_no_frame_late():
    assert play(limited(), 1.0, 2.0)[0] == 1  # nothing is known yet
    for seconds, found in ((0.5, 16), (1.5, 4), (5.0, 1)):
        sampling = limited()
        assert all(play(sampling, 1.0, seconds)[1] <= 16.0 for _ in range(50))
        assert play(sampling, 1.0, seconds)[0] == found
        assert play(sampling, 1.0, seconds, wanted=1)[0] == 1


def test_where_little_is_steep_more_samples_fit():
    for steep, found in ((0.05, 16), (0.3, 16), (0.9, 4)):
        assert play(limited(), steep, 1.1, 60)[0] == found, steep


@pytest.mark.parametrize("seconds", [0.4, 0.8, 1.1, 2.0, 3.0])
def test_a_cut_to_a_steep_picture_makes_no_frame_late(seconds):
    """And the samples settle: what is used does not go up and down."""
    sampling = limited()
    play(sampling, 0.02, seconds, 60)
    after = [play(sampling, 1.0, seconds) for _ in range(60)]
    assert max(took for _, took in after) <= 16.0
    assert len({used for used, _ in after[20:]}) == 1
    back = [play(sampling, 0.02, seconds) for _ in range(120)]
    assert back[-1][0] == play(limited(), 0.02, seconds, 60)[0]
    assert max(took for _, took in back) <= 16.0


def test_samples_go_when_time_is_short_and_come_back_with_a_margin():
    sampling = limited()
    for seconds, expected in ((0.5, 16), (0.8, 16), (0.9, 4), (0.7, 4), (0.5, 16), (4.5, 1), (3.0, 1), (2.0, 4)):
        assert play(sampling, 1.0, seconds, 60)[0] == expected, seconds


def test_work_is_foreseen_and_a_frame_without_pixels_changes_nothing():
    sampling = limited()
    play(sampling, 1.0, 0.5, 60)
    assert sampling.plan(16, 0.0) == 16
    sampling.measured(0.0, 1e-5)
    assert sampling.plan(16, 1.0) == 16
    assert sampling.plan(16, 3.0) == 4  # a network three times as large
