"""From scores to a logged label, quickly: what the tasks that name one class share. Post-processing is timed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from accuracy.answers.log import Answer, Sample
from accuracy.answers.wire import LabelDtype, pack_labels, unpack_labels
from native import answers as in_c
from native import timed_path
from tasks.base import Array, Layout, ModelMismatch, Postprocess, Tensor
from tasks.outputs.exhibits import Exhibit, Exhibition, Named, UInt8Array, worst_named

_SCORE_TYPES = ("float32", "float16", "int8", "uint8", "int16")


LABEL_LAYOUTS: Mapping[Layout, Mapping[str, Any]] = {
    "reference": {"log_dtype": "float32"},
    "mobile": {"log_dtype": "int32"},
}
"""INF vision/.../dataset.py logs float32 labels, MA flutter/cpp/datasets/imagenet.cc int32."""


def exhibit_labels(
    samples: Iterable[Named],
    most: int,
    names: Sequence[str],
    name_of: Callable[[int], str],
    picture: Callable[[int], UInt8Array | None] | None = None,
) -> Exhibition:
    """The worst samples, and which class was taken for which.

    Args:
        samples: All that were answered.
        most: So many are shown.
        names: Of the samples.
        name_of: Of a label.
        picture: The sample of an index, RGB; None where samples are no pictures.
    """
    worst, judged, confused = worst_named(samples, most)
    exhibits = tuple(
        Exhibit(
            names[one.index],
            one.quality,
            ", then ".join(name_of(label) for label in one.said),
            name_of(one.truth),
            picture=picture(one.index) if picture else None,
        )
        for one in worst
    )
    pairs = {(name_of(right), name_of(said)): times for (right, said), times in confused.items()}
    return Exhibition(exhibits, judged, pairs)


def rewrite_labels(
    answers: Iterable[Answer], class_count: int, dtype: LabelDtype, target: LabelDtype
) -> Iterator[Answer]:
    """Logged labels in another type; only the best one, as other harnesses log no more."""
    for index, data in answers:
        with Sample(index):
            labels = unpack_labels(data, class_count, dtype)
        yield Answer(index, pack_labels(labels[:1], target))


def score_count(outputs: Sequence[Tensor]) -> int:
    """The number of scores of a model with one output: all its axes but one are 1, as in [1, n], [1, n, 1, 1] and [n].

    Raises:
        ModelMismatch: More than one output, more than one sample, or not scores.
    """
    if len(outputs) != 1:
        raise ModelMismatch(f"a classifier has 1 output, but the model has {len(outputs)}: {_names(outputs)}")
    output = outputs[0]
    count = int(np.prod(output.shape, dtype=np.int64))
    if not output.shape or max(output.shape) != count or output.dtype.name not in _SCORE_TYPES:
        raise ModelMismatch(
            f"output {output.name} is {output.dtype} {list(output.shape)}, but a classifier gives [1, classes] scores "
            f"of one of the types {', '.join(_SCORE_TYPES)}"
        )
    return count


def only_input(inputs: Sequence[Tensor]) -> Tensor:
    """The model's one input.

    Raises:
        ModelMismatch: There are more.
    """
    if len(inputs) != 1:
        raise ModelMismatch(f"a classifier has 1 input, but the model has {len(inputs)}: {_names(inputs)}")
    return inputs[0]


def scores_of(raw: Array, tensor: Tensor) -> Array:
    """A model's scores for one sample, dequantised, float64 [n]."""
    flat = raw.reshape(-1).astype(np.float64)
    return (flat - tensor.zero_point) * tensor.scale if tensor.scale else flat


class BestLabel:
    """Logs the class of the highest score; the lowest class where scores tie. About 0.2 us."""

    __slots__ = ("_answers", "_offset")

    def __init__(self, class_count: int, offset: int, dtype: LabelDtype) -> None:
        """Packs every answer there can be.

        Args:
            class_count: Without the classes dropped.
            offset: How many of the model's first classes are dropped (1 for a background class).
            dtype: The logged type.
        """
        self._answers = tuple(pack_labels([max(0, index - offset)], dtype) for index in range(offset + class_count))
        self._offset = offset

    def answer(self, outputs: Sequence[Array]) -> bytes:
        """The packed label.

        Args:
            outputs: The model's one output for one sample, of any shape.
        """
        return self.answerer()(outputs)

    def answerer(self) -> Postprocess:
        """`answer` for one backend and one thread, quicker where that answers in the same array every time."""
        in_python = self.answerer_in_python()
        if timed_path is None:
            return in_python
        in_c: Postprocess = timed_path.BestLabel(self._answers, self._offset, otherwise=in_python)
        return in_c

    def answerer_in_python(self) -> Postprocess:
        """The same where there is no C, and for what C does not look at: float16, and arrays that are not in one piece."""
        answers, offset = self._answers, self._offset
        held: Array | None = None
        flat: Array

        def answer(outputs: Sequence[Array]) -> bytes:
            nonlocal held, flat
            scores = outputs[0]
            if scores is not held:
                # Of one dimension the best is found in half the time. A view, unless the array is not in one piece.
                flat = scores.ravel()
                held = scores if scores.flags.c_contiguous else None
            best = flat.argmax()
            if best < offset:
                best = flat[offset:].argmax() + offset
            return answers[best]

        return answer


class BestLabels:
    """Logs the classes of the k highest scores, best first, ties as in `BestLabel`. About a microsecond for 1,000 classes."""

    __slots__ = ("_count", "_dtype", "_offset", "_type")

    def __init__(self, count: int, offset: int, dtype: LabelDtype) -> None:
        """As `BestLabel`; `count` is k."""
        self._count = count
        self._offset = offset
        self._dtype: LabelDtype = dtype
        self._type = {"float32": "f", "int32": "i", "int64": "q"}[dtype]

    def answer(self, outputs: Sequence[Array]) -> bytes:
        """The packed labels."""
        return self.answerer()(outputs)

    def answerer(self) -> Postprocess:
        """`answer`, for a backend and a thread: nothing is remembered."""
        if in_c is None:
            return self.answer_in_python
        in_python, best, rest = self.answer_in_python, in_c.best_labels, (self._count, self._offset, self._type)

        def answer(outputs: Sequence[Array]) -> bytes:
            found: bytes | None = best(outputs[0], *rest)
            return in_python(outputs) if found is None else found

        return answer

    def answer_in_python(self, outputs: Sequence[Array]) -> bytes:
        """The same where there is no C, and for what C does not look at: float16, NaN, and arrays that are not in one piece."""
        kept = outputs[0].reshape(-1)[self._offset :].astype(np.float64)
        return pack_labels(np.argsort(-kept, kind="stable")[: self._count], self._dtype)


def _names(tensors: Sequence[Tensor]) -> str:
    return ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in tensors)
