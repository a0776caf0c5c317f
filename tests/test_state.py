from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from morphogen.clock import ManualClock, WallClock
from morphogen.errors import StateError, UsageError
from morphogen.state import Autosaver, State, StateFile, decode, encode, state_path

FULL = State(
    params={"view/zoom": 1.5},
    routes=[{"source": "lfo1", "target": "view/x", "amount": 0.5, "curve": "s"}],
    snapshots={"1": {"params": {"view/zoom": 2.0}, "style": "a/b", "routes": []}},
    bank=["a/b", "c/d"],
    style="a/b",
    audio="device:Mic",
)


@pytest.fixture
def file(tmp_path: Path) -> StateFile:
    return StateFile(tmp_path / "sub" / "state.json")


def test_save_and_load(file: StateFile) -> None:
    assert file.load() == State()
    assert file.save(FULL) == file.path
    assert StateFile(file.path).load() == FULL
    assert [path.name for path in file.path.parent.iterdir()] == ["state.json"]
    assert json.loads(file.path.read_text())["version"] == 1


def test_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MORPHOGEN_HOME", str(tmp_path))
    assert state_path() == tmp_path / "state.json"
    assert state_path("left-wall") == tmp_path / "state-left-wall.json"
    monkeypatch.delenv("MORPHOGEN_HOME")
    assert "morphogen" in str(state_path())
    for name in ("../evil", "a b", "A", "x" * 41):
        with pytest.raises(UsageError, match="an instance cannot be called"):
            state_path(name)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "Expecting value"),
        (b'{"version": 1, "par', "Unterminated string"),
        (b"\xff\xfe\x00", "utf-8"),
        (b"[]", "not a map"),
        (b'{"version": 2}', "version 2, this program reads 1"),
        (b"{}", "version None"),
        (b'{"version": 1, "params": []}', "'params' is list, not dict"),
        (b'{"version": 1, "style": 3}', "'style' is int, not str"),
        (b"[" * 200_000, "recursion"),
    ],
)
def test_a_broken_file_is_moved_aside_with_one_line(
    file: StateFile, caplog: pytest.LogCaptureFixture, content: bytes, why: str
) -> None:
    file.path.parent.mkdir()
    file.path.write_bytes(content)
    with caplog.at_level(logging.WARNING, "morphogen"):
        assert file.load() == State()
    assert not file.path.exists()
    assert file.path.with_name("state.json.broken").read_bytes() == content
    assert len(caplog.records) == 1
    message = caplog.records[0].getMessage()
    assert why in message
    assert "is broken" in message
    assert "kept as" in message
    assert "starting with defaults" in message
    assert file.load() == State()
    assert len(caplog.records) == 1


def test_a_file_that_cannot_be_read_is_reported(file: StateFile, caplog: pytest.LogCaptureFixture) -> None:
    file.path.mkdir(parents=True)  # a folder of that name
    with caplog.at_level(logging.WARNING, "morphogen"):
        assert file.load() == State()
    assert "cannot be read" in caplog.text


def test_fields_of_later_versions_are_left_out() -> None:
    assert decode(encode(FULL)[:-3].encode() + b', "more": 1}') == FULL


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_state(file: StateFile, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    file.save(FULL)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), fail)
    with pytest.raises(
        StateError, match=r"cannot be written to .*No space left.* MORPHOGEN_HOME .*old state is untouched"
    ):
        file.save(State(style="new/one"))
    monkeypatch.undo()
    assert file.load() == FULL


def test_what_json_cannot_hold_is_refused(file: StateFile) -> None:
    file.save(FULL)
    for value in (float("nan"), object()):
        with pytest.raises(StateError, match="the state cannot be written"):
            file.save(State(params={"view/zoom": value}))
    assert file.load() == FULL


WRITER = """
import sys
from pathlib import Path
from morphogen.state import State, StateFile
file = StateFile(Path(sys.argv[1]))
n = 0
while True:
    n += 1
    file.save(State(params={f"p/{i}": n for i in range(20_000)}, style=str(n)))
    if n == 1:
        print("go", flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_kill_in_the_middle_of_a_write_loses_nothing(file: StateFile) -> None:
    for attempt in range(4):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(file.path)], stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.03 + 0.017 * attempt)
        finally:
            process.kill()
            process.communicate()
        state = decode(file.path.read_bytes())
        assert state.params == {f"p/{i}": int(state.style) for i in range(20_000)}
    file.save(FULL)
    assert [path.name for path in file.path.parent.iterdir()] == ["state.json"]


# --- the autosaver


def test_the_autosaver_writes_only_changes_and_not_too_often(file: StateFile) -> None:
    clock, state = ManualClock(), State(style="a/b")
    saver = Autosaver(file, lambda: state, 5.0, clock)
    assert not saver.poll()
    clock.advance(5.0)
    assert saver.poll()
    clock.advance(5.0)
    assert not saver.poll()
    state.style = "c/d"
    assert not saver.poll()
    clock.advance(5.0)
    assert saver.poll()
    assert file.load().style == "c/d"
    state.style = "e/f"
    saver.close()
    assert file.load().style == "e/f"
    file.path.unlink()
    saver.close()
    saver.start()
    assert not file.path.exists()


def test_a_bad_disk_is_reported_once_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "blocked").write_text("a file where the folder should be")
    file, clock = StateFile(tmp_path / "blocked" / "state.json"), ManualClock()
    saver = Autosaver(file, lambda: FULL, 0.5, clock)
    with caplog.at_level(logging.WARNING, "morphogen"):
        for _ in range(4):
            clock.advance(0.5)
            assert not saver.poll()
    assert caplog.text.count("cannot be written") == 1
    (tmp_path / "blocked").unlink()
    clock.advance(0.5)
    assert saver.poll()


def test_the_autosaver_has_its_own_thread(file: StateFile) -> None:
    collected = threading.Event()
    names = []

    def collect() -> State:
        names.append(threading.current_thread().name)
        collected.set()
        return FULL

    saver = Autosaver(file, collect, 0.01, WallClock())
    saver.start()
    saver.start()
    assert collected.wait(5)
    saver.close()
    assert names[0] == "autosave"
    assert not any(thread.name == "autosave" for thread in threading.enumerate())
    assert file.load() == FULL
