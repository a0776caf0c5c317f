from __future__ import annotations

import contextlib
import json
import os
import random
import re
import struct
import sys
import types
import zipfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save

from morphogen.errors import StyleError, Unavailable, UsageError
from morphogen.field.inputs import INPUTS
from morphogen.field.network import PRESETS, Network, Shape, init_glow, preset
from morphogen.library.draw import Recipe, draw, parse_command, untrained
from morphogen.library.header import MAX_FILE, MAX_HEADER
from morphogen.library.importer import import_pth
from morphogen.library.style import FORMAT, Style, describe, load_style, save_style, to_bytes
from morphogen.library.thumb import thumbnail


def full_style() -> Style:
    shape = Shape(("x", "y", "r", "time", "bass"), (("sin", "tanh", "gaussian"), ("cos", "cos")))
    network = replace(init_glow(shape, 3), extent=0.8, time_range=(1.0, 31.0))
    return Style(
        network, "cosmic/galaxy", "Galaxy – a spiral", prompt="a spiral galaxy, Hα red ☉", guide="concepts", score=0.71,
        seed=3, trained=True, training="morphogen train 'a spiral galaxy' --seed 3", audio_roles={"bass": "swells"},
        licence="CC0-1.0", extra={"mood": {"calm": [1, 2.5, None]}},
    )  # fmt: skip


def meta_and_tensors(style: Style | None = None) -> tuple[dict, dict]:
    style = style or untrained("3L_4D", 1)
    names = [f"layers.{n}.{kind}" for n in range(len(style.shape.layers) + 1) for kind in ("weight", "bias")]
    names += ["palette"] if style.shape.head == "palette" else []
    return describe(style), dict(zip(names, map(np.array, style.network.tensors), strict=True))


def write(path: Path, meta, tensors, text: str | None = None) -> Path:
    path.write_bytes(save(tensors, {"morphogen": json.dumps(meta) if text is None else text}))
    return path


def raw(path: Path, header, body: bytes = b"", length: int | None = None) -> Path:
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(data) if length is None else length) + data + body)
    return path


def refuse(path: Path) -> str:
    with pytest.raises(StyleError) as caught:
        load_style(path)
    assert caught.value.message.startswith(path.name[:80])
    assert caught.value.cure
    return str(caught.value)


def test_round_trip_keeps_everything(tmp_path):
    style = full_style()
    saved = save_style(style, tmp_path / "deep" / "galaxy.safetensors")
    back = load_style(saved.path)
    assert describe(back) == describe(style)
    assert back.path == saved.path
    assert back.network.shape == style.network.shape
    assert all(np.array_equal(p, q) for p, q in zip(back.network.tensors, style.network.tensors, strict=True))
    assert back.extra == {"mood": {"calm": [1, 2.5, None]}}
    assert to_bytes(back) == to_bytes(style), "the same style gives the same bytes"


def palette_style() -> Style:
    return draw(Recipe("3L_4D", 2, head="palette"), "own/stops")


def test_a_palette_round_trips_and_is_named_in_the_file(tmp_path):
    style = palette_style()
    back = load_style(save_style(style, tmp_path / "stops.safetensors").path)
    assert describe(back) == describe(style)
    assert describe(back)["head"] == "palette"
    assert np.array_equal(back.network.flat, style.network.flat)
    found = load_file(tmp_path / "stops.safetensors")
    assert found["palette"].shape == (5, 3)
    assert np.array_equal(found["palette"], style.network.tensors[-1])
    assert thumbnail(back, (64, 36)).std() > 5


@pytest.mark.parametrize(
    ("stops", "message"),
    [
        (np.zeros((4, 3), np.float32), r"the tensor palette has shape \(4, 3\), this network needs \(5, 3\)"),
        (np.full((5, 3), np.nan, np.float32), "weights are NaN or infinite"),
        (np.full((5, 3), -np.inf, np.float32), "weights are NaN or infinite"),
        (np.full((5, 3), 2e4, np.float32), r"a weight is 2e\+04, 10000 is the most"),
        (np.zeros((5, 3), np.int32), "palette"),
        (None, "the tensor palette is missing"),
    ],
)
def test_hostile_palettes_are_refused(tmp_path, stops, message):
    meta, tensors = meta_and_tensors(palette_style())
    del tensors["palette"]
    assert re.search(
        message,
        refuse(write(tmp_path / "bad.safetensors", meta, tensors | ({} if stops is None else {"palette": stops}))),
    )


