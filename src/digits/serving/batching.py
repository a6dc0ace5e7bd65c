"""Answer images that wait at the same time in one batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from digits.data.arrays import Pixels

LARGEST = 64
Extra = TypeVar("Extra")


class Batcher(Generic[Extra]):
    """Calls `predict` in a thread of its own, one call at a time, with all images that have arrived since the
    last call. A single image never waits for others."""

    def __init__(self, predict: Callable[[Pixels], tuple[NDArray[np.float32], Extra]]) -> None:
        self._predict = predict
        self._waiting: list[tuple[Pixels, asyncio.Future[tuple[NDArray[np.float32], Extra]]]] = []
        self._thread = ThreadPoolExecutor(1)
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, image: Pixels) -> tuple[NDArray[np.float32], Extra]:
        """Return the probabilities, (classes,), of one image, (height, width, channels), and what `predict`
        returned beside them."""
        future: asyncio.Future[tuple[NDArray[np.float32], Extra]] = asyncio.get_running_loop().create_future()
        self._waiting.append((image, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting[:LARGEST], self._waiting[LARGEST:]
            try:
                images = np.stack([image for image, _ in batch])
                answers, extra = await loop.run_in_executor(self._thread, self._predict, images)
            except Exception as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():  # the client may have given up
                        future.set_result((answer, extra))
