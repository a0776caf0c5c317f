"""Writing a file so that a reader, or a power cut, sees the old one or the new one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from morphogen.errors import StyleError


def write(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, making missing folders. Raises StyleError when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).chmod(0o644)  # mkstemp gives 0600, which hides shared styles from other users
        Path(temporary).replace(path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> StyleError:
    return StyleError(f"{path} cannot be written: {error.strerror or error}.", "Choose another folder with -o.")
