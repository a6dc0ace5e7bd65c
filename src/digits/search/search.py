"""A search that is ready to start: checked, with a configuration for every point of its space."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from digits.base import paths
from digits.base.errors import UserError
from digits.base.section import flatten, validate
from digits.config.compose import Composed
from digits.config.naming import shortened_override
from digits.config.params import CHOSEN_BY_RECIPE, KEYS, PRESETS
from digits.config.request import Request, to_request
from digits.config.schema import Config
from digits.config.words import SECTIONS, keys_of_presets
from digits.data import archive
from digits.search.space import Settings, dimensions
from digits.search.study_store import StudyStore, read_store

if TYPE_CHECKING:
    import optuna

COMPARED_ON = ("data", "split_seed", "validation")  # equal in all trials, or their scores mean nothing
NOT_SEARCHED = (*COMPARED_ON, "seed", "threads", "overrides")


@dataclasses.dataclass(frozen=True)
class Search:
    """A request with a space around it. `digest` identifies everything that makes the trials comparable, and
    `store` is the database that the study is in."""

    settings: Settings
    store: StudyStore
    study: str
    digest: str
    request: Request[Config]

    @property
    def space(self) -> dict[str, str]:
        """What is searched, as the parameters of the parent."""
        dimensions = self.settings.space.items()
        return {f"space.{key}": str(each.model_dump(exclude_defaults=True)) for key, each in dimensions}

    @property
    def fixed(self) -> dict[str, str]:
        """The parameters that all trials have."""
        recorded = self.request.config.recorded_parameters()
        return {key: value for key, value in recorded.items() if key not in self.settings.space}

    def at(self, trial: optuna.trial.BaseTrial, parent_run: str | None = None) -> Request[Config]:
        """Return the request at the point of the space that Optuna suggests, or once suggested."""
        point = {key: dimension.suggest(trial, key) for key, dimension in self.settings.space.items()}
        words = [f"{key}={value}".replace(" ", "") for key, value in point.items()]
        name = " ".join([f"#{trial.number}", *map(shortened_override, words)])
        return _at(self.request, point).with_options(parent_run=parent_run, run_name=name)


def read_search(request: Request[Config]) -> Search:
    """Return the search that conf/tune.yaml, with its overrides, describes.

    Raises UserError if a key is wrong, if the space is empty or leads to a value that the configuration does
    not allow, or if the data are not prepared or have no validation images to choose by.
    """
    values, preset = request.composed.values, request.composed.presets.get("search")
    section, study = values.get("search"), values.get("study")
    if not isinstance(section, dict) or not preset:
        raise UserError("search: must name one preset of conf/search/")
    if request.config.validation == 0:
        raise UserError("validation: a search chooses by validation accuracy; set it above 0")
    settings = _settings(section, request.composed)
    if not isinstance(study, str) or not study:
        raise UserError(f"study: must be a name or auto, not {study!r}")
    store = read_store(values.get("study_store"), request.composed.source(["study_store"]))
    _check_keys(settings.space, request.composed)
    ends = [_end(request, key, value) for key, each in settings.space.items() for value in each.ends]
    prepared = archive.check(request.config, paths.PREPARED)
    for end in ends:
        end.config.model.refuse_too_deep(prepared.shape)
    digest = _digest(settings, request.config, prepared.digest)
    return Search(settings, store, f"{preset}-{digest}" if study == "auto" else study, digest, request)


def _settings(section: dict[str, Any], composed: Composed) -> Settings:
    def source(path: Sequence[str]) -> str:
        return composed.source(["search", *path])

    space = section.get("space")
    by_key = dict(dimensions(space)) if isinstance(space, dict) else {}
    if not by_key:
        raise UserError(f"search.space: is empty; name keys to search ({source(['space'])})")
    return validate(Settings, section | {"space": by_key}, source, under="search")


def _check_keys(keys: Collection[str], composed: Composed) -> None:
    """Raise UserError if a key cannot be searched, or the presets of the experiment do not have it."""
    for key in keys:
        top = key.partition(".")[0]
        if top in NOT_SEARCHED:
            why = "trials are compared on it" if top in COMPARED_ON else "it makes no model better"
            raise UserError(f"search.space.{key}: cannot be searched, since {why}")
        if key in (*PRESETS, *CHOSEN_BY_RECIPE):
            raise UserError(
                f"search.space.{key}: a search stays within presets; "
                "python src/experiment.py -m compares them"
            )
    values = {
        name: composed.values[name] for name in KEYS if name not in NOT_SEARCHED and name in composed.values
    }
    # params.yaml has these keys without `recipe.`
    defaults = ("recipe.epochs", "recipe.batch_size", "recipe.learning_rate")
    known = [name for name, _ in flatten(values) if not name.startswith(defaults)]
    unknown = [key for key in keys if key not in known]
    if misfits := [key for key in unknown if key in keys_of_presets()]:
        which = ", ".join(f"{key} is no key of {_preset_of(key, composed)}" for key in misfits)
        raise UserError(f"search.space: {which}; choose another preset, or {_leave_out(misfits)}")
    if unknown:
        raise UserError(f"search.space.{unknown[0]}: unknown key; there is {', '.join(known)}")


def _preset_of(key: str, composed: Composed) -> str:
    """Return the choice of the preset in which `key` would be, such as recipe=sprint."""
    groups = [group for group, section in SECTIONS.items() if key.startswith(f"{section}.")]
    group = max(groups, key=lambda group: len(SECTIONS[group]))
    return f"{group}={composed.presets[group]}"


def _leave_out(keys: Collection[str]) -> str:
    return "leave it out: " + " ".join(f"'~search.space.{key}'" for key in keys)


def _end(request: Request[Config], key: str, value: Any) -> Request[Config]:
    """Return the request with one end of a dimension. Raises UserError if it is not allowed."""
    try:
        return _at(request, {key: value})
    except UserError as error:
        raise UserError(f"{error}; choose other values, or {_leave_out([key])}") from None


def _at(request: Request[Config], point: Mapping[str, Any]) -> Request[Config]:
    """Return the request with the values of `point`, given by dotted keys. Raises UserError if one is not
    allowed."""
    composed = request.composed
    values = copy.deepcopy(composed.values)
    for key, value in point.items():
        *path, last = key.split(".")
        section = values
        for part in path:
            section = section[part]
        section[last] = value
    changed = dataclasses.replace(composed, values=values, from_search=tuple(point))
    return to_request(changed, Config, request.out)


def _digest(settings: Settings, config: Config, data_digest: str) -> str:
    space = {key: dimension.model_dump() for key, dimension in settings.space.items()}
    fixed = {key: value for key, value in config.parameters().items() if key not in space}
    return hashlib.md5(json.dumps([space, fixed, data_digest], sort_keys=True).encode()).hexdigest()[:8]
