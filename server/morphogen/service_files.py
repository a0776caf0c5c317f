"""What the system's own service managers want to read: a systemd user unit, a launchd agent, a Windows task.

Pure functions of a `Job`; nothing here looks at this machine.
"""

from __future__ import annotations

import plistlib
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from xml.sax.saxutils import escape

ABOUT = "Morphogen, a live visual instrument"
PAUSE = 2  # seconds before a crashed show comes back
WRONG_USAGE = 2  # exit code of options that will not become right by trying again


@dataclass(frozen=True)
class Job:
    """What shall run, for one user.

    name: of the service ('morphogen', 'morphogen-left'). command: program and arguments. folder: where relative paths
    in them begin. log: file for what it says, where the system keeps no journal. user: as Windows writes it,
    'DOMAIN\\name'. environment: on top of the user's own.
    """

    name: str
    command: tuple[str, ...]
    folder: PurePath
    log: PurePath
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


def systemd_unit(job: Job) -> bytes:
    """A unit of the user's own manager (systemd.service(5)). Comes back after a crash, at most ten times a minute."""
    settings = {"PYTHONUNBUFFERED": "1", **job.environment}
    lines = [
        "[Unit]",
        f"Description={ABOUT}",
        "After=graphical-session.target pipewire.service pulseaudio.service",
        "StartLimitIntervalSec=60",
        "StartLimitBurst=10",
        "",
        "[Service]",
        f"ExecStart={' '.join(_systemd_word(word) for word in job.command)}",
        f"WorkingDirectory={str(job.folder).replace('%', '%%')}",
        *(f"Environment={_systemd_word(f'{key}={value}', variables=False)}" for key, value in settings.items()),
        "Restart=on-failure",
        f"RestartSec={PAUSE}",
        f"RestartPreventExitStatus={WRONG_USAGE}",
        "TimeoutStopSec=10",
        "",
        "[Install]",
        "WantedBy=default.target",
        "",
    ]
    return "\n".join(lines).encode()


def _systemd_word(text: str, variables: bool = True) -> str:
    """One argument, whatever is in it: specifiers (%), in a command variables ($), quotes and backslashes."""
    text = text.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text.replace("$", "$$") if variables else text}"'


def launchd_plist(job: Job) -> bytes:
    """An agent of the user's session (launchd.plist(5)): started at login, again after a crash, not after an end."""
    return plistlib.dumps(
        {
            "Label": job.name,
            "ProgramArguments": list(job.command),
            "WorkingDirectory": str(job.folder),
            "EnvironmentVariables": {"PYTHONUNBUFFERED": "1", **job.environment},
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": PAUSE,
            "ProcessType": "Interactive",  # else macOS slows it down like a backup
            "StandardOutPath": str(job.log),
            "StandardErrorPath": str(job.log),
        },
        sort_keys=False,
    )


_TASK = """<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>{about}</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Repetition>
        <Interval>PT1M</Interval>
        <StopAtDurationEnd>false</StopAtDurationEnd>
      </Repetition>
      <Enabled>true</Enabled>
      <UserId>{user}</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{user}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>4</Priority>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{program}</Command>
      <Arguments>{arguments}</Arguments>
      <WorkingDirectory>{folder}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""


def windows_task(job: Job) -> bytes:
    """A task for `schtasks /Create /XML`, UTF-16: at logon, and every minute in case it runs no more.

    The scheduler's own RestartOnFailure does not take an exit code for a failure; a repetition that is ignored while
    the task runs does what is meant, whatever it died of. No time limit, on battery too, at normal priority (the
    default 7 is below normal).
    """
    program, *arguments = job.command
    words = {
        "about": ABOUT, "user": job.user, "program": program, "arguments": subprocess.list2cmdline(arguments),
        "folder": str(job.folder),
    }  # fmt: skip
    text = _TASK.format_map({key: escape(word) for key, word in words.items()})
    return text.replace("\n", "\r\n").encode("utf-16")
