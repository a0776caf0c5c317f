"""OSCQuery: the tree is read, and OSC over the WebSocket moves a parameter of it."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

from morphogen.findings import Finding
from morphogen_bridges.probes.host import ProbeHost

SECONDS = 3.0
PACKET = b"/morphogen/view/zoom\0\0\0\0,f\0\0" + struct.pack(">f", 1.5)


def probe() -> Finding:
    """As a client would: who is there, what is there, and a move."""
    from morphogen_bridges.servers.http import HttpServer

    host = ProbeHost()
    server = HttpServer("127.0.0.1", 0, None, ("127.0.0.1", 1))
    server.open(host)
    try:
        name, count = asyncio.run(asyncio.wait_for(_visit(server.port), SECONDS))
        moved = host.params.arrived.wait(SECONDS) and host.params.get("view/zoom") == 1.5
    except (TimeoutError, OSError) as error:
        return Finding("oscquery", "input", "failed", f"no answer: {error or 'too slow'}", "Is 127.0.0.1 firewalled?")
    finally:
        server.close()
    seen = f"{name}: {count} addresses told, a move over the WebSocket " + ("arrived" if moved else "got lost")
    return Finding("oscquery", "input", "works" if moved else "failed", seen)


async def _visit(port: int) -> tuple[str, int]:
    """Name of the server and number of its methods; sends the packet."""
    import aiohttp

    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", trust_env=False) as session:
        async with session.get("/?HOST_INFO") as answer:
            info = await answer.json()
        async with session.get("/") as answer:
            tree = await answer.json()
        async with session.ws_connect("/") as ws:
            await ws.send_bytes(PACKET)
    return str(info["NAME"]), _methods(tree)


def _methods(node: dict[str, Any]) -> int:
    return ("TYPE" in node) + sum(_methods(below) for below in node.get("CONTENTS", {}).values())
