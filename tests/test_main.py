"""python -m cyclegan_tf: the list of commands."""

import subprocess
import sys

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


def test_list_of_commands_needs_no_tensorflow():
    code = (
        "import sys, cyclegan_tf.__main__ as m; m.main([]);"
        "sys.exit(bool({'tensorflow', 'keras', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
