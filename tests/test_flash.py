"""The flash thresholds for photosensitive viewers, on sequences whose verdict the definition itself gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from morphogen.flash import ALLOWED, FlashMeter

WIDTH, HEIGHT, FPS = 96, 54, 60
RED, WHITE, BLACK = (255, 0, 0), (255, 255, 255), (0, 0, 0)
Colour = tuple[int, int, int]


def blinking(hertz: float, on: Colour = WHITE, off: Colour = BLACK) -> Callable[[float], Colour]:
    return lambda t: on if (t * hertz) % 1.0 < 0.5 else off


def measured(colour: Callable[[float], Colour], seconds: float = 2.5, share: tuple[float, float] = (1.0, 1.0),
             fps: int = FPS, size: tuple[int, int] = (WIDTH, HEIGHT)) -> FlashMeter:  # fmt: skip
    """share: of the width and height that shows the colour, the rest stays grey."""
    meter = FlashMeter(size, fps)
    for n in range(round(seconds * fps)):
        picture = np.full((size[1], size[0], 4), 128, np.uint8)
        picture[: round(share[1] * size[1]), : round(share[0] * size[0]), :3] = colour(n / fps)
        meter.feed(picture)
    return meter


@pytest.mark.parametrize("hertz", [2, 3])
def test_three_flashes_a_second_are_allowed(hertz):
    meter = measured(blinking(hertz))
    assert meter.safe
    assert meter.general.most == pytest.approx(hertz, abs=0.5)
    assert meter.general.area == 0


@pytest.mark.parametrize(("hertz", "fps"), [(4, 60), (4, 30), (10, 60), (25, 60)])
def test_more_than_three_are_not(hertz, fps):
    meter = measured(blinking(hertz), fps=fps)
    assert not meter.safe
    assert int(meter.general.most) == pytest.approx(hertz, abs=1)
    assert meter.general.area == meter.general.whole == 1.0


def test_one_second_is_any_second():
    """Two flashes at the end of one second and two at the start of the next are four in one."""
    burst = blinking(5)
    meter = measured(lambda t: burst(t) if 0.58 < t < 1.42 else BLACK)
    assert meter.general.most >= 4


def test_a_small_place_may_flash():
    """A quarter of a third of the picture's width and height, less a little."""
    meter = measured(blinking(6), share=(0.15, 0.15))
    assert meter.safe
    assert 0 < meter.general.area < 0.25
    assert not measured(blinking(6), share=(0.2, 0.2)).safe


def test_television_allows_a_quarter_of_the_picture():
    less = measured(blinking(6), share=(0.45, 0.5))
    assert (less.safe, less.broadcast) == (False, True)
    more = measured(blinking(6), share=(0.55, 0.5))
    assert (more.safe, more.broadcast) == (False, False)
    assert more.general.picture_most == pytest.approx(6, abs=0.5)
    assert measured(blinking(2)).broadcast


def test_a_slow_fade_is_no_flash():
    fade = measured(lambda t: (round(255 * abs(1 - t)),) * 3, seconds=2.0)
    assert fade.safe
    assert fade.general.most == 0.5  # down and up are more than a second apart


def test_small_or_bright_changes_do_not_count():
    def grey(level: float) -> Colour:
        return (round(255 * level),) * 3

    # sRGB 0.35 is 0.10 of full luminance, 0.5 is 0.21, 0.46 is 0.18; 0.92 is 0.83
    assert measured(blinking(8, grey(0.5), grey(0.46))).general.most == 0
    assert not measured(blinking(8, grey(0.5), grey(0.35))).safe
    assert measured(blinking(8, grey(1.0), grey(0.92))).general.most == 0


def test_many_small_steps_in_one_direction_add_up():
    """Hysteresis: a change spread over eight frames is one change, and none is lost."""
    triangle = measured(lambda t: (round(255 * abs((t * 4) % 1.0 - 0.5) * 2),) * 3)
    assert int(triangle.general.most) == 4


def test_trembling_about_a_level_is_no_flash():
    rng = np.random.default_rng(1)
    assert measured(lambda t: (int(150 + rng.integers(-6, 7)),) * 3).general.most == 0


def test_red_flashes_where_luminance_hardly_changes():
    """0.2126 x 0.4 is less than a tenth, but saturated red."""
    dark_red = measured(blinking(5, (168, 0, 0), BLACK))
    assert dark_red.general.most == 0
    assert not dark_red.red.safe
    assert not dark_red.safe
    assert measured(blinking(2, RED)).safe


def test_blue_is_not_red():
    assert measured(blinking(5, (0, 0, 255), BLACK)).red.most == 0
    pink = measured(blinking(5, (255, 200, 200), (200, 160, 160)))
    assert pink.red.most == 0


def test_flashes_in_turn_in_different_places_are_flashes():
    """Four quarters of the field light up one after another, six in a second: no place flashes more than twice."""
    meter = FlashMeter((WIDTH, HEIGHT), FPS)
    for n in range(2 * FPS):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        place, phase = divmod(n, 10)
        if phase < 5:
            place %= 3
            picture[:, place * WIDTH // 3 : (place + 1) * WIDTH // 3] = 255
        meter.feed(picture)
    assert meter.general.area == 0
    assert meter.general.most > ALLOWED
    assert not meter.safe


def test_places_that_swap_are_no_flashes_of_the_whole():
    """Left and right change places twice a second: each flashes twice, though something rises and falls four times."""
    meter = FlashMeter((WIDTH, HEIGHT), FPS)
    for n in range(2 * FPS):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        picture[:, (np.arange(WIDTH) // 8 + n // 15) % 2 == 0] = 255
        meter.feed(picture)
    assert meter.general.most == pytest.approx(2, abs=0.5)
    assert meter.safe


def test_a_slowly_moving_pattern_passes():
    """Broad stripes drift by: every place goes up and down twice a second, never a quarter of a field at once."""
    meter = FlashMeter((WIDTH, HEIGHT), FPS)
    along = np.arange(WIDTH) / 24
    for n in range(2 * FPS):
        row = 127.5 + 127.5 * np.sin(2 * np.pi * (along - 2 * n / FPS))
        meter.feed(np.repeat(np.tile(row.astype(np.uint8), (HEIGHT, 1))[..., None], 3, axis=2))
    assert meter.safe
    assert meter.general.most == pytest.approx(2, abs=0.5)


def test_large_pictures_are_averaged_in_linear_light():
    """A fine checkerboard that swaps is steady to the eye; as it is, each pixel would flash."""
    meter = FlashMeter((640, 360), FPS)
    board = np.indices((360, 640)).sum(0) % 2
    for n in range(FPS):
        meter.feed(np.repeat((255 * (board ^ (n // 3 % 2))).astype(np.uint8)[..., None], 3, axis=2))
    assert meter.general.most == 0
    assert not measured(blinking(5), size=(640, 360), seconds=1.5).safe


def test_the_worst_second_is_named():
    burst = blinking(6)
    meter = measured(lambda t: burst(t) if t >= 1.5 else BLACK, seconds=3.0)
    assert 1.5 < meter.general.seconds <= 2.6


def test_pictures_too_small_to_judge_are_refused():
    with pytest.raises(ValueError, match="20x8 are too small"):
        FlashMeter((20, 8), FPS)
