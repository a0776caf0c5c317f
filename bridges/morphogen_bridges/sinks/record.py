"""The live output as a video file with the sound that is heard: constant frame rate, in step, never in the show's way.

Frames wait in the output's own queue; its worker converts and encodes them, a thread behind it writes. Where a frame
is missing the picture before is repeated, so that time in the file stays time on the clock and the sound stays in
step. Where the encoder itself is behind it is not fed repetitions, which would put it further behind: the picture
before is then shown for longer.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from morphogen import log
from morphogen.contracts import Host, Sink, SinkOptions
from morphogen.errors import MorphogenError, Unavailable
from morphogen.frame import Frame, PixelFormat
from morphogen.priority import step_back
from morphogen_bridges import video_codecs, video_place
from morphogen_bridges.video_file import VideoFile
from morphogen_bridges.video_grid import Grid
from morphogen_bridges.video_sound import Tap, Track

PRESET = "ultrafast"  # measured: 18 ms of processor a 1080p frame, superfast 31, and both 43 dB like what was drawn
TELEVISION = tuple(Fraction(n * 1_000, 1_001) for n in (24, 30, 60, 120))  # what 59.94 means
FALLBACK_FPS = 60.0  # for a show that is drawn as fast as it can
FLOOR = 200_000_000  # bytes of the disk that are left to others: a recording ends before it stops whatever else writes
GAP = 10.0  # seconds without a frame (a computer that slept): the recording goes on in another file
LAG = 0.06  # seconds behind the show, from which a missing picture is not encoded again but shown for longer
BEHIND = 0.05  # share of a second's pictures repeated, from which the recording says that it falls behind
CLOSE_SECONDS = 4.0  # of the five that the publisher waits
_LOG = log.get("record")


@dataclass
class _Take:
    """One file of a recording and its clocks. told: clock time of the last report, and the counts then."""

    file: VideoFile
    grid: Grid
    track: Track | None
    size: tuple[int, int]
    last: float
    told: float
    repeated: int = 0
    told_counts: tuple[int, int] = (0, 0)


class RecordSink(Sink):
    """Writes MP4, MOV or Matroska through PyAV. The file is made when it is opened, its first picture sets the size;
    another size, other options or ten seconds without a frame begin another file beside it.

    When the disk is full or fails, the recording ends with a message (`log` and `output` events), what was written
    stays playable, and the output asks to be closed. Exceptions: UsageError, Unavailable at `open` and `reconfigure`.
    """

    kind = "record"
    policy = "every"
    formats = (PixelFormat.RGBA8, PixelFormat.BGRA8)
    depth = 11  # the queue's eight, one in the encoder, one that is drawn, one to spare
    extras = {  # noqa: RUF012
        "path": "file (.mp4, .mov, .mkv) or folder, with strftime's codes; default Morphogen in your folder of videos",
        "codec": "h264 (default), h265, or the name of an encoder, as libx264",
        "quality": "low, medium, high (default), best, or 0 (best) to 51",
        "bitrate": "bits a second instead of quality, as 20M",
        "preset": f"ultrafast (least work) to slower (smallest file); default {PRESET}",
        "audio": "0 leaves the sound out; default 1",
    }

    def __init__(self, options: SinkOptions | None = None) -> None:
        super().__init__(options)
        self._wish = video_codecs.Wish()
        self._path = Path()
        self._plan: video_codecs.Plan | None = None
        self._take: _Take | None = None
        self._tap: Tap | None = None
        self._unhear: Callable[[], None] = lambda: None
        self._ended = False
        self._worker = 0
        self._report: dict[str, Any] = {}
        self._repeated = log.Repeated(_LOG, interval=10.0)

    def watched(self) -> bool:
        """False once the recording has ended by itself."""
        return not self._ended

    def reconfigure(self, options: SinkOptions) -> None:
        """What changes the file ends it and begins another; raises as `open` does, and then nothing has changed."""
        if self._host is not None and self.is_open:
            wish = video_codecs.read_wish(options.extra, PRESET)
            path = options.extra.get("path", "")
            if (wish, path, options.fps) != (self._wish, self.options.extra.get("path", ""), self.options.fps):
                plan = video_codecs.choose(wish, self._size(options), self._rate(options))
                self._end_take()
                self._begin(options, wish, plan)
        self.options = options

    def stats(self) -> dict[str, Any]:
        """seconds, frames, repeated (pictures for which no frame came in time) and bytes of the present file."""
        report = self._report
        return {key: report[key] for key in ("seconds", "frames", "repeated", "bytes") if key in report}

    def describe(self) -> dict[str, Any]:
        """The file, the encoder, whether it has ended by itself."""
        plan = self._plan
        if plan is None:
            return {"name": self.name}
        return {"name": self.name, "file": str(self._path), "encoder": plan.encoder, "ended": self._ended}

    # --- hooks

    def _open(self, host: Host) -> None:
        wish = video_codecs.read_wish(self.options.extra, PRESET)
        self._host = host
        plan = video_codecs.choose(wish, self._size(self.options), self._rate(self.options))
        self._begin(self.options, wish, plan)

    def _write(self, frame: Frame) -> None:
        if self._ended:
            return
        if self._worker != threading.get_native_id():
            self._worker = threading.get_native_id()
            step_back()  # before an encoder starts its threads, which inherit it
        try:
            self._record(frame)
        except Unavailable as error:
            self._give_up(error)

    def _close(self) -> None:
        error: Unavailable | None = None
        try:
            self._end_take()
        except Unavailable as failure:
            error = failure
        self._unhear()
        self._unhear, self._tap = lambda: None, None
        if error is not None:
            self._tell_failure(error)
        self._ended = False

    # --- one file after another

    def _size(self, options: SinkOptions) -> tuple[int, int]:
        show = self._host.show_size if self._host else (0, 0)
        return options.width or show[0], options.height or show[1]

    def _rate(self, options: SinkOptions) -> Fraction:
        fps = options.fps or (self._host.show_fps if self._host else 0.0) or FALLBACK_FPS
        return next((exact for exact in TELEVISION if abs(fps - exact) < 0.005), Fraction(fps).limit_denominator(100))

    def _begin(self, options: SinkOptions, wish: video_codecs.Wish, plan: video_codecs.Plan) -> None:
        """Everything that can fail before the first frame: folder, file, room, and the tap on the sound."""
        path = video_place.reserve(video_place.place(options.extra.get("path", "")))
        try:
            _room(path)
        except Unavailable:
            path.unlink(missing_ok=True)
            raise
        self._path, self._wish, self._plan = path, wish, plan
        self._report = {}
        if self._host is not None and wish.sound != (self._tap is not None):
            self._unhear()
            self._tap = Tap() if wish.sound else None
            self._unhear = self._host.audio.hear(self._tap) if self._tap else lambda: None

    def _take_for(self, frame: Frame, time: float) -> _Take:
        """The running file, or a new one where this frame does not fit in."""
        spec = frame.info.spec
        size, take = (spec.width, spec.height), self._take
        if take is not None and (take.size != size or time - take.last > GAP):
            self._end_take()
            self._path, take = video_place.reserve(self._path), None
        if take is None:
            if self._host is None or self._plan is None:
                raise Unavailable("the recording is not open.", "Open it again.")
            if self._plan.size != video_codecs.coded(size):
                self._plan = video_codecs.choose(self._wish, size, self._plan.rate)
            file = VideoFile(self._path, self._plan, self._wish.sound, self._host.clock)
            track = Track(time) if self._wish.sound else None
            take = self._take = _Take(file, Grid(float(self._plan.rate)), track, size, time, time)
        return take

    def _record(self, frame: Frame) -> None:
        time = frame.info.time_ns * 1e-9
        take = self._take_for(frame, time)
        take.last = time
        before = take.grid.next
        number = take.grid.place(time)
        if number is None:
            return
        take.repeated += number - before
        if self._host is not None and self._host.clock.now() - time < LAG:
            for missing in range(before, number):
                take.file.show(missing)
        take.file.picture(frame.pixels, frame.info.spec.format)
        take.file.show(number)
        self._hear(take, take.grid.time(number + 1))
        if time - take.told >= 1.0:
            self._tell(take, time)

    def _hear(self, take: _Take, until: float) -> None:
        """Bring the sound up to what was heard; a track never ends far behind the pictures."""
        if take.track is None or self._tap is None or self._host is None:
            return
        take.track.origin = take.grid.origin
        delay = 0.001 * float(self._host.params.get("audio/delay"))
        for samples, rate, end in self._tap.take():
            take.track.put(samples, rate, end, delay)
        take.track.pad(until)
        while (samples_out := take.track.take()) is not None:
            take.file.sound(samples_out)

    # --- reports

    def _counts(self, take: _Take) -> dict[str, Any]:
        return {
            "seconds": round(take.grid.next / take.grid.fps, 2), "frames": take.file.frames,
            "repeated": take.repeated, "bytes": take.file.size,
        }  # fmt: skip

    def _tell(self, take: _Take, time: float) -> None:
        self._report = self._counts(take)
        frames, repeated = take.told_counts
        missed, of = take.repeated - repeated, max(take.file.frames - frames, 1)
        if missed > BEHIND * of:
            cure = "a smaller size=, fps=30 or preset=ultrafast helps."
            self._repeated.warn("behind", f"{self._path.name} falls behind, {missed} of {of} pictures repeated: {cure}")
        take.told, take.told_counts = time, (take.file.frames, take.repeated)
        self._emit("recording", **self._report)
        _room(self._path)

    def _emit(self, event: str, **more: Any) -> None:
        if self._host is not None:
            said = {"event": event, "kind": self.kind, "name": self.name, "file": str(self._path)}
            self._host.emit("output", {**said, **more})

    # --- the end

    def _end_take(self) -> None:
        """Finish the file; one without a picture is taken away. Raises Unavailable: the disk or the encoder."""
        take, self._take = self._take, None
        if take is None:
            if self._plan is not None and self._path.name and not self._report:
                with contextlib.suppress(OSError):
                    self._path.unlink()
            return
        try:
            if take.track is not None:
                take.track.finish(take.grid.time(take.grid.next))
                while (samples := take.track.take()) is not None:
                    take.file.sound(samples)
        finally:
            try:
                take.file.finish(CLOSE_SECONDS)
            finally:
                self._report = self._counts(take)
        self._emit("recorded", **self._report)

    def _give_up(self, error: Unavailable) -> None:
        """End by itself, keep what there is, say why, and ask to be closed."""
        self._ended = True
        with contextlib.suppress(Unavailable):  # it has been said already
            self._end_take()
        self._tell_failure(error)
        if self._host is not None:
            self._host.call("output.list").add_done_callback(self._leave)

    def _tell_failure(self, error: MorphogenError) -> None:
        text = f"the recording {self._path.name} has ended: {error.message}"
        _LOG.warning("%s %s", text, error.cure)
        self._emit("stopped", error=error.message, cure=error.cure, **self._report)
        if self._host is not None:
            self._host.emit("log", {"level": "error", "message": text[:1].upper() + text[1:], "cure": error.cure})

    def _leave(self, listed: Any) -> None:
        # A sink does not know under which id it runs; but it knows that it has ended, and says so in `describe`.
        if self._host is None or listed.cancelled() or listed.exception() is not None:
            return
        rows = listed.result()
        for row in rows if isinstance(rows, list) else ():
            if row.get("kind") == self.kind and row.get("ended") and row.get("file") == str(self._path):
                self._host.call("output.close", {"id": row["id"]})


def _room(path: Path) -> None:
    """Raises Unavailable where the disk is nearly full."""
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        raise video_place.explained(path, error) from error
    if free < FLOOR:
        raise Unavailable(
            f"less than {FLOOR // 10**6} MB are free where {path.parent} lies.", f"Make room there. {video_place.CURE}"
        )
