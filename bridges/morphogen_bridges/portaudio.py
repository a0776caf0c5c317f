"""PortAudio as audio sources share it: a guarded import, device names, and a re-scan that never pulls a stream away.

PortAudio lists devices once, at its start; a device that comes back is seen only after a restart of the library, and
that restart would kill every stream of the process. So streams are counted and the restart waits for zero.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from morphogen.errors import Unavailable

CURE = "Linux: apt install libportaudio2. Everywhere: pip install --force-reinstall sounddevice"
# One device shows up once for each host API; the best one stands for it (MME cuts names at 31 letters and is slow).
API_ORDER = ("Core Audio", "Windows WASAPI", "ALSA", "JACK Audio Connection Kit", "PulseAudio", "OSS",
             "Windows DirectSound", "Windows WDM-KS", "MME")  # fmt: skip

_lock = threading.Lock()
_streams = 0


def load() -> Any:
    """The sounddevice module. Raises Unavailable when it or the PortAudio library is missing."""
    try:
        import sounddevice
    except (OSError, ImportError) as error:
        raise Unavailable(f"sound devices cannot be reached: {error}.", CURE) from error
    return sounddevice


def open_stream(stream_class: Any, **options: Any) -> Any:
    """Make and start a stream, counted. The caller ends it with `close_stream`. Raises PortAudioError, ValueError."""
    global _streams  # noqa: PLW0603
    with _lock:
        stream = stream_class(**options)
        try:
            stream.start()
        except Exception:
            stream.close()
            raise
        _streams += 1
    return stream


def close_stream(stream: Any) -> None:
    """Abort and close; a device that has vanished may complain, which changes nothing."""
    global _streams  # noqa: PLW0603
    sd = load()
    try:
        stream.abort()
    except sd.PortAudioError:
        pass
    try:
        stream.close()
    except sd.PortAudioError:
        pass
    with _lock:
        _streams -= 1


def rescan() -> bool:
    """Look for devices anew. False when a stream is open, which keeps the old list."""
    sd = load()
    with _lock:
        if _streams:
            return False
        sd._terminate()
        sd._initialize()
    return True


def devices(kind: str = "input") -> list[dict[str, Any]]:
    """Inputs or outputs: [{index, name, channels, rate, default, hostapi}]. Raises Unavailable."""
    sd = load()
    try:
        apis: Sequence[dict[str, Any]] = sd.query_hostapis()
        rows = list(sd.query_devices())
    except sd.PortAudioError as error:
        raise Unavailable(f"the list of sound devices cannot be read: {error}.", CURE) from error
    default = sd.default.device[0 if kind == "input" else 1]
    channels = f"max_{kind}_channels"
    return [
        {
            "index": index,
            "name": row["name"],
            "channels": int(row[channels]),
            "rate": int(row["default_samplerate"]),
            "default": index == default,
            "hostapi": apis[row["hostapi"]]["name"],
        }
        for index, row in enumerate(rows)
        if row[channels] > 0
    ]


def find(name: str, kind: str = "input") -> dict[str, Any]:
    """The one device called `name`: exact ('Name' or 'Name, Host API'), else part of the name in any case; '' is the
    system's default. Raises Unavailable that lists what exists when none or several fit: never another device."""
    rows = devices(kind)
    if not name:
        fits = [row for row in rows if row["default"]] or rows[:1]
    else:
        fits = [row for row in rows if name in (row["name"], f"{row['name']}, {row['hostapi']}")]
        fits = fits or [row for row in rows if name.lower() in row["name"].lower()]
    best = min((_rank(row) for row in fits), default=0)
    fits = [row for row in fits if _rank(row) == best]
    if len(fits) == 1:
        return fits[0]
    listed = ", ".join(repr(row["name"]) for row in (fits or rows)) or "none at all"
    if fits:
        raise Unavailable(f"{len(fits)} sound {kind}s are called like {name!r}: {listed}.", "Give the whole name.")
    label = f"no sound {kind} called {name!r}" if name else f"no sound {kind}"
    raise Unavailable(f"there is {label}.", f"There are: {listed}. `morphogen devices` lists them.")


def _rank(row: dict[str, Any]) -> int:
    return API_ORDER.index(row["hostapi"]) if row["hostapi"] in API_ORDER else len(API_ORDER)
