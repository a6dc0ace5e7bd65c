"""Run the stages of DVC without what DVC says to people who work with it."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence

from digits.base.errors import UserError, message_of
from digits.base.paths import ROOT
from digits.config.params import KEYS

OF_STAGES = r"Running stage|Stage '\w+' (is cached|didn't change)"


def run_in_copy(overrides: Sequence[str]) -> None:
    """Run the stages in a temporary copy of the project as an experiment of DVC, with these Hydra overrides.
    Prints a line for each stage, beside what the stage itself prints.

    Raises UserError if the project is not committed to git, or a stage fails.
    """
    if not shutil.which("git"):
        raise UserError("git: is not installed, and DVC needs it")
    # with `./`, since the project can lie in the repository of something else
    committed = subprocess.run(["git", "cat-file", "-e", "HEAD:./dvc.yaml"], cwd=ROOT, capture_output=True)
    if committed.returncode:
        raise UserError(
            f"{ROOT}: is not committed to git, which DVC works with: "
            "git init && git add . && git commit -m start, then the same command again"
        )
    _be_as_dvc()

    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from scmrepo.exceptions import SCMError

    for handler in logging.getLogger("dvc").handlers:
        handler.addFilter(_is_wanted)
    logging.getLogger("dvc.progress").setLevel(logging.CRITICAL)  # bars for copying a few small files
    try:
        with Repo(str(ROOT)) as repo:
            repo.experiments.run(params=_settings(overrides), tmp_dir=True)
    except (DvcException, SCMError) as error:
        causes = filter(None, (error, error.__cause__))
        raise UserError(": ".join(map(message_of, causes))) from error


def _be_as_dvc() -> None:
    """Undo what a command sets up for itself, which the stages would inherit, and which would let DVC remove
    the copy of the project while a stage runs in it. A stage ends by itself if this process ends."""
    os.environ.pop("HYDRA_FULL_ERROR", None)
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)


def _settings(overrides: Sequence[str]) -> list[str]:
    """Return the overrides as DVC takes them: keys of params.yaml, and all others in its list."""
    of_params = [word for word in overrides if word.partition("=")[0] in KEYS]
    others = [word for word in overrides if word not in of_params]
    return [*of_params, *([f"overrides={json.dumps(others)}"] if others else [])]


def _is_wanted(record: logging.LogRecord) -> bool:
    if record.levelno > logging.INFO:
        return not record.exc_info  # which is raised as well
    return bool(re.match(OF_STAGES, record.getMessage()))
