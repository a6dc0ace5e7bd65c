"""dvc.yaml names for each stage what the stage's code imports and reads: all of it, and nothing else."""

import ast
from pathlib import Path

import pytest
import yaml

from digits.config import PRESETS, Config

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]

# To check a network's arguments the configuration asks its function for them; what comes of it can
# be refused, but not otherwise changed.
ONLY_TO_CHECK = ("src/digits/config.py", "src/digits/models.py")


def imports(file: Path) -> set[Path]:
    """The project's modules that `file` imports anywhere but under TYPE_CHECKING."""
    found: set[Path] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in filter(None, names):
            path = SRC / name.replace(".", "/")
            found.update(p for p in (path.with_suffix(".py"), path / "__init__.py") if p.exists())
            if path.parent != SRC and path.with_suffix(".py").exists():
                found.add(path.parent / "__init__.py")
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(file.read_text()))
    return found


def modules(stage: str) -> set[str]:
    reached, waiting = set(), {SRC / f"{stage}.py"}
    while waiting:
        file = waiting.pop()
        here = str(file.relative_to(ROOT))
        reached.add(here)
        new = {p for p in imports(file) if (here, str(p.relative_to(ROOT))) != ONLY_TO_CHECK}
        waiting |= {p for p in new if str(p.relative_to(ROOT)) not in reached}
    return reached


def keys(stage: str) -> tuple[set[str], set[str]]:
    """The card's keys that the entry point reads, and the presets that it reads more of than the name.

    It may hand over the whole configuration to its own functions, and to digits.tracking, which writes
    it down.
    """
    tree = ast.parse((SRC / f"{stage}.py").read_text())
    own = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    parent = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    plain: set[str] = set()
    presets: set[str] = set()
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Name) and node.id == "config"):
            continue
        user = parent[node]
        if isinstance(user, ast.Call):
            called = ast.unparse(user.func)
            assert called.startswith("tracking.") or called in own, ast.unparse(user)
            continue
        assert isinstance(user, ast.Attribute), ast.unparse(user)
        above = parent[user]
        named = isinstance(above, ast.Attribute) and above.attr == "name"
        (presets if user.attr in PRESETS and not named else plain).add(user.attr)
    assert plain | presets <= set(Config.model_fields)
    return plain - {"model_file"}, presets  # which is in conf/config.yaml


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_the_modules_it_imports(stage: str) -> None:
    deps = {dep for dep in STAGES[stage]["deps"] if dep.startswith("src/")}
    assert deps == modules(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_params_are_the_keys_it_reads(stage: str) -> None:
    plain, presets = keys(stage)
    assert set(STAGES[stage].get("params", ())) == plain
    conf = {dep for dep in STAGES[stage]["deps"] if dep.startswith("conf/")}
    assert conf == {"conf/config.yaml", *(f"conf/{p}/${{{p}}}.yaml" for p in presets)}
