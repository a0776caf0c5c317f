"""From OSC messages to acts on the instrument. No sockets, no threads: one thread calls, `host` does the rest.

Parameters are gathered and handed over by `end_batch`, so that of a thousand values for one key in one batch only the
last reaches the store; a command hands over first (a barrier), because it may depend on what was set before it. Of a
pulse that falls within the batch (an onset's 1 and 0) the height is handed over, too.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

import morphogen
from morphogen.contracts import Host
from morphogen.errors import MorphogenError
from morphogen.params.catalog import PULSES
from morphogen.params.spec import Param
from morphogen_bridges.osc import addresses as table
from morphogen_bridges.osc.codec import Infinitum, Message, OscError, write_message
from morphogen_bridges.osc.foreign import Foreign
from morphogen_bridges.osc.match import is_pattern, matching
from morphogen_bridges.osc.peer import Peer
from morphogen_bridges.osc.tally import Refused, Tally

MAX_OPEN_CALLS = 4_096  # commands whose futures have not resolved; more are refused, the engine is not keeping up
MAX_PATTERNS = 128  # expanded patterns that are remembered
NEW_PATTERNS = 4  # expanded a batch; at 2 ms for the worst one, more could hold up the render thread
MAX_WEIGHT = 1 << 24


class Route(NamedTuple):
    """Where a parameter address leads."""

    key: str
    spec: Param
    normalised: bool


class Dispatcher:
    """Carries messages out. Never raises for what a message contains: what is refused goes to the tally."""

    def __init__(self, host: Host, tally: Tally) -> None:
        self._host = host
        self._tally = tally
        self._foreign = Foreign(host.controls)
        self._routes = _routes(host)
        self._commands = {command.address: command for command in table.COMMANDS}
        self._special: dict[str, Callable[[Message, Peer], None]] = {
            table.PING: self._ping,
            table.SUBSCRIBE: self._subscribe,
            table.SYNESTHESIA_BEAT: self._on_beat,
            **dict.fromkeys(table.SYNESTHESIA_BPM, self._heard_bpm),
            **dict.fromkeys(table.SYNESTHESIA_UNUSED, self._unused),
        }
        self._values: dict[str, tuple[Any, bool, str]] = {}
        self._calls: dict[tuple[str, int], dict[str, Any]] = {}
        self._patterns: dict[str, list[str]] = {}
        self._new_patterns = 0
        self._open_calls = 0
        self._lock = threading.Lock()
        self._was_on_beat = False
        self._bpm = 0.0

    def handle(self, message: Message, peer: Peer) -> None:
        """Carry out one message; parameters wait for `end_batch`."""
        try:
            special = self._special.get(message.address)
            if special is not None:
                special(message, peer)
                return
            route = self._routes.get(message.address)
            if route is not None:
                self._parameter(route, message, peer)
            else:
                self._other(message, peer)
        except Refused as error:
            self._tally.reject(error.kind, error, peer.origin)
        except MorphogenError as error:
            self._tally.reject("value", error, peer.origin)

    def end_batch(self) -> None:
        """Hand over what was gathered and begin a new batch."""
        self._new_patterns = 0
        self.flush()

    def flush(self) -> None:
        """Hand over gathered parameters, foreign faders, weights and tempo."""
        if self._values:
            values, self._values = self._values, {}
            for key, value in values.items():
                self._put(key, *value)
        self._foreign.flush()
        if self._calls:
            calls, self._calls = self._calls, {}
            for (method, _), arguments in calls.items():
                self._call(method, arguments)

    def _put(self, key: str, value: Any, normalised: bool, origin: str) -> None:
        params = self._host.params
        try:
            (params.set_normalised if normalised else params.set)(key, value, origin)
        except MorphogenError as error:
            self._tally.reject("value", error, origin)

    def _other(self, message: Message, peer: Peer) -> None:
        command = self._commands.get(message.address)
        if command is not None:
            self._command(command, message.args)
        elif message.address.startswith(table.WEIGHT):
            self._weight(message)
        elif is_pattern(message.address):
            self._pattern(message, peer)
        elif message.address.startswith(table.PREFIX) or not self._foreign.take(message):
            cure = "docs/osc.md lists all addresses; `morphogen ctl learn KEY` gives a foreign one a meaning."
            raise Refused("address", f"{message.address[:80]!r}.", cure)

    # --- parameters

    def _parameter(self, route: Route, message: Message, peer: Peer) -> None:
        args = message.args
        if not args:
            self._answer(route, message.address, peer)
            return
        if len(args) != 1:
            raise Refused("arguments", f"{message.address!r} takes one value, got {len(args)}.")
        value = args[0]
        if type(value) is not float or not math.isfinite(value):
            # Checked here and not by the store: the store sees only the last value of a batch, and a bad one must
            # not swallow the good one before it.
            value = _text(route, value) if type(value) is str and not route.normalised else _number(value, message)
        before = self._values.get(route.key)
        if before is not None and route.key in PULSES and before[0] > value:  # 0..1, normalised or not
            self._put(route.key, *before)
        self._values[route.key] = (value, route.normalised, peer.origin)

    def _answer(self, route: Route, address: str, peer: Peer) -> None:
        self.flush()
        value = route.spec.check(self._host.params.get(route.key))
        if route.normalised:
            value = route.spec.to_normalised(value)
        peer.reply(write_message(address, value))
        self._host.emit("query", {"address": address, "value": value})

    def _pattern(self, message: Message, peer: Peer) -> None:
        found = self._patterns.get(message.address)
        if found is None:
            if self._new_patterns >= NEW_PATTERNS:
                raise Refused("flood", f"more than {NEW_PATTERNS} new address patterns at once.")
            self._new_patterns += 1
            try:
                found = matching(message.address, self._routes)
            except OscError as error:
                raise Refused("address", str(error)) from error
            if len(self._patterns) >= MAX_PATTERNS:
                self._patterns.clear()
            self._patterns[message.address] = found
        if not found:
            raise Refused("address", f"pattern {message.address[:80]!r} matches no parameter.")
        for address in found:
            try:
                self._parameter(self._routes[address], message._replace(address=address), peer)
            except Refused as error:
                self._tally.reject(error.kind, error, peer.origin)

    # --- commands

    def _command(self, command: table.Command, args: Sequence[Any]) -> None:
        if command.button:
            if len(args) > 1:
                raise Refused("arguments", f"{command.address} takes nothing, or the 1 and 0 of a button.")
            if args and args[0] not in (Infinitum.INFINITUM, None) and not _number(args[0], command):
                return
            args = ()
        if not command.required <= len(args) <= len(command.letters):
            raise Refused("arguments", f"{command.address} takes {command.types + ']' * ('[' in command.types)!r}, "
                                       f"got {len(args)} values.")  # fmt: skip
        arguments = {
            name: _convert(letter, value, command)
            for name, letter, value in zip(command.names, command.letters, args, strict=False)
        }
        if command.continuous:
            self._calls[command.method, 0] = arguments
        else:
            self.flush()
            self._call(command.method, arguments)

    def _weight(self, message: Message) -> None:
        index = message.address.removeprefix(table.WEIGHT)
        if not (index.isascii() and index.isdecimal() and len(index) < 9 and int(index) < MAX_WEIGHT):
            raise Refused("address", f"{message.address[:80]!r}: weights are numbered from 0.")
        if len(message.args) != 1:
            raise Refused("arguments", f"{message.address} takes one number, got {len(message.args)}.")
        value = _number(message.args[0], message)
        self._calls["style.weight", int(index)] = {"index": int(index), "value": value}

    def _call(self, method: str, arguments: dict[str, Any]) -> None:
        with self._lock:
            busy = self._open_calls >= MAX_OPEN_CALLS
            self._open_calls += not busy
        if busy:
            self._tally.reject("flood", OscError(f"{method}: {MAX_OPEN_CALLS} commands are waiting already."))
            return

        def done(future: Future[Any]) -> None:
            with self._lock:
                self._open_calls -= 1
            error = None if future.cancelled() else future.exception()
            if error is not None:
                self._tally.reject("failed", OscError(f"{method}: {error}"))

        try:
            self._host.call(method, arguments).add_done_callback(done)
        except MorphogenError as error:
            with self._lock:
                self._open_calls -= 1
            self._tally.reject("failed", OscError(f"{method}: {error}"))

    # --- special addresses

    def _ping(self, _message: Message, peer: Peer) -> None:
        self.flush()  # a pong says that all that was sent before has been done
        peer.reply(write_message(table.PONG, morphogen.__version__))

    def _subscribe(self, message: Message, peer: Peer) -> None:
        port = round(_number(message.args[0], message)) if len(message.args) == 1 else 0
        if not 1_024 <= port <= 65_535:  # below sit the services that a forged sender would like us to talk to
            raise Refused("arguments", f"{message.address} takes the port to send to, 1024 to 65535.")
        self._host.emit("subscribe", {"host": peer.host, "port": port})

    def _unused(self, message: Message, _peer: Peer) -> None:
        self._foreign.take(message)

    def _on_beat(self, message: Message, peer: Peer) -> None:
        route = self._routes.get(message.address)
        if route is not None:
            self._parameter(route, message, peer)
        on = bool(message.args) and _number(message.args[0], message) >= 0.5
        if on and not self._was_on_beat:
            self.flush()
            self._call("tempo.beat", {})
        self._was_on_beat = on

    def _heard_bpm(self, message: Message, _peer: Peer) -> None:
        bpm = _number(message.args[0], message) if len(message.args) == 1 else 0.0
        # Sent with every frame although it rarely changes; before the first beats it is 0.
        if 30 <= bpm <= 300 and abs(bpm - self._bpm) >= 0.05:
            self._bpm = bpm
            self._calls["tempo.set", 0] = {"bpm": bpm}


def _routes(host: Host) -> dict[str, Route]:
    specs = host.params.specs
    routes = {table.PREFIX + key: Route(key, spec, False) for key, spec in specs.items()}
    routes |= {table.NORM + key: Route(key, spec, True) for key, spec in specs.items()}
    for address, key in table.SYNESTHESIA.items():
        if key in specs:
            routes[address] = Route(key, specs[key], False)
    return routes


def _number(value: Any, where: Message | table.Command) -> float:
    """i f h d T F and numeric strings, as a finite float."""
    if isinstance(value, str) and len(value) <= 64:
        try:
            value = float(value)
        except ValueError:
            pass
    if not isinstance(value, (bool, int, float)):
        said = type(value).__name__ if not isinstance(value, str) else repr(value[:40])
        raise Refused("arguments", f"{where.address!r} takes a number, got {said}.")
    if not math.isfinite(value):
        raise Refused("value", f"{where.address!r} refuses {value!r}: not a finite number.")
    return float(value)


def _text(route: Route, value: str) -> float:
    try:
        return route.spec.check(value)
    except MorphogenError as error:
        raise Refused("arguments", str(error)) from error


def _convert(letter: str, value: Any, command: table.Command) -> Any:
    if letter == "f":
        return _number(value, command)
    if letter == "i":
        return round(_number(value, command))
    kind = str if letter == "s" else bytes
    if not isinstance(value, kind):
        raise Refused("arguments", f"{command.address} takes {letter!r}, got {type(value).__name__}.")
    return value
