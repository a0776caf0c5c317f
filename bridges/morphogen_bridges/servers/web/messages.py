"""What a page may say on its WebSocket. Nothing it says can end anything but its own connection."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from morphogen import log
from morphogen.errors import MorphogenError, UsageError
from morphogen_bridges.servers.web.calls import arguments_of, parse_json, settled, start
from morphogen_bridges.servers.web.client import Client
from morphogen_bridges.servers.web.failures import as_map, internal
from morphogen_bridges.servers.web.hub import Hub

MAX_MESSAGE = 256 * 1024
MAX_KEYS = 512
MAX_CALLS = 32
HEARTBEAT = 20.0
_warn = log.Repeated(log.get("http"))


async def talk(hub: Hub, request: web.Request) -> web.WebSocketResponse:
    """One connection from hello to goodbye. Raises Refused when there is no room."""
    hub.has_room()
    ws = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MAX_MESSAGE, compress=False)
    await ws.prepare(request)
    client = hub.join(ws)
    try:
        async for message in ws:
            hub.received += 1
            if message.type is WSMsgType.TEXT:
                _guarded(hub, client, message.data)
            elif message.type is WSMsgType.BINARY:
                _reject(hub, client, UsageError("Binary messages are not understood.", "Send JSON text."))
            else:
                hub.rejected += 1
    finally:
        hub.leave(client)
    return ws


def _guarded(hub: Hub, client: Client, text: str) -> None:
    try:
        handle(hub, client, text)
    except MorphogenError as error:
        _reject(hub, client, error)
    except Exception:  # noqa: BLE001  guard of a connection
        _warn.exception("message", "a message from the page failed")
        _reject(hub, client, internal())


def handle(hub: Hub, client: Client, text: str) -> None:
    """Carry out one message. Raises MorphogenError for what cannot be answered otherwise."""
    message = parse_json(text)
    verbs = [verb for verb in VERBS if isinstance(message, dict) and verb in message]
    if not verbs:
        raise UsageError("This message says nothing known.", f"Send a JSON object with one of: {', '.join(VERBS)}.")
    for verb in verbs:
        VERBS[verb](hub, client, message)


def _reject(hub: Hub, client: Client, error: MorphogenError, **more: Any) -> None:
    hub.rejected += 1
    client.tell({"error": as_map(error), **more})


def _set(hub: Hub, client: Client, message: dict[str, Any]) -> None:
    _set_each(hub, client, message["set"], hub.host.params.set)


def _norm(hub: Hub, client: Client, message: dict[str, Any]) -> None:
    def put(key: str, value: Any, origin: str) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UsageError(f"{key[:60]}: a position must be a number.", "Send 0 to 1.")
        hub.host.params.set_normalised(key, value, origin)

    _set_each(hub, client, message["norm"], put)


def _set_each(hub: Hub, client: Client, values: Any, put: Callable[[str, Any, str], None]) -> None:
    if not isinstance(values, dict) or len(values) > MAX_KEYS:
        raise UsageError("Values must be a JSON object of at most 512 keys.", 'Send {"set": {"view/zoom": 1.5}}.')
    for key, value in values.items():
        try:
            put(key, value, client.origin)
        except MorphogenError as error:
            _reject(hub, client, error, key=key[:60])


def _call(hub: Hub, client: Client, message: dict[str, Any]) -> None:
    number = message.get("id")
    tag = number if isinstance(number, (int, str)) and len(str(number)) <= 64 else None
    try:
        method = message["call"]
        if not isinstance(method, str):
            raise UsageError("A method's name must be text.", 'Send {"call": "stats", "id": 1}.')
        if client.calls >= MAX_CALLS:
            raise UsageError(f"{MAX_CALLS} calls are waiting already.", "Wait for their results.")
        waiting = start(hub.host, method, arguments_of(method, message.get("args")))
    except MorphogenError as error:
        _reject(hub, client, error, id=tag)
        return
    client.calls += 1
    hub.spawn(_answer(hub, client, method, waiting, tag))


async def _answer(hub: Hub, client: Client, method: str, waiting: asyncio.Future[Any], tag: Any) -> None:
    try:
        client.tell({"result": await settled(waiting, method), "id": tag})
    except MorphogenError as error:
        _reject(hub, client, error, id=tag)
    except Exception:  # noqa: BLE001  guard: a fault in the instrument is answered, too
        _warn.exception("call", f"{method} failed")
        _reject(hub, client, internal(), id=tag)
    finally:
        client.calls -= 1


def _preview(hub: Hub, client: Client, message: dict[str, Any]) -> None:
    wanted, width = message["preview"], message.get("width", 960)
    number = isinstance(width, (int, float)) and not isinstance(width, bool) and math.isfinite(width)
    if not isinstance(wanted, bool) or not number or not 1 <= width <= 16384:
        raise UsageError("A preview is true or false, its width 1 to 16384.", 'Send {"preview": true, "width": 640}.')
    hub.watch(client, wanted, width)


def _ack(hub: Hub, client: Client, message: dict[str, Any]) -> None:
    number = message["ack"]
    if isinstance(number, bool) or not isinstance(number, int):
        raise UsageError("An acknowledgement is a frame's index.", 'Send {"ack": 123}.')
    client.acknowledge(number)


VERBS: dict[str, Callable[[Hub, Client, dict[str, Any]], None]] = {
    "set": _set,
    "norm": _norm,
    "call": _call,
    "preview": _preview,
    "ack": _ack,
}
