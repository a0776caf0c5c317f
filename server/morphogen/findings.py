"""What `doctor` and `devices` find out about this very machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from morphogen.errors import MorphogenError, Unavailable

Status = Literal["works", "absent", "failed"]


@dataclass(frozen=True)
class Finding:
    """One thing that was tried.

    name: as people call it. kind: backend, output, input or system. status: 'works' (proved by a loop-back), 'absent'
    (optional and not here, with the cure) or 'failed' (should work and does not). summary: what was seen, with versions
    and numbers. details: for programs, JSON values only; devices under 'devices'. seconds: how long trying took.
    """

    name: str
    kind: str
    status: Status
    summary: str
    cure: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def public(self) -> dict[str, Any]:
        """As `doctor --json` prints it."""
        return asdict(self) | {"details": dict(self.details), "seconds": round(self.seconds, 3)}


Probe = Callable[[], Finding]


def attempt(name: str, kind: str, probe: Probe) -> Finding:
    """Run one probe. What it raises becomes a finding, so that one broken driver does not hide the rest."""
    start = time.perf_counter()
    try:
        found = probe()
    except Unavailable as error:
        found = Finding(name, kind, "absent", error.message, error.cure)
    except MorphogenError as error:
        found = Finding(name, kind, "failed", error.message, error.cure)
    except ImportError as error:
        found = Finding(name, kind, "failed", f"{error.name or error} cannot be imported", _import_cure(error))
    except Exception as error:  # noqa: BLE001  # a guard: drivers raise whatever they like, the doctor goes on
        summary = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        found = Finding(name, kind, "failed", summary, "Run `morphogen doctor --verbose` and read the traceback.")
    return replace(found, seconds=time.perf_counter() - start)


def _import_cure(error: ImportError) -> str:
    if (error.name or "").startswith("morphogen"):
        return "This version was installed without it: run `python3 start.py` again."
    return f"pip install {error.name}" if error.name else "Run `python3 start.py` again."


def version(distribution: str) -> str:
    """Installed version of a distribution, or ''."""
    import importlib.metadata  # 25 ms, which `--help` need not wait for

    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""
