"""`morphogen service`: the show as a service of this user, which comes back after a crash and after a restart."""

from __future__ import annotations

from typing import Annotated

import typer

from morphogen.cli.output import note, print_json, print_table

app = typer.Typer(
    name="service", help="Run the show as a service: from login on, and again after a crash.", no_args_is_help=True
)
_Name = Annotated[
    str, typer.Option("--name", metavar="NAME", help="One of several services on this machine.", show_default="none")
]


@app.command("install", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def install(
    context: typer.Context,
    name: _Name = "",
    only_print: Annotated[bool, typer.Option("--print", help="Show the file; install nothing.")] = False,
    start: Annotated[bool, typer.Option("--start/--no-start", help="Start it now.")] = True,
) -> None:
    """Install it, or replace what is installed. All other options are handed to `serve`, with --resume."""
    from morphogen.service import manager

    _check(context.args)
    made = manager(name, context.args)
    if only_print:
        note(f"{made.path}:")
        print(made.text, end="")
        return
    made.install(start)
    note(f"Wrote {made.path}.")
    note(f"{made.job.name} {'runs now, and' if start else 'runs'} from the next login on. Log: {made.log}")


@app.command("uninstall")
def uninstall(name: _Name = "") -> None:
    """Stop it and take it away. Styles and state stay."""
    from morphogen.service import manager

    made = manager(name, ())
    made.uninstall()
    note(f"{made.job.name} is stopped and gone; {made.path} is deleted.")


@app.command("status")
def status(
    name: _Name = "", json: Annotated[bool, typer.Option("--json", help="As one line of JSON.")] = False
) -> None:
    """Whether it is installed and runs, and where its log is. Exit code 1 if it does not run."""
    from morphogen.service import manager

    found = manager(name, ()).status()
    if json:
        print_json(found, indent=None)
    else:
        print_table(("what", "is"), [(key, str(value)) for key, value in found.items()], ("cyan",))
    raise typer.Exit(0 if found["running"] else 1)


def _check(options: list[str]) -> None:
    """Read the options as `serve` would, now: a service that fails at its start fails where nobody sees it. Raises
    usage errors and UsageError."""
    from morphogen.cli.application import command
    from morphogen.config import build

    context = command().commands["serve"].make_context("morphogen serve", list(options))
    build({key: value for key, value in context.params.items() if key != "config"}, context.params.get("config"))
