"""Writing a file so that a reader, or a power cut, sees the old one or the new one."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from morphogen.errors import StyleError


def write(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, making missing folders. Raises StyleError when it cannot be written."""
    with replacing(path) as out:
        out.write(data)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` once the block is done, or of the file that a link there leads to; missing
    folders are made. Whatever ends the block before, Ctrl-C included, leaves nothing. Raises StyleError when it cannot
    be written, and for devices, pipes and folders: a file would take their place."""
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise StyleError(f"{path} is no plain file.", "Name a file with -o.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name[:40]}.", dir=target.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).chmod(0o644)  # mkstemp gives 0600, which hides shared styles from other users
        Path(temporary).replace(target)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> StyleError:
    if error.errno == errno.ENOSPC:
        return StyleError(f"{path} cannot be written: the disk is full.", "Make room, or choose another disk with -o.")
    return StyleError(f"{path} cannot be written: {error.strerror or error}.", "Choose another folder with -o.")
