"""The OSC codec: round trips, peers, and bytes that mean no good."""

from __future__ import annotations

import math
import shutil
import socket
import struct
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from morphogen_bridges.osc import codec
from morphogen_bridges.osc.codec import Infinitum, Message, OscError, Typed, parse, write_bundle, write_message
from morphogen_bridges.osc.slip import StreamDecoder, slip

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
float32 = st.floats(width=32, allow_nan=False)
scalars = st.one_of(
    st.booleans(),
    st.none(),
    st.just(Infinitum.INFINITUM),
    st.integers(-(2**63), 2**63 - 1),
    float32,
    text,
    st.binary(max_size=40),
)
typed = st.one_of(
    st.builds(Typed, st.just("h"), st.integers(-(2**63), 2**63 - 1)),
    st.builds(Typed, st.just("t"), st.integers(0, 2**64 - 1)),
    st.builds(Typed, st.just("r"), st.integers(0, 2**32 - 1)),
    st.builds(Typed, st.just("d"), st.floats(allow_nan=False)),
    st.builds(Typed, st.just("m"), st.binary(min_size=4, max_size=4)),
    st.builds(Typed, st.just("S"), text),
    st.builds(Typed, st.just("c"), st.characters(exclude_categories=["Cs"])),
)
values = st.recursive(scalars | typed, lambda inner: st.lists(inner, max_size=4), max_leaves=12)
addresses = text.map(lambda rest: "/" + rest)
messages = st.tuples(addresses, st.lists(values, max_size=6))


def plain(value):
    if isinstance(value, Typed):
        return value.value
    return [plain(v) for v in value] if isinstance(value, list) else value


@given(messages)
def test_what_is_written_is_read(message):
    address, args = message
    packet = write_message(address, *args)
    assert len(packet) % 4 == 0
    for _ in range(2):  # the second time through the remembered head
        assert parse(packet) == [Message(address, tuple(map(plain, args)), codec.IMMEDIATELY)]


@given(st.lists(messages, max_size=8), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_bundles_flatten_in_order_and_the_latest_tag_wins(found, outer, inner):
    packets = [write_message(address, *args[:2]) for address, args in found]
    packet = write_bundle([*packets, write_bundle(packets, inner)], outer)
    out = parse(packet)
    assert [m.address for m in out] == [a for a, _ in found] * 2
    late = max(outer, 1)
    assert [m.time for m in out] == [late] * len(found) + [max(late, inner)] * len(found)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda b: b"#bundle\0" + b))
@example(b"")
@example(b"/x\0\0,f\0\0")
@example(b"/x\0\0,f\0\0\0\0")
@example(b"#bundle\0")
def test_no_bytes_raise_anything_but_osc_error(data):
    try:
        parse(data)
    except OscError:
        pass


@given(messages, st.data())
def test_damaged_packets_are_refused_or_read_but_never_crash(message, data):
    address, args = message
    packet = bytearray(write_bundle([write_message(address, *args[:3]), write_message("/y", 1.0)]))
    for _ in range(data.draw(st.integers(1, 4))):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(packet[: data.draw(st.integers(0, len(packet)))])
    for bad in (bytes(packet), cut):
        try:
            parse(bad)
        except OscError:
            pass


@given(st.lists(st.sampled_from("ifhdtrmsSbcTFNI"), min_size=1, max_size=5))
def test_every_cut_of_a_message_is_an_error(tags):
    sample = {"i": 1, "f": 0.5, "h": 2, "d": 0.25, "t": 9, "r": 7, "m": b"abcd", "s": "hey", "S": "sym", "b": b"blob!",
              "c": "x", "T": True, "F": False, "N": None, "I": Infinitum.INFINITUM}  # fmt: skip
    packet = write_message("/cut", *(Typed(tag, sample[tag]) for tag in tags))
    parse(packet)
    for length in range(len(packet)):
        if length == 8:
            continue  # the address alone is a message of its own: "without arguments"
        with pytest.raises(OscError):
            parse(packet[:length])


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        (b"", "multiples of 4"),
        (b"/x\0", "multiples of 4"),
        (b"/x\0\0,f\0\0", "0 of 4 bytes"),
        (b"/x\0\0,f\0\0\0\0\0\0\0\0\0\0", "4 bytes behind"),
        (b"/xxx", "without an end"),
        (b"/x\0a,f\0\0\0\0\0\0", "padded"),
        (b"abc\0,f\0\0\0\0\0\0", "neither an address"),
        (b"/x\0\0abc\0", "no type tags"),
        (b"/x\0\0,q\0\0", "unknown type tag"),
        (b"/x\0\0,[\0\0", "open"),
        (b"/x\0\0,]\0\0", "not opened"),
        (b"/x\0\0,b\0\0\x7f\xff\xff\xff", "cut off: blob"),
        (b"/x\0\0,b\0\0\0\0\0\1aXXX", "padded"),
        (b"/x\0\0,c\0\0\xff\xff\xff\xff", "does not exist"),
        (b"/\xff\xff\0,\0\0\0", "UTF-8"),
        (b"#bundle\0\0\0", "no time tag"),
        (b"#bundle\0" + b"\0" * 8 + b"\0\0\0\x08/x\0\0", "where 4 are left"),
        (b"#bundle\0" + b"\0" * 8 + b"\0\0\0\0", "0 bytes"),
        (b"#bundle\0" + b"\0" * 8 + b"\0\0", "cut off"),
        (write_message("/x", *[True] * 1025), "more than 1024"),
        (write_bundle([write_message("/x")] * 1025), "more than 1024 elements"),
    ],
)
def test_errors_say_what_is_wrong(packet, said):
    with pytest.raises(OscError, match=said):
        parse(packet)


