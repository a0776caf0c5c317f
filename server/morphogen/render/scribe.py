"""Programs written in a process of their own, so that Python's lock and its collector stay with the picture.

To write the code of a new shape is some 0.1 s of Python that leaves 70,000 objects behind: beside a running show the
collector alone held the picture up for 100 ms. What a show asks for while it runs is therefore written by a second
interpreter (80 MB, started with the first program that no store knows), which hands over text; what makes machine code
of it holds no lock. Without a show, and when that process fails, the text is written where it is asked for.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import IO, Any

from morphogen import log
from morphogen.errors import MorphogenError, RenderError

COMMAND = (sys.executable, "-m", "morphogen.render.scribe")
HUMBLE = 10  # steps behind the picture
PATIENCE_S = 2.0
NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows

_log = log.get("scribe")
_employed: Scribe | None = None


def written(write: Callable[..., str], *arguments: Any) -> str:
    """`write(*arguments)`, a function of a module and what can be pickled, wherever it does no harm. Any thread."""
    return _employed.write(write, *arguments) if _employed else write(*arguments)


@contextlib.contextmanager
def employed() -> Iterator[Scribe]:
    """While a show runs."""
    global _employed  # noqa: PLW0603  one show in a process
    before, scribe = _employed, Scribe()
    _employed = scribe
    try:
        yield scribe
    finally:
        _employed = before
        scribe.close()


class Scribe:
    """The other process. Any thread; one text at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._broken = self._closing = False

    def write(self, write: Callable[..., str], *arguments: Any) -> str:
        """Raises what `write` raises, RenderError when the show ends meanwhile."""
        with self._lock:
            if not self._broken:
                try:
                    good, answer = self._asked((write, arguments))
                except (OSError, EOFError, pickle.PickleError) as error:
                    if self._closing:
                        raise RenderError("the show ends; nothing is compiled any more.") from None
                    self._broken = True
                    _log.warning("programs are written in this process from now on: %s", error or "the other ended")
                else:
                    if good:
                        return str(answer)
                    raise answer
        return write(*arguments)

    def _asked(self, question: Any) -> tuple[bool, Any]:
        process = self._process
        if process is None:
            process = self._process = subprocess.Popen(
                COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, creationflags=NO_WINDOW
            )
        assert process.stdin is not None
        assert process.stdout is not None
        pickle.dump(question, process.stdin)
        process.stdin.flush()
        good, answer = pickle.load(process.stdout)
        return good, answer

    def close(self) -> None:
        """Idempotent; a text that is being written ends with an error for who waits for it."""
        self._closing = self._broken = True
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with self._lock:
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]
            self._process = None


def serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Write until nobody asks any more."""
    while True:
        try:
            write, arguments = pickle.load(questions)
        except EOFError:
            return
        try:
            answer = True, write(*arguments)
        except MorphogenError as error:
            answer = False, error
        except Exception as error:  # noqa: BLE001  the other process decides
            answer = False, RenderError(f"a program could not be written: {type(error).__name__}: {error}")
        pickle.dump(answer, answers)
        answers.flush()


def main() -> None:
    """Of the other process: questions on standard input, answers on standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the show
    if hasattr(os, "nice"):
        os.nice(HUMBLE)
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
