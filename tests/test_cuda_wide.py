"""Wide networks on the CUDA backend: the kernels' very text, run by `ptx_machine` under a stand-in for the driver.

What a card's silicon really does is shown by `test_render_parity` where there is one.
"""

from __future__ import annotations

import gc
import re
import subprocess
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

import fake_cuda
import ptx_machine
import ptx_numbers
from drawing import PLACES, VALUES, apart, draw, glow, scene, tiles
from fake_cuda import CUresult, FakeDriver, cuda  # noqa: F401  a fixture
from morphogen.errors import RenderError, UsageError
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.cppn import evaluate
from morphogen.field.network import SEED_INPUTS, Shape, init_glow, init_seed, preset
from morphogen.field.scene import SLOT, Grade, Scene, View, program, scene_uniforms, target_uniforms
from morphogen.frame import Crop, PixelFormat, TargetSpec
from morphogen.render.cpu.renderer import CpuRenderer
from morphogen.render.cuda import field, finish, wide
from morphogen.render.cuda.driver import CardLost
from morphogen.render.cuda.products import PRODUCTS, Block
from morphogen.render.cuda.renderer import CudaRenderer
from morphogen.render.numpy import NumpyRenderer
from morphogen.render.switch import Switch
from morphogen.render.wide.samples import IDLE_FRAMES, KEPT_PACKS, SAMPLED
from test_ptx import ptxas

RGB, PALETTE = SAMPLED["rgb"], SAMPLED["palette"]
GENERATIONS = (80, 86, 89, 90, 120)
SMALL = Shape(SEED_INPUTS, (("sin",) * 24, ("tanh",) * 20))
SPEC = TargetSpec(24, 10)
FIELD_TEXT, FINISH_TEXT = cache(field.text), cache(finish.text)  # half a second each
# Largest error of a preset in levels, before rounding: (float32 ... bfloat16).
LIMITS = {"float32": 0.05, "tf32": 4.0, "half": 4.0, "bfloat16": 25.0}


def picture(seed: int = 1, shape: Shape = SMALL):
    return init_glow(shape, seed)


@pytest.fixture
def quick(monkeypatch):
    """The trial of a card's speed is no part of these tests but one."""
    monkeypatch.delenv("MORPHOGEN_WIDE", raising=False)
    monkeypatch.setattr(wide, "TRIAL_SAMPLES", 64)
    monkeypatch.setattr(wide, "TRIAL", Shape(("x", "y"), (("sin",) * 17,)))
    monkeypatch.setattr(field, "text", FIELD_TEXT)
    monkeypatch.setattr(finish, "text", FINISH_TEXT)


@pytest.fixture
def renderer(cuda: FakeDriver, quick):  # noqa: F811
    """After each test everything was given back."""
    made = CudaRenderer()
    yield made
    made.close()
    del made
    gc.collect()
    assert cuda.left() == {}
    assert cuda.retained == 0
    assert not any(cuda.stacks.values())


@pytest.fixture(scope="module")
def reference():
    return NumpyRenderer()


def check(renderer, reference, what: Scene, spec=SPEC) -> np.ndarray:
    ours, truth = draw(renderer, what, spec), draw(reference, what, spec)
    assert apart(ours, truth) <= 1
    assert (ours != truth).mean() <= 0.02 or np.abs(ours.astype(int) - truth).sum() <= 4
    return ours


def at_scale(renderer, monkeypatch, scale: int, what: Scene, spec: TargetSpec) -> np.ndarray:
    governor = renderer._wide.governor if isinstance(renderer, CudaRenderer) else renderer._governor
    with monkeypatch.context() as patch:
        patch.setattr(governor, "plan", lambda shapes, specs: dict.fromkeys(specs, scale))
        return draw(renderer, what, spec)


