"""OSCQuery over HTTP (Vidvox's proposal, revision of 2018-08-31): the tree, single attributes, HOST_INFO.

The proposal answers an attribute that is not supported with 204 in one place and 400 in another; here it is 400, which
says more. python-oscquery 0.4.0 was tried first: its HTTP server binds every address whatever it is told, and has
neither RANGE nor a WebSocket.
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from morphogen_bridges.osc.identity import instance_name
from morphogen_bridges.osc.nodes import ATTRIBUTES, NO_VALUE
from morphogen_bridges.servers.web.failures import Refused
from morphogen_bridges.servers.web.osc_hub import OscHub

REQUIRED = frozenset({"FULL_PATH", "CONTENTS", "TYPE"})
EXTENSIONS = {
    **{name: True for name in ATTRIBUTES if name not in REQUIRED},
    "HTML": False,
    **dict.fromkeys(("LISTEN", "PATH_CHANGED", "PATH_ADDED", "PATH_REMOVED"), True),
    "PATH_RENAMED": False,
}
_ANY = ("", "0.0.0.0", "::")


class OscQuery:
    """The handler of every address that is not the page's or the API's. Loop thread.

    osc: (address, port) where OSC over UDP listens; None: only over the WebSocket.
    """

    def __init__(self, hub: OscHub, osc: tuple[str, int] | None) -> None:
        self._hub = hub
        self._space = hub.space
        self._osc = osc

    @staticmethod
    def asked(request: web.Request) -> list[str]:
        """The attributes that a request names."""
        return [name for name in request.query if name != "token"]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """GET. Raises Refused (404, 400)."""
        if request.headers.get("Upgrade", "").lower() == "websocket" and request.path == "/":
            return await self._hub.talk(request)
        asked = self.asked(request)
        if "HOST_INFO" in asked:
            return _json(json.dumps(self.host_info(request)))
        unknown = next((name for name in asked if name not in ATTRIBUTES), None)
        if unknown is not None:
            raise Refused(400, f"There is no attribute {unknown[:40]!r}.", f"There are: {', '.join(ATTRIBUTES)}.")
        await self._hub.freshen()
        text = await self._text(request.path.rstrip("/") or "/")
        if not asked:
            return _json(text)
        node = json.loads(text)
        readable = bool(node.get("ACCESS", NO_VALUE) & 1)
        if asked == ["VALUE"] and not readable:
            return web.Response(status=204)
        return _json(json.dumps({name: node[name] for name in asked if name in node}))

    async def _text(self, address: str) -> str:
        text = await self._space.json(address)
        if text is not None:
            return text
        found = await self._space.unlisted(address)
        if found is None:
            cure = "GET / lists all OSC addresses, GET /api/v1/methods and /api/v1/params the rest."
            raise Refused(404, "There is nothing at this address.", cure)
        node, value = found
        return json.dumps({**node.fixed, "VALUE": [value]})

    def host_info(self, request: web.Request) -> dict[str, Any]:
        """Where OSC and the WebSocket are, as the client that asks can reach them."""
        reached = request.transport.get_extra_info("sockname") if request.transport else None
        here, port = (str(reached[0]), int(reached[1])) if reached else ("127.0.0.1", 0)
        info: dict[str, Any] = {"NAME": instance_name(*(self._osc or ())[1:]), "EXTENSIONS": EXTENSIONS}
        if self._osc is not None:
            bind, osc_port = self._osc
            info |= {"OSC_IP": here if bind in _ANY else bind, "OSC_PORT": osc_port, "OSC_TRANSPORT": "UDP"}
        return info | {"WS_IP": here, "WS_PORT": port}


def _json(text: str) -> web.Response:
    return web.Response(text=text, content_type="application/json", headers={"Vary": "Accept"})
