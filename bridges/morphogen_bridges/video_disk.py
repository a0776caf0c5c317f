"""A file that takes bytes at once and writes them on a thread of its own: a disk may pause, the encoder goes on."""

from __future__ import annotations

import errno
import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

MOST = 64 << 20  # bytes that may wait; half a minute of a generous recording
PATIENCE = 10.0  # seconds that a full queue waits for a disk that does not answer
SYNC_SECONDS = 2.0  # so much at most is lost with the power; the system alone would keep 30


class Disk:
    """What PyAV writes into: `write`, `seek`, `tell`. One thread calls; another writes. now: the show's clock, seconds.

    The first error of the disk ends it: it is raised by the next `write`, and by `finish`.
    """

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        self._file: BinaryIO = path.open("r+b", buffering=0)
        self._now = now
        self._position = 0
        self.size = 0
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._held = 0
        self._changed = threading.Condition()
        self._done = False
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._work, name="morphogen-record-disk", daemon=True)
        self._thread.start()

    # --- as a file, for PyAV

    def write(self, data: bytes) -> int:
        """Take it. Waits only while MOST bytes are waiting, and then PATIENCE at most. Raises OSError."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._error or self._held < MOST, PATIENCE):
                self._error = OSError(errno.ETIMEDOUT, f"the disk has not answered for {PATIENCE:g} s")
            if self._error is not None:
                raise self._error
            self._waiting.append((self._position, data))
            self._held += len(data)
            self._position += len(data)
            self.size = max(self.size, self._position)
            self._changed.notify_all()
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Where the next bytes go."""
        self._position = offset + {os.SEEK_CUR: self._position, os.SEEK_END: self.size}.get(whence, 0)
        return self._position

    def tell(self) -> int:
        """Where the next bytes go."""
        return self._position

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    # --- the end

    def finish(self, seconds: float) -> None:
        """Write what waits, onto the platter, and close. Raises OSError: the disk's, or that it took too long."""
        with self._changed:
            self._done = True
            self._changed.notify_all()
        self._thread.join(max(seconds, 0.1))
        if self._thread.is_alive():
            raise OSError(errno.ETIMEDOUT, "the disk is still busy with it")
        if self._error is not None:
            raise self._error

    # --- the writing thread

    def _work(self) -> None:
        try:
            self._write_on()
        except OSError as error:
            with self._changed:
                self._error = error
                self._waiting.clear()
                self._held = 0
                self._changed.notify_all()
        finally:
            self._file.close()

    def _write_on(self) -> None:
        synced = self._now()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._done, SYNC_SECONDS)
                position, data = self._waiting.popleft() if self._waiting else (0, b"")
                self._held -= len(data)
                last = self._done and not self._waiting
                self._changed.notify_all()
            self._put(position, data)
            if last or self._now() - synced >= SYNC_SECONDS:
                os.fsync(self._file.fileno())
                synced = self._now()
            if last:
                return

    def _put(self, position: int, data: bytes) -> None:
        self._file.seek(position)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
