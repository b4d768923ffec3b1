"""The page in a real browser: the command that serves it, the system's Chromium, and what a user does there."""

import base64
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from mimetypes import guess_type
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from helpers import no_browser, wait_for

from color.guidance import MOODS

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "data" / "samples"
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
QUICK = ("-device", "cpu", "-quiet")
LIMIT_MS = 60_000

# Marks of tests that need the browser.
BROWSED = [
    pytest.mark.slow,
    pytest.mark.skipif(not BROWSER, reason=no_browser("install the system's package chromium")),
]

# A desk in English, a phone in Chinese.
SCREENS = {
    "desk": {"viewport": {"width": 1280, "height": 800}, "locale": "en-US"},
    "phone": {"viewport": {"width": 360, "height": 740}, "has_touch": True, "locale": "zh-CN"},
}
Page = Any  # Playwright's


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, ROOT / "main.py", *QUICK, *words]
    return subprocess.run(
        list(map(str, argv)), check=True, capture_output=True, text=True, timeout=240
    )


@contextmanager
def running(folder: Path, *words: str, stops: Sequence[int] = (signal.SIGTERM,)) -> Iterator[str]:
    """Run the command with its files in a folder; yield the address it prints, then send signals to stop it."""
    argv = [
        sys.executable,
        ROOT / "main.py",
        "-web",
        "-web_port",
        "0",
        *QUICK,
        *words,
        *(() if "-web_host" in words else ("-web_keep", folder / "kept")),
        "-cache",
        folder / "cache",
    ]
    environment = {**os.environ, "TMPDIR": str(folder)}
    process = subprocess.Popen(
        list(map(str, argv)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        yield url
    finally:
        for stop in stops:
            process.send_signal(stop)
            wait_for(lambda: process.poll() is not None or not listens(url))
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert "ERROR" not in said
    assert not list(folder.glob("colorizer-*"))


def listens(url: str) -> bool:
    """Return whether a server accepts connections."""
    host, _, port = urlsplit(url).netloc.rpartition(":")
    with socket.socket() as visitor:
        return visitor.connect_ex((host.strip("[]"), int(port))) == 0


class opened:
    """Open the page in its own context."""

    def __init__(self, browser: Any, url: str, **options: Any) -> None:
        self.context = browser.new_context(accept_downloads=True, **options)
        self.context.set_default_timeout(LIMIT_MS)
        self.url = url
        self.origin = url.partition("?")[0]
        self.others: list[str] = []
        self.errors: list[str] = []

    def __enter__(self) -> Page:
        def route(route: Any) -> None:
            if route.request.url.startswith((self.origin, "blob:", "data:")):
                route.continue_()
            else:
                self.others.append(route.request.url)
                route.abort()

        self.context.route("**/*", route)
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console", lambda line: self.errors.append(line.text) if line.type == "error" else None
        )
        page.goto(self.url)
        page.wait_for_selector(
            "#photos .colors input", state="attached"
        )  # its scripts have started
        return page

    def __exit__(self, *_: object) -> None:
        self.context.close()
        assert not self.others
        assert not self.errors, self.errors


def drop(page: Page, *paths: Path) -> None:
    """Drop files on the page, as from a folder."""
    page.evaluate(
        """(files) => {
            const data = new DataTransfer();
            for (const [name, type, text] of files) {
                const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
                data.items.add(new File([bytes], name, { type }));
            }
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        [
            [
                path.name,
                guess_type(path.name)[0] or "",
                base64.b64encode(path.read_bytes()).decode(),
            ]
            for path in paths
        ],
    )


def shown(page: Page, room: str) -> np.ndarray:
    """Return the color picture as shown by the browser."""
    return np.array(
        page.evaluate(
            """async (selector) => {
                const image = document.querySelector(selector);
                await image.decode();
                const canvas = Object.assign(document.createElement("canvas"), { width: 128, height: 128 });
                const pen = canvas.getContext("2d");
                pen.drawImage(image, 0, 0, 128, 128);
                return [...pen.getImageData(0, 0, 128, 128).data];
            }""",
            f"#{room} .pictures .color",
        ),
        int,
    ).reshape(128, 128, 4)[..., :3]


def when_colored(page: Page, room: str, act: Callable[[], object]) -> None:
    """Perform an action, and wait for the resulting colors."""
    image = page.locator(f"#{room} .pictures .color")
    before = image.get_attribute("src")
    act()
    page.wait_for_function(
        "([selector, before]) => {const s = document.querySelector(selector).getAttribute('src'); return s && s !== before}",
        arg=[f"#{room} .pictures .color", before],
    )


def look(page: Page, mood: str | None) -> Any:
    """Find the button of a look by its mood; None for the natural one."""
    return page.locator(".looks button").nth(MOODS.index(mood) + 1 if mood else 0)


def place_hint(page: Page, room: str, x: float, y: float, color: str) -> None:
    box = page.locator(f"#{room} .pictures").bounding_box()
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.locator(".chooser input[type=color]").fill(color)
    when_colored(page, room, page.locator(".chooser .use").click)
