"""How long scoring takes, from the accuracy log to the figure, and how much memory it needs.

Each is held against the least that can be done with the log: Python's own JSON reader and every answer's bytes. Targets: top-1
of 50,000 in 30 times that, mIoU of 2,000 maps of 512x512 and F1 of 10,833 windows in 60 times. COCO AP has a measurement
of its own, `benchmarks.coco_ap`.
"""

from __future__ import annotations

import dataclasses
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from accuracy.answers.grids import pack_class_map, unpack_class_map
from accuracy.answers.log import Answer, read_answers, write_rows
from accuracy.answers.wire import pack_labels, pack_logits, unpack_labels
from accuracy.mean_iou import MeanIoU
from accuracy.topk import TopK
from benchmarks.rows import Row, ratio, render
from benchmarks.side_by_side import zoo
from tasks.base import DataRef
from tasks.codecs.question_answering import QuestionAnsweringOptions
from tasks.question_answering import QuestionAnswering

_PICTURES, _MAPS, _SIDE = 50_000, 2_000, 512


def measure() -> list[Row]:
    """Seconds against the log read, with the log's size and the peak memory so far beside them."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            _timed("top-1 of 50,000", 30, _top1, Path(folder) / "top1.json"),
            _timed("mIoU of 2,000 maps", 60, _mean_iou, Path(folder) / "maps.json"),
        ]
        if (zoo() / "datasets/squad/squad_eval.tfrecord").is_file():
            rows.append(_timed("F1 of 10,833 windows", 60, _f1, Path(folder) / "logits.json"))
    return rows


def _timed(name: str, target: float, prepare: Callable[[Path], Callable[[], None]], log: Path) -> Row:
    score = prepare(log)
    seconds = _took_s(score)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    against = ratio(f"{name} against its log read, s", [(seconds, _took_s(lambda: _read(log)))], target)
    beside = f"{against.beside}; log {log.stat().st_size / 1e6:.1f} MB, peak memory {peak_mb:.0f} MB"
    return dataclasses.replace(against, beside=beside)


def _took_s(what: Callable[[], object]) -> float:
    begin = time.perf_counter()
    what()
    return time.perf_counter() - begin


def _read(log: Path) -> None:
    for entry in json.loads(log.read_bytes()):
        bytes.fromhex(entry["data"])


def _top1(log: Path) -> Callable[[], None]:
    labels = np.random.default_rng(0).integers(0, 1000, (_PICTURES, 5))
    write_rows(log, (Answer(index, pack_labels(row)) for index, row in enumerate(labels)))

    def score() -> None:
        metric = TopK((1, 5))
        for index, data in read_answers(log, _PICTURES):
            metric.update(unpack_labels(data, 1000), labels[index, 0])
        metric.compute()

    return score


def _mean_iou(log: Path) -> Callable[[], None]:
    rng = np.random.default_rng(0)
    # Rectangles of classes: as many borders as a class map of a room has.
    maps = [np.kron(rng.integers(0, 32, (16, 16)), np.ones((32, 32))).astype(np.uint8) for _ in range(20)]
    packed = [pack_class_map(one) for one in maps]
    write_rows(log, (Answer(index, packed[index % len(packed)]) for index in range(_MAPS)))

    def score() -> None:
        metric = MeanIoU()
        for index, data in read_answers(log, _MAPS):
            metric.update(unpack_class_map(data), maps[(index + 1) % len(maps)])
        metric.compute()

    return score


def _f1(log: Path) -> Callable[[], None]:
    data = DataRef(zoo() / "datasets/squad/squad_eval.tfrecord")
    task = QuestionAnswering(data, QuestionAnsweringOptions())
    rng = np.random.default_rng(0)

    def answers() -> Iterator[Answer]:
        for index in range(len(task)):
            start, end = rng.standard_normal((2, 384)).astype(np.float32)
            yield Answer(index, pack_logits(start, end))

    write_rows(log, answers())
    task.check_truth()

    def score() -> None:
        task.score(read_answers(log, len(task)))

    return score


if __name__ == "__main__":
    print(render(measure()))
