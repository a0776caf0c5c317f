"""The one place where training finds torch; modules here load without it, so that listing and errors work anywhere."""

from __future__ import annotations

import importlib
from types import ModuleType

from morphogen.errors import Unavailable


def need_torch() -> ModuleType:
    """The module torch. Raises Unavailable with the cure when the extra `train` is not installed."""
    try:
        return importlib.import_module("torch")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise Unavailable("training needs PyTorch.", 'Install it: pip install "morphogen[train]".') from error
