"""The page's server on loopback: REST, WebSocket, and who is let in."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import simplejpeg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes import make_frame
from morphogen.clock import WallClock
from morphogen.errors import Unavailable, UsageError
from morphogen.frame import PixelFormat, TargetSpec
from morphogen.library.draw import untrained
from morphogen.library.exchange import as_picture, received
from morphogen.library.pack import pack
from morphogen.library.style import to_bytes
from morphogen.methods import METHODS
from morphogen.params.catalog import BY_KEY, PARAMS
from morphogen.sink_options import check_options, options_from, target_spec
from morphogen_bridges.servers.http import HttpServer
from morphogen_bridges.servers.web import rest
from morphogen_bridges.servers.web.calls import dumps, plain
from morphogen_bridges.servers.web.client import QUEUE, Client
from morphogen_bridges.servers.web.preview import shrink
from web_show import STYLES, Show, make_styles, serving

Talk = Callable[[aiohttp.ClientSession, str], Awaitable[Any]]


@pytest.fixture
def show(tmp_path: Path) -> Show:
    return Show(make_styles(tmp_path / "styles"))


@pytest.fixture
def server(show: Show) -> Iterator[HttpServer]:
    with serving(show) as server:
        yield server


def visit(server: HttpServer, talk: Talk) -> Any:
    async def run() -> Any:
        async with aiohttp.ClientSession() as session:
            return await asyncio.wait_for(talk(session, f"http://127.0.0.1:{server.port}"), 30)

    return asyncio.run(run())


def request(server: HttpServer, method: str, path: str, **options: Any) -> tuple[int, Any, Any]:
    async def talk(session, url):
        async with session.request(method, url + path, allow_redirects=False, **options) as answer:
            body = await answer.read()
            is_json = answer.content_type == "application/json"
            return answer.status, json.loads(body) if is_json else body, answer

    return visit(server, talk)


async def hear(ws: aiohttp.ClientWebSocketResponse, kind: str, timeout: float = 5.0) -> Any:
    """The next message that has `kind`, whole; 'frame' for a binary one."""
    end = time.monotonic() + timeout
    while (left := end - time.monotonic()) > 0:
        message = await ws.receive(left)
        if message.type is aiohttp.WSMsgType.BINARY:
            if kind == "frame":
                return struct.unpack_from("<I", message.data)[0], message.data[4:]
            continue
        assert message.type is aiohttp.WSMsgType.TEXT, message
        said = json.loads(message.data)
        if kind in said:
            return said
    raise AssertionError(f"no {kind} within {timeout} s")


async def silent(ws: aiohttp.ClientWebSocketResponse, kind: str, seconds: float) -> bool:
    try:
        await hear(ws, kind, seconds)
    except (AssertionError, TimeoutError):
        return True
    return False


def preview_frame(server: HttpServer, index: int) -> None:
    sink = server.sinks()[0]
    frame = make_frame(target_spec(sink, sink.options, server._hub.host.show_size), index)
    sink.write(frame)
    frame.release()


# --- opening and closing


def test_a_taken_port_names_the_cure(server, show):
    with pytest.raises(Unavailable, match=r"is taken.*--port-base N"):
        HttpServer(port=server.port).open(show)


def test_an_address_of_elsewhere_is_refused(show):
    with pytest.raises(Unavailable, match=r"cannot be opened.*--bind"):
        HttpServer("203.0.113.7", 0, token="t").open(show)


@pytest.mark.parametrize("bind", ["0.0.0.0", "::", "", "192.168.1.5", "studio.local"])
def test_beyond_loopback_a_token_is_needed(bind):
    for none in (None, ""):
        with pytest.raises(UsageError, match="--token"):
            HttpServer(bind, 0, none)
    HttpServer(bind, 0, "secret")


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_needs_none(bind):
    HttpServer(bind, 0)


def test_close_is_idempotent_and_bounded_with_clients_that_hang(show):
    server = HttpServer(port=0)
    server.open(show)
    server.open(show)
    hanging = socket.create_connection(("127.0.0.1", server.port))
    hanging.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
    start = time.monotonic()
    server.close()
    server.close()
    hanging.close()
    assert time.monotonic() - start < 2.5
    assert not server.is_open
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", server.port), 1)


def test_it_opens_again_on_the_same_port(show):
    server = HttpServer(port=0)
    server.open(show)
    port = server.port
    server.close()
    server.open(show)
    assert server.port == port
    assert request(server, "GET", "/api/v1/stats")[0] == 200
    server.close()


def test_it_says_where_it_is(server):
    assert server.describe() == {"url": f"http://127.0.0.1:{server.port}/", "port": server.port, "token": False}
    assert server.stats()["clients"] == 0


# --- pages


def test_browsers_get_the_page_and_others_the_tree(server):
    status, page, answer = request(server, "GET", "/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (status, answer.content_type) == (200, "text/html")
    assert b'type="module"' in page
    status, tree, _ = request(server, "GET", "/")
    assert status == 200
    assert tree["FULL_PATH"] == "/"
    for param in PARAMS:
        node = tree["CONTENTS"]["morphogen"]["CONTENTS"][param.group]["CONTENTS"][param.name]
        assert node["FULL_PATH"] == f"/morphogen/{param.key}"
        assert node["DESCRIPTION"].startswith(param.doc[:-1])


def test_the_page_is_whole_and_asks_nobody_else(server):
    folder = Path(__file__).parents[1] / "bridges/morphogen_bridges/servers/web/static"
    for file in folder.iterdir():
        status, body, answer = request(server, "GET", f"/static/{file.name}")
        assert (status, body) == (200, file.read_bytes())
        assert answer.headers["ETag"]
        text = body.decode().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, file.name
        assert "https://" not in text, file.name
        if file.suffix == ".html":
            assert "style=" not in text
            assert "<script>" not in text
    assert request(server, "GET", "/static/app.js")[2].content_type == "text/javascript"


def test_a_file_that_the_browser_has_is_not_sent_again(server):
    tag = request(server, "GET", "/static/app.js")[2].headers["ETag"]
    assert request(server, "GET", "/static/app.js", headers={"If-None-Match": tag})[:2] == (304, b"")


@pytest.mark.parametrize("path", [
    "/static/", "/static", "/static/none.js", "/static/..%2f..%2fhttp.py", "/static/%2e%2e/http.py", "/nothing",
    "/api/v1", "/static/../http.py", "/morphogen/view/zoom/more",
])  # fmt: skip
def test_nothing_else_is_served(server, path):
    status, said, _ = request(server, "GET", path)
    assert status == 404
    assert said["error"]["cure"]


def test_every_answer_carries_the_security_headers(server):
    for path in ("/", "/static/app.js", "/nothing", "/api/v1/params"):
        headers = request(server, "GET", path, headers={"Accept": "text/html"})[2].headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Server"] == "Morphogen"
        assert "Access-Control-Allow-Origin" not in headers


# --- REST


def test_parameters_are_listed_read_and_set(server, show):
    _, listed, _ = request(server, "GET", "/api/v1/params")
    assert [item["key"] for item in listed] == [param.key for param in PARAMS]
    zoom = next(item for item in listed if item["key"] == "view/zoom")
    assert zoom | {"min": 0.05, "max": 20, "scale": "log", "value": 1.0, "unit": "factor"} == zoom
    for body, value in (({"value": 2}, 2.0), ({"normalised": 1}, 20.0), (3.5, 3.5)):
        status, said, _ = request(server, "PUT", "/api/v1/params/view/zoom", json=body)
        assert (status, said["value"]) == (200, value)
    assert show.params.sets[-1] == ("view/zoom", 3.5, "http:127.0.0.1")
    assert request(server, "GET", "/api/v1/params/view/zoom")[1]["value"] == 3.5
    assert request(server, "PUT", "/api/v1/params/view/mirror", json="both")[1]["value"] == "both"
    assert request(server, "PUT", "/api/v1/params/output/freeze", json=True)[1]["value"] is True


@pytest.mark.parametrize(("key", "body", "status"), [
    ("view/none", b"1", 404), ("view/zoom", b"nonsense", 400), ("view/zoom", b'"wide"', 400),
    ("view/zoom", b"NaN", 400), ("view/zoom", b"{}", 400), ("view/zoom", b'{"value": 1, "normalised": 0}', 400),
    ("view/zoom", b'{"normalised": "x"}', 400), ("view/zoom", b"[1]", 400), ("view/zoom", b"", 400),
    ("view/zoom", b"[" * 100_000, 400), ("view/zoom", b'{"normalised": Infinity}', 400),
])  # fmt: skip
def test_a_wrong_value_is_refused_with_its_cure(server, show, key, body, status):
    got, said, _ = request(server, "PUT", f"/api/v1/params/{key}", data=body)
    assert got == status
    assert set(said["error"]) == {"code", "message", "cure"}
    assert said["error"]["message"]
    assert said["error"]["cure"]
    assert show.params.sets == []


def test_calls(server, show):
    status, said, _ = request(server, "POST", "/api/v1/call/style.load", json={"name": "cosmic/nebula", "seconds": 1})
    assert (status, said["name"]) == (200, "cosmic/nebula")
    assert show.calls[-1] == ("style.load", {"name": "cosmic/nebula", "seconds": 1.0, "on": None})
    assert request(server, "POST", "/api/v1/call/stats")[1]["backend"] == "cpu"


@pytest.mark.parametrize(("method", "body", "status", "words"), [
    ("style.none", b"", 404, "/api/v1/methods"), ("style.load", b"", 400, "needs 'name'"),
    ("style.load", b'{"name": "no/style"}', 409, "styles list"), ("style.load", b"[]", 400, "object"),
    ("style.load", b'{"name": 1}', 400, "must be str"), ("style.put", b'{"blob": "%%"}', 400, "base64"),
    ("style.load", b"{", 400, "JSON"), ("snapshot.recall", b'{"slot": 3}', 409, "Store it first"),
])  # fmt: skip
def test_a_call_that_fails_says_why(server, method, body, status, words):
    got, said, _ = request(server, "POST", f"/api/v1/call/{method}", data=body)
    assert got == status
    assert words in said["error"]["message"] + said["error"]["cure"]


def test_bytes_travel_as_base64(server, show):
    show.answers["style.put"] = lambda blob, **_: {"blob": blob, "nan": float("nan")}
    body = {"blob": base64.b64encode(b"MGS\x00").decode()}
    assert request(server, "POST", "/api/v1/call/style.put", json=body)[1] == {"blob": body["blob"], "nan": None}
    assert show.calls[-1][1]["blob"] == b"MGS\x00"


def test_a_fault_of_the_instrument_shows_no_traceback(server, show):
    def broken():
        raise ZeroDivisionError("secret detail")

    def call(method, arguments=None):
        from concurrent.futures import Future

        future: Future[Any] = Future()
        future.set_exception(ZeroDivisionError("secret detail"))
        return future

    show.call = call
    status, said, _ = request(server, "POST", "/api/v1/call/stats")
    assert status == 500
    assert "secret" not in json.dumps(said)
    show.call = lambda *_: broken()
    assert request(server, "GET", "/api/v1/stats")[0] == 500


def test_methods_are_described(server):
    _, listed, _ = request(server, "GET", "/api/v1/methods")
    assert [item["name"] for item in listed] == [method.name for method in METHODS]
    load = next(item for item in listed if item["name"] == "style.load")
    assert load["args"][0] == {"name": "name", "kind": "str", "doc": "`series/name` or a path.", "required": True}


def test_bodies_are_bounded(server):
    big = b"x" * (300 * 1024)
    for method, path in (("PUT", "params/view/zoom"), ("POST", "call/stats")):
        status, said, _ = request(server, method, f"/api/v1/{path}", data=big)
        assert status == 413
        assert "256 KiB" in said["error"]["message"]
    assert request(server, "GET", "/api/v1/stats")[0] == 200


# --- styles


def test_styles_and_their_pictures(server, show):
    _, styles, _ = request(server, "GET", "/api/v1/styles")
    assert [style["name"] for style in styles] == [f"{series}/{name}" for series, name, _ in STYLES]
    status, picture, answer = request(server, "GET", styles[0]["thumb"])
    assert (status, answer.content_type) == (200, "image/png")
    assert picture == (show.folder / "cosmic" / "galaxy.png").read_bytes()


@pytest.mark.parametrize("path", [
    "cosmic/none", "%2e%2e/secret", "..%2f..%2fetc/passwd", "cosmic/..%2f..%2fsecret", "secret/secret", "COSMIC/galaxy",
    "cosmic/galaxy%00", "cosmic/" + "a" * 3000,
])  # fmt: skip
def test_no_picture_but_those_of_listed_styles(server, show, path):
    (show.folder / "secret.png").write_bytes(b"\x89PNG\r\n\x1a\n secret")
    (show.folder / "secret").mkdir()
    (show.folder / "secret" / "secret.png").write_bytes(b"\x89PNG\r\n\x1a\n secret")
    assert request(server, "GET", f"/api/v1/styles/{path}/thumb.png")[0] == 404


def test_what_is_no_png_is_not_served_as_one(server, show):
    (show.folder / "cosmic" / "galaxy.png").write_text("[private notes]")
    assert request(server, "GET", "/api/v1/styles/cosmic/galaxy/thumb.png")[0] == 404
    assert request(server, "GET", "/api/v1/styles")[1][0]["thumb"] is None


@pytest.mark.parametrize("form", ["datagram", "file", "picture", "large picture"])
def test_a_style_is_handed_on_in_any_form(server, show, form):
    style = untrained("3L_4D", 3)
    side = 800 if form.startswith("large") else 4  # 1.9 MB of noise: more than any other body may have
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    blob = {"datagram": pack, "file": to_bytes}.get(form, lambda style: as_picture(style, noise))(style)
    assert request(server, "POST", "/api/v1/styles", data=BytesIO(blob))[1]["name"] == style.name
    assert show.calls[-1] == ("style.put", {"blob": blob, "seconds": None, "on": None})
    request(server, "POST", "/api/v1/styles?on=bar", data=BytesIO(blob))
    assert show.calls[-1][1]["on"] == "bar"


def test_what_is_no_style_is_refused_with_what_it_is(server, show):
    status, said, _ = request(server, "POST", "/api/v1/styles", data=b"\xff\xd8\xff" + bytes(99))
    assert (status, "it is a JPEG" in said["error"]["message"], "PNG" in said["error"]["cure"]) == (422, True, True)
    status, said, _ = request(server, "POST", "/api/v1/styles", data=b"")
    assert (status, "a PNG that carries a style" in said["error"]["cure"]) == (400, True)


def test_files_are_bounded_and_must_arrive(server, show, monkeypatch):
    status, said, _ = request(server, "POST", "/api/v1/styles", data=BytesIO(bytes(rest.MAX_STYLE + 1)))
    assert (status, "larger than 16 MB" in said["error"]["message"]) == (413, True)
    monkeypatch.setattr(rest, "UPLOAD_SECONDS", 0.2)

    async def slowly(session: aiohttp.ClientSession, base: str) -> tuple[int, Any]:
        async def drops():
            yield b"MGS1"
            await asyncio.sleep(5)

        async with session.post(f"{base}/api/v1/styles", data=drops()) as answer:
            return answer.status, await answer.json()

    for _ in range(rest.UPLOADS + 1):  # who hangs keeps no place
        status, said = visit(server, slowly)
        assert (status, "not arrived within 0.2 s" in said["error"]["message"]) == (408, True)
    assert not [call for call in show.calls if call[0] == "style.put"]


def test_styles_are_shared_as_pictures_to_keep(server, show):
    for path, name in (("current", "cosmic/galaxy"), ("micro/neuron/share", "micro/neuron")):
        status, picture, answer = request(server, "GET", f"/api/v1/styles/{path}.png")
        assert (status, answer.content_type, received(picture).name) == (200, "image/png", name)
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name.replace("/", "-")}.png"'
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["cosmic/none", "%2e%2e/secret", "cosmic/..%2f..%2fsecret", "etc/passwd"])
def test_nothing_but_listed_styles_is_shared(server, show, path):
    assert request(server, "GET", f"/api/v1/styles/{path}/share.png")[0] == 404
    assert not [call for call in show.calls if call[0] == "style.share"]


def test_one_picture_at_a_time_is_drawn_for_the_web(server, show, monkeypatch):
    call, drawing, most = show.call, [], []

    def slow(method: str, arguments: Any = None) -> Future[Any]:
        if method != "style.share":
            return call(method, arguments)
        later: Future[Any] = Future()
        drawing.append(later)
        most.append(len(drawing))

        def done() -> None:
            drawing.remove(later)
            later.set_result(call(method, arguments).result())

        threading.Timer(0.05, done).start()
        return later

    monkeypatch.setattr(show, "call", slow)

    async def crowd(session: aiohttp.ClientSession, base: str) -> list[int]:
        async def one() -> int:
            async with session.get(f"{base}/api/v1/styles/current.png") as answer:
                return answer.status

        return await asyncio.gather(*[one() for _ in range(5)])

    assert visit(server, crowd) == [200] * 5
    assert most == [1] * 5


# --- who is let in


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost:1@evil", "", "10.0.0.1", "a b"])
def test_a_foreign_host_name_is_refused(server, host):
    for path in ("/", "/api/v1/params", "/static/app.js", "/nothing"):
        assert request(server, "GET", path, headers={"Host": host})[0] in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "localhost:9", "127.0.0.1:8712", "[::1]:8712", "LOCALHOST"])
def test_names_of_this_machine_are_let_in(server, host):
    assert request(server, "GET", "/api/v1/stats", headers={"Host": host})[0] == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost", "file://", "x" * 999]
)
def test_another_web_site_cannot_change_anything(server, show, origin):
    for method, path in (
        ("PUT", "params/view/zoom"),
        ("POST", "call/shutdown"),
        ("POST", "styles"),
        ("OPTIONS", "params"),
    ):
        status, said, _ = request(server, method, f"/api/v1/{path}", data=b"2", headers={"Origin": origin})
        assert status == 403
        assert said["error"]["cure"]
    assert show.calls == []
    assert show.params.sets == []

    async def talk(session, url):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{url}/ws", headers={"Origin": origin})
        return refused.value.status

    assert visit(server, talk) == 403


def test_the_page_itself_can(server):
    origin = {"Origin": f"http://127.0.0.1:{server.port}"}
    assert request(server, "PUT", "/api/v1/params/view/zoom", data=b"2", headers=origin)[0] == 200


def test_a_wildcard_bind_takes_addresses_but_no_foreign_names(show):
    server = HttpServer("0.0.0.0", 0, token="secret")
    server.open(show)
    try:
        bearer = {"Authorization": "Bearer secret"}
        assert request(server, "GET", "/api/v1/stats", headers=bearer | {"Host": "192.168.1.5:8712"})[0] == 200
        assert request(server, "GET", "/api/v1/stats", headers=bearer | {"Host": "evil.example"})[0] == 403
    finally:
        server.close()


def test_a_token(show):
    server = HttpServer(port=0, token="correct horse")
    server.open(show)
    try:
        status, said, answer = request(server, "GET", "/api/v1/params")
        assert (status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "token" in said["error"]["cure"]
        for wrong in ("Bearer wrong", "Basic correct horse", "Bearer ", "é"):
            assert request(server, "GET", "/api/v1/params", headers={"Authorization": wrong})[0] == 401
        assert request(server, "GET", "/api/v1/params", headers={"Authorization": "Bearer correct horse"})[0] == 200
        status, page, _ = request(server, "GET", "/", headers={"Accept": "text/html"})
        assert status == 401
        assert b'type="password"' in page
        assert request(server, "GET", "/static/style.css")[0] == 200
        status, _, answer = request(server, "GET", "/?token=correct%20horse&a=1", headers={"Accept": "text/html"})
        assert (status, answer.headers["Location"]) == (303, "/?a=1")
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "correct" not in cookie
        pair = {"Cookie": cookie.partition(";")[0]}
        assert request(server, "GET", "/", headers=pair | {"Accept": "text/html"})[0] == 200
        assert request(server, "GET", "/api/v1/params", headers={"Cookie": pair["Cookie"] + "0"})[0] == 401
        assert "Set-Cookie" in request(server, "GET", "/api/v1/stats?token=correct%20horse")[2].headers

        async def talk(session, url):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(f"{url}/ws")
            async with session.ws_connect(f"{url}/ws", headers=pair) as ws:
                return await hear(ws, "params")

        assert visit(server, talk)
    finally:
        server.close()


# --- the WebSocket


def test_everything_is_told_at_the_start(server):
    async def talk(session, url):
        async with session.ws_connect(f"{url}/ws") as ws:
            assert (await hear(ws, "hello"))["hello"]["size"] == [1920, 1080]
            params = (await hear(ws, "params"))["params"]
            assert {item["key"] for item in params} == set(BY_KEY)
            assert (await hear(ws, "style"))["style"]["name"] == "cosmic/galaxy"
            meters = await hear(ws, "meters")
            assert {"bass", "rms", "beat", "level"} <= set(meters["meters"])
            assert meters["tempo"]["bpm"] == 126.0
            assert (await hear(ws, "stats"))["stats"]["fps"] == 59.9

    visit(server, talk)


def test_a_move_reaches_the_others_but_not_its_mover(server, show):
    async def talk(session, url):
        async with session.ws_connect(f"{url}/ws") as one, session.ws_connect(f"{url}/ws") as two:
            await hear(one, "params")
            await hear(two, "params")
            await one.send_json({"set": {"view/zoom": 2, "view/mirror": "both"}})
            assert (await hear(two, "param"))["param"] == {"view/zoom": 2.0, "view/mirror": "both"}
            assert await silent(one, "param", 0.2)
            await one.send_json({"norm": {"view/zoom": 1.0}})
            assert (await hear(two, "param"))["param"] == {"view/zoom": 20.0}
            show.params.set("view/zoom", 7, "osc:127.0.0.1:9000")
            assert (await hear(one, "param"))["param"] == {"view/zoom": 7.0}

    visit(server, talk)
    assert show.params.sets[0] == ("view/zoom", 2.0, "web:1")


def test_a_flood_of_changes_arrives_thirty_times_a_second(server, show):
    async def talk(session, url):
        async with session.ws_connect(f"{url}/ws") as ws:
            await hear(ws, "params")
            start, seen = time.monotonic(), 0
            for n in range(5000):
                show.params.set("view/x", n / 5000, "osc")
                if n % 100 == 0:
                    await asyncio.sleep(0)
            while True:
                said = await hear(ws, "param")
                seen += 1
                if said["param"]["view/x"] > 0.999:
                    return seen, time.monotonic() - start

    seen, seconds = visit(server, talk)
    assert seen <= seconds * 30 + 3


def test_calls_are_matched_by_id_and_errors_have_a_cure(server, show):
    async def talk(session, url):
        async with session.ws_connect(f"{url}/ws") as ws:
            await ws.send_json({"call": "style.load", "args": {"name": "cosmic/web"}, "id": 7})
            said = await hear(ws, "result")
            assert (said["id"], said["result"]["name"]) == (7, "cosmic/web")
            await ws.send_json({"call": "style.load", "args": {"name": "x/y"}, "id": "a"})
            said = await hear(ws, "error")
            assert said["id"] == "a"
            assert said["error"]["cure"] == "See `morphogen styles list`."
            await ws.send_json({"call": "no.such", "id": 8})
            assert (await hear(ws, "error"))["id"] == 8
            await ws.send_json({"set": {"no/such": 1, "view/zoom": 3}})
            said = await hear(ws, "error")
            assert said["key"] == "no/such"

    visit(server, talk)
    assert show.params.get("view/zoom") == 3.0


def test_events_of_the_show_arrive(server, show):
    async def talk(session, url):
        async with session.ws_connect(f"{url}/ws") as one:
            await hear(one, "style")
            show.emit("style", {"name": "mood/euphoria"})
            assert (await hear(one, "style"))["style"] == {"name": "mood/euphoria"}
            show.emit("state", {"loop": "running"})
            assert (await hear(one, "state"))["state"] == {"loop": "running"}

    visit(server, talk)


BAD = [
    "", "{", "nonsense", "null", "1", "[]", "{}", '"set"', '{"other": 1}', '{"set": 1}', '{"set": [1]}',
    '{"set": null}',
    '{"norm": {"view/zoom": "x"}}', '{"norm": {"view/zoom": true}}', '{"norm": {"view/zoom": NaN}}',
    '{"set": {"view/zoom": {}}}', '{"set": {"view/zoom": Infinity}}', '{"set": {"": 1}}', '{"call": 1}',
    '{"call": null, "id": {}}', '{"call": "style.load", "args": 3}', '{"call": "stats", "args": {"x": 1}}',
    '{"preview": 1}', '{"preview": true, "width": "x"}', '{"preview": true, "width": NaN}',
    '{"preview": true, "width": -5}', '{"preview": true, "width": 1e400}', '{"ack": "x"}', '{"ack": 1.5}',
    '{"ack": true}', "[" * 60_000, '{"set":' * 20_000, '{"set": {"view/zoom": 1' + "0" * 5000 + "}}",
    json.dumps({"set": {f"a/{n}": n for n in range(600)}}),
]  # fmt: skip


def test_malformed_messages_are_counted_and_answered(server, show):
    async def talk(session, url):
        async with session.ws_connect(f"{url}/ws") as ws:
            await hear(ws, "style")
            for n, text in enumerate(BAD):
                before = server.stats()["rejected"]
                await ws.send_str(text)
                said = await hear(ws, "error")
                assert said["error"]["message"], text[:50]
                assert server.stats()["rejected"] == before + 1, (n, text[:50])
            await ws.send_bytes(b"\x00\x01")
            assert "JSON" in (await hear(ws, "error"))["error"]["cure"]
            await ws.send_json({"call": "ping", "id": 1})
            assert await hear(ws, "result")

    visit(server, talk)
    assert show.params.sets == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
verbs = st.sampled_from(["set", "norm", "call", "args", "id", "preview", "width", "ack"])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(verbs, json_values, max_size=4), max_size=25))
def test_no_message_ends_the_connection(server, messages):
    async def talk(session, url):
        async with session.ws_connect(f"{url}/ws") as ws:
            for message in messages:
                await ws.send_str(json.dumps(message))
            await ws.send_json({"call": "ping", "id": "last"})
            while (await hear(ws, "id"))["id"] != "last":
                pass

    visit(server, talk)


def test_too_large_or_broken_frames_end_only_their_own_connection(server):
    async def talk(session, url):
        async with session.ws_connect(f"{url}/ws") as good:
            async with session.ws_connect(f"{url}/ws") as ws:
                await ws.send_str("x" * 300_000)
                while (message := await ws.receive(5)).type is aiohttp.WSMsgType.TEXT:
                    pass
                assert message.data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
            await good.send_json({"call": "ping", "id": 1})
            assert await hear(good, "result")

    visit(server, talk)


def test_garbage_instead_of_http(server):
    for garbage in (b"\x00" * 100, b"GET / HTTP/9.9\r\n\r\n", b"A" * 70_000 + b"\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port), 5) as raw:
            raw.sendall(garbage)
            answer = raw.recv(4096)
            assert answer.startswith(b"HTTP/1."), garbage[:20]
            assert b" 40" in answer.split(b"\r\n")[0]
            assert b"Traceback" not in answer
    assert request(server, "GET", "/api/v1/stats")[0] == 200


# --- the preview


def test_the_preview_has_no_options_of_its_own(server):
    with pytest.raises(UsageError, match="web has no option 'quality'"):
        check_options(server.sinks()[0], options_from({"quality": 50}))


def test_the_preview_keeps_the_aspect(tmp_path):
    for size, expected in (
        ((1920, 1080), (960, 540)),
        ((640, 360), (640, 360)),
        ((1080, 1920), (960, 1707)),
        ((3840, 800), (960, 200)),
    ):
        server = HttpServer(port=0)
        server.open(Show(tmp_path, size))
        sink = server.sinks()[0]
        server.close()
        spec = target_spec(sink, sink.options, size)
        assert (spec.width, spec.height) == expected
        assert target_spec(sink, sink.options, (1000, 1000)).height == expected[0], "the show may change its shape"
        assert (sink.kind, sink.policy, sink.thread, sink.options.fps) == ("web", "latest", "own", 30.0)


def test_nothing_is_rendered_while_nobody_looks(server):
    sink = server.sinks()[0]
    sink.open(server._hub.host)
    assert not sink.watched()

    async def talk(session, url):
        async with session.ws_connect(f"{url}/ws") as ws:
            await hear(ws, "params")
            assert not sink.watched()
            await ws.send_json({"preview": True, "width": 960})
            await ws.send_json({"call": "ping", "id": 1})
            await hear(ws, "result")
            assert sink.watched()
            await ws.send_json({"preview": False})
            await ws.send_json({"call": "ping", "id": 2})
            await hear(ws, "result")
            assert not sink.watched()

    visit(server, talk)


def test_frames_wait_for_the_acknowledgement_and_the_newest_wins(server):
    async def talk(session, url):
        async with session.ws_connect(f"{url}/ws") as ws:
            await hear(ws, "params")
            await ws.send_json({"preview": True, "width": 960})
            await ws.send_json({"call": "ping", "id": 1})
            await hear(ws, "result")
            preview_frame(server, 1)
            index, jpeg = await hear(ws, "frame")
            assert index == 1
            assert simplejpeg.decode_jpeg(jpeg).shape == (540, 960, 3)
            for n in range(2, 8):
                preview_frame(server, n)
            assert await silent(ws, "frame", 0.2)
            await ws.send_json({"ack": 99})
            assert await silent(ws, "frame", 0.1)
            await ws.send_json({"ack": 1})
            assert (await hear(ws, "frame"))[0] == 7
            await ws.send_json({"ack": 7})
            preview_frame(server, (1 << 32) + 5)
            assert (await hear(ws, "frame"))[0] == 5

    visit(server, talk)


def test_a_page_that_never_acknowledges_stops_counting(server, monkeypatch):
    monkeypatch.setattr("morphogen_bridges.servers.web.client.STALLED", 0.2)

    async def talk(session, url):
        async with session.ws_connect(f"{url}/ws") as ws:
            await hear(ws, "params")
            await ws.send_json({"preview": True, "width": 200})
            await asyncio.sleep(0.1)
            preview_frame(server, 1)
            _, jpeg = await hear(ws, "frame")
            assert simplejpeg.decode_jpeg(jpeg).shape == (135, 240, 3)
            await asyncio.sleep(0.4)
            assert not server.sinks()[0].watched()
            await ws.send_json({"ack": 1})
            await asyncio.sleep(0.2)
            assert server.sinks()[0].watched()

    visit(server, talk)


def test_pixels_keep_their_colour_in_both_formats(server):
    async def talk(session, url):
        colours = []
        async with session.ws_connect(f"{url}/ws") as ws:
            await hear(ws, "params")
            await ws.send_json({"preview": True, "width": 960})
            await asyncio.sleep(0.1)
            for index, fmt in enumerate((PixelFormat.RGBA8, PixelFormat.BGRA8)):
                frame = make_frame(TargetSpec(64, 36, fmt), index, fill=0)
                frame.pixels[..., 0 if fmt is PixelFormat.RGBA8 else 2] = 200
                server.sinks()[0].write(frame)
                colours.append(simplejpeg.decode_jpeg((await hear(ws, "frame"))[1])[10, 10].tolist())
                await ws.send_json({"ack": index})
        return colours

    for red, green, blue in visit(server, talk):
        assert abs(red - 200) < 4
        assert green < 4
        assert blue < 4


def test_one_frame_for_who_asks(server):
    status, said, _ = request(server, "GET", "/api/v1/frame.jpg")
    assert (status, "running" in said["error"]["cure"]) == (503, True)

    async def talk(session, url):
        asking = asyncio.ensure_future(session.get(f"{url}/api/v1/frame.jpg"))
        while not server.sinks()[0].watched():
            await asyncio.sleep(0.01)
        preview_frame(server, 1)
        answer = await asking
        return answer.status, await answer.read()

    status, jpeg = visit(server, talk)
    assert status == 200
    assert simplejpeg.decode_jpeg(jpeg).shape == (540, 960, 3)
    assert not server.sinks()[0].watched()


def test_many_pages_and_no_more(server):
    async def talk(session, url):
        pages = [await session.ws_connect(f"{url}/ws") for _ in range(64)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{url}/ws")
        assert refused.value.status == 503
        for ws in pages:
            await ws.send_json({"preview": True, "width": 960})
        await pages[0].send_json({"call": "ping", "id": 1})
        await hear(pages[0], "result")
        await asyncio.sleep(0.3)
        preview_frame(server, 3)
        assert [(await hear(ws, "frame"))[0] for ws in pages] == [3] * 64
        for ws in pages:
            await ws.close()

    visit(server, talk)


def test_who_reads_nothing_is_disconnected():
    async def run():
        class Deaf:
            closed = False
            code = None

            async def close(self, code, message):
                self.closed, self.code = True, code

            async def send_str(self, text):
                await asyncio.Event().wait()

        deaf = Deaf()
        client = Client(1, deaf)
        for n in range(QUEUE + 10):
            client.tell({"result": n})
            client.tell_params({"view/zoom": n})
        await asyncio.wait_for(client.run(), 2)
        return deaf.code

    assert asyncio.run(run()) == aiohttp.WSCloseCode.POLICY_VIOLATION


def test_json_of_anything():
    import numpy as np

    value = {1: (np.float32(0.5), np.arange(2)), "b": {b"x"}, "n": [float("inf"), None, True], "p": Path("a")}
    assert plain(value) == {"1": [0.5, [0, 1]], "b": ["eA=="], "n": [None, None, True], "p": "a"}
    assert json.loads(dumps(value))["n"] == [None, None, True]


def test_shrinking_takes_the_mean():
    import numpy as np

    pixels = np.zeros((5, 6, 4), np.uint8)
    pixels[::2] = 200
    assert shrink(pixels, 2).shape == (2, 3, 4)
    assert (shrink(pixels, 2) == 100).all()
    assert shrink(pixels, 1) is pixels


def test_an_unused_server_costs_the_listener_nothing(server, show):
    clock = WallClock()
    start = clock.now()
    for n in range(2000):
        show.params.set("view/x", n / 2000, "osc")
    assert server._hub._changed == {}
    assert clock.now() - start < 2


def test_listing_it_imports_neither_aiohttp_nor_simplejpeg():
    script = (
        "import sys, morphogen_bridges.servers.http as h; h.HttpServer(port=0);"
        "print([m for m in ('aiohttp', 'simplejpeg', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_missing_libraries_name_their_cure(show, monkeypatch):
    server = HttpServer(port=0)
    server.open(show)
    sink = server.sinks()[0]
    server.close()
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    with pytest.raises(Unavailable, match="pip install simplejpeg"):
        sink.open(show)
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(Unavailable, match="pip install aiohttp"):
        HttpServer(port=0).open(show)
