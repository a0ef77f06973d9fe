"""What is told of a log that a cluster judges: the command's side and the driver's, the driver's and the actors'."""

from __future__ import annotations

from dataclasses import dataclass

from harness.messages.failure import Failed


@dataclass(frozen=True, slots=True)
class LogToJudge:
    """To the driver: a run's log, and where its tally goes."""

    folder: str
    """The run's directory."""
    dispatch: str
    """The cluster, as `dispatch.use` names it."""
    into: str
    """The file that the tally is written to."""


@dataclass(frozen=True, slots=True)
class LogJudged:
    """From the driver: the tally is there, or an answer cannot be judged."""

    nodes: int
    actors: int
    parts: int
    """Of the log."""
    given_again: int
    """Parts whose actor was gone, so that another judged them."""
    warnings: tuple[str, ...] = ()
    problem: Failed | None = None
    """Of the first answer in the log that has one."""


@dataclass(frozen=True, slots=True)
class Truth:
    """From an actor: it has the run's task open."""

    samples: int
    """Of the whole set."""
    data: str
    """SHA-256 over what the samples are called: see `harness.serving.cluster.on_nodes.resident.data_of`."""
    truth: str
    """SHA-256 over all that is read as a whole, the ground truth among it."""
