"""What makes one planned run the same as another: a hash over everything that can change its figures.

A series that goes on after an interruption may only keep a finished run of the same identity. Where a file lies is no part
of it, what it holds is; so are the versions, the harness's own source, and the machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import accuracy
import backends
import harness
import native
import tasks
from harness.machine import facts
from harness.spec.schema import Spec
from harness.zoo.files.official import hash_file

_SMALL_BYTES = 64 << 20
"""Data up to here are read; larger ones are known by the names, sizes and times of their files."""
_NO_FIGURE = {"title", "labels", "cache_dir", "sample_cache_bytes"}
"""Of a spec: what is shown, and where prepared samples are kept."""
_PACKAGES = (accuracy, backends, harness, native, tasks)


def identity_of(spec: Spec) -> str:
    """A run's identity, 64 hexadecimal digits.

    Args:
        spec: The run, resolved: its rules, seeds, options and the model's sha256 are in it.

    Raises:
        OSError: A file that the run needs cannot be read.
    """
    fields = spec.model_dump(mode="json", exclude=_NO_FIGURE)
    fields["model"].pop("path")
    fields["dataset"] |= {name: _digest(path) for name, path in _data_of(spec)}
    machine = facts.describe()
    decides = {
        "spec": _by_content(fields),
        "versions": dict(machine.versions) | {"tflite-loadgen": metadata.version("tflite-loadgen")},
        "python": machine.python,
        "machine": {name: getattr(machine, name) for name in ("machine", "cpu", "usable_cpus")},
        "source": _source_digest(),
        "native": native.timed_path is not None,
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _data_of(spec: Spec) -> Iterator[tuple[str, Path]]:
    yield "path", spec.dataset.path
    if spec.dataset.truth is not None:
        yield "truth", spec.dataset.truth


def _by_content(value: Any) -> Any:
    """The same with the files that options name (a vocabulary, a delegate's library) by what they hold."""
    if isinstance(value, dict):
        return {name: _by_content(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_by_content(each) for each in value]
    if isinstance(value, str) and value.startswith("/") and Path(value).exists():
        return _digest(Path(value))
    return value


def _digest(path: Path) -> str:
    """Of a file, or of all files of a folder; a name that is no path stands for itself."""
    if not path.exists():
        return str(path)
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    states = [file.stat() for file in files]
    read = sum(state.st_size for state in states) <= _SMALL_BYTES
    found = hashlib.sha256()
    for file, state in zip(files, states, strict=True):
        known = hash_file(file).sha256 if read else f"{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}"
        found.update(f"{file.relative_to(path)}\0{known}\n".encode(errors="surrogateescape"))
    return found.hexdigest()


def _source_digest() -> str:
    found = hashlib.sha256()
    for package in _PACKAGES:
        folder = Path(str(package.__file__)).parent
        for file in sorted(folder.rglob("*.py")):
            found.update(f"{package.__name__}/{file.relative_to(folder)}\0".encode())
            found.update(file.read_bytes())
    return found.hexdigest()
