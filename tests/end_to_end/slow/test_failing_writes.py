"""A disk on which the n-th write of a whole command fails, for n = 1, 8, 15, ... until none fails."""

from pathlib import Path

from project import Project
from support import files_in

STEP = 7  # writes, of the hundred or so of an experiment
FAILS_AT_EVERY_WRITE = """
import errno, os, sys, traceback
from pathlib import Path
from digits import cli
from digits.config.request import compose_request
from digits.config.schema import Config
from digits.experiment import run
from digits.learning.history import Epoch

out, root = Path(sys.argv[1]), sys.argv[2]
request = compose_request(sys.argv[4:], Config, out)
cli.set_up_process()
learning = run.start_learning(request).training  # imported once, for all processes below
import matplotlib.backends.backend_agg, matplotlib.figure, mlflow.keras  # these too
left = -1


def train(config, splits, on_epoch, start, keep, *_):
    # a training that takes no time: it is what it writes that matters here
    learning.keras.utils.set_random_seed(config.seed)
    history = list(start.history) if start else []
    for number in range(len(history) + 1, config.epochs + 1):
        history.append(Epoch(number, 0.9, 0.1, 0.9, 0.9, 0.1, 0.1, 1.0))
        keep({}, history)
        on_epoch(history[-1])
    return learning.build_model(config.model, splits.shape, 10), history


learning.train = train


def fail_one(event, arguments):
    # what Python opens to write, renames or makes as a folder
    global left
    writes = event in ("os.rename", "os.mkdir")
    if event == "open" and isinstance(arguments[2], int):
        writes = arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if event == "os.mkdir" and os.path.isdir(arguments[0]):
        return  # nothing is written
    if writes and left >= 0 and str(arguments[0]).startswith(root):
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))


def experiment(successes):
    global left
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    code = 0
    try:
        if successes is not None:
            left = successes
            sys.addaudithook(fail_one)
        with cli.one_line_errors():
            run.train_and_evaluate(request)
        code = 0 if left >= 0 or successes is None else 2
    except SystemExit as end:
        print(end.code, file=sys.stderr)
        code = 1
    except BaseException:
        traceback.print_exc()
        code = 3
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


successes = 0
while code := experiment(successes):
    print(f"the write after {successes} failed, and the command ended with {code}", flush=True)
    assert code in (1, 2), code
    if code == 1:
        assert experiment(None) == 0
    out.rename(out.with_name(f"{successes:03}"))
    successes += int(sys.argv[3])
"""


def test_whichever_write_fails_an_experiment_is_complete_in_the_end(project: Project, tmp_path: Path) -> None:
    words = ("model=small", "model.filters=[4]", "epochs=2", "recipe=onecycle")
    out = tmp_path / "results/out"
    out.parent.mkdir()
    project.environment["PYTHONPATH"] = str(project.root / "src")
    output = project.run("python", "-c", FAILS_AT_EVERY_WRITE, str(out), str(tmp_path), str(STEP), *words)
    assert "Traceback" not in output
    errors = [line for line in output.splitlines() if line.startswith("error: ")]
    assert errors
    for error in errors:
        assert "No space left on device" in error

    first, *others = sorted(out.parent.iterdir())
    assert len(others) >= 10
    for other in others:
        assert files_in(other) == files_in(first)
    project.run("make", "sync")
    finished = project.runs("attributes.status = 'FINISHED'")
    assert len(finished) == len(others) + 1
    for run in finished:
        assert [step for step, _ in project.points(run, "loss")] == [1, 2]
        assert "test_accuracy" in run.data.metrics
        assert run.outputs is not None
        assert len(run.outputs.model_outputs) == 1
        assert project.artifacts(run) == project.artifacts(finished[0])
    assert project.runs("attributes.status = 'RUNNING'") == []
    assert list((project.root / "checkpoints").iterdir()) == []
