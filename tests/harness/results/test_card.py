"""The accuracy card: margins by brute force, targets by round, when a target binds, and what the terminal says."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from accuracy.confidence.interval import Interval
from accuracy.metric.score import Score, of_hits
from harness.config.files import benchmark_names, config_folder, load_benchmark
from harness.config.official.accuracy_targets import Target, floor_of, published_of
from harness.config.registry import task_class
from harness.json_records import from_json, to_json
from harness.report.accuracy import accuracy_rows, exact_metric, metric
from harness.results.card import ScoredSubject, judge_accuracy, may_be_lost
from harness.results.scores import Card, Metric
from harness.spec.rules_in_force import chosen_rules
from harness.spec.schema import DataSetRef, ModelRef

Cli = Callable[..., subprocess.CompletedProcess[str]]
FIELDS = settings(deadline=None, derandomize=True, max_examples=150)

FLOOR = Target(metric="top1", value=0.7466, source="98 % of 76.19 top-1")
MODEL = ModelRef(name="m", source="official", path=Path("m.tflite"), sha256="0" * 64, checksum="verified")
DATA = DataSetRef(name="d", source="official", path=Path("d"), checksum="verified", full=True)


def subject(**changes: Any) -> ScoredSubject:
    """An official model on the full official set of 1,000 samples, or what the changes make of it."""
    known: dict[str, Any] = {
        "headline": "top1",
        "targets": [FLOOR],
        "round": "v3.1",
        "full_count": 1000,
        "count": 1000,
        "dataset": DATA,
        "model": MODEL,
    }
    return ScoredSubject(**known | changes)


def hits(number: int, count: int = 1000) -> Score:
    return of_hits(
        {"top1": number / count}, {"top1": np.repeat([1.0, 0.0], [number, count - number])}, count, "pictures"
    )


def card_of(score: Score, of: ScoredSubject) -> dict[str, Any]:
    found: dict[str, Any] = as_json(score, of)["accuracy_card"]
    return found


def as_json(score: Mapping[str, float], of: ScoredSubject) -> dict[str, Any]:
    return to_json(judge_accuracy(score, of))


# --- margins -----------------------------------------------------------------------------------------------------


@FIELDS
@given(st.integers(1, 400), st.floats(0, 1), st.floats(0, 1))
def test_that_many_hits_may_be_lost_and_not_one_more(count: int, share: float, target: float) -> None:
    number = round(share * count)
    margin = may_be_lost(np.repeat([1.0, 0.0], [number, count - number]), target)
    assert margin is not None
    if number / count >= target:
        assert margin >= 0
        assert (number - margin) / count >= target
        assert margin == number or (number - margin - 1) / count < target
    else:
        assert margin < 0
        assert (number - margin) / count >= target
        assert (number - margin - 1) / count < target


@FIELDS
@given(st.lists(st.integers(0, 16), min_size=1, max_size=40), st.integers(0, 16))
def test_whichever_questions_are_lost_the_target_holds(sixteenths: list[int], target: int) -> None:
    """Sixteenths, so that every sum is exact: the brute force loses questions one by one, the best ones first."""
    parts, floor = np.array(sixteenths) / 16, target / 16
    margin = may_be_lost(parts, floor)
    left = sorted((Fraction(part, 16) for part in sixteenths), reverse=True)
    there_are = sum(part > 0 for part in sixteenths)
    if sum(left) / len(left) < Fraction(target, 16):
        assert margin is not None
        won = [1 - part for part in sorted(left)]
        assert (sum(left) + sum(won[:-margin])) / len(left) >= Fraction(target, 16)
        assert (sum(left) + sum(won[: -margin - 1])) / len(left) < Fraction(target, 16)
        return
    lost = 0
    while lost < there_are and sum(left[lost + 1 :]) / len(left) >= Fraction(target, 16):
        lost += 1
    assert margin == lost


def test_what_nobody_can_win_has_no_margin() -> None:
    assert may_be_lost(np.array([1.0, 0.5]), 1.5) is None


def test_a_margin_is_given_in_points_and_in_samples() -> None:
    card = card_of(hits(800), subject())
    assert card["margin"] == {"points": pytest.approx(5.34), "samples": 53}
    assert (800 - 53) / 1000 >= 0.7466 > (800 - 54) / 1000
    missed = card_of(hits(740), subject())
    assert missed["margin"] == {"points": pytest.approx(-0.66), "samples": -7}
    assert 747 / 1000 >= 0.7466 > 746 / 1000


def test_a_metric_whose_samples_have_no_fixed_weight_has_a_margin_in_points_alone() -> None:
    floor = Target(metric="psnr_db", value=33.0, source="rule")
    score = Score({"psnr_db": 33.43}, "pictures", 25, Interval(33.1, 33.8, "bootstrap, 1,000 resamples"))
    card = card_of(score, subject(headline="psnr_db", targets=[floor]))
    assert card["margin"] == {"points": pytest.approx(0.43), "samples": None}
    assert card["interval"] == {
        "low": 33.1,
        "high": 33.8,
        "confidence": 0.95,
        "method": "bootstrap, 1,000 resamples",
    }
    rows = accuracy_rows({"psnr_db": Metric(33.43, 33.0, True)}, from_json(Card, card))
    assert ("margin", "passed: +0.43 dB") in rows


# --- when a target binds -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "passed"), [(747, True), (746, False)])
def test_a_target_binds_an_official_model_on_the_full_official_set(number: int, passed: bool) -> None:
    judged = as_json(hits(number), subject())
    assert judged["accuracy"] == {"top1": {"value": number / 1000, "target": 0.7466, "passed": passed}}
    assert judged["accuracy_card"]["passed"] is passed
    assert judged["accuracy_card"]["remarks"] == []


SUBSET = "subset of 500: not comparable with the full set of 1,000"


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"count": 500, "dataset": DATA.model_copy(update={"count": 500})}, SUBSET),
        ({"count": 500, "dataset": DATA.model_copy(update={"checksum": None, "full": False})}, SUBSET),
        ({"count": 2000}, "a set of 2,000 of its own: not comparable with the full set of 1,000"),
        (
            {"count": 200, "dataset": DataSetRef(name="b", source="builtin", path=Path("b"))},
            "built-in data: the target does not apply to them",
        ),
        (
            {"count": 200, "dataset": DataSetRef(name="b", source="builtin", path=Path("b"))},
            "a set of 200 of its own: not comparable with the full set of 1,000",
        ),
        (
            {"model": ModelRef(name="m", source="standin", path=Path("m"), sha256="")},
            "a stand-in model: the target does not apply to it",
        ),
        (
            {"model": ModelRef(name="m", source="file", path=Path("m"), sha256="")},
            "the target is shown, not asked for: the model is not one that is recognised by its checksum",
        ),
        (
            {"model": MODEL.model_copy(update={"checksum": "unverified"})},
            "the target is shown, not asked for: the model is not one that is recognised by its checksum",
        ),
        (
            {"dataset": DATA.model_copy(update={"checksum": "unverified"})},
            "the target is shown, not asked for: the data are not recognised by a checksum",
        ),
        (
            {"dataset": DATA.model_copy(update={"full": False})},
            "the target is shown, not asked for: the data are not recognised by a checksum",
        ),
        (
            {"model": None},
            "the target is shown, not asked for: the log does not say which model answered",
        ),
    ],
)
def test_everywhere_else_a_target_is_shown_and_the_reason_given(changes: dict[str, Any], remark: str) -> None:
    count = changes.get("count", 1000)
    judged = as_json(hits(count // 10, count), subject(**changes))
    assert judged["accuracy"]["top1"] == {"value": pytest.approx(0.1), "target": 0.7466, "passed": None}
    card = judged["accuracy_card"]
    assert card["passed"] is None
    assert card["target"]["value"] == 0.7466
    assert card["margin"]["samples"] < 0
    assert remark in card["remarks"]


def test_a_published_score_is_shown_and_never_asked_for() -> None:
    published = Target(metric="top1", value=0.99, source="its makers", floor=False)
    judged = as_json(hits(800), subject(targets=[published, FLOOR]))
    assert judged["accuracy"]["top1"]["passed"] is True
    assert judged["accuracy_card"]["published"] == [{"value": 0.99, "source": "its makers"}]
    alone = as_json(hits(800), subject(targets=[published]))
    assert alone["accuracy"]["top1"] == {"value": 0.8, "target": None, "passed": None}
    assert alone["accuracy_card"]["margin"] is None


def test_a_score_without_its_headline_has_no_card() -> None:
    score = Score({"voc_map50": 0.5}, "pictures", 3)
    judged = as_json(score, subject(headline="coco_ap", targets=[]))
    assert judged["accuracy"] == {"voc_map50": {"value": 0.5, "target": None, "passed": None}}
    assert judged["accuracy_card"] is None
    assert accuracy_rows({"voc_map50": Metric(0.5, None, None)}, None) == [("voc_map50", "0.500 mAP")]


def test_metrics_that_are_a_plain_mapping_have_a_card_without_interval() -> None:
    card = as_json({"auc": 0.876}, subject(headline="auc", targets=[]))["accuracy_card"]
    assert (card["unit"], card["count"], card["interval"], card["notes"]) == ("samples", 1000, None, [])


# --- targets in the configs --------------------------------------------------------------------------------------

FLOORS = {
    ("mobilenet_edgetpu", "v0.7"): 0.7466,
    ("mobilenet_edgetpu", "v3.1"): 0.7466,
    ("mobilenet_v4", "v4.0"): 0.8103,
    ("ssd_mobilenet_v2", "v0.7"): 0.227,
    ("mobiledet", "v1.0"): 0.2708,
    ("deeplabv3", "v0.7"): 0.5316,
    ("mosaic", "v5.0"): 0.5741,
    ("edsr", "v3.0"): 33.0,
    ("mobilebert", "v0.7"): 0.8314,
    ("kws", None): 0.90,
}
FULL = {
    "mobilenet_edgetpu": 50_000,
    "mobilenet_v4": 50_000,
    "ssd_mobilenet_v2": 5000,
    "mobiledet": 5000,
    "deeplabv3": 2000,
    "mosaic": 2000,
    "edsr": 25,
    "mobilebert": 10_833,
    "kws": 1000,
}


@pytest.mark.parametrize(("name", "mlperf_round"), FLOORS)
def test_a_benchmark_has_its_floor_in_its_rounds(name: str, mlperf_round: str | None) -> None:
    benchmark = load_benchmark(config_folder() / f"{name}.yaml", [("load.round", mlperf_round)])
    headline, rules = task_class(benchmark.task).headline, chosen_rules(benchmark)
    floor = floor_of([*benchmark.targets, *rules.targets], headline, rules.round, FULL[name])
    assert floor is not None
    assert floor.value == FLOORS[name, mlperf_round]
    assert rules.full_count == FULL[name]


WORDS = {
    "headline": "hit_rate",
    "targets": chosen_rules(load_benchmark(config_folder() / "sww.yaml")).targets,
    "round": None,
    "full_count": chosen_rules(load_benchmark(config_folder() / "sww.yaml")).full_count,
    "count": 37_470,
    "counts_scored": True,
    "metrics": task_class("wake_word").metric_kinds({}),
}
"""The wake word's stream of 20 minutes: so many moments, of which 50 words are scored."""


