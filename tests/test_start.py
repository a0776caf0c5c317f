"""start.py without a network: subprocesses are played by a script."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def start(tmp_path, monkeypatch):
    """The module, with a folder of its own that has a pyproject.toml and no .venv."""
    spec = importlib.util.spec_from_file_location("start_under_test", ROOT / "start.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "LOG", tmp_path / ".venv" / "install.log")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "installed.txt")
    return module


class World:
    """Answers subprocesses. `fail` maps a word of a command to (code, output); `ran` lists the commands."""

    def __init__(self, start, monkeypatch):
        self.start, self.ran, self.fail = start, [], {}
        monkeypatch.setattr(start.subprocess, "run", self.run)
        monkeypatch.setattr(start.subprocess, "Popen", self.popen)
        monkeypatch.setattr(start.os, "execve", self.execve)
        self.became = None

    def answer(self, command):
        self.ran.append(command)
        for word, answer in self.fail.items():
            if word in command:
                return answer
        if command[1:3] == ["-m", "venv"]:
            self.make_venv()
        return 0, "fine\n"

    def make_venv(self):
        self.start.scripts().mkdir(parents=True)
        self.start.venv_python().write_text("")

    def run(self, command, **_):
        code, output = self.answer(command)
        return subprocess.CompletedProcess(command, code, output)

    def popen(self, command, stdout=None, **_):
        code, output = self.answer(command)
        if stdout is not None:
            stdout.write(output.encode())

        class Child:
            def wait(self, timeout=None):
                return code

        return Child()

    def execve(self, path, command, environment):
        self.became = command[1:]
        raise SystemExit(0)

    def pips(self):
        return [command[6:] for command in self.ran if command[1:4] == ["-m", "pip", "install"]]


@pytest.fixture
def world(start, monkeypatch):
    return World(start, monkeypatch)


def play(start, *words):
    with pytest.raises(SystemExit):
        start.main(list(words))


def test_an_old_interpreter_can_read_it():
    ast.parse((ROOT / "start.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def test_it_uses_the_standard_library_only():
    tree = ast.parse((ROOT / "start.py").read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_it_runs_isolated():
    done = subprocess.run([sys.executable, "-I", str(ROOT / "start.py"), "--help"], capture_output=True, text=True,
                          timeout=60, check=False)  # fmt: skip
    assert done.returncode == 0
    assert "python3 start.py test" in done.stdout


def test_an_old_python_is_told_what_to_do(start, monkeypatch, capsys):
    monkeypatch.setattr(start.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(start.shutil, "which", lambda name: None)
    assert start.main([]) == 1
    said = capsys.readouterr().err
    assert "needs Python 3.11 or newer" in said
    assert "apt install python3" in said


@pytest.mark.skipif(os.name != "posix", reason="replaces the process")
def test_an_old_python_hands_over_to_a_newer_one(start, world, monkeypatch):
    monkeypatch.setattr(start.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(start.shutil, "which", lambda name: "/x/" + name if name == "python3.12" else None)
    play(start, "--fps", "30")
    assert world.became == [str(start.ROOT / "start.py"), "--fps", "30"]


@pytest.mark.skipif(os.name != "posix", reason="replaces the process")
@pytest.mark.parametrize(("words", "became"), [
    ((), ["serve"]), (("--fps", "30"), ["serve", "--fps", "30"]), (("doctor", "--json"), ["doctor", "--json"]),
    (("--version",), ["--version"]),
])  # fmt: skip
def test_it_installs_once_and_plays(start, world, capsys, words, became):
    play(start, *words)
    assert world.became == ["-m", "morphogen", *became]
    ((flag, target),) = world.pips()
    assert flag == "-e"
    assert "midi" in target
    assert "video" in target
    said = capsys.readouterr().out
    assert "Making .venv" in said
    assert "Ready after" in said
    world.ran.clear()
    play(start, *words)
    assert (world.ran, capsys.readouterr().out) == ([], ""), "the second start does nothing and says nothing"


@pytest.mark.skipif(os.name != "posix", reason="replaces the process")
def test_it_installs_again_when_pyproject_changes(start, world):
    play(start)
    (start.ROOT / "pyproject.toml").write_text("# another\n")
    play(start)
    assert len(world.pips()) == 2


@pytest.mark.parametrize(("platform", "extra"), [("win32", "spout"), ("darwin", "syphon")])
def test_texture_sharing_of_the_platform_comes_along(start, world, monkeypatch, platform, extra):
    monkeypatch.setattr(start.sys, "platform", platform)
    start.install()
    assert extra in world.pips()[0][1]


def test_one_bad_extra_does_not_keep_the_rest_away(start, world, capsys):
    everything = f"{start.ROOT}[{','.join(start.EXTRAS)}]"
    world.fail = {everything: (1, "error"), f"{start.ROOT}[midi]": (1, "error")}
    start.install()
    assert "Without MIDI controllers" in capsys.readouterr().out
    assert start.installed()


@pytest.mark.parametrize(("output", "cure"), [
    ("ERROR: [Errno 28] No space left on device", "disk is full"),
    ("WARNING: Temporary failure in name resolution", "no network"),
    ("ProxyError('Cannot connect')", "HTTPS_PROXY"),
    ("ERROR: No matching distribution found for llvmlite", "Python 3.11, 3.12 or 3.13"),
    ("ERROR: something new", "something new"),
])  # fmt: skip
def test_a_failed_install_says_why_and_is_tried_again(start, world, capsys, output, cure):
    world.fail = {"pip": (1, output + "\n")}
    assert start.main([]) == 1
    said = capsys.readouterr().err
    assert cure in said
    assert "install.log" in said
    assert not start.installed()


@pytest.mark.parametrize(("output", "cure"), [
    ("The virtual environment was not created successfully because ensurepip is not available.", "python3-venv"),
    ("OSError: [Errno 28] No space left on device", "disk is full"),
    ("OSError: [Errno 13] Permission denied: '.venv'", "folder of your own"),
])  # fmt: skip
def test_a_venv_that_cannot_be_made_leaves_nothing_behind(start, world, capsys, output, cure):
    world.make_venv()
    world.fail = {"venv": (1, output), "-c": (1, "")}
    assert start.main([]) == 1
    assert cure in capsys.readouterr().err
    assert not start.VENV.exists()


def test_a_broken_venv_is_made_anew(start, world, capsys):
    world.make_venv()
    world.fail = {"-c": (1, "")}
    start.install()
    assert "does not work any more" in capsys.readouterr().out
    assert start.installed()


def test_an_interrupt_leaves_something_to_go_on_with(start, world, monkeypatch, capsys):
    def interrupted(*words):
        raise KeyboardInterrupt

    monkeypatch.setattr(start, "pip", interrupted)
    assert start.main([]) == 130
    assert "start again" in capsys.readouterr().err
    assert not start.installed()


def test_pip_is_not_led_astray(start, monkeypatch):
    for key in ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET"):
        monkeypatch.setenv(key, "/nowhere")
    assert not {"PYTHONHOME", "PYTHONPATH", "PIP_TARGET"} & set(start.environment())


# --- test


def test_the_tests_get_their_tools_and_pytest_is_last(start, world, capsys):
    assert start.main(["test", "-k", "frame"]) == 0
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["test"]
    assert wanted in world.pips()
    assert any("analysis" in pip[-1] for pip in world.pips())
    assert world.ran[-1][1:] == ["-m", "pytest", "-k", "frame"]
    said = capsys.readouterr().out
    for name in ("ruff check", "ruff format", "mypy", "imports"):
        assert f"{name:<12} ok" in said
    world.ran.clear()
    assert start.main(["test", "--all"]) == 0
    assert world.pips() == []
    assert world.ran[-1][1:] == ["-m", "pytest", "-m", ""]


def test_a_failed_check_is_shown_and_pytest_runs_all_the_same(start, world, capsys):
    start.main(["test"])
    capsys.readouterr()
    world.fail = {"mypy": (1, "server/x.py:1: error: no\n")}
    assert start.main(["test"]) == 1
    said = capsys.readouterr().out
    assert "server/x.py:1: error: no" in said
    assert "mypy         FAILED" in said
    assert "Not in order: mypy" in said
    assert "pytest" in world.ran[-1]


def test_pytest_decides_the_exit_code(start, world):
    start.main(["test"])
    world.fail = {"pytest": (3, "")}
    assert start.main(["test"]) == 3


def test_without_librosa_the_tests_still_run(start, world, capsys):
    world.fail = {f"{start.ROOT}[analysis]": (1, "ERROR: No matching distribution found for librosa\n")}
    assert start.main(["test"]) == 0
    assert "Skipped: librosa" in capsys.readouterr().out


def test_the_docs_are_checked_when_they_can_be(start):
    names = [name for name, _ in start.checks()]
    assert "docs" not in names
    docs = start.ROOT / "server" / "morphogen" / "docs.py"
    docs.parent.mkdir(parents=True)
    docs.write_text("")
    assert start.checks()[-1][0] == "docs"


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
def test_the_script_for_a_clean_machine_is_sound():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)], check=False, timeout=20).returncode == 0
    assert "python3 start.py test" in script.read_text()
