"""Projects on the page: what is open outlives the tab and the server, and can be saved as a file."""

from pathlib import Path
from typing import Any

import numpy as np
from web_page import (
    BROWSED,
    SAMPLES,
    Page,
    drop,
    opened,
    place_hint,
    running,
    shown,
    when_colored,
)

pytestmark = BROWSED


def kept_by_the_server(page: Page) -> None:
    """Wait until nothing would be lost."""
    page.wait_for_function("() => dispatchEvent(new Event('beforeunload', {cancelable: true}))")


def test_a_project_is_saved_opened_and_continued(
    browser: Any, url: str, page: Page, tmp_path: Path
) -> None:
    when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
    place_hint(page, "photos", 0.4, 0.4, "#2050c0")
    with page.expect_download() as download:
        page.locator("#save-project").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    before = shown(page, "photos")
    with opened(browser, url) as other:
        when_colored(
            other, "photos", lambda: other.locator("#photo-files").set_input_files(str(saved))
        )
        assert other.locator(".marker").count() == 1
        assert np.abs(shown(other, "photos") - before).max() < 3
        when_colored(other, "photos", other.locator("#undo").click)
        assert other.locator(".marker").count() == 0


def test_a_project_outlives_its_tab_and_its_server(
    browser: Any, screen: dict[str, Any], tmp_path: Path
) -> None:
    with running(tmp_path) as url, opened(browser, url, **screen) as page:
        when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
        place_hint(page, "photos", 0.4, 0.4, "#2050c0")
        before = shown(page, "photos")
        kept_by_the_server(page)
    with running(tmp_path) as url, opened(browser, url, **screen) as page:
        listed = page.locator("#kept li")
        assert "chelsea" in listed.inner_text()
        assert str(tmp_path / "kept") in page.locator("#kept p").inner_text()
        when_colored(page, "photos", listed.locator(".open").click)
        assert page.locator(".marker").count() == 1
        assert np.abs(shown(page, "photos") - before).max() < 3
        when_colored(page, "photos", page.locator("#undo").click)
        kept_by_the_server(page)
        page.locator("#new-project").click()
        assert page.locator("#photos > .drop").is_visible()
        when_colored(page, "photos", page.locator("#kept .open").click)
        assert page.locator(".marker").count() == 0
        page.locator("#new-project").click()
        page.locator("#kept .close").click()
        page.locator("#kept").wait_for(state="hidden")


def test_closing_asks_only_when_something_would_be_lost(browser: Any, tmp_path: Path) -> None:
    """A server that visitors share keeps nothing after its end; one of this machine's user does."""
    asks = "() => !dispatchEvent(new Event('beforeunload', {cancelable: true}))"
    with running(tmp_path) as url, opened(browser, url) as page:
        when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
        place_hint(page, "photos", 0.4, 0.4, "#2050c0")
        kept_by_the_server(page)
        page.route("**/kept/**", lambda route: None)  # the server does not answer
        page.locator("#undo").click()
        assert page.evaluate(asks)
        page.unroute("**/kept/**")
    words = ("-web_host", "0.0.0.0", "-web_password", "open sesame")
    with running(tmp_path, *words) as url:
        port = url.rstrip("/").rpartition(":")[2]
        with opened(browser, f"http://127.0.0.1:{port}/?token=open%20sesame") as page:
            when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
            assert not page.evaluate(asks)
            place_hint(page, "photos", 0.4, 0.4, "#2050c0")
            assert page.evaluate(asks)
            with page.expect_download():
                page.locator("#save-project").click()
            page.wait_for_function(
                "() => dispatchEvent(new Event('beforeunload', {cancelable: true}))"
            )
            again = page.context.new_page()  # as after the tab was closed
            again.goto(f"http://127.0.0.1:{port}/")
            when_colored(again, "photos", again.locator("#kept .open").click)
            assert again.locator(".strip li img").count() == 1