def test_depth_is_bounded():
    packet = write_message("/deep", 1)
    for _ in range(codec.MAX_DEPTH):
        packet = write_bundle([packet])
    assert parse(packet) == [Message("/deep", (1,), codec.IMMEDIATELY)]
    with pytest.raises(OscError, match="deeper"):
        parse(write_bundle([packet]))
    nested = b"".join((b"/x\0\0", b",", b"[" * 30000, b"]" * 30000, b"\0" * 3))
    with pytest.raises(OscError):
        parse(nested)
    deep: list = []
    for _ in range(codec.MAX_DEPTH + 1):
        deep = [deep]
    with pytest.raises(OscError, match="deeper"):
        write_message("/x", deep)


def test_float_specials_pass_the_codec_and_are_judged_later():
    nan, inf = parse(write_message("/x", math.nan, math.inf))[0].args
    assert math.isnan(nan)
    assert inf == math.inf


@pytest.mark.parametrize(
    "args", [("a\0b",), (1 << 70,), (1e300,), (object(),), (Typed("z", 1),), (Typed("i", "x"),), (Typed("c", "ab"),)]
)
def test_what_osc_cannot_carry_is_refused_readably(args):
    with pytest.raises(OscError, match=r"OSC|NUL"):
        write_message("/x", *args)


def test_writing_needs_an_address_and_a_time_tag_that_fits():
    with pytest.raises(OscError, match="begin with"):
        write_message("x")
    with pytest.raises(OscError, match="64 bits"):
        write_bundle([], 1 << 64)


def test_python_osc_reads_what_we_write_and_the_other_way_round():
    theirs = OscMessage(write_message("/a/b", 1, 0.5, "hé", True, False, None, b"blob", [1, [2.0]]))
    assert theirs.address == "/a/b"
    assert theirs.params == [1, 0.5, "hé", True, False, None, b"blob", [1, [2.0]]]
    builder = OscMessageBuilder("/c")
    for value in (3, 0.25, "x", b"yz", True, None, [1, 2]):
        builder.add_arg(value)
    assert parse(builder.build().dgram)[0].args == (3, 0.25, "x", b"yz", True, None, [1, 2])
    assert OscBundle(write_bundle([write_message("/q", 1)])).num_contents == 1


@pytest.mark.skipif(shutil.which("oscsend") is None, reason="oscsend (liblo-tools) is not installed")
def test_liblo_is_understood():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        port = str(sock.getsockname()[1])
        values = ["1", "0.5", "hey", "42", "0.1", "x", "sym"]
        subprocess.run(["oscsend", "127.0.0.1", port, "/x/y", "ifsTFNIhdcS", *values], check=True, timeout=20)
        message = parse(sock.recv(65536))[0]
    assert message.address == "/x/y"
    assert message.args == (1, 0.5, "hey", True, False, None, Infinitum.INFINITUM, 42, 0.1, "x", "sym")


def test_ntp_time_is_wall_time_from_1900():
    seconds = codec.ntp_now() >> 32
    assert 3_900_000_000 < seconds < 1 << 32  # 2023 to 2036
    assert codec.seconds_until(codec.ntp_now() + (5 << 32), codec.ntp_now()) == pytest.approx(5, abs=2)


@given(st.lists(st.binary(min_size=1, max_size=60).filter(lambda b: b[0] != 0), max_size=6), st.integers(1, 7))
def test_slip_survives_any_cut(packets, step):
    stream = b"".join(map(slip, packets))
    decoder = StreamDecoder()
    out = [p for at in range(0, len(stream), step) for p in decoder.feed(stream[at : at + step])]
    assert out == packets


@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=6), st.integers(1, 7))
def test_length_framing_is_recognised_and_survives_any_cut(packets, step):
    stream = b"".join(struct.pack(">I", len(p)) + p for p in packets)
    decoder = StreamDecoder()
    out = [p for at in range(0, len(stream), step) for p in decoder.feed(stream[at : at + step])]
    assert out == packets
    assert decoder.frame(b"abcd") == b"\0\0\0\4abcd"


@given(st.lists(st.binary(max_size=80), max_size=10))
def test_streams_of_any_bytes_raise_only_osc_error(chunks):
    decoder = StreamDecoder(limit=64)
    try:
        for chunk in chunks:
            assert all(len(p) <= 64 for p in decoder.feed(chunk))
    except OscError:
        pass


def test_frames_are_bounded():
    with pytest.raises(OscError, match="more than 64"):
        StreamDecoder(limit=64).feed(b"/" * 200)
    with pytest.raises(OscError, match="limit is 64"):
        StreamDecoder(limit=64).feed(struct.pack(">I", 65))
    with pytest.raises(OscError, match="escape"):
        StreamDecoder().feed(b"\xc0/x\xdbz\xc0")
