"""A task bound to the data of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.config.mistakes import task_options
from harness.config.registry import task_class
from harness.spec.schema import DataSetRef
from tasks.base import DataMissing, DataRef, Task


def open_task(name: str, options: Mapping[str, Any], dataset: DataSetRef) -> Task:
    """A task bound to its data.

    Raises:
        UnknownName: No such kind.
        ConfigError: An option it does not have.
        tasks.base.DataMissing: The data is not there, or not what the task needs, or no sample is among them.
    """
    kind = task_class(name)
    task = kind(DataRef(dataset.path, dataset.truth, dataset.count), task_options(kind.Options, name, options))
    if not len(task):
        raise DataMissing(f"{dataset.path} holds no sample of the task {name}")
    return task
