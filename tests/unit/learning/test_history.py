"""What is reported of an epoch."""

import dataclasses

import pytest

from digits.learning.history import Epoch

EPOCH = Epoch(
    3,
    accuracy=0.987654321,
    loss=0.0412345678,
    val_accuracy=0.99,
    val_balanced_accuracy=0.98,
    val_loss=0.031,
    learning_rate=1.2345678e-5,
    seconds=12.3456789,
)
WITHOUT_VALIDATION = dataclasses.replace(EPOCH, val_accuracy=None, val_balanced_accuracy=None, val_loss=None)


def test_the_metrics_are_all_values_except_the_number_of_the_epoch() -> None:
    values = dataclasses.asdict(EPOCH)
    assert values.pop("epoch") == 3
    assert EPOCH.metrics() == values


def test_without_validation_there_are_no_such_metrics() -> None:
    assert list(WITHOUT_VALIDATION.metrics()) == ["accuracy", "loss", "learning_rate", "seconds"]


@pytest.mark.parametrize("epoch", [EPOCH, WITHOUT_VALIDATION], ids=["validation", "no validation"])
def test_the_line_has_the_names_and_values_of_the_metrics_to_five_digits(epoch: Epoch) -> None:
    heading, *pairs = epoch.line(16).split("  ")
    assert heading == "epoch 3/16"
    printed = {name: float(value) for name, value in (pair.split(" ") for pair in pairs)}
    assert list(printed) == list(epoch.metrics())
    assert printed == pytest.approx(epoch.metrics(), rel=5e-5)


def test_a_value_is_rounded_to_five_significant_digits() -> None:
    assert EPOCH.line(16) == (
        "epoch 3/16  accuracy 0.98765  loss 0.041235  val_accuracy 0.99  val_balanced_accuracy 0.98  "
        "val_loss 0.031  learning_rate 1.2346e-05  seconds 12.346"
    )
