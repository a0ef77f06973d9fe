"""The child process in which one candidate is measured.

`python -P -m harness.tuning.probe ASKED TOLD CONTROL_FD PARENT_PID LETTER` is that process; the letter is a `ToOpen`. Its
current directory holds the candidate's spec.yaml. It opens the model with a run's own `Instances`, proves it, and calibrates as
a run does; then it answers what the parent asks (`harness.messages.probe`, `harness.turns.answering`).
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from backends.litert.file.opened_file import hold
from harness.machine.control import Control
from harness.machine.json_line import decode
from harness.machine.placement import on
from harness.messages.probe import (
    QUESTIONS,
    Agreement,
    Calibrated,
    CompareWithCpu,
    MeasureRound,
    Question,
    Round,
)
from harness.messages.worker import ToOpen
from harness.model.contents.coverage import judge_coverage
from harness.serving.instances import Instances
from harness.serving.proof import agreement, prove
from harness.spec.schema import Spec, read_spec
from harness.spec.task import open_task
from harness.turns.answering import Begun, answer_questions
from harness.worker.engine import choose_engine
from harness.worker.plan import plan_run

_SAMPLES = 8
_ROUND_NS = 200_000_000
_ANSWER_BYTES = 64_000_000
"""Of answers held side by side; a class map or a larger picture has megabytes."""


def main() -> int:
    """Answers until the parent has no more questions."""
    return answer_questions(_begin, QUESTIONS)


def _begin(control: Control, words: Sequence[str]) -> Begun[Question]:
    (letter,) = words
    hold(decode(letter, ToOpen).files)
    probe = CandidateProbe(read_spec(Path.cwd()), control)
    return Begun(probe.calibrated(), probe.answer)


class CandidateProbe:
    """A candidate, open and calibrated."""

    def __init__(self, spec: Spec, control: Control) -> None:
        """Opens it.

        Raises:
            BackendUnavailable: And its kin; the parent hears why.
        """
        self._spec = spec
        task = open_task(spec.task, spec.options, spec.dataset)
        self._instances = Instances(spec, task, control)
        judge_coverage(self._instances.info, spec.backend.require_full)
        self._indices = range(min(_SAMPLES, len(task)))
        self._instances.samples.load(self._indices)
        prove(self._instances, self._indices, _nobody_hears)
        with on(self._instances.place(1, 1).of(0)):
            engine = choose_engine(self._instances, self._indices, _nobody_hears)
        self._plan = plan_run(spec, self._instances, self._indices)
        self._engine = engine.chosen if engine else None

    def calibrated(self) -> Calibrated:
        """What the calibration decided."""
        team = self._plan.team
        info = team.first.backend.info()
        return Calibrated(
            threads=self._plan.threads,
            instances=team.count,
            workers=team.kind.name,
            batch=team.batch,
            engine=info.engine,
            engine_chosen=self._engine,
            accelerator=info.accelerator,
            pids=tuple(team.pids()),
        )

    def answer(self, question: Question) -> Round | Agreement:
        """The answer to a question."""
        match question:
            case MeasureRound():
                return self.round()
            case CompareWithCpu():
                return self.agreement(question.samples)

    def round(self) -> Round:
        """Measures for a fifth of a second, or a few samples."""
        team = self._plan.team
        per_second = team.rate(self._indices)
        latency_ns = team.count * 1e9 / per_second
        return Round(per_second, latency_ns)

    def agreement(self, count: int) -> Agreement:
        """Holds the candidate against one CPU thread on more samples than a run's own proof does."""
        backend = self._plan.team.first.backend
        fit = _ANSWER_BYTES // max(1, sum(tensor.nbytes for tensor in backend.outputs))
        indices = range(max(1, min(count, fit, len(self._instances.task))))
        self._instances.samples.load(indices)
        found = agreement(self._instances, backend, indices)
        return Agreement(found.samples, found.passed, found.why)


def _nobody_hears(_: object) -> None:
    """A proof that fails ends the process; of one that does not, `tune` makes its own, on more samples."""


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
