#!/usr/bin/env python3
"""Install Morphogen into this folder and play.

    python3 start.py [OPTIONS]       install if needed, then `morphogen serve OPTIONS`
    python3 start.py VERB ...        any other verb: doctor, devices, styles list, still, ctl ...
    python3 start.py test [--all]    what the developers run: checks and tests (--all: the long ones too);
                                     further options go to pytest

Everything goes into the folder .venv beside this file; delete it to start anew. Only the standard library is used
here, in a syntax that old interpreters can read, so that they can say what is wrong.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterable
from pathlib import Path

NEEDED = (3, 11)
ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOG = VENV / "install.log"
STAMP = VENV / "installed.txt"
EXTRAS = {"midi": "MIDI controllers", "video": "video files"}
PLATFORM_EXTRAS = {"win32": {"spout": "Spout"}, "darwin": {"syphon": "Syphon"}}
TEST_EXTRAS = {"analysis": "librosa, which some tests compare with"}
CURES = (
    ("No space left", "The disk is full: free about 1 GB and start again."),
    ("not enough space", "The disk is full: free about 1 GB and start again."),
    ("Permission denied", "This folder cannot be written: move Morphogen to a folder of your own."),
    ("Temporary failure in name resolution", "There is no network: connect once, later starts need none."),
    ("Failed to establish a new connection", "There is no network: connect once, later starts need none."),
    ("NewConnectionError", "There is no network: connect once, later starts need none."),
    ("ProxyError", "The proxy refused: check HTTPS_PROXY, then start again."),
    ("CERTIFICATE_VERIFY_FAILED", "The connection is not trusted: check the clock and the network's certificates."),
    ("No matching distribution", "A package is not made for this Python: install Python 3.11, 3.12 or 3.13."),
    ("subprocess-exited-with-error", "A package would have to be compiled: install Python 3.11, 3.12 or 3.13."),
)


class StartError(Exception):
    """Something that the person at the keyboard has to cure: str(error) says what and how."""


def say(text: str) -> None:
    """One line for people."""
    print(text, flush=True)


def main(argv: list[str]) -> int:
    """Install what is needed, then run. Returns the exit code."""
    if argv[:1] in (["-h"], ["--help"]):
        say(__doc__.strip())
        return 0
    try:
        check_python(argv)
        if argv[:1] == ["test"]:
            return test(argv[1:])
        install()
        plays = not argv or (argv[0].startswith("-") and argv[0] != "--version")
        verb = ["serve", *argv] if plays else argv
        return hand_over([str(venv_python()), "-m", "morphogen", *verb])
    except StartError as error:
        print(f"start.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("start.py: interrupted; start again to go on.", file=sys.stderr)
        return 130


def check_python(argv: list[str]) -> None:
    """Go on under a newer Python if this one is too old and a newer one is at hand. Raises StartError."""
    if sys.version_info[:2] >= NEEDED:
        return
    for minor in (13, 12, 11, 14):
        found = shutil.which(f"python3.{minor}")
        if found:
            sys.exit(hand_over([found, str(ROOT / "start.py"), *argv]))
    raise StartError(
        f"Morphogen needs Python {NEEDED[0]}.{NEEDED[1]} or newer, this is {sys.version.split()[0]}. "
        "Install it from python.org, or with `sudo apt install python3`, `brew install python` or "
        "`winget install Python.Python.3.12`."
    )


def hand_over(command: list[str]) -> int:
    """Become another program; on Windows wait for it instead. Ctrl-C reaches the other program, not this one."""
    if os.name == "posix":
        sys.stdout.flush()
        os.execve(command[0], command, environment())
    child = subprocess.Popen(command, env=environment())
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue


def environment() -> dict[str, str]:
    """Ours, less what would make a virtual environment or pip go astray."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX")
    }
    fixed = {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUTF8": "1"}
    return {**kept, **fixed}


def scripts() -> Path:
    """Folder of the programs inside .venv."""
    return VENV / ("Scripts" if os.name == "nt" else "bin")


def venv_python() -> Path:
    """The interpreter inside .venv."""
    return scripts() / ("python.exe" if os.name == "nt" else "python")


def wanted_stamp(words: Iterable[str]) -> str:
    """What has to be installed, as one word: changes with pyproject.toml, the Python, the place and the extras."""
    content = (ROOT / "pyproject.toml").read_bytes()
    about = "\n".join([sysconfig.get_python_version(), str(ROOT), *sorted(words)])
    return hashlib.sha256(content + about.encode()).hexdigest()


def installed() -> set[str]:
    """The stamps of what is in .venv already."""
    try:
        return set(STAMP.read_text().split()) if venv_python().exists() else set()
    except OSError:
        return set()


def install() -> None:
    """Core, MIDI, video and the platform's texture sharing. Does nothing when that is done. Raises StartError."""
    extras = {**EXTRAS, **PLATFORM_EXTRAS.get(sys.platform, {})}
    stamp = wanted_stamp(extras)
    if stamp in installed():
        return
    start = time.monotonic()
    make_venv()
    say("Installing Morphogen and what it needs (about 150 MB, once) ...")
    target = "{}[{}]".format(ROOT, ",".join(extras))
    if pip("-e", target) != 0:
        # one extra that cannot be had must not keep the rest away
        if pip("-e", str(ROOT)) != 0:
            raise StartError("installing failed. " + cure())
        for extra, what in extras.items():
            if pip("-e", f"{ROOT}[{extra}]") != 0:
                say(f"  Without {what}: its package could not be installed. All else works.")
    keep(stamp)
    say(f"Ready after {time.monotonic() - start:.0f} seconds.")


def keep(stamp: str, *, tests: bool = False) -> None:
    """Remember that this is done, in place of what was done before for the same purpose."""
    others = {line for line in installed() if line.startswith("test-") is not tests}
    STAMP.write_text("\n".join(sorted(others | {stamp})) + "\n")


def make_venv() -> None:
    """A working .venv; a broken one is replaced, and a failed attempt leaves none behind. Raises StartError."""
    if VENV.exists():
        if run_quietly([str(venv_python()), "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"]):
            return
        say("The folder .venv does not work any more; making it anew.")
        shutil.rmtree(VENV, ignore_errors=True)
    say(f"Making .venv with Python {sys.version.split()[0]} ...")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "venv", str(VENV)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment(), check=False, text=True,
        )  # fmt: skip
    except BaseException:
        shutil.rmtree(VENV, ignore_errors=True)
        raise
    if done.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        raise StartError(venv_cure(done.stdout or ""))


