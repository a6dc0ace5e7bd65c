"""The addresses of MLflow's pages."""

from urllib.parse import parse_qs, urlsplit

import pytest

from digits.tracking import pages, store

SERVER = "https://mlflow.example"


@pytest.fixture(autouse=True)
def experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The experiment in a store that is not opened."""
    monkeypatch.setattr(store, "use", lambda: "7")


def query(address: str) -> dict[str, str]:
    """Return the settings of the page, which follow the # of the address."""
    settings = parse_qs(urlsplit(urlsplit(address).fragment).query, strict_parsing=True)
    return {key: value for key, (value,) in settings.items()}


@pytest.mark.parametrize("server", [SERVER, f"{SERVER}/"])
def test_the_address_is_the_chart_page_of_the_experiment(server: str) -> None:
    address = pages.comparison(server)
    assert address.startswith(f"{SERVER}/#/experiments/7/runs?")
    assert query(address)["workflowType"] == "machine_learning"
    assert query(address)["compareRunsMode"] == "CHART"
    assert (query(address)["orderByKey"], query(address)["orderByAsc"]) == ("metrics.`val_accuracy`", "false")


def test_the_address_of_a_store_leaves_out_the_parents_which_have_no_model() -> None:
    assert query(pages.comparison(SERVER))["searchFilter"] == "params.model != ''"


def test_the_address_of_a_sweep_has_its_trials_and_no_other_runs() -> None:
    assert query(pages.comparison(SERVER, "0123abc"))["searchFilter"] == "tags.sweep = '0123abc'"


def test_the_address_with_a_view_has_neither_filter_nor_order_with_which_mlflow_would_not_open_it() -> None:
    address = pages.comparison(SERVER, "0123abc", "digits-1")
    assert query(address) == {
        "workflowType": "machine_learning",
        "compareRunsMode": "CHART",
        "viewStateShareKey": "digits-1",
    }


def test_the_address_of_a_run_is_its_page_for_training_runs() -> None:
    assert pages.run(f"{SERVER}/", "0123abc") == (
        f"{SERVER}/#/experiments/7/runs/0123abc?workflowType=machine_learning"
    )


@pytest.mark.parametrize(
    ("uri", "server"), [(f"{SERVER}/", SERVER), ("sqlite:///mlflow.db", "http://127.0.0.1:5000")]
)
def test_a_database_is_shown_by_this_machine(monkeypatch: pytest.MonkeyPatch, uri: str, server: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert pages.server() == server
