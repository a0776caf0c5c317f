"""The page in a real browser, against the real server with a moving stand-in for the show."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from devtools import Browser, find_chromium
from morphogen.errors import StateError
from morphogen.library.draw import untrained
from morphogen.library.exchange import as_picture
from morphogen.library.style import load_style, to_bytes
from morphogen.params.catalog import PARAMS
from morphogen_bridges.servers.http import HttpServer
from web_show import STYLES, Player, Show, make_styles, serving

pytestmark = [
    pytest.mark.device,
    pytest.mark.skipif(find_chromium() is None, reason="needs chromium: apt install chromium"),
]
LIVE = "document.querySelector('#screen')?.classList.contains('live') && document.querySelectorAll('.card').length > 1"
LIT = """(() => { const c = Object.assign(document.createElement('canvas'), {width: 32, height: 18}).getContext('2d');
  c.drawImage(document.querySelector('#preview'), 0, 0, 32, 18);
  const d = c.getImageData(0, 0, 32, 18).data; let sum = 0;
  for (let i = 0; i < d.length; i += 4) sum += d[i] + d[i + 1] + d[i + 2]; return sum / 576 })()"""
PHONE = (390, 844)


@pytest.fixture
def show(tmp_path: Path) -> Show:
    return Show(make_styles(tmp_path / "styles"), size=(640, 360))


@pytest.fixture
def server(show: Show) -> Iterator[HttpServer]:
    with serving(show, fps=20) as server:
        yield server


def browse(
    server: HttpServer,
    tmp_path: Path,
    walk: Callable[[Browser], Awaitable[None]],
    phone: bool = False,
    clean: bool = True,
) -> None:
    async def run() -> None:
        size = PHONE if phone else (1440, 900)
        async with Browser(tmp_path / "browser", *size, touch=phone) as page:
            await page.open(f"http://127.0.0.1:{server.port}/")
            await page.until(LIVE)
            await walk(page)
            if clean:
                assert page.complaints == []
            assert all(url.startswith((f"http://127.0.0.1:{server.port}/", "data:", "blob:")) for url in page.requested)

    asyncio.run(run())


async def eventually(check: Callable[[], object], seconds: float = 5.0) -> None:
    for _ in range(int(seconds / 0.02)):
        if check():
            return
        await asyncio.sleep(0.02)
    assert check()


def last(show: Show, key: str) -> float | None:
    return next((value for k, value, _ in reversed(show.params.sets) if k == key), None)


def test_the_instrument_on_a_laptop(server, show, tmp_path):
    async def walk(page: Browser) -> None:
        await page.until(f"{LIT} > 5")
        keys = set(await page.run("[...document.querySelectorAll('[data-key]')].map(e => e.dataset.key)"))
        assert keys == {param.key for param in PARAMS}
        await sliders(page, show)
        await others(page, show)
        await styles(page, show)
        await panic(page, show)

    browse(server, tmp_path, walk)


async def sliders(page: Browser, show: Show) -> None:
    x, y, width, _ = await page.centre('[data-key="view/zoom"] .slider')
    await page.mouse("mousePressed", x, y)
    await page.mouse("mouseMoved", x + width / 4, y)
    await page.mouse("mouseReleased", x + width / 4, y)
    await eventually(lambda: (last(show, "view/zoom") or 0) > 1.5)
    assert show.params.sets[-1][2] == "web:1"
    assert 4 < show.params.get("view/zoom") < 5  # log: three quarters of 0.05..20 is 4.47
    shown = await page.run("document.querySelector('[data-key=\"view/zoom\"] input').value")
    assert float(shown) == pytest.approx(show.params.get("view/zoom"), abs=0.01)
    await page.click('[data-key="view/zoom"] .slider', times=2)
    await eventually(lambda: last(show, "view/zoom") == 1.0)
    await page.key("ArrowRight", "ArrowRight")
    await page.run("document.querySelector('[data-key=\"view/zoom\"] .slider').focus()")
    await page.key("ArrowRight", "ArrowRight")
    await eventually(lambda: 1.0 < (last(show, "view/zoom") or 0) < 1.2)
    await page.run(
        "(b => { b.focus(); b.value = '370'; b.blur() })(document.querySelector('[data-key=\"view/rotate\"] input'))"
    )
    await eventually(lambda: last(show, "view/rotate") == 10.0)
    show.params.set("view/x", 2.0, "osc")
    await page.until("document.querySelector('[data-key=\"view/x\"] input').value === '2.00'")


async def others(page: Browser, show: Show) -> None:
    await page.click('[data-key="view/polar"] button')
    await eventually(lambda: show.params.get("view/polar") is True)
    await page.click('[data-key="view/mirror"] [data-value=both]')
    await eventually(lambda: show.params.get("view/mirror") == "both")
    await page.click(".side-tabs [data-to=sound]")
    await page.until("document.querySelector('[data-feature=bass] .amount').textContent !== '0.00'")
    await page.run(
        "(s => { s.value = 'device:Scarlett 2i2'; s.dispatchEvent(new Event('change')) })"
        "(document.querySelector('#audio-source'))"
    )
    await eventually(lambda: ("audio.select", {"source": "device:Scarlett 2i2"}) in show.calls)
    await page.click(".side-tabs [data-to=matrix]")
    await page.click("#add-route")
    await eventually(lambda: len(show.routes) == 4)
    await page.click(".route:nth-child(2) .remove")
    await eventually(lambda: [r["source"] for r in show.routes][:2] == ["bass", "onset"])
    await page.click("#tap")
    await eventually(lambda: ("tempo.tap", {}) in show.calls)
    await page.run(
        "(s => { s.value = 'midi'; s.dispatchEvent(new Event('change')) })(document.querySelector('#tempo-source'))"
    )
    await eventually(lambda: ("tempo.source", {"name": "midi"}) in show.calls)
    assert await page.run("document.querySelector('#key').checkVisibility()") is False
    show.emit("state", {"tempo_choice": "link", "tempo_source": "link", "link_peers": 2, "key": "A minor"})
    await page.until("document.querySelector('#key').checkVisibility()")
    assert await page.run("document.querySelector('#key dd').textContent") == "A minor"
    await page.until("document.querySelector('#ableton-link').textContent === 'Link 2'")
    await page.run("document.querySelector('#ableton-link').click()")
    await eventually(lambda: ("tempo.link", {"on": False}) in show.calls)


async def styles(page: Browser, show: Show) -> None:
    assert await page.run("document.querySelectorAll('.card[data-style]').length") == len(STYLES)
    await page.until("[...document.querySelectorAll('.card img')].every(i => i.complete && i.naturalWidth > 0)")
    await page.click('[data-style="micro/neuron"]')
    await eventually(lambda: ("style.load", {"name": "micro/neuron", "seconds": None, "on": None}) in show.calls)
    await page.until("document.querySelector('[aria-current=true][data-style]').dataset.style === 'micro/neuron'")
    assert await page.run("document.querySelector('#now-title').textContent") == "Neuron"
    await page.click("#quantise [data-value=bar]")
    await page.key("ArrowRight", "ArrowRight")  # the choice has the focus no more: this is the next style
    await eventually(lambda: ("style.next", {"seconds": None, "on": None}) in show.calls)
    assert show.params.get("transition/quantise") == "bar"
    await page.click("#store")
    await page.click('[data-slot="6"]')
    await eventually(lambda: 6 in show.kept)
    await page.until("document.querySelector('.pad.kept[data-slot=\"6\"]')?.textContent")
    await page.key("6", "Digit6")
    await eventually(lambda: ("snapshot.recall", {"slot": 6, "seconds": 2.0, "on": None}) in show.calls)


async def panic(page: Browser, show: Show) -> None:
    await page.click("#blackout")
    await eventually(lambda: show.params.get("output/blackout") is True)
    await page.until(f"{LIT} < 1")
    await page.key(" ", "Space")  # must tap, not press the button again
    await page.key("f")
    await eventually(lambda: show.params.get("output/freeze") is True)
    assert show.params.get("output/blackout") is True
    assert show.calls[-1] == ("tempo.tap", {})
    await page.key("b")
    await page.until(f"{LIT} > 5")


def test_what_others_change_is_asked_for_again(server, show, tmp_path):
    """Over OSC, ZeroMQ, the command line: the page only sees the counts in the state."""

    def changed(**counts: int) -> None:
        show.emit("state", {"changes": {"modulation": 0, "snapshots": 0, "bank": 0, "sound": 0, **counts}})

    async def walk(page: Browser) -> None:
        await page.until("document.querySelectorAll('.route').length === 3")
        show.kept[4] = {"style": "micro/neuron", "params": 40}
        changed(snapshots=1)
        await page.until("document.querySelector('.pad.kept[data-slot=\"4\"]') !== null")
        show.routes = show.routes[:1]
        changed(snapshots=1, modulation=1)
        await page.until("document.querySelectorAll('.route').length === 1")
        show.answers["audio.devices"] = lambda: [{"name": "Interface 9", "channels": 2, "default": True}]
        changed(snapshots=1, modulation=1, sound=7)
        await page.until(
            "[...document.querySelectorAll('#audio-source option')].some(o => o.value === 'device:Interface 9')"
        )
        asked = len(show.calls)
        for _ in range(3):
            changed(snapshots=1, modulation=1, sound=7)
        await asyncio.sleep(0.3)
        assert {method for method, _ in show.calls[asked:]} <= {"stats"}, "the same counts: nothing is new"

    browse(server, tmp_path, walk)


def test_size_and_backend_are_told_and_changed(server, show, tmp_path):
    def pick(menu: str, value: str) -> str:
        change = "m.dispatchEvent(new Event('change'))"
        return f"(m => {{ m.value = '{value}'; {change} }})(document.querySelector('#show-{menu}'))"

    async def walk(page: Browser) -> None:
        await page.until("document.querySelector('#show-size').value === '640x360'")
        assert await page.run("document.querySelector('#show-backend').value") == "cpu"
        assert "1920x1080" in await page.run("[...document.querySelectorAll('#show-size option')].map(o => o.value)")
        assert await page.run("document.querySelector('#inner').hidden")
        await page.run(pick("size", "1280x720"))
        await eventually(lambda: show.size_text == "1280x720")
        show.emit("state", {"size": "1080x1080", "backend": "cpu", "inner": {"1080x1080": 3}})
        await page.until("document.querySelector('#show-size').value === '1080x1080'")
        await page.until("document.querySelector('#inner').innerText.trim() === '⅓'")
        await page.run(pick("backend", "opengl"))
        await page.until("document.querySelector('.toasts').innerText.includes('Put one in.')")
        await page.until("document.querySelector('#show-backend').value === 'cpu'")

    browse(server, tmp_path, walk)


def test_a_layer_is_chosen_and_told(server, show, tmp_path):
    menu = "document.querySelector('#layer')"

    def pick(value: str) -> str:
        return f"(m => {{ m.value = '{value}'; m.dispatchEvent(new Event('change')) }})({menu})"

    async def walk(page: Browser) -> None:
        await page.until(f"{menu}?.options.length === {len(STYLES) + 1}")
        name = "/".join(STYLES[1][:2])
        await page.run(pick(name))
        await eventually(lambda: show.layer == name)
        show.emit("state", {"layer": "own/other"})
        await page.run(pick(""))
        await eventually(lambda: show.layer == "")
        show.emit("state", {"layer": name})
        await page.until(f"{menu}.value === '{name}'")

    browse(server, tmp_path, walk)


def test_a_hand_on_a_route_keeps_it_while_the_change_comes_back(server, show, tmp_path):
    async def walk(page: Browser) -> None:
        await page.click(".side-tabs [data-to=matrix]")
        await page.until("document.querySelectorAll('.route').length === 3")
        await page.run("window.row = document.querySelector('.route')")
        x, y, width, _ = await page.centre(".route .slider")
        await page.mouse("mousePressed", x, y)
        for n in range(1, 4):
            await page.mouse("mouseMoved", x + n * width / 10, y)
            calls = len(show.calls)
            await eventually(lambda calls=calls: ("mod.set", {"routes": show.routes}) in show.calls[calls:])
            show.emit("state", {"changes": {"modulation": n}})
            await eventually(lambda calls=calls: ("mod.list", {}) in show.calls[calls:])
        await page.mouse("mouseReleased", x + 3 * width / 10, y)
        assert show.routes[0]["amount"] == pytest.approx(0.6, abs=0.1)  # three tenths of -1..1 right of the middle
        assert await page.run("window.row === document.querySelector('.route')"), "drawn anew under the hand"
        show.routes = [{**show.routes[0], "amount": -0.5}]
        show.emit("state", {"changes": {"modulation": 9}})
        await page.until("document.querySelector('.route input').value.startsWith('-0.5')")

    browse(server, tmp_path, walk)


def test_errors_are_shown_with_their_cure(server, show, tmp_path):
    def missing(**_: object) -> None:
        raise StateError("that style is broken.", "Train it again.")

    async def walk(page: Browser) -> None:
        show.answers["style.load"] = missing
        await page.click('[data-style="cosmic/web"]')
        text = await page.until("document.querySelector('.toast')?.textContent")
        assert "that style is broken." in text
        assert "Train it again." in text
        assert not await page.run("document.querySelector('.coming')")

    browse(server, tmp_path, walk)


PLAYING = "document.querySelector('#now-title').textContent === 'Amber rain'"
TOAST = "[...document.querySelectorAll('.toast')].map(t => t.textContent).join()"


@pytest.fixture
def amber(tmp_path) -> Path:
    style = replace(untrained("3L_4D", 3), name="friends/rain", series="", title="Amber rain", prompt="rain, backlit")
    (tmp_path / "amber.png").write_bytes(as_picture(style, np.zeros((9, 16, 3), np.uint8)))
    (tmp_path / "amber.safetensors").write_bytes(to_bytes(style))
    (tmp_path / "photo.png").write_bytes(as_picture(style, np.zeros((9, 16, 3), np.uint8), b""))
    return tmp_path


def puts(show: Show) -> list[dict[str, object]]:
    return [arguments for method, arguments in show.calls if method == "style.put"]


def test_a_picture_dropped_anywhere_plays(server, show, tmp_path, amber):
    async def walk(page: Browser) -> None:
        assert not await page.run("document.querySelector('#drop').checkVisibility()")
        for file, spot in (("amber.png", (300, 300)), ("amber.safetensors", (1200, 700))):
            await page.drag("dragEnter", amber / file, at=spot)
            await page.drag("dragOver", amber / file, at=spot)
            await page.until("document.querySelector('#drop').checkVisibility()")
            await page.drag("drop", amber / file, at=spot)
            await page.until(f"{TOAST}.includes('{file} is playing.')")
            await page.until(PLAYING)
            assert await page.run("document.querySelector('#now-prompt').textContent") == "rain, backlit"
            assert not await page.run("document.querySelector('#drop').checkVisibility()")
            assert puts(show)[-1] == {"blob": (amber / file).read_bytes(), "seconds": None, "on": None}
            await page.click('[data-style="micro/neuron"]')
            await page.until(f"!({PLAYING})")
        await page.drag("dragEnter", amber / "amber.png")
        await page.drag("dragOver", amber / "amber.png")
        await page.drag("dragCancel", amber / "amber.png")
        await page.until("!document.querySelector('#drop').checkVisibility()")

    browse(server, tmp_path, walk)


def test_what_carries_no_style_is_named_and_the_show_goes_on(server, show, tmp_path, amber):
    (amber / "huge.png").write_bytes(bytes(17 * 2**20))

    async def walk(page: Browser) -> None:
        await page.drag("dragEnter", amber / "photo.png")
        await page.drag("drop", amber / "photo.png", amber / "amber.png")
        said = await page.until(f"{TOAST}.includes('photo.png: it is a picture without a style in it.') && {TOAST}")
        assert "Ask for the PNG itself, sent as a file" in said
        assert "One at a time" in said
        await page.drag("dragEnter", amber / "huge.png")
        await page.drag("drop", amber / "huge.png")
        await page.until(f"{TOAST}.includes('huge.png has 17 MB; a style has 16 at most.')")
        assert puts(show) == [{"blob": (amber / "photo.png").read_bytes(), "seconds": None, "on": None}]
        assert await page.run("document.querySelector('#screen').classList.contains('live')")
        page.complaints = [text for text in page.complaints if "422" not in text]  # the browser notes it, too

    browse(server, tmp_path, walk)


def test_a_style_is_opened_with_a_button_on_a_phone(server, show, tmp_path, amber):
    async def walk(page: Browser) -> None:
        await page.run("document.querySelector('#style-file').addEventListener('click', () => window.asked = true)")
        await page.click(".card.open")
        await page.until("window.asked")
        await page.choose("#style-file", amber / "amber.png")
        await page.until(PLAYING)

    browse(server, tmp_path, walk, phone=True)


async def arrived(folder: Path) -> dict[str, str]:
    """Names of downloaded files, with the styles they carry."""
    await eventually(lambda: list(folder.glob("*.png")) and not list(folder.glob("*.crdownload")), 10)
    found = {path.name: load_style(path).name for path in folder.iterdir()}
    for path in folder.iterdir():
        path.unlink()
    return found


def test_styles_are_shared_as_pictures(server, show, tmp_path):
    async def walk(page: Browser) -> None:
        kept = tmp_path / "kept"
        await page.keep_downloads(kept)
        await page.click("#share")
        assert await arrived(kept) == {"cosmic-galaxy.png": "cosmic/galaxy"}
        await page.until(f"{TOAST}.includes('cosmic-galaxy.png carries the style.') && {TOAST}.includes('as a file')")
        x, y, _, _ = await page.centre('[data-style="micro/neuron"]')
        await page.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        seen = "getComputedStyle(document.querySelector('[data-style=\"micro/neuron\"] + .share')).opacity"
        await page.until(f"{seen} === '1'")
        await page.click('[data-style="micro/neuron"] + .share')
        assert await arrived(kept) == {"micro-neuron.png": "micro/neuron"}
        assert not [call for call in show.calls if call[0] == "style.load"], "sharing plays nothing"
        show.answers["style.share"] = StateError("the instrument is closing.", "Start it again.")
        await page.click("#share")
        await page.until(f"{TOAST}.includes('the instrument is closing.')")
        page.complaints = [text for text in page.complaints if "409" not in text]

    browse(server, tmp_path, walk)


def test_on_a_phone_only_the_running_style_is_shared_from_the_gallery(server, show, tmp_path):
    """A thumb must not hit a button that it did not mean."""

    async def walk(page: Browser) -> None:
        all_ = "[...document.querySelectorAll('.tile .share')]"
        seen = f"{all_}.filter(b => getComputedStyle(b).visibility === 'visible')"
        assert await page.run(f"{seen}.map(b => b.previousSibling.dataset.style)") == ["cosmic/galaxy"]

    browse(server, tmp_path, walk, phone=True)


FITS = """(() => { const wide = [...document.querySelectorAll('body *')].filter(e => e.checkVisibility()
  && !e.closest('.brand, .link, .toasts') && e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.outerHTML.slice(0, 90));
  return {page: document.documentElement.scrollWidth <= innerWidth, wide} })()"""
SMALL = """[...document.querySelectorAll('button, select, input, .slider, summary')]
  .filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 43.5)
  .map(e => e.outerHTML.slice(0, 90) + e.getBoundingClientRect().height)"""
CUT = """[...document.querySelectorAll('button, .name, .note, .title, .what, h2, dd, dt, .now *')]
  .filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline')
  .map(e => e.outerHTML.slice(0, 90))"""


@pytest.mark.parametrize("size", [(390, 844), (320, 640), (844, 390)])
def test_a_phone(server, show, tmp_path, size):
    async def walk(page: Browser) -> None:
        await page.resize(*size)
        for tab in ("styles", "controls", "sound", "matrix", "snapshots"):
            await page.run(f"document.querySelector('.tabs [data-to={tab}]').click()")
            await page.run("document.querySelectorAll('details').forEach(d => d.open = true)")
            assert await page.run(FITS) == {"page": True, "wide": []}, tab
            assert await page.run(SMALL) == [], tab
            assert await page.run(CUT) == [], tab

    browse(server, tmp_path, walk, phone=True)


@pytest.mark.parametrize("size", [(1024, 768), (900, 700), (1280, 720), (1440, 900), (1920, 1080), (2560, 1080)])
def test_laptops_and_desks(server, show, tmp_path, size):
    async def walk(page: Browser) -> None:
        await page.resize(*size)
        assert await page.run("document.documentElement.scrollHeight <= innerHeight")
        for tab in ("controls", "sound", "matrix"):
            await page.run(f"document.querySelector('.side-tabs [data-to={tab}]').click()")
            assert await page.run(FITS) == {"page": True, "wide": []}, tab
            assert await page.run(CUT) == [], tab
        assert await page.run("document.querySelector('#gallery').clientHeight > 90")

    browse(server, tmp_path, walk)


def test_a_thumb_that_scrolls_moves_nothing(server, show, tmp_path):
    async def walk(page: Browser) -> None:
        await page.run("document.querySelector('.tabs [data-to=controls]').click()")
        x, y, width, _ = await page.centre('[data-key="color/contrast"] .slider')
        await page.touch("touchStart", (x - width / 3, y))
        for n in range(1, 9):
            await page.touch("touchMove", (x - width / 3, y - 12 * n))
        await page.touch("touchEnd")
        await asyncio.sleep(0.3)
        assert last(show, "color/contrast") is None
        x, y, width, _ = await page.centre('[data-key="color/contrast"] .slider')
        await page.touch("touchStart", (x, y))
        for n in range(1, 11):
            await page.touch("touchMove", (x + n * width / 40, y))
        await page.touch("touchEnd")
        await eventually(lambda: last(show, "color/contrast") is not None)
        await asyncio.sleep(0.1)
        assert 1.5 < show.params.get("color/contrast") < 2.0  # a quarter of 0..3 from 1, less the first few pixels
        x, y, _, _ = await page.centre('[data-key="color/contrast"] .slider')
        await page.touch("touchStart", (x, y))
        await asyncio.sleep(0.9)
        await page.touch("touchEnd")
        assert last(show, "color/contrast") == 1.0

    browse(server, tmp_path, walk, phone=True)


def test_it_comes_back_by_itself(show, tmp_path):
    server = HttpServer(port=0)
    server.open(show)

    async def walk(page: Browser) -> None:
        server.close()
        await page.until("document.body.dataset.link === 'lost'")
        show.params.set("view/zoom", 3.0, "osc")
        again = HttpServer(port=server.port)
        again.open(show)
        with Player(show, again.sinks()[0], fps=20):
            await page.until("document.body.dataset.link === 'live'")
            await page.until("document.querySelector('[data-key=\"view/zoom\"] input').value === '3.00'")
            await page.until(LIVE)
        again.close()

    with Player(show, server.sinks()[0], fps=20):
        browse(server, tmp_path, walk, clean=False)


def test_the_preview_can_be_turned_off(server, show, tmp_path):
    async def walk(page: Browser) -> None:
        assert server.sinks()[0].watched()
        await page.key("p")
        await eventually(lambda: not server.sinks()[0].watched())
        assert await page.run("document.querySelector('#veil').textContent") == "Preview is off"
        await page.key("p")
        await eventually(server.sinks()[0].watched)
        await page.until(LIVE)

    browse(server, tmp_path, walk)
