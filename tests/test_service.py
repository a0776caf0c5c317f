"""The show as a service: files that the systems' own readers take, and managers that note what they are told."""

from __future__ import annotations

import json
import os
import plistlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from morphogen import service, service_log
from morphogen.cli import run
from morphogen.errors import StateError, Unavailable, UsageError
from morphogen.service import manager
from morphogen.service_files import Job, launchd_plist, systemd_unit, windows_task

NASTY = ("say", "a b", 'qu"ote', "per%cent", "dol$lar", "back\\slash", "semi;colon", "émoji ✨", "")
MANAGERS = {"linux": "systemctl", "darwin": "launchctl", "win32": "schtasks"}


def job(*arguments: str, program: str = sys.executable, folder: str = "/tmp") -> Job:
    return Job(
        "morphogen-left", (program, *arguments), PurePosixPath(folder), PurePosixPath("/tmp/left.log"), "PC\\vj & co",
        {"MORPHOGEN_HOME": "/tmp/my $home %h"},
    )  # fmt: skip


@pytest.fixture
def verify():
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not on this machine")

    def check(unit: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, "verify", "--user", "--man=no", str(unit)],
            capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "XDG_RUNTIME_DIR": str(unit.parent), "HOME": str(unit.parent)},
        )  # fmt: skip

    return check


# --- the files


@pytest.mark.parametrize("arguments", [("-m", "morphogen", "serve", "--resume"), NASTY[:-1]])
def test_systemd_takes_the_unit(tmp_path, verify, arguments):
    unit = tmp_path / "morphogen-left.service"
    unit.write_bytes(systemd_unit(job(*arguments)))
    done = verify(unit)
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_systemd_would_not_take_a_slip_of_the_pen(tmp_path, verify):
    unit = tmp_path / "broken.service"
    unit.write_bytes(systemd_unit(job("serve")).replace(b"Restart=on-failure", b"Restart=on-a-whim"))
    done = verify(unit)
    assert "restart specifier" in done.stderr, "else the test above proves nothing"


def test_every_argument_reaches_systemd_whole():
    line = next(line for line in systemd_unit(job(*NASTY)).decode().splitlines() if line.startswith("ExecStart="))
    for word in ('"say"', '"a b"', '"qu\\"ote"', '"per%%cent"', '"dol$$lar"', '"back\\\\slash"', '"émoji ✨"'):
        assert f" {word}" in line
    assert line.endswith(' ""')
    text = systemd_unit(job("serve")).decode()
    assert 'Environment="MORPHOGEN_HOME=/tmp/my $home %%h"' in text
    for setting in (
        "Restart=on-failure",
        "RestartPreventExitStatus=2",
        "WorkingDirectory=/tmp",
        "WantedBy=default.target",
    ):
        assert f"\n{setting}\n" in text


def test_the_plist():
    read = plistlib.loads(launchd_plist(job(*NASTY)))
    assert read["ProgramArguments"] == [sys.executable, *NASTY]
    assert (read["Label"], read["RunAtLoad"]) == ("morphogen-left", True)
    assert read["KeepAlive"] == {"SuccessfulExit": False}, "again after a crash, not after an end"
    assert read["EnvironmentVariables"]["MORPHOGEN_HOME"] == "/tmp/my $home %h"
    assert (read["WorkingDirectory"], read["StandardErrorPath"]) == ("/tmp", "/tmp/left.log")
    assert read["ProcessType"] == "Interactive"


def test_the_task():
    raw = windows_task(job("a b", "<&>", 'qu"ote', program="C:\\Py thon\\pythonw.exe"))
    assert raw[:2] in (b"\xff\xfe", b"\xfe\xff"), "schtasks wants UTF-16 with its mark"
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    root = ET.fromstring(raw)

    def text(path: str) -> str | None:
        return root.find(path, space).text

    assert text("t:Actions/t:Exec/t:Command") == "C:\\Py thon\\pythonw.exe"
    assert text("t:Actions/t:Exec/t:Arguments") == '"a b" <&> qu\\"ote'
    assert text("t:Triggers/t:LogonTrigger/t:UserId") == "PC\\vj & co"
    assert text("t:Triggers/t:LogonTrigger/t:Repetition/t:Interval") == "PT1M"
    assert text("t:Settings/t:MultipleInstancesPolicy") == "IgnoreNew", "or there would be a second show every minute"
    assert text("t:Settings/t:ExecutionTimeLimit") == "PT0S"
    assert text("t:Settings/t:Priority") == "4"
    order = [child.tag.rpartition("}")[2] for child in root]
    assert order == ["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"]


