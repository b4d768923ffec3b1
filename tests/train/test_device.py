"""Device and precision fit the machine."""

import paddle
import pytest

from train.device import choose_device, choose_precision


@pytest.mark.parametrize(
    ("device", "half", "chosen"),
    [("cpu", True, "float32"), ("gpu", True, "bfloat16"), ("gpu", False, "float16")],
)
def test_precision_fits_the_device(
    device: str, half: bool, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paddle.amp, "is_bfloat16_supported", lambda: half)
    monkeypatch.setattr(paddle.amp, "is_float16_supported", lambda: True)
    assert choose_precision("auto", device) == chosen


def test_a_gpu_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paddle, "is_compiled_with_cuda", lambda: False)
    assert [choose_device(name) for name in ("auto", "cpu")] == ["cpu", "cpu"]
    with pytest.raises(ValueError, match=r"Paddle sees no GPU here: install requirements-gpu\.txt"):
        choose_device("gpu")


def test_a_precision_that_the_device_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paddle.amp, "is_bfloat16_supported", lambda: False)
    monkeypatch.setattr(paddle.amp, "is_float16_supported", lambda: False)
    assert choose_precision("fp32", "gpu") == "float32"
    for name in ("bf16", "fp16"):
        with pytest.raises(ValueError, match=f"-precision {name} is not supported on this cpu"):
            choose_precision(name, "cpu")
