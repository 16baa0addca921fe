"""Warnings are kept while they are printed."""

import sys
import warnings

from cyclegan_tf.io.notices import noted_warnings


def test_warnings_are_noted_once_and_printed_all_the_same(capsys):
    with noted_warnings() as found:
        print("warning: one", file=sys.stderr)
        print("\nwarning: two")
        print("warning: one", file=sys.stderr)
        print("no warning")
    assert found == ["warning: one", "warning: two"]
    printed = capsys.readouterr()
    assert printed.err == "warning: one\nwarning: one\n"
    assert printed.out == "\nwarning: two\nno warning\n"


def test_those_of_python_are_noted_too(capsys):
    with noted_warnings() as found:
        shown = warnings.formatwarning("look out", UserWarning, "file.py", 12)
        print(shown, file=sys.stderr)
    assert found == ["file.py:12: UserWarning: look out"]


def test_streams_are_as_before_otherwise_and_afterwards():
    before = sys.stdout
    with noted_warnings():
        assert sys.stdout is not before
        assert sys.stdout.isatty() == before.isatty()
        assert sys.stdout.encoding == before.encoding
    assert sys.stdout is before


def test_flood_of_warnings_is_bounded(capsys):
    with noted_warnings() as found:
        for number in range(200):
            print(f"warning: {number}")
    assert found[-1] == "warning: 99"
