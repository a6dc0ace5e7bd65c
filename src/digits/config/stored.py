"""Give Hydra the values of params.yaml."""

from __future__ import annotations

from typing import Any

from digits.base.errors import UserError
from digits.config.params import CHOSEN_BY_RECIPE, KEYS, PRESETS, in_params
from digits.config.words import read_overrides


def store_params(params: dict[str, Any], with_overrides: bool = True) -> list[str]:
    """Give Hydra the values of params.yaml as two configurations, the first and the last that
    conf/config.yaml has in its defaults list: the values, and the overrides. Return the overrides.

    Raises UserError if an override is not the value of a key in a preset of the model or the recipe.
    """
    from hydra.core.config_store import ConfigStore

    defaults: list[Any] = [{group: params[group]} for group in ("data", "model")]
    # a recipe overrides these two, which Hydra allows if they stand before it
    defaults += [*({group: "???"} for group in CHOSEN_BY_RECIPE), {"recipe": params["recipe"]}, "_self_"]
    chosen = [group for group in CHOSEN_BY_RECIPE if params[group] != "auto"]
    defaults += [{f"override /{group}": params[group]} for group in chosen]
    not_values = (*PRESETS, *CHOSEN_BY_RECIPE, "overrides")
    values = {key: value for key, value in params.items() if key not in not_values}
    overrides = params["overrides"] if with_overrides else []
    store = ConfigStore.instance()
    store.store(name="params", node={"defaults": defaults, **values})
    store.store(name="params_overrides", node=_apply(overrides))
    return list(overrides)


def _apply(overrides: Any) -> dict[str, Any]:
    """Return the values that the overrides of params.yaml set, nested as in the configuration."""
    from omegaconf import DictConfig, OmegaConf

    if not isinstance(overrides, list) or not all(isinstance(each, str) for each in overrides):
        raise UserError(f"overrides: must be a list of Hydra overrides, not {overrides!r} ({in_params()})")
    values: DictConfig = OmegaConf.create()
    for override in overrides:

        def refuse(reason: str, override: str = override) -> None:
            raise UserError(f"overrides: {override}: {reason} ({in_params()})")

        try:
            (parsed,) = read_overrides([override], sweep=True)
        except UserError as error:
            raise UserError(f"overrides: {error} ({in_params()})") from None
        key = parsed.key_or_group
        if key in KEYS:
            refuse(f"set the key {key} instead")
        if key.startswith("data."):
            refuse("write a preset in conf/data/ instead, since DVC fetches the images of a preset")
        if not key.startswith(("model.", "recipe.")):
            refuse("must change a key of the model or the recipe")
        special = (parsed.is_add(), parsed.is_force_add(), parsed.is_delete(), parsed.package is not None)
        if parsed.is_sweep_override() or any(special):
            refuse("must be KEY=VALUE with one value")
        OmegaConf.update(values, key, parsed.value(), force_add=True)
    plain: Any = OmegaConf.to_container(values)
    return dict(plain)
