"""The MobileBERT stand-in answers the built-in questions, and mistakes of the harness cost it the floor."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter

from accuracy.answers.log import Answer
from accuracy.answers.wire import pack_logits
from harness.zoo.builtin.squad import Part, write_builtin_squad
from harness.zoo.builtin.squad_words import KINDS
from harness.zoo.graph.mobilebert import MobileBertConfig, block_name, build_graph
from harness.zoo.standins import circuit, mobilebert
from harness.zoo.standins.mobilebert import make_weights
from harness.zoo.standins.wiring import whole
from tasks.base import DataRef
from tasks.codecs.question_answering import QuestionAnsweringOptions
from tasks.question_answering import QuestionAnswering
from tasks.text.windows import Inputs

Array = npt.NDArray[Any]
Logits = list[tuple[Array, Array]]
Mistake = Callable[[Inputs, Inputs], Inputs]
"""Makes what the model gets of a window and the next question's."""

FLOOR = 0.85
SHORT_CONTEXTS, LONG_CONTEXTS = 2, 1
QUESTIONS_OF_ONE = 8
SHORT_WINDOWS = SHORT_CONTEXTS * QUESTIONS_OF_ONE


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Part], Path]:
    """Writes a part of the set, cut to two short contexts and a long one: 24 questions."""

    @cache
    def write(part: Part) -> Path:
        path = write_builtin_squad(tmp_path_factory.mktemp(part), part)
        data = json.loads(path.read_text())
        paragraphs = data["data"][0]["paragraphs"]
        data["data"][0]["paragraphs"] = paragraphs[:SHORT_CONTEXTS] + paragraphs[-LONG_CONTEXTS:]
        path.write_text(json.dumps(data))
        return path

    return write


def task_of(path: Path, count: int | None = None, **options: Any) -> QuestionAnswering:
    return QuestionAnswering(DataRef(path, None, count), QuestionAnsweringOptions(**options))


class Model:
    """Full-size, as a file has it."""

    def __init__(self, path: Path) -> None:
        self._interpreter = Interpreter(str(path), num_threads=2)
        self._interpreter.allocate_tensors()
        self._runner = self._interpreter.get_signature_runner("serving_default")
        self._answered: dict[bytes, tuple[Array, Array]] = {}

    def logits(self, windows: list[Inputs]) -> Logits:
        """Start and end of each window; one that was asked before is answered as then."""
        return [self._answer(window) for window in windows]

    def _answer(self, window: Inputs) -> tuple[Array, Array]:
        key = b"".join(values.tobytes() for values in window)
        if key not in self._answered:
            named = {name: values[np.newaxis].astype(np.int32) for name, values in window._asdict().items()}
            answer = self._runner(**named)
            self._answered[key] = answer["start_logits"][0].copy(), answer["end_logits"][0].copy()
        return self._answered[key]


@pytest.fixture(scope="module")
def int8(made: Callable[[str, str], Path]) -> Model:
    return Model(made("standins", "mobilebert_int8"))


def windows_of(task: QuestionAnswering) -> list[Inputs]:
    return [task._windows.inputs(index) for index in range(len(task))]


def f1(task: QuestionAnswering, logits: Logits) -> float:
    answers = (
        Answer(index, pack_logits(start, end, "reference", "float32")) for index, (start, end) in enumerate(logits)
    )
    return task.score(answers)["f1"]


@pytest.fixture(scope="module")
def answered(questions: Callable[[Part], Path], int8: Model) -> tuple[QuestionAnswering, Logits]:
    task = task_of(questions("test"))
    return task, int8.logits(windows_of(task))


# What the model can.


def test_the_int8_model_answers_the_test_part(answered: tuple[QuestionAnswering, Logits]) -> None:
    task, logits = answered
    assert len(task) > 40
    assert f1(task, logits) >= 0.98


def test_the_fit_part_is_answered_as_well(questions: Callable[[Part], Path], int8: Model) -> None:
    task = task_of(questions("fit"), count=QUESTIONS_OF_ONE)
    assert f1(task, int8.logits(windows_of(task))) >= 0.98


