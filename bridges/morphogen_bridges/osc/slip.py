"""Packets on a TCP stream: SLIP framing (RFC 1055, OSC 1.1) and a length before each packet (OSC 1.0, liblo, Max).

The first byte says which a client speaks: a SLIP stream begins with END, '/' or '#', while the length of any packet
that is taken begins with a zero byte. A client that breaks its framing cannot be read further: OscError, hang up.
"""

from __future__ import annotations

import re
import struct
from typing import Literal

from morphogen_bridges.osc.codec import MAX_PACKET, OscError

END, ESC = b"\xc0", b"\xdb"
ESC_END, ESC_ESC = b"\xdb\xdc", b"\xdb\xdd"
_BROKEN = re.compile(rb"\xdb(?![\xdc\xdd])")


def slip(packet: bytes) -> bytes:
    """One SLIP frame, END on both sides as OSC 1.1 asks."""
    return END + packet.replace(ESC, ESC_ESC).replace(END, ESC_END) + END


def unslip(frame: bytes) -> bytes:
    """What lies between two ENDs, unescaped. The order of the replacements is safe: neither makes new escapes."""
    if ESC not in frame:
        return frame
    if _BROKEN.search(frame):
        raise OscError("TCP frame with a broken SLIP escape.", "Send OSC 1.1 (SLIP) or OSC 1.0 (length first).")
    return frame.replace(ESC_END, END).replace(ESC_ESC, ESC)


class StreamDecoder:
    """Cuts the bytes of one TCP client into packets; holds at most two packets' worth. One thread at a time."""

    def __init__(self, limit: int = MAX_PACKET) -> None:
        self._limit = limit
        self._rest = b""
        self._framing: Literal["unknown", "slip", "length"] = "unknown"

    def feed(self, data: bytes) -> list[bytes]:
        """Packets that `data` completes. Raises OscError when the client must go."""
        if not data:
            return []
        if self._framing == "unknown":
            self._framing = "length" if data[:1] == b"\0" else "slip"
        data = self._rest + data
        packets = self._slip(data) if self._framing == "slip" else self._length(data)
        # Escaping doubles a SLIP packet at worst.
        if len(self._rest) > 2 * self._limit or any(len(packet) > self._limit for packet in packets):
            raise OscError(f"TCP frame of more than {self._limit} bytes.", "Send smaller packets.")
        return packets

    def frame(self, packet: bytes) -> bytes:
        """An answer, framed as this client frames."""
        return struct.pack(">I", len(packet)) + packet if self._framing == "length" else slip(packet)

    def _slip(self, data: bytes) -> list[bytes]:
        *frames, self._rest = data.split(END)
        return [unslip(frame) for frame in frames if frame]

    def _length(self, data: bytes) -> list[bytes]:
        packets, pos = [], 0
        while len(data) - pos >= 4:
            size = int.from_bytes(data[pos : pos + 4], "big")
            if size > self._limit:
                raise OscError(f"TCP frame of {size} bytes, the limit is {self._limit}.", "Send smaller packets.")
            if len(data) - pos - 4 < size:
                break
            packets.append(data[pos + 4 : pos + 4 + size])
            pos += 4 + size
        self._rest = data[pos:]
        return packets
