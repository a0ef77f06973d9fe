"""Trees that are written out of real runs, and what `check` says of them."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.config.official.rule_sets import rule_set
from harness.errors import ConfigError, RunFailed
from harness.json_records import from_json
from harness.results.files import read_result
from harness.results.record import Result
from harness.results.verdict.submission import objections_to_run
from harness.spec.schema import read_spec
from harness.submission.check.tree import check_tree
from harness.submission.forms.package import in_parts
from harness.submission.forms.pieces import TruncatedPiece, truncated, write_pieces
from harness.submission.forms.submit import Submitted, TreeRequest, submit
from harness.submission.tree.app_result import AppResultFile
from harness.submission.tree.documents import sha256_of

_EARLIER = Path(__file__).parents[2] / "results/version_1"
Edit = Callable[..., None]
Submit = Callable[..., Submitted]


@pytest.fixture
def write(tmp_path: Path) -> Submit:
    """Writes a tree in the test's folder: write(runs, suite=..., rehearsal=True, ...)."""

    def run(runs: Path, out: Path = tmp_path / "tree", **changed: Any) -> Submitted:
        asked: dict[str, Any] = {
            "suite": "inference",
            "rules": "v6.1",
            "division": "open",
            "submitter": "Acme",
            "system": "board",
            "fields": {},
            "model_fields": {},
            "infer": False,
            "rehearsal": False,
            "kept": tmp_path / "kept",
        }
        folders = changed.pop("folders", [runs / "performance", runs / "accuracy"])
        return submit([one for one in folders if one.exists()], out, TreeRequest(**(asked | changed)))

    return run


TOLD = {
    "fields": {"cooling": "air", "host_memory_configuration": "1x 8 GB", "host_storage_type": "SSD"},
    "model_fields": {"retraining": "no", "weight_transformations": "no"},
}


@pytest.fixture
def as_official(series: Path, tmp_path: Path, edit_log: Edit) -> Callable[[str], Path]:
    """The runs as those of a round would look: whole data, ten minutes, the round's seeds."""

    def make(name: str) -> Path:
        runs = tmp_path / "official"
        shutil.copytree(series, runs)
        seeds = rule_set(name).seeds.known
        assert seeds
        for folder in (runs / "performance", runs / "accuracy"):
            edit_log(
                folder,
                **{f"effective_{one}": seed for one, seed in seeds._asdict().items()},
                effective_min_duration_ms=600000,
                power_begin="11-29-2026 10:00:00.000",
                power_end="11-29-2026 10:10:00.500",
                effective_performance_sample_count=1024,
                effective_accuracy_sample_count=50000,
            )
            summary = folder / "mlperf_log_summary.txt"
            lines = summary.read_text(encoding="utf-8").splitlines()
            changed = (*seeds._fields, "min_duration", "performance_sample_count", "accuracy_sample_count")
            kept = [line for line in lines if not line.startswith(changed)]
            summary.write_text("\n".join(kept), encoding="utf-8")
            _spec(folder, rules=name, min_duration_ms=600000, performance_sample_count=1024)
            _spec(folder, by_the_rules=_BY_THE_RULES)
            _result(folder, "dataset", count=50000)
        return runs

    return make


_BY_THE_RULES = {
    "benchmark": "resnet",
    "scenarios": ["SingleStream", "MultiStream", "Offline"],
    "any_scenario": True,
    "min_query_count": 100,
    "min_duration_ms": 600000,
    "performance_sample_count": 1024,
    "target_percentile": 0.9,
    "set_sizes": [50000],
    "rest_s": 0.0,
    "rest_between_repeats_s": 0.0,
    "good_for": "any model of the task in the open division",
}
"""What inference asks of a classifier."""


def _result(folder: Path, section: str, **values: Any) -> None:
    path = folder / "result.json"
    fields = json.loads(path.read_text(encoding="utf-8"))
    fields[section] |= values
    path.write_text(json.dumps(fields), encoding="utf-8")


