"""A check of a tree as a person reads it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from harness.submission import check
from harness.submission.finding import Finding, Report
from harness.submission.shown import _SHORT_NAMES, render_report


def report(*sources: str) -> str:
    found = tuple(Finding("error", "a", "log", "is missing", "", source, "put it there") for source in sources)
    return render_report(Report("tree", "mobile", "mobile-v6.0", (), 1, len(found), 0, found))


def test_short_names_in_who_asks_are_explained_where_they_occur() -> None:
    assert "MO       mlcommons/mobile_open\n" in report("MO submissionRuleV3_0.adoc; the results repositories")
    assert "mlcommons/" not in report("this harness: submit --rehearsal")
    both = report("SC constants.py", "IP inference_rules.adoc")
    assert both.index("SC       mlcommons/inference, tools/") < both.index("IP       mlcommons/inference_policies")


def test_every_short_name_that_a_rule_of_the_check_uses_is_explained() -> None:
    used = set()
    for path in Path(check.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] in ("Rule", "take"):
                used |= set(re.findall(r"\b[A-Z]{2,3}\b(?= [a-zA-Z_/]+[./])", ast.unparse(call)))
    assert len(used) > 3
    assert used <= set(_SHORT_NAMES)
