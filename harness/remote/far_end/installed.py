"""The harness and what it needs, installed from wheels that were sent: no network, no compiler, no pip of the device's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from harness.remote.far_end.store import FileStore
from harness.remote.far_end.wire import Refused

_PIP = "pip-0-py3-none-any.whl"
_RUN_PIP = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('pip', run_name='__main__')"
_LAST = 2000


def is_ready(store: FileStore, kind: str, key: str) -> bool:
    """Whether it was installed to its end: `deps` or `envs`."""
    return (store.folder / kind / key / "ready").exists()


def install_deps(store: FileStore, key: str, wheels: list[tuple[str, str, str]], pip: str) -> None:
    """Installs what the harness needs.

    Args:
        store: With the wheels.
        key: Under which.
        wheels: Of each its file's name, its distribution with the version, as `numpy==2.4.6`, and its SHA-256.
        pip: The SHA-256 of pip's own wheel.

    Raises:
        Refused: pip refuses.
    """
    place = store.folder / "deps" / key
    shutil.rmtree(place, ignore_errors=True)
    (place / "wheels").mkdir(parents=True)
    for name, _, sha256 in wheels:
        store.link(sha256, place / "wheels" / name)
    store.link(pip, place / _PIP)
    lines = [f"{wanted} --hash=sha256:{sha256}\n" for _, wanted, sha256 in wheels]
    (place / "requirements.txt").write_text("".join(lines))
    _pip(place)
    shutil.rmtree(place / "wheels")
    _is_ready_now(place)
    store.forget([pip, *(sha256 for _, _, sha256 in wheels)])


def _pip(place: Path) -> None:
    words = ["install", "--quiet", "--no-index", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    words += ["--disable-pip-version-check", "--no-cache-dir", "--no-input", "--no-warn-script-location"]
    words += ["--find-links", "wheels", "--target", "site", "-r", "requirements.txt"]
    done = subprocess.run(
        [sys.executable, "-I", "-c", _RUN_PIP, str(place / _PIP), *words],
        cwd=place,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PIP_CONFIG_FILE": os.devnull, "TMPDIR": str(place)},
        check=False,
    )
    if done.returncode:
        text = done.stdout.decode(errors="replace").strip()
        raise Refused("full" if "No space left" in text else "pip", text[-_LAST:])


def install(store: FileStore, key: str, deps: str, wheel: str) -> None:
    """Unpacks the harness's own wheel into a venv that sees what it needs.

    Args:
        store: With the wheel.
        key: Under which.
        deps: The key of what it needs.
        wheel: Its SHA-256.
    """
    place = store.folder / "envs" / key
    shutil.rmtree(place, ignore_errors=True)
    try:
        import venv

        # As with --without-pip: Debian has taken pip's half out of its venv.
        venv.EnvBuilder(symlinks=True).create(place)
    except ImportError:
        raise Refused("system", "its Python has no module venv: install it (Debian and Ubuntu: python3-venv)") from None
    site = next(place.glob("lib/python3*/site-packages"))
    with zipfile.ZipFile(store.blob(wheel)) as packed:
        packed.extractall(site)
    (site / "needs.pth").write_text(f"{store.folder / 'deps' / deps / 'site'}\n")
    _is_ready_now(place)
    store.forget([wheel])


def forget_others(store: FileStore, env: str, deps: str) -> None:
    """Earlier versions go."""
    for kind, kept in (("envs", env), ("deps", deps)):
        for other in (store.folder / kind).iterdir():
            if other.name != kept:
                shutil.rmtree(other, ignore_errors=True)


def _is_ready_now(place: Path) -> None:
    """Marks it. All of it is on the disk before: power that goes must not leave the mark without the files."""
    os.sync()
    (place / "ready").touch()
