"""`morphogen styles`: what is in the library, and making, packing and importing styles."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from morphogen.cli import complete
from morphogen.cli.output import note, print_json, print_table
from morphogen.cli.still import busy
from morphogen.errors import UsageError

app = typer.Typer(help="The library: list, show, draw, pack and import styles.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME|FILE", autocompletion=complete.style_names)]
AsJson = Annotated[bool, typer.Option("--json", help="As one line of JSON.")]
Out = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="File to write.")]


@app.command("list")
def list_(json: AsJson = False) -> None:
    """All styles, yours and those that came along."""
    from morphogen.library.find import Library

    found = Library().list()
    if json:
        print_json([info.public() for info in found], indent=None)
        return
    columns = ("name", "title", "prompt", "shape", "guide", "score")
    rows = [[getattr(info, column) for column in columns] for info in found if not info.error]
    print_table(columns, rows, ("cyan",))
    for info in found:
        if info.error:
            note(f"Not usable: {info.path}: {info.error}")


@app.command("show")
def show(name: Name, json: AsJson = False) -> None:
    """All that is known about one style."""
    from morphogen.library.find import Library
    from morphogen.library.style import describe

    style = Library().find(name)
    known = describe(style) | {
        "shape": str(style.shape),
        "parameters": style.shape.parameters,
        "path": str(style.path) if style.path else None,
    }
    if json:
        print_json(known, indent=None)
    else:
        shown = {key: value for key, value in known.items() if value not in ("", None, {}, [])}
        print_table(("what", "value"), ((key, _words(value)) for key, value in shown.items()), ("cyan",))


def _words(value: Any) -> Any:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {text}" for key, text in value.items())
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value


@app.command("pack")
def pack(name: Name, output: Out) -> None:
    """A style as one datagram, to send over OSC or ZeroMQ."""
    from morphogen.library.find import Library
    from morphogen.library.pack import pack as to_datagram

    data = to_datagram(Library().find(name))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(data)
    note(f"Wrote {output}: {len(data)} bytes.")


@app.command("thumb")
def thumb(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME ...]", help="Left out: all that lack one.", autocompletion=complete.style_names),
    ] = None,
    time: Annotated[float, typer.Option(metavar="SECONDS", help="Moment of the style's own time.")] = 20.0,
) -> None:
    """Draw the small pictures beside the style files."""
    from morphogen.library.find import Library
    from morphogen.library.thumb import save_thumbnail

    library = Library()
    for name in names or [info.name for info in library.list() if not info.error and info.thumbnail is None]:
        note(f"Wrote {save_thumbnail(library.find(name), seconds=time)}.")


@app.command("draw")
def draw(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write; left out: your own library.")
    ] = None,
    preset: Annotated[str, typer.Option(metavar="NAME", help="Size of the network.")] = "3L_4D",
    init: Annotated[str, typer.Option(metavar="glow|seed", help="How the weights are drawn.")] = "glow",
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed draws the same style.", min=0)] = 0,
    inputs: Annotated[str, typer.Option(metavar="x,y,...", help="What it sees and hears; left out: all.")] = "",
    units: Annotated[bool, typer.Option("--units", help="Activations differ from unit to unit.")] = False,
    gain: Annotated[float, typer.Option(metavar="X", help="Wildness of the hidden layers.")] = 5.0,
    extent: Annotated[float, typer.Option(metavar="X", help="Coordinate at the upper edge.")] = 0.5,
    pace: Annotated[float, typer.Option(metavar="X", help="How fast it moves by itself.")] = 1.0,
    reaction: Annotated[float, typer.Option(metavar="X", help="How strongly music moves it.")] = 1.0,
    contrast: Annotated[float, typer.Option(metavar="X", help="Factor on the output weights.")] = 1.0,
    harmony: Annotated[float, typer.Option(metavar="X", help="0 independent colours, 1 one single hue.")] = 0.0,
    head: Annotated[str, typer.Option(metavar="rgb|palette", help="Three channels, or one through colours.")] = "rgb",
    name: Annotated[str, typer.Option(metavar="series/name", help="Its name.")] = "",
    title: Annotated[str, typer.Option(metavar="TEXT", help="Its title, for people.")] = "",
    licence: Annotated[str, typer.Option(metavar="NAME", help="What others may do with it.")] = "MIT",
) -> None:
    """A new style from a seed alone, untrained."""
    from morphogen.library.draw import Recipe
    from morphogen.library.draw import draw as draw_style

    listed = tuple(word.strip() for word in inputs.split(",")) if inputs else Recipe().inputs
    recipe = Recipe(preset, seed, _init(init), listed, units, gain, extent, pace, reaction, contrast, harmony, head)
    _save(draw_style(recipe, name, title, licence), output)


def _init(text: str) -> Any:
    if text not in ("glow", "seed"):
        raise UsageError(f"there is no init {text[:40]!r}.", "Choose glow or seed.")
    return text


def _save(style: Any, output: Path | None) -> None:
    """To `output`, or into the user's own library under the style's name."""
    from morphogen.folders import styles_folder
    from morphogen.library.style import SUFFIX, save_style

    target = output or styles_folder() / f"{style.name}{SUFFIX}"
    save_style(style, target)
    note(f"Wrote {target}: {style.name}, {style.shape.parameters} parameters.")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.pth", help="A network saved by the older tools.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write; left out: your own library.")
    ] = None,
    name: Annotated[str, typer.Option(metavar="series/name", help="Its name; left out: own/<file name>.")] = "",
    extent: Annotated[
        float, typer.Option(metavar="X", help="Coordinate at the upper edge; 0.5 shows what the old stage showed.")
    ] = math.pi,
) -> None:
    """Turn an old .pth network into a style file."""
    from morphogen.library.importer import import_pth

    with busy(f"Reading {file.name}"):
        style = import_pth(file, extent=extent)
    _save(dataclasses.replace(style, name=name, series="") if name else style, output)