def venv_cure(output: str) -> str:
    """Why no virtual environment could be made."""
    if "ensurepip" in output or "No module named venv" in output:
        return "this Python cannot make virtual environments. On Debian and Ubuntu: `sudo apt install python3-venv`."
    known = [text for mark, text in CURES if mark in output]
    last = (output.strip().splitlines() or ["no reason given"])[-1]
    return known[0] if known else f"making .venv failed: {last}. Check that this folder can be written."


def run_quietly(command: list[str]) -> bool:
    """Whether a command succeeds."""
    try:
        quiet = subprocess.DEVNULL
        return subprocess.run(command, stdout=quiet, stderr=quiet, env=environment(), check=False).returncode == 0
    except OSError:
        return False


def pip(*words: str) -> int:
    """`pip install WORDS`, its output into .venv/install.log; a sign of life every 15 seconds. Returns its code."""
    command = [str(venv_python()), "-m", "pip", "install", "--progress-bar", "off", *words]
    start = time.monotonic()
    with LOG.open("wb") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=str(ROOT), env=environment()
        )
        while True:
            try:
                return child.wait(timeout=15)
            except subprocess.TimeoutExpired:
                say(f"  ... still at it after {time.monotonic() - start:.0f} seconds")
            except KeyboardInterrupt:
                child.terminate()
                child.wait()
                raise


def cure() -> str:
    """What the log of the last pip says, in words."""
    text = LOG.read_text(errors="replace") if LOG.exists() else ""
    known = [what for mark, what in CURES if mark in text]
    last = [line for line in text.splitlines() if "error" in line.lower()][:1]
    return "{} Details: {}".format(known[0] if known else " ".join(last).strip(), LOG)


# --- test


def test(words: list[str]) -> int:
    """Checks, then tests. pytest comes last, so that its closing line ends the output. Returns the exit code."""
    install()
    install_for_tests()
    failed = [name for name, command in checks() if not check(name, command)]
    if failed:
        say("Not in order: {}. The tests run all the same; the exit code will be 1.".format(", ".join(failed)))
    # Half of the tests' time is waiting: files side by side. The long ones want the machine for themselves.
    side_by_side = ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "loadfile"]
    how = ["-m", ""] if "--all" in words else [] if words else side_by_side
    command = [str(venv_python()), "-m", "pytest", *how, *(word for word in words if word != "--all")]
    return subprocess.run(command, cwd=str(ROOT), env=environment(), check=False).returncode or int(bool(failed))


def install_for_tests() -> None:
    """The `test` group of pyproject.toml (read here: pip knows groups only from 25.1 on) and librosa if it can be."""
    stamp = "test-" + wanted_stamp(TEST_EXTRAS)
    if stamp in installed():
        return
    import tomllib

    start = time.monotonic()
    say("Installing what the tests need ...")
    group = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]["test"]
    if pip(*group) != 0:
        raise StartError("installing the test tools failed. " + cure())
    for extra, what in TEST_EXTRAS.items():
        if pip("-e", f"{ROOT}[{extra}]") != 0:
            say(f"  Skipped: {what}. {cure()}")
    keep(stamp, tests=True)
    say(f"Ready after {time.monotonic() - start:.0f} seconds.")


def checks() -> list[tuple[str, list[str]]]:
    """(name, command) of everything before pytest."""
    python = str(venv_python())
    lint = scripts() / ("lint-imports.exe" if os.name == "nt" else "lint-imports")
    listed = [
        ("ruff check", [python, "-m", "ruff", "check", "."]),
        ("ruff format", [python, "-m", "ruff", "format", "--check", "."]),
        ("mypy", [python, "-m", "mypy"]),
        ("imports", [str(lint)]),
    ]
    if (ROOT / "server" / "morphogen" / "docs.py").exists():
        listed.append(("docs", [python, "-m", "morphogen.docs", "--check"]))
    return listed


def check(name: str, command: list[str]) -> bool:
    """Run one check; its output is shown only when it fails. One summary line either way."""
    start = time.monotonic()
    done = subprocess.run(
        command, cwd=str(ROOT), env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False, text=True, errors="replace",
    )  # fmt: skip
    good = done.returncode == 0
    if not good:
        say(done.stdout.rstrip())
    say("{:<12} {} ({:.1f} s)".format(name, "ok" if good else "FAILED", time.monotonic() - start))
    return good


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
