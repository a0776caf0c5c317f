"""The command line: one small module a verb. Nothing heavy is imported before a verb needs it.

Every expected error is one line on stderr, with its cure. Exit codes: 0 done, 1 failed, 2 wrong usage.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import Any

from morphogen.errors import MorphogenError

INTERRUPTED, TERMINATED = 130, 143


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit the process with its code. Who is asked to end (SIGTERM) tidies up first."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    sys.exit(run(argv))


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command (`argv` without the program's name) and return its exit code. Prints errors, raises bugs."""
    import typer

    from morphogen.cli.application import command

    # typer's usage errors derive from click's base class, whose home moved between versions: take it from the family
    usage: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
    try:
        done = command().main(None if argv is None else list(argv), prog_name="morphogen", standalone_mode=False)
        return done if isinstance(done, int) else 0
    except MorphogenError as error:
        return _say(str(error), error.exit_code)
    except usage as error:
        return _say(_sentence(error), error.exit_code)
    except ModuleNotFoundError as error:
        return _say(f"the package {error.name} is missing.", 1, "Run `python3 start.py`, or pip install morphogen.")
    except BrokenPipeError:
        sys.stdout = None  # else the interpreter complains again when it flushes
        return 1
    except OSError as error:
        return _say(f"{error.filename or 'the system'}: {error.strerror or error}.", 1, "Check path, rights and space.")
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted.", INTERRUPTED)


def _sentence(error: Any) -> str:
    """A usage error as one line that ends with the way to the help; '' where the help was just printed."""
    where = error.ctx.command_path if getattr(error, "ctx", None) else "morphogen"
    message = " ".join(error.format_message().split()).rstrip(".")
    stop = "" if message.endswith(("?", ")")) else "."
    return f"{message}{stop} Try `{where} --help`." if message else ""


def _say(message: str, code: int, cure: str = "") -> int:
    line = " ".join(f"{message} {cure}".split())
    if line:
        print(f"morphogen: {line}", file=sys.stderr)
    return code
