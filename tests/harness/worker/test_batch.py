"""Several samples in one run of the model: the same answers in the same order, or a clear word why not."""

from __future__ import annotations

import array
import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from accuracy.answers.log import read_rows
from backends.base import Array, Backend, BackendInfo, TensorSpec
from backends.cpu import CompiledCpuBackend, CpuBackend
from backends.litert.batch import Rows
from backends.litert.tensor_memory import as_bytes
from backends.null import NullBackend
from harness.model.comparison import Comparison
from harness.model.opening import Opener
from harness.serving.instances import Instances
from harness.serving.sut import SystemUnderTest
from harness.worker.batch import CannotBatchError, open_many, prove_batch
from tasks.base import Codec

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]


@pytest.fixture
def flexible(flexible_keyword_model: Path, keyword_data: Path, short: list[str]) -> list[str]:
    return ["--task", "kws", "--model", str(flexible_keyword_model), "--dataset", str(keyword_data), *short]


def rows_of(folder: Path) -> dict[int, bytes]:
    return {row.index: row.data for row in read_rows(folder / "mlperf_log_accuracy.json")}


@pytest.mark.parametrize(
    ("scenario", "workers", "batch"),
    [("Offline", "threads", 7), ("Offline", "processes", 7), ("Server", "threads", 3), ("MultiStream", "auto", 3)],
)
def test_a_run_in_batches_logs_what_a_run_sample_by_sample_logs(
    scenario: str, workers: str, batch: int, call: Cli, flexible: list[str], tmp_path: Path, read_result: Read
) -> None:
    words = [*flexible, "--scenario", scenario, "--mode", "accuracy", "--set", f"backend.workers={workers}"]
    # 40 samples in loads of 16: no batch fits evenly.
    words += ["--set", "load.performance_sample_count=16"]
    words += [] if scenario == "MultiStream" else ["--instances", "2"]
    for size in (1, batch):
        done = call(*words, "--batch", str(size), "--out", tmp_path / f"{size}")
        assert done.returncode == 0, done.stderr
        result = read_result(tmp_path / f"{size}")
        assert result["backend"]["batch"] == size
        assert result["accuracy"]["top1"]["value"] == 0.8
    assert result["calibration"]["batch"]["why"] == "config"
    assert set(result["calibration"]["batch"]["median_ns"]) == {"1", str(batch)}
    assert f"batches of {batch}" in done.stdout
    assert rows_of(tmp_path / f"{batch}") == rows_of(tmp_path / "1")


@pytest.mark.parametrize("name", ["mlperf_tiny/kws_ref_model_int8", "mlperf_tiny/kws_ref_model_float32"])
def test_the_zoo_s_keyword_models_answer_the_same_in_batches(
    name: str, call: Cli, zoo: Path, tmp_path: Path, read_result: Read
) -> None:
    words = ["--task", "kws", "--model", zoo / f"models/{name}.tflite", "--dataset", zoo / "datasets/kws01"]
    for size in (1, 24):
        out = tmp_path / f"{size}"
        done = call(
            *words, "--scenario", "Offline", "--mode", "accuracy", "--count", "100", "--batch", str(size), "--out", out
        )
        assert done.returncode == 0, done.stderr
    assert rows_of(tmp_path / "24") == rows_of(tmp_path / "1")
    assert len(rows_of(tmp_path / "1")) == 100


def test_auto_says_what_it_measured_and_a_performance_run_is_valid_either_way(
    call: Cli, flexible: list[str], tmp_path: Path, read_result: Read
) -> None:
    done = call(*flexible, "--scenario", "Offline", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "run")
    found = result["calibration"]["batch"]
    # Which it is depends on the machine; 32 at once were tried.
    assert found["why"] in ("clearly quicker", "32 at once are not clearly quicker")
    assert result["backend"]["batch"] == found["size"] == (32 if found["why"] == "clearly quicker" else 1)
    assert set(found["median_ns"]) == {"1", "32"}


def test_a_model_that_cannot_be_resized_is_left_at_one_sample_and_refused_any_other_number(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read, complaint: Callable[..., str]
) -> None:
    done = call(*keywords, "--scenario", "Offline", "--out", tmp_path / "auto")
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "auto")
    assert result["backend"]["batch"] == 1
    assert "cannot be resized to 32 samples" in result["calibration"]["batch"]["why"]
    done = call(*keywords, "--scenario", "Offline", "--batch", "4", "--out", tmp_path / "four", "--json")
    assert done.returncode == 2
    assert "backend.batch is 4, but the model cannot be resized to 4 samples" in done.stderr


