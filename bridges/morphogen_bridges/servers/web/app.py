"""The web application: guard, routes, and errors as JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from morphogen import log
from morphogen.errors import MorphogenError
from morphogen_bridges.servers.web import messages
from morphogen_bridges.servers.web.assets import Assets
from morphogen_bridges.servers.web.failures import Refused, as_map, internal, status_of
from morphogen_bridges.servers.web.guard import Guard, harden, wants_page
from morphogen_bridges.servers.web.hub import Hub
from morphogen_bridges.servers.web.oscquery import OscQuery
from morphogen_bridges.servers.web.rest import MAX_BODY, Rest, answer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_warn = log.Repeated(log.get("http"))


def build(hub: Hub, guard: Guard, query: OscQuery) -> web.Application:
    """The application of one server."""
    site = Site(hub, guard, query)
    app = web.Application(middlewares=[site.middleware], client_max_size=MAX_BODY)
    app.on_response_prepare.append(site.prepare)
    app.add_routes([web.get("/", site.root), web.get("/ws", site.live), web.get("/static/{name}", site.assets.static)])
    app.add_routes(Rest(hub).routes())
    app.add_routes([web.get("/{address:.+}", query.answer)])
    return app


class Site:
    """The root, the WebSocket, and what surrounds every request. Loop thread."""

    def __init__(self, hub: Hub, guard: Guard, query: OscQuery) -> None:
        self._hub = hub
        self._query = query
        self._guard = guard
        self.assets = Assets()

    async def root(self, request: web.Request) -> web.StreamResponse:
        """The page for browsers that ask for no attribute, OSCQuery for everything else."""
        if wants_page(request) and not self._query.asked(request):
            return self.assets.answer(request, "index.html")
        return await self._query.answer(request)

    async def live(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket of the page."""
        if request.headers.get("Upgrade", "").lower() != "websocket":
            raise Refused(426, "This address speaks WebSocket.", "Connect with ws://, or use /api/v1/.")
        return await messages.talk(self._hub, request)

    async def prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Headers of every answer, just before it goes out."""
        harden(request, response)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in or refuse; every error becomes JSON with a cure."""
        try:
            give_cookie = self._guard.admit(request)
            response = await handler(request)
        except web.HTTPRedirection:
            raise
        except web.HTTPException as error:
            return self._fail(request, _translated(error))
        except MorphogenError as error:
            return self._fail(request, error)
        except Exception:  # noqa: BLE001  guard of a request
            _warn.exception("request", f"{request.method} {request.path[:80]} failed")
            return self._fail(request, internal())
        if give_cookie and not response.prepared:
            self._guard.remember(response)
        return response

    def _fail(self, request: web.Request, error: MorphogenError) -> web.Response:
        status = status_of(error)
        self._hub.refused += 1
        if status == 401 and request.path == "/" and wants_page(request):
            return self.assets.answer(request, "token.html", status=401)
        response = answer({"error": as_map(error)}, status)
        if status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response


def _translated(error: web.HTTPException) -> Refused:
    said = {
        404: ("There is nothing at this address.", "GET /api/v1/methods and /api/v1/params list what there is."),
        405: ("This address does not take this method.", "docs/page.md lists what each address takes."),
        413: (f"The body is larger than {MAX_BODY // 1024} KiB.", "Send less at a time."),
    }
    message, cure = said.get(error.status, (error.reason, "docs/page.md describes every address."))
    return Refused(error.status, message, cure)
