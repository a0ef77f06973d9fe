"""What keeps runs from being a submission: each by itself, told before where it can be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.config.files import config_folder, read_config
from harness.report.submission import objection_lines, submission_lines
from harness.results.files import read_result
from harness.results.record import Reason, Result, Submission
from harness.results.verdict.submission import joined, judged_submission, objections_to_plan, objections_to_run
from harness.spec.resolve import resolve
from harness.spec.schema import Spec


@pytest.fixture
def spec(keyword_model: Path, keyword_data: Path) -> Any:
    def make(**load: Any) -> Spec:
        given = [("model.use", str(keyword_model)), ("dataset.use", str(keyword_data))]
        given += [(f"load.{name}", value) for name, value in load.items()]
        return resolve(read_config(config_folder() / "kws.yaml"), given, Path("/nowhere"))

    return make


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Some run that came to its end."""
    folder = tmp_path_factory.mktemp("ran")
    for path in sorted((Path(__file__).parents[1] / "version_1").glob("*.json")):
        (folder / "result.json").write_bytes(path.read_bytes())
        found = read_result(folder)
        if isinstance(found, Result) and found.status == "valid" and found.performance:
            return found
    raise AssertionError("no valid performance run is there")


def words(reasons: list[Reason]) -> list[str]:
    return [reason.what for reason in reasons]


def test_a_run_by_the_rules_has_nothing_against_it(spec: Any) -> None:
    assert objections_to_plan(spec()) == []


@pytest.mark.parametrize(
    ("load", "what", "figure"),
    [
        ({"preset": "quick"}, "the preset quick is shorter than the rules", ""),
        ({"min_duration_ms": 1000}, "load.min_duration_ms is less than the rules ask for", "1.0 s, they say 60.0 s"),
        ({"min_query_count": 9}, "load.min_query_count is less than the rules ask for", "9, they say 1,024"),
        (
            {"performance_sample_count": 4},
            "load.performance_sample_count is less than the rules ask for",
            "4, they say 1,000",
        ),
        ({"scenario": "Server"}, "kws has no Server in its suite", "it has SingleStream"),
        ({"rules": "inference-v6.1"}, "inference-v6.1 has no benchmark for it", ""),
    ],
)
def test_a_setting_beside_the_rules_is_named_with_its_figure(spec: Any, load: Any, what: str, figure: str) -> None:
    (reason,) = objections_to_plan(spec(**load))
    assert (reason.what, reason.figure) == (what, figure)
    assert reason.fix


def test_a_longer_run_is_one(spec: Any) -> None:
    assert objections_to_plan(spec(min_duration_ms=600_000, min_query_count=5000)) == []


def test_a_stand_in_built_in_data_and_no_model_at_all_are_named(spec: Any) -> None:
    plain = spec()
    made = plain.model_copy(
        update={
            "model": plain.model.model_copy(update={"source": "standin"}),
            "dataset": plain.dataset.model_copy(update={"source": "builtin"}),
            "backend": plain.backend.model_copy(update={"name": "null"}),
        }
    )
    assert words(objections_to_plan(made)) == [
        "the model is a stand-in",
        "the data are built in",
        "the model is not run",
    ]


def test_what_a_run_has_shown_counts_too(spec: Any, ran: Result) -> None:
    accuracy = replace(ran, mode="accuracy", performance=None, dataset=replace(ran.dataset, count=40))
    assert words(objections_to_run(spec(mode="accuracy"), accuracy)) == ["the data are a part of the set"]
    (mine,) = objections_to_run(spec(mode="accuracy"), accuracy)
    built_in = replace(accuracy, dataset=replace(accuracy.dataset, source="builtin"))
    (ours,) = objections_to_run(spec(mode="accuracy"), built_in)
    assert "--count" in (mine.fix or "")
    assert ours.fix == "take the whole set: name it with --dataset"
    whole = replace(accuracy, dataset=replace(ran.dataset, count=1000))
    assert objections_to_run(spec(mode="accuracy"), whole) == []
    changed = replace(whole, model=replace(ran.model, modified="its missing shapes were completed"), status="invalid")
    assert words(objections_to_run(spec(mode="accuracy"), changed)) == [
        "the model file was changed for the run",
        "accuracy: LoadGen says INVALID",
    ]


def test_runs_that_do_not_belong_together_are_no_submission(spec: Any, ran: Result) -> None:
    accuracy = replace(ran, mode="accuracy", performance=None, dataset=replace(ran.dataset, count=1000))
    both = [(spec(), ran), (spec(mode="accuracy"), accuracy)]
    assert judged_submission(both, rested=True).reasons == ()
    assert words(list(judged_submission(both[:1], rested=True).reasons)) == ["there is no accuracy run"]
    other = replace(accuracy, model=replace(ran.model, sha256="0" * 64))
    assert words(list(judged_submission([both[0], (both[1][0], other)], rested=True).reasons)) == [
        "the runs are of 2 models"
    ]


def test_the_last_line_says_whether_it_is_one_and_why_not() -> None:
    reason = Reason("the preset quick is shorter than the rules", "", "leave out --preset")
    found = Submission("mobile-v6.0", "rehearsal", (reason, Reason("the data are built in", "x", "")), rested=False)
    lines = submission_lines(found)
    assert lines[-1] == "not a submission: the preset quick is shorter than the rules; the data are built in (x)"
    assert "  fix: leave out --preset" in lines
    assert any(line.startswith("cooldown") for line in lines)
    assert submission_lines(replace(found, reasons=(), rested=True))[-1].startswith("a submission by mobile-v6.0")
    assert objection_lines([reason, reason]) == [
        "this will be no submission:",
        "  the preset quick is shorter than the rules: leave out --preset",
    ]


def test_benchmarks_of_a_suite_say_together_what_they_share_once() -> None:
    one = Submission("tiny-v1.4", "rehearsal", (Reason("short", "", ""),), rested=True)
    two = Submission("mobile-v3.1", "review", (Reason("built in", "", ""),), rested=True)
    three = Submission("mobile-v3.1", "review", (Reason("short", "", ""),), rested=False)
    together = joined([one, two, three])
    assert together.rules == "tiny-v1.4, mobile-v3.1"
    assert together.good_for == "rehearsal; review"
    assert words(list(together.reasons)) == ["short", "built in"]
    assert not together.rested
