"""Find the run whose model could be promoted, and compare its answers with those of another."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Sequence

import mlflow
from mlflow.entities import Run
from scipy.stats import binomtest

from digits.base.errors import UserError
from digits.tracking import store
from digits.tracking.records import DATA_DIGEST


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two models on the same images: how many are right with the candidate alone (`better`), and with the
    champion alone (`worse`)."""

    better: int
    worse: int
    images: int

    @property
    def difference(self) -> float:
        """The difference of the accuracies, positive if the candidate's is higher."""
        return (self.better - self.worse) / self.images

    @property
    def standard_error(self) -> float:
        """The standard error of the difference of two paired proportions."""
        apart = self.better + self.worse
        return math.sqrt(max(0, apart - (self.better - self.worse) ** 2 / self.images)) / self.images

    @property
    def p_value(self) -> float:
        """The probability of a difference as large if both models are equally good: McNemar's test (1947), in
        its exact form."""
        apart = self.better + self.worse
        return float(binomtest(self.better, apart).pvalue) if apart else 1.0

    def __str__(self) -> str:
        return (
            f"{self.better} better and {self.worse} worse of {self.images:,} validation images, "
            f"{100 * self.difference:+.2f} ± {100 * self.standard_error:.2f} points "
            f"(McNemar's test: p = {self.p_value:.2g})"
        )


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A run with a model that can be promoted. `answers` has the true class and the answer for each
    validation image, None for runs of older versions, and `images` is the digest of those images."""

    run: Run
    answers: Sequence[tuple[str, str]] | None
    images: str | None

    @property
    def data(self) -> str:
        """The preset of the data."""
        return str(self.run.data.params["data"])


def find_run(wanted: str | None, data: str) -> Run:
    """Return the run with this id or name, or else the best by validation accuracy of all that have the
    validation images of the newest run on `data`. Raises UserError if there is none."""
    if wanted:
        found = store.search(f"attributes.run_id = '{wanted}'") or store.search(
            f"attributes.run_name = '{wanted}'"
        )
        if len(found) != 1:
            raise UserError(
                f"RUN: {len(found) or 'no'} runs have the id or name {wanted}; `make ui` shows the ids"
            )
        return mlflow.get_run(found[0].run_id)
    finished = f"attributes.status = 'FINISHED' and params.data = '{data}' and metrics.val_accuracy >= 0"
    newest = store.newest(f"{finished} and tags.model_md5 != ''")
    if newest is None:
        raise UserError(
            f"data: no finished run on {data} has a model and a validation accuracy; "
            f"train one: python src/experiment.py data={data}"
        )
    keys = (DATA_DIGEST, "split_seed", "validation")
    same = [f"params.`{key}` = '{newest.parameters[key]}'" for key in keys]
    runs = store.search(" and ".join([finished, "tags.model_md5 != ''", *same]))
    return mlflow.get_run(max(runs, key=lambda run: run.metrics["val_accuracy"]).run_id)


def read_candidate(run: Run) -> Candidate:
    """Return what a promotion needs to know of a run."""
    if "data" not in run.data.params or DATA_DIGEST not in run.data.params:
        raise UserError(f"run {run.info.run_name} ({run.info.run_id}) has trained no model")
    inputs = run.inputs.dataset_inputs if run.inputs else []
    digests = [each.dataset.digest for each in inputs if any(tag.value == "validation" for tag in each.tags)]
    digest = digests[0] if digests else None
    artifacts = mlflow.MlflowClient().list_artifacts(run.info.run_id)
    if store.VALIDATION_ANSWERS not in [file.path for file in artifacts]:
        return Candidate(run, None, digest)
    text = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/{store.VALIDATION_ANSWERS}")
    rows = csv.DictReader(io.StringIO(text))
    return Candidate(run, [(row["actual"], row["predicted"]) for row in rows], digest)


def compare(candidate: Sequence[tuple[str, str]], champion: Sequence[tuple[str, str]]) -> Comparison:
    """Compare the answers of two models on the same images."""
    pairs = [
        (answer == actual, old == actual)
        for (actual, answer), (_, old) in zip(candidate, champion, strict=True)
    ]
    return Comparison(pairs.count((True, False)), pairs.count((False, True)), len(pairs))