def heard(misses: int, alarms: int, words: int = 50) -> Score:
    counts = {"false_negatives": float(misses), "false_positives": float(alarms)}
    return Score({"hit_rate": 1 - misses / words, **counts}, "words", words)


@pytest.mark.parametrize(
    ("misses", "alarms", "wanted"), [(8, 8, (True, True)), (9, 0, (False, True)), (0, 9, (True, False))]
)
def test_a_wake_words_limits_bind_on_its_words_and_not_on_its_moments(
    misses: int, alarms: int, wanted: tuple[bool, bool]
) -> None:
    judged = judge_accuracy(heard(misses, alarms), subject(**WORDS))
    found = judged.accuracy["false_negatives"], judged.accuracy["false_positives"]
    assert tuple(one.passed for one in found) == wanted
    assert [one.target for one in found] == [8, 8]
    assert judged.accuracy_card is not None
    assert judged.accuracy_card.remarks == ()
    assert ("false_positives", f"{alarms} (target 8, {'passed' if wanted[1] else 'MISSED'})") in accuracy_rows(
        judged.accuracy, judged.accuracy_card
    )


def test_a_part_of_the_stream_is_a_subset_of_words_and_binds_nothing() -> None:
    judged = judge_accuracy(heard(1, 0, 20), subject(**WORDS))
    assert judged.accuracy["false_negatives"].passed is None
    assert judged.accuracy_card is not None
    assert judged.accuracy_card.remarks[0] == "subset of 20: not comparable with the full set of 50"