def test_stops_without_a_palette_head_are_refused(tmp_path):
    meta, tensors = meta_and_tensors()
    stops = {"palette": np.zeros((5, 3), np.float32)}
    assert "there is a tensor 'palette' that belongs to no layer" in refuse(
        write(tmp_path / "bad.safetensors", meta, tensors | stops)
    )


@pytest.mark.parametrize("name", PRESETS)
def test_presets_round_trip(tmp_path, name):
    style = untrained(name, 5, inputs=INPUTS)
    assert np.array_equal(
        load_style(save_style(style, tmp_path / "a.safetensors").path).network.flat, style.network.flat
    )


def test_the_file_is_plain_safetensors_with_the_documented_names(tmp_path):
    from safetensors.numpy import load_file

    path = save_style(full_style(), tmp_path / "a.safetensors").path
    tensors = load_file(path)
    assert {k: v.shape for k, v in tensors.items()} == {
        "layers.0.weight": (3, 5), "layers.0.bias": (3,), "layers.1.weight": (2, 3), "layers.1.bias": (2,),
        "layers.2.weight": (3, 2), "layers.2.bias": (3,),
    }  # fmt: skip
    size = int.from_bytes(path.read_bytes()[:8], "little")
    meta = json.loads(json.loads(path.read_bytes()[8 : 8 + size])["__metadata__"]["morphogen"])
    assert meta["format"] == FORMAT == 1
    assert meta["activations"] == [["sin", "tanh", "gaussian"], "cos"]
    assert meta["time"] == [1.0, 31.0]


def test_a_header_whose_length_looks_like_a_pickle_is_read(tmp_path):
    """Length 1,152 is the bytes 80 04, the first bytes of a pickle."""
    found = set()
    for letters in range(1, 400):
        short = untrained("2L_4D", inputs=("x", "y", "time"))
        path = save_style(replace(short, prompt="x" * letters), tmp_path / "a.safetensors").path
        found.add(path.read_bytes()[:2])
        assert len(load_style(path).prompt) == letters
    assert found & {b"\x80\x04", b"\x80\x05"}


def test_float16_files_are_read(tmp_path):
    meta, tensors = meta_and_tensors()
    path = write(tmp_path / "half.safetensors", meta, {k: v.astype(np.float16) for k, v in tensors.items()})
    assert load_style(path).network.tensors[0].dtype == np.float32


def test_saving_replaces_at_once_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "a.safetensors"
    save_style(untrained(seed=1), path)
    save_style(untrained(seed=2), path)
    assert load_style(path).seed == 2
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def test_saving_where_nothing_can_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StyleError, match=r"cannot be written: .* Choose another folder with -o\."):
        save_style(untrained(), tmp_path / "file" / "a.safetensors")


def test_defaults_for_a_sparse_file(tmp_path):
    meta, tensors = meta_and_tensors()
    sparse = {k: meta[k] for k in ("format", "inputs", "layers", "activations", "head")}
    style = load_style(write(tmp_path / "My Style 2.safetensors", sparse, tensors))
    assert (style.name, style.series, style.title) == ("own/my-style-2", "own", "My style 2")
    assert (style.guide, style.score, style.trained) == ("none", None, False)
    assert (style.network.extent, style.network.time_range) == (0.5, (0.0, 60.0))


