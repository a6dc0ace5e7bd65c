"""Search for better hyperparameters: python src/tune.py search=compact search.trials=20

The same command again goes on with the study, and in several terminals at once they share it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import entry_point
from digits import data, runtime, search, studies
from digits.config import CARD, Config
from digits.errors import Diverged, UserError
from entry_point import ROOT

if TYPE_CHECKING:
    import optuna


def main(sought: search.Search, out: Path) -> float:
    """The validation accuracy of the winner."""
    config = sought.config
    settings = data.Settings(config.data.name, config.validation, config.split_seed)
    prepared = data.load(ROOT / "data/prepared", settings)

    from filelock import FileLock

    from digits import parents, store  # not before a wrong key or file has been refused

    database = store.root() / "optuna.db"
    lock = FileLock(f"{database}.{sought.digest}.lock")
    study = studies.open_study(sought, database, lambda attributes: parents.kill(attributes.get("run", "")))
    runtime.start(config.threads)

    def trial_run(trial: optuna.Trial, config: Config) -> float:
        return run_trial(trial, config, prepared)

    with parents.search_run(sought.study, lock) as search_id:
        print(f"study {sought.study}")
        studies.optimize(study, sought, lock, trial_run)
        with lock:  # one process scores the winner; the others find it done
            return conclude(study, sought, search_id, out)


def run_trial(trial: optuna.Trial, config: Config, prepared: data.Prepared) -> float:
    """The validation accuracy after the last epoch. A trial that is pruned has gone as intended, so its
    MLflow run is finished all the same. Nothing here sees the test images."""
    import optuna

    import train
    from digits import tracking, training

    pruned = None
    splits = {"train": prepared.train, "validation": prepared.validation}
    with tracking.training_run(config, splits) as run_id:
        tracking.set_tags({"trial": trial.number, "study": trial.study.study_name})
        trial.set_user_attr("run", run_id)

        def judge(epoch: training.Epoch) -> None:
            assert epoch.val_accuracy is not None
            trial.report(epoch.val_accuracy, epoch.epoch)
            if epoch.epoch < config.epochs and trial.should_prune():
                raise optuna.TrialPruned(f"after epoch {epoch.epoch}")

        try:
            _, history = train.fit(config, prepared, judge)
        except (optuna.TrialPruned, Diverged) as reason:
            pruned = reason
            tracking.set_tags({"pruned": "true"})
    if pruned:
        print(f"trial {trial.number} pruned: {pruned}")
        raise optuna.TrialPruned(str(pruned))
    print(f"trial {trial.number}: validation accuracy {history[-1].val_accuracy:.2%}")
    return history[-1].val_accuracy or 0.0


def conclude(study: optuna.Study, sought: search.Search, search_id: str, out: Path) -> float:
    """Train the winner as experiment.py does, score it, and report; with the study's lock held."""
    import experiment
    import sweeping
    from digits import comparison, parents

    running = [trial for trial in study.trials if trial.state.name == "RUNNING"]  # in a longer search
    parents.close_trials(search_id, {trial.user_attrs.get("run", "") for trial in running})
    best = studies.best(study)
    if best is None:
        raise UserError(f"search.pruner: all {len(study.trials)} trials were pruned; choose a milder one")
    winner = parents.search_winner(search_id, best.number)
    if winner is None:
        print(f"trial {best.number} won; it is trained again and scored")
        experiment.main(sought.at(best), out)
        parents.crown(search_id, best.number, out / "models/model.keras")
        winner = parents.search_winner(search_id, best.number)
        assert winner is not None
    crowned = comparison.Group(winner.parameters, [winner])
    command = comparison.command(crowned, CARD, ROOT / "conf")
    groups = comparison.fold(parents.search_trials(search_id))
    studies.pictures(study, out / "summary")
    sweeping.summarize(groups or [crowned], crowned, command, out)
    states = [trial.state.name for trial in study.trials]
    print(
        f"{states.count('COMPLETE')} trials completed, {states.count('PRUNED')} pruned, "
        f"{states.count('FAIL')} failed or stopped\n"
        f"test accuracy of the winner: {winner.metrics['test_accuracy']:.2%}\n"
        f"best by validation accuracy; to repeat it: {command}\n"
        f"tables and pictures: {out / 'summary'}\n"
        f"look at the trials: make ui SWEEP={search_id}\n"
    )
    return winner.metrics["val_accuracy"]


if __name__ == "__main__":
    if {"-m", "--multirun"} & set(sys.argv):
        sys.exit("error: -m: a search makes its own trials; to share one, start the same command twice")
    entry_point.run_as(main, "tune", search.read)
