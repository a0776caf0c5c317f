"""A PNG that carries a style: its file, as base64, in the text chunk `morphogen`; title and prompt as text for people.

Why a plain tEXt chunk: of the four ways that were tried (tEXt, zTXt, iTXt, a private chunk that is safe to copy),
through ImageMagick, optipng, pngcrush, oxipng, ExifTool and Pillow, tEXt survives most: all that keep any text keep it,
and ImageMagick, which makes a zTXt of it, drops iTXt and private chunks. All three kinds of text are read. Nothing is
compressed here, so nothing that we write needs unpacking; base64 costs a third, which a picture does not notice.

Pictures come from strangers. Only the lengths of chunks are looked at, pixels are neither read nor decoded; one text is
read at most, bounded before and after it is unpacked. Bad pictures raise StyleError, nothing else.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Mapping
from io import SEEK_CUR, BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from morphogen.errors import StyleError
from morphogen.library import checks
from morphogen.library.header import MAX_FILE, open_file

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEYWORD = "morphogen"
MAX_CHUNKS = 20_000  # pixels come 8 kB a chunk from libpng: 160 MB of them
MAX_TEXT = 4 * (MAX_FILE + 2) // 3 * 65 // 64 + 80  # a newline every 64 letters, and what stands before an iTXt's text
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_MARK = KEYWORD.encode() + b"\0"
_OTHERS = (
    (0, b"\xff\xd8\xff", "a JPEG"), (0, b"GIF8", "a GIF"), (8, b"WEBP", "a WebP"), (4, b"ftyp", "an AVIF or a HEIC"),
)  # fmt: skip
ORIGINAL = "Ask for the PNG itself, sent as a file: messengers, screenshots and photo editors leave the style out."


def embed(pixels: NDArray[Any], file: bytes, texts: Mapping[str, str], small: bool = False) -> bytes:
    """A PNG of `pixels`, uint8 (height, width, 3), that carries the style file `file`, unless that is b''.

    texts: keyword to text, for people. small: take time to find the smallest."""
    from PIL import Image

    png = BytesIO()
    Image.fromarray(pixels).save(png, "PNG", optimize=small, pnginfo=_info(file, texts))
    return png.getvalue()


def chunks(file: bytes, texts: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """(name, data) of the chunks in which `embed` puts style and texts, for a PNG that is written by other means."""
    return [(name, data) for name, data, *_ in _info(file, texts).chunks]


def _info(file: bytes, texts: Mapping[str, str]) -> Any:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for keyword, text in texts.items():
        if text:
            info.add_text(keyword, text)  # Latin-1 as tEXt, all else as iTXt
    if file:
        info.add_text(KEYWORD, base64.b64encode(file).decode())
    return info


def carried(path: Path) -> bytes | None:
    """The style file within a PNG; None for what is no picture. Raises StyleError for a picture without one."""
    with open_file(path) as file:
        try:
            return extract(file)
        except OSError as error:
            raise StyleError(f"it cannot be read: {error.strerror or error}.", "Copy it again.") from error


def extract(file: BinaryIO) -> bytes | None:
    """As `carried`, of an open file or of bytes (BytesIO), from its beginning."""
    head = file.read(12)
    if not head.startswith(SIGNATURE):
        for at, magic, what in _OTHERS:
            if head[at:].startswith(magic):
                raise StyleError(f"it is {what}, and only a PNG carries a style.", ORIGINAL)
        return None
    file.seek(len(SIGNATURE))
    found = _walk(file)
    if found is None:
        raise StyleError("it is a picture without a style in it.", ORIGINAL)
    return _decoded(found)


def _walk(file: BinaryIO) -> bytes | None:
    """The one text of ours, unpacked; None if there is none. The file stands at the first chunk."""
    found: bytes | None = None
    for count in range(MAX_CHUNKS):
        length, kind = _chunk(file)
        if count == 0 and (kind, length) != (b"IHDR", 13):
            raise _damaged("it does not begin with a header")
        if kind == b"IEND":
            return found
        start = file.read(min(length, len(_MARK))) if kind in _TEXTS else b""
        if start == _MARK:
            if found is not None:
                raise StyleError("the picture carries two styles.", checks.REMAKE)
            found = _text(file, kind, length)
        else:
            file.seek(length - len(start) + 4, SEEK_CUR)
    raise StyleError(f"the picture has over {MAX_CHUNKS} parts.", ORIGINAL)


def _chunk(file: BinaryIO) -> tuple[int, bytes]:
    head = file.read(8)
    if len(head) < 8:
        raise _damaged("it is cut off")
    length, kind = struct.unpack(">I4s", head)
    if length > 0x7FFFFFFF or not kind.isalpha():
        raise _damaged("a part of it is no PNG chunk")
    return length, kind


def _text(file: BinaryIO, kind: bytes, length: int) -> bytes:
    """The text of our chunk, whose keyword has been read. Checks length and CRC before anything is unpacked."""
    if length > MAX_TEXT:
        raise StyleError(f"the style in it takes {length / 2**20:.0f} MB, {MAX_TEXT // 2**20} at most are read.",
                         checks.REMAKE)  # fmt: skip
    data = file.read(length - len(_MARK))
    crc = file.read(4)
    if len(data) + len(crc) < length - len(_MARK) + 4:
        raise _damaged("it is cut off")
    if zlib.crc32(kind + _MARK + data) != int.from_bytes(crc, "big"):
        raise _damaged("the style in it has changed on its way (CRC-32 differs)")
    if kind == b"tEXt":
        return data
    if kind == b"zTXt":
        return _unpacked(data[1:], data[:1])
    text = data[2:].split(b"\0", 2)[-1]  # after a language and a translated keyword, both mostly empty
    return _unpacked(text, data[1:2]) if data[:1] == b"\1" else text


def _unpacked(data: bytes, method: bytes) -> bytes:
    """zlib data of MAX_TEXT bytes at most, whatever it claims."""
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(data, MAX_TEXT + 1)
    except zlib.error as error:
        raise _damaged("the style in it cannot be unpacked") from error
    if len(text) > MAX_TEXT:
        raise StyleError(f"the style in it unpacks to more than {MAX_TEXT // 2**20} MB.", checks.REMAKE)
    if method != b"\0" or not stream.eof:
        raise _damaged("the style in it cannot be unpacked")
    return text


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text.translate(None, b" \t\r\n"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise StyleError(f"the text {KEYWORD!r} in the picture is no style.", checks.REMAKE) from error


def _damaged(what: str) -> StyleError:
    return StyleError(f"the picture is damaged: {what}.", ORIGINAL)
