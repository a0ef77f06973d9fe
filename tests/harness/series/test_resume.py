"""A series that goes on: what is kept of it, what runs again, and what is never mixed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.results.files import RESULT_FILE
from harness.series.journal import JOURNAL_FILE, Journal, read_journal
from harness.series.resume import Before, digest_of, go_on_from, is_begun
from tests.damages import dangling, emptied, folder, pipe, zeroed

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


def gone_on(folder: Path) -> Before:
    before = go_on_from(folder, PLANNED)
    assert before is not None
    return before


def one_result() -> bytes:
    for path in sorted(RESULT.glob("*.json")):
        if "runs" not in json.loads(path.read_text(encoding="utf-8")):
            return path.read_bytes()
    raise AssertionError("no single run is there")


def test_what_came_to_its_end_is_kept_and_the_rest_is_put_aside_not_lost(begun: Path) -> None:
    before = gone_on(begun)
    assert before.result("1-performance-cpu", "a") is not None
    assert before.result("2-accuracy-cpu", "b") is None
    before.put_aside("2-accuracy-cpu")
    assert (begun / "2-accuracy-cpu-cut-1" / "run.log").read_text(encoding="utf-8") == "half"
    assert not (begun / "2-accuracy-cpu").exists()


def test_a_run_that_was_taken_away_runs_again(begun: Path) -> None:
    (begun / "1-performance-cpu" / RESULT_FILE).unlink()
    assert gone_on(begun).result("1-performance-cpu", "a") is None


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
        gone_on(begun).result("1-performance-cpu", "a")


def test_a_line_of_the_journal_edited_to_other_settings_makes_no_run_count(begun: Path) -> None:
    edit_line(begun, 3, {"identity": "b"})
    assert gone_on(begun).result("1-performance-cpu", "a") is None


@pytest.mark.parametrize("digest", ["0" * 64, ""])
def test_a_line_of_the_journal_edited_to_another_result_is_refused(begun: Path, digest: str) -> None:
    edit_line(begun, 3, {"digest": digest})
    with pytest.raises(ConfigError, match="is not what the run has written"):
        gone_on(begun).result("1-performance-cpu", "a")


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


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:90])


def later(path: Path) -> None:
    lines = [json.dumps(json.loads(line) | {"version": "2"}) for line in path.read_text("utf-8").splitlines()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


DAMAGES = [emptied, zeroed, cut, folder, pipe, dangling, later]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_journal_is_named_with_a_way_back_and_all_that_ran_is_left(
    damage: Callable[[Path], None], begun: Path
) -> None:
    damage(begun / JOURNAL_FILE)
    there = sorted(str(path) for path in begun.rglob("*"))
    assert is_begun(begun)
    with pytest.raises(ConfigError, match=r"journal\.jsonl.*lie unharmed in their folders.*another --out") as said:
        go_on_from(begun, PLANNED)
    assert "other runs" not in str(said.value)
    assert sorted(str(path) for path in begun.rglob("*")) == there


@pytest.mark.parametrize("damage", [emptied, zeroed, cut, later])
def test_a_damaged_result_of_a_run_that_ended_is_named_with_a_way_back(
    damage: Callable[[Path], None], begun: Path
) -> None:
    if damage is later:
        (begun / "1-performance-cpu" / RESULT_FILE).write_text('{"schema_version": 3}', encoding="utf-8")
    else:
        damage(begun / "1-performance-cpu" / RESULT_FILE)
    with pytest.raises(ConfigError, match=r"result\.json is not what the run has written.*take the folder .* away"):
        gone_on(begun).result("1-performance-cpu", "a")


@pytest.mark.parametrize("damage", [folder, pipe, dangling])
def test_what_lies_in_the_place_of_a_result_makes_the_run_run_again_and_is_put_aside(
    damage: Callable[[Path], None], begun: Path
) -> None:
    damage(begun / "1-performance-cpu" / RESULT_FILE)
    before = gone_on(begun)
    assert before.result("1-performance-cpu", "a") is None
    assert "1-performance-cpu-cut-1" in before.put_aside("1-performance-cpu")
    assert not (begun / "1-performance-cpu").exists()


def test_a_link_to_nowhere_in_the_place_of_a_run_is_put_aside_too(begun: Path) -> None:
    (begun / "3-more").symlink_to("nowhere")
    assert "3-more-cut-1" in gone_on(begun).put_aside("3-more")
    assert (begun / "3-more-cut-1").is_symlink()
    assert gone_on(begun).put_aside("4-none") == ""


def test_a_journal_of_a_command_that_was_killed_before_its_first_run_is_begun_anew(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert go_on_from(tmp_path, PLANNED) is None
    journal.write("planned", "1-performance-cpu", "a")
    assert go_on_from(tmp_path, PLANNED) is None
    anew = Journal(tmp_path, anew=True)
    for run, identity in PLANNED.items():
        anew.write("planned", run, identity)
    assert [line.run for line in read_journal(tmp_path)] == list(PLANNED)
