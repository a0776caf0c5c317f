"""`morphogen ctl learn` and `morphogen ctl controls`: what knobs, pads and foreign OSC addresses do."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from morphogen.cli import complete
from morphogen.cli.output import print_table
from morphogen.cli.remote import Remote
from morphogen.errors import UsageError

Target = Annotated[
    str,
    typer.Argument(
        metavar="TARGET", help="As `view/zoom`, `tempo.tap` or `'style.slot 3'`.", autocompletion=complete.param_keys
    ),
]
Wait = Annotated[float, typer.Option("--wait", metavar="SECONDS", help="How long to wait for a control to move.")]
Act = Annotated[str, typer.Argument(metavar="list|set|remove|cancel")]
Words = Annotated[list[str] | None, typer.Argument(metavar="ADDRESS TARGET FIELD=VALUE ...")]
_REST = ("address", "target", "mode", "own")


def learn(remote: Remote, target: Target, wait: Wait = 20.0) -> None:
    """Move a knob or press a pad: from then on it moves TARGET."""
    if not remote.json:
        print(f"Move a knob or press a pad for {target} ...", flush=True)
    patient = replace(remote, timeout=max(remote.timeout, wait + 5.0))  # the answer comes when something has moved
    remote.show(patient.call("controls.learn", target=target, seconds=wait), _one)


def controls(remote: Remote, act: Act = "list", words: Words = None) -> None:
    """What the controllers do: list it, set or remove a rule, or learn no longer."""
    from morphogen.cli.ctl import read_arguments

    words = words or []
    if act == "list" and not words:
        remote.show(remote.call("controls.list"), _people)
    elif act == "cancel" and not words:
        remote.show(
            remote.call("controls.cancel"),
            lambda done: print("cancelled" if done["cancelled"] else "nothing was learnt"),
        )
    elif act == "remove" and len(words) in (1, 2):
        answer = remote.call("controls.remove", address=words[0], target=words[1] if len(words) == 2 else "")
        remote.show(answer, lambda done: print(f"{done['removed']} removed"))
    elif act == "set" and len(words) >= 2:
        answer = remote.call("controls.set", address=words[0], target=words[1], fields=read_arguments(words[2:]))
        remote.show(answer, _one)
    else:
        raise UsageError(f"controls cannot do {' '.join([act, *words])[:60]!r}.",
                         "Write `set ADDRESS TARGET mode=toggle`, `remove ADDRESS`, `cancel`, or nothing.")  # fmt: skip


def _fields(rule: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in rule.items() if key not in _REST)


def _one(rule: dict[str, Any]) -> None:
    rest = _fields(rule)
    print(f"{rule['address']}  {rule['mode']}  {rule['target']}{f'  ({rest})' if rest else ''}")


def _people(answer: dict[str, Any]) -> None:
    rows = [(rule["address"], rule["target"], rule["mode"], _fields(rule)) for rule in answer["rules"]]
    print_table(("address", "target", "mode", "with"), rows, ("cyan",))
    for problem in answer["problems"]:
        print(f"{problem['file']}, line {problem['line']}: {problem['message']} {problem['cure']}")
    if answer["learning"]:
        print(f"Waiting for a control for {answer['learning']}.")
