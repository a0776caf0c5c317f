"""`morphogen ctl`: play a running daemon from a shell or a script. Friendly verbs over the control methods."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from morphogen.cli import complete
from morphogen.cli.ctl_controls import controls, learn
from morphogen.cli.ctl_layer import layer
from morphogen.cli.ctl_record import record
from morphogen.cli.ctl_share import share
from morphogen.cli.output import print_json, print_table
from morphogen.cli.remote import Remote, common_parameters, connected
from morphogen.errors import UsageError
from morphogen.grammar import nearest, parse_audio, parse_out, read_path
from morphogen.methods import BY_NAME, METHODS

app = typer.Typer(help="Play a running daemon.", no_args_is_help=True)
_FREE = {"ignore_unknown_options": True}  # so that `set view/rotate -30` is a value, not an option

Style = Annotated[str, typer.Argument(metavar="NAME|FILE", autocompletion=complete.style_names)]
Key = Annotated[str, typer.Argument(metavar="KEY", help="As `view/zoom`.", autocompletion=complete.param_keys)]
Seconds = Annotated[float | None, typer.Option(metavar="N", help="Length of the change.")]
On = Annotated[str | None, typer.Option("--on", metavar="now|beat|bar", help="Else as transition/quantise says.")]
BACKEND_NAMES = "auto, cpu, opengl, cuda or numpy."
Slot = Annotated[int, typer.Argument(metavar="N", min=1)]


def _group(ctx: typer.Context, **given: Any) -> None:
    ctx.obj = given


_context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
_group.__signature__ = inspect.Signature([_context, *common_parameters()])  # type: ignore[attr-defined]
_group.__annotations__ = {}
app.callback()(_group)


def _verb(name: str, **extra: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def register(function: Callable[..., None]) -> Callable[..., None]:
        app.command(name, help=function.__doc__, **extra)(connected(function))
        return function

    return register


def _shown(answer: Any) -> None:
    print(f"{answer.get('name', 'the style')}, from frame {answer.get('frame', '?')}.")


def _rows(prefix: str, value: Any) -> list[tuple[str, Any]]:
    """A nested map as flat rows with dotted names."""
    if not isinstance(value, dict):
        return [(prefix, value)]
    inner = ((f"{prefix}.{key}" if prefix else str(key), item) for key, item in value.items())
    return [row for name, item in inner for row in _rows(name, item)]


def _pairs(answer: Any) -> None:
    print_table(("what", "value"), _rows("", answer), ("cyan",))


@_verb("load")
def load(remote: Remote, name: Style, seconds: Seconds = None, on: On = None) -> None:
    """Change to a style, by name or file."""
    path = read_path(name)
    wanted = str(path.resolve()) if path.is_file() else name  # the daemon may stand in another folder
    remote.show(remote.call("style.load", name=wanted, seconds=seconds, on=on), _shown)


for _name, _function in (("layer", layer), ("share", share), ("record", record)):
    _verb(_name)(_function)


@_verb("next")
def next_(remote: Remote, seconds: Seconds = None, on: On = None) -> None:
    """The next slot of the bank."""
    remote.show(remote.call("style.next", seconds=seconds, on=on), _shown)


@_verb("previous")
def previous(remote: Remote, seconds: Seconds = None, on: On = None) -> None:
    """The slot before."""
    remote.show(remote.call("style.previous", seconds=seconds, on=on), _shown)


@_verb("slot")
def slot(remote: Remote, number: Slot, seconds: Seconds = None, on: On = None) -> None:
    """A slot of the bank, from 1."""
    remote.show(remote.call("style.slot", slot=number, seconds=seconds, on=on), _shown)


@_verb("set", context_settings=_FREE)
def set_(remote: Remote, key: Key, value: Annotated[str, typer.Argument(metavar="VALUE")]) -> None:
    """Set a parameter, in its own unit."""
    _known(key)
    answer = remote.call("param.set", key=key, value=value)
    remote.show(answer, lambda _: print(f"{key} = {value}"))


@_verb("get")
def get(remote: Remote, key: Key) -> None:
    """Print a parameter's value."""
    _known(key)
    remote.show(remote.call("param.get", key=key), lambda answer: print(answer["value"]))


def _known(key: str) -> None:
    """Catch a mistyped key here, with the nearest one. A key that a newer daemon has is not refused."""
    from morphogen.params.catalog import BY_KEY

    cure = nearest(key, BY_KEY, "-")
    if key not in BY_KEY and cure != "-":
        raise UsageError(f"there is no parameter {key[:60]!r}.", cure)


@_verb("stats")
def stats(remote: Remote) -> None:
    """Frame rate, late frames, drops, inputs."""
    remote.show(remote.call("stats"), _pairs)


@_verb("params")
def params(remote: Remote) -> None:
    """All parameters with their values and ranges."""

    def people(answer: Any) -> None:
        columns = ("key", "value", "min", "max", "unit", "doc")
        print_table(columns, ([row.get(column, "") for column in columns] for row in answer), ("cyan",))

    remote.show(remote.call("param.list"), people)


@_verb("styles")
def styles(remote: Remote) -> None:
    """The styles that the daemon can load."""

    def people(answer: Any) -> None:
        columns = ("name", "title", "prompt", "shape", "guide", "score")
        print_table(columns, ([row.get(column, "") for column in columns] for row in answer), ("cyan",))

    remote.show(remote.call("style.list"), people)


def _tempo(answer: Any) -> None:
    print(f"{answer.get('bpm', 0):.1f} bpm ({answer.get('source', '?')})")


