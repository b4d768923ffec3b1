"""Tests the page in a real browser, with a user's actions on photos and films, and all other hosts blocked."""

import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from web_page import (
    BROWSED,
    SAMPLES,
    Page,
    command,
    drop,
    look,
    opened,
    place_hint,
    running,
    shown,
    when_colored,
)

from model.options import TEMPERATURE

pytestmark = BROWSED


def test_a_password_lets_a_person_in(browser: Any, tmp_path: Path) -> None:
    """A browser sends what it sends: a test that makes up its headers once passed while nobody could sign in."""
    with running(tmp_path, "-web_password", "open sesame") as url:
        context = browser.new_context()
        page = context.new_page()
        page.goto(url)
        for word, reached in (("wrong", "#password"), ("open sesame", "#tab-photos")):
            page.fill("#password", word)
            page.click("button")
            page.wait_for_selector(reached)
        context.close()


def test_the_sliders_rest_where_the_command_s_options_are(browser: Any, tmp_path: Path) -> None:
    with running(tmp_path, "-saturation", "1.4") as url, opened(browser, url) as page:
        drop(page, SAMPLES / "chelsea.jpg")
        sliders = page.locator("#photos .colors input[type=range]")
        for _ in range(300):
            if sliders.nth(0).input_value() == "1.4":
                break
            page.wait_for_timeout(
                100
            )  # lets the browser's requests be answered, as sleeping does not
        assert [sliders.nth(i).input_value() for i in (0, 1)] == ["1.4", str(TEMPERATURE)]


def test_a_photo_is_dropped_hinted_and_downloaded_as_the_command_writes_it(
    page: Page, tmp_path: Path
) -> None:
    photo = SAMPLES / "astronaut.jpg"
    when_colored(page, "photos", lambda: drop(page, photo))
    before = shown(page, "photos")
    place_hint(page, "photos", 0.45, 0.75, "#2050c0")
    difference = np.abs(shown(page, "photos") - before).mean(axis=-1)
    near, far = difference[86:106, 47:67].mean(), difference[:30, :].mean()
    assert near > 15
    assert far < near / 3
    with page.expect_request("**/file") as asked, page.expect_download() as download:
        page.locator("#download").click()
    (hint,) = asked.value.post_data_json["hints"]
    assert download.value.suggested_filename == "astronaut.color.jpg"
    out = tmp_path / "out.jpg"
    command("-img_in", photo, "-save", out, "-hint", hint)
    assert Path(download.value.path()).read_bytes() == out.read_bytes()
    page.reload()
    page.wait_for_selector(".marker")
    page.locator("#photos .pictures .color[src^=blob]").wait_for()
    with page.expect_request("**/color") as asked:
        page.keyboard.press("Control+z")
    assert asked.value.post_data_json["hints"] == []


@pytest.mark.parametrize("request_", ["**/photos?name=*", "**/color"])
def test_a_request_that_the_server_s_end_cuts_off_is_answered_in_words(
    browser: Any, tmp_path: Path, request_: str
) -> None:
    with running(tmp_path) as url:
        context = browser.new_context(locale="en-US")
        context.route(request_, lambda route: route.fulfill(status=500, body="Internal Error"))
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector("#photos .colors input", state="attached")
        drop(page, SAMPLES / "chelsea.jpg")
        page.get_by_text("The server does not respond").wait_for()
        context.close()


def test_the_keyboard_places_a_hint(page: Page) -> None:
    when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
    page.locator("#photos .pictures").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.locator(".chooser").wait_for()
    page.keyboard.press("ArrowRight")
    when_colored(page, "photos", lambda: page.keyboard.press("Enter"))
    page.locator(".marker").focus()
    when_colored(page, "photos", lambda: page.keyboard.press("Delete"))
    assert page.locator(".marker").count() == 0


def test_the_chooser_shows_what_colors_become_and_takes_names_and_strengths(page: Page) -> None:
    when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
    box = page.locator("#photos .pictures").bounding_box()
    page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.4 * box["height"])
    color_of = "(element) => element.style.getPropertyValue('--color')"
    page.wait_for_function(
        "() => {const s = document.querySelector('.chooser .common button.swatch');"
        " return s && s.style.getPropertyValue('--color') !== s.title}"
    )
    named, outcome = page.locator(".chooser .named"), page.locator(".chooser .outcome")
    named.fill("navvy")
    page.locator(".chooser .use").click()
    page.wait_for_function(
        "() => document.querySelector('.chooser .named').validationMessage.includes('the nearest is navy')"
    )
    shown_colors = []
    for strength in ("1", "0.1"):
        page.locator(".chooser input[type=range]").fill(strength)
        with page.expect_response("**/shown?*color=%E6%B4%8B%E7%BA%A2*"):
            named.fill("")
            named.fill("洋红")
        page.wait_for_timeout(300)
        shown_colors.append(outcome.evaluate(color_of))
    assert len(set(shown_colors)) == 2
    with page.expect_request("**/color") as asked:
        page.locator(".chooser .use").click()
    (hint,) = asked.value.post_data_json["hints"]
    assert hint.endswith(",#ff0097@0.1")
    page.locator(".marker").wait_for()


def test_what_the_network_knows_is_offered(page: Page) -> None:
    when_colored(page, "photos", lambda: drop(page, SAMPLES / "astronaut.jpg"))
    unsure, suggested = page.locator(".extras button").all()
    unsure.click()
    page.locator("#photos .overlay[src^=blob]").wait_for()
    suggested.click()
    page.locator(".suggested").first.click()
    likely = page.locator(".chooser .likely button.swatch").first
    when_colored(page, "photos", likely.click)


