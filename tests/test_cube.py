"""Look-up tables from .cube files: what is read, and what is refused with line and cure."""

from __future__ import annotations

import numpy as np
import pytest

from morphogen.errors import UsageError
from morphogen.library.cube import parse, read_cube


def cube(size: int = 2, head: str = "") -> str:
    steps = np.linspace(0, 1, size)
    rows = [f"{r:.6f} {g:.6f} {b:.6f}" for b in steps for g in steps for r in steps]
    return "\n".join([f"{head}LUT_3D_SIZE {size}", *rows]) + "\n"


def test_a_cube_is_read_red_fastest():
    lut, said = parse(cube(3, '# by hand\r\nTITLE "Warm"\r\n').replace("\n", "\r\n"))
    assert (lut.name, lut.size, lut.is_cube, said) == ("Warm", 3, True, "")
    assert lut.values[2, 1, 0].tolist() == [0, 0.5, 1]
    assert not lut.values.flags.writeable


def test_curves_and_a_domain():
    lut, _ = parse("DOMAIN_MIN 0 0 -1\nDOMAIN_MAX 1 2 1\nLUT_1D_SIZE 2\n0 0 0\n1 .5 2 # too bright\n")
    assert not lut.is_cube
    assert lut.values.tolist() == [[0, 0, 0], [1, 0.5, 1]]
    assert (lut.low, lut.high) == ((0, 0, -1), (1, 2, 1))


def test_a_large_cube_is_resampled_and_said():
    lut, said = parse(cube(65))
    assert lut.size == 33
    assert "65" in said
    assert "33" in said
    assert np.allclose(lut.values[:, 0, 0, 2], np.linspace(0, 1, 33), atol=1e-6)


@pytest.mark.parametrize(("text", "why"), [
    ("", "neither"), ("0 0 0\n", "line 1: colours come before"), ("LUT_3D_SIZE 1\n", "line 1: LUT_3D_SIZE must be"),
    ("LUT_3D_SIZE 66\n", "2 to 65"), ("LUT_1D_SIZE 99999999999\n", "2 to 65536"), ("LUT_3D_SIZE two\n", "line 1"),
    ("LUT_1D_SIZE 2\nLUT_3D_SIZE 2\n", "line 2: the size is given twice"),
    ("LUT_1D_SIZE 2\n0 0 0\n", "after 1 of the 2"), ("LUT_1D_SIZE 2\n0 0 0\n0 0 0\n1 1 1\n", "line 4: there are more"),
    ("LUT_1D_SIZE 2\n0 nan 0\n1 1 1\n", "line 2: '0 nan 0' is not three finite"),
    ("LUT_1D_SIZE 2\n0 0\n", "three"), ("LUT_1D_SIZE 2\n0 0 zero\n", "not three numbers"),
    ("GLITTER 5\n", "line 1: 'GLITTER' is no word"), (cube(2, "DOMAIN_MIN 1 1 1\n"), "DOMAIN_MAX must lie above"),
])  # fmt: skip
def test_what_is_broken_is_refused(text, why):
    with pytest.raises(UsageError, match=why) as caught:
        parse(text, "x.cube")
    assert caught.value.cure


def test_files(tmp_path):
    good, junk = tmp_path / "good.cube", tmp_path / "junk.cube"
    good.write_bytes(b"\xef\xbb\xbf" + cube().encode())
    junk.write_bytes(bytes(range(256)) * 9)
    assert read_cube(good)[0].name == "good.cube"
    with pytest.raises(UsageError, match="not text"):
        read_cube(junk)
    with pytest.raises(UsageError, match="cannot be read"):
        read_cube(tmp_path / "none.cube")