# --- installed against managers that write down what they are told


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A home of its own, and a PATH on which there is nothing."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("MORPHOGEN_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("USERDOMAIN", "PC")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def told(home):
    """Makes a fake manager: it notes its arguments, says `answer`, and fails where its arguments hold `fails`."""

    def make(program: str, answer: str = "", fails: str = "no such word") -> Path:
        notes, script = home / "told", home / "bin" / program
        script.write_text(
            f'#!/bin/sh\necho "$@" >> {notes}\ncase "$*" in *"{fails}"*) echo "it says no" >&2; exit 1;; esac\n'
            f"echo '{answer}'\n"
        )
        script.chmod(0o755)
        notes.write_text("")
        return notes

    return make


FILES = {
    "linux": ".config/systemd/user/morphogen.service",
    "darwin": "Library/LaunchAgents/morphogen.plist",
    "win32": "data/morphogen.xml",
}


@pytest.mark.skipif(sys.platform == "win32", reason="the fake managers are shell scripts")
@pytest.mark.parametrize("system", MANAGERS)
def test_install_status_uninstall(home, told, monkeypatch, capsys, system):
    monkeypatch.setattr(service, "system", lambda system=system: system)
    running = {"linux": "active", "darwin": "state = running", "win32": '"\\\\morphogen","N/A","Running"'}[system]
    notes = told(MANAGERS[system], running)
    path = home / FILES[system]
    assert run(["service", "status", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["installed"] is False
    assert run(["service", "install", "--size", "1280x720", "--out", "null", "--port-base", "8800"]) == 0
    assert path.stat().st_mode & 0o777 == 0o600, "options may hold a token"
    content = path.read_bytes().decode("utf-16" if system == "win32" else "utf-8")
    for word in ("serve", "--size", "1280x720", "--out", "null", "--port-base", "8800", "--resume", str(home)):
        assert word in content
    said = capsys.readouterr().err
    assert str(path) in said
    assert "runs now, and from the next login on. Log: " in said
    uid = os.getuid()
    installed = {
        "linux": ["--user daemon-reload", "--user enable morphogen.service", "--user restart morphogen.service"],
        "darwin": [f"bootout gui/{uid}/morphogen", f"bootstrap gui/{uid} {path}"],
        "win32": ["/End /TN morphogen", f"/Create /TN morphogen /XML {path} /F", "/Run /TN morphogen"],
    }[system]
    assert notes.read_text().splitlines() == installed
    assert run(["service", "status", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["name"], found["installed"], found["running"]) == ("morphogen", True, True)
    assert found["log"]
    notes.write_text("")
    assert run(["service", "uninstall"]) == 0
    assert not path.exists()
    removed = {
        "linux": ["--user disable --now morphogen.service", "--user daemon-reload"],
        "darwin": [f"bootout gui/{uid}/morphogen"],
        "win32": ["/End /TN morphogen", "/Delete /TN morphogen /F"],
    }[system]
    assert notes.read_text().splitlines() == removed
    assert run(["service", "uninstall"]) == 1
    assert "no service morphogen is installed. `morphogen service install` makes one." in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="the fake managers are shell scripts")
@pytest.mark.parametrize("system", MANAGERS)
def test_a_manager_that_refuses(home, told, monkeypatch, capsys, system):
    monkeypatch.setattr(service, "system", lambda system=system: system)
    told(MANAGERS[system], fails={"linux": "enable", "darwin": "bootstrap", "win32": "/Create"}[system])
    assert run(["service", "install"]) == 1
    said = capsys.readouterr().err
    assert "failed: it says no. Try " in said
    assert "by hand" in said


def test_a_manager_that_is_not_there(home, monkeypatch):
    for system, program in MANAGERS.items():
        monkeypatch.setattr(service, "system", lambda system=system: system)
        with pytest.raises(Unavailable, match=f"{program} is not on this machine. Use `morphogen service install --p"):
            manager("", ()).install(start=True)
        assert not (home / FILES[system]).exists(), "nothing is left half done"
    monkeypatch.setattr(service, "system", lambda: "beos")
    with pytest.raises(Unavailable, match="services are not known for beos"):
        manager("", ())


def test_print_installs_nothing(home, monkeypatch, capsys):
    monkeypatch.setattr(service, "system", lambda: "win32")
    assert run(["service", "install", "--print"]) == 0
    assert capsys.readouterr().out.startswith('<?xml version="1.0" encoding="UTF-16"?>\n<Task')
    monkeypatch.setattr(service, "system", lambda: "linux")
    assert run(["service", "install", "--print", "--style", "cosmic/galaxy", "--name", "left"]) == 0
    shown = capsys.readouterr()
    assert '"--style" "cosmic/galaxy" "--resume"' in shown.out
    assert "morphogen-left.service:" in shown.err
    assert list(home.rglob("*.service")) == []


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(["--sise", "1x1"], "No such option"), (["--size", "huge"], "huge"), (["--bind", "0.0.0.0"], "--token")],
)
def test_wrong_options_are_found_before_anything_is_installed(home, capsys, arguments, word):
    assert run(["service", "install", *arguments]) == 2
    assert word in capsys.readouterr().err
    assert list(home.rglob("*.service")) == []


