"""src/ui.py: the address at which runs are compared."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import mlflow
import pytest

from digits.base.errors import UserError
from digits.reports import ui
from digits.search import trials
from digits.tracking import pages, runs, store, views
from support import make_request, make_splits, run_script

SERVER = "https://mlflow.example"


@pytest.fixture
def used_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port on which something listens that never answers."""
    monkeypatch.setattr(ui, "PATIENCE", 0.2)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


class Answers(BaseHTTPRequestHandler):
    """Answers every request with `text`."""

    text = ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def answering_port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def sweep(recording: str) -> str:
    """A sweep over two values of the dropout."""
    assert recording
    with trials.sweep_run("model.dropout=0.1,0.5", resume=False) as parent:
        for dropout in (0.1, 0.5):
            request = make_request(f"model.dropout={dropout}").with_options(parent_run=parent.run_id)
            with runs.training_run(request, make_splits(), {}) as recorded:
                recorded.log_metrics({"val_accuracy": dropout})
    return parent.run_id


def experiment() -> mlflow.entities.Experiment:
    return mlflow.get_experiment(store.use())


def answer(**changes: object) -> str:
    """Return what an MLflow server with this store answers, with some of it changed."""
    known = experiment()
    ours = {"artifact_location": known.artifact_location, "creation_time": known.creation_time}
    return json.dumps({"experiment": ours | changes})


@pytest.mark.usefixtures("recording")
def test_a_port_in_use_is_refused_with_another(used_port: int) -> None:
    with pytest.raises(UserError) as refusal:
        ui.show(used_port)
    assert str(refusal.value) == (
        f"PORT: something answers on port {used_port} already; try make ui PORT={used_port + 1}"
    )


def test_if_the_store_is_shown_on_the_port_already_the_address_there_is_printed(
    sweep: str, answering_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Answers, "text", answer())
    assert ui.show(answering_port, sweep) == 0
    assert f"the runs are compared at http://127.0.0.1:{answering_port}/#/exp" in capsys.readouterr().out


@pytest.mark.usefixtures("recording")
@pytest.mark.parametrize("text", ["", "[]", '{"experiment": {}}', "other store", "other project"])
def test_another_program_on_the_port_is_not_taken_for_this_store(
    text: str, answering_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {"other store": answer(creation_time=1), "other project": answer(artifact_location="/b")}
    monkeypatch.setattr(Answers, "text", others.get(text, text))
    with pytest.raises(UserError, match=r"^PORT: something answers on port"):
        ui.show(answering_port)


@pytest.mark.parametrize("view", ["digits-0123", None])
def test_for_a_store_on_a_server_its_address_is_printed_and_nothing_started(
    view: str | None, used_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(store, "use", lambda: "7")
    monkeypatch.setattr("digits.tracking.opening._end_left_runs", lambda _: None)
    monkeypatch.setattr(views, "save", lambda *_: view)  # None for who may only read
    monkeypatch.setenv("MLFLOW_TRACKING_URI", SERVER)
    assert run_script("ui.py", str(used_port)) == 0
    printed = f"the runs are compared at {pages.comparison(SERVER, view=view)}\n"
    assert capsys.readouterr().out == printed


def test_the_view_of_a_sweep_has_its_trials_and_the_parameters_in_which_they_differ(
    sweep: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[object] = []
    monkeypatch.setattr(views, "save", lambda *arguments: saved.append(arguments))
    ui._save_view("7", sweep)
    (arguments,) = saved
    name = "Digits: sweep model.dropout=0.1,0.5"
    assert arguments == ("7", name, f"tags.sweep = '{sweep}'", ["model.dropout"])


@pytest.mark.parametrize("wrong", ["0123abc", "0" * 32, "x' or run_id != '", "trial"])
def test_an_id_that_is_not_that_of_a_sweep_is_refused_in_one_line(wrong: str, sweep: str) -> None:
    trial = trials.trials(sweep, "attributes.status = 'FINISHED'")[0].run_id
    given = trial if wrong == "trial" else wrong
    message = str(run_script("ui.py", "5000", given))
    assert message.startswith(f"error: SWEEP: {given} is no sweep or search in ")
    assert "\n" not in message


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
