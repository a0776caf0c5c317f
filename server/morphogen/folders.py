"""Where Morphogen keeps what is the user's: state, styles, compiled code.

`$MORPHOGEN_HOME` holds everything if it is set; else each lies in the platform's own place (`~/.local/state/morphogen`,
`~/.config/morphogen`, `~/.local/share/morphogen/styles`, `~/.cache/morphogen`; `%LOCALAPPDATA%\\morphogen`;
`~/Library/...`). No folder need exist.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

HOME = "MORPHOGEN_HOME"


def state_folder() -> Path:
    """State that survives a restart."""
    return _home() or Path(platformdirs.user_state_dir("morphogen", False))


def config_folder() -> Path:
    """What people write by hand, or let be written: what the controllers do."""
    return _home() or Path(platformdirs.user_config_dir("morphogen", False))


def styles_folder() -> Path:
    """The user's own styles."""
    return (_home() or Path(platformdirs.user_data_dir("morphogen", False))) / "styles"


def cache_folder() -> Path:
    """What can be made again: deleting it costs a second."""
    home = _home()
    return home / "cache" if home else Path(platformdirs.user_cache_dir("morphogen", False))


def _home() -> Path | None:
    home = os.environ.get(HOME)
    return Path(home).expanduser() if home else None