# --- the text


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_assembler_takes_the_field_for_every_generation(name, tmp_path):
    """Two blocks fit on a multiprocessor; of the 128 registers that this leaves, few are kept in memory."""
    assembler, source = ptxas(), tmp_path / "kernel.ptx"
    source.write_text(field.text(name))
    for generation in GENERATIONS:
        done = subprocess.run(
            [assembler, "-v", f"-arch=sm_{generation}", source, "-o", tmp_path / "kernel.cubin"],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        used, spilled = (
            int(re.search(pattern, done.stderr)[1]) for pattern in (r"Used (\d+)", r"(\d+) bytes spill st")
        )
        print(f"{name} on sm_{generation}: {used} registers, {spilled} bytes spilled")
        assert used <= 128
        assert spilled <= 64


def test_only_this_text_asks_for_newer_cards():
    assert ".target sm_80" in field.text("half")
    assert ".target sm_60" in finish.text(program((RGB,)))


@pytest.mark.parametrize("shapes", [(RGB,), (RGB, PALETTE), (preset("3L_8D"), RGB)])
def test_the_assembler_takes_the_finish(shapes, tmp_path):
    assembler, source = ptxas(), tmp_path / "kernel.ptx"
    source.write_text(finish.text(program(shapes)))
    for generation in (75, *GENERATIONS):
        done = subprocess.run(
            [assembler, "-v", f"-arch=sm_{generation}", source, "-o", tmp_path / "kernel.cubin"],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "0 bytes spill stores" in done.stderr


# --- the field, before any rounding


def colours(renderer: CudaRenderer, what: Scene, spec: TargetSpec) -> np.ndarray:
    """(3, height, width) float64 out of the planes on the card."""
    draw(renderer, what, spec)
    planes = renderer._card.api.memory.blocks[renderer._wide._planes[0].address].view(np.float32)
    return 1 / (1 + np.exp2(planes.reshape(3, spec.height + 3, spec.width + 3)[:, 1:-2, 1:-2].astype(float)))


def truth(what: Scene, spec: TargetSpec) -> np.ndarray:
    slots = target_uniforms(scene_uniforms(what), spec)
    px, py = np.meshgrid(np.arange(spec.width), np.arange(spec.height))
    x, y = (px * slots[SLOT[f"across_{a}"]] + py * slots[SLOT[f"down_{a}"]] + slots[SLOT[f"origin_{a}"]] for a in "xy")
    return np.stack(evaluate(what.networks[0], {"x": x, "y": y}, what.values))


@pytest.mark.parametrize("name", PRODUCTS)
def test_each_precision_errs_as_it_should(cuda, quick, monkeypatch, name):  # noqa: F811
    monkeypatch.setenv("MORPHOGEN_WIDE", name)
    made = CudaRenderer()
    assert made.describe()["products"] == name
    for network in (init_glow(preset("4L_128D"), 1), init_seed(preset("4L_128D"), 1)):
        what = scene(network, view=View(1.3, 20.0))
        error = 255 * np.abs(colours(made, what, SPEC) - truth(what, SPEC))
        print(f"{name}: {error.max():.3f} levels, mean {error.mean():.4f}")
        assert error.max() < LIMITS[name]
        assert error.max() > 0 if name == "float32" else error.max() > 20 * LIMITS["float32"] / 10
    made.close()


def test_a_deep_network_after_ten_hours(renderer):
    what = scene(init_glow(preset("8L_256D"), 1), values=VALUES | {"time": 36_007.0})
    spec = TargetSpec(12, 5)
    assert 255 * np.abs(colours(renderer, what, spec) - truth(what, spec)).max() < 0.2


def test_coarse_products_keep_fine_coordinates(cuda, quick, monkeypatch):  # noqa: F811
    """Eleven bits of a coordinate would be steps of several pixels, so far from the middle."""
    monkeypatch.setenv("MORPHOGEN_WIDE", "half")
    made = CudaRenderer()
    shape = Shape(("x", "y"), (("sin",) * 17,))
    far = TargetSpec(24, 10, crop=Crop(14_000, 9_000, 16_384, 9_216))
    network = init_glow(shape, 2, extent=20.0)
    ours, true = draw(made, scene(network, dither=False), far), draw(NumpyRenderer(), scene(network, dither=False), far)
    assert len(np.unique(true[5, :, 0])) > 5
    assert apart(ours, true) <= 3
    made.close()


# --- pictures


def test_activations_mixed_in_one_layer(renderer, reference):
    """Threads of one warp go different ways; every pixel input."""
    names = tuple(sorted(ACTIVATIONS))
    layers = tuple(tuple(names[(unit + layer) % len(names)] for unit in range(35)) for layer in range(2))
    for seed in range(2):
        what = scene(init_glow(Shape((*PLACES, "time", "bass"), layers), seed, hidden_gain=2.0))
        check(renderer, reference, what)


@pytest.mark.parametrize("widths", [(17,), (1, 256), (200, 1, 3), (18,) * 8])
def test_any_widths(renderer, reference, widths):
    shape = Shape(SEED_INPUTS, tuple((("sin", "tanh")[i % 2],) * width for i, width in enumerate(widths)))
    check(renderer, reference, scene(init_glow(shape, 2)))


def test_a_network_without_pixel_inputs(renderer, reference):
    check(renderer, reference, scene(init_seed(Shape(("time", "bass"), (("sin",) * 20,)), 1)))


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (1, 70), (70, 1), (64, 3)])
def test_odd_sizes_formats_and_flip(renderer, reference, size):
    rgba = check(renderer, reference, scene(picture()), size)
    bgra = check(renderer, reference, scene(picture()), TargetSpec(*size, PixelFormat.BGRA8))
    flipped = check(renderer, reference, scene(picture()), TargetSpec(*size, flip=True))
    assert np.array_equal(rgba[..., [2, 1, 0, 3]], bgra)
    assert np.array_equal(rgba[::-1], flipped)


