"""Any model, asked from Python with arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import ModelRejected
from harness.api import AnyModel, open_model
from harness.errors import ConfigError
from tasks.base import DataMissing, ModelMismatch
from tests.graphs import drawing_in_a_branch, refused_by_one


@pytest.fixture(scope="module")
def ask(write_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyModel]:
    """x float [1, 3] and words -> -x, and the words in one row."""
    path = write_model(
        tmp_path_factory.mktemp("models") / "m.tflite",
        [("x", [1, 3], "FLOAT32"), ("words", [1, 2], "STRING"), ("y", [1, 3], "FLOAT32"), ("row", [2], "STRING")],
        [("NEG", [0], [2]), ("SQUEEZE", [1], [3])],
        [0, 1],
        [2, 3],
    )
    with open_model(model=path) as model:
        yield model


def test_arrays_by_name_are_answered_by_name(ask: AnyModel) -> None:
    given: dict[str, Any] = {"x": [[1, 2, 3]], "words": np.array([["ja", "nein"]])}
    answer = ask(given)
    assert list(answer) == ["y", "row"]
    assert answer["y"].tolist() == [[-1, -2, -3]]
    assert answer["row"].tolist() == [b"ja", b"nein"]
    assert answer["y"].dtype == np.float32
    assert ask(**given)["y"].tolist() == ask([given["x"], given["words"]])["y"].tolist() == [[-1, -2, -3]]
    assert [tensor.name for tensor in ask.inputs] == ["x", "words"]


def test_random_inputs_are_what_a_run_feeds(ask: AnyModel) -> None:
    made = ask.random(seed=7, x=(2, 3))
    assert 2 <= made["x"].min() <= made["x"].max() < 3
    assert np.array_equal(made["x"], ask.random(seed=7, x=(2, 3))["x"])
    assert np.array_equal(ask(made)["y"], -made["x"])
    with pytest.raises(ModelMismatch, match="'z', which the model does not have"):
        ask.random(z=(0, 1))


def test_a_quantised_model_takes_floats_and_steps_and_says_what_its_steps_mean(keyword_model: Path) -> None:
    with AnyModel.open("tensors", model=keyword_model, threads=2) as ask:
        (spec,), (scores,) = ask.inputs, ask.outputs
        steps = ask.random()[spec.name]
        real = (steps.astype(np.float64) - spec.zero_point) * spec.scale
        answer = ask(steps)
        assert np.array_equal(answer[scores.name], ask(real)[scores.name])
        expected = (answer[scores.name].astype(np.float64) - scores.zero_point) * scores.scale
        assert np.array_equal(answer.real(scores.name), expected)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"x": [[1, 2, 3]]}, "no array is given for 'words'"),
        ({"x": [[1, 2, 3]], "wrds": [["a", "b"]]}, "unknown input 'wrds'; did you mean 'words'"),
        ({"x": [[1, 2]], "words": [["a", "b"]]}, r"the array for x is int64 \[1, 2\], but the model takes \[1, 3\]"),
        ({"x": [[1, 2, 3]], "words": [[1, 2]]}, "the array for words is int64, but the model takes texts"),
        ([[[1, 2, 3]]], "1 arrays are given, but the model takes 2: x, words"),
    ],
)
def test_what_the_model_does_not_take_is_refused(ask: AnyModel, given: Any, why: str) -> None:
    with pytest.raises(DataMissing, match=why):
        ask(given)
    with pytest.raises(ConfigError, match="all arrays by name, or all in order"):
        ask([0], x=1)


def test_masks_ragged_lists_and_inputs_given_twice_are_refused(ask: AnyModel) -> None:
    words = [["a", "b"]]
    with pytest.raises(DataMissing, match="the array for x has masked values"):
        ask({"x": np.ma.masked_array([[1.0, 2.0, 3.0]], mask=[[False, True, False]]), "words": words})
    with pytest.raises(DataMissing, match="what is given for x makes no array"):
        ask({"x": [[1, 2], [3]], "words": words})
    with pytest.raises(ConfigError, match="x is given twice"):
        ask({"x": [[1, 2, 3]], "words": words}, x=[[4, 5, 6]])


def test_an_output_that_holds_nan_or_changes_its_shape_is_an_answer_like_any_other(
    write_model: Callable[..., Path], tmp_path: Path
) -> None:
    logarithm = write_model(
        tmp_path / "log.tflite", [("x", [1, 2], "FLOAT32"), ("y", [1, 2], "FLOAT32")], [("LOG", [0], [1])], [0], [1]
    )
    with open_model(model=logarithm) as ask:
        assert np.isnan(ask([[1, -1]])["y"]).tolist() == [[False, True]]
    where = write_model(
        tmp_path / "where.tflite", [("x", [1, 4], "BOOL"), ("y", [1, 2], "INT64")], [("WHERE", [0], [1])], [0], [1]
    )
    with open_model(model=where) as ask:
        shapes = [ask([given])["y"].shape for given in ([1, 0, 1, 1], [0, 0, 0, 0], [1, 0, 0, 0])]
    assert shapes == [(3, 2), (0, 2), (1, 2)]


def test_two_inputs_or_outputs_of_one_name_are_told_apart_by_their_places(
    write_model: Callable[..., Path], tmp_path: Path
) -> None:
    tensors = [("x", [1, 2], "FLOAT32"), ("x", [1, 2], "FLOAT32"), ("y", [1, 2], "FLOAT32"), ("y", [1, 2], "FLOAT32")]
    path = write_model(tmp_path / "m.tflite", tensors, [("NEG", [0], [2]), ("ABS", [1], [3])], [0, 1], [2, 3])
    with open_model(model=path) as ask:
        answer = ask({"x[0]": [[1, 2]], "x[1]": [[-3, -4]]})
        assert {name: array.tolist() for name, array in answer.items()} == {"y[0]": [[-1, -2]], "y[1]": [[3, 4]]}
        assert ask(ask.random()).keys() == answer.keys()
        with pytest.raises(DataMissing, match=r"unknown input 'x'; did you mean 'x\[0\]'|unknown input 'x'; known"):
            ask({"x": [[1, 2]]})


def test_random_numbers_without_a_seed_are_refused_though_no_question_has_reached_them(tmp_path: Path) -> None:
    wild = drawing_in_a_branch(tmp_path / "wild.tflite", 0)
    with pytest.raises(
        ModelRejected, match=r'draws random numbers \(RANDOM_UNIFORM\), .* or state="keep" lets it live on'
    ):
        open_model(model=wild)
    large = np.ones((1, 4), np.float32)
    with open_model(model=wild, state="keep") as model:
        assert model([large])["t3"].tolist() != model([large])["t3"].tolist()
    with open_model(model=drawing_in_a_branch(tmp_path / "seeded.tflite", 7)) as model:
        assert model([large])["t3"].tolist() == model([large])["t3"].tolist()


def test_a_model_that_xnnpack_refuses_is_refused_with_the_argument_without_which_it_runs(tmp_path: Path) -> None:
    path = refused_by_one(tmp_path / "axes.tflite", "XNNPACK")
    with pytest.raises(ModelRejected, match=r'runs without XNNPACK: open it with backend="cpu:xnnpack=false"'):
        open_model(model=path)
    with open_model(model=path, backend="cpu:xnnpack=false") as model:
        assert model([np.full((1, 1), 2, np.float32)]).arrays[0].tolist() == [[3]]
