"""The threads that draw together."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

from morphogen.priority import first_in_line
from morphogen.render.cpu.bands import Job
from morphogen.render.cpu.machine import Kernel


class Crew:
    """The caller and `threads - 1` workers run one job together; work is shared out inside the kernel."""

    def __init__(self, threads: int) -> None:
        self._work: list[tuple[Any, int]] = [(None, 0)]
        self._start = [threading.Semaphore(0) for _ in range(threads - 1)]
        self._done = threading.Semaphore(0)
        self._open = True
        self._threads = [
            threading.Thread(target=self._serve, args=(s,), name=f"render-{i}", daemon=True)
            for i, s in enumerate(self._start)
        ]
        for thread in self._threads:
            thread.start()

    def _serve(self, start: threading.Semaphore) -> None:
        with first_in_line():
            while True:
                start.acquire()
                if not self._open:
                    return
                run, job = self._work[0]
                run(job)
                self._done.release()

    def run(self, kernel: Kernel, job: Job) -> None:
        """Draw one job with all hands; returns when it is done."""
        address = ctypes.addressof(job)
        self._work[0] = (kernel.run, address)
        for start in self._start:
            start.release()
        kernel.run(address)
        for _ in self._start:
            self._done.acquire()

    def close(self) -> None:
        """End the workers; idempotent."""
        if self._open:
            self._open = False
            for start in self._start:
                start.release()
            for thread in self._threads:
                thread.join(1.0)
