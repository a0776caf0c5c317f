"""The PTX text: NVIDIA's assembler takes it for every generation, and run in NumPy it draws what the reference draws.

No card takes part. `ptx_machine` executes the text with the errors that NVIDIA documents for the approximate
instructions; what a card's silicon really does is shown by `test_render_parity` where there is one.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ptx_machine
import ptx_numbers
from drawing import PLACES, VALUES, apart, draw, glow, scene, tiles
from morphogen.errors import RenderError
from morphogen.field import geometry
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.inputs import FIELDS
from morphogen.field.network import PRESETS, SEED_INPUTS, Shape, init_glow, init_seed, preset
from morphogen.field.scene import (
    Grade,
    Program,
    Scene,
    View,
    folded_networks,
    program,
    scene_uniforms,
    target_uniforms,
)
from morphogen.frame import Alpha, Crop, PixelFormat, TargetSpec
from morphogen.library.find import Library
from morphogen.render import dither
from morphogen.render.cuda import pack, ptx
from morphogen.render.cuda.renderer import ORDERS
from morphogen.render.numpy import NumpyRenderer

GENERATIONS = (75, 86, 89, 90, 120)
HOURS = 36_000.0
SIZE = (41, 24)
WIDE = Shape(SEED_INPUTS, (("sin",) * 16, ("tanh",) * 16, ("cos",) * 16, ("gaussian",) * 16))
NARROW = [name for name, (_, width) in PRESETS.items() if width <= ptx.UNROLLED]
PROGRAMS: dict[str, Program] = {
    **{name: program((preset(name),)) for name in NARROW},
    **{f"{name} palette": program((preset(name, head="palette"),)) for name in NARROW},
    "palettes fade": program((preset("3L_4D", head="palette"), preset("3L_8D", head="palette"))),
    "fade": program((preset("3L_4D"), preset("3L_8D"))),
    "wide": program((WIDE,)),
    "wide fade": program((WIDE, WIDE)),
}
OUT, TABLE, PAST, PRESENT = 0x2000_0000, 0x1000_0000, 0x3000_0000, 0x4000_0000
COLOURS = 0x5000_0000


def ptxas() -> Path:
    """NVIDIA's assembler out of the package nvidia-cuda-nvcc-cu12."""
    package = pytest.importorskip("nvidia.cuda_nvcc", reason="needs nvidia-cuda-nvcc-cu12 (Linux on x86-64)")
    return Path(next(iter(package.__path__))) / "bin" / "ptxas"


class Card:
    """Draws with the text, as a card would: blocks of memory, a job, a grid."""

    def __init__(self) -> None:
        self.kernels: dict[Program, ptx_machine.Kernel] = {}
        self.executed: dict[str, int] = {}

    def render(self, what: Scene, targets) -> None:
        for spec, out in targets:
            out.reshape(spec.height, spec.width, -1)[...] = self.picture(what, spec)

    def picture(self, what: Scene, spec: TargetSpec, **more) -> np.ndarray:
        kernel = self.kernels.get(what.program)
        if kernel is None:
            kernel = self.kernels[what.program] = ptx_machine.parse(ptx.ptx(what.program))
        memory, canvas = ptx_machine.Memory(), spec.canvas
        area = ptx.pitch(spec.width) * spec.height
        table = dither.at(np.arange(64) + canvas.y, np.arange(64) + canvas.x).transpose(1, 0, 2)
        memory.blocks[TABLE] = np.ascontiguousarray(table, np.float32).view(np.uint8).ravel()
        depth = spec.row_bytes // spec.width
        memory.blocks[OUT] = np.zeros(depth * area, np.uint8)
        memory.blocks[COLOURS] = what.colours.table.values.view(np.uint8)
        job = ptx.Job(
            table=COLOURS, thresholds=TABLE, out=OUT, past=PAST, present=PRESENT, width=spec.width, height=spec.height,
            pitch=ptx.pitch(spec.width), column=canvas.x, row=canvas.y, flip=int(spec.flip),
            order=ORDERS[spec.format], **more,
        )  # fmt: skip
        filled = target_uniforms(scene_uniforms(what), spec).astype(np.float32)
        uniforms = np.concatenate([filled, folded_networks(what)]).view(np.uint8)
        block = np.frombuffer(bytes(job), np.uint8)
        if ptx.carried(what.program):
            block = np.concatenate([block, uniforms])
        grid = ptx.grid(what.program, spec.width, spec.height)
        constant = np.zeros(max(kernel.constants.get("uniforms", 0), uniforms.size), np.uint8)
        constant[: uniforms.size] = uniforms
        self.executed = ptx_machine.launch(kernel, memory, block, grid, ptx.BLOCK, {"uniforms": constant})
        return memory.blocks[OUT].reshape(spec.height, -1, depth)[:, : spec.width]


