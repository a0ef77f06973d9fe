"""The names of inputs and outputs, which a conversion shall leave as they are.

Files of older converters have no signature: their tensors' own names count, which a quantiser may change (`Identity` becomes
`Identity_dequant`). Such a file gets a signature that has those very names, so whoever asks by name asks as before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from harness.conversion.model_objects import text
from harness.zoo.graph.writer import SIGNATURE


def give_signature(model: Any) -> bool:
    """Gives the model's first graph a signature of its tensors' names, where the file has none.

    Args:
        model: `schema.ModelT`, which is changed.

    Returns:
        Whether it had none.
    """
    if model.signatureDefs:
        return False
    graph = model.subgraphs[0]
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
    signature.inputs, signature.outputs = _named(graph, graph.inputs), _named(graph, graph.outputs)
    model.signatureDefs = [signature]
    return True


def _named(graph: Any, tensors: Sequence[int]) -> list[Any]:
    names = [text(graph.tensors[index].name) for index in tensors]
    counts = Counter(names)
    # Two of one name cannot both be asked by it.
    told_apart = [f"{name}_{place}" if counts[name] > 1 else name for place, name in enumerate(names)]
    return [schema.TensorMapT(name, int(index)) for name, index in zip(told_apart, tensors, strict=True)]
