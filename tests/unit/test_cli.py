"""How a command starts and ends. test_cli_process.py has what only a process of its own can show."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from digits import cli
from digits.base import interrupts
from digits.base.errors import UserError
from digits.config.data import DataConfig
from digits.config.request import Request
from support import call_command

AsRequest = Callable[[Request[DataConfig]], object]


@pytest.fixture(autouse=True)
def leave_this_process_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "set_up_process", lambda: None)
    monkeypatch.setattr(cli, "WANTS_TRACEBACK", False)


def end_with(error: BaseException) -> str | int | None:
    """Return what a command exits with that raises this error."""
    with pytest.raises(SystemExit) as end, cli.one_line_errors():
        raise error
    return end.value.code


def test_a_user_error_is_one_line() -> None:
    assert end_with(UserError("seed: is wrong\n  (params.yaml)")) == "error: seed: is wrong (params.yaml)"


def test_an_interrupt_exits_with_130() -> None:
    assert end_with(KeyboardInterrupt()) == 130


def test_an_unexpected_exception_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), cli.one_line_errors():
        raise ZeroDivisionError


def test_other_errors_can_be_expected() -> None:
    with pytest.raises(SystemExit) as end, cli.one_line_errors(lambda error: isinstance(error, OSError)):
        raise OSError("disk full")
    assert end.value.code == "error: disk full"


def test_all_errors_keep_their_traceback_if_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "WANTS_TRACEBACK", True)
    with pytest.raises(UserError), cli.one_line_errors():
        raise UserError("seed: is wrong")


def run(main: AsRequest, *words: str, **options: Any) -> str | int | None:
    return call_command(lambda: cli.run(main, DataConfig, ("out",), **options), *words)


def test_a_command_gets_what_its_command_line_asks_for(tmp_path: Path) -> None:
    requests: list[Request[DataConfig]] = []
    run(requests.append, "data=sample", "split_seed=3", f"out={tmp_path}/a", "threads=1")
    (request,) = requests
    assert (request.config.data.name, request.config.split_seed) == ("sample", 3)
    assert request.out == tmp_path / "a"
    assert request.resources.threads == 1


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("split_seed=-1", "error: split_seed: input should be greater than or equal to 0, not -1 (command l"),
        ("nope=1", "error: nope: unknown key; the keys are data, model, "),
        (
            "model=nope",
            "error: model: no preset nope in conf/model/; there is best, compact, small, tiny, ",
        ),
        ("seed=${nope}", "error: Interpolation key 'nope' not found"),
        ("seed=1,2", "error: seed=1,2: is more than one value; a sweep is "),
        ("seed", "error: seed: is no override; write KEY=VALUE, such as "),
    ],
)
def test_a_wrong_command_line_is_one_line_and_starts_nothing(
    override: str, message: str, tmp_path: Path
) -> None:
    started: list[object] = []
    error = str(run(started.append, f"out={tmp_path}/a", override))
    assert error.startswith(message)
    assert "\n" not in error
    assert started == []
    assert list(tmp_path.iterdir()) == []


def test_a_user_error_in_the_command_is_one_line(tmp_path: Path) -> None:
    def main(_: Request[DataConfig]) -> None:
        raise UserError("it cannot be done")

    assert run(main, f"out={tmp_path}/a") == "error: it cannot be done"


def test_a_bug_in_the_command_keeps_its_traceback(tmp_path: Path) -> None:
    def main(_: Request[DataConfig]) -> None:
        raise ValueError("a bug")  # which Hydra also raises, for what is wrong in a configuration

    with pytest.raises(ValueError, match="a bug") as error:
        run(main, f"out={tmp_path}/a")
    assert error.traceback[-1].name == "main"


def test_a_wrong_trial_of_a_sweep_is_one_line_and_starts_nothing(tmp_path: Path) -> None:
    started: list[object] = []
    words = ("-m", f"out={tmp_path}/a", "split_seed=1,2", "epochs=1,0")
    error = run(started.append, *words, sweep=lambda *_: started.append("sweep"))
    assert error == "error: epochs: input should be greater than 0 or auto, not 0 (command line)"
    assert started == []
    assert not (tmp_path / "a").exists()


def test_a_sweep_of_a_command_that_makes_one_run_is_refused(tmp_path: Path) -> None:
    started: list[object] = []
    error = run(started.append, "-m", f"out={tmp_path}/a", "split_seed=1,2")
    assert error == "error: -m: this command makes one run; python src/experiment.py -m makes a sweep"
    assert started == []
    assert not (tmp_path / "a").exists()


def test_a_sweep_that_is_refused_leaves_no_folder(tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise UserError("it cannot be done")

    error = run(print, "-m", f"out={tmp_path}/a", "split_seed=1,2", sweep=refuse)
    assert error == "error: it cannot be done"
    assert list(tmp_path.iterdir()) == []


def test_a_request_that_does_not_pass_the_check_of_the_command_leaves_no_folder(tmp_path: Path) -> None:
    def refuse(_: Request[DataConfig]) -> None:
        raise UserError("it cannot be done")

    assert run(print, f"out={tmp_path}/a", check=refuse) == "error: it cannot be done"
    assert list(tmp_path.iterdir()) == []


def test_options_can_stand_between_overrides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(print, "data=sample", "--cfg", "job", f"out={tmp_path}/a") is None
    assert f"out: {tmp_path}/a" in capsys.readouterr().out


def test_a_composed_command_gets_its_request_and_reports_errors_in_one_line() -> None:
    requests: list[Request[DataConfig]] = []
    assert call_command(lambda: cli.run_composed(requests.append, DataConfig, ()), "split_seed=3") is None
    assert requests[0].config.split_seed == 3
    error = call_command(lambda: cli.run_composed(requests.append, DataConfig, ()), "split_seed=-1")
    assert str(error).startswith("error: split_seed: input should be greater than or equal to 0")


def test_an_option_can_be_written_as_hydra_has_it_and_a_file_may_have_a_name_like_one() -> None:
    parser = cli.Parser()
    parser.add_argument("files", nargs="*")
    parser.add_argument("--model")
    parsed = parser.parse_args(["a.png", "model=best", "./model=x.png", "other=y.png"])
    assert (parsed.model, parsed.files) == ("best", ["a.png", "./model=x.png", "other=y.png"])


def test_a_parsed_command_exits_with_what_it_returns() -> None:
    parser = cli.Parser()
    parser.add_argument("code", type=int)

    def main(arguments: argparse.Namespace) -> int:
        return int(arguments.code)

    assert call_command(lambda: cli.run_parsed(main, parser), "3") == 3
    error = call_command(lambda: cli.run_parsed(main, parser), "three")
    assert error == "error: argument code: invalid int value: 'three'; see --help"


def test_without_an_interrupt_work_goes_on() -> None:
    interrupts.raise_if_interrupted()
