"""Tests the page's films in a real browser: frames, keyframes, what is written, and watching while it is made."""

import base64
import re
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from encoded import planes
from films import run_ffmpeg
from PIL import Image
from web_page import (
    BROWSED,
    SAMPLES,
    SCREENS,
    Page,
    command,
    opened,
    place_hint,
    shown,
    when_colored,
)

from film.preview import frame_gray, frame_grays
from film.probe import probe

pytestmark = BROWSED

FILM = SAMPLES / "film.mp4"
SHOTS = 3
SHOWN = "#films .pictures .color[src^=blob]"


@pytest.fixture(params=SCREENS)
def screen(request: pytest.FixtureRequest, browser: Any, url: str) -> opened:
    """The page on a desk in English, and on a phone in Chinese."""
    return opened(browser, url, **SCREENS[request.param])


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return Path(shutil.copy(FILM, tmp_path / "a film.mp4"))


def open_film(page: Page, path: Path) -> None:
    """Open a film by its path, and wait for its shots and the colors of its first frame."""
    page.locator("#tab-films").click()
    page.locator("#film-path").fill(str(path))
    page.locator("#film-path").press("Enter")
    page.locator(SHOWN).wait_for()
    page.wait_for_function("() => document.querySelector('#job .bar').hidden")


def at(page: Page) -> int:
    return int(page.locator("#scrubber").input_value())


def go_to(page: Page, frame: int) -> None:
    """Move the slider, and wait for the frame's colors."""
    when_colored(
        page, "films",
        lambda: page.locator("#scrubber").evaluate(
            "(slider, frame) => {slider.value = frame; slider.dispatchEvent(new Event('input'))}", frame
        ),
    )  # fmt: skip


def gray_on_stage(page: Page) -> np.ndarray:
    values = page.locator("#films .pictures .gray").evaluate(
        """async (image) => {
            await image.decode();
            const canvas = Object.assign(document.createElement("canvas"), { width: image.naturalWidth, height: image.naturalHeight });
            const pen = canvas.getContext("2d");
            pen.drawImage(image, 0, 0);
            return [canvas.height, ...pen.getImageData(0, 0, canvas.width, canvas.height).data];
        }"""
    )
    return np.array(values[1:], int).reshape(values[0], -1, 4)[..., 0]


