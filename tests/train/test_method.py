"""A method: a network and settings, checked and passed on."""

import numpy as np
import pytest

from color.arrays import Floats
from train.method import GRAY, SETTINGS, Method


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"working_size": 100}, "multiple of 32"),
        ({"working_size": 0}, "multiple of 32"),
        ({"temperature": 0.0}, "expected temperature > 0"),
        ({"temperature": float("nan")}, "expected temperature > 0"),
        ({"hints": -1}, "hints, palette >= 0"),
        ({"saturation": -0.5}, "saturation, contrast, neutral, hints, palette >= 0"),
        ({"contrast": -0.5}, "hints, palette >= 0"),
        ({"neutral": -0.5}, "hints, palette >= 0"),
        ({"steady": 1.5}, "expected 0 to 1"),
        ({"guidance": -0.5}, "expected 0 to 1"),
        ({"palette": -1}, "hints, palette >= 0"),
    ],
)
def test_impossible_settings_are_refused(how: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Method(**how)


def test_a_colorizer_has_the_settings_of_its_method() -> None:
    def one_color(planes: Floats, palette: Floats, temperature: float) -> Floats:
        n, _, height, width = planes.shape
        return np.full((n, 3, height // 4, width // 4), 20 * temperature, np.float32)

    method = Method(one_color, working_size=96, temperature=0.5, saturation=3.0)
    assert method.settings.keys() == set(SETTINGS)
    ab = method.colorizer().ab(np.full((192, 192), 99, np.uint8))
    np.testing.assert_allclose(ab, np.full((24, 24, 2), 30), rtol=1e-5)


def test_gray_has_no_settings() -> None:
    assert GRAY.settings == {}
    with pytest.raises(AssertionError):
        GRAY.colorizer()
