"""Where a run's log is judged: here, or by the cluster that answered; the figures are the same. `test_ray` has a real one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from accuracy.answers.log import Answer, LogError, read_answers, write_rows
from accuracy.answers.wire import pack_labels
from accuracy.metric.tally import packed
from harness.errors import ConfigError, RunFailed
from harness.messages.failure import Failed
from harness.messages.judging import LogJudged, LogToJudge
from harness.run import judged_elsewhere
from harness.run.judged_elsewhere import by_cluster, quickest
from tasks.base import DataRef
from tasks.codecs.keyword_spotting import KeywordSpottingOptions
from tasks.keyword_spotting import KeywordSpotting

COUNT = 100
SPEC: Any = SimpleNamespace(
    task="keyword_spotting",
    dispatch=SimpleNamespace(use="ray://127.0.0.1:6379"),
    backend=SimpleNamespace(timeout_s=60.0),
)


@pytest.fixture(scope="module")
def task(make_keyword_data: Callable[[int], Path]) -> KeywordSpotting:
    return KeywordSpotting(DataRef(make_keyword_data(COUNT)), KeywordSpottingOptions())


@pytest.fixture
def run(tmp_path: Path) -> Path:
    draw = np.random.default_rng(5)
    rows = (Answer(index, pack_labels([int(draw.integers(0, 12))])) for index in range(COUNT))
    write_rows(tmp_path / "mlperf_log_accuracy.json", rows)
    return tmp_path


@pytest.fixture
def local(task: KeywordSpotting, run: Path) -> Any:
    return task.score(read_answers(run / "mlperf_log_accuracy.json", COUNT))


def same(found: Any, wanted: Any) -> bool:
    return (dict(found), found.interval, found.parts.tolist()) == (dict(wanted), wanted.interval, wanted.parts.tolist())


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, task: KeywordSpotting) -> Callable[..., list[LogToJudge]]:
    """A driver that judges in this process, or fails as it is told to."""

    def make(problem: Failed | None = None, error: Exception | None = None) -> list[LogToJudge]:
        asked: list[LogToJudge] = []

        def ask(module: str, question: LogToJudge, *others: Any, **more: Any) -> LogJudged:
            asked.append(question)
            if error is not None:
                raise error
            answers = read_answers(Path(question.folder) / "mlperf_log_accuracy.json", COUNT)
            Path(question.into).write_bytes(packed(task.tally(answers)))
            return LogJudged(2, 3, 7, 1, ("node a is slow",), problem)

        monkeypatch.setattr(judged_elsewhere, "ask", ask)
        return asked

    return make


def test_a_short_log_is_judged_here(
    task: KeywordSpotting, run: Path, local: Any, cluster: Callable[..., list[LogToJudge]]
) -> None:
    asked = cluster()
    found = quickest(task, SPEC, run)
    assert same(found, local)
    assert (found.notes, asked) == (local.notes, [])


def test_a_long_log_is_judged_by_the_cluster_that_answered(
    task: KeywordSpotting,
    run: Path,
    local: Any,
    cluster: Callable[..., list[LogToJudge]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = cluster()
    for name in ("_LOOK_S", "_WORTH_S"):
        monkeypatch.setattr(judged_elsewhere, name, 0.0)
    found = quickest(task, SPEC, run)
    assert same(found, local)
    assert [question.dispatch for question in asked] == ["ray://127.0.0.1:6379"]
    assert found.notes[len(local.notes) :] == (
        "the answers were judged on 2 nodes of a Ray cluster, in 7 parts; 1 were judged again, since an actor was lost",
        "node a is slow",
    )


@pytest.mark.parametrize("error", [ConfigError("no room"), RunFailed("all nodes are gone")])
def test_a_cluster_that_cannot_judge_costs_no_run(
    error: Exception,
    task: KeywordSpotting,
    run: Path,
    local: Any,
    cluster: Callable[..., list[LogToJudge]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = cluster(error=error)
    for name in ("_LOOK_S", "_WORTH_S"):
        monkeypatch.setattr(judged_elsewhere, name, 0.0)
    found = quickest(task, SPEC, run)
    assert same(found, local)
    assert len(asked) == 1
    assert found.notes[-1] == f"this machine judged the answers, since the cluster could not: {error}"


def test_an_answer_that_a_node_cannot_read_is_this_machine_s_own_error(
    task: KeywordSpotting, run: Path, cluster: Callable[..., list[LogToJudge]]
) -> None:
    cluster(Failed(2, "sample 3 (a.bin): an answer of 3 bytes", "LogError"))
    with pytest.raises(LogError, match=r"^sample 3 \(a\.bin\): an answer of 3 bytes$"):
        by_cluster(task, SPEC, run, "ray", lambda _: None)
    cluster(Failed(2, "a mask is gone", "DataMissing"))
    with pytest.raises(ConfigError, match=r"^a mask is gone$"):
        by_cluster(task, SPEC, run, "ray", lambda _: None)


def test_a_task_that_is_judged_as_a_whole_says_so(run: Path) -> None:
    other: Any = object()
    with pytest.raises(ConfigError, match="judged as a whole, on one machine: leave out --dispatch"):
        by_cluster(other, SPEC, run, "ray", lambda _: None)
