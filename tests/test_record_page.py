"""The record button in a real browser, against the real server with a stand-in for the show."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from devtools import Browser, find_chromium
from morphogen.errors import Unavailable
from morphogen_bridges.servers.http import HttpServer
from web_show import Player, Show, make_styles

pytestmark = [
    pytest.mark.device,
    pytest.mark.skipif(find_chromium() is None, reason="needs chromium: apt install chromium"),
]
FILE = "/videos/Morphogen/2026-11-23 21.00.00.mp4"
STARTED = {"id": "record", "file": FILE, "encoder": "libx264"}
STOPPED = {"id": "record", "file": FILE, "seconds": 75.2, "frames": 4512, "dropped": 3, "size": 9_000_000, "error": ""}


def record(file: str = FILE, seconds: float = 0.0) -> dict[str, object]:
    return {"file": file, "seconds": seconds, "frames": 1, "repeated": 0, "bytes": 1}


async def says(page: Browser, text: str) -> None:
    await page.until(f"document.querySelector('.toasts').innerText.includes({text!r})")


async def walk(page: Browser, show: Show) -> None:
    button = "document.querySelector('#record')"
    called = [method for method, _ in show.calls]
    assert "record.start" not in called
    await page.run(f"{button}.click()")
    await says(page, "Recording 2026-11-23 21.00.00.mp4")
    show.emit("state", {"fps": 60, "record": record(seconds=75.2)})
    await page.until(f"{button}.innerText.trim() === '1:15' && {button}.getAttribute('aria-pressed') === 'true'")
    assert await page.run(f"{button}.title") == "Stop recording 2026-11-23 21.00.00.mp4"
    await page.run("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'r', bubbles: true}))")
    await says(page, "1:15, 3 pictures repeated")
    show.emit("state", {"fps": 60, "record": None})
    await page.until(f"{button}.innerText.trim() === '' && {button}.getAttribute('aria-pressed') === 'false'")
    show.answers["record.start"] = Unavailable("recording needs the package PyAV.", 'pip install "morphogen[video]"')
    await page.run(f"{button}.click()")
    await says(page, "recording needs the package PyAV.")
    show.emit(
        "log", {"level": "error", "message": "The recording x has ended: the disk is full.", "cure": "Make room."}
    )
    await says(page, "the disk is full")
    assert [m for m, _ in show.calls if m.startswith("record")] == ["record.start", "record.stop", "record.start"]


def test_the_button_records_and_tells(tmp_path: Path) -> None:
    show = Show(make_styles(tmp_path / "styles"), size=(640, 360))
    show.answers |= {"record.start": STARTED, "record.stop": STOPPED}
    server = HttpServer(port=0)
    server.open(show)

    async def run() -> None:
        async with Browser(tmp_path / "browser", 1440, 900) as page:
            await page.open(f"http://127.0.0.1:{server.port}/")
            await page.until("document.body?.dataset.link === 'live'")
            await walk(page, show)
            assert [text for text in page.complaints if "learn" not in text] == []

    try:
        with Player(show, server.sinks()[0], fps=20):
            asyncio.run(run())
    finally:
        server.close()
