"""Run by the Python of the environment that has TensorFlow: SavedModel, Keras and frozen graphs to float TFLite.

`python -I tensorflow_script.py FORM SOURCE MADE ANSWER trusted|safe`. It imports nothing of ours.
"""

import json
import re
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

_NO_KERNEL = re.compile(r"tf\.[A-Z]\w*")
"""An op as the converter names those that TFLite has no kernel for."""
_INPUT_OPS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")


def main() -> None:
    """Converts one network, and says how that went."""
    form, source, made, answer, trust = sys.argv[1:]
    import tensorflow as tf

    error = ""
    try:
        converter = _CONVERTERS[form](tf, source, trust == "trusted")
        Path(made).write_bytes(converter.convert())
    except Exception as problem:
        error = _explained(problem)
    versions = {name: version(name) for name in ("tensorflow", "keras")}
    Path(answer).write_text(json.dumps({"error": error, "versions": versions}), encoding="utf-8")


def _saved_model(tf: Any, source: str, _: bool) -> Any:
    return tf.lite.TFLiteConverter.from_saved_model(source)


def _keras(tf: Any, source: str, trusted: bool) -> Any:
    model = tf.keras.models.load_model(source, compile=False, safe_mode=not trusted)
    return tf.lite.TFLiteConverter.from_keras_model(model)


def _frozen_graph(tf: Any, source: str, _: bool) -> Any:
    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString(Path(source).read_bytes())
    inputs = [node.name for node in graph.node if node.op in _INPUT_OPS]
    asked = {name.split(":")[0].lstrip("^") for node in graph.node for name in node.input}
    outputs = [
        node.name for node in graph.node if node.name not in asked and node.op not in ("Const", "NoOp", *_INPUT_OPS)
    ]
    if not inputs or not outputs:
        raise ValueError("the graph has no placeholder, or nothing that comes out of it")
    return tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(source, inputs, outputs)


def _explained(problem: Exception) -> str:
    text = str(problem)
    if "not supported by the native TFLite runtime" in text or "neither a custom op nor a flex op" in text:
        ops = ", ".join(sorted(set(_NO_KERNEL.findall(text))))
        return f"TFLite has no kernel for its ops {ops}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"{type(problem).__name__}: {lines[0] if lines else 'no more is said'}"


_CONVERTERS = {"saved-model": _saved_model, "keras": _keras, "frozen-graph": _frozen_graph}

if __name__ == "__main__":
    main()
