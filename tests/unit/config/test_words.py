"""A slip in an override is refused with what to write instead."""

import pytest

from digits.base.errors import UserError
from digits.config.words import key_meant, read_overrides

SWEEP = "a sweep is python src/experiment.py -m"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("epochs = 3", "epochs = 3: write epochs=3, without spaces"),
        ("epochs= 3", "epochs= 3: write epochs=3, without spaces"),
        ("epochs =3", "epochs =3: write epochs=3, without spaces"),
        ("seed=1 model compact", "model compact: write model=compact, without spaces"),
        ("epochs:3", "epochs:3: is no override; write epochs=3; --help"),
        ("epochs==3", "epochs==3: has a comma or = too many; write epochs=3"),
        ("model=compact,", "model=compact,: has a comma or = too many; write model=compact"),
        ("seed", "seed: is no override; write KEY=VALUE, such as epochs=3; --help"),
        ("/etc/passwd", "/etc/passwd: is no override"),
        ("recipe.shift=", "recipe.shift=: has no value; write recipe.shift="),
        ("nope=", "nope=: has no value; write nope=VALUE"),
        ("model.filters=[16,32", "model.filters=[16,32: has an open bracket; write 'model.filters=[16,32]'"),
        (
            "model.filters=[[8],[16",
            "model.filters=[[8],[16: has an open bracket; write 'model.filters=[[8],[",
        ),
        ("model.filters=16]", "model.filters=16]: has a closing bracket without its opening one"),
        (
            "x={a: 1, b: 4} seed=1",
            "x={a: 1, b: 4}: the shell divides it at its spaces; put it in quotes: 'x={",
        ),
        ("seed=0,1", f"seed=0,1: is more than one value; {SWEEP} seed=0,1"),
        ("seed=range(3)", f"seed=range(3): is more than one value; {SWEEP} seed=range(3)"),
        ("learning_rate=0,1", "learning_rate=0,1: is more than one value; a number has a point: le"),
        ("model.filters=8,16", "model.filters=8,16: is more than one value; a list has brackets: m"),
        ("study_store=a://b?c=d", "study_store=a://b?c=d: cannot be read (mismatched input '=' expec"),
    ],
)
def test_a_slip_is_refused_with_what_to_write_instead(words: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        read_overrides(words.split(" "))
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "word",
    [
        "model.filters=[16,32]",
        "x={low: 0.1, high: 0.4}",
        "~search.space.model",
        "+a=1",
        "study='a, b='",
        'out="a[b"',
        r"out=a\[b",
        "hydra.output_subdir=",
        "out=a b",
        "study=''",
    ],
)
def test_what_hydra_can_read_is_accepted(word: str) -> None:
    read_overrides(["seed=1", word, "epochs=3"])


def test_a_sweep_may_have_several_values() -> None:
    read_overrides(["seed=0,1", "epochs=range(1,3)"], sweep=True)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("modle", "model"),
        ("lr", "learning_rate"),
        ("bs", "batch_size"),
        ("momentum", "recipe.optimizer.momentum"),
        ("optimizer.momentum", "recipe.optimizer.momentum"),
        ("model.droput", "model.dropout"),
        ("search.trails", "search.trials"),
    ],
)
def test_the_key_that_was_meant_is_suggested(key: str, meant: str) -> None:
    assert key_meant(key) == f"; did you mean {meant}?"


def test_nothing_is_suggested_for_a_key_that_resembles_none() -> None:
    assert key_meant("nope") == ""