@pytest.mark.parametrize("change", [
    {"view": View(1.5, 33.0, 0.2, -0.1, 3, 5, True, 0.6, 2.0, 7.7)}, {"view": View(mirror=1, zoom=0.5)},
    {"grade": Grade(0.7, 1.4, 1.6, 0.8, 0.3, 0.9)}, {"dither": False}, {"master": 0.4},
])  # fmt: skip
def test_view_and_grade(renderer, reference, change):
    check(renderer, reference, scene(picture(), **change))


@pytest.mark.parametrize("mix", [0.0, 0.4, 1.0])
def test_cross_fades_with_wide_and_with_small_networks(renderer, reference, mix):
    a, b = picture(1), picture(2, Shape(("r", "x", "bass"), (("cos",) * 30,)))
    sixteen = init_glow(Shape(("x", "y"), (("sin",) * 16,)), 3)
    for pair in ((a, b), (a, glow()), (glow(4, "3L_8D"), b), (sixteen, b)):
        check(renderer, reference, Scene(pair, VALUES, mix, view=View(1.3, 10.0)))


def test_a_trail(renderer, reference):
    spec = TargetSpec(30, 9, PixelFormat.BGRA8, flip=True)
    for n in range(4):
        check(renderer, reference, scene(picture(), values=VALUES | {"time": n / 5}, trail=0.5), spec)
    reference.close()


@pytest.mark.parametrize("scale", [1, 3, 8])
def test_tiles_are_the_whole_to_the_byte(renderer, monkeypatch, scale):
    what = scene(picture())
    whole = at_scale(renderer, monkeypatch, scale, what, TargetSpec(53, 21))
    stitched = np.zeros_like(whole)
    for spec in tiles(53, 21, [1, 30], [9]):
        at = spec.crop
        part = at_scale(renderer, monkeypatch, scale, what, spec)
        stitched[at.y : at.y + spec.height, at.x : at.x + spec.width] = part
    assert np.array_equal(stitched, whole)


