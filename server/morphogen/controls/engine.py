"""What moves on a control surface finds its rules here and moves what they name."""

from __future__ import annotations

import math
import threading

from morphogen.contracts import Params


class Engine:
    """Implements `contracts.Controls`. All methods on any thread; none waits for a frame."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._lock = threading.Lock()
        self._rules: dict[str, str] = {}

    def put(self, address: str, target: str) -> None:
        """From now on `address` moves the parameter `target` over its whole range. Raises ParamError."""
        self._params.get(target)
        with self._lock:
            self._rules = {**self._rules, address: target}

    def feel(self, address: str, value: float, *, relative: bool = False) -> bool:
        target = self._rules.get(address)
        if target is None:
            return False
        if math.isfinite(value) and not relative:
            self._params.set_normalised(target, value, f"controls:{address}")
        return True

    def let_go(self, prefix: str) -> None:
        """Nothing is held yet that a lost surface would leave pressed."""

    def lights(self, prefix: str) -> dict[str, float]:
        rules = {address: target for address, target in self._rules.items() if address.startswith(prefix)}
        specs = self._params.specs
        return {a: specs[t].to_normalised(specs[t].check(self._params.get(t))) for a, t in rules.items()}
