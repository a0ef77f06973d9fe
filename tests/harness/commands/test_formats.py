"""--format of the verbs that measure a model or list runs: several at once, each in its own file, each readable."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.cli import main

Cli = Callable[..., subprocess.CompletedProcess[str]]
FEW = ("--num_runs=3", "--min_secs=0", "--warmup_min_secs=0")


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The options for three files at once."""
    names = {"junit": "cases.xml", "csv": "figures.csv", "github": "figures.json"}
    return [word for name, file in names.items() for word in ("--format", f"{name}={tmp_path / file}")]


def cases(tmp_path: Path) -> dict[str, str]:
    """Name -> what came of it."""
    root = ElementTree.parse(tmp_path / "cases.xml").getroot()
    return {
        f"{case.get('classname')}:{case.get('name')}": next((child.tag for child in case), "passed")
        for case in root.iter("testcase")
    }


def figures(tmp_path: Path) -> dict[str, float]:
    with (tmp_path / "figures.csv").open(newline="") as file:
        return {f"{row['benchmark']}:{row['figure']}": float(row["value"]) for row in csv.DictReader(file)}


def test_diff_has_its_errors_and_a_case_for_each_output(
    keyword_model: Path, files: list[str], call: Cli, tmp_path: Path
) -> None:
    done = call("diff", keyword_model, "--reference", "builtin", "--num_runs", "2", *files, "--json")
    assert done.returncode == 0, done.stderr
    (output,) = json.loads(done.stdout)["outputs"]
    found = figures(tmp_path)
    (largest,) = [value for name, value in found.items() if name.endswith(":largest")]
    assert largest == output["largest"]
    assert set(cases(tmp_path).values()) == {"passed"}
    assert all(
        row["name"].rpartition(" ")[2] != "snr_db" for row in json.loads((tmp_path / "figures.json").read_text())
    )


def test_quiet_leaves_the_format_that_is_asked_for_on_standard_output(
    keyword_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bench", str(keyword_model), *FEW]
    assert main([*words, "--quiet"]) == 0
    assert not capsys.readouterr().out
    assert main([*words, "--quiet", "--format", "csv"]) == 0
    assert capsys.readouterr().out.startswith("model,")


def test_a_profile_has_a_row_for_each_type_of_op_and_no_verdict(
    keyword_model: Path, files: list[str], call: Cli, tmp_path: Path
) -> None:
    done = call("profile", keyword_model, "--num_runs", "3", "--no-peak", *files, "--json")
    assert done.returncode == 0, done.stderr
    profile, found = json.loads(done.stdout), figures(tmp_path)
    whole = next(value for name, value in found.items() if name.endswith(":whole run"))
    assert whole == pytest.approx(1e3 * profile["unprofiled"]["mean_us"])
    assert len(found) == 2 + len(profile["by_type"])
    assert cases(tmp_path) == {}


def test_bench_writes_its_own_table_and_the_others_figures_at_once(
    keyword_model: Path, files: list[str], call: Cli, tmp_path: Path
) -> None:
    own = tmp_path / "own.json"
    done = call("bench", keyword_model, *FEW, *files[:2], "--format", f"json={own}", "--format", "markdown")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("### bench")
    assert json.loads(own.read_text())["rows"][0]["found"]["latency"]["runs"] >= 3
    assert set(cases(tmp_path).values()) == {"passed"}


def test_bench_says_in_every_form_which_model_was_refused(
    keyword_model: Path, files: list[str], call: Cli, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(keyword_model.read_bytes()[:300])
    done = call("bench", broken, keyword_model, *FEW, *files)
    assert done.returncode != 0
    if (tmp_path / "cases.xml").is_file():
        assert sorted(cases(tmp_path).values()) == ["error", "passed"]
    else:
        assert "broken.tflite" in done.stderr


@pytest.mark.parametrize("verb", ["bench", "diff", "profile"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "yaml"), "unknown format 'yaml'; known: "),
        (("--format", "csv", "--format", "junit"), "only one thing goes to standard output"),
        (("--format", "junit="), "names no file"),
        (("--format", "junit=/dev/null/x.xml"), "x.xml"),
        (("--format", "csv=/proc/self/fd/1"), "it is a device or a pipe"),
        (("--format", "csv=one", "--format", "junit=./one"), "give each its own file"),
    ],
)
def test_a_mistake_is_said_before_anything_is_measured(
    keyword_model: Path, verb: str, words: tuple[str, ...], said: str, call: Cli
) -> None:
    done = call(verb, keyword_model, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_neither_a_model_nor_a_part_of_a_run_is_written_over(keyword_model: Path, call: Cli, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text("a run's", encoding="ascii")
    model = tmp_path / "model.tflite"
    model.write_bytes(keyword_model.read_bytes())
    for file in (model, tmp_path / "result.json"):
        before = file.read_bytes()
        done = call("bench", model, *FEW, "--format", f"csv={file}")
        assert done.returncode == 2
        assert "would be written over a model or a part of a run" in done.stderr
        assert file.read_bytes() == before


def test_history_has_a_row_for_each_figure_of_each_run(
    run_command: Cli, keyword_model: Path, keyword_data: Path, files: list[str], call: Cli, tmp_path: Path
) -> None:
    given = ("--task", "kws", "--model", keyword_model, "--dataset", keyword_data, "--mode", "accuracy")
    run_command("run", *given, "--out", tmp_path / "run", "--history", tmp_path / "index", cwd=tmp_path)
    done = call("history", "--history", tmp_path / "index", *files)
    assert done.returncode == 0, done.stderr
    assert figures(tmp_path)[f"{tmp_path / 'run'}:accuracy"] == 0.8
    assert list(cases(tmp_path).values()) == ["passed"]
    judged = call(
        "history", "--history", tmp_path / "index", "--judge", tmp_path / "run", "--figure", "accuracy", *files
    )
    assert judged.returncode == 0, judged.stderr
    assert list(cases(tmp_path).values()) == ["skipped"]
    refused = call("history", "--history", tmp_path / "index", "--plot", "p90", *files)
    assert refused.returncode == 2
    assert "--plot has --json" in refused.stderr
