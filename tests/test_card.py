"""The test card of the probes: every fault of a video link is seen and called by its name."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import simplejpeg

from morphogen.frame import Alpha, PixelFormat
from morphogen_bridges.probes.card import Verdict, card, check, read_index

SIZE = (160, 90)
ALPHAS = list(Alpha)


def pixels(frame) -> np.ndarray:
    return frame.pixels.copy()


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("size", [(48, 24), (64, 36), (161, 91), (90, 160), (640, 360)])
@pytest.mark.parametrize("order", ["RGBA", "BGRA"])
def test_what_came_back_whole_is_right(size, alpha, order):
    sent = card(size, PixelFormat[f"{order}8"], alpha, index=4711)
    verdict = check(pixels(sent), sent, order)
    assert verdict == Verdict("", "", "", "", (99.0,) * 4, 4711)
    assert verdict.ok()
    assert verdict.seen() == "colour, flip, alpha and size right, 99 dB"
    assert (sent.info.index, sent.info.alpha, sent.info.spec.format.name) == (4711, alpha, f"{order}8")


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("order", ["".join(order) for order in permutations("RGBA")])
def test_swapped_channels_by_name(order, alpha):
    sent = card(SIZE, alpha=alpha)
    verdict = check(pixels(sent)[..., ["RGBA".index(c) for c in order]], sent)
    words = {
        "RGBA": "", "BGRA": "red and blue swapped", "GRBA": "red and green swapped", "RBGA": "green and blue swapped",
    }  # fmt: skip
    assert verdict.colour == words.get(order, f"channels in the order {order}")
    assert verdict.flip == verdict.alpha == verdict.size == ""
    assert verdict.ok() == (order == "RGBA")


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize(
    ("rows", "columns", "flip"),
    [(1, 1, ""), (-1, 1, "upside down"), (1, -1, "mirrored"), (-1, -1, "turned by half a turn")],
)
def test_flips(rows, columns, flip, alpha):
    sent = card(SIZE, alpha=alpha, index=513)
    verdict = check(pixels(sent)[::rows, ::columns], sent)
    assert (verdict.flip, verdict.colour, verdict.alpha) == (flip, "", "")
    assert verdict.index == 513, "read the right way up"
    assert min(verdict.psnr) == 99.0, "of the picture once it is put right"


def lost(picture):
    picture[..., 3] = 255


def zero(picture):
    picture[..., 3] = 0


def inverted(picture):
    picture[..., 3] = 255 - picture[..., 3]


def half(picture):
    picture[..., 3] //= 2


@pytest.mark.parametrize(
    ("harm", "word"),
    [(lost, "alpha is lost: all opaque"), (zero, "alpha is zero"), (inverted, "alpha is inverted"),
     (half, "alpha differs")],
)  # fmt: skip
def test_alpha(harm, word):
    sent = card(SIZE, alpha=Alpha.STRAIGHT)
    picture = pixels(sent)
    harm(picture)
    verdict = check(picture, sent)
    assert (verdict.alpha, verdict.colour, verdict.flip) == (word, "", "")
    assert check(pixels(sent)[..., :3], sent).alpha == "alpha is missing"


def test_an_opaque_card_without_alpha_is_right():
    sent = card(SIZE)
    assert check(pixels(sent)[..., :3], sent).ok()
    picture = pixels(sent)
    picture[..., 3] = 0
    assert check(picture, sent).faults() == ["alpha is zero"]


def test_colour_that_was_multiplied_or_divided_by_alpha():
    straight, multiplied = card(SIZE, alpha=Alpha.STRAIGHT), card(SIZE, alpha=Alpha.PREMULTIPLIED)
    assert check(pixels(multiplied), straight).faults() == ["colour multiplied by alpha on the way"]
    assert check(pixels(straight), multiplied).faults() == ["colour divided by alpha on the way"]


@pytest.mark.parametrize(
    ("curve", "word"),
    [
        (lambda v: 16 + v * 219 / 255, "squeezed into video levels (16 to 235)"),
        (lambda v: (v - 16) * 255 / 219, "stretched as if it had video levels"),
        (lambda v: 255 * (v / 255) ** 2.2, "too dark, as if it were linear light"),
        (lambda v: 255 * (v / 255) ** (1 / 2.2), "too bright, as if it were encoded twice"),
    ],
)
def test_levels(curve, word):
    sent = card(SIZE, alpha=Alpha.STRAIGHT)
    picture = pixels(sent)
    picture[..., :3] = np.clip(np.rint(curve(picture[..., :3].astype(float))), 0, 255)
    assert check(picture, sent).faults() == [word]


def test_size():
    sent = card((320, 180))
    verdict = check(pixels(sent)[::2, ::2], sent)
    assert verdict.faults() == ["160x90 pixels instead of 320x180"]
    assert verdict.psnr == ()


def test_several_faults_at_once():
    sent = card((320, 180), alpha=Alpha.STRAIGHT, index=9)
    picture = pixels(sent)[::-2, ::2][..., [2, 1, 0, 3]]
    picture[..., 3] = 255
    verdict = check(picture, sent)
    assert verdict.faults() == [
        "160x90 pixels instead of 320x180", "red and blue swapped", "upside down", "alpha is lost: all opaque",
    ]  # fmt: skip
    assert verdict.index == 9


def test_an_older_card_is_a_card():
    newer = card(SIZE, index=8)
    for index in (0, 6, 7, 65535):
        verdict = check(pixels(card(SIZE, index=index)), newer)
        assert (verdict.ok(), verdict.index) == (True, index)
        assert type(verdict.index) is int


def test_what_is_not_the_card():
    rng = np.random.default_rng(3)
    sent = card(SIZE)
    assert check(np.zeros_like(sent.pixels), sent).faults() == ["the picture is black"]
    opaque_black = np.zeros_like(sent.pixels)
    opaque_black[..., 3] = 255
    assert check(opaque_black, sent).faults() == ["the picture is black"]
    noise = rng.integers(0, 256, sent.pixels.shape, dtype=np.uint8)
    for stranger in (noise, np.full_like(sent.pixels, 128)):
        assert check(stranger, sent).faults() == ["the picture is not the test card, or its rows are shifted"]


def test_rows_of_a_wrong_length():
    sent = card(SIZE)
    skewed = np.resize(pixels(sent).reshape(-1), SIZE[1] * (SIZE[0] + 8) * 4).reshape(SIZE[1], SIZE[0] + 8, 4)
    assert check(skewed[:, : SIZE[0]], sent).faults() == ["the picture is not the test card, or its rows are shifted"]


def test_a_codec_is_forgiven_but_not_noise():
    rng = np.random.default_rng(4)
    sent = card((320, 180), index=0xA5A5)
    lossy = simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(np.ascontiguousarray(sent.pixels[..., :3]), quality=75))
    verdict = check(lossy, sent)
    assert verdict.ok()
    assert 30 < min(verdict.psnr) < 60
    assert verdict.index == 0xA5A5
    rough = np.clip(pixels(sent).astype(int) + rng.integers(-40, 41, sent.pixels.shape), 0, 255).astype(np.uint8)
    verdict = check(rough, sent)
    assert verdict.faults() == [f"only {min(verdict.psnr):.1f} dB alike"]
    assert verdict.ok(least_psnr=15)


def test_the_index_is_read_in_every_size():
    for size in ((48, 24), (100, 56), (640, 360)):
        for index in (0, 1, 0x5555, 65535):
            assert read_index(card(size, index=index).pixels) == index


@pytest.mark.parametrize(("size", "pixel_format"), [((47, 24), PixelFormat.RGBA8), (SIZE, PixelFormat.RGBA16F)])
def test_cards_that_cannot_be_drawn(size, pixel_format):
    with pytest.raises(ValueError, match="at least 48x24"):
        card(size, pixel_format)
