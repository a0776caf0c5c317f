"""A client written from the text of the OSCQuery proposal alone (Vidvox, 2018-08-31), on plain sockets, and strict: it
fails on everything that the text does not allow. OSC packets are read by python-osc."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pythonosc.osc_message import OscMessage

REQUIRED = {"FULL_PATH", "CONTENTS", "TYPE"}
OPTIONAL = {"ACCESS", "VALUE", "RANGE", "DESCRIPTION", "TAGS", "EXTENDED_TYPE", "UNIT", "CRITICAL", "CLIPMODE",
            "OVERLOADS"}  # fmt: skip
PER_TYPE = ("VALUE", "RANGE", "EXTENDED_TYPE", "UNIT", "CLIPMODE")
COMMANDS = {"PATH_CHANGED", "PATH_RENAMED", "PATH_REMOVED", "PATH_ADDED"}
HOST_INFO = {"NAME": str, "EXTENSIONS": dict, "OSC_IP": str, "OSC_PORT": int, "OSC_TRANSPORT": str, "WS_IP": str,
             "WS_PORT": int}  # fmt: skip
# units.md and extended_types.md, of which a server should choose
UNITS = {
    *(f"distance.{x}" for x in ("m", "km", "dm", "cm", "mm", "um", "nm", "pm", "inches", "feet", "miles", "pixels")),
    "angle.degree", "angle.radian", "gain.linear", "gain.midigain", "gain.db", "gain.db-raw",
    *(f"time.{x}" for x in ("second", "bark", "bpm", "cents", "hz", "mel", "midinote", "ms", "speed", "samples")),
    *(f"speed.{x}" for x in ("m/s", "mph", "km/h", "kn", "ft/s", "ft/h")),
}  # fmt: skip
EXTENDED = re.compile(
    r"position\.(cartesian\.[xyz]|polar\.[rp]|spherical\.[rtp]|cylindrical\.[rpz])|filepath|url|"
    r"orientation\.(quaternion\.[abcd]|euler\.[ypr]|axis\.[xyzw])|"
    r"color\.(rgb\.[rgba]|hsv\.[hsva]|cmyk\.[cmyka]|ciexyz\.[xyza])"
)
NUMBERS, TEXTS, BOOLS, NOTHING = "ifhdt", "sSc", "TF", "bmNI"


class Wrong(AssertionError):
    """Something that the proposal does not allow."""


def need(condition: Any, said: str) -> None:
    if not condition:
        raise Wrong(said)


def fits(tag: str, value: Any) -> bool:
    """Whether a JSON value is what the proposal's table says for this OSC type."""
    if tag in NUMBERS:
        whole = tag in "iht"
        return isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if tag in TEXTS:
        return isinstance(value, str)
    return isinstance(value, bool) if tag in BOOLS else value is None


def check_method(node: dict[str, Any], where: str) -> None:
    """TYPE and everything whose form follows it."""
    types = node["TYPE"]
    need(isinstance(types, str) and types, f"{where}: TYPE")
    need(set(types) <= set(NUMBERS + TEXTS + BOOLS + NOTHING), f"{where}: TYPE {types!r}")
    for name in PER_TYPE:
        if name in node:
            need(isinstance(node[name], list) and len(node[name]) == len(types), f"{where}: {name} of {types!r}")
    for tag, value in zip(types, node.get("VALUE", ()), strict=False):
        need(fits(tag, value), f"{where}: {value!r} is no {tag}")
    for place, span in enumerate(node.get("RANGE", ())):
        if span is not None:
            open_ended = node.get("CLIPMODE", ["none"] * len(types))[place] == "none"
            value = None if open_ended else node.get("VALUE", [None] * len(types))[place]
            check_range(types[place], span, value, where)
    for mode in node.get("CLIPMODE", ()):
        need(mode in (None, "none", "low", "high", "both"), f"{where}: CLIPMODE {mode!r}")
    for unit in node.get("UNIT", ()):
        need(unit is None or unit in UNITS, f"{where}: UNIT {unit!r}")
    for kind in node.get("EXTENDED_TYPE", ()):
        need(kind is None or EXTENDED.fullmatch(kind), f"{where}: EXTENDED_TYPE {kind!r}")


