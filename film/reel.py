"""Which films are meant, and where each goes."""

from collections.abc import Iterable
from pathlib import Path

from film.probe import CONTAINERS

FILMS = {".mp4", ".m4v", ".mkv", ".mov", ".avi", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".flv"}


def films_named(names: Iterable[str], *, recursive: bool = False) -> list[Path]:
    """Return the films meant: files as named, folders by their films, globs as the shell would."""
    found: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            inside = path.rglob("*") if recursive else path.iterdir()
            found += sorted(film for film in inside if film.suffix.lower() in FILMS)
        elif path.exists():
            found.append(path)
        else:
            pattern = path.relative_to(path.anchor)
            found += sorted(Path(path.anchor).glob(str(pattern))) or [path]
    return list(dict.fromkeys(found))


def film_target(source: Path, save: str | None, *, several: bool) -> Path:
    """Return where the colored film goes: beside the film, or to the file or folder ``save``."""
    suffix = source.suffix.lower() if is_container(source) else ".mkv"
    name = f"{source.stem}.color{suffix}"
    if save is None:
        return source.with_name(name)
    return Path(save) / name if several or Path(save).is_dir() else Path(save)


def is_container(path: Path) -> bool:
    """Tell whether a file's name is of a container that films are written in."""
    return path.suffix.lower().removeprefix(".") in CONTAINERS
