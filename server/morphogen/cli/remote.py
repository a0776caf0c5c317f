"""What every `ctl` verb shares: where the daemon is, how to ask it, and in which form to answer."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from morphogen.cli.output import print_json
from morphogen.grammar import read_folder, read_host, read_port_base
from morphogen.ports import Ports

TIMEOUT = 10.0


@dataclass
class Remote:
    """One running daemon. `call` asks it; `show` prints the answer for people, or as JSON if asked for."""

    host: str = "127.0.0.1"
    ports: Ports = field(default_factory=Ports)
    keys: Path | None = None
    timeout: float = TIMEOUT
    json: bool = False

    def call(self, method: str, **params: Any) -> Any:
        """The answer of one control method; arguments that are None are left out. Raises MorphogenError."""
        from morphogen.registry import resolve

        client = resolve("CLIENTS", "control")(self.host, self.ports.control, self.keys, self.timeout)
        with contextlib.closing(client):
            return client.call(method, **{key: value for key, value in params.items() if value is not None})

    def show(self, answer: Any, people: Callable[[Any], None]) -> None:
        """Print `answer`: as one line of JSON with --json, else through `people`."""
        if self.json:
            print_json(answer, indent=None)
        else:
            people(answer)


_PANEL = "Connection"
_COMMON: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "as_json": (bool, False, {"names": ["--json"], "help": "Answer as one line of JSON.", "show_default": False}),
    "port_base": (str | None, None, {"names": ["--port-base"], "metavar": "N", "help": "The daemon's --port-base.",
                                     "show_default": "8710"}),
    "host": (str | None, None, {"names": ["--host"], "metavar": "ADDRESS", "help": "Where the daemon runs.",
                                "show_default": "this machine"}),
    "curve_keys": (str | None, None, {"names": ["--curve-keys"], "metavar": "DIR",
                                      "help": "Folder with the CURVE keys of a daemon in the network."}),
    "timeout": (float | None, None, {"names": ["--timeout"], "metavar": "SECONDS", "show_default": "10",
                                     "help": "How long to wait for the answer."}),
}  # fmt: skip


def common_parameters() -> list[inspect.Parameter]:
    """The options that `ctl` and each of its verbs take."""
    found = []
    for name, (kind, default, extra) in _COMMON.items():
        info = typer.Option(*extra["names"], rich_help_panel=_PANEL, **{k: v for k, v in extra.items() if k != "names"})
        keyword = inspect.Parameter.KEYWORD_ONLY
        found.append(inspect.Parameter(name, keyword, default=default, annotation=Annotated[kind, info]))
    return found


def _merged(given: dict[str, Any], before: dict[str, Any]) -> Remote:
    """Options may stand before the verb or after it; after wins."""
    chosen = {name: given[name] if given[name] not in (None, False) else before.get(name) for name in _COMMON}
    return Remote(
        host=read_host(chosen["host"]) if chosen["host"] else "127.0.0.1",
        ports=Ports(read_port_base(chosen["port_base"])) if chosen["port_base"] else Ports(),
        keys=read_folder(chosen["curve_keys"]) if chosen["curve_keys"] else None,
        timeout=chosen["timeout"] or TIMEOUT,
        json=bool(chosen["as_json"]),
    )


def connected(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb `(remote, ...)` the connection options and hand it the Remote that they describe."""

    @functools.wraps(verb)
    def command(ctx: typer.Context, **given: Any) -> None:
        connection = {name: given.pop(name) for name in _COMMON}
        verb(_merged(connection, ctx.obj or {}), **given)

    own = list(inspect.signature(verb, eval_str=True).parameters.values())[1:]
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    command.__signature__ = inspect.Signature([context, *own, *common_parameters()])  # type: ignore[attr-defined]
    del command.__wrapped__  # else typer reads the verb's own annotations
    command.__annotations__ = {}
    return command
