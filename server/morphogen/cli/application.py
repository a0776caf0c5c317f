"""Puts the verbs together."""

from __future__ import annotations

from typing import Annotated, Any

import typer
import typer.main

from morphogen import __version__
from morphogen.cli import bench, ctl, devices, doctor, keys, serve, service, still, style_media, styles, train

app = typer.Typer(
    name="morphogen",
    help="A live visual instrument: tiny neural networks drawn at frame rate, moved by music.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"morphogen {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Say which version this is.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


app.command("serve", help=serve.HELP)(serve.serve)
app.command("still", help=still.HELP)(still.still)
app.add_typer(ctl.app, name="ctl")
style_media.add_to(styles.app)
app.add_typer(styles.app, name="styles")
app.command("train", help=train.HELP)(train.train)
app.command("keys", help=keys.HELP)(keys.keys)
app.command("devices", help=devices.HELP)(devices.devices)
app.command("doctor", help=doctor.HELP)(doctor.doctor)
app.command("bench", help=bench.HELP)(bench.bench)
app.add_typer(service.app, name="service")


def command() -> Any:
    """The click command behind the whole command line."""
    return typer.main.get_command(app)
