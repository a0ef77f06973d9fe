"""`score DIR` holds the data against what the run read: whatever has changed is refused and named."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from backends.base import TensorSpec
from harness.errors import ConfigError
from harness.results.read_data import ReadData, ReadItem, files_now, read_data
from harness.results.same_data import changed_samples, refuse_changed_data
from tasks.base import DataRef, Task
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions
from tasks.codecs.question_answering import QuestionAnsweringOptions
from tasks.question_answering import QuestionAnswering

Process = subprocess.CompletedProcess[str]
Cli = Callable[..., Process]
Make = Callable[[int], Path]


def refused(done: Process, *said: str) -> None:
    """The message names what has changed, and the exit status is the user's."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "cannot be scored, since its data are not what the run read" in done.stderr
    for words in (*said, "run once more with the data that are there now"):
        assert words in done.stderr


def overwrite(path: Path, data: bytes) -> None:
    """Other bytes in the same file, at the same time."""
    times = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.fixture(scope="module")
def kept_run(
    run_command: Cli, keyword_model: Path, make_keyword_data: Make, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """An accuracy run of 20 feature files, for all tests: their folder, the run's."""
    folder, data = tmp_path_factory.mktemp("kept"), make_keyword_data(20)
    words = [
        "--task",
        "kws",
        "--model",
        keyword_model,
        "--dataset",
        data,
        "--mode",
        "accuracy",
        "--out",
        folder / "run",
    ]
    done = run_command(*words, cwd=folder)
    assert done.returncode == 0, done.stderr
    return data, folder / "run"


@pytest.fixture
def keyword_run(kept_run: tuple[Path, Path], tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """The same for a test that changes its files: they are put back."""
    data, out = kept_run
    before, run = tmp_path / "before", tmp_path / "run"
    shutil.copytree(data, before)
    shutil.copytree(out, run)
    yield data, run
    shutil.rmtree(data)
    shutil.copytree(before, data)


def test_a_run_keeps_what_it_has_read_and_scores_the_same_again(keyword_run: tuple[Path, Path], call: Cli) -> None:
    data, out = keyword_run
    kept = json.loads((out / "samples.json").read_text(encoding="ascii"))
    assert [(item["name"], item["size"]) for item in kept["samples"]] == [
        (f"sample_{number:04}.bin", 490) for number in range(20)
    ]
    assert all(len(item["sha256"]) == 64 for item in kept["samples"])
    [labels] = kept["files"]
    assert (labels["name"], labels["size"]) == (
        str(data / "y_labels.csv"),
        (data / "y_labels.csv").stat().st_size,
    )
    done = call("score", out)
    assert done.returncode == 0
    assert done.stdout.split()[:3] == ["top1", "80.00", "%"]
    assert "samples.json" not in done.stdout


def test_whoever_waits_hears_of_each_sample_that_is_read_again() -> None:
    class Stored:
        names = ("a", "b")
        classes = ()

        def size(self, index: int) -> int:
            return index

        def whole(self, index: int) -> bytes:
            return bytes(index)

    class Bound:
        def stored_samples(self) -> Stored:
            return Stored()

    heard: list[int] = []
    items = tuple(ReadItem(name, size, None) for size, name in enumerate(Stored.names))
    task: Any = Bound()
    assert changed_samples(ReadData(1, items, ()), task, lambda: heard.append(1)) == []
    assert len(heard) == 2


def test_feature_files_that_changed_after_the_run_are_named(keyword_run: tuple[Path, Path], call: Cli) -> None:
    data, out = keyword_run
    third, extra = data / "sample_0003.bin", data / "sample_0100.bin"
    before = third.read_bytes()
    overwrite(third, before[::-1])
    refused(call("score", out), "changed: 1 of 20 samples, the first is sample_0003.bin")
    third.unlink()
    refused(call("score", out), "gone: 1 of 20 samples, the first is sample_0003.bin")
    third.write_bytes(before)
    extra.write_bytes(before)
    refused(call("score", out), "added to 20 samples: 1, the first is sample_0100.bin")
    extra.unlink()
    third.rename(extra)
    refused(
        call("score", out),
        "gone: 1 of 20 samples, the first is sample_0003.bin",
        "added to 20 samples: 1, the first is",
    )
    extra.rename(third)
    assert call("score", out).stdout.split()[:3] == ["top1", "80.00", "%"]


def test_labels_that_were_edited_or_removed_after_the_run_are_named(keyword_run: tuple[Path, Path], call: Cli) -> None:
    data, out = keyword_run
    labels = data / "y_labels.csv"
    before = labels.read_bytes()
    lines = before.splitlines(keepends=True)
    overwrite(labels, b"".join([lines[0].replace(b", 0", b", 1"), *lines[1:]]))
    assert labels.read_bytes() != before
    refused(call("score", out), f"{labels} has changed")
    labels.unlink()
    refused(call("score", out), f"{labels} is gone")


def test_a_run_that_kept_nothing_of_its_data_is_scored_with_a_note(keyword_run: tuple[Path, Path], call: Cli) -> None:
    _, out = keyword_run
    result = json.loads((out / "result.json").read_text(encoding="ascii"))
    del result["dataset"]["samples_file_sha256"]
    (out / "result.json").write_text(json.dumps(result), encoding="ascii")
    (out / "samples.json").unlink()
    done = call("score", out)
    assert done.returncode == 0
    assert "the run kept no samples.json" in done.stdout


def test_what_a_run_kept_and_somebody_took_away_or_wrote_anew_is_said(
    keyword_run: tuple[Path, Path], call: Cli
) -> None:
    _, out = keyword_run
    kept = (out / "samples.json").read_bytes()
    (out / "samples.json").write_bytes(kept.replace(b'"size": 490', b'"size": 491', 1))
    done = call("score", out)
    assert done.returncode == 2
    assert "samples.json is not what the run wrote" in done.stderr
    (out / "samples.json").unlink()
    done = call("score", out)
    assert done.returncode == 0
    assert "samples.json is gone, which the run kept" in done.stdout


@pytest.mark.parametrize("text", ["", "[]", '{"version": 1}', '{"version": 2, "samples": [], "files": []}'])
def test_a_damaged_record_of_the_data_is_refused(keyword_run: tuple[Path, Path], call: Cli, text: str) -> None:
    _, out = keyword_run
    (out / "samples.json").write_text(text, encoding="ascii")
    done = call("score", out)
    assert done.returncode == 2
    assert "samples.json is" in done.stderr


@pytest.mark.parametrize("packed", [False, True])
def test_pictures_that_changed_after_the_run_are_named_also_where_the_run_took_them_from_the_cache(
    packed: bool, call: Cli, picture_model: Path, make_picture_data: Make, tmp_path: Path
) -> None:
    data = folder = make_picture_data(8)
    truth = folder / "labels.csv"
    if packed:
        truth = tmp_path / "labels.csv"
        shutil.move(folder / "labels.csv", truth)

    def pack() -> Path:
        if not packed:
            return folder
        with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
            for picture in sorted(folder.iterdir()):
                archive.write(picture, picture.name)
        return tmp_path / "pictures.zip"

    data = pack()
    for name in ("prepared", "cached"):
        done = call(
            "--task", "classification", "--model", picture_model, "--dataset", data, "--truth", truth,
            "--mode", "accuracy", "--out", tmp_path / name,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    found = [(tmp_path / name / "samples.json").read_bytes() for name in ("prepared", "cached")]
    assert found[0] == found[1]
    out = tmp_path / "cached"
    first, second = sorted(folder.glob("*.jpg"))[:2]
    before = second.read_bytes()
    overwrite(second, first.read_bytes())
    pack()
    refused(call("score", out), f"changed: 1 of 8 samples, the first is {second.name}")
    second.unlink()
    pack()
    refused(call("score", out), f"gone: 1 of 8 samples, the first is {second.name}")
    second.write_bytes(before)
    shutil.copy(first, folder / "zzz.jpg")
    pack()
    refused(call("score", out), "added to 8 samples: 1, the first is zzz.jpg")
    (folder / "zzz.jpg").unlink()
    pack()
    assert call("score", out).stdout.split()[:3] == ["top1", "75.00", "%"]


# --- kinds of data, without a run ------------------------------------------------------------------------------------


def tensors(dtype: type, *named: tuple[str, tuple[int, ...]]) -> list[TensorSpec]:
    return [TensorSpec(name, shape, np.dtype(dtype)) for name, shape in named]


PICTURE = tensors(np.uint8, ("image", (1, 16, 16, 3)))
SCORES = tensors(np.uint8, ("scores", (1, 1001)))
WINDOW = tensors(np.int32, *((name, (1, 96)) for name in ("input_ids", "input_mask", "segment_ids")))
LOGITS = tensors(np.float32, *((name, (1, 96)) for name in ("start_logits", "end_logits")))


def read_by(task: Task, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> ReadData:
    """What a run of all samples keeps."""
    codec = task.codec(inputs, outputs)
    read = {index: codec.preprocess_with_digest(index).digest for index in range(len(task))}
    return read_data(task, {index: digest for index, digest in read.items() if digest}, files_now(task))


def refuse(task: Task, kept: ReadData, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        refuse_changed_data(Path("run"), task, kept)


def pixels(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (24, 20, 3)).astype(np.uint8)


def png(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels(seed)).save(file, "PNG")
    return file.getvalue()


def test_a_record_whose_picture_or_label_changed_is_named(write_records: Callable[..., Path], tmp_path: Path) -> None:
    def write(*records: tuple[int, int]) -> Task:
        rows = [
            {"image/encoded": png(seed), "image/class/label": label, "image/filename": f"{number}.png"}
            for number, (seed, label) in enumerate(records)
        ]
        return Classification(DataRef(write_records(tmp_path / "val.tfrecord", rows)), ClassificationOptions())

    task = write((1, 1), (2, 2), (3, 3))
    kept = read_by(task, PICTURE, SCORES)
    refuse_changed_data(Path("run"), write((1, 1), (2, 2), (3, 3)), kept)
    refuse(write((1, 1), (2, 7), (3, 3)), kept, "changed: 1 of 3 samples, the first is 1.png")
    refuse(write((1, 1), (2, 2), (9, 3)), kept, "changed: 1 of 3 samples, the first is 2.png")
    refuse(write((1, 1), (2, 2)), kept, "gone: 1 of 3 samples, the first is 2.png")
    refuse(write((1, 1), (2, 2), (3, 3), (4, 4)), kept, "added to 3 samples: 1, the first is 3.png")


def test_a_folder_that_makes_one_class_more_is_named(tmp_path: Path) -> None:
    for number, name in enumerate(("bee", "cat", "dog")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{number}.png").write_bytes(png(number))

    def opened() -> Task:
        return Classification(DataRef(tmp_path), ClassificationOptions(num_classes=1000, offset=1))

    kept = read_by(opened(), PICTURE, SCORES)
    refuse_changed_data(Path("run"), opened(), kept)
    (tmp_path / "ant").mkdir()
    refuse(opened(), kept, "the classes are others: ant was added")


WORDS = "[PAD] [UNK] [CLS] [SEP] marta hugo where does live lives in oslo riga . ?"
CONTEXT = "Marta lives in Oslo. Hugo lives in Riga."


def squad(path: Path, *questions: tuple[str, str, str]) -> Path:
    qas = [{"id": i, "question": q, "answers": [{"text": a, "answer_start": 0}]} for i, q, a in questions]
    data = {"data": [{"title": "t", "paragraphs": [{"context": CONTEXT, "qas": qas}]}]}
    path.write_text(json.dumps(data), encoding="ascii")
    return path


FIRST, SECOND = ("q1", "Where does Marta live?", "Oslo"), ("q2", "Where does Hugo live?", "Riga")


def test_questions_answers_and_a_vocabulary_that_changed_are_named(tmp_path: Path) -> None:
    vocabulary, data = tmp_path / "vocab.txt", tmp_path / "dev.json"
    vocabulary.write_text(WORDS.replace(" ", "\n"), encoding="ascii")

    def opened(*questions: tuple[str, str, str]) -> Task:
        squad(data, *questions)
        return QuestionAnswering(DataRef(data), QuestionAnsweringOptions(max_seq_length=96))

    kept = read_by(opened(FIRST, SECOND), WINDOW, LOGITS)
    assert [Path(item.name).name for item in kept.files] == ["dev.json", "vocab.txt"]
    refuse_changed_data(Path("run"), opened(FIRST, SECOND), kept)
    refuse(opened(FIRST, (*SECOND[:2], "in Riga")), kept, f"{data} has changed")
    refuse(opened(FIRST), kept, f"{data} has changed")
    vocabulary.write_text(WORDS.replace(" ", "\n") + "\nbergen", encoding="ascii")
    refuse(opened(FIRST, SECOND), kept, f"{vocabulary} has changed")


def test_windows_and_a_ground_truth_that_changed_are_named(write_records: Callable[..., Path], tmp_path: Path) -> None:
    windows, truth = tmp_path / "squad_eval.tfrecord", squad(tmp_path / "truth.json", FIRST, SECOND)

    def opened(last: int) -> Task:
        ids = {name: [1] * 95 + [last] for name in ("input_ids", "input_mask", "segment_ids")}
        write_records(windows, [{**ids, "qas_id": "q1", "tokens": ["a"]}])
        return QuestionAnswering(DataRef(windows, truth), QuestionAnsweringOptions(max_seq_length=96))

    kept = read_by(opened(1), WINDOW, LOGITS)
    refuse_changed_data(Path("run"), opened(1), kept)
    refuse(opened(2), kept, f"{windows} has changed")
    squad(truth, FIRST, (*SECOND[:2], "in Riga"))
    refuse(opened(1), kept, f"{truth} has changed")
    truth.unlink()
    refuse(opened(1), kept, f"{truth} is gone")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The library, offline, with a cache of its own."""
    library = pytest.importorskip("datasets", reason="the extra hf is not installed: ./run.sh install hf")
    monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(library.config, "HF_HUB_OFFLINE", True)
    return library


def test_a_row_whose_picture_or_label_changed_is_named(hub: Any, tmp_path: Path) -> None:
    versions = itertools.count()

    def saved(*rows: tuple[int, int]) -> Path:
        columns = {"image": [{"bytes": png(seed), "path": None} for seed, _ in rows], "label": [n for _, n in rows]}
        table = hub.Dataset.from_dict(columns).cast_column("image", hub.Image())
        (folder := tmp_path / f"set_{next(versions)}").mkdir()
        table.save_to_disk(str(folder))
        return Path(f"hf:{folder}")

    def opened(*rows: tuple[int, int]) -> Task:
        return Classification(DataRef(saved(*rows)), ClassificationOptions())

    kept = read_by(opened((1, 1), (2, 2), (3, 3)), PICTURE, SCORES)
    refuse_changed_data(Path("run"), opened((1, 1), (2, 2), (3, 3)), kept)
    refuse(opened((1, 1), (2, 7), (3, 3)), kept, "changed: 1 of 3 samples, the first is row 1")
    refuse(opened((1, 1), (2, 2), (9, 3)), kept, "changed: 1 of 3 samples, the first is row 2")
    refuse(opened((1, 1), (2, 2)), kept, "gone: 1 of 3 samples, the first is row 2")


def test_a_question_of_a_table_that_changed_is_named(hub: Any, tmp_path: Path) -> None:
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text(WORDS.replace(" ", "\n"), encoding="ascii")
    versions = itertools.count()

    def opened(*questions: tuple[str, str, str]) -> Task:
        columns = {
            "id": [i for i, _, _ in questions],
            "context": [CONTEXT for _ in questions],
            "question": [text for _, text, _ in questions],
            "answers": [{"text": [answer], "answer_start": [0]} for _, _, answer in questions],
        }
        folder = tmp_path / f"set_{next(versions)}"
        hub.Dataset.from_dict(columns).save_to_disk(str(folder))
        options = QuestionAnsweringOptions(vocab=vocabulary, max_seq_length=96)
        return QuestionAnswering(DataRef(Path(f"hf:{folder}")), options)

    kept = read_by(opened(FIRST, SECOND), WINDOW, LOGITS)
    assert [item.name for item in kept.files] == [str(vocabulary)]
    refuse_changed_data(Path("run"), opened(FIRST, SECOND), kept)
    refuse(opened(FIRST, (*SECOND[:2], "in Riga")), kept, "changed: 1 of 2 samples, the first is q2")
    refuse(opened(FIRST), kept, "gone: 1 of 2 samples, the first is q2")
