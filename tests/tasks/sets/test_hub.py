from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from accuracy.answers.log import Answer
from accuracy.answers.wire import pack_labels
from backends.base import TensorSpec
from tasks.base import DataMissing, DataRef
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions
from tasks.codecs.question_answering import QuestionAnsweringOptions
from tasks.codecs.super_resolution import SuperResolutionOptions
from tasks.pictures.hub import open_hub_pictures
from tasks.question_answering import QuestionAnswering
from tasks.sets.hub import HubName, is_hub_name, read_hub_questions
from tasks.super_resolution import SuperResolution

PICTURE = TensorSpec("image", (1, 16, 16, 3), np.dtype(np.uint8))
SCORES = TensorSpec("scores", (1, 1000), np.dtype(np.uint8))


@pytest.fixture
def datasets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The library, offline, with a cache of its own."""
    library = pytest.importorskip("datasets", reason="the extra hf is not installed: ./run.sh install hf")
    monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(library.config, "HF_HUB_OFFLINE", True)
    return library


def pixels(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (24, 20, 3)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures in a sub-folder a split, and in these one a class."""
    root = tmp_path / "pets"
    for at, split in enumerate(("train", "test")):
        for label, name in enumerate(("cat", "dog")):
            (root / split / name).mkdir(parents=True)
            for number in range(2):
                Image.fromarray(pixels(100 * at + 10 * label + number)).save(root / split / name / f"{number}.png")
    return root


def task_of(name: str, truth: Path | None = None, count: int | None = None, **options: Any) -> Classification:
    return Classification(DataRef(Path(name), truth, count), ClassificationOptions(**options))


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "config", "split"),
    [
        ("hf:squad", "squad", None, None),
        ("hf:org/squad:train", "org/squad", None, "train"),
        ("hf:org/squad:plain:train", "org/squad", "plain", "train"),
        ("hf:org/squad:plain:", "org/squad", "plain", None),
        ("hf:org/squad::test", "org/squad", None, "test"),
        ("hf:squad:train[:100]", "squad", None, "train[:100]"),
        ("hf:squad:plain:train[5:10%]", "squad", "plain", "train[5:10%]"),
    ],
)
def test_a_name_may_have_a_configuration_and_a_split(text: str, name: str, config: str, split: str) -> None:
    hub = HubName.parse(text)
    assert hub == HubName(name, config, split)
    assert HubName.parse(str(hub)) == hub
    assert HubName.parse(str(Path(text))) == hub
    assert is_hub_name(Path(text))


@pytest.mark.parametrize("text", ["hf:", "hf::train", "hf:a:b:c:d", "squad"])
def test_what_names_no_data_set_is_refused(text: str) -> None:
    with pytest.raises(DataMissing, match="names no data set: write hf:NAME"):
        HubName.parse(text)


def test_a_folder_that_is_here_is_named_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pets").mkdir()
    monkeypatch.chdir(tmp_path)
    assert str(HubName.parse("hf:./pets:train").absolute()) == f"hf:{tmp_path}/pets:train"
    assert str(HubName.parse("hf:org/pets:train").absolute()) == "hf:org/pets:train"


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataMissing, match=re.escape("hf:squad needs the library datasets: ./run.sh install hf")):
        open_hub_pictures(Path("hf:squad"))


# --- pictures --------------------------------------------------------------------------------------------------------


def test_a_folder_of_pictures_has_its_classes_as_labels(datasets: Any, folder: Path) -> None:
    pictures = open_hub_pictures(Path(f"hf:{folder}:train"))
    assert len(pictures) == 4
    assert pictures.read(3) == (folder / "train/dog/1.png").read_bytes()
    assert pictures.labels is not None
    assert list(pictures.labels.values) == [0, 0, 1, 1]
    assert open_hub_pictures(Path(f"hf:{folder}:train"), 3).names == ("row 0", "row 1", "row 2")
    assert len(open_hub_pictures(Path(f"hf:{folder}:train[:1]"))) == 1


