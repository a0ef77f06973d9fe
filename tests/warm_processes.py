"""Commands and workers that begin warm: forked off a process that has imported what they need, instead of started anew.

Most of what a short command costs are its imports, and those of its worker. A forked one is a process as any other, with a main
thread, memory, files, signals and an exit of its own; it only has its modules already. What depends on the start itself (which
modules are imported, a library's search path) is started for real: see `Nursery.start`.

As a script, `python -P tests/warm_processes.py SOCKET_FD`, this is the process that all are forked off.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import importlib
import itertools
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from harness.machine import child_process
from native import SWITCH

MODULES = (
    "harness.cli",
    "harness.commands.run",
    "harness.report.run",
    "harness.worker.main",
    "tasks.classification",
    "tasks.keyword_spotting",
    "backends.cpu",
    "ai_edge_litert.interpreter",
    "mlperf_loadgen",
    "rich.table",
)
"""What a short run imports, command and worker."""
_SEEN_LATER = ("PYTHON", "PYTEST", "TFLITE_", "XDG_", "COLUMNS", "LINES")
"""How environment variables begin that are looked at after the start, `SWITCH` apart: a forked process may have others."""
ANEW = "TFLITE_LOADGEN_TESTS_START"
"""An environment variable: with `anew` nothing is forked."""
_HIGH = 500
"""Descriptors from here on are in nobody's way."""
_LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]
_PR_SET_CHILD_SUBREAPER = 36
_LONGEST = 1 << 18
_started_anew = child_process.start


@dataclass(frozen=True)
class _Wish:
    """What a process is to be."""

    module: str
    words: tuple[str, ...]
    folder: str
    environment: Mapping[str, str]
    descriptors: tuple[int, ...]
    """What those it is given are called there: standard output and error first."""
    own_session: bool
    cores: tuple[int, ...]
    limits: tuple[tuple[int, int], ...]
    umask: int


class Process(subprocess.Popen[Any]):
    """A child that `fork` made."""

    def __init__(self, pid: int, words: Sequence[str]) -> None:
        self.args, self.pid, self.returncode = words, pid, None
        self.stdin = self.stdout = self.stderr = self._input = None
        self.text_mode, self._communication_started = False, False
        self._child_created, self._waitpid_lock = True, threading.Lock()


class Nursery:
    """Starts processes by letting them be forked; `close` ends it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Starts nothing yet.

        Args:
            environment: Who wishes another one (see `_SEEN_LATER`) is started anew.
        """
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def command(
        self,
        words: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        out: IO[bytes],
        err: IO[bytes],
        *,
        own_session: bool = False,
    ) -> subprocess.Popen[Any]:
        """Starts `python -P -m harness WORD...`."""
        started = [sys.executable, "-P", "-m", "harness", *words]
        if not self._knows(environment):
            return subprocess.Popen(
                started,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=own_session,
            )
        wish = _wish("harness.cli", words, folder, environment, (1, 2), own_session=own_session)
        return self._forked(wish, (out.fileno(), err.fileno()))

    def start(
        self,
        module: str,
        descriptors: Sequence[int],
        *words: str,
        folder: Path | None = None,
        log: IO[bytes] | None = None,
        own_session: bool = False,
    ) -> child_process.Child:
        """As `child_process.start`, in its place."""
        if not self._knows(os.environ):
            return _started_anew(module, descriptors, *words, folder=folder, log=log, own_session=own_session)
        all_words = (*map(str, descriptors), str(os.getpid()), *words)
        where = folder or Path.cwd()
        wish = _wish(module, all_words, where, os.environ, (1, 2, *descriptors), own_session=own_session)
        out, err = (log.fileno(), log.fileno()) if log else (1, 2)
        return self._forked(wish, (out, err, *descriptors))

    def close(self) -> None:
        """Lets it go; what was forked off lives on."""
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.wait()

    def begin_here(self) -> None:
        """Forks the process that all are forked off, so that they are as this one is now, without its files."""
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork():
            theirs.close()
            return
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nothing, descriptor)
        _close_all_but([theirs.fileno()])
        serve(theirs)
        os._exit(0)

    def _knows(self, environment: Mapping[str, str]) -> bool:
        """Whether a process with this environment differs in nothing that was looked at when it started."""
        places = environment.get("PYTHONPATH", "").split(os.pathsep)
        customized = any(
            (Path(place) / f"{name}customize.py").exists() for place in places for name in ("site", "user")
        )
        if sys.platform != "linux" or os.environ.get(ANEW) == "anew" or customized:
            return False
        theirs, ours = (
            {name: value for name, value in each.items() if name == SWITCH or not name.startswith(_SEEN_LATER)}
            for each in (environment, self._environment)
        )
        return theirs == ours

    def _forked(self, wish: _Wish, descriptors: Sequence[int]) -> Process:
        channel = self.begin()
        prctl = ctypes.CDLL(None).prctl
        # The process becomes this one's child when the one between has gone.
        prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        try:
            message = json.dumps([os.getpid(), asdict(wish)]).encode()
            socket.send_fds(channel, [message], descriptors)
            pid = int(channel.recv(100))
        finally:
            prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        return Process(pid, [wish.module, *wish.words])

    def begin(self) -> socket.socket:
        """Starts the process that all are forked off, once; before a run, which ends whatever began during it.

        Returns:
            Where it is spoken to.
        """
        if self._socket is not None:
            return self._socket
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno()), str(os.getpid())],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        return self._socket