@_verb("tap")
def tap(remote: Remote) -> None:
    """One tap of the tempo."""
    remote.show(remote.call("tempo.tap"), _tempo)


@_verb("bpm")
def bpm(remote: Remote, tempo: Annotated[float, typer.Argument(metavar="BPM")]) -> None:
    """Fix the tempo; 0 follows the music again."""
    remote.show(remote.call("tempo.set", bpm=tempo), _tempo)


@_verb("snapshot")
def snapshot(
    remote: Remote,
    act: Annotated[str, typer.Argument(metavar="store|recall")],
    number: Slot,
    seconds: Seconds = None,
    on: On = None,
) -> None:
    """Keep everything as it is now, or glide back to it."""
    if act not in ("store", "recall"):
        raise UsageError(f"a snapshot cannot {act[:40]!r}.", "Write `snapshot store 1` or `snapshot recall 1`.")
    glide = {"seconds": seconds, "on": on} if act == "recall" else {}
    done = "kept in" if act == "store" else "back to"
    answer = remote.call(f"snapshot.{act}", slot=number, **glide)
    remote.show(answer, lambda _: print(f"{done} snapshot {number}"))


@_verb("blackout")
def blackout(remote: Remote, state: Annotated[str, typer.Argument(metavar="on|off")] = "on") -> None:
    """Black on the very next frame, or back."""
    if state not in ("on", "off"):
        raise UsageError(f"blackout cannot be {state[:40]!r}.", "Write on or off.")
    answer = remote.call("param.set", key="output/blackout", value=state == "on")
    remote.show(answer, lambda _: print(f"blackout {state}"))


@_verb("audio")
def audio(
    remote: Remote,
    source: Annotated[str, typer.Argument(metavar="SOURCE", autocompletion=complete.audio_sources)],
) -> None:
    """Listen to something else: demo, none, osc, loopback, file:PATH, device:NAME."""
    choice = parse_audio(source)
    path = read_path(choice.value)
    wanted = f"file:{path.resolve()}" if choice.kind == "file" and path.is_file() else source
    remote.show(remote.call("audio.select", source=wanted), lambda _: print(f"listens to {source}"))


@_verb("outputs")
def outputs(remote: Remote) -> None:
    """The running outputs."""

    def people(answer: Any) -> None:
        columns = ("id", "kind", "name", "width", "height", "written", "dropped")
        print_table(columns, ([row.get(column, "") for column in columns] for row in answer), ("cyan",))

    remote.show(remote.call("output.list"), people)


@_verb("open")
def open_(
    remote: Remote,
    output: Annotated[str, typer.Argument(metavar="NAME[:k=v,...]", autocompletion=complete.outputs)],
) -> None:
    """Open an output, written as `serve --out` takes it."""
    choice = parse_out(output)
    if choice.remove:
        raise UsageError(f"open cannot take {output} away.", f"Write `ctl close {choice.kind}`.")
    answer = remote.call("output.open", kind=choice.kind, options=choice.options)
    remote.show(answer, lambda done: print(f"{done.get('id')}: {done.get('name')}"))


@_verb("close")
def close(
    remote: Remote, identity: Annotated[str, typer.Argument(metavar="ID", help="As `ctl outputs` says.")]
) -> None:
    """Close an output."""
    remote.show(remote.call("output.close", id=identity), lambda _: print(f"{identity} closed"))


def _show(answer: Any) -> None:
    print(f"{answer.get('size', '?')}, drawn by {answer.get('backend', '?')}")


@_verb("size")
def size(remote: Remote, pixels: Annotated[str, typer.Argument(metavar="WxH")]) -> None:
    """Show in another size, from one frame to the next."""
    remote.show(remote.call("show.set", size=pixels), _show)


@_verb("backend")
def backend(remote: Remote, name: Annotated[str, typer.Argument(metavar="NAME", help=BACKEND_NAMES)]) -> None:
    """Draw with another backend, from one frame to the next."""
    remote.show(remote.call("show.set", backend=name), _show)


_verb("learn")(learn)
_verb("controls", context_settings=_FREE)(controls)


@_verb("shutdown")
def shutdown(remote: Remote) -> None:
    """End the daemon gracefully."""
    remote.show(remote.call("shutdown"), lambda _: print("stopping"))


Arguments = Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE ...", help="A value is JSON, or else text.")]


@_verb("call", context_settings=_FREE)
def call(
    remote: Remote,
    method: Annotated[str, typer.Argument(metavar="METHOD", help="As `param.set`.")],
    arguments: Arguments = None,
) -> None:
    """Any control method, with its arguments by name. `ctl param.list` is short for `ctl call param.list`."""
    if method not in BY_NAME:
        raise UsageError(f"there is no method {method[:60]!r}.", nearest(method, BY_NAME))
    remote.show(remote.call(method, **read_arguments(arguments or [])), print_json)


def read_arguments(texts: list[str]) -> dict[str, Any]:
    """['slot=2', 'name=cosmic/galaxy'] -> {'slot': 2, 'name': 'cosmic/galaxy'}; values that are not JSON are texts."""
    values: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (equals and key):
            raise UsageError(f"{text[:60]!r} is not KEY=VALUE.", "Write as slot=2 or 'values={\"view/zoom\": 2}'.")
        try:
            values[key] = json.loads(value)
        except ValueError:
            values[key] = value
    return values


def _register(method: str) -> None:
    def direct(remote: Remote, arguments: Arguments = None) -> None:
        call(remote, method, arguments)

    app.command(method, hidden=True, help=BY_NAME[method].doc, context_settings=_FREE)(connected(direct))


for _method in METHODS:
    if "." in _method.name:
        _register(_method.name)
