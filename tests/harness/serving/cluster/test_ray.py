"""Runs that a real Ray cluster answers, whose nodes die and come; `.ci/run` has Ray."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from accuracy.answers.log import read_rows
from tests.harness.serving.cluster.conftest import PATIENT, PATIENT_RUN, Marks, RayNodes, of_session
from tests.living import lives

pytestmark = pytest.mark.cluster
Cli = Callable[..., Any]
Read = Callable[[Path], dict[str, Any]]
SAMPLES = 600
ROUNDS = int(os.environ.get("TFLITE_LOADGEN_CLUSTER_ROUNDS", "3"))
"""Runs with random kills; 50 by hand."""


def rows_of(folder: Path) -> dict[int, bytes]:
    found = list(read_rows(folder / "mlperf_log_accuracy.json"))
    rows = {row.index: row.data for row in found}
    assert len(rows) == len(found), "no sample has two answers"
    return rows


@pytest.fixture(scope="module")
def scored(keyword_model: Path, make_keyword_data: Callable[[int], Path]) -> list[str]:
    """The words of an accuracy run of a model of 4 ms."""
    given = ["--task", "kws", "--model", str(keyword_model), "--dataset", str(make_keyword_data(SAMPLES))]
    return [*given, "--mode", "accuracy", "--scenario", "Offline", "--threads", "1"]


@pytest.fixture(scope="module")
def local_run(scored: list[str], run_command: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run that this machine alone has done."""
    folder = tmp_path_factory.mktemp("local")
    done = run_command(*scored, "--out", folder / "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def local(local_run: Path, read_result: Read) -> tuple[dict[str, Any], dict[int, bytes]]:
    """What this machine alone says of it: accuracy and answers."""
    return read_result(local_run)["accuracy"], rows_of(local_run)


def test_with_a_node_killed_in_the_middle_the_accuracy_is_the_local_one_to_the_digit(
    nodes: RayNodes,
    cluster_env: Mapping[str, str],
    scored: list[str],
    local: tuple[dict[str, Any], dict[int, bytes]],
    start: Cli,
    eventually: Cli,
    read_result: Read,
    marks: Marks,
    tmp_path: Path,
) -> None:
    victim = nodes.add()
    command = start(*scored, *nodes.dispatch, *PATIENT_RUN, *marks.backend, "--out", tmp_path / "run", env=cluster_env)

    def at_work() -> bool:
        return bool(set(marks.waiting()) & set(of_session(victim.pid))) or command.poll() is not None

    eventually(at_work, "the node is at work")
    nodes.kill(victim)
    marks.go()
    _, stderr = command.communicate(timeout=600)
    assert command.returncode == 0, stderr
    result = read_result(tmp_path / "run")
    assert (result["accuracy"], rows_of(tmp_path / "run")) == local
    cluster = result["cluster"]
    assert result["backend"]["workers"] == "ray"
    assert sorted((node["instances"], node["lost"]) for node in cluster["nodes"]) == [(1, 0), (1, 0), (1, 1)]
    assert sum(node["samples"] for node in cluster["nodes"]) == SAMPLES
    assert all(node["samples"] or node["lost"] for node in cluster["nodes"])
    assert cluster["sent_again"] > 0
    assert "trusted network only" in cluster["trust"]
    assert "network" in cluster["network"]
    assert any("instances died or fell silent" in warning for warning in result["warnings"])
    # Each sample was read on some node, and is known by its hash.
    assert '"sha256":null' not in (tmp_path / "run" / "samples.json").read_text(encoding="utf-8").replace(" ", "")


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_every_sample_has_one_answer_whatever_dies_hangs_and_comes(
    seed: int,
    nodes: RayNodes,
    cluster_env: Mapping[str, str],
    scored: list[str],
    local: tuple[dict[str, Any], dict[int, bytes]],
    start: Cli,
    eventually: Cli,
    read_result: Read,
    marks: Marks,
    tmp_path: Path,
) -> None:
    draw = random.Random(seed)
    # Of every three, one loses a process, one has one that hangs, and to one a node comes before it loses one.
    what = ("kill", "hang", "come")[seed % 3]
    # Who hangs is known by its silence, and nobody else may be silent for as long: a process that waits for a CPU is not.
    patience = 30 if what == "hang" else 3600
    words = [*scored, *nodes.dispatch, "--set", f"dispatch.resend_after_s={patience}", "--out", tmp_path / "run"]
    command = start(*words, *marks.backend, env=cluster_env)
    eventually(lambda: len(marks.waiting()) >= 2 or command.poll() is not None, "two are at work")
    assert command.poll() is None, command.communicate()
    victim = draw.choice(marks.waiting())
    if what == "come":
        nodes.add()
        eventually(lambda: len(marks.waiting()) == 3 or command.poll() is not None, "the third is at work")
    os.kill(victim, signal.SIGSTOP if what == "hang" else signal.SIGKILL)
    marks.go()
    _, stderr = command.communicate(timeout=600)
    with contextlib.suppress(ProcessLookupError):
        # One that is stopped hears of no end.
        os.kill(victim, signal.SIGKILL)
    assert command.returncode == 0, stderr
    assert rows_of(tmp_path / "run") == local[1]
    result = read_result(tmp_path / "run")
    assert result["accuracy"] == local[0]
    assert result["cluster"]["sent_again"] > 0
    shares = result["cluster"]["nodes"]
    assert sum(node["samples"] for node in shares) == SAMPLES
    late = [node for node in shares if node["joined_late"]]
    if what == "come":
        assert len(shares) == 3
        assert any(node["samples"] > 0 for node in late)


@pytest.mark.parametrize("scenario", ["Offline", "Server", "MultiStream"])
def test_a_timed_run_names_each_node_and_its_share(
    scenario: str,
    nodes: RayNodes,
    cluster_env: Mapping[str, str],
    keywords: list[str],
    cli: Cli,
    read_result: Read,
    tmp_path: Path,
) -> None:
    # How many LoadGen asks is not for the calibration to say, nor how soon an answer must come: the machine is busy.
    bound = ["--set", "load.server_target_latency_ms=600000", "--set", "load.target_qps=200"]
    words = [*keywords, "--scenario", scenario, "--backend", "slow", *nodes.dispatch, *PATIENT_RUN, *bound]
    done = cli(*words, "--set", "load.min_duration_ms=400", "--out", tmp_path / "run", env=cluster_env)
    assert done.returncode in (0, 1), done.stderr
    result = read_result(tmp_path / "run")
    assert result["performance"]["sample_count"] > 0
    shares = [node["samples"] for node in result["cluster"]["nodes"]]
    # LoadGen may count those of a query that it had generated and never asked.
    assert sum(shares) >= min(result["performance"]["sample_count"], 64)
    assert len(shares) == 2
    assert all(shares)
    assert result["backend"]["instances"] == 2


def test_instances_go_where_the_resources_are_that_they_ask_for(
    nodes: RayNodes,
    cluster_env: Mapping[str, str],
    scored: list[str],
    cli: Cli,
    eventually: Cli,
    read_result: Read,
    tmp_path: Path,
) -> None:
    nodes.add({"board": 2})
    wanted = ["--set", "dispatch.resources={board: 1}", "--set", "dispatch.cpus=0.5"]
    done = cli(*scored, *nodes.dispatch, *PATIENT_RUN, *wanted, "--out", tmp_path / "run", env=cluster_env)
    assert done.returncode == 0, done.stderr
    (node,) = read_result(tmp_path / "run")["cluster"]["nodes"]
    assert (node["instances"], node["share"]) == (2, 1.0)
    eventually(nodes.at_rest, "the room of that run is free")
    wanted = ["--instances", "3", "--set", "dispatch.resources={board: 1}", "--set", "dispatch.cpus=0.5"]
    done = cli(*scored, *nodes.dispatch, *wanted, "--out", tmp_path / "more", env=cluster_env)
    assert done.returncode == 2, done.stderr
    assert "no room for 3 instances of 0.5 CPU, 1 board each: it fits 2" in done.stderr
    assert "2 of 2 board" in done.stderr


def test_a_node_without_the_files_is_sent_them_and_keeps_them_in_its_own_cache(
    nodes: RayNodes,
    cluster_env: Mapping[str, str],
    scored: list[str],
    local: tuple[dict[str, Any], dict[int, bytes]],
    cli: Cli,
    read_result: Read,
    tmp_path: Path,
) -> None:
    private = [shutil.which("unshare") or "false", "--mount"]
    if subprocess.run(
        [*private, "mount", "-t", "tmpfs", "none", tmp_path], capture_output=True, check=False
    ).returncode:
        pytest.skip("nobody may mount anything here, so no node can see other folders than this machine")
    # A node that sees other folders than this machine where model and data lie.
    hidden = sorted({str(Path(word).parent) for word in scored if word.startswith("/")})
    script = "; ".join([*(f"mount -t tmpfs none '{folder}'" for folder in hidden), 'exec "$@"'])
    cache = tmp_path / "cache"
    mounts = [*private, "sh", "-ec", script, "sh"]
    nodes.add({"far": 1}, {"TFLITE_LOADGEN_CACHE": str(cache)}, mounts)
    wanted = [*PATIENT_RUN, "--set", "dispatch.resources={far: 1}", "--out"]
    done = cli(*scored, *nodes.dispatch, *wanted, tmp_path / "run", env=cluster_env)
    assert done.returncode == 0, done.stderr
    assert (read_result(tmp_path / "run")["accuracy"], rows_of(tmp_path / "run")) == local
    kept = sorted(path.name for path in (cache / "cluster").iterdir())
    assert len(kept) == 2, "the model and the data"
    assert not list((cache / "cluster").glob("*.*")), "nothing that is not whole"


def test_a_run_that_the_cluster_judges_has_this_machine_s_figures_to_the_digit(
    nodes: RayNodes, cluster_env: Mapping[str, str], local_run: Path, cli: Cli
) -> None:
    here, there = (cli("score", local_run, "--json", "--card", *more, env=cluster_env) for more in ([], nodes.dispatch))
    assert (here.returncode, there.returncode) == (0, 0), there.stderr
    own, judged = json.loads(here.stdout), json.loads(there.stdout)
    (note,) = judged["accuracy_card"].pop("notes")
    assert own["accuracy_card"].pop("notes") == []
    assert judged == own
    # Eight for each actor, and what is left over.
    assert note == "the answers were judged on 2 nodes of a Ray cluster, in 17 parts"


def test_a_set_is_prepared_into_every_cache_byte_for_byte_as_on_this_machine(
    nodes: RayNodes,
    cluster_env: Mapping[str, str],
    adds_model: Path,
    make_picture_data: Callable[[int], Path],
    cli: Cli,
    tmp_path: Path,
) -> None:
    # The head and its node share a cache, a third has its own.
    nodes.add(environment={"TFLITE_LOADGEN_CACHE": str(tmp_path / "apart")})
    data = make_picture_data(100)
    words = ["prepare", "--task", "mobilenet_edgetpu", "--model", adds_model, "--dataset", data]
    here, there = (cli(*words, "--json", *more, env=cluster_env) for more in ([], nodes.dispatch))
    assert (here.returncode, there.returncode) == (0, 0), there.stderr
    own, done = json.loads(here.stdout), json.loads(there.stdout)
    assert (done["seal"], done["samples"], done["caches"], done["nodes"]) == (own["seal"], 100, 2, 3)
    assert not done["were_here"]
    for cache in (nodes.cache, tmp_path / "apart"):
        (entry,) = (cache / "samples").iterdir()
        assert contents_of(entry) == contents_of(Path(own["folder"]))
    # A picture that cannot be read is named as on this machine.
    (data / "picture_0070.jpg").write_bytes(b"no picture")
    here, there = (cli(*words, *more, env=cluster_env) for more in ([], nodes.dispatch))
    assert (here.returncode, there.returncode) == (2, 2), there.stderr
    assert "picture_0070.jpg" in here.stderr
    # Before it, on a busy machine, how far it is.
    assert there.stderr.splitlines()[-1] == here.stderr.splitlines()[-1]


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_node_with_another_program_is_refused_with_the_fix(
    nodes: RayNodes, cluster_env: Mapping[str, str], scored: list[str], cli: Cli, tmp_path: Path
) -> None:
    repository = Path(__file__).resolve().parents[4]
    other = tmp_path / "other"
    other.mkdir()
    for name in ("accuracy", "backends", "configs", "native", "tasks"):
        (other / name).symlink_to(repository / name)
    (other / "harness").mkdir()
    for path in (repository / "harness").iterdir():
        (other / "harness" / path.name).symlink_to(path)
    (other / "harness" / "more.py").write_text("", encoding="ascii")
    nodes.add({"odd": 1}, {"PYTHONPATH": str(other)})
    wanted = ["--set", "dispatch.resources={odd: 1}", "--out", tmp_path / "run"]
    done = cli(*scored, *nodes.dispatch, *wanted, env=cluster_env)
    assert done.returncode == 2, done.stderr
    assert "has another tflite-loadgen than this machine" in done.stderr
    assert "install the very same on all nodes" in done.stderr


def test_an_address_where_nothing_answers_is_refused_at_once(
    nodes: RayNodes, cluster_env: Mapping[str, str], scored: list[str], cli: Cli, tmp_path: Path
) -> None:
    # A port that is taken, where nobody listens.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = cli(*scored, "--dispatch", f"ray://{address}", "--out", tmp_path / "run", env=cluster_env)
    assert done.returncode == 2, done.stderr
    assert f"no Ray cluster answers at {address}" in done.stderr
    assert "ray start --head" in done.stderr


def below(pid: int) -> set[int]:
    """The processes that a process has started, and those have."""
    found, new = set(), {pid}
    while new:
        found |= new
        tasks = [path for each in new for path in Path(f"/proc/{each}/task").glob("*/children")]
        new = {int(word) for path in tasks for word in _read(path).split()} - found
    return found - {pid}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""


def listening(pids: set[int]) -> set[str]:
    """The addresses, hexadecimal, at which processes listen to TCP."""
    sockets = set()
    for pid in pids:
        for path in Path(f"/proc/{pid}/fd").glob("*"):
            with contextlib.suppress(OSError):
                sockets.add(str(path.readlink()))
    rows = [line.split() for name in ("tcp", "tcp6") for line in _read(Path("/proc/net", name)).splitlines()[1:]]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}