def test_the_zoo_s_quantised_mobilenet_v2_has_a_fixed_reshape(zoo: Path) -> None:
    model = zoo / "models/coral/mobilenet_v2_1.0_224_quant.tflite"
    single = CpuBackend(model, threads=1)
    with pytest.raises(CannotBatchError, match="cannot be resized to 2 samples"):
        open_many(opens(CpuBackend, model), single, 2)


def opens(kind: Any, model: Path) -> Opener:
    """Opens the model for a batch as `Opener` does, by this class."""

    class Opens:
        def open_many(self, single: Backend, size: int) -> Backend:
            shapes = [(size, *tensor.shape[1:]) for tensor in single.inputs]
            return cast("Backend", kind(model, threads=1, input_shapes=shapes))

    return cast("Opener", Opens())


class Tenth:
    """Of `Instances` what holds answers against each other: to a tenth."""

    def __init__(self) -> None:
        self.control = self.parity = self

    def tick(self) -> None:
        pass

    def compare(self, outputs: Any, expected: Any, found: Any) -> Comparison:
        del outputs
        right = np.allclose(expected, found, atol=0.1)
        return Comparison(right, () if right else ("beyond a tenth",), 1)


TENTH = cast("Instances", Tenth())


@pytest.mark.parametrize("kind", [CpuBackend, CompiledCpuBackend])
@pytest.mark.parametrize(
    "name",
    ["mlperf_mobile/mobilenet_edgetpu_224_1.0_uint8", "mlperf_tiny/kws_ref_model_int8", "mlperf_tiny/vww_96_float"],
)
def test_models_of_the_zoo_answer_every_sample_in_every_place_as_by_itself(zoo: Path, kind: Any, name: str) -> None:
    model = zoo / f"models/{name}.tflite"
    if kind is CompiledCpuBackend and "edgetpu" in name:
        pytest.skip("CompiledModel does not take this file as it is")
    single = kind(model, threads=1)
    many = open_many(opens(kind, model), single, 3)
    rng = np.random.default_rng(0)
    rows = [tuple(_noise(rng, tensor) for tensor in single.inputs) for _ in range(4)]
    prove_batch(TENTH, single, many, rows)
    assert [tensor.shape[0] for tensor in (*many.inputs, *many.outputs)] == [3, 3]


def _noise(rng: np.random.Generator, tensor: TensorSpec) -> Array:
    if tensor.dtype.kind == "f":
        return rng.random(tensor.shape, np.float32)
    limits = np.iinfo(tensor.dtype)
    return rng.integers(limits.min, limits.max, tensor.shape, tensor.dtype, endpoint=True)


class Doubler(Backend):
    """Answers twice the input, [n, 3]; `wrong` spoils the answers of a batch."""

    def __init__(self, size: int, dtype: Any, wrong: Callable[[Array], None] = lambda _: None) -> None:
        self.inputs = (TensorSpec("given", (size, 3), np.dtype(dtype)),)
        self.outputs = (TensorSpec("twice", (size, 3), np.dtype(dtype)),)
        self._wrong = wrong

    def invoke(self, inputs: Sequence[Array]) -> list[Array]:
        twice = inputs[0] * 2
        self._wrong(twice)
        return [twice]

    def info(self) -> BackendInfo:
        return BackendInfo("doubler", "none", None)


def _swap(answers: Array) -> None:
    answers[[0, 1]] = answers[[1, 0]]


def _repeat_the_first(answers: Array) -> None:
    answers[:] = answers[0]


def _off_by_one_at_the_end(answers: Array) -> None:
    answers[-1, -1] += 1


@pytest.mark.parametrize("wrong", [_swap, _repeat_the_first, _off_by_one_at_the_end])
@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_a_batch_that_answers_otherwise_is_found_out_even_where_all_samples_are_alike(
    wrong: Callable[[Array], None], count: int, dtype: npt.DTypeLike
) -> None:
    rows = [(np.array([[1, 2, 3 + 7 * number]], dtype),) for number in range(count)]
    prove_batch(TENTH, Doubler(1, dtype), Doubler(4, dtype), rows)
    with pytest.raises(CannotBatchError, match="asked 4 samples at once the model answers otherwise"):
        prove_batch(TENTH, Doubler(1, dtype), Doubler(4, dtype, wrong), rows)


def test_floats_may_differ_as_far_as_the_task_tolerates_and_no_further() -> None:
    def by(much: float) -> Callable[[Array], None]:
        def add(answers: Array) -> None:
            answers += much

        return add

    rows = [(np.ones((1, 3), np.float32),)]
    prove_batch(TENTH, Doubler(1, np.float32), Doubler(4, np.float32, by(0.01)), rows)
    with pytest.raises(CannotBatchError, match="beyond a tenth"):
        prove_batch(TENTH, Doubler(1, np.float32), Doubler(4, np.float32, by(0.5)), rows)


