"""What the picture stand-ins are worth: they score on the built-in sets, and no mistake of a harness goes unpunished."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from accuracy.answers.log import Answer, LogError
from backends.base import TensorSpec
from harness.config.registry import task_class
from harness.zoo.standins import networks
from harness.zoo.standins.picture_models import WEIGHTS, load_weights
from tasks.base import DataRef

Array = npt.NDArray[Any]
Change = Callable[[Array], Array]

FLOORS = {"classification": ("top1", 0.95), "detection": ("voc_map50", 0.60), "segmentation": ("miou_present", 0.70)}
_MODELS = {"classification": "mobilenet_edgetpu", "detection": "ssd_mobilenet_v2", "segmentation": "deeplabv3"}
_DATA = {"classification": "imagenet", "detection": "coco", "segmentation": "ade20k"}
_SOME = {"classification": 48, "detection": 16, "segmentation": 6}
"""Samples that are enough to see a mistake."""
_MANY = {"classification": 96, "detection": 24, "segmentation": 12}
"""Of the test part: enough to tell that the stand-ins reach their floors, and that int8 keeps up."""
_INT8_SHARE = 0.98
"""What the int8 twin keeps of the float model's score."""


def score(
    made: Callable[[str, str], Path],
    task: str,
    variant: str,
    *,
    count: int | None = None,
    options: Mapping[str, Any] | None = None,
    of_input: Change = lambda values: values,
    of_outputs: Callable[[list[Array]], list[Array]] = lambda outputs: outputs,
    data: Path | None = None,
) -> float:
    """The headline of FLOORS, from the task's own preparation, decoding and scoring, with a mistake in between."""
    interpreter = Interpreter(str(made("standins", f"{_MODELS[task]}_{variant}")), num_threads=2)
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    kind: Any = task_class(task)
    bound = kind(DataRef(data or made("builtin", _DATA[task]), None, count), kind.Options(**options or {}))
    codec = bound.codec(_specs(inputs), _specs(outputs))
    answers = []
    for index in range(len(bound)):
        (values,) = codec.preprocess(index)
        interpreter.set_tensor(inputs[0]["index"], np.ascontiguousarray(of_input(values)))
        interpreter.invoke()
        answer = codec.postprocess(of_outputs([interpreter.get_tensor(output["index"]) for output in outputs]))
        if codec.stamps_index:
            rows = np.frombuffer(answer, np.float32).reshape(-1, 7).copy()
            rows[:, 0] = index
            answer = rows.tobytes()
        answers.append(Answer(index, bytes(answer)))
    return float(bound.score(answers)[FLOORS[task][0]])


_clean: dict[tuple[str, str, int], float] = {}
"""Scores without a mistake, each found once."""


def _specs(details: list[dict[str, Any]]) -> list[TensorSpec]:
    return [TensorSpec(each["name"], tuple(map(int, each["shape"])), np.dtype(each["dtype"])) for each in details]


@pytest.mark.parametrize("task", FLOORS)
def test_a_stand_in_reaches_its_floor_on_data_it_was_not_made_from_and_int8_keeps_up(
    made: Callable[[str, str], Path], task: str
) -> None:
    in_float, in_int8 = (score(made, task, variant, count=_MANY[task]) for variant in ("float32", "int8"))
    assert in_float >= FLOORS[task][1]
    assert in_int8 >= FLOORS[task][1]
    assert in_int8 >= _INT8_SHARE * in_float


def _punished(made: Callable[[str, str], Path], task: str, variant: str = "int8", **mistake: Any) -> None:
    """The same samples reach the floor without the mistake, and with it miss the floor or are refused."""
    count = _SOME[task]
    key = (task, variant, count)
    if key not in _clean:
        _clean[key] = score(made, task, variant, count=count)
    assert _clean[key] >= FLOORS[task][1]
    try:
        with_mistake = score(made, task, variant, count=count, **mistake)
    except LogError:  # answers that no working model gives: there is no score at all
        return
    assert with_mistake < FLOORS[task][1]


@pytest.mark.parametrize("task", FLOORS)
def test_red_and_blue_swapped_cost_the_floor(made: Callable[[str, str], Path], task: str) -> None:
    _punished(made, task, of_input=lambda values: values[..., ::-1])


@pytest.mark.parametrize("task", FLOORS)
def test_pictures_upside_down_cost_the_floor(made: Callable[[str, str], Path], task: str) -> None:
    _punished(made, task, of_input=lambda values: values[:, ::-1])


@pytest.mark.parametrize("task", FLOORS)
def test_a_wrong_mean_costs_the_floor(made: Callable[[str, str], Path], task: str) -> None:
    _punished(made, task, "float32", options={"mean": 0.0, "std": 255.0})