def test_without_a_split_the_one_meant_for_evaluation_is_taken(datasets: Any, folder: Path) -> None:
    assert open_hub_pictures(Path(f"hf:{folder}")).read(0) == (folder / "test/cat/0.png").read_bytes()


def test_pictures_are_prepared_and_scored_as_those_of_a_folder(datasets: Any, folder: Path) -> None:
    task = task_of(f"hf:{folder}:train", num_classes=2)
    other = Classification(DataRef(folder / "train/dog"), ClassificationOptions(num_classes=2))
    scores = TensorSpec("scores", (1, 2), np.dtype(np.uint8))
    for index in range(2):
        (found,) = task.codec([PICTURE], [scores]).preprocess(2 + index)
        (wanted,) = other.codec([PICTURE], [scores]).preprocess(index)
        assert np.array_equal(found, wanted)
    task.check_truth()
    answers = [Answer(index, pack_labels([label])) for index, label in enumerate([0, 0, 1, 0])]
    assert task.score(answers)["top1"] == 0.75
    described = task.describe_data()
    assert (described["pictures"], described["order"], described["truth"]) == (f"hf:{folder}:train", "rows", "label")


def test_a_data_set_that_was_saved_is_read_with_pictures_inside(datasets: Any, tmp_path: Path, folder: Path) -> None:
    features = datasets.Features(
        {"img": datasets.Image(), "fine": datasets.ClassLabel(num_classes=3), "n": datasets.Value("int64")}
    )
    rows = {"img": [Image.fromarray(pixels(seed)) for seed in range(3)], "fine": [2, 0, 1], "n": [7, 8, 9]}
    saved = datasets.Dataset.from_dict(rows, features=features)
    saved.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"train": saved, "validation": saved.select([2, 0])}).save_to_disk(tmp_path / "two")
    one, two = open_hub_pictures(Path(f"hf:{tmp_path}/one")), open_hub_pictures(Path(f"hf:{tmp_path}/two"))
    assert one.labels is not None
    assert two.labels is not None
    assert list(one.labels.values) == [2, 0, 1]
    assert list(two.labels.values) == [1, 2]
    (prepared,) = task_of(f"hf:{tmp_path}/two").codec([PICTURE], [SCORES]).preprocess(1)
    Image.fromarray(pixels(0)).save(tmp_path / "0.png")
    (wanted,) = task_of(str(tmp_path), count=1).codec([PICTURE], [SCORES]).preprocess(0)
    assert np.array_equal(prepared, wanted)
    with pytest.raises(DataMissing, match=r"two has no split 'test', but train, validation"):
        open_hub_pictures(Path(f"hf:{tmp_path}/two:test"))
    with pytest.raises(DataMissing, match="saved as one split: leave 'train' out"):
        open_hub_pictures(Path(f"hf:{tmp_path}/one:train"))


def test_the_cache_key_changes_with_the_rows(datasets: Any, folder: Path, tmp_path: Path) -> None:
    name = Path(f"hf:{folder}:train")
    before = open_hub_pictures(name).fingerprint()
    assert open_hub_pictures(name).fingerprint() == before
    assert open_hub_pictures(name, 2).fingerprint() != before
    assert open_hub_pictures(Path(f"hf:{folder}:test")).fingerprint() != before


def save(datasets: Any, path: Path, **columns: Any) -> Path:
    datasets.Dataset.from_dict(columns).save_to_disk(path)
    return Path(f"hf:{path}")


def test_columns_that_do_not_fit_are_listed(datasets: Any, tmp_path: Path) -> None:
    picture = Image.fromarray(pixels(0))
    with pytest.raises(DataMissing, match=r"no column of images: its columns are text \(Value\)"):
        open_hub_pictures(save(datasets, tmp_path / "a", text=["x"]))
    with pytest.raises(DataMissing, match="more than one column of the kind Image: left, right"):
        open_hub_pictures(save(datasets, tmp_path / "b", left=[picture], right=[picture]))
    with pytest.raises(DataMissing, match=r"the column label of .* holds no class numbers, but for example 0\.5"):
        open_hub_pictures(save(datasets, tmp_path / "c", image=[picture], label=[0.5])).labels  # noqa: B018