@pytest.mark.parametrize("name", benchmark_names())
def test_targets_speak_of_the_headline_or_of_counted_errors_and_of_models_that_there_are(name: str) -> None:
    benchmark = load_benchmark(config_folder() / f"{name}.yaml")
    task = task_class(benchmark.task)
    judged = {task.headline} | {kind.name for kind in task.metric_kinds({}) if kind.lower_is_better}
    for target in [*benchmark.targets, *chosen_rules(benchmark).targets]:
        assert target.metric in judged
        assert set(target.models) <= set(benchmark.models)


def test_mobilebert_has_a_floor_of_its_own_on_the_first_hundred() -> None:
    benchmark = load_benchmark(config_folder() / "mobilebert.yaml")
    targets = [*benchmark.targets, *chosen_rules(benchmark).targets]
    assert [floor.value for count in (99, 100, 10_833) if (floor := floor_of(targets, "f1", "v4.1", count))] == [
        0.8314,
        0.8417,
        0.8314,
    ]
    assert [one.value for one in published_of(targets, "f1", "v4.1", "mobilebert_float32")] == [0.90]
    assert [one.value for one in published_of(targets, "f1", "v4.1", "mobilebert_int8")] == [0.88]
    assert published_of(targets, "f1", "v4.1", "another") == []
    card = card_of(
        Score({"f1": 0.934}, "questions", 100),
        subject(headline="f1", targets=targets, full_count=10_833, count=100),
    )
    assert card["passed"] is None
    assert card["target"] == {
        "value": 0.8417,
        "count": 100,
        "source": "93 % of 90.5 F1 on the first 100 questions, mobile_inference_rules.adoc",
    }
    assert card["remarks"] == [
        "subset of 100: not comparable with the full set of 10,833; the target is that of the first 100"
    ]


