"""What it costs that every query begins with the model as it was opened: a recurrent model put back, against one left alone.

    .venv/bin/python -m benchmarks state

The model is a small recurrent network for keyword spotting; runs with `--state reset` and `--state keep` take turns. The reset
comes after the answer of SingleStream, outside of its latency; in all a query, and in Offline a sample, it is inside.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from benchmarks.rows import Row, ratio, render
from benchmarks.side_by_side import Subject, harness, zoo
from harness.zoo.graph.tensors import Quantization
from harness.zoo.graph.writer import Graph

_STEPS, _FEATURES, _UNITS, _WORDS = 49, 10, 16, 12
_SAMPLES = 40
_AS_IN_ALL = ("--threads", "1", "--instances", "1", "--set", "backend.workers=threads", "--set", "backend.batch=1")
"""A model that is kept has one instance; so has the one that is put back."""


def measure(rounds: int = 5, seconds: float = 2) -> list[Row]:
    """Ratios of reset to keep, and what a reset takes by itself."""
    length = ("--preset", "rapid", "--set", f"load.min_duration_ms={seconds * 1e3:.0f}", *_AS_IN_ALL)
    p50, whole, offline, alone = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        subject = _subject(Path(folder))
        for _ in range(rounds):
            stream, many = (_both(subject, "--scenario", name, *length) for name in ("SingleStream", "Offline"))
            p50.append(tuple(one["performance"]["latency_ns"]["p50"] / 1e3 for one in stream))
            whole.append(tuple(1e6 / one["performance"]["samples_per_second"] for one in stream))
            offline.append(tuple(1e6 / one["performance"]["samples_per_second"] for one in many))
            alone.append(stream[0]["model"]["reset_ns"] / 1e3)
    return [
        Row("recurrent keywords, a reset by itself", float(np.median(alone)), "us"),
        ratio("recurrent keywords, SingleStream p50, reset against keep, us", p50, None),
        ratio("recurrent keywords, SingleStream in all a query, reset against keep, us", whole, None),
        ratio("recurrent keywords, Offline a sample, reset against keep, us", offline, None),
    ]


def _both(subject: Subject, *words: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The results of a run with the model put back, and of one with it left alone."""
    return harness(subject, *words, "--state", "reset"), harness(subject, *words, "--state", "keep")


def _subject(folder: Path) -> Subject:
    """The model with the zoo's keywords, or with noise where there is no zoo: times do not depend on them."""
    model, data = folder / "recurrent.tflite", zoo() / "datasets/kws01"
    _write_model(model)
    if not data.is_dir():
        data = folder / "keywords"
        _write_noise(data)
    return Subject("recurrent keywords", "kws", str(model), ("--dataset", str(data)))


def _write_noise(folder: Path) -> None:
    folder.mkdir()
    rng, names = np.random.default_rng(0), [f"{number:04}.bin" for number in range(_SAMPLES)]
    for name in names:
        (folder / name).write_bytes(rng.integers(-128, 128, _STEPS * _FEATURES, np.int8).tobytes())
    lines = [f"{name}, {_WORDS}, {place % _WORDS}\n" for place, name in enumerate(names)]
    (folder / "y_labels.csv").write_text("".join(lines), encoding="ascii")


def _write_model(path: Path) -> None:
    """int8 [1, 49, 10, 1] -> float [1, 12], by a recurrent layer whose state lives on from run to run."""
    rng, graph = np.random.default_rng(_STEPS), Graph("recurrent keywords")
    quantisation = Quantization.per_tensor(0.5847029089927673, 83)
    features = graph.input("features", (1, _STEPS, _FEATURES, 1), np.int8, quantisation)
    real = graph.tensor("real", features.shape, np.float32)
    graph.operator("DEQUANTIZE", [features], [real])
    rows = graph.tensor("rows", (1, _STEPS, _FEATURES), np.float32)
    graph.operator("RESHAPE", [real, graph.constant("rows/shape", np.array(rows.shape, np.int32))], [rows])
    weights = [
        graph.constant(name, (scale * rng.standard_normal(shape)).astype(np.float32))
        for name, shape, scale in (
            ("in", (_UNITS, _FEATURES), 0.02),
            ("again", (_UNITS, _UNITS), 0.3),
            ("bias", (_UNITS,), 0.1),
        )
    ]
    state, steps = (
        graph.variable("state", (1, _UNITS), np.float32),
        graph.tensor("steps", (1, _STEPS, _UNITS), np.float32),
    )
    options = schema.SequenceRNNOptionsT(fusedActivationFunction=schema.ActivationFunctionType.TANH)
    graph.operator("UNIDIRECTIONAL_SEQUENCE_RNN", [rows, *weights, state], [steps], options)
    flat = graph.tensor("flat", (1, _STEPS * _UNITS), np.float32)
    graph.operator("RESHAPE", [steps, graph.constant("flat/shape", np.array(flat.shape, np.int32))], [flat])
    read = graph.constant("read", rng.standard_normal((_WORDS, _STEPS * _UNITS)).astype(np.float32))
    scores = graph.tensor("scores", (1, _WORDS), np.float32)
    graph.operator("FULLY_CONNECTED", [flat, read, None], [scores], schema.FullyConnectedOptionsT())
    graph.output(scores)
    with path.open("wb") as file:
        graph.write(file)


if __name__ == "__main__":
    print(render(measure()))
