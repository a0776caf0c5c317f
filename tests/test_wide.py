"""Wide networks: layers of more than 16 units, drawn from samples by matrix multiplication."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from drawing import VALUES, apart, draw, glow, scene, tiles
from morphogen.errors import StyleError
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.cppn import TILE, evaluate
from morphogen.field.graph import Evaluator, pixel_input
from morphogen.field.inputs import PIXEL_INPUTS
from morphogen.field.network import PRESETS, SEED_INPUTS, Network, Shape, init_glow, init_seed, preset
from morphogen.field.scene import Grade, Scene, View, program
from morphogen.frame import Crop, PixelFormat, TargetSpec
from morphogen.library.align import align, mix
from morphogen.library.style import Style, load_style, save_style, to_bytes
from morphogen.render.cost import SCALES, SMALL_SCALES, SMALL_SHARE, WIDE_HIGH, WIDE_LOW, Bill, Governor, work
from morphogen.render.cpu.renderer import CpuRenderer
from morphogen.render.numpy import NumpyRenderer
from morphogen.render.wide import painter as wide
from morphogen.render.wide.kernel import TILINGS
from morphogen.render.wide.pack import Layout, Pack
from morphogen.render.wide.samples import (
    CODES,
    IDLE_FRAMES,
    KEPT_PACKS,
    PHASES,
    SAMPLED,
    TAPS,
    Grid,
    canonical,
    weights,
)
from morphogen.stage import morphs

WIDE = preset("4L_128D")
DEEP = preset("8L_256D")
SMALL_WIDE = Shape(SEED_INPUTS, (("sin",) * 40, ("gaussian",) * 24, ("tanh",) * 17))
SPEC = TargetSpec(640, 360)
SIZE = (41, 24)


@pytest.fixture(scope="module")
def renderer():
    made = CpuRenderer(2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def reference():
    return NumpyRenderer()


def picture(seed: int = 1, shape: Shape = SMALL_WIDE) -> Network:
    return init_glow(shape, seed)


def check(renderer, reference, what: Scene, spec=SIZE) -> np.ndarray:
    ours, truth = draw(renderer, what, spec), draw(reference, what, spec)
    assert apart(ours, truth) <= 1
    assert (ours != truth).mean() <= 0.02
    return ours


def decibels(a, b) -> float:
    return 10 * np.log10(255**2 / max(float(np.mean((a.astype(float) - b) ** 2)), 1e-9))


def at_scale(renderer, monkeypatch, scale: int, what: Scene, spec=SPEC) -> np.ndarray:
    monkeypatch.setattr(renderer._governor, "plan", lambda shapes, specs: dict.fromkeys(specs, scale))
    out = draw(renderer, what, spec)
    monkeypatch.undo()
    return out


# --- the picture, at scale 1


def test_the_reference_evaluates_wide_networks_as_it_does_small_ones():
    """The same weights, once as a wide network (by matrix products, in tiles), once unit by unit."""
    network = init_seed(SMALL_WIDE, 3)
    rng = np.random.default_rng(0)
    pixels = {axis: rng.uniform(-1, 1, (3, TILE // 2)) for axis in "xy"}
    got = evaluate(network, pixels, VALUES)
    units = [pixels["x"], pixels["y"], *(np.full_like(pixels["x"], VALUES.get(n, 0.0)) for n in SEED_INPUTS[2:])]
    for layer, names in enumerate([*SMALL_WIDE.layers, ("sigmoid",) * 3]):
        weight, bias = (network.tensors[2 * layer + k].astype(float) for k in (0, 1))
        sums = np.einsum("oi,i...->o...", weight, np.stack(units)) + bias[:, None, None]
        units = [ACTIVATIONS[name].reference(row) for name, row in zip(names, sums, strict=True)]
    np.testing.assert_allclose(got, units, atol=1e-9)


def test_activations_mixed_in_one_layer(renderer, reference):
    """Units are sorted into blocks of one activation; every pixel input."""
    names = tuple(sorted(ACTIVATIONS))
    layers = tuple(tuple(names[(unit + layer) % len(names)] for unit in range(35)) for layer in range(3))
    shape = Shape((*PIXEL_INPUTS, "time", "bass"), layers)
    for seed in range(3):
        check(renderer, reference, scene(init_glow(shape, seed, hidden_gain=2.0)))


@pytest.mark.parametrize("mix", [0.0, 0.4, 1.0])
def test_palettes(renderer, reference, mix):
    """Alone and in fades with the other head, wide and small."""
    wide = init_glow(replace(SMALL_WIDE, head="palette"), 3)
    check(renderer, reference, scene(wide))
    for other in (picture(), glow(1, "3L_4D", "palette"), glow(2)):
        check(renderer, reference, Scene((wide, other), VALUES, mix))
        check(renderer, reference, Scene((other, wide), VALUES, mix))


@pytest.mark.parametrize("widths", [(17,), (1, 256), (256, 1, 3), (18,) * 8])
def test_any_widths(renderer, reference, widths):
    shape = Shape(SEED_INPUTS, tuple((("sin", "tanh")[i % 2],) * width for i, width in enumerate(widths)))
    check(renderer, reference, scene(init_glow(shape, 2)))


def test_a_network_without_pixel_inputs(renderer, reference):
    check(renderer, reference, scene(init_seed(Shape(("time", "bass"), (("sin",) * 20,)), 1)))


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (1, 70), (70, 1), (64, 3), (321, 41)])
def test_odd_sizes(renderer, reference, size):
    check(renderer, reference, scene(picture()), size)
    check(renderer, reference, scene(picture(), trail=0.5), size)


@pytest.mark.parametrize("change", [
    {"view": View(1.5, 33.0, 0.2, -0.1, 3, 5, True, 0.6, 2.0, 7.7)}, {"view": View(mirror=1, zoom=0.5)},
    {"grade": Grade(0.7, 1.4, 1.6, 0.8, 0.3, 0.9)}, {"dither": False}, {"master": 0.4},
])  # fmt: skip
def test_view_and_grade(renderer, reference, change):
    check(renderer, reference, scene(picture(), **change))


@pytest.mark.parametrize("mix", [0.0, 0.4, 1.0])
def test_cross_fades_with_wide_and_with_small_networks(renderer, reference, mix):
    a, b = picture(1), picture(2, Shape(("r", "x", "bass"), (("cos",) * 30,)))
    for pair in ((a, b), (a, glow()), (glow(), a), (glow(4, "3L_8D"), b)):
        check(renderer, reference, Scene(pair, VALUES, mix, view=View(1.3, 10.0)))


def test_a_trail_and_formats_and_flip(renderer, reference):
    spec = TargetSpec(70, 31, PixelFormat.BGRA8, flip=True)
    draw(renderer, scene(picture()), spec)
    for n in range(5):
        check(renderer, reference, scene(picture(), values=VALUES | {"time": n / 5}, trail=0.5), spec)
    draw(renderer, scene(picture()), spec)
    reference.close()


def test_tiles_of_a_canvas_are_the_whole_to_the_byte(renderer, reference):
    whole = check(renderer, reference, scene(picture()), (203, 61))
    stitched = np.zeros_like(whole)
    for spec in tiles(203, 61, [1, 67, 131], [9, 40]):
        at = spec.crop
        stitched[at.y : at.y + spec.height, at.x : at.x + spec.width] = draw(renderer, scene(picture()), spec)
    assert np.array_equal(stitched, whole)


@pytest.mark.parametrize("flip", [False, True])
def test_strips_are_the_whole_to_the_byte(renderer, monkeypatch, flip):
    """A large picture is drawn a few rows at a time; with a past, too."""
    spec = TargetSpec(90, 61, flip=flip)
    frames = [scene(picture(), values=VALUES | {"time": n / 3}, trail=0.5) for n in range(3)]
    draw(renderer, scene(picture()), spec)
    whole = [draw(renderer, what, spec) for what in frames]
    draw(renderer, scene(picture()), spec)
    monkeypatch.setattr(wide, "STRIP", 30_000)
    assert all(np.array_equal(draw(renderer, what, spec), before) for what, before in zip(frames, whole, strict=True))
    draw(renderer, scene(picture()), spec)


def test_nothing_outside_the_target_is_touched(renderer):
    for size in [(1, 1), (7, 5), (63, 4), (65, 4)]:
        spec = TargetSpec(*size)
        block = np.full(spec.pixel_bytes + 512, 123, np.uint8)
        renderer.render(scene(picture(), trail=0.3), [(spec, block[256:-256])])
        assert (block[:256] == 123).all()
        assert (block[-256:] == 123).all()


@pytest.mark.parametrize("size", [1e4, 1e12])
def test_huge_weights_draw_something(renderer, size):
    for shape in (SMALL_WIDE, Shape(("x", "y"), (("relu",) * 20, ("identity",) * 20, ("abs",) * 20))):
        wild = init_glow(shape, 1).with_flat(np.full(shape.parameters, size, np.float32))
        for what in (scene(wild), scene(wild, trail=0.5, grade=Grade(exposure=4.0), view=View(20.0, warp=1.0))):
            assert (draw(renderer, what, SIZE)[..., 3] == 255).all()


def test_the_number_of_threads_changes_nothing(renderer):
    one = CpuRenderer(1)
    assert np.array_equal(draw(one, scene(picture()), (203, 61)), draw(renderer, scene(picture()), (203, 61)))
    one.close()


# --- styles


@pytest.mark.parametrize("name", [name for name in PRESETS if preset(name).wide])
def test_the_glow_of_wide_presets_is_a_picture(renderer, name):
    """Neither fog nor noise: dark ground, bright parts, edges, smooth between pixels, another one for each seed."""
    pictures = [draw(renderer, scene(init_glow(preset(name), seed), values={}), (160, 90))[..., :3].astype(float)
                for seed in range(6)]  # fmt: skip
    for seen in pictures:
        assert 10 < seen.mean() < 150
        assert seen.std() > 25
        assert np.percentile(seen, 98) > 100
        assert np.abs(np.diff(seen, axis=1)).mean() < 12
    assert min(np.abs(a - b).mean() for a, b in pairwise(pictures)) > 15


def test_wide_weights_are_sparse_and_the_same_everywhere():
    network = init_glow(preset("4L_128D"), 5)
    assert all((np.count_nonzero(network.tensors[2 * layer], axis=1) == 4).all() for layer in (1, 2, 3))
    assert (np.count_nonzero(network.tensors[-2], axis=1) == 6).all()
    assert all(np.abs(network.tensors[2 * layer + 1]).max() <= 1.5 for layer in range(4))
    assert np.array_equal(network.flat, init_glow(preset("4L_128D"), 5).flat)
    assert hashlib.sha256(network.flat.tobytes()).hexdigest()[:16] == "e9801e66efd5a075"


def test_a_wide_style_file_round_trips(tmp_path):
    names = tuple(sorted(ACTIVATIONS))
    mixed = Shape(SEED_INPUTS, tuple(tuple(names[(u * 7 + k) % 8] for u in range(256)) for k in range(8)))
    style = Style(init_glow(mixed, 1), "own/large")
    back = load_style(save_style(style, tmp_path / "large.safetensors").path)
    assert back.shape == mixed
    assert np.array_equal(back.network.flat, style.network.flat)


def bad_file(path, change) -> str:
    """The refusal of a wide style's file whose metadata or bytes were changed."""
    data = to_bytes(Style(init_glow(WIDE, 1), "own/large"))
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    meta = json.loads(header["__metadata__"]["morphogen"])
    header, meta, body = change(header, meta, data[8 + size :])
    header["__metadata__"]["morphogen"] = json.dumps(meta)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    with pytest.raises(StyleError) as caught:
        load_style(path)
    assert caught.value.cure
    return str(caught.value)


