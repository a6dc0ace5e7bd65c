"""The best trial of a study, and Optuna's figures of it."""

from pathlib import Path

import matplotlib
import optuna
import pytest

from digits.reports import figures
from digits.search import study as studies


def study_of(*values: float | None) -> optuna.Study:
    """Return a study with these validation accuracies; a trial with None was pruned."""
    study = optuna.create_study(direction="maximize")
    for number, value in enumerate(values):
        study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.PRUNED if value is None else optuna.trial.TrialState.COMPLETE,
                value=value,
                params={"learning_rate": number / 10},
                distributions={"learning_rate": optuna.distributions.FloatDistribution(0, 1)},
            )
        )
    return study


def test_the_best_trial_is_the_earliest_of_equals() -> None:
    best = studies.best_trial(study_of(None, 0.1, 0.5, 0.2, 0.5))
    assert best is not None
    assert (best.number, best.value) == (2, 0.5)


@pytest.mark.parametrize("values", [(), (None, None)])
def test_without_a_completed_trial_there_is_no_best_one(values: tuple[None, ...]) -> None:
    assert studies.best_trial(study_of(*values)) is None


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ((0.5, 0.6, 0.7), {"optimization_history.png", "param_importances.png"}),
        ((0.5, 0.5, None), {"optimization_history.png"}),  # which keys matter cannot be told
    ],
)
def test_the_figures_show_which_keys_matter_if_it_can_be_told(
    tmp_path: Path, values: tuple[float | None, ...], names: set[str]
) -> None:
    studies.draw_study(study_of(*values), tmp_path / "new")
    assert {file.name for file in (tmp_path / "new").iterdir()} == names
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in (tmp_path / "new").iterdir())


def test_the_figures_that_are_drawn_afterwards_look_as_before(tmp_path: Path) -> None:
    matplotlib.rcdefaults()
    curves = {"a": {"accuracy": [[(1, 0.5), (2, 0.9)]], "val_accuracy": [[(1, 0.4)]]}}
    figures.draw_curves("title", curves, tmp_path / "before.png")
    studies.draw_study(study_of(0.5, 0.6, 0.7), tmp_path)
    figures.draw_curves("title", curves, tmp_path / "after.png")
    assert (tmp_path / "after.png").read_bytes() == (tmp_path / "before.png").read_bytes()
