"""Record a run: everything goes to an outbox on the disk first, and from there to the store."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import mlflow
from mlflow.models import infer_signature
from mlflow.tracking.context.registry import resolve_tags

from digits.base import files
from digits.base.errors import UserError
from digits.base.interrupts import interrupts_held
from digits.base.processes import this_process
from digits.data.splits import Splits
from digits.tracking import store, writer
from digits.tracking.address import shown, tracking_uri
from digits.tracking.delivery import Delivery
from digits.tracking.described import Inputs
from digits.tracking.description import NOTE
from digits.tracking.failures import not_opened, reason_of
from digits.tracking.keys import new_key
from digits.tracking.opening import destination
from digits.tracking.outbox import Outbox
from digits.tracking.sender import Sender

if TYPE_CHECKING:
    import keras

    from digits.learning.history import Epoch

LAST_WAIT = 20  # seconds at the end of a run in which the store must take an entry
LAST_WAIT_IF_STOPPED = 5  # seconds in all after an interrupt or an error


class Recording:
    """A run that is being recorded. `key` identifies it before the store has given it an id, and afterwards:
    the run has it as a tag."""

    def __init__(self, key: str | None = None) -> None:
        """Record a new run, or go on with the one that has this key."""
        self._outbox = Outbox(new_key(), destination())
        self.key = key or self._outbox.key
        self._sender: Sender | None = None
        self._description = ""

    @property
    def run_id(self) -> str:
        """The id of the run in the store, or an empty string as long as the store is away."""
        return self._outbox.run_id

    @property
    def delivered(self) -> bool:
        """Whether the store has everything that was recorded so far."""
        return self._sender is not None and not self._sender.left

    def start_run(self, name: str, parent: str | None, tags: Mapping[str, str], shared: bool = False) -> None:
        """Start the run with this name, `parent` and tags, or let it go on with what it has. It can be
        `shared` by several processes that record in it."""
        values = {"recording": self.key, "name": name, "shared": shared, "process": this_process()}
        self._append("start", values | {"tags": resolve_tags({**tags, **_tags_of_child(parent)})})

    def deliver(self, may_fail: bool) -> bool:
        """Deliver what was recorded so far, at once, and return whether that was possible. If not, unless it
        may fail, forget it and raise UserError."""
        try:
            Delivery(self._outbox).deliver_all()
        except Exception as error:
            if may_fail:
                return False
            self._outbox.remove()
            if isinstance(error, UserError):
                raise
            raise UserError(not_opened(tracking_uri(), error)) from error
        return True

    def send(self, opened: bool) -> None:
        """Send from now on what is recorded, without waiting for it. `opened` says whether the store is."""
        self._sender = Sender(self._outbox, opened)

    def end_run(self, status: str, error: str | None = None) -> None:
        """Record how the run ended: FINISHED, or FAILED or KILLED by an `error`."""
        self._append("end", {"status": status, "error": error})

    def finish(self, hurry: bool = False) -> None:
        """Wait until the store has everything, or for a while if it is away, and say so then.

        Raises UserError if the store refused something.
        """
        assert self._sender
        try:
            self._sender.finish(LAST_WAIT_IF_STOPPED if hurry else LAST_WAIT, in_all=hurry)
        except KeyboardInterrupt:
            with interrupts_held():
                self._sender.finish(LAST_WAIT_IF_STOPPED, in_all=True)
            raise
        address = shown(tracking_uri())
        if error := self._sender.refused:
            with contextlib.suppress(Exception):  # the run can be what is refused
                writer.end_run(self.run_id, "FAILED", reason_of(error), time.time_ns() // 1_000_000)
            raise UserError(
                f"{address} refuses what is recorded ({reason_of(error)}); it is kept in {self._sender.aside}"
            ) from error
        if self._sender.left:
            print(
                f"{address} does not have all of the run yet; the rest waits in {self._outbox.folder}, "
                "and the next command or `make sync` delivers it",
                file=sys.stderr,
            )

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Set tags of the run."""
        self._append("tags", {key: str(value) for key, value in tags.items()})

    def describe(self, paragraph: str, tags: Mapping[str, object] = MappingProxyType({})) -> None:
        """Put a paragraph of Markdown in front of the run's description, of which MLflow shows a few lines at
        first, and set tags at the same time."""
        self._description = f"{paragraph}\n\n{self._description}".strip()
        self.set_tags({**tags, NOTE: self._description})

    def log_params(self, params: Mapping[str, object]) -> None:
        """Record parameters, which do not change any more."""
        self._append("params", {key: str(value) for key, value in params.items()})

    def log_metrics(
        self, metrics: Mapping[str, float], step: int = 0, again: bool = False, durable: bool = True
    ) -> None:
        """Record numbers, of the run as a whole if there is no step. With `again` the run may have the step
        from before it was interrupted. What is not `durable` may be lost in a power cut."""
        self._append("metrics", {"metrics": dict(metrics), "step": step, "again": again}, durable)

    def log_epoch(self, epoch: Epoch, again: bool = False) -> None:
        """Record the metrics of an epoch, and the validation error. The epoch's number is the step."""
        accuracy = epoch.val_accuracy
        error = {} if accuracy is None else {"val_error_percent": round(100 * (1 - accuracy), 6)}
        self.log_metrics(epoch.metrics() | error, epoch.epoch, again)

    def log_inputs(self, inputs: Inputs) -> None:
        """Record data sets, as `describe_splits` returns them."""
        self._append("inputs", {"inputs": inputs})

    def log_files(self, folder: Path) -> None:
        """Record all files in `folder`, under the same relative paths."""
        with self._outbox.new_folder() as copy:
            files.copy_files(folder, copy)
            self._append("files", {"folder": copy.name})

    def log_texts(self, texts: Mapping[str, str]) -> None:
        """Record texts as files with these names."""
        with self._outbox.new_folder() as folder:
            for name, text in texts.items():
                (folder / name).write_text(text, encoding="utf-8")
            self._append("files", {"folder": folder.name})

    def log_model(self, model: keras.Model, model_file: Path, splits: Splits) -> None:
        """Record the model with its signature, its number of parameters, and the md5 of its file."""
        images = splits["train"].images[:2]
        self.log_params({"parameters": model.count_params()})
        with self._outbox.new_folder() as folder:
            mlflow.keras.save_model(
                model,
                str(folder / "model"),
                signature=infer_signature(images, model(images).numpy()),
                metadata={"classes": list(splits.classes), "data_digest": splits.digest},
                # named here, since MLflow would load the model in another process to find them out
                pip_requirements=[f"{name}=={version(name)}" for name in ("keras", "tensorflow", "numpy")],
            )
            # the file that has the names of the classes and a known md5, in place of an equal one
            shutil.copyfile(model_file, folder / "model" / store.MODEL_FILE)
            values = {"folder": f"{folder.name}/model", "model_md5": files.md5(model_file)}
            self._append("model", values | {"digest": splits.digest})

    def log_scores(self, values: Mapping[str, Any], parent: str | None, reports: Path) -> None:
        """Record what an evaluation has found: `values` of digits.tracking.scores.record, and the files in
        `reports`. If it gets a run of its own, that is a child of `parent`."""
        tags = resolve_tags({**values["tags"], **_tags_of_child(parent)})
        with self._outbox.new_folder() as copy:
            files.copy_files(reports, copy)
            self._append("scores", {**values, "tags": tags, "process": this_process(), "folder": copy.name})

    @interrupts_held()
    def _append(self, kind: str, values: Mapping[str, Any], durable: bool = True) -> None:
        self._outbox.append(kind, values, durable)
        if self._sender:
            self._sender.wake()


def _tags_of_child(parent: str | None) -> dict[str, str]:
    return {"mlflow.parentRunId": parent, "sweep": parent} if parent else {}
