"""Which model `model.use` means."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.config.files import find_benchmark, load_benchmark
from harness.config.schema import Benchmark
from harness.errors import ConfigError
from harness.spec.model_source import find_model
from harness.spec.schema import ModelRef


def using(use: str, task: str = "kws") -> Benchmark:
    return load_benchmark(find_benchmark(task), [("model.use", use)])


def found(benchmark: Benchmark, cache_dir: Path) -> tuple[ModelRef, dict[str, Any]]:
    return find_model(benchmark.model.use, benchmark.models, benchmark.title, cache_dir)


def test_a_users_file_keeps_its_name_and_has_its_hash(keyword_model: Path, tmp_path: Path) -> None:
    ref, options = found(using(str(keyword_model)), tmp_path)
    assert (ref.name, ref.source, ref.path) == (keyword_model.stem, "file", keyword_model.resolve())
    assert len(ref.sha256) == 64
    assert options == {}


def test_a_users_copy_of_an_official_file_is_recognised_whatever_its_name(zoo: Path, tmp_path: Path) -> None:
    published = zoo / "models/mlperf_mobile/mobilenet_edgetpu_224_1.0_uint8.tflite"
    copy = Path(shutil.copy(published, tmp_path / "mine.tflite"))
    ref, options = found(using(str(copy), "mobilenet_edgetpu"), tmp_path)
    entries = using("auto", "mobilenet_edgetpu").models
    assert (ref.source, ref.checksum, ref.path) == ("official", "verified", copy.resolve())
    assert options == entries[ref.name].options


def test_without_an_official_file_the_first_stand_in_is_made_and_its_options_come_with_it(tmp_path: Path) -> None:
    benchmark = using("auto", "mobilenet_edgetpu")
    ref, options = found(benchmark, tmp_path)
    first = next(name for name, entry in benchmark.models.items() if entry.standin)
    assert (ref.name, ref.source) == (first, "standin")
    assert ref.path.is_relative_to(tmp_path)
    assert options == benchmark.models[first].options


@pytest.mark.parametrize(
    ("use", "why"),
    [
        ("official", r"no official model for EDSR.* is here"),
        ("auto", r"no model for EDSR.* is here.*or give one with --model PATH"),
        ("standin", r"there is no built-in stand-in for EDSR.*: give a model with --model PATH"),
        ("edsr_f32b5_fp32", "model edsr_f32b5_fp32 is not here: "),
        ("edsr_f32b5_fp3", r"unknown model 'edsr_f32b5_fp3'; did you mean 'edsr_f32b5_fp32'\?"),
        ("folder/none.tflite", r"no model file at folder/none\.tflite"),
    ],
)
def test_a_model_that_is_not_here_says_how_to_get_it(use: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=why):
        found(using(use, "edsr"), tmp_path)
    assert list(tmp_path.iterdir()) == []
