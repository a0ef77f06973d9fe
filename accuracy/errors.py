"""The errors of the audit. `accuracy.answers.log.LogError` speaks of the log, `TruthError` of what it is held against."""

from __future__ import annotations


class TruthError(Exception):
    """A ground truth that is absent, corrupt or does not belong. The user must fix it: exit status 2."""

    exit_status = 2


class MetricUnusable(Exception):  # noqa: N818 - it says what it is
    """A metric of the user's own that is not installed, or breaks. The user must fix it: exit status 2."""

    exit_status = 2
