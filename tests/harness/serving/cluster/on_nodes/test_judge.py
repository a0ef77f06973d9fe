"""An actor that judges, in this process: what it is told and tells is all that Ray would carry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accuracy.answers.log import Answer, LogError, read_answers
from accuracy.answers.wire import pack_labels
from accuracy.metric.tally import joined, unpacked
from harness.machine.json_line import decode, encode
from harness.messages.actor import Lacking, Needed
from harness.messages.failure import Failed
from harness.messages.judging import Truth
from harness.serving.cluster.files import lent_data
from harness.serving.cluster.on_nodes.judge import Judge
from harness.serving.cluster.untimed.judging import CutLog, Part
from harness.spec.schema import SPEC_FILE, read_spec
from harness.spec.task import open_task

COUNT = 40


@pytest.fixture(scope="module")
def run(
    keyword_model: Path,
    make_keyword_data: Callable[[int], Path],
    run_command: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The directory of a run of a task that is judged in parts."""
    folder = tmp_path_factory.mktemp("judged")
    words = ["--task", "kws", "--model", keyword_model, "--dataset", make_keyword_data(COUNT), "--mode", "accuracy"]
    done = run_command(*words, "--out", folder / "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture
def judge(run: Path) -> Judge:
    made = Judge()
    lacking = decode(made.need(encode(Needed(lent_data(read_spec(run))))), Lacking)
    assert lacking.paths == ()
    truth = decode(made.open((run / SPEC_FILE).read_text(encoding="utf-8")), Truth)
    assert truth.samples == COUNT
    return made


def parts_of(answers: Any, together: int = 7) -> list[Part]:
    return list(CutLog(answers, together))


def test_the_parts_of_a_log_are_tallied_apart_and_make_the_whole_s_score(run: Path, judge: Judge) -> None:
    spec, log = read_spec(run), run / "mlperf_log_accuracy.json"
    task: Any = open_task(spec.task, spec.options, spec.dataset)
    parts = parts_of(read_answers(log, COUNT))
    assert len(parts) == 6
    told = [judge.judge(part.indices, part.answers) for part in parts]
    assert {problem for _, problem in told} == {""}
    found = task.figures(joined([unpacked(tally) for tally, _ in told]))
    whole = task.score(read_answers(log, COUNT))
    assert (dict(found), found.interval, found.parts.tolist()) == (dict(whole), whole.interval, whole.parts.tolist())


def test_an_answer_that_cannot_be_read_is_told_as_this_machine_names_it(run: Path, judge: Judge) -> None:
    spec = read_spec(run)
    bad = [Answer(3, pack_labels([1])), Answer(5, pack_labels([99]))]
    (part,) = parts_of(bad)
    tally, problem = judge.judge(part.indices, part.answers)
    with pytest.raises(LogError) as local:
        open_task(spec.task, spec.options, spec.dataset).score(bad)
    failure = decode(problem, Failed)
    assert (tally, failure.kind, failure.message) == (b"", "LogError", str(local.value))


def test_a_log_is_read_up_to_its_first_fault(run: Path, tmp_path: Path) -> None:
    text = (run / "mlperf_log_accuracy.json").read_text(encoding="ascii")
    (cut := tmp_path / "cut.json").write_text(text[: len(text) // 2], encoding="ascii")
    log = CutLog(read_answers(cut, COUNT), 7)
    assert len(list(log)) == log.count > 1
    assert log.fault is not None
    assert "is cut in the middle" in str(log.fault)
