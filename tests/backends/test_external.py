"""A real delegate library behind the command line: loaded, counted, proven, refused, crashed and hung."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import BackendUnavailable, ModelRejected
from backends.external import ExternalBackend, check_library
from tests.graphs import refused_by_one
from tests.living import lives

Cli = Callable[..., subprocess.CompletedProcess[str]]
Complaint = Callable[[subprocess.CompletedProcess[str]], str]
Read = Callable[[Path], dict[str, Any]]


def test_a_delegate_runs_its_ops_and_what_it_leaves_is_named(
    cli: Cli, classify: list[str], delegate_library: Path, tmp_path: Path, read_result: Read
) -> None:
    done = cli(*classify, "--backend", f"external:{delegate_library}", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "run")
    backend = result["backend"]
    assert result["status"] == "valid"
    assert (backend["name"], backend["engine"]) == ("external", "Interpreter")
    assert backend["delegate"] == "libdelegate.so"
    assert backend["device"] == {"library": str(delegate_library)}
    # XNNPACK runs the other three, which are the CPU's all the same.
    assert (backend["nodes"], backend["delegated_nodes"], backend["partitions"]) == (5, 2, 2)
    assert backend["cpu_ops"] == {"AVERAGE_POOL_2D": 1, "FULLY_CONNECTED": 1, "RESHAPE": 1}
    warning, short = result["warnings"]
    assert "too short" in short
    assert "2 of 5 ops" in warning
    assert "AVERAGE_POOL_2D, FULLY_CONNECTED, RESHAPE" in warning
    assert result["parity"]["passed"] is True
    assert result["parity"]["samples"] == 4
    assert result["parity"]["time_s"] > 0
    (output,) = result["parity"]["outputs"]
    assert output["agreement"] == 1.0
    assert output["max_error"] < 1e-5


@pytest.mark.parametrize(
    ("options", "status", "says"),
    [
        ("refuse=the device sleeps", 2, "refuses to start with refuse=the device sleeps: the device sleeps"),
        ("speed=high", 2, "no option named 'speed'"),
        ("claim=none", 2, "takes none of the model's 5 ops, so all would run on the CPU: ADD (2), AVERAGE_POOL_2D"),
        ("offset=0.5", 3, "disagrees with one CPU thread on 4 samples, so nothing was timed: output scores:"),
        ("crash=load", 3, "the worker was killed by SIGSEGV while loading"),
        ("crash=prepare", 3, "the worker was killed by SIGSEGV while loading"),
        ("crash=invoke", 3, "the worker was killed by SIGSEGV while proving"),
        ("crash=invoke,after=14", 3, "the worker was killed by SIGSEGV while calibrating"),
        ("crash=end", 3, "the worker was killed by SIGSEGV while writing"),
        ("abort=invoke", 3, "the worker was killed by SIGABRT while proving"),
    ],
)
def test_whatever_a_delegate_does_wrong_the_run_is_failed_and_says_where(
    options: str,
    status: int,
    says: str,
    cli: Cli,
    classify: list[str],
    delegate_library: Path,
    tmp_path: Path,
    complaint: Complaint,
    read_result: Read,
) -> None:
    done = cli(*classify, "--backend", f"external:{delegate_library},{options}", "--out", tmp_path / "run")
    assert says in complaint(done)
    assert done.returncode == status
    result = read_result(tmp_path / "run")
    assert result["status"] == "failed"
    assert result["performance"] is None
    assert not (tmp_path / "run" / "mlperf_log_summary.txt").exists() or options == "crash=end"


@pytest.mark.parametrize(("where", "phase"), [("load", "loading"), ("invoke", "proving")])
def test_a_delegate_that_hangs_is_ended_and_the_run_says_where(
    where: str,
    phase: str,
    hung: Cli,
    classify: list[str],
    delegate_library: Path,
    tmp_path: Path,
    complaint: Complaint,
    read_result: Read,
) -> None:
    words = ["--backend", f"external:{delegate_library},hang={where}", "--set", "backend.timeout_s=4"]
    done = hung(tmp_path / "run", 1, *classify, *words)
    assert done.returncode == 3
    assert f"made no progress for 4 s while {phase}" in complaint(done)
    assert "backend.timeout_s" in complaint(done)
    assert read_result(tmp_path / "run")["status"] == "failed"


def test_a_delegate_that_prints_without_end_is_ended_before_the_disk_is_full(
    cli: Cli, classify: list[str], delegate_library: Path, tmp_path: Path, complaint: Complaint
) -> None:
    done = cli(*classify, "--backend", f"external:{delegate_library},print=invoke", "--out", tmp_path / "run")
    assert done.returncode == 3
    assert "bytes to run.log, the limit is 104,857,600, and was ended" in complaint(done)
    (tmp_path / "run" / "run.log").unlink()


def test_a_mismatch_keeps_its_figures_in_the_failed_result(
    cli: Cli, classify: list[str], delegate_library: Path, tmp_path: Path, read_result: Read
) -> None:
    cli(*classify, "--backend", f"external:{delegate_library},offset=0.5", "--out", tmp_path / "run")
    result = read_result(tmp_path / "run")
    assert result["parity"]["passed"] is False
    # 0.5 before the mean and 0.5 behind the products: the last alone moves every score by 0.5.
    assert result["parity"]["outputs"][0]["max_error"] > 0.5
    assert result["backend"]["delegated_nodes"] == 2


def test_a_mismatch_that_is_allowed_is_timed_and_said(
    cli: Cli, classify: list[str], delegate_library: Path, tmp_path: Path, read_result: Read
) -> None:
    words = ["--backend", f"external:{delegate_library},offset=0.5", "--allow-mismatch"]
    done = cli(*classify, *words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "run")
    assert (result["parity"]["passed"], result["parity"]["allowed"]) == (False, True)
    assert "DISAGREES with the CPU" in done.stdout


@pytest.mark.parametrize(
    ("words", "status"),
    [(["--require-full"], 2), (["--require-full=0.41"], 2), (["--require-full=0.4"], 0), (["--require-full=2"], 2)],
)
def test_as_many_ops_as_required_must_be_in_the_delegate(
    words: list[str], status: int, cli: Cli, classify: list[str], delegate_library: Path, tmp_path: Path
) -> None:
    done = cli(*classify, "--backend", f"external:{delegate_library}", *words, "--out", tmp_path / "run")
    assert done.returncode == status, done.stderr
    if words[0] == "--require-full":
        assert "2 of 5 ops (40.0%)" in done.stderr
        assert "100.0% are required" in done.stderr


def test_a_sweep_goes_on_after_a_backend_that_is_not_here(
    cli: Cli, classify: list[str], delegate_library: Path, tmp_path: Path, read_result: Read
) -> None:
    words = ["--backend", "cpu", "--backend", f"external:{delegate_library}", "--backend", "external:/no/such.so"]
    done = cli(*classify, *words, "--out", tmp_path / "run")
    assert done.returncode == 2
    result = read_result(tmp_path / "run")
    assert result["status"] == "failed"
    cpu, external, missing = result["sweep"]
    assert (cpu["status"], external["status"], missing["status"]) == ("valid", "valid", "failed")
    assert cpu["speed_up"] == 1.0
    assert external["speed_up"] == pytest.approx(cpu["latency_ns"]["p50"] / external["latency_ns"]["p50"])
    assert (external["delegated_nodes"], external["nodes"]) == (2, 5)
    assert cpu["model_bytes"] == external["model_bytes"] > 1000
    assert external["peak_rss_bytes"] > 0
    assert missing["speed_up"] is None
    assert "no delegate library at /no/such.so" in done.stdout


def test_the_library_may_be_named_in_the_config(
    cli: Cli, classify: list[str], delegate_library: Path, tmp_path: Path, read_result: Read
) -> None:
    # A relative path is the user's, not the worker's.
    words = ["--backend", "external", "--set", f"backend.options.library=./{delegate_library.name}"]
    out = tmp_path / "run"
    done = cli(*classify, *words, "--out", out, cwd=delegate_library.parent)
    assert done.returncode == 0, done.stderr
    assert read_result(out)["backend"]["delegated_nodes"] == 2


@pytest.mark.parametrize("text", ["external:", "external:a=b", "external:/x.so,claim", "cpu:xnnpack"])
def test_a_backend_that_is_not_named_right_is_refused(
    text: str, cli: Cli, classify: list[str], tmp_path: Path, complaint: Complaint
) -> None:
    done = cli(*classify, "--backend", text, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert f"--backend {text}" in complaint(done)


def test_a_missing_library_is_named() -> None:
    with pytest.raises(BackendUnavailable, match=r"no delegate library at /no/such/delegate\.so"):
        check_library("/no/such/delegate.so")
    with pytest.raises(BackendUnavailable, match=r"libnosuchdelegate\.so.*cannot open shared object"):
        check_library("libnosuchdelegate.so")


def test_a_library_of_another_machine_is_told_from_a_broken_one(tmp_path: Path) -> None:
    library = tmp_path / "lib.so"
    library.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, 243) + bytes(44))
    with pytest.raises(BackendUnavailable, match="was built for riscv64, this machine is"):
        check_library(str(library))
    library.write_bytes(b"#!/bin/sh\nexit 1\n" + bytes(50))
    with pytest.raises(BackendUnavailable, match="is not a shared library: it begins with b'#!/b'"):
        check_library(str(library))


def test_a_library_that_is_no_delegate_is_refused(compile_library: Callable[[str], Path]) -> None:
    library = compile_library("void *tflite_plugin_create_delegate(void) { return 0; }\n")
    with pytest.raises(BackendUnavailable, match="does not export tflite_plugin_destroy_delegate"):
        check_library(str(library))


def test_inputs_may_be_resized_before_the_delegate_takes_its_ops(delegate_library: Path, adds_model: Path) -> None:
    # The resized picture no longer fits the reshape, so only the loading is looked at: the batch stays 1.
    backend = ExternalBackend(
        adds_model, threads=1, library=str(delegate_library), input_shapes=[(1, 32, 32, 3)], delegate_options={}
    )
    assert backend.coverage.delegated_nodes == 2
    backend.close()


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ("crash", "the worker was killed by SIGSEGV while running"),
        ("hang", "made no progress for 4 s while running"),
    ],
)
def test_a_delegate_that_breaks_in_the_middle_of_loadgen_fails_the_run(
    wish: str,
    says: str,
    hung: Cli,
    classify: list[str],
    delegate_library: Path,
    tmp_path: Path,
    complaint: Complaint,
    read_result: Read,
) -> None:
    # An answer takes two partitions, 40 ms at least: 16 answers at most come before LoadGen, which asks for 64.
    words = ["--backend", f"external:{delegate_library},sleep_us=20000,{wish}=invoke,after=60"]
    done = hung(tmp_path / "run", 1, *classify, *words, "--set", "backend.timeout_s=4")
    assert done.returncode == 3
    assert says in complaint(done)
    result = read_result(tmp_path / "run")
    assert result["status"] == "failed"
    assert result["performance"] is None
    assert says in result["reasons"][0]["what"]
    # LoadGen had begun, and did not come to its end.
    assert (tmp_path / "run" / "mlperf_log_detail.txt").exists()
    assert (tmp_path / "run" / "mlperf_log_summary.txt").read_text() == ""


@pytest.mark.parametrize("off", ["0.5", "nan"])
def test_a_delegate_that_breaks_while_it_is_timed_fails_the_run_though_it_answered_rightly_before(
    off: str, cli: Cli, classify: list[str], delegate_library: Path, tmp_path: Path, read_result: Read
) -> None:
    done = cli(*classify, "--backend", f"external:{delegate_library},broken={off}", "--out", tmp_path / "run")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "answered as the CPU does before LoadGen and no longer did after it" in done.stderr
    result = read_result(tmp_path / "run")
    assert (result["status"], result["performance"]) == ("failed", None)
    assert result["parity"]["passed"]


def test_what_a_delegate_forks_ends_with_the_run_and_where_it_goes_is_its_own_affair(
    cli: Cli, classify: list[str], delegate_library: Path, tmp_path: Path, read_result: Read
) -> None:
    out = tmp_path / "run"
    options = f"forked=1,daemon=1,chdir={tmp_path}"
    words = [*classify, "--scenario", "Offline", "--set", "backend.workers=processes", "--set", "backend.instances=2"]
    done = cli(*words, "--backend", f"external:{delegate_library},{options}", "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_result(out)["status"] == "valid"
    for name in ("forked", "daemon"):
        pid = int((out / name).read_text(encoding="ascii"))
        assert not lives(pid)


def test_what_xnnpack_refuses_of_a_delegates_rest_is_said_and_runs_without_it(
    delegate_library: Path, tmp_path: Path
) -> None:
    model = refused_by_one(tmp_path / "axes.tflite", "XNNPACK")
    library = str(delegate_library)
    with pytest.raises(
        ModelRejected,
        match=r"XNNPACK refuses what the delegate leaves.* runs without XNNPACK: use --set backend\.options\.xnnpack=false",
    ):
        ExternalBackend(model, threads=1, library=library)
    backend = ExternalBackend(model, threads=1, library=library, xnnpack=False)
    assert backend.coverage.delegated_nodes == 1
    assert backend.invoke([np.full((1, 1), 2, np.float32)])[0].tolist() == [[3]]
    backend.close()
