"""The small texts people type: sizes, audio sources, outputs, addresses. Text in, checked value out.

Every reader takes what a command line or a TOML file can hold and raises UsageError with the cure. Imports nothing
heavy, since `morphogen --help` waits for it.
"""

from __future__ import annotations

import difflib
import ipaddress
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from morphogen.errors import UsageError
from morphogen.ports import Ports
from morphogen.region import Region
from morphogen.render import BACKENDS as RENDERERS

BACKENDS = ("auto", *RENDERERS)
QUALITIES = ("auto", "full")
TEMPO_CHOICES = ("auto", "manual", "link", "midi", "track", "audio")
AUDIO_WORDS = ("demo", "none", "osc", "loopback")
AUDIO_WITH_VALUE = ("file", "device", "loopback")
AUDIO_CURE = (
    "Choose demo, none, osc, file:PATH, device:NAME, loopback or loopback:NAME (`morphogen devices` lists the names)."
)
MAX_SIDE = 16384
MAX_CANVAS = 1 << 20
_SIZE = re.compile(r"\s*(\d{1,6})\s*[xX×]\s*(\d{1,6})\s*")
_REGION = re.compile(r"\s*(\d{1,8}),(\d{1,8}),(\d{1,8}),(\d{1,8})@(\d{1,8})[xX×](\d{1,8})\s*", re.ASCII)
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_OUT_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class AudioChoice:
    """kind: demo, none, osc, file, device or loopback. value: the file's path or the name of the device or output, else
    empty."""

    kind: str
    value: str = ""


@dataclass(frozen=True)
class OutChoice:
    """One `--out`. kind: name in the table of sinks; options: texts by key; remove: `-NAME` takes a default away."""

    kind: str
    options: dict[str, str]
    remove: bool = False


