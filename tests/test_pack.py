from __future__ import annotations

import contextlib
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphogen.errors import StyleError
from morphogen.field.activations import ACTIVATIONS
from morphogen.field.inputs import FIELDS, FRAME_INPUTS, INPUTS, PIXEL_INPUTS
from morphogen.field.network import HEADS, PRESETS, SEED_INPUTS, Network, Shape, init_glow, preset, tensor_shapes
from morphogen.library.draw import untrained
from morphogen.library.pack import (
    ACTIVATION_CODES,
    HEAD_CODES,
    INPUT_CODES,
    LIMIT,
    MAGIC,
    pack,
    rounding,
    unpack,
)
from morphogen.library.style import Style

PLAIN = (*FIELDS["place"].channels, *FRAME_INPUTS)


def full() -> Style:
    shape = Shape(("x", "r", "time", "beat"), (("sin", "tanh", "gaussian"), ("cos", "cos")))
    network = replace(init_glow(shape, 3), extent=0.75, time_range=(1.0, 31.0))
    return Style(network, "cosmic/galaxy", "Galaxie fée", prompt="a spiral galaxy ☉", guide="concepts", score=0.75,
                 seed=2**40, trained=True)  # fmt: skip


@pytest.mark.parametrize("name", ["2L_4D", "3L_8D"])
def test_a_palette_travels_with_its_stops(name):
    style = Style(init_glow(preset(name, PLAIN, "palette"), 3), "own/stops", prompt="ember in the night")
    back = unpack(pack(style))
    assert back.shape == style.shape
    assert np.array_equal(back.network.flat, style.network.flat.astype(np.float16).astype(np.float32))
    assert len(pack(style)) < LIMIT
    data = bytearray(pack(style))
    at = data.rindex(style.network.tensors[-1].astype("<f2").tobytes())
    data[at : at + 2] = np.array(np.nan, "<f2").tobytes()
    assert "weights are NaN or infinite" in refuse(sealed(bytes(data[:-4])))


def refuse(data) -> str:
    with pytest.raises(StyleError) as caught:
        unpack(data)
    assert caught.value.cure
    return str(caught.value)


def sealed(body: bytes) -> bytes:
    """Hostile, but with the right length and checksum."""
    data = body[:6] + struct.pack("<H", len(body) + 4) + body[8:]
    return data + struct.pack("<I", zlib.crc32(data))


def test_round_trip():
    style = full()
    back = unpack(pack(style))
    for key in ("name", "title", "prompt", "guide", "score", "seed", "trained", "series"):
        assert getattr(back, key) == getattr(style, key), key
    assert back.network.shape == style.network.shape
    assert (back.network.extent, back.network.time_range) == (0.75, (1.0, 31.0))
    assert np.array_equal(back.network.flat, style.network.flat.astype(np.float16).astype(np.float32))
    assert pack(back) == pack(style)
    assert unpack(bytearray(pack(style))).name == unpack(memoryview(pack(style))).name == style.name


@pytest.mark.parametrize("name", PRESETS)
def test_small_presets_fit_and_wide_ones_are_refused_with_their_size(name):
    if preset(name).wide:
        with pytest.raises(StyleError, match=r"has \d+ weights and needs \d+ bytes, a datagram holds 1200"):
            pack(untrained(name, 1))
        return
    style = untrained(name, 1, inputs=(*PIXEL_INPUTS[:30], *FRAME_INPUTS))  # more than any style reads
    assert len(pack(style)) <= LIMIT
    assert unpack(pack(style)).shape == style.shape


def test_the_layout_is_as_documented():
    data = pack(full())
    assert data[:4] == MAGIC == b"MGS1"
    assert struct.unpack_from("<BBH3fqf", data, 4) == (1, 0b111, len(data), 0.75, 1.0, 31.0, 2**40, 0.75)
    at = 4 + struct.calcsize("<BBH3fqf")
    assert list(data[at : at + 12]) == [0, 4, 0, 12, 2, 10, 2, 3 | 0x80, 0, 3, 2, 2]
    assert data[at + 12] == ACTIVATION_CODES.index("cos")
    weights = np.frombuffer(data, "<f2", full().shape.parameters, at + 13)
    assert np.array_equal(weights, full().network.flat.astype(np.float16))
    assert struct.unpack("<I", data[-4:])[0] == zlib.crc32(data[:-4])


def test_every_input_activation_and_head_has_a_code():
    """When one is added to the network, add its code at the END of the tables in pack.py."""
    assert set(INPUTS) <= set(INPUT_CODES)
    assert set(ACTIVATIONS) <= set(ACTIVATION_CODES)
    assert set(HEADS) <= set(HEAD_CODES)
    assert INPUT_CODES[:12] == SEED_INPUTS, "codes are for ever"
    assert INPUT_CODES[12:18] == ("r", "theta", "abs_x", "abs_y", "swirl_x", "swirl_y")


def test_long_prompts_are_cut_between_characters():
    style = replace(full(), prompt="☉" * 1000, title="ü" * 120)
    data = pack(style)
    assert LIMIT - 3 < len(data) <= LIMIT
    back = unpack(data)
    assert back.title == style.title
    assert style.prompt.startswith(back.prompt)
    assert len(back.prompt) > 100


def test_larger_networks_are_refused_with_the_size():
    shape = Shape(PLAIN, (("sin",) * 16, ("cos",) * 16, ("tanh",) * 16))
    with pytest.raises(StyleError, match=r"has 867 weights and needs 1798 bytes, a datagram holds 1200\. Send it as"):
        pack(Style(init_glow(shape, 1), "a/wide"))


