"""From a config to a spec that needs nothing more than itself: every path absolute, whatever the worker's directory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.config.files import find_benchmark, kind_overrides, read_config
from harness.errors import ConfigError
from harness.spec.resolve import resolve
from harness.spec.schema import Spec, read_spec, write_spec
from harness.zoo.files.official import cache_dir
from harness.zoo.graph import layers
from harness.zoo.graph.writer import Graph

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
        ("load.rules", "inference-v5.0"),
        ("load.scenario", "Server"),
        ("backend.options", {"xnnpack": False}),
    ]
    spec = resolve(read_config(CONFIGS / "kws.yaml"), given, tmp_path)
    write_spec(spec, tmp_path)
    assert read_spec(tmp_path) == spec


def classifier(path: Path, classes: int) -> Path:
    graph = Graph("scores")
    picture = graph.input("picture", (1, 4, 4, 3), np.float32)
    flat = layers.reshape(graph, "flat", picture, (1, 48))
    weight = graph.constant("weight", np.zeros((classes, 48), np.float32))
    bias = graph.constant("bias", np.zeros(classes, np.float32))
    graph.output(layers.fully_connected(graph, "scores", flat, weight, bias))
    with path.open("wb") as file:
        graph.write(file)
    return path


def classification(folder: Path, classes: int, *more: tuple[str, object]) -> Spec:
    (folder / "data").mkdir(exist_ok=True)
    given = [("model.use", str(classifier(folder / "mine.tflite", classes))), ("dataset.use", str(folder / "data"))]
    return resolve(read_config(find_benchmark("classification")), [*given, *more], folder)


@pytest.mark.parametrize(("scores", "counted"), [(1001, (1000, 1)), (1000, (1000, 0)), (5, (5, 0)), (965, (965, 0))])
def test_the_class_count_is_read_off_the_model(tmp_path: Path, scores: int, counted: tuple[int, int]) -> None:
    options = classification(tmp_path, scores).options
    assert (options["num_classes"], options["offset"]) == counted


@pytest.mark.parametrize("first", ["background", "???", "Ant"])
def test_a_background_is_recognised_by_the_names(tmp_path: Path, first: str) -> None:
    (tmp_path / "names.txt").write_bytes(f"{first}\r\nbee\r\ncow\r\n".encode("utf-8-sig"))
    names = ("dataset.class_names", str(tmp_path / "names.txt"))
    found = [classification(tmp_path, scores, names).options for scores in ((3, 4) if first == "Ant" else (3, 2))]
    has = [(options["num_classes"], options["offset"]) for options in found]
    assert has == ([(3, 0), (3, 1)] if first == "Ant" else [(2, 1), (2, 0)])
    with pytest.raises(ConfigError, match=r"names\.txt has 3 names, but the model has 10 classes"):
        classification(tmp_path, 10, names)


def test_a_model_of_the_users_own_has_its_own_title_and_no_floor_of_another(tmp_path: Path) -> None:
    spec = classification(tmp_path, 5, ("asked_by_kind", True))
    assert spec.title == "Classification: mine on data"
    assert (spec.targets, spec.full_count) == ([], None)
    named = classification(tmp_path, 1001)
    assert named.title == "Classification: mine on data"
    assert named.targets
    assert kind_overrides("classification") == [("asked_by_kind", True)]
    assert kind_overrides("mobilenet_edgetpu") == kind_overrides("./mine.yaml") == []


def test_a_config_of_the_users_own_keeps_its_title(tmp_path: Path) -> None:
    (tmp_path / "gate.yaml").write_text("inherits: classification\ntitle: The gate\n", encoding="utf-8")
    (tmp_path / "data").mkdir()
    given = [("model.use", str(classifier(tmp_path / "mine.tflite", 5))), ("dataset.use", str(tmp_path / "data"))]
    assert resolve(read_config(tmp_path / "gate.yaml"), given, tmp_path).title == "The gate"


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
    # What is in no suite runs by inference's figures; any model is looked at for ten seconds where nobody says how long.
    least = (1024, 60_000) if spec.load.rules != "none" else (100, 600_000)
    least = (128, 10_000) if config.stem == "tensors" else least
    assert (spec.load.min_query_count, spec.load.min_duration_ms) == least
    assert spec.load.target_percentile == 0.9
