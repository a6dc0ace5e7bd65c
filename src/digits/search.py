"""Hyperparameter search: the space and how it is searched, checked, and the study that Optuna keeps."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import (
    Discriminator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from digits.comparison import flat
from digits.config import CARD, FROM_RECIPE, PRESETS, Config, Section, Seed, Share, parse
from digits.errors import UserError

if TYPE_CHECKING:
    import optuna
    from filelock import BaseFileLock

HEARTBEAT = 5  # seconds between two signs of life of a running trial
GRACE = 30  # seconds without one after which its process counts as killed
FAILURES_IN_A_ROW = 3  # after which a process stops, since the fourth trial would fail too
COMPARED_ON = ("data", "split_seed", "validation")  # equal in all trials, or their scores mean nothing
NOT_SEARCHED = (*COMPARED_ON, "seed", "threads")


class Range(Section):
    """Whole numbers where both ends are; `log` searches orders of magnitude."""

    low: int | float
    high: int | float
    log: bool = False
    step: PositiveInt | PositiveFloat | None = None

    @field_validator("low", "high", mode="before")
    @classmethod
    def _a_number(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"must be a number, not {value!r}")  # once, not once for each type
        return value

    @model_validator(mode="after")
    def _makes_sense(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"low must be less than high, not {self.low} and {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"log needs a low above 0, not {self.low}")
        if self.log and self.step is not None:
            raise ValueError("takes log or step, not both")
        return self

    @property
    def ends(self) -> list[Any]:
        return [self.low, self.high]

    def suggest(self, trial: optuna.trial.BaseTrial, key: str) -> Any:
        low, high, step = self.low, self.high, self.step or 1
        if isinstance(low, int) and isinstance(high, int) and isinstance(step, int):
            return trial.suggest_int(key, low, high, step=step, log=self.log)
        value = trial.suggest_float(key, low, high, step=self.step, log=self.log)
        return min(max(float(f"{value:.4g}"), low), high)  # digits that a person can read, and repeat


class Choices(Section):
    """One of several values, lists among them."""

    choices: Annotated[list[Any], Field(min_length=1)]

    @property
    def ends(self) -> list[Any]:
        return self.choices

    def suggest(self, trial: optuna.trial.BaseTrial, key: str) -> Any:
        names = [json.dumps(choice) for choice in self.choices]  # since Optuna's choices cannot be lists
        return self.choices[names.index(trial.suggest_categorical(key, names))]


def _kind(value: Any) -> str:
    return "choices" if isinstance(value, dict) and "choices" in value else "range"


Dimension = Annotated[
    Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")], Discriminator(_kind)
]


class Tpe(Section):
    """The tree-structured Parzen estimator (Bergstra et al., 2011)."""

    name: Literal["tpe"]
    seed: Seed
    n_startup_trials: NonNegativeInt = 10


class Random(Section):
    name: Literal["random"]
    seed: Seed


class NoPruner(Section):
    """Every trial is trained to its end."""

    name: Literal["none"]


class Median(Section):
    """Stops a trial whose best epoch is below the median of earlier trials at that epoch."""

    name: Literal["median"]
    n_startup_trials: NonNegativeInt = 5
    n_warmup_steps: NonNegativeInt = 0


class Halving(Section):
    """Asynchronous successive halving (Li et al., 2018)."""

    name: Literal["halving"]
    min_resource: PositiveInt = 1
    reduction_factor: Annotated[int, Field(ge=2)] = 4


class Threshold(Section):
    """Stops a trial whose accuracy is below `lower` after `n_warmup_steps` epochs."""

    name: Literal["threshold"]
    lower: Share
    n_warmup_steps: NonNegativeInt = 0


class Settings(Section):
    """A file of conf/search/."""

    trials: PositiveInt
    sampler: Annotated[Tpe | Random, Field(discriminator="name")]
    pruner: Annotated[NoPruner | Median | Halving | Threshold, Field(discriminator="name")]
    space: dict[str, Dimension]


@dataclasses.dataclass(frozen=True)
class Search:
    """A search that is ready to start: every end of the space has been found to be a configuration."""

    settings: Settings
    study: str
    digest: str  # of all that makes the trials comparable
    config: Config
    _values: dict[str, Any]
    _presets: dict[str, str | None]

    def at(self, trial: optuna.trial.BaseTrial) -> Config:
        """The configuration at the point of the space that Optuna suggests, or once suggested."""
        point = {key: dimension.suggest(trial, key) for key, dimension in self.settings.space.items()}
        return parse(_changed(self._values, point), self._presets)


def read(composed: dict[str, Any], presets: dict[str, str | None]) -> Search:
    """The search that `composed`, plain values as YAML has them, describes.

    UserError where a key is wrong, where the space is empty or leads out of what the configuration
    allows, or where there would be no validation accuracy to search by.
    """
    values = dict(composed)
    section, study = values.pop("search", None), values.pop("study", None)
    if not isinstance(section, dict) or not presets.get("search"):
        raise UserError("search: must name one file of conf/search/")
    config = parse(values, presets)
    if config.validation == 0:
        raise UserError("validation: a search needs validation images to choose by; it must be more than 0")
    settings = _settings(section, f"conf/search/{presets['search']}.yaml")
    if not isinstance(study, str) or not study:
        raise UserError(f"study: must be a name or auto, not {study!r}")
    for key, dimension in settings.space.items():
        _check(key, values)
        for value in dimension.ends:
            try:
                parse(_changed(values, {key: value}), presets)
            except UserError as error:
                raise UserError(f"search.space reaches too far: {error}") from None
    digest = _digest(settings, config)
    name = f"{presets['search']}-{digest}" if study == "auto" else study
    return Search(settings, name, digest, config, values, presets)


def _settings(section: dict[str, Any], file: str) -> Settings:
    space = section.get("space")
    dimensions = dict(_dimensions(space)) if isinstance(space, dict) else {}
    if not dimensions:
        raise UserError(f"search.space: is empty; say which keys to search ({file})")
    try:
        return Settings.model_validate(section | {"space": dimensions})
    except ValidationError as error:
        raise UserError("; ".join(f"{_complaint(each)} ({file})" for each in error.errors())) from None


def _dimensions(space: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each searched key, dotted, with what the space says of it."""
    for key, value in space.items():
        if isinstance(value, dict) and not set(value) & {*Range.model_fields, *Choices.model_fields}:
            yield from _dimensions(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _complaint(error: Any) -> str:
    # behind the key of a union, pydantic's path names the branch that it took
    location = error["loc"]
    branch = 2 if location[:1] == ("space",) else 1
    path = [str(part) for i, part in enumerate(location) if i != branch]
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] not in ("missing", "value_error", "union_tag_invalid"):
        message += f", not {error['input']!r}"
    return f"{'.'.join(['search', *path])}: {message[0].lower()}{message[1:]}"


