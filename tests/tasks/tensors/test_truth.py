"""What a model should answer, from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accuracy.answers.arrays import Output
from tasks.base import DataMissing
from tasks.tensors.truth import ExpectedOutputs

Y = Output("y", np.zeros((1, 3), np.float32))
Z = Output("z", np.zeros((1, 2), np.int8), 0.5)


def test_a_file_a_sample_names_the_outputs_and_may_leave_out_the_batch_and_some_of_them(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", z=np.array([1, 2], np.int8), y=np.ones((1, 3)))
    np.savez(tmp_path / "b.npz", y=np.ones(3))
    np.savez(tmp_path / "c.npz", np.ones((1, 3)), np.ones((1, 2)))
    truth = ExpectedOutputs(tmp_path, ("a", "b", "c"))
    truth.check()
    assert {place: array.tolist() for place, array in truth.of(0, [Y, Z]).items()} == {0: [[1, 1, 1]], 1: [[1, 2]]}
    assert list(truth.of(1, [Y, Z])) == [0]
    assert sorted(truth.of(2, [Y, Z])) == [0, 1]


def test_one_output_may_be_a_npy_file(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((1, 3)))
    truth = ExpectedOutputs(tmp_path, ("a",))
    assert truth.of(0, [Y])[0].shape == (1, 3)
    with pytest.raises(DataMissing, match="is one array, but the model has 2 outputs"):
        truth.of(0, [Y, Z])


def test_a_sample_without_truth_another_output_or_another_shape_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", w=np.ones((1, 3)))
    np.savez(tmp_path / "b.npz", y=np.ones((1, 4)))
    with pytest.raises(DataMissing, match="has no file for 1 of the samples: c"):
        ExpectedOutputs(tmp_path, ("a", "b", "c"))
    truth = ExpectedOutputs(tmp_path, ("a", "b"))
    with pytest.raises(DataMissing, match="holds 'w', which is none of the model's outputs: 'y'"):
        truth.of(0, [Y])
    with pytest.raises(
        DataMissing, match=r"answered float32 \[1, 3\] at its output y, but float64 \[1, 4\] was expected"
    ):
        truth.of(1, [Y])
    with pytest.raises(DataMissing, match="no ground truth at"):
        ExpectedOutputs(tmp_path / "nowhere", ("a",))
