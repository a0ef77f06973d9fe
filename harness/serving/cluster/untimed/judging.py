"""The driver of a cluster that judges a run's accuracy log.

`python -P -m harness.serving.cluster.untimed.judging PIPE PARENT LogToJudge` cuts the log, in its order, has actors tally
the parts by the ground truth of their nodes, which is held against this machine's by hash, and leaves the tally of the whole
in a file. The figures are for the one who asked.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from accuracy.answers.log import Answer, Contradictions, LogError, read_answers
from accuracy.metric.tally import joined, packed, unpacked
from harness.config.dispatch import DispatchSection
from harness.errors import RunFailed
from harness.machine.child_process import live_and_die_with
from harness.machine.json_line import decode
from harness.messages.conversation import Hear, Progressed, tell
from harness.messages.failure import Failed, failed
from harness.messages.judging import LogJudged, LogToJudge, Truth
from harness.results.loadgen_log import ACCURACY_LOG
from harness.serving.cluster.files import beside_data, lent_data
from harness.serving.cluster.member import Asks
from harness.serving.cluster.members import other_data
from harness.serving.cluster.on_nodes.judge import Judge, Tallied, in_parts
from harness.serving.cluster.on_nodes.resident import data_of, truth_of
from harness.serving.cluster.session import Needs, Session
from harness.serving.cluster.untimed.crew import Crew
from harness.serving.dispatch import frames
from harness.spec.schema import SPEC_FILE, read_spec
from harness.whole_file import replacing
from tasks.in_parts import InParts

_MOST_TOGETHER, _MOST_BYTES = 512, 4_000_000
"""Answers of one part: of labels so many, of class maps as many as are so long."""
_PARTS_AN_ACTOR = 8
"""At least, where there are enough answers: so all end at about the same time."""


@dataclass(frozen=True, slots=True)
class Part:
    """Answers that are judged together, as they travel."""

    indices: bytes
    answers: bytes


class CutLog:
    """A log in parts, up to its first fault: what lies before that is judged first, as on one machine."""

    def __init__(self, answers: Iterable[Answer], together: int) -> None:
        """Takes the answers in the log's order."""
        self._answers, self._together = iter(answers), together
        self.fault: LogError | None = None
        self.count = 0
        """Parts so far."""

    def __iter__(self) -> Iterator[Part]:
        """The parts, read as they are taken."""
        while rows := self._next():
            self.count += 1
            yield Part(
                frames.pack_indices([row.index for row in rows]), frames.pack_answers([row.data for row in rows])
            )

    def _next(self) -> list[Answer]:
        rows, size = [], 0
        try:
            for row in islice(self._answers, self._together):
                rows.append(row)
                size += len(row.data)
                if size >= _MOST_BYTES:
                    break
        except LogError as error:
            self.fault, self._answers = error, iter(())
        return rows


def judge_log(asked: LogToJudge, hear: Hear) -> LogJudged:
    """Has a cluster judge a log.

    Raises:
        ConfigError: The cluster is not there or has no room, a node runs something else, or the task is judged as a whole.
        RunFailed: A node has another ground truth, or none is left.
        Reported: What went wrong on a node.
    """
    folder = Path(asked.folder)
    spec = read_spec(folder)
    task = in_parts(spec)
    session = Session(DispatchSection(use=asked.dispatch))
    with contextlib.closing(session):
        crew = Crew(session, Judge, Needs(1.0, {}), spec.backend.timeout_s)
        try:
            crew.open(lent_data(spec), beside_data(spec, task), _opener(crew, folder, task))
            return _judged(crew, task, folder, Path(asked.into), hear)
        finally:
            crew.close()


def _opener(crew: Crew, folder: Path, task: InParts) -> Callable[[Asks], None]:
    words = (folder / SPEC_FILE).read_text(encoding="utf-8")
    wanted = Truth(len(task), data_of(task), truth_of(task))

    def start(actor: Asks) -> None:
        found = crew.calls.ask(actor, Truth, "open", words)
        if (found.samples, found.data) != (wanted.samples, wanted.data):
            raise RunFailed(other_data(crew.calls.where(actor), found.samples, wanted.samples))
        if found.truth != wanted.truth:
            raise RunFailed(
                f"{crew.calls.where(actor)} has another ground truth than this machine under the same path (SHA-256 "
                f"{found.truth[:12]} there, {wanted.truth[:12]} here): make the files the same, or take the node's away: "
                "then they are sent"
            )

    return start


def _judged(crew: Crew, task: InParts, folder: Path, into: Path, hear: Hear) -> LogJudged:
    together = max(1, min(_MOST_TOGETHER, len(task) // (_PARTS_AN_ACTOR * len(crew.actors))))
    odd = Contradictions()
    log = CutLog(read_answers(folder / ACCURACY_LOG, len(task), odd), together)
    tallies: dict[int, bytes] = {}
    problems: dict[int, Failed] = {}

    def ask(actor: Asks, part: Part) -> Future[Tallied]:
        return actor.ask("judge", part.indices, part.answers)

    def until_a_fault() -> Iterator[Part]:
        for part in log:
            yield part
            if problems:
                # All before it have been handed out, and the first fault in the log counts.
                return

    done: Tallied
    for number, done in crew.work(until_a_fault(), ask):
        tallies[number], said = done
        if said:
            problems[number] = decode(said, Failed)
        hear(Progressed("answers are judged", min(len(tallies) * together, len(task)), len(task)))
    problem = problems[min(problems)] if problems else failed(log.fault) if log.fault is not None else None
    if problem is None:
        whole = joined([unpacked(tallies[number]) for number in sorted(tallies)])
        with replacing(into) as file:
            file.write(packed(whole))
    nodes = {actor.node for actor in crew.actors}
    warnings = (*crew.nodes.why_not_joined, *odd.notes())
    return LogJudged(len(nodes), len(crew.actors), log.count, crew.given_again, warnings, problem)


def main() -> None:
    """The process."""
    pipe, parent, asked = sys.argv[1:]
    live_and_die_with(int(parent))
    tell(int(pipe), lambda hear: judge_log(decode(asked, LogToJudge), hear))


if __name__ == "__main__":
    main()
