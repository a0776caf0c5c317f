"""A style's own alpha: the fourth output of its network, on every backend against the float64 reference."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawing import VALUES, draw, glow, scene
from fake_cuda import FakeDriver, cuda  # noqa: F401  a fixture
from morphogen.cli import run
from morphogen.errors import StyleError, UsageError
from morphogen.field.cppn import COVER, evaluate
from morphogen.field.layers import BLENDS
from morphogen.field.names import weight_names
from morphogen.field.network import Network, init_glow, preset
from morphogen.field.scene import SLOT, Layer, Scene, View, scene_uniforms, target_uniforms
from morphogen.frame import Alpha, PixelFormat, TargetSpec
from morphogen.library import checks
from morphogen.library.draw import Recipe
from morphogen.library.draw import draw as drawn
from morphogen.library.pack import pack, unpack
from morphogen.library.style import from_bytes, to_bytes
from morphogen.render.cpu.renderer import CpuRenderer
from morphogen.render.cuda.renderer import CudaRenderer
from morphogen.render.numpy import NumpyRenderer
from morphogen.still import render_still
from test_render_parity import SIZE, Judge, judge, no_history  # noqa: F401  fixtures

OWN, KEYED, PLAIN = glow(3, "3L_4D", "rgba"), glow(5, "2L_4D", "palette_alpha"), glow(2)
STRAIGHT, PREMULTIPLIED = (TargetSpec(*SIZE, alpha=kind) for kind in (Alpha.STRAIGHT, Alpha.PREMULTIPLIED))
SCENES: dict[str, Scene] = {
    "four outputs": scene(OWN),
    "a palette and alpha": scene(KEYED, master=0.6),
    "a fade": scene(networks=(OWN, PLAIN), mix=0.4),
    "a fade of both, with a trail": scene(networks=(KEYED, OWN), mix=0.7, trail=0.4),
    "samples": scene(KEYED, samples=4, view=View(0.3)),
    "over": scene(OWN, layer=Layer(KEYED, "normal", 0.8), trail=0.3),
    "atop": scene(OWN, layer=Layer(PLAIN, "screen", 0.8)),
    "over what has none": scene(PLAIN, layer=Layer(OWN, "difference")),
}


def check(renderer, reference, what: Scene, spec: TargetSpec, label: str) -> None:
    """Two frames, within one level; of float16 within what lies between two of them."""
    for n in range(2):
        moved = replace(what, values=VALUES | {"time": n / 5})
        ours, truth = (draw(each, moved, spec).astype(float) for each in (renderer, reference))
        worst = np.abs(ours - truth).max()
        assert worst <= (1e-3 if spec.format is PixelFormat.RGBA16F else 1), f"{label}, frame {n}: {worst} at {spec}"
        if spec.alpha is not Alpha.STRAIGHT:
            assert (ours[..., :3] <= ours[..., 3:] + 1e-9).all(), label


@pytest.mark.parametrize("name", SCENES)
def test_every_backend(judge: Judge, name: str) -> None:  # noqa: F811
    """Straight and premultiplied, 8 bits and 16; a target that asks for no alpha; brightness asked for instead."""
    half = replace(PREMULTIPLIED, format=PixelFormat.RGBA16F)
    for spec in (STRAIGHT, replace(PREMULTIPLIED, format=PixelFormat.BGRA8), half, TargetSpec(*SIZE)):
        draw(judge.renderer, scene(), spec), draw(judge.reference, scene(), spec)  # no past
        check(judge.renderer, judge.reference, replace(SCENES[name], keyed=True), spec, name)
    check(judge.renderer, judge.reference, replace(SCENES[name], matte=True, trail=0.0), STRAIGHT, name)


def test_a_trail_goes_on_when_alpha_comes_and_goes(judge: Judge) -> None:  # noqa: F811
    """What was drawn without was opaque."""
    for networks in ((PLAIN,), (PLAIN, OWN), (OWN,), (OWN, PLAIN), (PLAIN,), (OWN,)):
        what = scene(networks=networks, mix=0.5, trail=0.5, keyed=True, dt=0.1)
        for spec in (STRAIGHT, PREMULTIPLIED):
            ours, truth = (draw(each, what, spec).astype(int) for each in (judge.renderer, judge.reference))
            assert np.abs(ours - truth).max() <= 1


def test_the_cpu_scales_it_up() -> None:
    """Drawn at half and a third of the size, as when time is short: between the samples' values, opaque as they are."""
    spec, what = replace(PREMULTIPLIED, width=384, height=216), scene(OWN, keyed=True, dither=False)
    whole = draw(NumpyRenderer(), what, spec).astype(float)
    renderer = CpuRenderer(2)
    try:
        for scale in (2, 3):
            renderer._governor.plan = lambda *_, scale=scale: {spec: scale}  # type: ignore[method-assign]
            small = draw(renderer, what, spec)
            assert np.abs(small - whole).mean() < 0.5, scale
            assert (small[..., :3] <= small[..., 3:]).all()
            assert (draw(renderer, replace(what, keyed=False), spec)[..., 3] == 255).all()
    finally:
        renderer.close()


