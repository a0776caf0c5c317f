"""Compiled code that outlives the process: a shape that was ever drawn on this machine is there in 2 ms, not 250.

A file holds the SHA-256 of an object file and the object file. Its name is a hash of everything that the code depends
on: kernel, network shapes, processor, llvmlite, and the source of `field` and `render`. What is torn, foreign or stale
is compiled anew; a folder that cannot be written costs nothing but time.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

KEPT = 400  # files of 20 to 60 KB
SUFFIX = ".o"
_DIGEST = 32


@cache
def _source() -> str:
    """Hash of the code that writes code."""
    here = Path(__file__).parent
    total = hashlib.sha256(version("llvmlite").encode())
    for path in sorted([*here.rglob("*.py"), *here.parent.joinpath("field").rglob("*.py")]):
        total.update(path.read_bytes())
    return total.hexdigest()


class ObjectStore:
    """Object files in `folder`; None: remembers nothing. Any thread, any number of processes."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    @staticmethod
    def key(*parts: Any) -> str:
        """Name for what is made from `parts` (their repr must say everything) by the present code."""
        return hashlib.sha256(repr((_source(), *parts)).encode()).hexdigest()[:40]

    def load(self, key: str) -> bytes | None:
        """The object file, or None."""
        if self.folder is None:
            return None
        path = self.folder / f"{key}{SUFFIX}"
        try:
            if not _ours(self.folder):
                return None
            data = path.read_bytes()
            if hashlib.sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
                path.unlink(missing_ok=True)
                return None
            os.utime(path)  # the oldest go first
        except OSError:
            return None
        return data[_DIGEST:]

    def save(self, key: str, data: bytes) -> None:
        """Keep an object file; silently nothing where that cannot be."""
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not _ours(self.folder):
                return
            handle, temporary = tempfile.mkstemp(dir=self.folder)
            with os.fdopen(handle, "wb") as out:
                out.write(hashlib.sha256(data).digest() + data)
            Path(temporary).replace(self.folder / f"{key}{SUFFIX}")
            self._prune()
        except OSError:
            return

    def _prune(self) -> None:
        assert self.folder is not None
        files = sorted(self.folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-KEPT]:
            path.unlink(missing_ok=True)


def _ours(folder: Path) -> bool:
    """Code is run from here: nobody else may write into it."""
    if not hasattr(os, "getuid"):
        return True  # Windows: the folder lies in the user's own profile
    found = folder.stat()
    return found.st_uid == os.getuid() and not found.st_mode & 0o022
