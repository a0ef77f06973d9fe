"""The question answering task: data found, tensors bound, answers logged and scored."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import TypeAdapter, ValidationError

from accuracy.answers.log import Answer, LogError
from accuracy.answers.wire import pack_logits
from backends.base import TensorSpec
from tasks.base import DataMissing
from tasks.codecs.question_answering import QuestionAnsweringOptions
from tasks.question_answering import QuestionAnswering
from tests.tasks.squad_sets import FLOAT, INPUTS, OUTPUTS, specs, task_of

Floats = npt.NDArray[np.float32]
TrueLogits = Callable[[QuestionAnswering, Path], list[tuple[Floats, Floats]]]


def answered(
    task: QuestionAnswering, logits: Sequence[tuple[Floats, Floats]], outputs: Sequence[TensorSpec] = OUTPUTS
) -> Iterator[Answer]:
    """The logits through post-processing, as a model with these outputs would give them."""
    codec = task.codec(INPUTS, outputs)
    for index, (start, end) in enumerate(logits):
        values = {"start_logits": start[np.newaxis], "end_logits": end[np.newaxis]}
        yield Answer(index, codec.postprocess([values[output.name] for output in outputs]))


def test_true_logits_score_one_on_mlperfs_mini_set_and_altered_ones_do_not(zoo: Path, true_logits: TrueLogits) -> None:
    squad = zoo / "datasets" / "squad"
    task = task_of(squad / "squad_eval_mini.tfrecord")
    task.check_truth()
    logits = true_logits(task, squad / "squad_groundtruth.tfrecord")
    metrics = task.score(answered(task, logits))
    assert metrics["f1"] >= 0.99
    assert metrics["exact_match"] >= 0.99
    assert metrics["f1_mobile"] >= 0.99
    # One-word answers survive when start and end are swapped; the others do not.
    assert task.score(answered(task, [(end, start) for start, end in logits]))["f1"] < 0.5
    # Each window answered with the next one's logits.
    assert task.score(answered(task, [*logits[1:], logits[0]]))["f1"] < 0.2
    # Only the questions of the set count, though the truth has all 10,570.
    assert task.describe_data() == {
        "count": 100,
        "questions": 100,
        "questions_without_window": 0,
        "source": str(squad / "squad_eval_mini.tfrecord"),
        "truth": str(squad / "squad_groundtruth.tfrecord"),
        "max_seq_length": 384,
    }


def test_true_logits_score_one_on_the_builtin_set_and_shifted_ones_do_not(
    builtin: Path, true_logits: TrueLogits
) -> None:
    task = task_of(builtin)
    task.check_truth()
    [truth] = builtin.glob("*.json")
    logits = true_logits(task, truth)
    assert len(task) > len(task._questions) == 112
    assert task.score(answered(task, logits)) == {"f1": 1.0, "exact_match": 1.0, "f1_mobile": 1.0}
    assert task.score(reversed(list(answered(task, logits))))["f1"] == 1.0
    assert task.score(answered(task, [*logits[1:], logits[0]]))["f1"] < 0.2


@pytest.mark.parametrize("layout", ["reference", "mobile"])
@pytest.mark.parametrize("log_dtype", ["float16", "float32", "float64"])
def test_every_layout_and_type_of_the_log_is_scored_alike(
    builtin: Path, layout: str, log_dtype: str, true_logits: TrueLogits
) -> None:
    task = task_of(builtin, layout=layout, log_dtype=log_dtype, count=40)
    [truth] = builtin.glob("*.json")
    logged = list(answered(task, true_logits(task, truth)))
    assert len(logged[0].data) == 2 * 384 * np.dtype(log_dtype).itemsize
    assert task.score(logged)["f1"] == 1.0
    other = task_of(builtin, layout="mobile" if layout == "reference" else "reference", log_dtype=log_dtype, count=40)
    assert other.score(logged)["f1"] < 0.3


def test_a_count_that_cuts_a_question_still_scores_it(builtin: Path) -> None:
    whole = task_of(builtin)
    cut = next(
        index for index in range(1, len(whole)) if whole._windows.qas_id(index) == whole._windows.qas_id(index - 1)
    )
    task = task_of(builtin, count=cut)
    assert len(task) == cut
    assert task._questions[-1] == whole._windows.qas_id(cut)
    metrics = task.score(Answer(index, pack_logits(np.zeros(384), np.zeros(384))) for index in range(cut))
    assert set(metrics) == {"f1", "exact_match", "f1_mobile"}


def test_no_valid_answer_scores_nothing(builtin: Path) -> None:
    task = task_of(builtin, count=10)
    nothing = np.zeros(384)
    nothing[-20:] = 1.0  # all of the best twenty lie in the padding
    metrics = task.score(Answer(index, pack_logits(nothing, nothing)) for index in range(10))
    assert metrics == {"f1": 0.0, "exact_match": 0.0, "f1_mobile": 0.0}


def test_answers_that_cannot_be_of_this_set_are_refused(builtin: Path) -> None:
    task = task_of(builtin, count=2)
    with pytest.raises(LogError, match="an answer for sample 2; the data set has 2 windows"):
        task.score([Answer(2, bytes(8))])
    with pytest.raises(LogError, match="sample 1: an answer of 4 bytes holds no pairs of float32 logits"):
        task.score([Answer(1, bytes(4))])
    broken = pack_logits(np.zeros(384), np.full(384, np.nan))
    with pytest.raises(LogError, match="sample 1: logit 1 of the answer is nan"):
        task.score([Answer(1, broken)])
    with pytest.raises(LogError, match="sample 1: logit 1 of the answer is nan"):
        list(task.rewrite([Answer(1, broken)], task_of(builtin, count=2, layout="mobile")))


def test_another_sequence_length_cuts_other_windows(builtin: Path) -> None:
    task = task_of(builtin, max_seq_length=128, doc_stride=64, max_query_length=32)
    assert len(task) > len(task_of(builtin))
    inputs, outputs = specs("input_ids", shape=(1, 128)), specs("start", "end", dtype=FLOAT, shape=(1, 128))
    [ids] = task.codec(inputs, outputs).preprocess(0)
    assert ids.shape == (1, 128)


def test_a_model_of_no_fixed_length_is_opened_at_the_windows_length(builtin: Path) -> None:
    task = task_of(builtin)
    assert task.input_shapes(specs("input_ids", "input_mask", shape=(1, 1))) == [(1, 384), (1, 384)]
    assert task.input_shapes(INPUTS) is None
    assert task.input_shapes(specs("input_ids", shape=(1, 128))) is None


def empty(folder: Path) -> Path:
    return folder


def two(folder: Path) -> Path:
    (folder / "one.json").write_text("{}")
    (folder / "two.tfrecord").write_bytes(b"")
    (folder / "squad_groundtruth.tfrecord").write_bytes(b"")
    return folder


def text(folder: Path) -> Path:
    (folder / "dev.txt").write_text("x")
    return folder / "dev.txt"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (empty, "holds neither a .tfrecord with windows nor a .json"),
        (two, r"holds more than one data set: one\.json, two\.tfrecord\. Choose one with --dataset FILE"),
        (text, r"dev\.txt is neither a .tfrecord with windows nor a .json"),
        (lambda folder: folder / "nowhere", r"no SQuAD data at .*nowhere"),
    ],
)
def test_a_place_without_one_data_set_is_refused(tmp_path: Path, make: Callable[[Path], Path], message: str) -> None:
    with pytest.raises(DataMissing, match=message):
        task_of(make(tmp_path))


def test_a_folder_of_several_sets_lists_them(zoo: Path) -> None:
    with pytest.raises(
        DataMissing, match=r"squad_eval\.tfrecord, squad_eval_mini\.tfrecord, squad_eval_tiny\.tfrecord\."
    ):
        task_of(zoo / "datasets" / "squad")


def test_a_json_needs_a_vocabulary_beside_it_or_named(builtin: Path, tmp_path: Path) -> None:
    [data] = builtin.glob("*.json")
    shutil.copy(data, tmp_path)
    with pytest.raises(DataMissing, match=r"no vocab\.txt beside .*\.json"):
        task_of(tmp_path)
    assert len(task_of(tmp_path, vocab=builtin / "vocab.txt")) == len(task_of(builtin))
    with pytest.raises(DataMissing, match=r"the vocabulary .*nowhere\.txt cannot be read"):
        task_of(tmp_path, vocab=tmp_path / "nowhere.txt")


def test_a_truth_that_does_not_belong_is_found_before_the_run(builtin: Path, tmp_path: Path) -> None:
    [data] = builtin.glob("*.json")
    squad = json.loads(data.read_text())
    answers_only = {qa["id"]: ["x"] for one in squad["data"][0]["paragraphs"] for qa in one["qas"]}
    (tmp_path / "map.json").write_text(json.dumps(answers_only))
    with pytest.raises(DataMissing, match=r"map\.json holds answers but no contexts"):
        task_of(data, tmp_path / "map.json").check_truth()
    del squad["data"][0]["paragraphs"][0]["qas"][0]
    (tmp_path / "less.json").write_text(json.dumps(squad))
    with pytest.raises(DataMissing, match=r"it has no answer for 1 of 112 questions \('test-00-person' is the first\)"):
        task_of(data, tmp_path / "less.json").check_truth()
    with pytest.raises(DataMissing, match="it has no answer for 1 of 112 questions"):
        task_of(data, tmp_path / "less.json").score([])
    squad = json.loads(data.read_text())
    squad["data"][0]["paragraphs"][1]["context"] = "Quite another text."
    (tmp_path / "other.json").write_text(json.dumps(squad))
    with pytest.raises(
        DataMissing, match=r"window 8 speaks of word \d+ of question 'test-01-person', whose context has 3 words"
    ):
        task_of(data, tmp_path / "other.json").check_truth()
    with pytest.raises(DataMissing, match=r"nowhere\.json cannot be read"):
        task_of(data, tmp_path / "nowhere.json").check_truth()


def test_records_without_a_ground_truth_beside_them_say_so(zoo: Path, tmp_path: Path) -> None:
    shutil.copy(zoo / "datasets" / "squad" / "squad_eval_tiny.tfrecord", tmp_path)
    task = task_of(tmp_path)
    assert len(task) == 10
    with pytest.raises(DataMissing, match=r"looked for squad_groundtruth\.tfrecord.*Name it with --truth"):
        task.check_truth()
    task_of(tmp_path, zoo / "datasets" / "squad" / "squad_groundtruth.tfrecord").check_truth()


@pytest.mark.parametrize("name", ["max_seq_length", "doc_stride", "max_query_length", "n_best", "max_answer_length"])
def test_options_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0; it must be at least 1"):
        TypeAdapter(QuestionAnsweringOptions).validate_python({name: 0})


def test_options_are_read_from_a_config() -> None:
    options = TypeAdapter(QuestionAnsweringOptions)
    found = options.validate_python({"vocab": "v.txt", "outputs": {"start_logits": "b", "end_logits": "a"}})
    assert found.vocab == Path("v.txt")
    assert found.outputs == {"start_logits": "b", "end_logits": "a"}
    for wrong in ({"inputs": {"ids": "a"}}, {"layout": "transposed"}, {"log_dtype": "int8"}):
        with pytest.raises(ValidationError):
            options.validate_python(wrong)


@pytest.mark.parametrize("context", ["", " \n", "\u200b\u200b", "\u200d \ufeff", "\u0301"])
def test_a_question_whose_context_leaves_no_token_counts_as_nothing(
    builtin: Path, tmp_path: Path, true_logits: TrueLogits, context: str
) -> None:
    paragraphs = [
        ("Ada wrote the first program", "who wrote it?", "Ada"),
        (context, "who is not there?", "nobody"),
        ("The engine was made of brass", "what was it made of?", "brass"),
        ("It was shown in London", "where was it shown?", "London"),
    ]
    entries = [
        {"context": text, "qas": [{"id": f"q{at}", "question": question, "answers": [{"text": answer}]}]}
        for at, (text, question, answer) in enumerate(paragraphs)
    ]
    path = tmp_path / "some.json"
    path.write_text(json.dumps({"version": "1.1", "data": [{"paragraphs": entries}]}), encoding="utf-8")
    shutil.copy(builtin / "vocab.txt", tmp_path)
    task = task_of(path)
    task.check_truth()
    assert task.describe_data()["questions_without_window"] == 1
    score = task.score(answered(task, true_logits(task, path)))
    assert score["f1"] == score["exact_match"] == score["f1_mobile"] == 0.75
    assert score.count == 4
    assert "1 of 4 questions have a context of which no token is left" in score.notes[0]
    assert "(q1)" in score.notes[0]
    # Of the first window alone it is no part.
    first = task_of(path, count=1)
    assert first.score(answered(first, true_logits(first, path))).count == 1


def test_a_truth_with_more_questions_than_the_set_says_how_many_do_not_count(
    builtin: Path, tmp_path: Path, true_logits: TrueLogits
) -> None:
    [whole] = builtin.glob("*.json")
    data = json.loads(whole.read_text(encoding="utf-8"))
    data["data"][0]["paragraphs"] = data["data"][0]["paragraphs"][:2]
    part = tmp_path / "part.json"
    part.write_text(json.dumps(data), encoding="utf-8")
    shutil.copy(builtin / "vocab.txt", tmp_path)
    task = task_of(part, whole)
    logged = list(answered(task, true_logits(task, whole)))
    beyond = 112 - len(task._questions)
    assert 0 < beyond < 112
    assert f"{beyond} of the 112 questions of {whole.name} have no window in part.json" in task.score(logged).notes[0]
    chosen = task_of(part, whole, count=len(task))
    assert chosen.score(logged).notes == ()
