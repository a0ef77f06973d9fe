"""A zip that lists more files than anybody needs is refused before a record is made of each."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from accuracy.outside import zip_lists
from accuracy.outside.opening import open_zip_heard
from accuracy.outside.zip_lists import ListTooLong, open_zip
from tasks.base import DataMissing
from tasks.tensors import array_files
from tasks.tensors.array_files import read_npz


def packed(count: int, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.comment = comment
        for number in range(count):
            archive.writestr(f"{number}.txt", b"a")
    return out.getvalue()


@pytest.mark.parametrize("comment", [b"", b"PK\x05 a comment", bytes(60_000)])
def test_the_files_are_counted_as_they_are_listed(comment: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    data = packed(9, comment)
    assert len(open_zip(data, 9).namelist()) == 9
    with monkeypatch.context() as context:
        context.setattr(zipfile, "ZipFile", None)
        with pytest.raises(ListTooLong, match="it holds 9 files, more than the limit of 8"):
            open_zip(data, 8)


def test_what_the_archive_says_of_their_number_is_not_believed() -> None:
    data = packed(9)
    at = data.rindex(b"PK\x05\x06") + 8
    lies = data[:at] + b"\x01\x00\x01\x00" + data[at + 4 :]
    assert len(zipfile.ZipFile(io.BytesIO(lies)).namelist()) == 9
    with pytest.raises(ListTooLong):
        open_zip(lies, 8)


def test_a_list_of_64_bits_is_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    data = packed(9)
    assert b"PK\x06\x06" in data
    with pytest.raises(ListTooLong, match="it holds 9 files"):
        open_zip(data, 8)


def test_a_list_of_long_lines_is_refused_by_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_lists, "_LINE_BYTES", 10)
    with pytest.raises(ListTooLong, match=r"its list of files takes .* bytes, more than the limit of 90"):
        open_zip(packed(9), 9)


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x05\x06", packed(2)[:-3], packed(2)[30:]])
def test_what_is_no_archive_is_for_zipfile_to_refuse(data: bytes) -> None:
    try:
        zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        with pytest.raises(zipfile.BadZipFile, match=f"^{error}$"):
            open_zip(data)
    else:
        open_zip(data)


def test_arrays_and_data_in_archives_have_such_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    np.savez(out, np.zeros(1), np.zeros(1), np.zeros(1))
    monkeypatch.setattr(array_files, "_MOST_ARRAYS", 2)
    with pytest.raises(
        DataMissing, match=r"a.npz is no .npz file that can be read: it holds 3 files, more than the limit"
    ):
        read_npz("a.npz", out.getvalue())
    monkeypatch.setattr(zip_lists, "_LINE_BYTES", 0)
    (tmp_path / "a.zip").write_bytes(packed(2))
    with pytest.raises(ListTooLong):
        open_zip_heard(tmp_path / "a.zip")
