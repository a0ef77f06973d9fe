"""The sample library: what LoadGen's load and unload do, and the cache of prepared samples."""

from __future__ import annotations

import contextlib
import errno
import json
import multiprocessing
import os
import random
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import TensorSpec
from harness.errors import RunFailed
from harness.serving.samples import SampleLibrary
from harness.zoo.files import sample_cache
from tasks.base import Array, Codec, DataMissing
from tests.faults.inputs.mutations import header_bytes


class Counting(Codec):
    """Prepares two inputs of which every value tells the sample, and counts how often it is asked."""

    def __init__(self, key: str | None = "counting", shape: tuple[int, ...] = (1, 30, 40)) -> None:
        self.key = key
        self.shape = shape
        self.asked: list[int] = []

    def preprocess(self, index: int) -> tuple[Array, ...]:
        self.asked.append(index)
        return np.full(self.shape, index, np.float32), np.array([[index, -index]], np.int32)

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        raise NotImplementedError

    def cache_key(self) -> str | None:
        return self.key


INPUTS = (
    TensorSpec("values", (1, 30, 40), np.dtype(np.float32)),
    TensorSpec("pair", (1, 2), np.dtype(np.int32)),
)


def library(
    codec: Codec, cache: Path | None, total: int = 10, workers: int = 2, inputs: Sequence[TensorSpec] = INPUTS
) -> SampleLibrary:
    return SampleLibrary(codec, total, workers=workers, cache_dir=cache, on_sample=lambda: None, inputs=inputs)


def check(samples: SampleLibrary, indices: Sequence[int]) -> None:
    for index, row in enumerate(samples.rows):
        if index not in indices:
            assert row == ()
            continue
        values, pair = row
        np.testing.assert_array_equal(values, np.full((1, 30, 40), index, np.float32))
        np.testing.assert_array_equal(pair, [[index, -index]])
        assert type(values) is np.ndarray
        assert values.flags.c_contiguous


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("cached", [False, True])
def test_loaded_samples_are_there_and_unloaded_ones_are_let_go(cached: bool, workers: int, tmp_path: Path) -> None:
    codec = Counting()
    samples = library(codec, tmp_path if cached else None, workers=workers)
    samples.load([7, 2, 5])
    check(samples, [2, 5, 7])
    samples.unload([7, 2])
    check(samples, [5])
    samples.unload([5])
    check(samples, [])
    assert sorted(codec.asked) == [2, 5, 7]


def test_a_sample_named_twice_is_prepared_once(tmp_path: Path) -> None:
    codec = Counting()
    samples = library(codec, None)
    samples.load([3, 1, 3, 3])
    check(samples, [1, 3])
    assert sorted(codec.asked) == [1, 3]


def test_samples_of_a_second_run_are_mapped_and_equal(tmp_path: Path) -> None:
    library(Counting(), tmp_path).load(range(10))
    codec = Counting()
    samples = library(codec, tmp_path)
    samples.load(range(10))
    check(samples, range(10))
    assert codec.asked == []
    # Mapped, not read: the rows are windows on the file.
    base: Any = samples.rows[0][0]
    while getattr(base, "base", None) is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
    assert not samples.rows[0][0].flags.writeable


@pytest.mark.parametrize("change", ["key", "samples"])
def test_whatever_makes_a_sample_is_part_of_its_name(change: str, tmp_path: Path) -> None:
    library(Counting(), tmp_path).load(range(9))
    codec = Counting(key="another" if change == "key" else "counting")
    indices = range(9 if change == "key" else 8)
    samples = library(codec, tmp_path)
    samples.load(indices)
    check(samples, indices)
    assert sorted(codec.asked) == list(indices)
    assert len(list(tmp_path.iterdir())) == 2


def test_some_samples_of_a_set_that_is_kept_whole_are_taken_from_there_and_damaged_ones_made_anew(
    tmp_path: Path,
) -> None:
    library(Counting(), tmp_path, inputs=INPUTS).load(range(10))
    (folder,) = tmp_path.iterdir()
    codec = Counting()
    samples = SampleLibrary(
        codec, 10, workers=2, cache_dir=tmp_path, on_sample=lambda: None, inputs=INPUTS, keeps=False
    )
    samples.load([7, 2, 5])
    check(samples, [2, 5, 7])
    samples.unload([7, 2, 5])
    assert codec.asked == []
    file = folder / "1.npy"
    file.write_bytes(file.read_bytes()[:-3] + b"bad")
    samples.load([1, 2])
    assert codec.asked == []
    samples.load([8, 9])
    check(samples, [1, 2, 8, 9])
    assert sorted(codec.asked) == [8, 9]
    assert list(tmp_path.iterdir()) == [folder], "nothing more is kept"


