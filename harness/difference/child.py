"""A difference in a process of its own, which a delegate or a corrupt model may take down.

`python -P -m harness.difference.child ANSWER_FD PARENT_PID ASKED` is that process.
"""

from __future__ import annotations

import sys

from backends.litert.without_xnnpack import OPTION
from harness.difference.measure import measure
from harness.difference.record import AskedDifference, DiffResult
from harness.errors import HarnessError, ModelCrashed
from harness.machine.child_process import live_and_die_with
from harness.machine.json_line import decode
from harness.messages.conversation import Hear, ask, tell
from harness.model.subject import measured_unchanged
from harness.spec.trial import WithoutXnnpack, has_xnnpack, try_on_cpu, without_xnnpack

_REFERENCE_WITHOUT = "use --reference builtin (in a budget's row, reference: builtin)"


def difference(asked: AskedDifference, hear: Hear) -> DiffResult:
    """Measures in a process of its own.

    Raises:
        ConfigError: A side refuses, or runs without XNNPACK alone; or the inputs cannot be drawn.
        RunFailed: The process broke, crashed, or told nothing for `backend.timeout_s`; or a file has changed meanwhile.
    """
    with measured_unchanged((asked.test, asked.reference)):
        try:
            return ask("harness.difference.child", asked, DiffResult, timeout_s=asked.test.section.timeout_s, hear=hear)
        except ModelCrashed as crash:
            raise _with_remedies(crash, asked) from None


def _with_remedies(crash: HarnessError, asked: AskedDifference) -> HarnessError:
    """The crash with what each side does without XNNPACK that XNNPACK takes down.

    One process runs both, so that it does not tell which of them it was.
    """
    found: list[WithoutXnnpack] = []
    for side, whose, how in ((asked.test, "the model", OPTION), (asked.reference, "the reference", _REFERENCE_WITHOUT)):
        if has_xnnpack(side.section) and try_on_cpu(side, side.held, xnnpack=True).why_not is not None:
            found.append(without_xnnpack(side, side.held, how, whose))
    if not found:
        return crash
    return WithoutXnnpack(all(each.runs for each in found), "\n".join(each.said for each in found)).told_of(crash)


def main() -> None:
    """The process."""
    answer, parent, words = sys.argv[1:]
    live_and_die_with(int(parent))
    tell(int(answer), lambda hear: measure(decode(words, AskedDifference), hear))


if __name__ == "__main__":
    main()
