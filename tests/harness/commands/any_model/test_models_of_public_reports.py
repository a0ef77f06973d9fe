"""Small models out of public reports, each of which was once read wrongly: what each verb makes of it now."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from backends.base import ModelRejected
from harness.api import open_model

Call = Callable[..., subprocess.CompletedProcess[str]]
SHORT = ("--set", "load.min_duration_ms=0", "--set", "load.min_query_count=64")
LEFT_OPEN = "leaves sizes of its input 'input' open: [?, ?, ?, 3]"
EACH_VERB = (("run", "--model"), ("bench",), ("profile",), ("diff",), ("tune", "--model"))


@pytest.fixture
def wild(zoo: Path) -> Path:
    """The folder of these models, which lies beside the zoo."""
    folder = zoo.parent / "wild"
    if not folder.is_dir():
        pytest.skip(f"no models of public reports at {folder}")
    return folder


@pytest.mark.parametrize("verb", EACH_VERB, ids=lambda verb: verb[0])
def test_a_classifier_of_a_free_size_is_never_timed_on_a_single_pixel(
    call: Call, wild: Path, verb: tuple[str, ...]
) -> None:
    done = call(*verb, wild / "cls_free_size.tflite")
    assert done.returncode == 2
    assert LEFT_OPEN in done.stderr


def test_a_classifier_of_a_free_size_runs_at_the_size_that_is_named(call: Call, wild: Path, tmp_path: Path) -> None:
    model = wild / "cls_free_size.tflite"
    words = ("--model", model, "--task", "classification", "--set", "model.input_size=24", *SHORT)
    done = call(*words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    assert result["model"]["input_shapes"] == {"input": [1, 24, 24, 3]}
    with pytest.raises(ModelRejected, match="leaves sizes of its input"):
        open_model(model=model)


def test_an_lstm_of_keras_3_is_counted_step_by_step_and_keeps_nothing(call: Call, wild: Path) -> None:
    found = json.loads(call("inspect", wild / "keras_lstm_kws.tflite", "--json").stdout)
    # 49 steps of four gates of 16 units on 10 features and 16 states, and 12 words read off the last.
    assert found["multiply_adds"] == 49 * 4 * 16 * (10 + 16) + 16 * 12
    assert found["not_counted"] == []
    assert found["state"] == "none"


def test_an_lstm_of_keras_3_answers_the_same_in_every_order(wild: Path) -> None:
    samples = np.random.default_rng(3).standard_normal((4, 1, 49, 10, 1)).astype(np.float32)
    with open_model(model=wild / "keras_lstm_kws.tflite") as ask:
        forth = [ask(sample).arrays[0].copy() for sample in samples]
        back = [ask(sample).arrays[0].copy() for sample in samples[::-1]]
    np.testing.assert_array_equal(forth, back[::-1])


def test_a_model_called_float_whose_weights_are_int8_is_told(call: Call, zoo: Path) -> None:
    """The reference's float keyword model is one of dynamic range: float in and out, weights of a byte."""
    model = zoo / "models/mlperf_tiny/kws_ref_model_float32.tflite"
    found = json.loads(call("inspect", model, "--json").stdout)
    assert (found["inputs"][0]["dtype"], found["weight_types"]) == ("float32", ["int8", "float32"])
    assert "weights    int8 and float32, 1.26% are zero" in call("inspect", model).stdout


def test_ten_products_in_a_loop_are_counted_as_ten(call: Call, wild: Path) -> None:
    found = json.loads(call("inspect", wild / "while_10_products.tflite", "--json").stdout)
    assert (found["multiply_adds"], found["parameters"]) == (10 * 64 * 64, 64 * 64)


def test_a_model_compiled_for_an_npu_is_known_by_its_custom_op(call: Call, wild: Path) -> None:
    model = wild / "npu_dispatch_op.tflite"
    found = json.loads(call("inspect", model, "--json").stdout)
    assert found["custom_ops"] == ["DISPATCH_OP"]
    assert found["loads"] is False
    assert "the custom op DISPATCH_OP" in str(found["not_counted"])


@pytest.mark.parametrize("verb", EACH_VERB, ids=lambda verb: verb[0])
@pytest.mark.parametrize(
    ("name", "reason"),
    [("npu_dispatch_op", "no kernel for: DISPATCH_OP"), ("conv_rank1_filter", "filter->dims->size != 4")],
)
def test_a_model_that_cannot_run_is_refused_by_each_verb_with_the_reason(
    call: Call, wild: Path, verb: tuple[str, ...], name: str, reason: str
) -> None:
    done = call(*verb, wild / f"{name}.tflite")
    assert done.returncode == 2
    assert reason in done.stderr


def test_a_convolution_whose_filter_has_one_axis_is_described_without_what_cannot_be_counted(
    call: Call, wild: Path
) -> None:
    done = call("inspect", wild / "conv_rank1_filter.tflite")
    assert done.returncode == 0
    assert "without a CONV_2D whose shapes are not known" in done.stdout
    assert "filter->dims->size != 4" in done.stdout
