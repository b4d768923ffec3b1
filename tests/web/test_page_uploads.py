"""Uploads: photos appear whatever happens meanwhile, and files that fail are named together and stay named."""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from web_page import BROWSED, SAMPLES, Page, drop, place_hint

pytestmark = BROWSED


@contextmanager
def visited(browser: Any, url: str, **screen: Any) -> Iterator[Page]:
    """Open the page; the browser logs each refusal as an error, which is none here."""
    with closing(browser.new_context(**screen)) as context:
        page = context.new_page()
        page.goto(url)
        page.locator("#photos .colors input").first.wait_for(state="attached")
        yield page


def choose(page: Page, *paths: Path) -> None:
    page.locator("#photo-files").set_input_files(list(map(str, paths)))


def held_back(page: Page, name: str) -> list[Any]:
    """Hold a file's upload back; return the list that gets it."""
    held: list[Any] = []
    page.route(f"**/photos?name={name}*", lambda route: held.append(route))
    return held


def shown_alone(page: Page) -> None:
    """Wait until the only open photo is seen in color."""
    page.locator("#photos .pictures .color[src^=blob]").wait_for()
    assert page.locator(".strip .open").count() == 1
    assert page.locator("#photos > .drop").is_hidden()


def test_a_photo_is_seen_although_another_was_closed_while_it_was_uploaded(
    browser: Any, url: str, screen: dict[str, Any]
) -> None:
    with visited(browser, url, **screen) as page:
        held = held_back(page, "rocket")
        choose(page, SAMPLES / "chelsea.jpg", SAMPLES / "rocket.jpg")
        page.locator(".strip img[src^=blob]").wait_for()
        assert page.locator("#new-project").is_disabled()  # the upload belongs to this project
        page.locator(".strip .close").click()
        page.locator(".strip .waiting").wait_for()
        assert page.locator("#photos .pictures").is_hidden()  # it shows none
        held[0].continue_()
        shown_alone(page)
        assert page.locator("#new-project").is_enabled()


def test_a_photo_is_seen_although_a_later_file_failed(
    browser: Any, url: str, tmp_path: Path
) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    with visited(browser, url) as page:
        held = held_back(page, "rocket")
        choose(page, SAMPLES / "rocket.jpg")
        page.locator(".strip .waiting").wait_for()
        choose(page, tmp_path / "text.jpg")
        page.locator("#message").wait_for()
        assert page.locator(".strip .waiting").count() == 1
        held[0].continue_()
        shown_alone(page)


def chosen_reference(page: Page) -> list[Any]:
    """Choose a reference for the shown photo, and hold its upload back; return the list that gets it."""
    held: list[Any] = []
    page.route("**/references?name=*", lambda route: held.append(route))
    with page.expect_request("**/references?name=*"):
        page.locator("#reference-file").set_input_files(str(SAMPLES / "color" / "coffee.jpg"))
    return held


def test_a_reference_goes_to_the_photo_that_it_was_chosen_for(page: Page) -> None:
    choose(page, SAMPLES / "chelsea.jpg", SAMPLES / "rocket.jpg")
    page.locator(".strip img[src^=blob]").nth(1).wait_for()
    first, second = page.locator(".strip .open").all()
    first.click()  # the one that came first, by chance either, is shown
    held = chosen_reference(page)
    second.click()
    with page.expect_request(lambda asked: "px=240" in asked.url) as asked:  # its thumbnail follows
        held[0].fallback()
    assert asked.value.post_data_json["reference"]
    assert page.locator("#reference-shown").is_hidden()
    first.click()
    assert "coffee.jpg" in page.locator("#reference-shown").inner_text()


def test_a_reference_whose_photo_was_closed_is_dropped(browser: Any, url: str) -> None:
    with visited(browser, url) as page:
        choose(page, SAMPLES / "chelsea.jpg")
        page.locator(".strip img[src^=blob]").wait_for()
        held = chosen_reference(page)
        page.locator(".strip .close").click()
        page.locator("#photos > .drop").wait_for()
        with page.expect_response("**/references?name=*"):
            held[0].fallback()
        page.wait_for_function("() => new Promise((resolve) => setTimeout(() => resolve(true)))")
        assert page.locator("#message").is_hidden()