@pytest.fixture(scope="module")
def card() -> Card:
    return Card()


class Worst:
    levels, share, label = 0, 0.0, ""


@pytest.fixture(scope="module")
def check(card):
    """Draw with card and reference: at most a level apart, on few values. The worst case is printed at the end."""
    reference, worst = NumpyRenderer(), Worst()

    def one(what: Scene, label: str, spec: TargetSpec | tuple[int, int] = SIZE) -> np.ndarray:
        ours, truth = draw(card, what, spec), draw(reference, what, spec)
        error = np.abs(ours.astype(int) - truth.astype(int))
        levels, share = int(error.max()), float((error > 0).mean())
        if (levels, share) > (worst.levels, worst.share):
            worst.levels, worst.share, worst.label = levels, share, label
        assert levels <= 1, f"{levels} levels, {share:.2%}: {label}"
        assert share <= 0.02 or error.sum() <= 4, f"{share:.2%} of the values are off: {label}"
        assert (ours[..., 3] == 255).all()
        return ours

    yield one
    print(f"\nPTX with documented errors: worst {worst.levels} levels, {worst.share:.3%} of the values, {worst.label}")


@pytest.mark.parametrize("alpha", Alpha)
def test_alpha_and_float16(card, alpha):
    """Of runs of four pixels and of single ones."""
    reference = NumpyRenderer()
    for name in ("3L_4D", "preset of more units than a run's registers hold"):
        network = glow(4) if name == "3L_4D" else init_glow(Shape(("x", "y"), (("sin",) * 9,)), 1)
        for more in ({"matte": True}, {"matte": True, "master": 0.3}, {}):
            for kind in ORDERS:
                spec, what = TargetSpec(*SIZE, kind, alpha=alpha), scene(network, **more)
                ours, truth = (draw(r, what, spec).astype(float) for r in (card, reference))
                assert np.abs(ours - truth).max() <= (1e-3 if kind is PixelFormat.RGBA16F else 1), (name, more, kind)


