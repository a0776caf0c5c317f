"""Where the page may listen. No aiohttp here: a wrong `--bind` is refused before anything is imported."""

from __future__ import annotations

import ipaddress

from morphogen.errors import UsageError


def is_loopback(bind: str) -> bool:
    """Whether an address can only be reached from this machine."""
    if bind == "localhost":
        return True
    try:
        return ipaddress.ip_address(bind.strip("[]")).is_loopback
    except ValueError:
        return False


def check_bind(bind: str, token: str | None) -> None:
    """Raises UsageError where the network could reach the page without a token."""
    if not is_loopback(bind) and not token:
        raise UsageError(
            f"HTTP on {bind or 'every address'} would let anyone on the network drive the show.",
            "Add --token SECRET, or stay on 127.0.0.1.",
        )
