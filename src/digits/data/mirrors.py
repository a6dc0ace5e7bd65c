"""Get files from mirrors on the network or in folders, each checked by its SHA-256."""

from __future__ import annotations

import os
import shutil
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from digits.base.errors import UserError, message_of

TIMEOUT = 20  # seconds without a byte
PATIENCE = 30  # seconds after which a mirror must have been fast enough
SLOWEST = 1000  # bytes a second
RETRIES = 1  # for each file of each mirror, after a pause


def download(mirrors: Sequence[str], sha256: Mapping[str, str], folder: Path) -> None:
    """Write the files, named with their SHA-256, to `folder`, each from the first mirror that
    has it. DIGITS_MIRROR is asked before the others.

    Raises UserError if no mirror has a file.
    """
    own = os.environ.get("DIGITS_MIRROR")
    mirrors = [own, *mirrors] if own else mirrors
    for name, digest in sha256.items():
        failures = []
        for mirror in mirrors:
            try:
                _fetch(mirror, name, digest, folder)
                break
            except (OSError, ValueError) as error:  # pooch raises ValueError for a wrong checksum
                failures.append(f"{mirror} ({_reason(error)})")
        else:
            raise UserError(
                f"{name}: no mirror has it: {', '.join(failures)}; set DIGITS_MIRROR to a folder or URL "
                "that has a copy, or take the images of data=sample, which need no download"
            )


def _fetch(mirror: str, name: str, sha256: str, folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")  # tqdm's, in a notebook; it is not used
        import pooch

    if mirror.startswith("file:"):
        mirror = url2pathname(urlsplit(mirror).path)
    pooch.get_logger().setLevel("WARNING")
    is_url = "://" in mirror
    pooch.create(
        path=folder,
        base_url=mirror.rstrip("/") + "/",
        registry={name: f"sha256:{sha256}"},
        retry_if_failed=RETRIES if is_url else 0,
    ).fetch(name, downloader=_download if is_url else _copy)


def _copy(path: str, output: str, _: Any) -> None:
    shutil.copyfile(path, output)


def _download(url: str, output: str, _: Any) -> None:
    """Write what the server sends, with a progress bar. Raises OSError if it breaks off, or is too slow, also
    if a byte comes now and then."""
    import requests
    from rich.progress import Progress
    from urllib3.exceptions import HTTPError

    start = time.monotonic()
    with requests.get(url, stream=True, timeout=TIMEOUT) as response, Path(output).open("wb") as file:
        response.raise_for_status()
        size = int(response.headers.get("Content-Length", 0)) or None
        with Progress(disable=not sys.stderr.isatty(), transient=True) as progress:
            task = progress.add_task(Path(url).name, total=size)
            try:
                while part := response.raw.read1(2**16, decode_content=True):
                    file.write(part)
                    progress.advance(task, len(part))
                    seconds = time.monotonic() - start
                    if seconds > PATIENCE and file.tell() < SLOWEST * seconds:
                        raise OSError(f"sends less than {SLOWEST:,} bytes a second")
            except HTTPError as error:
                raise OSError(f"broke off: {error}") from None


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return f"no answer in {TIMEOUT} s"
    if isinstance(error, requests.ConnectionError):
        return "cannot be reached"
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, ValueError) and "hash" in str(error):
        return "wrong checksum"
    return message_of(error)