# --- the assembler


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_assembler_takes_it_for_every_generation(name, tmp_path):
    """Nothing is spilled to memory, and enough threads fit to hide the latency of the special functions."""
    assembler = ptxas()
    source = tmp_path / "kernel.ptx"
    source.write_text(ptx.ptx(PROGRAMS[name]))
    for generation in GENERATIONS:
        done = subprocess.run(
            [assembler, "-v", f"-arch=sm_{generation}", source, "-o", tmp_path / "kernel.cubin"],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = re.search(r"Used (\d+) registers", done.stderr)
        assert found is not None
        print(f"{name} on sm_{generation}: {found[1]} registers")
        assert "0 bytes spill stores, 0 bytes spill loads" in done.stderr
        assert int(found[1]) <= 80  # 24 of 64 warps on a multiprocessor


def test_every_driver_since_2016_reads_it():
    """PTX 5.0 came with CUDA 8 (driver 375.26); sm_60 is Pascal. No card's own text is needed."""
    head = ptx.ptx(PROGRAMS["3L_4D"])[:300]
    assert ".version 5.0" in head
    assert ".target sm_60" in head


def test_what_llvm_refuses_is_told(monkeypatch):
    monkeypatch.setattr(ptx, "TRIPLE", "no-such-target")
    with pytest.raises(RenderError, match=r"LLVM could not write PTX for 12>4x4x4>rgb: .*no-such-target"):
        ptx.ptx(PROGRAMS["3L_4D"])


def test_too_wide_networks_are_refused():
    large = Shape(SEED_INPUTS, (("sin",) * 128,))
    with pytest.raises(RenderError, match=r"12>128>rgb is too wide for the CUDA backend, which takes 16 "):
        ptx.ptx(program((preset("3L_4D"), large)))


def test_only_wide_blocks_go_to_constant_memory():
    assert all(ptx.carried(PROGRAMS[name]) for name in (*NARROW, "fade", "wide"))
    assert not ptx.carried(PROGRAMS["wide fade"])
    assert ".const .align 16 .b8 uniforms[" in ptx.ptx(PROGRAMS["wide fade"])
    assert ptx.pixels(PROGRAMS["wide"]) == 1
    assert ptx.pixels(PROGRAMS["3L_8D"]) == ptx.PIXELS_PER_THREAD


# --- what a pixel costs


def special(executed: dict[str, int]) -> dict[str, int]:
    names = ("cos", "ex2", "rcp", "sqrt", "cvt")
    return {n: sum(k for name, k in executed.items() if name.startswith(n)) // ptx.PIXELS_PER_THREAD for n in names}


def test_a_field_costs_its_special_functions_and_no_more(card):
    """8 sines, 4 bells, 3 logistic outputs. What is off costs nothing (alpha: two instructions); no conversion
    uses the slow pipe."""
    card.picture(scene(), TargetSpec(256, 8))
    assert special(card.executed) == {"cos": 8, "ex2": 4 + 3, "rcp": 3, "sqrt": 0, "cvt": 0}
    assert sum(card.executed.values()) / ptx.PIXELS_PER_THREAD < 152


def test_a_palette_costs_one_channel(card):
    card.picture(scene(glow(3, head="palette")), TargetSpec(256, 8))
    assert special(card.executed) == {"cos": 8, "ex2": 4 + 1, "rcp": 1, "sqrt": 0, "cvt": 0}


def test_what_is_switched_on_costs_what_it_is(card):
    card.picture(scene(view=View(warp=0.5)), TargetSpec(256, 8))
    assert special(card.executed)["cos"] == 8 + 4
    card.picture(scene(view=View(kaleidoscope=5)), TargetSpec(256, 8))
    assert special(card.executed) == {"cos": 8 + 2, "ex2": 7, "rcp": 3 + 1 + 0, "sqrt": 1, "cvt": 1}


# --- pictures


def test_shipped_styles(check):
    """The patterns and every third of the others: this machine takes 0.4 s for each shape."""
    library = Library()
    patterns = [name for name in library.names() if name.startswith("pattern/")]
    for name in (*patterns, *[name for name in library.names() if name not in patterns][::3]):
        for time in (7.0, HOURS + 7):
            check(scene(library.find(name).network, values=VALUES | {"time": time}), f"{name} at {time:g} s")


@pytest.mark.parametrize("name", NARROW)
def test_presets(check, name):
    for init in (init_glow, init_seed):
        for seed in range(3):
            for time in (0.0, HOURS + 7):
                what = scene(init(preset(name), seed), values=VALUES | {"time": time})
                check(what, f"{name} {init.__name__} {seed} at {time:g} s")


@pytest.mark.parametrize("name", NARROW)
def test_palettes(check, name):
    for seed in range(3):
        check(scene(glow(seed, name, "palette"), values=VALUES | {"time": HOURS + 7}), f"{name} palette {seed}")
    check(Scene((glow(1, name, "palette"), glow(2, "3L_4D")), VALUES, 0.4), f"{name} palette to rgb")


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.parameters])
def test_fields(check, name):
    shape = Shape(("x", *FIELDS[name].channels, "time"), (("sin",) * 4, ("gaussian",) * 4))
    moving = geometry.default(shape.inputs, 3)
    moving[:, geometry.TIME] = 0.07
    network = replace(init_glow(shape, 3, hidden_gain=2.0), geometry=moving)
    for time in (1.0, HOURS + 7):
        for view in (View(), View(0.3, 100.0, 1.0)):
            check(scene(network, values=VALUES | {"time": time}, view=view), f"{name} at {time:g} s")


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations(check, name):
    shape = Shape((*PLACES, "time"), ((name,) * 3, ("sin",) * 3, (name,) * 2))
    for seed in range(2):
        check(scene(init_glow(shape, seed, hidden_gain=2.0)), f"{name} {seed}")


@pytest.mark.parametrize(
    "view",
    [
        View(20.0, 30.0, 0.3, -0.2), View(0.25, -170.0), View(1.0, 12.0, 4.0, -4.0), View(mirror=3, zoom=1.7),
        View(polar=True, x=0.1), View(kaleidoscope=7, rotate=10.0), View(warp=1.0, warp_scale=3.0, warp_phase=12.34),
        View(warp=0.5, warp_scale=16.0, warp_phase=HOURS * 0.1), View(1.5, 33.0, 0.2, -0.1, 3, 5, True, 0.6, 2.0, 7.7),
    ],
)  # fmt: skip
def test_views(check, view):
    for seed in (3, 4):
        check(scene(glow(seed), view=view), f"{view} {seed}")


def test_the_extent_of_the_seeds(check):
    """Angles of many turns in the first layer."""
    for seed in range(4):
        check(scene(init_glow(preset("3L_8D"), seed, extent=np.pi)), f"extent pi {seed}")


def test_grades_fades_master_and_dither(check):
    check(scene(grade=Grade(0.7, 1.4, 1.6, 0.8, 0.3, 0.9)), "grade")
    check(scene(grade=Grade(exposure=4.0), master=0.5), "exposure")
    for mix in (0.0, 0.3, 1.0):
        check(Scene((glow(3), glow(9, "3L_8D")), VALUES, mix), f"fade at {mix}")
    assert not check(scene(master=0.0), "black")[..., :3].any()


