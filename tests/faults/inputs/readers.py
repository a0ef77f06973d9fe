"""Every reader of data from outside, with something for it to read and what may be done to that."""

from __future__ import annotations

import argparse
import io
import json
import struct
import tarfile
import wave
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from accuracy import auc, psnr, topk
from accuracy.answers.detections import read_results
from accuracy.answers.log import read_answers
from accuracy.records.record_files import RecordFile
from accuracy.records.tfrecord import crc32c, masked
from accuracy.truth.boxes.coco_pbtxt import read_pbtxt
from accuracy.truth.boxes.instances import read_instances
from accuracy.truth.class_names import read_class_names
from accuracy.truth.labels import read_labels
from accuracy.truth.masks import Masks
from accuracy.truth.squad import read_predictions, read_questions, read_truth
from backends.litert.file.model_reader import read_model
from harness.budgets.file import read_budget
from harness.commands.finished_runs import show
from harness.config.backend import parse_backend
from harness.config.fields import parse_assignment
from harness.config.files import config_folder, load_benchmark, parse_model_and_backend, read_config
from harness.config.requirement import parse_requirement
from harness.json_records import to_json
from harness.results.files import read_result
from harness.results.loadgen_log import read_detail
from harness.results.read_data import load_read_data
from harness.series.journal import read_journal
from harness.spec.schema import read_spec
from harness.submission.bundle.manifest import read_manifest
from harness.submission.tree.documents import read_json_object
from harness.submission.tree.logs import read_detail_log, read_summary_log
from harness.zoo.files.unpack import Limits, unpack
from harness.zoo.graph.writer import Graph
from tasks.audio.wav import read_wav
from tasks.pictures.pixels.decoding import decode
from tasks.pictures.sets import open_pictures
from tasks.tensors.array_files import read_npy, read_npz
from tests.faults.inputs.mutations import (
    Mutation,
    header_bytes,
    json_lines,
    json_tree,
    raw_bytes,
    text_lines,
    yaml_lines,
)

_ROOT = Path(__file__).resolve().parents[3]
_EDGES = (("top", 0.5), ("bottom", "inf"), ("left", 0.1), ("right", 0.2))
_VERSION_1 = _ROOT / "tests/harness/results/version_1"


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader and its seeds."""

    name: str
    file: str
    """What its input is called."""
    read: Callable[[Path], object]
    """Gets the file; ends, or raises an error of the tree."""
    seeds: Sequence[bytes]
    """What it reads without complaint."""
    ways: Sequence[Mutation]
    share: float = 1.0
    """Of the inputs: less for what takes long to read."""


def readers() -> list[Reader]:
    """All of them."""
    return [*_of_results(), *_of_configs(), *_of_truths(), *_of_samples(), *_of_archives()]


def _of_results() -> list[Reader]:
    old = [file.read_bytes() for file in sorted(_VERSION_1.glob("*.json"))]
    detail = "".join(
        f':::MLLOG {{"key": "{key}", "value": {value}, "time_ms": 1.5, "namespace": "mlperf::logging", "event_type": '
        '"POINT_IN_TIME", "metadata": {"is_error": false, "is_warning": false, "file": "a.cc", "pid": 1}}\n'
        for key, value in (
            ("effective_scenario", '"Offline"'),
            ("result_validity", '"VALID"'),
            ("result_samples_per_second", 100.5),
            ("power_begin", '"01-01-2026 00:00:00.000"'),
            ("power_end", '"01-01-2026 00:00:09.000"'),
            ("num_errors", 0),
        )
    ).encode()
    answers = (
        b"[\n"
        + b",\n".join(b'{ "seq_id" : %d, "qsl_idx" : %d, "data" : "0000803F" }' % (at, at) for at in range(3))
        + b"\n]\n"
    )
    journal = b'{"what": "planned", "run": "1-a", "identity": "x", "status": "", "digest": ""}\n'
    digest = {"name": "a.jpg", "size": 3, "sha256": "0" * 64}
    samples = {"version": 1, "samples": [digest], "files": [digest], "classes": ["a"]}
    manifest = {
        "version": 1,
        "made_by": "x",
        "runs": [{"folder": "r", "was": "r", "data": [{"was": "/a", "path": "d"}], "missing": ""}],
        "files": [{"path": "r/a", "size": 1, "sha256": "0" * 64}],
    }
    trees = (json_tree, json_tree, json_tree, raw_bytes)
    return [
        Reader("result.json", "result.json", _show, [*old, *map(_of_today, old)], trees, 0.1),
        Reader("detail log", "mlperf_log_detail.txt", _detail, [detail], (json_lines, json_lines, raw_bytes)),
        Reader(
            "accuracy log",
            "log.json",
            lambda path: list(read_answers(path, 3)),
            [answers],
            (json_tree, text_lines, raw_bytes),
        ),
        Reader(
            "journal", "journal.jsonl", lambda path: read_journal(path.parent), [journal * 2], (json_lines, raw_bytes)
        ),
        Reader(
            "samples.json",
            "samples.json",
            lambda path: load_read_data(path.parent),
            [json.dumps(samples).encode()],
            trees,
        ),
        Reader("manifest", "manifest.json", read_manifest, [json.dumps(manifest).encode()], trees),
        Reader("a tree's detail log", "d.txt", _tree_log, [detail], (json_lines, raw_bytes)),
        Reader("a tree's JSON", "d.json", read_json_object, [json.dumps(manifest).encode()], trees),
        Reader(
            "a tree's summary",
            "s.txt",
            read_summary_log,
            [b"SUT name : x\nScenario : Offline\n* ok: yes\n"],
            (text_lines, raw_bytes),
        ),
    ]


def _of_today(result: bytes) -> bytes:
    """What a result of version 1 is in today's form."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "result.json").write_bytes(result)
        return json.dumps(to_json(read_result(Path(folder)))).encode()


