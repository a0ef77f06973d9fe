"""Server and Offline answered by processes, on the real LoadGen: the same answers, and the same end when something breaks."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from accuracy.answers.log import read_rows
from harness.errors import Reported, RunFailed
from harness.machine.control import Control, control_file
from harness.machine.json_line import encode
from harness.messages.failure import Failed
from harness.messages.peer import Ready
from harness.serving.dispatch import guard as guard_module
from harness.serving.dispatch.frames import Inbox, Kind, pack_text
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.peers import Peer, Peers
from harness.serving.dispatch.processes import ProcessPool
from harness.serving.dispatch.queue_times import QueueTimes
from tests.living import lives

Cli = Callable[..., subprocess.CompletedProcess[str]]
PlugIn = Callable[[str, str], dict[str, str]]
Read = Callable[[Path], dict[str, Any]]
Wait = Callable[..., None]
Start = Callable[..., subprocess.Popen[str]]

PROCESSES = ["--set", "backend.workers=processes", "--instances", "2"]

ODD = """
import random
from backends.litert.interpreter import InterpreterBackend
from tasks.codecs.keyword_spotting import KeywordSpottingCodec

def postprocess(self, outputs):
    draw = random.Random(outputs[0].tobytes())
    return draw.randbytes(draw.choice([0, 1, 3, 4, 4096, draw.randrange(70_000), draw.randrange(700_000)]))

KeywordSpottingCodec.postprocess = postprocess
KeywordSpottingCodec.answerer = lambda self: self.postprocess

class Backend(InterpreterBackend):
    def __init__(self, model, *, threads, input_shapes=None):
        super().__init__(model, name="odd", threads=threads, input_shapes=input_shapes)
"""
"""Answers of any size, which depend on nothing but the sample."""


def rows_of(folder: Path) -> dict[int, bytes]:
    found = list(read_rows(folder / "mlperf_log_accuracy.json"))
    rows = {row.index: row.data for row in found}
    assert len(rows) == len(found)
    return rows


@pytest.mark.parametrize("scenario", ["Offline", "Server"])
def test_processes_log_what_threads_log_also_where_samples_are_loaded_in_chunks(
    scenario: str, call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    rows = {}
    for workers in ("threads", "processes"):
        out = tmp_path / workers
        words = ["--scenario", scenario, "--mode", "accuracy", "--set", "load.performance_sample_count=16"]
        done = call(*keywords, *words, *PROCESSES, "--set", f"backend.workers={workers}", "--out", out)
        assert done.returncode == 0, done.stderr
        result = read_result(out)
        assert result["backend"]["workers"] == workers
        assert result["calibration"]["workers_from"] == "config"
        # Nothing is timed for an accuracy run.
        assert "samples_per_second_by_workers" not in result["calibration"]
        assert result["accuracy"]["top1"]["value"] == 0.8
        rows[workers] = rows_of(out)
    assert set(rows["threads"]) == set(range(40))
    assert rows["processes"] == rows["threads"]


@pytest.mark.parametrize("scenario", ["Offline", "Server"])
def test_answers_of_any_size_come_back_from_processes_intact(
    scenario: str, cli: Cli, keywords: list[str], plug_in: PlugIn, tmp_path: Path
) -> None:
    env, rows = plug_in("odd", ODD), {}
    for workers in ("threads", "processes"):
        out = tmp_path / workers
        words = ["--scenario", scenario, "--mode", "accuracy", "--backend", "odd", "--out", out]
        done = cli(*keywords, *words, *PROCESSES, "--set", f"backend.workers={workers}", env=env)
        # The task cannot read such answers; LoadGen has written them all the same.
        assert re.search(r"sample \d+ \(sample_\d+\.bin\): an answer", done.stderr), done.stderr
        rows[workers] = rows_of(out)
    assert len({len(data) for data in rows["threads"].values()}) > 5
    assert rows["processes"] == rows["threads"]


def test_the_models_of_the_zoo_answer_the_same_in_processes(
    call: Cli, zoo: Path, tmp_path: Path, read_result: Read
) -> None:
    model, data = zoo / "models/mlperf_tiny/kws_ref_model_int8.tflite", zoo / "datasets/kws01"
    rows = {}
    for workers in ("threads", "processes"):
        words = ["--task", "kws", "--model", model, "--dataset", data, "--scenario", "Offline", "--mode", "accuracy"]
        out = tmp_path / workers
        done = call(*words, "--instances", "2", "--set", f"backend.workers={workers}", "--out", out)
        assert done.returncode == 0, done.stderr
        rows[workers] = rows_of(out)
    assert rows["processes"] == rows["threads"]
    assert len(rows["threads"]) == read_result(tmp_path / "processes")["dataset"]["count"]


def test_a_performance_run_in_processes_is_valid_warms_them_up_and_counts_their_memory(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    out = tmp_path / "run"
    warm = ["--set", "load.warm_up_s=0.3"]
    done = call(*keywords, "--scenario", "Offline", *PROCESSES, *warm, "--out", out)
    assert done.returncode == 0, done.stderr
    result = read_result(out)
    assert len(result["calibration"]["warm_up"]["windows_ns"]) >= 2
    assert (result["status"], result["backend"]["workers"], result["backend"]["instances"]) == ("valid", "processes", 2)
    # Three interpreters of Python with numpy and the runtime.
    assert result["memory"]["peak_rss_bytes"] > 90_000_000
    assert result["performance"]["samples_per_second"] > 0


def test_auto_measures_both_for_a_quick_model_on_the_cpu_and_leaves_plug_ins_to_threads(
    cli: Cli, keywords: list[str], plug_in: PlugIn, tmp_path: Path, read_result: Read
) -> None:
    words = [*keywords, "--scenario", "Offline", "--instances", "2"]
    done = cli(*words, "--backend", "null", "--out", tmp_path / "null")
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "null")
    rates = result["calibration"]["samples_per_second_by_workers"]
    assert result["calibration"]["workers_from"] == "measured"
    quicker = "processes" if rates["processes"] > 1.02 * rates["threads"] else "threads"
    assert result["backend"]["workers"] == quicker
    assert result["calibration"]["samples_per_second"] == rates[quicker]
    done = cli(*words, "--backend", "trouble", "--out", tmp_path / "plug-in", env=plug_in("trouble", TROUBLE))
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "plug-in")
    assert (result["backend"]["workers"], result["calibration"]["workers_from"]) == ("threads", "backend trouble")


TROUBLE = """
import ctypes, json, os, sys, time
from pathlib import Path
from backends.litert.interpreter import InterpreterBackend
from tasks.base import DataMissing

