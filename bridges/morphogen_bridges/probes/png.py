"""PNG: the test card is written into a temporary folder by the real sink, read back and looked at."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from morphogen.contracts import SinkOptions
from morphogen.findings import Finding, version
from morphogen_bridges.probes.card import card, check
from morphogen_bridges.probes.host import ProbeHost


def probe() -> Finding:
    """Write and read one picture."""
    from PIL import Image

    from morphogen_bridges.sinks.png import PngSink

    sent = card()
    with tempfile.TemporaryDirectory(prefix="morphogen-") as folder:
        sink = PngSink(SinkOptions(extra={"path": folder}))
        sink.open(ProbeHost())
        try:
            sink.write(sent)
        finally:
            sink.close()
        files = sorted(Path(folder).rglob("*.png"))
        if not files:
            return Finding("png", "output", "failed", "no file was written", "Check the space on the disk.")
        with Image.open(files[0]) as picture:
            verdict = check(np.asarray(picture.convert("RGB")), sent)
    seen = f"pillow {version('pillow')}, card written and read back: {verdict.seen()}"
    return Finding("png", "output", "works" if verdict.ok() else "failed", seen)
