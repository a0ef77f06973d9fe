"""The head's files as they are sent to nodes: what a run needs, all files of a path with their hashes, in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from harness.config.mistakes import task_options
from harness.config.registry import task_class
from harness.errors import ConfigError
from harness.messages.actor import FileOfTree, FileTree, Lent
from harness.spec.schema import Spec
from tasks.base import Task
from tasks.sets.digests import Digest

PIECE_BYTES = 8_000_000


def lent_data(spec: Spec) -> tuple[Lent, ...]:
    """The data of a run and the files that its task's options name, where they are here."""
    options = task_options(task_class(spec.task).Options, spec.task, spec.options)
    values = [getattr(options, name) for name in options.__dataclass_fields__]
    named = [spec.dataset.path, spec.dataset.truth, *(value for value in values if isinstance(value, Path))]
    there = dict.fromkeys(str(path) for path in named if path is not None and Path(path).exists())
    return tuple(Lent(path, None) for path in there)


def beside_data(spec: Spec, task: Task) -> tuple[Path, ...]:
    """What a task reads as a whole, and so has to go with its data where it lies beside them."""
    return tuple(path for path in task.files() if path != spec.dataset.path)


def tree_of(path: Path, beside: Sequence[Path] = ()) -> FileTree:
    """A file or folder as it is sent: all files of it by their place below the folder around it, with their hashes.

    Args:
        path: On this machine.
        beside: Files of the folder around it that go along: a ground truth is found beside its data.

    Raises:
        ConfigError: Something of it cannot be read.
    """
    root = path.parent
    inside = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    found = [*inside, *(each for each in beside if each.parent == root and each not in inside)]
    try:
        files = [(each, Digest.of_file(each)) for each in found]
    except OSError as error:
        raise ConfigError(f"{error.filename} cannot be sent to the nodes of the cluster: {error.strerror}") from None
    names = (PurePosixPath(each.relative_to(root)) for each, _ in files)
    return FileTree(
        str(path),
        tuple(
            FileOfTree(str(name), digest.size, digest.sha256) for name, (_, digest) in zip(names, files, strict=True)
        ),
    )


def pieces(tree: FileTree) -> Iterator[tuple[int, bytes]]:
    """What is sent of a tree: a file's place in it, and some of its bytes; each file ends with no bytes."""
    root = Path(tree.path).parent
    for place, file in enumerate(tree.files):
        with (root / file.name).open("rb") as data:
            while piece := data.read(PIECE_BYTES):
                yield place, piece
        yield place, b""
