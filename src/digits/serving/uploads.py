"""Take pictures from requests: within limits of size, number and time."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from digits.base.processes import processors
from digits.data.arrays import Pixels
from digits.data.pictures import PictureError, read_picture
from digits.serving.current import Current

LARGEST_BODY = 10_000_000  # bytes
MOST_PIXELS = 20_000_000
MOST_AT_ONCE = 100  # requests with a picture that are worked on or wait
RECEIVE_SECONDS = 10
ANSWER_SECONDS = 20


class Uploads:
    """Reads the pictures of requests, with all processors, as the current model takes them."""

    def __init__(self, current: Current) -> None:
        self._current = current
        self._threads = ThreadPoolExecutor(processors())
        self._at_once = 0

    @asynccontextmanager
    async def take(self, request: Request) -> AsyncIterator[tuple[bytes, Pixels]]:
        """Provide the bytes of the picture that the request carries, and the image, (height, width, channels)
        uint8. What the block does has ANSWER_SECONDS.

        Raises HTTPException with a reason if there is none, it is too slow, or too many are worked on.
        """
        if self._at_once >= MOST_AT_ONCE:
            raise HTTPException(503, f"{MOST_AT_ONCE} pictures wait already; try again", {"Retry-After": "1"})
        self._at_once += 1
        try:
            async with _limit(RECEIVE_SECONDS, 408, "the picture takes too long to arrive"):
                content = await _content(request)
            async with _limit(ANSWER_SECONDS, 504, "the answer takes too long"):
                yield content, await self._read(content)
        finally:
            self._at_once -= 1

    async def _read(self, content: bytes) -> Pixels:
        keys = self._current.chosen.trained.data
        loop = asyncio.get_running_loop()
        try:
            image, _ = await loop.run_in_executor(
                self._threads, read_picture, io.BytesIO(content), keys, MOST_PIXELS
            )
        except PictureError as error:
            raise HTTPException(400, f"the picture {error}") from None
        return image


@asynccontextmanager
async def _limit(seconds: float, status: int, reason: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise HTTPException(status, reason) from None


async def _content(request: Request) -> bytes:
    """Return the body, or the first file of a form."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        content = await request.body()
    else:
        async with request.form(max_files=1, max_fields=10) as form:
            upload = next((each for each in form.values() if isinstance(each, UploadFile)), None)
            content = await upload.read() if upload else b""
    if not content:
        raise HTTPException(400, "there is no picture: send its bytes as the body, or as a file of a form")
    return content
