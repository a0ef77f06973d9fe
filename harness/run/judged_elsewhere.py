"""A log judged by a Ray cluster, in parts; the figures are made here, of what all answers come to.

The driver of the cluster is a process of its own, since the parent's side of a run imports nothing that answers.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from time import monotonic

from accuracy.answers.log import Contradictions, LogError, read_answers
from accuracy.metric.score import Score
from accuracy.metric.tally import Tally, joined, unpacked
from harness.errors import EXIT_USER, ConfigError, RunFailed
from harness.messages.conversation import Hear, ask
from harness.messages.judging import LogJudged, LogToJudge
from harness.results.loadgen_log import ACCURACY_LOG
from harness.scratch_folder import ScratchFolder
from harness.spec.schema import Spec
from tasks.base import Task
from tasks.in_parts import InParts

_DRIVER = "harness.serving.cluster.untimed.judging"
_START_S = 600.0
"""For a cluster to start, and for processes on a node that is busy, beside what opening may take."""
_TOGETHER = 32
_LOOK_S, _WORTH_S = 1.0, 20.0
"""After so long it is clear about how long a log takes; with less left than that, a cluster would only add its start."""


def quickest(task: InParts, spec: Spec, folder: Path) -> Score:
    """The score of a run that a cluster has answered: by this machine, or where it would take long, by the cluster.

    Raises:
        LogError: An answer that cannot be read.
    """
    odd, parts = Contradictions(), list[Tally]()
    answers = read_answers(folder / ACCURACY_LOG, len(task), odd)
    began, done, note, asked = monotonic(), 0, "", False
    while rows := list(islice(answers, _TOGETHER)):
        parts.append(task.tally(rows))
        done += len(rows)
        took_s = monotonic() - began
        if not asked and took_s > _LOOK_S and took_s / done * (len(task) - done) > _WORTH_S:
            asked = True
            try:
                return by_cluster(task, spec, folder, spec.dispatch.use, lambda _: None)
            except (ConfigError, RunFailed) as error:
                note = f"this machine judged the answers, since the cluster could not: {error}"
    return task.figures(joined(parts)).with_notes([*odd.notes(), *([note] if note else [])])


def by_cluster(task: Task, spec: Spec, folder: Path, dispatch: str, hear: Hear) -> Score:
    """The score of a run by a cluster.

    Args:
        task: The run's, bound to its data.
        spec: The run.
        folder: Its directory.
        dispatch: The cluster, as `dispatch.use` names it.
        hear: Is told how far it is.

    Raises:
        ConfigError: The cluster is not there or has no room, or the task is judged as a whole.
        RunFailed: A node has another ground truth, or the cluster broke.
        LogError: An answer that cannot be read.
    """
    if not isinstance(task, InParts):
        raise ConfigError(f"a log of {spec.task} is judged as a whole, on one machine: leave out --dispatch")
    with ScratchFolder("judged") as scratch:
        into = Path(scratch) / "tally.npz"
        question = LogToJudge(str(folder.resolve()), dispatch, str(into))
        timeout_s = _START_S + 2 * spec.backend.timeout_s
        judged = ask(
            _DRIVER, question, LogJudged, timeout_s=timeout_s, hear=hear, what="the process that led the cluster"
        )
        if (problem := judged.problem) is not None:
            if problem.kind == LogError.__name__:
                raise LogError(problem.message)
            raise (ConfigError if problem.exit_status == EXIT_USER else RunFailed)(problem.message)
        score = task.figures(unpacked(into.read_bytes()))
    again = f"; {judged.given_again} were judged again, since an actor was lost" if judged.given_again else ""
    many = "1 node" if judged.nodes == 1 else f"{judged.nodes} nodes"
    return score.with_notes(
        [f"the answers were judged on {many} of a Ray cluster, in {judged.parts} parts{again}", *judged.warnings]
    )
