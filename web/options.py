"""The options of the page's server, as data.

Imports nothing heavy, so that help and usage errors do not wait for the server's libraries.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.options import check, named, option
from runtime.places import shown, user_cache

if TYPE_CHECKING:
    from color.segment import Colorization
    from film.options import FilmOptions
    from model.options import ColorOptions, RunOptions
    from photo.options import PhotoOptions

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class WebOptions:
    """Whether to serve the page, and its address and password."""

    web: bool = option(False, "open a page in the browser that offers all commands, offline")
    web_host: str = option(
        "127.0.0.1", "address to listen on; any other than 127.0.0.1 (this machine only) requires a password, "
        "which is sent unencrypted", read=named, metavar="HOST",
    )  # fmt: skip
    web_port: int = option(
        8300, "port to listen on; 0 chooses a free one", low=0, high=65535, metavar="PORT"
    )
    web_password: str | None = option(
        None, "password required from visitors (default: none on 127.0.0.1, otherwise a random one, which is printed)",
        read=named, metavar="WORD",
    )  # fmt: skip

    web_root: tuple[Path, ...] = option(
        (), "folders whose films can be opened by their paths, with results written beside them "
        "(default: all on 127.0.0.1, otherwise none: films are uploaded)", metavar="FOLDER",
    )  # fmt: skip

    web_keep: Path | None = option(
        None, "folder in which photos opened on the page are kept with all hints until they are closed there, 90 days after the last "
        "use or beyond 10 GB; on 127.0.0.1 only", shown=shown(user_cache() / "page"), metavar="FOLDER",
    )  # fmt: skip

    def __post_init__(self) -> None:
        check(self)
        if self.web_keep and not self.own_machine_only:
            raise ValueError(
                "-web_keep is for 127.0.0.1: with -web_host, visitors save their projects as files"
            )
        for folder in self.web_root:
            if not folder.is_dir():
                raise ValueError(f"-web_root {folder} is not a folder")

    @property
    def roots(self) -> tuple[Path, ...] | None:
        """Return the folders whose films can be opened by their paths; None for all."""
        return None if self.own_machine_only and not self.web_root else self.web_root

    @property
    def keep(self) -> Path | None:
        """Return the folder in which projects are kept; None if visitors share the page, as nobody could tell whose they are."""
        return (self.web_keep or user_cache() / "page") if self.own_machine_only else None

    @property
    def own_machine_only(self) -> bool:
        """Return whether only this machine can reach the page."""
        return self.web_host in LOOPBACK


@dataclass(frozen=True)
class Settings:
    """The command's options, which apply where the page sets none.

    colorization : (color options) -> the colorization of films
    """

    run: "RunOptions"
    color: "ColorOptions"
    photo: "PhotoOptions"
    film: "FilmOptions"
    colorization: "Callable[[ColorOptions], Colorization]"
