"""Run a command: start Hydra, handle interrupts, and report errors in one line."""

from __future__ import annotations

import argparse
import atexit
import contextlib
import functools
import gc
import os
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from digits.base import interrupts, processes
from digits.base.errors import UserError, disk_message, without_credentials
from digits.base.paths import CONF
from digits.config import arguments, usage
from digits.config.compose import VERSION_BASE, in_one_line, of_composition, prepare, to_plain_values
from digits.config.request import AnyConfig, Request, compose_request, to_request

WANTS_TRACEBACK = "HYDRA_FULL_ERROR" in os.environ  # Hydra's own switch


def run(
    main: Callable[[Request[AnyConfig]], object],
    schema: type[AnyConfig],
    keys: Collection[str],
    *,
    primary: str = "config",
    check: Callable[[Request[AnyConfig]], object] | None = None,
    sweep: Callable[..., object] | None = None,
) -> None:
    """Call `main` with what the command line asks for, composed by Hydra from conf/`primary`.yaml and checked
    against `schema`. Outside DVC it writes to a new folder in outputs/. What it returns is the value that a
    Hydra sweeper sees.

    `keys` are those that the command reads, and that the help shows. `check` raises UserError for a request
    that cannot be met; then Hydra makes no folder. With `sweep` (see `digits.search.sweep`), a sweep of this
    command is recorded and reported as a whole. Exits with 1 after an error, 130 after an interrupt.
    """
    if _printed_help(lambda docstring: usage.of_configuration(docstring, keys, primary)):
        return
    with one_line_errors():
        given = arguments.read_arguments(sys.argv[1:])
        arguments.refuse_unread(given.overrides, keys)
        # since Hydra makes a folder before it calls the task; DVC's stages write to folders that are there
        if given.one_run and "DVC_STAGE" not in os.environ:
            wanted = compose_request(given.overrides, schema, Path(), primary)
            if check:
                check(wanted)
    started = False
    with one_line_errors(lambda error: not started and isinstance(error, of_composition())):
        import hydra
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        sys.argv[1:] = [*given.options, *given.overrides]  # Hydra reads options only before overrides
        from_params = prepare()

        @functools.wraps(main)
        def task(composed: Any) -> object:
            nonlocal started
            set_up_process()  # a worker of a sweep is a process of its own
            settings = HydraConfig.get()
            report = one_line_errors()
            # In a sweep Hydra keeps the error of a trial, and the sweep reports it.
            with report if settings.mode == RunMode.RUN else contextlib.nullcontext():
                values = to_plain_values(composed, settings, from_params)
                request = to_request(values, schema, Path(settings.runtime.output_dir))
                started = True
                return main(request)

        task.sweep = sweep  # type: ignore[attr-defined]
        hydra.main(version_base=VERSION_BASE, config_path=str(CONF), config_name=primary)(task)()


def run_composed(
    main: Callable[[Request[AnyConfig]], object], schema: type[AnyConfig], keys: Collection[str]
) -> None:
    """Call `main` with what the command line asks for, for a command that needs no folder of Hydra's. `keys`
    are those that it reads, and that the help shows."""
    if _printed_help(lambda docstring: usage.of_configuration(docstring, keys)):
        return
    with one_line_errors():
        arguments.refuse_options([word for word in sys.argv[1:] if word.startswith("-")], sys.argv[1:])
        arguments.refuse_unread(sys.argv[1:], keys)
        main(compose_request(sys.argv[1:], schema, Path()))


def run_parsed(main: Callable[[argparse.Namespace], int | None], parser: argparse.ArgumentParser) -> None:
    """Call `main` with the parsed command line, for a command that has no configuration, and exit with what
    it returns."""
    with one_line_errors():
        sys.exit(main(parser.parse_args()))


class Parser(argparse.ArgumentParser):
    """Reports errors and shows help as all commands do. `--key=value` can be written as key=value, as in the
    commands that Hydra starts."""

    def parse_args(self, given: Any = None, namespace: Any = None) -> Any:
        given = [
            f"--{word}"
            if "=" in word and f"--{word.partition('=')[0]}" in self._option_string_actions
            else word
            for word in (sys.argv[1:] if given is None else given)
        ]
        if {"-h", "--help"} & set(given):
            return super().parse_args(given, namespace)
        return self.parse_intermixed_args(given, namespace)  # options can stand between files, but no --help

    def format_help(self) -> str:
        return usage.of_parser(_docstring(), self._actions)

    def error(self, message: str) -> Any:
        raise UserError(f"{message}; see --help")


@contextlib.contextmanager
def one_line_errors(is_expected: Callable[[Exception], bool] = lambda _: False) -> Iterator[None]:
    """Exit with 1 and one line after a UserError, an error of the disk, or another that is expected, and with
    130 after an interrupt. All others are bugs and keep their traceback, as all do if HYDRA_FULL_ERROR is
    set."""
    set_up_process()
    try:
        yield
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python reports it once more at exit
        sys.exit("error: nobody reads standard output any more")
    except Exception as error:
        of_disk = disk_message(error)
        expected = isinstance(error, UserError) or of_disk or is_expected(error)
        if WANTS_TRACEBACK or not expected:
            raise
        sys.exit(f"error: {without_credentials(of_disk or in_one_line(error))}")


@functools.cache  # once in a process, however many trials it runs
def set_up_process() -> None:
    """Set what libraries read when they are imported, make signals interrupts, and mend closed standard
    streams."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then leaves it to us to report exceptions
    os.environ["MPLBACKEND"] = "agg"  # what a notebook sets for its children exists only inside the notebook
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # of a page for language models; the summary has the right one
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # of files that are there at once
    _open_closed_streams()
    relax_garbage_collection()
    interrupts.install()
    interrupts.end_with(processes.runner_of_stage())


def _open_closed_streams() -> None:
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def relax_garbage_collection() -> None:
    """Collect garbage rarely, and not at exit. TensorFlow and MLflow make a million objects while they are
    imported: to look through them a thousand times takes a fifth of the time, and once more at exit takes a
    second."""
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)


def _docstring() -> str:
    return (sys.modules["__main__"].__doc__ or "").strip()


def _printed_help(text: Callable[[str], str]) -> bool:
    """Print the help that `text` makes of the docstring, if the command line asks for it. Return whether it
    does."""
    asked = bool({"-h", "--help"} & set(sys.argv[1:]))
    if asked:
        print(text(_docstring()), end="")
    return asked
