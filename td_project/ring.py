"""Callbacks of the Script TOP that reads Morphogen's ring of frames in shared memory (`--out shm`); works in every
licence of TouchDesigner. The layout is described in Morphogen's docs/outputs.md. Main thread only.
"""

import mmap
import struct
import sys
import tempfile
from pathlib import Path

import numpy

RING = struct.Struct("<4sHHIIQQQQ16x")
HEADER = struct.Struct("<4sHHIIIIQQQII8x")
LEAD, RETIRED = 64, 1
open_rings = {}  # name -> (memory, identity)


def onCook(scriptOp):
    """Copy the newest frame into the TOP; without one it keeps what it shows."""
    sender = scriptOp.parent().par.Sender.eval()
    picture = newest(ring_name(sender))
    if picture is not None:
        scriptOp.copyNumpyArray(picture)


def onSetupParameters(scriptOp):
    """No parameters of its own."""


def ring_name(output):
    """'Morphogen' -> 'morphogen-shm', the default output; 'Morphogen-left' -> 'morphogen-left'."""
    name = output.lower()
    if name in ("", "morphogen"):
        return "morphogen-shm"
    return name if name.startswith("morphogen-") else "morphogen-" + name


def newest(name):
    """(height, width, 4) uint8 or float16-as-float32, bottom row first as TouchDesigner has it; None: no frame."""
    memory = _memory(name)
    if memory is None:
        return None
    _, _, header_bytes, slots, flags, slot_bytes, sequence = RING.unpack_from(memory)[:7]
    if flags & RETIRED:
        open_rings.pop(name, None)
    if not sequence or not slots:
        return None
    at = header_bytes + (sequence % slots) * slot_bytes
    after = struct.unpack_from("<Q", memory, at + slot_bytes - 8)[0]
    head = HEADER.unpack_from(memory, at + LEAD)
    width, height, row, kind, payload = head[3], head[4], head[5], head[6], head[9]
    if after != sequence or head[0] != b"MGF1" or payload > slot_bytes:
        return None
    begin = at + LEAD + head[2]
    pixels = numpy.frombuffer(memory, numpy.uint8, payload, begin).copy()
    if struct.unpack_from("<Q", memory, at + LEAD - 8)[0] != sequence:
        return None  # the writer came round while we copied: the next frame will do
    return _picture(pixels, width, height, row, kind)


def _picture(pixels, width, height, row, kind):
    if kind == 3:
        picture = pixels.view(numpy.float16).reshape(height, row // 8, 4)[:, :width].astype(numpy.float32)
    else:
        picture = pixels.reshape(height, row // 4, 4)[:, :width]
        if kind == 2:
            picture = picture[..., [2, 1, 0, 3]]
    return numpy.ascontiguousarray(picture[::-1])


def _memory(name):
    try:
        return _named(name) if sys.platform == "win32" else _file(name)
    except (OSError, ValueError, struct.error):
        open_rings.pop(name, None)
        return None


def _file(name):
    folder = Path("/dev/shm")
    path = (folder if folder.is_dir() else Path(tempfile.gettempdir())) / name
    status = path.stat()
    known = open_rings.get(name)
    if known is None or known[1] != status.st_ino:
        with path.open("rb") as file:
            memory = mmap.mmap(file.fileno(), status.st_size, access=mmap.ACCESS_READ)
        if memory[:4] != b"MGR1":
            raise ValueError(path)
        known = open_rings[name] = (memory, status.st_ino)
    return known[0]


def _named(name):
    """Windows: the name is a pointer to `name.<serial>` (docs/outputs.md)."""
    pointer = mmap.mmap(-1, RING.size, tagname=name)
    fields = RING.unpack_from(pointer)
    pointer.close()
    if fields[0] != b"MGR1" or fields[4] & RETIRED:
        return None
    slot_bytes, serial = fields[5], fields[6]
    known = open_rings.get(name)
    if known is None or known[1] != serial:
        size = RING.size + 4 * slot_bytes
        known = open_rings[name] = (mmap.mmap(-1, size, tagname=f"{name}.{serial}"), serial)
    return known[0]