@pytest.mark.parametrize(("change", "message"), [
    (lambda h, m, b: (h, m | {"layers": [128, 128, 128, 257]}, b), "too wide: 257 units in a layer, 256 are drawn"),
    (lambda h, m, b: (h, m | {"layers": [10**9] * 4}, b), "too wide: 1000000000 units"),
    (lambda h, m, b: (h, m | {"layers": [128] * 9, "activations": ["sin"] * 9}, b), "9 hidden layers, 8 are drawn"),
    (lambda h, m, b: (h, m | {"layers": [256] * 4}, b), "has shape (128, 12), this network needs (256, 12)"),
    (lambda h, m, b: (h, m | {"activations": [["sin"] * 127, "sin", "sin", "sin"]}, b), "a layer of 128 units"),
    (lambda h, m, b: (h, m, b[:-4]), "lies outside the file"),
    (lambda h, m, b: (h, m, b + bytes(9 * 2**20)), "MB, a style has 8 at most"),
    (lambda h, m, b: (h | {"x" * 2**20: h["layers.0.bias"]}, m, b), "its header claims"),
    (lambda h, m, b: (h, m, b[:-4] + np.float32("nan").tobytes()), "NaN or infinite"),
])  # fmt: skip
def test_hostile_wide_files_are_refused(tmp_path, change, message):
    assert message in bad_file(tmp_path / "bad.safetensors", change)


