"""Numbered PNG files in a folder: every frame while the disk keeps up, and never past the end of the disk."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path
from typing import Any

from morphogen.contracts import Host, Sink, SinkOptions
from morphogen.errors import Unavailable, UsageError
from morphogen.frame import Frame, PixelFormat

FLOOR = 500_000_000  # bytes of the disk that are left to others
_CHECK = 60  # frames between two looks at the disk
_CURE = "Choose another folder with path=FOLDER."


class PngSink(Sink):
    """Writes frame-000001.png, frame-000002.png ... of each frame, in order; live frames beyond the queue are dropped
    and counted.

    Numbers go on after those that the folder already holds; nothing is written over. A file appears whole or not at
    all. Opaque pictures have three channels. Exceptions: Unavailable when the folder cannot be written to, or the disk
    is full or nearly so. PNG's alpha is straight, so `alpha=premultiplied` is refused.
    """

    kind = "png"
    policy = "every"
    formats = (PixelFormat.RGBA8,)
    extras = {  # noqa: RUF012
        "path": "folder; default Morphogen/<date and time> in your pictures folder",
        "count": "stop after so many pictures; default 0, never",
        "level": "compression 0 (fast) to 9 (small); default 1",
    }

    def __init__(self, options: SinkOptions | None = None) -> None:
        super().__init__(options)
        self._folder: Path | None = None
        self._number = 0
        self._saved = 0
        self._count = 0
        self._level = 1

    def watched(self) -> bool:
        """Until `count` pictures are there."""
        return not self._count or self._saved < self._count

    def reconfigure(self, options: SinkOptions) -> None:
        """Another folder, count or level; on an error the old ones stay."""
        if self.is_open:
            self._prepare(options)
        self.options = options

    def stats(self) -> dict[str, Any]:
        """saved: pictures written since it was opened."""
        return {"saved": self._saved}

    def describe(self) -> dict[str, Any]:
        """name: of the sender; path: the folder."""
        return {"name": self.name, "path": str(self._folder or self.options.extra.get("path", ""))}

    def _open(self, host: Host) -> None:
        self._saved = 0
        self._prepare(self.options)

    def _prepare(self, options: SinkOptions) -> None:
        if options.alpha == "premultiplied":
            raise UsageError("a PNG's alpha is straight by definition.", "Say alpha=straight or alpha=opaque.")
        count, level = _number(options, "count", 0, 10**9, 0), _number(options, "level", 0, 9, 1)
        given = options.extra.get("path")
        same = self._folder is not None and given == self.options.extra.get("path")
        folder = self._folder if same and self._folder else Path(given).expanduser() if given else _default_folder()
        number = _usable(folder)
        self._folder, self._number, self._count, self._level = folder, number, count, level

    def _write(self, frame: Frame) -> None:
        from PIL import Image

        if self._folder is None or not self.watched():
            return
        if self._saved % _CHECK == 0 and shutil.disk_usage(self._folder).free < FLOOR:
            raise Unavailable(f"less than {FLOOR // 10**6} MB are free where {self._folder} lies.", _CURE)
        picture = Image.fromarray(frame.pixels)
        if self.options.alpha == "opaque":
            picture = picture.convert("RGB")
        part = self._folder / f".frame-{self._number + 1:06d}.part"
        try:
            picture.save(part, "PNG", compress_level=self._level)
            part.replace(self._folder / f"frame-{self._number + 1:06d}.png")
        except OSError as error:
            part.unlink(missing_ok=True)
            raise _explained(self._folder, error) from error
        self._number += 1
        self._saved += 1

    def _close(self) -> None:
        pass


def _number(options: SinkOptions, key: str, low: int, high: int, default: int) -> int:
    text = options.extra.get(key, str(default))
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise UsageError(f"output option {key}={text[:40]!r} is not understood.", f"Allowed: {low} to {high}.")
    return int(text)


def _default_folder() -> Path:
    import platformdirs

    # The calendar, not the show's clock: it only names a folder.
    stamp = time.strftime("%Y-%m-%d %H.%M.%S")
    return Path(platformdirs.user_pictures_dir()) / "Morphogen" / stamp


def _usable(folder: Path) -> int:
    """Make the folder; the highest frame number in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        numbers = [p.stem.removeprefix("frame-") for p in folder.glob("frame-*.png")]
    except OSError as error:
        raise _explained(folder, error) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Unavailable(f"cannot write pictures to {folder}: it is read-only.", _CURE)
    return max((int(n) for n in numbers if n.isascii() and n.isdigit()), default=0)


def _explained(folder: Path, error: OSError) -> Unavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(f"the disk where {folder} lies is full.", "Make room there. " + _CURE)
    return Unavailable(f"cannot write pictures to {folder}: {error.strerror or error}.", _CURE)
