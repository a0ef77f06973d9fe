"""JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree

from harness.report.for_programs.junit import JUnitCase, junit_xml


def test_cases_are_counted_by_what_came_of_them() -> None:
    cases = [
        JUnitCase("a", "one", "passed", seconds=1.5, output="said"),
        JUnitCase("a", "two", "failure", "too <slow> & late"),
        JUnitCase("b", "three", "skipped", "not here"),
        JUnitCase("b", "four", "error", "broke"),
    ]
    root = ElementTree.fromstring(junit_xml("a budget", cases))
    (suite,) = root
    counts = {name: suite.attrib[name] for name in ("tests", "failures", "errors", "skipped", "time")}
    assert counts == {"tests": "4", "failures": "1", "errors": "1", "skipped": "1", "time": "1.500"}
    one, two, three, four = suite
    assert [child.tag for child in one] == ["system-out"]
    assert [(child.tag, child.attrib["message"]) for child in two] == [("failure", "too <slow> & late")]
    assert [child.tag for child in (*three, *four)] == ["skipped", "error"]


def test_characters_that_xml_cannot_hold_are_replaced() -> None:
    written = junit_xml("x", [JUnitCase("\x00model", "name\x1b[2K", "failure", "\ud800")])
    case = ElementTree.fromstring(written)[0][0]
    assert case.attrib["classname"] == "\ufffdmodel"
    assert case.attrib["name"] == "name\ufffd[2K"
