"""Logs and documents that anybody may have written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.submission.tree.accuracy_text import parse_accuracy_text
from harness.submission.tree.documents import Broken, read_json_object
from harness.submission.tree.logs import DetailLog, read_detail_log, read_summary_log

_ANY = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
_LINE = st.sampled_from(
    [":::MLLOG ", '{"key": "a", "value": 1}', '{"key": 3}', "null", "[" * 2000, '{"key": "power_end", ', "\n"]
)


@_ANY
@given(parts=st.lists(_LINE, max_size=6), noise=st.binary(max_size=40))
def test_whatever_a_log_holds_it_is_read_or_said_to_be_broken(parts: list[str], noise: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes("".join(parts).encode() + noise)
    for found in (read_detail_log(path), read_summary_log(path), read_json_object(path)):
        assert not isinstance(found, Broken) or found.what
    parse_accuracy_text(path.read_bytes().decode("utf-8", "replace"))


@pytest.mark.parametrize(
    ("text", "what"), [("", "is empty"), ("INFO\n", "holds none of LoadGen's lines"), (":::MLLOG {", "is cut")]
)
def test_a_log_that_is_none_says_why(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(text, encoding="utf-8")
    found = read_detail_log(tmp_path / "log")
    assert isinstance(found, Broken)
    assert what in found.what


def test_figures_are_asked_for_by_their_type() -> None:
    log = DetailLog({"count": 3, "flag": True, "text": "N/A", "rate": 1.5, "power_end": "11-29-2026 17:53:34.808"}, ())
    assert (log.integer("count"), log.number("count"), log.number("rate")) == (3, 3.0, 1.5)
    assert (log.integer("flag"), log.integer("text"), log.integer("rate"), log.number("absent")) == (None,) * 4
    assert (log.flag("flag"), log.flag("count"), log.text("count")) == (True, None, None)
    assert log.moment("power_end") is not None
    assert log.moment("text") is None


@pytest.mark.parametrize("text", ['{"a": 1,}', '{"a": 1, "a": 2}', '{"a": NaN}', "[1]", '"a"', ""])
def test_only_strict_json_is_taken(text: str, tmp_path: Path) -> None:
    (tmp_path / "file.json").write_text(text, encoding="utf-8")
    assert isinstance(read_json_object(tmp_path / "file.json"), Broken)