BAD_META = [
    ({"format": 2}, r"it has format 2, this Morphogen reads up to 1\. A newer Morphogen may know it"),
    ({"format": "1"}, r"'format' is '1', it must be the format's number"),
    ({"format": True}, r"'format' is True"),
    ({"inputs": ["x", "y", "smell"] + ["time"] * 9}, r"unknown input 'smell'\. Known: x, y, "),
    ({"inputs": "xy"}, r"'inputs' must be a list of 1 to \d+ names, got 'xy'"),
    ({"inputs": ["x"] * 12}, r"an input is listed twice"),
    ({"inputs": [["x"]]}, r"unknown input \['x'\]"),
    ({"activations": ["sin", "cos", "sawtooth"]}, r"unknown activation 'sawtooth'\. Known: abs, cos"),
    ({"activations": ["sin", "cos"]}, r"'activations' must name one per hidden layer \(3\)"),
    ({"activations": [["sin"], "cos", "tanh"]}, r"a layer of 4 units has the activations \['sin'\]"),
    ({"activations": [["sin", 1, "sin", "sin"], "cos", "tanh"]}, r"unknown activation 1"),
    ({"head": "cmyk"}, r"unknown output head 'cmyk'\. Known: rgb"),
    ({"layers": [4, 4, 257]}, r"this network is too wide: 257 units in a layer, 256 are drawn"),
    ({"layers": [4] * 9}, r"this network is deep: 9 hidden layers, 8 are drawn"),
    ({"layers": []}, r"'layers' must be the list of hidden widths, got \[\]"),
    ({"layers": [4, 4, 0]}, r"'layers' holds 0, a width is a whole number from 1"),
    ({"layers": [4, 4, 4.0]}, r"'layers' holds 4.0"),
    ({"layers": [4, 4, True]}, r"'layers' holds True"),
    ({"layers": [4, 4, 5]}, r"the tensor layers.2.weight has shape \(4, 4\), this network needs \(5, 4\)"),
    ({"layers": [4, 4], "activations": ["sin", "cos"]}, r"there is a tensor 'layers.3.\w+' that belongs to no layer"),
    ({"layers": [4] * 4, "activations": ["sin"] * 4}, r"the tensor layers.4.weight is missing"),
    ({"extent": 0}, r"'extent' is 0, it must lie in 0.001 to 100"),
    ({"extent": "wide"}, r"'extent' must be a number, got text"),
    ({"extent": 10**400}, r"'extent' is a huge number"),
    ({"time": [5, 5]}, r"'time' runs from 5 to 5 s\. The start must come before the end"),
    ({"time": 60}, r"'time' must be two numbers of seconds"),
    ({"time": [0, True]}, r"'time' must be a number, got true/false"),
    ({"title": "x" * 121}, r"'title' has 121 characters, 120 are allowed\. Shorten 'title'"),
    ({"title": 7}, r"'title' must be text, got a number"),
    ({"prompt": "\x1b[2Jboo"}, r"'prompt' contains control characters"),
    ({"prompt": "\ud800"}, r"'prompt' contains control characters"),
    ({"name": "Galaxy"}, r"'Galaxy' is not a style name\. Names are `series/name`"),
    ({"name": "../../etc/passwd"}, r"is not a style name"),
    ({"name": None}, r"None is not a style name"),
    ({"name": "a/b", "series": "c"}, r"series 'c' does not fit the name 'a/b'\. The series of a/b is 'a'"),
    ({"score": "good"}, r"'score' must be a number, got text"),
    ({"seed": -1}, r"'seed' is -1, it must be a whole number from 0 to 2\^63-1"),
    ({"seed": 1.5}, r"'seed' is 1.5"),
    ({"trained": "no"}, r"'trained' must be true or false, got text"),
    ({"audio_roles": ["bass"]}, r"'audio_roles' must map at most 32 features"),
    ({"audio_roles": {"bass": 3}}, r"'audio_roles/bass' must be text, got a number"),
]


@pytest.mark.parametrize(("change", "message"), BAD_META)
def test_bad_metadata_is_refused_with_what_is_wrong(tmp_path, change, message):
    meta, tensors = meta_and_tensors()
    error = refuse(write(tmp_path / "bad.safetensors", {**meta, "series": "", **change}, tensors))
    assert re.search(message, error), error


@pytest.mark.parametrize("key", ["inputs", "layers", "activations", "head"])
def test_missing_metadata_is_named(tmp_path, key):
    meta, tensors = meta_and_tensors()
    del meta[key]
    assert f"the metadata lacks '{key}'" in refuse(write(tmp_path / "bad.safetensors", meta, tensors))