@pytest.mark.parametrize("scale", [2, 3, 8, 32])
def test_a_sampled_picture_is_the_cpus(renderer, monkeypatch, scale):
    other, what = CpuRenderer(1), scene(picture(3), trail=0.2)
    for spec in (TargetSpec(70, 37), TargetSpec(40, 20, crop=Crop(9, 5, 320, 180))):
        ours, theirs = (at_scale(each, monkeypatch, scale, what, spec) for each in (renderer, other))
        assert apart(ours, theirs) <= 1
    other.close()


def test_a_small_network_is_drawn_whole_in_a_fade(renderer, reference, monkeypatch):
    fade = Scene((glow(), picture(3)), VALUES, 0.0)
    assert apart(at_scale(renderer, monkeypatch, 8, fade, SPEC), draw(reference, scene(glow()), SPEC)) <= 1


@pytest.mark.parametrize("name", ["float32", "half"])
@pytest.mark.parametrize("size", [1e4, 1e12])
def test_huge_weights_draw_something(cuda, quick, monkeypatch, name, size):  # noqa: F811
    monkeypatch.setenv("MORPHOGEN_WIDE", name)
    made = CudaRenderer()
    shape = Shape(("x", "y"), (("relu",) * 20, ("identity",) * 20))
    wild = init_glow(shape, 1).with_flat(np.full(shape.parameters, size, np.float32))
    assert (draw(made, scene(wild, trail=0.5, grade=Grade(exposure=4.0)), SPEC)[..., 3] == 255).all()
    made.close()


def test_new_weights_are_sent_and_few_kept(renderer, reference):
    first = check(renderer, reference, scene(picture(1)))
    assert apart(check(renderer, reference, scene(picture(2))), first) > 5
    for seed in range(10, 10 + KEPT_PACKS):
        draw(renderer, scene(picture(seed)), (4, 4))
    assert len(renderer._wide._packs) == KEPT_PACKS
    network = picture(1)
    draw(renderer, scene(network), SPEC)
    pack = renderer._wide._packs[id(network)]
    later = check(renderer, reference, scene(network, values=VALUES | {"time": 9.0, "bass": 0.0}))
    assert renderer._wide._packs[id(network)] is pack
    assert apart(later, first) > 5


# --- time


def test_what_a_frame_costs(renderer, cuda):  # noqa: F811
    """Two launches, and what differs from frame to frame; nothing is allocated."""
    network = picture()
    for _ in range(2):
        draw(renderer, scene(network), SPEC)
    cuda.calls.clear()
    draw(renderer, scene(network), SPEC)
    assert cuda.calls == [
        "cuCtxPushCurrent", "cuMemcpyHtoDAsync", "cuEventRecord", "cuLaunchKernel", "cuEventRecord", "cuLaunchKernel",
        "cuEventRecord", "cuMemcpyDtoHAsync", "cuEventRecord", "cuCtxPopCurrent",
        "cuCtxPushCurrent", "cuEventSynchronize", "cuEventElapsedTime", "cuEventElapsedTime", "cuCtxPopCurrent",
    ]  # fmt: skip


def test_a_slow_card_takes_fewer_samples_and_says_so(renderer):
    spec = TargetSpec(40, 20)
    draw(renderer, scene(picture()), spec)
    assert renderer.describe()["inner"] == {}
    renderer.limit(1e-9)
    draw(renderer, scene(picture()), spec)
    assert renderer.describe()["inner"]["40x20"] > 1
    renderer.limit(1e9)
    draw(renderer, scene(picture()), spec)
    assert renderer.describe()["inner"] == {}
    renderer.limit(1e-9)
    draw(renderer, scene(picture()), spec)
    draw(renderer, scene(glow()), spec)
    assert renderer.describe()["inner"] == {}


def test_the_first_frame_is_already_predicted(renderer, cuda):  # noqa: F811
    """Preparing tries how fast the card is, by its own clock."""
    cuda.second /= 1e3
    renderer.prepare(program((preset("8L_256D"),)))
    renderer.limit(1 / 60)
    full = TargetSpec(1920, 1080)
    assert renderer._wide.governor.plan([preset("8L_256D")], [full])[full] > 1


