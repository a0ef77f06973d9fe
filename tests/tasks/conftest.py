"""What the tests of several tasks share: a task asked through a bare interpreter, from its data to its logged answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from accuracy.answers.log import Answer
from harness.config.registry import task_class
from harness.zoo.builtin.squad import write_builtin_squad
from tasks.base import DataRef, Task
from tests.tasks.coco_sets import write_coco
from tests.tensor_specs import specs_of

Asked = Callable[..., tuple[Any, list[Answer]]]


@pytest.fixture(scope="session")
def asked() -> Asked:
    """asked(kind of task, model, data, truth=..., count=..., reference_kernels=..., **options) -> the task and its answers."""

    def ask(
        kind: str,
        model: Path,
        data: Path,
        *,
        truth: Path | None = None,
        count: int | None = None,
        reference_kernels: bool = False,
        **options: Any,
    ) -> tuple[Task, list[Answer]]:
        kernels = OpResolverType.BUILTIN_REF if reference_kernels else OpResolverType.AUTO
        interpreter = Interpreter(str(model), num_threads=1, experimental_op_resolver_type=kernels)
        interpreter.allocate_tensors()
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        found: Any = task_class(kind)
        columns = int(np.prod(outputs[0]["shape"]))
        bound = found(DataRef(data, truth, count), found.fit(found.Options(**options), columns))
        codec = bound.codec(specs_of(inputs), specs_of(outputs))
        answers = []
        for index in range(len(bound)):
            for detail, values in zip(inputs, codec.preprocess(index), strict=True):
                interpreter.set_tensor(detail["index"], values)
            interpreter.invoke()
            answer = codec.postprocess([interpreter.get_tensor(detail["index"]) for detail in outputs])
            if codec.stamps_index:
                rows = np.frombuffer(answer, np.float32).reshape(-1, 7).copy()
                rows[:, 0] = index
                answer = rows.tobytes()
            answers.append(Answer(index, bytes(answer)))
        return bound, answers

    return ask


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of pictures with boxes, as COCO's JSON has them."""
    return write_coco(tmp_path_factory.mktemp("coco"))


@pytest.fixture(scope="module")
def builtin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The questions of our own making."""
    folder = tmp_path_factory.mktemp("builtin")
    write_builtin_squad(folder)
    return folder
