"""A training run: search, fit, guided ascent, judgement; what comes out is a style.

One thread calls. Between two steps `watch` is told how far it is; whatever it raises ends the run. After
`KeyboardInterrupt` the best so far is made a style, as after the last step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from morphogen.clock import Clock, WallClock
from morphogen.training import checkpoint
from morphogen.training.calm import Calmed
from morphogen.training.canvas import Canvas
from morphogen.training.concept import targets, variants
from morphogen.training.fit import FIT_LINES, KEPT, SAMPLES, Fit, Fitted, palettes, search, starts
from morphogen.training.guided import ANCHOR, Ascent, adrift, lead, score
from morphogen.training.judge import Judgement, best, judge
from morphogen.training.order import Order
from morphogen.training.plan import Plan
from morphogen.training.seed_method import STEPS, SeedAscent, seed_start
from morphogen.training.states import training_states
from morphogen.training.torch_field import coloured
from morphogen.training.torches import need_torch

FINE_LINES = 48
MOMENTS = 18  # that a style is trained at
EVERY = 5.0  # seconds between checkpoints


@dataclass(frozen=True)
class Stage:
    """name; steps; networks that take part; lines of the canvas."""

    name: str
    steps: int
    networks: int
    lines: int = FIT_LINES


FITTED = (Stage("fit", 100, KEPT), Stage("fit", 120, 6), Stage("fine", 280, 3, FINE_LINES))
GUIDED = Stage("guide", 50, 3)
ALONE = (Stage("guide", 120, KEPT // 2), Stage("guide", 180, 3))


def schedule(order: Order, concept: bool, guided: bool) -> tuple[Stage, ...]:
    """The stages of a run; `--steps` stretches or shortens them all."""
    if order.method == "seed":
        stages: tuple[Stage, ...] = (Stage("seed", STEPS, 1),)
    else:
        stages = (*FITTED, *((GUIDED,) if guided else ())) if concept else ALONE
    if not order.steps:
        return stages
    factor = order.steps / sum(stage.steps for stage in stages)
    return tuple(replace(stage, steps=max(1, round(factor * stage.steps))) for stage in stages)


@dataclass(frozen=True)
class Progress:
    """stage; done: of the whole run, 0..1; fitted and row: the best network so far; error: the last."""

    stage: str
    done: float
    fitted: Fitted
    row: int
    error: float


@dataclass(frozen=True)
class Result:
    """What a run found. stopped: it was interrupted. calmed: what the last step did; None: it was not asked for."""

    fitted: Fitted
    row: int
    judgement: Judgement
    seconds: float
    stopped: bool
    calmed: Calmed | None = None


Watch = Callable[[Progress], None]


class Run:
    """One run. aim: `guides.Aim`, or None. part: where to keep what is unfinished; None: nowhere."""

    def __init__(self, order: Order, plan: Plan, aim: Any = None, watch: Watch = lambda _: None,
                 part: Path | None = None, clock: Clock | None = None) -> None:  # fmt: skip
        self.order, self.plan, self._aim, self._watch, self._part = order, plan, aim, watch, part
        self._clock = clock or WallClock()
        self._began = self._saved = self._clock.now()
        self.states = training_states(self._rng(0), MOMENTS)
        self.stages = schedule(order, plan.concept is not None, aim is not None)
        inputs, concept = plan.shape.inputs, plan.concept
        self._variants = (variants(concept, self._rng(1), SAMPLES, inputs, plan.palette) if concept
                          else adrift(inputs, plan.palette, self._rng(1)))  # fmt: skip
        self._fitted: Fitted | None = None
        self._at = (0, 0)

    def go(self, resume: bool = False) -> Result:
        """Train. Raises what `watch` raises, but KeyboardInterrupt; StateError when there is nothing to resume."""
        stopped = False
        try:
            if resume:
                self._restore()
            self._train()
        except KeyboardInterrupt:
            if self._fitted is None:
                raise
            stopped = True
            self._keep()
        assert self._fitted is not None
        verdicts = judge(self._fitted.batch, self._fitted.shapes, self._aim)
        row = best(verdicts, self._fitted.errors.tolist())
        if self._part is not None and not stopped:
            self._part.unlink(missing_ok=True)
        return Result(self._fitted, row, verdicts[row], self._seconds(), stopped)

    # --- inside

    def _rng(self, stage: int) -> np.random.Generator:
        return np.random.default_rng([self.order.seed, self.order.take, stage])

    def _seconds(self) -> float:
        return self._clock.now() - self._began

    def _train(self) -> None:
        if self._fitted is None:
            self._fitted = self._search()
        first, step = self._at
        for n in range(first, len(self.stages)):
            stage = self.stages[n]
            self._at = (n, step)
            if step == 0:
                self._fitted = self._fitted.pick(self._best(stage.networks))
            engine = self._engine(stage, self._rng(10 + n))
            for done in range(step, stage.steps):
                error = engine.step(done / stage.steps)
                self._at = (n, done + 1)
                self._report(error)
            if isinstance(engine, Fit):
                engine.judge()
            step = 0

    def _search(self) -> Fitted:
        order, plan, rng = self.order, self.plan, self._rng(2)
        if order.method == "seed":
            return seed_start(plan.shape, order.seed, order.take)
        if plan.concept is not None:
            return search(plan.concept, plan.shape, self._variants, self.states, rng, order.seeds, gain=plan.gain)
        return lead(self._aim, plan.shape, self._variants, self.states, rng, order.seeds, plan.gain)

    def _engine(self, stage: Stage, rng: np.random.Generator) -> Fit | Ascent | SeedAscent:
        fitted, concept = self._fitted, self.plan.concept
        assert fitted is not None
        if stage.name == "seed":
            return SeedAscent(self._aim, fitted, self.states, rng)
        if stage.name != "guide":
            assert concept is not None
            return Fit(concept, fitted, self.states, rng, stage.lines)
        if concept is None:
            return Ascent(self._aim, fitted.batch, fitted.shapes, self.states, rng, rate=0.05)
        anchor = ANCHOR * (0.05 + 0.95 * self.order.literal)

        def held(canvas: Canvas) -> Any:
            return coloured(palettes(fitted.variants), targets(concept, canvas, fitted.variants))

        return Ascent(self._aim, fitted.batch, fitted.shapes, self.states, rng, held, anchor=anchor)

    def _best(self, count: int) -> list[int]:
        """The networks that go on: by error, the last three by the guide as well."""
        assert self._fitted is not None
        errors = self._fitted.errors
        places = errors.argsort().argsort().float()
        if self._aim is not None and count <= 3 < len(errors):
            places = (
                places
                + (-score(self._fitted.batch, self._fitted.shapes, self._aim, self.states[:3])).argsort().argsort()
            )
        return [int(i) for i in places.argsort(stable=True)[:count]]

    def _report(self, error: float) -> None:
        assert self._fitted is not None
        n, step = self._at
        if self._clock.now() - self._saved > EVERY:
            self._keep()
        done = sum(s.steps for s in self.stages[:n]) + step
        self._watch(Progress(self.stages[n].name, done / sum(s.steps for s in self.stages), self._fitted,
                             int(self._fitted.errors.argmin()), error))  # fmt: skip

    def _keep(self) -> None:
        self._saved = self._clock.now()
        if self._part is None or self._fitted is None:
            return
        known = {id(variant): n for n, variant in enumerate(self._variants)}
        samples = [known.get(id(variant), 0) for variant in self._fitted.variants]
        checkpoint.save(self._part, checkpoint.Checkpoint(self.order, *self._at, self._fitted.batch, samples,
                                                          self._fitted.errors.tolist(), self._seconds()))  # fmt: skip

    def _restore(self) -> None:
        assert self._part is not None
        like = seed_start(self.plan.shape, 0, 0) if self.order.method == "seed" else None
        batch = like.batch if like else starts(self.plan.shape, 1, self._rng(2), self.plan.gain)
        point = checkpoint.load(self._part, self.order, batch)
        chosen = like.variants if like else [self._variants[i] for i in point.samples]
        self._fitted = Fitted(point.batch, chosen, need_torch().tensor(point.errors))
        self._at = (point.stage, point.step)
        self._began -= point.seconds
