"""The head's files on nodes: by the same path, or sent and verified."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import RunFailed
from harness.messages.actor import FileOfTree, FileTree, Lent
from harness.serving.cluster.files import pieces, tree_of
from harness.serving.cluster.on_nodes.places import Places, moved
from tasks.sets.digests import Digest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of files, and a ground truth beside it."""
    folder = tmp_path / "head" / "set"
    (folder / "deep").mkdir(parents=True)
    (folder / "a 'b'.bin").write_bytes(b"1234")
    (folder / "deep" / "c.bin").write_bytes(b"")
    (folder.parent / "labels.csv").write_bytes(b"a,1\n")
    return folder


def send(tree: FileTree, places: Places) -> None:
    for place, piece in pieces(tree):
        places.receive(place, piece)
    places.keep()


def test_a_folder_comes_whole_with_what_lies_beside_it_and_is_found_the_next_time(data: Path, tmp_path: Path) -> None:
    tree = tree_of(data, [data.parent / "labels.csv", tmp_path / "elsewhere.csv"])
    places = Places(tmp_path / "cache")
    assert places.lacking([Lent(str(data), None), Lent("/no/such/place", None)]) == ["/no/such/place"]
    assert places.expect(tree)
    send(tree, places)
    here = places.here[str(data)]
    assert here != data
    assert {str(path.relative_to(here.parent)) for path in here.parent.rglob("*") if path.is_file()} == {
        "set/a 'b'.bin",
        "set/deep/c.bin",
        "labels.csv",
    }
    again = Places(tmp_path / "cache")
    assert not again.expect(tree)
    assert again.here[str(data)] == here


def test_a_file_that_must_be_the_same_is_known_by_its_hash(data: Path, tmp_path: Path) -> None:
    file = data / "a 'b'.bin"
    places = Places(tmp_path / "cache")
    assert places.lacking([Lent(str(file), Digest.of_file(file).sha256)]) == []
    assert places.lacking([Lent(str(file), "0" * 64)]) == []
    assert Places(tmp_path / "cache").lacking([Lent(str(file), "0" * 64)]) == [str(file)]


def test_a_file_that_changes_on_the_way_is_refused_and_nothing_is_kept(data: Path, tmp_path: Path) -> None:
    tree = tree_of(data)
    (data / "a 'b'.bin").write_bytes(b"4321")
    places = Places(tmp_path / "cache")
    places.expect(tree)
    with pytest.raises(RunFailed, match="it changed meanwhile"):
        send(tree, places)
    assert str(data) not in places.here
    assert Places(tmp_path / "cache").expect(tree), "it is not there"


@pytest.mark.parametrize("name", ["../out", "/etc/out", "set/../../out"])
def test_no_file_lands_outside_of_its_tree(name: str, tmp_path: Path) -> None:
    places = Places(tmp_path / "cache")
    places.expect(FileTree("/head/set", (FileOfTree(name, 0, "0" * 64),)))
    with pytest.raises(RunFailed, match="is no place in a tree"):
        places.receive(0, b"x")


def test_paths_are_replaced_where_a_value_is_one_and_nowhere_else() -> None:
    here = {"/head/set": Path("/node/set")}
    spec = {"dataset": {"path": "/head/set", "title": "of /head/set"}, "many": ["/head/set", 7], "options": {}}
    assert moved(spec, here) == {
        "dataset": {"path": "/node/set", "title": "of /head/set"},
        "many": ["/node/set", 7],
        "options": {},
    }
