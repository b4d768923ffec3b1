"""What the network knows of a photo, as the page asks for it."""

import base64
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image
from web_visitor import Visitor


def test_candidates_are_pictures_of_the_photo_with_what_makes_them(
    visitor: Visitor, photo: Path
) -> None:
    id = visitor.upload(photo)["id"]
    found = json.loads(visitor.post(f"/photos/{id}/candidates", {}))
    assert found[0]["regions"] == []
    for one in found:
        picture = Image.open(io.BytesIO(base64.b64decode(one["picture"])))
        assert picture.size == (80, 60)


def test_the_overlay_is_as_large_as_the_photo_and_marks_the_least_certain_places(
    visitor: Visitor, photo: Path
) -> None:
    id = visitor.upload(photo)["id"]
    marks = np.asarray(Image.open(io.BytesIO(visitor.post(f"/photos/{id}/overlay", {}))))
    assert marks.shape == (60, 80, 4)
    assert marks[..., 3].max() > marks[..., 3].min()
