"""A task bound to the data of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.spec.schema import DataSetRef
from harness.spec.task import open_task
from tasks.base import DataMissing
from tasks.tensors.task import Tensors


def test_data_without_a_sample_are_refused_whatever_a_package_s_task_makes_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Empty(Tensors):
        def __len__(self) -> int:
            return 0

    monkeypatch.setattr("harness.spec.task.task_class", lambda _: Empty)
    (tmp_path / "x.npy").write_bytes(b"")
    with pytest.raises(DataMissing, match="holds no sample of the task tensors"):
        open_task("tensors", {}, DataSetRef(name="mine", source="file", path=tmp_path))
