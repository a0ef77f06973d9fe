"""The known traps of LoadGen's Python module, each met on the real LoadGen."""

from __future__ import annotations

import ast
import itertools
import json
import os
import random
import re
import resource
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from accuracy.answers.log import LogError, read_answers, read_rows
from harness.config.official.rule_sets import rule_set
from native import SWITCH

REPOSITORY = Path(__file__).resolve().parents[3]
PACKAGES = ("accuracy", "backends", "benchmarks", "configs", "harness", "tasks")
SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline")
Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]

TROUBLE = """
import ctypes, os, sys, time
from pathlib import Path
from backends.litert.interpreter import InterpreterBackend
from harness.serving import loadgen
from harness.serving.samples import SampleLibrary
from tasks.base import DataMissing

def trouble(how, outputs=None):
    match how:
        case "raise": raise RuntimeError("the driver lost its device")
        case "data": raise DataMissing("sample 7 went away")
        case "exit": sys.exit(0)
        case "vanish": os._exit(0)
        case "orphan":
            helper = os.fork()
            if not helper:
                time.sleep(600)
                os._exit(0)
            Path("helper").write_text(str(helper))
            os.kill(os.getpid(), 9)
        case "segv": ctypes.string_at(0)
        case "abort": os.abort()
        case "none": return []
        case "more": return [scores.repeat(2, axis=-1) for scores in outputs]
        case "fewer": return [scores[..., :5] for scores in outputs]
        case "type": return [scores.astype("float32") for scores in outputs]

class Backend(InterpreterBackend):
    def __init__(self, model, *, threads, how="", where="issue", at=1, input_shapes=None):
        super().__init__(model, name="troubled", threads=threads, input_shapes=input_shapes)
        self.how, self.at, self.count, self.where = how, at, 0, where
        if where in ("load", "unload"):
            self.at = 0
            real = getattr(SampleLibrary, where)
            def troubled(library, indices):
                if loadgen._started:
                    trouble(how)
                real(library, indices)
            setattr(SampleLibrary, where, troubled)

    def invoke(self, inputs):
        outputs = super().invoke(inputs)
        if self.where == "before":
            return trouble(self.how, outputs)
        if loadgen._started:
            self.count += 1
            if self.count == self.at:
                return trouble(self.how, outputs)
        return outputs
"""
"""A backend that works until LoadGen drives it (unless `where` is `before`)."""


@pytest.fixture
def troubled(plug_in: Callable[[str, str], dict[str, str]]) -> dict[str, str]:
    return plug_in("troubled", TROUBLE)


@pytest.fixture
def cores() -> Iterator[None]:
    """A process that crashes may leave a core, as far as the system allows; none may be found."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def script(code: str, folder: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Python code in a process of its own, since LoadGen runs once in a process."""
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def sources(*words: str) -> Iterator[tuple[Path, ast.AST]]:
    """Of all modules those in which one of these words stands."""
    found = [path for package in PACKAGES for path in sorted((REPOSITORY / package).rglob("*.py"))]
    assert len(found) > 40
    for path in found:
        if any(word in (text := path.read_text(encoding="utf-8")) for word in words):
            yield path.relative_to(REPOSITORY), ast.parse(text)


# Trap 1: importing mlcommons_loadgen replaces mlperf_loadgen by an empty package.


