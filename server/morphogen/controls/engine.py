"""What moves on a control surface finds its rules here and moves what they name; and learns new ones."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from fnmatch import fnmatchcase
from typing import Any

from morphogen import log
from morphogen.contracts import Params
from morphogen.controls.binding import Act, Binding, Put
from morphogen.controls.learn import Learner, guess
from morphogen.controls.rules import Rule, make
from morphogen.controls.targets import Span, find
from morphogen.errors import MorphogenError, StateError, UsageError

HUSH = 0.5  # seconds after its last move before a fader hears of the parameter that it moved: motors fight the hand
STREAM = 0.25  # what was heard so shortly before learning began streams by itself: no hand is as fast
MAX_RULES = 1024
MAX_KNOWN = 4096  # addresses whose rules are remembered
LONGEST_LEARN = 600.0

Name = tuple[str, str]
_log = log.get("controls")


class Engine:
    """Implements `contracts.Controls`. All methods on any thread, except `tick`; none waits for a frame.

    call: `Host.call`. now: clock seconds. slot: the running slot of the bank, for lamps. `edited(put, removed)` is
    told, without the lock, of every change that a person makes here, so that it is written down.
    """

    def __init__(
        self, params: Params, call: Callable[..., Future[Any]], now: Callable[[], float],
        slot: Callable[[], int] = lambda: 0,
    ) -> None:  # fmt: skip
        self._params, self._call, self._now, self._slot = params, call, now, slot
        self._lock = threading.Lock()
        self._own: dict[Name, Binding] = {}  # of the user's file: what is learnt goes there
        self._lent: dict[Name, Binding] = {}  # of the files of `--map`
        self._known: dict[str, tuple[Binding, ...]] = {}
        self._felt: dict[str, float] = {}
        self._recent: dict[str, float] = {}  # when anything was heard last, mapped or not
        self._learning: tuple[Learner, dict[str, Any], Future[Any]] | None = None
        self._repeated = log.Repeated(_log, now=now)
        self.edited: Callable[[Sequence[Rule], Sequence[Name]], None] = lambda _put, _removed: None
        self.changes = 0  # how often the rules have changed, for clients that keep a copy

    # --- contracts.Controls

    def feel(self, address: str, value: float, *, relative: bool = False) -> bool:
        now = self._now()
        with self._lock:
            self._hear(address, now)
            if self._learning is not None and math.isfinite(value):
                self._learning[0].hear(address, value, now)
                return True
            found = self._rules_of(address)
            if not found or not math.isfinite(value):
                return bool(found)
            self._felt[address] = now
            acts = [binding.feel(value, relative) for binding in found]
        for act in acts:
            self._carry_out(act, address)
        return True

    def newest_only(self, address: str) -> bool:
        with self._lock:
            return self._learning is None and all(binding.is_fader for binding in self._rules_of(address))

    def let_go(self, prefix: str) -> None:
        with self._lock:
            there = [
                binding for address, found in self._known.items() if address.startswith(prefix) for binding in found
            ]
            acts = [(binding.let_go(), binding.rule.address) for binding in dict.fromkeys(there)]
        for act, address in acts:
            self._carry_out(act, address)

    def lights(self, prefix: str) -> dict[str, float]:
        now, slot, lit = self._now(), self._slot(), {}
        with self._lock:
            fixed = [address for address, _ in (*self._own, *self._lent) if "*" not in address]
            for address in dict.fromkeys((*fixed, *self._felt)):
                found = self._rules_of(address) if address.startswith(prefix) else ()
                if not found or self._in_hand(found[0], address, now):
                    continue
                value = found[0].light(slot)
                if value is not None:
                    lit[address] = value
        return lit

    def _hear(self, address: str, now: float) -> None:
        if len(self._recent) >= MAX_KNOWN:
            self._recent.clear()
        self._recent[address] = now

    def _in_hand(self, binding: Binding, address: str, now: float) -> bool:
        moving = binding.rule.mode in ("absolute", "relative")
        return moving and now - self._felt.get(address, -math.inf) < HUSH

    # --- the rules

    def rules(self) -> list[tuple[Rule, bool]]:
        """All rules, and whether each is the user's own (else it came with `--map`)."""
        with self._lock:
            return [
                (binding.rule, own)
                for rows, own in ((self._own, True), (self._lent, False))
                for binding in rows.values()
            ]

    def check(self, rule: Rule) -> None:
        """Raises UsageError that begins with the field's name: a target that is not there, or ends that do not fit."""
        find(rule, self._params.specs)

    def load(self, own: Iterable[Rule], lent: Iterable[Rule] = ()) -> None:
        """Replace all rules by checked ones, as files have them. What stays as it was keeps what it remembers."""
        with self._lock:
            self._own, self._lent = self._bound(own, self._own), self._bound(lent, self._lent)
            self._changed()

    def put(self, rule: Rule) -> None:
        """Add a rule, or change the one with the same address and target. Raises UsageError, StateError (too many)."""
        binding = Binding(rule, self._params)
        with self._lock:
            if rule.name not in self._own and len(self._own) >= MAX_RULES:
                raise StateError(f"there are {MAX_RULES} rules already.", "Remove some.")
            self._own[rule.name] = binding
            self._changed()
        self.edited((rule,), ())

    def remove(self, address: str, target: str = "") -> int:
        """Forget the rules of an address, or one of them; how many. Raises StateError: there is none."""
        with self._lock:
            gone = [name for name in self._own if name[0] == address and target in ("", name[1])]
            lent = any(name[0] == address and target in ("", name[1]) for name in self._lent)
            for name in gone:
                del self._own[name]
            self._changed()
        if not gone:
            cure = "It lies in a file of --map: change it there." if lent else "See `morphogen ctl controls`."
            raise StateError(f"no rule of yours has the address {address[:80]!r}.", cure)
        self.edited((), gone)
        return len(gone)

    def _bound(self, rules: Iterable[Rule], before: Mapping[Name, Binding]) -> dict[Name, Binding]:
        bound: dict[Name, Binding] = {}
        for rule in rules:
            old = before.get(rule.name)
            if len(bound) < MAX_RULES:
                bound[rule.name] = old if old is not None and old.rule == rule else Binding(rule, self._params)
        return bound

    def _changed(self) -> None:
        self._known.clear()
        self.changes += 1

    def _rules_of(self, address: str) -> tuple[Binding, ...]:
        """Whose rules fit; the user's hide those of `--map` at the same address. Under the lock."""
        found = self._known.get(address)
        if found is None:
            own, lent = (
                tuple(b for b in rows.values() if _fits(b.rule.address, address)) for rows in (self._own, self._lent)
            )
            found = own or lent
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
                self._felt.clear()
            self._known[address] = found
        return found

    def _carry_out(self, act: Act | None, address: str) -> None:
        if act is None:
            return
        try:
            if isinstance(act, Put):
                self._params.set(act.key, act.value, f"controls:{address}")
            else:
                self._call(act.method, dict(act.arguments)).add_done_callback(self._answered)
        except MorphogenError as error:
            self._repeated.warn("act", f"{address}: {error}")

    def _answered(self, done: Future[Any]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self._repeated.warn("call", str(error))

    # --- learning

    @property
    def learning(self) -> str:
        """The target that waits for a control, or ''."""
        running = self._learning
        return running[0].target if running else ""

    def learn(self, target: str, seconds: float = 20.0, given: Mapping[str, Any] | None = None) -> Future[Any]:
        """The next control that moves gets this target. The future resolves to the rule as a map, or raises StateError:
        nothing moved, cancelled, or another learning began. given: fields of the rule that are not to be guessed.
        Raises UsageError."""
        if not 0 < seconds <= LONGEST_LEARN:
            raise UsageError(f"nothing can be learnt in {seconds:g} seconds.", f"Give up to {LONGEST_LEARN:g}.")
        fields = {**(given or {}), "target": target}
        self.check(make({"address": "osc/any", **fields}))
        future: Future[Any] = Future()
        learner = Learner(target, self._now() + seconds)
        with self._lock:
            learner.deaf = {address: at for address, at in self._recent.items() if self._now() - at < STREAM}
            before, self._learning = self._learning, (learner, fields, future)
        self._give_up(before, f"{target} is learnt instead.")
        return future

    def cancel(self) -> bool:
        """Learn no longer; whether anything was being learnt."""
        with self._lock:
            running, self._learning = self._learning, None
        self._give_up(running, "It was cancelled.")
        return running is not None

    def tick(self, now: float) -> None:
        """Once a frame, on the render thread: is there enough to know what moved? Free while nothing is learnt."""
        if self._learning is None:
            return
        with self._lock:
            running = self._learning
            if running is None:
                return
            learner, fields, future = running
            try:
                heard = learner.decide(now)
            except TimeoutError:
                heard, self._learning = ("", []), None
            if heard is None:
                return
            self._learning = None
        if heard[0]:
            self._learnt(*heard, fields, future)
        else:
            self._give_up(running, "Nothing moved.")

    def _learnt(self, address: str, values: Sequence[float], fields: dict[str, Any], future: Future[Any]) -> None:
        """A rule for `address`; what that control did before, it does no longer."""
        try:
            does = find(make({"address": address, **fields}), self._params.specs)
            rule = make(
                {**guess(address, values, does.param if isinstance(does, Span) else does), **fields, "address": address}
            )
            binding = Binding(rule, self._params)
        except MorphogenError as error:
            future.set_exception(error)
            return
        binding.grab()
        with self._lock:
            gone = [name for name in self._own if name[0] == address]
            for name in gone:
                del self._own[name]
            self._own[rule.name] = binding
            self._changed()
        self.edited((rule,), [name for name in gone if name != rule.name])
        future.set_result(rule.public())

    def _give_up(self, running: tuple[Learner, dict[str, Any], Future[Any]] | None, why: str) -> None:
        if running is not None:
            error = StateError(f"no control was learnt for {running[0].target}.", f"{why} Move a knob or press a pad.")
            running[2].set_exception(error)


def _fits(pattern: str, address: str) -> bool:
    """Whether a rule's address, in which `*` stands for one part or a piece of it, is this one."""
    if "*" not in pattern:
        return pattern == address
    parts, there = pattern.split("/"), address.split("/")
    return len(parts) == len(there) and all(
        part == one or ("*" in part and fnmatchcase(one, part.replace("[", "[[]").replace("?", "[?]")))
        for part, one in zip(parts, there, strict=True)
    )
