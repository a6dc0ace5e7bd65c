"""Measure the presets against the tutorial's plain script, in turn, on one machine.

PYTHONPATH=src python benchmarks/bench.py                              all presets except best: half an hour
PYTHONPATH=src python benchmarks/bench.py best --seeds 3
PYTHONPATH=src python benchmarks/bench.py sprint --seeds 1 --epochs 1 --data sample           half a minute

For each seed the plain script and each preset are trained on all training images, one after the other, so
that a machine that grows slow or fast does so for all, and scored once on the test set. Each measurement is
kept in benchmarks/results.json at once, and docs/accuracy.png is drawn from all of them. With --epochs or
--data the numbers are no accuracies of the presets: they go to outputs/bench/ instead.
"""

from __future__ import annotations

import argparse
import functools
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from bench_report import PLAIN, QUANTITIES, Row, draw, to_markdown
from digits import cli
from digits.base import files
from digits.base.errors import UserError
from digits.base.staging import staged
from digits.data import idx, stored
from measuring import PRESETS, ROOT, Clone, Usage, clone, machine

QUICK = [name for name in PRESETS if name != "best"]


def run_plain_script(project: Clone, epochs: int, seed: int) -> Row:
    """Return the measurements of the tutorial's plain script."""
    script = "benchmarks/tutorial_keras.py"
    usage, output = project.run("python", script, "four_files", str(seed), str(epochs))
    scores = json.loads(output.rstrip().split("\n")[-1])
    return to_row(PLAIN, seed, usage, scores) | {"parameters": scores["parameters"], "epochs": epochs}


def write_four_files(raw: Path, target: Path) -> None:
    """Write what the plain script reads, the files of MNIST, whatever `fetch` made of the images."""
    target.mkdir()
    for n, (images, labels) in enumerate((idx.TRAIN, idx.TEST)):
        if (raw / images).exists():
            shutil.copyfile(raw / images, target / images)
            shutil.copyfile(raw / labels, target / labels)
        else:
            pixels, numbers = (np.load(raw / name) for name in stored.FILES[2 * n : 2 * n + 2])
            idx.write(target / images, pixels[..., 0])
            idx.write(target / labels, numbers)


def run_preset(project: Clone, name: str, overrides: list[str], seed: int) -> Row:
    """Return the measurements of a preset, recorded as any experiment is."""
    usage, _ = project.run("python", "src/experiment.py", *PRESETS[name], *overrides, f"seed={seed}")
    (record,) = project.newest_runs(1)
    counts = {key: int(record.parameters[key]) for key in ("parameters", "epochs")}
    return to_row(name, seed, usage, record.metrics) | counts


def to_row(name: str, seed: int, usage: Usage, scores: Mapping[str, float]) -> Row:
    """Return the measurements under the names that results.json has for them."""
    return {
        "name": name,
        "seed": seed,
        "test_accuracy": scores["test_accuracy"],
        "train_seconds": scores["train_seconds"],
        "processor_seconds": usage.processor,
        "peak_bytes": usage.peak,
    }


def measure(contestants: Mapping[str, Callable[[int], Row]], seeds: int) -> Iterator[Row]:
    """Yield a row for each seed and each contestant as soon as it is measured, with its ratios to that of the
    plain script with the same seed."""
    for seed in range(seeds):
        plain = contestants[PLAIN](seed)
        for name, contestant in contestants.items():
            row = plain if name == PLAIN else contestant(seed)
            yield row | {f"{quantity}_ratio": row[quantity] / plain[quantity] for quantity in QUANTITIES}


def keep(measured: Iterable[Row], kept: Iterable[Row], file: Path, where: str) -> list[Row]:
    """Write each row to `file` as soon as it is there, among those that were `kept`, and return all of them.

    A row takes the place of the one with the same name and seed. At the end the other seeds of the presets
    that were measured are dropped, so that no mean is of two versions.
    """
    rows = {(row["name"], row["seed"]): row for row in kept}
    new = set()
    for row in measured:
        print(json.dumps(row), flush=True)
        new.add((row["name"], row["seed"]))
        rows[row["name"], row["seed"]] = row
        write(list(rows.values()), file, where)
    presets = {name for name, _ in new} - {PLAIN}
    whole = [row for key, row in rows.items() if key in new or key[0] not in presets]
    write(whole, file, where)
    return whole


def write(rows: list[Row], file: Path, where: str) -> None:
    """Write the results so that an interrupt leaves either the old ones or the new ones."""
    with staged(file.parent) as stage:
        files.write_json(stage / file.name, {"machine": where, "rows": rows})


def main(arguments: argparse.Namespace) -> None:
    names = arguments.presets or QUICK
    if unknown := set(names) - set(PRESETS):
        raise UserError(f"no preset {', '.join(sorted(unknown))}; there is {', '.join(PRESETS)}")
    results, picture, kept = ROOT / "benchmarks/results.json", ROOT / "docs/accuracy.png", []
    overrides = [f"{key}={value}" for key in ("data", "epochs") if (value := getattr(arguments, key))]
    if overrides:
        results, picture = ROOT / "outputs/bench/results.json", ROOT / "outputs/bench/accuracy.png"
    elif results.exists():
        kept = json.loads(results.read_text(encoding="utf-8"))["rows"]
    overrides.append("validation=0")
    where = machine()
    with clone() as project:
        contestants = {PLAIN: functools.partial(run_plain_script, project, arguments.epochs or 10)} | {
            name: functools.partial(run_preset, project, name, overrides) for name in names
        }
        for stage in ("fetch", "preprocess"):
            project.run("python", f"src/{stage}.py", *overrides, "out=.")
        write_four_files(project.root / "data/raw", project.root / "four_files")
        rows = keep(measure(contestants, arguments.seeds), kept, results, where)
    draw(rows, picture)
    print(f"\n{where}\n\n{to_markdown(rows)}\nmeasurements: {results}\npicture: {picture}")


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("presets", nargs="*", metavar="PRESET", help=f"of {', '.join(PRESETS)}")
    parser.add_argument("--seeds", type=int, default=5, help="how many (default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="of all, instead of their own")
    parser.add_argument("--data", help="another preset of conf/data/ than that of params.yaml")
    cli.run_parsed(main, parser)
