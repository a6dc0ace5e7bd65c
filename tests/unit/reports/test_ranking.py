import math
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from digits import comparison, figures
from digits.comparison import Group, Score
from digits.config import CARD
from digits.store import Record


def record(
    val: float | None, seed: int = 0, test: float = 0.9, run_id: str = "r", **parameters: Any
) -> Record:
    metrics = {"test_accuracy": test} | ({} if val is None else {"val_accuracy": val})
    return Record(run_id, "name", "FINISHED", {"seed": str(seed)} | parameters, metrics, {})


def test_replicates_are_folded_and_ranked_by_validation() -> None:
    records = [
        record(0.90, 0, test=0.99, model="a"),
        record(0.94, 0, test=0.80, model="b"),
        record(0.92, 1, test=0.99, model="a"),
        record(0.96, 1, test=0.80, model="b"),
    ]
    best, other = comparison.fold(records)
    assert best.parameters == {"model": "b"}
    score = best.score("val_accuracy")
    assert score is not None
    assert (score.mean, score.deviation) == pytest.approx((0.95, math.sqrt(0.0002)))
    assert score.count == 2
    assert other.score("test_accuracy") == Score(0.99, 0, 2)


def test_runs_without_the_metric_are_left_out() -> None:
    assert comparison.fold([record(None, model="a")]) == []


def test_a_repeated_run_counts_once_and_the_newest_counts() -> None:
    (group,) = comparison.fold([record(0.9, run_id="new"), record(0.9, run_id="old"), record(0.8, seed=1)])
    assert [r.run_id for r in group.records] == ["new", "r"]


def test_a_loss_is_ranked_from_the_lowest() -> None:
    groups = comparison.fold([record(0.9, test=t, model=str(t)) for t in (0.5, 0.1, 0.3)], "test_accuracy")
    assert [g.parameters["model"] for g in groups] == ["0.5", "0.3", "0.1"]
    losses = [Record("", "", "", {"model": str(v)}, {"val_loss": v}, {}) for v in (0.5, 0.1, 0.3)]
    assert [g.parameters["model"] for g in comparison.fold(losses, "val_loss")] == ["0.1", "0.3", "0.5"]


def test_what_follows_from_a_preset_does_not_tell_groups_apart() -> None:
    compact: dict[str, Any] = {
        "model": "compact",
        "model.filters": "[8]",
        "parameters": "9",
        "recipe": "r",
        "epochs": "5",
    }
    tutorial: dict[str, Any] = {
        "model": "tutorial",
        "model.units": "100",
        "parameters": "99",
        "recipe": "s",
        "epochs": "10",
    }
    groups = comparison.fold([record(0.9, **compact), record(0.8, **tutorial)])
    assert sorted(comparison.varying(groups)) == ["model", "recipe"]
    wider = compact | {"model.filters": "[16]"}
    groups = comparison.fold([record(0.9, **compact), record(0.8, **tutorial), record(0.7, **wider)])
    assert sorted(comparison.varying(groups)) == ["model", "model.filters", "recipe"]


def test_the_standard_error_of_a_difference_is_welchs() -> None:
    error = comparison.standard_error(Score(0.9, 0.03, 9), Score(0.8, 0.04, 4), pooled=None)
    assert error == pytest.approx(math.sqrt(0.03**2 / 9 + 0.04**2 / 4))


def test_a_single_run_borrows_the_deviation_of_the_others() -> None:
    pooled = comparison.pooled_deviation([Score(0.9, 0.03, 3), Score(0.9, 0.01, 2), Score(0.8, None, 1)])
    assert pooled is not None
    assert pooled == pytest.approx(math.sqrt((2 * 0.03**2 + 0.01**2) / 3))
    assert comparison.standard_error(Score(0.9, 0.03, 3), Score(0.8, None, 1), pooled) == pytest.approx(
        math.sqrt(0.03**2 / 3 + pooled**2)
    )


def test_without_replicates_nothing_is_said_of_the_noise() -> None:
    rows = comparison.table(comparison.fold([record(0.9, model="a"), record(0.8, model="b")]))
    assert comparison.pooled_deviation([Score(0.9, None, 1)]) is None
    assert [row["behind"] for row in rows] == ["", "0.1000"]


def test_the_table_in_markdown() -> None:
    groups = comparison.fold(
        [record(v, seed, model=m) for m, v, seed in (("a", 0.9, 0), ("a", 0.8, 1), ("b", 0.7, 0))]
    )
    assert comparison.markdown(comparison.table(groups)).splitlines() == [
        "| rank | model | runs | val_accuracy | behind | test_accuracy | train_seconds |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| 1 | a | 2 | 0.8500 ± 0.0707 |  | 0.9000 ± 0.0000 |  |",
        "| 2 | b | 1 | 0.7000 | 0.1500 ± 0.0866 | 0.9000 |  |",
    ]


def test_the_command_repeats_the_first_run_of_a_group() -> None:
    card: dict[str, Any] = {
        "data": "sample",
        "model": "compact",
        "recipe": "onecycle",
        "split_seed": "0",
        "validation": "0.1",
    }
    card |= {"epochs": "2", "batch_size": "100", "learning_rate": "0.2", "threads": "2"}
    presets: dict[str, Any] = {
        "model.filters": "[8, 16]",
        "recipe.shift": "1",
        "recipe.rotation": "8.0",  # in the file it is 8
        "recipe.optimizer.momentum": "0.5",
    }
    (group,) = comparison.fold([record(0.9, seed, **card, **presets) for seed in (4, 3)])
    assert comparison.command(group, CARD, ROOT / "conf") == (
        "dvc exp run -S data=sample -S model=compact -S recipe=onecycle -S seed=3 -S split_seed=0 "
        "-S validation=0.1 -S epochs=2 -S batch_size=100 -S learning_rate=0.2 -S threads=2 "
        "-S 'conf/model/compact.yaml:filters=[8,16]' -S conf/recipe/onecycle.yaml:optimizer.momentum=0.5"
    )


def test_pictures_of_groups_are_drawn(tmp_path: Path) -> None:
    groups = [Group({"model": "a"}, [record(0.9, 0), record(0.8, 1)]), Group({"model": "b"}, [record(0.7)])]
    figures.ranking("title", groups, ["a", "b"], tmp_path / "ranking.png")
    lines = {"a": {"accuracy": [[(1, 0.5), (2, 0.9)]], "val_accuracy": [[(1, 0.4), (2, 0.8)]]}}
    figures.curves("title", lines, tmp_path / "curves.png")
    for name in ("ranking.png", "curves.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
