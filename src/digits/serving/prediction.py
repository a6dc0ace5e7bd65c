"""Answer which class the pictures in files show."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits.base.processes import processors
from digits.data.arrays import Pixels
from digits.serving import pictures

FORMATS = ("table", "csv", "json")
RUNNERS_UP = ("second", "third")
MOST_ON_SHEET = 200
ON_SHEET_ROW = 10


def predict(
    words: Sequence[str],
    model: str,
    data: str,
    prepare: str = "auto",
    format: str = "table",
    probabilities: bool = False,
    sheet: Path | None = None,
) -> int:
    """Print a line for each picture in one of FORMATS: its class, how sure the model is, and the next two
    classes. Draw the first MOST_ON_SHEET images as the network sees them to `sheet`.

    Pictures that cannot be read are named on standard error. Return 1 if there are any, and 0 otherwise.

    Raises UserError if there is no such model, or a folder has no picture.
    """
    from digits.learning import runtime

    runtime.start(processors())

    from digits.learning.predictor import Predictor
    from digits.serving.choice import choose

    chosen = choose(model, data)
    trained, answer = chosen.trained, Predictor(chosen.trained.model)
    keys, always = pictures.preparation(trained.data, prepare)
    shown: list[tuple[Pixels, str]] = []
    bad = 0
    with pictures.listed(words) as files:
        writer = Writer(format, [name for name, _ in files], trained.classes, probabilities)
        names = iter(files)
        for chunk in pictures.read_all([file for _, file in files], keys, always):
            readable = [each for each in chunk if not isinstance(each, str)]
            answers = iter(answer(np.stack(readable)) if readable else ())
            for each, (name, _) in zip(chunk, names, strict=False):
                if isinstance(each, str):
                    print(f"{name}: {each}", file=sys.stderr)
                    bad += 1
                    continue
                row = to_row(name, next(answers), trained.classes)
                writer.write(row)
                if len(shown) < MOST_ON_SHEET:
                    shown.append((each, f"{row['class']}\n{row['confidence']:.0%}"))
    if bad:
        print(f"{bad:,} of {len(files):,} pictures could not be read", file=sys.stderr)
    if sheet and shown:
        _draw(sheet, str(chosen), shown, len(files) - bad)
    return min(bad, 1)


def to_row(name: str, probabilities: NDArray[np.float32], classes: Sequence[str]) -> dict[str, Any]:
    """Return the answer for one picture: the class, its probability as `confidence`, the next two, and the
    `probabilities` by class."""
    best = [int(number) for number in np.argsort(-probabilities, kind="stable")[:3]]
    values = [round(float(value), 6) for value in probabilities]
    row = {"picture": name, "class": classes[best[0]], "confidence": values[best[0]]}
    for rank, number in zip(RUNNERS_UP, best[1:], strict=False):
        row |= {rank: classes[number], f"{rank}_confidence": values[number]}
    return row | {"probabilities": dict(zip(classes, values, strict=True))}


class Writer:
    """Writes answers to standard output, a line each: as a table, as CSV, or as JSON objects."""

    def __init__(
        self, format: str, names: Sequence[str], classes: Sequence[str], probabilities: bool
    ) -> None:
        self._format, self._probabilities = format, probabilities
        self._width = max(map(len, names), default=0)
        self._wide = max(map(len, classes))
        self._csv: Any = None
        if format == "csv":
            ranked = [column for rank in RUNNERS_UP for column in (rank, f"{rank}_confidence")]
            columns = ["picture", "class", "confidence", *ranked]
            columns += [f"p_{name}" for name in classes] if probabilities else []
            self._csv = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
            self._csv.writeheader()

    def write(self, row: Mapping[str, Any]) -> None:
        """Write one answer, as `to_row` returns it."""
        values = {key: value for key, value in row.items() if key != "probabilities"}
        chances = row["probabilities"] if self._probabilities else {}
        if self._csv:
            self._csv.writerow(values | {f"p_{name}": value for name, value in chances.items()})
        elif self._format == "json":
            print(json.dumps(row if self._probabilities else values))
        else:
            rest = chances or {row[rank]: row[f"{rank}_confidence"] for rank in RUNNERS_UP if rank in row}
            words = "  ".join(f"{name:>{self._wide}} {value:7.2%}" for name, value in rest.items())
            first = f"{row['class']:<{self._wide}} {row['confidence']:7.2%}"
            print(f"{row['picture']:<{self._width}}  {first}   {words}")


def _draw(file: Path, title: str, shown: Sequence[tuple[Pixels, str]], answered: int) -> None:
    from digits.data.gallery import draw_gallery

    images = np.stack([image for image, _ in shown])
    if answered > len(shown):
        title = f"{title}: the first {len(shown)} of {answered:,} pictures"
    draw_gallery(title, images, [caption for _, caption in shown], min(ON_SHEET_ROW, len(shown)), file)
    print(f"pictures as the network sees them: {file}", file=sys.stderr)
