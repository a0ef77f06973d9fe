from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli import main
from harness.errors import ConfigError, RunFailed
from harness.history.collected import entries_of
from harness.history.entry import HistoryEntry
from harness.history.index import INDEX_FILE, Index, results_below
from harness.history.report import changes_text, listed, noise_text, plotted
from harness.results.files import read_result

VERSION_1 = Path(__file__).parents[1] / "results/version_1"


def lay_out(folder: Path, name: str = "last_server") -> Path:
    folder.mkdir(parents=True)
    shutil.copy(VERSION_1 / f"{name}.json", folder / "result.json")
    return folder


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A run of each kind that earlier versions wrote."""
    for path in VERSION_1.glob("*.json"):
        lay_out(tmp_path / "results" / path.stem, path.stem)
    return tmp_path / "results"


def many(folder: Path, values: list[float], **changed: str) -> Index:
    """An index of runs that differ in their p90, an hour apart."""
    index = Index(folder)
    index.add([lay_out(folder / "seed")])
    (entry,) = index.select({})
    rows = []
    for at, value in enumerate(values):
        versions = json.dumps({"lib": "1" if at < len(values) // 2 else "2"})
        given = {
            "path": f"/runs/{at:05d}",
            "at_s": 1e9 + 3600.0 * at,
            "written_s": 1e9 + 3600.0 * at,
            "versions": versions,
        }
        rows.append(
            [changed.get(name, given.get(name, value if name == "p90" else old)) for name, old in _fields(entry)]
        )
    with sqlite3.connect(folder / INDEX_FILE) as database:
        database.execute("DELETE FROM runs")
        database.executemany(f"INSERT INTO runs VALUES ({', '.join('?' * len(rows[0]))})", rows)
    database.close()
    return index


def _fields(entry: HistoryEntry) -> list[tuple[str, object]]:
    return [(name, getattr(entry, name)) for name in HistoryEntry.__dataclass_fields__]


def test_every_run_that_ended_is_in_the_index_and_an_index_made_anew_is_the_same(results: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "history")
    added = index.add(results_below([results]))
    assert added.refused == ()
    before = index.select({})
    assert added.runs == len(before) > 5
    index.add(results_below([results]), anew=True)
    assert index.select({}) == before


def test_a_run_that_is_added_twice_is_there_once(tmp_path: Path) -> None:
    index, run = Index(tmp_path / "history"), lay_out(tmp_path / "run")
    index.add([run])
    index.add([run])
    assert len(index.select({})) == 1


def test_a_damaged_result_is_named_and_the_others_are_added(tmp_path: Path) -> None:
    good, bad = lay_out(tmp_path / "results/good"), lay_out(tmp_path / "results/bad")
    (bad / "result.json").write_text("{")
    added = Index(tmp_path / "history").add(results_below([tmp_path / "results"]))
    assert added.runs == 1
    assert str(bad) in added.refused[0]
    assert str(good) not in added.refused[0]


def test_what_is_filtered_by_is_never_sql(tmp_path: Path) -> None:
    index = Index(tmp_path / "history")
    index.add([lay_out(tmp_path / "run")])
    assert len(index.select({"task": "k*"})) == 1
    assert index.select({"task": "'; DROP TABLE runs; --"}) == []
    assert len(index.select({})) == 1


def _add(folder: Path, runs: list[Path]) -> None:
    for run in runs:
        Index(folder).add([run])


def test_two_processes_add_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    sides = [[lay_out(tmp_path / f"{side}/{number}") for number in range(8)] for side in "ab"]
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_add, args=(tmp_path / "history", side)) for side in sides]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    assert len(Index(tmp_path / "history").select({})) == 16


def test_a_disk_that_cannot_be_written_is_read_and_said(tmp_path: Path) -> None:
    index, run = Index(tmp_path / "history"), lay_out(tmp_path / "run")
    index.add([run])
    path = tmp_path / "history" / INDEX_FILE
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        assert len(index.select({})) == 1
        if os.geteuid() != 0:
            with pytest.raises(ConfigError, match="read-only"):
                index.add([run])
    finally:
        path.parent.chmod(0o755)
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ConfigError, match="cannot write"):
        Index(blocked).add([run])


def test_a_damaged_index_says_how_to_make_it_anew(tmp_path: Path) -> None:
    path = tmp_path / INDEX_FILE
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(ConfigError, match="make it anew"):
        Index(tmp_path).select({})
    with pytest.raises(ConfigError, match="make it anew"):
        Index(tmp_path).add([])


@pytest.mark.parametrize(
    "change",
    [
        "p50 = 'abc'",
        "p90 = 9e999",
        "at_s = NULL",
        "at_s = 'x'",
        "path = NULL",
        "task = x'00ff'",
        "status = NULL",
        "accuracy = -9e999",
    ],
)
def test_a_row_that_is_none_of_ours_is_refused_and_made_anew(change: str, tmp_path: Path) -> None:
    run, index = lay_out(tmp_path / "run"), Index(tmp_path)
    index.add([run])
    with contextlib.closing(sqlite3.connect(tmp_path / INDEX_FILE)) as database, database:
        database.execute(f"UPDATE runs SET {change}")
    with pytest.raises(ConfigError, match=r"1 of the rows that fit are none of ours.*--rebuild --add DIR"):
        index.select({})
    index.add([*index.paths(), run], anew=True)
    assert len(index.select({})) == 1


@pytest.mark.parametrize("versions", ["{bad", "[]", "null", "1"])
def test_versions_that_are_none_are_said_where_they_are_needed(versions: str, tmp_path: Path) -> None:
    (entry,) = entries_of(tmp_path, read_result(lay_out(tmp_path / "run")), 0.0)
    runs = [replace(entry, p90=1e6 + place + (1e6 if place > 7 else 0), versions=versions) for place in range(16)]
    with pytest.raises(ConfigError, match="--rebuild --add DIR"):
        changes_text({entry.benchmark: runs}, "p90")


@pytest.mark.parametrize("change", ["DROP TABLE runs", "ALTER TABLE runs RENAME COLUMN p90 TO p91"])
def test_an_index_without_its_table_or_columns_says_how_to_make_it_anew(change: str, tmp_path: Path) -> None:
    index = Index(tmp_path)
    index.add([lay_out(tmp_path / "run")])
    with contextlib.closing(sqlite3.connect(tmp_path / INDEX_FILE)) as database, database:
        database.execute(change)
    with pytest.raises(ConfigError, match="take the file away, and make it anew"):
        index.select({})


def test_a_name_with_nothing_behind_it_is_no_history_yet_and_may_become_one(tmp_path: Path) -> None:
    (tmp_path / INDEX_FILE).touch()
    with pytest.raises(ConfigError, match="has no history yet"):
        Index(tmp_path).select({})
    Index(tmp_path).add([lay_out(tmp_path / "run")])
    assert len(Index(tmp_path).select({})) == 1


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / INDEX_FILE)) as database, database:
        database.execute("CREATE TABLE runs (theirs)")
        database.execute("INSERT INTO runs VALUES (1)")
    run = lay_out(tmp_path / "run")
    for anew in (False, True):
        with pytest.raises(ConfigError, match="another program's"):
            Index(tmp_path).add([run], anew=anew)
    with pytest.raises(ConfigError, match="another program's"):
        Index(tmp_path).select({})
    with contextlib.closing(sqlite3.connect(tmp_path / INDEX_FILE)) as database:
        assert database.execute("SELECT theirs FROM runs").fetchall() == [(1,)]


def test_what_a_process_left_that_was_killed_while_it_wrote_is_put_back(tmp_path: Path) -> None:
    index = Index(tmp_path)
    index.add([lay_out(tmp_path / "run")])
    child = multiprocessing.get_context("fork").Process(target=_killed_while_it_writes, args=(tmp_path / INDEX_FILE,))
    child.start()
    child.join()
    assert (tmp_path / f"{INDEX_FILE}-journal").stat().st_size > 0
    assert [Path(entry.path) for entry in index.select({})] == [tmp_path / "run"]


def _killed_while_it_writes(path: Path) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA cache_size = 1")
    database.execute("BEGIN IMMEDIATE")
    names = [name for (_, name, *_) in database.execute("PRAGMA table_info(runs)") if name != "path"]
    for number in range(500):
        database.execute(f"INSERT INTO runs SELECT path || '{number}', {', '.join(names)} FROM runs LIMIT 1")
    os._exit(9)


def test_a_full_disk_is_what_broke_and_a_busy_index_is_to_be_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(code: int) -> Callable[[sqlite3.Connection], int]:
        def version(_: sqlite3.Connection) -> int:
            error = sqlite3.OperationalError("as SQLite says it")
            error.sqlite_errorcode = code
            raise error

        return version

    for code, kind, said in (
        (sqlite3.SQLITE_FULL, RunFailed, "make room"),
        (sqlite3.SQLITE_BUSY, ConfigError, "Try again"),
        (sqlite3.SQLITE_READONLY, ConfigError, "read-only"),
    ):
        monkeypatch.setattr(Index, "_version", staticmethod(fail(code)))
        with pytest.raises(kind, match=said):
            Index(tmp_path).add([])


@pytest.mark.parametrize("put", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_in_the_place_of_an_index_is_named(tmp_path: Path, put: Callable[[Path], object]) -> None:
    put(tmp_path / INDEX_FILE)
    for use in (lambda: Index(tmp_path).select({}), lambda: Index(tmp_path).add([]), lambda: Index(tmp_path).paths()):
        with pytest.raises(ConfigError, match=r"history.sqlite3 is a folder, a pipe or a device.*take it away"):
            use()


def test_an_index_of_another_version_is_made_anew_and_not_guessed_at(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / INDEX_FILE) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(ConfigError, match="version 99"):
        Index(tmp_path).select({})
    Index(tmp_path).add([lay_out(tmp_path / "run")], anew=True)
    assert len(Index(tmp_path).select({})) == 1


def test_a_clock_that_went_back_is_marked(tmp_path: Path) -> None:
    run = lay_out(tmp_path / "run")
    os.utime(run / "result.json", (1e8, 1e8))
    index = Index(tmp_path / "history")
    index.add([run])
    (entry,) = index.select({})
    assert entry.clock_went_back
    assert "the clock was set" in listed([entry])


def test_a_series_runs_are_entries_of_their_own(tmp_path: Path) -> None:
    index = Index(tmp_path / "history")
    index.add([lay_out(tmp_path / "run", "oldest_repeat")])
    assert len(index.select({})) > 1


def test_ten_thousand_runs_are_listed_plotted_and_searched_for_changes(tmp_path: Path) -> None:
    index = many(tmp_path, [1e6 + at % 7 for at in range(10_000)])
    runs = index.select({}, "p90", 0)
    assert len(runs) == 10_000
    assert len(listed(runs).splitlines()) == 10_001
    assert "p90 of 10,000 runs" in plotted(runs, "p90")


def test_when_it_got_slower_is_said_with_what_else_changed_then(tmp_path: Path) -> None:
    values = [1e6 * (1 + 0.001 * (at % 5)) * (1.1 if at >= 20 else 1) for at in range(40)]
    many(tmp_path, values)
    runs = Index(tmp_path).select({})
    text = changes_text({("x",): runs}, "p90")
    assert "WORSE" in text
    assert "/runs/00019 and /runs/00020" in text
    assert "lib 1 -> 2" in text


def test_runs_of_several_benchmarks_in_one_plot_are_said_to_be_so(results: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "h")
    index.add(results_below([results]))
    text = plotted(index.select({}), "p90")
    (note,) = [line for line in text.splitlines() if line.startswith("note: ")]
    assert "2 benchmarks, which differ in scenario" in note
    assert "--filter scenario=..." in text
    many(tmp_path / "alike", [1e6, 2e6])
    assert "note: " not in plotted(Index(tmp_path / "alike").select({}), "p90")


def test_too_few_runs_are_not_said_to_have_no_change(tmp_path: Path) -> None:
    runs = many(tmp_path, [1e6] * 8).select({})
    assert changes_text({("x",): runs[:7]}, "p90").endswith("7 runs with p90; 8 are the least that can show a change")
    assert changes_text({("x",): runs}, "p90").endswith("8 runs with p90, no change for good")


def test_runs_without_the_figure_do_not_count_as_teaching_it(tmp_path: Path) -> None:
    runs = many(tmp_path, [0.0] * 9 + [1e6]).select({})
    assert ": 1 run with p90; 8 teach" in noise_text({("x",): None}, {("x",): runs}, "p90")


def test_benchmarks_that_differ_in_their_mode_have_different_titles(tmp_path: Path) -> None:
    scored = many(tmp_path, [1e6], mode="accuracy").select({})
    assert " accuracy, " in changes_text({("x",): scored}, "p90")


@pytest.mark.parametrize(
    "words",
    [
        ["--plot", "p90", "--sort", "p50"],
        ["--changes", "p90", "--limit", "3"],
        ["--figure", "p50"],
        ["--noise", "p90", "--max-regression", "2%"],
        ["--judge", "run", "--filter", "task=kws"],
    ],
)
def test_an_option_that_would_change_nothing_is_refused(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many(tmp_path, [1e6])
    assert main(["history", "--history", str(tmp_path), *words]) == 2
    assert "change" in (said := capsys.readouterr().err)
    assert words[-2] in said


def test_hostile_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    many(tmp_path, [1e6], model="\x1b[31mred\u202e\n" + "x" * 500, path="\x1b]0;title\x07")
    text = listed(Index(tmp_path).select({}))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert len(text.splitlines()) == 2


def test_a_path_that_is_cut_does_not_look_like_one_from_the_root(tmp_path: Path) -> None:
    whole, cut = "/" + "p" * 59, f"/home/somebody/{'d' * 40}/results/1-performance-cpu"
    for path, expected in ((whole, whole), (cut, f"...{cut[-57:]}")):
        index = many(tmp_path / str(len(path)), [1e6], path=path)
        assert listed(index.select({})).splitlines()[-1].split()[-1] == expected


def test_the_command_adds_lists_filters_and_judges(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFLITE_LOADGEN_HISTORY", str(tmp_path / "h"))
    assert main(["history", "--add", str(results)]) == 0
    assert main(["history", "--filter", "scenario=Server", "--sort", "p90"]) == 0
    assert "Server" in capsys.readouterr().out
    for wrong in (["--filter", "taks=x"], ["--filter", "task"], ["--sort", "x"], ["--limit", "x"], ["--plot", "p9"]):
        assert main(["history", *wrong]) == 2
    assert main(["history", "--judge", str(results / "last_server"), "--max-regression", "x"]) == 2
    assert main(["history", "--judge", str(results / "last_server")]) == 0
    said = capsys.readouterr().out
    assert "cannot be judged: only 0 earlier runs of the same benchmark, and 8 teach how much" in said


def test_a_folder_without_any_run_is_said_to_have_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFLITE_LOADGEN_HISTORY", str(tmp_path / "h"))
    lay_out(tmp_path / "runs/one")
    (tmp_path / "empty").mkdir()
    assert main(["history", "--add", str(tmp_path / "runs"), "--add", str(tmp_path / "empty")]) == 0
    index, nothing = capsys.readouterr().out.splitlines()
    assert index == "1 run is in the index"
    assert nothing == f"no finished run lies below {tmp_path / 'empty'}: no result.json is there"


def test_a_regression_is_exit_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = lay_out(tmp_path / "new")
    (entry,) = [*_entries(run)]
    assert entry.p90 is not None
    usual = [entry.p90 / 1.5 * (1 + 0.001 * (at % 3)) for at in range(20)]
    folder = tmp_path / "h"
    folder.mkdir()
    many(folder, usual)
    assert main(["history", "--history", str(folder), "--judge", str(run)]) == 1
    assert "REGRESSED" in capsys.readouterr().out
    assert main(["history", "--history", str(folder), "--judge", str(run), "--max-regression", "80%"]) == 0


def _entries(run: Path) -> list[HistoryEntry]:
    index = Index(run.parent / "own")
    index.add([run])
    return list(index.select({}))
