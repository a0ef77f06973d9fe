"""Every text file that a user can name may come from Windows: a byte order mark and its line ends change nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accuracy.answers.detections import read_results
from accuracy.answers.log import LogError, read_rows
from accuracy.auc import read_scores
from accuracy.errors import TruthError
from accuracy.topk import read_label_lists
from accuracy.truth.boxes.coco_pbtxt import read_pbtxt
from accuracy.truth.boxes.instances import read_instances
from accuracy.truth.class_names import read_class_names
from accuracy.truth.labels import read_labels
from accuracy.truth.points import read_points
from accuracy.truth.squad import read_predictions, read_questions
from accuracy.truth.time_windows import read_windows
from harness.api.inputs import read_names
from harness.config.files import read_config
from harness.conversion.darknet.configuration import read_network
from harness.conversion.huggingface.mobilebert import read_config as read_checkpoint_config
from harness.errors import ConfigError
from harness.zoo.files.plausible import implausible
from tasks.base import DataMissing
from tasks.text.wordpiece import WordPiece

INSTANCES = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}],
    "categories": [{"id": 1, "name": "person"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2]}],
}
BOX = "normalized_left: 0.1 normalized_top: 0.1 normalized_right: 0.5 normalized_bottom: 0.5"
PBTXT = f'detection_results {{\n  image_name: "a.jpg"\n  objects {{ class_id: 1 bounding_box {{ {BOX} }} }}\n}}\n'
QUESTIONS = {
    "data": [
        {
            "paragraphs": [
                {"context": "In Oslo.", "qas": [{"id": "q", "question": "Where?", "answers": [{"text": "Oslo"}]}]}
            ]
        }
    ]
}
NETWORK = (
    "[net]\nwidth=32\nheight=32\nchannels=3\n\n[convolutional]\nfilters=4\nsize=1\nstride=1\npad=1\nactivation=linear\n"
)
CHECKPOINT = {
    "model_type": "mobilebert",
    "vocab_size": 50,
    "embedding_size": 8,
    "hidden_size": 24,
    "num_hidden_layers": 2,
}
CHECKPOINT |= {"intra_bottleneck_size": 16, "num_attention_heads": 4, "intermediate_size": 20}
CHECKPOINT |= {"num_feedforward_networks": 2, "max_position_embeddings": 400}
LOG = '[\n{ "seq_id" : 0, "qsl_idx" : 5, "data" : "0000803F" }\n]\n'
RESULTS = [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "score": 0.5}]


def detections(path: Path) -> Any:
    truth = path.with_name("truth.json")
    truth.write_text(json.dumps(INSTANCES), encoding="ascii")
    return read_results(path, read_instances(truth)).box.tolist()


READERS: dict[str, tuple[str, str, Callable[[Path], Any]]] = {
    "labels by position": ("a.txt", "3\n1\n", lambda path: read_labels(path, 10).labels),
    "labels by name": ("a.csv", "file,label\na.jpg,3\n", lambda path: read_labels(path, 10).names),
    "lists of labels": ("a.txt", "3 1\n2 0\n", read_label_lists),
    "names of classes": ("a.txt", "background\nant\n", lambda path: read_class_names(path).names),
    "names for the API": ("a.txt", "background\nant\n", lambda path: read_names(path).names),
    "instances": ("a.json", json.dumps(INSTANCES, indent=1), lambda path: read_instances(path).images),
    "pbtxt": ("a.pbtxt", PBTXT, lambda path: read_pbtxt(path).images),
    "COCO's results": ("a.json", json.dumps(RESULTS, indent=1), detections),
    "questions": ("a.json", json.dumps(QUESTIONS, indent=1), read_questions),
    "predictions": ("a.json", json.dumps({"q": "Oslo"}, indent=1), read_predictions),
    "vocabulary": ("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\n", lambda path: WordPiece(path).id_of("the")),
    "accuracy log": ("a.json", LOG, lambda path: list(read_rows(path))),
    "config": ("a.yaml", "title: mine\ntask: classification\n", lambda path: read_config(path).fields),
    "windows of a wake word": ("windows.csv", "file,start_s,end_s\na.wav,1,1.5\n", read_windows),
    "points": ("landmarks.csv", "file,x0,y0,x1,y1\na.jpg,1,2,3,4\n", lambda path: str(read_points(path, 2))),
    "anomaly scores": ("scores.csv", "a.wav,1.5\nb.wav,2.5\n", read_scores),
    "Darknet's configuration": ("a.cfg", NETWORK, lambda path: str(read_network(path))),
    "a checkpoint's configuration": ("config.json", json.dumps(CHECKPOINT, indent=1), read_checkpoint_config),
    "JSON to import": ("a.json", json.dumps(QUESTIONS, indent=1), lambda path: implausible(path, "a.json")),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_file_of_windows_reads_as_the_same_file_of_unix(reader: str, tmp_path: Path) -> None:
    name, text, read = READERS[reader]
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="\n")
    expected = read(path)
    path.write_text(text, encoding="utf-8-sig", newline="\r\n")
    assert read(path) == expected


@pytest.mark.parametrize("reader", [reader for reader in READERS if reader not in ("JSON to import", "accuracy log")])
def test_text_in_utf_16_is_refused_by_its_name(reader: str, tmp_path: Path) -> None:
    name, text, read = READERS[reader]
    (tmp_path / name).write_text(text, encoding="utf-16")
    with pytest.raises((TruthError, DataMissing, ConfigError, LogError), match="UTF-16"):
        read(tmp_path / name)