def test_trap_1_only_the_border_imports_loadgen_and_none_its_other_name() -> None:
    importers = set()
    for path, tree in sources("mlperf", "mlcommons"):
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            # importlib.import_module("...") and __import__("...") name modules in text.
            names += [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []
            roots = {name.partition(".")[0] for name in names}
            assert "mlcommons_loadgen" not in roots, path
            if "mlperf_loadgen" in roots:
                importers.add(str(path))
    assert importers == {"harness/serving/loadgen.py", "harness/serving/responder.py"}


# Trap 2: the conf files may be read once in a process; later runs keep their seeds at 0.

DRIVE = """
import sys
from pathlib import Path
from harness.serving import loadgen
from harness.serving.responder import Responder

settings = loadgen.RunSettings(
    scenario="SingleStream", accuracy=False, performance_sample_count=4, total_sample_count=4, min_query_count=64,
    min_duration_ms=0, max_duration_ms=None, target_percentile=0.9, samples_per_query=1, expected_latency_ns=1000,
    target_qps=1.0, server_target_latency_ns=None, seeds=None, enable_trace=False,
)
responder = Responder(1)

def drive():
    return loadgen.drive(
        settings, model="kws", issue=lambda ids, indices: responder.one(ids[0], b"1234"), load=len, unload=len,
        folder=Path.cwd(),
    )

drive()
"""


def test_trap_2_a_second_run_in_one_process_is_refused(tmp_path: Path, environment: dict[str, str]) -> None:
    done = script(f"{DRIVE}\nprint('once')\ndrive()", tmp_path, environment)
    assert done.stdout == "once\n"
    assert done.returncode == 1
    assert "RunFailed: LoadGen was driven before in this process: one run is one process" in done.stderr


WHEEL_SEEDS = """
import mlperf_loadgen as lg
settings = lg.TestSettings()
assert settings.FromConfig("", "kws", "SingleStream", 0) == 0
print(settings.qsl_rng_seed, settings.sample_index_rng_seed, settings.schedule_rng_seed)
"""


@pytest.mark.parametrize("asked", [None, "inference-v5.0"])
def test_trap_2_the_seeds_are_the_wheels_or_those_of_the_rules_asked_for(
    asked: str | None,
    call: Cli,
    keywords: list[str],
    tmp_path: Path,
    environment: dict[str, str],
    read_result: Read,
    read_detail: Read,
) -> None:
    done = call(*keywords, "--out", tmp_path / "run", *(["--rules", asked] if asked else []))
    assert done.returncode == 0, done.stderr
    expected = (
        rule_set(asked).seeds.known
        if asked
        else tuple(map(int, script(WHEEL_SEEDS, tmp_path, environment).stdout.split()))
    )
    assert expected is not None
    assert len(set(expected)) == 3
    assert 0 not in expected
    result, detail = read_result(tmp_path / "run"), read_detail(tmp_path / "run")
    for name, seed in zip(("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed"), expected, strict=True):
        assert result["loadgen"][name] == detail[f"effective_{name}"] == seed
    # A conf file read twice would be an error in the log: "not valid for official submission".
    assert detail["num_errors"] == 0
    assert not [warning for warning in result["warnings"] if "LoadGen" in warning]


# Trap 3: a file audit.config in the current directory overrides everything in silence.


def test_trap_3_a_run_beside_an_audit_file_is_refused(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "audit.config").write_text("*.*.min_query_count = 7\n", encoding="ascii")
    done = script(DRIVE, tmp_path, environment)
    assert done.returncode == 1
    assert f"{tmp_path / 'audit.config'} would override every setting of this run" in done.stderr
    assert not (tmp_path / "mlperf_log_detail.txt").exists()


def test_trap_3_an_audit_file_where_the_user_stands_changes_nothing(
    call: Cli, keywords: list[str], tmp_path: Path, read_detail: Read
) -> None:
    (tmp_path / "audit.config").write_text("*.*.min_query_count = 7\n*.*.mode = 1\n", encoding="ascii")
    done = call(*keywords, "--out", tmp_path / "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    detail = read_detail(tmp_path / "run")
    assert detail["effective_min_query_count"] == 64
    assert detail["effective_test_mode"] == "PerformanceOnly"


# Trap 4: an exception that leaves a callback kills the process when it exits.


@pytest.mark.parametrize(
    ("where", "scenario"),
    [*itertools.product(["issue"], SCENARIOS), *itertools.product(["load", "unload"], ["SingleStream", "Offline"])],
)
def test_trap_4_an_exception_inside_a_callback_ends_the_run_as_failed(
    where: str,
    scenario: str,
    cli: Cli,
    keywords: list[str],
    troubled: dict[str, str],
    cores: None,
    tmp_path: Path,
    complaint: Callable[[Any], str],
    read_result: Read,
) -> None:
    out = tmp_path / "run"
    options = f"backend.options={{how: raise, where: {where}, at: 5}}"
    done = cli(*keywords, "--scenario", scenario, "--backend", "troubled", "--set", options, "--out", out, env=troubled)
    assert done.returncode == 3
    # The exception itself, not the worker's death, and where to look for more.
    assert complaint(done).startswith(f"RuntimeError: the driver lost its device (the traceback is in {out}/run.log)")
    assert "in trouble" in (out / "run.log").read_text(encoding="utf-8")
    result = read_result(out)
    assert result["status"] == "failed"
    assert "the driver lost its device" in result["reasons"][0]["what"]
    assert result["performance"] is result["accuracy"] is None
    assert {path.name for path in out.iterdir()} >= {"spec.yaml", "run.log", "mlperf_log_detail.txt"}
    assert not list(out.glob("core*"))


def test_trap_4_the_traceback_is_there_even_where_loadgen_does_not_come_to_its_end(
    cli: Cli, keywords: list[str], troubled: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    words = ["--backend", "troubled", "--set", "backend.options={how: raise, at: 20}"]
    minute = ["--scenario", "Server", "--set", "load.target_qps=400", "--set", "load.min_duration_ms=60000"]
    done = cli(*keywords, *minute, *words, "--out", out, env=troubled)
    assert done.returncode == 3, done.stderr
    assert f"(the traceback is in {out}/run.log)" in done.stderr
    log = (out / "run.log").read_text(encoding="utf-8")
    assert log.count("RuntimeError: the driver lost its device") == 1
    assert "in trouble" in log


@pytest.mark.parametrize(("where", "scenario"), [("issue", "Offline"), ("load", "SingleStream")])
def test_trap_4_a_data_error_inside_a_callback_is_the_users_to_fix(
    where: str,
    scenario: str,
    cli: Cli,
    keywords: list[str],
    troubled: dict[str, str],
    tmp_path: Path,
    complaint: Callable[[Any], str],
    read_result: Read,
) -> None:
    out = tmp_path / "run"
    options = f"backend.options={{how: data, where: {where}}}"
    done = cli(*keywords, "--scenario", scenario, "--backend", "troubled", "--set", options, "--out", out, env=troubled)
    assert done.returncode == 2
    assert complaint(done) == "sample 7 went away"
    assert read_result(out)["status"] == "failed"


@pytest.mark.parametrize("scenario", ["MultiStream", "Server"])
def test_trap_4_a_failed_answer_is_never_counted_in_an_accuracy_run(
    scenario: str, cli: Cli, keywords: list[str], troubled: dict[str, str], tmp_path: Path, read_result: Read
) -> None:
    out = tmp_path / "run"
    words = ["--mode", "accuracy", "--backend", "troubled", "--set", "backend.options={how: raise, at: 20}"]
    done = cli(*keywords, *words, "--scenario", scenario, "--out", out, env=troubled)
    assert done.returncode == 3
    assert read_result(out)["accuracy"] is None
    # Samples after the failure were completed without an answer: nobody can score that log by mistake.
    assert cli("score", out).returncode == 2


def test_trap_4_a_helper_of_the_backend_that_outlives_the_worker_does_not_hold_up_the_run(
    cli: Cli, keywords: list[str], troubled: dict[str, str], tmp_path: Path, complaint: Callable[[Any], str]
) -> None:
    """It has inherited the worker's pipe, so that the pipe stays open; it ends with the run."""
    words = ["--backend", "troubled", "--set", "backend.options={how: orphan, at: 5}"]
    done = cli(*keywords, *words, "--out", tmp_path / "run", env=troubled)
    assert done.returncode == 3
    assert complaint(done).startswith("the worker was killed by SIGKILL while running")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "run" / "helper").read_text()), 0)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("segv", "the worker was killed by SIGSEGV while running"),
        ("abort", "the worker was killed by SIGABRT while running"),
        ("vanish", "the worker ended with exit status 0 while running"),
        ("exit", "SystemExit: 0"),
    ],
)
def test_trap_4_a_backend_that_kills_its_process_is_survived(
    how: str,
    says: str,
    cli: Cli,
    keywords: list[str],
    troubled: dict[str, str],
    tmp_path: Path,
    complaint: Callable[[Any], str],
    read_result: Read,
) -> None:
    out = tmp_path / "run"
    words = ["--backend", "troubled", "--set", f"backend.options={{how: {how}, at: 5}}", "--scenario", "Server"]
    done = cli(*keywords, *words, "--out", out, env=troubled)
    assert done.returncode == 3
    assert complaint(done).startswith(says)
    assert read_result(out)["status"] == "failed"
    assert (out / "spec.yaml").is_file()


