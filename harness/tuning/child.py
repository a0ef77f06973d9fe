"""The parent's side of a candidate's process."""

from __future__ import annotations

from harness.messages.probe import Agreement, Calibrated, CompareWithCpu, MeasureRound, Round
from harness.spec.schema import Spec, write_spec
from harness.turns.process import MeasuringProcess


class Child:
    """A candidate's process. Whoever makes one closes it, however far it came."""

    def __init__(self, spec: Spec) -> None:
        """Nothing is started yet."""
        self._process = MeasuringProcess(
            "harness.tuning.probe", purpose="tune", prepare=lambda folder: write_spec(spec, folder)
        )

    def open(self, seconds: float) -> Calibrated:
        """Starts it, and waits until it is open and calibrated.

        Raises:
            CandidateFailed: It refuses, crashes, or takes longer than this.
        """
        return self._process.open(Calibrated, seconds)

    def round(self, seconds: float) -> Round:
        """Lets it measure once.

        Raises:
            CandidateFailed: See `open`.
        """
        return self._process.ask(MeasureRound(), Round, seconds)

    def compare_with_cpu(self, samples: int, seconds: float) -> Agreement:
        """Holds it against one CPU thread on so many samples, or as many as there are.

        Raises:
            CandidateFailed: See `open`.
        """
        return self._process.ask(CompareWithCpu(samples), Agreement, seconds)

    def close(self) -> None:
        """Ends the process and takes its folder away; once is enough."""
        self._process.close()
