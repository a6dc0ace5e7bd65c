"""Get images from a folder of pictures that has a folder for each class, and say what is wrong with them."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from digits.base.errors import UserError
from digits.config.data import GIVEN, MOST_CLASSES, Folder
from digits.data.arrays import duplicates, label_type
from digits.data.findings import Findings
from digits.data.pictures import SUFFIXES
from digits.data.reading import read_pictures
from digits.data.stored import FILES, split_off

NOT_IMAGES = ("Thumbs.db", "desktop.ini", "__MACOSX")  # which systems put beside them
ByClass = dict[str, list[str]]  # the files of each class, relative to the root
Part = list[tuple[str, int]]  # files, each with the number of its class


def fetch(data: Folder, root: Path, target: Path) -> list[str]:
    """Write the images and labels as arrays to `target`, and return the names of the classes. Images are
    in the order of the names of their files, whatever class they are in.

    Raises UserError with everything that is wrong with the folder `root`. All of it is printed before.
    """
    findings = Findings(data, root)
    classes, parts = _list(data, root, findings)
    kept = []
    for part, (images, labels) in zip(parts, (FILES[:2], FILES[2:]), strict=True):
        part.sort(key=lambda each: (Path(each[0]).name, each[0]))
        rows = read_pictures(root, [name for name, _ in part], data, target / images, findings)
        kept.append([part[row] for row in rows])
        np.save(target / labels, np.array([label for _, label in kept[-1]], label_type(len(classes))))
    if all(kept):
        train, test = (np.load(target / name, mmap_mode="r") for name in (FILES[0], FILES[2]))
        if train.shape[1:] != test.shape[1:]:
            findings.problem(kept[1][0][0], "differs in size from the training images; set size")
        for row, same in duplicates(train, test).items():
            findings.note(kept[1][row][0], f"is the same image as one to train on ({kept[0][same][0]})")
    findings.report()
    findings.refuse()
    return classes


def _list(data: Folder, root: Path, findings: Findings) -> tuple[list[str], tuple[Part, Part]]:
    """Return the names of the classes, and the files of the training set and of the test set."""
    if not root.is_dir():
        raise UserError(f"{root}: is not a folder (path in {data.file})")
    if data.test == GIVEN:
        if missing := [name for name in ("train", "test") if not (root / name).is_dir()]:
            raise UserError(
                f"{root}: has no folder {' and no folder '.join(missing)}, which test: given needs"
            )
        found = _scan(root / "train", root, data, findings), _scan(root / "test", root, data, findings)
    else:
        found = _scan(root, root, data, findings), {}
        if set(found[0]) == {"train", "test"}:
            raise UserError(f"{root}: has the folders train and test; set test: given")
    classes = data.classes or sorted(found[0])
    for name in sorted(set(classes) - set(found[0])):
        findings.problem(name, "is named in classes, and has no folder")
    for name in sorted(set(found[1]) - set(classes)):
        findings.problem(f"test/{name}", "has no folder of this name in train")
    if not 2 <= len(classes) <= MOST_CLASSES:
        findings.problem("", f"has {len(classes):,} classes; there can be 2 to {MOST_CLASSES:,}")
    train, test = (
        [(file, label) for label, name in enumerate(classes) for file in by_class.get(name, [])]
        for by_class in found
    )
    if data.test != GIVEN and not findings.problems:
        labels = np.array([label for _, label in train])
        rows = split_off(labels, float(data.test), classes)
        train, test = ([train[row] for row in part] for part in rows)
    return classes, (train, test)


def _scan(folder: Path, root: Path, data: Folder, findings: Findings) -> ByClass:
    """Return the files in each folder of a class."""
    found: ByClass = {}
    for entry in _entries(folder, root, findings):
        where = os.path.relpath(entry.path, root)
        if entry.is_dir():
            if data.classes is None or entry.name in data.classes:
                found[entry.name] = list(_pictures(entry.path, root, findings))
            else:
                findings.note(where, "is not named in classes, and left out")
        elif _is_picture(entry.name):
            findings.bad_file(where, "lies in no folder of a class")
    by_name: dict[str, list[str]] = defaultdict(list)
    for name, files in found.items():
        by_name[name.casefold()].append(name)
        if len(files) < 2 and folder.name != "test":
            where = os.path.relpath(folder / name, root)
            findings.problem(where, "has no image" if not files else "has one image, and two are needed")
    for names in by_name.values():
        if len(names) > 1 and data.classes is None:
            findings.problem(
                os.path.relpath(folder / names[0], root),
                f"differs from another class in case alone (from {', '.join(names[1:])}; "
                "if that is meant, name all in classes)",
            )
    return found


def _pictures(folder: str, root: Path, findings: Findings) -> Iterator[str]:
    """Yield the picture files in a folder and those in it, relative to the root."""
    for entry in _entries(Path(folder), root, findings):
        where = os.path.relpath(entry.path, root)
        if entry.is_dir():
            yield from _pictures(entry.path, root, findings)
        elif not _is_picture(entry.name):
            findings.note(where, "is no picture, and left out")
        elif not entry.is_file():
            findings.bad_file(where, "is not a regular file")
        else:
            yield where


def _entries(folder: Path, root: Path, findings: Findings) -> Sequence[os.DirEntry[str]]:
    """Return what there is in a folder, without what is hidden, is not named in UTF-8, or leads elsewhere."""
    kept = []
    for entry in sorted(os.scandir(folder), key=lambda each: each.name):
        where = os.path.relpath(entry.path, root)
        if entry.name.startswith(".") or entry.name in NOT_IMAGES:
            findings.note(where, "is hidden, and left out")
        elif not _is_utf8(entry.name):
            findings.bad_file(where, "has a name that is not in UTF-8")
        elif entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root.resolve()):
            findings.bad_file(where, f"is a link that leaves the folder (to {Path(entry.path).resolve()})")
        elif entry.is_symlink() and entry.is_dir():
            findings.bad_file(where, "is a link to a folder")
        else:
            kept.append(entry)
    return kept


def _is_picture(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
