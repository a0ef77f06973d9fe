"""Models whose open sizes are fixed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backends.cpu import CpuBackend
from backends.litert.copies.fixed_shapes import leaves_sizes_open, write_with_shapes
from backends.litert.file.model_reader import read_model


def test_the_copy_has_the_shapes_of_the_interpreter_and_answers_the_same(
    flexible_keyword_model: Path, tmp_path: Path
) -> None:
    model, place = read_model(flexible_keyword_model), tmp_path / "fixed.tflite"
    rows = np.random.default_rng(2).integers(-128, 128, (3, 49, 10, 1)).astype(np.int8)
    backend = CpuBackend(flexible_keyword_model, threads=1, input_shapes=[(3, 49, 10, 1)])
    shapes, answer = backend.tensor_shapes(), backend.invoke([rows])[0]
    backend.close()
    assert leaves_sizes_open(model, shapes)
    write_with_shapes(model, shapes, place)
    fixed = read_model(place)
    assert fixed.main.input_tensors[0].declared_shape == (3, 49, 10, 1)
    assert not leaves_sizes_open(fixed, shapes)
    # The file as it was is left alone.
    assert read_model(flexible_keyword_model) == model
    again = CpuBackend(place, threads=1)
    np.testing.assert_array_equal(again.invoke([rows])[0], answer)
    again.close()
