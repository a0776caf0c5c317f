"""Where a recording goes: names from the calendar, folders made, nothing written over."""

from __future__ import annotations

import errno
import itertools
import os
import time
from pathlib import Path

from morphogen.errors import Unavailable, UsageError

SUFFIXES = (".mp4", ".mov", ".mkv")
NAME = "%Y-%m-%d %H.%M.%S"
CURE = "Choose another place with path=FILE.mp4 or path=FOLDER."


def place(given: str) -> Path:
    """The file that `path=` means, `~` and the codes of strftime (%Y %m %d %H %M %S) filled in; '' is the default,
    Morphogen/<date and time>.mp4 in the user's folder of videos. Touches no file. Raises UsageError."""
    if not given:
        import platformdirs

        return Path(platformdirs.user_videos_dir()) / "Morphogen" / f"{time.strftime(NAME)}.mp4"
    # The calendar, not the show's clock: it only names a file.
    path = Path(time.strftime(given) if "%" in given else given).expanduser()
    if given.endswith(("/", "\\")) or path.is_dir():
        return path / f"{time.strftime(NAME)}.mp4"
    if not path.suffix or path.suffix[1:].isdigit():
        path = path.with_name(path.name + ".mp4")
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"path={str(given)[:80]!r} is no video file.", f"Let it end in {', '.join(SUFFIXES)}.")
    return path


def reserve(path: Path) -> Path:
    """Make the folder and an empty file; where `path` exists, name-2, name-3 ... beside it. Returns what was made.
    Raises Unavailable that says why not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            free = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
            try:
                os.close(os.open(free, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
            except FileExistsError:
                if not path.parent.is_dir():
                    raise
                continue
            return free
    except OSError as error:
        raise explained(path, error) from error
    raise AssertionError("counting never ends")


def explained(path: Path, error: OSError) -> Unavailable:
    """What went wrong with a recording, for people."""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG):
        return Unavailable(f"the disk is full where {path.parent} lies.", "Make room there. " + CURE)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Unavailable(f"cannot write to {path.parent}: {error.strerror}.", CURE)
    return Unavailable(f"cannot record to {path}: {error.strerror or error}.", CURE)
