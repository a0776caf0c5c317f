"""The fitted polynomials keep the errors that their docstring states, in float64 and in float32 as compiled."""

from __future__ import annotations

import re

import numpy as np
import pytest

from morphogen.render import polynomials

DENSE = 200_001


def horner(coefficients, x, kind=np.float64):
    x = x.astype(kind)
    total = np.full_like(x, kind(coefficients[-1]))
    for c in reversed(coefficients[:-1]):
        total = total * x + kind(c)
    return total


def cosine(kind):
    r = np.linspace(-0.5, 0.5, DENSE).astype(kind)
    return np.abs(horner(polynomials.cosine(), r * r, kind) - np.cos(2 * np.pi * r.astype(float))).max()


def exp2(kind):
    f = np.linspace(-0.5, 0.5, DENSE).astype(kind)
    return np.abs(horner(polynomials.exp2(), f, kind) / np.exp2(f.astype(float)) - 1).max()


def arctangent(kind):
    t = np.linspace(0, 1, DENSE).astype(kind)
    return np.abs(t * horner(polynomials.arctangent(), t * t, kind) - np.arctan(t.astype(float)) / (2 * np.pi)).max()


def logarithm(kind):
    t = np.linspace(2**-0.5, 2**0.5, DENSE).astype(kind) - kind(1)
    return np.abs(t * horner(polynomials.logarithm(), t, kind) - np.log2(1 + t.astype(float))).max()


ERRORS = {"cosine": cosine, "exp2": exp2, "arctangent": arctangent, "logarithm": logarithm}


def stated() -> dict[str, tuple[float, float]]:
    """Rows `name  float64 error  float32 error` of the module's docstring."""
    rows = re.findall(r"^ +(\w+) +(\d\S*) +(\d\S*)", polynomials.__doc__ or "", re.MULTILINE)
    return {name: (float(exact), float(single)) for name, exact, single in rows}


def test_the_docstring_states_every_polynomial():
    assert set(stated()) == set(ERRORS)


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_the_stated_error_is_the_measured_one(name, kind):
    """Neither exceeded nor a boast for a rainy day: within a tenth below what is stated, to two digits."""
    said, got = stated()[name][kind is np.float32], ERRORS[name](kind)
    # Float32 sums in this order only here: a fused multiply-add rounds less.
    assert got <= said * 1.05, got
    assert got >= said * (0.85 if kind is np.float64 else 0.5), got


def test_the_ripple_is_nearly_even():
    """Minimax: the error reaches its largest size again and again, powers + 1 times and more."""
    for name, least in (("cosine", 8), ("exp2", 7), ("arctangent", 9)):
        if name == "cosine":
            z = np.linspace(0, 0.25, DENSE)
            error = horner(polynomials.cosine(), z) - np.cos(2 * np.pi * np.sqrt(z))
        elif name == "exp2":
            f = np.linspace(-0.5, 0.5, DENSE)
            error = horner(polynomials.exp2(), f) / np.exp2(f) - 1
        else:
            t = np.linspace(0, 1, DENSE)
            error = t * horner(polynomials.arctangent(), t * t) - np.arctan(t) / (2 * np.pi)
        large = error[np.abs(error) > 0.6 * np.abs(error).max()]
        assert 1 + (np.diff(np.sign(large)) != 0).sum() >= least - 1, name


def test_coefficients_repeat():
    polynomials.cosine.cache_clear()
    first = polynomials.cosine()
    polynomials.cosine.cache_clear()
    assert polynomials.cosine() == first
    assert len(first) == 7
    assert len(polynomials.exp2()) == 6
    assert len(polynomials.arctangent()) == 8


def test_whole_numbers_come_out_right():
    """Where pictures rest: 2**0 is 1, cos of a quarter turn 0, of none 1, of half a turn -1."""
    assert horner(polynomials.exp2(), np.zeros(1))[0] == pytest.approx(1, abs=3e-7)
    at = np.array([0.0, 0.0625, 0.25])
    np.testing.assert_allclose(horner(polynomials.cosine(), at), [1, 0, -1], atol=1e-7)
