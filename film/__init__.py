"""Films as files: what they have, their frames by number, jobs that survive a stop, one container in the end."""


class FilmError(ValueError):
    """A film that cannot be read, colorized or written: one line that says what to do about it."""
