"""Recreates the pictures of the page: photos with hints and the chooser, light and dark; a film with a keyframe.

    python tests/benchmarks/page_picture.py

Needs the page's packages, Playwright and the system's Chromium, as the page's tests do. Look at the pictures before
committing them.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from web_page import BROWSER, SAMPLES, Page, opened, place_hint, running, when_colored

FOLDER = ROOT / "docs" / "pictures"
PICTURES = {"light": "page.jpg", "dark": "page.dark.jpg"}  # by the color scheme
FILM_PICTURE = "page.film.jpg"
SIZE = {"width": 1180, "height": 800}
PHOTOS = ("astronaut.jpg", "rocket.jpg", "chelsea.jpg")  # the first one is shown
HINTS = (
    (0.45, 0.62, "#c8521e"),
    (0.3, 0.6, "#c8521e"),
)  # shares of the sides, and a color: the suit
CHOSEN = (0.95, 0.4)  # the wall
FILM_HINTS = (
    (0.3, 0.93, "#c8521e"),
    (0.72, 0.93, "#c8521e"),
)  # on the first frame of the sample film: the suit
GRAY_STEPS = 7  # of 5 % of the width, to the left of which all is gray
QUALITY = 82
STRIP_MS = 4000  # until the strip has its colors, too
OTHERS = 9  # looks before the second one of the other colorizations
COLORED = (
    "(all) => [...document.querySelectorAll(all)].every((image) => image.src.startsWith('blob:'))"
)


def arrange(page: Page) -> None:
    """Open the photos, color the suit, and ask for the wall's colors."""
    files = [str(SAMPLES / name) for name in PHOTOS]
    when_colored(page, "photos", lambda: page.locator("#photo-files").set_input_files(files))
    page.locator(".strip li img").nth(len(PHOTOS) - 1).wait_for()
    page.wait_for_function(COLORED, arg=".strip li img")
    page.locator(".strip li button").first.click()
    page.wait_for_load_state("networkidle")
    for x, y, color in HINTS:
        place_hint(page, "photos", x, y, color)
    page.locator(".looks button").nth(OTHERS).wait_for()
    page.wait_for_function(COLORED, arg=".looks img")
    page.locator("#photos .divider").focus()
    for _ in range(GRAY_STEPS):
        page.keyboard.press("ArrowRight")
    box = page.locator("#photos .pictures").bounding_box()
    page.mouse.click(box["x"] + CHOSEN[0] * box["width"], box["y"] + CHOSEN[1] * box["height"])
    page.locator(".chooser .likely button.swatch").first.wait_for()


def arrange_film(page: Page, folder: Path) -> None:
    """Open the sample film, give its first frame's colored copy back as a keyframe, and look at a later frame."""
    page.locator("#tab-films").click()
    page.locator("#film-file").set_input_files(str(SAMPLES / "film.mp4"))
    page.locator(".shots li").nth(2).wait_for()
    page.locator("#films .pictures .color[src^=blob]").wait_for()
    page.wait_for_function(COLORED, arg=".shots img")
    for x, y, color in FILM_HINTS:
        place_hint(page, "films", x, y, color)
    with page.expect_download() as copy:
        page.locator("#frame-color").click()
    key = folder / copy.value.suggested_filename
    copy.value.save_as(key)
    when_colored(page, "films", page.locator("#film-clear").click)
    when_colored(page, "films", lambda: page.locator("#keyframe-file").set_input_files(str(key)))
    page.locator("#scrubber").focus()
    page.keyboard.press("Shift+ArrowRight")
    when_colored(page, "films", lambda: page.keyboard.press("Shift+ArrowRight"))
    page.wait_for_function("() => document.querySelector('#films .busy').hidden")
    page.wait_for_timeout(STRIP_MS)


def main() -> None:
    """Parse the command line and make the pictures."""
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder)) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        for scheme, name in PICTURES.items():
            with opened(browser, url, viewport=SIZE, locale="en-US", color_scheme=scheme) as page:
                arrange(page)
                page.screenshot(path=FOLDER / name, type="jpeg", quality=QUALITY)
        with opened(browser, url, viewport=SIZE, locale="en-US") as page:
            arrange_film(page, Path(folder))
            page.screenshot(path=FOLDER / FILM_PICTURE, type="jpeg", quality=QUALITY)
        browser.close()


if __name__ == "__main__":
    main()
