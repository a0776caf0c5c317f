"""The page's own files, read once. Own types instead of `mimetypes`: Windows may call .js text/plain in its registry,
and with `nosniff` no browser would run it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

from aiohttp import web

from morphogen_bridges.servers.web.failures import Refused

_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """One file of the page."""

    body: bytes
    content_type: str
    etag: str


def load() -> dict[str, Asset]:
    """Every file in `static/`, by name."""
    found = {}
    for item in resources.files(__package__).joinpath("static").iterdir():
        content_type = _TYPES.get("." + item.name.rpartition(".")[2])
        if content_type is not None:
            body = item.read_bytes()
            found[item.name] = Asset(body, content_type, hashlib.sha256(body).hexdigest()[:16])
    return found


class Assets:
    """Serves them, by exact name only."""

    def __init__(self) -> None:
        self._files = load()

    def answer(self, request: web.Request, name: str, status: int = 200) -> web.Response:
        """One file, or 304 if the browser has it. Raises Refused (404)."""
        asset = self._files.get(name)
        if asset is None:
            raise Refused(404, "There is no such file.", "Open the page at `/`.")
        headers = {"ETag": f'"{asset.etag}"', "Cache-Control": "no-cache", "Vary": "Accept"}
        if status == 200 and request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=asset.body, status=status, content_type=asset.content_type, charset="utf-8", headers=headers
        )

    async def static(self, request: web.Request) -> web.Response:
        """GET /static/<name>."""
        return self.answer(request, request.match_info["name"])
