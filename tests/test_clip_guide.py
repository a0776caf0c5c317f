"""CLIP as a guide: real open_clip code (configuration, weights from disk, tokenizer, both towers), a tiny model."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from morphogen.errors import StateError, Unavailable, UsageError
from morphogen.training import clip_guide
from morphogen.training.guides import aim, open_guide

torch = pytest.importorskip("torch", reason='needs PyTorch: pip install "morphogen[train]"')

CONFIG = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


def test_without_open_clip_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(Unavailable, match=r'pip install "morphogen\[clip\]"'):
        open_guide("clip")


open_clip = pytest.importorskip(
    "open_clip", reason='needs open_clip: pip install "morphogen[clip]"', exc_type=ImportError
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny CLIP of random weights, and models `tiny-clip` and `tiny-clip-quickgelu` for open_clip."""
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("clip")
    for name, quick in (("tiny-clip", False), ("tiny-clip-quickgelu", True)):
        (folder / f"{name}.json").write_text(json.dumps({**CONFIG, "quick_gelu": quick}))
        open_clip.add_model_config(folder / f"{name}.json")
    torch.manual_seed(5)
    network = open_clip.create_model("tiny-clip-quickgelu")
    save_file(
        {name: value.contiguous() for name, value in network.state_dict().items()}, str(folder / "openai.safetensors")
    )
    (folder / "local").mkdir()
    save_file(
        {name: value.contiguous() for name, value in network.state_dict().items()},
        str(folder / "local" / "open_clip_model.safetensors"),
    )
    (folder / "local" / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": {**CONFIG, "quick_gelu": True}, "preprocess_cfg": {}})
    )
    return folder


@pytest.fixture(scope="module")
def guide(tiny: Path) -> Any:
    return open_guide("clip", model="tiny-clip-quickgelu", weights=tiny / "openai.safetensors")


def test_a_file_and_a_folder_give_the_same_model(guide: Any, tiny: Path) -> None:
    folder = open_guide("clip", weights=tiny / "local")
    pictures = torch.rand(2, 3, 90, 160, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(guide.embed(pictures), folder.embed(pictures))
    torch.testing.assert_close(guide.directions(["a galaxy"]), folder.directions(["a galaxy"]))
    assert guide.size == 64
    told = guide.describe()
    assert told["name"] == "clip"
    assert told["quick_gelu"] is True
    assert len(told["sha256"]) == 16
    assert folder.describe()["quick_gelu"] is True


def test_it_answers_as_open_clip_itself(guide: Any, tiny: Path) -> None:
    network = open_clip.create_model("tiny-clip-quickgelu", pretrained=str(tiny / "openai.safetensors")).eval()
    picture = torch.rand(1, 3, 64, 64)
    mean, spread = (torch.tensor(v).view(1, 3, 1, 1) for v in (network.visual.image_mean, network.visual.image_std))
    with torch.no_grad():
        wanted = network.encode_image((picture - mean) / spread, normalize=True)
        words = network.encode_text(open_clip.get_tokenizer("tiny-clip")(["a blue galaxy"]), normalize=True)
    torch.testing.assert_close(guide.embed(picture), wanted)
    torch.testing.assert_close(guide.directions(["a blue galaxy"]), words)


def test_pixels_climb(guide: Any) -> None:
    target = aim(guide, "a spinning galaxy | text:-0.2")
    picture = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(3)).requires_grad_(True)
    first = target.loss(picture).detach()
    optimiser = torch.optim.Adam([picture], lr=0.02)
    for _ in range(15):
        optimiser.zero_grad()
        target.loss(picture).sum().backward()
        optimiser.step()
    assert (target.loss(picture).detach() < first).all()
    assert all(value.grad is None for value in guide.network.parameters())
    assert target.line().startswith("taken as a whole")
    assert target.empty(torch.zeros(1, 3, 64, 64)).tolist() == [True]
    assert target.describe()["guide"]["model"] == "tiny-clip-quickgelu"


def test_long_and_empty_prompts(guide: Any) -> None:
    understood = guide.understand("nebula " * 100)
    assert 0.5 < understood.confidence < 1
    assert len(understood.unknown) == 25
    for wrong, message in (("", "is empty"), ("x " * 900, "more than 1000")):
        with pytest.raises(UsageError, match=message):
            guide.understand(wrong)


def test_the_wrong_activation_is_refused(tiny: Path) -> None:
    with pytest.raises(UsageError, match=r"trained with QuickGELU and tiny-clip uses GELU") as caught:
        open_guide("clip", model="tiny-clip", weights=tiny / "openai.safetensors")
    assert "tiny-clip-quickgelu" in caught.value.cure
    with pytest.raises(UsageError, match="weights openai were trained with QuickGELU and RN50 uses GELU"):
        clip_guide._check_activation(open_clip, "RN50", False, "openai", None)
    with pytest.raises(UsageError, match="trained with GELU and ViT-B-32-quickgelu"):
        clip_guide._check_activation(open_clip, "ViT-B-32-quickgelu", True, "laion2b_s34b_b79k", None)


def test_missing_weights_fail_at_once_and_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("asked the network")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(Unavailable, match="openai of RN50-quickgelu are not on this machine") as caught:
        open_guide("clip")
    assert "--fetch" in caught.value.cure
    with pytest.raises(UsageError, match="no model 'RN5000'"):
        open_guide("clip", model="RN5000")
    with pytest.raises(UsageError, match="no weights 'mine' for RN50"):
        open_guide("clip", tag="mine")


def test_weights_in_a_cache_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--timm--resnet50_clip.openai"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    place = folder / "snapshots" / "abc" / "open_clip_model.safetensors"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"x")
    assert clip_guide.main([]) == 0
    assert capsys.readouterr().out.strip() == str(place)
    assert clip_guide.main(["--tag", "mine"]) == 2
    with pytest.raises(StateError, match="cannot be loaded"):
        open_guide("clip")


def test_broken_files_and_folders(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no CLIP weights at"):
        open_guide("clip", model="tiny-clip-quickgelu", weights=tmp_path / "none.safetensors")
    (tmp_path / "w.safetensors").write_bytes((tiny / "openai.safetensors").read_bytes()[:5000])
    with pytest.raises(StateError, match=r"w\.safetensors cannot be loaded"):
        open_guide("clip", model="tiny-clip-quickgelu", weights=tmp_path / "w.safetensors")
    with pytest.raises(StateError, match="holds no CLIP model"):
        open_guide("clip", weights=tmp_path)
