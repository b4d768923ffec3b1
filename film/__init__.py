"""Films as files: stream information, frames by number, resumable jobs, and the finished container."""


class FilmError(ValueError):
    """A film cannot be read, colorized or written; the message says in one line what to do."""
