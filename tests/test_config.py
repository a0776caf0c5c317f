from __future__ import annotations

import contextlib
import dataclasses
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from morphogen import grammar
from morphogen.config import BY_NAME, OPTIONS, Config, build, is_loopback, options_table
from morphogen.errors import UsageError


def refused(**given_) -> UsageError:
    with pytest.raises(UsageError) as caught:
        build(given_)
    assert caught.value.message
    assert caught.value.cure, "an error names its cure"
    assert caught.value.exit_code == 2
    return caught.value


def test_defaults_are_a_valid_config():
    config = build()
    assert config == Config()
    assert (config.size, config.fps, config.audio, config.bind) == ((1920, 1080), 60.0, "demo", "127.0.0.1")
    assert config.warnings == ()


def test_a_config_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        build().fps = 30  # type: ignore[misc]


def test_every_field_is_declared_once():
    assert [option.field for option in OPTIONS] == [f.name for f in dataclasses.fields(Config) if f.name != "config"]
    assert len(BY_NAME) == len(OPTIONS)
    for option in OPTIONS:
        assert option.help.endswith("."), option.name
        assert option.shown, option.name


def test_every_default_passes_its_own_reader():
    for option in OPTIONS:
        if option.default not in (None, (), "", False):
            assert option.read(option.default) == option.default


def test_the_command_line_reads_every_option(tmp_path):
    config = build({
        "size": "1280x720", "fps": "59.94", "style": "cosmic/galaxy", "backend": "CPU", "threads": "2",
        "audio": "device:Built-in Mic", "outs": ["-web", "shm:width=640,height=360"], "bind": "localhost",
        "osc_bind": "0.0.0.0", "osc_out": ["192.168.0.2:9000", "[::1]:9001"], "port_base": "8810",
        "token": "correct-horse", "curve_keys": str(tmp_path), "resume": True, "seconds": "2.5", "json": True,
    })  # fmt: skip
    assert config.size == (1280, 720)
    assert config.fps == pytest.approx(59.94)
    assert config.backend == "cpu"
    assert config.outs == ("-web", "shm:width=640,height=360")
    assert config.osc_out == (("192.168.0.2", 9000), ("::1", 9001))
    assert (config.port_base, config.threads, config.seconds) == (8810, 2, 2.5)
    assert config.curve_keys == tmp_path
    assert (config.resume, config.json, config.show) == (True, True, False)


def test_command_line_beats_file_beats_defaults(tmp_path):
    file = tmp_path / "show.toml"
    file.write_text('size = "640x360"\nfps = 30\nosc_out = "10.0.0.1:9000"\nout = ["null"]\nresume = true\n')
    config = build({"fps": "25", "size": None, "outs": []}, file)
    assert (config.size, config.fps, config.style) == ((640, 360), 25.0, "")
    assert config.osc_out == (("10.0.0.1", 9000),)
    assert config.outs == ("null",)
    assert config.resume
    assert config.config == file


def test_names_in_the_file_may_have_dashes_or_underscores(tmp_path):
    file = tmp_path / "show.toml"
    for key in ("port-base", "port_base"):
        file.write_text(f"{key} = 8900")
        assert build({}, file).port_base == 8900


@pytest.mark.parametrize(("text", "what", "cure"), [
    ("sise = 3", "unknown option 'sise'", "Did you mean size?"),
    ("size = ", "not valid TOML", "name = value"),
    ("fps = true", "fps: True is not a number", "Give 1 to 1000"),
    ("json = 1", "json: 1 is neither true nor false", "Write true or false"),
    ("style = 5", "style: 5 is not a text", "quotes"),
    ('audio = "radio"', "audio: there is no audio source 'radio'", "Choose demo"),
])  # fmt: skip
def test_a_wrong_file_is_refused_with_the_place_and_the_cure(tmp_path, text, what, cure):
    file = tmp_path / "show.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        build({}, file)
    assert what in caught.value.message
    assert cure in caught.value.cure
    assert "show.toml" in caught.value.message


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        build({}, tmp_path / "nothing.toml")


