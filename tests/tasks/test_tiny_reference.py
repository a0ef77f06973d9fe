"""The tiny zoo's measured figures, by the tasks themselves; each has a twin with something broken that must miss it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from accuracy.answers.log import Answer
from backends.base import TensorSpec
from harness.api.inputs import as_npy
from tasks.base import DataRef
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions

TINY = Path("models") / "mlperf_tiny"


@pytest.mark.parametrize(("variant", "wanted"), [("int8", 0.748), ("float", 0.752)])
def test_cifar_10_has_its_measured_top1(zoo: Path, asked: Any, variant: str, wanted: float) -> None:
    model = zoo / TINY / f"ic_pretrainedResnet_{variant}.tflite"
    task, answers = asked(
        "classification", model, zoo / "datasets" / "cifar10_test_jpeg", crop=False, float_range="0..255"
    )
    assert task.score(answers)["top1"] == pytest.approx(wanted, abs=0.0021)
    turned = [Answer(answer.index, answers[index - 3].data) for index, answer in enumerate(answers)]
    assert task.score(turned)["top1"] < 0.2


@pytest.fixture(scope="module")
def wake_pictures(zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 40 pictures that have official labels, and a list of these."""
    source, folder = zoo / "datasets" / "coco_val50", tmp_path_factory.mktemp("vww")
    rows = list(csv.DictReader((source / "vww01_official_subset.csv").read_text().splitlines()))
    for row in rows:
        (folder / row["file"]).symlink_to(source / "val2017" / row["file"])
    lines = ["file,label", *(f"{row['file']},{row['person']}" for row in rows)]
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("variant", ["int8", "float"])
def test_visual_wake_words_have_35_of_40(zoo: Path, asked: Any, wake_pictures: Path, variant: str) -> None:
    model, options = zoo / TINY / f"vww_96_{variant}.tflite", {"crop": False, "profile": "pillow"}
    task, answers = asked("classification", model, wake_pictures, float_range="0..1", **options)
    assert task.score(answers)["top1"] == 35 / 40
    if variant == "float":
        task, answers = asked("classification", model, wake_pictures, **options)  # -1 to 1, which it was not made for
        assert task.score(answers)["top1"] < 35 / 40


def person_scores(zoo: Path, *, reference_kernels: bool) -> list[int]:
    """Of the six golden pictures, by the task's own preparation."""
    kernels = OpResolverType.BUILTIN_REF if reference_kernels else OpResolverType.AUTO
    model = zoo / "models" / "tflite_micro" / "person_detect_repaired_qdim0.tflite"
    interpreter = Interpreter(str(model), experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    specs = [
        TensorSpec(each["name"], tuple(each["shape"]), np.dtype(each["dtype"]), *each["quantization"])
        for each in (taken, given)
    ]
    folder = zoo / "datasets" / "efinix_golden" / "pdti8"
    task = Classification(DataRef(folder), ClassificationOptions(num_classes=2, crop=False))
    codec: Any = task.codec([specs[0]], [specs[1]])
    found = []
    for name in ("g_person", "g_no_person", "people1", "people2", "no_people1", "no_people2"):
        data = (folder / f"{name}_data.bin").read_bytes()
        if name.startswith("g_"):
            # Their bytes are taken as int8 as they stand, which makes no picture: a raw file of it would be refused.
            pixels = (np.frombuffer(data, np.uint8) ^ np.uint8(128)).reshape(96, 96, 1).repeat(3, axis=2)
            data = as_npy(pixels)
        (values,) = codec.prepare(f"{name}_data{'.npy' if name.startswith('g_') else '.bin'}", data)
        interpreter.set_tensor(taken["index"], values)
        interpreter.invoke()
        found.append(int(interpreter.get_tensor(given["index"])[0, 1]))
    return found


def test_the_person_detector_has_its_published_scores_with_the_reference_kernels_and_nearly_with_the_default(
    zoo: Path,
) -> None:
    published = [113, -57, 93, 57, -51, -111]
    assert person_scores(zoo, reference_kernels=True) == published
    default = person_scores(zoo, reference_kernels=False)
    assert max(abs(one - other) for one, other in zip(default, published, strict=True)) <= 6


@pytest.mark.parametrize(("model", "wanted"), [("ad01_fp32", 9.7071), ("ad01_int8", 10.26521)])
def test_an_anomaly_score_is_the_reference_s(zoo: Path, asked: Any, model: str, wanted: float) -> None:
    task, answers = asked("anomaly_detection", zoo / TINY / f"{model}.tflite", zoo / "datasets" / "ad01_sample")
    assert len(task) == 196
    ((_, score),) = task._scores(answers).items()
    assert score == pytest.approx(wanted, abs=1e-5)
    shifted = [Answer(answer.index, answers[answer.index - 1].data) for answer in answers]
    ((_, twin),) = task._scores(shifted).items()
    assert twin > wanted + 0.2


# --- the golden inputs of the Efinix zoo -----------------------------------------------------------------------------


def answer_of(zoo: Path, model: str, golden: str, *, reference_kernels: bool = False) -> tuple[Any, Any, Any]:
    """The input, dequantised, with the raw output and its tensor, of a golden file that holds int8 already."""
    kernels = OpResolverType.BUILTIN_REF if reference_kernels else OpResolverType.AUTO
    interpreter = Interpreter(str(zoo / "models" / "efinix" / model), experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    raw = np.frombuffer((zoo / "datasets" / "efinix_golden" / golden).read_bytes(), np.int8).reshape(taken["shape"])
    interpreter.set_tensor(taken["index"], raw)
    interpreter.invoke()
    scale, zero_point = taken["quantization"]
    return (raw.astype(np.float32) - zero_point) * scale, interpreter.get_tensor(given["index"])[0], given


def test_the_golden_word_is_on_and_the_golden_airplane_is_one_with_the_reference_kernels(zoo: Path) -> None:
    _, words, _ = answer_of(zoo, "ds_cnn_kws.tflite", "kws/g_kws_inputs.bin")
    assert (int(words.argmax()), int(words.max())) == (5, 127)
    name = "imgc/quant_airplane_dat.bin"
    _, exact, _ = answer_of(zoo, "resnet_image_classify.tflite", name, reference_kernels=True)
    assert (exact[0], exact[7]) == (9, -31)
    _, default, _ = answer_of(zoo, "resnet_image_classify.tflite", name)
    assert default[0] == default[7] == -12


@pytest.mark.parametrize(
    ("golden", "wanted", "published"),
    [
        ("anomaly_id_01_00000250_s1", 12.7712, 12.7776),
        ("anomaly_id_01_00000250_s2", 12.1121, 12.2427),
        ("normal_id_01_00000200_s1", 9.3791, 9.2414),
        ("normal_id_01_00000200_s2", 9.7020, 9.7161),
    ],
)
def test_golden_windows_have_their_anomaly_scores(zoo: Path, golden: str, wanted: float, published: float) -> None:
    window, raw, given = answer_of(zoo, "deep_autoencoder_anomaly_detection.tflite", f"ad/{golden}.bin")
    scale, zero_point = given["quantization"]
    score = float(np.mean(np.square(window - (raw.astype(np.float32) - zero_point) * scale)))
    assert score == pytest.approx(wanted, abs=2e-4)
    assert abs(score - published) < 0.14
