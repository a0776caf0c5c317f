"""A stand-in for sounddevice, with devices that can be pulled out, and waiting for threads."""

from __future__ import annotations

import threading
import time
import types

import numpy as np


def wait(condition, seconds=20.0):
    for _ in range(round(seconds / 0.005)):
        if condition():
            return True
        time.sleep(0.005)
    return condition()


class FakeStream:
    def __init__(self, sd, **options):
        self.sd, self.options = sd, options
        self.latency, self.channels = 0.012, options["channels"]
        self.active = False
        self.closed = False
        self.written = []
        if sd.refuses:
            raise sd.PortAudioError("Device unavailable")
        sd.streams.append(self)

    def start(self):
        self.active = True

    def abort(self):
        if not self.active:
            raise self.sd.PortAudioError("Stream is stopped")
        self.active = False

    def close(self):
        self.closed = True

    def write(self, data):
        if not self.active:
            raise self.sd.PortAudioError("Unanticipated host error")
        self.written.append(np.array(data))
        self.sd.room.acquire(timeout=5)
        return False

    def call(self, samples, status=0):
        self.options["callback"](samples, len(samples), None, status)


class FakeSound(types.ModuleType):
    """As much of sounddevice as the sources touch. `plugged` is the truth; `rows` what the library last saw."""

    class PortAudioError(Exception):
        pass

    def __init__(self, names):
        super().__init__("sounddevice")
        self.plugged = list(names)
        self.outputs = []
        self.streams = []
        self.refuses = False
        self.scans = 0
        self.room = threading.Semaphore(0)
        self.InputStream = lambda **options: FakeStream(self, **options)
        self.OutputStream = lambda **options: FakeStream(self, **options)
        self._initialize()

    def _terminate(self):
        assert not [s for s in self.streams if not s.closed], "restarted under an open stream"
        self.rows = []

    def _initialize(self):
        self.scans += 1
        self.rows = [self.row(name, 2, 0) for name in self.plugged] + [self.row(name, 0, 2) for name in self.outputs]
        self.default = types.SimpleNamespace(
            device=[0 if self.plugged else -1, len(self.plugged) if self.outputs else -1]
        )

    @staticmethod
    def row(name, inputs, outputs):
        label, _, api = name.partition("@")
        return {"name": label, "hostapi": int(api or 0), "max_input_channels": inputs, "max_output_channels": outputs,
                "default_samplerate": 48_000.0}  # fmt: skip

    def query_devices(self):
        return self.rows

    def query_hostapis(self):
        return [{"name": "Windows WASAPI"}, {"name": "MME"}]
