"""What a person may choose of the page's server, as data.

Nothing heavy is imported here: a command's help and its mistakes do not wait for a server's libraries.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtime.options import check, named, option

if TYPE_CHECKING:
    from color.segment import Colorization
    from film.options import FilmOptions
    from model.options import ColorOptions, RunOptions
    from photo.options import PhotoOptions

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class WebOptions:
    """Whether there is a page, who may open it and where."""

    web: bool = option(False, "open a page in the browser that does what the commands do, offline")
    web_host: str = option(
        "127.0.0.1", "address to listen on; any other than this machine's own (127.0.0.1) asks visitors for a password, "
        "which travels unencrypted", read=named, metavar="HOST",
    )  # fmt: skip
    web_port: int = option(8300, "0: any that is free", low=0, high=65535, metavar="PORT")
    web_password: str | None = option(
        None, "asked of visitors (default: none on 127.0.0.1, else one that is printed)",
        read=named, metavar="WORD",
    )  # fmt: skip

    def __post_init__(self) -> None:
        check(self)

    @property
    def own_machine_only(self) -> bool:
        """Tell whether no other machine can reach the page."""
        return self.web_host in LOOPBACK


@dataclass(frozen=True)
class Settings:
    """What the page's work starts from: the options that the command was given.

    colorization : (color options) -> how films are colorized
    """

    run: "RunOptions"
    color: "ColorOptions"
    photo: "PhotoOptions"
    film: "FilmOptions"
    colorization: "Callable[[ColorOptions], Colorization]"
