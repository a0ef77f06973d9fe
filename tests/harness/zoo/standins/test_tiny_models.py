"""What the tiny stand-ins are worth: each scores on its built-in set, and a mistake of a harness does not go unpunished."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter

from accuracy.answers.log import Answer
from harness.config.files import config_folder, load_benchmark
from harness.config.mistakes import task_options
from harness.config.registry import task_class
from harness.zoo.builtin.sets import builtin_path
from harness.zoo.standins.library import standin_path
from tasks.base import DataRef
from tests.tensor_specs import specs_of

Array = npt.NDArray[Any]
Change = Callable[[Array], Array]
FLOORS = {
    "ic": ("top1", 0.95),
    "vww": ("top1", 0.8),
    "kws": ("top1", 0.95),
    "ad": ("auc", 0.85),
    "yolo_person": ("coco_ap50", 0.6),
    "sww": ("hit_rate", 0.95),
    "face_landmark": ("nme", -0.1),
}
"""The headline, and the least that it may be; with a minus the most, of an error."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tiny")


def score(place: Path, name: str, variant: str = "int8", of_input: Change = lambda values: values) -> float:
    """The benchmark's headline by its own config, with a mistake in what the model is given."""
    return _score(place, name, variant)(of_input)


@cache
def _score(place: Path, name: str, variant: str) -> Callable[[Change], float]:
    benchmark = load_benchmark(config_folder() / f"{name}.yaml")
    standin = next(
        each.standin for each in benchmark.models.values() if each.standin and each.standin.endswith(variant)
    )
    data = next(each for each in benchmark.datasets.values() if each.builtin)
    interpreter = Interpreter(str(standin_path(standin, place).path), num_threads=1)
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details(), interpreter.get_output_details()
    kind: Any = task_class(benchmark.task)
    extra = {**(benchmark.model.model_extra or {}), **(benchmark.dataset.model_extra or {}), **data.options}
    columns = int(np.prod(given[0]["shape"]))
    options = kind.fit(task_options(kind.Options, benchmark.task, extra), columns)
    task = kind(DataRef(builtin_path(str(data.builtin), place)), options)
    task.check_truth()
    codec = task.codec(specs_of(taken), specs_of(given))
    prepared = [codec.preprocess(index) for index in range(len(task))]

    def ask(of_input: Change) -> float:
        answers = []
        for index, (values,) in enumerate(prepared):
            interpreter.set_tensor(taken[0]["index"], np.ascontiguousarray(of_input(values)))
            interpreter.invoke()
            answer = codec.postprocess([interpreter.get_tensor(each["index"]) for each in given])
            if codec.stamps_index:
                rows = np.frombuffer(answer, np.float32).reshape(-1, 7).copy()
                rows[:, 0] = index
                answer = rows.tobytes()
            answers.append(Answer(index, bytes(answer)))
        return float(task.score(answers)[FLOORS[name][0]])

    return ask


def reaches(name: str, found: float) -> bool:
    floor = FLOORS[name][1]
    return found >= floor if floor > 0 else found <= -floor


@pytest.mark.parametrize("variant", ["int8", "float32"])
@pytest.mark.parametrize("name", FLOORS)
def test_a_stand_in_reaches_its_floor_on_its_built_in_set(place: Path, name: str, variant: str) -> None:
    assert reaches(name, score(place, name, variant))


MISTAKES: list[tuple[str, str, Change]] = [
    ("ic", "upside down", lambda values: values[:, ::-1]),
    ("ic", "red and blue swapped", lambda values: values[..., ::-1]),
    ("ic", "bytes not shifted", lambda values: (values.view(np.uint8) ^ 128).view(np.int8)),
    ("vww", "upside down", lambda values: values[:, ::-1]),
    ("yolo_person", "upside down", lambda values: values[:, ::-1]),
    ("yolo_person", "mirrored", lambda values: values[:, :, ::-1]),
    ("face_landmark", "upside down", lambda values: values[:, ::-1]),
    ("sww", "backwards", lambda values: values[:, ::-1]),
    ("kws", "backwards", lambda values: values[:, ::-1]),
    ("kws", "transposed", lambda values: values.reshape(1, 10, 49, 1).transpose(0, 2, 1, 3)),
]


@pytest.mark.parametrize(("name", "what", "mistake"), MISTAKES)
def test_a_mistake_costs_the_floor(place: Path, name: str, what: str, mistake: Change) -> None:
    assert not reaches(name, score(place, name, of_input=mistake)), what
