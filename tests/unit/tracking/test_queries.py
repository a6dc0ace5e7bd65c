"""Many runs are read in one query, and the same way as by MLflow."""

from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from hypothesis import given

from digits.base.errors import UserError
from digits.base.processes import this_process
from digits.tracking import queries, store
from digits.tracking.keys import new_key
from digits.tracking.outbox import Outbox
from diverse_runs import (
    CLAUSES,
    FILTERS,
    METRICS,
    WRONG_FILTERS,
    assert_equally_read,
    assert_histories_equally_read,
    read_by_mlflow,
    record_diverse_runs,
)


@pytest.fixture(scope="module")
def diverse_runs(store_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A store with runs of every kind, for all tests here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(tmp_path_factory.mktemp("root")))
        patch.setenv("MLFLOW_TRACKING_URI", store_uri)
        patch.setenv("MLFLOW_EXPERIMENT_NAME", "diverse runs")
        record_diverse_runs()
        yield


@pytest.mark.usefixtures("diverse_runs")
@pytest.mark.parametrize("filter_string", ["", *CLAUSES])
def test_a_filter_selects_the_runs_that_mlflow_selects(filter_string: str) -> None:
    assert_equally_read(filter_string)


@pytest.mark.usefixtures("diverse_runs")
@given(FILTERS)
def test_several_conditions_select_the_runs_that_mlflow_selects(filter_string: str) -> None:
    assert_equally_read(filter_string)


@pytest.mark.usefixtures("diverse_runs")
@pytest.mark.parametrize("filter_string", WRONG_FILTERS)
def test_a_wrong_filter_is_refused_with_the_words_of_a_search(filter_string: str) -> None:
    with pytest.raises(UserError, match=r"^filter: ") as expected:
        store.search(filter_string)
    with pytest.raises(UserError) as refusal:
        queries.read_runs(filter_string, METRICS)
    assert str(refusal.value) == str(expected.value)


@pytest.mark.usefixtures("diverse_runs")
def test_only_the_metrics_that_are_asked_for_are_read() -> None:
    assert {name for run in queries.read_runs("", ["loss"]) for name in run.metrics} == {"loss"}
    assert not any(run.metrics for run in queries.read_runs("", []))


@pytest.mark.usefixtures("diverse_runs")
@pytest.mark.parametrize("filter_string", ["", "params.model = 'a'"])
def test_runs_of_one_status_are_those_that_mlflow_selects(filter_string: str) -> None:
    of_status = queries.read_runs(filter_string, METRICS, status="FAILED")
    assert [repr(run) for run in of_status] == [
        repr(run) for run in read_by_mlflow(queries.with_status("FAILED", filter_string))
    ]
    assert of_status


@pytest.mark.usefixtures("diverse_runs")
def test_the_histories_are_those_that_mlflow_has() -> None:
    assert_histories_equally_read()


@pytest.mark.usefixtures("diverse_runs")
def test_a_store_that_is_no_known_database_is_asked_through_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [run.run_id for run in queries.read_runs("", [])]
    monkeypatch.setattr(queries, "JSON_OBJECT", {})
    assert repr(queries.read_runs("", METRICS)) == repr(store.search())
    assert queries.read_histories(ids, "loss") == {id: store.metric_history(id, "loss") for id in ids}


@pytest.mark.usefixtures("diverse_runs")
def test_a_search_takes_as_many_answers_as_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [run.run_id for run in store.search()]
    monkeypatch.setattr(store, "PAGE", 2)
    assert [run.run_id for run in store.search()] == whole
    assert [run.run_id for run in store.search(limit=3)] == whole[:3]


@pytest.mark.usefixtures("recording")
def test_a_database_is_in_order_unless_something_is_left_to_do_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not queries.in_order()  # the experiment is not there yet
    client, experiment = mlflow.MlflowClient(), store.use()
    assert queries.in_order()
    client.create_run(experiment, tags={"host": "another machine"})
    assert queries.in_order()
    run_id = client.create_run(experiment, tags={"host": this_process()["host"]}).info.run_id
    assert not queries.in_order()  # its process can have been killed
    client.set_terminated(run_id)
    assert queries.in_order()
    waiting = Outbox(new_key(), ("store", "experiment"))
    assert not queries.in_order()
    waiting.remove()
    assert queries.in_order()
    monkeypatch.setattr(queries, "JSON_OBJECT", {})
    assert not queries.in_order()


def test_a_store_that_is_not_there_is_not_in_order_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mlflow.db"
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{file}")
    assert not queries.in_order()
    assert not file.exists()
    file.write_text("no database" * 100)
    assert not queries.in_order()
