"""Images that wait at the same time are answered together."""

import asyncio
import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from digits.data.arrays import Pixels
from digits.serving.batching import LARGEST, Batcher


class Model:
    """Answers with the first pixel, and remembers the sizes of the batches."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.go = threading.Event()
        self.go.set()

    def __call__(self, images: Pixels) -> tuple[NDArray[np.float32], str]:
        self.go.wait()
        self.sizes.append(len(images))
        if (images == 255).any():
            raise RuntimeError("broken")
        return images[:, 0, 0].astype(np.float32), "extra"


def image(value: int) -> Pixels:
    return np.full((2, 2, 1), value, np.uint8)


async def ask_many(batcher: Batcher[str], model: Model, values: range) -> list[int]:
    """Ask for the first while the model is busy with another one, so that the rest waits."""
    model.go.clear()
    first = asyncio.create_task(batcher(image(0)))
    await asyncio.sleep(0.05)
    rest = [asyncio.create_task(batcher(image(value))) for value in values]
    await asyncio.sleep(0.05)
    model.go.set()
    await first
    return [int(answer[0]) for answer, extra in await asyncio.gather(*rest) if extra == "extra"]


def test_what_waits_is_one_batch_and_each_has_its_own_answer() -> None:
    model = Model()
    batcher = Batcher(model)
    assert asyncio.run(ask_many(batcher, model, range(1, 11))) == list(range(1, 11))
    assert model.sizes == [1, 10]


def test_a_batch_has_a_largest_size() -> None:
    model = Model()
    asyncio.run(ask_many(Batcher(model), model, range(1, LARGEST + 6)))
    assert model.sizes == [1, LARGEST, 5]


def test_an_error_reaches_those_who_asked_and_nobody_after_them() -> None:
    async def ask() -> None:
        batcher = Batcher(Model())
        with pytest.raises(RuntimeError, match="broken"):
            await batcher(image(255))
        answer, _ = await batcher(image(3))
        assert answer[0] == 3

    asyncio.run(ask())


def test_one_who_gives_up_does_not_disturb_the_others() -> None:
    async def ask() -> None:
        model = Model()
        batcher = Batcher(model)
        model.go.clear()
        gone, other = (asyncio.create_task(batcher(image(value))) for value in (1, 2))
        await asyncio.sleep(0.05)
        gone.cancel()
        model.go.set()
        answer, _ = await other
        assert answer[0] == 2

    asyncio.run(ask())
