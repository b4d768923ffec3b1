"""The one network that the page's photos share, and what is asked of it. Runs in the queue's thread."""

from functools import cached_property
from typing import TYPE_CHECKING

from model.options import ColorOptions, RunOptions

if TYPE_CHECKING:
    from gray2color import Colorizer


MOST_KEPT = 8  # colorizers of other settings


class Network:
    """Loaded when it is first asked for, and kept."""

    def __init__(self, color: ColorOptions, run: RunOptions) -> None:
        self._color, self._run = color, run
        self._others: dict[ColorOptions, Colorizer] = {}

    @cached_property
    def released(self) -> "Colorizer":
        """Load the network, with the settings that the command was given."""
        from gray2color import colorizer_factory

        return colorizer_factory(self._color, self._run, threads=self._run.threads)()

    def load(self) -> None:
        """Load the network before somebody waits for it."""
        _ = self.released

    def colorizer(self, color: ColorOptions) -> "Colorizer":
        """Return a colorizer of other settings, around the same network; the last ones are kept with their tables."""
        if color == self._color:
            return self.released
        if color not in self._others:
            if len(self._others) == MOST_KEPT:
                del self._others[next(iter(self._others))]
            self._others[color] = self.released.with_options(color)
        return self._others[color]