class Backend(InterpreterBackend):
    def __init__(self, model, *, threads, how="", where="issue", input_shapes=None):
        super().__init__(model, name="trouble", threads=threads, input_shapes=input_shapes)
        self.how, self.peer, self.count = how, "harness.serving.dispatch.peer" in " ".join(sys.orig_argv), 0
        if self.peer and where == "open":
            self.trouble()
        if self.peer:
            with open("peers", "a") as file:
                file.write(f"{os.getpid()}\\n")

    def trouble(self):
        match self.how:
            case "raise": raise RuntimeError("the driver lost its device")
            case "data": raise DataMissing("sample 7 went away")
            case "exit": sys.exit(0)
            case "vanish": os._exit(0)
            case "segv": ctypes.string_at(0)
            case "abort": os.abort()
            case "hang":
                Path(f"hanging-{os.getpid()}").write_text("")
                time.sleep(3600)
            case "slow": time.sleep(0.002)

    def invoke(self, inputs):
        # LoadGen drives as soon as there is its log.
        if self.peer and os.path.exists("mlperf_log_detail.txt"):
            self.count += 1
            # The first is the look at an answer when the samples come.
            if self.count == 2:
                Path(f"running-{os.getpid()}").write_text("")
            if self.count > 2:
                self.trouble()
        return super().invoke(inputs)
