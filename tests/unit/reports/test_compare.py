"""src/compare.py: the runs of the store, ranked."""

import contextlib
import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from digits.base.errors import UserError
from digits.data.splits import Splits
from digits.learning.history import Epoch
from digits.reports.background import Drawing, drawing_process
from digits.reports.compare import CURVES, compare
from digits.reports.figures import Curves
from digits.tracking import runs
from digits.tracking.address import shown, tracking_uri
from support import CLASSES, ROOT, make_request, make_splits, run_script

pytestmark = pytest.mark.usefixtures("recording")


def record(accuracy: float, *overrides: str) -> None:
    """Record a run of two epochs."""
    with runs.training_run(make_request(*overrides), make_splits(), {}) as recorded:
        for number in (1, 2):
            recorded.log_epoch(
                Epoch(number, accuracy, 0.1, accuracy * number / 2, accuracy * number / 2, 0.2, 0.05, 1.5)
            )
        recorded.log_metrics({"test_accuracy": accuracy, "system/cpu": 50})


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return tmp_path / "compare.png"


@pytest.fixture(scope="module")
def drawing() -> Iterator[Drawing]:
    with drawing_process() as drawing:
        yield drawing


@pytest.fixture
def three_runs(recording: str) -> str:
    """Two replicates, and a run that is better."""
    record(0.8, "seed=0")
    record(0.9, "seed=1")
    record(0.95, "model.first_layer=cosines")
    return recording


@pytest.mark.usefixtures("three_runs")
@pytest.mark.parametrize(
    ("format", "start"),
    [("csv", "rank,model.first_layer,runs,"), ("markdown", "| rank | first_layer |")],
)
def test_the_ranking_is_exported(
    format: str, start: str, picture: Path, drawing: Drawing, capsys: pytest.CaptureFixture[str]
) -> None:
    compare("", "val_accuracy", format, picture, drawing)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(start)
    assert ["cosines" in line for line in lines if "0." in line] == [True, False]


@pytest.mark.usefixtures("three_runs")
def test_the_ranking_is_a_table_with_replicates_as_one_row(
    picture: Path, drawing: Drawing, capsys: pytest.CaptureFixture[str]
) -> None:
    compare("", "val_accuracy", "table", picture, drawing)
    printed = capsys.readouterr()
    best, replicates = (line.split() for line in printed.out.splitlines() if "0." in line)
    assert best[:4] == ["1", "cosines", "1", "0.9500"]
    assert replicates[:6] == ["2", "learnt", "2", "0.8500", "±", "0.0707"]
    assert printed.err == f"learning curves: {picture}\n"
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("three_runs")
def test_the_filter_selects_runs(picture: Path, drawing: Drawing, capsys: pytest.CaptureFixture[str]) -> None:
    compare(
        "params.`model.first_layer` = 'learnt' and params.seed = '1'", "val_accuracy", "csv", picture, drawing
    )
    _, row = capsys.readouterr().out.splitlines()
    assert row.startswith("1,1,0.9000,")


def record_on(digest: str, accuracy: float, seed: int) -> None:
    with runs.training_run(make_request(f"seed={seed}"), Splits({}, digest, CLASSES), {}) as recorded:
        recorded.log_metrics({"val_accuracy": accuracy})


@pytest.fixture
def two_data_sets(recording: str) -> str:
    """Runs with equal parameters on data that are not the same, as after an edit of the preset."""
    for seed in (0, 1):
        record_on("a" * 32, 0.8, seed)
        record_on("b" * 32, 0.9, seed)
    return recording


@pytest.mark.usefixtures("two_data_sets")
@pytest.mark.parametrize("format", ["table", "markdown"])
def test_each_data_set_has_a_table_and_a_picture_of_its_own(
    format: str, picture: Path, drawing: Drawing, capsys: pytest.CaptureFixture[str]
) -> None:
    compare("", "val_accuracy", format, picture, drawing)
    printed = capsys.readouterr()
    for digest, accuracy in (("a", "0.8000 ± 0.0000"), ("b", "0.9000 ± 0.0000")):
        table = printed.out.partition(f"sample, digest {digest * 12}\n")[2].partition("digest")[0]
        (row,) = (line for line in table.splitlines() if "±" in line)
        assert row.split("|" if format == "markdown" else None)[:1] in (["1"], [""])
        assert accuracy in row
        file = picture.with_name(f"compare-sample-{digest * 12}.png")
        assert file.exists()
        assert f"learning curves: {file}\n" in printed.err
    assert not picture.exists()


@pytest.mark.usefixtures("two_data_sets")
def test_a_table_of_several_data_sets_in_csv_names_them(
    picture: Path, drawing: Drawing, capsys: pytest.CaptureFixture[str]
) -> None:
    compare("", "val_accuracy", "csv", picture, drawing)
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["data"][-12:], row["rank"], row["runs"]) for row in rows] == [
        ("b" * 12, "1", "2"),
        ("a" * 12, "1", "2"),
    ]