def test_weights_that_make_no_picture_are_refused(tmp_path):
    for value, message in [(np.nan, "weights are NaN"), (np.inf, "or infinite"), (2e4, "a weight is 2e+04, 10000 is")]:
        meta, tensors = meta_and_tensors()
        tensors["layers.1.weight"][2, 2] = value
        assert message in refuse(write(tmp_path / "bad.safetensors", meta, tensors))


@pytest.mark.parametrize("dtype", ["float64", "int8"])
def test_wrong_types_are_refused(tmp_path, dtype):
    meta, tensors = meta_and_tensors()
    tensors["layers.0.bias"] = tensors["layers.0.bias"].astype(dtype)
    assert "F32 and F16 are drawn. Convert the weights to float32." in refuse(write(tmp_path / "b.st", meta, tensors))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "its metadata is not valid JSON"),
        ("[1]", "its metadata must be a JSON object, got a list"),
        ('{"format": 1, "format": 1}', "its metadata has the key 'format' twice"),
        ('{"format": NaN}', "its metadata holds NaN, which is no JSON number"),
        ("[" * 100_000, "its metadata is not valid JSON"),
        ('{"format": ' + "9" * 5000 + "}", "its metadata is not valid JSON"),
    ],
)
def test_bad_json_is_refused(tmp_path, text, message):
    _, tensors = meta_and_tensors()
    assert message in refuse(write(tmp_path / "bad.safetensors", None, tensors, text))


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


META = {"__metadata__": {"morphogen": "{}"}}
BAD_HEADERS = [
    (b"not json", b"", "it is not a safetensors file"),
    (b"{broken", b"", "its header is not valid JSON"),
    (b'{"a": 1, "a": 2}', b"", "its header has the key 'a' twice"),
    (b"{\xff\xfe}", b"", "its header is not valid JSON"),
    (b'{"a":' * 90_000, b"", "its header is not valid JSON"),
    ({}, b"", "it holds tensors, but no Morphogen metadata"),
    ({"__metadata__": {"format": "pt"}}, b"", "models of other programs cannot be drawn"),
    ({"__metadata__": {"morphogen": {}}}, b"", "no Morphogen metadata"),
    ({**META, "a": 1}, b"", "the entry of tensor 'a' is malformed"),
    ({**META, "a": {**entry(), "more": 1}}, b"0000", "the entry of tensor 'a' is malformed"),
    ({**META, "a": entry(shape=(1, 1, 1))}, b"0000", "malformed shape or place"),
    ({**META, "a": entry(shape=(-1,))}, b"0000", "malformed shape or place"),
    ({**META, "a": entry(shape=(1.0,))}, b"0000", "malformed shape or place"),
    ({**META, "a": entry(shape=(True,))}, b"0000", "malformed shape or place"),
    ({**META, "a": entry(shape=(2**62, 2**62))}, b"0000", "malformed shape or place"),
    ({**META, "a": entry(offsets=(0, 4, 8))}, b"0000", "malformed shape or place"),
    ({**META, "a": {**entry(), "shape": 1}}, b"0000", "malformed shape or place"),
    ({**META, "a": entry(offsets=(0, 5))}, b"00000", "the tensor 'a' is 5 bytes long, its shape [1] says otherwise"),
    ({**META, "a": entry(dtype="BF16")}, b"0000", "the tensor 'a' has type 'BF16'; F32 and F16 are drawn"),
    ({**META, "a": entry(dtype=7)}, b"0000", "the tensor 'a' has type 7"),
    ({**META, "a": entry()}, b"00", "the tensor 'a' lies outside the file"),
    ({**META, "a": entry()}, b"000000", "the tensors overlap, leave gaps, or are cut off"),
    ({**META, "a": entry(), "b": entry()}, b"0000", "the tensors overlap, leave gaps, or are cut off"),
    ({**META, **{f"t{n}": entry() for n in range(65)}}, b"", "it holds 65 tensors, a style has 64 at most"),
    ({**META}, b"", "'format' is None"),
]


