"""Labels by folder: pictures that lie in a folder a class have the folders' names for their ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from accuracy.truth.class_names import ClassNames
from tasks.pictures.listing import Listing
from tasks.pictures.stored_truth import StoredLabels

FOLDERS = "the folders' names"
"""Where the labels of a folder a class are from."""


class FolderLabels:
    """The folders that pictures lie in, as what they are of."""

    def __init__(self, path: Path, listing: Listing) -> None:
        self._classes = ClassNames(listing.classes, f"{path} (a folder a class)")
        place = {folder: number for number, folder in enumerate(listing.classes)}
        self._whole = {name: place[name.partition("/")[0]] for name in listing.keys}

    def files(self) -> Sequence[Path]:
        """None: the names of the pictures have their folders' names."""
        return ()

    def classes(self) -> Sequence[str]:
        """As `StoredTruth.classes`."""
        return self._classes.names

    def labels(self, names: Sequence[str], verified: Sequence[str]) -> StoredLabels:
        """As `StoredTruth.labels`."""
        del verified
        values = [self._whole[name] for name in names]
        return StoredLabels(values, 0, FOLDERS, classes=self._classes)

    def boxes(self, names: Sequence[str], verified: Sequence[str]) -> None:
        """Folders hold none."""

    def masks(self, names: Sequence[str], verified: Sequence[str]) -> None:
        """Folders hold none."""