def test_wide_styles_cross_fade_unless_a_morph_is_asked_for():
    small, large = init_glow(preset("3L_4D"), 1), init_glow(WIDE, 1)
    assert morphs("auto", small, small)
    assert not morphs("auto", large, large)
    assert morphs("morph", large, large)
    assert not morphs("fade", small, small)
    assert not morphs("morph", small, large)


def test_a_morph_of_wide_styles_draws_both_ends(renderer):
    a, b = picture(1), picture(2)
    goal = align(a, b, VALUES)  # meets it only: matching 128 units takes 15 s
    assert goal.shape == b.shape
    assert apart(draw(renderer, scene(goal), SIZE), draw(renderer, scene(b), SIZE)) <= 1
    half = draw(renderer, scene(mix(a, goal, 0.5)), SIZE)
    assert apart(half, draw(renderer, scene(a), SIZE)) > 5


# --- weights in the kernel's order


@pytest.mark.parametrize("tiling", TILINGS.values())
def test_packed_weights_multiply_to_the_same(tiling):
    """The table and the block, followed by hand."""
    names = tuple(("sin", "tanh", "relu")[i % 3] for i in range(23))
    shape = Shape(("y", "time", "r"), (names, ("cos",) * 9))
    network = init_seed(shape, 4)
    layout = Layout(shape, tiling)
    pack = Pack(network, layout).at({"time": 3.0})
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-1, 1, (2, tiling.panel))
    scratch = np.full(layout.room, np.nan)
    inputs = [x, y, np.hypot(x, y), np.arctan2(y, x) / np.pi, abs(x), abs(y)]
    scratch[: 6 * tiling.panel] = np.concatenate(inputs)
    for depth, blocks, code, begin, source, target in layout.table:
        size = blocks * tiling.units * (depth + 1)
        part = pack.block[begin : begin + size].astype(float).reshape(blocks, depth + 1, tiling.units)
        seen = scratch[source : source + depth * tiling.panel].reshape(depth, -1)
        sums = (np.einsum("bku,kp->bup", part[:, 1:], seen) + part[:, 0][..., None]).reshape(-1, tiling.panel)
        if CODES[code] != "none":
            node = ACTIVATIONS[CODES[code]].emit(pixel_input("value"))
            sums = Evaluator(np.zeros(0), {"value": sums})(node)
        scratch[target : target + sums.size] = sums.ravel()
    got = scratch[layout.output : layout.output + 3 * tiling.panel].reshape(3, -1)
    truth = evaluate(network, {"x": x, "y": y}, {"time": 3.0})
    np.testing.assert_allclose(1 / (1 + np.exp2(got)), truth, atol=2e-6)


