"""Questions, a vocabulary and a small model that answers by the tokens' numbers: another vocabulary answers otherwise."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from harness.zoo.graph.writer import Graph
from tests.faults.of_runs.delegate_parts import sums
from tests.faults.of_runs.runs import Ground

_TOKENS = 384
_WORDS = ("the", "harbour", "of", "oslo", "is", "large", "and", "old", "what", "where", "?", ".")
_COUNT = 12


def questions(where: Ground, folder: Path) -> Ground:
    """Runs of the questions in `folder`, with everything that they read in it."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *_WORDS]
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in vocabulary), encoding="utf-8")
    context = "The harbour of Oslo is large and old."
    asked = [
        {"id": f"q{number}", "question": "What is old?", "answers": [{"text": "Oslo", "answer_start": 15}]}
        for number in range(_COUNT)
    ]
    squad = {"data": [{"title": "Oslo", "paragraphs": [{"context": context, "qas": asked}]}]}
    (folder / "questions.json").write_text(json.dumps(squad), encoding="utf-8")
    model = folder / "answers.tflite"
    _write_model(model)
    # Their own number of samples is all there is.
    words = [word for word in sums(model) if word != "dataset.count=12"]
    del words[-1]
    data = ["--task", "mobilebert", "--dataset", str(folder / "questions.json")]
    return replace(where, words=[*data, *words])


def _write_model(path: Path) -> None:
    """int32 [1, 384] three times -> float32 [1, 384] twice: the tokens and their segments, as they are."""
    graph = Graph("answers")
    ids, _, segments = (
        graph.input(name, (1, _TOKENS), np.int32) for name in ("input_ids", "input_mask", "segment_ids")
    )
    for given, name in ((ids, "start_logits"), (segments, "end_logits")):
        answer = graph.tensor(name, (1, _TOKENS), np.float32)
        graph.operator(
            "CAST", [given], [answer], schema.CastOptionsT(schema.TensorType.INT32, schema.TensorType.FLOAT32)
        )
        graph.output(answer)
    with path.open("wb") as file:
        graph.write(file)
