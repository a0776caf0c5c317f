"""Learning on the page, in a real browser: point, move the knob, done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools import Browser, find_chromium
from morphogen.controls.engine import Engine
from morphogen.controls.rules import make
from morphogen_bridges.servers.http import HttpServer
from web_show import Show, make_styles, serving

pytestmark = [
    pytest.mark.device,
    pytest.mark.skipif(find_chromium() is None, reason="needs chromium: apt install chromium"),
]
KNOB, PAD = "midi/nanoKONTROL2/cc/1/16", "midi/APC MINI/note/1/3"
BADGE = "document.querySelector('[data-key=\"view/zoom\"] .badge')?.textContent"
TEXT = "document.querySelector('#learn-text').textContent"


class Rigged(Show):
    """With the real engine behind the `controls` methods."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, (640, 360))
        self.controls = self.engine = Engine(self.params, self.call, self.clock.now)
        problem = {"file": "/x/controls.toml", "line": 9, "message": "'mode' cannot be 'x'.", "cure": "One of toggle."}
        self.answers |= {
            "controls.list": lambda: {"rules": [{**rule.public(), "own": own} for rule, own in self.engine.rules()],
                                      "problems": [problem], "file": "/x/controls.toml", "learning": ""},
            "controls.remove": lambda address, target: {"removed": self.engine.remove(address, target)},
            "controls.cancel": lambda: {"cancelled": self.engine.cancel()},
        }  # fmt: skip

    def call(self, method, arguments=None):
        if method == "controls.learn":  # answers later
            self.calls.append((method, arguments))
            return self.engine.learn(arguments["target"], arguments["seconds"])
        return super().call(method, arguments)

    def news(self) -> None:
        self.emit("state", {"changes": {"controls": self.engine.changes}})

    async def move(self, address: str, *values: float) -> None:
        for value in values:
            assert self.engine.feel(address, value)
        while self.engine.learning:
            await asyncio.sleep(0.05)
            self.engine.tick(self.clock.now())
        self.news()


@pytest.fixture
def show(tmp_path: Path) -> Rigged:
    return Rigged(make_styles(tmp_path / "styles"))


@pytest.fixture
def server(show: Rigged) -> Iterator[HttpServer]:
    with serving(show, fps=10) as server:
        yield server


def test_point_move_done(server, show, tmp_path):
    async def walk(page: Browser) -> None:
        await page.open(f"http://127.0.0.1:{server.port}/")
        await page.until("document.querySelectorAll('.card').length > 1 && document.querySelector('.control') !== null")
        await page.key("l")
        await page.until("document.body.classList.contains('learning')")
        await learn_zoom(page, show)
        await learn_a_pad(page, show)
        await give_up(page, show)
        await forget(page, show)
        assert page.complaints == []

    async def run() -> None:
        async with Browser(tmp_path / "browser") as page:
            await walk(page)

    asyncio.run(run())


async def learning(show: Rigged, wanted: str) -> None:
    """The page says at once what it has asked for; the instrument hears of it a moment later."""
    for _ in range(100):
        if show.engine.learning == wanted:
            break
        await asyncio.sleep(0.02)
    assert show.engine.learning == wanted


async def learn_zoom(page: Browser, show: Rigged) -> None:
    await page.click('[data-key="view/zoom"] .slider')
    await page.until(f"{TEXT}.includes('View: zoom')")
    assert show.params.sets == [], "pointing at a slider does not move it"
    await learning(show, "view/zoom")
    await show.move(KNOB, *(n / 127 for n in (60, 61, 62, 64)))
    assert await page.until(BADGE) == "CC 16"
    await page.until("document.querySelector('.toast')?.textContent.includes('nanoKONTROL2, CC 16 → View: zoom')")


async def learn_a_pad(page: Browser, show: Rigged) -> None:
    await page.click("#blackout")
    await page.until(f"{TEXT}.includes('Output: blackout')")
    await show.move(PAD, 0.6, 0.0)
    assert [(rule.target, rule.mode) for rule, _ in show.engine.rules()][1] == ("output/blackout", "momentary")
    assert show.params.get("output/blackout") is False
    await page.click('[data-slot="2"]')
    await page.until(f"{TEXT}.includes('snapshot recall 2')")


async def give_up(page: Browser, show: Rigged) -> None:
    await page.key("Escape", "Escape")
    await page.until("!document.body.classList.contains('learning')")
    await page.until("!document.querySelector('.waits')")
    await learning(show, "")
    await page.click('[data-key="view/zoom"] .slider')  # moves again
    for _ in range(100):
        if show.params.sets:
            break
        await asyncio.sleep(0.02)
    assert show.params.sets[-1][0] == "view/zoom"


async def forget(page: Browser, show: Rigged) -> None:
    show.engine.put(make({"address": "osc/composition/master", "target": "output/master"}))
    show.news()
    await page.until("document.querySelectorAll('.mapping').length === 3")
    assert "line 9: 'mode' cannot be 'x'." in await page.run("document.querySelector('#mapped').textContent")
    await page.run("document.querySelector('#mapped').parentElement.open = true")
    await page.run("document.querySelector('.mapping .remove').click()")
    for _ in range(100):
        if len(show.engine.rules()) == 2:
            break
        await asyncio.sleep(0.02)
    assert [rule.target for rule, _ in show.engine.rules()] == ["output/blackout", "output/master"]
    show.news()
    await page.until(f"!{BADGE}")
