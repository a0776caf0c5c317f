"""OpenAI's CLIP and its relatives as a guide, through open_clip (extra `clip`). Any sentence, if the weights are there.

Weights are looked for on this machine first, and nothing is fetched unless asked for: open_clip itself tries the
network for 46 s before it gives up. Get them once (RN50: about 400 MB):

    python -m morphogen.training.clip_guide --fetch
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from morphogen.errors import MorphogenError, StateError, Unavailable, UsageError
from morphogen.training.concepts.model import shrink
from morphogen.training.guides import Understanding, Unknown
from morphogen.training.torches import need_torch

Tensor = Any
MODEL, TAG = "RN50-quickgelu", "openai"
LONGEST = 1000
NOTHING = (
    "a blank black picture",
    "an empty grey picture",
    "random noise",
    "a blurry abstract gradient",
    "a page of text",
)
FETCH = "python -m morphogen.training.clip_guide --fetch"


def need_open_clip() -> ModuleType:
    """The module open_clip. Raises Unavailable with the cure."""
    need_torch()
    try:
        return importlib.import_module("open_clip")
    except ModuleNotFoundError as error:
        if error.name not in ("open_clip", "torchvision", "ftfy", "regex", "timm", "huggingface_hub"):
            raise
        raise Unavailable(
            f"CLIP needs the package {error.name}.", 'Install it: pip install "morphogen[clip]".'
        ) from error


class ClipGuide:
    """One CLIP model; frozen, in single precision. Looks at the middle square of a picture."""

    name = "clip"

    def __init__(self, network: Any, tokenizer: Any, about: dict[str, Any], device: str) -> None:
        torch = need_torch()
        self.network, self.tokenizer, self.about, self.device = network.eval(), tokenizer, about, device
        for value in network.parameters():
            value.requires_grad_(False)
        size = network.visual.image_size
        self.size = int(size if isinstance(size, int) else size[0])
        mean = getattr(network.visual, "image_mean", None) or (0.48145466, 0.4578275, 0.40821073)
        spread = getattr(network.visual, "image_std", None) or (0.26862954, 0.26130258, 0.27577711)
        self.mean, self.spread = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (mean, spread))
        self.nothing = self.directions(NOTHING)

    def understand(self, text: str) -> Understanding:
        """A sentence is taken as a whole; only what lies beyond the model's context is reported as lost."""
        words = text.split()
        if not words:
            raise UsageError("the prompt is empty.", 'Describe a picture, as in "a spinning blue galaxy".')
        if len(text) > LONGEST:
            raise UsageError(
                f"the prompt has {len(text)} characters, more than {LONGEST}.", "Say it in a sentence or two."
            )
        room = int(self.tokenizer.context_length) - 2
        kept = len(words)
        while kept and len(self.tokenizer.encode(" ".join(words[:kept]))) > room:
            kept -= 1
        lost = tuple(Unknown(word) for word in words[kept:])
        return Understanding(text, (), lost, kept / len(words))

    def directions(self, texts: Sequence[str]) -> Tensor:
        for text in texts:
            self.understand(text)
        with need_torch().no_grad():
            vectors = self.network.encode_text(self.tokenizer(list(texts)).to(self.device)).float()
        return need_torch().nn.functional.normalize(vectors, dim=1)

    def embed(self, images: Tensor) -> Tensor:
        pictures = (shrink(images, self.size) - self.mean) / self.spread
        return need_torch().nn.functional.normalize(self.network.encode_image(pictures).float(), dim=1)

    def distractors(self, text: str) -> Tensor:
        return self.nothing

    def emptiness(self, images: Tensor) -> Tensor:
        """CLIP is not asked: `Aim.empty` goes by the spread of brightness then."""
        return need_torch().zeros(len(images), device=images.device)

    def describe(self) -> dict[str, Any]:
        return {
            "name": self.name,
            **self.about,
            "parameters": sum(value.numel() for value in self.network.parameters()),
        }


def open_clip_guide(
    device: str = "cpu", weights: str | Path | None = None, model: str = MODEL, tag: str = TAG, fetch: bool = False
) -> ClipGuide:
    """A CLIP model by open_clip's name. weights: a file, or a folder with open_clip_config.json; else the weights `tag`
    from the caches of open_clip and the hub, or (fetch) from the network.

    Raises Unavailable (package or weights missing), UsageError (unknown model or tag, activation that the weights were
    not trained with), StateError (broken file); each with the cure.
    """
    open_clip = need_open_clip()
    if weights is not None and Path(weights).is_dir():
        model, path, quick = f"local-dir:{weights}", _in_folder(Path(weights)), None
    else:
        config = open_clip.get_model_config(model)
        if config is None:
            raise UsageError(f"open_clip knows no model {model!r}.", "Its own list: open_clip.list_models().")
        quick = bool(config.get("quick_gelu", False))
        path = Path(weights) if weights is not None else find_weights(model, tag, fetch)
        _check_activation(open_clip, model, quick, tag, path if weights is not None else None)
    if not path.is_file():
        raise StateError(f"there are no CLIP weights at {path}.", f"Give a file, or fetch them once: {FETCH}.")
    network, tokenizer = _load(open_clip, model, path, device)
    if quick is None:
        quick = any(type(part).__name__ == "QuickGELU" for part in network.modules())
    about = {"model": model.removeprefix("local-dir:"), "weights": path.name, "sha256": _sha(path), "quick_gelu": quick}
    return ClipGuide(network, tokenizer, about | ({"tag": tag} if weights is None else {}), device)


