"""Read many picture files into one array, on all processors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from digits.config.data import Folder
from digits.data.chunks import in_chunks
from digits.data.findings import Findings
from digits.data.pictures import PictureError, read_picture

Read = tuple[list[int], list[tuple[int, str]], list[tuple[int, str]]]  # rows, problems and notes


def read_pictures(
    root: Path, names: Sequence[str], data: Folder, target: Path, findings: Findings
) -> list[int]:
    """Write the pictures at `names`, relative to `root`, as one .npy array to `target`. Return which of them
    are in it, in the same order: all except those that cannot be read.

    The array is a file that all processes write to, so that the images are in memory once at most.
    """
    if not names:
        np.save(target, np.zeros((0, 1, 1, 1), np.uint8))
        return []
    images = np.lib.format.open_memmap(target, "w+", np.uint8, (len(names), *_shape(root, names, data)))
    kept: list[int] = []
    reading = in_chunks(
        len(names),
        lambda rows: (_read_chunk, root, names[rows.start : rows.stop], rows, data, target),
    )
    for rows, problems, notes in reading:
        kept += rows
        for row, text in problems:
            findings.bad_file(names[row], text)
        for row, text in notes:
            findings.note(names[row], text)
    if len(kept) < len(names):
        np.save(target, images[kept])
    return kept


def _shape(root: Path, names: Sequence[str], data: Folder) -> tuple[int, ...]:
    """Return the shape of the first picture that can be read."""
    for name in names:
        try:
            return read_picture(root / name, data)[0].shape
        except PictureError:
            continue
    return 1, 1, 1


def _read_chunk(root: Path, names: Sequence[str], rows: range, data: Folder, target: Path) -> Read:
    """Write the pictures at `names` to these rows of the array, and return what was found."""
    images = np.load(target, mmap_mode="r+")
    read: Read = ([], [], [])
    for row, name in zip(rows, names, strict=True):
        try:
            picture, notes = read_picture(root / name, data)
            if picture.shape != images.shape[1:]:
                sizes = (" x ".join(map(str, shape[:2])) for shape in (picture.shape, images.shape[1:]))
                raise PictureError(
                    f"has another size than the first picture ({' and '.join(sizes)}; set size)"
                )
        except PictureError as error:
            read[1].append((row, str(error)))
        else:
            images[row] = picture
            read[0].append(row)
            read[2].extend((row, note) for note in notes)
    return read
