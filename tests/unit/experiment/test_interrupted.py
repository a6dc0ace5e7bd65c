"""A training that was interrupted goes on where it was, in the run that it had."""

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
from filelock import FileLock

from digits.base import paths
from digits.base.errors import DivergedError, UserError
from digits.config.request import Request
from digits.config.schema import Config
from digits.data import archive
from digits.data.splits import Splits
from digits.experiment import interrupted, run
from digits.experiment.interrupted import resumable
from digits.learning.checkpoint import State
from digits.learning.history import Epoch
from digits.tracking.recording import Recording
from support import files_in, make_request, metric_points, recorded_runs

pytestmark = pytest.mark.usefixtures("recording", "prepare")
EPOCHS = 3


def request(out: Path, *words: str) -> Request[Config]:
    small = (f"epochs={EPOCHS}", "model.filters=[4]", "recipe.selection.after=1")
    return make_request(*small, *words, out=out)


def checkpoints() -> list[Path]:
    return sorted((paths.main_root() / "checkpoints").glob("*.checkpoint"))


def after_epoch(
    number: int, action: Callable[[], object], before_it_is_recorded: bool = False
) -> pytest.MonkeyPatch:
    """Call `action` once epoch `number` is recorded, or just before."""
    patch, log_epoch = pytest.MonkeyPatch(), Recording.log_epoch

    def log(recording: Recording, epoch: Epoch, again: bool) -> None:
        if epoch.epoch == number and before_it_is_recorded:
            action()
        log_epoch(recording, epoch, again)
        if epoch.epoch == number:
            action()

    patch.setattr(Recording, "log_epoch", log)
    return patch


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def interrupt_training(wanted: Request[Config], number: int, before_it_is_recorded: bool = False) -> None:
    patch = after_epoch(number, interrupt, before_it_is_recorded)
    try:
        with pytest.raises(KeyboardInterrupt):
            run.train(wanted)
    finally:
        patch.undo()


