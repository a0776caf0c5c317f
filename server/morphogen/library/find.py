"""Where styles lie: the shipped folder and the user's own; names to files.

A folder holds `<series>/<name>.safetensors` with a picture `<name>.png` beside it. Here the place is the name, whatever
the file says inside. A file of the user's hides a shipped one of the same name. Everything here touches the disk:
call it off the render thread. Measured with 500 styles: first `list` 70 ms, later ones 5 ms.
"""

from __future__ import annotations

import builtins
import difflib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import platformdirs

from morphogen.errors import StyleError
from morphogen.library import checks
from morphogen.library.style import SUFFIX, Meta, Style, load_meta, load_style, title_of

HOME = "MORPHOGEN_HOME"
MAX_STYLES = 10_000
_Stamp = tuple[int, int]


def default_shipped_dir() -> Path:
    """The styles that come with Morphogen: `morphogen/styles` when installed, `<checkout>/styles` otherwise."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "styles"
    return installed if installed.is_dir() else package.parent.parent / "styles"


def default_user_dir() -> Path:
    """The user's own styles: `$MORPHOGEN_HOME/styles`, else `styles` in the platform's user-data folder.

    The folder need not exist.
    """
    home = os.environ.get(HOME)
    return (Path(home).expanduser() if home else Path(platformdirs.user_data_dir("morphogen", False))) / "styles"


@dataclass(frozen=True)
class StyleInfo:
    """What a listing shows. A broken file has an `error` (what and cure) and empty fields."""

    name: str
    path: Path
    title: str = ""
    series: str = ""
    prompt: str = ""
    guide: str = ""
    score: float | None = None
    shape: str = ""
    parameters: int = 0
    trained: bool = False
    seed: int | None = None
    own: bool = False
    thumbnail: Path | None = None
    error: str = ""

    def public(self) -> dict[str, Any]:
        """As `styles list --json` and `style.list` give it; a broken one has `error` too."""
        keys = ("name", "title", "series", "prompt", "guide", "score", "shape", "trained")
        shown = {key: getattr(self, key) for key in keys} | {"path": str(self.path)}
        return shown | ({"error": self.error} if self.error else {})


class Library:
    """Finds styles by name or path. Thread-safe; notices new, changed and removed files by their time and size."""

    def __init__(self, user_dir: Path | None = None, shipped_dir: Path | None = None) -> None:
        self.user_dir = default_user_dir() if user_dir is None else Path(user_dir)
        self.shipped_dir = default_shipped_dir() if shipped_dir is None else Path(shipped_dir)
        self._lock = threading.Lock()
        self._seen: dict[Path, tuple[_Stamp, StyleInfo]] = {}
        self._stamps: dict[Path, _Stamp] = {}

    def list(self) -> builtins.list[StyleInfo]:
        """Every style, sorted by name, broken ones with their error. Reads only headers that changed. Never raises."""
        with self._lock:
            found = self._scan()
            self._seen = {path: row for path, row in self._seen.items() if path in found}
            infos: dict[str, StyleInfo] = {}
            for path, (name, stamp) in found.items():
                if name not in infos:  # the user's folder is walked first
                    infos[name] = self._info(path, name, stamp)
            self._stamps = {path: stamp for path, (_, stamp) in found.items()}
        return [infos[name] for name in sorted(infos)]

    def changed(self) -> bool:
        """Whether files came, went or changed since the last `list`; one `stat` a file."""
        with self._lock:
            return {path: stamp for path, (_, stamp) in self._scan().items()} != self._stamps

    def names(self) -> builtins.list[str]:
        """Names of the styles that can be loaded, sorted."""
        return [info.name for info in self.list() if not info.error]

    def find(self, name: str | Path) -> Style:
        """Load a style by path or name; an existing path beats a library name. Raises StyleError."""
        path = _existing(name)
        if path is not None:
            return load_style(path)
        wanted = str(name)
        if wanted.endswith(SUFFIX):
            raise StyleError(f"there is no file {checks.shown(wanted)}.", "Names of the library carry no ending.")
        if not checks.NAME.fullmatch(wanted):
            raise self._unknown(wanted)
        for folder in (self.user_dir, self.shipped_dir):
            path = _existing(folder / f"{wanted}{SUFFIX}")
            if path is not None:
                return replace(load_style(path), name=wanted, series=wanted.partition("/")[0])
        raise self._unknown(wanted)

    def _unknown(self, wanted: str) -> StyleError:
        names = self.names()
        tails = {name.split("/")[1]: name for name in names}
        lowered = wanted.lower()[:200]
        near = difflib.get_close_matches(lowered, names, 3, 0.5)
        near += [tails[t] for t in difflib.get_close_matches(lowered.split("/")[-1], list(tails), 3, 0.6)]
        near = list(dict.fromkeys(near))[:3]
        cure = f"Did you mean {' or '.join(near)}?" if near else "See `morphogen styles list`."
        return StyleError(f"there is no style {checks.shown(wanted)}.", cure)

    def _scan(self) -> dict[Path, tuple[str, _Stamp]]:
        found: dict[Path, tuple[str, _Stamp]] = {}
        for folder in (self.user_dir, self.shipped_dir):
            for series in _entries(folder):
                if series.is_dir():
                    for entry in _entries(Path(series.path)):
                        if entry.name.endswith(SUFFIX) and len(found) < MAX_STYLES:
                            name = f"{series.name}/{entry.name.removesuffix(SUFFIX)}"
                            found[Path(entry.path)] = (name, _stamp(entry))
        return found

    def _info(self, path: Path, name: str, stamp: _Stamp) -> StyleInfo:
        cached = self._seen.get(path)
        if cached is None or cached[0] != stamp:
            cached = self._seen[path] = (stamp, _read_info(path, name))
        picture = path.with_suffix(".png")
        own = path.is_relative_to(self.user_dir)
        return replace(cached[1], own=own, thumbnail=picture if picture.is_file() else None)


def _read_info(path: Path, name: str) -> StyleInfo:
    series = name.partition("/")[0]
    try:
        checks.name(name)
        meta: Meta = load_meta(path)
    except StyleError as error:
        return StyleInfo(name, path, series=series, error=str(error))
    fields = meta.fields
    return StyleInfo(
        name, path, fields.get("title") or title_of(name), series, fields.get("prompt", ""),
        fields.get("guide", "none"), fields["score"], str(meta.shape), meta.shape.parameters, fields["trained"],
        fields["seed"],
    )  # fmt: skip


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError:
        return  # a folder that is missing or closed to us holds no styles


def _stamp(entry: os.DirEntry[str]) -> _Stamp:
    try:
        info = entry.stat()
    except OSError:
        return (0, 0)  # a broken link: listed, with the error that reading it gives
    return (info.st_mtime_ns, info.st_size)


def _existing(name: str | Path) -> Path | None:
    try:
        path = Path(name).expanduser()
        return path if path.is_file() else None
    except (OSError, RuntimeError, ValueError):  # too long, '~nobody', a zero byte
        return None