def test_the_cards_own_code(cuda: FakeDriver) -> None:  # noqa: F811
    """Of CUDA, run by `ptx_machine`; a trail that gets a fourth channel on its way."""
    renderer, reference = CudaRenderer(), NumpyRenderer()
    for name, what in SCENES.items():
        for spec in (replace(STRAIGHT, width=9, height=5), replace(PREMULTIPLIED, format=PixelFormat.RGBA16F)):
            draw(renderer, scene(), spec), draw(reference, scene(), spec)
            check(renderer, reference, replace(what, keyed=True), spec, name)
    for networks in ((PLAIN,), (PLAIN, OWN), (OWN,), (PLAIN,), (OWN,)):
        what = scene(networks=networks, mix=0.5, trail=0.5, keyed=True, dt=0.1)
        ours, truth = (draw(each, what, STRAIGHT).astype(int) for each in (renderer, reference))
        assert np.abs(ours - truth).max() <= 1
    renderer.close()
    del renderer
    gc.collect()
    assert cuda.left() == {}


def test_alpha_is_what_the_network_says() -> None:
    """Colours as they are, straight; times alpha, premultiplied; the master fades alpha and leaves straight colours."""
    reference, what = NumpyRenderer(), scene(OWN, keyed=True, dither=False)
    height, width = SIZE[1], SIZE[0]
    y, x = np.meshgrid((height / 2 - 0.5 - np.arange(height)) / height,
                       (np.arange(width) + 0.5 - width / 2) / height, indexing="ij")  # fmt: skip
    *rgb, alpha = (255 * channel for channel in evaluate(OWN, {"x": x, "y": y}, VALUES))
    colour = np.stack(rgb, axis=-1)
    plain, straight, premultiplied = (
        draw(reference, what, spec).astype(float) for spec in (TargetSpec(*SIZE), STRAIGHT, PREMULTIPLIED)
    )
    assert np.abs(plain[..., :3] - colour).max() <= 0.5 + 1e-6
    assert (plain[..., 3] == 255).all()
    for seen in (straight, premultiplied):
        assert np.abs(seen[..., 3] - alpha).max() <= 0.5 + 1e-6
    solid = alpha > 1
    assert np.abs(straight[..., :3] - colour)[solid].max() <= 0.5 + 1e-6
    assert np.abs(premultiplied[..., :3] - colour * alpha[..., None] / 255).max() <= 0.5 + 1e-6
    dim = draw(reference, replace(what, master=0.5), STRAIGHT).astype(float)
    assert np.abs(dim[..., 3] - alpha / 2).max() <= 0.5 + 1e-6
    assert np.abs(dim[..., :3] - colour)[alpha > 2].max() <= 0.5 + 1e-6
    assert not draw(reference, replace(what, master=0.0), STRAIGHT)[..., 3].any()


def _straight(reference: NumpyRenderer, network: Network) -> np.ndarray:
    """Colours as they are, and alpha."""
    rgb = reference.values(scene(network), TargetSpec(*SIZE))[:3]
    return np.moveaxis(np.stack([*rgb, reference.values(scene(network, keyed=True), STRAIGHT)[3]]), 0, -1)


