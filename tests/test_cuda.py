"""The CUDA backend against a stand-in for the driver (`fake_cuda`): pictures, history, errors, and what is given back.

The stand-in runs the very PTX that a card would get, so pictures are compared as well. It is no card: what only
silicon and NVIDIA's driver can show is in `test_render_parity`, where there is one.
"""

from __future__ import annotations

import ast
import ctypes
import ctypes.util
import gc
import inspect
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import fake_cuda
from drawing import VALUES, apart, constant, draw, glow, scene
from fake_cuda import CUresult, FakeDriver, cuda  # noqa: F401  a fixture
from morphogen.errors import RenderError, StateError, Unavailable, UsageError
from morphogen.field.network import SEED_INPUTS, Shape, init_glow, preset
from morphogen.field.scene import SCENE_SLOTS, Scene, View, folded_networks, program
from morphogen.frame import Crop, PixelFormat, TargetSpec
from morphogen.render.cpu.renderer import CpuRenderer
from morphogen.render.cuda import driver as cuda_driver
from morphogen.render.cuda import frame as cuda_frame
from morphogen.render.cuda import kernels, pack, ptx
from morphogen.render.cuda import renderer as backend
from morphogen.render.cuda import wide as cuda_wide
from morphogen.render.cuda.driver import CardLost
from morphogen.render.cuda.renderer import KEPT_FRAMES, CudaRenderer
from morphogen.render.numpy import NumpyRenderer
from morphogen.render.switch import Switch

SPEC = TargetSpec(24, 10)
FRAME = ["cuCtxPushCurrent", "cuLaunchKernel", "cuMemcpyDtoHAsync", "cuEventRecord", "cuCtxPopCurrent",
         "cuCtxPushCurrent", "cuEventSynchronize", "cuCtxPopCurrent"]  # fmt: skip


@pytest.fixture
def renderer(cuda: FakeDriver):  # noqa: F811
    """After each test everything was given back and no thread is left with a context."""
    made = CudaRenderer()
    yield made
    made.close()
    del made
    gc.collect()
    assert cuda.left() == {}
    assert cuda.retained == 0
    assert not any(cuda.stacks.values())


# --- pictures


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (33, 17), (130, 3)])
@pytest.mark.parametrize("trail", [0.0, 0.5])
def test_it_draws_what_the_reference_draws(renderer, size, trail):
    reference = NumpyRenderer()
    for spec in (TargetSpec(*size), TargetSpec(*size, PixelFormat.BGRA8, Crop(91, 53, 400, 300), flip=True)):
        for n in range(4):
            what = scene(values=VALUES | {"time": n / 10}, trail=trail, view=View(1.2, 15.0, warp=0.3))
            assert apart(draw(renderer, what, spec), draw(reference, what, spec)) <= 1, (spec, n)


@pytest.mark.parametrize("samples", [4, 16])
def test_samples_are_drawn_one_over_the_other(renderer, samples):
    reference, spec = NumpyRenderer(), TargetSpec(33, 17)
    for trail in (0.0, 0.5, 0.0):
        for n in range(3):
            what = scene(values=VALUES | {"time": n / 10}, trail=trail, view=View(0.3), samples=samples)
            assert apart(draw(renderer, what, spec), draw(reference, what, spec)) <= 1, (trail, n)


def test_float16_stays_on_the_card(renderer):
    spec = TargetSpec(30, 20, PixelFormat.RGBA16F)
    picture = draw(renderer, scene(), spec)
    said = renderer.device_frame(spec).__cuda_array_interface__
    assert (said["shape"], said["strides"], said["typestr"]) == ((20, 30, 4), (256, 8, 2), "<f2")
    assert np.abs(picture.astype(float) - draw(NumpyRenderer(), scene(), spec)).max() < 1e-3


def test_a_fade_of_wide_networks_reads_its_weights_from_constant_memory(renderer, cuda):  # noqa: F811
    shape = Shape(SEED_INPUTS, (("sin",) * 16, ("cos",) * 16, ("gaussian",) * 16))
    what = Scene((init_glow(shape, 1, hidden_gain=1.5), init_glow(shape, 2, hidden_gain=1.5)), VALUES, 0.5)
    assert not ptx.carried(what.program)
    assert apart(draw(renderer, what, SPEC), draw(NumpyRenderer(), what, SPEC)) <= 1
    assert "cuMemcpyHtoDAsync" in cuda.calls
    assert len(cuda.launches[-1]) == ctypes.sizeof(ptx.Job)


