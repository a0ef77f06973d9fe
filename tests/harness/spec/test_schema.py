"""A run's spec.yaml as it is read again: what is none is named, with what is wrong in it and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.spec.schema import SPEC_FILE, read_spec


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is empty, or no mapping of fields"),
        ("- 1", "it is empty, or no mapping of fields"),
        ("title: x", "benchmark: Field required"),
        ("title: [", "column 1"),
        ("\0\0\0", "it is not text"),
    ],
)
def test_what_is_no_spec_is_named_with_what_is_wrong_and_what_to_do(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / SPEC_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(
        ConfigError,
        match=rf"spec\.yaml is not a resolved spec: {says}.*Put back the file that the run wrote, or run once",
    ):
        read_spec(tmp_path)
