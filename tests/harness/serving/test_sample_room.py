"""How many samples are in memory at once, and what becomes of a set that is larger."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import TensorSpec
from harness.errors import ConfigError
from harness.serving import sample_room as sample_memory
from harness.serving.sample_room import room_for
from harness.spec.schema import Load
from harness.units import bytes_text, parse_bytes

MB = 1_000_000
Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]
INPUT = TensorSpec("input", (1, 1000, 1000), np.dtype(np.uint8))
PLAIN = {
    "scenario": "SingleStream",
    "mode": "performance",
    "preset": "rules",
    "round": None,
    "seeds": None,
    "performance_sample_count": 256,
    "min_query_count": 1024,
    "min_duration_ms": 60_000,
    "max_duration_ms": None,
    "target_percentile": 0.9,
    "samples_per_query": 1,
    "expected_latency_ns": None,
    "target_qps": None,
    "server_target_latency_ns": None,
    "enable_trace": False,
}


def load(**changes: Any) -> Load:
    return Load.model_validate(PLAIN | changes)


@pytest.mark.parametrize(
    ("text", "size"),
    [("512MB", 512 * MB), ("1.5 GiB", 3 << 29), ("2g", 2 * 10**9), ("64k", 64_000), ("1ki", 1024), ("123", 123)],
)
def test_a_size_is_read_with_its_unit(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "MB", "1 XB", "-1MB", "1e3", "1,5GB", "½GB", "12 MB 3"])
def test_a_size_that_is_none_is_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(ValueError, match="must be a size such as 512MB or 2GiB, not"):
        parse_bytes(text)


def test_a_size_is_written_with_the_unit_that_suits_it_and_can_be_read_again() -> None:
    assert [bytes_text(size) for size in (999, 1500, 51_200_000, 3 * 10**9)] == [
        "999 bytes",
        "1.5 kB",
        "51.2 MB",
        "3.0 GB",
    ]
    for size in (999, 1501, 51_200_001, 3 * 10**9 + 1):
        assert parse_bytes(bytes_text(size, up=True)) >= size


def test_what_fits_below_the_limit_is_loaded_at_once_and_never_more_than_the_rules_or_the_set_have() -> None:
    assert room_for(load(max_sample_memory=100 * MB), 10_000, [INPUT]).count == 99
    assert room_for(load(max_sample_memory=1000 * MB), 10_000, [INPUT]).count == 256
    assert room_for(load(max_sample_memory=1000 * MB), 30, [INPUT]).count == 30
    assert room_for(load(max_sample_memory=100 * MB), 10_000, [INPUT, INPUT]).count == 49


def test_without_a_limit_half_of_the_available_memory_is_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_memory, "available_memory_bytes", lambda: 100 * MB)
    room = room_for(load(), 10_000, [INPUT])
    assert (room.count, room.limit_bytes, room.limit_from) == (49, 50 * MB, "available memory")
    assert room.halved().count == 24
    monkeypatch.setattr(sample_memory, "available_memory_bytes", lambda: None)
    assert room_for(load(), 10_000, [INPUT]).halved().count == 256


def test_fewer_samples_than_the_rules_name_are_a_warning_and_in_a_submission_refused() -> None:
    room = room_for(load(max_sample_memory=100 * MB), 10_000, [INPUT])
    (warning,) = room.judge(load())
    assert "256 samples take 256.1 MB and --max-sample-memory is 100.0 MB, so 99 fit" in warning
    with pytest.raises(ConfigError, match="Allow --max-sample-memory 257MB or more"):
        room.judge(load(too_few_samples="refuse"))
    # An accuracy run sends the whole set all the same.
    assert room.judge(load(mode="accuracy", too_few_samples="refuse")) == []
    assert room_for(load(max_sample_memory=300 * MB), 10_000, [INPUT]).judge(load(too_few_samples="refuse")) == []


def test_a_limit_below_one_sample_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"takes 1\.0 MB and 500\.0 kB are allowed \(--max-sample-memory\)"):
        room_for(load(max_sample_memory=500_000), 10, [INPUT])


def test_a_set_larger_than_the_limit_streams_through_it_and_is_scored_as_a_whole(
    call: Cli, large_picture_model: Path, make_picture_data: Callable[[int], Path], tmp_path: Path, read_result: Read
) -> None:
    # 60 samples of 3.1 MB.
    data = make_picture_data(60)
    words = ["--task", "mobilenet_edgetpu", "--model", large_picture_model, "--dataset", data, "--mode", "accuracy"]
    done = call(*words, "--threads", "1", "--max-sample-memory", "16MB", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "run")
    memory = result["memory"]
    assert result["accuracy"]["top1"]["value"] == 0.75
    assert result["loadgen"]["performance_sample_count"] == 5
    assert (memory["sample_limit_bytes"], memory["sample_limit_from"]) == (16 * MB, "config")
    assert 15 * MB < memory["parts"]["samples_bytes"] < 17 * MB
    # What came after the first five took their place; all together take 189 MB.
    assert memory["parts"]["loadgen_bytes"] < 40 * MB
    # The second time they are mapped.
    again = call(*words, "--threads", "1", "--max-sample-memory", "16MB", "--out", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    memory = read_result(tmp_path / "again")["memory"]
    assert 15 * MB < memory["parts"]["samples_bytes"] < 17 * MB
    assert memory["parts"]["loadgen_bytes"] < 40 * MB


def test_a_submission_of_which_too_few_samples_fit_ends_before_anything_is_timed(
    call: Cli, keywords: list[str], tmp_path: Path, complaint: Callable[[Any], str], read_result: Read
) -> None:
    words = ["--mode", "submission", "--max-sample-memory", "14kB", "--out", tmp_path / "run"]
    done = call(*keywords, *words)
    assert done.returncode == 2
    assert "40 samples take 27.6 kB and --max-sample-memory is 14.0 kB, so 20 fit" in complaint(done)
    assert read_result(tmp_path / "run")["status"] == "failed"
    plain = call(*keywords, "--max-sample-memory", "14kB", "--out", tmp_path / "plain")
    assert plain.returncode == 0
    result = read_result(tmp_path / "plain")
    assert result["loadgen"]["performance_sample_count"] == 20
    assert any("so 20 fit" in warning for warning in result["warnings"])


def test_a_limit_that_is_no_size_is_named(call: Cli, keywords: list[str], complaint: Callable[[Any], str]) -> None:
    done = call(*keywords, "--max-sample-memory", "12 apples")
    assert done.returncode == 2
    assert "load.max_sample_memory: must be a size such as 512MB or 2GiB, not '12 apples'" in complaint(done)
