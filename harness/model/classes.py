"""How many classes a model tells apart, read from its file: what names, labels and options are held against."""

from __future__ import annotations

from pathlib import Path

from backends.base import ModelRejected
from backends.litert.copies.signatures import choose_signature
from backends.litert.file.model_file import Shape, Subgraph, answers
from backends.litert.file.model_reader import read_model
from backends.litert.file.schema import Builtin

_DETECTION = "TFLite_Detection_PostProcess"
_CLASS_SCORES = 1
"""The detection op's input [1, anchors, classes], the background's column among them."""
_MAP_SIDES = 2
"""A class map [1, height, width] has no side of classes, with whatever sides of 1."""
_SHAPE_ONLY = frozenset(
    {
        Builtin.CAST,
        Builtin.EXPAND_DIMS,
        Builtin.QUANTIZE,
        Builtin.RESHAPE,
        Builtin.RESIZE_NEAREST_NEIGHBOR,
        Builtin.SQUEEZE,
    }
)
"""What may stand between the choice of a class and the output that holds it."""


def score_columns(path: Path, signature: str | None = None) -> int | None:
    """The number of scores from which the model chooses a class, a background's among them.

    Of a detector the columns of its class scores; of a model that ends in an argmax what that chooses from; else the last
    side of its one output.

    Args:
        path: The model file.
        signature: The one that runs, as the user named it; None leaves it to the file.

    Returns:
        None where the file does not tell: another kind of model, a size that is free, or no model at all.
    """
    try:
        model = read_model(path)
        chosen = choose_signature(model, signature)
    except ModelRejected:
        return None  # whoever opens it says why
    graph = model.subgraphs[chosen.subgraph if chosen else 0]
    for operator in graph.operators:
        if operator.code.custom_code == _DETECTION and len(operator.inputs) > _CLASS_SCORES:
            return _last_side(graph, operator.inputs[_CLASS_SCORES])
    given = answers(graph, chosen)
    if len(given) != 1:
        return None
    output = given[0].tensor
    chosen_from = _chosen_from(graph, output)
    is_map = chosen_from == output and len(_sides(graph.tensors[output].declared_shape)) == _MAP_SIDES
    return None if is_map else _side_of_classes(graph.tensors[chosen_from].declared_shape)


def _chosen_from(graph: Subgraph, output: int) -> int:
    """The tensor over which the output is an argmax; the output itself where it is none."""
    makers = {made: operator for operator in graph.operators for made in operator.outputs}
    at = output
    for _ in graph.operators:
        maker = makers.get(at)
        if maker is None or not maker.inputs or maker.code.builtin not in {*_SHAPE_ONLY, Builtin.ARG_MAX}:
            return output
        at = maker.inputs[0]
        if maker.code.builtin == Builtin.ARG_MAX:
            return at
    return output


def _side_of_classes(shape: Shape) -> int | None:
    """Scores of one answer are [1, n], whatever sides of 1 stand around; of a map they stand last, or before its sides."""
    sides = _sides(shape)
    before = False
    if len(sides) == _MAP_SIDES + 1 and sides[0] != sides[1]:
        # A square map tells by its sides that are alike; another has more pixels each way than classes.
        before = sides[1] == sides[2] or sides[0] < sides[2]
    found = (sides[0] if before else sides[-1]) if sides else 0
    return found if found > 1 else None


def _sides(shape: Shape) -> list[int]:
    """The axes but those of 1, as which a batch that is left open counts."""
    of_one = shape[1:] if len(shape) > 1 and shape[0] < 0 else shape
    return [side for side in of_one if side != 1]


def _last_side(graph: Subgraph, tensor: int) -> int | None:
    shape = graph.tensors[tensor].declared_shape if 0 <= tensor < len(graph.tensors) else ()
    return shape[-1] if shape and shape[-1] > 1 else None
