"""What a model is fed: files of arrays, random ones, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import TensorSpec
from tasks.base import DataMissing
from tasks.tensors.random_inputs import InputRange
from tasks.tensors.samples import RANDOM_COUNT, RandomSamples, StoredArrays

X = TensorSpec("x", (1, 3), np.dtype(np.float32))
Y = TensorSpec("y", (1, 2), np.dtype(np.int8), 0.5, 1)


def save(folder: Path, name: str, **arrays: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / name, **arrays)
    return folder


def test_npz_files_are_samples_by_input_name_in_the_order_of_their_names(tmp_path: Path) -> None:
    for place, name in enumerate(("b", "a")):
        save(tmp_path, f"{name}.npz", y=np.array([[place, 2]], np.int8), x=np.full((1, 3), place, np.float32))
    samples = StoredArrays(tmp_path, None)
    assert samples.names == ("a", "b")
    prepared = samples.prepared(0, [X, Y])
    assert [array.tolist() for array in prepared.inputs] == [[[1.0, 1.0, 1.0]], [[1, 2]]]
    assert prepared.digest is not None
    assert prepared.digest.size == (tmp_path / "a.npz").stat().st_size
    assert StoredArrays(tmp_path, 1).names == ("a",)


@pytest.mark.parametrize("name", ["a.npy", "a.bin", "a.raw"])
def test_npy_and_raw_files_feed_a_model_of_one_input(name: str, tmp_path: Path) -> None:
    values = np.array([[1, 2, 3]], np.float32)
    if name == "a.npy":
        np.save(tmp_path / name, values)
    else:
        values.tofile(tmp_path / name)
    samples = StoredArrays(tmp_path, None)
    assert samples.prepared(0, [X]).inputs[0].tolist() == values.tolist()
    with pytest.raises(DataMissing, match=r"but the model has 2 inputs: save them as .npz, by name: x, y"):
        samples.prepared(0, [X, Y])


def test_samples_may_lie_in_a_folder_inputs_beside_their_truth(tmp_path: Path) -> None:
    save(tmp_path / "inputs", "a.npz", x=np.zeros((1, 3)))
    save(tmp_path / "outputs", "a.npz", y=np.zeros((1, 3)))
    assert StoredArrays(tmp_path, None).names == ("a",)


def _wrong_size(folder: Path) -> None:
    np.zeros(4, np.float32).tofile(folder / "a.bin")


def _wrong_name(folder: Path) -> None:
    save(folder, "a.npz", z=np.zeros((1, 3)))


def _lacking(folder: Path) -> None:
    save(folder, "a.npz", x=np.zeros((1, 3)))


def _wrong_type(folder: Path) -> None:
    save(folder, "a.npz", x=np.array([["a", "b", "c"]]))


def _pickled(folder: Path) -> None:
    save(folder, "a.npz", x=np.array([[{}, 1, 2]], object))


@pytest.mark.parametrize(
    ("write", "inputs", "why"),
    [
        (_wrong_size, [X], r"a.bin has 16 bytes, but input x takes 12: float32 \[1, 3\]"),
        (_wrong_name, [X], "a.npz holds 'z', which is none of the model's inputs: 'x'"),
        (_lacking, [X, Y], "a.npz has no array for 'y', which the model takes"),
        (_wrong_type, [X], "a.npz: x is <U1, but the model takes float32"),
        (_pickled, [X], "pickled objects"),
        (_lacking, [X, X], "several inputs of that name"),
    ],
)
def test_a_file_that_is_not_what_the_model_takes_is_named(
    write: Callable[[Path], None], inputs: list[TensorSpec], why: str, tmp_path: Path
) -> None:
    write(tmp_path)
    with pytest.raises(DataMissing, match=why):
        StoredArrays(tmp_path, None).prepared(0, inputs)


def test_a_folder_that_is_empty_mixed_or_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="holds no arrays"):
        StoredArrays(tmp_path, None)
    with pytest.raises(DataMissing, match="no arrays at"):
        StoredArrays(tmp_path / "nowhere", None)
    save(tmp_path, "a.npz", x=np.zeros(1))
    np.save(tmp_path / "b.npy", np.zeros(1))
    np.save(tmp_path / "c.npy", np.zeros(1))
    with pytest.raises(DataMissing, match=r"holds 2 .npy and 1 .npz files: which are the samples"):
        StoredArrays(tmp_path, None)


def test_the_first_sample_says_the_sizes_that_a_file_leaves_open(tmp_path: Path) -> None:
    save(tmp_path, "a.npz", x=np.zeros((1, 30, 4)), y=np.zeros(2))
    seen = [TensorSpec("x", (1, 1, 4), np.dtype(np.float32)), Y]
    assert StoredArrays(tmp_path, None).shapes(seen) == [(1, 30, 4), (1, 2)]
    # The batch is never stretched, nor what is not open.
    batch = [TensorSpec("x", (1, 20, 4), np.dtype(np.float32)), TensorSpec("y", (1,), np.dtype(np.float32))]
    assert StoredArrays(tmp_path, None).shapes(batch) == [(1, 20, 4), (2,)]


def test_random_samples_say_what_is_fed() -> None:
    samples = RandomSamples(None, {"x": InputRange(0, 1)}, seed=5)
    assert len(samples.names) == RANDOM_COUNT
    assert samples.fed([X]) == {"fed": "random, seed 5: x: float32 [1, 3] 0 to 1", "seed": 5}
    assert samples.prepared(2, [X]).inputs[0].min() >= 0
    assert samples.prepared(2, [X]).digest is None


def test_raw_bytes_of_another_type_of_the_same_width_are_refused(tmp_path: Path) -> None:
    np.array([1, 2, 3], np.int32).tofile(tmp_path / "a.bin")
    with pytest.raises(DataMissing, match=r"a\.bin: input x is float32, but the bytes look like int32"):
        StoredArrays(tmp_path, None).prepared(0, [X])


def test_arrays_in_a_folder_below_are_said_to_be_left_out_and_outputs_are_not(tmp_path: Path) -> None:
    save(tmp_path, "a.npz", x=np.zeros((1, 3), np.float32))
    save(tmp_path / "outputs", "a.npz", y=np.zeros((1, 2), np.int8))
    assert StoredArrays(tmp_path, None).warnings() == ()
    save(tmp_path / "more", "b.npz", x=np.zeros((1, 3), np.float32))
    assert "1 files of" in StoredArrays(tmp_path, None).warnings()[0]
    assert StoredArrays(tmp_path, None).left_out() == {"left_out": {".npz": 1}}