def test_several_targets_in_one_frame(renderer):
    specs = [TargetSpec(64, 36), TargetSpec(33, 17, PixelFormat.BGRA8), TargetSpec(40, 20, crop=Crop(9, 5, 320, 180))]
    for trail in (0.0, 0.5):
        targets = [(spec, np.full(spec.pixel_bytes, 99, np.uint8)) for spec in specs]
        renderer.render(scene(trail=trail), targets)
        for spec, out in targets:
            assert apart(out, draw(NumpyRenderer(), scene(trail=trail), spec).ravel()) <= 1


def test_history_is_the_cpus(renderer):
    """Trails that come and go, outputs that skip frames: frame by frame beside the CPU backend."""
    rng = np.random.default_rng(5)
    specs = [TargetSpec(24, 10), TargetSpec(7, 5), TargetSpec(64, 4, flip=True)]
    other, networks = CpuRenderer(1), [glow(seed) for seed in range(3)]
    for n in range(60):
        trail = float(rng.choice([0.0, 0.3, 0.3, 0.3])) if n % 7 else 0.3
        what = scene(networks[int(rng.integers(3))], trail=trail, dt=1 / 30)
        chosen = [spec for spec in specs if rng.random() < 0.6]
        pictures = []
        for each in (renderer, other):
            pictures.append([(spec, np.zeros(spec.pixel_bytes, np.uint8)) for spec in chosen])
            each.render(what, pictures[-1])
        for (spec, ours), (_, truth) in zip(*pictures, strict=True):
            assert apart(ours, truth) <= 1, (n, spec)
    other.close()


def test_a_trail_begins_with_its_first_frame(renderer):
    white, black = constant(1.0), constant(0.0)
    assert (draw(renderer, scene(white, trail=2.0), SPEC) == 255).all()
    assert draw(renderer, scene(black, trail=2.0), SPEC)[..., :3].min() > 200
    draw(renderer, scene(black), SPEC)
    assert not draw(renderer, scene(black, trail=2.0), SPEC)[..., :3].any()


def test_frames_may_overlap(renderer):
    """The second is submitted before the first is collected; each arrives whole."""
    first, second = scene(constant(1.0)), scene(constant(0.0))
    tokens = [renderer.submit(what, [SPEC, TargetSpec(7, 5)]) for what in (first, second)]
    for token, level in zip(tokens, (255, 0), strict=True):
        outs = [np.full(drawing.spec.pixel_bytes, 77, np.uint8) for drawing in token]
        renderer.collect(token, outs)
        assert all((out.reshape(-1, 4)[:, :3] == level).all() for out in outs)


def test_what_is_not_finite_draws_something(renderer):
    network = glow(1)
    wild = network.with_flat(network.flat * np.float32(1e30))
    for what in (scene(wild, trail=0.5), scene(values=VALUES | {"bass": 1e300}), scene(view=View(1e-30, x=1e30))):
        assert (draw(renderer, what, SPEC)[..., 3] == 255).all()


# --- what a frame costs, and what goes over


def test_a_frame_is_a_launch_and_a_copy(renderer, cuda):  # noqa: F811
    what = scene(trail=0.3)
    for _ in range(3):
        draw(renderer, what, SPEC)
    cuda.calls.clear()
    draw(renderer, what, SPEC)
    assert cuda.calls == FRAME


def test_the_block_of_a_launch(renderer, cuda):  # noqa: F811
    """Decoded as the kernel reads it."""
    what, canvas = scene(view=View(1.5, 20.0)), Crop(70, 130, 400, 300)
    draw(renderer, what, TargetSpec(30, 20, PixelFormat.BGRA8, canvas, flip=True))
    block = cuda.launches[-1]
    head = ctypes.sizeof(ptx.Job)
    job = ptx.Job.from_buffer_copy(block)
    assert (job.width, job.height, job.pitch, job.column, job.row) == (30, 20, 32, 70, 130)
    assert (job.order, job.flip, job.past, job.present) == (pack.BGRA, 1, 0, 0)
    assert cuda.memory.blocks[job.out].size == 32 * 20 * 4
    table = cuda.memory.blocks[job.thresholds].view(np.float32).reshape(64, 3, 64)
    assert 0 < table.min() < table.max() < 1
    uniforms = np.frombuffer(block[head:], np.float32)
    assert uniforms.size == what.program.uniform_count
    assert np.array_equal(uniforms[SCENE_SLOTS:], folded_networks(what))