def test_samples_of_data_that_changed_under_a_run_are_not_there_for_the_next(tmp_path: Path) -> None:
    """What is kept under the key of the right data may be of others, which lay there for a moment."""
    library(Counting(), tmp_path).load([3])
    for _ in ("its own", "another run's"):
        samples = library(Counting(), tmp_path)
        samples.load([1, 2])
        samples.discard_kept()
    codec = Counting()
    library(codec, tmp_path).load([1, 2])
    library(codec, tmp_path).load([3])
    assert codec.asked == [1, 2]


def test_a_codec_without_a_key_is_not_cached(tmp_path: Path) -> None:
    library(Counting(key=None), tmp_path / "cache").load(range(10))
    assert not (tmp_path / "cache").exists()


def damage_nothing_left(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def damage_truncated(folder: Path) -> None:
    path = folder / "0.npy"
    path.write_bytes(path.read_bytes()[:-100])


def damage_header_cut(folder: Path) -> None:
    path = folder / "1.npy"
    path.write_bytes(path.read_bytes()[:20])


def damage_empty(folder: Path) -> None:
    (folder / "0.npy").write_bytes(b"")


def damage_missing(folder: Path) -> None:
    (folder / "1.npy").unlink()


def damage_not_complete(folder: Path) -> None:
    (folder / "complete.json").unlink()


def damage_no_json(folder: Path) -> None:
    (folder / "complete.json").write_text("{", encoding="ascii")


def damage_other_json(folder: Path) -> None:
    (folder / "complete.json").write_text("[]", encoding="ascii")


def damage_other_value(folder: Path) -> None:
    (folder / "complete.json").write_text(json.dumps({"inputs": "2"}), encoding="ascii")


def damage_pickle(folder: Path) -> None:
    np.save(folder / "0.npy", np.array([object()] * 10), allow_pickle=True)


def damage_deep_json(folder: Path) -> None:
    (folder / "complete.json").write_text("[" * 100_000, encoding="ascii")


def damage_other_type(folder: Path) -> None:
    path = folder / "0.npy"
    path.write_bytes(path.read_bytes().replace(b"'<f4'", b"'<i4'", 1))


def damage_other_count(folder: Path) -> None:
    np.save(folder / "0.npy", np.zeros((9, 1, 30, 40), np.float32))


@pytest.mark.parametrize(
    "damage",
    [
        damage_nothing_left,
        damage_truncated,
        damage_header_cut,
        damage_empty,
        damage_missing,
        damage_not_complete,
        damage_no_json,
        damage_other_json,
        damage_other_value,
        damage_pickle,
        damage_deep_json,
        damage_other_type,
        damage_other_count,
    ],
)
def test_a_damaged_cache_is_made_anew_and_then_serves_again(damage: Callable[[Path], None], tmp_path: Path) -> None:
    library(Counting(), tmp_path, inputs=INPUTS).load(range(10))
    (folder,) = tmp_path.iterdir()
    damage(folder)
    codec = Counting()
    samples = library(codec, tmp_path, inputs=INPUTS)
    samples.load(range(10))
    check(samples, range(10))
    assert sorted(codec.asked) == list(range(10))
    healed = Counting()
    library(healed, tmp_path, inputs=INPUTS).load(range(10))
    assert healed.asked == []
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_whatever_byte_of_a_kept_file_is_damaged_the_samples_are_the_right_ones(tmp_path: Path) -> None:
    library(Counting(), tmp_path, inputs=INPUTS).load(range(3))
    (folder,) = tmp_path.iterdir()
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    dice = random.Random(15)
    for _ in range(200):
        name = dice.choice(sorted(whole))
        (folder / name).write_bytes(header_bytes(whole[name], dice))
        samples = library(Counting(), tmp_path, inputs=INPUTS)
        samples.load(range(3))
        check(samples, range(3))
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole


def test_a_cache_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file", encoding="ascii")
    samples = library(Counting(), tmp_path / "cache")
    samples.load(range(10))
    check(samples, range(10))


def test_samples_that_are_made_are_in_memory_once_as_the_caches(tmp_path: Path) -> None:
    samples = library(Counting(), tmp_path)
    samples.load(range(10))
    check(samples, range(10))
    assert samples.own_bytes == 0
    assert not samples.rows[3][0].flags.owndata


def test_a_disk_that_fills_while_samples_are_written_loses_none_and_is_said(
    mount: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_cache, "_LEAVE_FREE", 0)
    disk = mount("size=256k")

    class Beside(Counting):
        def preprocess(self, index: int) -> tuple[Array, ...]:
            if index == 4:
                # Another's file takes all the room that was there when writing began.
                with contextlib.suppress(OSError):
                    (disk / "other").write_bytes(bytes(256 << 10))
            return super().preprocess(index)

    codec = Beside()
    samples = library(codec, disk / "cache", workers=1)
    samples.load(range(10))
    check(samples, range(10))
    assert samples.own_bytes == 10 * (1 * 30 * 40 * 4 + 2 * 4)
    assert samples.why_not_kept == f"{disk / 'cache'} cannot be written (No space left on device)"
    assert list((disk / "cache").iterdir()) == []


def test_where_no_file_can_be_mapped_samples_are_made_once_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    monkeypatch.setattr("mmap.mmap", refuse)
    codec = Counting()
    samples = library(codec, tmp_path)
    samples.load(range(10))
    check(samples, range(10))
    assert sorted(codec.asked) == list(range(10))
    assert samples.why_not_kept == f"{tmp_path} cannot be written (No such device)"


def test_samples_of_several_shapes_are_not_kept(tmp_path: Path) -> None:
    class Growing(Counting):
        def preprocess(self, index: int) -> tuple[Array, ...]:
            return (np.full((1, index + 1), index, np.int8),)

    one = [TensorSpec("grows", (1, 1), np.dtype(np.int8))]
    with pytest.raises(RunFailed, match=r"sample 1 was prepared as int8 \[1, 2\], but the model takes int8 \[1, 1\]"):
        library(Growing(), tmp_path, inputs=one).load(range(4))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("workers", [1, 3])
def test_a_sample_that_cannot_be_read_is_the_loads_own_error(workers: int, tmp_path: Path) -> None:
    class Spoilt(Counting):
        def preprocess(self, index: int) -> tuple[Array, ...]:
            if index == 6:
                raise DataMissing("picture 6 is corrupt")
            return super().preprocess(index)

    with pytest.raises(DataMissing, match="picture 6 is corrupt"):
        library(Spoilt(), tmp_path, workers=workers).load(range(10))
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_every_sample_whether_made_or_mapped(tmp_path: Path) -> None:
    lock, counted = threading.Lock(), [0]

    def count() -> None:
        with lock:
            counted[0] += 1

    for _ in range(2):
        counted[0] = 0
        SampleLibrary(Counting(), 10, workers=2, cache_dir=tmp_path, on_sample=count, inputs=INPUTS).load(range(10))
        assert counted == [10]


def load_at_once(cache: Path, gate: Any, done: Any) -> None:
    samples = library(Counting(), cache)
    gate.wait()
    samples.load(range(10))
    check(samples, range(10))
    done.put(True)


def test_two_processes_may_fill_the_cache_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    gate, done = context.Barrier(2), context.Queue()
    processes = [context.Process(target=load_at_once, args=(tmp_path, gate, done)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(600)
    assert [process.exitcode for process in processes] == [0, 0]
    assert [done.get(timeout=600) for _ in processes] == [True, True]
    (folder,) = tmp_path.iterdir()
    assert (folder / "complete.json").is_file()
    done.close()
    done.join_thread()


def test_a_mapped_sample_outlives_its_cache(tmp_path: Path) -> None:
    library(Counting(), tmp_path).load(range(10))
    samples = library(Counting(), tmp_path)
    samples.load(range(10))
    shutil.rmtree(tmp_path)
    check(samples, range(10))
