"""Arrange MLflow's page of charts, as a view that is saved with the experiment.

The page itself shows a chart for each metric in alphabetical order, and keeps what a person makes of it in
one browser. A saved view is a tag of the experiment, and opens for everybody by its key in the address. The
names in it are those of MLflow 3.17 (Views > Save current view).
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import mlflow

from digits.tracking.failures import unless_denied

TAG = "mlflow.sharedViewState."  # and the key of the view
OURS = "digits-"  # a key begins with it
MOST = 20  # views of ours that are kept
SHOWN = 20  # runs
CHOSEN_BY = ("val_accuracy", "val_error_percent")
OTHERS = ("test_error_percent", "val_loss", "loss", "train_seconds")
OVER_EPOCHS = ("val_accuracy", "val_loss", "loss")  # are lines, which need not begin at 0; the rest are bars
COLUMNS = (*CHOSEN_BY, "test_accuracy", "test_error_percent", "train_seconds")


def save(experiment: str, name: str, filter_string: str, parameters: Sequence[str]) -> str | None:
    """Save the view `name`, of the runs that the filter selects and these `parameters` of them, and return
    its key. Return None if the server does not let this user write.

    A view of this name that has another content is replaced.
    """
    client, shared = mlflow.MlflowClient(), None
    state = json.dumps(_state(filter_string, parameters), sort_keys=True)
    key = OURS + hashlib.md5(f"{name} {state}".encode()).hexdigest()[:12]
    views = dict(_ours(client.get_experiment(experiment).tags))
    with unless_denied():
        if f"{TAG}{key}" not in views:
            client.set_experiment_tag(experiment, f"{TAG}{key}", _saved(name, state))
        shared = key
        newest = sorted(views, key=lambda tag: -views[tag]["createdAt"])
        for position, tag in enumerate(newest, start=2):
            if tag != f"{TAG}{key}" and (views[tag]["name"] == name or position > MOST):
                client.delete_experiment_tag(experiment, tag)
    return shared


def _ours(tags: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    return ((tag, json.loads(value)) for tag, value in tags.items() if tag.startswith(TAG + OURS))


def _saved(name: str, state: str) -> str:
    """Return the value of the tag."""
    moment = int(time.time() * 1000)
    packed = "deflate;" + base64.b64encode(zlib.compress(state.encode())).decode()
    return json.dumps({"name": name, "createdAt": moment, "updatedAt": moment, "state": packed})


def _state(filter_string: str, parameters: Sequence[str]) -> dict[str, Any]:
    columns = [f"metrics.`{name}`" for name in COLUMNS] + [f"params.`{name}`" for name in parameters]
    parallel = {"selectedParams": list(parameters), "selectedMetrics": ["val_error_percent"]}
    axes = {
        axis: {"key": key, "type": "METRIC"}
        for axis, key in (("xaxis", "train_seconds"), ("yaxis", "val_error_percent"))
    }
    return {
        "searchFilter": filter_string,
        # ordered by creation, trials would be folded away below their parent, whatever the filter
        "orderByKey": "metrics.`val_accuracy`",
        "orderByAsc": False,
        "selectedColumns": columns,
        "columnOrder": columns,
        "runsHiddenMode": f"FIRST_{SHOWN}_RUNS",
        "isAccordionReordered": True,  # or MLflow orders the sections by their names
        "compareRunSections": [
            _section("validation", "Validation"),
            _section("parameters", "Parameters and time"),
            _section("others", "Test, loss and time"),
            # where MLflow adds charts of all other metrics
            _section("Model metrics", "Model metrics", display=False),
            _section("System metrics", "System metrics", display=False),
        ],
        "compareRunCharts": [
            *(_metric(name, "validation") for name in CHOSEN_BY),
            _chart("PARALLEL", "parameters", showAllRuns=False, **parallel),
            _chart("SCATTER", "parameters", **axes),
            *(_metric(name, "others") for name in OTHERS),
        ],
    }


def _section(uuid: str, name: str, display: bool = True) -> dict[str, Any]:
    size = {"columns": 2, "cardHeight": 280}
    return {"uuid": uuid, "name": name, "display": display, "isReordered": True, "deleted": False, **size}


def _metric(name: str, section: str) -> dict[str, Any]:
    if name not in OVER_EPOCHS:
        return _chart("BAR", section, metricKey=name)
    line = {"selectedMetricKeys": [name], "xAxisKey": "step", "yAxisKey": "metric", "lineSmoothness": 0}
    scales = {"xAxisScaleType": "linear", "scaleType": "linear", "range": {}}
    return _chart("LINE", section, metricKey=name, **line, **scales)


def _chart(kind: str, section: str, **settings: Any) -> dict[str, Any]:
    uuid = f"{kind}-{settings.get('metricKey', '')}"
    place = {"metricSectionId": section, "runsCountToCompare": SHOWN, "deleted": False, "isGenerated": False}
    return {"uuid": uuid, "type": kind, **place, **settings}
