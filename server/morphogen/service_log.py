"""`python -m morphogen.service_log FILE ARGUMENTS...`: the command line, with all that it says in a file.

For the Windows task, which has neither a journal nor a console. Environment variables of the task stand before the
arguments as NAME=VALUE behind `--env`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

MOST = 5 << 20  # bytes; a longer log becomes FILE.old at the next start


def main(argv: Sequence[str]) -> int:
    """Run `morphogen ARGUMENTS` and return its exit code; a bug's traceback is in the file, too."""
    file, rest = Path(argv[0]), list(argv[1:])
    while rest[:1] == ["--env"]:
        name, _, value = rest[1].partition("=")
        os.environ[name] = value
        rest = rest[2:]
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists() and file.stat().st_size > MOST:
        file.replace(file.with_name(f"{file.name}.old"))
    with file.open("a", encoding="utf-8", buffering=1) as log:
        before = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = log
        try:
            from morphogen.cli import run

            return run(rest)
        except Exception:  # noqa: BLE001  # the last place where it can be told
            import traceback

            traceback.print_exc()
            return 1
        finally:
            sys.stdout, sys.stderr = before


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
