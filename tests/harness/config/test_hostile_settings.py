"""Settings, caches and models that would break a run in ways of their own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from backends.base import TensorSpec
from harness.config.plain_yaml import load_yaml
from harness.serving.samples import SampleLibrary
from tasks.base import Array, Codec

Cli = Callable[..., subprocess.CompletedProcess[str]]
Complaint = Callable[[subprocess.CompletedProcess[str]], str]

NANS = """
import numpy as np
from backends.null import NullBackend

class Backend(NullBackend):
    def __init__(self, model, **settings):
        super().__init__(model, **settings)
        self._answer = [np.full(spec.shape, np.nan, spec.dtype) for spec in self.outputs]
"""


@pytest.mark.parametrize("mode", ["performance", "accuracy"])
def test_a_model_that_answers_nan_is_a_failed_run(
    mode: str,
    cli: Cli,
    complaint: Complaint,
    plug_in: Callable[[str, str], dict[str, str]],
    picture_model: Path,
    picture_data: Path,
    tmp_path: Path,
) -> None:
    done = cli(
        *("--task", "classification", "--model", picture_model, "--dataset", picture_data, "--mode", mode),
        *("--backend", "nans", "--allow-mismatch", "--preset", "rapid", "--out", tmp_path / "run"),
        env=plug_in("nans", NANS),
    )
    assert done.returncode == 3
    assert "holds NaN: its weights or its inputs are broken" in complaint(done)
    assert json.loads((tmp_path / "run" / "result.json").read_text())["status"] == "failed"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "model.mean=.nan"], "mean: a finite number is needed"),
        (
            ["--set", "model.mean=[1, 2]"],
            "mean is [1.0, 2.0], but must be one finite number, or one for each of 3 channels",
        ),
        (["--set", "model.std=wide"], "std: must be a number or a list of numbers, not 'wide'"),
        (["--set", "model.std=.inf"], "std: a finite number is needed"),
        (["--threads", "1000000000"], "backend.threads"),
        (["--threads", "true"], "backend.threads"),
        (["--scenario", "Server", "--set", "load.server_target_latency_ms=1.0e+300"], "load.server_target_latency_ms"),
        (["--set", "load.expected_latency_ns=9223372036854775807"], "load.expected_latency_ns"),
        (["--scenario", "Server", "--set", "load.target_qps=1.0e-9"], "load.target_qps"),
        (["--set", "title=" + "[" * 3000], "is no value"),
    ],
)
def test_a_figure_nobody_means_is_refused_by_name(
    words: list[str],
    message: str,
    cli: Cli,
    complaint: Complaint,
    picture_model: Path,
    picture_data: Path,
    tmp_path: Path,
) -> None:
    done = cli(
        *("--task", "classification", "--model", picture_model, "--dataset", picture_data, *words),
        *("--out", tmp_path / "run"),
    )
    assert done.returncode == 2
    assert message in complaint(done)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: x\nload: {preset: rapid}\nload: {scenario: Offline}\n", "the key 'load' stands twice"),
        ("[" * 5000, "is not YAML"),
        ("title: !!python/object/apply:os.system [id]\n", "is not YAML"),
    ],
)
def test_a_config_with_tricks_is_refused(
    text: str, message: str, cli: Cli, complaint: Complaint, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    done = cli("--task", tmp_path / "mine.yaml")
    assert done.returncode == 2
    assert message in complaint(done)


def test_anchors_and_merges_are_no_duplicates() -> None:
    text = "a: &one {x: 1}\nb: {<<: *one, x: 2}\n"
    assert load_yaml(text) == {"a": {"x": 1}, "b": {"x": 2}}


@pytest.mark.parametrize(
    ("size", "advice"),
    [("ro", "Read-only file system; name another"), ("size=64k", "No space left on device; make room")],
)
def test_a_cache_that_cannot_be_written_is_named_once_for_model_and_data(
    size: str, advice: str, cli: Cli, complaint: Complaint, mount: Callable[[str], Path], tmp_path: Path
) -> None:
    cache = mount(size)
    done = cli("--task", "mobilenet_edgetpu", "--out", tmp_path / "run", env={"TFLITE_LOADGEN_CACHE": str(cache)})
    assert done.returncode == 2
    said = complaint(done)
    assert f"cannot write the cache {cache}: {advice}" in said
    assert said.count(str(cache)) == 1


class Counting(Codec):
    """Prepares the index itself, and counts how often."""

    def __init__(self) -> None:
        self.prepared = 0

    def preprocess(self, index: int) -> tuple[Array, ...]:
        self.prepared += 1
        return (np.full((1, 64), index, np.float32),)

    def postprocess(self, outputs: object) -> bytes:
        raise NotImplementedError

    def cache_key(self) -> str:
        return "counting"


def test_samples_changed_in_the_cache_are_made_anew(tmp_path: Path) -> None:
    codec = Counting()

    def load() -> SampleLibrary:
        inputs = [TensorSpec("values", (1, 64), np.dtype(np.float32))]
        library = SampleLibrary(codec, 4, workers=1, cache_dir=tmp_path, on_sample=lambda: None, inputs=inputs)
        library.load(range(4))
        return library

    load()
    load()
    assert codec.prepared == 4
    [kept] = tmp_path.glob("*/0.npy")
    content = bytearray(kept.read_bytes())
    content[-100:] = bytes(100)
    kept.write_bytes(content)
    rows = load().rows
    assert codec.prepared == 8
    assert [float(row[0][0, -1]) for row in rows] == [0, 1, 2, 3]


def test_a_model_with_a_name_that_is_no_text_is_corrupt_not_a_crash(
    cli: Cli, complaint: Complaint, keyword_model: Path, keyword_data: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.tflite"
    content = keyword_model.read_bytes()
    assert content.count(b"features") >= 1
    broken.write_bytes(content.replace(b"features", b"fea\xe8ures"))
    done = cli("--task", "kws", "--model", broken, "--dataset", keyword_data, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "is corrupt: the name of a tensor is no text" in complaint(done)