def drop_on(page: Page, selector: str, path: Path) -> None:
    page.evaluate(
        """([selector, name, text]) => {
            const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], name, { type: "image/png" }));
            document.querySelector(selector).dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        [selector, path.name, base64.b64encode(path.read_bytes()).decode()],
    )


def download(page: Page, selector: str, folder: Path) -> Path:
    with page.expect_download() as found:
        page.locator(selector).click()
    path = folder / found.value.suggested_filename
    found.value.save_as(path)
    return path


def test_every_frame_is_reached_by_slider_buttons_and_keys(screen: opened, film: Path) -> None:
    with screen as page:
        open_film(page, film)
        assert page.locator(".shots li").count() == SHOTS
        assert page.locator(".shots li:first-child .frames button").count() > 1
        go_to(page, 50)
        expected = frame_gray(probe(film), 50, short_side=240).astype(int)
        assert np.abs(gray_on_stage(page) - expected).mean() < 2
        page.locator("#scrubber").focus()
        for key, frame in (
            ("ArrowRight", 51), ("Shift+ArrowRight", 61), ("ArrowLeft", 60), (",", 59), ("Shift+ArrowLeft", 49),
        ):  # fmt: skip
            page.keyboard.press(key)
            assert at(page) == frame
        page.locator("#films .pictures").focus()
        page.keyboard.press(".")
        assert at(page) == 50
        page.locator("#frame-after").click()
        page.wait_for_function(
            "() => document.getElementById('frame-shown').textContent.includes('51')"
        )
        page.locator(".shots li:nth-child(3) button").first.click()
        assert at(page) > 70
        assert page.locator(".shots li.current").count() == 1
        page.keyboard.press("ArrowUp")
        assert page.locator(".shots li:nth-child(2).current").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_a_hint_belongs_to_its_frame(screen: opened, film: Path) -> None:
    with screen as page:
        open_film(page, film)
        go_to(page, 12)
        with page.expect_request("**/guidance") as asked:
            place_hint(page, "films", 0.5, 0.3, "#2050c0")
        (hint,) = asked.value.post_data_json["hints"]
        assert hint.startswith("12f,")
        assert page.locator(".marker").count() == 1
        go_to(page, 20)
        assert page.locator(".marker").count() == 0
        chip = page.locator("#marked button")
        assert "12" in chip.inner_text()
        assert page.locator("#timeline .ticks span").count() == 1
        when_colored(page, "films", chip.click)
        assert at(page) == 12
        page.reload()
        page.locator(".marker, #marked button").first.wait_for()
        when_colored(page, "films", page.locator("#film-undo").click)
        assert page.locator("#marked button").count() == 0


def place_unsent_hint(page: Page) -> None:
    """Place a hint whose colors are not waited for."""
    page.locator("#films .pictures").click()
    page.locator(".chooser input[type=color]").fill("#2050c0")
    page.locator(".chooser .use").click()
    page.locator("#films .marker").wait_for()


def hints_on_server(page: Page) -> list[str]:
    """Return the hints that the server has for the open film."""
    return list(
        page.evaluate(
            "() => fetch(`/films/${sessionStorage.getItem('colorizer.film')}`).then((one) => one.json())"
        )["values"].get("hints", [])
    )


def test_a_hint_that_could_not_be_sent_is_sent_with_the_next_frame(
    browser: Any, url: str, film: Path
) -> None:
    screen = opened(browser, url, locale="en-US")
    with screen as page:
        open_film(page, film)
        page.route("**/guidance", lambda route: route.abort())
        place_unsent_hint(page)
        page.get_by_text("The server does not respond").wait_for()
        page.locator("#start").click()  # not without the hint
        page.locator("#other-film").click()
        assert page.locator("#films .marker").is_visible()
        assert page.locator("#stop").is_hidden()
        assert page.locator("#message").is_visible()
        assert page.evaluate("!dispatchEvent(new Event('beforeunload', {cancelable: true}))")
        page.unroute("**/guidance")
        go_to(page, 5)
        assert hints_on_server(page)
        assert page.locator("#message").is_hidden()
        screen.errors.clear()  # the aborted requests


def test_a_hint_is_sent_before_its_film_is_left(page: Page, film: Path) -> None:
    open_film(page, film)
    held: list[Any] = []
    page.route("**/frames/7/color", lambda route: held.append(route))
    with page.expect_request("**/frames/7/color"):
        page.locator("#scrubber").evaluate(
            "(slider) => {slider.value = 7; slider.dispatchEvent(new Event('input'))}"
        )
    place_unsent_hint(page)  # it waits for the frame that is being colored
    page.locator("#other-film").click()
    page.locator("#open-films button").first.wait_for()
    held[0].fallback()
    page.locator("#open-films button", has_text=film.name).last.click()
    page.locator(SHOWN).wait_for()
    assert hints_on_server(page)


def painted(path: Path) -> Path:
    """Color a copy of a downloaded frame as another program would, in red, at half the size."""
    with Image.open(path) as image:
        gray = np.asarray(image.convert("L").resize((image.width // 2, image.height // 2)), float)
    rgb = gray[..., None] * (1.0, 0.6, 0.6) + (25, 0, 0)
    copy = path.with_name(path.name.replace(".color", ""))
    Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8)).save(copy)
    return copy


def test_a_colored_copy_of_a_frame_colors_its_shot(
    screen: opened, film: Path, tmp_path: Path
) -> None:
    with screen as page:
        open_film(page, film)
        go_to(page, 50)
        before = shown(page, "films")
        gray = download(page, "#frame-gray", tmp_path)
        assert gray.name == "shot002.frame000050.png"
        assert np.array_equal(np.asarray(Image.open(gray)), frame_grays(probe(film), 50)[0])
        start = download(page, "#frame-color", tmp_path)
        assert start.name == "shot002.frame000050.color.png"
        keys = tmp_path / "keys"
        keys.mkdir()
        key = painted(Path(shutil.copy(gray, keys)))
        began = time.monotonic()
        when_colored(page, "films", lambda: drop_on(page, ".shots li:nth-child(2) button", key))
        assert time.monotonic() - began < 20  # on a busy machine; a few seconds
        assert at(page) == 50
        assert key.name in page.locator("#keyframe-remove").inner_text()
        after = shown(page, "films")
        assert (after[..., 0] - after[..., 2]).mean() > (
            before[..., 0] - before[..., 2]
        ).mean() + 20
        go_to(page, 56)
        near = shown(page, "films")
        assert (
            np.abs((near[..., 0] - near[..., 2]).mean() - (after[..., 0] - after[..., 2]).mean())
            < 15
        )
        page.locator("#keyframe-reach").click()
        page.locator("#films .overlay[src^=blob]").wait_for()
        assert re.search(r"\d+ %", page.locator("#keyframe-share").inner_text())
        page.locator("#start").click()
        page.locator("#film-download").wait_for()
        out = tmp_path / "out.mp4"
        command("-movie_in", film, "-save", out, "-references", keys, "-cache", tmp_path / "cache")
        made = planes(film.with_name("a film.color.mp4"))
        for one, other in zip(made, planes(out), strict=True):
            assert all(map(np.array_equal, one, other))
        go_to(page, 50)
        when_colored(page, "films", page.locator("#keyframe-remove").click)
        assert page.locator("#keyframe-remove").is_hidden()
        assert np.abs(shown(page, "films") - before).max() < 3


def test_another_picture_is_refused_in_the_page_s_words(screen: opened, film: Path) -> None:
    with screen as page:
        open_film(page, film)
        page.locator("#keyframe-file").set_input_files(str(SAMPLES / "color" / "coffee.jpg"))
        page.locator("#message").wait_for()
        said = page.locator("#message").inner_text()
        assert said.startswith("coffee.jpg")
        assert "a film.mp4" in said
        assert "/" not in said
        assert page.locator("#keyframe-remove").is_hidden()
        screen.errors.clear()  # the refused request


def test_what_the_result_loses_is_told_in_the_page_s_words(screen: opened, tmp_path: Path) -> None:
    odd = tmp_path / "odd.mkv"
    run_ffmpeg("-i", FILM, "-t", "0.4", "-vf", "scale=63:47", "-c:v", "ffv1", odd)
    with screen as page:
        open_film(page, odd)
        said = page.locator("#film-warnings li").all_inner_texts()
    english, chinese = "63x47 becomes 64x48, with its edge repeated", "63x47 变为 64x48"
    assert any(english in text or chinese in text for text in said), said


def test_the_part_and_the_codec_are_chosen_and_checked(screen: opened, film: Path) -> None:
    with screen as page:
        open_film(page, film)
        page.locator("#output summary").click()
        field = {name: page.locator(f"#output [name={name}]") for name in ("start", "duration", "codec", "container", "crf", "name")}  # fmt: skip
        field["start"].fill("1:00:00")
        field["start"].press("Tab")
        page.wait_for_function("() => document.getElementById('output-wrong').textContent")
        said = page.locator("#output-wrong").inner_text()
        assert "4.5" in said
        assert not re.search(r"(?<!\w)-[a-z]|/", said)
        assert field["start"].get_attribute("aria-invalid") == "true"
        field["start"].fill("1")
        field["duration"].fill("0.5")
        field["name"].fill("a part")
        with page.expect_response("**/plan"):
            field["codec"].select_option("ffv1")
        assert field["container"].input_value() == "mkv"
        assert field["crf"].is_disabled()
        page.wait_for_function(
            "() => document.getElementById('job-target').textContent.includes('a part.mkv')"
        )
        written = page.locator("#job-target").inner_text()
        page.locator("#start").click()
        assert page.locator("#job-target").inner_text() == written
        page.locator("#film-download").wait_for()
        assert page.locator("#job-target").inner_text() != written
        made = probe(film.with_name("a part.mkv"))
        assert (made.frames, made.video.codec) == (12, "ffv1")
        field["name"].fill("at once")
        page.locator("#restart").click()
        page.locator("#stop").wait_for()
        page.locator("#film-download").wait_for()
        assert film.with_name("at once.mkv").exists()
        field["start"].fill("soon")
        page.locator("#restart").click()
        page.wait_for_function("() => document.activeElement.name === 'start'")
        assert page.locator("#film-download").is_visible()
        field["start"].fill("1")
        with page.expect_response("**/plan"):
            field["start"].press("Tab")
        page.locator("#output [aria-invalid]").wait_for(state="detached")
        screen.errors.clear()  # the refused requests


def test_a_film_is_watched_while_it_is_made(page: Page, film: Path, tmp_path: Path) -> None:
    """Play the first part while others are made, then the next ones and the finished film by themselves."""
    longer = tmp_path / "longer.mp4"
    run_ffmpeg("-stream_loop", "4", "-i", film, "-c", "copy", longer)
    open_film(page, longer)
    source = "document.getElementById('player').getAttribute('src')"
    page.locator("#start").click()
    page.locator("#watch").wait_for()
    assert page.evaluate(source).endswith("/parts/0")
    assert page.locator("#stop").is_visible()
    assert page.locator("#film-download").is_hidden()
    # The first part ends at once: a fast machine finishes the film in the seconds that it would take.
    page.evaluate(
        "Object.assign(document.getElementById('player'), { muted: true, playbackRate: 16 }).play()"
    )
    page.wait_for_function(f"() => {source}.endsWith('/parts/1')")
    page.wait_for_function("() => document.getElementById('player').currentTime > 0")
    page.locator("#film-download").wait_for()
    page.wait_for_function(f"() => {source}.includes('/file?show')")
    page.wait_for_function("() => document.getElementById('player').duration > 20")


@pytest.mark.alone
def test_the_first_shots_of_a_long_film_are_there_within_5_s(
    page: Page, film: Path, tmp_path: Path
) -> None:
    """Shots of a long film appear as they are found. Two hours were measured by hand: this one takes the same way."""
    longer = tmp_path / "longer.mp4"
    run_ffmpeg("-stream_loop", "150", "-i", film, "-c", "copy", longer)
    page.locator("#tab-films").click()
    page.locator("#film-path").fill(str(longer))
    began = time.monotonic()
    page.locator("#film-path").press("Enter")
    page.locator(".shots li").first.wait_for()
    page.locator(SHOWN).wait_for()
    assert time.monotonic() - began < 5
    assert page.locator("#job .bar").is_visible()  # still looking for the others
    first = page.locator(".shots li").count()
    page.wait_for_function(f"() => document.querySelectorAll('.shots li').length > {first + 5}")


def test_a_film_goes_on_when_the_page_is_closed(page: Page, film: Path, tmp_path: Path) -> None:
    open_film(page, film)
    when_colored(page, "films", page.locator(".shots li:nth-child(2) button").first.click)
    with page.expect_request("**/guidance") as asked:
        place_hint(page, "films", 0.5, 0.3, "#2050c0")
    (hint,) = asked.value.post_data_json["hints"]
    page.locator("#start").click()
    # A fast machine may have finished before the page asks how far it is.
    page.wait_for_function(
        "() => document.querySelector('#job .bar').getAttribute('aria-valuenow') > 0 || "
        "document.getElementById('film-download').offsetParent !== null"
    )
    page.reload()
    page.locator("#stop, #film-download").and_(page.locator(":visible")).first.wait_for()
    page.locator("#film-download").wait_for()
    with page.expect_download() as found:
        page.locator("#film-download").click()
    out = tmp_path / "out.mp4"
    command("-movie_in", film, "-save", out, "-hint", hint, "-cache", tmp_path / "cache")
    assert Path(found.value.path()).read_bytes() == out.read_bytes()
    assert film.with_name("a film.color.mp4").read_bytes() == out.read_bytes()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", SCREENS)
def test_axe_finds_nothing_serious_in_a_film(
    browser: Any, url: str, film: Path, name: str, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with opened(browser, url, **SCREENS[name], color_scheme=scheme) as page:
        open_film(page, film)
        go_to(page, 12)
        place_hint(page, "films", 0.5, 0.3, "#2050c0")
        page.locator("#output summary").click()
        found = Axe().run(page).response["violations"]
        told = [
            (one["id"], node["html"])
            for one in found
            for node in one["nodes"]
            if one["impact"] in {"serious", "critical"}
        ]
        assert told == []