@pytest.mark.parametrize("blend", BLENDS)
def test_layers_are_composed_as_the_w3c_says(blend: str) -> None:
    """`normal` over, all others atop, in float64 from the pictures themselves. Source: "Compositing and Blending Level
    1", sections 5 and 9."""
    reference = NumpyRenderer()
    below, above = (_straight(reference, n) for n in (OWN, KEYED))
    full = scene(networks=(OWN,), layer=Layer(KEYED, blend, 0.7))
    ground, seen = below[..., 3:], above[..., 3:] * 0.7
    *hidden, rows, bias = OWN.tensors
    opaque = replace(OWN, shape=preset("3L_4D"), tensors=(*hidden, rows[:3], bias[:3]))
    *hidden, rows, bias, stops = KEYED.tensors
    layer = replace(KEYED, shape=preset("2L_4D", head="palette"), tensors=(*hidden, rows[:1], bias[:1], stops))
    blended = reference.values(scene(opaque, layer=Layer(layer, blend)), TargetSpec(*SIZE))
    mixed = np.moveaxis(blended, 0, -1)[..., :3]
    outside = seen * (1 - ground) if blend == "normal" else 0.0
    expected = ground * (1 - seen) * below[..., :3] + seen * ground * mixed + outside * above[..., :3]
    found = np.moveaxis(reference.values(replace(full, keyed=True), PREMULTIPLIED), 0, -1)
    np.testing.assert_allclose(found[..., 3:], ground + outside, atol=1e-9)
    np.testing.assert_allclose(found[..., :3], expected, atol=1e-9)


def test_where_nothing_has_alpha_nothing_is_computed() -> None:
    """One plane more only where a network has the output, somebody asks and the target carries it."""
    assert SLOT["cover"] == COVER

    def switches(what: Scene, spec: TargetSpec) -> list[tuple[float, float]]:
        filled = [target_uniforms(scene_uniforms(one.scene, one.over), spec) for one in what.passes]
        return [(slots[SLOT["cover"]], slots[SLOT["four"]]) for slots in filled]

    for what, spec in ((scene(PLAIN, keyed=True), STRAIGHT), (scene(OWN), STRAIGHT), (scene(OWN, matte=True), STRAIGHT),
                       (scene(OWN, keyed=True), TargetSpec(*SIZE))):  # fmt: skip
        assert switches(what, spec) == [(0, 0)]
    assert switches(scene(OWN, keyed=True), PREMULTIPLIED) == [(1, 1)]
    assert switches(scene(PLAIN, keyed=True, layer=Layer(OWN)), STRAIGHT) == [(0, 0), (1, 0)]


def test_files_and_packets_carry_it() -> None:
    for head, names in (("rgba", ("output red", "output alpha")), ("palette_alpha", ("output", "output alpha"))):
        style = drawn(Recipe("3L_4D", 7, head=head), "a/keyed")
        assert (style.network.shape.outputs, style.network.shape.alpha) == ({"rgba": 4, "palette_alpha": 2}[head], True)
        for back in (from_bytes(to_bytes(style), Path("keyed.safetensors")), unpack(pack(style))):
            assert back.shape == style.shape
            assert np.allclose(back.network.flat, style.network.flat, rtol=1e-3, atol=1e-3)
        told = weight_names(style.shape)
        assert all(f"{name}: bias" in told for name in names)


def test_heads_that_do_not_fit_are_refused() -> None:
    shape = preset("3L_4D", head="rgba")
    three = init_glow(preset("3L_4D"), 1).tensors
    with pytest.raises(StyleError, match="the tensors have shapes"):
        checks.network(shape, three, 0.5, (0.0, 60.0), np.zeros(0))
    for head in ("rgba", "palette_alpha"):
        with pytest.raises(StyleError, match=r"no output for alpha\. Take narrower layers"):
            checks.shape(["x", "y"], [17], ["sin"], head)
        with pytest.raises(UsageError, match=r"no output for alpha\. Take another head"):
            drawn(Recipe("4L_128D", 1, head=head))
        with pytest.raises(ValueError, match="and so no alpha"):
            Network(preset("4L_128D", head=head), ())
    with pytest.raises(StyleError, match="unknown output head 'rgbaa'"):
        checks.shape(["x", "y"], [4], ["sin"], "rgbaa")


@pytest.mark.parametrize(("alpha", "mode"), [("opaque", "RGB"), ("luminance", "RGBA"), ("style", "RGBA")])
def test_stills(tmp_path: Path, alpha: str, mode: str) -> None:
    """PNG files have straight alpha where it was asked for, the bytes of the picture, written band by band."""
    style = tmp_path / "keyed.safetensors"
    style.write_bytes(to_bytes(drawn(Recipe("2L_4D", 7, head="palette_alpha"), "a/keyed")))
    words = ["still", "--style", str(style), "--size", "50x70", "--set", f"output/alpha={alpha}"]
    assert run([*words, "-o", str(tmp_path / "a.png")]) == 0
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == mode
        seen = np.asarray(picture)
    whole = render_still(str(style), (50, 70), 0.0, {"output/alpha": alpha})
    assert np.array_equal(seen, whole[..., : len(mode)])
    assert (whole[..., 3].min() == 255) == (alpha == "opaque")
