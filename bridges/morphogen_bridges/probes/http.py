"""The page: the real server answers on a free port of this machine."""

from __future__ import annotations

import urllib.request

from morphogen.findings import Finding, version
from morphogen_bridges.probes.host import ProbeHost

SECONDS = 3.0


def probe() -> Finding:
    """Ask for the page as a browser would."""
    from morphogen_bridges.servers.http import HttpServer

    server = HttpServer("127.0.0.1", 0, None)
    server.open(ProbeHost())
    try:
        url = f"http://127.0.0.1:{server.describe()['port']}/"
        request = urllib.request.Request(url, headers={"Accept": "text/html"})
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy must not be asked for 127.0.0.1
        with direct.open(request, timeout=SECONDS) as answer:
            size = len(answer.read())
            good = answer.status == 200 and size > 0
    finally:
        server.close()
    seen = f"aiohttp {version('aiohttp')}, page of {size // 1024} KiB received"
    return Finding("http", "input", "works" if good else "failed", seen)
