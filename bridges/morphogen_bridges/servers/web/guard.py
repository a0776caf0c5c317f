"""Who may come in. A web site that someone visits while the show runs must not be able to drive it:

- the Host header must name this machine (else DNS rebinding turns a foreign name into 127.0.0.1),
- Origin must be this very server on WebSockets and on everything that changes something,
- beyond loopback a token is needed; browsers trade it once for a cookie that scripts cannot read.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from morphogen_bridges.servers.web.failures import Refused

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
_SAFE = frozenset({"GET", "HEAD"})
COOKIE_SECONDS = 30 * 86400


def wants_page(request: web.Request) -> bool:
    """Whether a browser asks for something to look at."""
    return "text/html" in request.headers.get("Accept", "").lower()


class Guard:
    """The rules of one server. names: other names of this machine under which it may be called. Loop thread only."""

    def __init__(self, bind: str, port: int, token: str | None, names: Iterable[str] = ()) -> None:
        self._token = token or None
        self._cookie = f"morphogen_{port}"  # cookies are shared by all ports of a host: the name keeps them apart
        self._hosts = {"localhost", "127.0.0.1", "[::1]", *names}
        self._any_address = bind in ("", "0.0.0.0", "::")
        if self._any_address:
            name = socket.gethostname().lower()
            self._hosts |= {name, name.partition(".")[0] + ".local"}
        else:
            self._hosts.add(f"[{bind.strip('[]')}]" if ":" in bind else bind.lower())

    def admit(self, request: web.Request) -> bool:
        """Whether the answer should carry the cookie. Raises Refused for a request that must not reach a handler, or a
        redirect that leaves the token behind."""
        self._check_host(request)
        self._check_origin(request)
        if self._token is None or request.path.startswith("/static/"):
            return False
        return self._check_token(request)

    def _check_host(self, request: web.Request) -> None:
        found = _HOST.fullmatch(request.headers.get("Host", ""))
        name = found.group(1).lower() if found else ""
        if name in self._hosts or (self._any_address and _is_address(name)):
            return
        raise Refused(403, "This Host name is not this server's.", "Open http://127.0.0.1 with the port, or --bind.")

    def _check_origin(self, request: web.Request) -> None:
        origin = request.headers.get("Origin")
        changes = request.method not in _SAFE or request.headers.get("Upgrade", "").lower() == "websocket"
        if origin is None or not changes:
            return
        parts = urlsplit(origin) if len(origin) < 300 else None
        same = parts and parts.scheme in ("http", "https") and parts.netloc.lower() == request.headers["Host"].lower()
        if not same:
            raise Refused(403, "Another web site may not drive the show.", "Use the page of this server itself.")

    def _check_token(self, request: web.Request) -> bool:
        offered = request.query.get("token")
        if offered is not None and self._is_token(offered):
            if request.method == "GET" and wants_page(request):
                rest = urlencode([(k, v) for k, v in request.query.items() if k != "token"])
                back = web.HTTPSeeOther(request.path + (f"?{rest}" if rest else ""))
                self.remember(back)
                raise back
            return True
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(secret.strip()):
            return False
        cookie = request.cookies.get(self._cookie, "")
        if hmac.compare_digest(cookie.encode(), self._cookie_value().encode()):
            return False
        raise Refused(401, "A token is needed.", "Send `Authorization: Bearer TOKEN`, or open the page with ?token=.")

    def _is_token(self, offered: str) -> bool:
        return self._token is not None and hmac.compare_digest(offered.encode(), self._token.encode())

    def _cookie_value(self) -> str:
        # Derived, so that the cookie neither shows the token to other ports of this host nor ends with this run.
        return hmac.new((self._token or "").encode(), b"morphogen page", hashlib.sha256).hexdigest()

    def remember(self, response: web.StreamResponse) -> None:
        """Let the browser come back without the token."""
        response.set_cookie(
            self._cookie, self._cookie_value(), max_age=COOKIE_SECONDS, httponly=True, samesite="Strict", path="/"
        )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def harden(request: web.Request, response: web.StreamResponse) -> None:
    """Security headers of every answer. The WebSocket is named for browsers whose 'self' does not cover ws:."""
    found = _HOST.fullmatch(request.headers.get("Host", ""))
    live = f" ws://{found.group()} wss://{found.group()}" if found else ""
    headers = response.headers
    headers["Content-Security-Policy"] = (
        f"default-src 'self'; connect-src 'self'{live}; img-src 'self' blob: data:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Server"] = "Morphogen"
    headers.setdefault("Cache-Control", "no-store")