@pytest.mark.parametrize(
    ("when", "how", "found"),
    [
        ("before", "fewer", "int8 [1, 5]"),
        ("during", "fewer", "int8 [1, 5]"),
        ("during", "more", "int8 [1, 24]"),
        ("during", "none", "nothing"),
        ("during", "type", "float32 [1, 12]"),
    ],
)
def test_trap_4_answers_of_another_shape_or_type_end_the_run_as_failed(
    when: str,
    how: str,
    found: str,
    cli: Cli,
    keywords: list[str],
    troubled: dict[str, str],
    tmp_path: Path,
    complaint: Callable[[Any], str],
    read_result: Read,
) -> None:
    """The best of too few scores is a label like any other: nothing but a look at the answer can tell."""
    out = tmp_path / "run"
    words = ["--set", f"backend.options={{how: {how}, where: {when}, at: 11}}"]
    mode = ["--mode", "performance" if when == "before" else "accuracy"]
    done = cli(*keywords, *words, *mode, "--backend", "troubled", "--out", out, env=troubled)
    assert done.returncode == 3, done.stdout
    said = f"backend troubled answered {found}, but the model's outputs are int8 [1, 12]"
    assert said in complaint(done)
    result = read_result(out)
    assert result["status"] == "failed"
    assert result["performance"] is result["accuracy"] is None


