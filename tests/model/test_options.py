"""What is released holds unless it is chosen otherwise, and every choice has its range."""

import json

import pytest

from model.options import GUIDANCE, ColorOptions, RunOptions, color_settings


def test_a_film_of_other_guidance_is_another_job() -> None:
    settings = [
        color_settings(color, "fp32", steady=1)
        for color in (
            ColorOptions(),
            ColorOptions(palette=("#c8281e",)),
            ColorOptions(mood="warm"),
            ColorOptions(guidance=0.2),
        )
    ]
    assert all(one != other for i, one in enumerate(settings) for other in settings[:i])
    assert settings[0] == color_settings(ColorOptions(guidance=GUIDANCE), "fp32", steady=1)
    assert settings[0] != color_settings(ColorOptions(), "int8", steady=1)
    assert json.loads(json.dumps(settings[1])) == settings[1]


def test_what_runs_the_network_is_checked_too() -> None:
    with pytest.raises(
        ValueError, match=r"device must be one of auto, cpu, gpu, got 'tpu'; threads"
    ):
        RunOptions(device="tpu", threads=0)  # type: ignore[arg-type]