"""


@pytest.fixture
def trouble(plug_in: PlugIn) -> dict[str, str]:
    return plug_in("trouble", TROUBLE)


def peers_of(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "peers").read_text(encoding="ascii").split()]


@pytest.mark.parametrize(
    ("how", "where", "scenario", "status", "says"),
    [
        ("raise", "issue", "Offline", 3, "RuntimeError: the driver lost its device (the traceback is in"),
        ("raise", "issue", "Server", 3, "RuntimeError: the driver lost its device (the traceback is in"),
        ("data", "issue", "Server", 2, "sample 7 went away"),
        ("exit", "issue", "Offline", 3, "SystemExit: 0"),
        ("vanish", "issue", "Server", 3, "of the pool ended with exit status 0"),
        ("segv", "issue", "Offline", 3, "of the pool was killed by SIGSEGV"),
        ("segv", "issue", "Server", 3, "of the pool was killed by SIGSEGV"),
        ("abort", "open", "Offline", 3, "of the pool was killed by SIGABRT"),
        ("data", "open", "Offline", 2, "sample 7 went away"),
    ],
)
def test_trouble_in_a_process_of_the_pool_ends_the_run_as_failed(
    how: str,
    where: str,
    scenario: str,
    status: int,
    says: str,
    cli: Cli,
    keywords: list[str],
    trouble: dict[str, str],
    complaint: Callable[[Any], str],
    tmp_path: Path,
    read_result: Read,
    eventually: Wait,
) -> None:
    out = tmp_path / "run"
    words = ["--backend", "trouble", "--set", f"backend.options={{how: {how}, where: {where}}}", "--out", out]
    done = cli(*keywords, "--scenario", scenario, *PROCESSES, *words, env=trouble)
    assert done.returncode == status, done.stderr
    assert says in complaint(done)
    result = read_result(out)
    assert result["status"] == "failed"
    assert result["performance"] is None
    assert (out / "spec.yaml").is_file()
    if where == "issue":
        assert (out / "mlperf_log_detail.txt").is_file()
        # They see that the worker is gone, and go too.
        eventually(lambda: not any(map(lives, peers_of(out))), "no process is left")


def test_a_process_of_the_pool_that_hangs_is_ended_with_the_run(
    hung: Cli, keywords: list[str], trouble: dict[str, str], tmp_path: Path, read_result: Read, eventually: Wait
) -> None:
    out = tmp_path / "run"
    words = ["--backend", "trouble", "--set", "backend.options={how: hang}", "--set", "backend.timeout_s=3"]
    done = hung(out, 2, *keywords, "--scenario", "Offline", *PROCESSES, *words, env=trouble)
    assert done.returncode == 3, done.stderr
    assert "the worker made no progress for 3 s while running" in done.stderr
    assert read_result(out)["status"] == "failed"
    eventually(lambda: not any(map(lives, peers_of(out))), "the processes are gone with their worker")


LONG = ["load.min_duration_ms=60000", "load.min_query_count=100000", "load.target_qps=400"]


@pytest.mark.parametrize(
    ("whom", "number", "status", "left"),
    [
        ("command", signal.SIGINT, 130, "failed"),
        ("command", signal.SIGTERM, 143, "failed"),
        ("command", signal.SIGKILL, -9, "started"),
        ("worker", signal.SIGKILL, 3, "failed"),
        ("peer", signal.SIGKILL, 3, "failed"),
    ],
)
def test_whoever_is_stopped_or_killed_no_process_stays_behind(
    whom: str,
    number: signal.Signals,
    status: int,
    left: str,
    start: Start,
    eventually: Wait,
    keywords: list[str],
    trouble: dict[str, str],
    tmp_path: Path,
    read_result: Read,
) -> None:
    out = tmp_path / "run"
    words = [*keywords, "--scenario", "Server", *PROCESSES, *(word for text in LONG for word in ("--set", text))]
    words += ["--backend", "trouble", "--set", "backend.options={how: slow}", "--out", str(out)]
    command = start(*words, env=trouble)
    eventually(lambda: len(list(out.glob("running-*"))) == 2 or command.poll() is not None, "both are at work")
    assert command.poll() is None, command.communicate()
    peers = peers_of(out)
    worker = int(Path(f"/proc/{peers[0]}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])
    os.kill({"command": command.pid, "worker": worker, "peer": peers[0]}[whom], number)
    _, stderr = command.communicate(timeout=600)
    assert command.returncode == status, stderr
    assert "Traceback" not in stderr
    if whom == "peer":
        assert "of the pool was killed by SIGKILL" in stderr
    eventually(lambda: not any(map(lives, [worker, *peers])), "all are gone")
    assert read_result(out)["status"] == left


class Silent(Peer):
    """Takes work and never answers, unless told to."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.socket, self.other = socket.socketpair()
        self.inbox, self.acknowledged = Inbox(), threading.Event()
        self.asked, self.sent, self.answered, self.began = deque(), 0, 0, False


class Counting:
    """Stands for LoadGen's completion."""

    def __init__(self) -> None:
        self.completed: Counter[int] = Counter()
        self.abandoned: Counter[int] = Counter()

    def packed(self, query_ids: Sequence[int], address: int, size: int, sizes: Sequence[int]) -> None:
        self.completed.update(query_ids)

    def abandon(self, query_ids: Sequence[int]) -> None:
        self.abandoned.update(query_ids)


