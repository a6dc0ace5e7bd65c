"""Write the images of a data set as picture files, to look at them or to work on them with other programs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import yaml

from digits.base.errors import UserError
from digits.config.data import DataConfig
from digits.data import sources
from digits.data.arrays import Labels, Pixels
from digits.data.chunks import in_chunks
from digits.data.pictures import to_picture


def export(config: DataConfig, raw: Path, out: Path) -> None:
    """Write the images in `raw` as PNG files to `out`/images/train and test, in a folder for each class.
    Their names have the order of the images, so that `source: folder` makes the same data set of them.

    Raises UserError if the folder exists, or the images are not those of `config.data`.
    """
    target = out / "images"
    if target.exists():
        raise UserError(f"{target}: exists already; choose another folder with out=")
    found = sources.read(config, raw)
    folders = [name.replace("/", "-") for name in found.classes]
    if len(set(folders)) < len(folders):
        raise UserError("data.classes: some names differ only in / and -, and cannot both name a folder")
    unfinished = out / ".unfinished-images"
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        for split, (images, labels) in (("train", found.train), ("test", found.test)):
            _write_all(images, labels, unfinished / split, folders)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    preset: dict[str, object] = {
        "source": "folder",
        "path": str(target.absolute()),
        "color_mode": "grayscale" if found.train[0].shape[-1] == 1 else "rgb",
        "test": "given",
    }
    if config.data.prepare:  # for pictures of other sizes that are put beside them
        preset |= {"size": list(found.train[0].shape[1:3]), "prepare": config.data.prepare}
    if folders != sorted(folders):
        preset["classes"] = folders
    written = len(found.train[1]) + len(found.test[1])
    print(f"{written:,} pictures in {target}; a preset in conf/data/ for them:")
    print(yaml.safe_dump(preset, sort_keys=False, default_flow_style=False), end="")


def _write_all(images: Pixels, labels: Labels, folder: Path, names: Sequence[str]) -> None:
    for name in names:
        (folder / name).mkdir(parents=True)
    digits = len(str(len(labels) - 1))

    def chunk(rows: range) -> tuple[object, ...]:
        files = [folder / names[labels[row]] / f"{row:0{digits}}.png" for row in rows]
        return _write_chunk, images[rows.start : rows.stop], files

    for _ in in_chunks(len(labels), chunk):
        pass


def _write_chunk(images: Pixels, files: Sequence[Path]) -> None:
    for image, file in zip(images, files, strict=True):
        to_picture(image).save(file)