def nearest(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """A cure: 'Did you mean size?', else `otherwise`, else the list of what is known."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, 1, 0.5)
    return f"Did you mean {close[0]}?" if close else otherwise or f"Known: {', '.join(names)}."


def read_text(value: Any) -> str:
    """Any text, stripped."""
    if not isinstance(value, str):
        raise UsageError(f"{value!r} is not a text.", 'Write it in "quotes".')
    return value.strip()


def read_bool(value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise UsageError(f"{value!r} is neither true nor false.", "Write true or false.")
    return value


def _number(value: Any, low: float, high: float, cure: str) -> float:
    """A finite number in low..high; texts and numbers alike."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"{value!r} is not a number.", cure)
    if not low <= number <= high:
        raise UsageError(f"{value} is out of range.", cure)
    return number


def _integer(value: Any, low: int, high: int, cure: str) -> int:
    number = _number(value, low, high, cure)
    if number != int(number):
        raise UsageError(f"{value} is not a whole number.", cure)
    return int(number)


def read_size(value: Any) -> tuple[int, int]:
    """'1920x1080' (or [1920, 1080]) -> (1920, 1080)."""
    text = "x".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    match = _SIZE.fullmatch(text)
    cure = f"Write WIDTHxHEIGHT, as 1920x1080; each side 1 to {MAX_SIDE}."
    if not match:
        raise UsageError(f"{text[:40]!r} is not a size.", cure)
    size = int(match[1]), int(match[2])
    if not all(1 <= side <= MAX_SIDE for side in size):
        raise UsageError(f"size {text} is out of range.", cure)
    return size


def read_region(value: Any) -> Region:
    """'960,0,960,1080@1920x1080' -> the right half of a canvas; spaces after commas are fine."""
    text = read_text(value).replace(", ", ",")
    match = _REGION.fullmatch(text)
    cure = "Write x,y,w,h@WxH in whole pixels, as 0,0,960,1080@1920x1080 for the left half."
    if not match:
        raise UsageError(f"{text[:60]!r} is not a region.", cure)
    region = Region(*map(int, match.groups()))
    if not all(region.size) or not all(region.canvas):
        raise UsageError(f"the region {region} is empty.", cure)
    if max(region.size) > MAX_SIDE or max(region.canvas) > MAX_CANVAS:
        limits = f"A region has at most {MAX_SIDE} pixels a side, a canvas {MAX_CANVAS}."
        raise UsageError(f"the region {region} is too large.", limits)
    if region.x + region.width > region.canvas_width or region.y + region.height > region.canvas_height:
        inside = f"x + w may be {region.canvas_width} at most, y + h {region.canvas_height}."
        raise UsageError(f"the region {region} reaches beyond its canvas.", inside)
    return region


def read_fps(value: Any) -> float:
    """Frames a second: 0 (unpaced) or 1..1000."""
    cure = "Give 1 to 1000, as 60 or 59.94; 0 draws as fast as it can."
    fps = _number(value, 0, 1000, cure)
    if 0 < fps < 1:
        raise UsageError(f"{value} is out of range.", cure)
    return fps


def read_threads(value: Any) -> int:
    """Drawing threads: 0 (every core) to 256."""
    return _integer(value, 0, 256, "Give 0 (every core) to 256.")


def read_seconds(value: Any) -> float:
    """Positive seconds."""
    cure = "Give a number of seconds above 0."
    seconds = _number(value, 0, 1e9, cure)
    if seconds <= 0:
        raise UsageError(f"{value} is out of range.", cure)
    return seconds


def read_port_base(value: Any) -> int:
    """First port of all: 1024..65000."""
    return _integer(value, 1024, 65000, "Give a port from 1024 to 65000, as 8810.")


def read_token(value: Any) -> str:
    """A shared secret of at least 8 visible ASCII characters."""
    text = read_text(value)
    if not (8 <= len(text) <= 256 and text.isascii() and text.isprintable() and " " not in text):
        raise UsageError("this token is too weak or cannot travel in a header.",
                         "Use 8 to 256 letters, digits and signs without spaces.")  # fmt: skip
    return text


def read_path(text: str) -> Path:
    """A path with `~` expanded; a `~name` that nobody has stays as it is. Touches no file."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def read_folder(value: Any) -> Path:
    """A folder that exists."""
    path = read_path(read_text(value))
    if not path.is_dir():
        raise UsageError(f"there is no folder {path}.", "Name an existing folder.")
    return path


def read_file_path(value: Any) -> Path:
    """A file that exists."""
    path = read_path(read_text(value))
    if not path.is_file():
        raise UsageError(f"there is no file {path}.", "Name an existing file.")
    return path


def read_host(value: Any) -> str:
    """An IP address or host name; brackets around IPv6 are taken off."""
    host = read_text(value).removeprefix("[").removesuffix("]")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not _HOST_NAME.fullmatch(host) or re.fullmatch(r"[0-9.]+", host):
        raise UsageError(f"{host[:60]!r} is not an address.", "Write one as 127.0.0.1, 0.0.0.0 or ::1, without a port.")
    return host


def read_target(value: Any) -> tuple[str, int]:
    """'HOST:PORT' ('[::1]:9000' for IPv6) -> (host, port)."""
    text = read_text(value)
    host, _, port = text.rpartition(":")
    cure = "Write HOST:PORT, as 192.168.0.20:9000."
    if not host or (":" in host and not host.startswith("[")):
        raise UsageError(f"{text[:60]!r} is not HOST:PORT.", cure)
    return read_host(host), _integer(port, 1, 65535, cure)


def read_leader(value: Any) -> tuple[str, int]:
    """'tcp://HOST:PORT', 'HOST:PORT' or 'HOST' -> (host, port) of a leader's scenes."""
    text = read_text(value).removeprefix("tcp://").rstrip("/")
    if ":" not in text.rpartition("]")[2]:
        text += f":{Ports().scenes}"
    try:
        return read_target(text)
    except UsageError as error:
        cure = f"Write the leader's address, as tcp://192.168.0.10:{Ports().scenes}."
        raise UsageError(error.message.replace("HOST:PORT", "a leader's address"), cure) from error


def read_backend(value: Any) -> str:
    """Name of a renderer."""
    name = read_text(value).lower()
    if name not in BACKENDS:
        raise UsageError(f"there is no backend {name[:40]!r}.", nearest(name, BACKENDS))
    return name


def read_quality(value: Any) -> str:
    """'auto' or 'full'."""
    name = read_text(value).lower()
    if name not in QUALITIES:
        raise UsageError(f"there is no quality {name[:40]!r}.", "Choose auto or full.")
    return name


def read_tempo(value: Any) -> str:
    """Who may lead the tempo."""
    name = read_text(value).lower()
    if name not in TEMPO_CHOICES:
        raise UsageError(f"there is no tempo source {name[:40]!r}.", nearest(name, TEMPO_CHOICES))
    return name


def parse_audio(text: str) -> AudioChoice:
    """'file:PATH' | 'device:NAME' | 'loopback[:NAME]' | 'demo' | 'none' | 'osc'. Raises UsageError. Touches no
    file."""
    kind, colon, value = text.strip().partition(":")
    kind, value = kind.strip().lower(), value.strip()
    if kind in AUDIO_WORDS and not colon:
        return AudioChoice(kind)
    if kind in AUDIO_WITH_VALUE and value:
        return AudioChoice(kind, value)
    if kind in AUDIO_WITH_VALUE:
        raise UsageError(f"audio {kind} needs {'a path' if kind == 'file' else 'a name'} after the colon.", AUDIO_CURE)
    raise UsageError(f"there is no audio source {text[:60]!r}.", AUDIO_CURE)


def read_audio(value: Any) -> str:
    """The text of an audio source, checked; a file must exist."""
    text = read_text(value)
    choice = parse_audio(text)
    if choice.kind == "file" and not read_path(choice.value).is_file():
        raise UsageError(f"there is no file {choice.value}.", "Name an existing sound file after file:.")
    return text


def parse_out(text: str) -> OutChoice:
    """'NAME[:k=v,...]' or '-NAME'. A part without `=` belongs to the value before it (crop=0,0,640,360)."""
    name, _, rest = text.strip().partition(":")
    remove = name.startswith("-")
    name = name.removeprefix("-").strip().lower()
    cure = "Write NAME, NAME:key=value,key=value or -NAME, as shm:width=1280,height=720."
    if not _OUT_NAME.fullmatch(name):
        raise UsageError(f"{text[:60]!r} is not an output.", cure)
    options: dict[str, str] = {}
    last = ""
    for part in rest.split(",") if rest.strip() else []:
        key, equals, value = part.partition("=")
        if equals and key.strip():
            last = key.strip().lower()
            options[last] = value.strip()
        elif last and not equals:
            options[last] += "," + part.strip()
        else:
            raise UsageError(f"output {name}: {part[:40]!r} is not key=value.", cure)
    if remove and options:
        raise UsageError(f"-{name} takes an output away and has no options.", cure)
    return OutChoice(name, options, remove)


def read_out(value: Any) -> str:
    """The text of one `--out`, its grammar checked."""
    text = read_text(value)
    parse_out(text)
    return text
