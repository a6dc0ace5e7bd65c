"""Names of runs, whose first letters tell them apart."""

import pytest

from digits.config.naming import SHOWN, names_of_trials, shortened_override


@pytest.mark.parametrize(
    ("override", "name"),
    [
        ("model.dropout=0.5", "dropout=0.5"),
        ("+recipe.selection.share=0.5", "share=0.5"),
        ("learning_rate=0.1", "lr=0.1"),
        ("batch_size=50", "batch=50"),
        ("model=tutorial", "tutorial"),
        ("optimizer=adam", "adam"),
        ("seed=1", "seed=1"),
        ("~recipe.selection.share", "share"),
    ],
)
def test_an_override_in_a_name_is_short(override: str, name: str) -> None:
    assert shortened_override(override) == name


def trials(**swept: list[object]) -> list[tuple[str, ...]]:
    """Return the overrides of each trial of a sweep over all combinations."""
    combined: list[tuple[str, ...]] = [("data=sample",)]
    for key, values in swept.items():
        combined = [(*words, f"{key}={value}") for words in combined for value in values]
    return combined


def test_trials_are_named_by_what_differs_in_the_order_of_the_command() -> None:
    assert names_of_trials(trials(model=["tutorial", "compact"], seed=[0, 1])) == [
        "tutorial seed=0",
        "tutorial seed=1",
        "compact seed=0",
        "compact seed=1",
    ]


@pytest.mark.parametrize(
    "swept",
    [
        {"model": ["tutorial", "compact"], "recipe": ["tutorial", "onecycle"], "seed": [0, 1, 2]},
        {"model.first_layer": ["cosines", "learnt"], "recipe.selection.random": [0.3, 1], "seed": [0, 1]},
        {"model.filters": ["[16,32,64,128,256,1]", "[16,32,64,128,256,2]"]},
        {"seed": [0, 0]},
    ],
)
def test_the_letters_that_are_shown_tell_all_trials_apart(swept: dict[str, list[object]]) -> None:
    names = names_of_trials(trials(**swept))
    assert len({name[:SHOWN] for name in names}) == len(names)


def test_a_key_has_one_place_in_all_names() -> None:
    names = names_of_trials(trials(model=["a", "tutorial-of-ten"], recipe=["bb", "cc"], seed=[1, 2]))
    places = [[part.startswith("seed=") for part in name.split()].index(True) for name in names]
    assert set(places) == {1}


def test_a_single_trial_needs_no_name() -> None:
    assert names_of_trials([("seed=0",)]) == [""]
