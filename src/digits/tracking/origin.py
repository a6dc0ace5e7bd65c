"""Find out which code a run comes from."""

from __future__ import annotations

import os
import subprocess

from digits.base.paths import ROOT

CODE = ("src", "conf", "dvc.yaml", "requirements.txt")


def origin() -> dict[str, str]:
    """Return tags: the git commit, whether the code is as committed, DVC's stage and experiment."""
    tags = {
        "dvc_stage": os.environ.get("DVC_STAGE"),
        "dvc_experiment": os.environ.get("DVC_EXP_NAME"),
        "git_commit": os.environ.get("DVC_EXP_BASELINE_REV") or _git("rev-parse", "HEAD"),
    }
    changes = _git("status", "--porcelain", "--", *CODE)
    if changes is not None:
        tags["git_clean"] = str(changes == "").lower()
    return {key: value for key, value in tags.items() if value}


def _git(*arguments: str) -> str | None:
    try:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