def test_small_networks_are_never_sampled(renderer):
    renderer.limit(1e-9)
    draw(renderer, Scene((glow(), picture()), VALUES, 0.5), SPEC)
    assert renderer._wide.governor.small == 1


def test_frames_may_overlap(renderer, reference):
    a, b = scene(picture(1)), scene(picture(2))
    tokens = [renderer.submit(what, [SPEC, TargetSpec(7, 5)]) for what in (a, b)]
    for token, what in zip(tokens, (a, b), strict=True):
        outs = [np.zeros(drawing.spec.pixel_bytes, np.uint8) for drawing in token]
        renderer.collect(token, outs)
        for drawing, out in zip(token, outs, strict=True):
            assert apart(out, draw(reference, what, drawing.spec).ravel()) <= 1


# --- memory


def test_all_wide_shapes_are_one_program(renderer, cuda):  # noqa: F811
    assert not renderer.has(program((SMALL,)))
    renderer.prepare(program((SMALL,)))
    compiled = cuda.calls.count("cuLinkComplete")
    for name in ("4L_128D", "8L_256D"):
        assert renderer.has(program((preset(name),)))
        renderer.prepare(program((preset(name),)))
    assert cuda.calls.count("cuLinkComplete") == compiled == 2
    assert not renderer.has(program((SMALL, preset("2L_4D"))))


def test_buffers_are_given_back(renderer, cuda):  # noqa: F811
    spec = TargetSpec(4, 1)
    draw(renderer, scene(glow()), spec)
    before = cuda.left()["memory"]
    draw(renderer, scene(picture()), spec)
    assert cuda.left()["memory"] > before
    for _ in range(IDLE_FRAMES + 1):
        draw(renderer, scene(glow()), spec)
    assert cuda.left()["memory"] == before


def test_planes_in_flight_outlive_a_larger_picture(renderer, reference):
    token = renderer.submit(scene(picture()), [SPEC])
    draw(renderer, scene(picture(2)), (64, 32))
    out = np.zeros(SPEC.pixel_bytes, np.uint8)
    renderer.collect(token, [out])
    assert apart(out, draw(reference, scene(picture()), SPEC).ravel()) <= 1


def test_the_code_is_kept_for_the_next_start(cuda, quick, tmp_path):  # noqa: F811
    for _ in range(2):
        made = CudaRenderer(cache=tmp_path)
        draw(made, scene(picture()), SPEC)
        made.close()
        assert cuda.calls.count("cuLinkComplete") == 2


# --- things go wrong


def test_a_card_without_matrix_units(monkeypatch, quick):
    driver = FakeDriver([("NVIDIA GTX 1080", 6, 1)])
    fake_cuda.install(monkeypatch, driver)
    made = CudaRenderer()
    with pytest.raises(
        RenderError, match=r"NVIDIA GTX 1080 cannot draw 12>24x20>rgb: .*compute 8.0, GeForce RTX 30"
    ) as e:
        made.prepare(program((preset("3L_4D"), SMALL)))
    assert "--backend cpu" in e.value.cure
    assert apart(draw(made, scene(), SPEC), draw(NumpyRenderer(), scene(), SPEC)) <= 1  # all else as ever
    made.close()


@pytest.mark.parametrize("layers", [(("sin",) * 257,), (("sin",) * 20,) * 16])
def test_a_network_that_does_not_fit(renderer, layers):
    shape = Shape(SEED_INPUTS, layers)
    with pytest.raises(RenderError, match=r"too wide for the CUDA backend: .* 256 units a layer .* 15 layers") as error:
        renderer.prepare(program((shape,)))
    assert error.value.cure == "Use --backend cpu."
    with pytest.raises(RenderError, match="too wide"):
        Block(init_seed(shape, 1), PRODUCTS["half"])