def test_a_target_holds_in_its_rounds_alone() -> None:
    old = Target(metric="top1", value=0.5, source="old", rounds=["v0.7"])
    new = Target(metric="top1", value=0.6, source="new", rounds=["v1.0", "v1.1"])
    values = [floor_of([old, new], "top1", one, 10) for one in ("v0.7", "v1.1", "v2.0")]
    assert [one and one.value for one in values] == [0.5, 0.6, None]
    assert floor_of([old, new], "top5", "v0.7", 10) is None


# --- the terminal ------------------------------------------------------------------------------------------------


def test_the_terminal_shows_the_card_as_the_field_writes_it() -> None:
    judged = judge_accuracy(hits(37_715, 50_000), subject(count=50_000, full_count=50_000))
    assert accuracy_rows(judged.accuracy, judged.accuracy_card) == [
        ("top1", "75.43 % (95 % confidence: 75.05 to 75.81; Wilson, 50,000 pictures)"),
        ("target", "74.66 % (v3.1: 98 % of 76.19 top-1)"),
        ("margin", "passed: +0.77 points, 385 more may be lost"),
    ]
    missed = judge_accuracy(hits(37_000, 50_000), subject(count=50_000, full_count=50_000))
    assert ("margin", "MISSED: -0.66 points, 330 more must be won") in accuracy_rows(
        missed.accuracy, missed.accuracy_card
    )


def test_floors_keep_the_digits_that_the_rules_give_them() -> None:
    for name, value, text in (
        ("f1", 0.8314, "83.14 F1"),
        ("coco_ap", 0.2708, "0.2708 mAP"),
        ("coco_ap", 0.227, "0.227 mAP"),
    ):
        floor = Target(metric=name, value=value, source="rule")
        judged = judge_accuracy(Score({name: 0.5}, "pictures", 10), subject(headline=name, targets=[floor], round=None))
        assert ("target", f"{text} (rule)") in accuracy_rows(judged.accuracy, judged.accuracy_card)


@pytest.mark.parametrize(
    ("name", "value", "shown", "exact"),
    [
        ("top1", 0.7619, "76.19 %", "76.19 %"),
        ("coco_ap", 0.24412, "0.244 mAP", "0.2441"),
        ("coco_ap50", 0.3263, "0.326", "0.3263"),
        ("f1", 0.9004, "90.0 F1", "90.0400"),
        ("f1", 0.921956, "92.2 F1", "92.1956"),
        ("exact_match", 0.862062, "86.21 %", "86.2062"),
        ("psnr_db", 33.4321, "33.43 dB", "33.43 dB"),
        ("auc", 0.876, "0.876", "0.8760"),
    ],
)
def test_metrics_are_shown_short_and_compared_exactly(name: str, value: float, shown: str, exact: str) -> None:
    assert metric(name, value) == shown
    assert exact_metric(name, value) == exact


