"""A style in one datagram: at most 1,200 bytes, so it fits an unfragmented UDP packet on any network.

Layout, little-endian, in this order:

    4   magic `MGS1`
    1   version, 1
    1   flags: bit 0 trained, bit 1 a seed follows, bit 2 a score follows, bit 3 geometry follows
    2   u16 length of the whole datagram
    4   f32 extent
    8   f32 f32 time range, seconds
    8   i64 seed                                          (flag bit 1)
    4   f32 score                                         (flag bit 2)
    1   u8 head
    1+n u8 number of inputs, then one u8 each
    1   u8 number of hidden layers, then for each:
    1     u8 width; bit 7 set: one activation per unit follows, clear: one for the layer
    1|w   u8 activations
    2p  float16 weights and biases, W0 row by row, b0, W1 ..., then the palette stop by stop, if that is the head
    g   for each of its geometry that is not the default: u8 its number, counted over the parameters of the fields
        that the inputs read; u16 a bit for each of its numbers that follow, base first, then one for each frame
        input; those as float32. 255 ends it             (flag bit 3)
    1+n u8 length, then the name (ASCII)
    1+n u8 length, then the guide (UTF-8)
    1+n u8 length, then the title (UTF-8), shortened if need be
    2+n u16 length, then as much of the prompt (UTF-8) as fits
    4   u32 CRC-32 (zlib) of all bytes before

Float16 keeps 11 bits: a weight is off by at most 1/2048 of itself (`rounding`). Measured on the 21 shipped starters
(252 to 653 bytes; 480x270, 7 s, quiet and loud): mean 0.09 of 255 levels, worst style 0.18, 99.9 % of values within
2.2, worst pixel 3.7. The rounded weights of `time` run at a speed of their own: mean 1.3 levels after ten minutes.
Training command, licence, audio roles and unknown metadata stay behind.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from morphogen.errors import StyleError
from morphogen.field import geometry
from morphogen.field.network import Network, Shape, tensor_shapes
from morphogen.library import checks
from morphogen.library import geometry as geometries
from morphogen.library.style import LIMITS, Style

LIMIT = 1200
MAGIC = b"MGS1"
VERSION = 1
# Codes are for ever: add at the end, never reorder.
INPUT_CODES = (
    "x", "y", "time", "bass", "mid", "treble", "centroid", "rolloff", "flux", "progress", "beat", "rms",
    "r", "theta", "abs_x", "abs_y", "swirl_x", "swirl_y", "warp_x", "warp_y", "rays", "noise", "clouds", "ridges",
    "cell", "cell_edge", "cell_id", "stamp", "stamp_x", "stamp_y", "stamp_id", "branch", "branch_along", "neuron",
    "neuron_along", "stars", "plasma", "plasma_cross", "labyrinth", "tunnel", "tunnel_ribs", "tile", "tile_shape",
    "tile_id", "blob", "mandelbrot", "mandelbrot_edge", "mandelbrot_trap", "julia", "julia_edge", "julia_trap",
    "cell_light", "plasma_light", "labyrinth_light", "tile_light", "blob_light", "mandelbrot_light",
    "mandelbrot_inner", "julia_light", "julia_inner", "flight",
)  # fmt: skip
ACTIVATION_CODES = ("sin", "cos", "gaussian", "tanh", "sigmoid", "relu", "abs", "identity")
HEAD_CODES = ("rgb", "palette", "rgba", "palette_alpha")
TRAINED, SEED, SCORE, GEOMETRY = 1, 2, 4, 8
_FLAGS = TRAINED | SEED | SCORE | GEOMETRY
_FIXED = struct.Struct("<4sBBH3f")
RESEND = "Send it again as `morphogen styles pack` made it."


@dataclass(frozen=True)
class Rounding:
    """What float16 does to a network: largest error of a weight, and the largest relative to its own size."""

    largest: float
    relative: float


def rounding(network: Network) -> Rounding:
    """The float16 rounding error of a network's weights."""
    exact = network.flat.astype(np.float64)
    error = np.abs(exact - network.flat.astype(np.float16).astype(np.float64))
    sized = np.abs(exact) > 2**-14  # below it float16 has steps of a fixed size
    return Rounding(float(error.max()), float((error[sized] / np.abs(exact[sized])).max(initial=0.0)))


def pack(style: Style) -> bytes:
    """The style as one datagram. Raises StyleError with the size when the network does not fit."""
    network = style.network
    shaped = geometries.checked(style.shape.inputs, network.geometry)
    checks.network(style.shape, network.tensors, network.extent, network.time_range, shaped)
    checks.seed(style.seed)
    if max(style.shape.widths) > 0x7F:  # its shape cannot even be written: a width has 7 bits
        raise _too_large(style, _FIXED.size + 2 * style.shape.parameters)
    if style.score is not None:
        checks.number(style.score, "score", -1e6, 1e6)
    flags = TRAINED * style.trained | SEED * (style.seed is not None) | SCORE * (style.score is not None)
    flags |= GEOMETRY * bool(shaped.size)
    body = struct.pack("<q", style.seed) if style.seed is not None else b""
    body += struct.pack("<f", style.score) if style.score is not None else b""
    body += _shape(style.shape) + style.network.flat.astype("<f2").tobytes()
    body += geometries.pack(style.shape.inputs, shaped) if shaped.size else b""
    body += _text(style.name, 255, 1) + _text(style.guide, 60, 1)
    room = LIMIT - _FIXED.size - len(body) - 3 - 4
    if room < 0:
        raise _too_large(style, LIMIT - room)
    title = _text(style.title, min(255, room), 1)
    body += title + _text(style.prompt, room - len(title) + 1, 2)
    fixed = _FIXED.pack(MAGIC, VERSION, flags, _FIXED.size + len(body) + 4, network.extent, *network.time_range)
    data = fixed + body + struct.pack("<I", zlib.crc32(fixed + body))
    unpack(data)  # what we send, others must be able to read: float32 may have rounded a number past its bounds
    return data