def test_the_pipe_reads_the_block_when_it_is_launched(renderer, cuda):  # noqa: F811
    """One block serves every target of a frame: each launch carries its own."""
    specs = [TargetSpec(8, 4), TargetSpec(12, 6), TargetSpec(16, 8)]
    token = renderer.submit(scene(), specs)
    assert [ptx.Job.from_buffer_copy(block).width for block in cuda.launches] == [8, 12, 16]
    renderer.collect(token, [np.zeros(spec.pixel_bytes, np.uint8) for spec in specs])


# --- no card


def test_no_bindings(monkeypatch):
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    with pytest.raises(Unavailable, match=r"needs cuda-bindings .*pip install \"morphogen\[cuda\]\""):
        CudaRenderer()


def test_no_driver(monkeypatch, cuda):  # noqa: F811
    def nothing() -> int:
        raise RuntimeError("Failed to dlopen libcuda.so.1\nmore")

    cuda.fail["cuInit"] = nothing
    with pytest.raises(Unavailable, match=r"no NVIDIA driver here \(Failed to dlopen libcuda.so.1\).*--backend cpu"):
        CudaRenderer()


def test_the_real_bindings_on_this_machine():
    """What they say where no driver is comes out as ours."""
    pytest.importorskip("cuda.bindings.driver", reason="needs cuda-bindings")
    if ctypes.util.find_library("cuda") or ctypes.util.find_library("nvcuda"):
        pytest.skip("there is a driver here: test_render_parity draws with it")
    with pytest.raises(Unavailable, match=r"no NVIDIA driver here \(.+\).*NVIDIA's driver.*--backend cpu"):
        CudaRenderer()


@pytest.mark.parametrize(
    ("fail", "cards", "message"),
    [
        ({}, [], "driver finds no card.*nvidia-smi"),
        ({"cuInit": 803}, None, r"does not start: system driver mismatch \(CUDA_ERROR_SYSTEM_DRIVER_MISMATCH\)"),
        ({"cuInit": 12345}, None, "does not start: error 12345"),
        ({}, [("GeForce GTX 970", 5, 2)], "GeForce GTX 970 is older than the Pascal cards"),
    ],
)
def test_no_card_of_use(monkeypatch, fail, cards, message):
    driver = FakeDriver(cards)
    driver.fail.update(fail)
    fake_cuda.install(monkeypatch, driver)
    with pytest.raises(Unavailable, match=message):
        CudaRenderer()
    assert driver.retained == 0


def test_a_card_that_gives_no_stream(cuda):  # noqa: F811
    cuda.fail["cuStreamCreate"] = CUresult.CUDA_ERROR_OUT_OF_MEMORY
    with pytest.raises(RenderError, match="failed in cuStreamCreate: out of memory"):
        CudaRenderer()
    assert cuda.retained == 0
    assert not any(cuda.stacks.values())


@pytest.mark.parametrize("wish", ["2", "-1", "first"])
def test_a_card_that_is_not_there(monkeypatch, cuda, wish):  # noqa: F811
    monkeypatch.setenv("MORPHOGEN_GPU", wish)
    cuda.cards = [("One", 8, 6), ("Two", 8, 9)]
    with pytest.raises(UsageError, match=f"MORPHOGEN_GPU={wish} names no card. Cards count from 0; here are 2"):
        CudaRenderer()


def test_the_card_that_is_named(monkeypatch, cuda):  # noqa: F811
    monkeypatch.setenv("MORPHOGEN_GPU", "1")
    cuda.cards = [("One", 8, 6), ("Two", 8, 9)]
    made = CudaRenderer()
    assert made.describe() == {
        "backend": "cuda", "adapter": "Two", "device": 1, "software": False, "compute": "8.9", "driver": "CUDA 12.4",
        "card_mb": 0.0, "products": "float32", "inner": {},
    }  # fmt: skip
    made.close()


