"""The command that makes a run's report anew."""

import shutil
import subprocess
import sys
from pathlib import Path

from cyclegan_tf import report

GOLDEN = Path(__file__).parent / "golden"


def test_report_is_made_anew_without_tensorflow(tmp_path):
    shutil.copytree(GOLDEN / "cyclegan", tmp_path / "run")
    code = (
        "import sys; from cyclegan_tf import report; code = report.main(['--run', 'run']);"
        "print(sorted({'tensorflow', 'keras', 'matplotlib'} & set(sys.modules)), code)"
    )
    run = {"cwd": tmp_path, "capture_output": True, "text": True, "check": True}
    path = str(Path(__file__).parents[1])
    found = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, **run)
    first, last = found.stdout.splitlines()
    assert first == "run/report.html: 0.0 MB"
    assert last == "[] 0"
    assert (tmp_path / "run/report.html").read_text().startswith("<!DOCTYPE html>")


def test_folder_without_a_run_is_answered_with_one_line(tmp_path, capsys):
    assert report.main(["--run", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "holds no run" in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
