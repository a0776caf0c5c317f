"""Does a show keep its rate? The whole instrument at 1080p60 with sound, and what each picture does to it.

    python bench/live.py [--only patterns|styles|layers|colours ...] [--seconds 3] [--backend cpu]

One instrument plays on; a style, a layer, a palette is put on and has some seconds to settle (all is compiled before
the first row, as on a machine's second start), then frames are counted as a sink sees them. For each: frames a second,
late ones by the instrument's own count, the longest gap between two, the process's processor time a frame, and how
finely it was drawn (1: every pixel; 2, 3: a half, a third in each direction). Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from morphogen.app import App
from morphogen.config import build
from morphogen.contracts import Sink
from morphogen.frame import PixelFormat
from morphogen.library.find import Library

PLAIN = "starter/abyss"  # 3L_4D, the plain network
SETTLE = 2.5
OFF = {"color/palette_amount": 0.0, "color/lut_amount": 0.0, "output/supersample": 1}


@dataclass(frozen=True)
class Case:
    """One row: what is put on, beside PLAIN where no style is named."""

    name: str
    style: str = PLAIN
    layer: str = ""
    params: tuple[tuple[str, Any], ...] = ()


class Witness(Sink):
    """When each frame came out."""

    kind = "witness"
    policy = "every"
    thread = "render"
    formats = (PixelFormat.RGBA8,)

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def _open(self, host: Any) -> None: ...

    def _write(self, frame: Any) -> None:
        self.times.append(time.perf_counter())

    def _close(self) -> None: ...


def cases() -> dict[str, list[Case]]:
    """All rows by group."""
    names = [style.name for style in Library().list()]
    patterns = [name for name in names if name.startswith("pattern/")]
    return {
        "plain": [Case(PLAIN)],
        "patterns": [Case(name, name) for name in patterns],
        "styles": [Case(name, name) for name in names if name not in patterns],
        "layers": [Case(f"{PLAIN} below {name}", layer=name) for name in (PLAIN, *patterns)],
        "colours": [
            Case("a palette", params=(("color/palette", "ice"), ("color/palette_amount", 1.0))),
            Case("2x2 samples", params=(("output/supersample", 2),)),
        ],
    }  # fmt: skip


class Show:
    """The instrument, and what it is asked."""

    def __init__(self, backend: str) -> None:
        os.environ.setdefault("MORPHOGEN_HOME", tempfile.mkdtemp(prefix="morphogen-live-"))
        self.app = App(build({"size": "1920x1080", "audio": "demo", "port_base": "9410", "backend": backend}))
        self.app.open()
        self.witness = Witness()
        self.app.instrument.publisher.add(self.witness)
        self.thread = threading.Thread(target=self.app.run)
        self.thread.start()

    def call(self, method: str, **params: Any) -> Any:
        return self.app.instrument.call(method, params).result(30)

    def put_on(self, case: Case) -> None:
        self.call("param.set", values={**OFF, **dict(case.params)})
        self.call("style.load", name=case.style, on="now")
        if case.layer:
            self.call("layer.load", name=case.layer)
        else:
            self.call("layer.clear")

    def warm(self, rows: Sequence[Case]) -> None:
        """Have everything compiled, as it is from a machine's second start on, and the picture at its full share."""
        for case in rows:
            self.put_on(case)
        while self.busy():
            pass
        self.calm(60.0)

    def busy(self) -> bool:
        """Whether something is compiled."""
        used = time.process_time()
        time.sleep(2.0)
        return time.process_time() - used > 2.4

    def calm(self, longest: float = 12.0) -> None:
        """Wait until late frames of the row before no longer make the picture's share smaller."""
        headroom, end = self.app.instrument.loop.headroom, time.perf_counter() + longest
        while headroom is not None and headroom.share < 1.0 and time.perf_counter() < end:
            time.sleep(0.2)

    def measure(self, seconds: float) -> dict[str, Any]:
        first, late, used = len(self.witness.times), self.call("stats")["late"], time.process_time()
        start = time.perf_counter()
        time.sleep(seconds)
        taken, used = time.perf_counter() - start, time.process_time() - used
        times = np.array(self.witness.times[first:])
        stats = self.call("stats")
        inner = [int(scale) for scale in stats["renderer"].get("inner", {}).values()] or [1]
        return {
            "fps": len(times) / taken, "late": stats["late"] - late, "frames": len(times), "inner": max(inner),
            "gap": 1e3 * np.diff(times).max(), "cpu": 1e3 * used / max(1, len(times)),
        }  # fmt: skip

    def close(self) -> None:
        self.app.instrument.loop.stop()
        self.thread.join(10)
        self.app.close()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench/live.py", description="Does a show keep its rate?")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each is watched")
    parser.add_argument("--only", action="append", choices=[k for k in cases() if k != "plain"], help="one group")
    parser.add_argument("--backend", default="cpu", help="who draws")
    given = parser.parse_args(argv)
    groups = cases()
    rows = [c for k, group in groups.items() if k == "plain" or not given.only or k in given.only for c in group]
    show = Show(given.backend)
    print("| 1080p60 with sound | fps | late | longest gap, ms | processor, ms a frame | drawn at 1 / |")
    print("| --- | --- | --- | --- | --- | --- |")
    try:
        show.warm(rows)
        for case in rows:
            show.put_on(case)
            time.sleep(SETTLE)
            show.calm()
            m = show.measure(given.seconds)
            cells = (f"`{case.name}`", f"{m['fps']:.1f}", f"{m['late']} of {m['frames']}", f"{m['gap']:.0f}")
            print("|", " | ".join((*cells, f"{m['cpu']:.1f}", str(m["inner"]))), "|", flush=True)
    finally:
        show.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