# --- things go wrong


def test_a_driver_that_refuses_the_text(renderer, cuda, monkeypatch):  # noqa: F811
    monkeypatch.setattr(ptx, "ptx", lambda program: "// not PTX\n")
    with pytest.raises(RenderError, match=r"NVIDIA Fake failed in cuLinkAddData: invalid ptx .*no entry `kernel`"):
        renderer.prepare(program((preset("3L_4D"),)))
    assert not renderer.has(program((preset("3L_4D"),)))
    assert "module" not in cuda.left()


@pytest.mark.parametrize("call", ["cuLaunchKernel", "cuMemcpyDtoHAsync", "cuEventSynchronize", "cuMemAlloc",
                                  "cuMemHostAlloc", "cuEventCreate", "cuMemcpyHtoDAsync"])  # fmt: skip
def test_a_call_that_fails_once(renderer, cuda, call):  # noqa: F811
    """The error is the driver's; the next frame is drawn, and its trail is whole."""
    draw(renderer, scene(trail=0.5), SPEC)
    cuda.fail[call] = CUresult.CUDA_ERROR_OUT_OF_MEMORY
    other = TargetSpec(9, 9, crop=Crop(3, 3, 90, 90))
    with pytest.raises(RenderError, match=f"NVIDIA Fake failed in {call}: out of memory .*outputs smaller") as caught:
        draw(renderer, scene(trail=0.5), other)
    assert not isinstance(caught.value, CardLost)
    del cuda.fail[call]
    for spec in (SPEC, other):
        assert apart(draw(renderer, scene(trail=0.5), spec), draw(NumpyRenderer(), scene(trail=0.5), spec)) <= 1


@pytest.mark.parametrize("call", ["cuLaunchKernel", "cuMemcpyDtoHAsync", "cuEventSynchronize", "cuCtxPushCurrent"])
@pytest.mark.parametrize("code", [700, 719, 999])
def test_a_card_that_is_lost(renderer, cuda, call, code):  # noqa: F811
    draw(renderer, scene(), SPEC)
    cuda.fail[call] = code
    with pytest.raises(CardLost, match=f"NVIDIA Fake failed in {call}: .*--backend cpu"):
        draw(renderer, scene(), SPEC)
    with pytest.raises(RenderError, match="closed"):
        draw(renderer, scene(), SPEC)
    assert cuda.retained == 0
    cuda.fail.clear()
    cuda.lost = CUresult.CUDA_SUCCESS
    cuda.alive.clear()  # a lost context takes everything with it, whatever is freed


def test_a_kernel_that_reads_where_nothing_is(renderer, cuda):  # noqa: F811
    draw(renderer, scene(), SPEC)
    token = renderer.submit(scene(), [SPEC])
    cuda.memory.blocks.clear()
    with pytest.raises(CardLost, match="illegal address"):
        renderer.collect(token, [np.zeros(SPEC.pixel_bytes, np.uint8)])
    cuda.lost = CUresult.CUDA_SUCCESS
    cuda.alive.clear()


def test_the_cpu_takes_over(cuda):  # noqa: F811
    """As in a show: the same frame, by the CPU, and the card let go."""
    show = Switch("cuda", lambda name: CudaRenderer() if name == "cuda" else CpuRenderer(1))
    what = scene()
    assert apart(draw(show, what, SPEC), draw(NumpyRenderer(), what, SPEC)) <= 1
    assert show.name == "cuda"
    cuda.fail["cuLaunchKernel"] = 719
    assert apart(draw(show, what, SPEC), draw(NumpyRenderer(), what, SPEC)) <= 1
    assert show.name == "cpu"
    assert "NVIDIA Fake failed in cuLaunchKernel: launch failed" in show.describe()["fallback"]
    assert cuda.retained == 0
    show.close()


# --- nothing is left behind


def test_closing_twice_and_drawing_after(renderer):
    draw(renderer, scene(trail=0.5), SPEC)
    renderer.close()
    renderer.close()
    for work in (lambda: draw(renderer, scene(), SPEC), lambda: renderer.prepare(scene().program)):
        with pytest.raises(RenderError, match="closed"):
            work()


