"""A difference in a process of its own, which a delegate or a corrupt model may take down.

`python -P -m harness.difference.child ANSWER_FD PARENT_PID ASKED` is that process.
"""

from __future__ import annotations

import sys

from harness.difference.measure import measure
from harness.difference.record import AskedDifference, DiffResult
from harness.machine.child_process import live_and_die_with
from harness.machine.json_line import decode
from harness.messages.conversation import Hear, ask, tell
from harness.model.subject import measured_unchanged


def difference(asked: AskedDifference, hear: Hear) -> DiffResult:
    """Measures in a process of its own.

    Raises:
        ConfigError: A side refuses, or the inputs cannot be drawn.
        RunFailed: The process broke, crashed, or told nothing for `backend.timeout_s`; or a file has changed meanwhile.
    """
    with measured_unchanged((asked.test, asked.reference)):
        return ask("harness.difference.child", asked, DiffResult, timeout_s=asked.test.section.timeout_s, hear=hear)


def main() -> None:
    """The process."""
    answer, parent, words = sys.argv[1:]
    live_and_die_with(int(parent))
    tell(int(answer), lambda hear: measure(decode(words, AskedDifference), hear))


if __name__ == "__main__":
    main()
