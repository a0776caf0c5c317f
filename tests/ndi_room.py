"""Somebody who watches over NDI: a process of its own with another binding (ndi-python, `import NDIlib`).

with Watcher("Morphogen") as watcher:       # finds the source on 127.0.0.1, without mDNS and without a config file
    watcher.next_frame()                    # {"width", "height", "fourcc", "rate", "time"} of a frame from now on
    watcher.shot(path)                      # RGBA pixels of the next frame
    watcher.tally(program=True)
    watcher.kill()
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

PATIENCE = 30.0


class Watcher:
    """The receiving process. Ends only what it started."""

    def __init__(self, name: str) -> None:
        self.frames: queue.Queue[dict[str, Any]] = queue.Queue()
        self.source = ""
        self.connects = 0
        self._found = threading.Event()
        self._shot = threading.Event()
        self.process = subprocess.Popen(
            [sys.executable, __file__, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def found(self) -> str:
        """'MACHINE (name)', once it is found."""
        assert self._found.wait(PATIENCE), "the source was not found"
        return self.source

    def next_frame(self, **wanted: Any) -> dict[str, Any]:
        """What the next frame to come says of itself; of those to come, the first one like `wanted`."""
        while not self.frames.empty():
            self.frames.get()
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            frame = self.frames.get(timeout=PATIENCE)
            if all(frame[key] == value for key, value in wanted.items()):
                return frame
        raise AssertionError(f"no frame with {wanted} within {PATIENCE} s")

    def shot(self, path: Path) -> np.ndarray:
        """RGBA pixels (height, width, 4) of a frame received from now on."""
        self._shot.clear()
        self.say(f"shot {path}")
        assert self._shot.wait(PATIENCE), "no frame came"
        return np.load(path)

    def tally(self, program: bool = False, preview: bool = False) -> None:
        self.say(f"tally {int(program)} {int(preview)}")

    def say(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """At once, without a good-bye."""
        self.process.kill()
        self.process.wait(10)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            if "source" in said:
                self.source = said["source"]
                self._found.set()
            elif "shot" in said:
                self._shot.set()
            elif "connected" in said:
                self.connects += 1
            else:
                self.frames.put(said)


def _say(**said: Any) -> None:
    print(json.dumps(said), flush=True)


def _find(ndi: Any, name: str) -> Any:
    settings = ndi.FindCreate()
    settings.show_local_sources, settings.groups, settings.extra_ips = True, "", "127.0.0.1"
    finder = ndi.find_create_v2(settings)
    while True:
        ndi.find_wait_for_sources(finder, 100)
        for source in ndi.find_get_current_sources(finder):
            if source.ndi_name.endswith(f"({name})"):
                return source


def main(name: str) -> None:
    import NDIlib as ndi

    commands: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
    threading.Thread(target=lambda: [commands.put(line.split()) for line in sys.stdin], daemon=True).start()
    ndi.initialize()
    source = _find(ndi, name)
    _say(source=source.ndi_name)
    settings = ndi.RecvCreateV3()
    settings.color_format = ndi.RECV_COLOR_FORMAT_RGBX_RGBA
    settings.bandwidth = ndi.RECV_BANDWIDTH_HIGHEST
    settings.allow_video_fields = False
    settings.source_to_connect_to = source
    receiver, shot = ndi.recv_create_v3(settings), ""
    while True:
        while not commands.empty():
            command = commands.get()
            if command[0] == "shot":
                shot = command[1]
            else:
                lights = ndi.Tally()
                lights.on_program, lights.on_preview = command[1] == "1", command[2] == "1"
                ndi.recv_set_tally(receiver, lights)
        kind, video, _, _ = ndi.recv_capture_v2(receiver, 50)
        if kind == ndi.FRAME_TYPE_SOURCE_CHANGE:
            _say(connected=True)
        if kind != ndi.FRAME_TYPE_VIDEO:
            continue
        if shot:
            np.save(shot, np.array(video.data))
            _say(shot=shot)
            shot = ""
        _say(
            width=video.xres, height=video.yres, fourcc=video.FourCC.name.rpartition("_")[2],
            rate=f"{video.frame_rate_N}/{video.frame_rate_D}", time=time.perf_counter_ns(),
        )  # fmt: skip
        ndi.recv_free_video_v2(receiver, video)


if __name__ == "__main__":
    main(sys.argv[1])