def test_runs_that_did_not_finish_are_left_out(
    picture: Path, drawing: Drawing, capsys: pytest.CaptureFixture[str]
) -> None:
    record(0.8)
    with (
        contextlib.suppress(RuntimeError),
        runs.training_run(make_request("seed=1"), make_splits(), {}) as recorded,
    ):
        recorded.log_metrics({"val_accuracy": 0.9})
        raise RuntimeError
    compare("", "val_accuracy", "csv", picture, drawing)
    _, row = capsys.readouterr().out.splitlines()
    assert row.startswith("1,1,0.8000,")


class Asked(Drawing):
    """Draws nothing."""

    def __init__(self) -> None:
        self.curves: Curves = {}

    def draw_curves(self, title: str, curves: Curves, file: Path) -> None:
        assert title.endswith(f"the best {CURVES} of {CURVES + 1}")
        assert not file.exists()
        self.curves = curves

    def wait(self) -> None:
        pass


def test_curves_are_drawn_of_the_best_groups_at_every_epoch(picture: Path) -> None:
    asked = Asked()
    for number in range(CURVES + 1):
        record(0.5 + number / 100, f"model.dropout=0.{number}")
    compare("", "val_accuracy", "csv", picture, asked)
    assert list(asked.curves) == [f"dropout=0.{number}" for number in range(CURVES, 0, -1)]
    assert asked.curves["dropout=0.1"] == {
        "accuracy": [[(1, 0.51), (2, 0.51)]],
        "val_accuracy": [[(1, 0.255), (2, 0.51)]],
    }


ASKS_WITHOUT_DRAWING = """
import sys
from pathlib import Path
from digits.reports.compare import compare

class Asked:
    def draw_curves(self, *job): pass
    def wait(self): pass

compare(sys.argv[1], "val_accuracy", "csv", Path(), Asked())
print("mlflow" in sys.modules)
"""


@pytest.mark.usefixtures("three_runs")
@pytest.mark.parametrize(("filter_string", "imported"), [("", "False"), ("params.seed != '9'", "True")])
def test_mlflow_which_takes_longer_than_all_else_is_imported_for_a_filter_alone(
    filter_string: str, imported: str
) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", ASKS_WITHOUT_DRAWING, filter_string]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    _, first, second, told = done.stdout.splitlines()
    assert first.startswith("1,cosines,1,0.9500,")
    assert second.startswith("2,learnt,2,0.8500 ± 0.0707,")
    assert told == imported


def test_what_prevents_a_picture_is_reported(tmp_path: Path, drawing: Drawing) -> None:
    record(0.8)
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        compare("", "val_accuracy", "csv", tmp_path / "file/compare.png", drawing)


def test_a_metric_that_no_run_has_is_refused_with_those_that_they_have(
    picture: Path, drawing: Drawing
) -> None:
    record(0.8)
    with pytest.raises(UserError) as refusal:
        compare("", "nope", "table", picture, drawing)
    assert str(refusal.value) == (
        "metric: none of the 1 runs that were selected has nope; they have accuracy, learning_rate, loss, "
        "seconds, test_accuracy, val_accuracy, val_balanced_accuracy, val_error_percent, val_loss"
    )
    assert not picture.exists()


def test_without_runs_the_refusal_names_the_store(picture: Path, drawing: Drawing) -> None:
    with pytest.raises(UserError, match="none of the 0 runs") as refusal:
        compare("", "val_accuracy", "table", picture, drawing)
    assert str(refusal.value).endswith(f"(in {shown(tracking_uri())})")


def test_a_wrong_filter_is_refused_in_one_line(picture: Path, drawing: Drawing) -> None:
    with pytest.raises(UserError, match=r"^filter: ") as refusal:
        compare("nothing of the kind", "val_accuracy", "table", picture, drawing)
    assert "\n" not in str(refusal.value)


def test_the_script_takes_filter_metric_format_and_picture(
    picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(0.8)
    record(0.9, "seed=1")
    words = ("params.seed = '0'", "--metric", "val_loss", "--format", "csv", "--picture", str(picture))
    assert run_script("compare.py", *words) is None
    assert capsys.readouterr().out.splitlines()[0] == "rank,runs,val_loss,behind,test_accuracy,train_seconds"
    assert picture.exists()


@pytest.mark.parametrize("words", [("--format", "nope"), ("--nope",), ("", "one too many")])
def test_a_wrong_argument_is_refused_in_one_line(words: tuple[str, ...]) -> None:
    message = str(run_script("compare.py", *words))
    assert message.startswith("error: ")
    assert message.endswith("; see --help")
    assert "\n" not in message