@pytest.mark.parametrize(("header", "body", "message"), BAD_HEADERS)
def test_hostile_headers_are_refused(tmp_path, header, body, message):
    assert message in refuse(raw(tmp_path / "bad.safetensors", header, body))


@pytest.mark.parametrize("length", [10**6, MAX_HEADER + 1, 2**63, 2**64 - 1])
def test_header_lengths_that_lie_are_refused(tmp_path, length):
    assert "its header claims" in refuse(raw(tmp_path / "bad.safetensors", {}, b"x" * 100, length))


@pytest.mark.parametrize("data", [b"", b"1234567", b"12345678{"])
def test_stubs_are_no_safetensors(tmp_path, data):
    (tmp_path / "bad.safetensors").write_bytes(data)
    assert "it is not a safetensors file. Get the file again" in refuse(tmp_path / "bad.safetensors")


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\x80\x02\x8a\x0a"])
def test_pickles_are_pointed_to_import(tmp_path, start):
    (tmp_path / "galaxy.pth").write_bytes(start + bytes(200))
    error = refuse(tmp_path / "galaxy.pth")
    assert "it is a pickle (.pth), which could run any program when opened" in error
    assert "`morphogen styles import galaxy.pth`" in error


def test_what_is_not_a_readable_file_is_refused(tmp_path):
    assert "it cannot be read: No such file" in refuse(tmp_path / "absent.safetensors")
    assert "it is not a file. Give the .safetensors file itself" in refuse(tmp_path)
    (tmp_path / "loop.safetensors").symlink_to(tmp_path / "loop.safetensors")
    assert "it cannot be read: " in refuse(tmp_path / "loop.safetensors")
    with pytest.raises(StyleError, match="it cannot be read: "):
        load_style("zero\0byte")
    with (tmp_path / "big.safetensors").open("wb") as file:
        file.truncate(MAX_FILE + 1)
    assert "it has 8 MB, a style has 8 at most" in refuse(tmp_path / "big.safetensors")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "it is not a file" in refuse(tmp_path / "pipe")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_refused(tmp_path):
    path = save_style(untrained(), tmp_path / "a.safetensors").path
    path.chmod(0)
    assert "it cannot be read: Permission denied" in refuse(path)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_files_raise_style_errors_only(tmp_path, flips):
    data = bytearray(to_bytes(full_style()))
    for at, value in flips:
        data[at % len(data)] = value
    path = tmp_path / "fuzz.safetensors"
    path.write_bytes(data)
    with contextlib.suppress(StyleError):
        load_style(path)


def test_what_no_reader_would_accept_is_not_written(tmp_path):
    style = replace(untrained(), prompt="two\nlines")
    with pytest.raises(StyleError, match="'prompt' contains control characters"):
        save_style(style, tmp_path / "a.safetensors")
    assert not list(tmp_path.iterdir())


def test_drawn_styles_are_labelled_and_repeatable():
    recipe = Recipe("2L_8D", 42, inputs=("x", "r", "time", "bass"), units=True, extent=0.8, pace=0.1, reaction=0.2,
                    gain=3.5, contrast=0.8, harmony=0.45)  # fmt: skip
    style = draw(recipe, "starter/x")
    assert (style.trained, style.guide, style.score, style.prompt, style.seed) == (False, "none", None, "", 42)
    assert style.training == (
        "morphogen styles draw --preset 2L_8D --init glow --seed 42 --inputs x,r,time,bass --units --gain 3.5 "
        "--extent 0.8 --pace 0.1 --reaction 0.2 --contrast 0.8 --harmony 0.45"
    )
    assert parse_command(style.training) == recipe
    assert np.array_equal(draw(parse_command(style.training)).network.flat, style.network.flat)


def test_harmony_brings_the_output_rows_together():
    spread = []
    for harmony in (0.0, 0.5, 1.0):
        rows = [draw(Recipe(seed=n, harmony=harmony)).network.tensors[-2] for n in range(50)]
        spread.append(np.mean([np.corrcoef(r)[np.triu_indices(3, 1)].mean() for r in rows]))
    assert spread[0] < spread[1] < spread[2]
    assert spread[2] == pytest.approx(1)


