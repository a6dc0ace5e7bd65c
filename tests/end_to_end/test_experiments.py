"""Experiments of DVC: what they run again, where they record, and how they compare."""

import csv
import io
import json
import time

from project import LONGEST, Project, stages_run


def test_queued_experiments_run_side_by_side_into_one_store_and_only_what_their_keys_concern(
    finished_copy: Project,
) -> None:
    project = finished_copy
    project.run("dvc", "exp", "run", "--queue", "-S", "model=small,tutorial", "-S", "seed=3")
    project.run("dvc", "queue", "start", "--jobs", "2")
    try:
        deadline = time.monotonic() + LONGEST
        status = "Queued"
        while ("Queued" in status or "Running" in status) and time.monotonic() < deadline:
            time.sleep(5)  # asking costs as much as a second of the experiments
            status = project.run("dvc", "queue", "status")
        assert status.count("Success") == 2, status
    finally:
        project.run("dvc", "queue", "stop", "--kill")

    small, tutorial = (project.runs(f"params.model = '{model}'")[0] for model in ("small", "tutorial"))
    shown = csv.DictReader(io.StringIO(project.run("dvc", "exp", "show", "--csv")))
    accuracies = {row["Experiment"]: row["test_accuracy"] for row in shown}
    for run in (small, tutorial):
        assert run.info.status == "FINISHED"
        assert run.data.params["seed"] == "3"
        assert run.info.artifact_uri.startswith((project.root / "mlruns").as_uri())
        assert float(accuracies[run.data.tags["dvc_experiment"]]) == run.data.metrics["test_accuracy"]
    first, second = sorted((small, tutorial), key=lambda run: run.info.start_time)
    assert second.info.start_time < first.info.end_time
    assert project.changes() == ""

    name = tutorial.data.tags["dvc_experiment"]
    assert stages_run(project.run("dvc", "queue", "logs", name)) == ["train", "evaluate"]
    compared = project.run("dvc", "metrics", "diff", "--json", "HEAD", name)
    change = json.loads(compared)["reports/metrics.json"]["test_accuracy"]
    before = json.loads((project.root / "reports/metrics.json").read_text())
    assert (change["old"], change["new"]) == (before["test_accuracy"], tutorial.data.metrics["test_accuracy"])
    plots = str(project.root.parent / "plots")
    assert "file://" in project.run("dvc", "plots", "diff", "--out", plots, "HEAD", name)
