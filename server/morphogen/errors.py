"""The errors that people read. Each says what happened, why, and what cures it."""

from __future__ import annotations


class MorphogenError(Exception):
    """Base of all expected errors.

    `message` says what and why in one line; `cure` says what to do about it. `code` is the JSON-RPC error code
    (DESIGN section 6), `exit_code` the process exit status of the command line.
    """

    code = -32000
    exit_code = 1

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.message} {self.cure}".strip()


class UsageError(MorphogenError):
    """Wrong options or arguments."""

    code = -32602
    exit_code = 2


class ParamError(MorphogenError):
    """Unknown parameter, or a value that the parameter cannot take."""

    code = -32001


class StyleError(MorphogenError):
    """A style that is missing, broken, hostile or too large."""

    code = -32002


class Unavailable(MorphogenError):
    """A library, device, port or driver that is not there; the cure says how to get it."""

    code = -32003


class RenderError(MorphogenError):
    """A backend that could not compile or draw."""

    code = -32004


class StateError(MorphogenError):
    """A request that makes sense, but not now (nothing stored in that snapshot, no such output ...)."""

    code = -32005
