"""What the command lines of all stages share: Hydra composes, the schema checks, errors are a line."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from digits.config import CARD, PRESETS, Config, parse
from digits.errors import UserError

ROOT = Path(__file__).resolve().parents[1]


def run(main: Callable[[Config, Path], object]) -> None:
    """Call `main` with the configuration that the command line asks for, and the folder to write to.

    Outside DVC that folder is a new one in outputs/ or multirun/. What `main` returns is the value
    that a Hydra sweeper sees. Exits with 1 on an error, 130 on an interrupt.
    """
    wants_traceback = "HYDRA_FULL_ERROR" in os.environ
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then leaves it to us to report exceptions
    quiet()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a stopped run can say so

    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import DictConfig, OmegaConf

    started = False

    def report(error: Exception) -> None:
        """Exit with a line, unless it is a bug: before `main` starts, errors are the configuration's."""
        if not wants_traceback and (isinstance(error, UserError) or not started):
            sys.exit(f"error: {_in_one_line(error)}")

    @functools.wraps(main)
    def task(composed: DictConfig) -> object:
        nonlocal started
        hydra_config = HydraConfig.get()
        presets = {group: hydra_config.runtime.choices.get(group) for group in PRESETS}
        try:
            values: Any = OmegaConf.to_container(composed, resolve=True)
            config = parse(values, presets)
            started = True
            return main(config, Path(hydra_config.runtime.output_dir))
        except Exception as error:
            if hydra_config.mode == RunMode.RUN:
                report(error)  # here, since Hydra would add a line of its own
            raise

    try:
        OmegaConf.register_new_resolver("params", _read_card().__getitem__, replace=True)
        hydra.main(version_base="1.3", config_path=str(ROOT / "conf"), config_name="config")(task)()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        report(error)
        raise


def quiet() -> None:
    """Set what TensorFlow and MLflow read when they are first imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


@contextlib.contextmanager
def muted() -> Iterator[None]:
    """Hold back what is written to standard error, and show it after all if the block fails.

    For importing TensorFlow: it writes half a screen that no setting of its own silences.
    """
    sys.stderr.flush()
    real = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(real, held.read())
            raise
        finally:
            os.dup2(real, 2)
            os.close(real)


def _read_card() -> dict[str, Any]:
    from omegaconf import OmegaConf
    from yaml import YAMLError

    try:
        card: Any = OmegaConf.to_container(OmegaConf.load(ROOT / "params.yaml"))
    except (OSError, YAMLError) as error:
        raise UserError(f"params.yaml cannot be read: {_in_one_line(error)}") from error
    given = set(card) if isinstance(card, dict) else set()
    for problem, keys in (("unknown", given - set(CARD)), ("missing", set(CARD) - given)):
        if keys:
            listed = ", ".join(sorted(map(str, keys)))
            raise UserError(f"params.yaml: {problem} key {listed}; it has exactly {', '.join(CARD)}")
    for group in PRESETS:
        if not isinstance(card[group], str):
            raise UserError(
                f"{group}: must name a preset of conf/{group}/, not {card[group]!r} (params.yaml)"
            )
    return dict(card)


def _in_one_line(error: BaseException) -> str:
    from hydra.errors import MissingConfigException

    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, preset = error.missing_cfg_file.rpartition("/")
        return f"{group}: no preset {preset} in conf/{group}/; there is {', '.join(error.options)}"
    if unknown := re.match(r"Could not override '(([^'.]*)[^']*)'", str(error)):
        key, group = unknown.groups()
        allowed = f"see conf/{group}/" if group in PRESETS else f"the keys are {', '.join(CARD)}"
        return f"{key}: unknown key on the command line; {allowed}"
    return " ".join(str(error).split())
