"""Recording: half a second of the test card is written into a temporary folder by the real sink and read back."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from morphogen.clock import WallClock
from morphogen.contracts import SinkOptions
from morphogen.findings import Finding, version
from morphogen_bridges.probes.card import card, check
from morphogen_bridges.probes.host import ProbeHost

SIZE = (320, 180)
FRAMES = 60


def probe() -> Finding:
    """One second of video with a track of silence, decoded and looked at."""
    from morphogen_bridges.sinks.record import RecordSink

    sent, begin = card(SIZE), WallClock().now_ns()
    with tempfile.TemporaryDirectory(prefix="morphogen-") as folder:
        sink = RecordSink(SinkOptions(width=SIZE[0], height=SIZE[1], extra={"path": f"{folder}/probe.mp4"}))
        sink.open(ProbeHost())
        try:
            for number in range(FRAMES):
                sent.info = replace(sent.info, time_ns=begin + number * 1_000_000_000 // 60)
                sink.write(sent)
            encoder = sink.describe()["encoder"]
        finally:
            sink.close()
        count, streams, picture = _read(Path(folder) / "probe.mp4")
    verdict = check(picture, sent)
    seen = f"PyAV {version('av')}, {encoder}: {count} pictures and {' and '.join(streams)} read back, {verdict.seen()}"
    if count != FRAMES or len(streams) != 2 or not verdict.ok():
        return Finding("record", "output", "failed", seen, "Choose another encoder, as codec=libx264.")
    return Finding("record", "output", "works", seen, details={"encoder": encoder, "psnr": list(verdict.psnr)})


def _read(path: Path) -> tuple[int, list[str], NDArray[np.uint8]]:
    """(pictures, codecs, the last picture)."""
    import av

    with av.open(str(path)) as container:
        streams = [stream.codec_context.name for stream in container.streams]
        count = 0
        picture: NDArray[np.uint8] = np.zeros((1, 1, 3), np.uint8)
        for frame in container.decode(video=0):
            count += 1
            picture = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    return count, streams, picture
