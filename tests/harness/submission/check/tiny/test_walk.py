"""What `check` says of trees of the tiny suite."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.submission.check.tree import check_tree

Copy = Callable[[Path], Path]
BOARD = Path("closed/Acme/results/board")
PERFORMANCE = BOARD / "kws/performance/results.txt"
SYSTEM = Path("closed/Acme/systems/board.json")


def test_a_good_tiny_tree_passes(tiny_tree: Path) -> None:
    report = check_tree(tiny_tree)
    assert report.findings == ()
    assert (report.suite, report.rules, report.results) == ("tiny", "tiny-v1.4", 2)


def _replace(path: Path, old: str, new: str, count: int = -1) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), encoding="utf-8")


def _system(tree: Path, **values: str) -> None:
    fields = json.loads((tree / SYSTEM).read_text(encoding="utf-8")) | values
    (tree / SYSTEM).write_text(json.dumps(fields), encoding="utf-8")


def _system_without(tree: Path, name: str) -> None:
    fields = json.loads((tree / SYSTEM).read_text(encoding="utf-8"))
    del fields[name]
    (tree / SYSTEM).write_text(json.dumps(fields), encoding="utf-8")


def _own_name(tree: Path) -> None:
    """A mapped name in the open division, on which the official checker ends."""
    _system(tree, Division="open")
    (tree / "closed").rename(tree / "open")
    (tree / "open/Acme/results/board/kws").rename(tree / "open/Acme/results/board/my-kws")
    (tree / "open/Acme/model_mapping.json").write_text('{"my-kws": "kws"}')


SINS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "no log.txt": ("tiny-files", lambda t: (t / BOARD / "kws/performance/log.txt").unlink()),
    "no performance": ("tiny-files", lambda t: shutil.rmtree(t / BOARD / "kws/performance")),
    "no results.json": ("tiny-files", lambda t: (t / BOARD / "kws/accuracy/results.json").unlink()),
    "an error of the runner's": (
        "tiny-error",
        lambda t: _replace(t / PERFORMANCE, "Runtime requirements", "ERROR 1/2 Runtime"),
    ),
    "a short window": ("tiny-windows", lambda t: _replace(t / PERFORMANCE, "Runtime: 10.863042", "Runtime: 9.863042")),
    "a window of N/A": ("tiny-windows", lambda t: _replace(t / PERFORMANCE, "Runtime: 10.863042", "Runtime: N/A")),
    "six windows": (
        "tiny-windows",
        lambda t: _replace(t / PERFORMANCE, "Throughput: 23", "Throughput: 23.0 inf./sec.\n    Throughput: 23", 1),
    ),
    "an error of the runner's in the accuracy": (
        "tiny-error",
        lambda t: _replace(t / BOARD / "kws/accuracy/results.txt", "Top 1%", "ERROR 2 Top 1%"),
    ),
    "a log of one space": ("tiny-files", lambda t: (t / BOARD / "kws/performance/log.txt").write_text(" ")),
    "a score of two points": (
        "tiny-accuracy",
        lambda t: _replace(t / BOARD / "kws/accuracy/results.txt", "90.2", "9.0.2"),
    ),
    "N/A for a score": ("tiny-accuracy", lambda t: _replace(t / BOARD / "kws/accuracy/results.txt", "90.2", "N/A")),
    "four windows": ("tiny-windows", lambda t: _replace(t / PERFORMANCE, "Throughput: 23", "Rate: 23")),
    "a median that its windows have not": ("tiny-median", lambda t: _replace(t / PERFORMANCE, "23.032", "99.032")),
    "a rate of two points": ("tiny-median", lambda t: _replace(t / PERFORMANCE, "23.032", "2.3.0")),
    "no median": ("tiny-median", lambda t: _replace(t / PERFORMANCE, "Median", "Mean")),
    "a missed target": ("tiny-accuracy", lambda t: _replace(t / BOARD / "kws/accuracy/results.txt", "90.2", "89.9")),
    "no accuracy": ("tiny-accuracy", lambda t: _replace(t / BOARD / "kws/accuracy/results.txt", "Top 1%", "Best")),
    "49 words": (
        "tiny-detections",
        lambda t: _replace(t / BOARD / "sww/performance/results.txt", "44 True", "43 True"),
    ),
    "too many alarms": (
        "tiny-detections",
        lambda t: _replace(t / BOARD / "sww/performance/results.txt", "4 False p", "9 False p"),
    ),
    "another submitter": ("system-description", lambda t: _system(t, Submitter="Umbrella")),
    "an unknown status": ("system-description", lambda t: _system(t, Status="sold out")),
    "a system type": ("system-description", lambda t: _system(t, system_type="edge")),
    "no system file": ("system-description", lambda t: (t / SYSTEM).unlink()),
    "one result twice": (
        "copied-log",
        lambda t: [
            shutil.copytree(t / BOARD / "kws", t / BOARD.parent / "twin/kws"),
            shutil.copy(t / SYSTEM, t / "closed/Acme/systems/twin.json"),
        ],
    ),
    "no Submitter": ("system-description", lambda t: _system_without(t, "Submitter")),
    "no Status": ("system-description", lambda t: _system_without(t, "Status")),
    "a Submitter of N/A": ("system-description", lambda t: _system(t, Submitter="N/A")),
    "a field of the template lost": ("system-description", lambda t: _system_without(t, "SoC Name")),
    "a system without results": ("submitter", lambda t: shutil.copy(t / SYSTEM, t / "closed/Acme/systems/other.json")),
    "no code": ("submitter", lambda t: shutil.rmtree(t / "closed/Acme/code")),
    "a README of one space in the code": ("submitter", lambda t: (t / "closed/Acme/code/README.md").write_text(" ")),
    "notes in a run": ("tiny-files", lambda t: (t / BOARD / "kws/performance/notes.txt").write_text("x")),
    "results twice": (
        "tiny-files",
        lambda t: shutil.copy(t / BOARD / "kws/accuracy/results.txt", t / BOARD / "kws/accuracy/results_2.txt"),
    ),
    "results that are no UTF-8": (
        "tiny-files",
        lambda t: (t / BOARD / "kws/accuracy/results.txt").write_bytes(b"\xff Top 1% = 90.2\n"),
    ),
    "results.json that is none": ("tiny-files", lambda t: (t / BOARD / "kws/accuracy/results.json").write_text("[")),
    "a name of one's own": ("benchmark-name", lambda t: _own_name(t)),
    "an unknown benchmark": ("benchmark-name", lambda t: shutil.copytree(t / BOARD / "kws", t / BOARD / "weather")),
    "a submitter without results": ("submitter", lambda t: shutil.rmtree(t / "closed/Acme/results")),
}


@pytest.mark.parametrize("sin", SINS)
def test_each_sin_is_named_and_nothing_else(sin: str, tiny_tree: Path, copy_of: Copy) -> None:
    rule, plant = SINS[sin]
    tree = copy_of(tiny_tree)
    plant(tree)
    report = check_tree(tree, suite="tiny")
    assert {one.rule for one in report.findings} == {rule}, report.findings
