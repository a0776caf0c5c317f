"""Rings in files, on Linux and macOS: who owns a name, taking over, clearing up after the dead.

The file is `<folder>/<name>`; the folder is /dev/shm where there is one (memory), else the temporary folder (a file
that the system keeps in its page cache). Mode 0600. The writer holds an exclusive `flock` on its file, which ends with
the process however it dies: a file that can be locked has no writer. Every file is complete, locked and fully
allocated before it gets its name by `link` or `rename`, so a reader never meets a half-made or growing one.
"""

from __future__ import annotations

import fcntl
import itertools
import mmap
import os
import re
import stat
import tempfile
from pathlib import Path

from morphogen.clock import WallClock
from morphogen.errors import Unavailable
from morphogen_bridges.shm_ring import RING, Ring, ring_bytes, ring_header

_UNFINISHED = re.compile(r"\.morphogen-.*\.\d+\.\d+")
_serial = itertools.count(1)
_CHUNK = bytes(1 << 20)
_FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW


def default_folder() -> Path:
    """/dev/shm where it can be written to, else the temporary folder."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


class OwnedRing:
    """A ring that this process writes. Not thread-safe; close with `release`."""

    def __init__(self, path: Path, fd: int, ring: Ring) -> None:
        self.path = path
        self.ring = ring
        self._fd = fd

    def replaced(self, slot_bytes: int) -> OwnedRing:
        """A new ring under the same name, with slots of another size; this one retires. Raises Unavailable: then this
        one goes on."""
        new = _make(self.path, slot_bytes)
        new.temporary.rename(self.path)
        self._let_go()
        return new.named(self.path)

    def release(self) -> None:
        """Retire the ring and take its name away, if the name is still ours."""
        if _same_file(self._fd, self.path):
            self.path.unlink(missing_ok=True)
        self._let_go()

    def _let_go(self) -> None:
        self.ring.retire()
        # The mapping keeps a duplicate of the descriptor, and views keep the mapping: unlocking is an act of its own.
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        os.close(self._fd)


def create(folder: Path, name: str, slot_bytes: int) -> OwnedRing:
    """Own `name` in `folder`. Raises Unavailable: taken by another writer, no room, folder not writable."""
    path = folder / name
    sweep(folder)
    new = _make(path, slot_bytes)
    try:
        for _ in range(100):
            if _claim(new.temporary, path):
                return new.named(path)
    except BaseException:
        new.drop()
        raise
    new.drop()
    raise Unavailable(
        f"shared memory {name}: the name keeps changing hands.", "Give this output a name=... of its own."
    )


def sweep(folder: Path) -> int:
    """Remove the rings that dead processes of this user left in `folder`; returns how many."""
    removed = 0
    for path in [*folder.glob("morphogen-*"), *folder.glob(".morphogen-*")]:
        fd = _open_if_dead(path)
        if fd is None:
            continue
        try:
            # Only what is surely ours: a ring, or a ring that its writer did not live to finish.
            if _same_file(fd, path) and (_UNFINISHED.fullmatch(path.name) or os.pread(fd, 4, 0) == b"MGR1"):
                _retire_file(fd)
                path.unlink(missing_ok=True)
                removed += 1
        finally:
            os.close(fd)
    return removed


class _New:
    """A finished, locked ring under a temporary name."""

    def __init__(self, temporary: Path, fd: int, ring: Ring) -> None:
        self.temporary = temporary
        self._fd = fd
        self._ring = ring

    def named(self, path: Path) -> OwnedRing:
        self.temporary.unlink(missing_ok=True)
        return OwnedRing(path, self._fd, self._ring)

    def drop(self) -> None:
        self.temporary.unlink(missing_ok=True)
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        os.close(self._fd)


def _make(path: Path, slot_bytes: int) -> _New:
    total = ring_bytes(slot_bytes)
    try:
        while True:
            temporary = path.with_name(f".{path.name}.{os.getpid()}.{next(_serial)}")
            fd = os.open(temporary, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
            if _lock(fd) and _same_file(fd, temporary):
                break
            os.close(fd)  # someone's sweep came between making and locking
    except OSError as error:
        raise _explained(path, error) from error
    try:
        _allocate(fd, total)
        os.pwrite(fd, ring_header(slot_bytes, os.getpid(), WallClock().now_ns()), 0)
        # MAP_POPULATE: the pages are there before the render thread draws into them.
        memory = mmap.mmap(fd, total, flags=mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0))
    except OSError as error:
        temporary.unlink(missing_ok=True)
        os.close(fd)
        raise _explained(path, error, total) from error
    return _New(temporary, fd, Ring(memory))


def _allocate(fd: int, total: int) -> None:
    # A sparse file would kill the writer (SIGBUS) at the first page that finds the memory full; this says so instead.
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, total)
        return
    for at in range(0, total, len(_CHUNK)):
        os.write(fd, _CHUNK[: total - at])


def _claim(temporary: Path, path: Path) -> bool:
    """Give the new ring its name. False: lost a race, try again. Raises Unavailable: the name has a living writer."""
    try:
        os.link(temporary, path)
        return True
    except FileExistsError:
        pass
    except OSError as error:
        raise _explained(path, error) from error
    try:
        fd = os.open(path, _FLAGS)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _explained(path, error) from error
    try:
        if not _lock_patiently(fd):
            raise _taken(path, fd)
        if not _same_file(fd, path):
            return False
        _retire_file(fd)
        temporary.rename(path)  # while the dead one's lock is ours, so that only one heir gets here
        return True
    finally:
        os.close(fd)


def _taken(path: Path, fd: int) -> Unavailable:
    head = os.pread(fd, RING.size, 0)
    owner = f"process {RING.unpack(head)[7]}" if len(head) == RING.size else "another process"
    return Unavailable(
        f"shared memory {path.name} is in use by {owner}.", "Give this output a name=... of its own, or end the other."
    )


def _explained(path: Path, error: OSError, total: int = 0) -> Unavailable:
    size = f" ({total / 1e6:.0f} MB)" if total else ""
    return Unavailable(
        f"cannot make shared memory {path}{size}: {error.strerror}.",
        "Make room there, choose a smaller size, or another folder with dir=PATH.",
    )


def _lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_patiently(fd: int) -> bool:
    # Another process's sweep holds a lock for some microseconds, and that is no owner.
    clock = WallClock()
    for _ in range(20):
        if _lock(fd):
            return True
        clock.wait_until(clock.now() + 0.002)
    return False


def _same_file(fd: int, path: Path) -> bool:
    try:
        there = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    here = os.fstat(fd)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def _open_if_dead(path: Path) -> int | None:
    try:
        fd = os.open(path, _FLAGS | os.O_NONBLOCK)
    except OSError:
        return None
    info = os.fstat(fd)
    if stat.S_ISREG(info.st_mode) and info.st_uid == os.geteuid() and _lock(fd):
        return fd
    os.close(fd)
    return None


def _retire_file(fd: int) -> None:
    """Set the retired flag of a ring without a writer, for the readers that still have it mapped."""
    head = os.pread(fd, RING.size, 0)
    if head[:4] == b"MGR1" and len(head) == RING.size:
        os.pwrite(fd, bytes([head[12] | 1]), 12)
