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


def uploaded(page: Page, *names: str) -> None:
    """Choose photos, and wait until they are all open and in color."""
    before = page.locator(".strip .open").count()
    files = [str(SAMPLES / f"{name}.jpg") for name in names]
    page.locator("#photo-files").set_input_files(files)
    page.locator(".strip img[src^=blob]").nth(before + len(names) - 1).wait_for()


def continued(browser: Any, url: str, **options: Any) -> list[str]:
    """Open the page anew; return what its projects say of themselves."""
    with opened(browser, url, **options) as page:
        page.locator("#kept .open").first.wait_for()
        return list(page.locator("#kept .open").all_inner_texts())


def test_a_photo_that_is_opened_while_the_list_is_sent_is_kept(
    browser: Any, tmp_path: Path
) -> None:
    with running(tmp_path) as url, opened(browser, url, locale="en-US") as page:
        held: list[Any] = []

        def hold_first(route: Any) -> None:
            if held or route.request.method != "POST":
                route.fallback()
            else:
                held.append(route)

        page.route("**/kept", hold_first)
        uploaded(page, "chelsea", "rocket")
        assert len(held[0].request.post_data_json["photos"]) == 1
        held[0].fallback()
        kept_by_the_server(page)
        (text,) = continued(browser, url, locale="en-US")
        assert "2 photos" in text


def test_selecting_in_one_tab_keeps_what_another_has_added(browser: Any, tmp_path: Path) -> None:
    with running(tmp_path) as url, opened(browser, url, locale="en-US") as page:
        uploaded(page, "chelsea", "rocket")
        kept_by_the_server(page)
        with opened(browser, url) as other:
            other.locator("#kept .open").click()
            other.locator(".strip img[src^=blob]").nth(1).wait_for()
            uploaded(page, "astronaut")
            kept_by_the_server(page)
            with other.expect_response("**/kept/*"):
                other.locator(".strip .open").nth(1).click()
            (text,) = continued(browser, url, locale="en-US")
            assert "3 photos" in text


def test_a_double_click_continues_a_project_once(browser: Any, tmp_path: Path) -> None:
    with running(tmp_path) as url:
        with opened(browser, url) as page:
            uploaded(page, "chelsea", "rocket")
            kept_by_the_server(page)
        with opened(browser, url) as page:
            asked: list[str] = []
            page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
            page.locator("#kept .open").dblclick()
            page.locator(".strip img[src^=blob]").nth(1).wait_for()
            kept_by_the_server(page)
            assert len([one for one in asked if one.startswith("GET") and "/kept/" in one]) == 1
            assert page.locator(".strip .open").count() == 2


def test_a_project_that_another_tab_has_deleted_is_no_longer_offered(
    browser: Any, tmp_path: Path, screen: dict[str, Any]
) -> None:
    said = {"en-US": "This project has been deleted", "zh-CN": "这个项目已被删除"}
    with running(tmp_path) as url:
        with opened(browser, url) as page:
            uploaded(page, "chelsea")
            kept_by_the_server(page)
        for button in (".open", ".close"):
            refused = opened(browser, url, **screen)
            with refused as page:
                uploaded(page, "rocket")
                kept_by_the_server(page)
                with opened(browser, url) as other:
                    tile = other.locator("#kept li").first
                    tile.wait_for()
                    page.locator("#new-project").click()
                    page.locator("#kept li").nth(1).wait_for()
                    with other.expect_response(lambda one: one.request.method == "DELETE"):
                        tile.locator(".close").click()
                page.locator(f"#kept {button}").first.click()
                page.get_by_text(said[screen["locale"]]).wait_for()
                page.locator("#kept li").nth(1).wait_for(state="detached")
                assert "chelsea" in page.locator("#kept li").inner_text()
                refused.errors.clear()  # the refused request


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
