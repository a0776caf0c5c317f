"""The show as a service of this user: installed, taken away and looked after by the system's own manager.

systemd on Linux, launchd on macOS, the task scheduler on Windows; never as administrator. `service_files` writes what
they read.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from morphogen.errors import StateError, Unavailable, UsageError
from morphogen.folders import HOME, state_folder
from morphogen.service_files import Job, launchd_plist, systemd_unit, windows_task

PATIENCE = 60.0  # seconds for the manager to answer
Command = tuple[str, ...]


@dataclass(frozen=True)
class Manager:
    """One system's way. path: the file it reads. written: its content. The rest: commands, in order, each with whether
    its failure matters. log: where to read what the show says. running: the command that tells, and how its output
    says that it runs."""

    job: Job
    path: Path
    written: bytes
    prepare: tuple[tuple[Command, bool], ...]
    start: tuple[tuple[Command, bool], ...]
    remove: tuple[tuple[Command, bool], ...]
    forget: tuple[tuple[Command, bool], ...]
    ask: Command
    running: Callable[[str], bool]
    log: str

    @property
    def text(self) -> str:
        """The file, for people to read."""
        marked = self.written[:2] in (b"\xff\xfe", b"\xfe\xff")
        return self.written.decode("utf-16" if marked else "utf-8").replace("\r\n", "\n")

    def install(self, start: bool) -> None:
        """Write the file (readable by this user only: options may hold a token), tell the manager, start it. What ran
        under that name before is replaced. Raises Unavailable, StateError."""
        _find(self.ask[0])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        self.path.chmod(0o600)
        self.path.write_bytes(self.written)
        for command, must in self.prepare + (self.start if start else ()):
            _run(command, must)

    def uninstall(self) -> None:
        """Stop it and take the file away. Raises StateError where none is installed."""
        if not self.path.exists():
            raise StateError(f"no service {self.job.name} is installed.", "`morphogen service install` makes one.")
        for command, must in self.remove:
            _run(command, must)
        self.path.unlink(missing_ok=True)
        for command, must in self.forget:
            _run(command, must)

    def status(self) -> dict[str, object]:
        """installed, running, and where file and log are."""
        installed = self.path.exists()
        running = installed and self.running(_run(self.ask, must=False))
        return {"name": self.job.name, "installed": installed, "running": running, "file": str(self.path),
                "log": self.log}  # fmt: skip


def manager(name: str, options: Sequence[str]) -> Manager:
    """The manager of this system for the service `morphogen` or `morphogen-NAME`, which runs `serve` with `options`
    from the present folder. Raises UsageError (name), Unavailable (no known manager)."""
    if not re.fullmatch(r"[a-z0-9_-]{0,40}", name):
        raise UsageError(f"a service cannot be called {name[:60]!r}.", "Use up to 40 of a-z, 0-9, _ and -.")
    makers: dict[str, Callable[[str, list[str]], Manager]] = {"linux": _systemd, "darwin": _launchd, "win32": _windows}
    if system() not in makers:
        raise Unavailable(f"services are not known for {system()}.", "Start `morphogen serve` by your own means.")
    given = list(options) if "--resume" in options else [*options, "--resume"]
    return makers[system()](f"morphogen-{name}" if name else "morphogen", ["serve", *given])


def system() -> str:
    """Which system this is, as `sys.platform` says it."""
    return sys.platform


def _environment() -> dict[str, str]:
    return {HOME: str(Path(os.environ[HOME]).expanduser().absolute())} if os.environ.get(HOME) else {}


def _systemd(name: str, arguments: list[str]) -> Manager:
    unit = f"{name}.service"
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"
    command = (sys.executable, "-m", "morphogen", *arguments)
    job = Job(name, command, Path.cwd(), state_folder() / f"{name}.log", environment=_environment())
    control = ("systemctl", "--user")
    return Manager(
        job, folder / unit, systemd_unit(job),
        prepare=(((*control, "daemon-reload"), True), ((*control, "enable", unit), True)),
        start=(((*control, "restart", unit), True),),
        remove=(((*control, "disable", "--now", unit), False),),
        forget=(((*control, "daemon-reload"), False),),
        ask=(*control, "is-active", unit),
        running=lambda said: said.strip() == "active",
        log=f"journalctl --user -u {unit} -f",
    )  # fmt: skip


def _launchd(name: str, arguments: list[str]) -> Manager:
    library = Path.home() / "Library"
    command = (sys.executable, "-m", "morphogen", *arguments)
    job = Job(name, command, Path.cwd(), library / "Logs" / f"{name}.log", environment=_environment())
    path = library / "LaunchAgents" / f"{name}.plist"
    domain = f"gui/{os.getuid()}" if hasattr(os, "getuid") else "gui/0"
    out = ("launchctl", "bootout", f"{domain}/{name}")
    return Manager(
        job, path, launchd_plist(job),
        prepare=((out, False),),  # what runs under that name; loading it twice is an error
        start=((("launchctl", "bootstrap", domain, str(path)), True),),
        remove=((out, False),),
        forget=(),
        ask=("launchctl", "print", f"{domain}/{name}"),
        running=lambda said: "state = running" in said,
        log=str(job.log),
    )  # fmt: skip


def _windows(name: str, arguments: list[str]) -> Manager:
    folder = state_folder()
    log = folder / f"{name}.log"
    quiet = Path(sys.executable).with_name("pythonw.exe")  # no console window
    program = str(quiet) if quiet.exists() else sys.executable
    given = [word for key, value in _environment().items() for word in ("--env", f"{key}={value}")]
    command = (program, "-m", "morphogen.service_log", str(log), *given, *arguments)
    domain = os.environ.get("USERDOMAIN", "")
    user = f"{domain}\\{getpass.getuser()}" if domain else getpass.getuser()
    job = Job(name, command, Path.cwd(), log, user)
    path, tasks = folder / f"{name}.xml", ("schtasks",)
    end = ((*tasks, "/End", "/TN", name), False)
    return Manager(
        job, path, windows_task(job),
        prepare=(end, ((*tasks, "/Create", "/TN", name, "/XML", str(path), "/F"), True)),
        start=(((*tasks, "/Run", "/TN", name), True),),
        remove=(end, ((*tasks, "/Delete", "/TN", name, "/F"), False)),
        forget=(),
        ask=(*tasks, "/Query", "/TN", name, "/FO", "CSV", "/NH"),
        running=lambda said: '"Running"' in said,
        log=str(log),
    )  # fmt: skip


def _find(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise Unavailable(
            f"{program} is not on this machine.", "Use `morphogen service install --print` and your own manager."
        )
    return found


def _run(command: Command, must: bool) -> str:
    """What the command says. Raises Unavailable; StateError where it fails and must not."""
    try:
        done = subprocess.run(
            [_find(command[0]), *command[1:]], capture_output=True, text=True, timeout=PATIENCE, check=False,
            errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise StateError(f"`{' '.join(command)}` did not answer within {PATIENCE:g} s.", "Try it by hand.") from error
    if must and done.returncode:
        said = " ".join((done.stderr or done.stdout).split())[:300] or f"exit code {done.returncode}"
        raise StateError(
            f"`{' '.join(command)}` failed: {said}.",
            "Try it by hand from a desktop session of this user; over SSH `loginctl enable-linger` may be missing."
            if command[0] == "systemctl" else "Try again in a moment, or by hand in a terminal of this user.",
        )  # fmt: skip
    return done.stdout
