"""Ableton Link: whether its library is here. Nothing is said to the network: a session may be playing."""

from __future__ import annotations

from morphogen.errors import Unavailable
from morphogen.findings import Finding, version


def probe() -> Finding:
    """Load the library and take a seat without switching it on. Raises Unavailable."""
    try:
        import link
    except (ImportError, OSError) as error:
        raise Unavailable(f"Ableton Link cannot be reached: {error}.", 'pip install "morphogen[link]"') from error
    seat = link.Link(120.0)
    tempo = seat.captureSessionState().tempo()
    seen = f"LinkPython {version('LinkPython-extern')}; not switched on here, since a session may be playing"
    return Finding("link", "input", "works" if tempo == 120.0 else "failed", seen)
