"""bench.py keeps what it measures."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import bench
from bench_report import PLAIN, Row, to_markdown
from measuring import PRESETS, Usage
from support import ROOT


def make_row(name: str, seed: int, seconds: float = 1.0) -> Row:
    scores = {"test_accuracy": 0.99, "train_seconds": seconds}
    usage = Usage(wall=9.0, processor=2 * seconds, peak=100)
    return bench.to_row(name, seed, usage, scores) | {"parameters": 10, "epochs": 1}


def contestant(name: str, seconds: float, interrupted_at: int | None = None) -> Callable[[int], Row]:
    """Return a function that measures without training, and is interrupted at one of the seeds."""

    def run(seed: int) -> Row:
        if seed == interrupted_at:
            raise KeyboardInterrupt
        return make_row(name, seed, seconds)

    return run


def keys(rows: list[Row]) -> list[tuple[str, int]]:
    return [(row["name"], row["seed"]) for row in rows]


def read(file: Path) -> list[Row]:
    rows: list[Row] = json.loads(file.read_text())["rows"]
    return rows


def test_an_interrupt_loses_only_the_measurement_that_was_under_way(tmp_path: Path) -> None:
    contestants = {
        PLAIN: contestant(PLAIN, 1.0),
        "tutorial": contestant("tutorial", 1.0),
        "sprint": contestant("sprint", 1.0, interrupted_at=1),
    }
    with pytest.raises(KeyboardInterrupt):
        bench.keep(bench.measure(contestants, seeds=2), [], tmp_path / "results.json", "here")
    kept = [(PLAIN, 0), ("tutorial", 0), ("sprint", 0), (PLAIN, 1), ("tutorial", 1)]
    assert keys(read(tmp_path / "results.json")) == kept
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_an_interrupt_leaves_earlier_measurements_that_were_to_be_replaced(tmp_path: Path) -> None:
    earlier = [make_row("best", 0, seconds=7.0), make_row("sprint", 0, seconds=7.0)]
    contestants = {PLAIN: contestant(PLAIN, 1.0), "sprint": contestant("sprint", 1.0, interrupted_at=0)}
    with pytest.raises(KeyboardInterrupt):
        bench.keep(bench.measure(contestants, seeds=1), earlier, tmp_path / "results.json", "here")
    kept = read(tmp_path / "results.json")
    assert keys(kept) == [("best", 0), ("sprint", 0), (PLAIN, 0)]
    assert kept[:2] == earlier


def test_a_complete_measurement_replaces_all_earlier_ones_of_its_presets(tmp_path: Path) -> None:
    earlier = [make_row(name, seed, seconds=7.0) for name in (PLAIN, "best", "sprint") for seed in (0, 1)]
    contestants = {PLAIN: contestant(PLAIN, 1.0), "sprint": contestant("sprint", 2.0)}
    rows = bench.keep(bench.measure(contestants, seeds=1), earlier, tmp_path / "results.json", "here")
    assert rows == read(tmp_path / "results.json")
    assert {key: row["train_seconds"] for key, row in zip(keys(rows), rows, strict=True)} == {
        (PLAIN, 0): 1.0,
        (PLAIN, 1): 7.0,
        ("best", 0): 7.0,
        ("best", 1): 7.0,
        ("sprint", 0): 2.0,
    }


def test_ratios_are_to_the_plain_script_with_the_same_seed() -> None:
    def plain(seed: int) -> Row:
        return make_row(PLAIN, seed, seconds=[2.0, 4.0][seed])

    contestants = {PLAIN: plain, "sprint": contestant("sprint", 1.0)}
    rows = list(bench.measure(contestants, seeds=2))
    ratios = {key: row["train_seconds_ratio"] for key, row in zip(keys(rows), rows, strict=True)}
    assert ratios == {(PLAIN, 0): 1, ("sprint", 0): 0.5, (PLAIN, 1): 1, ("sprint", 1): 0.25}
    assert [row["processor_seconds_ratio"] for row in rows] == [1, 0.5, 1, 0.25]
    assert [row["peak_bytes_ratio"] for row in rows] == [1, 1, 1, 1]


def test_the_committed_results_have_every_contestant_in_the_format_of_today() -> None:
    file = ROOT / "benchmarks/results.json"
    if not file.exists():
        pytest.skip("nothing has been measured in this project yet")
    results = read(file)
    (today,) = bench.measure({PLAIN: contestant(PLAIN, 1.0)}, seeds=1)
    assert all(list(row) == list(today) for row in results)
    lines = to_markdown(results).splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == [f"| {name}" for name in (PLAIN, *PRESETS)]


def test_the_table_has_no_deviation_for_a_single_seed() -> None:
    rows = list(bench.measure({PLAIN: contestant(PLAIN, 1.0)}, seeds=2))
    assert f"| {PLAIN} | 10 | 1 | 99.00 ± 0.00 | 2 | 1 | 1 | 1 |" in to_markdown(rows)
    assert f"| {PLAIN} | 10 | 1 | 99.00 | 1 | 1 | 1 | 1 |" in to_markdown(rows[:1])
