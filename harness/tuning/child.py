"""The parent's side of a candidate's process."""

from __future__ import annotations

from collections.abc import Sequence

from backends.litert.file.opened_file import OpenedFile
from harness.machine.json_line import encode
from harness.messages.probe import Agreement, Calibrated, CompareWithCpu, MeasureRound, Round
from harness.messages.worker import ToOpen
from harness.spec.schema import Spec, write_spec
from harness.turns.process import MeasuringProcess


class Child:
    """A candidate's process. Whoever makes one closes it, however far it came."""

    def __init__(self, spec: Spec, hashed: Sequence[OpenedFile]) -> None:
        """Nothing is started yet.

        Args:
            spec: The candidate.
            hashed: The files that it may open under their paths.
        """
        self._process = MeasuringProcess(
            "harness.tuning.probe",
            encode(ToOpen(tuple(hashed))),
            purpose="tune",
            prepare=lambda folder: write_spec(spec, folder),
        )

    def open(self, seconds: float) -> Calibrated:
        """Starts it, and waits until it is open and calibrated.

        Raises:
            CandidateFailed: It refuses, crashes, or takes longer than this.
            RunFailed: What it should open is another file now.
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
