"""Trees of results to plant sins in. Their logs are LoadGen's own, of runs of milliseconds that claim to be of ten minutes."""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

_RUN = r"""
import array, sys
from pathlib import Path
import mlperf_loadgen as lg

scenario, kind, out, audit = sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4]
out.mkdir(parents=True)
(out / "user.conf").write_text("")
test = lg.TestSettings()
test.FromConfig("", "resnet50", scenario, 0)
test.FromConfig(str(out / "user.conf"), "resnet50", scenario, 1)
test.scenario = getattr(lg.TestScenario, scenario)
test.mode = lg.TestMode.AccuracyOnly if kind == "accuracy" else lg.TestMode.PerformanceOnly
# As many queries on any machine, and nearly all of their answers logged by TEST01.
test.min_duration_ms = 0
test.single_stream_expected_latency_ns = 4000
test.multi_stream_expected_latency_ns = 20000
test.offline_expected_qps = 400000
test.min_query_count = {"MultiStream": 700, "Offline": 24576}.get(scenario, 5000)
kept = []

def issue(queries):
    answers = []
    for query in queries:
        answer = array.array("B", (query.index % 1000).to_bytes(4, "little") + (7).to_bytes(4, "little"))
        kept.append(answer)
        where, size = answer.buffer_info()
        answers.append(lg.QuerySampleResponse(query.id, where, size))
    lg.QuerySamplesComplete(answers)

log = lg.LogSettings()
log.enable_trace = False
log.log_output.outdir = str(out)
log.log_output.copy_summary_to_stdout = False
sut = lg.ConstructSUT(issue, lambda: None)
qsl = lg.ConstructQSL(50000, 1024, lambda indices: None, lambda indices: None)
lg.StartTestWithLogSettings(sut, qsl, test, log, audit)
"""
"""One LoadGen run with 50,000 samples, whose answers are eight bytes."""

Edit = Callable[..., None]
MadeOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def edit_log() -> Edit:
    """Changes a log of LoadGen's: edit_log(folder, key=value, ...) in mlperf_log_detail.txt."""

    def edit(folder: Path, **values: Any) -> None:
        path = folder / "mlperf_log_detail.txt"
        lines = []
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line.removeprefix(":::MLLOG "))
            if entry["key"] in values:
                entry["value"] = values[entry["key"]]
            lines.append(f":::MLLOG {json.dumps(entry)}")
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    return edit


