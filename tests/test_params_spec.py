from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphogen.errors import ParamError
from morphogen.params.catalog import BY_KEY, PARAMS, RESERVED_GROUPS
from morphogen.params.spec import Param

EVERY = pytest.mark.parametrize("param", PARAMS, ids=lambda p: p.key)
WRONG = [None, [], {}, object(), b"1", "", "loud", "1,5", 1j, 10**400, 10**5000, "9" * 100_000 + "x"]
NOT_FINITE = [math.nan, math.inf, -math.inf, "nan", "inf", " -Infinity ", "1e999", np.float32("nan")]


@EVERY
def test_a_declaration_is_complete_and_consistent(param: Param) -> None:
    assert param.minimum < param.maximum
    assert param.minimum <= param.default <= param.maximum
    assert param.check(param.default) == param.default
    assert len(param.doc) > 5
    assert param.doc.endswith(".")
    assert param.group
    assert param.name
    assert param.key == param.key.lower() == f"{param.group}/{param.name}"
    assert param.group not in RESERVED_GROUPS
    assert param.smoothing >= 0
    assert param.label[0].isupper()
    if param.scale == "log":
        assert param.minimum > 0
    if param.kind == "choice":
        assert param.maximum == len(param.choices) - 1
        assert all(choice == choice.lower() for choice in param.choices)
    if param.kind != "float":
        assert param.smoothing == 0


def test_the_keys_that_are_promised_exist() -> None:
    promised = "view/zoom view/rotate view/x view/y color/hue time/speed audio/gain audio/delay output/master"
    assert set(promised.split()) <= set(BY_KEY)
    assert BY_KEY["view/rotate"].clip == BY_KEY["color/hue"].clip == "wrap"
    assert BY_KEY["output/blackout"].kind == BY_KEY["output/freeze"].kind == "bool"


@EVERY
@settings(max_examples=30, deadline=None)
@given(position=st.floats(0, 1))
def test_from_0_to_1_and_back(param: Param, position: float) -> None:
    value = param.from_normalised(position)
    assert param.minimum <= value <= param.maximum
    assert param.check(value) == value
    back = param.to_normalised(value)
    assert -1e-12 <= back <= 1 + 1e-12
    if param.kind == "float":
        assert back == pytest.approx(position, abs=1e-9)
    else:
        assert param.from_normalised(back) == value


@EVERY
def test_a_fader_reaches_both_ends(param: Param) -> None:
    assert param.from_normalised(0) == pytest.approx(param.minimum)
    assert param.from_normalised("1.0") == pytest.approx(param.maximum)
    assert param.from_normalised(-3) == param.from_normalised(0)
    assert param.from_normalised(3) == param.from_normalised(1)


@EVERY
@settings(max_examples=30, deadline=None)
@given(value=st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**300), 10**300)))
def test_any_finite_number_ends_inside_the_range(param: Param, value: float) -> None:
    assert param.minimum <= param.check(value) <= param.maximum


@EVERY
def test_what_is_not_a_number_is_refused(param: Param) -> None:
    for convert, value in itertools.product((param.check, param.from_normalised), WRONG):
        with pytest.raises(ParamError) as caught:
            convert(value)
        assert param.key in caught.value.message
        assert "cannot take" in caught.value.message
        assert caught.value.cure.startswith("Send ")
        assert len(str(caught.value)) < 300


@EVERY
def test_non_finite_numbers_are_refused(param: Param) -> None:
    for convert, value in itertools.product((param.check, param.from_normalised), NOT_FINITE):
        with pytest.raises(ParamError, match=r"refuses -?(nan|inf): not a finite number\. Send "):
            convert(value)


def test_texts_numbers_and_names_are_taken() -> None:
    assert BY_KEY["view/zoom"].check(" 1.5 ") == 1.5
    assert BY_KEY["view/zoom"].check(np.float32(1.5)) == 1.5
    assert BY_KEY["view/mirror"].check("Both") == 3
    assert BY_KEY["view/mirror"].check(17) == 3
    assert BY_KEY["output/blackout"].check("on") == BY_KEY["output/blackout"].check(True) == 1
    assert BY_KEY["output/blackout"].check("off") == 0
    with pytest.raises(ParamError, match="Send one of off, x, y, both"):
        BY_KEY["view/mirror"].check("z")


def test_wrapping_keeps_both_ends() -> None:
    rotate = BY_KEY["view/rotate"]
    assert [rotate.check(v) for v in (180, -180, 181, -181, 540, 720)] == [180, -180, -179, 179, -180, 0]
    assert rotate.to_normalised(rotate.from_normalised(1)) == 1


def test_public_values() -> None:
    assert BY_KEY["output/blackout"].public(1.0) is True
    assert BY_KEY["view/mirror"].public(3.0) == "both"
    assert BY_KEY["view/kaleidoscope"].public(7.0) == 7
    assert type(BY_KEY["view/kaleidoscope"].public(7.0)) is int
