"""JSON-RPC 2.0 in msgpack, without sockets: bytes in, requests or errors out, replies to bytes.

Differs from the specification in one point, on purpose (REQ clients would hang): every message is answered, one
without `id` with `id` null.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from morphogen.errors import MorphogenError
from morphogen.methods import BY_NAME
from morphogen_bridges.zmq_common import pack, unpack

PARSE, INVALID, UNKNOWN, PARAMS, INTERNAL, BUSY = -32700, -32600, -32601, -32602, -32603, -32000
MAX_REQUEST = 256 * 1024
MAX_BATCH = 256
_SHAPE = "Send a msgpack map {'jsonrpc': '2.0', 'id': 1, 'method': 'ping', 'params': {}}."


class RpcError(MorphogenError):
    """What is wrong with a request; `id` is the request's, if it was readable."""

    def __init__(self, code: int, message: str, cure: str = "", number: Any = None) -> None:
        super().__init__(message, cure)
        self.code = code
        self.number = number


@dataclass(frozen=True)
class Request:
    """One well-formed call."""

    number: Any
    method: str
    arguments: dict[str, Any]


def parse(data: bytes) -> tuple[list[Request | RpcError], bool]:
    """Read one message: its requests, each well-formed or an error, and whether it was a batch. Never raises."""
    if len(data) > MAX_REQUEST:
        cure = f"Send at most {MAX_REQUEST} bytes."
        return [RpcError(INVALID, f"The message of {len(data)} bytes is too large.", cure)], False
    try:
        value = unpack(data)
    except ValueError as error:
        return [RpcError(PARSE, f"The message is {error}.", _SHAPE)], False
    if not isinstance(value, list):
        return [_request(value)], False
    if not value or len(value) > MAX_BATCH:
        return [RpcError(INVALID, f"A batch of {len(value)} requests.", f"Send 1 to {MAX_BATCH} at once.")], False
    return [_request(item) for item in value], True


def _request(item: Any) -> Request | RpcError:
    number = None
    try:
        if not isinstance(item, dict):
            raise RpcError(INVALID, f"A request is a map, not {type(item).__name__}.", _SHAPE)
        number = _number(item.get("id"))
        if item.get("jsonrpc") != "2.0":
            raise RpcError(INVALID, "The request lacks 'jsonrpc': '2.0'.", _SHAPE)
        method = item.get("method")
        if not isinstance(method, str):
            raise RpcError(INVALID, "The request needs 'method', a string.", _SHAPE)
        if method not in BY_NAME:
            raise RpcError(UNKNOWN, f"There is no method {method[:60]!r}.", _nearest(method[:60]))
        return Request(number, method, _arguments(method, item.get("params")))
    except RpcError as error:
        error.number = number
        return error


def _number(value: Any) -> Any:
    if value is None or (isinstance(value, (str, int, float)) and not isinstance(value, bool)):
        return value
    raise RpcError(INVALID, f"'id' is a string or a number, not {type(value).__name__}.", _SHAPE)


def _nearest(method: str) -> str:
    near = difflib.get_close_matches(method, BY_NAME, 3, 0.5)
    return f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(BY_NAME)}."


def _arguments(method: str, params: Any) -> dict[str, Any]:
    names = [arg.name for arg in BY_NAME[method].args]
    if params is None:
        return {}
    if isinstance(params, dict):
        odd = next((key for key in params if not isinstance(key, str)), None)
        if odd is not None:
            raise RpcError(PARAMS, f"{method}: the argument name {odd[:60]!r} is not text.", "Send names as strings.")
        return params
    if not isinstance(params, list):
        raise RpcError(INVALID, f"'params' is a map or a list, not {type(params).__name__}.", _SHAPE)
    if len(params) > len(names):
        takes = ", ".join(names) or "none"
        raise RpcError(PARAMS, f"{method} takes {len(names)} arguments, got {len(params)}.", f"It takes: {takes}.")
    return dict(zip(names, params, strict=False))


def failure(number: Any, error: MorphogenError) -> bytes:
    """The reply to a request that went wrong."""
    body = {"code": error.code, "message": error.message, "data": {"cure": error.cure}}
    try:
        return pack({"jsonrpc": "2.0", "id": number, "error": body})
    except ValueError:  # text that is not UTF-8 (a file name, say)
        body = {"code": error.code, "message": ascii(error.message), "data": {"cure": ascii(error.cure)}}
        return pack({"jsonrpc": "2.0", "id": number, "error": body})


def success(number: Any, result: Any) -> bytes:
    """The reply to a request that went well; a result that msgpack cannot carry becomes an internal error."""
    try:
        return pack({"jsonrpc": "2.0", "id": number, "result": result})
    except ValueError as error:
        return failure(number, internal(f"The result cannot be packed ({error})."))


def internal(message: str) -> RpcError:
    """A fault of ours."""
    return RpcError(INTERNAL, message, "This is a fault in morphogen; its log says more.")


def join(replies: list[bytes], batch: bool) -> bytes:
    """One message of all replies, in the order of the requests."""
    import msgpack

    return bytes(msgpack.Packer().pack_array_header(len(replies))) + b"".join(replies) if batch else replies[0]


def read_reply(data: bytes, limit: int = 1 << 20) -> Mapping[str, Any]:
    """The client's side: one reply map. Raises ValueError."""
    reply = unpack(data, max_items=limit)
    if not isinstance(reply, dict):
        raise ValueError(f"a reply is a map, not {type(reply).__name__}")
    return reply
