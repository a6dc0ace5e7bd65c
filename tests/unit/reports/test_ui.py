"""src/ui.py: the address at which runs are compared."""

import socket
from collections.abc import Iterator

import pytest

from digits.base.errors import UserError
from digits.reports import ui
from digits.tracking import pages, store
from support import run_script

SERVER = "https://mlflow.example"


@pytest.fixture(autouse=True)
def experiment(monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of the experiment in a store that is not opened."""
    monkeypatch.setattr(store, "use", lambda: "7")
    monkeypatch.setattr(ui, "open_store", lambda: None)
    return "7"


@pytest.fixture
def used_port() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_port_in_use_is_refused_with_another(used_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(UserError) as refusal:
        ui.show(used_port)
    assert str(refusal.value) == (
        f"PORT: something answers on port {used_port} already; try make ui PORT={used_port + 1}"
    )


def test_for_a_store_on_a_server_its_address_is_printed_and_nothing_started(
    used_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", SERVER)
    assert run_script("ui.py", str(used_port), "0123abc") == 0
    printed = f"the runs are compared at {pages.comparison(SERVER, '0123abc')}\n"
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("nope",), "argument port: invalid int value: 'nope'"),
        (("5000", "0123abc", "more"), "unrecognized arguments: more"),
        (("--nope",), "unrecognized arguments: --nope"),
    ],
)
def test_a_wrong_argument_is_refused_in_one_line(words: tuple[str, ...], complaint: str) -> None:
    assert run_script("ui.py", *words) == f"error: {complaint}; see --help"


def test_a_port_that_nobody_listens_on_does_not_answer(used_port: int) -> None:
    assert pages.answers(used_port)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert not pages.answers(bound.getsockname()[1])
