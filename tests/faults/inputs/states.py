"""What the program itself has kept, damaged: whoever finds it takes it for absent, or names it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from accuracy.metric.tally import packed, unpacked
from harness.fleet.outcome import read_outcome
from harness.history.index import INDEX_FILE, Index
from harness.remote.far_end import jobs
from harness.remote.waiting_directory import waits_for
from harness.serving.kept_samples import Complete, open_entry
from harness.zoo.files import download, official
from harness.zoo.files.contents import damage
from tests.faults.inputs.mutations import Mutation, header_bytes, json_tree, raw_bytes
from tests.faults.inputs.readers import Reader

_TREES: tuple[Mutation, ...] = (json_tree, json_tree, raw_bytes)


def states() -> list[Reader]:
    """Their readers."""
    made: list[tuple[str, str, Callable[[Path], object], Mapping[str, object]]] = [
        ("a device's outcome", "outcome.json", lambda path: read_outcome(path.parent, "outcome"), _OUTCOME),
        ("a job's state", "process.json", lambda path: jobs._read(path, "pid"), {"pid": 7, "started": 1}),
        ("a waiting directory", ".waits.json", lambda path: waits_for(path.parent, "run"), {"run": "run"}),
        ("an official file's stamp", "a.json", _stamp, asdict(official.Stamp("0" * 64, "0" * 32, 3, 5))),
        ("a download's note", "a.json", _note, {"url": "http://a", "validator": "x"}),
        ("a folder's contents", ".a.contents.json", _contents, _CONTENTS),
        ("a prepared set", "prepared.json", _prepared, {"files": {"a": 0}, "verified": True}),
        ("kept samples", "complete.json", _kept, asdict(Complete(((1, 2),), (None, None)).sealed())),
    ]
    tally = packed({"right": np.arange(5), "of": np.ones(5)})
    return [
        *(Reader(name, file, read, [json.dumps(seed).encode()], _TREES) for name, file, read, seed in made),
        Reader("a tally", "a.npz", _tally, [tally], (raw_bytes, header_bytes)),
        Reader("history", INDEX_FILE, _history, [_index()], (raw_bytes, header_bytes), 0.02),
    ]


_OUTCOME = {"status": 3, "complaint": "x"}
_CONTENTS = {"files": [{"path": "b", "size": 1, "sha256": "0" * 64}]}


def _stamp(path: Path) -> object:
    place = official.stamp_path("a", path.parent)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(path.read_bytes())
    return official.read_stamp("a", path.parent)


def _note(path: Path) -> object:
    partial = path.with_name("partial")
    download._note_path(partial).write_bytes(path.read_bytes())
    return download._read_note(partial)


def _contents(path: Path) -> object:
    place = path.with_name("a")
    place.mkdir(exist_ok=True)
    return damage(place, every_byte=True)


def _prepared(path: Path) -> object:
    path.with_name("a").mkdir(exist_ok=True)
    path.with_name(official.PREPARED).write_bytes(path.read_bytes())
    return official._examine_folder(path.parent, every_byte=False)


def _kept(path: Path) -> object:
    np.save(path.with_name("0.npy"), np.zeros((2, 3), np.float32))
    return open_entry(path.parent, 2, None)


def _tally(path: Path) -> object:
    try:
        return unpacked(path.read_bytes())
    except ValueError:
        return None


def _history(path: Path) -> object:
    return Index(path.parent).select({})


def _index() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        Index(Path(folder)).add([])
        return (Path(folder) / INDEX_FILE).read_bytes()