@pytest.mark.parametrize("shape", [WIDE, Shape(("x", "y", "time"), (("sin",) * 9,))])
def test_networks_too_wide_for_several_pixels_a_thread(check, shape):
    check(scene(init_glow(shape, 1, hidden_gain=2.0)), "wide")
    check(Scene((init_glow(shape, 1, hidden_gain=2.0), init_glow(shape, 2, hidden_gain=2.0)), VALUES, 0.5), "wide fade")


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (33, 17), (1, 70), (130, 3), (321, 9)])
def test_sizes_formats_and_flip(check, size):
    """No thread touches a byte outside its planes: `ptx_machine` would fault."""
    rgba = check(scene(), f"{size}", size)
    bgra = check(scene(), f"{size} BGRA", TargetSpec(*size, PixelFormat.BGRA8))
    flipped = check(scene(), f"{size} flipped", TargetSpec(*size, flip=True))
    assert np.array_equal(rgba[..., [2, 1, 0, 3]], bgra)
    assert np.array_equal(rgba[::-1], flipped)


def test_tiles_are_the_whole(check):
    """Cuts that fall inside a thread's run of pixels."""
    what = scene(view=View(1.3, 20.0, warp=0.4))
    whole = check(what, "whole", (90, 40))
    stitched = np.zeros_like(whole)
    for spec in tiles(90, 40, [13, 54], [7]):
        c = spec.crop
        stitched[c.y : c.y + spec.height, c.x : c.x + spec.width] = check(what, f"{c}", spec)
    assert np.array_equal(stitched, whole)


def test_a_crop_before_and_beyond_its_canvas(check):
    for x, y in ((90, 50), (-7, -3), (16_000, 9_000)):
        check(scene(), f"crop at {x}, {y}", TargetSpec(20, 10, crop=Crop(x, y, 16_384, 9_216)))


# --- the machine that judges


def test_the_machine_faults_as_a_card_does(card):
    with pytest.raises(ptx_machine.Fault, match="illegal address"):
        card.picture(scene(trail=0.5), TargetSpec(8, 8))  # there is no past to read
    memory = ptx_machine.Memory({0x1000: np.zeros(64, np.uint8)})
    with pytest.raises(ptx_machine.Fault, match="misaligned"):
        memory.words(np.array([0x1004], np.uint64), np.uint32, 4)


def test_the_machine_errs_as_documented():
    x = np.linspace(-6.28, 6.28, 20_001, dtype=np.float32)
    error = np.abs(ptx_numbers.cos_approx(x) - np.cos(x.astype(np.float64)))
    assert 2**-20.6 < error.max() < 2**-20.3
    far = np.linspace(7.0, 300.0, 20_001, dtype=np.float32)
    error = np.abs(ptx_numbers.cos_approx(far) - np.cos(far.astype(np.float64)))
    assert 2**-14.8 < error.max() < 2**-14.6
    for name, f, ulps in (("ex2.approx.ftz", np.exp2, 2), ("rcp.approx.ftz", np.reciprocal, 1)):
        values = np.linspace(0.5, 20.0, 20_001, dtype=np.float32)
        exact = f(values.astype(np.float64))
        wrong = np.abs(ptx_numbers.FLOATS[name](values) / exact - 1).max()
        assert ulps * 2.0**-23 * 0.99 < wrong < (ulps + 0.51) * 2.0**-23


def test_a_blend_with_the_past_number_by_number():
    """From white: what is kept for the next frame is the mix in 16 bits, and the pixels are its upper eight."""
    spec = TargetSpec(8, 2)
    what = scene(trail=1.0, dither=False)
    text = ptx.ptx(what.program)
    memory = ptx_machine.Memory()
    for address, size in ((TABLE, 64 * 3 * 64 * 4), (OUT, 4 * 16), (PAST, 6 * 16), (PRESENT, 6 * 16)):
        memory.blocks[address] = np.zeros(size, np.uint8)
    memory.blocks[TABLE].view(np.float32)[:] = 0.5
    memory.blocks[PAST].view(np.uint16)[:] = 65535
    filled = target_uniforms(scene_uniforms(what), spec).astype(np.float32)
    job = ptx.Job(thresholds=TABLE, out=OUT, past=PAST, present=PRESENT, width=8, height=2, pitch=8, order=pack.RGBA)
    block = np.frombuffer(bytes(job) + filled.tobytes() + folded_networks(what).tobytes(), np.uint8)
    ptx_machine.launch(ptx_machine.parse(text), memory, block, (1, 1), ptx.BLOCK)
    plain = NumpyRenderer().levels(scene(dither=False, master=1.0), spec)[:3] - 0.5
    expected = (plain / 255 + (1 - plain / 255) * np.exp(-1 / 60)) * 65535
    kept = memory.blocks[PRESENT].view(np.uint16).reshape(3, 2, 8)
    assert np.abs(kept - expected).max() < 4
    assert apart(memory.blocks[OUT].reshape(2, 8, 4)[..., 0], np.round(kept[0] / 257).astype(np.uint8)) <= 1
    assert ctypes.sizeof(ptx.Job) == 96
