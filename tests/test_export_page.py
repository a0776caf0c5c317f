"""Exports in Chromium: the page as an instrument, and ISF in the browser's first WebGL."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

import devtools
from export_pages import SHOT, SOFTWARE, address, complaints, drawn, pixels, played
from exporting import A_FEW, HOSTILE, SIZE, expected, recoloured
from morphogen.export.words import line
from morphogen.library.find import Library

browser = pytest.mark.skipif(devtools.find_chromium() is None, reason="needs chromium: apt install chromium")


@pytest.fixture
def software(monkeypatch) -> None:
    monkeypatch.setattr(devtools, "FLAGS", (*devtools.FLAGS, *SOFTWARE))


@browser
@pytest.mark.device
def test_page_and_isf_draw_the_style(software, tmp_path):
    """The page with WebGL 2, the ISF with WebGL 1."""

    async def run() -> None:
        async with devtools.Browser(tmp_path / "browser", *SIZE) as page:
            for name in A_FEW:
                style = Library().find(name)
                found = await drawn(page, style, tmp_path)
                error = np.abs(found - expected(style, 7.0))
                print(f"{name}: {error.mean():.3f} levels on average, {error.max()} at most")
                assert error.mean() < 1, name
                await page.run("for (const i of ['bass', 'treble']) morphogen.set(i, 0.0)")
                assert np.abs(pixels(await page.run(SHOT)) - found).mean() > 0.3, f"{name} does not hear"
                await page.run("morphogen.set('palette_chosen', 'ice')")
                apart = pixels(await page.run(SHOT)) - recoloured(style, "ice", bass=0.0, treble=0.0)
                assert np.abs(apart).mean() < 1, name
                assert complaints(page) == []
                assert np.abs(pixels(await page.run(played(style))) - expected(style, 7.0)).mean() < 1, name
            assert all(url.startswith(("file:", "about:")) for url in page.requested)

    asyncio.run(run())


@browser
@pytest.mark.device
def test_the_page_as_an_instrument(software, tmp_path):
    style = replace(Library().find("starter/ember"), prompt=HOSTILE)

    async def run() -> None:
        async with devtools.Browser(tmp_path / "browser", 900, 700, touch=True) as page:
            await page.open(address(style, tmp_path, scale=0.25))
            await page.until("window.morphogen && morphogen.state.time > 0.05")
            assert await page.run("document.querySelector('#prompt').textContent") == line(HOSTILE)
            heard = await page.run("morphogen.values.bass")
            await page.until(f"morphogen.values.bass !== {heard}")  # the demo plays
            await page.click("[data-ear=microphone]")
            await page.until("document.querySelector('#told').textContent.startsWith('No microphone')")
            assert await page.run("morphogen.state.ear") == "demo"
            await page.key("h")
            assert await page.run("getComputedStyle(document.querySelector('#panel')).visibility") == "hidden"
            await page.key("h")
            assert await page.run("getComputedStyle(document.querySelector('#panel')).visibility") == "visible"
            assert complaints(page) == []

    asyncio.run(run())


@browser
@pytest.mark.device
def test_the_page_hears_a_microphone(software, tmp_path, monkeypatch):
    """Chromium's pretended microphone beeps once a second."""
    pretended = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    monkeypatch.setattr(devtools, "FLAGS", (*devtools.FLAGS, *pretended))

    async def run() -> None:
        async with devtools.Browser(tmp_path / "browser", 900, 700) as page:
            await page.open(address(Library().find("starter/ember"), tmp_path, scale=0.1))
            await page.until("window.morphogen && morphogen.state.time > 0.05")
            await page.click("[data-ear=microphone]")
            await page.until("morphogen.state.ear === 'microphone' && morphogen.values.rms > 0.2")
            await page.until("morphogen.values.rms < 0.05")  # between two beeps
            await page.until("morphogen.values.rms > 0.2")
            assert await page.run("document.querySelector('#told').textContent") == ""

    asyncio.run(run())
