"""What is the same of several pages is said once, with their numbers."""

from pathlib import Path

import numpy as np

from photo.decoder import Several
from photo.page_account import PageAccount, several_left, spans
from photo.pages import Colored
from photo.read import Photo

GRAY = np.zeros((30, 40), np.uint16)


def page(*notes: str, note: str = "", sure: float | None = None, in_color: bool = False) -> Colored:
    return Colored(Photo(GRAY, notes=notes), GRAY, note, sure, in_color)


def test_pages_are_named_where_not_all_of_them_are_meant() -> None:
    account = PageAccount("page")
    account.add(0, page(note="reference: content", sure=0.5), ["XMP"], ["EXIF"])
    account.add(2, page("scaled", note="reference: content", sure=0.7), [], ["EXIF", "resolution"])
    account.add(3, page(note="reference: content", in_color=True), ["the transparency"], [])
    account.add(4, page("scaled", sure=0.6, in_color=True), ["the transparency"], [])
    done = account.written(Path("a.tif"))
    assert done.notes == [
        "pages 1, 3: reference: content",
        "pages 3, 5: scaled",
        "pages 4-5 (2 of 4) have color and were left: -recolor colorizes them",
    ]
    assert done.dropped == ["XMP of page 1", "the transparency of pages 4-5"]
    assert (done.kept, done.size, done.depth, done.pages) == (
        ["EXIF", "resolution"],
        (30, 40),
        16,
        4,
    )
    assert done.confidence == np.mean([0.5, 0.7])
    assert not done.in_color


def test_what_is_said_of_all_pages_names_none() -> None:
    account = PageAccount("picture")
    for number in range(2):
        account.add(number, page("scaled"), ["XMP"], [])
    done = account.written(Path("a.tif"))
    assert (done.notes, done.dropped) == (["scaled"], ["XMP"])


def test_a_file_in_color_is_one_whose_pages_all_are() -> None:
    account = PageAccount("page")
    account.add(1, page(note="left", in_color=True), [], [])
    done = account.written(Path("a.tif"))
    assert done.notes == ["page 2 has color and was left: -recolor colorizes it"]
    assert (done.in_color, done.confidence) == (True, None)


def test_numbers_are_joined_to_spans() -> None:
    assert [str(span) for span in spans([1, 2, 3, 5, 8, 9])] == ["1-3", "5", "8-9"]


def test_one_of_several_is_named() -> None:
    assert several_left(Several(3, "page")) == ("page 1 of 3: the others left out",)
    assert several_left(Several(3, "frame"), 1) == ("frame 2 of 3: the others left out",)
    assert several_left(Several()) == ()