@pytest.fixture(scope="session")
def made_once(all_workers: Path) -> MadeOnce:
    """A folder that one worker fills for all: made_once(name, fill) -> the folder."""

    def make(name: str, fill: Callable[[Path], None]) -> Path:
        folder, done = all_workers / f"submission-{name}", all_workers / f"submission-{name}.done"
        with (all_workers / f"submission-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                folder.mkdir()
                fill(folder)
                done.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def logs(made_once: MadeOnce, edit_log: Edit) -> Path:
    """Folders with LoadGen's logs of v6.1: <Scenario>-<kind>, kind performance, accuracy, TEST01, TEST04."""
    from harness.config.official.compliance_tests import audit_text

    def fill(root: Path) -> None:
        for test in ("TEST01", "TEST04"):
            (root / f"{test}.config").write_text(audit_text(test, 4096), encoding="ascii")
        for scenario in ("SingleStream", "MultiStream", "Offline"):
            for kind in ("performance", "accuracy", "TEST01", "TEST04"):
                audit = str(root / f"{kind}.config") if kind.startswith("TEST") else "none"
                out = root / f"{scenario}-{kind}"
                subprocess.run([sys.executable, "-c", _RUN, scenario, kind, out, audit], check=True, cwd=root)
                _claims_ten_minutes(out, edit_log)
            # A machine that is busy must not decide whether a test run is as quick as the run that it vouches for.
            _as_quick(root, scenario, edit_log)

    return made_once("logs", fill)


def _claims_ten_minutes(run: Path, edit_log: Edit) -> None:
    edit_log(
        run,
        effective_min_duration_ms=600000,
        requested_min_duration_ms=600000,
        power_begin="11-29-2026 10:00:00.000",
        power_end="11-29-2026 10:10:00.500",
    )
    summary = run / "mlperf_log_summary.txt"
    text = summary.read_text(encoding="utf-8")
    summary.write_text(re.sub(r"min_duration \(ms\): \d+", "min_duration (ms): 600000", text), encoding="utf-8")
    (run / "mlperf_log_trace.json").unlink()
    (run / "user.conf").unlink()


def _as_quick(root: Path, scenario: str, edit_log: Edit) -> None:
    detail = (root / f"{scenario}-performance/mlperf_log_detail.txt").read_text(encoding="utf-8")
    entries = [json.loads(line.removeprefix(":::MLLOG ")) for line in detail.splitlines()]
    found = {one["key"]: one["value"] for one in entries if one["key"].startswith(("result_", "early_stopping_"))}
    for kind in ("TEST01", "TEST04"):
        edit_log(root / f"{scenario}-{kind}", **found)


SYSTEM = {
    "system_type": "edge",
    "system_type_detail": "edge-device",
    "system_name": "a board",
    "number_of_nodes": "1",
    "host_processor_model_name": "a processor",
    "host_processors_per_node": "1",
    "host_processor_core_count": "4",
    "host_processor_frequency": "",
    "host_processor_caches": "",
    "host_processor_interconnect": "",
    "host_memory_capacity": "8 GB",
    "host_memory_configuration": "LPDDR4",
    "host_storage_capacity": "64 GB",
    "host_storage_type": "eMMC",
    "host_networking": "N/A",
    "host_networking_topology": "N/A",
    "host_network_card_count": "1",
    "accelerators_per_node": "0",
    "accelerator_model_name": "N/A",
    "accelerator_memory_capacity": "N/A",
    "accelerator_memory_configuration": "N/A",
    "accelerator_host_interconnect": "N/A",
    "accelerator_interconnect": "N/A",
    "accelerator_interconnect_topology": "",
    "accelerator_frequency": "",
    "accelerator_on-chip_memories": "",
    "cooling": "air",
    "framework": "LiteRT",
    "operating_system": "Linux",
    "other_software_stack": "Python",
    "hw_notes": "",
    "sw_notes": "",
    "status": "available",
}
FIELDS = {
    "input_data_types": "uint8",
    "retraining": "no",
    "starting_weights_filename": "resnet50.tflite",
    "weight_data_types": "int8",
    "weight_transformations": "quantisation",
}


def write(path: Path, content: str | Mapping[str, Any]) -> None:
    """A file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content, indent=2)
    path.write_text(text, encoding="utf-8")


def _copy(source: Path, target: Path, *names: str) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copy(source / name, target / name)


_PAIR = ("mlperf_log_detail.txt", "mlperf_log_summary.txt")
_TRIPLE = (*_PAIR, "mlperf_log_accuracy.json")


def _truncated(source: Path, folder: Path, score: str) -> None:
    """As MLCommons' tool does it."""
    whole = (source / "mlperf_log_accuracy.json").read_bytes()
    (folder / "mlperf_log_accuracy.json").write_bytes(whole[:4096] + b"\n\n...\n\n" + whole[-4096:])
    write(folder / "accuracy.txt", f"{score}hash={hashlib.sha256(whole).hexdigest()}\n")


_ACCURACY = "accuracy=76.000%, good=38000, total=50000\n"


def _scenario(logs: Path, scenario: str, results: Path, tests: Path | None, measurements: Path, name: str) -> None:
    _copy(logs / f"{scenario}-performance", results / "performance/run_1", *_PAIR)
    _copy(logs / f"{scenario}-accuracy", results / "accuracy", *_TRIPLE)
    _truncated(logs / f"{scenario}-accuracy", results / "accuracy", _ACCURACY)
    write(measurements / name, FIELDS)
    write(measurements / "user.conf", "*.SingleStream.target_latency = 1\n")
    write(measurements / "README.md", "# How to run it\n\n    ./run.sh\n")
    for test in ("TEST01", "TEST04") if tests else ():
        assert tests is not None
        run = logs / f"{scenario}-{test}"
        _copy(run, tests / test / "performance/run_1", *_PAIR)
        write(tests / test / "verify_performance.txt", _verify_performance(test, logs / f"{scenario}-performance", run))
        if test == "TEST01":
            folder = tests / test / "accuracy"
            _copy(run, folder, "mlperf_log_accuracy.json")
            _truncated(run, folder, "")
            rows = (run / "mlperf_log_accuracy.json").read_text(encoding="utf-8").count("qsl_idx")
            said = f"num_acc_log_entries = 50000\nnum_perf_log_entries = {rows}\nnum_perf_log_qsl_idx_match = {rows}\n"
            write(tests / test / "verify_accuracy.txt", f"{said}num_perf_log_data_mismatch = 0\nTEST PASS\n\n")


def _verify_performance(test: str, reference: Path, run: Path) -> str:
    """What the official script would print."""
    from harness.submission.compliance.performance import verify_performance
    from harness.submission.tree.logs import DetailLog, read_detail_log

    one, two = (read_detail_log(folder / "mlperf_log_detail.txt") for folder in (reference, run))
    assert isinstance(one, DetailLog)
    assert isinstance(two, DetailLog)
    verified = verify_performance("TEST01" if test == "TEST01" else "TEST04", one, two)
    assert verified.passed, verified
    return verified.text


@pytest.fixture(scope="session")
def closed_v6(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good tree of inference v6.1: resnet, closed, three scenarios, with its tests."""
    tree = tmp_path_factory.mktemp("closed-v6") / "tree"
    owner = tree / "closed/Acme"
    write(owner / "systems/board.json", {**SYSTEM, "division": "closed", "submitter": "Acme"})
    write(owner / "src/resnet/tflite/README.md", "# The code\n")
    write(owner / "documentation/calibration.md", "# Calibration\n\nPer channel, symmetric.\n")
    for scenario in ("SingleStream", "MultiStream", "Offline"):
        results = owner / "results/board/resnet" / scenario
        _scenario(logs, scenario, results, results, results, "measurements.json")
    return tree


@pytest.fixture(scope="session")
def closed_v5(logs: Path, tmp_path_factory: pytest.TempPathFactory, edit_log: Edit) -> Path:
    """The same in the form of v5.1: measurements/, compliance/, code/."""
    tree = tmp_path_factory.mktemp("closed-v5") / "tree"
    owner = tree / "closed/Acme"
    write(owner / "systems/board.json", {**SYSTEM, "division": "closed", "submitter": "Acme"})
    write(owner / "code/resnet/tflite/README.md", "# The code\n")
    write(owner / "calibration.md", "# Calibration\n\nPer channel, symmetric.\n")
    seeds = (1780908523862526354, 14771362308971278857, 18209322760996052031)
    names = ("qsl", "sample_index", "schedule")
    for scenario in ("SingleStream", "MultiStream", "Offline"):
        below = f"board/resnet/{scenario}"
        name = f"board_tflite_{scenario}.json"
        places = [owner / f"{kind}/{below}" for kind in ("results", "compliance", "measurements")]
        _scenario(logs, scenario, places[0], places[1], places[2], name)
    values = {f"effective_{name}_rng_seed": seed for name, seed in zip(names, seeds, strict=True)}
    for path in tree.rglob("mlperf_log_detail.txt"):
        edit_log(path.parent, **values)
    for path in tree.rglob("mlperf_log_summary.txt"):
        text = path.read_text(encoding="utf-8")
        for name, seed in zip(names, seeds, strict=True):
            text = re.sub(rf"{name}_rng_seed : \d+", f"{name}_rng_seed : {seed}", text)
        path.write_text(text, encoding="utf-8")
    return tree


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    """A copy of a tree, to plant something in."""

    def copy(tree: Path) -> Path:
        target = tmp_path / "tree"
        shutil.copytree(tree, target)
        return target

    return copy


def _app_run(log: Mapping[str, Any]) -> dict[str, Any]:
    p90 = log["result_90.00_percentile_latency_ns"] / 1e9
    return {
        "throughput": {"value": 1 / p90},
        "accuracy": None,
        "accuracy2": None,
        "dataset": {"name": "set", "type": "IMAGENET", "data_path": "app:///a", "groundtruth_path": ""},
        "measured_duration": 60.1,
        "measured_samples": log["result_query_count"],
        "start_datetime": "2026-11-29T17:53:34",
        "loadgen": {
            "query_count": log["result_query_count"],
            "latency_mean": log["result_mean_latency_ns"] / 1e9,
            "latency90": p90,
            "is_min_duration_met": True,
            "is_min_query_met": True,
            "is_early_stopping_met": True,
            "is_result_valid": True,
        },
    }


def _app_result(folder: Path, ids: list[str], read_detail: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
    """result.json as the app writes it."""
    settings = {
        "accelerator_code": "cpu",
        "accelerator_desc": "CPU",
        "framework": "TFLite",
        "delegate": "",
        "model_path": "https://example.org/m.tflite",
        "batch_size": 1,
        "extra_settings": [],
    }
    return {
        "meta": {
            "uuid": "6a1f0b1e-0c1f-4c55-9d4e-1f1f1f1f1f1f",
            "creation_date": "2026-11-29T18:00:00Z",
            "upload_date": None,
        },
        "results": [
            {
                "benchmark_id": one,
                "benchmark_name": one,
                "loadgen_scenario": "SingleStream",
                "backend_settings": settings,
                "backend_info": dict.fromkeys(("filename", "vendor_name", "backend_name", "accelerator_name"), "x"),
                "performance_run": _app_run(read_detail(folder / f"{one}-performance")),
                "accuracy_run": None,
                "min_duration": 60,
                "min_samples": 1024,
            }
            for one in ids
        ],
        "environment_info": {"platform": "android", "value": {"android": None, "ios": None, "windows": None}},
        "build_info": {
            "version": "6.0",
            "build_number": "1",
            "build_date": "2026-06-04T00:00:00Z",
            "official_release_flag": True,
            "dev_test_flag": False,
            "backend_list": ["tflite"],
            "git_branch": "submission-v6.0",
            "git_commit": "x",
            "git_dirty_flag": False,
        },
    }


@pytest.fixture(scope="session")
def mobile_tree(
    logs: Path,
    tmp_path_factory: pytest.TempPathFactory,
    edit_log: Edit,
    read_detail: Callable[[Path], Mapping[str, Any]],
) -> Path:
    """A good tree of mobile v6.0, open: classification and detection in SingleStream, as the app lays it out."""
    tree = tmp_path_factory.mktemp("mobile") / "tree"
    owner = tree / "open/Acme"
    device = owner / "results/phone"
    write(owner / "systems/phone.json", {name: {"a": "b"} for name in ("system", "notes", "software")})
    write(owner / "code/tflite/README.md", "# Build\n")
    write(owner / "Calibration.md", "# Calibration\n\nPer channel.\n")
    seeds = (2465351861681999779, 14276810075590677512, 3936089224930324775)
    names = ("qsl", "sample_index", "schedule")
    ids = {"image_classification_v2": ("mobilenetV4", 50000), "object_detection": ("mobiledetSSD", 5000)}
    for number, (one, (name, count)) in enumerate(ids.items()):
        write(owner / f"measurements/phone/{name}/SingleStream/phone_tflite_SingleStream.json", FIELDS)
        for kind in ("performance", "accuracy"):
            folder = device / f"{one}-{kind}"
            _copy(logs / f"SingleStream-{kind}", folder, *_TRIPLE)
            write(folder / "mlperf_log_trace.json", "[]\n")
            edit_log(
                folder,
                **{f"effective_{name}_rng_seed": seed for name, seed in zip(names, seeds, strict=True)},
                effective_accuracy_sample_count=count,
                effective_min_duration_ms=60000,
                power_begin=f"11-29-2026 {10 + number}:00:00.000",
                power_end=f"11-29-2026 {10 + number}:01:00.000",
            )
            (folder / "mlperf_log_summary.txt").write_text(
                "Scenario : SingleStream\nResult is : VALID\n", encoding="utf-8"
            )
    write(device / "result.json", _app_result(device, list(ids), read_detail))
    for kind in ("performance", "accuracy"):
        write(device / f"{kind}.png", "a picture")
    return tree


_TINY_WINDOW = """Performance results for window {number}
    # Inferences : 250
    Runtime: 10.86{number}042 sec.
    Throughput: 23.01593015383295 inf./sec.
    Runtime requirements have been met.
"""
TINY_PERFORMANCE = (
    "".join(_TINY_WINDOW.format(number=number) for number in range(1, 6))
    + "0726.010245 ulp-mlperf: Median throughput is     23.032 inf./sec.\n"
)
TINY_DETECTIONS = "Accuracy: 44 True positives, 6 False negatives, 4 False positives\nAverage duty cycle: 0.55914\n"


@pytest.fixture(scope="session")
def tiny_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good tree of tiny v1.4: kws and sww."""
    from harness.submission.check.tiny.walk import FIELDS as TINY_FIELDS

    tree = tmp_path_factory.mktemp("tiny") / "tree"
    owner = tree / "closed/Acme"
    fields = dict.fromkeys(TINY_FIELDS, "a text") | {"Submitter": "Acme", "Division": "closed", "Status": "Available"}
    write(owner / "systems/board.json", fields)
    write(owner / "code/README.md", "# Build\n")
    texts = {
        "kws/accuracy": "0726.010109 ulp-mlperf: Top 1% = 90.2\n0726.010109 ulp-mlperf: AUC = 0.995\n",
        "kws/performance": TINY_PERFORMANCE,
        "sww/performance": TINY_DETECTIONS,
    }
    for below, text in texts.items():
        folder = owner / "results/board" / below
        write(folder / "results.txt", text)
        write(folder / "log.txt", "m-ready\n")
        write(folder / "results.json", "[]")
    return tree


@pytest.fixture(scope="session")
def series(classify: list[str], command: list[str], environment: dict[str, str], made_once: MadeOnce) -> Path:
    """A performance and an accuracy run of a classifier, as short as they can be."""
    # As many queries as MultiStream can be inferred from, however slow the machine is.
    enough = [word.replace("min_query_count=64", "min_query_count=700") for word in classify]

    def fill(folder: Path) -> None:
        for mode in ("performance", "accuracy"):
            words = [*command, *enough, "--mode", mode, "--out", str(folder / mode)]
            subprocess.run(words, env=environment, check=True, capture_output=True)

    return made_once("series", fill)
