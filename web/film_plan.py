"""How a film of the page is to be written: its part, codec, quality and file, checked by the command's functions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

from film.codecs import CODECS, PRESETS
from film.command import film_kind
from film.info import Film, span
from film.options import (
    CODECS_WITH,
    FilmOptions,
    unsupported,
    written_suffixes,
)
from film.report import warnings_of
from film.targets import check_film
from photo.standing import LONGEST_NAME, same_part
from runtime.options import seconds
from web.messages import NO_FILE_HAS

WORDS = ("start", "duration", "codec", "crf", "preset", "name", "container")


class CodecJson(TypedDict):
    """A codec in JSON: its containers, the usual one first; its default quality; whether it has presets."""

    name: str
    containers: list[str]
    crf: int | None
    presets: bool


class ChoicesJson(TypedDict):
    """What can be chosen of films, in JSON."""

    codecs: list[CodecJson]
    presets: list[str]


@dataclass(frozen=True)
class FilmPlan:
    """How a film is to be written; immutable, because it may be replaced at any time.

    target : the file to write
    mark : identifies its result
    warnings : what the result will lack
    values : as sent by the page
    """

    options: FilmOptions
    target: Path
    mark: str
    warnings: list[str]
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_result(self) -> bool:
        """Return whether the complete result exists; reads only the result, because the film may have been moved."""
        return self.target.exists() and same_part(
            film_kind(self.options).mark_in(self.target), self.mark
        )

    @property
    def shown_values(self) -> dict[str, str]:
        """Return the values to show in the page's fields: those sent, else those that apply."""
        encoder, options = self.options.encoder, self.options
        own = {
            "start": f"{options.start:g}" if options.start else "",
            "duration": "" if options.duration is None else f"{options.duration:g}",
            "codec": encoder.codec,
            "crf": "" if encoder.crf is None else str(encoder.crf),
            "preset": encoder.preset,
            "name": self.target.stem,
            "container": self.target.suffix.removeprefix("."),
        }
        return own | {
            name: self.values[name] for name in ("start", "duration") if name in self.values
        }


def film_choices() -> ChoicesJson:
    """Return what can be chosen of films, from the command's options."""
    codecs: list[CodecJson] = [
        {
            "name": name,
            "containers": [suffix.removeprefix(".") for suffix in written_suffixes(name)],
            "crf": codec.crf,
            "presets": name in CODECS_WITH["preset"],
        }
        for name, codec in CODECS.items()
    ]
    return {"codecs": codecs, "presets": list(PRESETS)}


def first_plan(film: Film, target: Path, options: FilmOptions) -> FilmPlan:
    """Plan a film as the command would without further options. Raises FilmError or OSError."""
    span(film, options)
    mark = film_kind(options).mark_of(film.path)
    return FilmPlan(options, target, mark, warnings_of(film, target, options))


def changed_plan(values: Mapping[str, Any], film: Film, released: FilmPlan) -> FilmPlan:
    """Check the page's choices and plan a film by them.

    values : texts by name, one of `WORDS`; "" or a missing one keeps the command's value
    released : the plan without choices
    Raises FilmError, OSError or ValueError.
    """
    texts = _texts(values)
    options = _options(texts, released.options)
    target = _target(texts, released.target, options)
    check_film(film, target, options)
    plan = first_plan(film, target, options)
    return replace(plan, values=texts)


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: value for name, value in values.items() if value not in ("", None)}
    for name, text in texts.items():
        if name not in WORDS or not isinstance(text, str) or len(text) > LONGEST_NAME:
            raise ValueError(f"invalid {name[:20]!r}: expected text for one of {', '.join(WORDS)}")
    return {name: text.strip() for name, text in texts.items()}


def _options(texts: Mapping[str, str], released: FilmOptions) -> FilmOptions:
    """Return the film options that were chosen, as the command reads them."""
    codec = texts.get("codec", released.encoder.codec)
    given = [name for name in ("crf", "preset") if name in texts]
    for line in unsupported(codec, given) if codec in CODECS else ():
        raise ValueError(line)
    encoder: dict[str, Any] = {"codec": codec}
    encoder |= {name: texts[name] for name in ("preset",) if name in texts}
    if "crf" in texts:
        if not texts["crf"].isdecimal():
            raise ValueError(f"crf must be a whole number from 0 to 51, got {texts['crf']!r}")
        encoder["crf"] = int(texts["crf"])
    times = {name: seconds(texts[name]) for name in ("start", "duration") if name in texts}
    return replace(released, encoder=replace(released.encoder, **encoder), **times)  # type: ignore[arg-type]


def _target(texts: Mapping[str, str], released: Path, options: FilmOptions) -> Path:
    """Return the file to write, in the folder of the command's; a new codec may need another container."""
    name, codec = texts.get("name", released.stem), options.encoder.codec
    if any(letter in NO_FILE_HAS or not letter.isprintable() for letter in name) or name[0] == ".":
        raise ValueError(f"{name!r} is no name of a file: leave out {' '.join(NO_FILE_HAS)}")
    usual = released.suffix
    if usual.lower() not in written_suffixes(codec):
        usual = written_suffixes(codec)[0]
    container = texts.get("container")
    return released.with_name(f"{name}{f'.{container}' if container else usual}")