def test_the_largest_that_fits_leaves_out_title_and_prompt():
    shape = preset("3L_8D", PLAIN)
    shape = Shape(PLAIN, (*shape.layers, *shape.layers))
    style = Style(init_glow(shape, 1), "a/full", title="T" * 120, prompt="p" * 1000)
    data = pack(style)
    back = unpack(data)
    assert len(data) <= LIMIT
    assert (back.title, back.prompt) != (style.title, style.prompt)
    assert np.array_equal(unpack(pack(back)).network.flat, back.network.flat)


def test_rounding_is_within_half_a_unit_of_float16():
    for seed in range(20):
        error = rounding(init_glow(preset("3L_4D"), seed))
        assert 0 < error.relative <= 2**-11
        assert error.largest < 0.005
    assert rounding(Network(preset("2L_4D"), tuple(np.zeros(s) for s in tensor_shapes(preset("2L_4D"))))).relative == 0


def test_what_is_no_datagram_is_refused():
    assert "a packed style is bytes, got str" in refuse("text")
    assert "the data is not a packed style" in refuse(b"")
    assert "the data is not a packed style" in refuse(b"\x00" * 100)
    assert "the packed style has 1201 bytes, 1200 is the most" in refuse(pack(full()).ljust(LIMIT + 1, b"\0"))
    good = pack(full())
    assert f"should have {len(good)} bytes, {len(good) - 9} arrived" in refuse(good[:-9])
    assert f"should have {len(good)} bytes, {len(good) + 1} arrived" in refuse(good + b"\0")
    assert "has version 2, this Morphogen reads 1. A newer" in refuse(good[:4] + b"\x02" + good[5:])


def test_damage_is_noticed():
    good = pack(full())
    for bit in range(64, 8 * len(good), 7):
        data = bytearray(good)
        data[bit // 8] ^= 1 << bit % 8
        assert "damaged on its way (CRC-32 differs)" in refuse(data)


HEAD = 4 + struct.calcsize("<BBH3fqf")
AT = HEAD + 13
WEIGHTS = 32


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (5, b"\x27", "the unknown flags 32"),
        (8, struct.pack("<f", float("nan")), "'extent' is nan"),
        (8, struct.pack("<f", -1), "'extent' is -1.0"),
        (16, struct.pack("<f", 0.5), "'time' runs from 1 to 0.5 s"),
        (20, struct.pack("<q", -5), "'seed' is -5"),
        (28, struct.pack("<f", float("inf")), "'score' is inf"),
        (HEAD, b"\x09", "the unknown head 9"),
        (HEAD, b"\x01", "the packed style ends too early"),  # a palette is expected
        (HEAD + 1, b"\x00", "'inputs' must be a list of 1"),
        (HEAD + 1, b"\xff", "the unknown input"),
        (HEAD + 2, b"\xc8", "the unknown input 200"),
        (HEAD + 3, b"\x00", "an input is listed twice"),
        (HEAD + 6, b"\x00", "'layers' must be the list of hidden widths"),
        (HEAD + 7, b"\x7f", "the packed style ends too early"),
        (HEAD + 8, b"\x63", "the unknown activation 99"),
        (AT, b"\x00\x7e", "weights are NaN or infinite"),
        (AT, b"\xff\x7b", "a weight is 6.55e+04"),
        (AT + 2 * WEIGHTS, b"\xff", "the packed style ends too early"),
        (AT + 2 * WEIGHTS + 1, b"\xff\xfe", "text that is not UTF-8"),
        (AT + 2 * WEIGHTS + 1, b"C", "'Cosmic/galaxy' is not a style name"),
    ],
)
def test_hostile_contents_are_refused_with_what_is_wrong(at, value, message):
    body = pack(full())[:-4]
    error = refuse(sealed(body[:at] + value + body[at + len(value) :]))
    assert message in error


def test_control_characters_and_trailing_bytes_are_refused():
    body = pack(full())[:-4]
    assert "'title' contains control characters" in refuse(sealed(body.replace(b"Galaxie", b"G\x1b[2Jie")))
    assert "the packed style has 3 bytes too many" in refuse(sealed(body + b"abc"))


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=LIMIT + 50))
def test_noise_raises_style_errors_only(data):
    with pytest.raises(StyleError):
        unpack(data)
    with contextlib.suppress(StyleError):
        unpack(sealed(MAGIC + b"\x01" + data[:1].ljust(1, b"\0") + b"\0\0" + data[1:]))


@settings(max_examples=400, deadline=None)
@given(flips=st.lists(st.tuples(st.integers(8, 10**6), st.integers(0, 255)), min_size=1, max_size=6))
def test_sealed_damage_raises_style_errors_only(flips):
    body = bytearray(pack(full())[:-4])
    for at, value in flips:
        body[8 + at % (len(body) - 8)] = value
    with contextlib.suppress(StyleError):
        unpack(sealed(bytes(body)))


def test_what_float32_makes_nonsense_is_not_packed():
    """A second at 11 days is less than float32 can tell: nobody could read it."""
    late = replace(full().network, time_range=(999_999.99, 1_000_000.0))
    with pytest.raises(StyleError, match=r"'time' runs from 1e\+06 to 1e\+06 s"):
        pack(replace(full(), network=late))


def test_nonsense_is_not_packed():
    with pytest.raises(StyleError, match="'seed' is -1"):
        pack(replace(full(), seed=-1))
    with pytest.raises(StyleError, match="'score' is nan"):
        pack(replace(full(), score=float("nan")))
    with pytest.raises(StyleError, match="weights are NaN"):
        pack(replace(full(), network=full().network.with_flat(np.full(WEIGHTS, np.nan))))
