"""PNG: a frame is written into a temporary folder by the real sink and read back."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from morphogen.contracts import SinkOptions
from morphogen.findings import Finding, version
from morphogen_bridges.probes.host import ProbeHost, draw_card


def probe() -> Finding:
    """Write and read one picture."""
    from PIL import Image

    from morphogen_bridges.sinks.png import PngSink

    card = draw_card()
    with tempfile.TemporaryDirectory(prefix="morphogen-") as folder:
        sink = PngSink(SinkOptions(extra={"path": folder}))
        sink.open(ProbeHost())
        try:
            sink.write(card)
        finally:
            sink.close()
        files = sorted(Path(folder).rglob("*.png"))
        if not files:
            return Finding("png", "output", "failed", "no file was written", "Check the space on the disk.")
        with Image.open(files[0]) as picture:
            same = np.array_equal(np.asarray(picture.convert("RGB")), card.pixels[..., :3])
    seen = f"pillow {version('pillow')}, picture written and read back"
    return Finding("png", "output", "works" if same else "failed", seen if same else f"{seen}, but different")
