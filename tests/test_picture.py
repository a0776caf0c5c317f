"""A PNG that carries its style: written, read back, handed on, and what hostile pictures meet."""

from __future__ import annotations

import base64
import contextlib
import os
import struct
import zlib
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from morphogen.errors import StyleError
from morphogen.field.network import init_glow, preset
from morphogen.library import picture
from morphogen.library.draw import untrained
from morphogen.library.exchange import as_picture, received
from morphogen.library.find import Library
from morphogen.library.importer import import_any
from morphogen.library.pack import pack
from morphogen.library.picture import MAX_CHUNKS, MAX_TEXT, extract
from morphogen.library.style import Style, describe, load_style, save_style, to_bytes
from morphogen.library.thumb import CARRIED, save_thumbnail, thumbnail
from morphogen.share import share

PIXELS = np.arange(8 * 12 * 3, dtype=np.uint8).reshape(8, 12, 3)
STYLE = replace(
    untrained("3L_4D", 5), name="cosmic/galaxy", series="cosmic", title="Galaxie – ☉", prompt="a spiral, Hα red",
    licence="CC0-1.0", training="morphogen train 'a spiral'",
)  # fmt: skip
FILE = to_bytes(STYLE)
TEXT = base64.b64encode(FILE)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


HEADER = chunk(b"IHDR", struct.pack(">2I5B", 12, 8, 8, 2, 0, 0, 0))
END = chunk(b"IEND", b"")
TEXTS = {
    "tEXt": chunk(b"tEXt", b"morphogen\0" + TEXT),
    "zTXt": chunk(b"zTXt", b"morphogen\0\0" + zlib.compress(TEXT)),
    "iTXt": chunk(b"iTXt", b"morphogen\0\0\0de\0m\0" + TEXT),
    "iTXt packed": chunk(b"iTXt", b"morphogen\0\1\0\0\0" + zlib.compress(TEXT)),
    "lines": chunk(b"tEXt", b"morphogen\0" + b"\r\n".join(TEXT[n : n + 64] for n in range(0, len(TEXT), 64))),
}


def png(*parts: bytes, header: bytes = HEADER, end: bytes = END) -> bytes:
    return picture.SIGNATURE + header + b"".join(parts) + end


def refuse(data: bytes) -> str:
    with pytest.raises(StyleError) as caught:
        received(data)
    assert caught.value.cure
    return caught.value.message


def same(a: Style, b: Style) -> bool:
    return describe(a) == describe(b) and a.network.flat.tobytes() == b.network.flat.tobytes()


def test_a_picture_carries_its_style_and_is_a_picture(tmp_path):
    path = tmp_path / "galaxy.png"
    path.write_bytes(as_picture(STYLE, PIXELS))
    assert path.read_bytes() == as_picture(STYLE, PIXELS), "the same each time"
    style = load_style(path)
    assert same(style, STYLE)
    assert style.path == path
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), PIXELS)
        shown = {key: str(text) for key, text in image.text.items()}
    assert base64.b64decode(shown.pop("morphogen")) == FILE
    assert shown == {
        "Title": "Galaxie – ☉", "Description": "a spiral, Hα red", "Copyright": "CC0-1.0", "Software": "Morphogen",
    }  # fmt: skip


def test_what_is_empty_is_not_written():
    with Image.open(BytesIO(as_picture(replace(STYLE, prompt="", licence=""), PIXELS, b""))) as image:
        assert list(image.text) == ["Title", "Software"]


def test_the_style_stands_before_the_pixels_in_plain_text():
    """Programs that keep any text keep tEXt; and a reader finds it without passing over the pixels."""
    data = as_picture(STYLE, PIXELS)
    assert 0 < data.index(b"tEXtmorphogen\0" + TEXT) < data.index(b"IDAT")


@pytest.mark.parametrize("kind", TEXTS)
def test_every_kind_of_text_is_read(kind):
    assert same(received(png(TEXTS[kind])), STYLE)
    assert same(received(png(chunk(b"IDAT", b"no pixels at all"), TEXTS[kind])), STYLE), "after the pixels too"


def test_a_picture_that_a_program_wrote_anew_with_its_texts(tmp_path):
    with Image.open(BytesIO(as_picture(STYLE, PIXELS))) as image:
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        for key, text in image.text.items():
            info.add_text(key, text, zip=True)
        image.resize((5, 5)).save(tmp_path / "small.png", pnginfo=info)
    assert same(load_style(tmp_path / "small.png"), STYLE)