def test_plain_draws_equal_the_inits():
    assert np.array_equal(untrained("3L_4D", 9).network.flat, init_glow(preset("3L_4D"), 9).flat)
    assert not np.any(untrained("3L_4D", 9, "seed").network.tensors[1])


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (Recipe("9L_9D"), r"unknown preset '9L_9D'\. Known: 2L_4D"),
        (Recipe(inputs=("x", "smell")), r"unknown input 'smell'"),
        (Recipe(inputs=("x", "x")), r"inputs are empty or named twice"),
        (Recipe(seed=-1), r"seed -1 does not fit"),
        (Recipe(init="best"), r"unknown init 'best'\. Known: glow, seed"),  # type: ignore[arg-type]
    ],
)
def test_wrong_recipes_say_what_is_known(recipe, message):
    with pytest.raises(UsageError, match=message):
        draw(recipe)


@pytest.mark.parametrize("command", ["rm -rf /", "morphogen styles draw --seed x", "morphogen styles draw --color red"])
def test_other_commands_are_no_recipes(command):
    with pytest.raises(UsageError):
        parse_command(command)


class FakeTensor:
    def __init__(self, array):
        self.array = np.asarray(array, np.float64)

    def is_floating_point(self):
        return True

    def numel(self):
        return self.array.size

    def detach(self):
        return self

    cpu = float = detach

    def numpy(self):
        return self.array.astype(np.float32)


def fake_torch(monkeypatch, loaded):
    def load(path, map_location, weights_only):
        assert weights_only is True
        if isinstance(loaded, Exception):
            raise loaded
        return loaded

    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(load=load))


def seed_state(widths=(12, 4, 4, 4, 3)):
    rng = np.random.default_rng(0)
    state = {}
    for n, (a, b) in enumerate(pairwise(widths)):
        state[f"net.{2 * n}.weight"] = FakeTensor(rng.normal(size=(b, a)))
        state[f"net.{2 * n}.bias"] = FakeTensor(rng.normal(size=b))
    return state


@pytest.mark.parametrize("wrap", [False, True])
def test_import_of_a_seed_era_file(monkeypatch, tmp_path, wrap):
    path = tmp_path / "Cosmic_Nebula 3L.pth"
    path.write_bytes(b"as torch wrote it")
    state = seed_state()
    fake_torch(monkeypatch, {"state_dict": state, "loss": 0.2} if wrap else state)
    style = import_pth(path)
    assert (style.name, style.guide, style.trained) == ("own/cosmic_nebula-3l", "unknown", True)
    assert style.shape == preset("3L_4D")
    assert style.network.extent == pytest.approx(np.pi)
    assert np.allclose(style.network.tensors[2], state["net.2.weight"].array)
    assert load_style(save_style(style, tmp_path / "a.safetensors").path).name == style.name


