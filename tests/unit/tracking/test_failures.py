"""What is said of a store that is away, and which errors are for good."""

from collections.abc import Iterator

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INVALID_PARAMETER_VALUE,
    PERMISSION_DENIED,
    RESOURCE_DOES_NOT_EXIST,
    UNAUTHENTICATED,
)

from digits.tracking.failures import is_final, not_opened, reason_of
from faulty_proxy import FaultyProxy, faulty_proxy
from support import free_port


@pytest.fixture(scope="module")
def proxy() -> Iterator[FaultyProxy]:
    """A proxy in front of nothing."""
    with faulty_proxy(free_port()) as running:
        yield running


def error_of(address: str, monkeypatch: pytest.MonkeyPatch) -> Exception:
    """Return what MLflow's client raises if it asks the server at this address for an experiment."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with pytest.raises(MlflowException) as raised:
        mlflow.MlflowClient(address).get_experiment_by_name("digits")
    return raised.value


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("refuses", "the connection broke off"),
        ("error 500", "HTTP status 500"),
        ("hangs", "no answer in time"),
        ("login page", "the answer is not one of MLflow"),
        ("loses the answer", "the connection broke off"),
    ],
)
def test_the_reason_is_what_happened_without_the_request(
    fault: str, reason: str, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.fault = fault
    error = error_of(proxy.address, monkeypatch)
    assert reason_of(error) == reason
    assert not is_final(error)


def test_a_server_that_is_not_there_refuses_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reason_of(error_of(f"http://127.0.0.1:{free_port()}", monkeypatch)) == "Connection refused"


def test_of_a_database_the_reason_is_said_without_the_statement() -> None:
    error = MlflowException(
        "(sqlite3.OperationalError) database or disk is full\n[SQL: INSERT INTO runs ...]"
    )
    assert reason_of(error) == "database or disk is full"


def test_a_long_reason_is_cut_and_has_no_password() -> None:
    reason = reason_of(ValueError(f"http://ann:secret@host/{'x' * 1000}"))
    assert reason.startswith("http://host/xxx")
    assert len(reason) == 300


@pytest.mark.parametrize(
    ("request_path", "answer", "words"),
    [
        (
            "runs/create",
            "Permission denied",
            "does not let the user eve write to the experiment ours (runs/create); ask an admin of the "
            "server for the permission EDIT, or set MLFLOW_EXPERIMENT_NAME to an experiment of your own",
        ),
        ("experiments/get-by-name", "Permission denied", "eve read the experiment ours "),
        ("model-versions/create", "Permission denied", "eve write to the registered models ours "),
        ("experiments/get-by-name", "Invalid Host header - possible", "start it with --allowed-hosts"),
    ],
)
def test_what_a_server_does_not_permit_is_said_with_what_to_ask_for(
    request_path: str, answer: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "eve")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "ours")
    text = f"API request to endpoint /api/2.0/mlflow/{request_path} failed with error code 403 != 200."
    error = MlflowException(f"{text} Response body: '{answer}'", PERMISSION_DENIED)
    assert words in not_opened("http://server", error)
    assert not is_final(error)


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (MlflowException("too long", INVALID_PARAMETER_VALUE), True),
        (MlflowException("no such run", RESOURCE_DOES_NOT_EXIST), True),
        (KeyError("a bug"), True),
        (MlflowException("who are you", UNAUTHENTICATED), False),
        (MlflowException("out of order"), False),
        (OSError("no space"), False),
    ],
)
def test_what_the_store_will_never_take_is_told_from_what_it_may_take_later(
    error: Exception, final: bool
) -> None:
    assert is_final(error) is final