def test_pixels_are_neither_read_nor_decoded(tmp_path, monkeypatch):
    """A picture of 2 billion pixels a side, whose gigabyte of data is a hole in the file."""
    path = tmp_path / "huge.png"
    huge = chunk(b"IHDR", struct.pack(">2I5B", 2**31 - 1, 2**31 - 1, 16, 6, 0, 0, 0))
    with path.open("wb") as file:
        file.write(picture.SIGNATURE + huge + TEXTS["tEXt"] + struct.pack(">I", 2**30) + b"IDAT")
        file.seek(2**30 + 4, os.SEEK_CUR)
        file.write(END)
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("decoded"))
    with path.open("rb") as file:
        watched = Watched(file)
        assert extract(watched) == FILE  # type: ignore[arg-type]
    assert watched.read_in_all < len(FILE) * 2
    assert same(load_style(path), STYLE)


class Watched:
    """A file that counts what is read of it."""

    def __init__(self, file) -> None:
        self.file, self.read_in_all = file, 0
        self.seek = file.seek

    def read(self, count: int) -> bytes:
        data = self.file.read(count)
        self.read_in_all += len(data)
        return data


BOMB = zlib.compress(bytes(2 * MAX_TEXT), 9)
LATE = "messengers, screenshots and photo editors"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (png(), "it is a picture without a style in it"),
        (png(chunk(b"tEXt", b"Morphogen\0" + TEXT)), "without a style"),
        (png(chunk(b"tEXt", b"morphogen-old\0" + TEXT)), "without a style"),
        (png(chunk(b"eXIf", b"morphogen\0" + TEXT)), "without a style"),
        (png(TEXTS["tEXt"], TEXTS["tEXt"]), "the picture carries two styles"),
        (png(TEXTS["zTXt"], chunk(b"IDAT", b""), TEXTS["iTXt"]), "the picture carries two styles"),
        (png(TEXTS["tEXt"], header=b""), "does not begin with a header"),
        (png(TEXTS["tEXt"], header=chunk(b"IHDR", bytes(12))), "does not begin with a header"),
        (png(TEXTS["tEXt"], end=b""), "damaged: it is cut off"),
        (png(TEXTS["tEXt"])[:900], "damaged: it is cut off"),
        (picture.SIGNATURE, "damaged: it is cut off"),
        (png(TEXTS["tEXt"].replace(TEXT[:8], TEXT[8:16])), "CRC-32 differs"),
        (png(struct.pack(">I", 2**31) + b"tEXt"), "no PNG chunk"),
        (png(struct.pack(">I", 4) + b"\0\0\0\0"), "no PNG chunk"),
        (png(struct.pack(">I", 2**31 - 1) + b"tEXtmorphogen\0"), "the style in it takes 2048 MB"),
        (png(struct.pack(">I", MAX_TEXT) + b"tEXtmorphogen\0"), "cut off"),
        (png(*[chunk(b"IDAT", b"")] * MAX_CHUNKS), f"the picture has over {MAX_CHUNKS} parts"),
        (png(chunk(b"zTXt", b"morphogen\0\0" + BOMB)), "unpacks to more than 10 MB"),
        (png(chunk(b"iTXt", b"morphogen\0\1\0\0\0" + BOMB)), "unpacks to more than 10 MB"),
        (png(chunk(b"zTXt", b"morphogen\0\0" + zlib.compress(TEXT)[:-9])), "cannot be unpacked"),
        (png(chunk(b"zTXt", b"morphogen\0\7" + zlib.compress(TEXT))), "cannot be unpacked"),
        (png(chunk(b"zTXt", b"morphogen\0\0nothing")), "cannot be unpacked"),
        (png(chunk(b"zTXt", b"morphogen\0")), "cannot be unpacked"),
        (png(chunk(b"iTXt", b"morphogen\0\1")), "cannot be unpacked"),
        (png(chunk(b"iTXt", b"morphogen\0")), "it is not a safetensors file"),
        (png(chunk(b"tEXt", b"morphogen\0")), "it is not a safetensors file"),
        (png(chunk(b"tEXt", b"morphogen\0" + TEXT[:-2])), "the text 'morphogen' in the picture is no style"),
        (png(chunk(b"tEXt", b"morphogen\0<script>")), "the text 'morphogen' in the picture is no style"),
        (png(chunk(b"tEXt", b"morphogen\0" + base64.b64encode(as_picture(STYLE, PIXELS)))), "not a safetensors"),
        (png(chunk(b"tEXt", b"morphogen\0" + base64.b64encode(pack(STYLE)))), "not a safetensors"),
        (png(chunk(b"tEXt", b"morphogen\0" + base64.b64encode(b"\x80\x02}q\0." * 9))), "it is a pickle"),
        (png(chunk(b"tEXt", b"morphogen\0" + base64.b64encode(FILE[:-4]))), "lies outside"),
        (b"\xff\xd8\xff\xe0" + bytes(400), "it is a JPEG, and only a PNG carries a style"),
        (b"RIFF\0\0\1\0WEBPVP8 " + bytes(400), "it is a WebP"),
        (b"GIF89a" + bytes(400), "it is a GIF"),
        (b"\0\0\0\x20ftypavif" + bytes(400), "it is an AVIF or a HEIC"),
        (b"", "the data is not a packed style"),
    ],
)
def test_hostile_and_broken_pictures_are_refused(data, message):
    assert message in refuse(data)


