"""Which encoder a recording gets: what the options ask for, what PyAV offers, and what really opens on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from morphogen.errors import Unavailable, UsageError

# Best first: those of a graphics card or chip cost the processor nothing, so they come before those in software.
CODECS = {
    "h264": ("h264_nvenc", "h264_videotoolbox", "h264_qsv", "h264_amf", "libx264", "libopenh264"),
    "h265": ("hevc_nvenc", "hevc_videotoolbox", "hevc_qsv", "hevc_amf", "libx265"),
}
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower")
QUALITIES = {"low": 28, "medium": 23, "high": 18, "best": 12}  # of x264 and x265: constant rate factor
_BITS = {"low": 0.05, "medium": 0.1, "high": 0.2, "best": 0.4}  # of the others: a pixel
_CRF = ("libx264", "libx265")
SMALLEST = 16  # pixels a side; below 16 the encoders differ in what they take


@dataclass(frozen=True)
class Wish:
    """What the options say. codec: `h264`, `h265`, or the name of an encoder; quality: a word, or a factor 0 (best) to
    51; bitrate: bits a second instead, 0 for quality; sound: whether there is a track of it."""

    codec: str = "h264"
    quality: str = "high"
    bitrate: int = 0
    preset: str = ""
    sound: bool = True


@dataclass(frozen=True)
class Plan:
    """An encoder and how it is set. pixels: its own layout of pixels; options: as FFmpeg takes them."""

    encoder: str
    size: tuple[int, int]
    rate: Fraction
    pixels: str
    bitrate: int
    options: Mapping[str, str]

    @property
    def is_h265(self) -> bool:
        """Whether players know it as HEVC."""
        return self.encoder.startswith(("hevc", "libx265"))


def library() -> Any:
    """PyAV. Raises Unavailable."""
    try:
        import av
    except ImportError as error:
        raise Unavailable("recording needs the package PyAV.", 'pip install "morphogen[video]"') from error
    return av


def read_wish(extra: Mapping[str, str], default_preset: str) -> Wish:
    """The options of the sink, checked. Raises UsageError."""
    codec = extra.get("codec", "h264").lower()
    named = [name for names in CODECS.values() for name in names]
    if codec not in CODECS and codec not in named:
        raise _refused("codec", codec, f"{', '.join(CODECS)}, or one encoder of {', '.join(named)}")
    quality = extra.get("quality", "high").lower()
    if quality not in QUALITIES and not (quality.isascii() and quality.isdigit() and int(quality) <= 51):
        raise _refused("quality", quality, f"{', '.join(QUALITIES)}, or 0 (best) to 51")
    preset = extra.get("preset", default_preset).lower()
    if preset not in PRESETS:
        raise _refused("preset", preset, ", ".join(PRESETS))
    sound = extra.get("audio", "1").lower()
    if sound not in ("0", "1"):
        raise _refused("audio", sound, "1 or 0")
    return Wish(codec, quality, _bits(extra.get("bitrate", "0")), preset, sound == "1")


def choose(wish: Wish, size: tuple[int, int], rate: Fraction) -> Plan:
    """The first encoder that opens here for pictures of `size` pixels and `rate` a second. Slow the first time (tens
    of ms). Raises Unavailable that names what was tried."""
    offered = library().codecs_available
    names = CODECS.get(wish.codec, (wish.codec,))
    tried = []
    for name in names:
        if name not in offered:
            continue
        plan = _plan(name, wish, coded(size), rate)
        why = _opens(plan.encoder, plan.size, plan.rate, plan.pixels, plan.bitrate, tuple(plan.options.items()))
        if not why:
            return plan
        tried.append(f"{name} ({why})")
    if not tried:
        raise Unavailable(f"this PyAV has no encoder for {wish.codec}.", "Choose codec=h264, or install another PyAV.")
    raise Unavailable(f"no encoder for {wish.codec} opens here: {'; '.join(tried)}.", "Choose codec=h264 or libx264.")


def coded(size: tuple[int, int]) -> tuple[int, int]:
    """The size in the file: even, since colours are stored for two pixels together, and not too small."""
    return tuple(max(side + side % 2, SMALLEST) for side in size)  # type: ignore[return-value]


def prepare(stream: Any, plan: Plan) -> None:
    """Set up a stream or codec context as planned, before it opens: size, layout, colours, one key picture a second."""
    from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc

    context = getattr(stream, "codec_context", stream)
    context.width, context.height = plan.size
    context.pix_fmt = plan.pixels
    context.time_base = 1 / plan.rate
    context.framerate = plan.rate
    context.gop_size = max(1, round(plan.rate))
    context.max_b_frames = 0  # they would shift the pictures by two frames where players ignore lists of edits
    context.color_range = ColorRange.MPEG
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    context.colorspace = 1  # BT.709 by the numbers of the standard; PyAV's own enumeration is that of the scaler
    if plan.bitrate:
        context.bit_rate = plan.bitrate
    if plan.is_h265:
        context.codec_tag = "hvc1"  # Apple's players know no other
    context.options = dict(plan.options)


def _plan(name: str, wish: Wish, size: tuple[int, int], rate: Fraction) -> Plan:
    formats = {fmt.name for fmt in library().Codec(name, "w").video_formats or ()}
    pixels = "yuv420p" if "yuv420p" in formats or not formats else "nv12"
    options, bitrate = {}, wish.bitrate
    if name in _CRF:
        options["preset"] = wish.preset
        if bitrate:
            options |= {"maxrate": str(bitrate), "bufsize": str(bitrate)}
        else:
            options["crf"] = str(QUALITIES.get(wish.quality, wish.quality))
    elif not bitrate:
        bitrate = round(_bits_per_pixel(wish.quality) * size[0] * size[1] * float(rate))
    if name == "libx265":
        options["x265-params"] = "log-level=error"
    elif name.endswith("_nvenc"):
        options["preset"] = f"p{max(1, PRESETS.index(wish.preset))}"
    elif name.endswith("_videotoolbox"):
        options["realtime"] = "1"
    return Plan(name, size, rate, pixels, bitrate, options)


def _bits_per_pixel(quality: str) -> float:
    # six steps of the factor are half or twice the bits, as for x264
    return _BITS.get(quality) or 0.2 * 2.0 ** ((QUALITIES["high"] - int(quality)) / 6)


@cache
def _opens(
    name: str, size: tuple[int, int], rate: Fraction, pixels: str, bitrate: int, options: tuple[tuple[str, str], ...]
) -> str:
    """'' if this encoder turns two pictures into packets here, else why not."""
    av = library()
    plan = Plan(name, size, rate, pixels, bitrate, dict(options))
    try:
        context = av.CodecContext.create(name, "w")
        prepare(context, plan)
        made = 0
        for number in range(2):
            frame = av.VideoFrame(*size, pixels)
            frame.pts = number
            made += len(context.encode(frame))
        made += len(context.encode(None))
    except (av.FFmpegError, ValueError) as error:
        return str(getattr(error, "strerror", "") or error)
    return "" if made else "it makes no packets"


def _bits(text: str) -> int:
    factor = {"k": 1_000, "m": 1_000_000}.get(text[-1:].lower(), 1)
    digits = text[:-1] if factor > 1 else text
    try:
        bits = round(float(digits) * factor)
    except ValueError:
        bits = -1
    if bits != 0 and not 100_000 <= bits <= 1_000_000_000:
        raise _refused("bitrate", text, "100k to 1000M bits a second, as 20M; 0 goes by quality")
    return bits


def _refused(option: str, value: str, allowed: str) -> UsageError:
    return UsageError(f"output option {option}={value[:40]!r} is not understood.", f"Allowed: {allowed}.")
