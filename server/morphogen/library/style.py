"""A style: a small network and what is known about it; and its file, one safetensors (docs/styles.md).

File: tensors `layers.N.weight` (out, in) and `layers.N.bias` (out,), float32 (float16 is read too), N from 0, the
last N the output layer; with the head `palette` also `palette` (5, 3), its stops as logits;
`__metadata__["morphogen"]` is one JSON object, see `describe`. Files may come from strangers: the header is bounded
and checked here before safetensors sees a byte, and a bad file raises StyleError, nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from morphogen.errors import StyleError
from morphogen.field import geometry as field_geometry
from morphogen.field.graph import Array
from morphogen.field.network import Network, Shape, tensor_names
from morphogen.library import checks, geometry
from morphogen.library.atomic import write
from morphogen.library.header import MAX_FILE, Header, read_file, read_header
from morphogen.library.picture import carried

FORMAT = 1
SUFFIX = ".safetensors"
LIMITS = {"title": 120, "prompt": 1000, "guide": 60, "training": 1000, "licence": 120, "normalisation": 60}
_KNOWN = frozenset({*LIMITS, "format", "name", "series", "inputs", "layers", "activations", "head", "extent", "time",
                    "score", "seed", "trained", "audio_roles",
                    "geometry"})  # fmt: skip


@dataclass(frozen=True)
class Style:
    """A network with its name and history. Immutable; share it between threads.

    name: `series/name` (then series is its first half, filled in when left empty). prompt: the sentence it was trained
    from; '' if none. guide: 'clip', 'concepts' ... or 'none'; score: what the guide said, 0..1, None without a guide.
    seed: of the random start. trained: False for a network that was only drawn from its seed. training: the command
    that makes it again. audio_roles: {input: what it does here}. normalisation: what the audio inputs mean; '0..1'
    is the live features as they are. path: the file it was read from. extra: metadata keys that this version does not
    know, kept for the next save.
    """

    network: Network
    name: str = "own/unnamed"
    title: str = ""
    series: str = ""
    prompt: str = ""
    guide: str = "none"
    score: float | None = None
    seed: int | None = None
    trained: bool = False
    training: str = ""
    audio_roles: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    normalisation: str = "0..1"
    path: Path | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        series = checks.name(self.name).partition("/")[0]
        if self.series not in ("", series):
            raise StyleError(f"series {checks.shown(self.series)} does not fit the name {self.name!r}.",
                             f"The series of {self.name} is {series!r}.")  # fmt: skip
        object.__setattr__(self, "series", series)
        object.__setattr__(self, "title", self.title or title_of(self.name))

    @property
    def shape(self) -> Shape:
        """The network's shape."""
        return self.network.shape


def title_of(name: str) -> str:
    """A readable title for a name: 'starter/deep-sea' -> 'Deep sea'."""
    return name.rpartition("/")[2].replace("-", " ").replace("_", " ").strip().capitalize()


def describe(style: Style) -> dict[str, Any]:
    """The metadata object of a style's file, every value JSON."""
    network = style.network
    units = network.shape.layers
    shaped = field_geometry.write(network.shape.inputs, network.geometry)
    return {
        **style.extra,
        "format": FORMAT,
        "name": style.name, "title": style.title, "series": style.series, "prompt": style.prompt,
        "inputs": list(network.shape.inputs),
        "layers": [len(layer) for layer in units],
        "activations": [layer[0] if len(set(layer)) == 1 else list(layer) for layer in units],
        "head": network.shape.head,
        **({"geometry": shaped} if shaped else {}),
        "extent": network.extent, "time": list(network.time_range), "normalisation": style.normalisation,
        "guide": style.guide, "score": style.score, "seed": style.seed, "trained": style.trained,
        "training": style.training, "audio_roles": dict(style.audio_roles), "licence": style.licence,
    }  # fmt: skip


@dataclass(frozen=True)
class Meta:
    """A checked metadata object: `fields` are Style's keyword arguments without network and path."""

    shape: Shape
    extent: float
    time_range: tuple[float, float]
    geometry: Array
    fields: Mapping[str, Any]