def test_a_pack_is_made_once_for_a_network_and_again_for_another(renderer):
    a, b = picture(1), picture(2)
    first = draw(renderer, scene(a), SIZE)
    pack = renderer._wide._pack(a)
    assert renderer._wide._pack(a) is pack
    assert apart(draw(renderer, scene(b), SIZE), first) > 5
    assert np.array_equal(draw(renderer, scene(a), SIZE), first)
    for seed in range(10, 20):
        renderer._wide._pack(picture(seed))
    assert len(renderer._wide._packs) == KEPT_PACKS


def test_all_wide_shapes_are_one_program(renderer):
    assert canonical((WIDE, preset("3L_4D"))) == (SAMPLED["rgb"], preset("3L_4D"))
    renderer.prepare(program((SMALL_WIDE,)))
    assert renderer.has(program((WIDE,)))
    assert renderer.has(program((preset("8L_256D"),)))
    assert not renderer.has(program((WIDE, preset("2L_4D"))))


# --- samples


@pytest.mark.parametrize("scale", SCALES)
def test_weights_interpolate(scale):
    found = weights(scale)[:, :scale].astype(float)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)
    places = np.arange(-1, 3) * scale + (scale - 1) / 2  # four samples, in pixels of the block between them
    for phase in range(scale):
        at = phase + scale // 2
        assert found[:, phase] @ places == pytest.approx(at, abs=1e-4)  # a line stays a line
    if scale % 2:
        np.testing.assert_array_equal(found[:, 0], [0, 1, 0, 0])
    assert weights(scale).shape == (TAPS, PHASES)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("start", "length"), [(0, 1), (0, 100), (7, 33), (-5, 50), (1919, 1)])
