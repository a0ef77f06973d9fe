"""A profile in a process of its own, which a delegate or a corrupt model may take down, and which needs 57 MB more for it.

`python -P -m harness.profiling.child ANSWER_FD PARENT_PID ASKED` is that process.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from harness.errors import ModelCrashed
from harness.machine.child_process import live_and_die_with
from harness.machine.json_line import decode
from harness.messages.conversation import Hear, Progressed, ask, tell
from harness.model.subject import Subject, measured_unchanged
from harness.profiling.measure import profile
from harness.profiling.record import AskedProfile, Profile
from harness.spec.trial import has_xnnpack, without_xnnpack

NUM_RUNS, WARMUP_RUNS, MAX_SECS = 50, 1, 60.0
"""Where nobody says."""


def profiled(asked: AskedProfile, hear: Hear) -> Profile:
    """Makes it in a process of its own.

    Raises:
        ConfigError: The backend refuses, does not tell what its ops take, or runs the model without XNNPACK alone.
        RunFailed: The process broke, crashed, or told nothing for `backend.timeout_s`; or a file has changed meanwhile.
    """
    subject = asked.subject
    with measured_unchanged([subject]):
        try:
            return ask("harness.profiling.child", asked, Profile, timeout_s=subject.section.timeout_s, hear=hear)
        except ModelCrashed as crash:
            if not has_xnnpack(subject.section):
                raise
            raise without_xnnpack(subject, subject.held).told_of(crash) from None


def profile_of(
    subject: Subject,
    *,
    num_runs: int = NUM_RUNS,
    warmup_runs: int = WARMUP_RUNS,
    max_secs: float = MAX_SECS,
    ranges: Mapping[str, tuple[float, ...]] | None = None,
    peak: bool = True,
    hear: Hear | None = None,
) -> Profile:
    """The same, by what other verbs have: `bench --enable_op_profiling`.

    Args:
        subject: The model behind its backend.
        num_runs: With the profiler, and as many without, in turns.
        warmup_runs: Before them.
        max_secs: No further run begins after so long.
        ranges: Input -> lowest and highest value.
        peak: Whether the machine's peak is measured, too.
        hear: Is told how far it is.

    Raises:
        ConfigError, RunFailed: See `profiled`.
    """
    asked = AskedProfile(subject, num_runs, warmup_runs, max_secs, dict(ranges or {}), peak)
    return profiled(asked, hear or _nobody)


def _nobody(_: Progressed) -> None:
    """Hears of no progress."""


def main() -> None:
    """The process."""
    answer, parent, words = sys.argv[1:]
    live_and_die_with(int(parent))
    tell(int(answer), lambda hear: profile(decode(words, AskedProfile), hear))


if __name__ == "__main__":
    main()
