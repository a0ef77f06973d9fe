"""What counts as one intact accuracy log."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import accuracy.answers.log
from accuracy.answers.log import Answer, LogError, read_answers, read_rows, write_rows

ROW = '{ "seq_id" : 0, "qsl_idx" : 5, "data" : "0000803F" }'
OTHER = '{ "seq_id" : 1, "qsl_idx" : 6, "data" : "" }'


def _log(folder: Path, text: str) -> Path:
    path = folder / "log.json"
    path.write_text(text, encoding="ascii")
    return path


@pytest.mark.parametrize(
    "text",
    [
        f"[\n{ROW},\n{OTHER}\n]\n",
        f"[{ROW},{OTHER}]",
        f"[\r\n{ROW} ,\r\n\t{OTHER}\r\n]\r\n \n",
    ],
)
def test_a_log_is_read_whatever_its_white_space(tmp_path: Path, text: str) -> None:
    assert list(read_rows(_log(tmp_path, text))) == [Answer(5, b"\0\0\x80\x3f"), Answer(6, b"")]


def test_a_log_without_rows_is_a_log(tmp_path: Path) -> None:
    assert list(read_rows(_log(tmp_path, "[\n]\n"))) == []


@pytest.mark.parametrize("chunk", [1, 7, 53, 1 << 20])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"[{ROW},{ROW[:20]}\n[{ROW},{OTHER}]", "row 2"),
        (f"[{ROW},\n[{ROW},{OTHER}]", "row 2"),
        (f"[{ROW}]\n[{OTHER}]", "follows row 1"),
        (f"[{ROW}]]", "follows row 1"),
        (f"[{ROW}],", "follows row 1"),
        (f"[]{ROW}", "follows row 0"),
        (f"[{ROW} {OTHER}]", "row 1"),
        (f"[{ROW},,{OTHER}]", "row 2"),
        (f"[,{ROW}]", "row 1"),
        (f"[{ROW},]", "row 2"),
        (f"[{ROW}, junk {OTHER}]", "row 2"),
        (f"[{ROW}, /* {OTHER} */ {OTHER}]", "row 2"),
        (f"[{ROW}, {{{OTHER}}}]", "row 2"),
        (f"[{ROW},{OTHER}", "cut in the middle"),
        (f"[{ROW},", "cut in the middle, after row 1"),
        (f"[{ROW},{OTHER[:9]}", "cut in the middle, after row 1"),
        ("[", "cut in the middle, after row 0"),
        ('[{ "qsl_idx" : 5, "qsl_idx" : 6, "data" : "" }]', "row 1 is not an answer: a key occurs twice"),
    ],
)
def test_a_file_that_is_not_one_array_of_rows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, text: str, says: str
) -> None:
    monkeypatch.setattr(accuracy.answers.log, "_CHUNK_CHARS", chunk)
    with pytest.raises(LogError, match=re.escape(says)):
        list(read_rows(_log(tmp_path, text)))


@settings(deadline=None, derandomize=True)
@given(answers=st.lists(st.tuples(st.integers(0, 99), st.binary(max_size=9))), chunk=st.integers(1, 99))
def test_what_is_written_is_read_in_chunks_of_any_size(
    tmp_path_factory: pytest.TempPathFactory, answers: list[tuple[int, bytes]], chunk: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.json"
    write_rows(path, [Answer(*answer) for answer in answers])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accuracy.answers.log, "_CHUNK_CHARS", chunk)
        assert list(read_rows(path)) == answers


def test_the_first_row_of_a_repeated_sample_counts(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    write_rows(path, [Answer(1, b"a"), Answer(0, b"b"), Answer(1, b"c")])
    assert list(read_answers(path, 2)) == [Answer(1, b"a"), Answer(0, b"b")]


@pytest.mark.parametrize("data_bytes", [4, 900, 3072])
def test_a_log_that_was_truncated_for_a_submission_is_called_that(tmp_path: Path, data_bytes: int) -> None:
    write_rows(tmp_path / "whole.json", (Answer(index, bytes(data_bytes)) for index in range(4000)))
    whole = (tmp_path / "whole.json").read_text()
    # As MLCommons' tools/submission/truncate_accuracy_log.py does it.
    log = tmp_path / "mlperf_log_accuracy.json"
    log.write_text(f"{whole[:4096]}\n\n...\n\n{whole[-4096:]}")
    with pytest.raises(LogError, match=r"was truncated for a submission.*score the log as the run wrote it"):
        list(read_rows(log))


def test_a_log_that_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="cannot be read: Is a directory"):
        list(read_rows(tmp_path))
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(LogError, match="cannot be read: Too many levels of symbolic links"):
        list(read_rows(tmp_path / "loop"))


def test_a_log_in_another_encoding_is_told_as_any_other_text_is(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_bytes('[\n{ "qsl_idx" : 0, "data" : "00" }\n]\n'.encode("utf-16"))
    with pytest.raises(LogError, match=r"is not an accuracy log: it is in UTF-16, .* save it as UTF-8"):
        list(read_rows(path))
    path.write_bytes(gzip.compress(b"[]"))
    with pytest.raises(LogError, match=r"is not an accuracy log: it is compressed by gzip: unpack it"):
        list(read_rows(path))


def test_white_space_before_a_log_is_none_of_it(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_bytes(b'\n [{ "qsl_idx" : 0, "data" : "00" }]')
    assert list(read_rows(path)) == [Answer(0, b"\0")]