STEADY = """
import time
from backends.litert.interpreter import InterpreterBackend
from harness.worker import timing

class Clock:
    now_ns = 0

    def perf_counter_ns(self):
        return self.now_ns

timing.time = Clock()

class Backend(InterpreterBackend):
    def __init__(self, model, *, threads, input_shapes=None):
        super().__init__(model, name="steady", threads=threads, input_shapes=input_shapes)

    def invoke(self, inputs):
        timing.time.now_ns += 1_000_000
        time.sleep(0.001)
        return super().invoke(inputs)
"""
"""To the calibration an answer takes a millisecond, however busy the machine is; to LoadGen never less."""


# Trap 5: queries are generated beforehand from the expected latency; a quicker system runs out of them.


def test_trap_5_a_hint_that_is_too_slow_is_invalid(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    # Two queries, where a minute is asked for.
    slow = ["load.expected_latency_ns=60000000000", "load.min_duration_ms=60000", "load.min_query_count=1"]
    words = [word for setting in slow for word in ("--set", setting)]
    done = call(*keywords, *words, "--out", tmp_path / "slow")
    assert done.returncode == 1
    result = read_result(tmp_path / "slow")
    assert result["status"] == "invalid"
    for reason in result["reasons"]:
        assert set(reason) == {"what", "figure", "fix"}
    first = result["reasons"][0]
    assert first["what"] == "the minimum duration was not met: LoadGen ran out of queries"
    assert re.fullmatch(r"[\d.]+ m?s of 60\.0 s", first["figure"])
    assert "--set load.expected_latency_ns" in first["fix"]
    for said in ("INVALID", first["what"], first["figure"], first["fix"]):
        assert said in done.stdout


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream"])
def test_trap_5_loadgen_does_not_run_out_of_queries_with_the_hint_that_the_calibration_finds(
    scenario: str,
    cli: Cli,
    keywords: list[str],
    plug_in: Callable[[str, str], dict[str, str]],
    tmp_path: Path,
    read_result: Read,
) -> None:
    out = tmp_path / "run"
    words = ["--scenario", scenario, "--backend", "steady", "--set", "load.expected_latency_ns=null"]
    env = plug_in("steady", STEADY)
    done = cli(*keywords, *words, "--set", "load.min_duration_ms=500", "--out", out, env=env)
    result = read_result(out)
    # MultiStream is INVALID for having too few queries, which is another matter.
    assert done.returncode == 0 or scenario == "MultiStream", done.stdout
    assert not [reason for reason in result["reasons"] if "minimum duration" in reason["what"]]
    each = 8 if scenario == "MultiStream" else 1
    key = f"{'multi' if each == 8 else 'single'}_stream_expected_latency_ns"
    assert result["calibration"]["service_time_ns"] == 1_000_000
    # Towards fast, but never so fast that LoadGen drowns in queries.
    assert result["loadgen"][key] == each * 900_000


# Trap 6: LoadGen traces by default, hundreds of megabytes in a second.


def test_trap_6_the_trace_is_off_unless_asked_for(call: Cli, keywords: list[str], tmp_path: Path) -> None:
    assert call(*keywords, "--out", tmp_path / "off").returncode == 0
    trace = tmp_path / "off" / "mlperf_log_trace.json"
    assert not trace.exists() or trace.stat().st_size == 0
    assert call(*keywords, "--set", "load.enable_trace=true", "--out", tmp_path / "on").returncode == 0
    assert "QuerySamplesComplete" in (tmp_path / "on" / "mlperf_log_trace.json").read_text(encoding="utf-8")


# Trap 7: an answer's bytes are copied inside QuerySamplesComplete; its buffer must live until then.

ANSWERS = """
import random, sys
from pathlib import Path
from harness.serving import loadgen
from harness.machine.control import Control, control_file
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.inline import multi_stream, single_stream
from harness.serving.dispatch.pool import Pool

scenario, total, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

class Sut:
    renew = None
    def answer(self, index):
        draw = random.Random(seed + index)
        # Below, at and far above the size that buffers start with.
        size = draw.choice([0, 1, 3, 4, 28, 4095, 4096, 4097, draw.randrange(20_000), draw.randrange(100_000)])
        return draw.randbytes(size)

    batch = 1

    def answer_all(self, indices):
        return [self.answer(index) for index in indices]

settings = loadgen.RunSettings(
    scenario=scenario, accuracy=True, performance_sample_count=total, total_sample_count=total, min_query_count=1,
    min_duration_ms=0, max_duration_ms=None, target_percentile=0.99, samples_per_query=8, expected_latency_ns=1000,
    target_qps=100_000.0, server_target_latency_ns=10**9, seeds=None, enable_trace=False,
)
with control_file() as page:
    control = Control(page.fileno())
    guard = Guard(control, print)
    pool = None
    match scenario:
        case "SingleStream": issue = single_stream(Sut(), guard, control)
        case "MultiStream": issue = multi_stream(Sut(), guard, control, 8)
        case _:
            pool = Pool([Sut(), Sut(), Sut()], guard, control, chunk=5)
            issue = pool.issue
    loadgen.drive(settings, model="x", issue=issue, load=len, unload=len, folder=Path.cwd())
    if pool:
        pool.close()
    assert guard.failure is None, guard.failure
    print(control.done)
"""


@pytest.mark.parametrize(("scenario", "native"), [*((one, "on") for one in SCENARIOS), ("SingleStream", "off")])
def test_trap_7_answers_of_any_size_arrive_intact_through_reused_buffers(
    scenario: str, native: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    total, seed = 333, SCENARIOS.index(scenario) * 1000
    done = script(ANSWERS, tmp_path, environment | {SWITCH: native}, scenario, str(total), str(seed))
    assert done.returncode == 0, done.stderr
    rows = list(read_rows(tmp_path / "mlperf_log_accuracy.json"))
    assert {row.index for row in rows} == set(range(total))
    sizes = set()
    for index, data in rows:
        draw = random.Random(seed + index)
        size = draw.choice([0, 1, 3, 4, 28, 4095, 4096, 4097, draw.randrange(20_000), draw.randrange(100_000)])
        assert data == draw.randbytes(size)
        sizes.add(size)
    assert len(sizes) > 50
    queries = -(-total // 8) if scenario == "MultiStream" else total
    assert int(done.stdout) == queries


# Trap 8: MultiStream fills its last query with samples that it has already asked.


def test_trap_8_multi_stream_with_repeated_rows_scores_as_single_stream_does(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    scores = {}
    for scenario in ("SingleStream", "MultiStream"):
        out = tmp_path / scenario
        # 37 is no multiple of 8.
        words = ["--scenario", scenario, "--mode", "accuracy", "--count", "37", "--out", out]
        assert call(*keywords, *words).returncode == 0
        scores[scenario] = read_result(out)["accuracy"]["top1"]["value"]
    assert scores["SingleStream"] == scores["MultiStream"] == 30 / 37
    rows = Counter(row.index for row in read_rows(tmp_path / "MultiStream" / "mlperf_log_accuracy.json"))
    assert set(rows) == set(range(37))
    assert rows.total() == 40


# Trap 9: SubmissionRun mixes both modes into one set of logs.


def test_trap_9_a_submission_is_two_runs_in_two_directories(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read, read_detail: Read
) -> None:
    out = tmp_path / "both"
    done = call(*keywords, "--mode", "submission", "--out", out)
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[-3].startswith(
        "not a submission: load.min_query_count is less than the rules ask for"
    )
    folders = sorted(path.name for path in out.iterdir() if path.is_dir())
    assert folders == ["1-performance-cpu", "2-accuracy-cpu"]
    modes = [read_detail(out / name)["effective_test_mode"] for name in folders]
    assert modes == ["PerformanceOnly", "AccuracyOnly"]
    top = read_result(out)
    assert top["status"] == "valid"
    assert [run["directory"] for run in top["runs"]] == folders
    for run, name in zip(top["runs"], folders, strict=True):
        assert run | read_result(out / name) == run
    assert top["runs"][1]["accuracy"]["top1"]["value"] == 0.8
    objected = [(reason["what"].split()[0], reason["figure"]) for reason in top["submission"]["reasons"]]
    assert objected == [
        ("load.min_query_count", "64, they say 1,024"),
        ("load.min_duration_ms", "0.0 s, they say 60.0 s"),
        ("the", "40 samples, not 1,000"),
    ]
    conf = (out / folders[0] / "user.conf").read_text(encoding="ascii")
    assert {"*.SingleStream.min_duration = 0", "*.SingleStream.min_query_count = 64"} <= set(conf.splitlines())


def test_trap_9_and_11_nothing_uses_the_parts_of_loadgen_that_do_not_work_from_python() -> None:
    broken = {
        "SubmissionRun",
        "VectorQuerySampleResponse",
        "QuerySamplesCompleteFast",
        "RegisterIssueQueryThread",
    }
    for path, tree in sources(*broken):
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not used & broken, path


# Trap 10: the accuracy log is hex text, and large.


def write_log(path: Path, rows: int, row_bytes: int, newline: str) -> None:
    with path.open("w", encoding="ascii") as file:
        file.write(f"[{newline}")
        for number in range(rows):
            data = (number % 251).to_bytes(1, "little") * row_bytes
            comma = "," if number < rows - 1 else ""
            file.write(
                f'{{ "seq_id" : {number}, "qsl_idx" : {number}, "data" : "{data.hex().upper()}" }}{comma}{newline}'
            )
        file.write(f"]{newline}")


@pytest.mark.parametrize("newline", ["\n", ""])
def test_trap_10_memory_stays_flat_however_long_the_accuracy_log_is(newline: str, tmp_path: Path) -> None:
    path, rows = tmp_path / "mlperf_log_accuracy.json", 3000
    write_log(path, rows, 5000, newline)
    size = path.stat().st_size
    assert size > 30_000_000
    tracemalloc.start()
    try:
        count = 0
        for answer in read_answers(path, rows):
            assert len(answer.data) == 5000
            assert answer.data[0] == answer.index % 251
            count += 1
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == rows
    assert peak < size / 4


@pytest.mark.parametrize("newline", ["\n", ""])
def test_trap_10_a_cut_accuracy_log_is_named_wherever_it_is_cut(newline: str, tmp_path: Path) -> None:
    path = tmp_path / "mlperf_log_accuracy.json"
    write_log(path, 3, 4, newline)
    whole = path.read_text(encoding="ascii")
    assert len(list(read_answers(path, 3))) == 3
    for end in range(len(whole.rstrip())):
        path.write_text(whole[:end], encoding="ascii")
        with pytest.raises(LogError, match=re.escape(str(path))):
            list(read_answers(path, 3))


def test_trap_10_a_run_whose_accuracy_log_is_cut_is_not_scored(call: Cli, keywords: list[str], tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert call(*keywords, "--mode", "accuracy", "--out", out).returncode == 0
    log = out / "mlperf_log_accuracy.json"
    log.write_bytes(log.read_bytes()[:-40])
    done = call("score", out)
    assert done.returncode == 2
    assert f"{log} is cut in the middle" in done.stderr


# Trap 11: max_duration binds in SingleStream, its documents say; it binds wherever there is more than one query.


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream", "Server"])
def test_trap_11_a_maximum_duration_ends_a_run_of_more_than_one_query(
    scenario: str, call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    out = tmp_path / "run"
    words = ["--set", "load.max_duration_ms=150", "--set", "load.min_query_count=400000", "--out", out]
    if scenario == "Server":
        words += ["--set", "load.target_qps=100", "--set", "load.server_target_latency_ms=600000"]
    done = call(*keywords, "--scenario", scenario, *words)
    assert done.returncode == 1
    result = read_result(out)
    assert 0 < result["performance"]["query_count"] < 400_000
    reason = result["reasons"][0]
    assert reason["what"] == "too few queries"
    assert reason["figure"] == f"{result['performance']['query_count']:,} of 400,000"
    assert "load.max_duration_ms" in reason["fix"]


# Trap 12: an accuracy run loads the samples in chunks of the performance sample count.

WATCH = """
import json, sys
from backends.litert.interpreter import InterpreterBackend
from harness.serving import loadgen
from harness.serving.samples import SampleLibrary

for name in ("load", "unload"):
    def watched(library, indices, name=name, real=getattr(SampleLibrary, name)):
        real(library, indices)
        if loadgen._started:
            held = sum(row != () for row in library.rows)
            print("held", json.dumps([name, len(indices), held]), file=sys.stderr, flush=True)
    setattr(SampleLibrary, name, watched)

class Backend(InterpreterBackend):
    def __init__(self, model, *, threads, input_shapes=None):
        super().__init__(model, name="watched", threads=threads, input_shapes=input_shapes)
"""


@pytest.mark.parametrize("scenario", ["SingleStream", "Offline"])
def test_trap_12_samples_are_loaded_in_chunks_answered_once_and_let_go(
    scenario: str,
    cli: Cli,
    keywords: list[str],
    plug_in: Callable[[str, str], dict[str, str]],
    tmp_path: Path,
    read_result: Read,
) -> None:
    out = tmp_path / "run"
    words = ["--scenario", scenario, "--mode", "accuracy", "--set", "load.performance_sample_count=16"]
    done = cli(*keywords, *words, "--backend", "watched", "--out", out, env=plug_in("watched", WATCH))
    assert done.returncode == 0, done.stderr
    lines = (out / "run.log").read_text(encoding="utf-8").splitlines()
    held = [json.loads(line.removeprefix("held ")) for line in lines if line.startswith("held ")]
    assert held == [["load", 16, 16], ["unload", 16, 0]] * 2 + [["load", 8, 8], ["unload", 8, 0]]
    rows = Counter(row.index for row in read_rows(out / "mlperf_log_accuracy.json"))
    assert rows == dict.fromkeys(range(40), 1)
    assert read_result(out)["accuracy"]["top1"]["value"] == 0.8
