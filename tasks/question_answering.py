"""Question answering on SQuAD v1.1: where in a text does the answer start, and where does it end?

A sample is one window of 384 tokens. Tokenising is untimed; the answer to a query is the window's start and end logits,
which scoring turns into text (MO rules, "Pre- and post-processing"; MA flutter/cpp/datasets/squad.cc).
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, get_args

from accuracy import squad_f1
from accuracy.answers.log import Answer, Answers, LogError, Sample
from accuracy.answers.spans import BestAnswers
from accuracy.answers.wire import LogitDtype, LogitLayout, pack_logits, unpack_logits
from accuracy.metric.score import Score
from accuracy.metric.tally import Tally
from accuracy.truth.squad import SquadTruth
from tasks.base import Codec, DataMissing, DataRef, Reading, Tensor
from tasks.codecs.question_answering import AskedQuestions, QuestionAnsweringOptions, WindowCodec, window_shapes
from tasks.in_parts import InParts
from tasks.outputs.exhibits import Exhibit, Exhibition
from tasks.sets.digests import StoredSamples
from tasks.sets.hub import is_hub_name, read_hub_questions
from tasks.text.record_windows import RecordWindows
from tasks.text.squad_files import find_data, find_vocabulary
from tasks.text.text_windows import TextWindows
from tasks.text.truth_of_windows import WordsOf, refuse_foreign_truth, truth_of_windows, words_for
from tasks.text.windows import Windows
from tasks.text.wordpiece import WordPiece

_SHOWN = 5
_ORDERS: Mapping[LogitLayout, str] = {"reference": "interleaved", "mobile": "transposed"}
"""How start and end logits lie in a log: in pairs, or all of one after all of the other."""


class QuestionAnswering(InParts):
    """Bound to windows from a tfrecord, or to questions from SQuAD's JSON or a Hugging Face data set (tasks.sets.hub).

    `count` keeps the first windows, as MLPerf's mini set is the first 100. A question counts as soon as one of its
    windows is kept; its other windows are then not seen, so that its answer may lie out of reach.
    """

    Options = QuestionAnsweringOptions
    headline = "f1"
    metrics = ("f1", "exact_match", "f1_mobile")
    layouts = MappingProxyType({"reference": {"layout": "reference"}, "mobile": {"layout": "mobile"}})

    def __init__(self, data: DataRef, options: QuestionAnsweringOptions) -> None:
        """Finds the windows.

        Raises:
            DataMissing: No data, more than one candidate, a file that is corrupt, or a vocabulary that is missing.
        """
        self._options = options
        self._data = data
        path = data.path if is_hub_name(data.path) else find_data(data.path)
        self._own_questions = read_hub_questions(path) if is_hub_name(path) else None
        self._vocabulary: Path | None = None
        self._windows: Windows
        if self._own_questions is None and path.suffix == ".tfrecord":
            self._windows = RecordWindows(path, options.max_seq_length, data.count)
        else:
            self._vocabulary = find_vocabulary(path, options.vocab)
            self._windows = TextWindows(
                path,
                WordPiece(self._vocabulary),
                sequence=options.max_seq_length,
                doc_stride=options.doc_stride,
                max_query_length=options.max_query_length,
                count=data.count,
                questions=self._own_questions,
            )

    def __len__(self) -> int:
        """Number of windows."""
        return len(self._windows)

    def codec(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Codec:
        """Binds the model's tensors by name. The logits are the answer.

        Raises:
            ModelMismatch: Tensors that cannot be told apart, or of another shape or type.
        """
        return WindowCodec(self._windows, self._asked, self._options, inputs, outputs)

    def input_shapes(self, inputs: Sequence[Tensor]) -> Sequence[tuple[int, ...]] | None:
        """[1, sequence] for a model exported without a fixed length, whose inputs show as [1, 1]; else None."""
        return window_shapes(inputs, self._windows.sequence)

    def check_truth(self) -> None:
        """Loads the ground truth and holds it against every question, those behind a count too.

        Raises:
            DataMissing: No ground truth, or one that lacks questions of this set or the words of their contexts.
        """
        refuse_foreign_truth(self._windows, *self._matching_truth)

    def tally(self, answers: Iterable[Answer]) -> Tally:
        """As `InParts.tally`: the best answer of each question in these windows (`BestAnswers.tally`).

        Raises:
            LogError: An answer is not what `wire.pack_logits` writes.
        """
        return self._best(answers, self._options.layout, self._options.log_dtype).tally()

    def figures(self, tally: Tally) -> Score:
        """`f1`, `exact_match` and `f1_mobile` over the questions of this set, as fractions of 1.

        A question counts where any of its windows is in the set. One without a valid answer scores 0, and so does one
        whose context gives no window at all; a note says how many there are, and how many the truth has beyond the set.

        Raises:
            DataMissing: As `check_truth`.
        """
        best = self._no_answers()
        best.add(tally)
        return self._score(best).with_notes(self._notes(self._truth))

    def chance(self) -> float:
        """As `Task.chance`: answers of another question have a word or two in common."""
        return 0.2

    def readings(self, answers: Answers) -> Iterator[Reading]:
        """As `Task.readings`: logits in each other order and type, and start and end exchanged."""
        del answers
        own = (self._options.layout, self._options.log_dtype, False)
        for layout, dtype, exchanged in itertools.product(get_args(LogitLayout), get_args(LogitDtype), (False, True)):
            if (layout, dtype, exchanged) == own:
                continue
            words, meaning = list[str](), list[str]()
            if (layout, dtype) != own[:2]:
                words.append(f"{_ORDERS[layout]} logits of {dtype}")
                meaning.append(
                    f"the log was written so: --set model.layout={layout} --set model.log_dtype={dtype} scores it"
                )
            if exchanged:
                words.append("start and end logits exchanged")
                meaning.append("the model's outputs were taken for each other: name them with the option outputs")
            score = partial(self._f1, layout=layout, dtype=dtype, exchanged=exchanged)
            yield Reading(" and ".join(words), "; ".join(meaning), score)

    def _f1(
        self, answers: Iterable[Answer], layout: LogitLayout, dtype: LogitDtype, *, exchanged: bool = False
    ) -> float:
        return self._score(self._best(answers, layout, dtype, exchanged=exchanged))["f1"]

    def _score(self, best: BestAnswers) -> Score:
        truth, words_of = self._matching_truth
        return squad_f1.score(best.texts(words_of), {qas_id: truth.answers[qas_id] for qas_id in self._questions})

    def _no_answers(self) -> BestAnswers:
        return BestAnswers(n_best=self._options.n_best, max_answer_length=self._options.max_answer_length)

    def _best(
        self, answers: Iterable[Answer], layout: LogitLayout, dtype: LogitDtype, *, exchanged: bool = False
    ) -> BestAnswers:
        """The best answer of each question."""
        best = self._no_answers()
        for index, data in answers:
            if index >= len(self._windows):
                raise LogError(f"an answer for sample {index}; the data set has {len(self._windows)} windows")
            window = self._windows.window(index)
            with Sample(index):
                start, end = unpack_logits(data, self._windows.sequence, layout, dtype, tokens=len(window.tokens))
            best.update(index, window, *((end, start) if exchanged else (start, end)))
        return best

    def exhibits(self, answers: Iterable[Answer], most: int) -> Exhibition:
        """As `Task.exhibits`: answers beside the right ones, by F1."""
        truth, words_of = self._matching_truth
        found = self._best(answers, self._options.layout, self._options.log_dtype).texts(words_of)
        said = {qas_id: found.get(qas_id, "") for qas_id in self._questions}
        quality = {qas_id: squad_f1.f1(text, truth.answers[qas_id]) for qas_id, text in said.items()}
        worst = sorted(self._questions, key=lambda qas_id: quality[qas_id])[:most]
        exhibits = (
            Exhibit(
                qas_id, quality[qas_id], said[qas_id] or "no answer", " or ".join(dict.fromkeys(truth.answers[qas_id]))
            )
            for qas_id in worst
        )
        return Exhibition(tuple(exhibits), len(said))

    def rewrite(self, answers: Iterable[Answer], target: Self) -> Iterator[Answer]:
        """As `Task.rewrite`."""
        source, wanted = self._options, target._options
        for index, data in answers:
            with Sample(index):
                tokens = len(self._windows.window(index).tokens)
                start, end = unpack_logits(data, self._windows.sequence, source.layout, source.log_dtype, tokens=tokens)
            yield Answer(index, pack_logits(start, end, wanted.layout, wanted.log_dtype))

    def sample_names(self) -> Sequence[str]:
        """As `Task.sample_names`: the question's id, which all its windows share."""
        return [self._windows.window(index).qas_id for index in range(len(self._windows))]

    def describe_data(self) -> Mapping[str, Any]:
        """Windows, questions, and where they are from."""
        return {
            "count": len(self._windows),
            "questions": len(self._questions),
            "questions_without_window": len(self._windows.without_window()),
            "source": str(self._windows.path),
            "truth": str(self._truth.path),
            "max_seq_length": self._windows.sequence,
        }

    def stored_samples(self) -> StoredSamples | None:
        """As `Task.stored_samples`: the questions of a Hugging Face data set; others lie in one file."""
        return self._asked

    def files(self) -> Sequence[Path]:
        """As `Task.files`: the windows or SQuAD's JSON, the vocabulary, and the ground truth where there is any."""
        found = [] if self._own_questions is not None else [self._windows.path]
        if self._vocabulary is not None:
            found.append(self._vocabulary)
        with contextlib.suppress(DataMissing):
            found.append(self._truth.path)
        return [path for path in dict.fromkeys(found) if not is_hub_name(path)]

    @cached_property
    def _asked(self) -> AskedQuestions | None:
        return None if self._own_questions is None else AskedQuestions(self._windows, self._own_questions)

    @cached_property
    def _questions(self) -> list[str]:
        return self._windows.questions()

    def _notes(self, truth: SquadTruth) -> list[str]:
        """What the set leaves out, or counts without having asked it."""
        notes = []
        if unseen := self._windows.without_window():
            notes.append(
                f"{len(unseen):,} of {len(self._questions):,} questions have a context of which no token is left, so that no "
                f"model is asked them: they count as 0, as in SQuAD's own evaluation ({', '.join(unseen[:_SHOWN])}"
                f"{', ...' if len(unseen) > _SHOWN else ''})"
            )
        beyond = len(truth.answers.keys() - self._questions)
        if beyond and self._data.count is None:
            notes.append(
                f"{beyond:,} of the {len(truth.answers):,} questions of {truth.path.name} have no window in "
                f"{self._windows.path.name}: they are not asked and do not count"
            )
        return notes

    @cached_property
    def _truth(self) -> SquadTruth:
        return truth_of_windows(self._windows, self._data.truth, self._own_questions)

    @cached_property
    def _matching_truth(self) -> tuple[SquadTruth, WordsOf]:
        return self._truth, words_for(self._truth, self._windows, self._questions)
