"""How quickly the page answers: a click, a zoomed view, and 50 photos at once. -s prints the times."""

import json
import os
import time
from collections import defaultdict
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
    """Time 12 megapixels from the click on a color until it is seen; the best counts, because the machine may be busy."""
    when_colored(page, "photos", lambda: page.locator("#photo-files").set_input_files(str(large)))
    box = page.locator("#photos .pictures").bounding_box()
    times, most_ms = [], limit_ms()
    while len(times) < TRIES and min(times, default=most_ms) >= most_ms:
        share = (len(times) + 1) / (TRIES + 1)
        page.mouse.click(box["x"] + share * box["width"], box["y"] + 0.6 * box["height"])
        page.locator(".chooser .likely button.swatch").first.wait_for()
        times.append(
            page.evaluate(
                """async () => {
                    const image = document.querySelector("#photos .pictures .color");
                    const seen = new Promise((done) => image.addEventListener("load", done, { once: true }));
                    const began = performance.now();
                    document.querySelector(".chooser .likely button.swatch").click();
                    await seen;
                    return performance.now() - began;
                }"""
            )
        )
    print(
        f"a click on 12 megapixels, ms (limit {most_ms:.0f}):", json.dumps(list(map(round, times)))
    )
    assert min(times) < most_ms


def test_a_zoomed_view_answers_at_once(page: Page, large: Path) -> None:
    """Time 12 megapixels; the best counts, because the machine may be busy."""
    when_colored(page, "photos", lambda: page.locator("#photo-files").set_input_files(str(large)))
    times = [
        page.evaluate(
            """async (x) => {
                const photo = JSON.parse(sessionStorage.getItem("colorizer.photos")).photos[0];
                const began = performance.now();
                const seen = `x=${x}&y=900&width=1200&height=900&px=1200`;
                const body = JSON.stringify({ hints: [], strokes: [] });
                const answer = await fetch(`/photos/${photo.id}/color?${seen}`, { method: "POST", body });
                await (await answer.blob());
                return performance.now() - began;
            }""",
            x,
        )
        for x in range(100, 2600, 2500 // TRIES)
    ]
    print("a zoomed view of 12 megapixels, ms:", json.dumps(list(map(round, times))))
    assert min(times) < limit_ms()


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


def limit_ms() -> float:
    """Return how long an answer may take: on a slower machine, in proportion, longer."""
    noise = np.random.default_rng(0).integers(0, 256, (2000, 3000), np.uint8)
    times = []
    for _ in range(TRIES):
        began = time.perf_counter()
        work(noise)
        times.append(1000 * (time.perf_counter() - began))
    return MOST_MS * max(min(times) / ZEN_4_MS, 1)


def work(noise: Bytes) -> None:
    """Do what depends on the machine alone, in one thread: encode and decode JPEG."""
    _, data = cv2.imencode(".jpg", noise)
    cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


def kind_of(request: Any) -> str:
    """Return what a request asks for, without ids."""
    parts = urlsplit(request.url).path.split("/")
    return f"{request.method} {'/'.join('ID' if len(part) == 22 else part for part in parts)}"
