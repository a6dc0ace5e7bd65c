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


@pytest.mark.parametrize(
    ("epoch", "line"),
    [
        (EPOCH, "  accuracy 0.9877  loss 0.0412  val_accuracy 0.9900  val_loss 0.0310  seconds 12.3"),
        (WITHOUT_VALIDATION, "  accuracy 0.9877  loss 0.0412  seconds 12.3"),
    ],
    ids=["validation", "no validation"],
)
def test_the_line_has_the_names_of_the_metrics_and_fits_a_terminal(epoch: Epoch, line: str) -> None:
    assert epoch.line(16) == f"epoch 3/16 {line}"
    assert len(dataclasses.replace(epoch, epoch=100, loss=10.0).line(100)) <= 100