def test_a_grid_holds_all_samples_that_its_pixels_need(scale, start, length):
    grid = Grid.of(start, 0, length, 1, scale)
    for pixel in range(start, start + length):
        before = int(np.floor((pixel - (scale - 1) / 2) / scale))  # the last sample at or before it
        assert grid.left <= before - 1
        assert before + 2 < grid.left + grid.across
        expanded = pixel - start + grid.shift
        assert 0 <= expanded < grid.pitch - PHASES
        assert grid.left + 1 + expanded // scale == before


@pytest.mark.parametrize("scale", [s for s in SCALES if 1 < s <= 16])  # at 360 rows every detail is coarse
def test_a_sampled_picture_looks_the_same(renderer, monkeypatch, scale):
    what = scene(picture(3, WIDE))
    whole, sampled = draw(renderer, what, SPEC), at_scale(renderer, monkeypatch, scale, what)
    assert decibels(whole, sampled) > {2: 66, 3: 62, 4: 56, 5: 52, 6: 48, 8: 42, 10: 38, 12: 34, 14: 31, 16: 29}[scale]


@pytest.mark.parametrize("scale", [2, 3, 8, 12])
def test_tiles_at_one_scale_fit_together(renderer, monkeypatch, scale):
    what = scene(picture(3))
    whole = at_scale(renderer, monkeypatch, scale, what, TargetSpec(203, 61))
    stitched = np.zeros_like(whole)
    for spec in tiles(203, 61, [1, 67, 131], [9, 40]):
        at = spec.crop
        part = at_scale(renderer, monkeypatch, scale, what, spec)
        stitched[at.y : at.y + spec.height, at.x : at.x + spec.width] = part
    assert np.array_equal(stitched, whole)


