"""What the shell completes: style names, parameter keys, outputs. Must never fail and never print."""

from __future__ import annotations

from collections.abc import Iterator

from morphogen.errors import MorphogenError


def style_names(incomplete: str) -> Iterator[str]:
    """Names of the library that begin so."""
    try:
        from morphogen.library.find import Library

        yield from (entry.name for entry in Library().list() if entry.name.startswith(incomplete))
    except (MorphogenError, ImportError, OSError):
        return


def param_keys(incomplete: str) -> Iterator[tuple[str, str]]:
    """Keys of parameters that begin so, with what they do."""
    from morphogen.params.catalog import PARAMS

    yield from ((param.key, param.doc) for param in PARAMS if param.key.startswith(incomplete))


def param_settings(incomplete: str) -> Iterator[str]:
    """`KEY=` for --set."""
    yield from (f"{key}=" for key, _doc in param_keys(incomplete))


def outputs(incomplete: str) -> Iterator[tuple[str, str]]:
    """Kinds of outputs that begin so."""
    from morphogen.registry import table

    yield from ((name, entry.doc) for name, entry in table("SINKS").items() if name.startswith(incomplete))


def audio_sources(incomplete: str) -> Iterator[str]:
    """Words of the audio grammar."""
    from morphogen.grammar import AUDIO_WITH_VALUE, AUDIO_WORDS

    words = (*AUDIO_WORDS, *(f"{kind}:" for kind in AUDIO_WITH_VALUE))
    yield from (word for word in words if word.startswith(incomplete))


def backends(incomplete: str) -> Iterator[str]:
    """Names of renderers."""
    from morphogen.grammar import BACKENDS

    yield from (name for name in BACKENDS if name.startswith(incomplete))