def test_a_cluster_of_the_run_s_own_listens_on_loopback_alone_and_is_gone_where_all_is_killed(
    nodes: RayNodes,
    cluster_env: Mapping[str, str],
    scored: list[str],
    start: Cli,
    eventually: Cli,
    marks: Marks,
    tmp_path: Path,
) -> None:
    command, pids = own_cluster(scored, cluster_env, start, eventually, marks, tmp_path)
    # 127.0.0.1, as such or within IPv6.
    assert {address[-8:] for address in listening(pids)} == {"0100007F"}
    command.kill()
    command.communicate()
    eventually(lambda: not any(lives(pid) for pid in pids), "all are gone")
    eventually(lambda: not folders_of(pids), "so is its folder")


def test_a_cluster_of_the_run_s_own_answers_as_this_machine_does_and_leaves_nothing(
    nodes: RayNodes,
    cluster_env: Mapping[str, str],
    scored: list[str],
    local: tuple[dict[str, Any], dict[int, bytes]],
    start: Cli,
    eventually: Cli,
    read_result: Read,
    marks: Marks,
    tmp_path: Path,
) -> None:
    command, pids = own_cluster(scored, cluster_env, start, eventually, marks, tmp_path)
    assert folders_of(pids)
    marks.go()
    _, stderr = command.communicate(timeout=600)
    assert command.returncode == 0, stderr
    result = read_result(tmp_path / "run")
    assert (result["accuracy"], rows_of(tmp_path / "run")) == local
    assert result["cluster"]["address"] is None
    assert not folders_of(pids)


def own_cluster(
    scored: list[str],
    cluster_env: Mapping[str, str],
    start: Cli,
    eventually: Cli,
    marks: Marks,
    tmp_path: Path,
) -> tuple[Any, set[int]]:
    """A run in its middle that has started its own: the command, and the processes below it."""
    env = {"PYTHONPATH": cluster_env["PYTHONPATH"], **PATIENT}
    words = [*scored, "--dispatch", "ray", *PATIENT_RUN, *marks.backend, "--out", tmp_path / "run"]
    command = start(*words, env=env)
    eventually(lambda: marks.waiting() or command.poll() is not None, "it is at work")
    assert command.poll() is None, command.communicate()
    pids = below(command.pid)
    assert set(marks.waiting()) & pids
    return command, pids


def folders_of(pids: set[int]) -> list[Path]:
    """Those of clusters that one of them has started; others on this machine may have theirs."""
    return [path for pid in pids for path in Path("/tmp").glob(f"ray-{pid}-*")]