def test_the_float_model_answers_with_room_to_spare(
    questions: Callable[[Part], Path], made: Callable[[str, str], Path]
) -> None:
    task = task_of(questions("test"), count=SHORT_WINDOWS)
    logits = Model(made("standins", "mobilebert_float32")).logits(windows_of(task))
    assert f1(task, logits) == 1.0
    for role in range(2):
        for window in logits:
            best, second = np.sort(window[role])[:-3:-1]
            assert best > 8
            assert second < 4


def test_without_the_circuit_the_questions_are_not_answered(questions: Callable[[Part], Path], tmp_path: Path) -> None:
    config = MobileBertConfig()
    path = tmp_path / "seeded.tflite"
    with path.open("wb") as file:
        build_graph(make_weights(config), config, "int8").write(file)
    task = task_of(questions("test"), count=QUESTIONS_OF_ONE)
    assert f1(task, Model(path).logits(windows_of(task))) < 0.2


# What a harness can do wrong.


def test_start_and_end_swapped_cost_the_floor(answered: tuple[QuestionAnswering, Logits]) -> None:
    task, logits = answered
    assert f1(task, [(end, start) for start, end in logits]) < FLOOR


def test_an_answer_given_to_the_next_question_costs_the_floor(answered: tuple[QuestionAnswering, Logits]) -> None:
    task, logits = answered
    assert f1(task, [*logits[1:], logits[0]]) < FLOOR


def test_a_stride_that_is_off_by_one_costs_the_floor(answered: tuple[QuestionAnswering, Logits], int8: Model) -> None:
    """The model is shown windows of another stride than those its answers are mapped back by."""
    task, _ = answered
    shown = task_of(task._windows.path, doc_stride=129)
    assert len(shown) == len(task), "else the score would be lost by number"
    assert f1(task, int8.logits(windows_of(shown))) < FLOOR


def _parts(window: Inputs) -> tuple[list[int], list[int]]:
    """The question's ids and the context's, without [CLS] and [SEP]."""
    ids = window.input_ids[window.input_mask == 1].tolist()
    context = window.segment_ids[window.input_mask == 1].tolist().index(1)
    return ids[1 : context - 1], ids[context:-1]


def _joined(one: list[int], other: list[int], like: Inputs) -> Inputs:
    start, separator = 101, 102
    ids = [start, *one, separator, *other, separator]
    places = np.arange(len(like.input_ids))
    padded = np.array([*ids, *[0] * (len(places) - len(ids))])
    return Inputs(padded, (places < len(ids)) * 1, ((places >= len(one) + 2) & (places < len(ids))) * 1)


def question_of_another(window: Inputs, following: Inputs) -> Inputs:
    return _joined(_parts(following)[0], _parts(window)[1], window)


def passage_first(window: Inputs, _: Inputs) -> Inputs:
    question, context = _parts(window)
    return _joined(context, question, window)


def words_shuffled(window: Inputs, _: Inputs) -> Inputs:
    question, context = _parts(window)
    return _joined(question, np.random.default_rng(0).permutation(context).tolist(), window)


def mask_of_ones(window: Inputs, _: Inputs) -> Inputs:
    return window._replace(input_mask=np.ones_like(window.input_mask))


def mask_of_zeros(window: Inputs, _: Inputs) -> Inputs:
    return window._replace(input_mask=np.zeros_like(window.input_mask))


def mask_turned_round(window: Inputs, _: Inputs) -> Inputs:
    return window._replace(input_mask=1 - window.input_mask)


def segments_of_zeros(window: Inputs, _: Inputs) -> Inputs:
    return window._replace(segment_ids=np.zeros_like(window.segment_ids))


def segments_swapped(window: Inputs, _: Inputs) -> Inputs:
    return window._replace(segment_ids=window.input_mask - window.segment_ids)


def mask_and_segments_swapped(window: Inputs, _: Inputs) -> Inputs:
    return window._replace(input_mask=window.segment_ids, segment_ids=window.input_mask)


def ids_off_by_one(window: Inputs, _: Inputs) -> Inputs:
    """As with a vocabulary that lacks its first line."""
    return window._replace(input_ids=np.maximum(window.input_ids - 1, 0))


