"""Strokes, and colors for them: painting, erasing, hiding, and taking colors from pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from web_page import BROWSED, SAMPLES, Page, drop, opened, shown, when_colored

pytestmark = BROWSED


def drag(page: Page, *places: tuple[float, float]) -> None:
    """Drag over the picture, through places in shares of its sides."""
    box = page.locator("#photos .pictures").bounding_box()
    (x, y), *others = [
        (box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in places
    ]
    page.mouse.move(x, y)
    page.mouse.down()
    for x, y in others:
        page.mouse.move(x, y, steps=6)
    page.mouse.up()


def painted(page: Page) -> None:
    """Open a photo and paint a stroke over its middle."""
    when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
    page.locator("[data-tool=brush]").click()
    when_colored(page, "photos", lambda: drag(page, (0.3, 0.5), (0.7, 0.5)))


def covered(page: Page) -> np.ndarray:
    """Return which of 64 columns of the strokes' middle row are painted."""
    return np.array(
        page.evaluate(
            """() => {
                const canvas = document.querySelector("#photos .strokes");
                const row = canvas.getContext("2d").getImageData(0, canvas.height / 2, canvas.width, 1).data;
                return Array.from({ length: 64 }, (_, i) => row[4 * Math.floor(((i + 0.5) / 64) * canvas.width) + 3] > 0);
            }"""
        )
    )


def test_a_stroke_colors_what_it_covers(page: Page) -> None:
    when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
    before = shown(page, "photos")
    page.locator("[data-tool=brush]").click()
    when_colored(page, "photos", lambda: drag(page, (0.3, 0.5), (0.7, 0.5)))
    assert np.abs(shown(page, "photos") - before)[58:70, 40:88].mean() > 8


def test_an_eraser_takes_away_what_it_passes_over(
    browser: Any, url: str, screen: dict[str, Any]
) -> None:
    with opened(browser, url, **screen) as page:
        said = page.locator("#how").inner_text()
        painted(page)
        whole = covered(page)
        assert whole[22:42].all()
        brush = page.locator("#how").inner_text()
        page.locator("[data-tool=eraser]").click()
        assert len({said, brush, page.locator("#how").inner_text()}) == 3
        assert page.locator("#brush-color").is_hidden()
        with page.expect_request("**/color") as asked:
            drag(page, (0.5, 0.4), (0.5, 0.6))
        left, right = asked.value.post_data_json["strokes"]
        assert left["points"][-1][0] < right["points"][0][0]
        rest = covered(page)
        assert not rest[31:33].any()
        assert rest[22:28].all()
        assert rest[36:42].all()
        when_colored(page, "photos", page.locator("#undo").click)
        np.testing.assert_array_equal(covered(page), whole)


def test_two_fingers_zoom_and_leave_no_stroke(browser: Any, url: str) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
    with opened(browser, url, **phone) as page:
        painted(page)
        before = covered(page)
        share = page.locator("#photos .zoom-fit")
        at_rest = share.inner_text()
        box = page.locator("#photos .pictures").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        touch = page.context.new_cdp_session(page)

        def put(kind: str, *places: tuple[float, float]) -> None:
            points = [{"x": x + dx, "y": y + dy, "id": i} for i, (dx, dy) in enumerate(places)]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        for tool in ("brush", "eraser"):
            page.locator(f"[data-tool={tool}]").click()
            asked: list[str] = []
            page.on("request", lambda one, asked=asked: asked.append(one.url))
            put("touchStart", (-20, -20))
            put("touchMove", (-20, 20))  # a stroke, across the one that is there
            put("touchStart", (-20, 20), (20, 20))
            put("touchMove", (-90, 20), (90, 20))
            put("touchEnd", (-90, 20))
            put("touchMove", (-60, 60))
            put("touchEnd")
            assert share.inner_text() != at_rest
            page.locator("#photos .zoom-fit").click()
            np.testing.assert_array_equal(covered(page), before)
            assert not [url for url in asked if url.endswith("/color")]