def test_a_row_without_a_label_is_named(datasets: Any, tmp_path: Path) -> None:
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})
    rows = {"image": [Image.fromarray(pixels(at)) for at in range(3)], "label": [0, None, 1]}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(DataMissing, match=r"1 of the 3 rows of .* have no label \(row 1\)"):
        task_of(f"hf:{tmp_path / 'saved'}", num_classes=2).check_truth()


def test_pictures_without_labels_run_and_have_no_score(
    datasets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = save(datasets, tmp_path / "set", image=[Image.fromarray(pixels(0))])
    (tmp_path / "labels.csv").write_text("file,label\nrow 0,1\n")  # of whatever lies in the current directory
    monkeypatch.chdir(tmp_path)
    task = task_of(str(name))
    assert task.describe_data()["truth"] is None
    with pytest.raises(DataMissing, match="has no column of labels"):
        task.check_truth()
    named = task_of(str(name), tmp_path / "labels.csv")
    named.check_truth()
    assert named.score([Answer(0, pack_labels([1]))])["top1"] == 1.0


def test_a_label_that_is_none_is_named(datasets: Any, tmp_path: Path) -> None:
    picture = Image.fromarray(pixels(0))
    name = save(datasets, tmp_path / "set", image=[picture, picture], label=[3, -1])
    with pytest.raises(DataMissing, match=r"row 1 has the label -1, but the 1000 classes are 0 to 999"):
        task_of(str(name)).check_truth()


@pytest.mark.parametrize("name", ["hf:nobody/nothing", "hf:nothing:plain:test"])
def test_a_data_set_that_is_not_here_is_named(datasets: Any, name: str) -> None:
    with pytest.raises(DataMissing, match=f"^{name} cannot be loaded: ."):
        open_hub_pictures(Path(name))


def test_a_split_that_is_not_there_is_named_with_those_that_are(datasets: Any, folder: Path) -> None:
    with pytest.raises(DataMissing, match=r"cannot be loaded: .*train.*test"):
        open_hub_pictures(Path(f"hf:{folder}:nope"))


def test_a_data_set_with_code_of_its_own_is_refused_and_the_code_does_not_run(datasets: Any, tmp_path: Path) -> None:
    script = tmp_path / "evil" / "evil.py"
    script.parent.mkdir()
    script.write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    with pytest.raises(DataMissing, match=r"cannot be loaded: .*script"):
        open_hub_pictures(Path(f"hf:{script.parent}"))
    assert not (tmp_path / "ran").exists()


def test_a_task_that_reads_no_such_sets_says_so() -> None:
    with pytest.raises(DataMissing, match="hf:some/pictures: this task reads no Hugging Face data sets"):
        SuperResolution(DataRef(Path("hf:some/pictures")), SuperResolutionOptions())


# --- questions -------------------------------------------------------------------------------------------------------

ROWS: dict[str, Any] = {
    "id": ["q1", "q2"],
    "title": ["t", "t"],
    "context": ["Marta lives in Oslo. Hugo lives in Riga."] * 2,
    "question": ["Where does Marta live?", "Where does Hugo live?"],
    "answers": [{"text": ["Oslo"], "answer_start": [15]}, {"text": ["Riga", "in Riga"], "answer_start": [35, 32]}],
}


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    words = "[PAD] [UNK] [CLS] [SEP] marta hugo where does live lives in oslo riga . ?"
    path = tmp_path / "vocab.txt"
    path.write_text(words.replace(" ", "\n"))
    return path


def test_questions_are_read_with_their_answers_and_asked(datasets: Any, tmp_path: Path, vocabulary: Path) -> None:
    name = save(datasets, tmp_path / "set", **ROWS)
    assert [question.answers for question in read_hub_questions(name)] == [("Oslo",), ("Riga", "in Riga")]
    task = QuestionAnswering(DataRef(name), QuestionAnsweringOptions(vocab=vocabulary, max_seq_length=96))
    task.check_truth()
    assert len(task) == 2
    assert task.describe_data() == {
        "count": 2,
        "questions": 2,
        "questions_without_window": 0,
        "source": str(name),
        "truth": str(name),
        "max_seq_length": 96,
    }


def test_the_same_questions_in_squads_json_make_the_same_windows(
    datasets: Any, tmp_path: Path, vocabulary: Path
) -> None:
    import json

    qas = [
        {"id": i, "question": q, "answers": [{"text": t, "answer_start": 0} for t in a["text"]]}
        for i, q, a in zip(ROWS["id"], ROWS["question"], ROWS["answers"], strict=True)
    ]
    paragraphs = [{"context": ROWS["context"][0], "qas": qas}]
    (tmp_path / "dev.json").write_text(json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]}))
    options = QuestionAnsweringOptions(vocab=vocabulary, max_seq_length=96)
    one = QuestionAnswering(DataRef(save(datasets, tmp_path / "set", **ROWS)), options)
    two = QuestionAnswering(DataRef(tmp_path / "dev.json"), options)
    ids = [TensorSpec(name, (1, 96), np.dtype(np.int32)) for name in ("input_ids", "input_mask", "segment_ids")]
    logits = [TensorSpec(name, (1, 96), np.dtype(np.float32)) for name in ("start_logits", "end_logits")]
    for index in range(2):
        found = one.codec(ids, logits).preprocess(index)
        wanted = two.codec(ids, logits).preprocess(index)
        assert all(map(np.array_equal, found, wanted))
    answers = [
        Answer(index, np.tile(np.arange(192, dtype=np.float32) % (7 + index), 1).tobytes()) for index in range(2)
    ]
    assert one.score(answers) == two.score(answers)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"context": None}, "has no column context: its columns are id, title, question, answers"),
        ({"id": ["q1", "q1"]}, "row 1 of .*: question 'q1' came before"),
        ({"answers": ["Oslo", "Riga"]}, "row 0 of .* is no question in SQuAD's form"),
        ({"id": [1, 2]}, "row 0 of .* is no question in SQuAD's form"),
    ],
)
def test_rows_that_are_no_questions_are_refused(
    datasets: Any, tmp_path: Path, change: dict[str, Any], complaint: str
) -> None:
    columns = {name: values for name, values in (ROWS | change).items() if values is not None}
    with pytest.raises(DataMissing, match=complaint):
        read_hub_questions(save(datasets, tmp_path / "set", **columns))