def _accuracy(folder: Path, scores: dict[str, float]) -> None:
    path = folder / "result.json"
    fields = json.loads(path.read_text(encoding="utf-8"))
    fields["accuracy"] = {name: {"value": value, "target": None, "passed": None} for name, value in scores.items()}
    path.write_text(json.dumps(fields), encoding="utf-8")


def _spec(folder: Path, **load: Any) -> None:
    path = folder / "spec.yaml"
    fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    fields |= {name: load.pop(name) for name in ("benchmark", "task") if name in load}
    fields["load"] |= load
    path.write_text(yaml.safe_dump(fields), encoding="utf-8")


def _state(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(one.relative_to(folder)): (one.stat().st_size, one.stat().st_mtime_ns) for one in folder.rglob("*")}


def test_runs_that_are_no_submission_are_refused_with_every_reason(series: Path, write: Submit, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        write(series)
    for reason in ("other seeds", "asked to last 0 s", "24 samples, not 50,000", "cooling (how", "--rehearsal"):
        assert reason in str(refused.value)
    assert not (tmp_path / "tree").exists()


def test_a_rehearsal_is_the_same_tree_and_says_why_it_is_none(series: Path, write: Submit, tmp_path: Path) -> None:
    done = write(series, rehearsal=True, infer=True)
    report = check_tree(tmp_path / "tree", "inference", "v6.1")
    assert {one.rule for one in report.findings} == {
        "rehearsal",
        "seeds",
        "min-duration",
        "performance-sample-count",
        "data-set",
        "measurements",
        "system-meaningful",
    }
    said = (tmp_path / "tree/open/Acme/REHEARSAL.md").read_text(encoding="utf-8")
    assert all(f"* {reason}\n" in said for reason in done.rehearsal)
    named = [one for one in report.findings if one.rule == "rehearsal"]
    assert len(named) == len(done.rehearsal)
    assert all(("submit --field" in one.fix) == ("nobody has told" in one.what) for one in named)
    assert "open division" in (tmp_path / "tree/open/Acme/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["inference-v6.1", "inference-v5.1"])
def test_runs_by_the_rules_make_a_tree_that_check_passes(
    name: str, as_official: Callable[[str], Path], write: Submit, tmp_path: Path
) -> None:
    done = write(as_official(name), rules=name, infer=True, **TOLD)
    assert done.rehearsal == ()
    report = check_tree(tmp_path / "tree")
    assert report.findings == ()
    assert (report.rules, report.results) == (name, 3)
    mapped = json.loads((tmp_path / "tree/open/Acme/model_mapping.json").read_text(encoding="utf-8"))
    assert mapped == {"adds": "resnet"}
    code = tmp_path / "tree/open/Acme" / ("code" if name.endswith("v5.1") else "src")
    # The checker of v5 looks for the code by the benchmark's name.
    assert "../../tflite-loadgen/" in (code / "adds/tflite-loadgen/README.md").read_text(encoding="utf-8")
    user_conf = next((tmp_path / "tree").rglob("SingleStream/user.conf")).read_text(encoding="utf-8")
    assert "*.SingleStream.target_latency = 0.001\n" in user_conf
    assert "*.SingleStream.min_query_count = 700\n" in user_conf


@pytest.mark.parametrize(
    "changes",
    [
        {"suite": "mobile", "rules": "v6.0", "infer": True},
        {"suite": "tiny", "rules": "v1.4", "infer": True},
        {"suite": "tiny", "rules": "v1.4", "model_fields": {"retraining": "no"}},
    ],
)
def test_what_changes_nothing_in_a_suite_is_refused(changes: dict[str, Any], write: Submit, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="changes nothing in the"):
        write(tmp_path, **changes)


def test_where_nothing_is_left_to_infer_it_is_said(
    as_official: Callable[[str], Path], write: Submit, edit_log: Edit, tmp_path: Path
) -> None:
    runs = as_official("inference-v6.1")
    for folder in runs.iterdir():
        _spec(folder, scenario="Offline")
        edit_log(folder, effective_scenario="Offline")
        summary = folder / "mlperf_log_summary.txt"
        summary.write_text(summary.read_text(encoding="utf-8").replace("SingleStream", "Offline"), encoding="utf-8")
    done = write(runs, infer=True, rehearsal=True)
    assert any("--infer" in note for note in done.notes)


def test_a_second_submit_changes_nothing(as_official: Callable[[str], Path], write: Submit, tmp_path: Path) -> None:
    runs = as_official("inference-v6.1")
    first = write(runs, **TOLD)
    calibration = tmp_path / "tree/open/Acme/documentation/calibration.md"
    calibration.write_text("# filled in\n", encoding="utf-8")
    before = _state(tmp_path / "tree")
    # What was told of the system is kept.
    again = write(runs, model_fields=TOLD["model_fields"])
    assert _state(tmp_path / "tree") == before
    assert (again.written, again.there_already) == (0, first.written)


def test_what_is_there_is_never_written_over(series: Path, write: Submit, tmp_path: Path) -> None:
    write(series, rehearsal=True)
    detail = next((tmp_path / "tree").rglob("run_1/mlperf_log_detail.txt"))
    detail.write_text("another run's\n", encoding="utf-8")
    before = _state(tmp_path / "tree")
    with pytest.raises(ConfigError, match="is there already, of other runs or changed since"):
        write(series, rehearsal=True)
    with pytest.raises(ConfigError, match=r"holds open/Acme, another submitter's"):
        write(series, rehearsal=True, submitter="Umbrella")
    assert _state(tmp_path / "tree") == before


def test_the_accuracy_log_is_cut_as_the_official_tool_does_it(tmp_path: Path) -> None:
    source = tmp_path / "log.json"
    for size, left in ((100, 100), (4095, 4095), (4096, 8199), (5000, 8199), (1 << 20, 8199)):
        source.write_bytes(bytes(byte % 251 for byte in range(size)))
        cut = truncated(source)
        assert len(cut) == left
        if size >= 4096:
            whole = source.read_bytes()
            assert cut == whole[:4096] + b"\n\n...\n\n" + whole[-4096:]


def test_a_long_accuracy_log_is_hashed_and_cut_in_little_memory(tmp_path: Path) -> None:
    source = tmp_path / "log.json"
    with source.open("wb") as file:
        file.truncate(256 << 20)
    tracemalloc.start()
    write_pieces(tmp_path / "tree", [TruncatedPiece("log.json", source)])
    sha256_of(source)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def test_a_trace_too_large_for_a_repository_is_split(tmp_path: Path) -> None:
    source = tmp_path / "mlperf_log_trace.json"
    with source.open("wb") as file:
        for offset in (0, 30 << 20, 51 << 20):
            file.seek(offset)
            file.write(b"trace")
    pieces = in_parts("run/mlperf_log_trace.json", source)
    write_pieces(tmp_path / "tree", pieces)
    parts = sorted((tmp_path / "tree/run").iterdir())
    assert [part.name.removeprefix("mlperf_log_trace.json") for part in parts] == ["_aa", "_ab", "_ac"]
    assert b"".join(part.read_bytes() for part in parts) == source.read_bytes()


def test_a_log_that_was_truncated_already_is_refused(series: Path, write: Submit, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(series, runs)
    log = runs / "accuracy/mlperf_log_accuracy.json"
    log.write_bytes(b"[" * 4096 + b"\n\n...\n\n" + b"]" * 4096)
    with pytest.raises(ConfigError, match="was truncated already"):
        write(runs, rehearsal=True)


def test_a_summary_edited_by_hand_is_a_reason(series: Path, write: Submit, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(series, runs)
    summary = runs / "performance/mlperf_log_summary.txt"
    summary.write_text(
        summary.read_text(encoding="utf-8").replace("Result is : VALID", "Result is : INVALID"), encoding="utf-8"
    )
    done = write(runs, rehearsal=True)
    assert any("one of them was changed" in reason for reason in done.rehearsal)


def test_a_detail_log_of_another_duration_than_the_run_was_told_is_a_reason(
    as_official: Callable[[str], Path], write: Submit, edit_log: Edit
) -> None:
    runs = as_official("inference-v6.1")
    edit_log(runs / "performance", effective_min_duration_ms=700000)
    done = write(runs, rehearsal=True, **TOLD)
    assert [reason for reason in done.rehearsal if "another minimum duration than spec.yaml" in reason]


def test_what_stands_against_a_run_is_said_once_as_its_own_result_says_it(
    as_official: Callable[[str], Path], write: Submit
) -> None:
    runs = as_official("inference-v6.1")
    _spec(runs / "performance", preset="rapid")
    _result(runs / "accuracy", "dataset", count=500)
    found = objections_to_run(read_spec(runs / "performance"), _read(runs / "performance"))
    found += objections_to_run(read_spec(runs / "accuracy"), _read(runs / "accuracy"))
    assert [one.what for one in found] == [
        "the preset rapid is shorter than the rules",
        "the data are a part of the set",
    ]
    done = write(runs, rehearsal=True, **TOLD)
    assert done.rehearsal == (
        "mobilenet_edgetpu, SingleStream, performance: the preset rapid is shorter than the rules",
        "mobilenet_edgetpu, SingleStream, accuracy: the data are a part of the set (500 samples, not 50,000)",
    )


@pytest.mark.parametrize("scenario", ["MultiStream", "Server"])
def test_a_run_with_inferences_figures_is_inferences_whatever_suite_it_was_for(
    scenario: str, as_official: Callable[[str], Path], write: Submit
) -> None:
    runs = as_official("inference-v6.1")
    mobiles = _BY_THE_RULES | {"benchmark": "mobilenetEdgeTPU", "scenarios": ["SingleStream"], "any_scenario": False}
    for folder in runs.iterdir():
        _spec(folder, scenario=scenario, by_the_rules=mobiles | {"set_sizes": [100]})
    _result(runs / "performance", "loadgen", server_target_latency_ns=15_000_000)
    found = objections_to_run(read_spec(runs / "performance"), _read(runs / "performance"))
    assert [one.fix.rpartition(": ")[2] for one in found] == ["--rules inference-v6.1, submit --suite inference"]
    assert write(runs, **TOLD).rehearsal == ()


def _read(folder: Path) -> Result:
    found = read_result(folder)
    assert isinstance(found, Result)
    return found


def test_runs_by_a_config_of_ones_own_go_under_what_their_rules_called_them(
    series: Path, write: Submit, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(series, runs)
    for folder in runs.iterdir():
        _spec(folder, benchmark="mine")
    done = write(runs, suite="mobile", rules="v3.1", rehearsal=True)
    assert list(done.results) == ["mobilenetEdgeTPU, SingleStream"]
    with pytest.raises(ConfigError, match=r"mine .* is no benchmark of tiny-v1.4"):
        write(runs, out=tmp_path / "other", suite="tiny", rules="v1.4", rehearsal=True)


def test_a_run_that_is_named_alone_keeps_the_mark_of_its_series(series: Path, write: Submit, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(series, runs)
    top = json.loads((_EARLIER / "last_submission.json").read_text(encoding="utf-8"))
    top["submission"] = {"rules": "mobile-v3.1", "good_for": "rehearsal", "reasons": [], "rested": False}
    (runs / "result.json").write_text(json.dumps(top), encoding="utf-8")
    done = write(runs, rehearsal=True)
    assert [reason for reason in done.rehearsal if "did not rest before it as the rules say" in reason]


def test_a_suite_that_was_interrupted_is_refused_with_how_it_goes_on(write: Submit, tmp_path: Path) -> None:
    suite = tmp_path / "suite"
    suite.mkdir()
    top = json.loads((_EARLIER / "last_submission.json").read_text(encoding="utf-8"))
    for left, runs, said in (("started", top["runs"], "of its runs came"), ("failed", [], "no run came to an end")):
        (suite / "result.json").write_text(json.dumps(top | {"status": left, "runs": runs}), encoding="utf-8")
        with pytest.raises(ConfigError, match=rf"interrupted: .*{said}.* --out .*suite, goes on"):
            write(tmp_path, rehearsal=True, folders=[suite])


def test_half_a_benchmark_is_refused(series: Path, write: Submit, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(series / "performance", runs / "performance")
    with pytest.raises(ConfigError, match="has no accuracy run among those named"):
        write(runs, rehearsal=True)


def test_closed_takes_the_reference_models_alone(series: Path, write: Submit) -> None:
    with pytest.raises(ConfigError, match="is not the reference model of resnet"):
        write(series, division="closed", rehearsal=True)


def test_closed_asks_for_its_tests_targets_and_scenarios(
    as_official: Callable[[str], Path], write: Submit, tmp_path: Path
) -> None:
    runs = as_official("inference-v6.1")
    for folder in runs.iterdir():
        _result(folder, "model", path="/models/resnet50_v1.5_int8.tflite")
    with pytest.raises(ConfigError) as refused:
        write(runs, division="closed", **TOLD)
    for reason in (
        "TEST01 was not run",
        "TEST04 was not run",
        "misses the target 0.756954",
        "MultiStream, Offline is required",
    ):
        assert reason in str(refused.value)
    write(runs, division="closed", infer=True, rehearsal=True, **TOLD)
    report = check_tree(tmp_path / "tree")
    # The model's file is not there, so nobody tells its types.
    expected = {"rehearsal", "compliance-missing", "accuracy-target", "measurements"}
    assert {one.rule for one in report.findings} == expected


def test_closed_infers_no_scenario_that_the_benchmark_is_not_asked_for(
    as_official: Callable[[str], Path], write: Submit, tmp_path: Path
) -> None:
    runs = as_official("inference-v6.1")
    scores = {"f1": 0.91, "exact_match": 0.84}
    for folder in runs.iterdir():
        _spec(folder, benchmark="mobilebert", task="question_answering")
        _result(folder, "model", path="/models/bert-large_int8.tflite")
        _accuracy(folder, scores)
    write(runs, division="closed", infer=True, rehearsal=True, **TOLD)
    folder = tmp_path / "tree/closed/Acme/results/board/bert-99"
    # MultiStream beside them, and the official checker refuses all three.
    assert sorted(one.name for one in folder.iterdir()) == ["Offline", "SingleStream"]


def test_a_server_whose_queries_may_take_too_long_for_the_checker_is_told_so(
    as_official: Callable[[str], Path], write: Submit
) -> None:
    runs = as_official("inference-v6.1")
    mobiles = _BY_THE_RULES | {"benchmark": "mobilenetEdgeTPU", "any_scenario": False}
    for folder in runs.iterdir():
        _spec(folder, scenario="Server", by_the_rules=mobiles)
    _result(runs / "performance", "loadgen", server_target_latency_ns=20_000_000)
    done = write(runs, rehearsal=True, **TOLD)
    assert done.rehearsal == (
        "mobilenet_edgetpu, Server, performance: Server's bound is longer than the official checker takes, in the open "
        "division, too (20 ms, at most 15)",
    )


@pytest.mark.parametrize(("submitter", "system"), [("A b", "board"), ("Acme", "über"), (".hidden", "board")])
def test_names_that_are_none_for_a_folder_are_refused(submitter: str, system: str, series: Path, write: Submit) -> None:
    with pytest.raises(ConfigError, match="is no name for a folder: write"):
        write(series, submitter=submitter, system=system, rehearsal=True)


def test_a_full_disk_leaves_nothing_half_written(series: Path, write: Submit, mount: Callable[[str], Path]) -> None:
    disk = mount("size=256k")
    with pytest.raises(RunFailed, match="No space left on device; nothing that was begun is left"):
        write(series, out=disk / "tree", rehearsal=True)
    assert list(disk.iterdir()) == []


def test_a_read_only_disk_is_named(series: Path, write: Submit, mount: Callable[[str], Path]) -> None:
    disk = mount("size=1m,ro")
    with pytest.raises(ConfigError, match="Read-only file system"):
        write(series, out=disk / "tree", rehearsal=True)


@pytest.mark.parametrize(("name", "called"), [("mobile-v3.1", "mobilenetEdgeTPU"), ("mobile-v6.0", "mobilenetV4")])
def test_a_mobile_tree_is_for_review_and_lacks_only_what_the_runs_lack(
    name: str, called: str, series: Path, write: Submit, edit_log: Edit, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(series, runs)
    seeds = rule_set(name).seeds.known
    assert seeds
    for folder in runs.iterdir():
        _spec(folder, rules=name, by_the_rules=_BY_THE_RULES | {"benchmark": called})
        edit_log(folder, **{f"effective_{one}": seed for one, seed in seeds._asdict().items()})
    done = write(runs, suite="mobile", rules=name, rehearsal=True)
    assert any("the mobile app has written" in reason for reason in done.rehearsal)
    report = check_tree(tmp_path / "tree")
    assert (report.suite, report.rules) == ("mobile", name)
    expected = {"rehearsal", "min-duration", "min-queries", "performance-sample-count", "logs", "screenshots"}
    expected |= {"measurements"}
    assert {one.rule for one in report.findings} == expected
    for kind in ("performance", "accuracy") if name == "mobile-v3.1" else ():
        # Without the round's seeds its benchmarks tell it.
        edit_log(next((tmp_path / "tree").rglob(f"log_{kind}")), effective_qsl_rng_seed=1)
    assert check_tree(tmp_path / "tree").rules == name


def test_a_scenario_that_the_mobile_suite_has_not_is_refused(series: Path, write: Submit, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(series, runs)
    for folder in runs.iterdir():
        _spec(folder, scenario="MultiStream")
    with pytest.raises(
        ConfigError, match=r"has no MultiStream of mobilenetEdgeTPU, only SingleStream, Offline: left out"
    ):
        write(runs, suite="mobile", rules="v3.1", rehearsal=True)
    # Among others it is left out, and said.
    for mode in ("performance", "accuracy"):
        shutil.copytree(series / mode, runs / f"one-{mode}")
    folders = [runs / name for name in ("performance", "accuracy", "one-performance", "one-accuracy")]
    done = write(runs, suite="mobile", rules="v3.1", rehearsal=True, folders=folders)
    assert list(done.results) == ["mobilenetEdgeTPU, SingleStream"]
    assert done.notes == ("mobile-v3.1 has no MultiStream of mobilenetEdgeTPU, only SingleStream, Offline: left out",)


def test_the_apps_result_is_of_its_schema_and_says_what_the_logs_say(
    series: Path, write: Submit, tmp_path: Path
) -> None:
    write(series, suite="mobile", rules="v3.1", rehearsal=True)
    path = tmp_path / "tree/open/Acme/results/board/result.json"
    value = json.loads(path.read_text(encoding="utf-8"))
    found = from_json(AppResultFile, value)
    assert value["environment_info"] == {"platform": "linux", "value": {"android": None, "ios": None, "windows": None}}
    run = found.results[0].performance_run
    assert run is not None
    assert run.loadgen is not None
    assert run.throughput is not None
    assert run.throughput.value == pytest.approx(1 / run.loadgen.latency90)
    assert found.results[0].benchmark_id == "image_classification"


def test_a_tiny_tree_is_for_review(series: Path, write: Submit, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(series, runs)
    for folder in runs.iterdir():
        _spec(folder, benchmark="kws", task="keyword_spotting")
    done = write(runs, suite="tiny", rules="v1.4", rehearsal=True)
    assert any("their own runner" in reason for reason in done.rehearsal)
    report = check_tree(tmp_path / "tree")
    assert report.suite == "tiny"
    assert {one.rule for one in report.findings} == {"rehearsal", "tiny-windows"}


def test_a_person_is_asked_once_for_what_no_machine_tells(series: Path, write: Submit, tmp_path: Path) -> None:
    asked = []

    def ask(name: str, what: str) -> str:
        asked.append(name)
        return f"an answer to {what}"

    write(series, rehearsal=True, ask=ask)
    assert "cooling" in asked
    told = json.loads((tmp_path / "tree/open/Acme/systems/board.json").read_text(encoding="utf-8"))
    assert told["cooling"] == "an answer to how the system is cooled: air, passive, liquid"
    asked.clear()
    write(series, out=tmp_path / "other", rehearsal=True, ask=ask)
    assert asked == []


def test_a_field_that_nobody_knows_is_refused_before_it_is_kept(series: Path, write: Submit, tmp_path: Path) -> None:
    for told in ({"fields": {"colling": "air"}}, {"model_fields": {"retrained": "no"}}):
        with pytest.raises(ConfigError, match="did you mean"):
            write(series, rehearsal=True, **told)
    assert not (tmp_path / "kept").exists()


def test_a_model_of_any_name_gets_a_plain_folder(series: Path, write: Submit, tmp_path: Path) -> None:
    runs = tmp_path / "mit Leerzeichen und ü"
    shutil.copytree(series, runs)
    for folder in runs.iterdir():
        path = folder / "result.json"
        fields = json.loads(path.read_text(encoding="utf-8"))
        fields["model"]["path"] = "/models/mein Modell (größer).tflite"
        path.write_text(json.dumps(fields), encoding="utf-8")
    write(runs, rehearsal=True)
    assert [one.name for one in (tmp_path / "tree/open/Acme/results/board").iterdir()] == ["mein-Modell-gr-er"]
    assert "file-name" not in {one.rule for one in check_tree(tmp_path / "tree").findings}


def test_a_wake_words_hits_and_false_alarms_are_told_as_the_runner_tells_them(
    series: Path, write: Submit, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(series, runs)
    for folder in runs.iterdir():
        _spec(folder, benchmark="sww", task="wake_word")
    _accuracy(runs / "accuracy", {"hit_rate": 0.88, "false_negatives": 6.0, "false_positives": 4.0})
    write(runs, suite="tiny", rules="v1.4", rehearsal=True)
    said = next((tmp_path / "tree").rglob("sww/performance/results.txt")).read_text(encoding="utf-8")
    assert said.startswith("Accuracy: 44 True positives, 6 False negatives, 4 False positives\n")
    assert {one.rule for one in check_tree(tmp_path / "tree", "tiny").findings} == {"rehearsal"}


def test_the_command_says_what_the_package_is_good_for(series: Path, call: Callable[..., Any], tmp_path: Path) -> None:
    words = ["submit", series / "performance", series / "accuracy", "--suite", "inference", "--rules", "v6.1"]
    words += ["--division", "open", "--submitter", "Acme"]
    refused = call(*words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "these runs are no submission" in refused.stderr
    done = call(*words, "--rehearsal", "--system", "board", "--field", "cooling=a fan")
    assert done.returncode == 0
    assert "Good for the open division" in done.stdout
    assert "rehearsal: mobilenet_edgetpu, SingleStream, accuracy: the data are a part of the set" in done.stdout
    told = json.loads((tmp_path / "submission/open/Acme/systems/board.json").read_text(encoding="utf-8"))
    assert told["cooling"] == "a fan"
    assert [one.name for one in (tmp_path / "submission").iterdir()] == ["open"]
