"""An Android device of the tests: it speaks adb's protocol on loopback to a real adb server, and its shell is this machine's.

It answers without a login, takes files by the sync service, and has Android's folder, properties and services as far as they
are asked for.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import struct
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.reserved_port import reserved_port

ADB_UNPACKED = "TFLITE_LOADGEN_ADB"
"""An environment variable: the folder into which .ci/run has unpacked Debian's adb."""
SILENT: Any = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
ANDROID = "/data/local/tmp"
BANNER = b"device::ro.product.name=tests;ro.product.model=Tests;ro.product.device=tests;features=shell_v2,cmd"
GETPROP = """\
#!/bin/sh
echo "[ro.product.manufacturer]: [Makers]"
echo "[ro.product.model]: [Model X's 5]"
echo "[ro.soc.manufacturer]: [QTI]"
echo "[ro.soc.model]: [SM8550]"
echo "[ro.product.cpu.abi]: [arm64-v8a]"
echo "[ro.build.version.release]: [14]"
echo "[ro.build.version.sdk]: [34]"
"""
DUMPSYS = """\
#!/bin/sh
case "$1" in
thermalservice) printf 'IsStatusOverride: false\\nThermal Status: 2\\nCached temperatures:\\n' ;;
battery) printf '  AC powered: false\\n  USB powered: true\\n  level: 81\\n  temperature: 312\\n' ;;
esac
"""
TOOL = """\
#!/bin/sh
# Prints what TFLite's benchmark_model prints; what it was asked stands in the log beside it.
printf '%s\\n' "$@" > "$(dirname "$0")/asked"
for word in "$@"; do
  case "$word" in
  --graph=*) [ -s "${word#--graph=}" ] || { echo "ERROR: Failed to load model" >&2; exit 1; } ;;
  --use_nnapi=true)
    echo "INFO: Though NNAPI delegate is explicitly applied, the model graph will not be executed by the delegate." ;;
  --use_gpu=true)
    echo -n "INFO: Explicitly applied GPU delegate, and the model graph will be partially executed by the delegate"
    echo " w/ 2 delegate kernels." ;;
  esac
done
cat <<'END'
INFO: STARTING!
INFO: The input model file size (MB): 13.9193
INFO: Initialized session in 6.395ms.
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=153 first=2761 curr=2885 min=2605 max=18080 avg=3243.58 std=2165 p5=2630 median=2761 p95=5331

INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
INFO: count=337 first=2881 curr=2703 min=2605 max=20356 avg=2942.27 std=1190 p5=2647 median=2781 p95=3169

INFO: Inference timings in us: Init: 6395, First inference: 2761, Warmup (avg): 3243.58, Inference (avg): 2942.27
INFO: Memory footprint delta from the start of the tool (MB): init=39.4531 overall=40.8281
END
case "$*" in *--enable_op_profiling=true*)
  echo "Operator-wise Profiling Info for Regular Benchmark Runs:"
  printf '\t[node type]\t[first]\t[avg ms]\t[%%]\t[cdf%%]\t[mem KB]\t[times called]\t[Name]\n'
  printf '\tCONV_2D\t4.2\t3.0\t75%%\t75%%\t0.0\t1\t[conv]:0\n\tSOFTMAX\t1.0\t1.0\t25%%\t100%%\t0.0\t1\t[out]:1\n\n' ;;
esac
"""


def _word(name: bytes) -> int:
    return int.from_bytes(name, "little")


CNXN, OPEN, OKAY, WRTE, CLSE, AUTH = map(_word, (b"CNXN", b"OPEN", b"OKAY", b"WRTE", b"CLSE", b"AUTH"))
PUBLIC_KEY = 3
"""In AUTH: the last that a computer sends which a device does not know. It waits for its user then, and says nothing."""