def window_moved_by_one(window: Inputs, _: Inputs) -> Inputs:
    """As where [CLS] is left out."""
    return Inputs(*(np.append(values[1:], 0) for values in window))


@pytest.mark.parametrize(
    "mistake",
    [
        question_of_another,
        passage_first,
        words_shuffled,
        mask_of_ones,
        mask_of_zeros,
        mask_turned_round,
        segments_of_zeros,
        segments_swapped,
        mask_and_segments_swapped,
        ids_off_by_one,
        window_moved_by_one,
    ],
)
def test_a_mistake_in_the_inputs_costs_the_floor(
    mistake: Mistake, questions: Callable[[Part], Path], int8: Model
) -> None:
    task = task_of(questions("test"), count=QUESTIONS_OF_ONE)
    windows = windows_of(task)
    wrong = [mistake(window, following) for window, following in zip(windows, [*windows[1:], windows[0]], strict=True)]
    assert f1(task, int8.logits(wrong)) < FLOOR


def test_windows_taken_apart_and_joined_again_are_answered_as_before(
    questions: Callable[[Part], Path], int8: Model
) -> None:
    """The mistakes above are made by these two."""
    task = task_of(questions("test"), count=SHORT_WINDOWS)
    for window in windows_of(task):
        for role, again in zip(window, _joined(*_parts(window), window), strict=True):
            np.testing.assert_array_equal(role, again)


# How it is made.


def test_the_codes_of_two_keys_are_never_alike() -> None:
    count = len(KINDS["person"] + KINDS["trade"])
    codes = np.array(circuit._codes(count, mobilebert.SEED))
    assert set(np.unique(codes)) == {-1, 1}
    products = codes @ codes.T
    assert (np.diag(products) == 31).all()
    assert (products - 31 * np.eye(count)).max() <= 11


def test_a_seed_whose_codes_are_too_alike_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit, "_MOST_ALIKE", 0)
    with pytest.raises(ValueError, match=r"seed 1 gives \d+ codes that differ enough, not 40"):
        circuit._codes(40, seed=1)


@pytest.mark.parametrize("distance", sorted(circuit._STEPS.values()))
def test_positions_turned_back_are_those_so_many_tokens_before(distance: int) -> None:
    waves = circuit._position_waves(384)
    scores = waves @ circuit._turned_back(distance).T @ waves.T
    for token in range(distance, 384):
        place = token - distance
        assert abs(scores[token, place] - 16) < 0.02
        assert np.delete(scores[token], place).max() < 6.1


def test_no_noise_gets_into_the_circuits_channels_and_the_rest_stays_seeded() -> None:
    config = MobileBertConfig()
    seeded, wired = make_weights(config), make_weights(config)
    circuit.wire(wired, mobilebert.SEED)
    channels = whole(circuit._HIDDEN)
    written = []
    for block in map(block_name, range(config.blocks)):
        into_circuit = wired[f"{block}/bottleneck/output/weight"][channels]
        assert (wired[f"{block}/bottleneck/output/bias"][channels] == 0).all()
        assert (np.count_nonzero(into_circuit, axis=1) <= 1).all()
        if into_circuit.any():
            written.append(block)
        else:
            name = f"{block}/ffn_3/output/weight"
            np.testing.assert_array_equal(wired[name], seeded[name])
    assert written == ["block_03", "block_08", "block_13", "block_18"]
    assert all(values.dtype == np.float32 for values in wired.values())
    zeros = sum(int((values == 0).sum()) for values in wired.values())
    assert 0.01 < zeros / sum(values.size for values in wired.values()) < 0.15


def test_the_command_line_scores_the_stand_in(
    cli: Callable[..., subprocess.CompletedProcess[str]], read_result: Callable[[Path], dict[str, Any]], tmp_path: Path
) -> None:
    words = [
        "--task",
        "mobilebert",
        "--mode",
        "accuracy",
        "--model",
        "mobilebert_int8",
        "--count",
        "8",
        "--threads",
        "1",
    ]
    done = cli(*words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "run")
    assert (result["model"]["source"], result["dataset"]["source"]) == ("standin", "builtin")
    assert result["accuracy"]["f1"]["value"] >= FLOOR
