"""Whoever reads the screen by ear or uses only the keyboard can do all: axe-core finds nothing serious, and all has names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from web_page import BROWSED, SAMPLES, SCREENS, Page, drop, opened, when_colored

pytestmark = BROWSED

SERIOUS = {"serious", "critical"}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def start(page: Page) -> None:
    page.locator("#photos > .drop").wait_for()


def desk(page: Page) -> None:
    when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
    page.locator("#second-file").set_input_files(str(SAMPLES / "color" / "coffee.jpg"))
    page.locator("#photos .extras button").last.click()
    page.locator(".suggested").first.wait_for()
    page.locator(".looks img[src^=blob]").nth(7).wait_for()


def brush(page: Page) -> None:
    desk(page)
    page.locator("[data-tool=brush]").click()


def chooser(page: Page) -> None:
    desk(page)
    page.locator(".suggested").first.click()
    page.locator(".chooser .likely button.swatch").first.wait_for()


def kept(page: Page) -> None:
    desk(page)
    page.locator("#new-project").click()
    page.locator("#kept .open").first.wait_for()


def keys(page: Page) -> None:
    page.keyboard.press("?")


def films(page: Page) -> None:
    page.locator("#tab-films").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("show", [start, desk, brush, chooser, kept, keys, films])
def test_axe_finds_nothing_serious(
    browser: Any, url: str, screen: dict[str, Any], show: Callable[[Page], None], scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with opened(browser, url, **screen, color_scheme=scheme) as page:
        show(page)
        found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
        told = [(one["id"], node["html"], node["failureSummary"]) for one in found for node in one["nodes"] if one["impact"] in SERIOUS]  # fmt: skip
        assert told == []


def test_the_keyboard_reaches_everything_in_order(browser: Any, url: str) -> None:
    with opened(browser, url, **SCREENS["desk"]) as page:
        when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
        page.locator(".looks button").nth(7).wait_for()
        page.locator("#tab-photos").focus()
        reached = []
        for _ in range(50):
            page.keyboard.press("Tab")
            name = page.evaluate(
                """() => {
                    const it = document.activeElement;
                    return it.closest(".strip") ? "strip" : it.id || it.dataset.tool || it.className.split(" ")[0];
                }"""
            )
            reached.append(name)
        order = [
            "language",
            "help",
            "pictures",
            "divider",
            "zoom-fit",
            "point",
            "new-project",
            "strip",
        ]
        places = [reached.index(name) for name in order]
        assert places == sorted(places), reached
        page.locator("[data-tool=point]").focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.dataset.tool") == "brush"


def test_gray_and_color_are_compared_by_one_control_and_rest_in_color(
    browser: Any, url: str, screen: dict[str, Any]
) -> None:
    with opened(browser, url, **screen) as page:
        when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
        divider = page.locator("#photos .divider")
        gray = (
            "() => Number(document.querySelector('#photos .divider').getAttribute('aria-valuenow'))"
        )
        assert page.evaluate(gray) == 0
        page.keyboard.press("g")
        assert page.evaluate(gray) == 100
        page.keyboard.press("g")
        divider.focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate(gray) == 5
        page.keyboard.press("Home")
        box = page.locator("#photos .pictures").bounding_box()
        handle = page.locator("#photos .divider span").bounding_box()
        middle = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.6 * box["width"], middle[1], steps=4)
        page.mouse.up()
        assert abs(page.evaluate(gray) - 60) <= 1
        clip = page.locator("#photos .lid").evaluate("(lid) => lid.style.clipPath")
        assert clip.startswith("inset(0")
        assert "60" in clip or "59" in clip or "61" in clip


def test_what_happened_is_told(page: Page) -> None:
    when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
    page.wait_for_function(
        "() => document.getElementById('told').textContent.includes('chelsea.jpg')"
    )
    assert page.locator("#told").get_attribute("role") == "status"
    assert page.locator("#message").get_attribute("role") == "alert"


@pytest.mark.parametrize(("locale", "words"), [("en-US", "is damaged"), ("zh-CN", "已损坏")])
def test_errors_are_told_in_the_page_s_language(
    browser: Any, url: str, tmp_path: Path, locale: str, words: str
) -> None:
    context = browser.new_context(locale=locale)
    page = context.new_page()
    page.goto(url)
    page.locator("#photos .colors input").first.wait_for(state="attached")
    (tmp_path / "my photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 90)
    page.locator("#photo-files").set_input_files(str(tmp_path / "my photo.png"))
    page.locator("#message").wait_for()
    assert page.locator("#message").inner_text().startswith("my photo.png ")
    assert words in page.locator("#message").inner_text()
    assert page.locator("#photos > .drop").is_visible()  # and nothing else is open
    context.close()
