"""Adds TFLite_Detection_PostProcess behind a float SSD's raw boxes and scores, as export_tflite_ssd_graph.py does.

The two outputs become four, under the names that exporters give them; all other inputs, outputs and names stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

from harness.conversion.model_objects import new_buffer, read_objects, text, write_objects
from harness.conversion.signature_names import give_signature
from harness.conversion.ssd.options import PostProcess
from harness.errors import ConfigError

OP = "TFLite_Detection_PostProcess"
_FIELD = "--post-process"
_ACTIVATIONS = {"sigmoid": schema.BuiltinOperator.LOGISTIC, "softmax": schema.BuiltinOperator.SOFTMAX}


@dataclass(frozen=True, slots=True)
class _Raw:
    """The two outputs, as tensors of the graph."""

    boxes: int
    scores: int
    anchors: int
    columns: int
    """Of the scores."""


def add_post_process(source: Path, options: PostProcess, place: Path, called: Path | None = None) -> None:
    """Writes the model with the op.

    Args:
        source: A float model.
        options: What the user says of it.
        place: Of the new file; may be the source.
        called: What the user knows the source by, where it was made of that; None for the file itself.

    Raises:
        ConfigError: The outputs are not there, of other shapes or types, or the anchors do not fit them; the op is there
            already.
    """
    model = read_objects(source)
    source = called or source
    if any(text(code.customCode) == OP for code in model.operatorCodes):
        raise ConfigError(f"{source} has a {OP} already: leave out {_FIELD}")
    give_signature(model)
    graph, signature = model.subgraphs[0], model.signatureDefs[0]
    named = {text(one.name): int(one.tensorIndex) for one in signature.outputs}
    found = _find(source, graph, named, options)
    anchors = options.anchor_values()
    if len(anchors) != found.anchors:
        raise ConfigError(
            f"there are {len(anchors):,} anchors, but the boxes of {source} have {found.anchors:,} rows: are the feature "
            "maps (or is the file) those of this model?"
        )
    scores = _activated(model, graph, found.scores, options)
    made = _post_processed(model, graph, [found.boxes, scores, _constant(model, graph, anchors)], options, found)
    raw = {found.boxes, found.scores}
    graph.outputs = [*made, *(int(index) for index in graph.outputs if int(index) not in raw)]
    signature.outputs = [
        *(schema.TensorMapT(text(graph.tensors[index].name), index) for index in made),
        *(one for one in signature.outputs if int(one.tensorIndex) not in raw),
    ]
    write_objects(model, place)


def _find(source: Path, graph: Any, named: dict[str, int], options: PostProcess) -> _Raw:
    shapes = {name: [int(side) for side in graph.tensors[index].shape] for name, index in named.items()}
    boxes = _output(
        source, "boxes", options.boxes, shapes, [name for name, shape in shapes.items() if shape[2:] == [4]]
    )
    as_many = [name for name, shape in shapes.items() if name != boxes and shape[1:2] == shapes[boxes][1:2]]
    scores = _output(source, "scores", options.scores, shapes, [name for name in as_many if len(shapes[name]) == 3])
    if boxes == scores:
        raise ConfigError(f"output {boxes} of {source} cannot be both the boxes and the scores")
    if len(shapes[boxes]) != 3 or shapes[boxes][::2] != [1, 4] or shapes[scores][:-1] != shapes[boxes][:-1]:
        raise ConfigError(
            f"{OP} takes boxes [1, anchors, 4] and scores [1, anchors, classes], but {boxes} is {shapes[boxes]} and "
            f"{scores} is {shapes[scores]}"
        )
    for name in (boxes, scores):
        if graph.tensors[named[name]].type != schema.TensorType.FLOAT32:
            raise ConfigError(f"output {name} of {source} is no float32: {OP} is added to float models")
    columns = shapes[scores][2]
    if columns < 1 + options.background:
        raise ConfigError(f"{scores} has {columns} columns: with the background among them there is no class")
    return _Raw(named[boxes], named[scores], shapes[boxes][1], columns)


def _output(
    source: Path, role: str, given: str | None, shapes: Mapping[str, Sequence[int]], fitting: Sequence[str]
) -> str:
    """The output that was named, else the only one that fits."""
    there = "; ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
    if given is not None:
        if given not in shapes:
            raise ConfigError(f"{role}: {source} has no output {given!r}; it has {there}")
        return given
    if len(fitting) != 1:
        raise ConfigError(
            f"the outputs of {source} do not tell which has the {role}: {there}. Name it: {role}: NAME in the file of {_FIELD}"
        )
    return fitting[0]


def _activated(model: Any, graph: Any, scores: int, options: PostProcess) -> int:
    if options.scores_are not in _ACTIVATIONS:
        return scores
    index = _tensor(graph, f"{text(graph.tensors[scores].name)}/{options.scores_are}", graph.tensors[scores].shape)
    operator = schema.OperatorT(inputs=[scores], outputs=[index])
    code = _ACTIVATIONS[options.scores_are]
    operator.opcodeIndex = _code(model, code)
    if code == schema.BuiltinOperator.SOFTMAX:
        operator.builtinOptionsType = schema.BuiltinOptions.SoftmaxOptions
        operator.builtinOptions = schema.SoftmaxOptionsT(beta=1.0)
    graph.operators.append(operator)
    return index


def _post_processed(model: Any, graph: Any, inputs: list[int], options: PostProcess, found: _Raw) -> list[int]:
    most = options.max_detections * options.max_classes_per_detection
    shapes = ([1, most, 4], [1, most], [1, most], [1])
    outputs = [_tensor(graph, f"{OP}:{place}" if place else OP, shape) for place, shape in enumerate(shapes)]
    operator = schema.OperatorT(inputs=inputs, outputs=outputs)
    operator.opcodeIndex = _code(model, schema.BuiltinOperator.CUSTOM, OP)
    written = bytes(flexbuffers.Dumps(options.kernel_options(found.columns - options.background)))
    operator.customOptions = np.frombuffer(written, np.uint8)
    graph.operators.append(operator)
    return outputs


def _tensor(graph: Any, name: str, shape: Sequence[int], buffer: int = 0) -> int:
    graph.tensors.append(
        schema.TensorT(shape=list(shape), type=schema.TensorType.FLOAT32, buffer=buffer, name=name, hasRank=True)
    )
    return len(graph.tensors) - 1


def _constant(model: Any, graph: Any, values: Any) -> int:
    return _tensor(graph, "anchors", values.shape, new_buffer(model, values))


def _code(model: Any, builtin: int, custom: str | None = None) -> int:
    code = schema.OperatorCodeT(
        deprecatedBuiltinCode=min(builtin, 127), builtinCode=builtin, version=1, customCode=custom
    )
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
