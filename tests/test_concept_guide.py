"""The concept guide: its pictures, its training in small, its shipped weights, and what an aim does with them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morphogen.errors import StateError, Unavailable, UsageError
from morphogen.training import torches
from morphogen.training.concepts.vocabulary import EXTRA_STRUCTURES, vocabulary
from morphogen.training.guides import open_guide

torch = pytest.importorskip("torch", reason='needs PyTorch: pip install "morphogen[train]"')

from morphogen.training.concepts import evaluate, learn, model, samples, store  # noqa: E402
from morphogen.training.guides import aim  # noqa: E402

NAMES = tuple(vocabulary().concepts["structure"])
FEW = ("rings", "stripes", "sun", "checker")


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def guide() -> Any:
    return open_guide("concepts")


@pytest.fixture(scope="module")
def judge() -> Any:
    return open_guide("judge")


# --- pictures


@pytest.mark.parametrize("family", samples.FAMILIES)
def test_every_structure_has_a_generator_that_draws_something(family: str) -> None:
    assert set(samples.pictures_of(family)) == set(NAMES)
    for k, name in enumerate(NAMES):
        batch = samples.draw(name, 3, 32, 500 + k, family, plainly=True)
        assert batch.pictures.shape == (3, 3, 32, 32)
        assert bool(batch.pictures.isfinite().all()), name
        assert 0 <= float(batch.pictures.min()) <= float(batch.pictures.max()) <= 1
        assert float(batch.pictures.std((1, 2, 3)).max()) > 0.03, name
        assert all(f"structure:{name}" in held for held in batch.tokens)
        assert set().union(*batch.tokens) <= set(vocabulary().tokens)


def _hash(batch: samples.Batch) -> str:
    return hashlib.sha256(json.dumps([sorted(held) for held in batch.tokens]).encode()).hexdigest()[:16]


# The tokens are exact; pictures are sums of floats, so their means are compared with a tolerance.
PRINTS = json.loads(Path(__file__).with_name("golden").joinpath("concept_pictures.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("key", PRINTS)
def test_pictures_are_the_same_for_a_seed(key: str) -> None:
    family, name = key.split("/")
    batch = samples.draw(name, 4, 24, 11, family)
    assert _hash(batch) == PRINTS[key]["tokens"]
    means = batch.pictures.mean((2, 3)).flatten().tolist()
    np.testing.assert_allclose(means, PRINTS[key]["means"], atol=5e-3)
    again = samples.draw(name, 4, 24, 11, family)
    assert torch.equal(batch.pictures, again.pictures)
    assert not torch.equal(batch.pictures, samples.draw(name, 4, 24, 12, family).pictures)


def test_the_families_share_no_formula() -> None:
    for name in ("galaxy", "cells", "maze"):
        near, far = (
            samples.draw(name, 4, 24, 3, family, ("blue",), plainly=True).pictures for family in samples.FAMILIES
        )
        assert float((near - far).abs().mean()) > 0.02


def test_pairs_kept_for_the_test_are_never_shown_in_training() -> None:
    kept = [
        (name, colour) for name in NAMES for colour in vocabulary().concepts["colour"] if samples.held_out(name, colour)
    ]
    assert 60 < len(kept) < 200
    shown = set()
    for name in dict.fromkeys(name for name, _ in kept[:40]):
        for held in samples.draw(name, 48, 8, 21).tokens:
            shown |= {(name, token.split(":")[1]) for token in held if token.startswith("colour:")}
    assert len(shown) > 100
    assert not shown & set(kept)
    with pytest.raises(UsageError, match="no family of pictures 'other'"):
        samples.draw("galaxy", 1, 8, 0, "other")


# --- model and training


def test_a_tiny_training_learns(tmp_path: Path) -> None:
    plan = learn.Plan(
        "tiny", seed=4, steps=70, batch=48, pool=48, fresh=24, every=6, rate=4e-3, structures=(*FEW, *EXTRA_STRUCTURES)
    )
    lines: list[dict[str, float]] = []
    params = learn.train(replace(plan, hard=0.1), lines.append)
    assert lines[-1]["loss"] < lines[0]["loss"] - 2
    table = evaluate.texts(params, [{f"structure:{name}"} for name in FEW])
    right = [
        (evaluate.vectors(params, samples.draw(name, 12, 64, 9000, plainly=True).pictures) @ table.T).argmax(1) == k
        for k, name in enumerate(FEW)
    ]
    share = float(torch.cat(right).float().mean())
    assert share > 0.5, f"{share:.2f}, chance {1 / len(FEW):.2f}"
    store.save(tmp_path / "w.safetensors", params, {"steps": 70})
    loaded, about = store.load(tmp_path / "w.safetensors")
    assert about["steps"] == 70
    picture = torch.rand(1, 3, 64, 64)
    assert float((model.look(loaded, picture) * model.look(params, picture)).sum()) > 0.999


def test_every_true_sentence_counts_as_a_match() -> None:
    """Two pictures of which one has all that the other has: a sentence true of both must not push either away."""
    index = vocabulary().index
    sets = torch.zeros(2, len(index))
    sets[0, [index["structure:galaxy"], index["colour:blue"]]] = 1
    sets[1, [index["structure:galaxy"], index["colour:red"]]] = 1
    said = torch.zeros(2, len(index))
    said[:, index["structure:galaxy"]] = 1
    params = model.new("tiny", len(index), 0)
    galaxy = model.read(params, said)
    other = torch.nn.functional.normalize(
        galaxy + torch.randn(galaxy.shape, generator=torch.Generator().manual_seed(1)), dim=1
    )
    known = torch.ones(2, dtype=torch.bool)
    assert float(learn.contrast(params, galaxy, sets, known, said)) < float(
        learn.contrast(params, other, sets, known, said)
    )


@pytest.mark.parametrize("arch", ["conv", "patch", "tiny"])
def test_towers_give_unit_vectors_and_gradients(arch: str) -> None:
    params = model.new(arch, 129, 1)
    pictures = torch.rand(2, 3, 64, 64, requires_grad=True)
    seen = model.look(params, pictures)
    assert seen.shape == (2, model.WIDTH)
    torch.testing.assert_close(seen.norm(dim=1), torch.ones(2))
    seen[:, 0].sum().backward()
    assert float(pictures.grad.abs().sum()) > 0
    alone = model.look(params, pictures[:1])
    torch.testing.assert_close(alone, seen[:1], atol=1e-5, rtol=1e-4)
    with pytest.raises(UsageError, match="no tower 'wide'"):
        model.new("wide", 129, 1)


def test_broken_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.safetensors"
    with pytest.raises(StateError, match=r"w\.safetensors cannot be read"):
        open_guide("concepts", weights=path)
    path.write_bytes(b"nonsense" * 50)
    with pytest.raises(StateError, match="cannot be read") as caught:
        open_guide("concepts", weights=path)
    assert "Install Morphogen again" in caught.value.cure
    whole = (store.FOLDER / store.NAMES["judge"]).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StateError, match="cannot be read"):
        open_guide("concepts", weights=path)
    params = model.new("tiny", len(vocabulary().tokens), 0)
    store.save(path, {**params, "head": params["head"] * float("nan")}, {})
    with pytest.raises(StateError, match="not finite"):
        open_guide("concepts", weights=path)
    store.save(path, {name: value for name, value in params.items() if name != "head"}, {})
    with pytest.raises(StateError, match="other shapes"):
        open_guide("concepts", weights=path)
    monkeypatch.setattr(store, "tokens_hash", lambda: "another")
    store.save(path, params, {})
    monkeypatch.undo()
    with pytest.raises(StateError, match="another vocabulary"):
        open_guide("concepts", weights=path)


def test_without_torch_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(torches.importlib, "import_module", missing)
    with pytest.raises(Unavailable, match=r'pip install "morphogen\[train\]"'):
        torches.need_torch()


# --- the shipped weights


def test_the_shipped_guide_finds_pictures_that_other_formulas_drew(guide: Any) -> None:
    chosen = evaluate.captions(False)[::4] + evaluate.captions(True)[::4]
    figures = evaluate.retrieval(guide.params, "far", chosen, each=2)
    assert len(chosen) >= 45
    assert figures["r1"] >= 0.70, figures  # the docs' figure less 0.1: about 100 pictures, standard error 0.04
    assert figures["chance"] < 0.025


def test_nothing_is_told_from_something(guide: Any) -> None:
    empty, networks = (
        torch.cat([samples.draw(name, 8, 64, 3100 + k).pictures for k in range(16)]) for name in ("empty", "abstract")
    )
    assert float((guide.emptiness(empty) > 0.5).float().mean()) > 0.93  # .98 of 256
    assert float((guide.probabilities(networks)[:, -2:].sum(1) > 0.5).float().mean()) > 0.8  # .90 of 512
    real = torch.cat([samples.draw(name, 1, 64, 33, "far", plainly=True).pictures for name in NAMES])
    assert float((guide.probabilities(real)[:, -2:].sum(1) > 0.5).float().mean()) < 0.1


def test_size_and_shape_do_not_matter_much(guide: Any) -> None:
    large = torch.cat([samples.draw(name, 1, 256, 41, plainly=True).pictures for name in ("galaxy", "eye", "maze")])
    base = guide.embed(large)
    for view in (
        torch.nn.functional.avg_pool2d(large, 4),
        torch.nn.functional.avg_pool2d(large, 2),
        large[:, :, ::4, ::4],
    ):
        assert float((guide.embed(view) * base).sum(1).min()) > 0.97
    wide = torch.nn.functional.pad(large, (100, 100, 0, 0))
    torch.testing.assert_close(guide.embed(wide), base, atol=1e-4, rtol=1e-3)
    assert guide.embed(torch.rand(1, 3, 45, 80)).shape == (1, 256)


def test_the_guide_describes_itself(guide: Any, judge: Any) -> None:
    told = guide.describe()
    assert told["parameters"] == 2_789_065
    assert told["vocabulary"]["structure"] == 64
    assert len(told["sha256"]) == 16
    assert judge.describe()["sha256"] != told["sha256"]
    assert model.arch_of(judge.params) != model.arch_of(guide.params)
    sizes = sum((store.FOLDER / name).stat().st_size for name in store.NAMES.values())
    assert sizes < 10_000_000  # they travel in the package


# --- aims


def galaxies(n: int = 3) -> Any:
    return samples.draw("galaxy", n, 64, 51, colours=("blue",), plainly=True).pictures


def test_an_aim_prefers_what_was_asked_for(guide: Any) -> None:
    target = aim(guide, "blue galaxy")
    others = samples.draw("plaid", 3, 64, 51, colours=("red",), plainly=True).pictures
    assert float(target.score(galaxies()).min()) > float(target.score(others).max()) + 0.3
    assert float(target.loss(galaxies()).max()) < float(target.loss(others).min())
    assert target.ranks(galaxies(), ["red plaid", "green maze", "blue galaxy", "blue sea"]).tolist() == [1, 1, 1]
    assert int(target.ranks(others, ["red plaid"]).min()) == 2
    assert "galaxy (structure galaxy)" in target.line()
    assert target.describe()["parts"][0]["confidence"] == 1


def test_pixels_climb_towards_the_words(guide: Any) -> None:
    target = aim(guide, "red rings")
    picture = torch.full((1, 3, 64, 64), 0.4) + 0.05 * torch.rand(
        1, 3, 64, 64, generator=torch.Generator().manual_seed(2)
    )
    picture.requires_grad_(True)
    first = float(target.score(picture).detach())
    optimiser = torch.optim.Adam([picture], lr=0.02)
    for _ in range(25):
        optimiser.zero_grad()
        target.loss(picture.clamp(0, 1)).sum().backward()
        assert bool(picture.grad.isfinite().all())
        optimiser.step()
    assert float(target.score(picture.detach().clamp(0, 1))) > first + 0.3


def test_negative_parts_repel(guide: Any) -> None:
    mixed = torch.maximum(galaxies(1), samples.draw("stars", 1, 64, 52, colours=("white",), plainly=True).pictures)
    plain, without = aim(guide, "galaxy"), aim(guide, "galaxy | stars:-0.5")
    assert float(without.score(mixed)) < float(plain.score(mixed))
    assert float(without.loss(mixed)) > float(plain.loss(mixed))
    assert without.weights.tolist() == [1.0, -0.5]


def test_a_reference_and_a_palette_pull(guide: Any, tmp_path: Path) -> None:
    from PIL import Image

    red, blue = (samples.draw("galaxy", 1, 64, 53, colours=(name,), plainly=True).pictures for name in ("red", "blue"))
    plain = aim(guide, "galaxy")
    path = tmp_path / "red.png"
    Image.fromarray((red[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)).save(path)
    for reference in (red[0], red[0].numpy(), path):
        pulled = aim(guide, "galaxy", reference=reference)
        gain_red, gain_blue = (float(pulled.loss(p) - plain.loss(p)) for p in (red, blue))
        assert gain_red < gain_blue - 0.05
    shades = aim(guide, "galaxy", palette=["#000000", (1.0, 0.0, 0.0), "ff8080"])
    assert float(shades.loss(red) - plain.loss(red)) < float(shades.loss(blue) - plain.loss(blue)) - 0.02


def test_empty_pictures_are_rejected(guide: Any) -> None:
    target = aim(guide, "neurons")
    dark = torch.zeros(1, 3, 64, 64)
    speck = dark.clone()
    speck[:, :, 30:32, 30:32] = 0.3
    neurons = samples.draw("neurons", 3, 64, 54, colours=("cyan",), plainly=True).pictures
    assert target.empty(torch.cat([dark, dark + 0.5, dark + 1, speck])).all()
    assert not target.empty(neurons).any()


def test_wrong_pictures_and_colours_are_named(guide: Any, tmp_path: Path) -> None:
    target = aim(guide, "galaxy")
    for wrong in (torch.rand(3, 64, 64), torch.rand(1, 4, 64, 64), torch.rand(1, 3, 8, 64)):
        with pytest.raises(UsageError, match="looks at images"):
            target.score(wrong)
    for palette in (["green"], [(1, 2, 3)], [(0.1, 0.2)], ["#12"], [None]):
        with pytest.raises(UsageError, match="is no colour"):
            aim(guide, "galaxy", palette=palette)
    (tmp_path / "a.png").write_text("no picture")
    for path in (tmp_path / "a.png", tmp_path / "none.png"):
        with pytest.raises(UsageError, match="cannot be read"):
            aim(guide, "galaxy", reference=path)
    with pytest.raises(UsageError, match="understands nothing"):
        aim(guide, "galaxy | qwertzu:0.5")