def _show(path: Path) -> object:
    outcome = show.main(argparse.Namespace(directory=path.parent, format=[], json=False, quiet=False))
    return json.dumps(outcome.data, allow_nan=False), outcome.text


def _detail(path: Path) -> object:
    return [read_detail(path.parent, accuracy=accuracy) for accuracy in (True, False)]


def _tree_log(path: Path) -> object:
    return read_detail_log(path)


def _of_configs() -> list[Reader]:
    shipped = [(config_folder() / f"{name}.yaml").read_bytes() for name in ("kws", "mobilebert", "deeplabv3")]
    assignments = b"load.target_qps=10\n", b"backend.options.x=[1, {a: b}]\n", b"model.input_size=224\n"
    spec = b"task: keyword_spotting\noptions: {}\nload:\n  scenario: Offline\n  mode: performance\n"
    budget = b"title: x\nrows:\n- model: a.tflite\n  limits: {p90: 5 ms}\n- model: b.tflite\n"
    budget += b"  limits:\n    p90: {limit: 1 ms}\n"
    lines = (yaml_lines, yaml_lines, yaml_lines, raw_bytes)
    return [
        Reader("config", "c.yaml", load_benchmark, shipped, lines, 0.05),
        Reader("--set", "s.txt", _set, assignments, lines),
        Reader(
            "--backend",
            "b.txt",
            lambda path: parse_backend(_text(path)),
            [b"external:/a.so,x=1,y=[2]", b"cpu:xnnpack=false,a=b"],
            lines,
        ),
        Reader(
            "--require",
            "r.txt",
            lambda path: parse_requirement(_text(path)),
            [b"top1>=0.75", b"p90:max=5ms"],
            (text_lines,),
        ),
        Reader("spec.yaml", "spec.yaml", _spec, [spec], lines),
        Reader("budget", "b.yaml", lambda path: read_budget(path, {}, {}), [budget], lines, 0.02),
    ]


def _text(path: Path) -> str:
    return path.read_bytes().decode(errors="surrogateescape").replace("\0", "")


def _set(path: Path) -> object:
    """As `run` takes it, and as the verbs of any model do."""
    given = [parse_assignment(_text(path).strip())]
    json.dumps(given, allow_nan=True)
    try:
        parse_model_and_backend(given)
    finally:
        read_config(config_folder() / "kws.yaml").benchmark(given)
    return None


def _spec(path: Path) -> object:
    return read_spec(path.parent)


def _of_truths() -> list[Reader]:
    coco = {
        "images": [{"id": 7, "file_name": "b.jpg", "width": 640, "height": 480}],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [
            {"id": 5, "image_id": 7, "category_id": 1, "bbox": [1, 2.5, 30, 40], "area": 700.5, "iscrowd": 0}
        ],
    }
    found = [{"image_id": 7, "category_id": 1, "bbox": [0, 0, 5, 5], "score": 0.5}]
    qa = {"id": "q", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}]}
    squad = {"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": "Ann sang.", "qas": [qa]}]}]}
    edges = " ".join(f"normalized_{edge}: {value}" for edge, value in _EDGES)
    pbtxt = f"""detection_results {{
  image_id: 7
  image_name: "b.jpg"
  objects {{ class_id: 1 bounding_box {{ {edges} }} }}
}}
""".encode()
    trees, lines = (json_tree, json_tree, raw_bytes), (text_lines, text_lines, raw_bytes)
    return [
        Reader("COCO JSON", "instances.json", read_instances, [json.dumps(coco).encode()], trees),
        Reader("COCO text proto", "coco.pbtxt", read_pbtxt, [pbtxt], lines),
        Reader("detections", "found.json", _Detections(coco), [json.dumps(found).encode()], trees),
        Reader("SQuAD JSON", "squad.json", _squad, [json.dumps(squad).encode()], trees),
        Reader("predictions", "p.json", read_predictions, [b'{"q": "Ann"}'], trees),
        Reader(
            "labels",
            "labels.csv",
            lambda path: read_labels(path, 12),
            [b"file,label\na.jpg,3\nb.jpg,4\n", b"a,12,1\n"],
            lines,
        ),
        Reader(
            "labels by line",
            "labels.txt",
            lambda path: read_labels(path, 12),
            [b"1\n2\n3\n", b"a.jpg 1\nb.jpg 2\n"],
            lines,
        ),
        Reader(
            "class names",
            "labels.txt",
            read_class_names,
            [b"0 cat\n1 dog\n", b'{"0": "cat", "1": "dog"}', b"cat\ndog\n"],
            lines,
        ),
        Reader("label lists", "l.txt", topk.read_label_lists, [b"1 2 3\n4 5 6\n"], lines),
        Reader("scores", "s.csv", auc.read_scores, [b"a.wav,0.5\nb.wav,1\n"], lines),
    ]


