"""From a config to a spec that needs nothing more than itself: every path absolute, whatever the worker's directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config.files import read_config
from harness.spec.resolve import resolve
from harness.spec.schema import read_spec, write_spec
from harness.zoo.files.official import cache_dir

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


def test_every_path_of_a_spec_is_absolute(
    keyword_model: Path, keyword_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.tflite").symlink_to(keyword_model)
    (tmp_path / "d").symlink_to(keyword_data)
    monkeypatch.chdir(tmp_path)
    given = [("model.use", "m.tflite"), ("dataset.use", "./d"), ("dataset.truth", "d/y_labels.csv")]
    given.append(("backend.options.weight_cache", "packed"))
    spec = resolve(read_config(CONFIGS / "kws.yaml"), given, tmp_path)
    assert spec.model.path == keyword_model.resolve()
    assert spec.dataset.path == keyword_data.resolve()
    assert spec.dataset.truth == (keyword_data / "y_labels.csv").resolve()
    assert spec.backend.options["weight_cache"] == str(tmp_path / "packed")


def test_a_path_among_the_tasks_options_is_absolute_too(
    keyword_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n", encoding="ascii")
    (tmp_path / "data.json").write_text("{}", encoding="ascii")
    monkeypatch.chdir(tmp_path)
    given = [("model.use", str(keyword_model)), ("dataset.use", "./data.json"), ("dataset.vocab", "vocab.txt")]
    spec = resolve(read_config(CONFIGS / "mobilebert.yaml"), given, tmp_path)
    assert spec.options["vocab"] == str(tmp_path / "vocab.txt")


def test_the_cache_is_absolute_whatever_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFLITE_LOADGEN_CACHE", "here")
    assert cache_dir() == tmp_path / "here"
    monkeypatch.delenv("TFLITE_LOADGEN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "there")
    # The specification of XDG: a relative path is not to be used.
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_dir() == tmp_path / "home" / ".cache" / "tflite-loadgen"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg" / "tflite-loadgen"


def test_a_spec_is_read_as_it_was_written(keyword_model: Path, keyword_data: Path, tmp_path: Path) -> None:
    given = [
        ("model.use", str(keyword_model)),
        ("dataset.use", str(keyword_data)),
        ("load.round", "v5.0"),
        ("load.scenario", "Server"),
        ("backend.options", {"xnnpack": False}),
    ]
    spec = resolve(read_config(CONFIGS / "kws.yaml"), given, tmp_path)
    write_spec(spec, tmp_path)
    assert read_spec(tmp_path) == spec


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_that_ships_resolves_with_a_model_and_data_of_the_users(
    config: Path, keyword_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    spec = resolve(
        read_config(config), [("model.use", str(keyword_model)), ("dataset.use", str(tmp_path / "data"))], tmp_path
    )
    assert spec.benchmark == config.stem
    assert spec.model.source == "file"
    assert spec.load.scenario == "SingleStream"
    assert (spec.load.min_query_count, spec.load.min_duration_ms) == (1024, 60_000)
    assert spec.load.target_percentile == 0.9