def test_sizes_come_and_go(renderer, cuda):  # noqa: F811
    for n in range(100):
        draw(renderer, scene(trail=0.3 * (n % 2)), TargetSpec(1 + n, 2))
        renderer._frames += KEPT_FRAMES  # as if the size before had not been drawn for long
    left = cuda.left()
    assert left["host"] == left["event"] <= 2
    assert left["memory"] <= 2 * 3 + 1
    assert renderer.describe()["card_mb"] == pytest.approx(0.05, abs=0.05)


def test_a_picture_stays_while_it_is_drawn_now_and_then(renderer, cuda):  # noqa: F811
    draw(renderer, scene(), SPEC)
    before = cuda.left()
    for _ in range(KEPT_FRAMES):
        draw(renderer, scene(), TargetSpec(8, 8))
    draw(renderer, scene(), SPEC)
    assert cuda.left()["memory"] == before["memory"] + 1


def test_kernels_that_are_long_unused_are_unloaded(renderer, cuda, monkeypatch):  # noqa: F811
    monkeypatch.setattr(kernels, "CACHED_KERNELS", 8)
    shapes = [Shape(("x", "y"), (("sin",) * (1 + n % 3), ("cos",) * (1 + n // 3))) for n in range(8 + 3)]
    for shape in shapes:
        renderer.prepare(program((shape,)))
    assert cuda.left()["module"] == 8
    assert renderer.has(program((shapes[-1],)))
    assert not renderer.has(program((shapes[0],)))


def test_a_kernel_in_flight_is_not_unloaded(renderer, cuda):  # noqa: F811
    token = renderer.submit(scene(), [SPEC])
    renderer._kernels.clear()
    gc.collect()
    assert cuda.left()["module"] == 1
    renderer.collect(token, [np.zeros(SPEC.pixel_bytes, np.uint8)])
    del token
    assert "module" not in cuda.left()


def test_preparing_beside_the_render_thread(renderer, cuda):  # noqa: F811
    """Four threads compile while frames are drawn; none keeps the context."""
    shapes = [Shape(("x", "y"), (("sin",) * n,)) for n in range(1, 9)]
    threads = [threading.Thread(target=lambda s=s: renderer.prepare(program((s,)))) for s in shapes]
    for thread in threads:
        thread.start()
    for _ in range(10):
        draw(renderer, scene(), SPEC)
    for thread in threads:
        thread.join()
    assert all(renderer.has(program((shape,))) for shape in shapes)
    assert not any(cuda.stacks.values())


def test_the_code_is_kept_for_the_next_start(cuda, tmp_path):  # noqa: F811
    first = CudaRenderer(cache=tmp_path)
    picture = draw(first, scene(), SPEC)
    first.close()
    assert cuda.calls.count("cuLinkComplete") == 1
    second = CudaRenderer(cache=tmp_path)
    assert np.array_equal(draw(second, scene(), SPEC), picture)
    second.close()
    assert cuda.calls.count("cuLinkComplete") == 1


def test_kept_code_that_the_driver_does_not_take_is_compiled_anew(cuda, tmp_path):  # noqa: F811
    first = CudaRenderer(cache=tmp_path)
    picture = draw(first, scene(), SPEC)
    first.close()
    refusals = iter([CUresult.CUDA_ERROR_INVALID_VALUE])
    cuda.fail["cuModuleLoadData"] = lambda: next(refusals, 0)
    second = CudaRenderer(cache=tmp_path)
    assert np.array_equal(draw(second, scene(), SPEC), picture)
    second.close()
    assert cuda.calls.count("cuLinkComplete") == 2


# --- frames on the card


def test_a_frame_on_the_card(renderer, cuda):  # noqa: F811
    spec = TargetSpec(30, 20)
    with pytest.raises(StateError, match="No frame of 30x20 lies on the card yet"):
        renderer.device_frame(spec)
    picture = draw(renderer, scene(), spec)
    frame = renderer.device_frame(spec)
    said = frame.__cuda_array_interface__
    assert (said["shape"], said["strides"], said["typestr"]) == ((20, 30, 4), (128, 4, 1), "|u1")
    assert (frame.row_bytes, frame.__dlpack_device__()) == (128, (2, 0))
    address, read_only = said["data"]
    assert not read_only  # torch takes no other
    lies = cuda.memory.blocks[address].reshape(20, 32, 4)[:, :30]
    assert np.array_equal(lies, picture)


def test_a_frame_on_the_card_stays_whole_while_the_next_is_drawn(renderer, cuda):  # noqa: F811
    draw(renderer, scene(constant(1.0)), SPEC)
    renderer.device_frame(SPEC)  # from now on two buffers take turns
    for level in (0.0, 1.0, 0.0):
        draw(renderer, scene(constant(level)), SPEC)
        frame = renderer.device_frame(SPEC)
        token = renderer.submit(scene(constant(1.0 - level)), [SPEC])
        cuda._work()
        assert token[0].pixels.address != frame.address
        lies = cuda.memory.blocks[frame.address].reshape(-1, 4)[:, :3]
        assert (lies == round(255 * level)).all()
        renderer.collect(token, [np.zeros(SPEC.pixel_bytes, np.uint8)])


def test_a_frame_on_the_card_outlives_its_target(renderer, cuda):  # noqa: F811
    draw(renderer, scene(), SPEC)
    frame = renderer.device_frame(SPEC)
    renderer._frames += 2 * KEPT_FRAMES
    draw(renderer, scene(), TargetSpec(8, 8))
    assert frame.address in cuda.memory.blocks
    address = frame.address
    del frame
    assert address not in cuda.memory.blocks


def test_a_handle_for_another_process(renderer):
    draw(renderer, scene(), SPEC)
    handle = renderer.ipc_handle(SPEC)
    assert len(handle) == 64
    assert int.from_bytes(handle[:8], "little") == renderer.device_frame(SPEC).address


def test_dlpack_without_cuda_core(renderer, monkeypatch):
    monkeypatch.setitem(sys.modules, "cuda.core", None)
    draw(renderer, scene(), SPEC)
    with pytest.raises(Unavailable, match=r"DLPack needs cuda-core 1.2 .*morphogen\[cuda\]"):
        renderer.device_frame(SPEC).__dlpack__()


# --- the stand-in and the real thing


def used_calls() -> set[str]:
    """Names of the driver's calls and enums in our modules."""
    found = set()
    for module in (backend, cuda_driver, cuda_frame, cuda_wide):
        for node in ast.walk(ast.parse(Path(inspect.getfile(module)).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr.startswith(("cu", "CU")):
                found.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("cu"):
                found.add(node.value)
    return {name for name in found if name[2:3].isupper() or name.startswith("CU")}


def test_every_call_is_in_the_real_bindings_and_in_the_stand_in():
    names = {name for name in used_calls() if not name.startswith("CU_")}
    assert {"cuLaunchKernel", "cuIpcGetMemHandle", "CUjit_option"} <= names
    assert all(hasattr(FakeDriver, name) for name in names), names
    driver = pytest.importorskip("cuda.bindings.driver", reason="needs cuda-bindings")
    assert all(hasattr(driver, name) for name in names), names


def test_the_stand_in_counts_arguments_as_the_real_bindings_do():
    """The real ones say theirs in the first line of their documentation."""
    driver = pytest.importorskip("cuda.bindings.driver", reason="needs cuda-bindings")
    for name in vars(FakeDriver):
        if name.startswith("cu"):
            head = getattr(driver, name).__doc__.splitlines()[0]
            ours = list(inspect.signature(vars(FakeDriver)[name]).parameters)[1:]
            theirs = head[head.index("(") + 1 : head.rindex(")")].replace("Optional[tuple[", "").split(", ")
            assert len(ours) == len([t for t in theirs if t]), (ours, head)


def test_the_stand_ins_numbers_are_the_real_ones():
    driver = pytest.importorskip("cuda.bindings.driver", reason="needs cuda-bindings")
    for ours in (
        fake_cuda.CUresult,
        fake_cuda.CUdevice_attribute,
        fake_cuda.CUjit_option,
        fake_cuda.CUfunction_attribute,
    ):
        real = getattr(driver, ours.__name__)
        assert {name: int(getattr(real, name)) for name in ours.__members__} == {m.name: m.value for m in ours}
    flags = driver.CUevent_flags
    assert int(flags.CU_EVENT_BLOCKING_SYNC) | int(flags.CU_EVENT_DISABLE_TIMING) == 3
    assert int(driver.CUstream_flags.CU_STREAM_NON_BLOCKING) == 1
