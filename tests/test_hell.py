"""The cases from hell in this process; `python -m tests.hell --table` runs each as its own."""

import importlib
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hell.files import make_good
from tests.hell.run import NOBODY, Case, all_cases, complaints, folder_of, make_case, watched

_TRACED = "/tmp/__"  # what TensorFlow writes to trace functions, and removes when it ends
PATIENCE = 60  # seconds: a command that waits for a pipe waits for ever
CASES = {case.name: case for case in all_cases() if not case.alone}


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    # not below pytest's own folder, which other users cannot enter
    with tempfile.TemporaryDirectory(prefix="hell-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        make_good(Path(folder) / "good")
        yield Path(folder)


@contextmanager
def without_privileges() -> Iterator[None]:
    """As a user whom permissions hold back, if this one is root."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@contextmanager
def limited() -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise TimeoutError(f"no answer in {PATIENCE} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def answer(root, monkeypatch, capsys):
    """Makes a case, runs its command, and tells the exit code, what it said and what it wrote."""

    def run(case: Case) -> tuple[int, str, str, list[str]]:
        make_case(case, root)
        folder = folder_of(case, root)
        for name, place in {"HOME": "home", "CYCLEGAN_TF_CACHE": "cache"}.items():
            monkeypatch.setenv(name, str(folder / place))
        for name, value in case.environment:
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(tempfile, "tempdir", str(folder / "tmp"))
        monkeypatch.chdir(folder / "work")
        before = watched(case, root)
        module, *arguments = case.argv
        main = importlib.import_module(f"cyclegan_tf.{module}").main
        with limited():
            if case.unprivileged:
                with without_privileges():
                    code = main(arguments)
            else:
                code = main(arguments)
        after = watched(case, root)
        strays = sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))
        return code, *capsys.readouterr(), [stray for stray in strays if _TRACED not in stray]

    return run


@pytest.mark.parametrize("name", CASES)
def test_case_is_answered_in_one_line_and_leaves_nothing_behind(name, answer):
    case = CASES[name]
    code, out, err, strays = answer(case)
    assert complaints(case, code, out, err) == [], err
    assert strays == []
