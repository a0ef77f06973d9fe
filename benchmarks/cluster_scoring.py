"""Large logs judged by a Ray cluster on this machine against this machine alone, by the command, in turns.

    .venv/bin/python -m benchmarks cluster_scoring            # ./run.sh install ray first

50,000 labels, 2,000 class maps of 512x512 with their annotations as PNG, 5,000 pictures of 20 detections: answers and truth are
drawn. One node is started and kept warm; it has as many actors as this machine has CPUs, so what can be won is all but one of
them, less what joining, opening and sending take. The figures must be the same to the digit.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from accuracy.answers.grids import pack_class_map
from accuracy.answers.log import Answer, write_rows
from accuracy.answers.wire import pack_detections, pack_labels
from benchmarks.rows import Row, ratio, render
from harness.config.dispatch import DispatchSection
from harness.config.files import find_benchmark, read_config
from harness.machine.child_process import python_words
from harness.results.loadgen_log import ACCURACY_LOG
from harness.serving.cluster.session import Session
from harness.spec.resolve import resolve
from harness.spec.schema import write_spec
from harness.zoo.files.official import cache_dir

_LABELS, _MAPS, _SIDE, _PICTURES, _FOUND = 50_000, 2_000, 512, 5_000, 20


def measure(rounds: int = 3) -> list[Row]:
    """All rows: the cluster's time against this machine's."""
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            _made("top-1 of 50,000 labels", "mobilenet_edgetpu", Path(folder) / "labels", _labelled),
            _made("mIoU of 2,000 maps of 512x512", "deeplabv3", Path(folder) / "maps", _mapped),
            _made("mAP of 5,000 pictures", "ssd_mobilenet_v2", Path(folder) / "boxes", _boxed),
        ]
        session = Session(DispatchSection(use="ray"))
        try:
            import ray

            address = f"ray://{ray.get_runtime_context().gcs_address}"
            return [_row(name, run, address, rounds) for name, run in runs]
        finally:
            session.close()


def _row(name: str, run: Path, address: str, rounds: int) -> Row:
    pairs = []
    for _ in range(rounds):
        here_s, own = _scored(run)
        there_s, others = _scored(run, "--dispatch", address)
        assert own == others, (own, others)
        pairs.append((there_s, here_s))
    row = ratio(f"{name}, judged by the cluster against here", pairs, None)
    seconds = "; ".join(f"{there:.1f} s against {here:.1f} s" for there, here in pairs)
    return dataclasses.replace(row, beside=seconds)


def _scored(run: Path, *words: str) -> tuple[float, object]:
    began = time.monotonic()
    done = subprocess.run(
        [*python_words("harness"), "score", str(run), "--json", *words], stdout=subprocess.PIPE, check=False
    )
    assert done.returncode in (0, 1), done.returncode
    return time.monotonic() - began, json.loads(done.stdout)


Makes = Callable[[Path, np.random.Generator], tuple[Path, Iterable[bytes]]]


def _made(name: str, task: str, folder: Path, make: Makes) -> tuple[str, Path]:
    """The directory of an accuracy run that nobody has done."""
    data, run = folder / "pictures", folder / "run"
    data.mkdir(parents=True)
    run.mkdir()
    truth, answers = make(data, np.random.default_rng(17))
    overrides = [("dataset.use", str(data)), ("dataset.truth", str(truth)), ("load.mode", "accuracy")]
    write_spec(resolve(read_config(find_benchmark(task)), overrides, cache_dir()), run)
    write_rows(run / ACCURACY_LOG, (Answer(index, answer) for index, answer in enumerate(answers)))
    return name, run


def _linked(data: Path, count: int, size: int, suffix: str) -> None:
    """So many names of one picture."""
    first = data / f"000000{suffix}"
    Image.new("RGB", (size, size), (90, 120, 60)).save(first)
    for number in range(1, count):
        (data / f"{number:06}{suffix}").hardlink_to(first)


def _labelled(data: Path, draw: np.random.Generator) -> tuple[Path, Iterator[bytes]]:
    _linked(data, _LABELS, 32, ".jpg")
    labels = draw.integers(0, 1000, (_LABELS, 5))
    truth = data.parent / "labels.csv"
    lines = [f"{number:06}.jpg,{labels[number, number % 7 % 5]}\n" for number in range(_LABELS)]
    truth.write_text("file,label\n" + "".join(lines), encoding="ascii")
    return truth, (pack_labels(row) for row in labels.tolist())


def _mapped(data: Path, draw: np.random.Generator) -> tuple[Path, Iterator[bytes]]:
    _linked(data, _MAPS, _SIDE, ".jpg")
    truth = data.parent / "annotations"
    truth.mkdir()
    # Rectangles of classes: as many borders as a class map of a room has.
    maps = [np.kron(draw.integers(0, 32, (16, 16)), np.ones((32, 32))).astype(np.uint8) for _ in range(20)]
    for number, one in enumerate(maps):
        Image.fromarray(one).save(truth / f"{number:06}.png")
    for number in range(len(maps), _MAPS):
        (truth / f"{number:06}.png").hardlink_to(truth / f"{number % len(maps):06}.png")
    packed = [pack_class_map(one) for one in maps]
    return truth, (packed[(number + number % 3) % len(maps)] for number in range(_MAPS))


def _boxed(data: Path, draw: np.random.Generator) -> tuple[Path, Iterator[bytes]]:
    _linked(data, _PICTURES, 300, ".jpg")
    truth = data.parent / "instances_val2017.json"
    corners = np.sort(draw.random((_PICTURES, _FOUND, 2, 2)), axis=2).reshape(_PICTURES, _FOUND, 4)
    classes = draw.integers(1, 11, (_PICTURES, _FOUND))
    objects: list[object] = []
    for number in range(_PICTURES):
        for row in range(7):
            top, left, bottom, right = (300 * corners[number, row]).tolist()
            box = [left, top, right - left, bottom - top]
            found = {"image_id": number + 1, "category_id": int(classes[number, row]), "bbox": box, "iscrowd": 0}
            objects.append({"id": len(objects) + 1, "area": box[2] * box[3], **found})
    images = [{"id": n + 1, "file_name": f"{n:06}.jpg", "width": 300, "height": 300} for n in range(_PICTURES)]
    categories = [{"id": number, "name": f"class {number}"} for number in range(1, 91)]
    truth.write_text(json.dumps({"images": images, "annotations": objects, "categories": categories}), "utf-8")
    noise = draw.normal(0, 0.02, corners.shape)

    def answer(number: int) -> bytes:
        boxes = (corners[number] + noise[number]).astype(np.float32)
        rows = pack_detections(boxes, draw.random(_FOUND, np.float32), classes[number].astype(np.float32))
        stamped = np.frombuffer(rows, np.float32).reshape(-1, 7).copy()
        stamped[:, 0] = number
        return stamped.tobytes()

    return truth, (answer(number) for number in range(_PICTURES))


if __name__ == "__main__":
    print(render(measure()))