def _load(open_clip: ModuleType, model: str, path: Path, device: str) -> tuple[Any, Any]:
    pretrained = None if model.startswith("local-dir:") else str(path)
    try:
        network = open_clip.create_model(model, pretrained=pretrained, device=device, require_pretrained=True)
        return network, open_clip.get_tokenizer(model)
    except _broken() as error:
        what = f"the CLIP weights {path.name} cannot be loaded: {_first(error)}."
        raise StateError(what, f"Fetch them anew: {FETCH}.") from error


def find_weights(model: str, tag: str, fetch: bool = False) -> Path:
    """The file of a pretrained tag: from the caches, or from the network if `fetch`. Raises UsageError, Unavailable."""
    open_clip = need_open_clip()
    known = open_clip.get_pretrained_cfg(model, tag)
    if not known:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(model)) or "none"
        raise UsageError(f"open_clip has no weights {tag!r} for {model}.", f"It has: {tags}.")
    found = _cached(known)
    if found is not None:
        return found
    cure = f"With a network, once: {FETCH} --model {model} --tag {tag}. Or give a file. Or use the guide `concepts`."
    if not fetch:
        raise Unavailable(f"the CLIP weights {tag} of {model} are not on this machine.", cure)
    try:
        return Path(open_clip.download_pretrained(known))
    except (RuntimeError, OSError, ValueError) as error:  # the hub's errors are OSErrors and ValueErrors
        raise Unavailable(
            f"the CLIP weights {tag} of {model} could not be fetched: {_first(error)}.", "Check the network."
        ) from error


def _cached(known: dict[str, Any]) -> Path | None:
    """Where open_clip or the hub's client put these weights earlier; asks no network."""
    from huggingface_hub import try_to_load_from_cache

    repository, _, name = str(known.get("hf_hub", "")).rpartition("/")
    names = ("open_clip_model.safetensors", name or "open_clip_pytorch_model.bin", "open_clip_pytorch_model.bin")
    for file in names if repository else ():
        found = try_to_load_from_cache(repository, file)
        if isinstance(found, str):
            return Path(found)
    if repository:
        return None
    own = Path("~/.cache/clip").expanduser() / str(known.get("url", "")).rpartition("/")[2]
    return own if own.is_file() else None


def _check_activation(open_clip: ModuleType, model: str, quick: bool, tag: str, path: Path | None) -> None:
    """OpenAI's weights were trained with QuickGELU; open_clip 3 only warns where a model would use the other one."""
    if path is None:
        wanted = bool((open_clip.get_pretrained_cfg(model, tag) or {}).get("quick_gelu", False))
    else:
        wanted = quick or "openai" in path.name.lower()
    what = path.name if path else tag
    if wanted and not quick:
        cure = f"Use the model {model}-quickgelu."
        raise UsageError(f"the weights {what} were trained with QuickGELU and {model} uses GELU: wrong scores.", cure)
    if quick and not wanted:
        cure = f"Use {model.removesuffix('-quickgelu')}."
        raise UsageError(f"the weights {what} were trained with GELU and {model} uses QuickGELU: wrong scores.", cure)


def _broken() -> tuple[type[BaseException], ...]:
    """What torch, safetensors and open_clip raise for weights that are broken or of another model."""
    from pickle import UnpicklingError

    from safetensors import SafetensorError

    return (RuntimeError, OSError, ValueError, KeyError, TypeError, AttributeError, UnpicklingError, SafetensorError)


def _in_folder(folder: Path) -> Path:
    for name in ("open_clip_model.safetensors", "open_clip_pytorch_model.bin"):
        if (folder / name).is_file() and (folder / "open_clip_config.json").is_file():
            return folder / name
    cure = "It needs open_clip_config.json and open_clip_model.safetensors."
    raise StateError(f"the folder {folder} holds no CLIP model.", cure)


def _sha(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _first(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")[:200]


def main(argv: Sequence[str] | None = None) -> int:
    """Fetch weights, or say where they lie. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m morphogen.training.clip_guide", description="CLIP weights for training."
    )
    parser.add_argument("--fetch", action="store_true", help="get them from the network if they are not here")
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--tag", default=TAG)
    args = parser.parse_args(argv)
    try:
        sys.stdout.write(f"{find_weights(args.model, args.tag, args.fetch)}\n")
    except MorphogenError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