def _too_large(style: Style, size: int) -> StyleError:
    return StyleError(
        f"{style.name} has {style.shape.parameters} weights and needs {size} bytes, a datagram holds {LIMIT}.",
        "Send it as a file, or take a smaller network (about 550 weights fit).",
    )


def unpack(data: bytes | bytearray | memoryview) -> Style:
    """The style in a datagram. Bounded work whatever the bytes; raises StyleError and nothing else."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise StyleError(f"a packed style is bytes, got {type(data).__name__}.", RESEND)
    raw = bytes(data)
    if len(raw) > LIMIT:
        raise StyleError(f"the packed style has {len(raw)} bytes, {LIMIT} is the most.", RESEND)
    if len(raw) < _FIXED.size + 4 or raw[:4] != MAGIC:
        raise StyleError("the data is not a packed style.", RESEND)
    _, version, flags, length, extent, start, end = _FIXED.unpack_from(raw)
    if version != VERSION:
        raise StyleError(f"the packed style has version {version}, this Morphogen reads {VERSION}.", checks.NEWER)
    if flags & ~_FLAGS:
        raise StyleError(f"the packed style has the unknown flags {flags & ~_FLAGS}.", checks.NEWER)
    if length != len(raw):
        raise StyleError(f"the packed style should have {length} bytes, {len(raw)} arrived.", RESEND)
    if zlib.crc32(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
        raise StyleError("the packed style was damaged on its way (CRC-32 differs).", RESEND)
    return _unpack(_Reader(raw[:-4], _FIXED.size), flags, extent, (start, end))


def _unpack(reader: _Reader, flags: int, extent: float, seconds: tuple[float, float]) -> Style:
    seed = struct.unpack("<q", reader.take(8))[0] if flags & SEED else None
    score = struct.unpack("<f", reader.take(4))[0] if flags & SCORE else None
    shape = _read_shape(reader)
    tensors = []
    for wanted in tensor_shapes(shape):
        count = int(np.prod(wanted))
        tensors.append(np.frombuffer(reader.take(2 * count), "<f2").astype(np.float32).reshape(wanted))
    shaped = geometry.default(shape.inputs)
    if flags & GEOMETRY:
        shaped = geometries.unpack(shape.inputs, reader.take, RESEND)
    name, guide, title, prompt = (reader.text(size) for size in (1, 1, 1, 2))
    if reader.left:
        raise StyleError(f"the packed style has {reader.left} bytes too many.", RESEND)
    network = checks.network(shape, tensors, checks.extent(extent), checks.time_range(seconds), shaped)
    return Style(
        network,
        checks.name(name),
        checks.text(title, "title", LIMITS["title"]),
        prompt=checks.text(prompt, "prompt", LIMITS["prompt"]),
        guide=checks.text(guide, "guide", LIMITS["guide"]),
        score=None if score is None else checks.number(score, "score", -1e6, 1e6),
        seed=checks.seed(seed),
        trained=bool(flags & TRAINED),
    )


def _shape(shape: Shape) -> bytes:
    codes = [HEAD_CODES.index(shape.head), len(shape.inputs), *(INPUT_CODES.index(i) for i in shape.inputs)]
    codes.append(len(shape.layers))
    for layer in shape.layers:
        units = [ACTIVATION_CODES.index(a) for a in layer]
        codes += [len(layer), units[0]] if len(set(units)) == 1 else [len(layer) | 0x80, *units]
    return bytes(codes)


def _read_shape(reader: _Reader) -> Shape:
    head = _decode(HEAD_CODES, reader.byte(), "head")
    inputs = [_decode(INPUT_CODES, reader.byte(), "input") for _ in range(reader.byte())]
    widths, activations = [], []
    for _ in range(reader.byte()):
        size = reader.byte()
        width, count = size & 0x7F, (size & 0x7F) if size & 0x80 else 1
        units = [_decode(ACTIVATION_CODES, reader.byte(), "activation") for _ in range(count)]
        widths.append(width)
        activations.append(units if size & 0x80 else units * width)
    return checks.shape(inputs, widths, activations, head)


def _decode(codes: tuple[str, ...], code: int, what: str) -> str:
    if code >= len(codes):
        raise StyleError(f"the packed style has the unknown {what} {code}.", checks.NEWER)
    return codes[code]


def _text(value: str, limit: int, prefix: int) -> bytes:
    data = value.encode()[:limit]
    data = data.decode(errors="ignore").encode()  # no half character at the cut
    return len(data).to_bytes(prefix, "little") + data


class _Reader:
    """Takes bytes off the front; never reads past the end."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise StyleError("the packed style ends too early.", RESEND)
        self._at += count
        return self._data[self._at - count : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def text(self, prefix: int) -> str:
        data = self.take(int.from_bytes(self.take(prefix), "little"))
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise StyleError("the packed style holds text that is not UTF-8.", RESEND) from error
