"""What the outputs of this machine play, through the library soundcard: which there are, the default, a recorder.

WASAPI loopback on Windows, monitors of PulseAudio or PipeWire on Linux. PortAudio can do neither by itself: its WASAPI
has no loopback, and on Linux it needs an ALSA device made for one monitor and an environment variable. Measured side by
side on PulseAudio: soundcard delivers 0.6 ms later and takes a third less of the processor.
"""

from __future__ import annotations

import atexit
import sys
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from morphogen.errors import Unavailable

RATE = 48_000
BLOCK = 240  # 5 ms
MAX_CHANNELS = 2
MAC_CURE = (
    "Install BlackHole 2ch (existential.audio/blackhole), make a Multi-Output Device of it and your speakers in Audio "
    "MIDI Setup, and listen with `--audio device:BlackHole`."
)
SERVER_CURE = "Start PulseAudio, or PipeWire with pipewire-pulse; `--audio device:NAME` works without."
# What the library raises for a device or a server that is gone; it says the same thing in many ways.
FAULTS = (RuntimeError, OSError, AssertionError, IndexError, KeyError, TypeError, ValueError)

_lock = threading.RLock()  # the library is not made for several threads that list devices at once


@dataclass(frozen=True)
class Output:
    """One output that can be heard: the system's id of it, its name, and whether it is where sound goes by default."""

    id: str
    name: str
    default: bool


def load() -> Any:
    """The soundcard module. Raises Unavailable: macOS, no package, no sound server."""
    if sys.platform == "darwin":
        raise Unavailable("macOS lets no program hear what the others play.", MAC_CURE)
    with _lock:
        try:
            import soundcard
        except ImportError as error:
            cure = 'pip install "morphogen[loopback]"'
            raise Unavailable(f"what this machine plays cannot be heard: {error}.", cure) from error
        except FAULTS as error:
            raise Unavailable(f"the sound server cannot be reached ({type(error).__name__}).", SERVER_CURE) from error
        pulse = sys.modules.get("soundcard.pulseaudio")
        if pulse is not None:
            pulse._PulseAudio._pa_operation_unref = _unref
    return soundcard


def _unref(connection: Any, operation: Any) -> None:
    """In place of the library's own: with a server that has gone there is no operation, and to let go of none aborts
    the whole process (0.4.6; pulse/operation.c)."""
    pulse = sys.modules["soundcard.pulseaudio"]
    if operation == pulse._ffi.NULL:
        raise RuntimeError("the sound server has gone")
    with connection._lock_mainloop():
        pulse._pa.pa_operation_unref(operation)


def reconnect() -> None:
    """After the sound server has gone: connect anew, which the library does not do by itself (0.4.6: one connection,
    made at import). Nothing to do on Windows. Raises Unavailable while the server is away."""
    module: Any = sys.modules.get("soundcard.pulseaudio")
    if module is None:
        load()
        return
    with _lock:
        fresh = module._PulseAudio.__new__(module._PulseAudio)
        try:
            fresh.__init__()
        except AssertionError as error:
            fresh._pa_context_disconnect(fresh.context)
            fresh._pa_context_unref(fresh.context)
            module._pa.pa_threaded_mainloop_stop(fresh.mainloop)
            module._pa.pa_threaded_mainloop_free(fresh.mainloop)
            raise Unavailable("the sound server cannot be reached.", SERVER_CURE) from error
        atexit.unregister(module._pulse._shutdown)
        module._pulse = fresh
        atexit.register(fresh._shutdown)


def outputs() -> list[Output]:
    """Every output that can be heard, the default first. Raises Unavailable."""
    sc = load()
    try:
        with _lock:
            default = sc.default_speaker().id
            heard = [mic for mic in sc.all_microphones(include_loopback=True) if mic.isloopback]
    except FAULTS as error:
        raise Unavailable(f"the outputs cannot be listed ({type(error).__name__}).", SERVER_CURE) from error
    # A monitor is called after its sink on Linux; on Windows it is the speaker itself.
    found = [Output(mic.id, mic.name.removeprefix("Monitor of "), mic.id in (default, f"{default}.monitor"))
             for mic in heard]  # fmt: skip
    return sorted(found, key=lambda output: not output.default)


def find(name: str = "", whole: bool = False) -> Output:
    """The one output called `name`: exact (name or id), else, unless `whole`, a part of its name in any case; '' is the
    system's default. Raises Unavailable that lists what exists."""
    rows = outputs()
    if not name:
        fits = [row for row in rows if row.default]
    else:
        fits = [row for row in rows if name in (row.name, row.id, row.id.removesuffix(".monitor"))]
        if not whole:
            fits = fits or [row for row in rows if name.lower() in row.name.lower()]
    if len(fits) == 1:
        return fits[0]
    listed = ", ".join(repr(row.name) for row in (fits or rows)) or "none at all"
    if fits:
        raise Unavailable(f"{len(fits)} outputs are called like {name!r}: {listed}.", "Give the whole name.")
    label = f"no output called {name!r}" if name else "no output that sound goes to by default"
    raise Unavailable(f"there is {label}.", f"There are: {listed}. `morphogen devices` lists them.")


def recorder(output: Output) -> AbstractContextManager[Any]:
    """A stream of what it plays: `record(None)` inside `with` blocks for the next samples (n, 1 or 2) float32. Raises
    Unavailable: the output is gone."""
    sc = load()
    try:
        with _lock:
            mic = sc.get_microphone(output.id, include_loopback=True)
            made: AbstractContextManager[Any] = mic.recorder(
                RATE, channels=min(mic.channels, MAX_CHANNELS), blocksize=BLOCK
            )
    except FAULTS as error:
        raise Unavailable(f"the output {output.name!r} cannot be heard: {error}.", SERVER_CURE) from error
    return made
