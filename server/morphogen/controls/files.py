"""The files of the controllers' rules: read at start and whenever they change, written when something is learnt.

One thread does both, so that neither the show nor a controller ever waits for a disk.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from morphogen import log
from morphogen.controls.book import Book, Problem, read
from morphogen.controls.engine import Engine, Name
from morphogen.controls.rules import Rule
from morphogen.errors import StateError
from morphogen.folders import config_folder
from morphogen.state import StateFile

LOOK_SECONDS = 1.0
MAX_BYTES = 1 << 20
_log = log.get("controls")
_Stamp = tuple[int, int] | None


def controls_path() -> Path:
    """The user's own file; it need not exist."""
    return config_folder() / "controls.toml"


class ControlFiles:
    """Keeps `engine` and the files alike. `path`: the user's own, written to; `lent`: those of `--map`, only read.

    What is typed into the file and what is learnt meanwhile are both kept: before writing, a changed file is read.
    """

    def __init__(self, engine: Engine, path: Path, lent: Sequence[Path] = ()) -> None:
        self.path = path
        self._engine, self._paths = engine, (path, *lent)
        self._books: dict[Path, Book] = {}
        self._stamps: dict[Path, _Stamp] = {}
        self._unreadable: dict[Path, Problem] = {}
        self._edits: list[tuple[Sequence[Rule], Sequence[Name]]] = []
        self._unsaved = False
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._repeated = log.Repeated(_log, interval=30.0)
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Read, then watch on a thread of its own."""
        self._engine.edited = self._edited
        self.poll()
        self._thread = threading.Thread(target=self._run, name="controls", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what is still to be written; idempotent, bounded wait."""
        if self._stop.is_set() or self._thread is None:
            return
        self._stop.set()
        self._wake.set()
        self._thread.join(2.0)
        self.poll()

    def problems(self) -> list[dict[str, Any]]:
        """What is not understood in the files: [{file, line, message, cure}]."""
        found = [(path, problem) for path, problem in list(self._unreadable.items())]
        found += [(path, problem) for path, book in list(self._books.items()) for problem in book.problems]
        return [{"file": str(p), "line": x.line, "message": x.message, "cure": x.cure} for p, x in found]

    def poll(self) -> None:
        """Take in what has changed on disk, write down what has been changed here. Never raises for a bad file."""
        with self._turn:
            fresh = [path for path in self._paths if self._look(path)]
            with self._lock:
                edits, self._edits = self._edits, []
            for put, removed in edits:
                self._note(put, removed)
            if self._unsaved and self.path not in self._unreadable:
                self._save()
            if fresh or edits:
                lent = [rule for path in self._paths[1:] for rule in self._rules(path)]
                self._engine.load(self._rules(self.path), lent)

    def _edited(self, put: Sequence[Rule], removed: Sequence[Name]) -> None:
        with self._lock:
            self._edits.append((put, removed))
        self._wake.set()

    def _note(self, put: Sequence[Rule], removed: Sequence[Name]) -> None:
        book = self._books.get(self.path) or Book(())
        for name in removed:
            book = book.remove(*name)
        for rule in put:
            book = book.put(rule)
        self._books[self.path] = book
        self._unsaved = True

    def _rules(self, path: Path) -> list[Rule]:
        return self._books[path].rules if path in self._books else []

    def _look(self, path: Path) -> bool:
        """Read the file if it is another than before. A file that cannot be read leaves its rules as they were."""
        stamp = _stamp(path)
        if path in self._stamps and self._stamps[path] == stamp:
            return False
        self._stamps[path] = stamp
        self._unreadable.pop(path, None)
        try:
            text = _text(path) if stamp else ""
        except (OSError, ValueError) as error:
            problem = Problem(1, f"cannot be read: {error}.", "Its rules stay as they were.")
            self._unreadable[path] = problem
            _log.warning("%s %s", path, f"{problem.message} {problem.cure}")
            return False
        self._books[path] = book = read(text, self._engine.check)
        for problem in book.problems:
            _log.warning("%s, line %d: %s %s", path, problem.line, problem.message, problem.cure)
        return True

    def _save(self) -> None:
        target = self.path.resolve()  # a link into somebody's own collection stays a link
        try:
            StateFile(target).write(self._books[self.path].text)
        except StateError as error:
            self._repeated.warn("save", f"{error} What was learnt lives until the end of the show.")
            return
        self._unsaved = False
        self._stamps[self.path] = _stamp(self.path)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()
            try:
                self.poll()
            except Exception:  # noqa: BLE001  worker guard: the show keeps the rules that it has
                self._repeated.exception("poll", "looking after the controllers' files failed")


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _text(path: Path) -> str:
    """Raises OSError, ValueError."""
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES >> 20} MB")
    return path.read_bytes().decode("utf-8").replace("\r\n", "\n")