@dataclass
class Device:
    """What the adb server connects to."""

    root: Path
    """Stands for Android's /data/local/tmp."""
    programs: Path
    knows_us: bool = True
    pushed: list[str] = field(default_factory=list)
    """Files that came by the sync service."""
    _file: Any = None

    def __post_init__(self) -> None:
        """Listens."""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.serial = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(_Wire(connection),), daemon=True).start()

    def _serve(self, wire: _Wire) -> None:
        syncs: dict[int, bytes] = {}
        try:
            while True:
                command, theirs, ours, data = wire.take()
                if (self.root / "cut").exists():
                    self.listener.close()
                    break
                if command in (CNXN, AUTH):
                    if self.knows_us:
                        wire.send(CNXN, 0x01000001, 1 << 18, BANNER)
                    elif (command, theirs) != (AUTH, PUBLIC_KEY):
                        wire.send(AUTH, 1, 0, bytes(20))
                elif command == OPEN and data.startswith(b"sync:"):
                    wire.send(OKAY, theirs, theirs)
                    syncs[theirs] = b""
                elif command == OPEN and data.startswith(b"shell"):
                    wire.send(OKAY, theirs, theirs)
                    wire.send(WRTE, theirs, theirs, self._shell(data.rstrip(b"\0").partition(b":")[2].decode()))
                    wire.send(CLSE, theirs, theirs)
                elif command == OPEN:
                    wire.send(CLSE, 0, theirs)
                elif command == WRTE and ours in syncs:
                    wire.send(OKAY, ours, theirs)
                    syncs[ours], answer = self._sync(syncs[ours] + data)
                    if answer:
                        wire.send(WRTE, ours, theirs, answer)
                    if syncs[ours].startswith(b"QUIT"):
                        del syncs[ours]
                        wire.send(CLSE, ours, theirs)
                elif command == CLSE and syncs.pop(ours, None) is not None:
                    wire.send(CLSE, ours, theirs)
        except (EOFError, OSError):
            pass
        finally:
            wire.close()

    def _here(self, path: str) -> str:
        return path.replace(ANDROID, str(self.root))

    def _shell(self, command: str) -> bytes:
        done = subprocess.run(
            ["sh", "-c", self._here(command)],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"PATH": f"{self.programs}:{os.environ['PATH']}"},
            check=False,
        )
        parts = ((1, done.stdout), (2, done.stderr), (3, bytes([done.returncode & 255])))
        return b"".join(bytes([kind]) + struct.pack("<I", len(part)) + part for kind, part in parts if part)

    def _sync(self, came: bytes) -> tuple[bytes, bytes]:
        """What is left of what came, and what is answered to whole requests in it."""
        answer = b""
        while len(came) >= 8:
            name, size = came[:4], _word(came[4:8])
            if name == b"DONE":
                self._file.close()
                came, answer = came[8:], answer + b"OKAY" + struct.pack("<I", 0)
                continue
            if name == b"QUIT" or len(came) < 8 + size:
                break
            body, came = came[8 : 8 + size], came[8 + size :]
            if name == b"STAT":
                path = Path(self._here(body.decode()))
                found = path.stat() if path.exists() else None
                words = (found.st_mode, found.st_size, int(found.st_mtime)) if found else (0, 0, 0)
                answer += b"STAT" + struct.pack("<3I", *words)
            elif name == b"SEND":
                path = Path(self._here(body.decode().rpartition(",")[0]))
                self.pushed.append(path.name)
                self._file = path.open("wb")
            elif name == b"DATA":
                self._file.write(body)
        return came, answer


class _Wire:
    """adb's packets."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.close = connection.close

    def send(self, command: int, first: int, second: int, data: bytes = b"") -> None:
        """One packet."""
        head = struct.pack("<6I", command, first, second, len(data), sum(data) & 0xFFFFFFFF, command ^ 0xFFFFFFFF)
        self._connection.sendall(head + data)

    def take(self) -> tuple[int, int, int, bytes]:
        """The next: its command, its two words, its data."""
        command, first, second, size, _, _ = struct.unpack("<6I", self._read(24))
        return command, first, second, self._read(size)

    def _read(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            part = self._connection.recv(count - len(found))
            if not part:
                raise EOFError
            found += part
        return found


def program(path: Path, text: str) -> Path:
    """A script that can be run."""
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture(scope="session")
def adb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which `adb` is Debian's or the user's own, with a server of the tests."""
    folder = tmp_path_factory.mktemp("adb")
    unpacked = os.environ.get(ADB_UNPACKED)
    found = f"{unpacked}/usr/lib/android-sdk/platform-tools/adb" if unpacked else shutil.which("adb")
    if found is None:
        pytest.skip("no adb here: apt install adb, or .ci/run, which unpacks it")
    libraries = f"{unpacked}/usr/lib/x86_64-linux-gnu"
    path = f'export LD_LIBRARY_PATH="{libraries}:{libraries}/android"\n' if unpacked else ""
    program(folder / "adb", f'#!/bin/sh\n{path}exec "{found}" "$@"\n')
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "HOME": str(folder),
        "ANDROID_ADB_SERVER_PORT": str(reserved_port()),
    }
    # The server keeps what of ours is open: so nothing is.
    subprocess.run(["adb", "start-server"], env=os.environ | environment, check=True, **SILENT)
    yield environment
    subprocess.run(["adb", "kill-server"], env=os.environ | environment, check=False, **SILENT)


@pytest.fixture
def device(tmp_path: Path, adb_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    """One that the server is connected to."""
    for name, value in adb_server.items():
        monkeypatch.setenv(name, value)
    programs = tmp_path / "bin"
    programs.mkdir()
    program(programs / "getprop", GETPROP)
    program(programs / "dumpsys", DUMPSYS)
    (tmp_path / "data").mkdir()
    made = Device(tmp_path / "data", programs)
    subprocess.run(["adb", "connect", made.serial], check=True, capture_output=True)
    yield made
    subprocess.run(["adb", "disconnect", made.serial], check=False, capture_output=True)
    made.listener.close()


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """A benchmark_model that prints what the real one prints, in a place with a quote and a space."""
    folder = tmp_path / "the user's own; $(tools)"
    folder.mkdir()
    return program(folder / "benchmark model", TOOL)