def test_a_wrong_wish(monkeypatch, cuda):  # noqa: F811
    monkeypatch.setenv("MORPHOGEN_WIDE", "quarter")
    with pytest.raises(UsageError, match="MORPHOGEN_WIDE=quarter is no precision of wide networks") as error:
        CudaRenderer()
    assert "bfloat16" in error.value.cure
    gc.collect()
    assert cuda.retained == 0


@pytest.mark.parametrize("call", ["cuLinkAddData", "cuLinkComplete", "cuFuncSetAttribute", "cuModuleLoadData"])
def test_a_driver_that_does_not_take_the_kernel(renderer, cuda, call):  # noqa: F811
    cuda.fail[call] = CUresult.CUDA_ERROR_INVALID_VALUE
    with pytest.raises(RenderError, match=f"NVIDIA Fake failed in {call}: invalid value"):
        renderer.prepare(program((SMALL,)))
    assert not renderer.has(program((SMALL,)))
    del cuda.fail[call]
    assert apart(draw(renderer, scene(picture()), SPEC), draw(NumpyRenderer(), scene(picture()), SPEC)) <= 1


@pytest.mark.parametrize("call", ["cuMemAlloc", "cuLaunchKernel", "cuEventElapsedTime", "cuMemcpyHtoDAsync"])
def test_a_call_that_fails_once(renderer, cuda, call):  # noqa: F811
    renderer.prepare(program((SMALL,)))
    cuda.fail[call] = CUresult.CUDA_ERROR_OUT_OF_MEMORY
    with pytest.raises(RenderError, match=f"failed in {call}: out of memory") as caught:
        draw(renderer, scene(picture()), SPEC)
    assert not isinstance(caught.value, CardLost)
    del cuda.fail[call]
    assert apart(draw(renderer, scene(picture()), SPEC), draw(NumpyRenderer(), scene(picture()), SPEC)) <= 1


def test_the_cpu_takes_over(cuda, quick):  # noqa: F811
    show = Switch("cuda", lambda name: CudaRenderer() if name == "cuda" else CpuRenderer(1))
    cuda.fail["cuFuncSetAttribute"] = CUresult.CUDA_ERROR_INVALID_VALUE
    what = scene(picture())
    show.prepare(what.program)
    assert apart(draw(show, what, SPEC), draw(NumpyRenderer(), what, SPEC)) <= 1
    assert show.name == "cpu"
    assert "cuFuncSetAttribute" in show.describe()["fallback"]
    assert cuda.retained == 0
    show.close()


# --- the machine that judges


