"""Which folder of the package may import which: arrows point down, no files form a circle."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import cyclegan_tf

PACKAGE = Path(cyclegan_tf.__file__).parent
MOST_FILES = 11  # that a folder shows, so that one finds what one is looking for
MOST_ON_TOP = 15  # there, the commands besides

ALLOWED = {
    "errors": set(),
    "cli": {"errors"},
    "config": {"errors"},
    "distribution": {"errors", "io"},  # io: cores and memory
    "io": {"errors", "config"},
    "data": {"errors", "config", "distribution", "io"},
    "models": {"errors", "config", "distribution"},
    "inference": {"errors", "config", "distribution", "io", "data", "models"},
    "metrics": {"errors", "io", "data", "inference"},
    "eda": {"errors", "io", "data"},
    "reporting": {"errors", "config", "io"},
    "web": {"errors", "io", "data", "inference"},
    "training": {
        "errors", "config", "distribution", "io", "data", "models", "inference", "metrics",
        "reporting",
    },
}  # fmt: skip
COMMANDS = {
    "train", "translate", "evaluate", "generate", "demo", "kaggle", "export", "report", "app",
}  # fmt: skip
OTHERS = {"__init__", "__main__", "notebook"}  # they may import whatever they show
# the folder that needs settings has one file that reads them
READS_CONFIG = {
    "data.build", "models.build", "models.networks.build", "training.callbacks.build",
    "io.run_folder", "inference.loading",
}  # fmt: skip
KERAS_ONLY_EXCEPT = {"models.networks.ops", "models.networks.build"}


def modules() -> dict[str, Path]:
    """All modules by their name below the package; a folder's `__init__` by the folder's."""
    found = {}
    for path in {*PACKAGE.rglob("*.py")} - {PACKAGE / "cyclegan_tf.py"}:  # it stops scripts
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imported_by(module: str, *, at_import: bool = False) -> set[str]:
    """What a module imports when it runs: ours by their names below the package, others whole.

    Args:
        module: its name below the package.
        at_import: only what is imported with it, not what its functions import.
    """
    found = set()
    tree = ast.parse(MODULES[module].read_text())
    for_types = [n for n in tree.body if isinstance(n, ast.If) and "TYPE" in ast.unparse(n.test)]
    skipped = {id(node) for block in for_types for node in ast.walk(block)}
    for node in tree.body if at_import else ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            ours = {f"{node.module}.{alias.name}" for alias in node.names}
            names = {name.removeprefix("cyclegan_tf.") for name in ours}
            inside = {name for name in names if name in MODULES}
            found |= inside or {node.module.removeprefix("cyclegan_tf.")}
    return found


def folder_of(module: str) -> str:
    return module.split(".")[0]


def ours(names: set[str]) -> set[str]:
    return {name for name in names if name in MODULES}


@pytest.mark.parametrize("folder", ALLOWED)
def test_imports_point_down(folder):
    for module in MODULES:
        if folder_of(module) == folder:
            others = {folder_of(name) for name in ours(imported_by(module))} - {folder}
            assert others <= ALLOWED[folder], f"{module} imports {sorted(others)}"


def test_documented_arrows_are_those_allowed():
    text = (PACKAGE.parent / "docs/design.md").read_text().split("\n## Folders and arrows\n")[1]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", text.split("\n## ")[0], re.MULTILINE)
    documented = {folder: {"errors", *re.findall(r"`(\w+)`", others)} for folder, others in rows}
    assert documented == {k: v for k, v in ALLOWED.items() if k not in ("errors", "cli")}


def test_every_module_has_its_place():
    assert {folder_of(module) for module in MODULES} == {*ALLOWED, *COMMANDS, *OTHERS}


def test_only_the_notebooks_helper_imports_commands():
    for module in set(MODULES) - {"notebook", "__main__", "__init__"}:
        assert not ours(imported_by(module)) & COMMANDS, module


def test_no_files_import_each_other_in_a_circle():
    graph = {module: ours(imported_by(module)) - {module, "__init__"} for module in MODULES}
    assert len(list(TopologicalSorter(graph).static_order())) >= len(MODULES)  # or CycleError


def test_settings_are_read_in_few_places():
    readers = {m for m in MODULES if "config.train_config" in imported_by(m)}
    free = {"config", "training", *COMMANDS, *OTHERS}
    free_readers = {m for m in readers if folder_of(m) in free and "callbacks" not in m}
    assert readers - free_readers <= READS_CONFIG


def test_folders_show_few_files():
    folders = {path.parent for path in MODULES.values()}
    counts = {folder: len(list(folder.glob("*.py"))) for folder in folders}
    most = {folder: MOST_ON_TOP if folder == PACKAGE else MOST_FILES for folder in counts}
    assert {f.name: n for f, n in counts.items() if n > most[f]} == {}


def test_networks_and_losses_use_keras_alone():
    networks = {m for m in MODULES if m.startswith("models.networks.")} - KERAS_ONLY_EXCEPT
    for module in {*networks, "models.losses"}:
        assert not any(name.startswith("tensorflow") for name in imported_by(module)), module
    # only the gradient of the penalties is each library's own, and imported where it is taken
    at_import = imported_by("models.stabilizers", at_import=True)
    assert not any(name.startswith("tensorflow") for name in at_import)


def test_what_help_needs_loads_no_tensorflow():
    light = {m for m in MODULES if folder_of(m) in {"config", "io", "cli", "errors", *COMMANDS}}
    for module in light - {"io.figures"}:  # of those who draw
        names = {name.split(".")[0] for name in imported_by(module, at_import=True)}
        assert not names & {"tensorflow", "keras", "pandas", "matplotlib"}, module
