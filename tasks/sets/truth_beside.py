"""The ground truth of a data set, found by its name in or beside the folder that holds the samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tasks.base import DataMissing


def find_truth(data: Path, patterns: Sequence[str], wanted: str = "") -> Path:
    """Finds the ground truth in a data set's folder or beside it.

    Args:
        data: The data set: a folder, or a file whose folder is searched.
        patterns: Glob patterns relative to the folder, for example `labels.csv` or `annotations/instances_*.json`.
        wanted: The patterns in words, for messages; the patterns themselves if not given.

    Raises:
        DataMissing: None found, or more than one.
    """
    looked_for = wanted or ", ".join(patterns)
    for place in places_beside(data):
        found = sorted({hit for pattern in patterns for hit in place.glob(pattern)})
        if len(found) > 1:
            names = ", ".join(str(hit.relative_to(place)) for hit in found)
            raise DataMissing(f"{place} holds more than one ground truth: {names}. Choose one with --truth.")
        if found:
            return found[0]
    raise no_truth(data, looked_for)


def no_truth(data: Path, looked_for: str) -> DataMissing:
    """The error for a data set that has no ground truth: neither beside it nor stored with its samples."""
    if data.exists():
        return DataMissing(
            f"no ground truth in or beside {data} (looked for {looked_for}). Name it with --truth FILE.{_only_folder(data)}"
        )
    return DataMissing(
        f"{data} stores nothing that is a ground truth of this task (docs/data-sets.md says which columns are). Name one "
        "with --truth FILE."
    )


def _only_folder(data: Path) -> str:
    """What to say where all samples lie in one folder, which somebody may have taken for a class; "" elsewhere."""
    try:
        folders = [child.name for child in data.iterdir() if child.is_dir() and not child.name.startswith(".")]
    except OSError:
        return ""
    return f" Its one folder, {folders[0]!r}, is no class: there have to be two or more" if len(folders) == 1 else ""


def places_beside(data: Path) -> list[Path]:
    """Where a ground truth of its own may lie: the data set's folder and the one around it; none for `hf:...`."""
    if data.is_dir():
        return [data, data.parent]
    return [data.parent] if data.exists() else []
