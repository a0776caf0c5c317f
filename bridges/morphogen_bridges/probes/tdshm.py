"""TouchDesigner's shared memory: the test card goes out by the real sink and is read through second mappings."""

from __future__ import annotations

import os
import struct

import numpy as np
from numpy.typing import NDArray

from morphogen.clock import WallClock
from morphogen.contracts import SinkOptions
from morphogen.findings import Finding
from morphogen.frame import Alpha, PixelFormat
from morphogen_bridges import td_memory
from morphogen_bridges.probes.card import card, check
from morphogen_bridges.probes.host import ProbeHost
from morphogen_bridges.td_memory import INFO, INFO_SUFFIX, PREFIX

CURE = "Leave the name to one program, and use --out spout or --out shm meanwhile."


def probe() -> Finding:
    """Write and read one card. Raises Unavailable elsewhere than on Windows."""
    from morphogen_bridges.sinks.tdshm import TouchSink

    sent = card(pixel_format=PixelFormat.BGRA8, alpha=Alpha.STRAIGHT)
    spec = sent.info.spec
    name = f"Morphogen-probe-{os.getpid()}"
    sink = TouchSink(SinkOptions(name=name, width=spec.width, height=spec.height, alpha="straight"))
    sink.open(ProbeHost())
    try:
        started = WallClock().now()
        sink.write(sent)
        picture = _read(name)
        took = WallClock().now() - started
    finally:
        sink.close()
    if picture is None:
        return Finding("tdshm", "output", "failed", "the memory was written, but its info is not there", CURE)
    verdict = check(picture, sent, "BGRA")
    summary = f"card written and read in {took * 1e3:.1f} ms: {verdict.seen()}; TouchDesigner itself was not asked"
    details = {"milliseconds": round(took * 1e3, 2)}
    return Finding(
        "tdshm", "output", "works" if verdict.ok() else "failed", summary, "" if verdict.ok() else CURE, details
    )


def _read(name: str) -> NDArray[np.uint8] | None:
    """The picture, top row first, found by way of the info as TouchDesigner finds it."""
    info = td_memory.named_memory(f"{PREFIX}{PREFIX}{name}{INFO_SUFFIX}", INFO.size)
    try:
        magic, _, _, wide, detached = INFO.unpack(info[: INFO.size])
    finally:
        info.close()
    if magic != td_memory.INFO_MAGIC or detached:
        return None
    postfix = wide.decode("utf-16-le").partition("\0")[0]
    head = td_memory.named_memory(f"{PREFIX}{name}{postfix}", 48)
    try:
        width, height = struct.unpack_from("<ii", head, 8)
        size, offset = struct.unpack_from("<qi", head, 32)
    finally:
        head.close()
    memory = td_memory.named_memory(f"{PREFIX}{name}{postfix}", offset + size)
    try:
        rows = np.frombuffer(memory[offset : offset + size], np.uint8)
    finally:
        memory.close()
    return rows.reshape(height, width, 4)[::-1]
