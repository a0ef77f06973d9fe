"""The driver that has a log judged, without Ray: which actors may judge, and what of several faults counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from accuracy.answers.log import Answer, read_answers, write_rows
from accuracy.answers.wire import pack_labels
from accuracy.metric.tally import packed, unpacked
from harness.errors import RunFailed
from harness.machine.json_line import encode
from harness.messages.failure import failed
from harness.messages.judging import Truth
from harness.serving.cluster.on_nodes.resident import data_of, truth_of
from harness.serving.cluster.untimed.judging import _judged, _opener
from harness.serving.dispatch import frames
from tasks.base import DataRef
from tasks.codecs.keyword_spotting import KeywordSpottingOptions
from tasks.keyword_spotting import KeywordSpotting

COUNT = 40


@pytest.fixture(scope="module")
def task(make_keyword_data: Callable[[int], Path]) -> KeywordSpotting:
    return KeywordSpotting(DataRef(make_keyword_data(COUNT)), KeywordSpottingOptions())


class Actor:
    """Judges in this process, as `Judge` does."""

    node = "a"

    def __init__(self, task: KeywordSpotting) -> None:
        self._task = task

    def ask(self, method: str, indices: bytes, answers: bytes) -> Future[Any]:
        future: Future[Any] = Future()
        wanted = memoryview(indices)[frames.read(indices).start :].cast("I").tolist()
        rows = [Answer(index, data) for index, data in zip(wanted, frames.items(answers), strict=True)]
        try:
            future.set_result((packed(self._task.tally(rows)), ""))
        except Exception as error:
            future.set_result((b"", encode(failed(error))))
        return future


class LastFirst:
    """A crew whose parts are done in the wrong order."""

    def __init__(self, task: KeywordSpotting) -> None:
        self.actors = [Actor(task)]
        self.nodes = SimpleNamespace(why_not_joined=[])
        self.given_again = 0

    def work(self, parts: Iterator[Any], ask: Callable[..., Future[Any]]) -> Iterator[tuple[int, Any]]:
        asked = [(number, ask(self.actors[0], part)) for number, part in enumerate(parts)]
        yield from ((number, future.result()) for number, future in reversed(asked))


def judged(task: KeywordSpotting, folder: Path) -> Any:
    crew: Any = LastFirst(task)
    return _judged(crew, task, folder, folder / "tally.npz", lambda _: None)


def written(folder: Path, *bad: int) -> Path:
    rows = (Answer(index, pack_labels([99 if index in bad else index % 12])) for index in range(COUNT))
    write_rows(folder / "mlperf_log_accuracy.json", rows)
    return folder


def test_the_tally_is_the_log_s_whatever_part_comes_first(task: KeywordSpotting, tmp_path: Path) -> None:
    done = judged(task, written(tmp_path))
    assert (done.problem, done.parts) == (None, 8)
    found = unpacked((tmp_path / "tally.npz").read_bytes())
    wanted = task.tally(read_answers(tmp_path / "mlperf_log_accuracy.json", COUNT))
    assert {name: column.tolist() for name, column in found.items()} == {
        name: column.tolist() for name, column in wanted.items()
    }


def test_of_several_faults_the_first_in_the_log_counts(task: KeywordSpotting, tmp_path: Path) -> None:
    done = judged(task, written(tmp_path, 7, 30))
    assert done.problem.kind == "LogError"
    assert done.problem.message.startswith("sample 7 ")
    assert not (tmp_path / "tally.npz").exists()


def test_a_cut_log_is_its_fault_unless_an_answer_before_it_has_one(task: KeywordSpotting, tmp_path: Path) -> None:
    for bad, says in (((), "is cut in the middle"), ((3,), "sample 3 ")):
        (folder := tmp_path / str(len(bad))).mkdir()
        log = written(folder, *bad) / "mlperf_log_accuracy.json"
        log.write_text(log.read_text(encoding="ascii")[:-40], encoding="ascii")
        assert says in judged(task, folder).problem.message


@pytest.mark.parametrize(
    ("samples", "data", "truth", "says"),
    [
        (COUNT + 1, "", "", "has other data than this machine under the same path: 41 samples instead of 40"),
        (COUNT, "0" * 64, "", "has other data than this machine"),
        (
            COUNT,
            "",
            "0" * 64,
            r"has another ground truth than this machine .*000000000000 there.*make the files the same",
        ),
        (COUNT, "", "", ""),
    ],
)
def test_an_actor_with_other_data_or_another_truth_does_not_judge(
    samples: int, data: str, truth: str, says: str, task: KeywordSpotting, tmp_path: Path
) -> None:
    (tmp_path / "spec.yaml").write_text("{}", encoding="ascii")
    told = Truth(samples, data or data_of(task), truth or truth_of(task))
    calls = SimpleNamespace(ask=lambda *_: told, where=lambda _: "node 10.0.0.9 (far)")
    crew: Any = SimpleNamespace(calls=calls)
    start = _opener(crew, tmp_path, task)
    actor: Any = Actor(task)
    if says:
        with pytest.raises(RunFailed, match=rf"node 10\.0\.0\.9 \(far\) {says}"):
            start(actor)
    else:
        start(actor)