def test_products_are_what_the_manual_says():
    """PTX ISA, fragments of mma.m16n8k8 (tf32) and m16n8k16 (f16): element by element."""
    rng = np.random.default_rng(1)
    lanes = np.arange(32)
    group, thread = lanes // 4, lanes % 4
    a, b, c = rng.normal(size=(16, 16)), rng.normal(size=(16, 8)), rng.normal(size=(16, 8)).astype(np.float32)
    sums = [c[group + 8 * (i // 2), 2 * thread + i % 2] for i in range(4)]

    def words(values: np.ndarray) -> np.ndarray:
        return (values.astype(np.float32).view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)

    single = [words(a[group + 8 * (i % 2), thread + 4 * (i // 2)]) for i in range(4)]
    other = [words(b[thread + 4 * i, group]) for i in range(2)]
    got = np.stack(ptx_numbers.product("tf32", single, other, sums))
    true = words(a[:, :8]).astype(float) @ words(b[:8]).astype(float) + c
    expected = np.stack([true[group + 8 * (i // 2), 2 * thread + i % 2] for i in range(4)])
    np.testing.assert_allclose(got, expected, rtol=2e-7, atol=1e-6)

    def pairs(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        return ptx_numbers.pair(high.astype(np.float32), low.astype(np.float32), "f16x2").view(np.float32)

    half = [pairs(*(a[group + 8 * (i % 2), 2 * thread + j + 8 * (i // 2)] for j in (0, 1))) for i in range(4)]
    other = [pairs(*(b[2 * thread + j + 8 * i, group] for j in (0, 1))) for i in range(2)]
    got = np.stack(ptx_numbers.product("f16", half, other, sums))
    true = a.astype(np.float16).astype(float) @ b.astype(np.float16).astype(float) + c
    expected = np.stack([true[group + 8 * (i // 2), 2 * thread + i % 2] for i in range(4)])
    np.testing.assert_allclose(got, expected, rtol=2e-7, atol=1e-6)


HEAD = "//\n.visible .entry kernel(\n.param .align 8 .b8 kernel_param_0[8]\n)\n{\n"
NUMBERS = "mov.u32 %r1, %tid.x;\nshl.b32 %r2, %r1, 2;\ncvt.u64.u32 %rd1, %r2;\nmov.b64 %rd2, shared;\n"
NUMBERS += "add.s64 %rd3, %rd2, %rd1;\n"


def run(code: str) -> ptx_machine.Memory:
    memory = ptx_machine.Memory({0x1000: np.zeros(256, np.uint8)})
    kernel = ptx_machine.parse(f"{HEAD}{NUMBERS}{code}ret;\n}}\n")
    ptx_machine.launch(kernel, memory, np.zeros(8, np.uint8), (1, 1), (64, 1), shared=512)
    return memory


def test_the_machine_finds_a_missing_barrier():
    write, read = "st.shared.b32 [%rd3], %r1;\n", "xor.b32 %r3, %r2, 128;\ncvt.u64.u32 %rd4, %r3;\n"
    read += "add.s64 %rd5, %rd2, %rd4;\nld.shared.b32 %r4, [%rd5];\n"
    store = "add.s64 %rd6, %rd1, 4096;\nst.global.b32 [%rd6], %r4;\n"
    memory = run(write + "bar.sync 0;\n" + read + store)
    assert np.array_equal(memory.blocks[0x1000].view(np.uint32), np.arange(64) ^ 32)
    with pytest.raises(ptx_machine.Fault, match="race"):
        run(write + read + store)
    with pytest.raises(ptx_machine.Fault, match="race"):
        run(write + "bar.sync 0;\n" + read + write)
    with pytest.raises(ptx_machine.Fault, match="illegal shared address"):
        run("st.shared.b32 [%rd3+512], %r1;\n")


def test_the_machine_finds_threads_that_are_missing():
    some = "setp.lt.u32 %p1, %r1, {};\n@%p1 bra $L1;\n{}$L1:\n"
    product = (
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%r5, %r6, %r7, %r8}, {%r1, %r1, %r1, %r1}, {%r1, %r1}, "
    )
    product += "{%r1, %r1, %r1, %r1};\n"
    run(some.format(32, product))
    for count, code, message in ((16, product, "mma.sync without some threads"), (16, "bar.sync 0;\n", "of a warp"),
                                 (32, "bar.sync 0;\n", "threads end while others wait")):  # fmt: skip
        with pytest.raises(ptx_machine.Fault, match=message):
            run(some.format(count, code))


def test_threads_that_parted_meet_again():
    """Each goes one of four ways, then all multiply."""
    ways = ["$L_brx_0: .branchtargets\n$W0,\n$W1,\n$W2,\n$W3;\n", "and.b32 %r9, %r1, 3;\n", "brx.idx %r9, $L_brx_0;\n"]
    for i in range(4):
        ways.append(f"$W{i}:\nmul.lo.s32 %r4, %r1, {i};\nbra.uni $L9;\n")
    memory = run("".join([*ways, "$L9:\nbar.warp.sync -1;\nadd.s64 %rd6, %rd1, 4096;\nst.global.b32 [%rd6], %r4;\n"]))
    found = memory.blocks[0x1000].view(np.uint32)
    assert np.array_equal(found, np.arange(64) * (np.arange(64) % 4))
    assert all(a != b for a, b in pairwise(found))
