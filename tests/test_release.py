"""What several files say of the version and of what it needs must agree."""

import json
import re
import tomllib
from pathlib import Path

import cyclegan_tf

ROOT = Path(__file__).parents[1]


def lower_bounds() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return dict(m.groups() for line in lines if (m := re.match(r"([\w-]+)>=([\d.]+)", line)))


def test_version_is_the_newest_of_the_changelog_and_the_one_to_cite():
    newest = re.search(r"^## ([\d.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    cited = re.search(r"^version: (.*)", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1]
    assert {newest, cited} == {cyclegan_tf.__version__}


def test_oldest_versions_of_the_workflow_are_the_lower_bounds():
    lines = (ROOT / ".ci/oldest.txt").read_text().splitlines()
    pinned = [re.fullmatch(r"([\w-]+)==([\d.]+)\.\*", line) for line in lines if line[0] != "#"]
    assert [match[1] for match in pinned] == ["tensorflow", "keras"]
    assert all(lower_bounds()[match[1]] == match[2] for match in pinned)


def test_workflow_runs_the_checks_on_every_supported_python():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    assert "run: .ci/run\n" in workflow
    tested = json.loads(re.search(r"python: (\[.*\])", workflow)[1])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    least, below = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project["requires-python"]).groups()
    assert tested == [f"3.{minor}" for minor in range(int(least), int(below))]
    constraints = re.search(r"constraint: \[\"\", (.*)\]", workflow)[1]
    assert (ROOT / constraints).is_file()


def test_bug_reports_are_asked_for_the_versions():
    template = (ROOT / ".github/ISSUE_TEMPLATE/bug_report.yml").read_text()
    assert "`python -m cyclegan_tf --versions`" in template


def test_extras_ask_for_what_the_requirements_ask_for():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = extras["optional-dependencies"]
    lines = (ROOT / "requirements-app.txt").read_text().splitlines()
    assert extras["app"] == [line for line in lines if not line.startswith(("-r", "#"))]
    assert set(extras["video"]) <= set((ROOT / "requirements-dev.txt").read_text().splitlines())