@pytest.mark.parametrize("task", FLOORS)
def test_signed_bytes_for_unsigned_ones_cost_the_floor(made: Callable[[str, str], Path], task: str) -> None:
    _punished(made, task, of_input=lambda values: (values.view(np.uint8) ^ 128).view(values.dtype))


def test_mirrored_pictures_cost_the_classifier_its_floor(made: Callable[[str, str], Path]) -> None:
    _punished(made, "classification", of_input=lambda values: values[:, :, ::-1])


def test_pictures_squeezed_into_the_input_cost_the_classifier_its_floor(
    made: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.codecs import classification
    from tasks.pictures.pixels.resize import resize_bilinear

    assert score(made, "classification", "int8", count=_SOME["classification"]) >= FLOORS["classification"][1]
    monkeypatch.setattr(classification, "PROFILES", {"mobile": resize_bilinear})
    assert score(made, "classification", "int8", count=_SOME["classification"]) < FLOORS["classification"][1]


@pytest.mark.parametrize("shift", [1, -1])
def test_labels_off_by_one_cost_the_floor(made: Callable[[str, str], Path], shift: int) -> None:
    _punished(made, "classification", of_outputs=lambda outputs: [np.roll(outputs[0], shift, axis=-1)])


def test_scores_for_classes_cost_the_detector_its_floor(made: Callable[[str, str], Path]) -> None:
    _punished(made, "detection", of_outputs=lambda outputs: [outputs[place] for place in (0, 2, 1, 3)])


def test_transposed_boxes_cost_the_detector_its_floor(made: Callable[[str, str], Path]) -> None:
    def transposed(outputs: list[Array]) -> list[Array]:
        return [np.ascontiguousarray(outputs[0][..., [1, 0, 3, 2]]), *outputs[1:]]

    _punished(made, "detection", of_outputs=transposed)


@pytest.mark.parametrize("offset", [0, 2])
def test_a_wrong_class_offset_costs_the_detector_its_floor(made: Callable[[str, str], Path], offset: int) -> None:
    _punished(made, "detection", options={"class_offset": offset})


@pytest.mark.parametrize("shift", [1, -1])
def test_a_shifted_class_map_costs_the_floor(made: Callable[[str, str], Path], shift: int) -> None:
    _punished(made, "segmentation", of_outputs=lambda outputs: [np.clip(outputs[0] + shift, 0, 31)])


@pytest.mark.parametrize("axes", [(0, 2, 1)])
def test_a_transposed_class_map_costs_the_floor(made: Callable[[str, str], Path], axes: tuple[int, ...]) -> None:
    _punished(made, "segmentation", of_outputs=lambda outputs: [np.ascontiguousarray(outputs[0].transpose(axes))])


def test_the_seeded_classifier_tells_pictures_apart_and_int8_agrees(made: Callable[[str, str], Path]) -> None:
    kind: Any = task_class("classification")
    bound = kind(DataRef(made("builtin", "imagenet"), None, 24), kind.Options())
    best = []
    for variant in ("float32", "int8"):
        interpreter = Interpreter(str(made("standins", f"mobilenet_v2_{variant}")), num_threads=2)
        interpreter.allocate_tensors()
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        codec = bound.codec(_specs(inputs), _specs(outputs))
        found = []
        for index in range(len(bound)):
            interpreter.set_tensor(inputs[0]["index"], codec.preprocess(index)[0])
            interpreter.invoke()
            found.append(int(interpreter.get_tensor(outputs[0]["index"]).argmax()))
        best.append(np.array(found))
    assert len(set(best[0].tolist())) >= 6
    assert (best[0] == best[1]).mean() >= 0.8


def test_the_weights_ship_within_16_megabytes() -> None:
    files = sorted(WEIGHTS.glob("*.npz"))
    assert {"deeplabv3", "mobilenet_edgetpu", "ssd_mobilenet_v2"} < {file.stem for file in files}
    assert sum(file.stat().st_size for file in files) <= 16e6


@pytest.mark.parametrize("name", ["mobilenet_edgetpu", "deeplabv3", "ssd_mobilenet_v2"])
def test_the_float_twin_has_the_int8_weights_multiplied_out(made: Callable[[str, str], Path], name: str) -> None:
    weights = load_weights(name)
    interpreter = Interpreter(
        str(made("standins", f"{name}_float32")),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    details = {detail["name"]: detail["index"] for detail in interpreter.get_tensor_details()}
    for node in list(getattr(networks, name)().convolutions)[::9]:
        scale = weights[f"{node.name}/scale"]
        along = scale if node.depthwise else scale[:, None, None, None]
        stored = interpreter.get_tensor(details[f"{node.name}/weight"])
        np.testing.assert_array_equal(stored, weights[f"{node.name}/weight"] * along)
