"""The task of every model, from samples to a score, without a run."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from accuracy.answers.arrays import unpack_outputs
from accuracy.answers.log import Answer
from accuracy.errors import MetricUnusable
from backends.base import TensorSpec
from tasks.base import DataMissing, DataRef, ModelMismatch
from tasks.tensors.task import Tensors, TensorsOptions

X = TensorSpec("x", (1, 3), np.dtype(np.float32))
Y = TensorSpec("y", (1, 3), np.dtype(np.float32))
RANDOM = DataRef(Path(Tensors.own_data))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three samples, and what a model that doubles should answer."""
    for folder in ("inputs", "outputs"):
        (tmp_path / folder).mkdir()
    for place in range(3):
        np.savez(tmp_path / "inputs" / f"{place}.npz", x=np.full((1, 3), place, np.float32))
        np.savez(tmp_path / "outputs" / f"{place}.npz", y=np.full((1, 3), 2 * place, np.float32))
    return tmp_path


def test_the_answers_of_an_accuracy_run_are_scored_by_the_truth_beside_the_data(data: Path) -> None:
    task = Tensors(DataRef(data), TensorsOptions())
    codec = task.codec([X], [Y])
    answers = [Answer(index, codec.postprocess([2 * codec.preprocess(index)[0]])) for index in (2, 0, 1)]
    task.check_truth()
    assert task.score(answers)["max_error.y"] == 0.0
    wrong = [answers[0], answers[1], Answer(1, codec.postprocess([3 * codec.preprocess(1)[0]]))]
    score = task.score(wrong)
    assert score["max_error"] == 1.0
    assert score["mean_error"] == pytest.approx(1 / 3)
    described = task.describe_data()
    assert (described["count"], described["truth"]) == (3, str(data / "outputs"))
    assert described["fed"] == "3 .npz files: x: float32 [1, 3]"
    assert {path.name for path in task.files()} == {"0.npz", "1.npz", "2.npz"}


def test_answers_are_the_outputs_also_where_they_are_not_in_one_piece_or_of_another_shape_than_promised(
    data: Path,
) -> None:
    codec = Tensors(DataRef(data), TensorsOptions()).codec([X], [Y])
    whole = np.arange(6, dtype=np.float32).reshape(2, 3)
    for values in (whole[:1], whole[:, ::-1][:1], whole, np.zeros((0, 3), np.float32)):
        (found,) = unpack_outputs(codec.postprocess([values]))
        assert (found.name, found.values.shape, found.values.tolist()) == ("y", values.shape, values.tolist())
    with pytest.raises(ModelMismatch, match="output y is datetime64"):
        Tensors(RANDOM, TensorsOptions()).codec([X], [TensorSpec("y", (1,), np.dtype("M8[s]"))])


def test_random_inputs_have_no_truth_and_say_what_to_give() -> None:
    task = Tensors(RANDOM, TensorsOptions(input_ranges={"x": (0, 1)}, seed=3))
    assert len(task) == 16
    with pytest.raises(
        DataMissing, match="so there is no accuracy: give --reference-model FILE or --reference-backend"
    ):
        task.check_truth()
    assert task.files() == ()
    task.codec([X], [Y])
    assert task.describe_data()["fed"] == "random, seed 3: x: float32 [1, 3] 0 to 1"


def test_ranges_of_no_input_and_ranges_beside_data_are_refused_before_anything_is_fed(data: Path) -> None:
    task = Tensors(RANDOM, TensorsOptions(input_ranges={"ids": (0, 9)}))
    with pytest.raises(ModelMismatch, match="a range is stated for input 'ids', which the model does not have"):
        task.codec([X], [Y])
    with pytest.raises(DataMissing, match="leave out one of the two"):
        Tensors(DataRef(data), TensorsOptions(input_ranges={"x": (0, 9)}))
    with pytest.raises(ValueError, match="seed is -1"):
        TensorsOptions(seed=-1)


def test_metrics_of_the_users_own_are_known_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "entry_points", lambda **_: [])
    assert [kind.name for kind in Tensors.metric_kinds({})] == list(Tensors.metrics)
    with pytest.raises(MetricUnusable, match="no installed package brings a metric 'angle'"):
        Tensors.metric_kinds({"metrics": ["angle"]})
    for taken in ("max_error", "snr_db.y"):
        with pytest.raises(MetricUnusable, match=f"metric '{taken}' has the name of an error figure"):
            Tensors.metric_kinds({"metrics": [taken]})
