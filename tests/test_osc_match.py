"""OSC address patterns."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphogen.params.catalog import BY_KEY
from morphogen_bridges.osc.codec import OscError
from morphogen_bridges.osc.match import MAX_STEPS, is_pattern, matching

ALL = [f"/morphogen/{key}" for key in BY_KEY]


def hits(pattern, *addresses):
    return matching(pattern, addresses)


@pytest.mark.parametrize(
    ("pattern", "address", "expected"),
    [
        ("/a/*", "/a/b", True),
        ("/a/*", "/a/b/c", False),
        ("/*", "/a/b", False),
        ("/a*c", "/abbbc", True),
        ("/a*c", "/ac", True),
        ("/a*b*c", "/axbxbxc", True),
        ("/a?c", "/abc", True),
        ("/a?c", "/ac", False),
        ("/?/b", "/a/b", True),
        ("/[abc]", "/b", True),
        ("/[!abc]", "/b", False),
        ("/[!abc]", "/d", True),
        ("/[a-c]x", "/bx", True),
        ("/[a-c]x", "/dx", False),
        ("/[a-]", "/-", True),
        ("/{foo,bar}", "/bar", True),
        ("/{foo,bar}", "/baz", False),
        ("/{foo,}x", "/x", True),
        ("/{a,ab}c", "/abc", True),
        ("/lfo[1-3]/{rate,phase}", "/lfo2/phase", True),
        ("//zoom", "/morphogen/view/zoom", True),
        ("/morphogen//zoom", "/morphogen/view/zoom", True),
        ("/morphogen//zoom", "/morphogen/zoom", True),
        ("//zoom", "/morphogen/view/zoomed", False),
        ("/a//b//c", "/a/x/y/b/c", True),
        ("/plain", "/plain", True),
    ],
)
def test_the_specification(pattern, address, expected):
    assert hits(pattern, address) == ([address] if expected else [])


@pytest.mark.parametrize("pattern", ["/[abc", "/{a,b", "/a]", "/b}", "/{a/b}", "/" + "x" * 300 + "*", "/*" * 20])
def test_broken_and_oversized_patterns_are_refused(pattern):
    with pytest.raises(OscError, match="pattern"):
        hits(pattern, "/a/b")


def test_only_pattern_characters_make_a_pattern():
    assert not is_pattern("/morphogen/view/zoom")
    assert all(map(is_pattern, ("/a*", "/a?", "/[a]", "/{a}", "//a")))


def test_real_addresses():
    assert matching("/morphogen/view/*", ALL) == [a for a in ALL if a.startswith("/morphogen/view/")]
    assert matching("/morphogen/{view,color}/[xyh]*", ALL) == [
        "/morphogen/view/x",
        "/morphogen/view/y",
        "/morphogen/color/hue",
    ]
    assert matching("//rate", ALL) == [a for a in ALL if a.endswith("/rate")]


def test_no_pattern_takes_more_than_its_share_of_work():
    names = ["/" + "a" * 30 + "b"] * 5
    assert matching("/" + "*a" * 10 + "c", names) == []  # exponential for a backtracking matcher
    with pytest.raises(OscError, match="too much work"):
        matching("/" + "*{a,aa,aaa}" * 20, [f"/{'a' * n}" for n in range(40)])
    assert MAX_STEPS <= 10_000


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
def test_agrees_with_fnmatch_inside_one_part(pattern, name):
    assert bool(hits("/x" + pattern, "/x" + name)) == fnmatch.fnmatchcase(name, pattern)


@given(st.text("ab*?[]{},!-/", max_size=40))
def test_any_pattern_ends_in_a_list_or_an_osc_error(pattern):
    try:
        assert isinstance(matching("/" + pattern, ["/a", "/ab/b", "/b/a/b"]), list)
    except OscError:
        pass