def _wish(
    module: str,
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    descriptors: Sequence[int],
    *,
    own_session: bool,
) -> _Wish:
    os.umask(mask := os.umask(0o22))
    return _Wish(
        module=module,
        words=tuple(words),
        folder=str(folder.absolute()),
        environment=dict(environment),
        descriptors=tuple(descriptors),
        own_session=own_session,
        cores=tuple(os.sched_getaffinity(0)),
        limits=tuple(map(resource.getrlimit, _LIMITS)),
        umask=mask,
    )


def serve(channel: socket.socket) -> None:
    """Forks what is wished, until nobody wishes more."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, _LONGEST, 64)
        if not message:
            return
        parent, wish = json.loads(message)
        told, tell = os.pipe()
        between = os.fork()
        if not between:
            if pid := os.fork():
                os.write(tell, str(pid).encode())
                os._exit(0)
            channel.close()
            _be(_Wish(**wish), descriptors, parent)
        os.waitpid(between, 0)
        # Only now: by now the process is the child of who wished it.
        channel.send(os.read(told, 100))
        for descriptor in (told, tell, *descriptors):
            os.close(descriptor)


def _be(wish: _Wish, given: Sequence[int], parent: int) -> NoReturn:
    """Makes of this process, which has just been forked, what is wished, to its end."""
    status = 1
    try:
        _prepare(wish, given)
        while os.getppid() not in (parent, 1):
            time.sleep(0.0005)
        module = importlib.import_module(wish.module)
        if wish.module == "harness.cli":
            # Its worker needs no nursery: this process can fork by itself.
            child_process.start = _fork_here
            status = module.main(sys.argv[1:])
        else:
            # Its peers are forked off what it is now: nothing is opened, no thread is there.
            nursery = Nursery(os.environ)
            nursery.begin_here()
            child_process.start = nursery.start
            status = module.main()
    except SystemExit as stop:
        if isinstance(stop.code, str):
            sys.stderr.write(f"{stop.code}\n")
        status = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except BaseException:
        traceback.print_exc()
    # As at the end of a script: threads are waited for, what is registered is called, C's exit handlers as well.
    ctypes.pythonapi.Py_Exit(status or 0)
    os._exit(status or 0)


def _prepare(wish: _Wish, given: Sequence[int]) -> None:
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if wish.own_session:
        os.setsid()
    aside = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _HIGH) for descriptor in given]
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, wanted in zip(aside, wish.descriptors, strict=True):
        os.dup2(descriptor, wanted)
    _close_all_but(wish.descriptors)
    os.environ.clear()
    os.environ.update(wish.environment)
    site = [place for place in wish.environment.get("PYTHONPATH", "").split(os.pathsep) if place]
    sys.path[:] = [*site, *(place for place in sys.path if place not in site)]
    importlib.invalidate_caches()
    os.chdir(wish.folder)
    os.umask(wish.umask)
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, wish.cores)
    for kind, (soft, hard) in zip(_LIMITS, wish.limits, strict=True):
        if resource.getrlimit(kind) != (soft, hard):
            resource.setrlimit(kind, (soft, hard))
    sys.argv = [wish.module, *wish.words]
    sys.orig_argv = [sys.executable, "-P", "-m", wish.module, *wish.words]


def _close_all_but(descriptors: Sequence[int]) -> None:
    """And the first three."""
    for low, high in itertools.pairwise([2, *sorted(each for each in descriptors if each > 2), 1 << 16]):
        os.closerange(low + 1, high)


def _fork_here(
    module: str,
    descriptors: Sequence[int],
    *words: str,
    folder: Path | None = None,
    log: IO[bytes] | None = None,
    own_session: bool = False,
) -> child_process.Child:
    """As `child_process.start`, in the place of it in a command that was forked."""
    parent = os.getpid()
    all_words = (*map(str, descriptors), str(parent), *words)
    numbers = (1, 2, *descriptors)
    wish = _wish(module, all_words, folder or Path.cwd(), os.environ, numbers, own_session=own_session)
    out, err = (log.fileno(), log.fileno()) if log else (1, 2)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        # What this process takes away at its end is not the child's.
        weakref.finalize._registry.clear()  # type: ignore[attr-defined]
        _be(wish, (out, err, *descriptors), parent)
    return Process(pid, [module, *all_words])


if __name__ == "__main__":
    child_process.live_and_die_with(int(sys.argv[2]))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for each in MODULES:
        importlib.import_module(each)
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
