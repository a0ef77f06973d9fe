"""Models that end early, and models whose sizes are fixed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backends.cpu import CpuBackend
from backends.litert.copies.cut import write_cut
from backends.litert.file.model_reader import read_model

PICTURE = np.random.default_rng(3).normal(size=(1, 32, 32, 3)).astype(np.float32)


def test_a_cut_model_gives_what_the_operator_made(adds_model: Path, tmp_path: Path) -> None:
    place = tmp_path / "cut.tflite"
    write_cut(read_model(adds_model), 1, place)
    cut = read_model(place)
    assert [operator.name for operator in cut.main.operators] == ["ADD", "AVERAGE_POOL_2D"]
    assert [tensor.name for tensor in cut.main.output_tensors] == ["mean"]
    assert cut.signatures == ()
    backend = CpuBackend(place, threads=1)
    (mean,) = backend.invoke([PICTURE])
    tint = np.array([0.1, -0.2, 0.3], np.float32)
    np.testing.assert_allclose(mean.reshape(3), (PICTURE + tint).mean(axis=(0, 1, 2)), rtol=1e-4, atol=1e-6)
    backend.close()


def test_a_cut_after_the_last_operator_is_the_model(adds_model: Path, tmp_path: Path) -> None:
    place = tmp_path / "whole.tflite"
    write_cut(read_model(adds_model), 4, place)
    answers = []
    for path in (adds_model, place):
        backend = CpuBackend(path, threads=1)
        answers.append(backend.invoke([PICTURE])[0])
        backend.close()
    np.testing.assert_array_equal(answers[0], answers[1])