def waits(peers: Sequence[Silent], tick: Callable[[], None]) -> None:
    all_of_them = Peers.__new__(Peers)
    all_of_them._all = list(peers)
    try:
        all_of_them._wait(tick)
    finally:
        for peer in peers:
            peer.socket.close()
            peer.other.close()


def test_each_step_of_opening_tells_that_a_pool_gets_on_and_so_does_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.serving.dispatch.peers._LOOK_S", 0.01)
    peers, ready = [Silent(0), Silent(1)], pack_text(Kind.READY, encode(Ready("a device", 7)))
    step, ticks = pack_text(Kind.STEP), 0
    # Nobody has begun; then one has, and the other has not; then both get on, one in two pieces.
    says: list[tuple[tuple[int, bytes], ...]] = [
        (),
        (),
        ((0, step),),
        (),
        ((1, step + step[:5]),),
        ((1, step[5:] + ready), (0, step)),
        ((0, ready),),
    ]
    left = iter(says)

    def tick() -> None:
        nonlocal ticks
        ticks += 1
        for number, data in next(left, ()):
            peers[number].other.sendall(data)

    waits(peers, tick)
    assert next(left, None) is None
    assert [(peer.device, peer.own_bytes) for peer in peers] == [("a device", 7)] * 2


def test_a_pool_that_has_begun_and_says_nothing_more_does_not_count_as_getting_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.serving.dispatch.peers._LOOK_S", 0.001)
    silent = Silent(0)
    ticks: list[bool] = []
    silent.other.sendall(pack_text(Kind.STEP))
    timer = threading.Timer(0.3, lambda: silent.other.sendall(pack_text(Kind.READY, encode(Ready(None, 7)))))
    timer.start()
    waits([silent], lambda: ticks.append(silent.began))
    assert ticks == [False, True]


def test_a_pool_whose_process_fails_while_it_opens_says_why() -> None:
    silent = Silent(0)
    silent.other.sendall(pack_text(Kind.STEP) + pack_text(Kind.FAILED, encode(Failed(2, "no such device", "Any"))))
    with pytest.raises(Reported, match="no such device"):
        waits([silent], lambda: None)


def test_a_server_that_is_asked_for_far_too_much_fails_and_every_query_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard_module, "MOST_WAITING", 100)
    peers, loadgen = [Silent(0), Silent(1)], Counting()
    heard: list[BaseException] = []
    with control_file() as page:
        control = Control(page.fileno())
        guard = Guard(control, heard.append)
        pool = ProcessPool(
            peers,
            guard,
            control,
            chunk=4,
            completer=lambda _: loadgen,
            abandon=loadgen.abandon,
            times=[QueueTimes(150) for _ in peers],
        )
        for number in range(150):
            # Never waits for the processes.
            pool.issue([number], [0])
        assert guard.stopped
        handed_out = sum(peer.sent for peer in peers)
        assert [len(peer.asked) for peer in peers] == [2, 2]
        assert isinstance(heard[0], RunFailed)
        assert "100 queries wait for an answer" in str(heard[0])
        assert len(heard) == 1
        assert loadgen.abandoned == Counter(range(handed_out, 150))
        for peer in peers:
            peer.other.close()
            peer.process = subprocess.Popen(["true"])
        while loadgen.abandoned.total() < 150:
            pass
        pool.close()
        assert loadgen.abandoned == Counter(range(150))
        assert not loadgen.completed
        for peer in peers:
            peer.socket.close()
            peer.process.wait()


def test_offline_s_processes_get_whole_batches_as_long_as_there_are_any() -> None:
    peers, loadgen = [Silent(0), Silent(1)], Counting()
    with control_file() as page:
        control = Control(page.fileno())
        guard = Guard(control, print)
        pool = ProcessPool(
            peers, guard, control, chunk=20, completer=lambda _: loadgen, abandon=loadgen.abandon, batch=5
        )
        pool.issue(list(range(33)), list(range(33)))
    sizes = [len(asked.ids) for peer in peers for asked in peer.asked]
    # Three samples wait until one of them has answered.
    assert sum(sizes) == 30
    assert [size % 5 for size in sizes] == [0, 0, 0, 0]
    heard = Inbox()
    room = heard.room()
    heard.arrived(peers[0].other.recv_into(room, 0, socket.MSG_DONTWAIT))
    frame = heard.next()
    assert frame is not None
    assert list(heard.indices(frame)) == list(peers[0].asked[0].ids)
    for peer in peers:
        peer.other.close()
