"""SQuAD as windows that a model can take: read from MLPerf's tfrecords, or cut from the official JSON.

A window is [CLS] question [SEP] piece of the context [SEP], padded. Contexts too long for one window are seen through
several that overlap, as in BERT's run_squad.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy.typing as npt

from accuracy.answers.spans import Window

Array = npt.NDArray[Any]


class Inputs(NamedTuple):
    """What a window shows the model, each integer [sequence]."""

    input_ids: Array
    input_mask: Array
    segment_ids: Array


class Windows(ABC):
    """All windows of a data set, in its order; those of one question follow each other."""

    path: Path
    sequence: int
    """Tokens of every window, padding included."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of windows."""

    @abstractmethod
    def qas_id(self, index: int) -> str:
        """The question that a window belongs to."""

    @abstractmethod
    def inputs(self, index: int) -> Inputs:
        """The model's view of a window.

        Raises:
            DataMissing: The record cannot be read, or is of another length than the model's sequence.
        """

    @abstractmethod
    def window(self, index: int) -> Window:
        """The scorer's view of a window.

        Raises:
            DataMissing: The record cannot be read.
        """

    def questions(self) -> list[str]:
        """The questions that are asked here, in order, each once."""
        return list(dict.fromkeys(self.qas_id(index) for index in range(len(self))))

    def without_window(self) -> Sequence[str]:
        """Those of `questions` that no window shows to a model, since nothing of their context is left as tokens."""
        return ()

    @abstractmethod
    def behind(self) -> Iterator[tuple[str, int]]:
        """Of what a count leaves out: each question, and the last word of its context that is spoken of.

        Raises:
            DataMissing: It cannot be read.
        """
