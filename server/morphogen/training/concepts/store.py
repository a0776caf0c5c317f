"""Weights on disk: safetensors in half precision beside the code, with what they were trained for in the header."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from morphogen.errors import StateError
from morphogen.training.concepts import model
from morphogen.training.concepts.vocabulary import vocabulary
from morphogen.training.torches import need_torch

FOLDER = Path(__file__).resolve().parent.parent / "weights"
NAMES = {"concepts": "concepts.safetensors", "judge": "judge.safetensors"}


def tokens_hash() -> str:
    """Of the tokens in their order: weights belong to one table."""
    return hashlib.sha256("\n".join(vocabulary().tokens).encode()).hexdigest()[:16]


def save(path: Path, params: model.Params, about: dict[str, Any]) -> None:
    """Write weights as float16; `about` goes into the header as JSON."""
    from safetensors.torch import save_file

    torch = need_torch()
    half = {name: value.to(torch.float16).contiguous() for name, value in params.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(half, str(path), {"morphogen": json.dumps({**about, "tokens": tokens_hash()}, sort_keys=True)})


def load(path: Path, device: str = "cpu") -> tuple[model.Params, dict[str, Any]]:
    """Weights as float32 on a device, and what is told about them.

    Raises StateError for a file that is missing, broken, of another shape or for another vocabulary, with the cure.
    """
    cure = "Install Morphogen again, or train the guide: python -m morphogen.training.concepts train."
    need_torch()
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt", device=device) as file:
            about = json.loads((file.metadata() or {}).get("morphogen", "{}"))
            params = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118  # no mapping
    except (OSError, SafetensorError, ValueError) as error:
        raise StateError(f"the guide's weights {path.name} cannot be read: {error}.", cure) from error
    if about.get("tokens") != tokens_hash():
        raise StateError(f"the guide's weights {path.name} were made for another vocabulary.", cure)
    wanted = {
        name: value.shape for name, value in model.new(model.arch_of(params), len(vocabulary().tokens), 0).items()
    }
    if wanted != {name: value.shape for name, value in params.items()}:
        raise StateError(f"the guide's weights {path.name} have other shapes than the model.", cure)
    if not all(bool(value.isfinite().all()) for value in params.values()):
        raise StateError(f"the guide's weights {path.name} hold numbers that are not finite.", cure)
    return params, about


def fingerprint(path: Path) -> str:
    """The first 16 hexadecimal digits of the file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
