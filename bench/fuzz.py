"""Everything that a network can throw at a running daemon, while it draws: does it go on at its frame rate?

    python bench/fuzz.py [--datagrams 50000]

Random and hand-made OSC datagrams, random and half-valid messages to ZeroMQ control and parameters, hostile files.
Prints the daemon's own numbers before and after, and its log.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgpack
import zmq

from morphogen.errors import MorphogenError
from morphogen.ports import Ports
from morphogen_bridges.clients.control import ControlClient
from morphogen_bridges.osc.codec import write_bundle, write_message

ZOOM = "/morphogen/view/zoom"


def horrors() -> list[bytes]:
    """The hand-made ones: each is wrong in a way of its own."""
    future = (2**32 - 2) << 32
    deep = write_message(ZOOM, 1.0)
    for _ in range(60):
        deep = write_bundle([deep], 1)
    return [
        b"", b"/", b"#bundle\0", b"/x\0\0,f\0\0", ZOOM.encode() + b"\0\0,f\0\0", write_message(ZOOM, "high"),
        write_message(ZOOM, float("nan")), write_message(ZOOM, float("inf")), write_message(ZOOM, "9" * 4000),
        write_message("/morphogen/no/such", 1.0), write_message("/morphogen/style/load", "../../etc/passwd"),
        write_message("/morphogen/style/blob", b"MGS" * 99), write_message("/morphogen/weight/999999", 1.0),
        write_message("/morphogen/snapshot/recall", -1), write_message("/morphogen/*/*", float("nan")),
        write_message("/" + "{a,b}" * 40, 1.0), write_bundle([write_message(ZOOM, 1.0)], future), deep,
        b"#bundle\0" + struct.pack(">QI", 1, 0xFFFFFFF0) + b"/x", b"\xff" * 60_000,
    ]  # fmt: skip


def osc(port: int, count: int) -> None:
    """`count` datagrams, as fast as one loop sends them."""
    rng = random.Random(1)
    made = horrors()
    valid = write_message(ZOOM, 1.25)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for i in range(count):
            kind = i % 4
            if kind == 0:
                data = rng.randbytes(rng.randrange(1, 300))
            elif kind == 1:
                data = made[i // 4 % len(made)]
            elif kind == 2:
                broken = bytearray(valid)
                broken[rng.randrange(len(broken))] = rng.randrange(256)
                data = bytes(broken[: rng.randrange(1, len(broken) + 1)])
            else:
                data = valid
            out.sendto(data, ("127.0.0.1", port))
            if i % 50 == 49:
                time.sleep(0.005)  # 10,000 a second: more than any desk sends, and none is lost on the way


def control(ports: Ports, count: int) -> int:
    """Random bytes and random structures to control and parameters; returns how many answers came."""
    rng = random.Random(2)
    context = zmq.Context.instance()
    dealer, push = context.socket(zmq.DEALER), context.socket(zmq.PUSH)
    for one in (dealer, push):
        one.linger = 0
    dealer.connect(f"tcp://127.0.0.1:{ports.control}")
    push.connect(f"tcp://127.0.0.1:{ports.params}")
    answers = 0
    for i in range(count):
        junk: Any = rng.choice([
            {"jsonrpc": "2.0", "id": i, "method": "style.load", "params": {"name": "x" * rng.randrange(2000)}},
            {"jsonrpc": "2.0", "id": i, "method": "param.set", "params": {"key": "view/zoom", "value": float("nan")}},
            {"jsonrpc": "2.0", "id": i, "method": rng.randbytes(5).hex()}, [1, [2, [3]]], None, 7, {"id": {}}, "ping",
            {"jsonrpc": "2.0", "id": i, "method": "style.put", "params": {"blob": rng.randbytes(200)}},
            {"view/zoom": float("inf"), "no/such": 1, "view/x": "far"},
        ])  # fmt: skip
        data = rng.randbytes(rng.randrange(200)) if i % 3 == 0 else msgpack.packb(junk)
        dealer.send(data)
        push.send(data)
        while dealer.poll(0):
            dealer.recv()
            answers += 1
        time.sleep(0.001)
    end = time.monotonic() + 5
    while answers < count and time.monotonic() < end:
        if dealer.poll(100):
            dealer.recv()
            answers += 1
    dealer.close()
    push.close()
    return answers


def styles(client: ControlClient, folder: Path) -> list[str]:
    """Hostile files; what is said of each."""
    files = {
        "pickle.pth": b"\x80\x04\x95.", "huge-header": struct.pack("<Q", 2**62) + b"{}", "empty": b"",
        "not-json": struct.pack("<Q", 8) + b"{{{{{{{{", "noise": random.Random(3).randbytes(4000),
        "long": struct.pack("<Q", 2) + b"{}" + b"\0" * 9_000_000,
    }  # fmt: skip
    said = []
    for name, data in files.items():
        path = folder / f"{name.removesuffix('.pth')}.{'pth' if name.endswith('.pth') else 'safetensors'}"
        path.write_bytes(data)
        try:
            client.call("style.load", name=str(path), seconds=0.0)
            said.append(f"{name}: TAKEN")
        except MorphogenError as error:
            said.append(f"{name}: {error.message.replace(str(folder), '...')[:110]}")
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datagrams", type=int, default=50_000)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--port-base", type=int, default=8850)
    args = parser.parse_args()
    ports = Ports(args.port_base)
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "morphogen", "serve", "--size", args.size, "--audio", "none", "--port-base",
                   str(ports.base), "--out", "null", "--seconds", "300"]  # fmt: skip
        log = Path(home, "log")
        with log.open("w") as out:
            daemon = subprocess.Popen(command, env={**os.environ, "MORPHOGEN_HOME": home}, stderr=out)
        time.sleep(4)
        with ControlClient("127.0.0.1", ports.control) as client:
            before = client.call("stats")
            start = time.perf_counter()
            osc(ports.osc, args.datagrams)
            answers = control(ports, 3000)
            said = styles(client, Path(home))
            seconds = time.perf_counter() - start
            after = client.call("stats")
            client.call("shutdown")
        daemon.wait(10)
        frames = after["frames"] - before["frames"]
        print(json.dumps({
            "seconds": round(seconds, 1), "fps": round(frames / seconds, 2), "late": after["late"] - before["late"],
            "errors": after["errors"], "style_before": before["style"], "style_after": after["style"],
            "osc": after["osc"], "control": after["zmq_control"], "params": after["zmq_params"],
            "answers": f"{answers} of 3000", "styles": said, "log_lines": log.read_text().count("\n"),
        }, indent=1))  # fmt: skip
        print(log.read_text())


if __name__ == "__main__":
    main()