def part_sizes(page: Page) -> list[int]:
    """Wait for the color of the seen part; return its width in pixels, and that of the gray one."""
    page.locator("#photos .color-part[src^=blob]").wait_for()
    widths = "() => ['.color-part', '.gray-part'].map((name) => document.querySelector('#photos ' + name).naturalWidth)"
    page.wait_for_function(f"() => ({widths})().every(Boolean)")
    return list(page.evaluate(widths))


def test_a_photo_is_seen_in_its_own_pixels(page: Page, large: Path) -> None:
    when_colored(page, "photos", lambda: page.locator("#photo-files").set_input_files(str(large)))
    stage = page.locator("#photos .pictures")
    box = stage.bounding_box()
    share = page.locator("#photos .zoom-fit")
    at_rest = share.inner_text()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"])
    for _ in range(12):
        page.mouse.wheel(0, -150)
    with page.expect_request(lambda one: "/color?" in one.url and "px=160" not in one.url) as asked:
        pass
    seen = {
        name: int(value[0]) for name, value in parse_qs(urlsplit(asked.value.url).query).items()
    }
    assert seen["x"] > 1500
    assert seen["width"] < 1000
    color, gray = part_sizes(page)
    assert color == gray == min(seen["width"], seen["px"])
    assert share.inner_text() != at_rest
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    page.locator(".chooser input[type=color]").fill("#2050c0")
    with page.expect_request("**/color") as asked:
        page.locator(".chooser .use").click()
    x, y, _ = asked.value.post_data_json["hints"][0].split(",")
    assert abs(int(x) - seen["x"] - seen["width"] / 2) <= 3
    assert abs(int(y) - seen["y"] - seen["height"] / 2) <= 3
    marker = page.locator(".marker").bounding_box()
    assert abs(marker["x"] + marker["width"] / 2 - box["x"] - box["width"] / 2) < 4
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"], steps=4)
    page.mouse.up()
    assert page.locator(".chooser").count() == 0  # the picture was moved
    moved = page.locator(".marker").bounding_box()
    assert abs(moved["x"] - marker["x"] - 0.2 * box["width"]) < 4
    stage.focus()
    page.keyboard.press("0")
    assert share.inner_text() == at_rest
    page.locator("#photos .color-part").wait_for(state="hidden")
    page.keyboard.press("+")
    assert share.inner_text() != at_rest
    page.keyboard.press("0")
    page.mouse.dblclick(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    page.wait_for_timeout(200)
    assert share.inner_text() == "100 %"
    assert page.locator(".chooser").count() == 0
    page.mouse.dblclick(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    page.wait_for_timeout(200)
    assert share.inner_text() == at_rest


def test_many_photos_are_colored_and_downloaded_as_one_file(page: Page, tmp_path: Path) -> None:
    names = ("astronaut", "chelsea", "rocket")
    files = [str(SAMPLES / f"{name}.jpg") for name in names]
    page.locator("#photo-files").set_input_files(files)
    page.locator(".strip li img").nth(2).wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.strip li img')].every((image) => image.src.startsWith('blob:'))"
    )
    assert page.locator("#photos .ready").is_hidden()
    when_colored(page, "photos", lambda: look(page, "warm").click())
    with page.expect_request(lambda asked: "px=240" in asked.url) as asked:
        page.locator("#same-for-all").click()
    assert asked.value.post_data_json["mood"] == "warm"
    with page.expect_download() as download:
        page.locator("#download-all").click()
    assert download.value.suggested_filename == "colorized.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        assert sorted(archive.namelist()) == [f"{name}.color.jpg" for name in names]
        out = tmp_path / "out.jpg"
        command("-img_in", SAMPLES / "rocket.jpg", "-save", out, "-mood", "warm")
        assert archive.read("rocket.color.jpg") == out.read_bytes()


def test_the_language_can_be_chosen_and_the_keys_are_listed(page: Page) -> None:
    assert page.locator("#photos .drop strong").inner_text().startswith("Drop black-and-white")
    with page.expect_navigation():
        page.locator("#language").select_option("zh")
    page.get_by_role("tab", name="照片").wait_for()
    page.reload()
    page.get_by_role("tab", name="照片").wait_for()
    page.locator("#photos .colors input").first.wait_for(state="attached")
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    assert "撤销" in page.locator("#keys").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#keys").is_hidden()


def test_two_fingers_zoom(browser: Any, url: str) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
    with opened(browser, url, **phone) as page:
        when_colored(page, "photos", lambda: drop(page, SAMPLES / "astronaut.jpg"))
        share = page.locator("#photos .zoom-fit")
        at_rest = share.inner_text()
        box = page.locator("#photos .pictures").bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        touch = page.context.new_cdp_session(page)
        for kind, apart in (
            ("touchStart", 20),
            ("touchMove", 40),
            ("touchMove", 90),
            ("touchEnd", 0),
        ):
            points = [
                {"x": middle[0] + way * apart, "y": middle[1], "id": i}
                for i, way in enumerate((-1, 1))
            ]
            touch.send(
                "Input.dispatchTouchEvent", {"type": kind, "touchPoints": points if apart else []}
            )
        page.wait_for_timeout(300)
        assert share.inner_text() != at_rest
        assert page.locator(".chooser").count() == 0


def test_it_speaks_chinese_and_fits_a_phone(browser: Any, url: str) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "locale": "zh-CN"}
    with opened(browser, url, **phone) as page:
        page.get_by_role("tab", name="照片").wait_for()
        when_colored(page, "photos", lambda: drop(page, SAMPLES / "astronaut.jpg"))
        for room in ("photos", "films"):
            page.locator(f"#tab-{room}").click()
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
