"""From a sentence to a style file: opens the guide, makes the plan, runs, writes. What `morphogen train` calls."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from morphogen.errors import StyleError
from morphogen.library import checks
from morphogen.library.atomic import write
from morphogen.library.style import SUFFIX, Style, save_style
from morphogen.library.thumb import save_thumbnail
from morphogen.priority import only_when_idle
from morphogen.training.calm import calm
from morphogen.training.checkpoint import part_path
from morphogen.training.fit import Fitted
from morphogen.training.judge import judge
from morphogen.training.order import Order
from morphogen.training.plan import Plan, make_plan
from morphogen.training.run import Result, Run, Watch
from morphogen.training.table import CONCEPTS
from morphogen.training.torch_field import stack
from morphogen.training.torches import need_torch


@dataclass(frozen=True)
class Prepared:
    """An order with its plan; aim and guide: None without a guide."""

    order: Order
    plan: Plan
    aim: Any
    guide: Any

    def line(self) -> str:
        """What was understood, for people."""
        if self.aim is not None:
            return str(self.aim.line())
        unknown = f"; not understood: {', '.join(self.plan.unknown)}" if self.plan.unknown else ""
        return f"understood: {', '.join(self.plan.understood)}{unknown}"


def prepare(order: Order) -> Prepared:
    """Open the guide and make the plan. Raises UsageError, Unavailable."""
    if order.guide == "none":
        return Prepared(order, make_plan(order, CONCEPTS), None, None)
    from morphogen.training.guides import aim, open_guide

    guide = open_guide(order.guide)
    target = aim(guide, order.prompt, order.reference or None, order.palette or None)
    plan = make_plan(order, CONCEPTS, target.understandings[0] if target.understandings else None)
    return Prepared(order, plan, target, guide)


def train(prepared: Prepared, output: Path, watch: Watch, resume: bool = False) -> tuple[Style, Result]:
    """Run and write the style and its thumbnail beside it. Raises MorphogenError; see `run.Run.go`."""
    output = checked_output(output)
    run = Run(prepared.order, prepared.plan, prepared.aim, watch, part_path(output))
    result = calmed(prepared, run.go(resume))
    style = save_style(describe(prepared, result, output), output)
    save_thumbnail(style, output.with_suffix(".png"))
    return style, result


def calmed(prepared: Prepared, result: Result) -> Result:
    """With its network turned down until it may be shown to anybody, and judged again; as it is with `--no-calm` and of
    the original way, which is there to be compared with."""
    if not prepared.order.calm or prepared.order.method == "seed":
        return result
    done = calm(result.fitted.network(result.row))
    seconds = result.seconds + done.seconds
    if not done.kept:
        return replace(result, calmed=done, seconds=seconds)
    own = done.network.geometry
    fitted = Fitted(stack([done.network]), [replace(result.fitted.variants[result.row], own=own)],
                    result.fitted.errors[[result.row]])  # fmt: skip
    verdict = judge(fitted.batch, [own], prepared.aim)[0]
    return Result(fitted, 0, verdict, seconds, result.stopped, done)


@contextlib.contextmanager
def humble(threads: int) -> Iterator[None]:
    """Torch on so many threads, behind everything else that this machine does: a running show goes first."""
    torch = need_torch()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    try:
        with only_when_idle():
            yield
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(False)  # a switch of this thread, which others' arithmetic would feel


def checked_output(output: Path) -> Path:
    """With its suffix, and surely writable: better to know before the work than after. Raises StyleError."""
    output = output if output.suffix == SUFFIX else output.with_name(output.name + SUFFIX)
    if output.is_dir():
        raise StyleError(f"{output} is a folder.", "Name a file with -o.")
    probe = part_path(output).with_suffix(".probe")
    write(probe, b"")
    probe.unlink()
    return output


def describe(prepared: Prepared, result: Result, output: Path) -> Style:
    """The style with everything that is needed to make it again."""
    order, verdict = prepared.order, result.judgement
    network = result.fitted.network(result.row)
    folder, stem = output.resolve().parent.name, output.name.removesuffix(SUFFIX)
    name = f"{checks.slug(folder)}/{checks.slug(stem)}"
    understood: Sequence[str] = prepared.plan.understood
    extra = {
        "guide_details": prepared.aim.describe() if prepared.aim is not None else {},
        "method": order.method, "seconds": round(result.seconds, 1), "stopped": result.stopped,
        "understood": list(understood), "unknown": list(prepared.plan.unknown),
        "concept": prepared.plan.concept.name if prepared.plan.concept else "",
        "literal": order.literal, "worst": verdict.worst, "unseen": verdict.unseen,
        "contrast": round(verdict.contrast, 4), "moves": dict(verdict.moves),
        **({"flashes": result.calmed.describe()} if result.calmed else {}),
    }  # fmt: skip
    return Style(
        network, name, prompt=order.prompt, guide=order.guide, score=verdict.score, seed=order.seed, trained=True,
        training=f"{order.command()} -o {stem}", audio_roles=dict(prepared.plan.roles), licence="MIT", extra=extra,
    )  # fmt: skip
