"""What one model's process measures: of small models made here, and of every model of the zoo."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import BackendUnavailable, ModelRejected, TensorSpec
from harness.bench.inputs import fed_inputs
from harness.bench.probe import Probe
from harness.errors import ConfigError
from harness.messages.bench import (
    Describe,
    Finish,
    Finished,
    InputsTaken,
    Pace,
    Ran,
    Run,
    TakeInputs,
    WarmedUp,
    WarmUp,
)
from harness.model.contents.describe import ModelDescription
from tasks.base import DataMissing, ModelMismatch
from tests.graphs import Files

Open = Callable[..., Probe]
ZOO = Path(os.environ.get("TFLITE_LOADGEN_ZOO", Path(__file__).resolve().parents[3] / ".." / "shared" / "zoo"))
MODELS = sorted(path.relative_to(ZOO) for path in ZOO.rglob("*.tflite"))
_LONG = "edsr"
"""Half a minute for a few runs of these; they were measured by hand."""
ONCE, TWICE = Pace(1, 0, 600), Pace(2, 0, 600)


def ran(probe: Probe, pace: Pace = TWICE) -> Finished:
    """What is found after so many runs."""
    assert isinstance(probe.answer(WarmUp(ONCE)), WarmedUp)
    assert isinstance(probe.answer(Run(pace)), Ran)
    found = probe.answer(Finish())
    assert isinstance(found, Finished)
    return found


def opened_or_refused(probe: Open, model: Path) -> tuple[Probe | None, str]:
    """The probe, or why there is none."""
    try:
        return probe(model), ""
    except (ModelRejected, BackendUnavailable) as refusal:
        return None, str(refusal)


def test_a_model_that_breaks_on_random_numbers_is_refused_with_how_to_state_their_range(
    probe: Open, write_model: Callable[..., Path], tmp_path: Path
) -> None:
    tensors = [("table", [10, 2], "FLOAT32"), ("ids", [1, 3], "INT32"), ("rows", [1, 3, 2], "FLOAT32")]
    model = write_model(tmp_path / "gather.tflite", tensors, [("GATHER", [0, 1], [2])], [0, 1], [2])
    with pytest.raises(ModelRejected, match=r"gather index out of bounds.*which there are: --input-range NAME=LO,HI"):
        probe(model).answer(WarmUp(ONCE))
    assert ran(probe(model, ranges={"ids": (0, 9)})).latency.runs == 2
    # What somebody chose needs no range.
    for name, values in (("table", np.zeros((10, 2), np.float32)), ("ids", np.full((1, 3), 12, np.int32))):
        np.save(tmp_path / f"{name}.npy", values)
    files = {name: tmp_path / f"{name}.npy" for name in ("table", "ids")}
    with pytest.raises(RuntimeError, match="gather index out of bounds"):
        probe(model, files=files).answer(WarmUp(ONCE))


@pytest.mark.skipif(not MODELS, reason="no real models are here: name their folder with TFLITE_LOADGEN_ZOO")
@pytest.mark.parametrize("model", [path for path in MODELS if _LONG not in path.name], ids=str)
def test_every_model_of_the_zoo_is_measured_or_refused_with_the_runtimes_reason(model: Path, probe: Open) -> None:
    opened, why = opened_or_refused(probe, ZOO / model)
    if opened is None:
        assert str(ZOO / model) in why
        assert any(word in why for word in ("custom ops", "Edge TPU", "quantized_dimension"))
        return
    found = ran(opened)
    assert found.latency.runs == 2
    assert 0 < found.latency.min <= found.latency.median <= found.latency.max
    assert found.nan == {}
    assert found.memory.load_bytes is not None
    assert found.memory.overall_bytes is not None
    assert found.memory.load_bytes <= found.memory.overall_bytes
    described = opened.answer(Describe())
    assert isinstance(described, ModelDescription)
    assert described.runs is not None
    assert described.runs.loads
    assert 0 < described.gzip_bytes <= described.size_bytes + 1000


def test_it_runs_as_often_and_as_long_as_it_is_asked_whichever_is_later(small: Path, probe: Open) -> None:
    opened = probe(small)
    by_count = opened.answer(Run(Pace(30, 0, 60)))
    assert isinstance(by_count, Ran)
    assert by_count.runs == 30
    by_time = opened.answer(Run(Pace(1, 0.05, 60)))
    assert isinstance(by_time, Ran)
    assert by_time.time_s >= 0.05
    ended = opened.answer(Run(Pace(1_000_000_000, 0, 0.05)))
    assert isinstance(ended, Ran)
    assert ended.runs < 1_000_000_000
    found = opened.answer(Finish())
    assert isinstance(found, Finished)
    assert found.latency.runs == by_count.runs + by_time.runs + ended.runs


def test_what_it_sleeps_between_runs_is_in_no_runs_time(small: Path, probe: Open) -> None:
    opened = probe(small)
    began = time.perf_counter()
    opened.answer(Run(Pace(4, 0, 60, delay_s=0.02)))
    opened.answer(Run(Pace(4, 0, 60, runs_per_second=50)))
    took_s = time.perf_counter() - began
    assert took_s >= 0.16
    found = opened.answer(Finish())
    assert isinstance(found, Finished)
    # The four sleeps of the first; those of the second are as long as its runs leave them.
    assert found.latency.runs * found.latency.mean / 1e9 + 0.08 <= took_s


def test_what_is_no_number_is_counted(roots: Path, probe: Open) -> None:
    found = ran(probe(roots, ranges={"given": (-4.0, -1.0)}))
    assert found.nan == {"roots": 8}
    assert ran(probe(roots, ranges={"given": (1.0, 4.0)})).nan == {}


def test_an_output_of_another_shape_than_it_was_opened_with_is_told(places: Path, probe: Open, tmp_path: Path) -> None:
    given = np.array([[1, -1, 1, -1, 1, -1, -1, -1]], np.float32)
    np.save(tmp_path / "given.npy", given)
    opened = probe(places, files={"given": tmp_path / "given.npy"})
    assert ran(opened).changed_shapes == {"places": (3, 2)}


def test_a_state_is_put_back_before_each_run_or_lives_on(counting_model: Path, probe: Open) -> None:
    name = probe(counting_model).opened().inputs[0].name
    for state, sums in (("reset", 2.0), ("keep", 6.0)):
        opened = probe(counting_model, state=state)
        (fed,) = opened._inputs
        fed.values[...] = 2.0
        found = ran(opened)
        assert found.latency.runs == 2
        # Three runs: one to warm up.
        assert opened._stages.read()[0].reshape(-1)[0] == sums, state
        assert opened.opened().state == state
        assert opened.opened().inputs[0].name == name


@pytest.mark.parametrize("options", [{"engine": "CompiledModel"}, {"engine": "Interpreter", "xnnpack": False}])
def test_every_engine_answers_by_its_stages_as_it_does_in_one(
    small: Path, options: dict[str, Any], probe: Open
) -> None:
    opened = probe(small, options=options)
    ran(opened)
    inputs = [fed.values for fed in opened._inputs]
    by_stages = [np.array(output) for output in opened._stages.read()]
    for one, other in zip(by_stages, opened._backend.invoke(inputs), strict=True):
        np.testing.assert_array_equal(one, other)
    assert opened.opened().timed == "the model alone"


def test_a_backend_without_stages_is_timed_as_a_whole_and_says_so(small: Path, probe: Open) -> None:
    opened = probe(small, name="null")
    assert ran(opened).latency.runs == 2
    assert opened.opened().timed.startswith("the copying of inputs and outputs too")


def test_inputs_come_from_files_of_bytes_or_arrays(small: Path, probe: Open, tmp_path: Path) -> None:
    values = np.arange(8 * 6 * 3, dtype=np.float32).reshape(1, 8, 6, 3)
    np.save(tmp_path / "picture.npy", values)
    (tmp_path / "picture.raw").write_bytes(values.tobytes())
    answers = []
    for file in ("picture.npy", "picture.raw"):
        opened = probe(small)
        assert opened.answer(TakeInputs({"picture": tmp_path / file})) == InputsTaken()
        ran(opened, ONCE)
        answers.append(np.array(opened._stages.read()[0]))
    np.testing.assert_array_equal(answers[0], answers[1])


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("short.raw", b"\0" * 10, "has 10 bytes, but input 'picture', float32 [1, 8, 6, 3], takes 576"),
        ("other.npy", np.zeros((1, 8, 6, 3), complex), "but the model takes float32: a complex number is none"),
        ("flat.npy", np.zeros(144, np.float32), "is float32 [144], but the model takes [1, 8, 6, 3]"),
        ("text.npy", b"no array", "is no .npy file that can be read"),
        ("absent.raw", None, "cannot read"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_what_it_is(
    file: str, content: Any, said: str, small: Path, probe: Open, tmp_path: Path
) -> None:
    if isinstance(content, bytes):
        (tmp_path / file).write_bytes(content)
    elif content is not None:
        np.save(tmp_path / file, content)
    with pytest.raises((ConfigError, DataMissing), match=re.escape(said)):
        probe(small, files={"picture": tmp_path / file})


def test_texts_lie_side_by_side_in_a_file_and_two_inputs_of_one_name_are_told_apart_by_nobody(tmp_path: Path) -> None:
    words = TensorSpec("words", (1, 3), np.dtype(object))
    (tmp_path / "three").write_bytes(b"a\0bc\0\0")
    (tmp_path / "two").write_bytes(b"a\0bc\0")
    (fed,) = fed_inputs([words], ranges={}, files={"words": tmp_path / "three"}, seed=1)
    assert fed.values.tolist() == [[b"a", b"bc", b""]]
    with pytest.raises(ConfigError, match="holds 2 texts, but input 'words' takes 3"):
        fed_inputs([words], ranges={}, files={"words": tmp_path / "two"}, seed=1)
    (drawn,) = fed_inputs([words], ranges={}, files={}, seed=1)
    assert all(isinstance(each, bytes) for each in drawn.values.reshape(-1))
    twins = [TensorSpec("x", (1, 2), np.dtype(np.float32))] * 2
    assert len(fed_inputs(twins, ranges={}, files={}, seed=1)) == 2
    with pytest.raises(ConfigError, match="2 of the model's inputs are called 'x'"):
        fed_inputs(twins, ranges={"x": (0.0, 1.0)}, files={}, seed=1)


def test_a_signature_that_is_not_there_and_a_delegate_that_refuses_are_refused_with_the_reason(
    small: Path, probe: Open
) -> None:
    with pytest.raises(ModelRejected, match="has no signature 'train'"):
        probe(small, signature="train")
    with pytest.raises(BackendUnavailable, match="no delegate library at /nowhere"):
        probe(small, name="external", options={"library": "/nowhere.so"})


def test_names_and_ranges_that_no_input_has_are_refused(small: Path, probe: Open) -> None:
    with pytest.raises(ConfigError, match="unknown input 'pictur'; did you mean 'picture'"):
        probe(small, ranges={"pictur": (0.0, 1.0)})
    with pytest.raises(ModelMismatch, match="ends before it begins"):
        probe(small, ranges={"picture": (1.0, 0.0)})


def test_the_same_seed_asks_the_same(small: Path, probe: Open) -> None:
    first, again, other = (probe(small, seed=seed)._inputs[0].values for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_model_of_texts_and_one_of_a_single_number_are_measured(
    write_model: Callable[..., Path], probe: Open, tmp_path: Path
) -> None:
    texts = write_model(
        tmp_path / "texts.tflite",
        [("x", [1, 3], "FLOAT32"), ("words", [1, 2], "STRING"), ("y", [1, 3], "FLOAT32"), ("row", [2], "STRING")],
        [("NEG", [0], [2]), ("SQUEEZE", [1], [3])],
        [0, 1],
        [2, 3],
    )
    opened = probe(texts)
    assert ran(opened).latency.runs == 2
    assert opened.opened().inputs[1].fed.startswith("random words")
    assert opened._stages.read()[1].tolist() == opened._inputs[1].values.reshape(-1).tolist()
    files = Files()
    graph = files.graph()
    given, made = graph.tensor(()), graph.tensor(())
    graph.op("NEG", [given], [made])
    graph.inputs, graph.outputs = [given], [made]
    assert ran(probe(files.write(tmp_path / "number.tflite"))).latency.runs == 2