def test_names(home):
    assert manager("left", ()).job.name == "morphogen-left"
    for bad in ("Left", "a b", "../x", "x" * 41):
        with pytest.raises(UsageError, match="a service cannot be called"):
            manager(bad, ())


def test_resume_is_said_once(home):
    assert manager("", ("--resume",)).job.command.count("--resume") == 1
    assert manager("", ()).job.command.count("--resume") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="the fake managers are shell scripts")
def test_a_manager_that_does_not_answer(home, monkeypatch):
    monkeypatch.setattr(service, "system", lambda: "linux")
    monkeypatch.setattr(service, "PATIENCE", 0.2)
    script = home / "bin" / "systemctl"
    script.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(30)\n")
    script.chmod(0o755)
    with pytest.raises(StateError, match=r"did not answer within 0\.2 s"):
        manager("", ()).install(start=False)


def test_windows_without_a_console(home, monkeypatch):
    monkeypatch.setattr(service, "system", lambda: "win32")
    monkeypatch.setattr(sys, "executable", str(home / "python.exe"))
    assert manager("", ()).job.command[0] == str(home / "python.exe")
    (home / "pythonw.exe").write_text("")
    made = manager("", ("--fps", "30"))
    assert made.job.command == (
        str(home / "pythonw.exe"), "-m", "morphogen.service_log", str(home / "data" / "morphogen.log"), "--env",
        f"MORPHOGEN_HOME={home / 'data'}", "serve", "--fps", "30", "--resume",
    )  # fmt: skip
    assert made.job.user.startswith("PC\\")
    assert PureWindowsPath(made.job.user).name


# --- the log of the Windows task


def test_the_log_takes_what_is_said(tmp_path, monkeypatch, capsys):
    log = tmp_path / "new" / "x.log"
    monkeypatch.setenv("MORPHOGEN_TEST", "before")
    assert service_log.main([str(log), "--env", "MORPHOGEN_TEST=a=b", "--version"]) == 0
    assert os.environ["MORPHOGEN_TEST"] == "a=b"
    assert log.read_text().startswith("morphogen ")
    assert service_log.main([str(log), "serve", "--sise"]) == 2
    assert "No such option" in log.read_text()
    assert capsys.readouterr() == ("", "")


def test_the_log_takes_what_goes_wrong_and_does_not_grow_for_ever(tmp_path, monkeypatch):
    log = tmp_path / "x.log"
    monkeypatch.setattr("morphogen.cli.run", lambda argv: 1 / 0)
    assert service_log.main([str(log)]) == 1
    assert "ZeroDivisionError" in log.read_text()
    monkeypatch.setattr(service_log, "MOST", 10)
    service_log.main([str(log)])
    assert (tmp_path / "x.log.old").exists()
    assert log.read_text().count("ZeroDivisionError") == 1
