"""A sound card's input, bound by name: never another one instead, and found again when it comes back."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphogen import log
from morphogen.contracts import Host, Source
from morphogen.errors import Unavailable
from morphogen_bridges import portaudio

BLOCK_SECONDS = 0.005
MAX_CHANNELS = 2
QUIET_SECONDS = 5.0  # no call for this long: gone, whatever the driver says (PulseAudio takes 2 s to start)
LOOK_SECONDS = 0.5  # how often to look at the stream, and for a device that is away
CLOSE_SECONDS = 1.0

_log = log.get("audio")


def list_devices() -> list[dict[str, Any]]:
    """Inputs of this machine: [{name, channels, rate, default, hostapi}]. Raises Unavailable without PortAudio."""
    keys = ("name", "channels", "rate", "default", "hostapi")
    return [{key: row[key] for key in keys} for row in portaudio.devices("input")]


class AudioDevice(Source):
    """Listens to one input.

    `name`: exact ('Name' or 'Name, Host API'), else a part of it in any case that fits one device only; '' is the
    system's default input, which is then held by its name. The driver's callback only copies into the ring; a thread of
    its own watches the stream, and after the device vanished waits for its name to come back.
    """

    name = "audio_device"

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self.wanted = name
        self._bound = ""
        self._hostapi = ""
        self._rate = 0
        self._channels = 0
        self._latency = 0.0
        self._blocks = 0
        self._xruns = 0
        self._rebinds = 0
        self._heard_at = 0.0
        self._stream: Any = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def _open(self, host: Host) -> None:
        """Raises Unavailable: no such device (with a list), several, in use, or no PortAudio (with the package)."""
        self._bind(host, portaudio.find(self.wanted))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(host, self._stop), name="audio-device", daemon=True)
        self._thread.start()

    def _close(self) -> None:
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(CLOSE_SECONDS)  # the thread closes the stream: a hanging driver then costs one second, no more

    def _bind(self, host: Host, row: dict[str, Any]) -> None:
        """Open and start a stream on a row of `portaudio.devices`. Raises Unavailable."""
        sd = portaudio.load()
        channels, rate = min(row["channels"], MAX_CHANNELS), row["rate"]
        host_audio, now = host.audio, host.clock.now

        def heard(data: NDArray[np.float32], _frames: int, _time: Any, status: Any) -> None:
            self._heard_at = now()
            self._blocks += 1
            if status:
                self._xruns += 1
                host_audio.xrun()
            host_audio.push(data, rate)

        try:
            stream = portaudio.open_stream(
                sd.InputStream, device=row["index"], samplerate=rate, channels=channels, dtype="float32",
                latency="low", blocksize=max(1, round(BLOCK_SECONDS * rate)), callback=heard,
            )  # fmt: skip
        except (sd.PortAudioError, ValueError) as error:
            raise Unavailable(
                f"the sound input {row['name']!r} cannot be opened: {error}.",
                "Is another program using it alone? Choose a device that `morphogen devices` lists.",
            ) from error
        self._heard_at = now()
        self._stream = stream
        self._bound, self._hostapi = row["name"], row["hostapi"]
        self._rate, self._channels = rate, channels
        self._latency = float(stream.latency)

    # --- the watching thread

    def _watch(self, host: Host, stop: threading.Event) -> None:
        try:
            while not stop.wait(LOOK_SECONDS):
                if self._stream is not None and self._lost(host):
                    _log.warning("the sound input %r has vanished; waiting for it", self._bound)
                    self._drop()
                if self._stream is None:
                    self._try_again(host)
        except Exception:  # noqa: BLE001  worker guard
            _log.exception("watching the sound input has stopped")
        finally:
            self._drop()

    def _lost(self, host: Host) -> bool:
        try:
            active = bool(self._stream.active)
        except portaudio.load().PortAudioError:
            active = False
        return not active or host.clock.now() - self._heard_at > QUIET_SECONDS

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            portaudio.close_stream(stream)

    def _try_again(self, host: Host) -> None:
        """Look for the very device that was bound. Where another stream is open the list stays old, and so may fit."""
        portaudio.rescan()
        try:
            rows = [row for row in portaudio.devices("input") if row["name"] == self._bound]
            same = [row for row in rows if row["hostapi"] == self._hostapi] or rows
            if len(same) != 1:
                return
            self._bind(host, same[0])
        except Unavailable:
            return
        self._rebinds += 1
        _log.info("the sound input %r is back", self._bound)

    # --- what people see

    def describe(self) -> dict[str, Any]:
        """{device, hostapi, rate, channels, latency_ms, connected, text}."""
        connected = self._stream is not None
        text = f"listening to {self._bound}" if connected else f"waiting for {self._bound or self.wanted}"
        return {
            "device": self._bound,
            "hostapi": self._hostapi,
            "rate": self._rate,
            "channels": self._channels,
            "latency_ms": round(1e3 * self._latency, 1),
            "connected": connected,
            "text": text,
        }

    def stats(self) -> dict[str, Any]:
        """{blocks, xruns, rebinds, latency_ms as the device reports it, connected}."""
        return {
            "blocks": self._blocks,
            "xruns": self._xruns,
            "rebinds": self._rebinds,
            "latency_ms": round(1e3 * self._latency, 1),
            "connected": self._stream is not None,
        }