def check_range(tag: str, span: Any, value: Any, where: str) -> None:
    need(isinstance(span, dict) and span and set(span) <= {"MIN", "MAX", "VALS"}, f"{where}: RANGE {span!r}")
    for bound in ("MIN", "MAX"):
        need(bound not in span or fits(tag, span[bound]), f"{where}: {bound} {span.get(bound)!r} of {tag}")
    if "MIN" in span and "MAX" in span:
        need(span["MIN"] <= span["MAX"], f"{where}: RANGE {span!r}")
    for choice in span.get("VALS", ()):
        need(fits(tag, choice), f"{where}: {choice!r} in VALS of {tag}")
    if value is not None:
        need("VALS" not in span or value in span["VALS"], f"{where}: {value!r} is none of VALS")
        need(span.get("MIN", value) <= value <= span.get("MAX", value), f"{where}: {value!r} is outside {span}")


class Client:
    """One client of one server."""

    def __init__(self, port: int, extensions: dict[str, bool] | None = None) -> None:
        self.port = port
        self.extensions = extensions or {}

    # --- HTTP

    def ask(self, path: str, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            need(answer.version == 11, "the server should be HTTP 1.1")
            if answer.status == 204:
                need(not body, "204 is no content")
                return 204, None
            if answer.status == 200:
                kind = answer.headers["Content-Type"].partition(";")[0]
                need(kind == "application/json", f"{path}: content type {kind}")
                return 200, json.loads(body)
            return answer.status, body
        finally:
            connection.close()

    def host_info(self, path: str = "/") -> dict[str, Any]:
        status, info = self.ask(f"{path}?HOST_INFO")
        need(status == 200, f"HOST_INFO: {status}")
        for key, value in info.items():
            need(key in HOST_INFO and isinstance(value, HOST_INFO[key]), f"HOST_INFO: {key} {value!r}")
        need(info.get("OSC_TRANSPORT", "UDP") in ("UDP", "TCP"), "OSC_TRANSPORT")
        need(all(isinstance(on, bool) for on in info["EXTENSIONS"].values()), "EXTENSIONS are booleans")
        self.extensions = info["EXTENSIONS"]
        return info

    def tree(self, path: str = "/") -> dict[str, Any]:
        """A node and everything below it, checked."""
        status, node = self.ask(path)
        need(status == 200, f"{path}: {status}")
        for _ in self.walk(node, path):
            pass
        return node

    def walk(self, node: dict[str, Any], path: str) -> Iterator[dict[str, Any]]:
        """Every node of a tree, each checked on the way."""
        need(node.get("FULL_PATH") == path, f"{path}: FULL_PATH {node.get('FULL_PATH')!r}")
        need(set(node) <= REQUIRED | OPTIONAL, f"{path}: {set(node) - REQUIRED - OPTIONAL}")
        for name in set(node) & OPTIONAL:
            need(self.extensions.get(name), f"{path}: {name} is not among the EXTENSIONS")
        need(node.get("ACCESS") in (0, 1, 2, 3), f"{path}: ACCESS {node.get('ACCESS')!r}")
        need("VALUE" not in node or node["ACCESS"] & 1, f"{path}: a VALUE that may not be read")
        need(isinstance(node.get("DESCRIPTION", ""), str), f"{path}: DESCRIPTION")
        need(all(isinstance(tag, str) for tag in node.get("TAGS", ())), f"{path}: TAGS")
        need(isinstance(node.get("CRITICAL", False), bool), f"{path}: CRITICAL")
        need("TYPE" in node or "CONTENTS" in node, f"{path}: neither method nor container")
        if "TYPE" in node:
            check_method(node, path)
        for other in node.get("OVERLOADS", ()):
            need("CONTENTS" not in other and other["TYPE"] != node["TYPE"], f"{path}: OVERLOADS {other}")
            check_method(other, f"{path} OVERLOADS")
        yield node
        for name, below in node.get("CONTENTS", {}).items():
            need(name and not set(name) & set(" #*,/?[]{}"), f"{path}: {name!r} is no OSC name")
            yield from self.walk(below, f"{path.rstrip('/')}/{name}")

    def attribute(self, path: str, name: str) -> Any:
        """One attribute; None where the node has none."""
        status, found = self.ask(f"{path}?{name}")
        if status == 204:
            return None
        need(status == 200 and set(found) <= {name}, f"{path}?{name}: {status} {found!r}")
        return found.get(name)


class Socket:
    """A WebSocket (RFC 6455), with the messages of the proposal."""

    def __init__(self, port: int, **headers: str) -> None:
        self.stream = socket.create_connection(("127.0.0.1", port), timeout=20)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET / HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13",
                 *(f"{name}: {value}" for name, value in headers.items()), "", ""]  # fmt: skip
        self.stream.sendall("\r\n".join(lines).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.stream.recv(1)
        self.status = int(answer.split()[1])
        self.types: dict[str, str] = {}

    def command(self, command: str, path: str, types: str = "") -> None:
        """LISTEN or IGNORE. types: the TYPE of the method, which what is heard must have."""
        if command == "LISTEN":
            self.types[path] = types
        self.text(json.dumps({"COMMAND": command, "DATA": path}))

    def text(self, text: str) -> None:
        self._frame(1, text.encode())

    def osc(self, packet: bytes) -> None:
        self._frame(2, packet)

    def hear(self, seconds: float = 20.0) -> tuple[str, Any] | None:
        """The next message as (COMMAND, DATA) or (address, parameters); None if there is none in time."""
        self.stream.settimeout(seconds)
        try:
            while True:
                code, body = self._read()
                if code == 9:
                    self._frame(10, body)
                elif code == 1:
                    return self._told(json.loads(body))
                elif code == 2:
                    return self._streamed(body)
                else:
                    raise Wrong(f"frame of kind {code}: {body!r}")
        except TimeoutError:
            return None

    def until(self, kind: str, seconds: float = 20.0) -> Any:
        """What comes with the next message of this kind."""
        while (message := self.hear(seconds)) is not None:
            if message[0] == kind:
                return message[1]
        raise AssertionError(f"no {kind} within {seconds} s")

    def close(self) -> None:
        with suppress(OSError):
            self._frame(8, struct.pack(">H", 1000))
        self.stream.close()

    def _told(self, said: Any) -> tuple[str, Any]:
        need(set(said) == {"COMMAND", "DATA"} and said["COMMAND"] in COMMANDS, f"text {said!r}")
        need(isinstance(said["DATA"], dict if said["COMMAND"] == "PATH_RENAMED" else str), f"DATA {said!r}")
        return said["COMMAND"], said["DATA"]

    def _streamed(self, body: bytes) -> tuple[str, Any]:
        message = OscMessage(body)
        need(message.address in self.types, f"{message.address} was not listened to")
        tags = body[body.index(b",") + 1 :].split(b"\0")[0].decode()
        wanted = self.types[message.address]
        need(not wanted or tags.replace("F", "T") == wanted.replace("F", "T"), f"{message.address}: {tags}")
        return message.address, message.params

    def _frame(self, code: int, body: bytes) -> None:
        mask = os.urandom(4)
        size = len(body)
        head = (
            struct.pack(">BB", 0x80 | code, 0x80 | size) if size < 126 else struct.pack(">BBH", 0x80 | code, 254, size)
        )
        self.stream.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(body)))

    def _read(self) -> tuple[int, bytes]:
        first, size = self._exactly(2)
        need(first & 0x70 == 0 and not size & 0x80, "a server's frames are neither masked nor extended")
        if size == 126:
            size = struct.unpack(">H", self._exactly(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self._exactly(8))[0]
        need(first & 0x80, "one message, one frame")
        return first & 15, self._exactly(size)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.stream.recv(count - len(data))
            if not piece:
                raise ConnectionError("the server has hung up")
            data += piece
        return data
