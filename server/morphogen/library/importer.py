"""Seed-era `.pth` files to styles, without running what a pickle says: `torch.load(weights_only=True)`.

The seeds' network was a chain of Linear layers, sin cos gaussian tanh cycling between them, sigmoid at the end. Its
file holds the layers' tensors under any names that end in `.weight` and `.bias`, alone or as 'state_dict' beside more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from morphogen.errors import StyleError, Unavailable
from morphogen.field import geometry
from morphogen.field.network import ACTIVATION_CYCLE, SEED_INPUTS
from morphogen.library import checks
from morphogen.library.header import MAX_FILE, PICKLES, open_file, read_file
from morphogen.library.style import Style, load_style

PTH = (".pth", ".pt")
NESTED = ("state_dict", "model_state_dict", "model", "network", "cppn")
NOT_SEED = "Only files of the seeds' CPPN can be imported: Linear layers, 12 inputs, 3 outputs."


def import_any(path: str | Path, extent: float = math.pi) -> Style:
    """The style in a file that came from elsewhere: a PNG that carries one, a style file, or a .pth as below."""
    path = Path(path)
    try:
        with open_file(path) as file:
            start = file.read(9)
    except StyleError as error:
        raise StyleError(f"{path.name[:80]}: {error.message}", error.cure) from error
    if path.suffix.lower() in PTH or (start.startswith(PICKLES) and start[8:] != b"{"):
        return import_pth(path, extent=extent)
    return load_style(path)


def import_pth(path: str | Path, inputs: Sequence[str] = SEED_INPUTS, extent: float = math.pi) -> Style:
    """The style in a seed-era .pth file, named `own/<file name>`; trained, by a guide that the file does not tell.

    inputs: what the columns of the first layer mean. extent: the seeds trained on +-pi (and showed +-0.5, so give 0.5
    to see what their stage showed). Raises Unavailable without torch, StyleError for a file that is no such network.
    """
    path = Path(path)
    state = _read(path)
    try:
        layers = _layers(state)
        _seedlike(layers, len(inputs))
        widths = [len(weight) for weight, _ in layers]
        activations = [ACTIVATION_CYCLE[n % 4] for n in range(len(layers) - 1)]
        shape = checks.shape(list(inputs), widths[:-1], activations, "rgb")
        tensors = [tensor for layer in layers for tensor in layer]
        network = checks.network(shape, tensors, checks.extent(extent), (0.0, 60.0), geometry.default(shape.inputs))
    except StyleError as error:
        raise StyleError(f"{path.name[:80]}: {error.message}", error.cure) from error
    return Style(
        network, f"own/{checks.slug(path.stem)}", guide="unknown", trained=True,
        training=f"morphogen styles import {checks.slug(path.stem)}.pth",
    )  # fmt: skip


def _read(path: Path) -> Mapping[str, Any]:
    try:
        import torch
    except ImportError as error:
        raise Unavailable(f"reading {path.name[:80]} needs PyTorch, which is not installed.",
                          'pip install "morphogen[train]"') from error  # fmt: skip
    data = _bounded(path)
    try:
        loaded = torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    # weights_only refuses all but tensors and plain containers. A damaged file makes it raise whatever it stumbles
    # over: of 1,600 tried, UnpicklingError, RuntimeError, AssertionError, IndexError, TypeError, struct.error and more.
    except Exception as error:
        raise StyleError(f"{path.name[:80]} is no file of plain weights ({checks.shown(str(error))}).",
                         NOT_SEED) from error  # fmt: skip
    for key in NESTED:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
    if not isinstance(loaded, Mapping):
        raise StyleError(f"{path.name[:80]} holds {type(loaded).__name__}, not a state dictionary.", NOT_SEED)
    return loaded


def _bounded(path: Path) -> bytes:
    """The file's bytes, once it is known that reading them needs no more memory than they have."""
    try:
        data = read_file(path)
        with ZipFile(BytesIO(data)) if data.startswith(b"PK") else nullcontext() as archive:
            entries = archive.infolist() if archive else []
    except StyleError as error:
        raise StyleError(
            f"{path.name[:80]}: {error.message}", "Check the path, and that it is a seed-era file."
        ) from error
    except (BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise StyleError(f"{path.name[:80]} is no file of plain weights ({checks.shown(str(error))}).",
                         NOT_SEED) from error  # fmt: skip
    # PyTorch writes its records uncompressed, but reads compressed ones: 2 MB became 2 GB and half a minute. And of the
    # few things that it builds from a pickle, a bytearray has the size that it is told to have.
    packed = any(entry.compress_type for entry in entries) or sum(entry.file_size for entry in entries) > len(data)
    if packed or b"bytearray" in data:
        raise StyleError(f"{path.name[:80]} is no file as PyTorch writes them.", NOT_SEED)
    return data


def _seedlike(layers: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]], inputs: int) -> None:
    taken, given = layers[0][0].shape[1], len(layers[-1][0])
    if taken != inputs:
        raise StyleError(f"its first layer takes {taken} inputs, that of the seeds {inputs}.", NOT_SEED)
    if given != 3:
        raise StyleError(f"its last layer has {given} outputs, a picture 3.", NOT_SEED)


def _layers(state: Mapping[str, Any]) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """(weight, bias) of each Linear layer, in file order, which is the order of definition."""
    layers: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    for key, value in state.items():
        if not isinstance(key, str) or not key.endswith(".weight"):
            continue
        bias = state.get(f"{key.removesuffix('.weight')}.bias")
        if not hasattr(value, "detach") or not hasattr(bias, "detach"):
            raise StyleError(f"{checks.shown(key)} is no Linear layer with weight and bias.", NOT_SEED)
        weight, offset = _array(key, value), _array(key, bias)
        fits = weight.ndim == 2 and offset.shape == weight.shape[:1]
        if not fits or (layers and weight.shape[1] != len(layers[-1][0])):
            raise StyleError(f"{checks.shown(key)} of shape {weight.shape} does not follow the layer before.", NOT_SEED)
        layers.append((weight, offset))
    if len(layers) < 2:
        raise StyleError(f"it holds {len(layers)} Linear layers, a style has 2 at least.", NOT_SEED)
    return layers


def _array(key: str, tensor: Any) -> NDArray[np.float32]:
    try:
        # A tensor may claim any shape over a few bytes: it is looked at before anything is copied.
        if tensor.is_floating_point() and tensor.numel() <= MAX_FILE:
            return np.asarray(tensor.detach().cpu().float().numpy(), np.float32)
    except (TypeError, RuntimeError):
        pass  # sparse, quantised, without data
    raise StyleError(f"{checks.shown(key)} is no plain tensor of numbers.", NOT_SEED)
