"""Results as JUnit XML, which every CI system shows: the one place that writes it.

The form is what Jenkins, GitLab and GitHub's reporters read alike: testsuites, a testsuite, and testcases that have passed
unless they hold a failure, an error or a skipped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

Outcome = Literal["passed", "failure", "error", "skipped"]
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write."""


@dataclass(frozen=True, slots=True)
class JUnitCase:
    """One thing that was tested."""

    group: str
    """What it belongs to: a model, a run."""
    name: str
    outcome: Outcome
    message: str = ""
    """Why it is no pass."""
    seconds: float = 0.0
    output: str = ""
    """What more there is to say of it."""


def junit_xml(name: str, cases: Sequence[JUnitCase]) -> bytes:
    """The whole document.

    Args:
        name: Of the suite.
        cases: In order.
    """
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.outcome == "failure" for case in cases)),
        "errors": str(sum(case.outcome == "error" for case in cases)),
        "skipped": str(sum(case.outcome == "skipped" for case in cases)),
        "time": _seconds(sum(case.seconds for case in cases)),
    }
    root = ElementTree.Element("testsuites", {"name": _plain(name), **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": _plain(name), **counts})
    for case in cases:
        told = {"classname": _plain(case.group), "name": _plain(case.name), "time": _seconds(case.seconds)}
        element = ElementTree.SubElement(suite, "testcase", told)
        if case.outcome != "passed":
            said = _plain(case.message)
            ElementTree.SubElement(element, case.outcome, {"message": said}).text = said
        if case.output:
            ElementTree.SubElement(element, "system-out").text = _plain(case.output)
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _seconds(value: float) -> str:
    return f"{value:.3f}"


def _plain(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
