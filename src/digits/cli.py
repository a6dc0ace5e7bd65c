"""What the command lines of all stages share: Hydra composes, the schema checks, errors are a line."""

from __future__ import annotations

import atexit
import functools
import gc
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from digits.config import CARD, PRESETS, Config, parse
from digits.errors import UserError

if TYPE_CHECKING:
    from omegaconf import DictConfig

ROOT = Path(__file__).resolve().parents[1]
GROUPS = (*PRESETS, "search")

Read = TypeVar("Read")
_interrupted = False


def run(main: Callable[[Config, Path], object]) -> None:
    """Call `main` with the configuration that the command line asks for, and the folder to write to."""
    run_as(main, "config", parse)


def run_as(
    main: Callable[[Read, Path], object],
    primary: str,
    read: Callable[[dict[str, Any], dict[str, str | None]], Read],
) -> None:
    """Call `main` with what `read` makes of the composed values of conf/`primary`.yaml and of the preset
    in each group, and the folder to write to.

    Outside DVC that folder is a new one in outputs/ or multirun/. What `main` returns is the value
    that a Hydra sweeper sees. Exits with 1 on an error, 130 on an interrupt.
    """
    wants_traceback = "HYDRA_FULL_ERROR" in os.environ
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then leaves it to us to report exceptions
    quiet()
    signal.signal(signal.SIGTERM, _interrupt)  # so that a stopped run can say so
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not ignored, as under nohup
        signal.signal(signal.SIGINT, _interrupt)

    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    started = False

    def report(error: Exception) -> None:
        """Exit with a line, unless it is a bug: before `main` starts, errors are the configuration's."""
        if not wants_traceback and (isinstance(error, UserError) or not started):
            sys.exit(f"error: {_in_one_line(error)}")

    @functools.wraps(main)
    def task(composed: DictConfig) -> object:
        nonlocal started
        collect_rarely()
        _serve(card)  # once more, since a worker of a sweep is a process of its own
        settings = HydraConfig.get()
        try:
            config = read(*plain(composed, settings))
            started = True
            return main(config, Path(settings.runtime.output_dir))
        except Exception as error:
            if settings.mode == RunMode.RUN:
                report(error)  # here, since Hydra would add a line of its own
            raise

    try:
        card = _read_card()
        _serve(card)
        hydra.main(version_base="1.3", config_path=str(ROOT / "conf"), config_name=primary)(task)()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        report(error)
        raise


def _interrupt(*_: object) -> None:
    global _interrupted
    _interrupted = True
    raise KeyboardInterrupt


def stop_if_interrupted() -> None:
    """Raise an interrupt once more, for work that takes long: some library code below it catches
    everything, and the interrupt that arrives there is lost."""
    if _interrupted:
        raise KeyboardInterrupt


def typed(composed: DictConfig, settings: Any) -> Config:
    """The configuration, checked; `settings` are Hydra's own, which say whence each preset came."""
    return parse(*plain(composed, settings))


def plain(composed: DictConfig, settings: Any) -> tuple[dict[str, Any], dict[str, str | None]]:
    """What was composed as plain values, and the name of the preset in each group."""
    from omegaconf import OmegaConf

    own = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    values: Any = OmegaConf.to_container(own, resolve=True)
    dotted = (word for word in settings.overrides.task if "." in word.partition("=")[0])
    values["label"] = " ".join(re.sub(r"^[^=]*\.", "", word) for word in dotted)
    if values.get("threads") == "auto":
        values["threads"] = _share_of_processors(settings)
    return values, {group: settings.runtime.choices.get(group) for group in GROUPS}


def _share_of_processors(settings: Any) -> int:
    """How many threads a worker of a sweep can have while all of them run."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = settings.launcher.get("n_jobs", 1) if settings.mode.name == "MULTIRUN" else 1
    return max(1, processors // workers) if workers > 0 else 1  # joblib's -1 is one for each processor


def _serve(card: dict[str, Any]) -> None:
    from omegaconf import OmegaConf

    OmegaConf.register_new_resolver("params", card.__getitem__, replace=True)


def quiet() -> None:
    """Set what TensorFlow and MLflow read when they are first imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


@functools.cache  # once in a process, however many trials it runs
def collect_rarely() -> None:
    """Leave the million objects alone that TensorFlow and MLflow make while they are imported: collecting
    a thousand times meanwhile takes a fifth of that time, and once more at exit takes a second."""
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)


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
        allowed = f"see conf/{group}/" if group in GROUPS else f"the keys are {', '.join(CARD)}"
        return f"{key}: unknown key on the command line; {allowed}"
    return " ".join(str(error).split())
