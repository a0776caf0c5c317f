"""One video file that is being written: pictures and sound in, packets out, playable at every moment.

MP4 and MOV are written in fragments of one second and turned into ordinary files at the end (FFmpeg's
`hybrid_fragmented`); Matroska is written in clusters anyway. So what a power cut or a full disk leaves plays up to its
last whole second. Everything on one thread; conversion and encoding let go of Python's lock.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen.clock import Clock
from morphogen.frame import PixelFormat
from morphogen_bridges.video_codecs import Plan, library, prepare
from morphogen_bridges.video_disk import Disk
from morphogen_bridges.video_place import explained
from morphogen_bridges.video_sound import RATE, Samples

SOUND_BITS = 192_000
CHUNK = 1_024  # samples in a packet of AAC, and what the encoder puts in front of the first
_MP4 = {"movflags": "hybrid_fragmented+frag_keyframe+default_base_moof", "use_editlist": "0"}
_CONTAINERS: dict[str, tuple[str, dict[str, str]]] = {
    ".mp4": ("mp4", _MP4),
    ".mov": ("mov", _MP4),
    ".mkv": ("matroska", {"cluster_time_limit": "1000"}),
}


class VideoFile:
    """`picture` takes a frame, `show` writes the last one taken as picture `number`, as often as wanted.

    path: an empty file of one's own. Everything raises Unavailable when the disk or the encoder fails; `finish` then
    still closes what there is.
    """

    def __init__(self, path: Path, plan: Plan, sound: bool, clock: Clock) -> None:
        self.path = path
        self.plan = plan
        self.frames = 0
        self._clock = clock
        self._picture: Any = None
        self._padded: NDArray[np.uint8] | None = None
        self._scaler: Any = None
        self._heard = np.zeros((2, 0), np.float32)
        # The encoder's own first packet lies before the first sample. Without the first 21 ms of sound it begins at 0,
        # and players need no list of edits, which a file that was cut short could not have.
        self._sounded = -CHUNK
        with self._explained():
            self._disk = Disk(path, clock.now)
            name, options = _CONTAINERS[path.suffix.lower()]
            self._container = library().open(self._disk, "w", format=name, container_options=options)
            self._video = self._container.add_stream(plan.encoder, rate=plan.rate)
            prepare(self._video, plan)
            self._audio = self._container.add_stream("aac", rate=RATE, layout="stereo") if sound else None
            if self._audio is not None:
                self._audio.bit_rate = SOUND_BITS

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._disk.size

    def picture(self, pixels: NDArray[np.uint8], layout: PixelFormat) -> None:
        """Take a frame: (height, width, 4) uint8; BT.709, video levels, from sRGB. It is copied."""
        from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter

        with self._explained():
            source = library().VideoFrame.from_numpy_buffer(
                self._even(pixels), "rgba" if layout is PixelFormat.RGBA8 else "bgra"
            )
            self._scaler = self._scaler or VideoReformatter()
            self._picture = self._scaler.reformat(
                source, format=self.plan.pixels, threads=1, dst_colorspace=Colorspace.ITU709,
                src_color_range=ColorRange.JPEG, dst_color_range=ColorRange.MPEG,
            )  # fmt: skip
            self._picture.color_primaries, self._picture.color_trc = ColorPrimaries.BT709, ColorTrc.BT709

    def show(self, number: int) -> None:
        """The picture that was taken last is picture `number` of the file (rising)."""
        with self._explained():
            self._picture.pts = number
            self._picture.time_base = 1 / self.plan.rate
            for packet in self._video.encode(self._picture):
                self._container.mux(packet)
            self.frames += 1

    def sound(self, samples: Samples) -> None:
        """The next samples, (2, n) at RATE."""
        if self._sounded < 0:
            skipped = min(-self._sounded, samples.shape[1])
            self._sounded += skipped
            samples = samples[:, skipped:]
            self._sounded += CHUNK if self._sounded == 0 else 0
        self._heard = np.concatenate([self._heard, samples], axis=1)
        while self._heard.shape[1] >= CHUNK:
            self._sound(self._heard[:, :CHUNK])
            self._heard = self._heard[:, CHUNK:]

    def finish(self, seconds: float) -> None:
        """Write what the encoders still hold, close the file. Bounded: after `seconds` what is not encoded is left
        out."""
        until = self._clock.now() + seconds
        try:
            with self._explained():
                self._flush(until)
                self._container.close()
        finally:
            with self._explained():
                self._disk.finish(until + 0.5 - self._clock.now())

    # --- inside

    def _flush(self, until: float) -> None:
        if self._audio is not None:
            if self._heard.shape[1]:
                self._sound(self._heard)
            self._container.mux(self._audio.encode(None))
        for packet in self._video.codec_context.encode_lazy(None):
            packet.stream = self._video
            self._container.mux(packet)
            if self._clock.now() > until:
                break

    def _sound(self, samples: Samples) -> None:
        with self._explained():
            frame = library().AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", "stereo")
            frame.sample_rate = RATE
            frame.pts = self._sounded
            self._sounded += samples.shape[1]
            if self._audio is not None:
                self._container.mux(self._audio.encode(frame))

    def _even(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frame in the file's size: its last column and row again where that is larger."""
        width, height = self.plan.size
        if pixels.shape[:2] == (height, width):
            return pixels
        if self._padded is None:
            self._padded = np.empty((height, width, 4), np.uint8)
        rows, columns = pixels.shape[:2]
        self._padded[:rows, :columns] = pixels
        self._padded[:rows, columns:] = pixels[:, -1:]
        self._padded[rows:] = self._padded[rows - 1 : rows]
        return self._padded

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:  # PyAV's own errors of files among them
            raise explained(self.path, error) from error
        except library().FFmpegError as error:
            raise explained(self.path, OSError(0, str(error))) from error
