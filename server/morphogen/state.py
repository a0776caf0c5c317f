"""What survives a restart: one JSON file, written so that a power cut leaves either the old or the new one."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from morphogen import log
from morphogen.clock import Clock
from morphogen.errors import StateError, UsageError
from morphogen.folders import HOME, state_folder

VERSION = 1
MAX_BYTES = 16 << 20
_log = log.get("state")


@dataclass
class State:
    """Everything worth keeping. params: `ParamStore.targets`; routes: `ModMatrix.routes`; snapshots:
    `Snapshots.list`; bank: style names, first slot first; style: the running one; layer: the one over it, or ''; audio:
    as `serve --audio` takes it.
    """

    params: dict[str, Any] = field(default_factory=dict)
    routes: list[Any] = field(default_factory=list)
    snapshots: dict[str, Any] = field(default_factory=dict)
    bank: list[Any] = field(default_factory=list)
    style: str = ""
    audio: str = ""
    lut: str = ""
    layer: str = ""


def state_path(instance: str = "") -> Path:
    """The state file of one instance; the folder need not exist. Raises UsageError: a name that is no file name."""
    if not re.fullmatch(r"[a-z0-9_-]{0,40}", instance):
        raise UsageError(f"an instance cannot be called {instance[:60]!r}.", "Use up to 40 of a-z, 0-9, _ and -.")
    return state_folder() / (f"state-{instance}.json" if instance else "state.json")


class StateFile:
    """One file. `save` from any thread, one after the other; `load` once, at start."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def save(self, state: State) -> Path:
        """Write the whole state and return its path. On disk before this returns. Raises StateError."""
        return self.write(encode(state))

    def write(self, text: str) -> Path:
        """Replace the file's content by a temporary file in the same folder: never half of it. Raises StateError."""
        temporary = self.path.with_name(self.path.name + ".tmp")
        with self._lock:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with temporary.open("w", encoding="utf-8", newline="\n") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(self.path)
                _sync_folder(self.path.parent)
            except OSError as error:
                raise StateError(
                    f"the state cannot be written to {self.path}: {error.strerror or error}.",
                    f"Make room or rights there, or set {HOME} to another folder. The old state is untouched.",
                ) from error
        return self.path

    def load(self) -> State:
        """What was saved; defaults if there is nothing. A broken file is moved aside to `.broken` with one line in
        the log, so that the show starts. Never raises."""
        try:
            if self.path.stat().st_size > MAX_BYTES:
                raise ValueError(f"larger than {MAX_BYTES >> 20} MB")
            return decode(self.path.read_bytes())
        except FileNotFoundError:
            return State()
        except OSError as error:
            _log.warning("the state %s cannot be read (%s); starting with defaults.", self.path, error.strerror)
        except (ValueError, RecursionError) as error:
            self._set_aside(error)
        return State()

    def _set_aside(self, error: Exception) -> None:
        aside = self.path.with_name(self.path.name + ".broken")
        try:
            self.path.replace(aside)
            where = f"it is kept as {aside}"
        except OSError as failure:
            where = f"it could not be moved aside ({failure.strerror})"
        _log.warning("the state %s is broken (%s); %s, starting with defaults.", self.path, error, where)


def encode(state: State) -> str:
    """State as text. Raises StateError for what JSON cannot hold."""
    try:
        return json.dumps({"version": VERSION, **asdict(state)}, indent=1, sort_keys=True, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise StateError(f"the state cannot be written: {error}.", "This is a bug in what collects it.") from error


def decode(content: bytes) -> State:
    """Text as state; unknown fields are left out. Raises ValueError that says what is wrong."""
    data = json.loads(content.decode("utf-8"))
    if not isinstance(data, dict):
        raise ValueError("not a map")
    version = data.get("version")
    if version != VERSION:
        raise ValueError(f"version {version!r}, this program reads {VERSION}")
    state = State()
    for item in fields(State):
        value = data.get(item.name, getattr(state, item.name))
        wanted = type(getattr(state, item.name))
        if type(value) is not wanted:
            raise ValueError(f"{item.name!r} is {type(value).__name__}, not {wanted.__name__}")
        setattr(state, item.name, value)
    return state


def _sync_folder(folder: Path) -> None:
    """The renaming itself survives a power cut only when the folder is synced too; Windows cannot, and need not."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Autosaver:
    """Saves now and then, on its own thread, and only what changed.

    `collect()` runs on that thread (and on the caller's of `close`): it must be thread-safe. At most one write each
    `interval` seconds of `clock`. A disk that is full or gone is reported, then counted; the show goes on.
    """

    def __init__(self, state_file: StateFile, collect: Callable[[], State], interval: float, clock: Clock) -> None:
        self._file = state_file
        self._collect = collect
        self._interval = interval
        self._clock = clock
        self._repeated = log.Repeated(_log, now=clock.now)
        self._saved = ""
        self._due = clock.now() + interval
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; a second call does nothing."""
        if self._thread is None and not self._stop.is_set():
            self._thread = threading.Thread(target=self._run, name="autosave", daemon=True)
            self._thread.start()

    def poll(self) -> bool:
        """Save if it is time and something changed; whether a file was written."""
        now = self._clock.now()
        if now < self._due:
            return False
        self._due = now + self._interval
        return self.save_now()

    def save_now(self) -> bool:
        """Save at once if something changed; whether a file was written. Never raises for a bad disk."""
        with self._turn:
            try:
                text = encode(self._collect())
                if text == self._saved:
                    return False
                self._file.write(text)
            except StateError as error:
                self._repeated.warn("save", str(error))
                return False
            self._saved = text
            return True

    def close(self) -> None:
        """Stop and save a last time; idempotent, bounded wait."""
        if self._stop.is_set():
            return
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=2.0)
        self.save_now()

    def _run(self) -> None:
        while not self._stop.wait(min(self._interval, 1.0)):
            self.poll()
