"""Looks on the page: whole pictures to begin with, chosen by one click, on which hints build."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from web_page import (
    BROWSED,
    SAMPLES,
    Page,
    command,
    drop,
    look,
    opened,
    place_hint,
    shown,
    when_colored,
)

pytestmark = BROWSED
LOOKS = "document.querySelectorAll('.looks img[src^=blob]').length"  # those that are shown in color


def test_looks_show_the_photo_and_hints_build_on_the_chosen_one(
    browser: Any, url: str, screen: dict[str, Any], tmp_path: Path
) -> None:
    with opened(browser, url, **screen) as page:
        when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
        natural = shown(page, "photos")
        page.wait_for_function(
            f"() => {LOOKS} >= 9"  # moods and a candidate
        )
        assert look(page, None).get_attribute("aria-pressed") == "true"
        when_colored(page, "photos", look(page, "cold").click)
        cold = shown(page, "photos")
        assert (cold[..., 0] - cold[..., 2]).mean() < (natural[..., 0] - natural[..., 2]).mean() - 2
        assert look(page, "cold").get_attribute("aria-pressed") == "true"
        place_hint(page, "photos", 0.4, 0.4, "#b03030")
        hinted = shown(page, "photos")
        assert np.abs(hinted - cold).max() > 15
        assert np.abs(hinted - cold)[100:].mean() < 3  # the rest keeps the look
        assert look(page, "cold").get_attribute("aria-pressed") == "true"
        with page.expect_download() as download:
            page.locator("#save-project").click()
        same_as_the_command(page, Path(download.value.path()), tmp_path)
        when_colored(page, "photos", page.locator("#undo").click)
        when_colored(page, "photos", page.locator("#undo").click)
        assert np.abs(shown(page, "photos") - natural).max() < 3


def same_as_the_command(page: Page, project: Path, folder: Path) -> None:
    """The command makes the shown file of a project's photo with its hints and its look."""
    with zipfile.ZipFile(project) as archive:
        archive.extractall(folder)
    assert json.loads((folder / "photos/1/hints.json").read_text())["mood"] == "cold"
    out = folder / "out.jpg"
    command(
        "-img_in",
        folder / "photos/1/chelsea.jpg",
        "-save",
        out,
        "-hints",
        folder / "photos/1/hints.json",
    )
    with page.expect_download() as download:
        page.locator("#download").click()
    ours, theirs = (np.asarray(Image.open(path)) for path in (download.value.path(), out))
    np.testing.assert_array_equal(ours, theirs)


def test_looks_wait_while_a_color_is_chosen(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
    page.wait_for_function(f"() => {LOOKS} >= 1")
    page.locator("#photos .pictures").click()
    page.locator(".chooser .likely button.swatch").first.wait_for()
    asked.clear()
    page.wait_for_timeout(1000)
    assert not [url for url in asked if "/color" in url]
    page.keyboard.press("Escape")
    page.wait_for_function(f"() => {LOOKS} >= 8")


def test_looks_are_made_although_the_photo_before_was_closed(browser: Any, url: str) -> None:
    visited = opened(browser, url)
    with visited as page:
        held: list[Any] = []

        def hold_first(route: Any) -> None:
            if held:
                route.fallback()
            else:
                held.append(route)

        page.route("**/color?*px=160", hold_first)
        names = ("chelsea", "rocket", "astronaut")
        files = [str(SAMPLES / f"{name}.jpg") for name in names]
        with page.expect_request("**/color?*px=160"):
            page.locator("#photo-files").set_input_files(files)
        page.locator(".strip .open").nth(2).wait_for()
        with page.expect_response(lambda answer: answer.request.method == "DELETE"):
            page.locator(".strip .current .close").click()
        with page.expect_response(lambda answer: answer.url == held[0].request.url) as answer:
            held[0].fallback()
        assert answer.value.status >= 400  # it is gone
        page.wait_for_function(f"() => {LOOKS} >= 8")
        visited.errors.clear()


def test_looks_follow_again_after_a_lost_connection(browser: Any, url: str) -> None:
    visited = opened(browser, url)
    with visited as page:
        when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
        page.wait_for_function(f"() => {LOOKS} >= 9")
        page.route("**/color?*px=160", lambda route: route.abort())
        with page.expect_event("requestfailed"):
            place_hint(page, "photos", 0.4, 0.4, "#b03030")
        page.unroute("**/color?*px=160")
        with page.expect_response("**/color?*px=160") as answer:
            when_colored(page, "photos", look(page, "vivid").click)
        assert answer.value.request.post_data_json["hints"]
        assert look(page, "vivid").get_attribute("aria-pressed") == "true"
        assert look(page, None).get_attribute("aria-pressed") == "false"
        visited.errors.clear()


def test_another_colorization_is_one_click_and_stays_under_hints(page: Page) -> None:
    when_colored(page, "photos", lambda: drop(page, SAMPLES / "astronaut.jpg"))
    before = shown(page, "photos")
    other = page.locator(".looks button").nth(9)
    when_colored(page, "photos", other.click)
    chosen = shown(page, "photos")
    assert np.abs(chosen - before).max() > 10
    place_hint(page, "photos", 0.1, 0.15, "#1d3557")
    assert other.get_attribute("aria-pressed") == "true"
    assert np.abs(shown(page, "photos") - chosen)[90:].mean() < 3
    with page.expect_response("**/color?**px=160") as answer:  # the looks follow
        pass
    assert answer.value.ok
