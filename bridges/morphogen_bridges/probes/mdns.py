"""mDNS: what is announced on the loopback interface is found there by a browser."""

from __future__ import annotations

import threading
from typing import Any

from morphogen.errors import Unavailable
from morphogen.findings import Finding, version
from morphogen_bridges.probes.host import ProbeHost

SECONDS = 8.0


def probe() -> Finding:
    """Announce, look, take back. Raises Unavailable without zeroconf."""
    from morphogen_bridges.servers.mdns import OSCQUERY, Mdns

    try:
        from zeroconf import ServiceBrowser, Zeroconf
    except ImportError as error:
        raise Unavailable("zeroconf is not installed.", "pip install 'morphogen[mdns]'") from error
    found = threading.Event()
    mdns = Mdns(("127.0.0.1", 1), ("127.0.0.1", 2))
    mdns.open(ProbeHost())
    try:
        browser = Zeroconf(interfaces=["127.0.0.1"])
        try:

            def heard(zeroconf: Any, service_type: str, name: str, state_change: Any) -> None:
                if name == mdns.stats()["announced"].get(OSCQUERY):
                    found.set()

            for _ in range(4):  # what is announced before its name is known here is asked for again
                looking = ServiceBrowser(browser, [OSCQUERY], handlers=[heard])
                seen = found.wait(SECONDS / 4)
                looking.cancel()
                if seen:
                    break
        finally:
            browser.close()
        name = mdns.stats()["announced"].get(OSCQUERY, "")
    finally:
        mdns.close()
    if found.is_set():
        return Finding("mdns", "input", "works", f"zeroconf {version('zeroconf')}, {name.partition('._')[0]} found")
    cure = "A firewall that blocks UDP 5353 is the usual reason; addresses can be typed by hand."
    return Finding("mdns", "input", "failed", f"nothing was found within {SECONDS:g} s", cure)
