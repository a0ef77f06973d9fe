"""What a conversion writes: all of it or nothing."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.conversion.made_files import Making, making
from harness.conversion.record import Conversion, MadeVariant, Variant
from harness.errors import ConfigError, RunFailed

VARIANTS: Sequence[Variant] = ("float32", "float16", "int8")


def converted(place: Making) -> Conversion:
    """Three files, made but not yet put into their folder."""
    files = []
    for variant in VARIANTS:
        file = place.place(f"net_{variant}.tflite")
        file.write_bytes(variant.encode())
        digest = hashlib.sha256(variant.encode()).hexdigest()
        files.append(MadeVariant(variant, file, digest, len(variant), 0.1, 0, 0))
    return Conversion(1, "net.cfg", "0" * 64, "a network", tuple(files), None, {}, ())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def killed_behind(moves: int, folder: Path) -> None:
    """A process that ends without another word once it has put so many files into the folder."""
    if not (pid := os.fork()):
        done, move = [0], Path.replace

        def counted(self: Path, target: Path) -> Path:
            if self.suffix == ".tflite" or target == folder / "conversion.json":
                if done[0] == moves:
                    os._exit(0)
                done[0] += 1
            return move(self, target)

        try:
            Path.replace = counted  # type: ignore[assignment,method-assign]
            with making(folder) as place:
                place.settle(converted(place))
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(ConfigError, match=r"cannot make the folder .*file/below: Not a directory"),
        making(tmp_path / "file" / "below"),
    ):
        pass


def test_nothing_lies_in_the_folder_before_all_is_made_and_then_all_does(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    with making(folder) as place:
        made = converted(place)
        assert [name for name in names(folder) if not name.startswith(".")] == []
        settled = place.settle(made)
    assert names(folder) == ["conversion.json", "net_float16.tflite", "net_float32.tflite", "net_int8.tflite"]
    assert [one.file for one in settled.files] == [folder / f"net_{variant}.tflite" for variant in VARIANTS]
    assert (folder / "conversion.json").read_text(encoding="utf-8").count(str(folder / "net_")) == len(VARIANTS)


@pytest.mark.parametrize("moves", [0, 1, 3])
def test_what_a_killed_conversion_had_put_there_is_taken_away_by_the_next_which_says_so(
    tmp_path: Path, moves: int
) -> None:
    folder = tmp_path / "made"
    killed_behind(moves, folder)
    assert len(names(folder)) == moves + 1, "its files, and the hidden folder"
    said: list[str] = []
    with making(folder, said.append) as place:
        place.settle(converted(place))
    assert names(folder) == ["conversion.json", "net_float16.tflite", "net_float32.tflite", "net_int8.tflite"]
    assert len(said) == bool(moves)
    if moves:
        left = ", ".join(f"net_{variant}.tflite" for variant in VARIANTS[:moves])
        assert said[0].endswith(
            f"a conversion was killed there before it was whole; what it left was taken away: {left}"
        )


def test_a_file_that_is_not_the_killed_conversions_stays(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    killed_behind(2, folder)
    (folder / "net_float32.tflite").write_bytes(b"somebody's own")
    said: list[str] = []
    with (
        making(folder, said.append) as place,
        pytest.raises(ConfigError, match=r"net_float32\.tflite is there already"),
    ):
        converted(place)
    assert names(folder) == ["net_float32.tflite"]
    assert said[0].endswith("taken away: net_float16.tflite")


def test_a_conversion_that_was_killed_once_it_was_whole_stays(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    killed = folder / ".converting.killed"
    with making(folder) as place:
        place.settle(converted(place))
    killed.mkdir()
    with making(folder) as place, pytest.raises(ConfigError, match="is there already"):
        converted(place)
    assert names(folder) == ["conversion.json", "net_float16.tflite", "net_float32.tflite", "net_int8.tflite"]


def test_a_full_disk_is_named_by_the_folder_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, value: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr("harness.conversion.made_files.write_json", full)
    folder = tmp_path / "made"
    with (
        pytest.raises(
            RunFailed, match=r"made cannot be written: No space left on device; nothing of the conversion is"
        ),
        making(folder) as place,
    ):
        place.settle(converted(place))
    assert not folder.exists()


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object, **__: object) -> str:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(tmp_path / ".converting.x"))

    monkeypatch.setattr("tempfile.mkdtemp", closed)
    with pytest.raises(ConfigError, match=r"cannot write into the folder .*: Read-only file system"), making(tmp_path):
        pass
