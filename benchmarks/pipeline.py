"""What the pipeline costs around the training: python benchmarks/pipeline.py

In turn, in a temporary clone: `dvc repro` with nothing done yet, and the same loading, training, evaluation
and saving in one process (bare.py). Then `dvc repro` with nothing to do, and `dvc --version`.
"""

import shutil

from measuring import Clone, clone, machine, spread

ROUNDS = 5
IDLE_ROUNDS = 9


def forget(project: Clone) -> None:
    """Everything that an earlier `dvc repro` left."""
    for folder in ("data/raw", "data/prepared", "models", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(project.root / folder, ignore_errors=True)


def main() -> None:
    with clone() as project:
        project.run("python", "src/fetch.py", "hydra.run.dir=raw", "hydra.output_subdir=null")
        whole, idle = [], []
        for n in range(ROUNDS):
            bare, _ = project.run("python", "benchmarks/bare.py", "raw/data/raw", f"bare{n}")
            forget(project)
            repro, _ = project.run("dvc", "repro", "--force")
            whole.append(repro.wall / bare.wall)
        for _ in range(IDLE_ROUNDS):
            version, _ = project.run("dvc", "--version")
            nothing, _ = project.run("dvc", "repro")
            status, _ = project.run("dvc", "status")
            idle.append((nothing.wall / version.wall, nothing.wall / status.wall))
    lines = (
        ("dvc repro from nothing, to one bare process", whole),
        ("dvc repro with nothing to do, to dvc --version", [to_version for to_version, _ in idle]),
        ("dvc repro with nothing to do, to dvc status", [to_status for _, to_status in idle]),
    )
    print(f"\n{machine()}\n\n| wall time of | ratio | rounds |\n|---|---|---|")
    for name, ratios in lines:
        print(f"| {name} | {spread(ratios)} | {len(ratios)} |")


if __name__ == "__main__":
    main()
