"""The command line of an entry point, as a person meets it. fetch composes and checks like all others."""

import pytest

from conftest import Project

CARD = "data, model, recipe, seed, split_seed, validation, epochs, batch_size, learning_rate, threads"


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("epoch=3", f"epoch: unknown key on the command line; the keys are {CARD}"),
        ("+epoch=3", f"unknown key epoch; allowed: {CARD}"),
        ("+recipe.warmup=1", "recipe: unknown key warmup; allowed: name, optimizer, schedule, "),
        ("recipe.momentum=1", "recipe.momentum: unknown key on the command line; see conf/recipe/"),
        ("~seed", "seed: field required"),
        ("~model.filters", "model.filters: field required (conf/model/compact.yaml)"),
        ("epochs=0", "epochs: input should be greater than 0 or auto, not 0"),
        ("epochs=ten", "epochs: input should be a valid integer or auto, not 'ten'"),
        ("seed=0.5", "seed: input should be a valid integer, not 0.5"),
        ("seed=-1", "seed: input should be greater than or equal to 0, not -1"),
        ("validation=0.6", "validation: input should be less than or equal to 0.5, not 0.6"),
        ("learning_rate=true", "learning_rate: input should be a valid number or auto, not True"),
        ("batch_size=null", "batch_size: input should be a valid integer or auto, not None"),
        ("model=nope", "model: no preset nope in conf/model/; there is best, compact, small, tutorial"),
        ("recipe=null", "Config group override must be a string or a list"),
        ("model=[compact,tutorial]", "model: must name one preset of conf/model/"),
        ("model.filters=[8,-1]", "model.filters.1: input should be greater than 0, not -1 (conf/model/"),
        ("model.filters=[1,2,3,4]", "model.filters: list should have at most 3 items after validation"),
        ("model.network=nope", "model: input tag 'nope' found using 'network' does not match any of"),
        ("+model.name=x", "model.name: unknown key; a preset is named by its file"),
        ("recipe.optimizer.momentum=2", "recipe.optimizer.momentum: input should be less than 1, not 2"),
        ("+recipe.optimizer.x=2", "recipe.optimizer: unknown key x; allowed: name, momentum"),
        ("data.test=15", "data.test: input should be a multiple of 10, not 15 (conf/data/sample.yaml)"),
        ("epochs", "missing EQUAL at '<EOF>'"),
        ("seed=${nope}", "Interpolation key 'nope' not found"),
    ],
)
def test_a_wrong_override_is_refused_in_one_line(project: Project, override: str, complaint: str) -> None:
    output = project.run("python", "src/fetch.py", override, code=1)
    assert output.startswith("error: ")
    assert complaint in output
    assert output.count("\n") == 1


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("seed: 0 ", "seeds: 0 ", f"params.yaml: unknown key seeds; it has exactly {CARD}"),
        ("seed: 0 ", "# ", f"params.yaml: missing key seed; it has exactly {CARD}"),
        ("seed: 0 ", "seed: 0\nseed: 1 ", "params.yaml cannot be read: while constructing a mapping"),
        ("seed: 0 ", "seed: { ", "params.yaml cannot be read: while parsing a flow mapping"),
        ("seed: 0 ", "seed: zero ", "seed: input should be a valid integer, not 'zero'"),
        ("model: compact", "model: nope", "model: no preset nope in conf/model/"),
        ("model: compact", "model: 3", "model: must name a preset of conf/model/, not 3 (params.yaml)"),
    ],
)
def test_a_wrong_card_is_refused_in_one_line(project: Project, old: str, new: str, complaint: str) -> None:
    card = (project.root / "params.yaml").read_text()
    try:
        project.edit("params.yaml", old, new)
        output = project.run("python", "src/fetch.py", code=1)
    finally:
        (project.root / "params.yaml").write_text(card)
    assert output.startswith("error: ")
    assert complaint in output
    assert output.count("\n") == 1


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("conf/recipe/onecycle.yaml", "shift: 1", "shifts: 1", "recipe: unknown key shifts; allowed: "),
        ("conf/recipe/onecycle.yaml", "shift: 1", "shift: one", "recipe.shift: input should be a valid"),
        ("conf/model/compact.yaml", "filters:", "width:", "model: unknown key width; allowed: name, "),
    ],
)
def test_a_wrong_preset_is_refused_with_its_file(
    project: Project, file: str, old: str, new: str, complaint: str
) -> None:
    text = (project.root / file).read_text()
    try:
        project.edit(file, old, new)
        output = project.run("python", "src/fetch.py", code=1)
    finally:
        (project.root / file).write_text(text)
    assert complaint in output
    assert f"({file})" in output
    assert output.count("\n") == 1


def test_a_trial_of_a_sweep_is_refused_by_name(project: Project) -> None:
    output = project.run("python", "src/fetch.py", "-m", "seed=1,2", "epochs=0", code=1)
    assert "epochs: input should be greater than 0 or auto, not 0" in output
    assert "Traceback" not in output


def test_hydra_shows_the_job(project: Project) -> None:
    output = project.run("python", "src/train.py", "--cfg", "job", "--resolve", "seed=7", "model=tutorial")
    assert "seed: 7\n" in output
    assert "units: 100\n" in output


def test_help_lists_the_presets(project: Project) -> None:
    output = project.run("python", "src/train.py", "--help")
    assert "data: mnist, sample" in output
    assert "model: best, compact, small, tutorial" in output


def test_the_shell_completes_presets(project: Project) -> None:
    line = "python src/train.py model="
    output = project.run(
        "python", "src/train.py", "-sc", "query=bash", COMP_LINE=line, COMP_POINT=str(len(line))
    )
    assert set(output.split()) == {"model=best", "model=compact", "model=small", "model=tutorial"}


def test_importing_the_library_starts_nothing(project: Project) -> None:
    recording = {"store", "tracking", "parents"}  # they alone know MLflow
    modules = {path.stem for path in (project.root / "src/digits").glob("*.py")}
    light = sorted(modules - recording)
    code = (
        f"import sys; sys.path.insert(0, 'src'); import {', '.join(f'digits.{m}' for m in light)}; "
        "print([m for m in ('tensorflow', 'keras', 'mlflow', 'matplotlib', 'sklearn') if m in sys.modules])"
    )
    assert project.run("python", "-c", code) == "[]\n"


@pytest.mark.parametrize("stage", ["fetch", "preprocess"])
def test_early_stages_import_neither_tensorflow_nor_mlflow(project: Project, stage: str) -> None:
    output = project.run(
        "python", "-X", "importtime", f"src/{stage}.py", "data=sample", "hydra.run.dir=.", code=0
    )
    imported = {line.rsplit("|")[-1].strip() for line in output.splitlines()}
    assert "digits.config" in imported
    assert not {"tensorflow", "keras", "mlflow"} & imported
