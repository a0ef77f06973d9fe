"""Profiles of small models, made in this process."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backends.base import BackendUnavailable
from harness.config.backend import BackendSection
from harness.config.invocation import Invocation
from harness.model.subject import Subject
from harness.profiling.measure import profile
from harness.profiling.record import AskedProfile, Profile
from harness.profiling.report import VIEWS, as_csv, contrast, op_contrast, render, render_contrast
from harness.profiling.summary import warnings_for
from harness.profiling.trace import as_trace


def profiled(
    model: Path,
    cache: Path,
    *,
    runs: int = 3,
    peak: bool = False,
    shapes: dict[str, tuple[int, ...]] | None = None,
    **backend: object,
) -> Profile:
    section = BackendSection(**({"name": "cpu"} | backend))  # type: ignore[arg-type]
    invocation = Invocation().model_dump(mode="json")
    subject = Subject(model, model.stem, model.stem, "file", section.model_dump(mode="json"), invocation, 1, cache)
    return profile(AskedProfile(subject, runs, 1, 60.0, {}, peak), lambda _: None)


@pytest.fixture(scope="module")
def of_adds(adds_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Profile:
    return profiled(adds_model, tmp_path_factory.mktemp("cache"), peak=True)


def test_every_op_is_told_with_its_node_type_shape_and_work(of_adds: Profile) -> None:
    told = {op.node: op for op in of_adds.ops if op.node is not None}
    assert [told[node].name for node in (0, 1, 3, 4)] == ["ADD", "AVERAGE_POOL_2D", "FULLY_CONNECTED", "ADD"]
    product = told[3]
    assert product.shape == "1x3 * 1001x3 -> 1x1001"
    assert (product.multiply_adds, product.tensor, product.peak_of) == (3003, "products", "float32")
    assert "GEMM" in product.kernel
    assert of_adds.why_coarse == ""
    assert of_adds.peaks["float32"] > 0
    assert sum(op.share for op in of_adds.ops) == pytest.approx(1)
    assert of_adds.multiply_adds == 3003


def test_rows_add_up_to_the_sum_of_the_ops(of_adds: Profile) -> None:
    for rows in (of_adds.by_type, of_adds.by_shape):
        assert sum(row.avg_us for row in rows) == pytest.approx(of_adds.op_sum.mean_us)
        assert rows[-1].cumulated == pytest.approx(1)
        assert [row.avg_us for row in rows] == sorted((row.avg_us for row in rows), reverse=True)
    (adds,) = [row for row in of_adds.by_type if row.name == "ADD"]
    assert adds.count == 2


def test_shares_of_a_model_of_microseconds_are_said_to_mean_nothing(of_adds: Profile) -> None:
    asked: dict[str, Any] = {"events": True, "runs": 3, "asked": 3}
    assert of_adds.warnings == warnings_for(of_adds.unprofiled.mean_us, of_adds.op_sum_ratio, **asked)
    (said,) = warnings_for(199.0, 1.0, **asked)
    assert said.endswith("the profiler counts whole microseconds: shares of single ops mean nothing")
    assert warnings_for(200.0, 1.0, **asked) == ()


def test_a_trace_and_a_csv_have_every_op(of_adds: Profile) -> None:
    events = [event for event in json.loads(as_trace(of_adds))["traceEvents"] if event["ph"] == "X"]
    assert len(events) == len(of_adds.ops)
    for before, after in itertools.pairwise(events):
        assert after["ts"] >= before["ts"]
    assert {event["args"]["start"] for event in events} <= {"laid behind the op before it", "told by the runtime"}
    rows = list(csv.DictReader(io.StringIO(as_csv(of_adds))))
    assert [row["name"] for row in rows] == [op.name for op in of_adds.ops]


def test_what_is_shown_has_the_table_of_the_talk(of_adds: Profile) -> None:
    text = render(of_adds, VIEWS)
    assert "node type" in text
    assert "cdf %" in text
    assert "Run order" in text
    assert "a large matrix product, 1 thread" in text


@pytest.mark.parametrize(
    ("options", "kernel"), [({"xnnpack": False}, "built-in"), ({"reference_kernels": True}, "built-in")]
)
def test_without_xnnpack_the_runtimes_own_kernels_are_told(
    options: dict[str, object], kernel: str, adds_model: Path, tmp_path: Path
) -> None:
    found = profiled(adds_model, tmp_path, options=options)
    assert [op.name for op in found.ops] == ["ADD", "AVERAGE_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "ADD"]
    assert {op.kernel for op in found.ops} == {kernel}


def test_the_ops_in_a_delegate_are_counted_where_it_does_not_tell_their_times(
    adds_model: Path, delegate_library: Path, tmp_path: Path
) -> None:
    options = {"library": str(delegate_library), "delegate_options": {"sleep_us": 2000}}
    found = profiled(adds_model, tmp_path, name="external", options=options)
    pieces = [op for op in found.ops if op.name == "TestDelegate"]
    assert [piece.inside for piece in pieces] == [1, 1]
    assert all(piece.avg_us >= 2000 for piece in pieces)
    assert found.why_coarse.startswith("LiteRT's profiler is for the cpu alone")
    assert "TestDelegate: 1 ops inside" in render(found, ["order"])


def test_a_model_with_variable_tensors_is_timed_node_by_node_and_the_reason_is_said(
    recurrent_keyword_model: Path, tmp_path: Path
) -> None:
    found = profiled(recurrent_keyword_model, tmp_path)
    assert "LiteRT does not compile it with a profiler" in found.why_coarse
    assert "UNIDIRECTIONAL_SEQUENCE_RNN" in [op.name for op in found.ops]


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("recurrent_keyword_model", ["1 variable tensor"]),
        ("counting_model", ["resource variables (ASSIGN_VARIABLE)"]),
        ("keyword_model", []),
    ],
)
def test_what_a_model_keeps_is_said_to_live_on_since_no_profiler_puts_it_back(
    model: str, says: list[str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    found = profiled(request.getfixturevalue(model), tmp_path)
    kept = [warning for warning in found.warnings if "from one run to the next" in warning]
    assert [f"the model keeps {each} from one run to the next, which a profile does not put back" for each in says] == [
        warning.partition(":")[0] for warning in kept
    ]


def test_a_model_that_runs_but_not_compiled_is_timed_node_by_node_and_the_reason_is_said(
    write_model: Callable[..., Path], tmp_path: Path
) -> None:
    # How many places are true only running tells.
    model = write_model(
        tmp_path / "places.tflite",
        [("x", (1, 8), "BOOL"), ("y", (-1, 2), "INT64")],
        [("WHERE", (0,), (1,))],
        (0,),
        (1,),
    )
    found = profiled(model, tmp_path)
    assert "compiles it with a profiler and then does not run it" in found.why_coarse
    assert [op.name for op in found.ops] == ["WHERE"]


def test_an_open_size_is_profiled_as_it_was_asked_for(flexible_keyword_model: Path, tmp_path: Path) -> None:
    found = profiled(flexible_keyword_model, tmp_path)
    assert found.why_coarse == ""
    assert [op.multiply_adds for op in found.ops if op.multiply_adds] == [490 * 12]


def test_the_other_engine_of_the_cpu_is_profiled_with_its_open_size(
    flexible_keyword_model: Path, tmp_path: Path
) -> None:
    found = profiled(flexible_keyword_model, tmp_path, options={"engine": "CompiledModel", "xnnpack_flags": 11})
    assert found.why_coarse == ""
    assert [op.multiply_adds for op in found.ops if op.multiply_adds] == [490 * 12]


def test_two_profiles_are_contrasted_by_node_type(of_adds: Profile, adds_model: Path, tmp_path: Path) -> None:
    other = profiled(adds_model, tmp_path, options={"xnnpack": False})
    rows = {each.name: each for each in contrast(of_adds, other)}
    assert rows["ADD"].counts == (2, 2)
    assert rows["RESHAPE"].counts == (0, 1)
    assert rows["ADD"].difference_us == pytest.approx(rows["ADD"].avg_us[1] - rows["ADD"].avg_us[0])
    ops = op_contrast(of_adds, other)
    assert sorted(each.name.partition(" ")[0] for each in ops) == ["ADD", "ADD", "AVERAGE_POOL_2D", "FULLY_CONNECTED"]
    text = render_contrast(of_adds, other)
    assert "a whole run, unprofiled" in text
    assert "The ops of both that differ most" in text


def test_a_backend_that_tells_nothing_is_refused(adds_model: Path, tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable, match="does not tell what its ops take"):
        profiled(adds_model, tmp_path, name="null")
