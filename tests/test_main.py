"""python -m cyclegan_tf: the list of commands."""

import subprocess
import sys
from pathlib import Path

import pytest

from cyclegan_tf.__main__ import COMMANDS, main


def test_every_command_is_listed_with_what_it_does(capsys):
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in COMMANDS:
        (line,) = [line for line in lines if line.startswith(f"  {name} ")]
        assert len(line.split()) > 4


def test_a_command_gets_the_rest_of_the_line(capsys):
    with pytest.raises(SystemExit) as end:
        main(["demo", "--help"])
    assert end.value.code == 0
    assert "python -m cyclegan_tf.demo" in capsys.readouterr().out


def test_unknown_command_is_answered_with_the_nearest(capsys):
    assert main(["trian"]) == 2
    assert capsys.readouterr().err == "error: 'trian' is no command; did you mean train?\n"


def test_versions_name_what_a_report_of_a_fault_needs(capsys):
    assert main(["--versions"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("cyclegan_tf ")
    assert {"Python", "tensorflow", "keras", "numpy"} <= {line.split()[0] for line in lines}


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["cyclegan_tf/train.py", "--help"], "type, in {root}: python -m cyclegan_tf.train\n"),
        (["-c", "import cyclegan_tf"], "is the inside of the package; work from {root}.\n"),
    ],
)
def test_file_that_is_run_as_a_script_says_what_to_type(argv, words):
    root = Path(__file__).parents[1]
    inside = {"cwd": root / "cyclegan_tf"} if argv[0] == "-c" else {"cwd": root}
    done = subprocess.run([sys.executable, *argv], capture_output=True, text=True, **inside)
    assert done.returncode == (1 if argv[0] == "-c" else 2)
    assert done.stderr.endswith(words.format(root=root))
    assert argv[0] == "-c" or done.stderr.count("\n") == 1


def test_list_of_commands_needs_no_tensorflow():
    code = (
        "import sys, cyclegan_tf.__main__ as m; m.main([]);"
        "sys.exit(bool({'tensorflow', 'keras', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
