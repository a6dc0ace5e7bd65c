"""Search for better hyperparameters: run the trials, then train the winner again and score it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from digits.base.errors import DivergedError, UserError
from digits.config.request import Request
from digits.config.schema import Config
from digits.data import splits
from digits.experiment import run
from digits.search.locks import Lock
from digits.search.postgres import PostgresStore
from digits.search.search import Search, read_search

if TYPE_CHECKING:
    import optuna

    from digits.learning.history import Epoch
    from digits.tracking.recording import Recording


def tune(request: Request[Config]) -> float:
    """Run the search that `request` describes, alone or with other processes, and return the validation
    accuracy of the winner.

    Raises UserError if the search is wrong, its data are not prepared, or every trial was pruned.
    """
    search = read_search(request)
    prepared = run.load_training_images(request)
    run.start_learning(request)

    from digits.search import study as studies
    from digits.search import trials

    lock = search.store.lock(f"{search.study} {search.digest}")

    def mark_killed(attributes: Mapping[str, Any]) -> None:
        trials.mark_killed(attributes.get("run", ""))

    study = studies.open_study(search, mark_killed)
    # on another machine a person may have forgotten to name the MLflow store
    begun = isinstance(search.store, PostgresStore) and bool(study.trials)
    identity, parameters = study.user_attrs[studies.IDENTITY], trials.of_parent(search.fixed) | search.space
    with trials.search_run(search.study, identity, lock, begun, parameters) as parent:
        print(f"study {search.study}: {search.settings.trials} trials")
        studies.optimize(
            study,
            search,
            lock,
            lambda trial: run_trial(trial, search, parent.run_id, prepared, lock),
            mark_killed,
        )
        with lock:  # one process trains the winner, and the others find it done
            return train_winner(study, search, parent, lock)


def run_trial(
    trial: optuna.Trial, search: Search, search_run: str, prepared: splits.Splits, lock: Lock
) -> float:
    """Return the validation accuracy after the last epoch. Nothing here sees the test images.

    A trial that is pruned has gone as intended, so its MLflow run is FINISHED all the same.
    """
    import optuna

    from digits.experiment import recorded
    from digits.experiment.interrupted import resumable
    from digits.search import results
    from digits.search import study as studies

    try:
        request = search.at(trial, search_run)
    finally:
        lock.release()
    pruned = None
    with (
        resumable(request, prepared, studies.first_try(trial)) as progress,
        recorded.run_of(request, prepared, progress) as recording,
    ):
        recording.set_tags({"trial": trial.number, "study": trial.study.study_name})
        trial.set_user_attr("run", recording.key)

        def prune(epoch: Epoch) -> None:
            assert epoch.val_accuracy is not None
            trial.report(epoch.val_accuracy, epoch.epoch)
            if epoch.epoch < request.config.epochs and trial.should_prune():
                raise optuna.TrialPruned(f"after epoch {epoch.epoch}, val_accuracy {epoch.val_accuracy:.4f}")

        try:
            _, history = recorded.fit(recording, request, prepared, progress, prune)
        except (optuna.TrialPruned, DivergedError) as reason:
            pruned = reason
            recording.describe(f"Pruned: {reason}.", {"pruned": "true"})
    if pruned:
        results.print_trial(f"trial {trial.number} pruned: {pruned}", trial.params)
        raise optuna.TrialPruned(str(pruned))
    accuracy = history[-1].val_accuracy or 0.0
    results.print_trial(f"trial {trial.number}: val_accuracy {accuracy:.4f}", trial.params)
    return accuracy


def train_winner(study: optuna.Study, search: Search, parent: Recording, lock: Lock) -> float:
    """Train the winner as experiment.py does, score it, report, and return its validation accuracy. Called
    with the study's lock held."""
    from digits.reports.ranking import Group, rank
    from digits.search import results, trials
    from digits.search import study as studies
    from digits.tracking.repeat import repeat_command

    search_run = parent.run_id
    running = [trial for trial in study.trials if trial.state.name == "RUNNING"]  # in a longer search
    trials.mark_stopped_trials(search_run, alive={trial.user_attrs.get("run", "") for trial in running})
    best = studies.best_trial(study)
    if best is None:
        raise UserError(f"search.pruner: all {len(study.trials)} trials were pruned; choose a milder one")
    winner = trials.winner_run(search_run, best.number)
    if winner is None:
        print(f"\ntrial {best.number} won; it is trained again and scored")
        request = search.at(best, search_run)
        run.train_and_evaluate(request.with_options(run_name=f"winner {request.options.run_name}"))
        with lock:  # again, which fails if it was lost meanwhile: then another process trains a winner, too
            trials.mark_winner(search_run, best.number, search.request.out / "models/model.keras")
        winner = trials.winner_run(search_run, best.number)
        assert winner is not None
    winner_group = Group(winner.parameters, [winner])
    command = repeat_command(winner.parameters)
    groups = rank(trials.completed_trials(search_run))
    folder = search.request.out / "summary"
    studies.draw_study(study, folder)
    results.report(parent, groups or [winner_group], winner_group, command, folder)
    states = [trial.state.name for trial in study.trials]
    print(
        f"{states.count('COMPLETE')} trials completed, {states.count('PRUNED')} pruned, "
        f"{states.count('FAIL')} failed or stopped\n"
        f"test accuracy of the winner: {winner.metrics['test_accuracy']:.2%}"
    )
    results.print_where_to_look(search_run, command, folder)
    return winner.metrics["val_accuracy"]
