"""A folder of photos for the command."""

from pathlib import Path

import numpy as np
import pytest
from helpers import texture
from PIL import Image


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to a folder with photo.png, other.png and a subfolder with another photo.png."""
    monkeypatch.chdir(tmp_path)
    Path("more").mkdir()
    for seed, name in enumerate(("photo.png", "other.png", "more/photo.png")):
        Image.fromarray(texture(np.random.default_rng(seed), 96, 128)).save(name)
