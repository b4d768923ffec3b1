"""How quickly the page answers: a click, a zoomed view, and 50 photos at once. -s prints the times."""

import os
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from web_page import BROWSED, Page, opened, when_colored

from color.arrays import Bytes

pytestmark = [*BROWSED, pytest.mark.alone]

TRIES = 12
MOST_MS = 300  # on two Zen 4 cores
ZEN_4_MS = 85  # of `work` there
PHOTOS = 50
MOST_S = 1.0
# Requests that compute: reading a photo, colors, what the network knows.
COMPUTES = ("POST /photos", "/color", "/likely", "/candidates", "/suggestions", "/overlay")


def test_a_click_shows_its_color_at_once(page: Page, large: Path) -> None:
    """Time 12 megapixels from the click on a color until it is seen."""
    when_colored(page, "photos", lambda: page.locator("#photo-files").set_input_files(str(large)))
    box = page.locator("#photos .pictures").bounding_box()

    def click(share: float) -> float:
        page.mouse.click(box["x"] + share * box["width"], box["y"] + 0.6 * box["height"])
        page.locator(".chooser .likely button.swatch").first.wait_for()
        ms: float = page.evaluate(
            """async () => {
                const image = document.querySelector("#photos .pictures .color");
                const seen = new Promise((done) => image.addEventListener("load", done, { once: true }));
                const began = performance.now();
                document.querySelector(".chooser .likely button.swatch").click();
                await seen;
                return performance.now() - began;
            }"""
        )
        return ms

    check_once_within_limit("a click on 12 megapixels", click)


def test_a_zoomed_view_answers_at_once(page: Page, large: Path) -> None:
    when_colored(page, "photos", lambda: page.locator("#photo-files").set_input_files(str(large)))

    def view(share: float) -> float:
        ms: float = page.evaluate(
            """async (x) => {
                const photo = JSON.parse(sessionStorage.getItem("colorizer.photos")).photos[0];
                const began = performance.now();
                const seen = `x=${x}&y=900&width=1200&height=900&px=1200`;
                const body = JSON.stringify({ hints: [], strokes: [] });
                const answer = await fetch(`/photos/${photo.id}/color?${seen}`, { method: "POST", body });
                await (await answer.blob());
                return performance.now() - began;
            }""",
            round(2700 * share),
        )
        return ms

    check_once_within_limit("a zoomed view of 12 megapixels", view)


def test_fifty_photos_at_once_stay_responsive(
    browser: Any, url: str, large: Path, tmp_path: Path
) -> None:
    """No answer takes more than a second, except those that compute."""
    files = [tmp_path / f"photo {number}.jpg" for number in range(PHOTOS)]
    for file in files:
        os.link(large, file)
    times = defaultdict[str, list[float]](list)

    def finished(request: Any) -> None:
        timing = request.timing
        times[kind_of(request)].append((timing["responseStart"] - timing["requestStart"]) / 1000)

    with opened(browser, url) as page:
        page.on("requestfinished", finished)
        page.locator("#photo-files").set_input_files(list(map(str, files)))
        page.locator(".looks button").nth(3).wait_for()
        for number in (3, 1, 2):  # a person does not wait for the others
            when_colored(page, "photos", page.locator(".looks button").nth(number).click)
        page.wait_for_function(
            "(count) => document.querySelectorAll('.strip li img[src^=blob]').length === count",
            arg=PHOTOS,
            timeout=180_000,
        )
    for kind, taken in sorted(times.items()):
        print(f"{kind}: {len(taken)} answers, at most {max(taken):.2f} s")
    slow = {kind: max(taken) for kind, taken in times.items() if not kind.endswith(COMPUTES)}
    assert len(times["POST /photos"]) == PHOTOS
    assert max(slow.values()) < MOST_S, slow


def check_once_within_limit(name: str, act: Callable[[float], float]) -> None:
    """Check that one of several actions, at shares of the width, is quick: the machine may be busy with other things."""
    times = []
    for number in range(TRIES):
        times.append((act((number + 1) / (TRIES + 1)), limit_ms()))
        if times[-1][0] < times[-1][1]:
            break
    print(f"{name}, ms (limit):", ", ".join(f"{ms:.0f} ({limit:.0f})" for ms, limit in times))
    ms, limit = times[-1]
    assert ms < limit


def limit_ms() -> float:
    """Return how long an answer may take now: on a slower or busier machine, in proportion, longer."""
    noise = np.random.default_rng(0).integers(0, 256, (2000, 3000), np.uint8)
    began = time.perf_counter()
    work(noise)
    return MOST_MS * max(1000 * (time.perf_counter() - began) / ZEN_4_MS, 1)


def work(noise: Bytes) -> None:
    """Do what depends on the machine alone, in one thread: encode and decode JPEG."""
    _, data = cv2.imencode(".jpg", noise)
    cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


def kind_of(request: Any) -> str:
    """Return what a request asks for, without ids."""
    parts = urlsplit(request.url).path.split("/")
    return f"{request.method} {'/'.join('ID' if len(part) == 22 else part for part in parts)}"
