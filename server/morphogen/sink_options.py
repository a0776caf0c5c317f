"""What `--out NAME[:k=v,...]` and `output.open` say about a sink, checked and turned into `SinkOptions`.

Options that every sink knows:

    size=1280x720       picture size; `size=show` is the show's own. Also width=1280 and height=720 one by one:
                        the missing one follows the show's aspect.
    crop=GEOMETRY       a part of a larger canvas, pixel for pixel: `WxH+X+Y`, or `WxH+X+Y@CANVASWxCANVASH`
                        (X11's geometry; without @ the canvas is the show). `crop=X+Y[@...]` takes the size from `size`.
                        A map may say it as [x, y, canvas width, canvas height]; `crop=none` ends it.
    name=TEXT           name of the sender
    flip=1              bottom row first
    alpha=straight      opaque (default), straight, premultiplied
    format=bgra8        rgba8, bgra8, rgba16f as far as the sink takes it; jpeg where the sink encodes (kept in `extra`)
    fps=30              at most so many pictures a second; 0: every frame

Everything else belongs to the sink itself and lands in `extra`. Errors name the option and what is allowed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from morphogen.contracts import Sink, SinkOptions
from morphogen.errors import UsageError
from morphogen.frame import Alpha, Crop, PixelFormat, TargetSpec, parse_size
from morphogen.region import Region

MAX_SIDE = 16384
Show = tuple[int, int] | Region  # size of the show, or which part of a canvas it is
# JPEG is what a sink makes out of pixels, not what a backend draws.
FORMATS = {f.name.lower(): f for f in PixelFormat if f is not PixelFormat.JPEG}
ALPHAS = {a.name.lower(): a for a in Alpha}
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_GEOMETRY = re.compile(r"(?:(\d+)x(\d+)\+)?(\d+)\+(\d+)(?:@(\d+)x(\d+))?", re.ASCII)
_KIND = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


def _refuse(option: str, value: Any, allowed: str) -> UsageError:
    return UsageError(f"output option {option}={str(value)[:80]!r} is not understood.", f"Allowed: {allowed}.")


def parse_out(text: str) -> tuple[str, SinkOptions]:
    """'shm:size=640x360,name=left' -> ('shm', SinkOptions(...)). Raises UsageError."""
    kind, _, rest = text.strip().partition(":")
    if not _KIND.fullmatch(kind):
        raise UsageError(f"output {text!r} has no name.", "Say NAME[:k=v,...], for example shm:size=1280x720.")
    given: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in rest.split(","))):
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise UsageError(
                f"output {kind}: {part!r} is no option.", "Options are k=v with commas between, as flip=1."
            )
        if key in given:
            raise UsageError(f"output {kind}: option {key!r} is given twice.", "Give it once.")
        given[key] = value
    return kind, options_from(given)


def options_from(given: Mapping[str, Any] | None, base: SinkOptions | None = None) -> SinkOptions:
    """A map (of `output.open`, `output.set`, a config file) on top of `base`. Raises UsageError."""
    options = base or SinkOptions()
    given = given or {}
    for key, value in given.items():
        if key in _READERS:
            options = _READERS[key](options, value)
        elif key != "crop":
            options = replace(options, extra={**options.extra, str(key): str(value)})
    if given.get("crop") is None:
        return options
    return _crop(options, given["crop"], sized=not {"size", "width", "height"}.isdisjoint(given))


def _side(key: str) -> Callable[[SinkOptions, Any], SinkOptions]:
    def read(options: SinkOptions, value: Any) -> SinkOptions:
        try:
            number = int(value)
        except (TypeError, ValueError, OverflowError):
            number = -1
        if isinstance(value, bool) or not 0 <= number <= MAX_SIDE:
            raise _refuse(key, value, f"whole pixels from 1 to {MAX_SIDE}, or 0 for the show's")
        return replace(options, width=number) if key == "width" else replace(options, height=number)

    return read


def _size(options: SinkOptions, value: Any) -> SinkOptions:
    if value == "show":
        return replace(options, width=0, height=0)
    try:
        width, height = parse_size(value) if isinstance(value, str) else map(int, value)
    except (TypeError, ValueError, OverflowError):
        width = height = 0
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise _refuse("size", value, f"WIDTHxHEIGHT up to {MAX_SIDE}x{MAX_SIDE}, or show")
    return replace(options, width=width, height=height)


def _name(options: SinkOptions, value: Any) -> SinkOptions:
    # Receivers keep names in fixed buffers (Spout: 256 bytes) and bind to them, so a bad one is refused, not cut.
    if not isinstance(value, str) or len(value) > 100 or not value.isprintable():
        raise _refuse("name", value, "up to 100 printable characters")
    return replace(options, name=value.strip())


def _flip(options: SinkOptions, value: Any) -> SinkOptions:
    text = str(value).lower()
    if text not in _TRUE + _FALSE:
        raise _refuse("flip", value, "1 or 0, true or false, yes or no, on or off")
    return replace(options, flip=text in _TRUE)


def _alpha(options: SinkOptions, value: Any) -> SinkOptions:
    if str(value).lower() not in ALPHAS:
        raise _refuse("alpha", value, ", ".join(ALPHAS))
    return replace(options, alpha=str(value).lower())


def _format(options: SinkOptions, value: Any) -> SinkOptions:
    name = (value.name if isinstance(value, PixelFormat) else str(value or "auto")).lower()
    extra = {key: kept for key, kept in options.extra.items() if key != "format"}
    if name == "jpeg":
        return replace(options, format=None, extra={**extra, "format": name})
    if name in ("auto", "raw"):
        return replace(options, format=None, extra=extra)
    if name not in FORMATS:
        raise _refuse("format", value, ", ".join(FORMATS) + ", jpeg, auto")
    return replace(options, format=FORMATS[name], extra=extra)


def _fps(options: SinkOptions, value: Any) -> SinkOptions:
    try:
        rate = float(value)
    except (TypeError, ValueError):
        rate = -1.0
    if isinstance(value, bool) or not (math.isfinite(rate) and 0 <= rate <= 1000):
        raise _refuse("fps", value, "0 (every frame) to 1000")
    return replace(options, fps=rate)


_READERS: dict[str, Callable[[SinkOptions, Any], SinkOptions]] = {
    "width": _side("width"), "height": _side("height"), "size": _size, "name": _name, "flip": _flip,
    "alpha": _alpha, "format": _format, "fps": _fps,
}  # fmt: skip


def _crop(options: SinkOptions, value: Any, sized: bool) -> SinkOptions:
    allowed = "WxH+X+Y[@CANVASWxCANVASH], X+Y[@...] or none"
    if value in ("", "none"):
        return replace(options, crop=None)
    if isinstance(value, (list, tuple)):
        if len(value) != 4 or not all(isinstance(n, int) and 0 <= n <= 1 << 20 for n in value):
            raise _refuse("crop", value, "[x, y, canvas width, canvas height] in whole pixels")
        return replace(options, crop=(value[0], value[1], value[2], value[3]))
    match = _GEOMETRY.fullmatch(str(value))
    if not match:
        raise _refuse("crop", value, allowed)
    width, height, x, y, canvas_w, canvas_h = (int(n) if n else 0 for n in match.groups())
    if max(width, height) > MAX_SIDE or max(x, y, canvas_w, canvas_h) > 1 << 20 or (match[1] and not width * height):
        raise _refuse("crop", value, f"{allowed}, at most {MAX_SIDE} pixels a side")
    if width and sized and (options.width, options.height) != (width, height):
        raise UsageError(
            f"output option crop={value} shows {width}x{height} pixels, but the size is said to be"
            f" {options.width}x{options.height}.",
            "A crop is not scaled: leave size out, or enlarge the canvas behind @.",
        )
    if width:
        options = replace(options, width=width, height=height)
    if canvas_w and (x + options.width > canvas_w or y + options.height > canvas_h):
        raise UsageError(f"output option crop={value} reaches beyond its canvas.", f"Allowed: {allowed}, inside it.")
    return replace(options, crop=(x, y, canvas_w, canvas_h))


def check_options(sink: type[Sink] | Sink, options: SinkOptions) -> None:
    """Whether this sink can do what the options ask. Raises UsageError that names the option."""
    takes = ", ".join(f.name.lower() for f in sink.formats)
    wanted = options.format.name.lower() if options.format is not None else options.extra.get("format", "")
    encodes = sink.extras is None or "format" in sink.extras
    if (options.format is not None and options.format not in sink.formats) or (wanted == "jpeg" and not encodes):
        raise UsageError(f"output {sink.kind} cannot send format={wanted}.", f"It takes: {takes}.")
    if sink.extras is not None:
        for key in options.extra:
            if key not in sink.extras:
                known = ", ".join([*_READERS, "crop", *sink.extras])
                raise UsageError(f"output {sink.kind} has no option {key!r}.", f"Allowed: {known}.")


def target_spec(sink: Sink, options: SinkOptions, show: Show) -> TargetSpec:
    """The picture that a sink with these options wants of a show of this size (pixels), or of this part of a canvas."""
    size = show.size if isinstance(show, Region) else show
    width, height = options.width, options.height
    if not width and not height:
        width, height = size
    elif not width:
        width = max(1, round(height * size[0] / size[1]))
    elif not height:
        height = max(1, round(width * size[1] / size[0]))
    drawn = [f for f in sink.formats if f is not PixelFormat.JPEG] or [PixelFormat.RGBA8]
    fmt = options.format if options.format in drawn else drawn[0]
    crop = None
    if options.crop is not None:
        x, y, canvas_w, canvas_h = options.crop
        crop = Crop(x, y, canvas_w or size[0], canvas_h or size[1])
    if isinstance(show, Region):
        within = crop or Crop(0, 0, width, height)
        crop = Crop(*show.crop(within.x, within.y, within.canvas_width, within.canvas_height))
    return TargetSpec(width, height, PixelFormat(fmt), crop, options.flip, ALPHAS[options.alpha])