@pytest.mark.parametrize(("field", "text", "what"), [
    ("size", "1920", "--size: '1920' is not a size"), ("size", "0x5", "out of range"),
    ("size", "99999x5", "out of range"),
    ("fps", "0.5", "out of range"), ("fps", "1001", "out of range"), ("fps", "nan", "not a number"),
    ("fps", "fast", "not a number"), ("threads", "1.5", "whole number"), ("threads", "-1", "out of range"),
    ("seconds", "0", "out of range"), ("port_base", "80", "out of range"), ("port_base", "65001", "out of range"),
    ("backend", "vulcan", "no backend 'vulcan'"), ("audio", "file:", "needs a path"),
    ("audio", "device:", "needs a name"), ("audio", "demo:x", "no audio source"),
    ("audio", "file:/nowhere/a.wav", "there is no file"), ("curve_keys", "/nowhere/keys", "there is no folder"),
    ("token", "short", "too weak"), ("token", "with space in it", "too weak"), ("bind", "1.2.3", "not an address"),
    ("bind", "127.0.0.1:80", "not an address"), ("osc_out", "9000", "not HOST:PORT"),
    ("osc_out", "::1:9000", "not HOST:PORT"),
    ("osc_out", "host:99999", "out of range"), ("outs", "", "not an output"), ("outs", "shm:wide", "not key=value"),
    ("outs", "-web:width=3", "takes an output away"),
])  # fmt: skip
def test_wrong_values_are_refused_with_a_cure(field, text, what):
    assert what in refused(**{field: [text] if field in ("outs", "osc_out") else text}).message


def test_opening_to_the_network_needs_token_and_keys(tmp_path):
    both = refused(bind="0.0.0.0")
    assert "--token and --curve-keys" in both.message
    assert "--osc-bind" in both.cure
    assert "without --curve-keys" in refused(bind="192.168.0.3", token="correct-horse").message
    assert "without --token" in refused(bind="::", curve_keys=str(tmp_path)).message
    assert build({"bind": "0.0.0.0", "token": "correct-horse", "curve_keys": str(tmp_path)}).bind == "0.0.0.0"


def test_osc_alone_may_be_open_but_says_so():
    assert "OSC is open on 0.0.0.0" in build({"osc_bind": "0.0.0.0"}).warnings[0]


@pytest.mark.parametrize(("base", "warned"), [(8710, False), (9092, False), (9093, True), (9400, True), (20000, False)])
def test_ports_of_metrics_exporters_are_a_warning_only(base, warned):
    assert bool(build({"port_base": str(base)}).warnings) is warned


@pytest.mark.parametrize(("host", "loopback"), [
    ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
    ("::", False), ("192.168.0.1", False), ("localhost.evil.org", False),
])  # fmt: skip
def test_what_counts_as_this_machine(host, loopback):
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(("text", "choice"), [
    ("demo", ("demo", "")), (" NONE ", ("none", "")), ("osc", ("osc", "")),
    ("file:C:\\music\\a.wav", ("file", "C:\\music\\a.wav")), ("device: Scarlett 2i2", ("device", "Scarlett 2i2")),
])  # fmt: skip
def test_audio_grammar(text, choice):
    assert grammar.parse_audio(text) == grammar.AudioChoice(*choice)


def test_out_grammar():
    assert grammar.parse_out("-web") == grammar.OutChoice("web", {}, True)
    out = grammar.parse_out("shm:crop=0,0,640,360,name=left wall,flip=1")
    assert out == grammar.OutChoice("shm", {"crop": "0,0,640,360", "name": "left wall", "flip": "1"})
    assert grammar.parse_out("png:path=C:\\frames").options == {"path": "C:\\frames"}


@given(st.text(max_size=40))
@example("~nobody/x")
@example("file:~nobody/x")
def test_no_text_makes_a_reader_fail_otherwise(text):
    for option in OPTIONS:
        with contextlib.suppress(UsageError):
            option.read(text)


@given(st.integers(1, 16384), st.integers(1, 16384))
def test_sizes_survive(width, height):
    assert grammar.read_size(f"{width}x{height}") == (width, height) == grammar.read_size([width, height])


def test_nearest_names_one_or_tells_where_to_look():
    assert grammar.nearest("siez", ["size", "fps"]) == "Did you mean size?"
    assert grammar.nearest("qqq", ["size", "fps"]) == "Known: fps, size."
    assert grammar.nearest("qqq", ["size"], "Look there.") == "Look there."


def test_the_docs_table_has_a_row_for_each_option():
    table = options_table()
    assert table.count("\n") == len(OPTIONS) + 1
    for option in OPTIONS:
        assert f"`--{option.name}" in table


def test_the_example_in_the_docs_is_valid(tmp_path):
    text = (Path(__file__).parent.parent / "docs" / "cli.md").read_text(encoding="utf-8")
    example = text.partition("```toml\n")[2].partition("```")[0]
    assert set(tomllib.loads(example))
    file = tmp_path / "show.toml"
    file.write_text(example)
    build({}, file)