def test_strokes_are_hidden_while_the_mouse_is_away_and_by_a_key(page: Page) -> None:
    painted(page)
    opacity = "() => Number(getComputedStyle(document.querySelector('#photos .strokes')).opacity)"
    assert page.evaluate(opacity) > 0.5
    page.mouse.move(5, 5)
    page.locator("#undo").focus()
    page.wait_for_function(f"() => ({opacity})() === 0")
    page.keyboard.press("h")
    assert page.locator("#photos .marks-shown").inner_text() == "Show marks"
    page.locator("#photos .pictures").hover()
    assert (
        page.locator("#photos .strokes").evaluate("(one) => getComputedStyle(one).visibility")
        == "hidden"
    )
    page.locator("#photos .marks-shown").click()
    assert (
        page.locator("#photos .strokes").evaluate("(one) => getComputedStyle(one).visibility")
        == "visible"
    )


def choose_at(page: Page, u: float, v: float) -> Any:
    """Click a place; return the chooser."""
    box = page.locator("#photos .pictures").bounding_box()
    page.mouse.click(box["x"] + u * box["width"], box["y"] + v * box["height"])
    chooser = page.locator(".chooser")
    chooser.wait_for()
    return chooser


@pytest.mark.parametrize("place", [(0.05, 0.05), (0.95, 0.5), (0.5, 0.95)])
def test_the_chooser_covers_no_clicked_object_and_can_be_moved(
    browser: Any, url: str, screen: dict[str, Any], place: tuple[float, float]
) -> None:
    with opened(browser, url, **screen) as page:
        when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
        box = choose_at(page, *place).bounding_box()
        picture = page.locator("#photos .pictures").bounding_box()
        x, y = (
            picture["x"] + place[0] * picture["width"],
            picture["y"] + place[1] * picture["height"],
        )
        aside = min(abs(x - box["x"]), abs(x - box["x"] - box["width"]))
        assert y < box["y"] - 30 or (x < box["x"] and aside > 5)
        if screen["viewport"]["width"] > 800:
            assert picture["x"] + picture["width"] <= box["x"]
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 8)
            page.mouse.down()
            page.mouse.move(box["x"] + box["width"] / 2 - 300, box["y"] + 8, steps=4)
            page.mouse.up()
            moved = page.locator(".chooser").bounding_box()
            assert abs(moved["x"] - box["x"] + 300) < 3


def test_likely_colors_are_shown_as_they_come_out(page: Page) -> None:
    when_colored(page, "photos", lambda: drop(page, SAMPLES / "astronaut.jpg"))
    choose_at(page, 0.06, 0.3)
    swatches = page.locator(".chooser .likely button.swatch")
    swatches.first.wait_for()
    page.wait_for_timeout(500)
    lightness = []
    for swatch in swatches.all():
        code = swatch.evaluate("(one) => one.style.getPropertyValue('--color')")
        red, green, blue = bytes.fromhex(code.removeprefix("#"))
        lightness.append(0.3 * red + 0.6 * green + 0.1 * blue)
    assert max(lightness) - min(lightness) < 25  # of one place


def test_colors_are_taken_from_the_picture_and_from_a_second_one(
    browser: Any, url: str, screen: dict[str, Any], tmp_path: Path
) -> None:
    Image.new("RGB", (60, 40), "#2050c0").save(tmp_path / "blue.png")
    with opened(browser, url, **screen) as page:
        when_colored(page, "photos", lambda: drop(page, SAMPLES / "chelsea.jpg"))
        wanted = shown(page, "photos")[38:40, 89:91].mean(axis=(0, 1))
        chooser = choose_at(page, 0.3, 0.3)
        chooser.locator(".pick").click()
        choose_at(page, 0.7, 0.3)  # the chooser is still there
        assert chooser.locator(".pick").get_attribute("aria-pressed") == "false"
        taken = chooser.locator("input[type=color]").input_value()
        assert np.abs(np.array([*bytes.fromhex(taken[1:])]) - wanted).max() < 12
        page.keyboard.press("Escape")
        page.locator("#second-file").set_input_files(str(tmp_path / "blue.png"))
        second = page.locator(".second img")
        second.wait_for()
        chooser = choose_at(page, 0.3, 0.3)
        second.click(position={"x": 5, "y": 5})
        assert chooser.locator("input[type=color]").input_value() == "#2050c0"
        with page.expect_request("**/color") as asked:
            chooser.locator(".use").click()
        assert asked.value.post_data_json["hints"][0].endswith("#2050c0")
        second.click(position={"x": 5, "y": 5})  # without a chooser, for the brush
        assert page.locator("#brush-color").input_value() == "#2050c0"
        assert page.locator("[data-tool=brush]").get_attribute("aria-checked") == "true"
        page.locator(".second .close").click()
        assert second.is_hidden()
