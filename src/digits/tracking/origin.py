"""Find out which code a run comes from."""

from __future__ import annotations

import os
import subprocess

from digits.base.paths import ROOT

CODE = ("src", "conf", "dvc.yaml", "requirements.txt")
LONGEST_PATCH = 1_000_000  # letters


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


def uncommitted() -> str:
    """Return how the code differs from the last commit, in about LONGEST_PATCH letters at most, or an empty
    string. Files that git does not know are only named, since they can hold secrets."""
    unknown = (_git("ls-files", "--others", "--exclude-standard", "--", *CODE) or "").splitlines()
    named = "".join(f"not in git, and not shown: {file}\n" for file in unknown)
    patch = f"{named}{_git('diff', 'HEAD', '--', *CODE) or ''}"
    return patch if len(patch) <= LONGEST_PATCH else f"{patch[:LONGEST_PATCH]}\n(the rest is left out)\n"


def _git(*arguments: str) -> str | None:
    try:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
