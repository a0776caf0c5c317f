"""`morphogen doctor`: prove each backend, output and input on this machine, and say what to install."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from morphogen import __version__
from morphogen.cli.output import note, print_json, print_table
from morphogen.cli.still import busy
from morphogen.findings import Finding, attempt
from morphogen.grammar import nearest

HELP = "Prove every backend, output and input on this machine."
_MARKS = {"works": ("works", "green"), "absent": ("not here", "yellow"), "failed": ("FAILS", "bold red")}


def doctor(
    only: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME ...]", help="Only these; left out: everything.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As one line of JSON.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show where a probe failed.")] = False,
    prefer_gpu: Annotated[
        bool,
        typer.Option("--prefer-gpu", help="First ask Windows to give this Python the fast graphics card; then look."),
    ] = False,
) -> None:
    """Exit code 1 if something that should work does not."""
    if prefer_gpu:
        _prefer_gpu()
        only = only or ["gpu"]
    findings = []
    for name in _chosen(only or []):
        with busy(f"Trying {name} ..."):
            findings.append(_try(name, verbose))
    failed = [finding for finding in findings if finding.status == "failed"]
    if json:
        about = {"version": __version__, "python": platform.python_version(), "system": platform.platform()}
        print_json({**about, "ok": not failed, "findings": [f.public() for f in findings]}, indent=None)
    else:
        _show(findings)
    raise typer.Exit(1 if failed else 0)


def _prefer_gpu() -> None:
    from morphogen.registry import resolve

    for path in resolve("CLIENTS", "prefer_gpu")():
        note(f"Windows gives the fast graphics card to {path} from its next start on.")


def _chosen(only: list[str]) -> list[str]:
    from morphogen.errors import UsageError

    known = list(_names())
    for name in only:
        if name not in known:
            raise UsageError(f"the doctor does not know {name[:40]!r}.", nearest(name, known))
    return only or known


def _names() -> Iterator[str]:
    from morphogen.registry import table
    from morphogen.selftest import BACKEND_CHECKS

    yield from BACKEND_CHECKS
    yield from (name for name in table("PROBES") if not name.endswith("_devices"))


def _try(name: str, verbose: bool) -> Finding:
    from morphogen.registry import resolve
    from morphogen.selftest import BACKEND_CHECKS

    def probe() -> Finding:
        try:
            found: Finding = BACKEND_CHECKS[name]() if name in BACKEND_CHECKS else resolve("PROBES", name)()
        except Exception:
            if verbose:
                import traceback

                note(traceback.format_exc())
            raise
        return found

    return attempt(name, "backend" if name in BACKEND_CHECKS else "bridge", probe)


def _show(findings: list[Finding]) -> None:
    from rich.text import Text

    note(f"Morphogen {__version__}, Python {platform.python_version()} on {platform.system()} {platform.machine()}, "
         f"{sys.executable}")  # fmt: skip
    rows = []
    for finding in findings:
        word, style = _MARKS[finding.status]
        rows.append((finding.name, Text(word, style), finding.summary, finding.cure))
    print_table(("what", "state", "seen", "what to do"), rows, ("cyan",))
