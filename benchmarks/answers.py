"""What becomes of a model's output on its way to LoadGen, against the model: the same bytes in both modes must cost little.

    .venv/bin/python -m benchmarks answers

The model runs on one thread, and its answer is made of the output that it has just written, as in a query. The two are timed in
turns, by the thread's own CPU time: whoever else uses the machine counts for neither. (A reading of that clock may take
microseconds, which count against the answer.) Beside the median stands the dearest round, where memory that is new to the
process would show. Only models and data of the zoo (TFLITE_LOADGEN_ZOO) that are here are measured.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from backends.cpu import CpuBackend
from benchmarks.rows import Row, render
from benchmarks.side_by_side import zoo
from tasks.base import DataRef, Task
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions
from tasks.codecs.segmentation import SegmentationOptions
from tasks.codecs.super_resolution import SuperResolutionOptions
from tasks.segmentation import Segmentation
from tasks.super_resolution import SuperResolution

_TARGET_PERCENT = 0.5
_MODELS = "models/mlperf_mobile"
_PICTURES = "datasets/mlperf_mobile/v0_7_datasets_imagenet_tiny.zip"
_ROOMS = "datasets/ade20k_sample/images"
_SMALL = "datasets/mlperf_mobile/v3_1_datasets_snusr_lr_png_tiny.zip"


def measure(rounds: int = 15) -> list[Row]:
    """For each model the share of its time that the answer takes."""
    return [_row(name, task, model, rounds) for name, task, model in _subjects()]


def _subjects() -> Iterator[tuple[str, Task, Path]]:
    def here(data: str, model: str) -> Path | None:
        path = zoo() / _MODELS / model
        return path if path.is_file() and (zoo() / data).exists() else None

    if model := here(_PICTURES, "mobilenet_edgetpu_224_1.0_uint8.tflite"):
        options = ClassificationOptions(num_classes=1000)
        yield "MobileNetEdgeTPU uint8, five labels", Classification(DataRef(zoo() / _PICTURES), options), model
    for name, file in (
        ("DeepLab int8", "deeplabv3_mnv2_ade20k_int8"),
        ("MOSAIC", "mobile_segmenter_r4_quant_argmax_uint8"),
    ):
        if model := here(_ROOMS, f"{file}.tflite"):
            rooms = Segmentation(DataRef(zoo() / _ROOMS), SegmentationOptions(num_classes=32))
            yield f"{name}, a class map of 512x512 in runs", rooms, model
    for name, file in (("int8", "edsr_f32b5_full_qint8"), ("float32", "edsr_f32b5_fp32")):
        if model := here(_SMALL, f"{file}.tflite"):
            small = SuperResolution(DataRef(zoo() / _SMALL, count=1), SuperResolutionOptions())
            yield f"EDSR {name}, a picture of 1080x1920", small, model


def _row(name: str, task: Task, model: Path, rounds: int) -> Row:
    backend = CpuBackend(model, threads=1)
    codec = task.codec(backend.inputs, backend.outputs)
    sample, run, answer = codec.preprocess(0), backend.runner(), codec.answerer()
    model_ns, answer_ns = [], []
    for _ in range(rounds + 1):
        began = time.thread_time_ns()
        outputs = run(sample)
        ran = time.thread_time_ns()
        answer(outputs)
        answered = time.thread_time_ns()
        model_ns.append(ran - began)
        answer_ns.append(answered - ran)
    # The first round warms up.
    whole_ns, own_ns = statistics.median(model_ns[1:]), statistics.median(answer_ns[1:])
    dearest = 100 * max(answer_ns[1:]) / whole_ns
    beside = f"{own_ns / 1e3:,.1f} us : {whole_ns / 1e6:,.1f} ms, dearest {dearest:.2f} %"
    return Row(f"{name}, against the model", 100 * own_ns / whole_ns, "%", _TARGET_PERCENT, beside=beside)


if __name__ == "__main__":
    print(render(measure()))
