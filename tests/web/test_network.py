"""One network, used by one call at a time."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from starlette.exceptions import HTTPException
from web_visitor import COLOR, Visitor

from model.options import ColorOptions, RunOptions
from web.network import LONGEST, MOST_KEPT, Network, Queue


def test_fifty_uploads_at_once_are_queued(visitor: Visitor, photo: Path) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: visitor.upload(photo), range(50)))
    assert len({answer["id"] for answer in answers}) == 50
    assert json.loads(visitor.get("/queue")) == {"length": 0}


def test_calls_are_made_one_at_a_time_in_order() -> None:
    queue, made, at_work = Queue(), [], threading.Lock()
    time_passes = threading.Event()

    def call(number: int) -> int:
        assert at_work.acquire(blocking=False), "two calls at once"
        made.append(number)
        time_passes.wait(0.005)
        at_work.release()
        return -number

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(queue.run(call, number) for number in range(9)))

    assert asyncio.run(all_at_once()) == [-number for number in range(9)]
    assert made == list(range(9))
    assert queue.length == 0
    queue.close()


def test_a_call_that_fails_disturbs_no_other() -> None:
    queue = Queue()

    async def both() -> list[object]:
        calls = [queue.run(int, text) for text in ("no number", "7")]
        return await asyncio.gather(*calls, return_exceptions=True)

    error, seven = asyncio.run(both())
    assert isinstance(error, ValueError)
    assert seven == 7
    assert queue.length == 0
    queue.close()


def test_more_calls_than_can_wait_are_refused() -> None:
    queue, go = Queue(), threading.Event()

    async def too_many() -> None:
        waiting = [asyncio.create_task(queue.run(go.wait, 30)) for _ in range(LONGEST)]
        await asyncio.sleep(0)
        with pytest.raises(HTTPException, match="calls are waiting already") as refused:
            await queue.run(int)
        assert refused.value.status_code == 503
        go.set()
        assert all(await asyncio.gather(*waiting))

    asyncio.run(too_many())
    queue.close()


def test_other_settings_share_the_weights_and_are_kept(run: RunOptions) -> None:
    network = Network(COLOR, run)
    assert network.colorizer(COLOR) is network.released
    others = [replace(COLOR, saturation=number / 4) for number in range(MOST_KEPT + 1)]
    made = [network.colorizer(color) for color in others[:MOST_KEPT]]
    assert [network.colorizer(color) for color in others[:MOST_KEPT]] == made
    network.colorizer(others[-1])  # displaces the oldest
    assert network.colorizer(others[1]) is made[1]
    assert network.colorizer(others[0]) is not made[0]


def test_an_onnx_file_colorizes_and_refuses_what_it_cannot_give(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from onnx_networks import write_linear

    path = write_linear(tmp_path / "other.onnx", [[60, 0, 0], [0, -40, 0]], [-20, 10])
    network = Network(ColorOptions(), RunOptions(network=path, threads=1))
    gray = np.full((64, 64), 128, np.uint8)
    once, twice = (network.colorizer(ColorOptions(saturation=s)).ab(gray) for s in (1, 2))
    np.testing.assert_allclose(twice, 2 * once, atol=1e-4)
    assert abs(once[9, 9, 0] - (60 * 128 / 255 - 20)) < 0.2
    with pytest.raises(ValueError, match="no palette or mood"):
        network.colorizer(ColorOptions(mood="warm"))
    with pytest.raises(ValueError, match="no confidence, likely colors, suggestions or candidates"):
        network.released.candidates(gray)
