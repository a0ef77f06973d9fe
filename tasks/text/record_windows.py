"""SQuAD's windows ready-made: MLPerf's tfrecords, one window a record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from accuracy.answers.spans import Window
from accuracy.errors import TruthError
from accuracy.records.example import Example
from accuracy.records.tfrecord import Records
from tasks.base import DataMissing
from tasks.text.windows import Inputs, Windows


class RecordWindows(Windows):
    """Windows ready-made: MLPerf's squad_eval*.tfrecord, one window a record."""

    def __init__(self, path: Path, sequence: int, count: int | None = None) -> None:
        """Opens the file and finds its records; they are parsed when they are asked for.

        Raises:
            DataMissing: The file is absent, corrupt, or holds no windows.
        """
        self.path = path
        self.sequence = sequence
        try:
            self._records = Records(path)
        except TruthError as error:
            raise DataMissing(str(error)) from None
        self._count = min(len(self._records), count or len(self._records))
        first = self._example(0)
        if "input_ids" not in first.names():
            raise DataMissing(
                f"{path} holds no windows: its records have {', '.join(first.names())}, not input_ids."
                " A ground truth is named with --truth."
            )
        self.inputs(0)

    def __len__(self) -> int:
        return self._count

    def qas_id(self, index: int) -> str:
        """The question that a window belongs to."""
        try:
            return self._example(index).text("qas_id")
        except TruthError as error:
            raise DataMissing(str(error)) from None

    def inputs(self, index: int) -> Inputs:
        """The record's own ids, mask and segments."""
        try:
            example = self._example(index)
            inputs = Inputs(*(example.ints(name) for name in Inputs._fields))
        except TruthError as error:
            raise DataMissing(str(error)) from None
        for name, values in inputs._asdict().items():
            if len(values) != self.sequence:
                raise DataMissing(
                    f"{self._records.name(index)} has {len(values)} {name}, but max_seq_length is {self.sequence}."
                    " Windows in a tfrecord have the length they were made with."
                )
        return inputs

    def window(self, index: int) -> Window:
        """The record's own tokens and maps."""
        try:
            example = self._example(index)
            tokens = example.texts("tokens")
            words, is_max = (example.ints(name) for name in ("token_to_orig_map", "token_is_max_context"))
            qas_id = example.text("qas_id")
        except TruthError as error:
            raise DataMissing(str(error)) from None
        if len(words) != len(is_max) or not 0 < len(words) < len(tokens) <= self.sequence:
            raise DataMissing(
                f"{self._records.name(index)} contradicts itself: {len(tokens)} tokens, {len(words)} of them mapped to"
                f" words, {len(is_max)} marked for context"
            )
        return Window(qas_id, tokens, words, is_max != 0)

    def behind(self) -> Iterator[tuple[str, int]]:
        """Window by window, so that a question may come again."""
        for index in range(self._count, len(self._records)):
            # Not as `window`: the tokens, which are most of a record, are nobody's there.
            try:
                example = self._example(index)
                words, qas_id = example.ints("token_to_orig_map"), example.text("qas_id")
            except TruthError as error:
                raise DataMissing(str(error)) from None
            if not len(words):
                raise DataMissing(f"{self._records.name(index)} contradicts itself: no token is mapped to a word")
            yield qas_id, int(words.max())

    def _example(self, index: int) -> Example:
        return Example(self._records[index], self._records.name(index))
