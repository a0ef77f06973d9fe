"""What a conversion writes: all of it or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.conversion.made_files import all_or_none
from harness.errors import ConfigError


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(ConfigError, match=r"cannot make the folder .*file/below: Not a directory"),
        all_or_none(tmp_path / "file" / "below"),
    ):
        pass