class _Detections:
    def __init__(self, truth: object) -> None:
        self._truth = json.dumps(truth)

    def __call__(self, path: Path) -> object:
        instances = path.with_name("instances_of_detections.json")
        if not instances.exists():
            instances.write_text(self._truth, encoding="utf-8")
        return read_results(path, read_instances(instances))


def _squad(path: Path) -> object:
    read_questions(path)
    return read_truth(path)


def _of_samples() -> list[Reader]:
    array, packed, sound = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(array, np.arange(12, dtype=np.float32).reshape(3, 4))
    np.savez_compressed(packed, x=np.arange(12, dtype=np.int8), y=np.ones((2, 2)))
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(640))
    bits = (raw_bytes, header_bytes)
    return [
        Reader(".npy", "a.npy", lambda path: read_npy("a.npy", path.read_bytes()), [array.getvalue()], bits),
        Reader(".npz", "a.npz", lambda path: read_npz("a.npz", path.read_bytes()), [packed.getvalue()], bits),
        Reader(
            "WAV",
            "a.wav",
            lambda path: read_wav(path.read_bytes(), "a.wav", 16000, convert=True),
            [sound.getvalue()],
            bits,
        ),
        Reader(
            "picture",
            "a.jpg",
            lambda path: decode(path.read_bytes(), "a.jpg"),
            [_picture("JPEG"), _picture("PNG"), _picture("BMP")],
            bits,
        ),
        Reader(
            "picture set in a zip",
            "set.zip",
            _pictures,
            [_zip({"a.jpg": _picture("JPEG"), "b.jpg": _picture("PNG")})],
            bits,
        ),
        Reader("masks in a zip", "masks.zip", _masks, [_zip({"a.png": _grey()})], bits),
        Reader("original picture", "original.zip", _original, [_zip({"a.png": _picture("PNG")})], bits),
        Reader(
            "TFRecord",
            "a.tfrecord",
            _records,
            [_tfrecord(b"\x0a\x00", b"\x0a\x09\x0a\x07\x0a\x01a\x12\x02\x1a\x00")],
            bits,
        ),
        Reader("model", "m.tflite", read_model, [_model()], bits),
    ]


def _picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (9, 7), (10, 200, 30)).save(out, kind)
    return out.getvalue()


def _grey() -> bytes:
    out = io.BytesIO()
    Image.new("L", (9, 7), 3).save(out, "PNG")
    return out.getvalue()


def _zip(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def _pictures(path: Path) -> object:
    pictures = open_pictures(path)
    return [decode(pictures.read(index), pictures.names[index]) for index in range(len(pictures))]


def _masks(path: Path) -> object:
    masks = Masks.open(path)
    return [masks.read(stem) for stem in masks.stems]


def _original(path: Path) -> object:
    originals = psnr.Originals.open(path)
    return [originals.read("a")]


def _tfrecord(*records: bytes) -> bytes:
    parts = []
    for data in records:
        length = struct.pack("<Q", len(data))
        parts += [length, struct.pack("<I", masked(crc32c(length))), data, struct.pack("<I", masked(crc32c(data)))]
    return b"".join(parts)


def _records(path: Path) -> object:
    file = RecordFile.open(path)
    return [(file.read(index).names, file.size(index)) for index in range(len(file))]


def _model() -> bytes:
    from ai_edge_litert import schema_py_generated as schema

    graph = Graph("small")
    given, sum_ = graph.input("given", (1, 4), np.float32), graph.tensor("sum", (1, 4), np.float32)
    graph.operator("ADD", [given, graph.constant("bias", np.ones(4, np.float32))], [sum_], schema.AddOptionsT())
    graph.output(sum_)
    out = io.BytesIO()
    graph.write(out)
    return out.getvalue()


def _of_archives() -> list[Reader]:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        archive.addfile(_member("a/b.txt", 5), io.BytesIO(b"12345"))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(_member("a/b.txt", 5), io.BytesIO(b"12345"))
    seeds = [_zip({"a/b.txt": b"12345" * 9}), plain.getvalue(), packed.getvalue()]
    return [Reader("archive", "archive.bin", _unpack, seeds, (raw_bytes, header_bytes))]


def _member(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


def _unpack(path: Path) -> object:
    import shutil

    place = path.with_name("unpacked")
    shutil.rmtree(place, ignore_errors=True)

    def put(name: PurePosixPath) -> Path:
        return place / name.name

    return unpack(path, put, Limits(100, 1 << 20, 1 << 20))
