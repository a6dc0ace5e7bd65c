"""Which model becomes champion."""

import math
import threading
from typing import Any

import mlflow
import pytest

from digits.base.errors import UserError
from digits.serving import promotion
from digits.serving.candidates import Comparison, compare
from digits.tracking import registry
from digits.tracking.registry import Version, registered_name

Record = Any
Capture = pytest.CaptureFixture[str]


def promote(run: str | None = None, force: bool = False, data: str = "sample") -> None:
    promotion.promote(run, data, force)


def champion() -> Version:
    found = registry.champion(registered_name("sample"))
    assert found
    return found


def aliases() -> dict[int, tuple[str, ...]]:
    return {version.number: version.aliases for version in registry.versions(registered_name("sample"))}


def test_a_comparison_counts_the_images_on_which_two_models_differ() -> None:
    candidate = [("a", "a"), ("a", "a"), ("b", "a"), ("b", "b")]
    before = [("a", "b"), ("a", "a"), ("b", "b"), ("b", "b")]
    assert compare(candidate, before) == Comparison(better=1, worse=1, images=4)


def test_the_standard_error_is_that_of_the_mean_of_the_differences() -> None:
    comparison = Comparison(better=12, worse=4, images=600)
    differences = [1] * 12 + [-1] * 4 + [0] * 584
    mean = sum(differences) / 600
    variance = sum((each - mean) ** 2 for each in differences) / 600
    assert comparison.difference == pytest.approx(mean)
    assert comparison.standard_error == pytest.approx(math.sqrt(variance / 600))


@pytest.mark.parametrize(
    ("better", "worse", "p"), [(5, 0, 2 / 2**5), (8, 2, 2 * (1 + 10 + 45) / 2**10), (0, 0, 1)]
)
def test_the_p_value_is_that_of_the_exact_test(better: int, worse: int, p: float) -> None:
    assert Comparison(better, worse, 100).p_value == pytest.approx(p)


def test_the_first_model_is_champion_and_the_version_says_everything(record: Record, capsys: Capture) -> None:
    run_id = record(90)
    promote(run_id)
    version, run = champion(), mlflow.get_run(run_id)
    said = f"{version.name} version 1 is champion: accuracy 90.00% on validation\nthere was no champion\n"
    assert capsys.readouterr().out == said
    assert (version.number, version.run_id) == (1, run_id)
    assert version.tags["run_name"] == run.info.run_name
    assert version.tags["data_digest"] == run.data.params["data.digest"]
    assert version.tags["champion_by"] == run.data.tags["mlflow.user"]
    described = mlflow.MlflowClient().get_model_version(version.name, "1").description or ""
    assert f"From run {run.info.run_name} ({run_id}): accuracy 90.00% on validation" in described
    assert f"Champion since {version.tags['champion_since']}, by " in described
    loaded = mlflow.pyfunc.load_model(f"models:/{version.name}@champion")
    assert loaded.metadata.run_id == run_id


def test_a_better_model_takes_its_place(record: Record, capsys: Capture) -> None:
    promote(record(90))
    promote(record(95))
    assert champion().number == 2
    assert champion().tags["replaced"] == "1"
    assert "against version 1: 5 better and 0 worse of 100 validation images" in capsys.readouterr().out


def test_one_that_is_better_by_less_than_the_standard_error_is_challenger(
    record: Record, capsys: Capture
) -> None:
    promote(record(90, wrong=(1, 2)))
    promote(record(91, wrong=(3, 4)))  # 3 better, 2 worse
    assert aliases() == {2: ("challenger",), 1: ("champion",)}
    out = capsys.readouterr().out
    assert "3 better and 2 worse of 100 validation images, +1.00 ± 2.23 points" in out
    assert "version 1 stays champion, since more than one standard error is needed; force=true " in out


def test_a_worse_one_is_promoted_by_force(record: Record) -> None:
    promote(record(90))
    promote(record(80), force=True)
    assert champion().number == 2
    assert "10 worse" in champion().tags["why"]
    assert champion().tags["why"].endswith("promoted by force")


def test_without_a_run_the_best_on_validation_is_promoted(record: Record) -> None:
    record(80)
    best = record(95)
    record(90)
    promote()
    assert champion().run_id == best


def test_the_best_is_looked_for_among_the_runs_on_the_validation_images_of_the_newest(record: Record) -> None:
    record(99, digest="f" * 32)
    record(98, "split_seed=1")
    best = record(90)
    record(80)
    promote()
    assert champion().run_id == best


@pytest.mark.parametrize("overrides", [{"digest": "f" * 32}, {"answers": False}])
def test_what_cannot_be_compared_is_challenger_unless_it_is_forced(
    overrides: dict[str, Any], record: Record, capsys: Capture
) -> None:
    promote(record(90))
    run_id = record(99, **overrides)
    promote(run_id)
    assert champion().number == 1
    out = capsys.readouterr().out
    assert "not compared with version 1\n" in out
    assert "version 1 stays champion, since " in out
    promote(run_id, force=True)
    assert champion().number == 2
    assert aliases() == {2: ("champion",), 1: ()}


def test_a_run_that_is_promoted_again_has_one_version(record: Record, capsys: Capture) -> None:
    run_id = record(90)
    promote(run_id)
    promote(run_id)
    assert capsys.readouterr().out.endswith(f"{champion()} is the champion already\n")
    assert len(aliases()) == 1


def test_each_data_set_has_a_champion_of_its_own(record: Record) -> None:
    promote(record(90))
    promote(record(80, "data=digits8"), data="digits8")
    found = registry.champion(registered_name("digits8"))
    assert found
    assert found.number == 1
    assert champion().number == 1


def test_a_rollback_brings_back_one_champion_after_the_other(record: Record) -> None:
    for right in (80, 90, 99):
        promote(record(right))
    assert champion().number == 3
    for number in (2, 1):
        promotion.roll_back("sample")
        assert champion().number == number
    with pytest.raises(UserError, match="version 1 has replaced no version"):
        promotion.roll_back("sample")
    assert champion().number == 1


def test_the_list_shows_the_versions_newest_first(record: Record, capsys: Capture) -> None:
    promote(record(90))
    promote(record(80))
    capsys.readouterr()
    promotion.show_versions("sample")
    lines = [line for line in capsys.readouterr().out.splitlines() if "%" in line]
    assert [line.split()[:3] for line in lines] == [
        ["2", "challenger", "80.00%"],
        ["1", "champion", "90.00%"],
    ]


def test_two_promotions_at_once_end_with_one_champion_the_better_one(record: Record) -> None:
    promote(record(80))
    better = [record(right) for right in (90, 95)]
    threads = [threading.Thread(target=promote, args=(run_id,)) for run_id in better]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert champion().run_id == better[1]
    assert [names for names in aliases().values() if "champion" in names] == [("champion",)]


@pytest.mark.usefixtures("recording")
def test_what_does_not_exist_is_one_line() -> None:
    with pytest.raises(UserError, match="RUN: no runs have the id or name nothing"):
        promote("nothing")
    with pytest.raises(UserError, match="data: no finished run on sample"):
        promote()
    with pytest.raises(UserError, match="data: nothing is registered as "):
        promotion.show_versions("sample")
    with pytest.raises(UserError, match=r"data: .* has no champion"):
        promotion.roll_back("sample")