# --- whole runs --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(
    command: list[str],
    environment: dict[str, str],
    keywords: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, str]:
    """An accuracy run of 40 keywords, and what it printed."""
    out = tmp_path_factory.mktemp("card") / "out"
    words = [*command, *keywords, "--mode", "accuracy", "--out", str(out)]
    done = subprocess.run(
        words, env=environment, cwd=out.parent, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def test_a_run_leaves_its_card_in_the_result_and_on_the_terminal(
    finished: tuple[Path, str], read_result: Callable[[Path], dict[str, Any]]
) -> None:
    folder, text = finished
    result = read_result(folder)
    card = result["accuracy_card"]
    assert result["accuracy"] == {"top1": {"value": 0.8, "target": 0.9, "passed": None}}
    assert (card["metric"], card["value"], card["count"], card["unit"]) == ("top1", 0.8, 40, "samples")
    assert card["margin"] == {"points": pytest.approx(-10), "samples": -4}
    assert card["interval"]["low"] == pytest.approx(0.6524, abs=1e-4)
    assert card["interval"]["high"] == pytest.approx(0.8950, abs=1e-4)
    # Nobody has published a checksum of MLPerf Tiny's files: that no target is asked for has that reason, too.
    shown = "the target is shown, not asked for: the model is not one that is recognised by its checksum"
    assert card["remarks"] == ["subset of 40: not comparable with the full set of 1,000", shown]
    rows = {" ".join(line.split()) for line in text.splitlines()}
    assert "top1 80.00 % (95 % confidence: 65.24 to 89.50; Wilson, 40 samples)" in rows
    assert "target 90.00 % (MLPerf Tiny quality target, submission_checker.py)" in rows
    assert "margin -10.00 points, 4 more must be won" in rows
    assert "subset of 40: not comparable with the full set of 1,000" in rows
    assert shown[:80] in " ".join(text.split())


def test_score_gives_the_same_card_and_plain_metrics_judge(
    finished: tuple[Path, str], cli: Cli, read_result: Callable[[Path], dict[str, Any]]
) -> None:
    folder, _ = finished
    result = read_result(folder)
    assert json.loads(cli("score", folder, "--json").stdout) == {"top1": 0.8}
    whole = json.loads(cli("score", folder, "--json", "--card").stdout)
    assert whole == {name: result[name] for name in ("accuracy", "accuracy_card", "requirements")}
    shown = cli("score", folder).stdout
    assert "4 more must be won" in shown
    assert "subset of 40: not comparable with the full set of 1,000" in shown


def test_another_harnesss_log_has_a_card_that_names_no_model(
    finished: tuple[Path, str], cli: Cli, keyword_data: Path
) -> None:
    folder, _ = finished
    log = folder / "mlperf_log_accuracy.json"
    # The set is called whole here, so that the model is all that is not known.
    words = ["--log", log, "--task", "kws", "--dataset", keyword_data, "--set", "full_count=40"]
    done = cli("score", *words, "--json", "--card")
    card = json.loads(done.stdout)["accuracy_card"]
    assert (done.returncode, card["value"], card["passed"]) == (0, 0.8, None)
    assert card["remarks"] == [
        "the target is shown, not asked for: the log does not say which model answered and the data are not recognised "
        "by a checksum"
    ]
    assert json.loads(cli("score", *words, "--json").stdout) == {"top1": 0.8}


def test_a_round_that_lacks_the_benchmark_is_refused_when_a_log_is_scored(
    finished: tuple[Path, str], cli: Cli, complaint: Callable[[Any], str]
) -> None:
    folder, _ = finished
    done = cli("score", "--log", folder / "mlperf_log_accuracy.json", "--task", "ssd_mobilenet_v2", "--round", "v6.0")
    assert done.returncode == 2
    assert "round v6.0 has no SSD-MobileNetV2" in complaint(done)


@pytest.fixture
def official(tmp_path: Path, keyword_model: Path, keyword_data: Path) -> Callable[[float, str], tuple[Path, Path]]:
    """Makes the keywords official: official(target, md5 of the labels or "") -> (config, cache)."""

    def digest(path: Path) -> str:
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()

    def make(target: float, labels_md5: str = "") -> tuple[Path, Path]:
        folder = tmp_path / "cache" / "official"
        folder.mkdir(parents=True)
        shutil.copy(keyword_model, folder / "words.tflite")
        shutil.copy(keyword_data / "y_labels.csv", folder / "y_labels.csv")
        with zipfile.ZipFile(folder / "words.zip", "w") as archive:
            for file in sorted(keyword_data.glob("*.bin")):
                archive.write(file, file.name)
        labels = {"file": "y_labels.csv", "md5": labels_md5 or None}
        config = {
            "title": "Words",
            "task": "keyword_spotting",
            "models": {"words": {"file": "words.tflite", "md5": digest(keyword_model)}},
            "datasets": {
                "words": {
                    "file": "words.zip",
                    "md5": digest(folder / "words.zip"),
                    "truth": "y_labels.csv",
                    "parts": [labels],
                    "extent": "full",
                }
            },
            "full_count": 40,
            "targets": [{"metric": "top1", "value": target, "source": "a test"}],
        }
        path = tmp_path / "words.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return path, tmp_path / "cache"

    return make


@pytest.mark.parametrize(("target", "status", "margin"), [(0.775, 0, 1), (0.8, 0, 0), (0.82, 1, -1)])
def test_a_target_decides_the_exit_status_of_an_official_model_on_official_data(
    target: float, status: int, margin: int, official: Any, keyword_data: Path, cli: Cli, tmp_path: Path
) -> None:
    config, cache = official(target, hashlib.md5((keyword_data / "y_labels.csv").read_bytes()).hexdigest())
    words = ["--task", config, "--mode", "accuracy", "--threads", "1", "--out", tmp_path / "out", "--json"]
    done = cli(*words, env={"TFLITE_LOADGEN_CACHE": str(cache)})
    assert done.returncode == status, done.stderr
    result = json.loads(done.stdout)
    assert result["status"] == "valid"
    assert result["accuracy"]["top1"] == {"value": 0.8, "target": target, "passed": status == 0}
    assert result["accuracy_card"]["margin"]["samples"] == margin
    assert result["accuracy_card"]["remarks"] == []
    assert len(result["reasons"]) == status
    assert cli("score", tmp_path / "out").returncode == status


def test_labels_without_a_published_checksum_leave_a_shipped_target_unasked(
    official: Any, call: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, cache = official(0.82)
    monkeypatch.setattr("harness.config.files.config_folder", lambda: config.parent)
    monkeypatch.setattr("harness.series.perform.cache_dir", lambda: cache)
    words = ["--task", config, "--mode", "accuracy", "--threads", "1", "--out", tmp_path / "out", "--json"]
    done = call(*words)
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)["accuracy_card"]
    assert card["passed"] is None
    assert card["remarks"] == ["the target is shown, not asked for: the data are not recognised by a checksum"]


def test_real_keywords_show_how_far_they_are_from_the_target(zoo: Path, cli: Cli, tmp_path: Path) -> None:
    model = zoo / "models" / "mlperf_tiny" / "kws_ref_model_int8.tflite"
    data = zoo / "datasets" / "kws01"
    done = cli("--task", "kws", "--mode", "accuracy", "--model", model, "--dataset", data, "--out", tmp_path / "o")
    assert done.returncode == 0, done.stderr
    rows = {" ".join(line.split()) for line in done.stdout.splitlines()}
    assert "top1 89.80 % (95 % confidence: 86.84 to 92.16; Wilson, 500 samples)" in rows
    assert "margin -0.20 points, 1 more must be won" in rows
    assert "subset of 500: not comparable with the full set of 1,000" in rows
    # The files have the word in their names, which would contradict other labels.
    shifted = tmp_path / "shifted"
    shifted.mkdir()
    lines = [line.split(",") for line in (data / "y_labels.csv").read_text(encoding="ascii").splitlines()]
    for number, (name, *_) in enumerate(lines):
        shutil.copyfile(data / name, shifted / f"{number:04}.bin")
    labels = [f"{number:04}.bin,{words},{(int(label) + 1) % 12}\n" for number, (_, words, label) in enumerate(lines)]
    (shifted / "y_labels.csv").write_text("".join(labels), encoding="ascii")
    log = tmp_path / "o" / "mlperf_log_accuracy.json"
    twin = cli("score", "--log", log, "--task", "kws", "--dataset", shifted)
    assert twin.returncode == 0, twin.stderr
    assert "89.80 %" not in twin.stdout
    assert "more must be won" in twin.stdout
