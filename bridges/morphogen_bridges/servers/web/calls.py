"""Control methods over the web: JSON in, the host's future, JSON out."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import math
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from morphogen.contracts import Host
from morphogen.errors import StateError, UsageError
from morphogen.methods import BY_NAME
from morphogen_bridges.servers.web.failures import Refused

TIMEOUT = 30.0


def plain(value: Any) -> Any:
    """A msgpack-able value as JSON can hold it: bytes become base64, NaN and infinities null."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)).decode("ascii")
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def dumps(value: Any) -> str:
    """Compact JSON of any result."""
    return json.dumps(plain(value), separators=(",", ":"), allow_nan=False)


def arguments_of(method: str, arguments: Any) -> dict[str, Any]:
    """The arguments of one call as the host takes them: base64 text becomes bytes where the method wants bytes.

    Raises Refused (404) for an unknown method, UsageError for arguments of the wrong form."""
    if method not in BY_NAME:
        raise Refused(404, f"There is no method {method[:60]!r}.", "GET /api/v1/methods lists all.")
    if arguments is None:
        return {}
    if not isinstance(arguments, dict):
        raise UsageError(f"{method}: arguments must be a JSON object.", 'Send {"name": value}, or nothing.')
    wanted = {arg.name for arg in BY_NAME[method].args if arg.kind == "bytes"}
    return {name: _blob(method, name, value) if name in wanted else value for name, value in arguments.items()}


def _blob(method: str, name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise UsageError(f"{method}: {name!r} is not base64.", "Encode the bytes as standard base64.") from None


def start(host: Host, method: str, arguments: Mapping[str, Any]) -> asyncio.Future[Any]:
    """Call at once (so one client's calls keep their order); the future belongs to the running loop.

    Own bridging instead of `asyncio.wrap_future`: that one hands a cancelled waiter on to the host's future, which the
    render thread is about to resolve."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[Any] = loop.create_future()

    def settle(done: Future[Any]) -> None:
        if waiting.done():
            return
        if done.cancelled():
            waiting.set_exception(StateError(f"{method} was given up.", "Try again."))
            return
        error = done.exception()
        if error is None:
            waiting.set_result(done.result())
        else:
            waiting.set_exception(error)

    def finished(done: Future[Any]) -> None:
        try:
            loop.call_soon_threadsafe(settle, done)
        except RuntimeError:
            pass  # the loop has ended: nobody waits any more

    waiting.add_done_callback(lambda future: future.cancelled() or future.exception())
    host.call(method, arguments).add_done_callback(finished)
    return waiting


async def settled(waiting: asyncio.Future[Any], method: str, timeout: float = TIMEOUT) -> Any:
    """The result. Raises what the host raised, or Refused (504) after `timeout` seconds."""
    done, _ = await asyncio.wait({waiting}, timeout=timeout)
    if not done:
        raise Refused(504, f"{method} has not answered within {timeout:g} s.", "Is the show running? Ask for `stats`.")
    return waiting.result()


async def ask(host: Host, method: str, arguments: Mapping[str, Any] | None = None, timeout: float = TIMEOUT) -> Any:
    """`start` and `settled` in one."""
    return await settled(start(host, method, arguments or {}), method, timeout)


def parse_json(text: str | bytes) -> Any:
    """JSON of a request. Raises UsageError for anything that is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError("This is not JSON.", 'Send JSON, for example {"view/zoom": 1.5}.') from None
