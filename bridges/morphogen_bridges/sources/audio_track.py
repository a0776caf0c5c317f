"""A track: heard through the sound card when there is one, and pushed to the analysis at the moment it is heard."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from morphogen import log
from morphogen.contracts import Host, Source
from morphogen.errors import MorphogenError, Unavailable
from morphogen_bridges import portaudio
from morphogen_bridges.readers import ArrayReader, FileReader, Reader, Samples

BLOCK_SECONDS = 0.008
OUTPUT_LATENCY = 0.08  # safe against gaps; it costs nothing, since the picture waits for the sound
STALL_SECONDS = 0.5
CLOSE_SECONDS = 1.0

Maker = Callable[[], tuple[Samples, int]]
_log = log.get("audio")


class AudioTrack(Source):
    """Plays one track, looped if wanted. One thread of its own reads, sounds and pushes.

    samples_or_path: float32 samples with `rate`; a path; or a function returning (samples, rate), called on the
    thread, so that synthesis does not hold up the start. bpm and first_beat: the track's known tempo, for whoever
    wires the tempo clock. audible False: only seen. With a sound card a blocking stream paces it and each block is
    pushed when it is heard (output latency later); without, the host's clock paces it, without drift.
    """

    name = "audio_track"

    def __init__(
        self,
        samples_or_path: Samples | Maker | str | Path,
        rate: int | None = None,
        title: str = "",
        loop: bool = True,
        bpm: float | None = None,
        first_beat: float = 0.0,
        audible: bool = True,
    ) -> None:
        super().__init__()
        self._what = samples_or_path
        self._rate = rate
        self.title = title or (Path(samples_or_path).stem if isinstance(samples_or_path, str | Path) else "track")
        self.loop = loop
        self.bpm = bpm
        self.first_beat = first_beat
        self._audible = audible
        self._why_silent = "" if audible else "asked to be silent"
        self._device = ""
        self._latency = 0.0
        self._stream: Any = None
        self._pushed = 0
        self._underruns = 0
        self._state = "closed"
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._reader: Reader | None = None

    def _open(self, host: Host) -> None:
        if not callable(self._what):
            self._reader = self._make_reader()
        self._stop = threading.Event()
        self._state = "loading"
        self._thread = threading.Thread(target=self._run, args=(host, self._stop), name="audio-track", daemon=True)
        self._thread.start()

    def _close(self) -> None:
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(CLOSE_SECONDS)
        self._state = "closed"

    def _make_reader(self) -> Reader:
        if isinstance(self._what, str | Path):
            return FileReader(Path(self._what).expanduser())
        if callable(self._what):
            samples, rate = self._what()
            return ArrayReader(samples, rate)
        if self._rate is None:
            raise Unavailable("samples need their sample rate.", "Give rate=48000.")
        return ArrayReader(self._what, self._rate)

    # --- the thread

    def _run(self, host: Host, stop: threading.Event) -> None:
        reader: Reader | None = None
        try:
            reader = self._reader or self._make_reader()
            self._reader = reader
            self._stream = self._open_output(reader)
            self._state = "playing"
            self._play(host, stop, reader)
        except MorphogenError as error:
            self._state = "failed"
            _log.warning("%s", error)
        except Exception:  # noqa: BLE001  worker guard
            self._state = "failed"
            _log.exception("the track %r has stopped", self.title)
        finally:
            self._fall_silent()
            if reader is not None:
                reader.close()
            self._reader = None

    def _open_output(self, reader: Reader) -> Any:
        """A started blocking stream on the default output, or None when there is nothing to hear it with."""
        if not self._audible:
            return None
        try:
            sd = portaudio.load()
            device = portaudio.find("", "output")
        except Unavailable as error:
            self._why_silent = error.message
            return None
        channels = min(reader.channels, device["channels"])
        try:
            stream = portaudio.open_stream(
                sd.OutputStream, device=device["index"], samplerate=reader.rate, channels=channels,
                dtype="float32", latency=OUTPUT_LATENCY, blocksize=0,
            )  # fmt: skip
        except (sd.PortAudioError, ValueError) as error:
            self._why_silent = f"{device['name']} does not play {reader.rate} Hz: {error}"
            return None
        self._device = device["name"]
        self._latency = float(stream.latency)
        return stream

    def _play(self, host: Host, stop: threading.Event, reader: Reader) -> None:
        block = max(1, round(BLOCK_SECONDS * reader.rate))
        waiting: deque[tuple[Samples, int]] = deque()
        held, at, written = 0, 0, 0
        start = host.clock.now()
        while not stop.is_set():
            samples, at = self._next(reader, block, at)
            if len(samples) == 0:
                break
            written += len(samples)
            if self._stream is None or not self._sound(samples):
                start = self._pace(host, stop, start, written, reader.rate)
            waiting.append((samples, at))
            held += len(samples)
            latency = round(self._latency * reader.rate)
            while waiting and held - len(waiting[0][0]) >= latency and not stop.is_set():
                heard, heard_at = waiting.popleft()
                held -= len(heard)
                self._deliver(host, heard, heard_at, reader)
        if not stop.is_set():
            self._state = "ended"

    def _next(self, reader: Reader, block: int, at: int) -> tuple[Samples, int]:
        """(samples, position of their end in frames); starts over at the end of a loop."""
        samples = reader.read(block)
        if len(samples) == 0 and self.loop and at > 0:
            reader.rewind()
            at, samples = 0, reader.read(block)
        return samples, at + len(samples)

    def _deliver(self, host: Host, samples: Samples, at: int, reader: Reader) -> None:
        host.audio.push(samples, reader.rate)
        host.audio.position(at / reader.rate, reader.frames / reader.rate)
        self._pushed += 1

    def _sound(self, samples: Samples) -> bool:
        """Hand a block to the sound card, waiting for room. False when the card is gone."""
        stream = self._stream
        channels = int(stream.channels)
        part = samples if samples.shape[1] == channels else samples.mean(axis=1, keepdims=True)
        try:
            self._underruns += bool(stream.write(np.ascontiguousarray(part, np.float32)))
        except portaudio.load().PortAudioError as error:
            self._why_silent = f"{self._device} is gone: {error}"
            _log.warning("%s; the track goes on unheard", self._why_silent)
            self._fall_silent()
            return False
        return True

    def _fall_silent(self) -> None:
        stream, self._stream = self._stream, None
        self._device, self._latency = "", 0.0
        if stream is not None:
            portaudio.close_stream(stream)

    def _pace(self, host: Host, stop: threading.Event, start: float, written: int, rate: int) -> float:
        """Wait until the end of what was written is due, on the grid of the first block. Returns the start of the
        grid: moved after a stall, so that no burst follows."""
        due = start + written / rate
        now = host.clock.now()
        if abs(now - due) > STALL_SECONDS:
            return start + (now - due)
        while now < due and not stop.is_set():
            host.clock.wait_until(due)
            now = host.clock.now()
            if now < due:  # a clock moved by hand does not block
                stop.wait(0.005)
        return start

    # --- what people see

    @property
    def heard(self) -> bool:
        """Whether a sound card plays it."""
        return bool(self._device)

    def describe(self) -> dict[str, Any]:
        """{title, heard, device, duration, rate, text}; `text` says in words whether it is heard or only seen."""
        reader = self._reader
        text = f"{self.title}: heard on {self._device}" if self.heard else f"{self.title}: seen, not heard"
        if not self.heard and self._why_silent:
            text += f" ({self._why_silent})"
        return {
            "title": self.title,
            "heard": self.heard,
            "device": self._device,
            "rate": reader.rate if reader else 0,
            "duration": round(reader.frames / reader.rate, 3) if reader else 0.0,
            "bpm": self.bpm or 0.0,
            "text": text,
        }

    def stats(self) -> dict[str, Any]:
        """{state, blocks, underruns, latency_ms}; state: loading, playing, ended, failed, closed."""
        return {
            "state": self._state,
            "blocks": self._pushed,
            "underruns": self._underruns,
            "latency_ms": round(1e3 * self._latency, 1),
        }
