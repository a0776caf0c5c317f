"""Frame buffers by picture, made off the render thread.

Touching the pages of a fresh 1080p buffer was measured at 2 to 20 ms, a whole frame, so the render thread only takes
what is ready. Buffers are made where an output is opened or changed, and by one helper thread when a watcher turns up
later; that watcher's first picture is then a frame or two late, and nobody else's is.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable

from morphogen.frame import Frame, FrameInfo, FramePool, TargetSpec


class Buffers:
    """Pools of frames, one for each different picture. Thread-safe."""

    def __init__(self) -> None:
        self._pools: dict[TargetSpec, FramePool] = {}
        self._lock = threading.Lock()
        self._wanted: queue.SimpleQueue[FramePool | None] = queue.SimpleQueue()
        self._growing: set[FramePool] = set()
        self._helper: threading.Thread | None = None
        self._closed = False

    def ready(self, spec: TargetSpec, count: int) -> None:
        """Make `count` buffers now, on the calling thread (slow)."""
        pool = self._pool(spec)
        while pool.made < count:
            pool.grow()

    def take(self, spec: TargetSpec, must: bool) -> Frame | None:
        """A frame to draw into. None if no buffer is ready, unless `must` (then it is made here). Render thread."""
        pool = self._pool(spec)
        spare = pool.free
        if spare <= 1:
            self._grow_soon(pool)
        return pool.take(FrameInfo(spec)) if spare or must else None

    def keep_only(self, specs: Iterable[TargetSpec]) -> None:
        """Forget the pools of pictures that nobody wants any more; frames still held keep theirs until released."""
        wanted = set(specs)
        with self._lock:
            self._pools = {spec: pool for spec, pool in self._pools.items() if spec in wanted}

    def made(self) -> dict[TargetSpec, int]:
        """Buffers ever made for each picture that is wanted now."""
        with self._lock:
            return {spec: pool.made for spec, pool in self._pools.items()}

    def close(self) -> None:
        """Stop the helper and forget all pools; idempotent."""
        with self._lock:
            self._closed = True
            self._pools = {}
            helper, self._helper = self._helper, None
        if helper is not None:
            self._wanted.put(None)
            helper.join(1.0)

    def _pool(self, spec: TargetSpec) -> FramePool:
        with self._lock:
            pool = self._pools.get(spec)
            if pool is None:
                pool = self._pools[spec] = FramePool(spec, ready=0)
            return pool

    def _grow_soon(self, pool: FramePool) -> None:
        with self._lock:
            if self._closed or pool in self._growing:
                return
            self._growing.add(pool)
            if self._helper is None:
                self._helper = threading.Thread(target=self._work, name="morphogen-buffers", daemon=True)
                self._helper.start()
        self._wanted.put(pool)

    def _work(self) -> None:
        while (pool := self._wanted.get()) is not None:
            # Asked twice, a pool that has got its buffers back in the meantime must not grow without need.
            while pool.free <= 1:
                pool.grow()
            with self._lock:
                self._growing.discard(pool)
