"""What Windows lacks: modules and signals that only Unix has, and folders that can be opened."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cyclegan_tf.io import files
from tests.pictures import image_set, noise, write_folder

ROOT = Path(__file__).parents[1]
UNIX = ("fcntl", "grp", "pwd", "resource", "termios")
SCRIPT = """
import pkgutil, sys
from importlib import import_module

import cyclegan_tf

for module in pkgutil.walk_packages(cyclegan_tf.__path__, "cyclegan_tf."):
    if module.name != "cyclegan_tf.web.page":  # Gradio asks the system, not what can be imported
        import_module(module.name)
from cyclegan_tf import train, translate
import tensorflow as tf

tf.config.run_functions_eagerly(True)  # of two steps, tracing would take most of the time
assert not [name for name in UNIX if sys.modules.get(name)]
TRAIN = (
    "--a a --b b --run run --preset demo --image-size 32 --generator resnet --residual-blocks 0 "
    "--base-filters 2 --discriminator-filters 2 --discriminator-layers 1 --batch-size 1 --epochs 1 "
    "--steps-per-epoch 1 --sample-count 1 --profile"
)
assert train.main(TRAIN.split()) == 0
assert train.main("--run run --resume --epochs 2".split()) == 0
assert translate.main("--run run photo.png --output painting.png".split()) == 0
"""


def test_package_imports_trains_and_translates_without_what_only_unix_has(tmp_path):
    for folder in ("a", "b"):
        write_folder(tmp_path / folder, image_set(2))
    Image.fromarray(noise(1)).save(tmp_path / "photo.png")
    hidden = f"import sys\nsys.modules.update(dict.fromkeys({UNIX}))\n"
    (tmp_path / "sitecustomize.py").write_text(hidden)
    done = subprocess.run(
        [sys.executable, "-c", f"UNIX = {UNIX}\n{SCRIPT}"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "peak memory" in done.stdout
    assert "going on after step 1" in done.stdout
    assert np.asarray(Image.open(tmp_path / "painting.png")).shape == (32, 32, 3)


def test_files_are_flushed_where_folders_cannot_be_opened(tmp_path, monkeypatch):
    flushed, opened = [], {}
    system = os.open

    def windows_open(path, flags, *mode, **options) -> int:
        # what removes folders opens them relative to another one, and not at all on Windows
        if Path(path).is_dir() and "dir_fd" not in options:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        descriptor = system(path, flags, *mode, **options)
        opened[descriptor] = Path(path).name, flags
        return descriptor

    def windows_fsync(descriptor: int) -> None:
        name, flags = opened[descriptor]
        if not flags & (os.O_RDWR | os.O_WRONLY):
            raise OSError(errno.EBADF, "Bad file descriptor")
        flushed.append(name.split(".")[-1])

    monkeypatch.setattr(files.os, "open", windows_open)
    monkeypatch.setattr(files.os, "fsync", windows_fsync)
    files.write_text(tmp_path / "a.txt", "whole")
    with files.atomic_folder(tmp_path / "folder") as partial:
        (partial / "b.png").write_bytes(b"")
    assert flushed == ["txt", "png"]
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert (tmp_path / "folder" / "b.png").exists()


def test_file_that_may_not_be_opened_is_told(tmp_path, monkeypatch):
    system = os.open

    def refused(path, *arguments, **options) -> int:
        if "dir_fd" in options:  # what removes the folder of the file that was not written
            return system(path, *arguments, **options)
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files.os, "open", refused)
    with pytest.raises(PermissionError):
        files.write_text(tmp_path / "a.txt", "whole")