@pytest.mark.parametrize(
    ("number", "before_it_is_recorded"), [(1, False), (EPOCHS - 1, True), (EPOCHS, False)]
)
def test_it_ends_with_the_bytes_and_the_record_of_one_that_was_never_interrupted(
    number: int, before_it_is_recorded: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.train(request(tmp_path / "whole"))
    interrupt_training(request(tmp_path / "parts"), number, before_it_is_recorded)
    assert len(checkpoints()) == 1
    capsys.readouterr()
    run.train(request(tmp_path / "parts"))
    assert f"goes on after epoch {number} of {EPOCHS}" in capsys.readouterr().out
    assert files_in(tmp_path / "parts") == files_in(tmp_path / "whole")
    whole, parts = recorded_runs()
    assert parts.info.status == "FINISHED"
    assert "error" not in parts.data.tags
    assert parts.data.params == whole.data.params
    assert parts.data.tags["model_md5"] == whole.data.tags["model_md5"]
    for name in ("accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"):
        assert metric_points(parts.info.run_id, name) == metric_points(whole.info.run_id, name)
    assert [step for step, _ in metric_points(parts.info.run_id, "seconds")] == [1, 2, 3]
    assert parts.data.metrics["train_seconds"] > sum(
        seconds for _, seconds in metric_points(parts.info.run_id, "seconds")
    )
    assert not checkpoints()
    assert not list((paths.main_root() / "checkpoints").iterdir())


def test_what_is_killed_after_the_model_was_recorded_does_not_record_it_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_model = Recording.log_model

    def log_and_interrupt(*arguments: Any) -> None:
        log_model(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Recording, "log_model", log_and_interrupt)
        with pytest.raises(KeyboardInterrupt):
            run.train(request(tmp_path))
    run.train(request(tmp_path))
    (done,) = recorded_runs()
    assert done.info.status == "FINISHED"
    assert done.outputs is not None
    assert len(done.outputs.model_outputs) == 1


def test_an_experiment_that_is_killed_while_it_is_scored_is_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("digits.experiment.recorded.evaluate", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run.train_and_evaluate(request(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr("digits.learning.trainer.Trainer.run_epoch", lambda *_: pytest.fail("trained again"))
        run.train_and_evaluate(request(tmp_path))
    (done,) = recorded_runs()
    assert "test_accuracy" in done.data.metrics


def prepared(wanted: Request[Config]) -> Splits:
    return archive.load(wanted.config, paths.PREPARED, "train", "validation")


def interrupt_after_one_epoch(wanted: Request[Config]) -> None:
    """Leave what a training leaves that is interrupted, without training."""
    with contextlib.suppress(KeyboardInterrupt), resumable(wanted, prepared(wanted)) as progress:
        progress.keep("a key", {}, [Epoch(1, 0.5, 0.5, None, None, None, 0.1, 1.5)])
        raise KeyboardInterrupt


def start_of(wanted: Request[Config], trial: int | None = None) -> State | None:
    """Return the state from which the training would go on."""
    with contextlib.suppress(KeyboardInterrupt), resumable(wanted, prepared(wanted), trial) as progress:
        raise KeyboardInterrupt
    return progress.start


def test_the_same_training_goes_on_where_it_was_in_another_folder_and_with_other_threads(
    tmp_path: Path,
) -> None:
    interrupt_after_one_epoch(request(tmp_path))
    for again in (request(tmp_path), request(tmp_path / "other", "threads=1")):
        start = start_of(again)
        assert start is not None
        assert (start.recording, len(start.history)) == ("a key", 1)


@pytest.mark.parametrize(
    "words", [("seed=1",), ("resume=false",), ("parent_run=other",), ("recipe.optimizer.momentum=0.5",)]
)
def test_another_training_starts_from_its_beginning(words: tuple[str, ...], tmp_path: Path) -> None:
    interrupt_after_one_epoch(request(tmp_path))
    assert start_of(request(tmp_path, *words)) is None
    assert len(checkpoints()) == (0 if words == ("resume=false",) else 1)


def test_an_equal_trial_of_a_search_starts_from_its_beginning(tmp_path: Path) -> None:
    interrupt_after_one_epoch(request(tmp_path))
    assert start_of(request(tmp_path), trial=1) is None


def test_other_code_or_other_data_start_from_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = request(tmp_path)
    interrupt_after_one_epoch(wanted)
    with monkeypatch.context() as patch:
        patch.setattr(interrupted, "_code_digest", lambda: "other")
        assert start_of(wanted) is None
    splits = archive.load(wanted.config, paths.PREPARED, "train", "validation", "test")
    archive.save(Splits(splits.by_name, "other", splits.classes), wanted.config, paths.PREPARED)
    assert start_of(wanted) is None


def test_a_run_that_was_deleted_is_replaced_by_one_with_all_epochs(tmp_path: Path) -> None:
    interrupt_training(request(tmp_path), 2)
    (deleted,) = recorded_runs()
    mlflow.delete_run(deleted.info.run_id)
    run.train(request(tmp_path))
    (done,) = recorded_runs()
    assert [step for step, _ in metric_points(done.info.run_id, "loss")] == [1, 2, 3]


def test_without_space_for_a_checkpoint_the_training_goes_on_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("digits.base.files.replace_durably", fail)
    interrupt_after_one_epoch(request(tmp_path))
    assert capsys.readouterr().err == "epoch 1 has no checkpoint: [Errno 28] No space left on device\n"
    assert not checkpoints()


def test_a_training_that_does_not_begin_leaves_nothing(tmp_path: Path) -> None:
    wanted = request(tmp_path)
    with pytest.raises(UserError), resumable(wanted, prepared(wanted)):
        raise UserError("the store is away")
    assert list((paths.main_root() / "checkpoints").iterdir()) == []


def test_a_damaged_checkpoint_is_refused_with_what_to_do(tmp_path: Path) -> None:
    interrupt_after_one_epoch(request(tmp_path))
    (file,) = checkpoints()
    file.write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"is damaged.*resume=false"):
        start_of(request(tmp_path))
    assert start_of(request(tmp_path, "resume=false")) is None


def test_a_training_that_diverges_leaves_no_checkpoint(tmp_path: Path) -> None:
    wanted = request(tmp_path)
    interrupt_after_one_epoch(wanted)
    with pytest.raises(DivergedError), resumable(wanted, prepared(wanted)):
        raise DivergedError("learning_rate: too high")
    assert not checkpoints()


def test_a_process_that_trains_the_same_is_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt_after_one_epoch(request(tmp_path))
    (file,) = checkpoints()
    locked, released = threading.Event(), threading.Event()

    def be_the_other_process() -> None:
        with FileLock(f"{file}.lock"):
            locked.set()
            time.sleep(0.5)
            released.set()

    threading.Thread(target=be_the_other_process).start()
    locked.wait()
    assert start_of(request(tmp_path)) is not None
    assert released.is_set()
    assert capsys.readouterr().err == "another process trains the same; waiting until it ends\n"
