"""When two sides of a difference are the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.config.backend import BackendSection
from harness.config.invocation import Invocation
from harness.difference.side import same_sides
from harness.model.subject import Subject


def subject(name: str = "cpu", threads: int = 1, sha256: str = "one", **options: Any) -> Subject:
    section = BackendSection(name=name, options=options).model_dump(mode="json")
    invocation = Invocation().model_dump(mode="json")
    return Subject(Path("m.tflite"), sha256, "m", "file", section, invocation, threads, Path("cache"))


@pytest.mark.parametrize(
    ("test", "same"),
    [
        (subject(), True),
        (subject(threads=4), True),
        (subject(xnnpack=True), True),
        (subject(engine="CompiledModel"), True),
        (subject(weight_cache="w"), True),
        (subject(xnnpack=False), False),
        (subject(force_fp16=True), False),
        (subject(xnnpack_flags=4), False),
        (subject(name="gpu"), False),
        (subject(sha256="another"), False),
    ],
)
def test_the_cpus_same_kernels_on_one_file_are_no_test(test: Subject, same: bool) -> None:
    assert bool(same_sides(test, subject())) == same


def test_a_state_that_lives_on_on_one_side_is_a_difference() -> None:
    kept = replace(subject(), invocation=Invocation(state="keep").model_dump(mode="json"))
    assert same_sides(kept, subject()) == ""
