"""Hydra's basic sweeper, changed to hand a sweep to the command. Hydra looks for it in this folder."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

from digits.base.errors import UserError

LAUNCHERS = ("hydra._internal.core_plugins.basic_launcher", "hydra_plugins.hydra_joblib_launcher._core")


class TrackedSweeper(BasicSweeper):  # type: ignore[misc]
    """Checks all trials before it starts the first, and lets none stop the others."""

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self._sweep: Any = getattr(task_function, "sweep", None)  # see digits.cli.run
        if self._sweep is None:
            raise UserError("-m: this command makes one run; python src/experiment.py -m makes a sweep")
        self._launched = 0
        for launcher in LAUNCHERS:
            logging.getLogger(launcher).addFilter(_without_parent)

    def sweep(self, arguments: list[str]) -> Any:
        from hydra.core.override_parser.overrides_parser import OverridesParser

        overrides = [*self._parse_config(), *arguments]
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        batches = self.split_arguments(parser.parse_overrides(overrides), None)
        trials = [tuple(words) for batch in batches for words in batch]
        folder = Path(self.config.hydra.sweep.dir)
        requests = {words: self._request(words, folder) for words in trials}
        return self._sweep(overrides, requests, self._launch, folder)

    def _launch(self, trials: Sequence[tuple[str, ...]]) -> list[Any]:
        from omegaconf import OmegaConf

        folder = Path(self.config.hydra.sweep.dir)  # made here, so that a sweep that is refused leaves none
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        first, self._launched = self._launched, self._launched + len(trials)  # each has a folder of its own
        return list(self.launcher.launch([list(words) for words in trials], initial_job_idx=first))

    def _request(self, words: Sequence[str], folder: Path) -> Any:
        from digits.config.compose import to_plain_values
        from digits.config.params import read_params
        from digits.config.request import to_request
        from digits.config.schema import Config

        composed = self.hydra_context.config_loader.load_sweep_config(self.config, list(words))
        values = to_plain_values(composed, composed.hydra, read_params()["overrides"])
        return to_request(values, Config, folder)


def _without_parent(record: logging.LogRecord) -> bool:
    """Take the id of the sweep out of what a launcher says of each trial: it is the same for all."""
    record.msg = re.sub(r" parent_run=\w+", "", str(record.msg))
    return True
