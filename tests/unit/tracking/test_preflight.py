"""What is looked at before a pipeline begins."""

import pytest

from digits.base.errors import UserError
from digits.tracking import preflight, store
from support import free_port


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a server that is away."""
    address = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    return address


def test_a_server_that_is_away_is_an_error_that_says_how_to_begin_all_the_same(address: str) -> None:
    with pytest.raises(UserError, match=rf"{address} .* with DIGITS_OFFLINE=true"):
        preflight.check_server(offline=False)


@pytest.mark.usefixtures("address")
def test_it_is_not_asked_if_a_training_may_begin_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(store, "check_writable")
    preflight.check_server(offline=True)


@pytest.mark.parametrize("address", ["", "sqlite:///mlflow.db"])
def test_a_store_in_a_file_is_not_opened(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.delattr(store, "check_writable")
    preflight.check_server(offline=False)
