"""The address space as it is now: nodes, their values, the weights of the running style, and what has changed."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import morphogen
from morphogen.contracts import Host
from morphogen.errors import MorphogenError
from morphogen_bridges.osc import addresses as table
from morphogen_bridges.osc import nodes
from morphogen_bridges.osc.nodes import Node
from morphogen_bridges.servers.web.calls import ask

LISTED = 4096  # weights that the tree lists; those of wider networks are there, each under its own address
MENU_SECONDS = 5.0
PULSE_SECONDS = 0.1
ASK_SECONDS = 1.0
SLICE = 256  # pieces of an answer after which others may be served
_DESCRIPTIONS = {"/": f"Morphogen {morphogen.__version__}", "/morphogen/norm": "Every parameter from 0 to 1.",
                 "/audio": "What Synesthesia sends."}  # fmt: skip


@dataclass(frozen=True)
class Weights:
    """Those of one style. names: of the listed ones. values: as far as listed, changed in place by `bend`."""

    style: str = ""
    generation: int = -1
    total: int = 0
    names: tuple[str, ...] = ()
    values: list[float] = field(default_factory=list)


class Space:
    """Loop thread only, except `bend` and the assignment of `state`."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.state: Mapping[str, Any] = {}
        self.weights = Weights()
        self.choices: dict[str, dict[str, list[str]]] = {}
        self._menus_at = float("-inf")
        self._keys: dict[str, tuple[str, bool]] = {}
        for key in host.params.specs:
            self._keys[table.PREFIX + key], self._keys[table.NORM + key] = (key, False), (key, True)
        self._readings = {table.PREFIX + one.key: one.key for one in table.READINGS}
        self._features = frozenset(
            prefix + key for key, spec in host.params.specs.items() if spec.feature for prefix in _PREFIXES
        )
        self._build()

    def _build(self) -> None:
        self._fixed = {node.address: node for node in nodes.fixed_nodes(self._host.params.specs, self.choices)}
        self._texts = {address: _attributes(node.fixed) for address, node in self._fixed.items()}
        self._build_weights()
        self._groups: dict[str, dict[str, str]] = {"/": {}, table.WEIGHT[:-1]: {}}
        for address in [*self._fixed, table.WEIGHT]:
            parts = address.rstrip("/").split("/")[1:]
            for depth in range(len(parts)):
                above = "/" + "/".join(parts[:depth])
                self._groups.setdefault(above, {})[parts[depth]] = "/" + "/".join(parts[: depth + 1])

    def _build_weights(self) -> None:
        named = enumerate(self.weights.names)
        reach = _reach(self.weights.values)
        self._bends = {node.address: node for node in (nodes.weight(n, name, reach) for n, name in named)}
        self._bend_texts = [_attributes(node.fixed) for node in self._bends.values()]

    # --- any thread

    def bend(self, index: int, value: float) -> None:
        """Somebody has set one weight."""
        values = self.weights.values
        if 0 <= index < len(values):
            values[index] = value

    # --- what is there

    async def refresh(self) -> bool:
        """Ask what the weights are now, if another style has come; whether other nodes are there than before."""
        before = self.weights
        try:
            told = await ask(self._host, "style.weights", {"first": 0, "count": 1}, timeout=ASK_SECONDS)
            if (told["name"], told["generation"]) == (before.style, before.generation):
                return False  # `bend` has kept the values
            told = await ask(self._host, "style.weights", {"first": 0, "count": LISTED}, timeout=ASK_SECONDS)
            self.weights = Weights(str(told["name"]), int(told["generation"]), int(told["total"]),
                                   tuple(told["names"]), [float(value) for value in told["values"]])  # fmt: skip
        except (MorphogenError, KeyError, TypeError):
            return False  # no style, or the show is about to end: what was known goes on being said
        self._build_weights()
        return self.weights.names != before.names

    async def refresh_menus(self) -> bool:
        """Look again, every few seconds at most, which styles may be named; whether others may than before."""
        now = asyncio.get_running_loop().time()
        if now - self._menus_at < MENU_SECONDS:
            return False
        self._menus_at = now
        try:
            styles = await ask(self._host, "style.list", timeout=ASK_SECONDS)
            bank = await ask(self._host, "bank.list", timeout=ASK_SECONDS)
            menus = {"style/load": {"name": [str(style["name"]) for style in styles]},
                     "style/slot": {"slot": [str(name) for name in bank["slots"]]}}  # fmt: skip
        except (MorphogenError, KeyError, TypeError):
            return False
        found = {table.PREFIX + address: menu for address, menu in menus.items()}
        if found == self.choices:
            return False
        self.choices = found
        self._build()
        return True

    def node(self, address: str) -> Node | None:
        """A method by its address; None where there is none, or only a container."""
        return self._fixed.get(address) or self._bends.get(address)

    async def unlisted(self, address: str) -> tuple[Node, float] | None:
        """A weight beyond those listed, with its value; None where there is none."""
        number = address.removeprefix(table.WEIGHT)
        if not address.startswith(table.WEIGHT) or not (number.isascii() and number.isdecimal() and len(number) < 9):
            return None
        if not LISTED <= int(number) < self.weights.total or str(int(number)) != number:
            return None
        told = await ask(self._host, "style.weights", {"first": int(number), "count": 1}, timeout=ASK_SECONDS)
        value = float(told["values"][0])
        return nodes.weight(int(number), told["names"][0], _reach([value])), value

    def is_container(self, address: str) -> bool:
        """Whether there is something below."""
        return address in self._groups

    def is_polled(self, address: str) -> bool:
        """Whether its value changes without an event."""
        return address in self._readings or address in self._features

    # --- values

    def value(self, address: str) -> Any:
        """What a readable method stands at, as JSON holds it; None while it has no value."""
        known = self._keys.get(address)
        if known is not None:
            key, normalised = known
            spec = self._host.params.specs[key]
            number = spec.check(self._host.params.get(key))
            return spec.to_normalised(number) if normalised else spec.public(number)
        if address in self._readings:
            return self._read[self._readings[address]](self)
        node = self._bends.get(address)
        return None if node is None else self.weights.values[int(address.removeprefix(table.WEIGHT))]

    def _beat(self) -> float:
        return self._host.tempo().beat_at(self._host.clock.now())

    def _pulse(self) -> float:
        tempo = self._host.tempo()
        return float(tempo.phase_at(self._host.clock.now()) * 60.0 / tempo.bpm < PULSE_SECONDS)

    def _counted(self, name: str) -> float | None:
        value = self.state.get(name)
        return float(value) if isinstance(value, (int, float)) else None

    _read: Mapping[str, Callable[[Space], Any]] = {
        "beat/phase": lambda self: self._beat() % 1.0,
        "beat/bar_phase": lambda self: self._host.tempo().bar_phase_at(self._host.clock.now()),
        "beat/pulse": _pulse,
        "beat/count": lambda self: float(self._beat() // 1),
        "beat/bar": lambda self: float(self._beat() // self._host.tempo().beats_per_bar),
        "tempo/bpm": lambda self: float(self._host.tempo().bpm),
        "state/fps": lambda self: self._counted("fps"),
        "state/late": lambda self: self._counted("late"),
        "style/current": lambda self: self.weights.style or None,
        "style/generation": lambda self: float(self.weights.generation) if self.weights.style else None,
    }

    # --- JSON

    async def json(self, address: str) -> str | None:
        """A node and everything below it; None where there is nothing.

        All but VALUE was written beforehand: 1.5 ms of processor time for all of a style of 183 weights (326 nodes, 80
        kB), 4.5 ms with 4,096 weights (1 MB). In small pieces, because one `json.dumps` of the whole would keep the
        interpreter from the render thread until it is done; after every SLICE of them other clients are served.
        """
        if not self.is_container(address) and self.node(address) is None:
            return None
        pieces: list[str] = []
        for piece in self._pieces(address):
            pieces.append(piece)
            if len(pieces) % SLICE == 0:
                await asyncio.sleep(0)
        return "".join(pieces)

    def _pieces(self, address: str) -> Iterator[str]:
        node = self.node(address)
        if node is not None:
            yield f"{{{self._texts.get(address) or _attributes(node.fixed)}{self._value_text(node)}}}"
            return
        said = self._description(address)
        told = f',"DESCRIPTION":{json.dumps(said)}' if said else ""
        yield f'{{"FULL_PATH":{json.dumps(address)},"ACCESS":0{told},"CONTENTS":{{'
        if address == table.WEIGHT[:-1]:
            for n, (text, value) in enumerate(zip(self._bend_texts, self.weights.values, strict=False)):
                yield f'{"," * (n > 0)}"{n}":{{{text},"VALUE":[{value!r}]}}'
        for n, (name, path) in enumerate(self._groups[address].items()):
            yield f"{',' * (n > 0)}{json.dumps(name)}:"
            yield from self._pieces(path)
        yield "}}"

    def _value_text(self, node: Node) -> str:
        value = self.value(node.address) if node.readable else None
        return "" if value is None else f',"VALUE":{json.dumps([value], allow_nan=False)}'

    def _description(self, address: str) -> str:
        if address != table.WEIGHT[:-1]:
            return _DESCRIPTIONS.get(address, "")
        total = self.weights.total
        more = f" The first {LISTED} are listed; all can be named." if total > LISTED else ""
        return f"The {total} weights of {self.weights.style}.{more}" if total else "The weights of the running style."


_PREFIXES = (table.PREFIX, table.NORM)


def _reach(values: Iterable[float]) -> float:
    """How far a fader of these weights should go to either side."""
    return float(math.ceil(max([nodes.WEIGHT_RANGE, *(2.0 * abs(value) for value in values)])))


def _attributes(fixed: Mapping[str, Any]) -> str:
    return json.dumps(fixed, separators=(",", ":"), allow_nan=False)[1:-1]
