"""The worked example for GitHub Actions: a workflow whose every command the harness takes."""

from __future__ import annotations

import shlex
from pathlib import Path

import yaml

from harness.cli import _of_verb, _verb
from harness.commands.formats import NAMES
from harness.comparison.limits import parse_limits

REPOSITORY = Path(__file__).parents[3]
WORKFLOW = REPOSITORY / "docs" / "examples" / "regression-gate.yml"


def test_the_worked_workflow_is_one_and_each_of_its_commands_is_taken() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    steps = workflow["jobs"]["gate"]["steps"]
    assert all(("run" in step) != ("uses" in step) for step in steps)
    commands = [
        shlex.split(line) for step in steps for line in step.get("run", "").splitlines() if line.startswith("./run.sh")
    ]
    assert len(commands) == 3
    for _, *words in commands:
        verb, rest = _verb(words)
        assert verb is not None
        arguments = _of_verb(verb)[1].parse_strictly(rest)
        assert all(each.partition("=")[0] in NAMES for each in arguments.format)
        if verb == "compare":
            assert parse_limits(arguments.max_regression) == {"p90": 0.03, "size": 0.01}


def test_the_page_names_every_format_and_a_command_of_the_workflow() -> None:
    page = (REPOSITORY / "docs" / "ci.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in NAMES)
    (line,) = [line.strip() for line in page.splitlines() if line.strip().startswith("./run.sh compare ../base")]
    assert line in WORKFLOW.read_text(encoding="utf-8")
