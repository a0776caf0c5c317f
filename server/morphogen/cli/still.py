"""`morphogen still`: one frame as a PNG, the same every time, with the style that it shows in it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from morphogen.cli import complete
from morphogen.cli.output import counting, note
from morphogen.errors import UsageError
from morphogen.grammar import nearest, read_backend, read_size

if TYPE_CHECKING:
    from morphogen.library.style import Style

HELP = "Draw one frame as a PNG that carries its style; the same every time."
BIG = 8_000_000  # pixels: from here on drawing takes long enough to say so


def still(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.png", help="File to write.")],
    style: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Style, by name or file.", autocompletion=complete.style_names)
    ] = "",
    layer: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Style over it; `--set layer/...` says how.",
                          autocompletion=complete.style_names)
    ] = "",
    size: Annotated[str, typer.Option(metavar="WxH", help="Size in pixels.")] = "1920x1080",
    time: Annotated[float, typer.Option(metavar="SECONDS", help="Moment of the style's own time.")] = 0.0,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Set a parameter or an audio feature. May be repeated.",
            autocompletion=complete.param_settings,
        ),
    ] = None,
    lut: Annotated[str, typer.Option(metavar="FILE", help="Look-up table for the colours, a .cube file.")] = "",
    backend: Annotated[
        str, typer.Option(metavar="NAME", help="What draws.", autocompletion=complete.backends)
    ] = "auto",
) -> None:  # fmt: skip
    """Render and write atomically: the file is whole or not there, also after Ctrl-C. It carries its style, as `styles
    share` does: the style itself, without what `--set` did to this picture. Drawn and written band by band, so that
    16384x16384 takes no more memory than a small one. With `output/alpha` the file has an alpha channel."""
    width, height = read_size(size)
    values = read_settings(sets or ())
    drawer = read_backend(backend)
    from morphogen.library.cube import read_cube
    from morphogen.library.find import Library
    from morphogen.params.catalog import BY_KEY
    from morphogen.still import first_style, still_bands

    shown = first_style(Library(), style)
    table, said = read_cube(lut) if lut else (None, "")
    if said:
        note(said)
    bands = still_bands(shown, (width, height), time, values, drawer, layer, table)
    _write(output, shown, (width, height), bands, alpha=BY_KEY["output/alpha"].check(values.get("output/alpha", 0)) > 0)


def _write(
    output: Path, style: Style, size: tuple[int, int], bands: Generator[Any, None, None], *, alpha: bool
) -> None:
    from morphogen.library.bands import write_png
    from morphogen.library.exchange import picture_chunks

    width, height = size
    shown = counting(f"Drawing {width} x {height}", width * height >= BIG)
    with shown as watch, contextlib.closing(bands):
        write_png(output, size, bands, picture_chunks(style), watch, alpha)
    note(f"Wrote {output} ({width} x {height}), with the style {style.name} in it.")


def read_settings(texts: Sequence[str]) -> dict[str, str]:
    """['view/zoom=2'] -> {'view/zoom': '2'}; keys and values are checked against the catalog. Raises UsageError."""
    from morphogen.params.catalog import BY_KEY

    values = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip().lower()
        if not equals:
            raise UsageError(f"--set {text!r} is not KEY=VALUE.", "Write it as view/zoom=1.5.")
        if key not in BY_KEY:
            raise UsageError(
                f"--set: there is no parameter {key[:60]!r}.", nearest(key, BY_KEY, "See `morphogen ctl params`.")
            )
        BY_KEY[key].check(value)
        values[key] = value.strip()
    return values


@contextlib.contextmanager
def busy(text: str, shown: bool = True) -> Iterator[None]:
    """A moving line on stderr while work goes on; silent into a pipe."""
    if not (shown and sys.stderr.isatty()):
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield
