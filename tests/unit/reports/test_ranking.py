"""Runs are folded into groups and ranked."""

import math
from typing import Any

import pytest

from digits.reports import ranking
from digits.reports.ranking import Group, Score
from digits.tracking.records import Record
from support import make_record


def record(
    val: float | None, seed: int = 0, test: float = 0.9, run_id: str = "r", **parameters: Any
) -> Record:
    metrics = {"test_accuracy": test} | ({} if val is None else {"val_accuracy": val})
    return make_record(run_id, metrics, seed=seed, **parameters)


def ranked_models(metric: str, values: dict[str, float]) -> list[str]:
    """Return the models of runs with these values of the metric, ranked."""
    records = [make_record(metrics={metric: value}, model=model) for model, value in values.items()]
    return [group.parameters["model"] for group in ranking.rank(records, metric)]


def test_replicates_are_one_group_and_ranked_by_validation() -> None:
    records = [
        record(0.90, 0, test=0.99, model="a"),
        record(0.94, 0, test=0.80, model="b"),
        record(0.92, 1, test=0.99, model="a"),
        record(0.96, 1, test=0.80, model="b"),
    ]
    best, other = ranking.rank(records)
    assert best.parameters == {"model": "b"}
    score = best.score("val_accuracy")
    assert score is not None
    assert (score.mean, score.deviation) == pytest.approx((0.95, math.sqrt(0.0002)))
    assert score.count == 2
    assert other.score("test_accuracy") == Score(0.99, 0, 2)


def test_runs_without_the_metric_are_left_out() -> None:
    assert ranking.rank([record(None, model="a")]) == []


def test_a_group_without_a_metric_has_no_score() -> None:
    assert Group({}, [make_record()]).score("val_loss") is None


def test_a_repeated_run_counts_once_and_the_newest_counts() -> None:
    (group,) = ranking.rank([record(0.9, run_id="new"), record(0.9, run_id="old"), record(0.8, seed=1)])
    assert [each.run_id for each in group.records] == ["new", "r"]


def test_the_runs_of_a_group_are_ordered_by_seed() -> None:
    (group,) = ranking.rank([record(0.9, seed) for seed in (10, 9, 2)])
    assert [each.parameters["seed"] for each in group.records] == ["2", "9", "10"]


@pytest.mark.parametrize("metric", ["val_accuracy", "test_accuracy"])
def test_an_accuracy_is_ranked_from_the_highest(metric: str) -> None:
    assert ranked_models(metric, {"a": 0.5, "b": 0.1, "c": 0.3}) == ["a", "c", "b"]


@pytest.mark.parametrize("metric", ["val_loss", "test_loss", "test_error_percent", "train_seconds"])
def test_a_loss_an_error_and_a_time_are_ranked_from_the_lowest(metric: str) -> None:
    assert ranked_models(metric, {"a": 0.5, "b": 0.1, "c": 0.3}) == ["b", "c", "a"]


def test_runs_that_differ_in_the_number_of_parameters_alone_are_one_group() -> None:
    (group,) = ranking.rank([record(0.9, 0, model="a", parameters="9"), record(0.8, 1, model="a")])
    assert len(group.records) == 2


def test_tags_do_not_tell_runs_apart() -> None:
    records = [
        Record(
            str(threads), "", "FINISHED", {"seed": str(threads)}, {"val_accuracy": 0.9}, {"threads": threads}
        )
        for threads in ("1", "8")
    ]
    (group,) = ranking.rank(records)
    assert len(group.records) == 2


COMPACT = {"model": "compact", "model.filters": "[8]", "parameters": "9", "recipe": "r", "epochs": "5"}
TUTORIAL = {"model": "tutorial", "model.units": "100", "parameters": "99", "recipe": "s", "epochs": "10"}


def varying(*parameters: dict[str, Any]) -> list[str]:
    return sorted(ranking.varying(ranking.rank([make_record(**each) for each in parameters])))


def test_what_follows_from_a_preset_does_not_tell_groups_apart() -> None:
    assert varying(COMPACT, TUTORIAL) == ["model", "recipe"]


def test_what_differs_within_a_preset_tells_groups_apart() -> None:
    assert varying(COMPACT, TUTORIAL, COMPACT | {"model.filters": "[16]"}) == [
        "model",
        "model.filters",
        "recipe",
    ]


@pytest.mark.parametrize("name", ["optimizer", "schedule", "epochs", "batch_size", "learning_rate"])
def test_what_a_recipe_chooses_tells_groups_apart_only_within_a_recipe(name: str) -> None:
    assert varying({"recipe": "r", name: "a"}, {"recipe": "s", name: "b"}) == ["recipe"]
    assert varying({"recipe": "r", name: "a"}, {"recipe": "r", name: "b"}) == [name]


def test_what_follows_from_the_optimizer_does_not_tell_groups_apart() -> None:
    sgd = {
        "recipe": "r",
        "optimizer": "sgd",
        "recipe.optimizer.name": "sgd",
        "recipe.optimizer.momentum": "0.9",
    }
    adam = {
        "recipe": "r",
        "optimizer": "adam",
        "recipe.optimizer.name": "adam",
        "recipe.optimizer.beta_1": "0.9",
    }
    assert varying(sgd, adam) == ["optimizer"]
    assert varying(sgd, sgd | {"recipe.optimizer.momentum": "0.5"}) == ["recipe.optimizer.momentum"]


def test_the_label_of_a_group_names_what_tells_it_apart() -> None:
    group = Group({"model": "a", "epochs": "5"}, [])
    assert ranking.group_label(group, ["model", "epochs"]) == "model=a epochs=5"
    assert ranking.group_label(group, []) == "all"


def test_a_short_name_is_as_much_of_the_end_as_no_other_name_has() -> None:
    assert ranking.short_names(
        ["model.filters", "recipe.flip", "data.flip", "optimizer", "recipe.optimizer"]
    ) == {
        "model.filters": "filters",
        "recipe.flip": "recipe.flip",
        "data.flip": "data.flip",
        "optimizer": "optimizer",
        "recipe.optimizer": "recipe.optimizer",
    }


def test_the_standard_error_of_a_difference_is_welchs() -> None:
    error = ranking.standard_error(Score(0.9, 0.03, 9), Score(0.8, 0.04, 4), pooled=None)
    assert error == pytest.approx(math.sqrt(0.03**2 / 9 + 0.04**2 / 4))


def test_deviations_are_pooled_by_their_degrees_of_freedom() -> None:
    pooled = ranking.pooled_deviation([Score(0.9, 0.03, 3), Score(0.9, 0.01, 2), Score(0.8, None, 1)])
    assert pooled == pytest.approx(math.sqrt((2 * 0.03**2 + 0.01**2) / 3))


def test_a_single_run_borrows_the_deviation_of_the_others() -> None:
    error = ranking.standard_error(Score(0.9, 0.03, 3), Score(0.8, None, 1), pooled=0.02)
    assert error == pytest.approx(math.sqrt(0.03**2 / 3 + 0.02**2))


def test_without_replicates_there_is_no_standard_error() -> None:
    assert ranking.pooled_deviation([Score(0.9, None, 1)]) is None
    assert ranking.standard_error(Score(0.9, None, 1), Score(0.8, None, 1), pooled=None) is None


def test_runs_on_the_same_images_are_one_group_whatever_their_preset_is_called() -> None:
    idx: dict[str, Any] = {"data": "mnist", "data.source": "idx", "data.digest": "1"}
    folder: dict[str, Any] = {
        "data": "exported",
        "data.source": "folder",
        "data.test": "given",
        "data.digest": "1",
    }
    records = [record(0.9, 0, **idx), record(0.9, 1, **folder)]
    ((heading, same),) = ranking.by_data(records).items()
    assert heading == "exported, mnist, digest 1"
    (group,) = ranking.rank(same)
    assert group.score("val_accuracy") == Score(0.9, 0, 2)
    assert ranking.varying([group]) == []  # neither the name nor the source


@pytest.mark.parametrize("key", ["data.flip", "data.background"])
def test_what_the_data_say_of_training_tells_runs_apart(key: str) -> None:
    same: dict[str, Any] = {"data": "mine", "data.digest": "1"}
    records = [record(0.9, **same), record(0.9, **same | {key: "True"})]
    assert len(ranking.rank(records)) == 2


def test_without_a_digest_the_preset_tells_data_apart() -> None:
    records = [record(0.9, data="mnist"), record(0.9, data="sample")]
    assert list(ranking.by_data(records)) == ["mnist, digest not recorded", "sample, digest not recorded"]
