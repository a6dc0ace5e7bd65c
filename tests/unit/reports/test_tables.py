"""Ranked groups as tables."""

import csv
import io

import pytest
from rich.console import Console

from digits.reports import tables
from digits.reports.ranking import rank
from digits.tracking.store import Record
from support import make_record


def record(value: float, seed: int, **parameters: str) -> Record:
    metrics = {"val_accuracy": value, "test_accuracy": 0.9, "val_loss": 1 - value}
    return make_record(metrics=metrics, seed=seed, **parameters)


ROWS = tables.to_rows(rank([record(0.9, 0, model="a"), record(0.8, 1, model="a"), record(0.7, 0, model="b")]))


def test_the_table_in_markdown() -> None:
    assert tables.to_markdown(ROWS).splitlines() == [
        "| rank | model | runs | val_accuracy | behind | test_accuracy | train_seconds |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| 1 | a | 2 | 0.8500 ± 0.0707 |  | 0.9000 ± 0.0000 |  |",
        "| 2 | b | 1 | 0.7000 | 0.1500 ± 0.0866 | 0.9000 |  |",
    ]


def test_the_table_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    tables.print_csv(ROWS)
    assert list(csv.DictReader(io.StringIO(capsys.readouterr().out))) == ROWS


def test_the_table_on_the_terminal_has_every_cell_unbroken(capsys: pytest.CaptureFixture[str]) -> None:
    tables.print_table(ROWS)
    lines = capsys.readouterr().out.splitlines()
    for row in ROWS:
        assert any(all(cell in line for cell in row.values()) for line in lines), row


ODD_ROWS = [{"rank": "1", "模型": "[bold]a[/bold]"}, {"rank": "10", "模型": "é 数"}]


@pytest.mark.parametrize("rows", [ROWS, ODD_ROWS])
def test_the_table_is_the_same_as_that_of_rich(
    rows: tables.Rows, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables.print_table(rows)
    ours = capsys.readouterr().out
    monkeypatch.setattr(tables, "_width", lambda _: 10_000)  # as if the window were narrow
    tables.print_table(rows)
    assert capsys.readouterr().out == ours


def test_in_a_narrow_window_the_text_of_a_cell_has_several_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "console", lambda: Console(width=60, highlight=False))
    tables.print_table(ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert not any(all(cell in line for cell in ROWS[0].values()) for line in lines)


def test_without_replicates_nothing_is_said_of_the_noise() -> None:
    rows = tables.to_rows(rank([record(0.9, 0, model="a"), record(0.8, 0, model="b")]))
    assert [row["behind"] for row in rows] == ["", "0.1000"]


def test_a_loss_is_behind_by_how_much_it_is_higher() -> None:
    groups = rank([record(0.9, 0, model="a"), record(0.8, 0, model="b")], "val_loss")
    rows = tables.to_rows(groups, "val_loss")
    assert [(row["model"], row["val_loss"], row["behind"]) for row in rows] == [
        ("a", "0.1000", ""),
        ("b", "0.2000", "0.1000"),
    ]


def test_the_metric_of_the_ranking_has_one_column() -> None:
    groups = rank([record(0.9, 0, model="a")], "test_accuracy")
    assert list(tables.to_rows(groups, "test_accuracy")[0]) == [
        "rank",
        "runs",
        "test_accuracy",
        "behind",
        "train_seconds",
    ]


def test_seconds_have_one_digit_after_the_point() -> None:
    (row,) = tables.to_rows(rank([make_record(metrics={"val_accuracy": 0.9, "train_seconds": 12.345})]))
    assert row["train_seconds"] == "12.3"


def test_optimizer_and_schedule_are_columns_only_where_they_vary_within_a_recipe() -> None:
    onecycle = {"recipe": "onecycle", "optimizer": "sgd", "schedule": "onecycle"}
    tutorial = {"recipe": "tutorial", "optimizer": "adam", "schedule": "constant"}
    rows = tables.to_rows(rank([record(0.9, 0, **onecycle), record(0.8, 0, **tutorial)]))
    assert list(rows[0])[1:-5] == ["recipe"]
    with_adam = onecycle | {"optimizer": "adam"}
    rows = tables.to_rows(
        rank([record(value, 0, **each) for value, each in ((0.9, onecycle), (0.8, with_adam))])
    )
    assert list(rows[0])[1:-5] == ["optimizer"]
