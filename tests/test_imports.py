"""The layers of the package: which module may import which."""

import ast
from pathlib import Path

import cyclegan_tf

PACKAGE = Path(cyclegan_tf.__file__).parent

ALLOWED = {
    "__init__": set(),
    "errors": set(),
    "inputs": set(),
    "command": {"errors"},
    "combinations": {"errors"},
    "fields": {"combinations", "errors"},
    "config": {"combinations", "errors", "fields"},
    "flags": {"combinations", "config", "fields"},
    "presets": {"config", "errors", "fields"},
    "files": {"errors"},
    "lookahead": {"machine"},
    "machine": set(),
    "names": set(),
    "tiles": set(),
    "destination": {"errors", "files"},
    "upright": set(),
    "images": {"files", "upright"},
    "checksums": set(),
    "examples": set(),
    "records": {"checksums", "errors", "examples", "files", "inputs"},
    "runtime": {"errors", "machine"},
    "cluster": {"errors"},
    "peers": {"cluster", "errors"},
    "workers": {"cluster", "errors", "peers"},
    "strategy": {"cluster", "errors", "workers"},
    "faults": {"config", "errors"},
    "replicas": set(),
    "accumulation": set(),
    "augment": set(),
    "losses": set(),
    "graph_order": set(),
    "kernels": set(),
    "reading": set(),
    "layers": {"kernels"},
    "upsampling": set(),
    "generators": {"layers", "upsampling"},
    "discriminators": {"layers"},
    "latent_networks": {"layers"},
    "adversarial": {
        "accumulation", "augment", "graph_order", "losses", "optim", "penalties", "replicas",
    },
    "dcgan": {"adversarial", "layers", "losses", "replicas"},
    "optim": set(),
    "penalties": set(),
    "frechet": set(),
    "similarity": set(),
    "metrics": {"frechet", "similarity"},
    "scores": {"metrics"},
    "guards": {"errors"},
    "inception": {"errors", "inputs"},
    "pictures": {"data", "errors", "images", "inputs", "machine", "records"},
    "worklist": {
        "destination", "errors", "images", "lookahead", "names", "pictures", "progress",
    },
    "painter": {"data", "errors", "images", "inputs", "progress", "tiles"},
    "features": {"errors", "files", "inception", "progress"},
    "raster": set(),
    "stage": {"raster"},
    "scenery": {"raster", "stage"},
    "landscapes": {"raster", "scenery", "stage"},
    "brushwork": {"raster"},
    "data": {"errors", "images", "inputs", "machine", "records"},
    "store": {"data", "images"},
    "pipeline": {"augment", "cluster", "data", "images", "store"},
    "colours": set(),
    "fingerprints": set(),
    "comparison": set(),
    "duplicates": {"fingerprints"},
    "findings": {"colours", "comparison", "data", "duplicates", "fingerprints", "images"},
    "measuring": {"colours", "errors", "fingerprints", "images", "machine"},
    "eda": {
        "colours", "comparison", "data", "errors", "findings", "measuring", "progress", "records",
    },
    "sampled_norms": set(),
    "translator": {"layers", "sampled_norms"},
    "cyclegan": {"accumulation", "adversarial", "layers", "losses", "reading"},
    "progress": set(),
    "training_line": {"progress"},
    "submission": {"destination", "images", "machine", "names", "progress"},
    "rundir": {"config", "errors", "files", "inputs"},
    "plates": set(),
    "figures": {"colours", "duplicates", "findings", "images", "plates"},
    "gallery": {"images", "plates", "rundir"},
    "callbacks": {"files", "gallery", "images", "metrics", "optim", "rundir"},
    "evaluation": {"metrics", "rundir"},
    "translations": {"dcgan", "images", "pipeline", "similarity", "translator"},
    "networks": {"config", "discriminators", "generators", "latent_networks", "layers"},
    "build": {
        "adversarial", "augment", "cluster", "config", "cyclegan", "data", "dcgan",
        "errors", "generators", "layers", "losses", "machine", "networks", "optim",
        "pipeline", "replicas", "runtime", "translator",
    },
    "trained": {
        "adversarial", "build", "config", "errors", "networks", "painter", "rundir", "runtime",
        "tiles", "translator",
    },
    "judge": {
        "build", "config", "data", "errors", "features", "inception", "metrics", "pictures",
        "pipeline", "rundir", "scores", "trained", "translations",
    },
    "reporting": {
        "adversarial", "build", "callbacks", "config", "data", "dcgan", "evaluation", "features",
        "guards", "inception", "pipeline", "rundir", "translations", "translator",
    },
    "checkpoint": {"adversarial", "errors", "files", "guards", "inputs"},
    "epochs": {"adversarial", "checkpoint"},
    "autosave": {"checkpoint", "epochs", "rundir"},
    "interruption": set(),
    "resume": {"checkpoint", "combinations", "config", "data", "errors", "rundir"},
    "session": {
        "autosave", "build", "checkpoint", "config", "epochs", "errors", "faults", "features",
        "guards", "images", "inception", "interruption", "pipeline", "reporting", "resume",
        "rundir", "runtime", "strategy", "submission", "trained", "training_line", "workers",
    },
    "demo": {
        "brushwork", "command", "errors", "files", "images", "landscapes", "machine",
        "records",
    },
    "defaults": {"demo", "runtime"},
    "notebook": {
        "checkpoint", "command", "config", "defaults", "errors", "files", "machine",
        "presets", "rundir", "strategy", "train",
    },
    "kaggle": {"command", "errors", "files", "inputs"},
    "evaluate": {"command", "errors", "features", "files", "inception", "judge", "rundir"},
    "generate": {
        "build", "command", "dcgan", "destination", "errors", "images", "rundir", "submission",
        "trained", "translator",
    },
    "translate": {
        "command", "data", "destination", "errors", "images", "lookahead", "painter", "progress",
        "rundir", "tiles", "trained", "worklist",
    },
    "train": {
        "command", "config", "defaults", "errors", "flags", "guards", "interruption", "peers",
        "presets", "resume", "rundir", "runtime", "session",
    },
}  # fmt: skip

KERAS_ONLY = {
    "discriminators", "generators", "latent_networks", "layers", "losses", "sampled_norms",
    "upsampling",
}  # fmt: skip


def imported_by(module: str) -> set[str]:
    """All that a module imports when it runs, ours as `cyclegan_tf.NAME`."""
    found = set()
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    for_types = [n for n in tree.body if isinstance(n, ast.If) and "TYPE" in ast.unparse(n.test)]
    skipped = {id(node) for block in for_types for node in ast.walk(block)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "cyclegan_tf":
            found |= {f"cyclegan_tf.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
    return found


def test_every_module_has_its_place():
    assert {path.stem for path in PACKAGE.glob("*.py")} == set(ALLOWED)


def test_imports_point_down():
    for module, allowed in ALLOWED.items():
        ours = {
            name.removeprefix("cyclegan_tf.")
            for name in imported_by(module)
            if name.startswith("cyclegan_tf.")
        } - {"__version__"}
        assert ours <= allowed, f"{module} imports {sorted(ours - allowed)}"


def test_no_two_modules_import_each_other():
    ranks: dict[str, int] = {}
    while len(ranks) < len(ALLOWED):
        ready = [m for m in ALLOWED if m not in ranks and ALLOWED[m] <= set(ranks)]
        assert ready, f"a circle among {sorted(set(ALLOWED) - set(ranks))}"
        ranks |= {module: len(ranks) for module in ready}


def test_networks_and_losses_use_keras_alone():
    for module in KERAS_ONLY:
        assert not any(name.startswith("tensorflow") for name in imported_by(module))