def test_a_question_without_an_answer_is_refused_before_the_run(
    datasets: Any, tmp_path: Path, vocabulary: Path
) -> None:
    rows = ROWS | {"answers": [{"text": ["Oslo"], "answer_start": [15]}, {"text": [], "answer_start": []}]}
    name = save(datasets, tmp_path / "set", **rows)
    with pytest.raises(DataMissing, match=r"question 'q2' has no answer. Only SQuAD v1.1"):
        QuestionAnswering(DataRef(name), QuestionAnsweringOptions(vocab=vocabulary)).check_truth()


def test_a_column_of_names_is_looked_up_in_the_models_or_refused(datasets: Any, tmp_path: Path) -> None:
    rows = {"image": [Image.fromarray(pixels(number)) for number in range(3)], "label": ["Dog", "cat", "Dog"]}
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("string")})
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(tmp_path / "pets"))
    with pytest.raises(DataMissing, match=r"the column label of .* names its classes \(Dog, cat\), and nothing says"):
        task_of(f"hf:{tmp_path}/pets", num_classes=2).check_truth()
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\n")
    task = task_of(f"hf:{tmp_path}/pets", num_classes=2, class_names=names)
    task.check_truth()
    answers = [Answer(index, pack_labels([label, 1 - label])) for index, label in enumerate((1, 0, 1))]
    assert task.score(answers)["top1"] == 1.0


def test_synsets_in_a_column_need_no_names(datasets: Any, tmp_path: Path) -> None:
    rows = {"image": [Image.fromarray(pixels(0))], "label": ["n01484850"]}
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("string")})
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(tmp_path / "sharks"))
    task = task_of(f"hf:{tmp_path}/sharks")
    assert task.score([Answer(0, pack_labels([2, 0, 1, 3, 4]))])["top1"] == 1.0
