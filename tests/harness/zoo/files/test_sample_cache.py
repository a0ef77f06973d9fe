"""The bound of what prepared samples take on the disk."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import TensorSpec
from harness.errors import ConfigError
from harness.serving.samples import SampleLibrary
from harness.zoo.files import sample_cache
from harness.zoo.files.sample_cache import cache_limit, discard, kept_bytes, make_room, making
from tasks.base import Array, Codec

KB = 1000
SET = 10 * 100 * KB
"""Bytes of ten samples."""


@pytest.fixture(autouse=True)
def _any_disk_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_cache, "_LEAVE_FREE", 0)


INPUTS = [TensorSpec("values", (1, 25 * KB), np.dtype(np.float32))]


class Numbers(Codec):
    """Samples of 100 kB that tell which they are; counts what it is asked."""

    def __init__(self, key: str = "numbers") -> None:
        self.key = key
        self.asked: list[int] = []

    def preprocess(self, index: int) -> tuple[Array, ...]:
        self.asked.append(index)
        return (np.full((1, 25 * KB), index, np.float32),)

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        raise NotImplementedError

    def cache_key(self) -> str:
        return self.key


def library(cache: Path, key: str = "numbers", limit: int = 10 * SET) -> tuple[SampleLibrary, Codec]:
    codec = Numbers(key)
    samples = SampleLibrary(
        codec, 30, workers=1, cache_dir=cache, on_sample=lambda: None, inputs=INPUTS, cache_limit=limit
    )
    return samples, codec


def keep(cache: Path, key: str, last_use: float, limit: int = 10 * SET) -> Path:
    """Ten samples, kept; returns their folder."""
    before = set(cache.glob("*"))
    library(cache, key, limit)[0].load(range(10))
    (folder,) = set(cache.glob("*")) - before
    os.utime(folder, (last_use, last_use))
    return folder


def test_what_was_used_longest_ago_makes_room_for_what_is_new(tmp_path: Path) -> None:
    limit = 2 * SET + 100 * KB
    first, second = keep(tmp_path, "first", 1_000), keep(tmp_path, "second", 2_000)
    samples, codec = library(tmp_path, "first", limit)
    samples.load(range(10))
    assert isinstance(codec, Numbers)
    assert codec.asked == []
    third = keep(tmp_path, "third", 3_000, limit)
    assert set(tmp_path.iterdir()) == {first, third}
    assert not second.exists()
    assert kept_bytes(tmp_path) <= limit


def test_a_run_keeps_the_samples_that_another_one_has_pushed_out(tmp_path: Path) -> None:
    limit = SET + 100 * KB
    keep(tmp_path, "first", 1_000)
    samples, _ = library(tmp_path, "first", limit)
    samples.load(range(10))
    second = keep(tmp_path, "second", 2_000, limit)
    assert list(tmp_path.iterdir()) == [second]
    assert [float(samples.rows[index][0][0, -1]) for index in range(10)] == list(range(10))


def test_a_set_of_which_only_a_part_fits_does_not_push_itself_out(tmp_path: Path) -> None:
    for asked in (range(30), range(20, 30)):
        samples, codec = library(tmp_path, limit=2 * SET + 100 * KB)
        for begin in (0, 10, 20):
            samples.load(range(begin, begin + 10))
            samples.unload(range(begin, begin + 10))
        # The second time two thirds are there.
        assert isinstance(codec, Numbers)
        assert codec.asked == list(asked)
        assert (
            "they take 1.0 MB, and all kept samples may take 2.1 MB (TFLITE_LOADGEN_SAMPLE_CACHE)"
            in samples.why_not_kept
        )
        assert len(list(tmp_path.iterdir())) == 2


def test_nothing_is_deleted_for_samples_that_do_not_fit_all_the_same(tmp_path: Path) -> None:
    folder = keep(tmp_path, "first", 1_000)
    assert make_room(tmp_path, SET, 2 * SET, ()) is not None
    assert list(tmp_path.iterdir()) == [folder]


def test_a_limit_of_nothing_keeps_nothing_and_is_no_reason_to_complain(tmp_path: Path) -> None:
    samples, _ = library(tmp_path / "cache", limit=0)
    samples.load(range(10))
    assert float(samples.rows[9][0][0, 0]) == 9
    assert samples.why_not_kept == ""
    assert not (tmp_path / "cache").exists()


def test_a_disk_without_room_is_left_alone_and_one_that_fills_up_is_survived(
    mount: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = mount("size=600k")
    for leave_free, why in ((0, "and the disk has "), (-(10**9), "cannot be written (No space left on device)")):
        monkeypatch.setattr(sample_cache, "_LEAVE_FREE", leave_free)
        samples, _ = library(disk)
        samples.load(range(10))
        assert float(samples.rows[9][0][0, 0]) == 9
        assert why in samples.why_not_kept
        assert list(disk.iterdir()) == []


def test_what_a_killed_process_left_half_done_goes_and_what_is_being_written_stays_however_old(tmp_path: Path) -> None:
    for name in (".making-left", ".going-left"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "0.npy").write_bytes(b"x")
    with making(tmp_path / "set") as under_way:
        (under_way / "0.npy").write_bytes(b"x")
        for path in (under_way / "0.npy", under_way):
            os.utime(path, (1_000, 1_000))
        assert make_room(tmp_path, SET, SET, ()) is None
        assert list(tmp_path.iterdir()) == [under_way]
    assert list(tmp_path.iterdir()) == []


def test_two_processes_may_discard_the_same_folder(tmp_path: Path) -> None:
    folder = keep(tmp_path, "first", 1_000)
    discard(folder)
    discard(folder)
    assert list(tmp_path.iterdir()) == []


def test_the_limit_is_named_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TFLITE_LOADGEN_SAMPLE_CACHE", raising=False)
    assert cache_limit() == 10 * 10**9
    for text, limit in (("2GB", 2 * 10**9), ("0", 0)):
        monkeypatch.setenv("TFLITE_LOADGEN_SAMPLE_CACHE", text)
        assert cache_limit() == limit
    monkeypatch.setenv("TFLITE_LOADGEN_SAMPLE_CACHE", "much")
    with pytest.raises(
        ConfigError, match="TFLITE_LOADGEN_SAMPLE_CACHE must be a size such as 512MB or 2GiB, not 'much'"
    ):
        cache_limit()


def test_a_run_says_that_its_samples_are_not_kept(
    cli: Callable[..., subprocess.CompletedProcess[str]],
    picture_model: Path,
    make_picture_data: Callable[[int], Path],
    tmp_path: Path,
    read_result: Callable[[Path], dict[str, Any]],
) -> None:
    words = ["--task", "mobilenet_edgetpu", "--model", picture_model, "--dataset", make_picture_data(6)]
    words += ["--mode", "accuracy", "--threads", "1", "--out", tmp_path / "run"]
    done = cli(*words, env={"TFLITE_LOADGEN_SAMPLE_CACHE": "1kB"})
    assert done.returncode == 0, done.stderr
    (warning,) = [text for text in read_result(tmp_path / "run")["warnings"] if "not kept" in text]
    assert "the next run prepares them once more" in warning
