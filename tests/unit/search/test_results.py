"""What is shown of a sweep or a search, and kept with its parent."""

import csv
from collections.abc import Sequence
from pathlib import Path

import mlflow
import pytest
from rich.console import Console

from digits.reports import figures, tables
from digits.reports.ranking import Group, rank
from digits.search import results
from digits.tracking import runs, store
from support import make_record, recorded_runs


def ranked(**values: list[str]) -> list[Group]:
    """Return groups that differ in one parameter, the best first."""
    ((name, differing),) = values.items()
    records = [
        make_record(metrics={"val_accuracy": 0.9 - number / 1000}, **{name: value})
        for number, value in enumerate(differing)
    ]
    return rank(records)


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The labels in the figure, once it is drawn."""
    drawn: list[str] = []

    def draw(_: str, groups: Sequence[Group], labels: Sequence[str], file: Path) -> None:
        assert len(groups) == len(labels)
        drawn.extend(labels)
        file.touch()

    monkeypatch.setattr(figures, "draw_ranking", draw)
    return drawn


def report(groups: list[Group], folder: Path) -> None:
    store.use()
    with runs.run("sweep") as parent:
        results.report(parent, groups, groups[0], "the command", folder)


@pytest.mark.usefixtures("recording")
def test_the_ranking_is_printed_and_kept_with_the_parent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "summary"
    folder.mkdir()
    (folder / "more.png").touch()
    report(ranked(model=["small", "compact"]), folder)
    (parent,) = recorded_runs()
    kept = {file.path for file in mlflow.MlflowClient().list_artifacts(parent.info.run_id)}
    assert kept == {"ranking.csv", "ranking.md", "ranking.png", "more.png"}
    with (folder / "ranking.csv").open() as stream:
        assert [(row["rank"], row["model"]) for row in csv.DictReader(stream)] == [
            ("1", "small"),
            ("2", "compact"),
        ]
    assert (folder / "ranking.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "ranking.md").read_text().startswith("| rank | model |")
    assert parent.data.tags["mlflow.note.content"] == (
        "Best of 2 configurations in 2 runs: `model=small` with val_accuracy 0.9000 (1 run). "
        "The whole ranking is in the artifacts: ranking.md, ranking.csv, ranking.png. "
        "To repeat it: `the command`"
    )
    assert parent.data.metrics == {"best_val_accuracy": 0.9}
    rows = [line.split()[:2] for line in capsys.readouterr().out.splitlines() if "0." in line]
    assert rows == [["1", "small"], ["2", "compact"]]


@pytest.mark.usefixtures("recording")
def test_groups_in_the_figure_are_labelled_with_what_tells_them_apart(
    tmp_path: Path, labels: list[str]
) -> None:
    report(ranked(model=["small", "compact"]), tmp_path / "summary")
    assert labels == ["model=small", "model=compact"]


@pytest.mark.usefixtures("recording")
def test_groups_in_the_figure_are_numbered_if_labels_would_be_long(tmp_path: Path, labels: list[str]) -> None:
    report(ranked(model=["small", "x" * 60]), tmp_path / "summary")
    assert labels == ["rank 1", "rank 2"]


@pytest.mark.usefixtures("recording")
def test_the_figure_has_the_best_groups_and_the_table_all(tmp_path: Path, labels: list[str]) -> None:
    count = results.LARGEST_FIGURE + 1
    report(ranked(epochs=[str(number) for number in range(count)]), tmp_path / "summary")
    assert labels == [f"epochs={number}" for number in range(count - 1)]
    assert len((tmp_path / "summary/ranking.md").read_text().splitlines()) == 2 + count


def test_a_trial_is_printed_with_its_values(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"learning_rate": 0.123456789, "model.filters": "[16, 32]", "model.first_layer": '"cosines"'}
    results.print_trial("trial 3: val_accuracy 0.9725", values)
    monkeypatch.setattr(tables, "console", lambda: Console(width=60))
    results.print_trial("trial 3: val_accuracy 0.9725", values)
    assert capsys.readouterr().out.splitlines() == [
        "trial 3: val_accuracy 0.9725  learning_rate=0.1235 filters=[16,32] first_layer=cosines",
        "trial 3: val_accuracy 0.9725  learning_rate=0.1235",
        "    filters=[16,32] first_layer=cosines",
    ]


def test_where_to_look_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results.print_where_to_look("0123abc", "the command", tmp_path)
    assert capsys.readouterr().out == (
        "best by validation accuracy; to repeat it: the command\n\n"
        f"tables and figures: {tmp_path}\n"
        "look at the trials: make ui SWEEP=0123abc\n\n"
    )
