"""The NDI runtime: found, loaded and described to Python, with no more of its interface than is used here.

The runtime is a shared library that anyone may install but that is not ours to ship. It is looked for in the package
cyndilib (`pip install "morphogen[ndi]"` brings it), then where NDI's own installers put it (NDI_RUNTIME_DIR_V6, _V5),
then on the system's path.

Why not cyndilib's `Sender`: its frame cannot change its size while the sender is open, and a receiver that had been
connected (measured, NDI 6.3.2, without mDNS) did not find the reopened one again in 6 s; NDI itself takes another size
with every frame. It also copies each picture (0.5 ms for 1080p). Names and layouts are those of the MIT-licensed
headers `Processing.NDI.{structs,Send,Find,Recv}.h`.
NDI® is a registered trademark of Vizrt NDI AB, https://ndi.video
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from collections.abc import Iterator
from ctypes import POINTER, Structure, c_bool, c_char_p, c_float, c_int, c_int64, c_uint32, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

from morphogen.errors import Unavailable

PACKAGE = "cyndilib"
RUNTIME_FOLDERS = ("NDI_RUNTIME_DIR_V6", "NDI_RUNTIME_DIR_V5")
FILES = {"win32": ("Processing.NDI.Lib.x64.dll",), "darwin": ("libndi.dylib",)}
LINUX_FILES = ("libndi.so", "libndi.so.6", "libndi.so.5")
TIMECODE_NOW = 2**63 - 1  # the runtime makes one up
PROGRESSIVE = 1
VIDEO = 1


def fourcc(text: str) -> int:
    """'RGBA' as the number that NDI uses."""
    return int.from_bytes(text.encode("ascii"), "little")


class Source(Structure):
    """NDIlib_source_t: 'MACHINE (name)' and where it is."""

    _fields_ = (("name", c_char_p), ("address", c_char_p))


class VideoFrame(Structure):
    """NDIlib_video_frame_v2_t."""

    _fields_ = (
        ("width", c_int), ("height", c_int), ("fourcc", c_uint32), ("rate_n", c_int), ("rate_d", c_int),
        ("aspect", c_float), ("format_type", c_int), ("timecode", c_int64), ("data", c_void_p), ("row_bytes", c_int),
        ("metadata", c_char_p), ("timestamp", c_int64),
    )  # fmt: skip


class SendSettings(Structure):
    """NDIlib_send_create_t."""

    _fields_ = (("name", c_char_p), ("groups", c_char_p), ("clock_video", c_bool), ("clock_audio", c_bool))


class FindSettings(Structure):
    """NDIlib_find_create_t."""

    _fields_ = (("local", c_bool), ("groups", c_char_p), ("extra_ips", c_char_p))


class ReceiveSettings(Structure):
    """NDIlib_recv_create_v3_t."""

    _fields_ = (
        ("source", Source), ("colour", c_int), ("bandwidth", c_int), ("fields", c_bool), ("name", c_char_p),
    )  # fmt: skip


class Tally(Structure):
    """NDIlib_tally_t: whether a mixer has the source on program, or in its preview."""

    _fields_ = (("program", c_bool), ("preview", c_bool))


# What each function takes and gives back.
_CALLS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "initialize": (c_bool, ()),
    "version": (c_char_p, ()),
    "send_create": (c_void_p, (POINTER(SendSettings),)),
    "send_destroy": (None, (c_void_p,)),
    "send_send_video_async_v2": (None, (c_void_p, POINTER(VideoFrame))),
    "send_get_no_connections": (c_int, (c_void_p, c_uint32)),
    "send_get_tally": (c_bool, (c_void_p, POINTER(Tally), c_uint32)),
    "send_get_source_name": (POINTER(Source), (c_void_p,)),
    "find_create_v2": (c_void_p, (POINTER(FindSettings),)),
    "find_destroy": (None, (c_void_p,)),
    "find_wait_for_sources": (c_bool, (c_void_p, c_uint32)),
    "find_get_current_sources": (POINTER(Source), (c_void_p, POINTER(c_uint32))),
    "recv_create_v3": (c_void_p, (POINTER(ReceiveSettings),)),
    "recv_destroy": (None, (c_void_p,)),
    "recv_capture_v2": (c_int, (c_void_p, POINTER(VideoFrame), c_void_p, c_void_p, c_uint32)),
    "recv_free_video_v2": (None, (c_void_p, POINTER(VideoFrame))),
}


class Library:
    """The loaded runtime. Its functions without the prefix `NDIlib_`; all of them release the GIL. Times in ms."""

    def __init__(self, loaded: ctypes.CDLL, path: str) -> None:
        self.path = path
        self.call: dict[str, Any] = {}
        for name, (result, arguments) in _CALLS.items():
            function = getattr(loaded, f"NDIlib_{name}")
            function.restype, function.argtypes = result, arguments
            self.call[name] = function

    def __getattr__(self, name: str) -> Any:
        try:
            return self.call[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def says(self) -> str:
        """The version, as the runtime puts it: 'NDI SDK LINUX 11:38:46 Jan  9 2026 6.3.2.0'."""
        return str((self.version() or b"").decode("utf-8", "replace"))


@cache
def load() -> Library:
    """The runtime, started. Raises Unavailable that says what was tried and what to install."""
    failures = []
    for path in _candidates():
        try:
            library = Library(ctypes.CDLL(path), path)
        except (OSError, AttributeError) as error:  # AttributeError: a file of that name without these functions
            if Path(path).is_file():
                failures.append(f"{path}: {error}")
            continue
        if not library.initialize():
            raise Unavailable("NDI does not run on this processor.", "It needs SSE4.2: use another output or machine.")
        return library
    if failures:
        raise Unavailable(
            f"the NDI runtime cannot be loaded: {failures[0][:300]}.", 'Try pip install -U "morphogen[ndi]".'
        )
    raise Unavailable(
        "the NDI runtime is not installed.",
        'pip install "morphogen[ndi]" brings it; or install NDI Tools from ndi.video.',
    )


def _candidates() -> Iterator[str]:
    files = FILES.get(sys.platform, LINUX_FILES)
    found = importlib.util.find_spec(PACKAGE)  # not imported: its own modules are not needed
    for place in found.submodule_search_locations or () if found else ():
        # 0.1.3 keeps it in wrapper/bin, on Linux in a folder named after the processor; repaired wheels in .dylibs
        for folder in (Path(place) / "wrapper" / "bin", Path(place) / ".dylibs"):
            yield from (str(path) for file in files for path in sorted(folder.rglob(file)))
    for variable in RUNTIME_FOLDERS:
        if os.environ.get(variable):
            yield from (str(Path(os.environ[variable]) / file) for file in files)
    yield from files
