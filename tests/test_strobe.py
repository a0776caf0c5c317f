"""The strobe against the flash limit: with the meter that measures the styles, whatever is played on it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from morphogen.flash import ALLOWED, FlashMeter
from morphogen.params.catalog import BY_KEY
from morphogen.strobe import FASTEST, Strobe

SIZE = (48, 27)


def flashes(rates, fps):
    """The most flashes in any second of a white picture under a strobe that is told `rates`, one a frame."""
    strobe, meter = Strobe(), FlashMeter(SIZE, fps)
    white, black = (np.full((SIZE[1], SIZE[0], 3), level, np.uint8) for level in (255, 0))
    darks = 0
    for n, rate in enumerate(rates):
        dark = strobe.dark(rate, 100.0 + n / fps)
        darks += dark
        meter.feed(black if dark else white)
    return meter.general.most, darks


@pytest.mark.parametrize("fps", [24.0, 25.0, 30.0, 50.0, 59.94, 60.0, 144.0])
def test_at_its_fastest_it_keeps_within_three_a_second(fps):
    most, darks = flashes([FASTEST] * int(4 * fps), fps)
    assert 2 <= int(most) <= ALLOWED
    assert 0.4 < darks / int(4 * fps) < 0.6


def test_a_hammered_pad_and_a_wild_hand_keep_within_three_a_second():
    fps = 60.0
    hammered = [FASTEST if n // 3 % 2 else 0.0 for n in range(600)]  # ten presses a second
    wild = random.Random(5)
    for rates in (hammered, [wild.choice([0.0, 0.02, 1.0, 3.0, 1e9]) for _ in range(900)]):
        most, darks = flashes(rates, fps)
        assert darks > 0
        assert int(most) <= ALLOWED


def test_off_is_light_and_half_a_flash_a_second_is_one_of_each():
    assert flashes([0.0] * 120, 60.0) == (0.0, 0)
    strobe = Strobe()
    course = [strobe.dark(0.5, n / 10) for n in range(40)]
    assert course == [True] * 10 + [False] * 10 + [True] * 10 + [False] * 10
    assert not any(strobe.dark(0.0, 5 + n / 10) for n in range(30))


def test_no_more_than_the_limit_can_be_asked_for():
    assert BY_KEY["output/strobe"].maximum == ALLOWED
    assert BY_KEY["output/strobe"].check(50) == ALLOWED
