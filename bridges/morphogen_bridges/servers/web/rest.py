"""REST under `/api/v1/`: everything that the page can do, for scripts and `curl`."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from aiohttp import web

from morphogen.errors import UsageError
from morphogen.params.describe import as_dict
from morphogen_bridges.servers.web import describe
from morphogen_bridges.servers.web.calls import arguments_of, ask, dumps, parse_json
from morphogen_bridges.servers.web.failures import Refused
from morphogen_bridges.servers.web.hub import Hub

MAX_BODY = 256 * 1024
MAX_STYLE = 16 * 1024 * 1024  # a style's file has 8 MB at most, and a picture of 4K that carries one about 12
UPLOADS = 4  # bodies of that size at a time, each within UPLOAD_SECONDS
UPLOAD_SECONDS = 60.0
LIST_SECONDS = 2.0
_NAME = re.compile(r"[a-z0-9_-]{1,100}")
_PNG = b"\x89PNG\r\n\x1a\n"
MAX_THUMB = 4 * 1024 * 1024


def answer(value: Any, status: int = 200) -> web.Response:
    """JSON."""
    return web.Response(text=dumps(value), status=status, content_type="application/json")


class Rest:
    """The handlers. Loop thread; errors are MorphogenErrors, made into JSON by the app."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._host = hub.host
        self._styles: tuple[float, list[dict[str, Any]]] = (float("-inf"), [])
        self._uploads = asyncio.Semaphore(UPLOADS)
        self._drawing = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """All routes of `/api/v1/`."""
        api = "/api/v1"
        return [
            web.get(f"{api}/params", self.params),
            web.get(f"{api}/params/{{group}}/{{name}}", self.param),
            web.put(f"{api}/params/{{group}}/{{name}}", self.put_param),
            web.get(f"{api}/methods", self.methods),
            web.post(f"{api}/call/{{method}}", self.call),
            web.get(f"{api}/stats", self.stats),
            web.get(f"{api}/styles", self.styles),
            web.post(f"{api}/styles", self.put_style),
            web.get(f"{api}/styles/current.png", self.share),
            web.get(f"{api}/styles/{{series}}/{{name}}/thumb.png", self.thumb),
            web.get(f"{api}/styles/{{series}}/{{name}}/share.png", self.share),
            web.get(f"{api}/frame.jpg", self.frame),
        ]

    async def params(self, request: web.Request) -> web.Response:
        return answer(describe.params(self._host))

    def _key(self, request: web.Request) -> str:
        key = f"{request.match_info['group']}/{request.match_info['name']}"
        if key not in self._host.params.specs:
            raise Refused(404, f"There is no parameter {key[:60]!r}.", "GET /api/v1/params lists all.")
        return key

    async def param(self, request: web.Request) -> web.Response:
        key = self._key(request)
        return answer(as_dict(self._host.params.specs[key], self._host.params.get(key)))

    async def put_param(self, request: web.Request) -> web.Response:
        key, body, origin = self._key(request), parse_json(await request.read()), f"http:{request.remote}"
        if isinstance(body, dict):
            if len(body) != 1 or not body.keys() <= {"value", "normalised"}:
                raise UsageError("The body names no value.", 'Send {"value": 1.5}, {"normalised": 0.5} or just 1.5.')
            ((how, value),) = body.items()
        else:
            how, value = "value", body
        if how == "value":
            self._host.params.set(key, value, origin)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            self._host.params.set_normalised(key, value, origin)
        else:
            raise UsageError(f"{key}: a position must be a number.", "Send 0 to 1.")
        return await self.param(request)

    async def methods(self, request: web.Request) -> web.Response:
        return answer(describe.methods())

    async def call(self, request: web.Request) -> web.Response:
        method, body = request.match_info["method"], await request.read()
        arguments = arguments_of(method, parse_json(body) if body.strip() else None)
        return answer(await ask(self._host, method, arguments))

    async def stats(self, request: web.Request) -> web.Response:
        return answer(await ask(self._host, "stats"))

    async def frame(self, request: web.Request) -> web.Response:
        return web.Response(body=await self._hub.next_frame(), content_type="image/jpeg")

    # --- styles

    async def _listed(self) -> list[dict[str, Any]]:
        now = self._hub.host.clock.now()
        if not 0 <= now - self._styles[0] < LIST_SECONDS or not self._styles[1]:
            self._styles = (now, list(await ask(self._host, "style.list")))
        return self._styles[1]

    async def styles(self, request: web.Request) -> web.Response:
        self._styles = (float("-inf"), [])
        return answer([style | {"thumb": _thumb_url(style)} for style in await self._listed()])

    async def thumb(self, request: web.Request) -> web.StreamResponse:
        """The picture beside a listed style. The request only chooses among the listed; it never names a path."""
        series, short = request.match_info["series"], request.match_info["name"]
        picture = None
        if _NAME.fullmatch(series) and _NAME.fullmatch(short):
            wanted = f"{series}/{short}"
            picture = next((_picture(s) for s in await self._listed() if s.get("name") == wanted), None)
        if picture is None:
            raise Refused(404, "This style has no picture.", "`morphogen styles thumb` draws one.")
        return web.FileResponse(
            picture, headers={"Cache-Control": "private, max-age=3600", "Content-Type": "image/png"}
        )

    async def share(self, request: web.Request) -> web.Response:
        """The running style, or a listed one, as a picture that carries it, to keep."""
        name = "/".join(request.match_info[key] for key in ("series", "name") if key in request.match_info)
        if name and name not in {style.get("name") for style in await self._listed()}:
            raise Refused(404, f"There is no style {name[:60]!r}.", "GET /api/v1/styles lists all.")
        async with self._drawing:  # however many ask: one at a time is drawn
            shared = await ask(self._host, "style.share", {"name": name})
        file = re.sub(r"[^a-z0-9_-]+", "-", str(shared["name"]))
        headers = {"Content-Disposition": f'attachment; filename="{file}.png"'}
        return web.Response(body=bytes(shared["png"]), content_type="image/png", headers=headers)

    async def put_style(self, request: web.Request) -> web.Response:
        async with self._uploads:
            blob = await _upload(request)
            if not blob:
                raise UsageError("The body is empty.", "Send a PNG that carries a style, a style file or a packed one.")
            return answer(await ask(self._host, "style.put", {"blob": blob, "on": request.query.get("on")}))


async def _upload(request: web.Request) -> bytes:
    """The body, MAX_STYLE bytes at most."""
    body = bytearray()
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > MAX_STYLE:
                    most = f"The file is larger than {MAX_STYLE >> 20} MB."
                    raise Refused(413, most, "`morphogen ctl load` takes it.")
    except TimeoutError:
        raise Refused(408, f"The file has not arrived within {UPLOAD_SECONDS:g} s.", "Send it again.") from None
    return bytes(body)


def _picture(style: dict[str, Any]) -> Path | None:
    if not style.get("path"):
        return None
    picture = Path(str(style["path"])).with_suffix(".png")
    try:
        with picture.open("rb") as file:
            is_png = file.read(8) == _PNG
        return picture if is_png and picture.stat().st_size <= MAX_THUMB else None
    except OSError:
        return None


def _thumb_url(style: dict[str, Any]) -> str | None:
    series, _, short = str(style.get("name", "")).partition("/")
    picture = _picture(style) if _NAME.fullmatch(series) and _NAME.fullmatch(short) else None
    if picture is None:
        return None
    return f"/api/v1/styles/{series}/{short}/thumb.png?v={picture.stat().st_mtime_ns:x}"
