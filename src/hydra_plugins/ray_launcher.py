"""Run the trials of a sweep as tasks of Ray: see conf/hydra/launcher/ray.yaml."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra_plugins._trial_launcher import JobDiedError, TrialLauncher, Work

SRC = Path(__file__).resolve().parents[1]
RETRIES = 3  # of a trial whose worker is killed
GRACE = 30  # seconds in which a cancelled trial can record its end
OBJECTS = 100_000_000  # bytes of shared memory that a local Ray takes; by default 30 % of all
TRAVEL = ("AWS_", "DIGITS_", "DVC_", "MLFLOW_")  # variables that say where and what to record


class RayLauncher(TrialLauncher):
    """Starts Ray or joins a cluster. Its parameters are the keys of conf/hydra/launcher/ray.yaml."""

    def __init__(self, address: str | None, num_cpus: float, num_gpus: float, mem_gb: float | None) -> None:
        self._address = address
        self._resources = {"num_cpus": num_cpus, "num_gpus": num_gpus}
        if mem_gb:
            self._resources["memory"] = int(mem_gb * 2**30)

    def check(self) -> None:
        from digits.base.errors import UserError
        from digits.base.processes import processors

        if not importlib.util.find_spec("ray"):
            raise UserError("hydra/launcher=ray: Ray is not installed; `make team-setup` installs it")
        if not self._address and (wanted := self._resources["num_cpus"]) > processors():
            raise UserError(f"hydra.launcher.num_cpus: is {wanted}, and this machine has {processors()}")
        if self._address and ":" in self._address:
            host, _, port = self._address.removeprefix("ray://").rpartition(":")
            try:
                socket.create_connection((host, int(port)), timeout=10).close()
            except (OSError, ValueError) as error:  # Ray itself would try for a minute
                raise UserError(f"hydra.launcher.address: no Ray at {self._address}: {error}") from error

    def submit(self, work: Sequence[Work], logs: Path) -> RayJobs:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        import ray

        from digits.base.errors import UserError, message_of

        handler = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(**self._place(), log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            where = self._address or "this machine"
            raise UserError(f"hydra.launcher.address: no Ray at {where}: {message_of(error)}") from error
        finally:
            signal.signal(signal.SIGTERM, handler)  # Ray's own would end the sweep at once
        try:
            self._check_resources(ray)
            # a process of its own for each trial, as TensorFlow keeps the threads that it starts with
            task = ray.remote(**self._resources, max_retries=RETRIES, max_calls=1)(_worker())
            environment = {key: value for key, value in os.environ.items() if key.startswith(TRAVEL)}
            tasks = []
            for index, each in enumerate(work):
                places = str(SRC), str(Path.cwd()), str(logs / f"{index}.log")
                tasks.append(task.remote(ray.cloudpickle.dumps(each), environment, TRAVEL, *places))
        except BaseException:
            ray.shutdown()
            raise
        print(f"Ray: {len(work)} trials, output in {logs}", flush=True)
        return RayJobs(ray, tasks, logs)

    def _place(self) -> dict[str, Any]:
        """Return the arguments of ray.init that say where the trials run."""
        from digits.base.processes import processors

        if self._address:
            return {"address": self._address}
        own = {"num_cpus": processors(), "object_store_memory": OBJECTS, "include_dashboard": False}
        return {"address": "local", **own}

    def _check_resources(self, ray: Any) -> None:
        """Complain about a trial that fits on no node, for which Ray would wait without a word."""
        from digits.base.errors import UserError

        names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        wanted = {names[key]: value for key, value in self._resources.items() if value}
        if any(all(node.get(name, 0) >= value for name, value in wanted.items()) for node in nodes):
            return
        message = f"no node of Ray has what a trial asks for: {wanted}"
        if not self._address:
            raise UserError(f"hydra/launcher=ray: {message}")
        print(f"{message}; waiting for one that has", file=sys.stderr)


class RayJobs:
    """Tasks of Ray, which starts one whose worker is killed again, up to RETRIES times."""

    def __init__(self, ray: Any, tasks: Sequence[Any], logs: Path) -> None:
        self._ray, self._logs = ray, logs
        self._left = {task: index for index, task in enumerate(tasks)}

    def ended(self) -> dict[int, Any]:
        tasks = list(self._left)
        done, _ = self._ray.wait(tasks, num_returns=len(tasks), timeout=0)
        results = {self._left[task]: self._result(task) for task in done}
        for task in done:
            del self._left[task]
        return results

    def status(self) -> str:
        running = sum(self._log(task).exists() for task in self._left)
        counts = {"pending": len(self._left) - running, "running": running}
        return ", ".join(f"{count} {state}" for state, count in counts.items() if count)

    def cancel(self) -> None:
        print("cancelling the trials", file=sys.stderr, flush=True)
        tasks = list(self._left)
        for force in (False, True):
            for task in tasks:
                self._ray.cancel(task, force=force)
            if tasks:
                _, tasks = self._ray.wait(tasks, num_returns=len(tasks), timeout=GRACE)

    def close(self) -> None:
        self._ray.shutdown()

    def _log(self, task: Any) -> Path:
        return self._logs / f"{self._left[task]}.log"

    def _result(self, task: Any) -> Any:
        from digits.base.errors import message_of

        try:
            return self._ray.get(task)
        except self._ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None) or error
            message = f"{type(cause).__name__}: {message_of(cause)}"
            return JobDiedError(f"{message[:200]}; see {self._log(task)}")


def _worker() -> Callable[..., Any]:
    """Return the function that a worker of Ray runs. A nested function travels with its code, so that a
    worker can load it that does not know yet where the project is.

    The environment travels as an argument, and not as a runtime_env: Ray writes the latter to its logs, and
    passwords are in it.
    """

    def trial(
        work: bytes, environment: dict[str, str], prefixes: tuple[str, ...], src: str, folder: str, log: str
    ) -> Any:
        import os
        import pickle
        import sys

        with open(log, "a") as stream:  # noqa: PTH123
            for number in (1, 2):
                os.dup2(stream.fileno(), number)
        for name in [name for name in os.environ if name.startswith(prefixes)]:
            del os.environ[name]
        os.environ.update(environment)
        os.chdir(folder)
        sys.path.insert(0, src)
        return pickle.loads(work)()

    return trial
