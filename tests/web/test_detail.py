"""A part of a photo has the photo's own pixels, and the colors of the whole."""

import io
import json
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
from helpers import landscape
from PIL import Image
from web_visitor import Json, Visitor

from prior.lab import gray2lightness, rgb2lab
from web.detail import Part, part_from

SIZE = (1400, 2100)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    Image.fromarray(landscape(*SIZE)).save(tmp_path / "large.png")
    return tmp_path / "large.png"


def query(**values: int) -> str:
    return urllib.parse.urlencode(values)


def picture(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_a_part_has_the_photo_s_pixels_and_its_colors(visitor: Visitor, large: Path) -> None:
    id = visitor.upload(large)["id"]
    own = np.asarray(Image.open(large))
    seen = query(x=300, y=200, width=400, height=250, px=1000)
    gray = picture(visitor.get(f"/photos/{id}/gray?{seen}"))
    np.testing.assert_allclose(gray, own[200:450, 300:700], atol=20)  # as JPEG
    assert np.abs(gray.astype(int) - own[200:450, 300:700]).mean() < 4
    edits = {"hints": ["500,300,#d02010"]}
    part = picture(visitor.post(f"/photos/{id}/color?{seen}", edits))
    whole = picture(visitor.post(f"/photos/{id}/color", edits))
    assert part.shape == (250, 400, 3)
    light = rgb2lab(part)[..., 0] - gray2lightness(own[200:450, 300:700])
    assert np.abs(light).mean() < 4
    scale = whole.shape[0] / SIZE[0]
    rows, columns = (slice(round(a * scale), round(b * scale)) for a, b in ((200, 450), (300, 700)))
    shown = rgb2lab(whole[rows, columns])[..., 1:].mean(axis=(0, 1))
    np.testing.assert_allclose(rgb2lab(part)[..., 1:].mean(axis=(0, 1)), shown, atol=1.5)
    small = picture(
        visitor.post(
            f"/photos/{id}/color?{query(x=0, y=0, width=2100, height=1400, px=300)}", edits
        )
    )
    assert small.shape == (200, 300, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"x": -1}, {"width": 0}, {"width": 2101}, {"y": 1300, "height": 101}, {"px": 0}, {"px": 10**6}, {"x": "a"},
        {"x": 10**30}, {"x": ""},
    ],
    ids=repr,
)  # fmt: skip
def test_a_part_that_is_none_is_refused(visitor: Visitor, large: Path, wrong: Json) -> None:
    id = visitor.upload(large)["id"]
    values = {"x": 0, "y": 0, "width": 2100, "height": 1400, "px": 100} | wrong
    for method, name in (("GET", "gray"), ("POST", "color")):
        path = f"/photos/{id}/{name}?{urllib.parse.urlencode(values)}"
        status, _, content = visitor.ask(method, path, b"{}" if method == "POST" else b"")
        assert status == 400
        assert "part" in json.loads(content)["error"]


def test_a_missing_value_is_refused() -> None:
    assert part_from({"x": "1", "y": 2, "width": 3, "height": 4, "px": 5}) == Part(1, 2, 3, 4, 5)
    with pytest.raises(ValueError, match="expected x, y, width"):
        part_from({"x": 1})


def test_16_bits_are_shown_in_8() -> None:
    deep = landscape(20, 30, np.uint16)
    assert Part(3, 4, 5, 6, 100).of(deep).tolist() == (deep[4:10, 3:8] >> 8).tolist()
