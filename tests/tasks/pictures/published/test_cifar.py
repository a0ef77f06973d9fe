"""CIFAR-10's binary batches: told by their names, read record by record, refused where they are something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.base import DataMissing
from tasks.pictures.folders import Pictures
from tasks.pictures.pixels.decoding import decode
from tasks.pictures.sets import open_pictures


def records(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    made = np.random.default_rng(count).integers(0, 256, (count, 3073), dtype=np.uint8)
    made[:, 0] = np.arange(count) % 10
    return made


def labels_of(pictures: Pictures) -> list[int]:
    stored = pictures.labels
    assert stored is not None
    return stored.of_classes(pictures.names, 10, None)


def test_a_folder_of_batches_is_its_test_batch_with_pixels_and_labels_as_they_were_written(tmp_path: Path) -> None:
    made = records(12)
    (tmp_path / "test_batch.bin").write_bytes(made.tobytes())
    (tmp_path / "data_batch_1.bin").write_bytes(records(3).tobytes())
    pictures = open_pictures(tmp_path, 11)
    assert len(pictures) == 11
    assert labels_of(pictures) == [*range(10), 0]
    pixels = decode(pictures.read(10), pictures.names[10])
    assert (pixels == made[10, 1:].reshape(3, 32, 32).transpose(1, 2, 0)).all()
    assert pictures.whole(10) == made[10].tobytes()


def test_without_a_test_batch_all_batches_count_in_order(tmp_path: Path) -> None:
    for number in (2, 1):
        (tmp_path / f"data_batch_{number}.bin").write_bytes(records(number).tobytes())
    assert open_pictures(tmp_path).names == (
        "data_batch_1_00000.npy",
        "data_batch_2_00000.npy",
        "data_batch_2_00001.npy",
    )


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("test_batch.bin", b"\0" * 3072, "3072 bytes, which is no whole number of records of 3073"),
        ("test_batch.bin", b"", "0 bytes"),
        ("test_batch.bin", b"\0" * 3073 + b"\x0b" * 3073, "record 1 has the label 11, .* CIFAR-100"),
        ("data_batch_1", b"\x80", "pickles, which could run code"),
    ],
)
def test_what_is_no_binary_cifar_10_is_refused(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataMissing, match=said):
        open_pictures(tmp_path)
