"""Hydra's basic sweeper, with an MLflow run around the trials. Hydra looks for it in this folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

if TYPE_CHECKING:
    from digits.config import Config

OPTIONS = ("resume=", "hydra.", "hydra/")  # how a sweep is run; what is left says which sweep it is


class TrackedSweeper(BasicSweeper):  # type: ignore[misc]
    """Checks all trials before it starts the first, and lets none stop the others."""

    def sweep(self, arguments: list[str]) -> Any:
        from hydra.core.override_parser.overrides_parser import OverridesParser
        from omegaconf import OmegaConf

        import sweeping

        assert self.config is not None
        assert self.hydra_context is not None
        assert self.launcher is not None
        words = [*self._parse_config(), *arguments]
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        batches = self.split_arguments(parser.parse_overrides(words), None)
        trials = {tuple(overrides): self._typed(overrides) for batch in batches for overrides in batch}

        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        launcher = self.launcher

        def launch(chosen: Sequence[tuple[str, ...]]) -> list[Any]:
            return list(launcher.launch([list(words) for words in chosen], initial_job_idx=0))

        if self.config.hydra.job.name != "experiment":  # a stage by itself makes no whole runs
            return [job.return_value for job in launch(list(trials))]
        which = " ".join(sorted(word for word in words if not word.startswith(OPTIONS)))
        return sweeping.sweep(which, trials, launch, folder)

    def _typed(self, overrides: list[str]) -> Config:
        from entry_point import typed

        assert self.hydra_context is not None
        composed = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
        return typed(composed, composed.hydra)
