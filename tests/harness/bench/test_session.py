"""Cases of one command, before anything is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.bench.session import BenchCase, told_apart
from harness.model.subject import Subject


def test_files_of_one_name_are_told_apart_by_their_folders(small: Path, subject_of: Callable[..., Subject]) -> None:
    subject = subject_of(small)
    other = replace(subject, model=Path("/models/pruned/small.tflite"))
    names = [case.subject.name for case in told_apart([BenchCase(subject), BenchCase(other), BenchCase(subject)])]
    assert names == [f"{small.parent.name}/small", "pruned/small", f"{small.parent.name}/small"]
    assert [case.subject.name for case in told_apart([BenchCase(subject), BenchCase(subject, "null")])] == ["small"] * 2