def test_the_error_of_a_reference_goes_with_the_next_action(browser: Any, url: str) -> None:
    with visited(browser, url) as page:
        choose(page, SAMPLES / "chelsea.jpg", SAMPLES / "rocket.jpg")
        page.locator(".strip img[src^=blob]").nth(1).wait_for()
        for act in (
            page.locator(".strip .open").nth(1).click,
            lambda: place_hint(page, "photos", 0.4, 0.4, "#2050c0"),
            lambda: page.locator("#reference-file").set_input_files(str(SAMPLES / "color" / "coffee.jpg")),
        ):  # fmt: skip
            page.locator("#reference-file").set_input_files(str(SAMPLES / "chelsea.jpg"))
            page.get_by_text("chelsea.jpg has no color").wait_for()
            act()
            page.locator("#message").wait_for(state="hidden")


def test_films_that_are_dropped_with_others_are_named(
    browser: Any, url: str, screen: dict[str, Any], tmp_path: Path
) -> None:
    first, second = (Path(shutil.copy(SAMPLES / "film.mp4", tmp_path / f"{n}.mp4")) for n in "ab")
    with visited(browser, url, **screen) as page:
        drop(page, SAMPLES / "chelsea.jpg", first)
        page.locator(".strip img[src^=blob]").wait_for()
        page.locator("#photos .pictures .color[src^=blob]").wait_for()
        assert "a.mp4" in page.locator("#message").inner_text()
        drop(page, first, second)
        page.locator("#films .pictures .color[src^=blob]").wait_for()
        assert page.locator("#film-name").inner_text() == "a.mp4"
        said = page.locator("#message").inner_text()
        assert "b.mp4" in said
        assert "a.mp4" not in said
        held: list[Any] = []
        page.route("**/films?name=*", lambda route: held.append(route))
        drop(page, second)  # while another film is open
        page.locator("#film-upload").wait_for()
        assert page.locator("#message").is_hidden()
        held[0].continue_()
        page.locator("#film-upload").wait_for(state="hidden")
        assert page.locator("#film-name").inner_text() == "b.mp4"


def test_closing_a_photo_while_it_is_colored_says_nothing(browser: Any, url: str) -> None:
    with visited(browser, url) as page:
        held: list[Any] = []
        page.route("**/color?*px=240", lambda route: held.append(route))
        with page.expect_request("**/color?*px=240"):
            choose(page, SAMPLES / "chelsea.jpg", SAMPLES / "rocket.jpg")
        with page.expect_response(lambda answer: answer.request.method == "DELETE"):
            page.locator(".strip li:not(.current) .close").click()
        with page.expect_response("**/color?*px=240") as answer:
            held[0].fallback()
        assert answer.value.status >= 400  # it is gone
        page.locator(".looks img[src^=blob]").nth(
            8
        ).wait_for()  # the last of them waits for all else
        assert page.locator("#message").is_hidden()


def test_files_that_fail_are_named_with_the_reason(
    browser: Any, url: str, screen: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 90)
    files = [tmp_path / "text.jpg", SAMPLES / "chelsea.jpg", tmp_path / "broken.png", SAMPLES / "rocket.jpg"]  # fmt: skip
    with visited(browser, url, **screen) as page:
        choose(page, *files)
        page.wait_for_function(
            "() => document.querySelectorAll('.strip li img[src^=blob]').length === 2"
        )
        page.locator(".looks img[src^=blob]").nth(3).wait_for()
        said = page.locator("#message p").inner_text().splitlines()
        assert sorted(line.split(".")[0] for line in said) == ["broken", "text"]
        page.locator("#message .close").click()
        assert page.locator("#message").is_hidden()
