"""The first bytes of a style file, read within bounds: what a hostile file meets first.

safetensors layout: u64 little-endian header length, that many bytes of JSON {tensor: {dtype, shape, data_offsets},
"__metadata__": {text: text}}, then the tensors' bytes without gaps.
"""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from morphogen.errors import StyleError
from morphogen.library import checks

MAX_FILE = 8 * 2**20
MAX_HEADER = 2**20
MAX_TENSORS = 64
DTYPES = {"F32": 4, "F16": 2}
PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


@dataclass(frozen=True)
class Header:
    """A header whose structure holds: our metadata object, and each tensor's shape."""

    meta: Mapping[str, Any]
    tensors: Mapping[str, tuple[int, ...]]


def open_file(path: Path, limit: float = math.inf) -> BinaryIO:
    """Open a regular file of `limit` bytes at most. Raises StyleError."""
    try:
        info = path.stat()
        # A named pipe would block for ever on open.
        if not stat.S_ISREG(info.st_mode):
            raise StyleError("it is not a file.", "Give the .safetensors file itself, or a name `series/name`.")
        if info.st_size > limit:
            raise StyleError(f"it has {info.st_size / 2**20:.0f} MB, a style has {MAX_FILE // 2**20} at most.",
                             checks.REMAKE)  # fmt: skip
        return path.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise _unreadable(error) from error


def read_file(path: Path, limit: int = MAX_FILE) -> bytes:
    """All bytes of a regular file of MAX_FILE at most; or its first `limit` bytes. Raises StyleError."""
    with open_file(path, MAX_FILE) as file:
        try:
            return file.read(limit)
        except OSError as error:
            raise _unreadable(error) from error


def _unreadable(error: Exception) -> StyleError:
    why = getattr(error, "strerror", None) or str(error)
    return StyleError(f"it cannot be read: {why}.", "Check that it exists and that you may read it.")


def read_header(path: Path, data: bytes | None = None) -> Header:
    """Read and check the header of a file, or of its bytes `data`. Raises StyleError."""
    if data is None:
        data = read_file(path, MAX_HEADER + 8)
        size = path.stat().st_size
    else:
        size = len(data)
    if len(data) < 10 or data[8:9] != b"{":
        # After the brace: a header of 1,152 bytes begins like a pickle, too.
        if data.startswith(PICKLES):
            raise StyleError("it is a pickle (.pth), which could run any program when opened.",
                             f"Convert it safely with `morphogen styles import {path.name[:60]}`.")  # fmt: skip
        raise StyleError("it is not a safetensors file.", checks.REMAKE)
    length = int.from_bytes(data[:8], "little")
    if length > MAX_HEADER or length + 8 > size:
        raise StyleError(f"its header claims {checks.shown(length)} bytes, there may be {min(size - 8, MAX_HEADER)}.",
                         checks.REMAKE)  # fmt: skip
    table = parse(data[8 : 8 + length], "header")
    metadata = table.pop("__metadata__", None)
    tensors = _tensors(table, size - 8 - length)
    if not isinstance(metadata, dict) or not isinstance(metadata.get("morphogen"), str):
        raise StyleError("it holds tensors, but no Morphogen metadata.",
                         "It is not a style; models of other programs cannot be drawn.")  # fmt: skip
    return Header(parse(metadata["morphogen"].encode("utf-8", "replace"), "metadata"), tensors)


def parse(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object without duplicate keys and NaN. Raises StyleError."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except StyleError as error:
        raise StyleError(f"its {what} {error.message}", error.cure) from error
    # RecursionError: 1 MB of '[' ; ValueError: bad UTF-8, bad JSON, an integer of 4,300 digits.
    except (ValueError, RecursionError) as error:
        raise StyleError(f"its {what} is not valid JSON ({checks.shown(str(error))}).", checks.REMAKE) from error
    if not isinstance(value, dict):
        raise StyleError(f"its {what} must be a JSON object, got {checks.kind(value)}.", checks.REMAKE)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for n, key in enumerate(keys) if key in keys[:n])
        raise StyleError(f"has the key {checks.shown(twice)} twice.", checks.REMAKE)
    return table


def _refuse(constant: str) -> Any:
    raise StyleError(f"holds {constant}, which is no JSON number.", checks.REMAKE)


def _tensors(table: dict[str, Any], room: int) -> dict[str, tuple[int, ...]]:
    if len(table) > MAX_TENSORS:
        raise StyleError(f"it holds {len(table)} tensors, a style has {MAX_TENSORS} at most.", checks.REMAKE)
    spans, shapes = [], {}
    for name, entry in table.items():
        shape, start, end = _tensor(name, entry)
        if not 0 <= start <= end <= room:
            raise StyleError(f"the tensor {checks.shown(name)} lies outside the file.", checks.REMAKE)
        spans.append((start, end))
        shapes[name] = shape
    spans.sort()
    ends = [0, *(end for _, end in spans)]
    if [start for start, _ in spans] != ends[:-1] or ends[-1] != room:
        raise StyleError("the tensors overlap, leave gaps, or are cut off.", checks.REMAKE)
    return shapes


def _tensor(name: str, entry: Any) -> tuple[tuple[int, ...], int, int]:
    shown = checks.shown(name)
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise StyleError(f"the entry of tensor {shown} is malformed.", checks.REMAKE)
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise StyleError(f"the tensor {shown} has type {checks.shown(dtype)}; F32 and F16 are drawn.",
                         "Convert the weights to float32.")  # fmt: skip
    numbers = [*shape, *offsets] if isinstance(shape, list) and isinstance(offsets, list) else [None]
    whole = all(type(n) is int and 0 <= n <= MAX_FILE for n in numbers)
    if not whole or len(shape) not in (1, 2) or len(offsets) != 2:
        raise StyleError(f"the tensor {shown} has a malformed shape or place.", checks.REMAKE)
    start, end = offsets
    if end - start != math.prod(shape) * DTYPES[dtype]:
        raise StyleError(f"the tensor {shown} is {end - start} bytes long, its shape {shape} says otherwise.",
                         checks.REMAKE)  # fmt: skip
    return tuple(shape), start, end
