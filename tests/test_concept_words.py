"""The text side of the concept guide: what it understands, what it says about the rest. Needs no torch."""

from __future__ import annotations

import pytest

from morphogen.errors import UsageError
from morphogen.training.concepts import vocabulary as table
from morphogen.training.concepts import words
from morphogen.training.guides import Part, open_guide, parse_prompts

SEEDS = {  # the prompts of the first styles: what each must be taken for
    "spinning cosmic galaxy with swirling nebula clouds, stars and cosmic dust perturbed by gravitational waves": (
        "galaxy"
    ),
    "biological cell division with flowing membranes and organic structures": "cell_division",
    "microscopic organisms swimming with flagella and organic movement": "microbes",
    "microscopic organic solvents with diffusion and fluid dynamics": "solvents",
    "neurons firing": "neurons",
    "blood vessels": "vessels",
    "an exploding supernova": "supernova",
    "black hole": "black_hole",
    "cosmic web": "cosmic_web",
    "nebula": "nebula",
}
MOODS = {
    "Neon geometric pink and blue": {"mood:neon", "colour:pink", "colour:blue", "structure:triangles"},
    "Organic flowing shapes with strong contrast": {"structure:tendrils", "texture:contrast"},
    "Digital corruption red black": {"structure:glitch", "colour:red", "colour:black"},
    "Soft watercolor gentle colors": {"structure:watercolor", "texture:soft", "mood:pastel"},
    "cyberpunk neon city": {"mood:neon", "structure:skyline"},
    "nature fractal": {"structure:fractal", "mood:earthy"},
}


@pytest.mark.parametrize("prompt", SEEDS)
def test_the_prompts_of_the_first_styles_are_understood(prompt: str) -> None:
    understanding = words.understand(prompt)
    assert understanding.concepts("structure")[0] == SEEDS[prompt]
    assert understanding.confidence > 0.6


@pytest.mark.parametrize("prompt", MOODS)
def test_the_mood_board_is_understood(prompt: str) -> None:
    assert set(words.read(prompt).tokens) >= MOODS[prompt]


def test_a_colour_may_be_the_ground() -> None:
    assert set(words.read("blue galaxy on black").tokens) == {"colour:blue", "structure:galaxy", "ground:black"}
    assert "ground:white" in words.read("red vessels, white background").tokens
    assert "colour:white" in words.read("rings of white fire on ice").tokens


def test_the_first_structure_leads_and_what_is_unwanted_counts_against() -> None:
    tokens = words.read("galaxy and nebula without stars, blue").tokens
    assert tokens["structure:galaxy"] == 1 > tokens["structure:nebula"] > 0 > tokens["structure:stars"]
    assert tokens["colour:blue"] == 1
    assert words.understand("galaxy without stars").concepts("structure") == ("galaxy",)


def test_motion_is_understood_but_a_picture_need_not_show_it() -> None:
    understanding = words.understand("slowly rotating galaxy")
    assert understanding.concepts("motion") == ("drift", "spin")
    assert set(words.read("rotating galaxy").tokens) == {"structure:galaxy"}


def test_unknown_words_are_named_with_what_is_near() -> None:
    understanding = words.understand("blue galaxy in a teapot with flamingos")
    assert [unknown.word for unknown in understanding.unknown] == ["teapot"]
    assert understanding.confidence == pytest.approx(3 / 4)
    assert "not understood: teapot (nearest: " in understanding.line()
    assert words.understand("glaxy").concepts("structure") == ("galaxy",)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("銀河と星", "no word in Latin letters"),
        ("!!! ...", "no word in Latin letters"),
        ("ein Teekessel auf dem Herd", "understands nothing of 'ein Teekessel"),
        ("12345 67", "understands nothing"),
        ("the of and with", "understands nothing"),
        ("galaxy " * 200, "more than 1000"),
        ("x" * 1_000_000, "more than 1000"),
    ],
)
def test_what_cannot_be_understood_is_refused(prompt: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        words.understand(prompt)
    assert caught.value.cure


def test_words_that_stand_nowhere_in_the_table() -> None:
    """Plurals, derived forms, old plurals, misspellings: the share that is understood is quoted in the docs."""
    held = table.vocabulary().held_out
    assert not held.keys() & table.vocabulary().words().keys()

    def right(word: str) -> bool:
        try:
            return held[word] in {known.concept for known in words.read(word).known}
        except UsageError:
            return False

    share = sum(map(right, held)) / len(held)
    assert len(held) > 100
    assert share >= 0.9, f"{share:.3f} of {len(held)}"


def test_the_table_is_whole() -> None:
    v = table.vocabulary()
    colours = v.concepts["colour"]
    assert len(v.concepts["structure"]) == 64
    assert len(colours) == 19
    seen: dict[str, str] = {}
    for kind in table.KINDS:
        for concept in v.concepts[kind].values():
            assert len(concept.words) >= 3, concept.name
            for word in concept.words:
                assert seen.setdefault(word, concept.name) == concept.name, f"{word} names two things"
                assert word not in v.filler, word
    for concept in v.concepts["structure"].values():
        assert {name for scheme in concept.natural for name in scheme} <= set(colours), concept.name
        assert concept.natural, concept.name
        assert concept.ground in colours, concept.name
        assert concept.motion in v.concepts["motion"], concept.name
    assert set(v.hints.values()) <= {*v.concepts["structure"], *table.EXTRA_STRUCTURES}
    assert len(v.tokens) == len(set(v.tokens)) == 129


def test_prompts_in_parts() -> None:
    assert parse_prompts("galaxy:1 | cells:-0.3") == (Part("galaxy", 1.0), Part("cells", -0.3))
    assert parse_prompts("a: galaxy") == (Part("a: galaxy"),)
    for wrong, message in (
        ("galaxy |", "empty part"),
        ("galaxy:0", "is 0 or beyond"),
        ("cells:-1", "every part"),
        (":2", "empty"),
    ):
        with pytest.raises(UsageError, match=message):
            parse_prompts(wrong)
    with pytest.raises(UsageError, match="no guide 'dall-e'"):
        open_guide("dall-e")
