"""Progress that the page asks for, and how it ends."""

import pytest

from web.film_progress import FilmProgress


def test_progress_says_how_it_ended() -> None:
    progress = FilmProgress()
    with progress.running("colorizing"):
        progress.start("colorizing", 10, unit="frames")
        progress.advance(4, earlier=True)
        assert progress.as_json()["fps"] is None
        progress.advance(2)
        assert progress.as_json()["left_s"] > 0
    assert progress.as_json()["state"] == "done"
    with progress.running("colorizing"):
        raise ValueError("two\nlines")
    assert (progress.state, progress.error) == ("failed", "two lines")
    progress.wait()
    progress.stop()
    with progress.running("colorizing"):
        progress.start("colorizing", 10, unit="frames")
        pytest.fail("it was stopped before it began")
    assert progress.state == "stopped"