def read_meta(meta: Mapping[str, Any], default_name: str) -> Meta:
    """Check a metadata object. Raises StyleError."""
    version = meta.get("format")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise StyleError(f"'format' is {checks.shown(version)}, it must be the format's number.", checks.REMAKE)
    if version > FORMAT:
        raise StyleError(f"it has format {checks.shown(version)}, this Morphogen reads up to {FORMAT}.", checks.NEWER)
    for key in ("inputs", "layers", "activations", "head"):
        if key not in meta:
            raise StyleError(f"the metadata lacks {key!r}.", checks.REMAKE)
    shape = checks.shape(meta["inputs"], meta["layers"], meta["activations"], meta["head"])
    fields: dict[str, Any] = {key: checks.text(meta[key], key, limit) for key, limit in LIMITS.items() if key in meta}
    fields["name"] = checks.name(meta.get("name", default_name))
    fields["series"] = checks.text(meta.get("series", ""), "series", 64)
    score = meta.get("score")
    fields["score"] = None if score is None else checks.number(score, "score", -1e6, 1e6)
    fields["seed"] = checks.seed(meta.get("seed"))
    fields["trained"] = meta.get("trained", False)
    if not isinstance(fields["trained"], bool):
        raise StyleError(f"'trained' must be true or false, got {checks.kind(fields['trained'])}.", checks.REMAKE)
    fields["audio_roles"] = checks.roles(meta.get("audio_roles", {}))
    fields["extra"] = {key: value for key, value in meta.items() if key not in _KNOWN}
    shaped = geometry.read(shape.inputs, meta.get("geometry", {}))
    extent, seconds = checks.extent(meta.get("extent", 0.5)), checks.time_range(meta.get("time", [0, 60]))
    return Meta(shape, extent, seconds, shaped, fields)


def load_style(path: str | Path) -> Style:
    """Read and check a style file, or a PNG that carries one. Raises StyleError. Blocks on the disk: call it off the
    render thread."""
    path = Path(path)
    try:
        return _load(path)
    except StyleError as error:
        raise StyleError(f"{path.name[:80]}: {error.message}", error.cure) from error


def load_meta(path: Path) -> Meta:
    """Check a style file's header without reading its weights. Raises StyleError without the file's name."""
    return _meta(read_header(path), path)


def _meta(header: Header, path: Path) -> Meta:
    meta = read_meta(header.meta, f"own/{checks.slug(path.stem)}")
    expected = tensor_names(meta.shape)
    missing, more = [n for n in expected if n not in header.tensors], [n for n in header.tensors if n not in expected]
    if missing:
        raise StyleError(f"the tensor {missing[0]} is missing.", checks.REMAKE)
    if more:
        raise StyleError(f"there is a tensor {checks.shown(more[0])} that belongs to no layer.", checks.REMAKE)
    for name, wanted in expected.items():
        got = header.tensors[name]
        if got != wanted:
            raise StyleError(f"the tensor {name} has shape {got}, this network needs {wanted}.", checks.REMAKE)
    return meta


def _load(path: Path) -> Style:
    data = carried(path)
    return replace(from_bytes(read_file(path) if data is None else data, path), path=path)


def from_bytes(data: bytes, path: Path) -> Style:
    """The style in the bytes of a style file, without a path. path: what errors call it, and where its name comes from
    if it has none. Raises StyleError without the file's name."""
    if len(data) > MAX_FILE:
        raise StyleError(f"it has {len(data) / 2**20:.0f} MB, a style has {MAX_FILE // 2**20} at most.", checks.REMAKE)
    header = read_header(path, data)
    meta = _meta(header, path)
    try:
        tensors = load_tensors(data)
    except (SafetensorError, ValueError) as error:
        raise StyleError(f"it is damaged ({checks.shown(str(error))}).", checks.REMAKE) from error
    ordered = [tensors[name] for name in tensor_names(meta.shape)]
    network = checks.network(meta.shape, ordered, meta.extent, meta.time_range, meta.geometry)
    return Style(network, **meta.fields)


def to_bytes(style: Style) -> bytes:
    """The style as the bytes of its file; the same style gives the same bytes."""
    meta = describe(style)
    read_meta(meta, style.name)  # what we write, we must be able to read
    network = style.network
    checks.network(style.shape, network.tensors, network.extent, network.time_range, network.geometry)
    tensors = {name: np.ascontiguousarray(t) for name, t in
               zip(tensor_names(style.shape), style.network.tensors, strict=True)}  # fmt: skip
    return save_tensors(tensors, {"morphogen": json.dumps(meta, ensure_ascii=False, allow_nan=False)})


def save_style(style: Style, path: str | Path) -> Style:
    """Write atomically: a reader, or a power cut, sees the old file or the new one. Returns the style with its path.

    Makes missing folders. Raises StyleError: values that no reader would accept, or a path that cannot be written.
    """
    path = Path(path)
    write(path, to_bytes(style))
    return replace(style, path=path)
