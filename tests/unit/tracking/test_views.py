"""How MLflow's page of charts is arranged."""

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from digits.tracking import store, views

pytestmark = pytest.mark.usefixtures("recording")
OF_A_PERSON = f"{views.TAG}1a2b3c"


def save(name: str = "all", *parameters: str) -> str | None:
    return views.save(store.use(), name, "params.model != ''", parameters or ["seed"])


def tags() -> Mapping[str, str]:
    return dict(mlflow.get_experiment(store.use()).tags)


def names() -> list[str]:
    """Return the names of the saved views."""
    return sorted(json.loads(value)["name"] for value in tags().values())


def state(key: str | None) -> dict[str, Any]:
    """Return what the view has, read as MLflow's page reads it."""
    kind, _, packed = json.loads(tags()[f"{views.TAG}{key}"])["state"].partition(";")
    assert kind == "deflate"
    found: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return found


def test_the_first_charts_are_what_one_chooses_by_and_system_metrics_are_last() -> None:
    view = state(save())
    first, *_, last = (section["uuid"] for section in view["compareRunSections"])
    charts = [chart["metricKey"] for chart in view["compareRunCharts"] if chart["metricSectionId"] == first]
    assert charts == ["val_accuracy", "val_error_percent"]
    assert last == "System metrics"
    assert view["isAccordionReordered"]  # so that MLflow does not sort the sections


def test_no_bar_begins_at_zero_for_numbers_near_one() -> None:
    charts = state(save())["compareRunCharts"]
    assert not [
        chart for chart in charts if chart["type"] == "BAR" and chart["metricKey"].endswith("accuracy")
    ]


def test_every_chart_is_in_a_section() -> None:
    view = state(save())
    sections = {section["uuid"] for section in view["compareRunSections"]}
    assert {chart["metricSectionId"] for chart in view["compareRunCharts"]} <= sections


def test_the_table_and_the_parallel_coordinates_have_the_parameters() -> None:
    view = state(save("sweep", "learning_rate", "model.dropout"))
    (parallel,) = (chart for chart in view["compareRunCharts"] if chart["type"] == "PARALLEL")
    assert parallel["selectedParams"] == ["learning_rate", "model.dropout"]
    assert view["selectedColumns"][0] == "metrics.`val_accuracy`"
    assert view["selectedColumns"][-2:] == ["params.`learning_rate`", "params.`model.dropout`"]


def test_a_view_that_is_saved_again_stays_as_it_is() -> None:
    key, before = save(), tags()
    assert save() == key
    assert tags() == before


def test_a_view_with_another_content_replaces_the_one_of_its_name_and_no_other() -> None:
    first, other = save("all", "seed"), save("sweep", "seed")
    MlflowClient().set_experiment_tag(store.use(), OF_A_PERSON, '{"name": "all"}')
    second = save("all", "model")
    assert set(tags()) == {f"{views.TAG}{second}", f"{views.TAG}{other}", OF_A_PERSON}
    assert first != second


def test_the_oldest_views_are_removed_if_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST", 2)
    for moment, name in enumerate(("a", "b", "c")):
        monkeypatch.setattr("time.time", lambda moment=moment: float(moment))
        save(name)
    assert names() == ["b", "c"]


def test_a_view_is_small_enough_for_a_tag_of_an_experiment() -> None:
    save("x" * 500, *(f"recipe.schedule.parameter{number}" for number in range(6)))
    assert max(map(len, tags().values())) < 5000


def test_who_may_only_read_gets_no_view(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise MlflowException("no", PERMISSION_DENIED)

    monkeypatch.setattr(MlflowClient, "set_experiment_tag", refuse)
    assert save() is None
    assert tags() == {}
