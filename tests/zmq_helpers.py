"""Sockets for the ZeroMQ tests."""

from __future__ import annotations

import contextlib

import msgpack
import zmq
from hypothesis import strategies as st

PATIENCE = 20.0
# What msgpack can say, for fuzzing.
leaves = st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats() | st.text() | st.binary()


@contextlib.contextmanager
def opened(bridge, host):
    bridge.open(host)
    try:
        yield bridge
    finally:
        bridge.close()


@contextlib.contextmanager
def peer(kind, port, **options):
    """A plain client socket, as a user would write it, in a context of its own."""
    context = zmq.Context()
    socket = context.socket(kind)
    socket.linger = 0
    socket.sndtimeo = socket.rcvtimeo = int(PATIENCE * 1000)
    for name, value in options.items():
        setattr(socket, name, value)
    socket.connect(f"tcp://127.0.0.1:{port}")
    try:
        yield socket
    finally:
        socket.close(0)
        context.term()


def request(method, params=None, number=1, **more):
    message = {"jsonrpc": "2.0", "id": number, "method": method, **more}
    if params is not None:
        message["params"] = params
    return message


def ask(socket, message):
    """Send a message over REQ or DEALER and return the answer."""
    data = message if isinstance(message, bytes) else msgpack.packb(message)
    socket.send_multipart([data] if socket.type == zmq.REQ else [b"", data])
    return msgpack.unpackb(socket.recv_multipart()[-1])