def test_a_small_network_that_takes_too_long_in_a_fade_is_sampled_too():
    """And not finer again until the fade is over; else a fade to a wide style would be late on a slow machine."""
    fade, bill = [preset("3L_4D"), WIDE], Bill.of([preset("3L_4D"), WIDE])
    small = bill.slots(SPEC, 1)[0]
    made = governor(small / SMALL_SHARE * 1.01)
    made.plan(fade, [SPEC])
    assert made.small == 1
    made.budget *= 0.98
    made.plan(fade, [SPEC])
    assert made.small > 1
    made.budget = 1e-9
    made.plan(fade, [SPEC])
    assert made.small == SMALL_SCALES[-1]
    made.budget = 1e15
    made.plan(fade, [SPEC])
    assert made.small == SMALL_SCALES[-1]
    made.plan([WIDE], [SPEC])
    assert made.small == 1


def test_a_fade_of_two_scales_looks_the_same(renderer, monkeypatch):
    fade = Scene((glow(), picture(3)), VALUES, 0.4, trail=0.2, view=View(1.2, 20.0))
    whole = draw(renderer, fade, SPEC)
    draw(renderer, scene(), SPEC)
    monkeypatch.setattr(renderer._governor, "small", 2)
    sampled = at_scale(renderer, monkeypatch, 4, fade)
    assert decibels(whole, sampled) > 48
    draw(renderer, scene(), SPEC)


def test_a_small_network_is_drawn_whole_in_a_fade(renderer, monkeypatch):
    """Else the picture would blur in the moment when a fade to a wide style begins."""
    fade = Scene((glow(), picture(3)), VALUES, 0.0)
    assert apart(at_scale(renderer, monkeypatch, 8, fade), draw(renderer, scene(glow()), SPEC)) <= 1


def test_the_grade_comes_after_the_samples(renderer, monkeypatch):
    """A hard contrast cuts the interpolated picture, not the samples: edges stay thin."""
    what = scene(picture(3, WIDE), grade=Grade(contrast=3.0))
    assert decibels(draw(renderer, what, SPEC), at_scale(renderer, monkeypatch, 4, what)) > 42


# --- time


def governor(budget: float) -> Governor:
    """A slot takes a second."""
    made = Governor()
    made.budget = budget
    made.expect(1.0)
    return made


def need(scale: int, spec: TargetSpec = SPEC) -> float:
    return sum(Bill.of([DEEP]).slots(spec, scale))


def test_the_scale_is_the_finest_that_fits():
    for finer, scale in pairwise(SCALES):
        assert governor(need(scale) / WIDE_HIGH * 1.01).plan([DEEP], [SPEC]) == {SPEC: scale}
        assert governor(need(finer) / WIDE_HIGH * 0.99).plan([DEEP], [SPEC]) == {SPEC: scale}
    assert governor(need(1) / WIDE_HIGH * 1.01).plan([DEEP], [SPEC]) == {}
    assert governor(1e-9).plan([DEEP], [SPEC]) == {SPEC: SCALES[-1]}
    assert governor(0).plan([DEEP], [SPEC]) == {}


def test_samples_that_cost_less_than_all_else_are_not_saved():
    """However little time there is: the picture would suffer, and the frame be hardly faster. Without flicker."""
    made, full, rng = governor(1e-9), TargetSpec(1920, 1080), np.random.default_rng(1)
    made.learn("pixel", 1.0, 1.5)
    assert made.plan([WIDE], [full]) == {full: 20}
    for _ in range(300):
        made.learn("sample", 1.0, rng.uniform(0.8, 1.2))
        made.learn("pixel", 1.0, rng.uniform(1.3, 1.7))
        assert made.plan([WIDE], [full]) == {full: 20}
    assert made.plan([DEEP], [full]) == {full: SCALES[-1]}


