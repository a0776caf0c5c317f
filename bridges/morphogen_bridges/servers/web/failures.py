"""Errors as the web says them: one JSON shape, one table of HTTP statuses, never a traceback."""

from __future__ import annotations

from typing import Any

from morphogen.errors import MorphogenError, ParamError, RenderError, StateError, StyleError, Unavailable, UsageError

_STATUS: tuple[tuple[type[MorphogenError], int], ...] = (
    (UsageError, 400),
    (ParamError, 400),
    (StyleError, 422),
    (RenderError, 422),
    (StateError, 409),
    (Unavailable, 409),
)


class Refused(MorphogenError):
    """A request that is not let in or not understood; `status` is its HTTP status."""

    code = -32010

    def __init__(self, status: int, message: str, cure: str = "") -> None:
        super().__init__(message, cure)
        self.status = status


def status_of(error: MorphogenError) -> int:
    """The HTTP status (4xx, or what a `Refused` says) of an expected error."""
    if isinstance(error, Refused):
        return error.status
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 400)


def as_map(error: MorphogenError) -> dict[str, Any]:
    """`{code, message, cure}`."""
    return {"code": error.code, "message": error.message, "cure": error.cure}


def internal() -> Refused:
    """What a client hears of a fault of ours; the log has the rest."""
    error = Refused(500, "Something went wrong inside.", "The program's log says what; the show goes on.")
    error.code = -32603
    return error
