"""The description that a run has in MLflow."""

from digits.tracking import description
from digits.tracking.description import LONGEST_COMMAND


def test_the_result_of_one_epoch() -> None:
    assert description.of_result(1, 0.95, 1.25) == (
        "Result: validation accuracy 95.00% after 1 epoch in 1.2 seconds."
    )


def test_a_result_without_validation_images() -> None:
    assert description.of_result(2, None, 3) == "Result: after 2 epochs in 3.0 seconds."


def test_a_command_that_no_tag_can_hold_is_left_out() -> None:
    assert "parameters say" in description.to_repeat("x" * (LONGEST_COMMAND + 1))
    assert description.to_repeat("x") == "To repeat it: `x`"


def test_a_run_of_an_older_version_gets_the_result_of_its_test() -> None:
    assert description.with_test("", 0.5) == "Test accuracy 50.00%."


def test_the_result_of_the_test_stands_beside_that_of_the_training() -> None:
    assert description.with_test("Result.\n\nWhat.\n\nMore.", 0.5) == (
        "Result. Test accuracy 50.00%.\n\nWhat.\n\nMore."
    )