def test_who_has_only_a_copy_is_told_why(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(PIXELS).save(path)
    with pytest.raises(StyleError, match=r"photo\.png: it is a picture without a style in it") as caught:
        Library(tmp_path, tmp_path).find(path)
    assert LATE in caught.value.cure


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), min_size=1, max_size=6))
def test_damaged_pictures_raise_style_errors_only(flips):
    data = bytearray(as_picture(STYLE, PIXELS))
    for at, value in flips:
        data[at] = value
    with contextlib.suppress(StyleError):
        received(bytes(data))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"tEXt", b"zTXt", b"iTXt"]))
def test_any_text_raises_style_errors_only(text, kind):
    with pytest.raises(StyleError):
        received(png(chunk(kind, b"morphogen\0" + text)))


@pytest.mark.parametrize("data", [pack(STYLE), FILE, bytearray(FILE), as_picture(STYLE, PIXELS)])
def test_what_arrives_may_be_any_of_three(data):
    style = received(data)
    assert (style.name, style.title, style.prompt) == (STYLE.name, STYLE.title, STYLE.prompt)
    assert style.path is None
    assert np.allclose(style.network.flat, STYLE.network.flat, rtol=1e-3)


def test_a_file_that_arrives_is_checked_as_one_on_disk():
    assert "a pickle (.pth), which could run any program" in refuse(b"PK\x03\x04" + bytes(99))
    assert "lies outside the file" in refuse(FILE[:-4])
    assert "a style has 8 at most" in refuse(FILE + bytes(9 * 2**20))


# --- thumbnails, shared pictures, the library


def test_a_thumbnail_carries_its_style_unless_that_is_large(tmp_path):
    small = save_style(STYLE, tmp_path / "s.safetensors")
    assert same(load_style(save_thumbnail(small)), STYLE)
    large = save_style(replace(STYLE, training="x" * 900, extra={"note": "y" * CARRIED}), tmp_path / "l.safetensors")
    assert "without a style" in refuse(save_thumbnail(large).read_bytes())


def test_the_thumbnail_of_a_picture_would_overwrite_it(tmp_path):
    path = tmp_path / "friend.png"
    path.write_bytes(as_picture(STYLE, PIXELS))
    with pytest.raises(StyleError, match=r"friend\.png is a picture itself"):
        save_thumbnail(load_style(path))
    assert path.read_bytes() == as_picture(STYLE, PIXELS)


def test_a_shared_picture_shows_the_style():
    data = share(STYLE, (96, 54), 7.0)
    assert same(received(data), STYLE)
    with Image.open(BytesIO(data)) as image:
        assert (image.size, image.mode) == ((96, 54), "RGB")
        shown = np.asarray(image, np.float64)
    assert np.abs(shown - thumbnail(STYLE, (96, 54), 7.0)).mean() < 0.3, "as the reference draws it, undithered"
    loud = share(STYLE, (96, 54), 7.0, {"audio/bass": 1.0})
    assert np.abs(np.asarray(Image.open(BytesIO(loud)), np.float64) - shown).mean() > 1


def test_wide_styles_are_shared_too():
    wide = Style(init_glow(preset("4L_128D"), 1), "own/wide")
    assert same(received(share(wide, (32, 18))), wide)


def test_a_picture_alone_is_no_entry_of_the_library(tmp_path):
    """The library lists pictures beside their styles, not as styles of their own."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "alone.png").write_bytes(as_picture(STYLE, PIXELS))
    library = Library(tmp_path, tmp_path / "none")
    assert library.list() == []
    assert same(library.find(tmp_path / "own" / "alone.png"), STYLE)
    with pytest.raises(StyleError, match=r"there is no file 'gone\.png'"):
        library.find("gone.png")


def test_importing_knows_what_it_is_given(tmp_path):
    shared = tmp_path / "a.PNG"
    shared.write_bytes(as_picture(STYLE, PIXELS))
    file = save_style(STYLE, tmp_path / "b.safetensors").path
    assert same(import_any(shared), STYLE)
    assert same(import_any(str(file)), STYLE)
    folder = tmp_path / "c.png"
    folder.mkdir()
    with pytest.raises(StyleError, match="it is not a file"):
        import_any(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("read", [load_style, import_any])
def test_a_pipe_does_not_block(tmp_path, read):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(StyleError, match="it is not a file"):
        read(tmp_path / "pipe.png")
