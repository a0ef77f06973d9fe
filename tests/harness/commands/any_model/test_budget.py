"""The command `budget`, on models of a few microseconds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from xml.etree import ElementTree

import pytest

Call = Callable[..., CompletedProcess[str]]
EXAMPLE = Path(__file__).parents[4] / "docs/examples/budget.yaml"
QUICK = ("--num_runs", "2", "--min_secs", "0")


def write(path: Path, *rows: str) -> Path:
    path.write_text("title: ours\nrows:\n" + "".join(f"  - {row}\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def budget(tmp_path: Path) -> Callable[..., Path]:
    return lambda *rows: write(tmp_path / "budget.yaml", *rows)


def test_every_figure_has_a_verdict_and_a_miss_exits_1(
    call: Call, budget: Callable[..., Path], keyword_model: Path, keyword_data: Path, tmp_path: Path
) -> None:
    accuracy = f"accuracy: {{task: kws, dataset: {keyword_data}, count: 6}}"
    limits = (
        "latency.p97.5: 10s, peak_memory: 1GB, size: 1B, difference.avg_error: 100, accuracy.top1: 80%, power: report"
    )
    file = budget(
        f"{{model: {keyword_model}, name: words, backend: 'cpu:xnnpack=false', {accuracy}, limits: {{{limits}}}}}",
        "{model: selfie_segmentation_landscape_256x256_f16, optional: true, limits: {latency.mean: 6ms}}",
    )
    done = call("budget", file, *QUICK, "--json", "--junit", "verdict.xml")
    assert done.returncode == 1, done.stderr
    words, selfie = json.loads(done.stdout)["rows"]
    status = {check["figure"]: check["status"] for check in words["checks"]}
    assert status == {
        "latency.p97.5": "passed",
        "peak_memory": "passed",
        "size": "failed",
        "difference.avg_error": "passed",
        "accuracy.top1": "passed",
        "power": status["power"],
    }
    assert status["power"] in ("reported", "not measured")
    values = {check["figure"]: check["value"] for check in words["checks"]}
    assert values["accuracy.top1"] == pytest.approx(5 / 6)
    assert values["size"] == keyword_model.stat().st_size
    assert (words["verdict"], words["why"]) == ("fail", "size")
    assert (selfie["verdict"], selfie["missed"]) == ("not here", False)
    assert "selfie_segmentation_landscape_256x256_f16 is not here" in selfie["why"]
    suite = ElementTree.parse(tmp_path / "verdict.xml").getroot()[0]
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["skipped"]) == ("6", "1", "1")
    assert "the budget is missed: words" in done.stderr


def test_the_cpu_against_itself_is_no_test_and_nothing_measured_exits_2(
    call: Call, budget: Callable[..., Path], keyword_model: Path
) -> None:
    done = call("budget", budget(f"{{model: {keyword_model}, limits: {{difference.avg_error: 1}}}}"), *QUICK)
    assert done.returncode == 2
    assert "not a test: both sides are the same" in done.stdout
    assert "0 of 1 rows pass" in done.stdout
    assert "nothing of this budget could be measured here" in done.stderr


def test_a_row_that_could_not_be_measured_is_missed_unless_that_is_allowed(
    call: Call, budget: Callable[..., Path], keyword_model: Path, tmp_path: Path
) -> None:
    file = budget(f"{{model: {keyword_model}, limits: {{size: 1GB}}}}", "{model: ./absent.tflite, limits: {size: 1GB}}")
    done = call("budget", file)
    assert done.returncode == 1
    assert (
        "not here absent.tflite: no model file at absent.tflite (counts as missed)".replace("absent", "./absent")
        in done.stdout
    )
    assert call("budget", file, "--allow-unmeasured").returncode == 0


def test_models_of_a_folder_are_found_by_name_and_stand_ins_are_named(
    call: Call, budget: Callable[..., Path], keyword_model: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models" / "below"
    models.mkdir(parents=True)
    for name in ("lstm.tflite", "other.tflite", "mine.tflite"):
        (models / name).write_bytes(keyword_model.read_bytes())
    standin = "standins: [{file: other.tflite, why: of another kind}]"
    file = budget(
        "{model: mine, limits: {size: 1GB}}",
        "{model: lstm, limits: {size: 1GB}}",
        f"{{model: selfie_segmentation_landscape_256x256_f16, {standin}, limits: {{size: 1GB}}}}",
    )
    done = call("budget", file, "--models", models.parent, "--json")
    assert done.returncode == 0, done.stderr
    mine, lstm, selfie = json.loads(done.stdout)["rows"]
    assert (mine["standin"], mine["notes"]) == ("", [])
    assert lstm["notes"] == ["lstm.tflite is not the published file: its checksum is another"]
    assert selfie["standin"] == "other.tflite: of another kind"


def test_the_example_for_ci_fails_by_its_budget(call: Call, keyword_model: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    for name in ("keywords.tflite", "wake_word.tflite"):
        (models / name).write_bytes(keyword_model.read_bytes())
    done = call("budget", EXAMPLE, "--models", models, "--only", "wake word", "--junit", "budget.xml")
    assert done.returncode == 1
    assert "FAIL     wake word: size" in done.stdout
    failure = ElementTree.parse(tmp_path / "budget.xml").getroot().find(".//failure")
    assert failure is not None
    assert failure.attrib["message"] == "size is 7.1 kB, more than 4.1 kB"


@pytest.mark.parametrize(
    ("row", "words", "said"),
    [
        ("{model: mobilenet_v3_1.0_224, limits: {size: 1GB}}", [], "did you mean 'mobilenet_v2_1.0_224'"),
        ("{model: m, limits: {size: 1GB}}", ["--models", "."], "--models DIR with m.tflite in it"),
        ("{model: m, limits: {sise: 1GB}}", [], "did you mean 'size'?"),
        ("{model: m, limits: {size: 1GB}}", ["--models", "absent"], "--models absent: no such folder"),
        ("{model: m, limits: {size: 1GB}}", ["--num_runs", "0"], "--num_runs must be a whole number of at least 1"),
        ("{model: lstm, reference_model: lsttm, limits: {difference.snr: 9}}", [], "did you mean 'lstm'?"),
        ("{model: m, limits: {size: 1GB}}", ["--only", "n"], "unknown row 'n'"),
        ("{model: m, limits: {size: 1GB}}", ["--junit", "no/folder.xml"], "no such folder"),
    ],
)
def test_a_mistake_exits_2_before_anything_is_measured(
    row: str, words: list[str], said: str, call: Call, budget: Callable[..., Path]
) -> None:
    done = call("budget", budget(row), *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("ranges: {featurez: [0, 1]}", "ranges: unknown input 'featurez'; "),
        ("ranges: {'': [5, 1]}", "ranges: the range 5 to 1 of input .* ends before it begins"),
        ("ranges: {'': [0, 1000]}", "ranges: the range 0 to 1000 of input .* is beyond int8"),
        ("signature: serving_defautl", "signature: (unknown signature 'serving_defautl'|the model has none)"),
        ("input_shapes: {x: [1, 2]}", "input_shapes: unknown input 'x'"),
        ("input_shapes: {'': [1, 2]}", r"input_shapes: .* which \[1, 2\] does not fit"),
        ("accuracy: {task: kws, dataset: bultin}", "accuracy: unknown data set 'bultin'; did you mean 'builtin'"),
        ("accuracy: {task: kws, count: 99999}", "accuracy: count: 99999 .* are wanted"),
    ],
)
def test_what_a_row_says_of_its_model_and_is_not_so_exits_2_with_all_rows_named(
    fields: str, said: str, call: Call, budget: Callable[..., Path], keyword_model: Path
) -> None:
    done = call(
        "budget",
        budget(
            f"{{model: {keyword_model}, name: mine, {fields}, limits: {{size: 1GB}}}}",
            f"{{model: {keyword_model}, name: other, ranges: {{y: [0, 1]}}, limits: {{size: 1GB}}}}",
        ),
    )
    assert done.returncode == 2, done.stdout
    assert re.search(f"row 'mine': {said}", done.stderr), done.stderr
    assert "row 'other': ranges: unknown input 'y'" in done.stderr
    assert done.stdout == ""
