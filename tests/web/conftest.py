"""The page, served to a visitor: with a small network for photos, with arithmetic for films."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import SIZE, colorization
from helpers import landscape
from PIL import Image
from web_page import BROWSER, SAMPLES, SCREENS, Page, opened, running
from web_visitor import COLOR, Visitor, served, settings_of

from color.segment import Colorization
from film.options import FilmOptions
from model.options import RunOptions
from photo.options import PhotoOptions
from web.options import Settings


@pytest.fixture
def film_here(gray_film: Path, tmp_path: Path) -> Path:
    """Copy the film to its own folder, because its result is written beside it."""
    path = tmp_path / "a film.mkv"
    path.symlink_to(gray_film)
    return path


@pytest.fixture
def film_visitor(tmp_path: Path, small_weights: Path, options: FilmOptions) -> Iterator[Visitor]:
    """Serve the page; films are colorized arithmetically in this process, and stop before the second segment."""
    run = RunOptions(device="cpu", weights=small_weights)

    def gated(color: object) -> Colorization:
        return replace(colorization(gate=tmp_path / "gate"), working_side=SIZE[0])

    settings = Settings(run, COLOR, PhotoOptions(), replace(options, keep_cache=True), gated)
    with served(tmp_path, settings) as film_visitor:
        yield film_visitor


@pytest.fixture(scope="package")
def run(small_weights: Path) -> RunOptions:
    return RunOptions(device="cpu", weights=small_weights)


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("web")


@pytest.fixture(scope="package")
def visitor(home: Path, run: RunOptions) -> Iterator[Visitor]:
    with served(home, settings_of(run, home)) as visitor:
        yield visitor


@pytest.fixture(scope="package")
def photo(home: Path) -> Path:
    path = home / "a photo.png"
    Image.fromarray(landscape(60, 80)).save(path)
    return path


@pytest.fixture(scope="package")
def outside(tmp_path_factory: pytest.TempPathFactory, run: RunOptions) -> Iterator[Visitor]:
    options = {"web_host": "0.0.0.0", "web_password": "open sesame"}
    folder = tmp_path_factory.mktemp("outside")
    with served(folder, settings_of(run, folder), **options) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the command; yield the address it prints."""
    with running(tmp_path_factory.mktemp("page")) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-background-networking", "--disable-gpu"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, url: str) -> Iterator[Page]:
    """A page without access to other hosts; a request to one fails the test, as does a script error."""
    with opened(browser, url) as page:
        yield page


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A photo of 12 megapixels, with detail in its own pixels."""
    rng = np.random.default_rng(0)
    small = np.asarray(Image.open(SAMPLES / "astronaut.jpg").convert("L").resize((4000, 3000)))
    noisy = small + rng.normal(0, 12, small.shape)
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(
        tmp_path / "large.jpg", quality=92
    )
    return tmp_path / "large.jpg"


@pytest.fixture(params=SCREENS.values(), ids=SCREENS)
def screen(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A browser's screen and language."""
    return dict(request.param)
