"""Presets against the tutorial's plain script, in turn, on one machine: python benchmarks/bench.py

For each seed the plain script and each preset are trained on all 60,000 images, one after the other, so
that a machine which grows slow or fast does so for all, and scored once on the test set. Names choose
some of the presets: python benchmarks/bench.py best --seeds 3. Each measurement is kept
in benchmarks/results.json at once; the table and the picture are made from them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from measuring import IN_PLACE, ROOT, Clone, Usage, clone, machine, spread

sys.path.insert(0, str(ROOT / "src"))

import entry_point
from digits import files

entry_point.quiet()

RESULTS = ROOT / "benchmarks/results.json"
PICTURE = ROOT / "docs/accuracy.png"
PLAIN = "plain script"
PRESETS = {
    "tutorial": ["model=tutorial", "recipe=tutorial"],
    "sprint": ["model=small", "recipe=sprint"],
    "default": [],
    "best": ["model=best", "recipe=long"],
}
QUICK = [name for name in PRESETS if name != "best"]
QUANTITIES = ("train_seconds", "processor_seconds", "peak_bytes")
PUBLISHED = 98.78  # the tutorial's own figure

Row = dict[str, Any]


def row(name: str, seed: int, usage: Usage, seconds: float, accuracy: float) -> Row:
    return {
        "name": name,
        "seed": seed,
        "test_accuracy": accuracy,
        "train_seconds": seconds,
        "processor_seconds": usage.processor,
        "peak_bytes": usage.peak,
    }


def plain(project: Clone, seed: int) -> Row:
    usage, output = project.run("python", "benchmarks/tutorial_keras.py", "data/raw", str(seed))
    said = json.loads(output.rstrip().split("\n")[-1])
    return row(PLAIN, seed, usage, said["train_seconds"], said["test_accuracy"]) | {
        "parameters": 542_230,
        "epochs": 10,
    }


def preset(project: Clone, name: str, seed: int) -> Row:
    from digits import store

    words = [*PRESETS[name], "validation=0", f"seed={seed}"]
    usage, _ = project.run("python", "src/experiment.py", *words)
    (record,) = store.search(limit=1)
    scores = record.metrics
    return row(name, seed, usage, scores["train_seconds"], scores["test_accuracy"]) | {
        key: int(record.parameters[key]) for key in ("parameters", "epochs")
    }


def measure(names: list[str], seeds: int) -> Iterator[Row]:
    """A row for each seed of each contestant, with its ratios to the plain script of the same seed."""
    with clone() as project:
        os.environ["MLFLOW_TRACKING_URI"] = project.environment["MLFLOW_TRACKING_URI"]
        for stage in ("fetch", "preprocess"):
            project.run("python", f"src/{stage}.py", "validation=0", *IN_PLACE)
        for seed in range(seeds):
            base = plain(project, seed)
            for found in (base, *(preset(project, name, seed) for name in names)):
                for quantity in QUANTITIES:
                    found[f"{quantity}_ratio"] = found[quantity] / base[quantity]
                yield found


def table(rows: list[Row]) -> str:
    of_name: defaultdict[str, list[Row]] = defaultdict(list)
    for each in rows:
        of_name[each["name"]].append(each)
    lines = [
        "| | parameters | epochs | test accuracy, % | seeds | training time | processor time | peak memory |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in (PLAIN, *PRESETS):
        if len(found := of_name[name]) > 1:
            scores = [100 * each["test_accuracy"] for each in found]
            ratios = [spread([each[f"{quantity}_ratio"] for each in found]) for quantity in QUANTITIES]
            cells = [
                name,
                f"{found[0]['parameters']:,}",
                str(found[0]["epochs"]),
                f"{statistics.mean(scores):.2f} ± {statistics.stdev(scores):.2f}",
                str(len(found)),
                *(["1"] * 3 if name == PLAIN else ratios),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def picture(rows: list[Row]) -> None:
    """Test accuracy against training time, a dot for each seed; both axes logarithmic, since what is left
    to gain shrinks by orders of magnitude."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    axis = figure.subplots()
    for name in (PLAIN, *PRESETS):
        if found := [each for each in rows if each["name"] == name]:
            times = [each["train_seconds_ratio"] for each in found]
            errors = [100 * (1 - each["test_accuracy"]) for each in found]
            dots = axis.scatter(times, errors, s=14, alpha=0.5)
            middle = (statistics.median(times), statistics.mean(errors))
            axis.plot(*middle, "o", color=dots.get_facecolor()[0], alpha=1, ms=8)
            # to the left where the plain script's name is to the right
            offset, side = ((-8, 4), "right") if name == "tutorial" else ((8, 4), "left")
            axis.annotate(name, middle, offset, textcoords="offset points", fontsize=10, ha=side)
    axis.axhline(100 - PUBLISHED, color="gray", ls="--", lw=1)
    note: Any = {"textcoords": "offset points", "fontsize": 8, "color": "gray"}
    axis.annotate("the tutorial's published figure", (0.1, 100 - PUBLISHED), (0, 4), **note)
    axis.set(xscale="log", yscale="log", ylabel="test error, %", xlabel="training time, plain script = 1")
    axis.set(xlim=(0.02, 50), ylim=(0.2, 2))
    for ticks in (axis.xaxis, axis.yaxis):
        ticks.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ticks.set_major_formatter("{x:g}")
        ticks.set_minor_locator(NullLocator())
    axis.grid(alpha=0.3)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description="Presets against the tutorial's plain script.")
    parser.add_argument(
        "presets", nargs="*", help=f"of {', '.join(PRESETS)}; without any, {', '.join(QUICK)}"
    )
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    names = arguments.presets or QUICK
    if unknown := set(names) - set(PRESETS):
        parser.error(f"unknown preset {', '.join(sorted(unknown))}; there is {', '.join(PRESETS)}")
    if arguments.seeds < 2:
        parser.error("--seeds: a standard deviation needs two or more")
    kept = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
    of_key = {(each["name"], each["seed"]): each for each in kept if each["name"] not in names}
    where = machine()
    for found in measure(names, arguments.seeds):
        print(json.dumps(found), flush=True)
        of_key[found["name"], found["seed"]] = found
        files.write_json(RESULTS, {"machine": where, "rows": list(of_key.values())})
    rows = list(of_key.values())
    picture(rows)
    print(f"\n{where}\n\n{table(rows)}")


if __name__ == "__main__":
    main()
