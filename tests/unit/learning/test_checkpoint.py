"""The state of a training in a file: complete, or as it was before."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from digits.base.errors import UserError
from digits.learning.checkpoint import Checkpoint, State
from digits.learning.history import Epoch
from support import fail_after


def state(number: int) -> State:
    history = [Epoch(n, n / 3, 1 / n, None, None, 0.5, 0.1, 1.5) for n in range(1, number + 1)]
    arrays = {"model0": np.full((2, 3), number / 7, np.float32), "optimizer0": np.array(number)}
    return State(arrays, history, f"run {number}", number * 1.5)


def assert_equal(found: State | None, expected: State) -> None:
    assert found is not None
    assert (found.history, found.recording, found.seconds) == (
        expected.history,
        expected.recording,
        expected.seconds,
    )
    assert found.arrays.keys() == expected.arrays.keys()
    for name, array in expected.arrays.items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[name], array)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return Checkpoint(tmp_path / "checkpoints/a.checkpoint")


def test_the_last_state_is_read(checkpoint: Checkpoint) -> None:
    for number in (1, 2, 3):
        checkpoint.write(state(number))
        assert_equal(checkpoint.read(), state(number))
    assert list(checkpoint.file.parent.iterdir()) == [checkpoint.file]


def test_before_the_first_state_and_after_it_is_removed_there_is_none(checkpoint: Checkpoint) -> None:
    assert checkpoint.read() is None
    checkpoint.write(state(1))
    checkpoint.remove()
    checkpoint.remove()
    assert checkpoint.read() is None


def test_a_checkpoint_is_removed_with_what_is_left_of_the_next_one(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.write(state(1))
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)  # as if the process had been killed
    fail_after(0, monkeypatch, (os, "fsync"))
    with pytest.raises(OSError, match="No space left"):
        checkpoint.write(state(2))
    monkeypatch.undo()
    assert len(list(checkpoint.file.parent.iterdir())) == 2
    checkpoint.remove()
    assert list(checkpoint.file.parent.iterdir()) == []


OPERATIONS = ((Path, "open"), (os, "fsync"), (Path, "replace"), (os, "open"))


def test_whichever_operation_fails_there_is_a_complete_state(checkpoint: Checkpoint) -> None:
    checkpoint.write(state(1))
    for successes in range(100):
        failed = False
        with pytest.MonkeyPatch.context() as patch:
            fail_after(successes, patch, *OPERATIONS)
            try:
                checkpoint.write(state(2))
            except OSError:
                failed = True
        found = checkpoint.read()
        assert found is not None
        assert_equal(found, state(len(found.history)))
        assert list(checkpoint.file.parent.iterdir()) == [checkpoint.file]
        if not failed:
            break
    assert_equal(checkpoint.read(), state(2))
    assert successes == 5  # open, fsync, replace, and the same of the folder


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_a_truncated_file_is_refused_with_what_to_do(checkpoint: Checkpoint, kept: float) -> None:
    checkpoint.write(state(1))
    content = checkpoint.file.read_bytes()
    checkpoint.file.write_bytes(content[: int(kept * len(content)) if kept < 1 else int(kept)])
    with pytest.raises(UserError, match=r"a\.checkpoint: is damaged.*resume=false"):
        checkpoint.read()


def test_a_changed_byte_is_noticed(checkpoint: Checkpoint) -> None:
    checkpoint.write(state(1))
    content = checkpoint.file.read_bytes()
    for place in range(0, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 0x10
        checkpoint.file.write_bytes(changed)
        with pytest.raises(UserError, match="is damaged"):
            checkpoint.read()


@given(
    arrays(st.sampled_from([np.float32, np.int64, np.uint8]), array_shapes(min_dims=0, max_side=4)), st.text()
)
def test_any_state_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, array: Any, run_id: str
) -> None:
    checkpoint = Checkpoint(tmp_path_factory.getbasetemp() / "any.checkpoint")
    written = State({"model0": array}, state(2).history, run_id, 0.1)
    checkpoint.write(written)
    assert_equal(checkpoint.read(), written)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.checkpoint"
    file.write_bytes(content)
    with pytest.raises(UserError):
        Checkpoint(file).read()
