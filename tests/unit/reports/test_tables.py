"""Ranked groups as tables."""

import csv
import io

import pytest
from rich.console import Console

from digits.reports import tables
from digits.reports.ranking import rank
from digits.tracking.records import Record
from support import make_record


def record(value: float, seed: int, **parameters: str) -> Record:
    metrics = {"val_accuracy": value, "test_accuracy": 0.9, "val_loss": 1 - value}
    return make_record(metrics=metrics, seed=seed, **parameters)


ROWS = tables.to_rows(rank([record(0.9, 0, model="a"), record(0.8, 1, model="a"), record(0.7, 0, model="b")]))


def test_the_table_in_markdown() -> None:
    assert tables.to_markdown(ROWS).splitlines() == [
        "| rank | model | runs | val_accuracy | behind | test_accuracy |",
        "| --- | --- | --- | --- | --- | --- |",
        "| 1 | a | 2 | 0.8500 ± 0.0707 |  | 0.9000 ± 0.0000 |",
        "| 2 | b | 1 | 0.7000 | 0.1500 ± 0.0866 | 0.9000 |",
    ]


def test_the_table_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    tables.print_csv(ROWS)
    assert list(csv.DictReader(io.StringIO(capsys.readouterr().out))) == ROWS


def test_the_table_on_the_terminal_has_every_cell_unbroken(capsys: pytest.CaptureFixture[str]) -> None:
    tables.print_table(ROWS)
    lines = capsys.readouterr().out.splitlines()
    for row in ROWS:
        assert any(all(cell in line for cell in row.values()) for line in lines), row


def printed(
    rows: tables.Rows, width: int, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
) -> list[str]:
    """Return the lines of the table in a window of this width."""
    patch.setattr(tables, "console", lambda: Console(width=width, highlight=False))
    tables.print_table(rows)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_columns_are_aligned_whatever_is_in_the_cells(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"rank": "1", "模型": "[bold]a[/bold]", "z": "|"}, {"rank": "10", "模型": "é 数", "z": "|"}]
    _, header, line, *cells, _ = printed(rows, 60, capsys, monkeypatch)
    assert header == "  rank   模型             z"
    assert line == f" {'─' * 27}"
    assert cells == ["  1      [bold]a[/bold]   |", "  10     é 数             |"]


SEARCHED = [
    {
        "rank": "1",
        "recipe.weight_decay": "0.000156",
        "model.filters": "[24, 64, 128]",
        "runs": "2",
        "val_accuracy": "0.9725 ± 0.0010",
        "behind": "",
        "train_seconds": "2.1 ± 0.1",
    },
    {
        "rank": "2",
        "recipe.weight_decay": "0.004814",
        "model.filters": "[16, 32, 64]",
        "runs": "1",
        "val_accuracy": "0.9625",
        "behind": "0.0100 ± 0.0012",
        "train_seconds": "2.2",
    },
]


def test_in_a_narrow_window_names_are_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, *lines, _ = printed(SEARCHED, 83, capsys, monkeypatch)
    assert lines == [
        "       weight                       val                               train",
        " rank  decay     filters      runs  accuracy         behind           seconds",
        "─" * 80,
        " 1     0.000156  [24,64,128]  2     0.9725 ± 0.0010                   2.1 ± 0.1",
        " 2     0.004814  [16,32,64]   1     0.9625           0.0100 ± 0.0012  2.2",
    ]


def test_in_a_narrower_window_the_least_important_columns_are_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, best, other, _, left_out, _ = printed(SEARCHED, 60, capsys, monkeypatch)
    assert best == " 1     0.000156  [24,64,128]  2     0.9725 ± 0.0010"
    assert other == " 2     0.004814  [16,32,64]   1     0.9625"
    assert left_out == "no room for train_seconds, behind"


def test_if_nothing_else_helps_what_tells_the_groups_apart_is_below_each_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, header, _, *cells, _ = printed(SEARCHED, 35, capsys, monkeypatch)
    assert header == " rank  runs  val_accuracy     behind           train_seconds"
    assert cells == [
        " 1     2     0.9725 ± 0.0010                   2.1 ± 0.1",
        "       weight_decay=0.000156",
        "       filters=[24,64,128]",
        " 2     1     0.9625           0.0100 ± 0.0012  2.2",
        "       weight_decay=0.004814",
        "       filters=[16,32,64]",
    ]


@pytest.mark.parametrize("width", [240, 100, 81, 70, 60])
def test_the_table_is_not_wider_than_the_window_and_has_every_accuracy(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(SEARCHED, width, capsys, monkeypatch)
    assert max(map(len, lines)) <= width
    assert all(any(row["val_accuracy"] in line for line in lines) for row in SEARCHED)


def test_people_see_short_names_and_programs_the_whole(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [SEARCHED[0] | {"recipe.flip": "True", "data.flip": "True"}]
    tables.print_csv(rows)
    assert capsys.readouterr().out.splitlines()[0].startswith("rank,recipe.weight_decay,model.filters,")
    assert list(tables.shortened(rows)[0]) == [
        *("rank", "weight_decay", "filters", "runs", "val_accuracy", "train_seconds"),
        *("recipe.flip", "data.flip"),
    ]


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
    (row,) = tables.to_rows(rank([make_record(metrics={"val_accuracy": 0.9, "train_seconds": 2.345})]))
    assert row["train_seconds"] == "2.3"


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