def test_a_scale_does_not_flicker():
    """The measured rate wanders by a fifth either way; the scale stays."""
    made = governor(need(8) / WIDE_HIGH * 1.01)
    assert made.plan([DEEP], [SPEC]) == {SPEC: 8}
    rng = np.random.default_rng(1)
    for _ in range(300):
        for kind in ("sample", "pixel"):
            made.learn(kind, 1.0, rng.uniform(0.8, 1.0))
        assert made.plan([DEEP], [SPEC]) == {SPEC: 8}
    made.budget *= WIDE_HIGH / WIDE_LOW * (need(6) / need(8))
    assert made.plan([DEEP], [SPEC]) == {SPEC: 6}


def test_several_pictures_share_the_time():
    """The one with the most samples gives way first."""
    small = TargetSpec(160, 90)
    made = governor(sum(Bill.of([DEEP]).total([SPEC, small], {SPEC: 4})) / WIDE_HIGH * 1.01)
    assert made.plan([DEEP], [small, SPEC]) == {SPEC: 4}


def test_small_and_wide_networks_are_timed_apart():
    made = governor(need(4) / WIDE_HIGH * 1.01)
    for _ in range(40):
        made.learn("small", 1.0, 100.0)
    assert made.plan([DEEP], [SPEC]) == {SPEC: 4}
    made.measured([DEEP], [SPEC], {SPEC: 4}, need(4), 0.9 * need(4))
    assert made.plan([DEEP], [SPEC]) == {SPEC: 4}
    for _ in range(40):
        made.measured([DEEP], [SPEC], {SPEC: 4}, 4 * need(4), 3.9 * need(4))
    assert made.plan([DEEP], [SPEC])[SPEC] > 4


def test_the_first_frame_is_already_predicted(renderer):
    """Preparing measures; so a picture that would take half a second is never drawn whole."""
    fresh = CpuRenderer(2)
    fresh.limit(1 / 60)
    fresh.prepare(program((preset("8L_256D"),)))
    big = TargetSpec(1920, 1080)
    assert fresh._governor.plan([preset("8L_256D")], [big])[big] >= 8
    fresh.close()


def test_what_is_done_is_told(renderer):
    renderer.limit(1e-9)
    draw(renderer, scene(init_glow(DEEP, 1)), SPEC)
    assert renderer.describe()["inner"] == {"640x360": SCALES[-1]}
    assert renderer.describe()["half"] == []
    renderer.limit(0)
    draw(renderer, scene(picture()), (64, 36))
    assert renderer.describe()["inner"] == {}


def test_work_is_counted_for_wide_shapes():
    """Two pixel inputs of twelve are left, then every weight; an activation is worth eight."""
    assert work(WIDE)[0] == 2 * 128 + 3 * 128**2 + 3 * 128 + 8 * (4 * 128 + 3)
    assert work(preset("8L_256D"))[0] == pytest.approx(462_000 + 8 * 2051, rel=0.01)


# --- memory


def test_buffers_are_given_back(renderer):
    draw(renderer, scene(picture()), SPEC)
    assert renderer._wide._buffers
    for _ in range(IDLE_FRAMES + 1):
        draw(renderer, scene(glow()), (8, 8))
    assert not renderer._wide._buffers
    assert not renderer._wide._packs
    check_again = draw(renderer, scene(picture()), SIZE)
    assert check_again.any()


def test_a_large_picture_needs_little_memory():
    """Strips: the samples of 4096 x 2304 whole, and expanded, would be 226 MB."""
    made = CpuRenderer(2)
    tiny = Shape(("x", "y"), (("sin",) * 17,))
    spec = TargetSpec(4096, 2304)
    out = np.zeros(spec.pixel_bytes, np.uint8)
    made.prepare(program((tiny,)))
    made.render(scene(init_glow(tiny, 1)), [(spec, out)])
    assert sum(buffer.nbytes for buffer in made._wide._buffers.values()) < 1.5 * wide.STRIP
    made.close()


def test_a_crop_is_drawn_for_itself(renderer, reference):
    check(renderer, reference, scene(picture()), replace(TargetSpec(20, 10), crop=Crop(90, 50, 100, 56)))
