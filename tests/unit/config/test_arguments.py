"""Options of Hydra are told from overrides, and those that it does not have are refused."""

import pytest

from digits.base.errors import UserError
from digits.config.arguments import Arguments, read_arguments, refuse_unread


@pytest.mark.parametrize(
    ("words", "options", "overrides"),
    [
        ("model=small seed=1", [], ["model=small", "seed=1"]),
        ("-m seed=0,1", ["-m"], ["seed=0,1"]),
        ("model=small -m seed=0,1", ["-m"], ["model=small", "seed=0,1"]),
        ("seed=1 --cfg job model=small --resolve", ["--cfg", "job", "--resolve"], ["seed=1", "model=small"]),
    ],
)
def test_options_can_stand_between_overrides(words: str, options: list[str], overrides: list[str]) -> None:
    assert read_arguments(words.split()) == Arguments(options, overrides)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--epochs=3", "--epochs=3: keys have no dashes; write epochs=3"),
        ("--epochs 3", "--epochs: keys have no dashes; write epochs=3"),
        ("--epochs", "--epochs: keys have no dashes; write epochs=VALUE"),
        ("--learning-rate=0.1", "--learning-rate=0.1: keys have no dashes; write learning_rate=0.1"),
        ("--model.dropout=0.1", "--model.dropout=0.1: keys have no dashes; write model.dropout=0.1"),
        ("-model=small", "-model=small: keys have no dashes; write model=small"),
        ("-S epochs=3", "-S: is an option of `dvc exp run`; here write KEY=VALUE alone: epochs=3"),
        ("--foo", "--foo: unknown option; write KEY=VALUE; --help lists the keys"),
        (
            "--epoch=3",
            "--epoch=3: unknown option; write KEY=VALUE; --help lists the keys; did you me",
        ),
        ("--cfg nope", "argument --cfg/-c: invalid choice: 'nope'"),
        ("-m seed=[0", "seed=[0: has an open bracket; write 'seed=[0]'"),
    ],
)
def test_a_wrong_option_is_refused_with_what_to_write_instead(words: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        read_arguments(words.split())
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_an_option_of_other_commands_is_refused_with_those_that_there_are() -> None:
    refuse_unread(["data=sample", "out=.", "parent_run=1", "epochs=3"], ("data", "out"))
    with pytest.raises(UserError) as error:
        refuse_unread(["data=sample", "+model_file=x"], ("data", "out", "offline"))
    reason = "is an option of other commands; this one has out, offline; --help lists the keys"
    assert str(error.value) == f"model_file: {reason}"