@pytest.mark.parametrize(
    ("loaded", "message"),
    [
        ([1, 2], "holds list, not a state dictionary"),
        ({}, "it holds 0 Linear layers, a style has 2 at least"),
        (seed_state((12, 128, 257, 3)), "this network is too wide: 257 units"),
        (seed_state((5, 4, 3)), "its first layer takes 5 inputs, that of the seeds 12"),
        (seed_state((12, 4, 4)), "its last layer has 4 outputs, a picture 3"),
        ({**seed_state(), "net.2.bias": FakeTensor(np.zeros(7))}, "does not follow the layer before"),
        ({**seed_state(), "odd.weight": 5}, "'odd.weight' is no Linear layer"),
        (RuntimeError("bad archive"), "is no file of plain weights ('bad archive')"),
        (AssertionError("storage"), "is no file of plain weights ('storage')"),
        (IndexError(), "is no file of plain weights"),
    ],
)
def test_import_refuses_other_files(monkeypatch, tmp_path, loaded, message):
    path = tmp_path / "x.pth"
    path.write_bytes(b"as torch wrote it")
    fake_torch(monkeypatch, loaded)
    with pytest.raises(StyleError) as caught:
        import_pth(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith("x.pth")
    assert caught.value.cure


def test_import_without_torch_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(Unavailable, match=r'needs PyTorch, which is not installed. pip install "morphogen\[train\]"'):
        import_pth(tmp_path / "x.pth")


def archive(path: Path, compression: int, record: bytes) -> Path:
    with zipfile.ZipFile(path, "w", compression) as made:
        made.writestr("archive/data.pkl", record)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: archive(p, zipfile.ZIP_DEFLATED, bytes(10**8)), "is no file as PyTorch writes them"),
        (lambda p: archive(p, zipfile.ZIP_STORED, b"cbuiltins\nbytearray\n"), "is no file as PyTorch writes them"),
        (lambda p: p.write_bytes(b"\x80\x02cbuiltins\nbytearray\n(J\xff\xff\xff\x7ftR."), "as PyTorch writes them"),
        (lambda p: p.write_bytes(b"PK\x03\x04" + bytes(50)), "is no file of plain weights ('File is not a zip file')"),
        (lambda p: p.write_bytes(bytes(MAX_FILE + 1)), "it has 8 MB"),
        (lambda p: p.mkdir(), "it is not a file"),
        (lambda p: None, "cannot be read"),
    ],
)
def test_import_reads_no_more_than_the_file_has(monkeypatch, tmp_path, make, message):
    """PyTorch would unpack a bomb: it must not be asked."""
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(load=lambda *_, **__: pytest.fail("loaded")))
    make(tmp_path / "x.pth")
    with pytest.raises(StyleError) as caught:
        import_pth(tmp_path / "x.pth")
    assert message in caught.value.message
    assert caught.value.message.startswith("x.pth")


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed; the import ran with a stand-in only")


def test_import_with_real_torch(tmp_path, torch):
    net = torch.nn.Sequential(torch.nn.Linear(12, 4), torch.nn.Linear(4, 4), torch.nn.Linear(4, 3))
    for zipped in (True, False):
        torch.save(net.state_dict(), tmp_path / "real.pth", _use_new_zipfile_serialization=zipped)
        style = import_pth(tmp_path / "real.pth")
        assert np.allclose(style.network.tensors[0], net[0].weight.detach().numpy())
    torch.save(net, tmp_path / "whole.pth")  # a pickled module: weights_only refuses it
    with pytest.raises(StyleError, match="is no file of plain weights"):
        import_pth(tmp_path / "whole.pth")


@pytest.mark.parametrize("odd", [
    lambda t: t.to_sparse(), lambda t: t.to("meta"), lambda t: t.int(), lambda t: t + 1j, lambda t: t > 0,
    lambda t: t.flatten()[:1].half().expand(10**6, 10**6), lambda t: t[0, 0],
])  # fmt: skip
def test_import_of_odd_tensors_with_real_torch(tmp_path, torch, odd):
    state = torch.nn.Sequential(torch.nn.Linear(12, 4), torch.nn.Linear(4, 3)).state_dict()
    torch.save(state | {"0.weight": odd(state["0.weight"])}, tmp_path / "odd.pth")
    with pytest.raises(StyleError, match=r"odd\.pth: '0\.weight' "):
        import_pth(tmp_path / "odd.pth")


def test_import_of_damaged_files_with_real_torch(tmp_path, torch):
    state = torch.nn.Sequential(torch.nn.Linear(12, 4), torch.nn.Linear(4, 3)).state_dict()
    rng, path = random.Random(3), tmp_path / "damaged.pth"
    for zipped in (True, False):
        torch.save(state, path, _use_new_zipfile_serialization=zipped)
        whole = path.read_bytes()
        for _ in range(150):
            data = bytearray(whole)
            for _ in range(rng.randint(1, 6)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            path.write_bytes(data)
            with contextlib.suppress(StyleError):
                import_pth(path)


def test_a_network_is_checked_by_its_own_class_too():
    with pytest.raises(ValueError, match="needs tensors"):
        Network(preset("3L_4D"), (np.zeros(3, np.float32),))
