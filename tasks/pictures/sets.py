"""Whatever a set of pictures is kept in, opened by its name."""

from __future__ import annotations

from pathlib import Path

from accuracy.outside.border import reads
from tasks.base import DataMissing
from tasks.pictures.folders import SUFFIXES, Pictures
from tasks.pictures.hub import open_hub_pictures
from tasks.pictures.published.cifar import is_cifar, open_cifar
from tasks.pictures.records import open_records
from tasks.sets.hub import is_hub_name
from tasks.sets.record_sets import is_record_set


@reads(DataMissing)
def open_pictures(path: Path, count: int | None = None, *, by_class: bool = False) -> Pictures:
    """A folder or zip archive of pictures, TFRecord files, CIFAR-10's binary batches, or a Hugging Face data set.

    Args:
        path: Of it, or `hf:...`.
        count: Use the first `count` pictures only; None for all.
        by_class: Whether folders of pictures are classes, as for image classification, for which alone `.bin` files are
            pictures: MLPerf Tiny's, without a header.

    Raises:
        DataMissing: It is not there, holds no pictures or fewer than `count`, or cannot be read.
    """
    if is_hub_name(path):
        return open_hub_pictures(path, count)
    if is_cifar(path):
        return open_cifar(path, count)
    if is_record_set(path):
        return open_records(path, count)
    suffixes = (*SUFFIXES, ".bin") if by_class else SUFFIXES
    return Pictures.open(path, count=count, suffixes=suffixes, by_class=by_class, what="pictures")