def _check(key: str, values: dict[str, Any]) -> None:
    top = key.partition(".")[0]
    if top in NOT_SEARCHED:
        why = "trials are compared on it" if top in COMPARED_ON else "it makes no model better"
        raise UserError(f"search.space.{key}: is not for searching, since {why}")
    if key in PRESETS:
        raise UserError(
            f"search.space.{key}: a search is within presets; python src/experiment.py -m compares them"
        )
    searchable = {name: values[name] for name in CARD if name in values and name not in NOT_SEARCHED}
    for_auto = [f"recipe.{name}" for name in FROM_RECIPE]  # the card's own key of this name wins over it
    known = [name for name, _ in flat(searchable) if name not in for_auto]
    if key not in known:
        raise UserError(f"search.space.{key}: unknown key; there is {', '.join(known)}")


def _changed(values: dict[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(values)
    for key, value in point.items():
        *path, last = key.split(".")
        section = changed
        for part in path:
            section = section[part]
        section[last] = value
    return changed


def _digest(settings: Settings, config: Config) -> str:
    space = {key: dimension.model_dump() for key, dimension in settings.space.items()}
    # processes that share a study share the processors too, and not always alike
    fixed = {k: v for k, v in flat(config.model_dump(exclude={"threads"})) if k not in space}
    return hashlib.md5(json.dumps([space, fixed], sort_keys=True).encode()).hexdigest()[:8]


def open_study(search: Search, database: Path, on_stale: Callable[[Mapping[str, Any]], None]) -> optuna.Study:
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
            study_name=search.study,
            direction="maximize",
            pruner=_pruner(search.settings),
            load_if_exists=True,
        )
        if study.user_attrs.setdefault("digest", search.digest) != search.digest:
            raise UserError(f"study: {search.study} searches another space or card; give it another name")
        study.set_user_attr("digest", search.digest)
    return study


def optimize(
    study: optuna.Study,
    search: Search,
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
                config = search.at(trial)
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
            if done >= search.settings.trials:
                return
            if done + running < search.settings.trials:
                # Counted and asked for under one lock, so that there is none too many. A seed for each
                # trial makes a continued study equal to an uninterrupted one, and keeps processes apart.
                study.sampler = _sampler(search.settings, len(trials))
                study.optimize(unlocked, n_trials=1, catch=(Exception,))
        finally:
            lock.release()
        if len(failures) >= FAILURES_IN_A_ROW:
            last = failures[-1]
            raise UserError(
                f"{len(failures)} trials in a row failed, the last with {type(last).__name__}: {last}"
            )
        if done + running >= search.settings.trials:
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

    from digits import files

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
