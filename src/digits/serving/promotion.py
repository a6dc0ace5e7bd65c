"""Decide which model is used: promote a run's model to champion if it is better than the present one."""

from __future__ import annotations

import mlflow
from mlflow.entities import Run

from digits.base.errors import UserError
from digits.reports import tables
from digits.serving.candidates import Candidate, compare, find_run, read_candidate
from digits.tracking import failures, models, registry
from digits.tracking.opening import open_store
from digits.tracking.records import DATA_DIGEST
from digits.tracking.registry import CHALLENGER, CHAMPION, Version


@failures.reported()
def promote(wanted: str | None, data: str, force: bool) -> None:
    """Register the model of the run `wanted`, an id or a name, or of the best one on `data` by validation
    accuracy. Make it champion if it is better than the present one, or with `force`; otherwise it becomes
    challenger.

    Raises UserError if there is no such run, or it has no model.
    """
    open_store()
    candidate = read_candidate(find_run(wanted, data))
    run, name = candidate.run, registry.registered_name(candidate.data)
    model = models.of_run(run)
    if model is None:
        raise UserError(f"run {run.info.run_name} ({run.info.run_id}) has recorded no model")
    tags = {"run_name": run.info.run_name, "data_digest": run.data.params[DATA_DIGEST]}
    with registry.one_at_a_time():
        version = registry.register(name, run, model, tags)
        while True:
            before = registry.champion(name)
            if before and before.number == version.number:
                print(f"{version} is the champion already")
                return
            why, missing = _judge(candidate, before)
            promoted = force or not missing
            if missing and force:
                why = f"{why}; promoted by force"
            _mark(version, run, before if promoted else None, promoted, why)
            # if the store is a server, somebody else can have promoted another one meanwhile
            now = registry.champion(name)
            if not promoted or now is None or now.number in (version.number, before and before.number):
                break
    print(f"{version} is {CHAMPION if promoted else CHALLENGER}: {_scores(run)}")
    print(why)
    if not promoted:
        print(f"{before} stays champion, since {missing}; force=true promotes the other one all the same")


def _mark(version: Version, run: Run, before: Version | None, promoted: bool, why: str) -> None:
    """Make the version champion, in place of the one `before`, or challenger."""
    text = f"From run {run.info.run_name} ({run.info.run_id}): {_scores(run)}. {why[0].upper()}{why[1:]}."
    tags = {"why": why} | ({registry.REPLACED: before.number} if before else {})
    registry.mark(version, CHAMPION if promoted else CHALLENGER, text, tags)


def _judge(candidate: Candidate, before: Version | None) -> tuple[str, str]:
    """Return how the candidate compares with the champion `before`, and what is missing to take its place:
    nothing if it is better by more than the standard error."""
    if before is None:
        return "there was no champion", ""
    not_compared = f"not compared with version {before.number}"
    champion = read_candidate(mlflow.get_run(before.run_id))
    same_data = candidate.run.data.params[DATA_DIGEST] == champion.run.data.params[DATA_DIGEST]
    if not same_data or candidate.images != champion.images:
        return not_compared, "they were validated on different images"
    if candidate.answers is None or champion.answers is None:
        return not_compared, "one of them has no answers on the validation images, as runs of older versions"
    comparison = compare(candidate.answers, champion.answers)
    better = comparison.difference > comparison.standard_error
    missing = "" if better else "more than one standard error is needed"
    return f"against version {before.number}: {comparison}", missing


def _scores(run: Run) -> str:
    known = [
        f"{run.data.metrics[f'{key}_accuracy']:.2%} on {words}"
        for key, words in (("val", "validation"), ("test", "test"))
        if f"{key}_accuracy" in run.data.metrics
    ]
    return f"accuracy {', '.join(known)}" if known else "never scored"


@failures.reported()
def show_versions(data: str) -> None:
    """Print the versions of the registered model for `data`, newest first.

    Raises UserError if there is none.
    """
    open_store()
    name = registry.registered_name(data)
    rows = []
    for version in registry.versions(name):
        metrics = mlflow.get_run(version.run_id).data.metrics
        since = max((tag for key, tag in version.tags.items() if key.endswith("_since")), default="")
        rows.append(
            {
                "version": str(version.number),
                "alias": ", ".join(version.aliases),
                "validation": f"{metrics['val_accuracy']:.2%}" if "val_accuracy" in metrics else "",
                "test": f"{metrics['test_accuracy']:.2%}" if "test_accuracy" in metrics else "",
                "run": version.tags.get("run_name", version.run_id),
                "since": since,
                "why": version.tags.get("why", ""),
            }
        )
    if not rows:
        raise UserError(
            f"data: nothing is registered as {name}; `python src/promote.py data={data}` registers the best"
        )
    print(name)
    tables.print_table(rows)


@failures.reported()
def roll_back(data: str) -> None:
    """Make the champion before the present one champion again. Raises UserError if there is none."""
    open_store()
    name = registry.registered_name(data)
    with registry.one_at_a_time():
        now = registry.champion(name)
        if now is None:
            raise UserError(f"data: {name} has no champion; `python src/promote.py data={data}` makes one")
        before = registry.restore(now)
    print(f"{before} is champion again, in place of version {now.number}")
