"""Compiled code comes and goes: the cache is bounded, memory comes back, threads end."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from drawing import VALUES, apart, draw, glow, scene
from morphogen.field.network import Shape, init_glow, preset
from morphogen.field.scene import Scene, program
from morphogen.frame import TargetSpec
from morphogen.render.cpu import renderer as cpu
from morphogen.render.cpu.crew import Crew
from morphogen.render.cpu.renderer import CpuRenderer
from morphogen.render.numpy import NumpyRenderer
from morphogen.stats import resident_mb

# A kernel holds 1.2 MB; those that are dropped after the first 50 switches would be 60 MB if they stayed.
GROWTH_MB = 12.0


def small_shape(n: int) -> Shape:
    """Forty different shapes, quick to compile."""
    names = ("sin", "cos", "gaussian", "tanh", "abs")
    return Shape(
        ("x", "y", "time"), ((names[n % 5],) * (1 + n // 20), (names[n // 5 % 4],) * 2, ("relu",) * (n // 20 + 1))
    )


SHAPES = [small_shape(n) for n in range(40)]
ROOM = 24  # kernels, so that forty shapes do not fit


def test_the_shapes_differ():
    assert len(set(SHAPES)) == 40 > ROOM


def test_200_switches_over_40_shapes_leave_nothing_behind(monkeypatch):
    monkeypatch.setattr(cpu, "CACHED_KERNELS", ROOM)
    renderer = CpuRenderer(2)
    pixels = np.zeros(TargetSpec(64, 8).pixel_bytes, np.uint8)
    reference = NumpyRenderer()
    rss = []
    rng = np.random.default_rng(5)
    compiled = 0
    try:
        for switch in range(200):
            what = Scene((init_glow(SHAPES[rng.integers(40)], switch),), VALUES)
            compiled += not renderer.has(what.program)
            renderer.prepare(what.program)
            renderer.render(what, [(TargetSpec(64, 8), pixels)])
            assert len(renderer._kernels) <= ROOM
            if switch % 20 == 0:
                assert apart(pixels.reshape(8, 64, 4), draw(reference, what, (64, 8))) <= 1
            if switch % 50 == 49:
                gc.collect()
                rss.append(resident_mb())
        assert len(renderer._kernels) == ROOM
        assert compiled > 3 * ROOM
    finally:
        renderer.close()
    assert rss[-1] - rss[1] < GROWTH_MB, rss


def test_the_most_recent_stay_and_the_oldest_go(monkeypatch):
    monkeypatch.setattr(cpu, "CACHED_KERNELS", 4)
    renderer = CpuRenderer(1)
    try:
        for shape in SHAPES[:4]:
            renderer.prepare(program((shape,)))
        kept = renderer.prepare(program((SHAPES[0],)))  # used again: it is the youngest now
        renderer.prepare(program((SHAPES[30],)))
        assert renderer.has(program((SHAPES[0],)))
        assert renderer.prepare(program((SHAPES[0],))) is kept
        assert not renderer.has(program((SHAPES[1],)))
    finally:
        renderer.close()


def test_new_weights_compile_nothing():
    renderer = CpuRenderer(1)
    try:
        kernel = renderer.prepare(program((preset("3L_4D"),)))
        for seed in range(5):
            draw(renderer, scene(glow(seed)), (8, 8))
        assert list(renderer._kernels.values()) == [kernel]
    finally:
        renderer.close()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_crew_ends_at_close(threads):
    before = set(threading.enumerate())
    renderer = CpuRenderer(threads)
    assert len(set(threading.enumerate()) - before) == threads - 1
    draw(renderer, scene(), (64, 64))
    renderer.close()
    renderer.close()
    assert set(threading.enumerate()) <= before


def test_many_crews_leave_no_thread():
    before = threading.active_count()
    for _ in range(50):
        Crew(3).close()
    assert threading.active_count() == before


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_any_number_of_threads_draws_the_same(threads):
    one, many = CpuRenderer(1), CpuRenderer(threads)
    try:
        for size in ((33, 1), (70, 9), (200, 61)):
            assert np.array_equal(draw(one, scene(), size), draw(many, scene(), size))
    finally:
        one.close()
        many.close()


def test_compiling_from_several_threads_is_safe():
    """One shape asked for by all, and different ones at once; then all of them draw."""
    renderer = CpuRenderer(1)
    try:
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda n: renderer.prepare(program((SHAPES[n % 6],))), range(36)))
        reference = NumpyRenderer()
        for shape in SHAPES[:6]:
            what = Scene((init_glow(shape, 3),), VALUES)
            assert renderer.has(what.program)
            assert apart(draw(renderer, what, (40, 6)), draw(reference, what, (40, 6))) <= 1
    finally:
        renderer.close()


def test_preparing_aside_does_not_disturb_the_picture(monkeypatch):
    """The running style is drawn on while more shapes are compiled than the cache holds: it stays, and stays right."""
    monkeypatch.setattr(cpu, "CACHED_KERNELS", 4)
    renderer = CpuRenderer(2)
    what, done = scene(), threading.Event()
    try:
        expected = draw(renderer, what, (64, 16))
        helper = threading.Thread(target=lambda: [renderer.prepare(program((s,))) for s in SHAPES[:9]] and done.set())
        helper.start()
        drawn = 0
        while helper.is_alive() or not drawn:
            assert np.array_equal(draw(renderer, what, (64, 16)), expected)
            assert renderer.has(what.program)
            drawn += 1
        helper.join()
        assert done.is_set()
    finally:
        renderer.close()


def test_history_goes_with_the_trail_and_does_not_pile_up():
    """An output that is resized again and again under a long trail must not leave a history of each size."""
    renderer = CpuRenderer(1)
    try:
        for width in range(100, 400):
            draw(renderer, scene(trail=2.0), (width, 2))
        assert len(renderer._history) < 150
        for _ in range(2):  # a frame without a trail, and the one that tidies up
            draw(renderer, scene(), (64, 2))
        assert not renderer._history
    finally:
        renderer.close()
