"""A browser for tests: Chromium through its DevTools protocol, with nothing but aiohttp."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import aiohttp

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--mute-audio", "--remote-debugging-port=0",
)  # fmt: skip


def find_chromium() -> str | None:
    """Path of a Chromium or Chrome, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


class Browser:
    """One page in one browser. `async with Browser(tmp_path) as page`; ends only the process that it started."""

    def __init__(self, folder: Path, width: int = 1440, height: int = 900, touch: bool = False) -> None:
        self._folder, self._size, self._touch = folder, (width, height), touch
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.complaints: list[str] = []
        self.requested: list[str] = []

    async def __aenter__(self) -> Browser:
        gently = ["nice", "-n", "5"] if shutil.which("nice") else []
        command = [*gently, find_chromium() or "chromium", *FLAGS, f"--user-data-dir={self._folder}", "about:blank"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._session = aiohttp.ClientSession()
        port = await self._port()
        async with self._session.get(f"http://127.0.0.1:{port}/json") as answer:
            pages = [target for target in await answer.json() if target["type"] == "page"]
        self._ws = await self._session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0)
        self._reader = asyncio.ensure_future(self._read())
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.send(f"{domain}.enable")
        await self.resize(*self._size)
        await self.send("Emulation.setTouchEmulationEnabled", enabled=self._touch)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.cancel()
        await self._session.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    async def _port(self) -> int:
        file = self._folder / "DevToolsActivePort"
        for _ in range(300):
            if file.exists() and (found := re.match(r"(\d+)\n", file.read_text())):
                return int(found.group(1))
            await asyncio.sleep(0.1)
        raise TimeoutError("chromium did not open its DevTools port within 30 s")

    async def _read(self) -> None:
        async for message in self._ws:
            said = json.loads(message.data)
            if "id" in said:
                future = self._answers.pop(said["id"], None)
                if future is not None and not future.done():
                    future.set_result(said)
                continue
            method, what = said["method"], said["params"]
            if method == "Runtime.exceptionThrown":
                self.complaints.append(str(what["exceptionDetails"]))
            elif method == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning", "assert"):
                self.complaints.append(str(what["args"]))
            elif method == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
                self.complaints.append(str(what["entry"]))
            elif method == "Network.requestWillBeSent":
                self.requested.append(what["request"]["url"])

    async def send(self, method: str, **params: Any) -> Any:
        """One DevTools command."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._ws.send_json({"id": number, "method": method, "params": params})
        said = await asyncio.wait_for(answer, 30)
        if "error" in said:
            raise RuntimeError(f"{method}: {said['error']}")
        return said["result"]

    async def open(self, url: str) -> None:
        """Go to a page."""
        await self.send("Page.navigate", url=url)

    async def resize(self, width: int, height: int) -> None:
        """Size of the window, in CSS pixels."""
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=self._touch
        )

    async def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        said = await self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in said:
            raise RuntimeError(str(said["exceptionDetails"]))
        return said["result"].get("value")

    async def until(self, script: str, timeout: float = 20.0) -> Any:
        """Wait until an expression is true in the page."""
        end = asyncio.get_running_loop().time() + timeout
        while asyncio.get_running_loop().time() < end:
            if value := await self.run(script):
                return value
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within {timeout} s: {script}; complaints: {self.complaints}")

    async def centre(self, selector: str) -> tuple[float, float, float, float]:
        """Middle and size of an element, scrolled into view."""
        box = await self.run(
            f"(e => {{ e.scrollIntoView({{block: 'center', behavior: 'instant'}}); const b = e.getBoundingClientRect();"
            f" return [b.x + b.width / 2, b.y + b.height / 2, b.width, b.height] }})"
            f"(document.querySelector({json.dumps(selector)}))"
        )
        return tuple(box)

    async def mouse(self, kind: str, x: float, y: float, clicks: int = 1, modifiers: int = 0) -> None:
        """mousePressed, mouseMoved or mouseReleased."""
        await self.send(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=int(kind != "mouseReleased"),
            clickCount=clicks, modifiers=modifiers,
        )  # fmt: skip

    async def click(self, selector: str, times: int = 1) -> None:
        """A real click in the middle of an element."""
        x, y, _, _ = await self.centre(selector)
        for n in range(1, times + 1):
            await self.mouse("mousePressed", x, y, n)
            await self.mouse("mouseReleased", x, y, n)

    async def touch(self, kind: str, *points: tuple[float, float]) -> None:
        """touchStart, touchMove or touchEnd."""
        await self.send("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y} for x, y in points])

    async def key(self, key: str, code: str = "", text: str = "", modifiers: int = 0) -> None:
        """Press and release a key."""
        virtual = {"Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowRight": 39}.get(key, ord(key[0].upper()))
        common = {
            "key": key,
            "code": code or f"Key{key.upper()}",
            "modifiers": modifiers,
            "windowsVirtualKeyCode": virtual,
        }
        await self.send("Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {}))
        await self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    async def drag(self, kind: str, *files: Path, at: tuple[float, float] = (300, 300)) -> None:
        """dragEnter, dragOver, dragCancel or drop of files, as from a file manager."""
        data = {"items": [], "files": list(map(str, files)), "dragOperationsMask": 1}
        await self.send("Input.dispatchDragEvent", type=kind, x=at[0], y=at[1], data=data)

    async def choose(self, selector: str, file: Path) -> None:
        """What a file picker does to an input."""
        script = f"document.querySelector({json.dumps(selector)})"
        found = await self.send("Runtime.evaluate", expression=script)
        await self.send("DOM.setFileInputFiles", files=[str(file)], objectId=found["result"]["objectId"])

    async def keep_downloads(self, folder: Path) -> None:
        """Save what the page downloads, without asking."""
        folder.mkdir(parents=True, exist_ok=True)
        await self.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    async def picture(self, path: Path) -> None:
        """A screenshot as PNG."""
        said = await self.send("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(said["data"]))
