"""Add the scores of a model on the test images to the run that trained it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from digits.tracking import models, store, writer
from digits.tracking.description import NOTE, with_test


def record(key: str, values: Mapping[str, Any], reports: Path, moment: int) -> str:
    """Add what an evaluation has found to the newest run that trained the model on the same data, and return
    the run's id. What a run has it keeps: its status, and scores that it has already.

    If there is no such run, the scores have a run of their own, with the `key`. `values` are those of
    `runs.record_scores`, and `reports` is the folder with the files.
    """
    model_md5, digest = values["model_md5"], values["digest"]
    known = store.newest(store.of_model(model_md5, digest))
    if known:
        if "test_accuracy" not in known.metrics:
            text = with_test(known.tags.get(NOTE, ""), values["scores"]["test_accuracy"])
            _add(known.run_id, values, values["scores"], reports, moment, {NOTE: text})
        elif "scored_in_run" in known.tags:  # it has the scores of an equal model, and not its reports
            _add(known.run_id, values, {}, reports, moment)
        models.record_scores(known.run_id)
        return known.run_id
    elsewhere = store.newest(f"tags.model_md5 = '{model_md5}'")
    trained = elsewhere.run_id if elsewhere else "none of this store"
    own = writer.start_run(key, values["name"], values["tags"], values["process"], moment)
    writer.set_tags(own, {"trained_in_run": trained})
    writer.log_params(own, values["params"])
    _add(own, values, values["scores"], reports, moment)
    writer.set_tags(own, {"model_md5": model_md5})  # by which it is found from now on
    writer.end_run(own, "FINISHED", None, moment)
    return own


def _add(
    run_id: str,
    values: Mapping[str, Any],
    scores: Mapping[str, float],
    reports: Path,
    moment: int,
    tags: Mapping[str, str] = MappingProxyType({}),
) -> None:
    writer.log_inputs(run_id, values["inputs"])
    writer.log_files(run_id, reports)
    writer.log_metrics(run_id, [(scores, moment, 0)], tags)  # last, since they mark the run as scored