def test_a_model_whose_answers_are_not_one_row_a_sample_is_refused() -> None:
    class Flat(Doubler):
        def __init__(self, model: Path, *, threads: int, input_shapes: Any) -> None:
            del model, threads
            super().__init__(input_shapes[0][0], np.int8)
            self.outputs = (TensorSpec("twice", (1, 3 * input_shapes[0][0]), np.dtype(np.int8)),)

    with pytest.raises(CannotBatchError, match=r"has twice as \[1, 12\], where \[4, 3\] would be one row a sample"):
        open_many(opens(Flat, Path()), Doubler(1, np.int8), 4)
    with pytest.raises(CannotBatchError, match=r"without a leading dimension of 1: given \[2, 3\]"):
        open_many(opens(Flat, Path()), Doubler(2, np.int8), 4)


class Echo(Codec):
    """Logs the first number; with the sample's index in the first of seven floats where `stamps`."""

    def __init__(self, *, stamps: bool) -> None:
        self.stamps_index = stamps  # type: ignore[misc]

    def preprocess(self, index: int) -> tuple[Array, ...]:
        return (np.array([[index, 0, 0]], np.float32),)

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        assert outputs[0].shape == (1, 3)
        return np.full(7, outputs[0][0, 0], np.float32).tobytes()


class Loaded:
    def __init__(self, codec: Codec, count: int) -> None:
        self.rows: list[tuple[Array, ...]] = [codec.preprocess(index) for index in range(count)]
        self.raw = [tuple(map(as_bytes, row)) for row in self.rows]


@pytest.mark.parametrize("stamps", [False, True])
@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 11])
@pytest.mark.parametrize("check", [False, True])
def test_answers_come_in_order_and_what_is_left_over_is_answered_alone(stamps: bool, count: int, check: bool) -> None:
    codec, asked = Echo(stamps=stamps), Counted(4)
    samples = Loaded(codec, 20)
    sut = SystemUnderTest(Doubler(1, np.float32), codec, samples, check_answers=check, many=asked)
    indices = [(7 * number) % 20 for number in range(count)]
    found = [np.frombuffer(answer, np.float32).tolist() for answer in sut.answer_all(indices)]
    assert found == [[index if stamps else 2 * index, *[2 * index] * 6] for index in indices]
    assert asked.calls == count // 4
    assert sut.answer_all(memoryview(array.array("I", indices))) == [sut.answer(index) for index in indices]


class Counted(Doubler):
    def __init__(self, size: int) -> None:
        super().__init__(size, np.float32)
        self.calls = 0

    def batch_runner(self) -> Any:
        run = super().batch_runner()

        def run_batch(rows: Rows) -> Rows:
            self.calls += 1
            assert len(rows) == self.inputs[0].shape[0]
            return run(rows)

        return run_batch


def test_every_engine_takes_and_gives_a_batch_sample_by_sample(flexible_keyword_model: Path) -> None:
    rng = np.random.default_rng(1)
    rows = [(rng.integers(-128, 128, (1, 49, 10, 1), np.int8),) for _ in range(5)]
    single = CpuBackend(flexible_keyword_model, threads=1)
    expected = [single.invoke(row)[0].tolist() for row in rows]
    assert len({json.dumps(row) for row in expected}) == 5
    for kind in (CpuBackend, CompiledCpuBackend, NullBackend):
        many = kind(flexible_keyword_model, threads=1, input_shapes=[(5, 49, 10, 1)])
        run = many.batch_runner()
        for order in ([0, 1, 2, 3, 4], [4, 2, 0, 1, 3]):
            found = [outputs[0].tolist() for outputs in run([rows[place] for place in order])]
            wanted = [[[0] * 12]] * 5 if kind is NullBackend else [expected[place] for place in order]
            assert found == wanted


@pytest.mark.parametrize(
    ("scenario", "batch", "says"),
    [
        ("SingleStream", "2", "backend.batch is 2, but SingleStream asks one sample at a time: at most 1, or auto"),
        ("MultiStream", "9", "backend.batch is 9, but MultiStream asks 8 samples at a time: at most 8, or auto"),
        ("Offline", "0", "backend.batch must be 1 to 1024 or auto, not 0"),
    ],
)
def test_a_batch_that_the_scenario_never_asks_is_refused(
    scenario: str, batch: str, says: str, call: Cli, keywords: list[str], tmp_path: Path, complaint: Callable[..., str]
) -> None:
    done = call(*keywords, "--scenario", scenario, "--batch", batch, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert says in complaint(done)
