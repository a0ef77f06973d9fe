"""A series that goes on: what is kept of it, what runs again, and what is never mixed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.results.files import RESULT_FILE
from harness.series.journal import JOURNAL_FILE, Journal, read_journal
from harness.series.resume import digest_of, go_on_from

RESULT = Path(__file__).parents[1] / "results" / "version_1"
PLANNED = {"1-performance-cpu": "a", "2-accuracy-cpu": "b"}


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A series of two runs that was interrupted in the second."""
    journal = Journal(tmp_path)
    for run, identity in PLANNED.items():
        journal.write("planned", run, identity)
    first = tmp_path / "1-performance-cpu"
    first.mkdir()
    (first / RESULT_FILE).write_bytes(one_result())
    journal.write("began", "1-performance-cpu", "a")
    journal.write("ended", "1-performance-cpu", "a", "valid", digest_of(first))
    journal.write("began", "2-accuracy-cpu", "b")
    (tmp_path / "2-accuracy-cpu").mkdir()
    (tmp_path / "2-accuracy-cpu" / "run.log").write_text("half", encoding="utf-8")
    return tmp_path


def one_result() -> bytes:
    for path in sorted(RESULT.glob("*.json")):
        if "runs" not in json.loads(path.read_text(encoding="utf-8")):
            return path.read_bytes()
    raise AssertionError("no single run is there")


def test_what_came_to_its_end_is_kept_and_the_rest_is_put_aside_not_lost(begun: Path) -> None:
    before = go_on_from(begun, PLANNED)
    assert before.result("1-performance-cpu", "a") is not None
    assert before.result("2-accuracy-cpu", "b") is None
    before.put_aside("2-accuracy-cpu")
    assert (begun / "2-accuracy-cpu-cut-1" / "run.log").read_text(encoding="utf-8") == "half"
    assert not (begun / "2-accuracy-cpu").exists()


def test_a_run_that_was_taken_away_runs_again(begun: Path) -> None:
    (begun / "1-performance-cpu" / RESULT_FILE).unlink()
    assert go_on_from(begun, PLANNED).result("1-performance-cpu", "a") is None


@pytest.mark.parametrize(
    ("now", "complaint"),
    [
        (PLANNED | {"2-accuracy-cpu": "other"}, "begun with other settings: of 2-accuracy-cpu the options, the model"),
        (PLANNED | {"3-more": "c"}, "3-more is planned now, and was not then"),
        ({"1-performance-cpu": "a"}, "2-accuracy-cpu was planned then, and is not now"),
    ],
)
def test_other_settings_are_never_mixed_in(begun: Path, now: dict[str, str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        go_on_from(begun, now)


def test_a_result_that_was_edited_is_refused_by_its_name(begun: Path) -> None:
    path = begun / "1-performance-cpu" / RESULT_FILE
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"1-performance-cpu.result\.json is not what the run has written"):
        go_on_from(begun, PLANNED).result("1-performance-cpu", "a")


def test_a_line_of_the_journal_edited_to_other_settings_makes_no_run_count(begun: Path) -> None:
    edit_line(begun, 3, {"identity": "b"})
    assert go_on_from(begun, PLANNED).result("1-performance-cpu", "a") is None


@pytest.mark.parametrize("digest", ["0" * 64, ""])
def test_a_line_of_the_journal_edited_to_another_result_is_refused(begun: Path, digest: str) -> None:
    edit_line(begun, 3, {"digest": digest})
    with pytest.raises(ConfigError, match="is not what the run has written"):
        go_on_from(begun, PLANNED).result("1-performance-cpu", "a")


def edit_line(folder: Path, number: int, edit: dict[str, str]) -> None:
    lines = (folder / JOURNAL_FILE).read_text(encoding="utf-8").splitlines()
    lines[number] = json.dumps(json.loads(lines[number]) | edit)
    (folder / JOURNAL_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_journal_that_goes_on_loses_its_cut_line_alone(begun: Path) -> None:
    whole = read_journal(begun)
    with (begun / JOURNAL_FILE).open("a", encoding="utf-8") as file:
        file.write('{"what": "ended", "ru')
    Journal(begun, goes_on=True).write("began", "2-accuracy-cpu", "b")
    assert read_journal(begun)[:-1] == whole
    assert read_journal(begun)[-1].what == "began"
