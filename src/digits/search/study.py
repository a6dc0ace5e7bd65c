"""The study that Optuna keeps of a search, which several processes may share."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from digits import files
from digits.config import Config
from digits.errors import UserError
from digits.search import Search, Settings, Tpe

if TYPE_CHECKING:
    import optuna
    from filelock import BaseFileLock

HEARTBEAT = 5  # seconds between two signs of life of a running trial
GRACE = 30  # seconds without one after which its process counts as killed
FAILURES_IN_A_ROW = 3  # after which a process stops, since the fourth trial would fail too


def open_study(sought: Search, database: Path, on_stale: Callable[[Mapping[str, Any]], None]) -> optuna.Study:
    """The study in the SQLite file `database`, created or continued.

    `on_stale` is told the user attributes of each trial whose process was killed, once that shows.
    UserError where the study of this name was for another space or card.
    """
    import optuna
    from filelock import FileLock

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # processes that create the tables at once would be in each other's way
    with FileLock(f"{database}.lock"), warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # the heartbeat
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{database}",
            engine_kwargs={"connect_args": {"timeout": 60}},  # writers wait for one another
            heartbeat_interval=HEARTBEAT,
            grace_period=GRACE,
            heartbeat_stale_trial_callback=lambda _, trial: on_stale(trial.user_attrs),
        )
        study = optuna.create_study(
            storage=storage,
            study_name=sought.study,
            direction="maximize",
            pruner=_pruner(sought.settings),
            load_if_exists=True,
        )
        if study.user_attrs.setdefault("digest", sought.digest) != sought.digest:
            raise UserError(f"study: {sought.study} searches another space or card; give it another name")
        study.set_user_attr("digest", sought.digest)
    return study


def optimize(
    study: optuna.Study,
    sought: Search,
    lock: BaseFileLock,
    objective: Callable[[optuna.Trial, Config], float],
) -> None:
    """Start trials until as many are completed or pruned as the search asks for, here and in all
    processes that share the study and its `lock`; then wait for those that run elsewhere.

    A trial that fails does not count and stops nothing, but UserError after some in a row.
    """
    import optuna

    failures: list[Exception] = []

    def unlocked(trial: optuna.Trial) -> float:
        try:
            try:
                config = sought.at(trial)
            finally:
                lock.release()
            value = objective(trial, config)
        except optuna.TrialPruned:
            failures.clear()
            raise
        except Exception as error:
            failures.append(error)
            print(f"trial {trial.number} failed: {type(error).__name__}: {error}")
            raise
        failures.clear()
        return value

    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            optuna.storages.fail_stale_trials(study)
        lock.acquire()
        try:
            trials = study.get_trials(deepcopy=False)
            done = sum(trial.state.name in ("COMPLETE", "PRUNED") for trial in trials)
            running = sum(trial.state.name == "RUNNING" for trial in trials)
            if done >= sought.settings.trials:
                return
            if done + running < sought.settings.trials:
                # Counted and asked for under one lock, so that there is none too many. A seed for each
                # trial makes a continued study equal to an uninterrupted one, and keeps processes apart.
                study.sampler = _sampler(sought.settings, len(trials))
                study.optimize(unlocked, n_trials=1, catch=(Exception,))
        finally:
            lock.release()
        if len(failures) >= FAILURES_IN_A_ROW:
            last = failures[-1]
            raise UserError(
                f"{len(failures)} trials in a row failed, the last with {type(last).__name__}: {last}"
            )
        if done + running >= sought.settings.trials:
            time.sleep(1)


def _sampler(settings: Settings, trial: int) -> optuna.samplers.BaseSampler:
    import optuna

    chosen = settings.sampler
    seed = int(np.random.SeedSequence([chosen.seed, trial]).generate_state(1)[0])
    if isinstance(chosen, Tpe):
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=chosen.n_startup_trials)
    return optuna.samplers.RandomSampler(seed=seed)


def _pruner(settings: Settings) -> optuna.pruners.BasePruner:
    import optuna

    pruners: dict[str, Callable[..., optuna.pruners.BasePruner]] = {
        "none": optuna.pruners.NopPruner,
        "median": optuna.pruners.MedianPruner,
        "halving": optuna.pruners.SuccessiveHalvingPruner,
        "threshold": optuna.pruners.ThresholdPruner,
    }
    return pruners[settings.pruner.name](**settings.pruner.model_dump(exclude={"name"}))


def best(study: optuna.Study) -> optuna.trial.FrozenTrial | None:
    """The completed trial with the highest validation accuracy, the earliest of equals."""
    completed = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    return min(completed, key=lambda trial: (-(trial.value or 0), trial.number), default=None)


def pictures(study: optuna.Study, folder: Path) -> None:
    """Optuna's own: the history of the search and, where that can be told, which keys mattered."""
    import optuna
    from matplotlib import pyplot
    from optuna.visualization import matplotlib

    pyplot.switch_backend("agg")  # needs no display
    plots: dict[str, Callable[..., Any]] = {"optimization_history.png": matplotlib.plot_optimization_history}
    if len({trial.value for trial in study.trials if trial.state.name == "COMPLETE"}) > 1:
        plots["param_importances.png"] = matplotlib.plot_param_importances
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        for name, plot in plots.items():
            figure = plot(study, target_name="validation accuracy").get_figure()
            figure.savefig(files.create(folder / name), dpi=110, bbox_inches="tight")
            pyplot.close(figure)
