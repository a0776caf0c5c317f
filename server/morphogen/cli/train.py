"""`morphogen train`: a sentence becomes a style."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from morphogen.cli.output import note, print_json
from morphogen.errors import UsageError

HELP = "Make a style from a sentence. Ctrl-C stops with the best so far; --resume goes on."
PREVIEW = 1.0  # seconds between previews
PICTURE = (320, 184)  # of a preview; its width and height are multiples of 8
BLOCKS = (64, 36)  # of the preview in the terminal: half-blocks, two pixels each
SUFFIX = ".safetensors"


def train(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to show; with weights: 'a | b:-0.5'.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Style file to write.")],
    guide: Annotated[str, typer.Option(metavar="NAME", help="concepts, clip or none.")] = "concepts",
    arch: Annotated[str, typer.Option(metavar="NAME", help="Network: auto, 3L_4D, 3L_8D ...")] = "auto",
    method: Annotated[str, typer.Option(metavar="NAME", help="fit, or seed: the original way.")] = "fit",
    seed: Annotated[int, typer.Option(metavar="N", help="Other random numbers, another style.")] = 0,
    seeds: Annotated[int, typer.Option(metavar="N", help="Random networks that are tried first.")] = 1024,
    steps: Annotated[int, typer.Option(metavar="N", help="Steps of training; 0: as many as the method needs.")] = 0,
    takes: Annotated[int, typer.Option(metavar="N", help="Several tries, each in a file of its own.")] = 1,
    take: Annotated[int, typer.Option(metavar="N", help="The first of them.")] = 0,
    literal: Annotated[float, typer.Option(metavar="X", help="1: the thing itself ... 0: its mood.")] = 1.0,
    reference: Annotated[str, typer.Option(metavar="PICTURE", help="A picture that the guide looks at as well.")] = "",
    colours: Annotated[str, typer.Option(metavar="#RRGGBB,...", help="A palette, whatever the words say.")] = "",
    calm: Annotated[bool, typer.Option("--calm/--no-calm", help="Turn down what flashes too much.")] = True,
    threads: Annotated[int, typer.Option(metavar="N", help="Processor threads; the show needs the others.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what came out as JSON.")] = False,
) -> None:  # fmt: skip
    """Train and write the style, its thumbnail and, meanwhile, a preview."""
    from morphogen.training.order import MOST_TAKES, Order

    if not 1 <= takes <= MOST_TAKES or not 1 <= threads <= 64:
        raise UsageError("--takes and --threads are whole numbers from 1 to 64.", "Leave them out.")
    order = Order(prompt, guide, arch, method, seed, seeds, steps, literal, take, reference, colours, calm)
    from morphogen.training import make

    paths = [make.checked_output(_numbered(output, n)) for n in range(takes)]
    with make.humble(threads):
        prepared = make.prepare(order)
        note(prepared.line())
        told = _takes(prepared, paths, resume)
    if json:
        print_json(told)


def _takes(prepared: Any, paths: list[Path], resume: bool) -> list[dict[str, Any]]:
    """One style each; what came out. With `resume` the unfinished one goes on, and those before it stay."""
    from morphogen.training.checkpoint import part_path

    told, first = [], prepared.order.take
    unfinished = next((n for n, path in enumerate(paths) if part_path(path).exists()), 0) if resume else 0
    for n, path in enumerate(paths[unfinished:], unfinished):
        this = replace(prepared, order=replace(prepared.order, take=first + n))
        style, result = _one(this, path, resume and n == unfinished)
        told.append({"path": str(path), "score": style.score, "seconds": result.seconds, **dict(style.extra)})
        note(f"Wrote {path}{_verdict(result)}.")
        if result.calmed is not None:
            note(f"It {result.calmed.line()}.")
        if result.stopped:
            note("Stopped; the same command with --resume goes on.")
            break
    return told


def _numbered(path: Path, take: int) -> Path:
    """galaxy.safetensors, galaxy-2.safetensors ..."""
    stem = path.name.removesuffix(SUFFIX)
    return path.with_name(f"{stem}-{take + 1}{SUFFIX}" if take else f"{stem}{SUFFIX}")


def _verdict(result: Any) -> str:
    verdict = result.judgement
    score = "" if verdict.score is None else f", score {verdict.score:.2f}"
    empty = " (there is little to see: try another --seed)" if verdict.empty else ""
    return f"{score}, {result.seconds:.0f} s{empty}"


def _one(prepared: Any, path: Path, resume: bool) -> tuple[Any, Any]:
    from morphogen.training import make

    preview = path.with_suffix(".preview.png")
    try:
        with _shown(preview) as watch, _interruptible():
            return make.train(prepared, path, watch, resume)
    finally:
        preview.unlink(missing_ok=True)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does: with the best so far."""

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _shown(preview: Path) -> Iterator[Callable[[Any], None]]:
    """What `Run` tells its progress to: a bar and the picture in a terminal, the picture in a file everywhere."""
    from morphogen.training.preview import Preview

    picture = Preview(preview, PICTURE, PREVIEW)
    if not sys.stderr.isatty():
        yield lambda progress: _ignore(picture.look(progress))
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(TextColumn("{task.description:>6}"), BarColumn(), TextColumn("{task.percentage:3.0f}%"),
                   TimeRemainingColumn(), TextColumn("error {task.fields[error]:.4f}"))  # fmt: skip
    task = bar.add_task("search", total=1.0, error=0.0)
    with Live(bar, console=Console(stderr=True), refresh_per_second=4, transient=True) as live:

        def watch(progress: Any) -> None:
            bar.update(task, completed=progress.done, description=progress.stage, error=progress.error)
            image = picture.look(progress)
            if image is not None:
                live.update(Group(_blocks(image), bar))

        yield watch


def _ignore(_: Any) -> None:
    """A watcher returns nothing."""


def _blocks(image: Any) -> Any:
    """A picture (h, w, 3) uint8 as lines of half-blocks in 24-bit colour."""
    from rich.text import Text

    width, height = BLOCKS
    rows = [y * image.shape[0] // height for y in range(height)]
    columns = [x * image.shape[1] // width for x in range(width)]
    small = image[rows][:, columns]
    text = Text()
    for upper, lower in zip(small[::2], small[1::2], strict=True):
        for a, b in zip(upper, lower, strict=True):
            text.append("▀", "#{:02x}{:02x}{:02x} on #{:02x}{:02x}{:02x}".format(*a, *b))
        text.append("\n")
    return text
