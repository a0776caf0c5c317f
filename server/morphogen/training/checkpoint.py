"""A run that was cut off: everything that the next one needs to go on, in one file beside the style.

All that is random follows from the order's seed, stage by stage, so what must be kept is little: the order, the stage
and how far it is, the weights, and which samples they draw. (Adam's momentum is not: it is back after 20 steps.)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from morphogen.errors import StateError
from morphogen.field.network import tensor_shapes
from morphogen.library.atomic import write
from morphogen.training.order import Order
from morphogen.training.torch_field import Batch
from morphogen.training.torches import need_torch

VERSION = 1
AGAIN = "Train without --resume; it begins anew."


@dataclass(frozen=True)
class Checkpoint:
    """order; stage by number, step within it; the batch; of each network its sample's number and its error; seconds so
    far."""

    order: Order
    stage: int
    step: int
    batch: Batch
    samples: Sequence[int]
    errors: Sequence[float]
    seconds: float


def part_path(output: Path) -> Path:
    """Where a style's unfinished run is kept."""
    return output.with_name(output.name + ".part")


def save(path: Path, point: Checkpoint) -> None:
    """Write atomically. Raises StyleError when it cannot be written."""
    tensors = {f"{n:02d}": t.detach().numpy().copy() for n, t in enumerate(point.batch.tensors)}
    about = {"version": VERSION, "order": asdict(point.order), "stage": point.stage, "step": point.step,
             "samples": list(point.samples), "errors": list(point.errors), "seconds": point.seconds}  # fmt: skip
    write(path, save_tensors(tensors, {"run": json.dumps(about)}))


def load(path: Path, order: Order, like: Batch) -> Checkpoint:
    """like: a batch of the order's networks. Raises StateError: there is none, it is damaged, or it belongs to another
    order."""
    try:
        data = path.read_bytes()
        tensors = load_tensors(data)
        about = json.loads(json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["run"])
        kept, version = Order(**about["order"]), about["version"]
        stage, step, samples = int(about["stage"]), int(about["step"]), [int(n) for n in about["samples"]]
        errors, seconds = [float(e) for e in about["errors"]], float(about["seconds"])
    except FileNotFoundError as error:
        raise StateError(f"there is no unfinished run {path.name}.", "Train without --resume.") from error
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise StateError(f"{path.name} is damaged ({str(error)[:80]}).", AGAIN) from error
    if kept != order or version != VERSION:
        raise StateError(f"{path.name} belongs to another run: {kept.command()[:200]}.",
                         "Give the same prompt and options, or train without --resume.")  # fmt: skip
    return Checkpoint(order, stage, step, _batch(path, like, tensors), samples, errors, seconds)


def _batch(path: Path, like: Batch, tensors: dict[str, Any]) -> Batch:
    ordered = [tensors[key] for key in sorted(tensors)]
    fits = ordered and [t.shape[1:] for t in ordered] == tensor_shapes(like.shape)
    if not fits or not all(np.isfinite(t).all() for t in ordered):
        raise StateError(f"{path.name} holds other networks than this run's.", AGAIN)
    torch = need_torch()
    return replace(like, tensors=[torch.tensor(t).requires_grad_() for t in ordered])
