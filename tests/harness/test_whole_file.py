"""Files that are there whole or not at all, on a full disk too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.errors import ConfigError
from harness.tuning import report
from harness.whole_file import replacing


def test_a_full_disk_leaves_the_old_file_and_nothing_else(mount: Callable[[str], Path]) -> None:
    disk = mount("size=16k")
    with replacing(disk / "file") as file:
        file.write(b"old")
    with pytest.raises(OSError, match="No space left"), replacing(disk / "file") as file:
        file.write(bytes(100_000))
    assert [path.name for path in disk.iterdir()] == ["file"]
    assert (disk / "file").read_bytes() == b"old"


def test_whatever_goes_wrong_while_it_is_made_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "folder" / "file") as file:
        file.write(bytes([1 // len(b"")]))
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_config_of_tune_that_the_disk_cannot_take_leaves_nothing(
    mount: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = mount("size=16k")
    monkeypatch.setattr(report, "how_sure", lambda _: "x" * 100_000)
    found: Any = type(
        "Found", (), {"chosen": {}, "spec": type("S", (), {"load": type("L", (), {"scenario": "Server"})})}
    )
    with pytest.raises(ConfigError, match=r"cannot write .*mine.yaml: No space left on device"):
        report.write_config(found, "kws", [], disk / "mine.yaml")
    assert list(disk.iterdir()) == []


def test_a_command_whose_output_meets_a_full_disk_names_the_file_and_ends_as_broken(
    mount: Callable[[str], Path], keyword_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    full = mount("size=4k") / "cost.csv"
    (full.parent / "filler").write_bytes(bytes(4096))
    words = ["bench", str(keyword_model), "--num_runs=1", "--min_secs=0", "--warmup_min_secs=0", "--quiet"]
    assert main([*words, "--format", f"csv={full}"]) == 3
    assert f"{full} cannot be written: No space left on device. Make room" in capsys.readouterr().err
