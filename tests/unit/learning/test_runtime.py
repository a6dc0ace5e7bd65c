"""How TensorFlow is started."""

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tensorflow as tf

from digits.base.errors import UserError
from digits.learning import runtime

THREADS = 2  # the number that conftest.py starts TensorFlow with


@pytest.fixture(autouse=True)
def _started() -> None:
    tf.zeros(1)  # the first operation fixes the number of threads


def test_half_of_the_threads_can_share_an_operation() -> None:
    assert tf.config.threading.get_inter_op_parallelism_threads() == THREADS
    assert tf.config.threading.get_intra_op_parallelism_threads() == THREADS // 2


def test_tensorflow_does_not_warn() -> None:
    assert not tf.get_logger().isEnabledFor(logging.WARNING)


def test_the_same_number_of_threads_is_accepted_again() -> None:
    runtime.start(THREADS)


@pytest.mark.parametrize("threads", [1, 3, 8])
def test_another_number_of_threads_is_refused_once_tensorflow_computes(threads: int) -> None:
    message = (
        f"^threads: asked for {threads}, but TensorFlow runs with {THREADS} in this process; use a process"
    )
    with pytest.raises(UserError, match=message):
        runtime.start(threads)
    runtime.start(THREADS)  # the refusal has changed nothing


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_up_to_three_threads_give_the_same_bits(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(runtime, "device", lambda: "CPU")
    assert runtime.numerics(threads) == "CPU, 1 to 3 threads"


@pytest.mark.parametrize("threads", [4, 16])
def test_more_threads_give_bits_of_their_own(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(runtime, "device", lambda: "CPU")
    assert runtime.numerics(threads) == f"CPU, {threads} threads"


def test_nothing_is_promised_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "device", lambda: "NVIDIA H100")
    assert runtime.numerics(2) == "NVIDIA H100; the last bits can differ from run to run"


def test_without_a_gpu_the_device_is_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [])
    assert runtime.device() == "CPU"


@pytest.fixture
def closed_stderr() -> Iterator[None]:
    """Close the file descriptor of standard error, as `2>&-` does."""
    kept = os.dup(2)
    os.close(2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@pytest.mark.usefixtures("closed_stderr")
def test_a_closed_standard_error_does_no_harm() -> None:
    runtime.start(THREADS)


def test_no_standard_error_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    runtime.start(THREADS)


FAKE = """
import os
from types import SimpleNamespace
os.write(2, b"half a screen\\n")
"""
WORKS = """
def set_threads(_): pass
config = SimpleNamespace(threading=SimpleNamespace(
    set_intra_op_parallelism_threads=set_threads, set_inter_op_parallelism_threads=set_threads
))
def get_logger(): return SimpleNamespace(setLevel=lambda _: None)
"""


@pytest.fixture
def fake_tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module in the place of TensorFlow, which writes to standard error while it is imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "tensorflow")
    return tmp_path / "tensorflow.py"


def test_what_tensorflow_writes_while_it_is_imported_is_not_shown(
    fake_tensorflow: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fake_tensorflow.write_text(FAKE + WORKS)
    runtime.start(THREADS)
    assert capfd.readouterr() == ("", "")
    os.write(2, b"after it\n")
    assert capfd.readouterr().err == "after it\n"


def test_what_tensorflow_writes_is_shown_if_it_cannot_be_imported(
    fake_tensorflow: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fake_tensorflow.write_text(FAKE + "raise ImportError('no such processor')")
    with pytest.raises(ImportError, match="no such processor"):
        runtime.start(THREADS)
    assert capfd.readouterr().err == "half a screen\n"
