"""The areas under the ROC curve against scikit-learn's, and against the figures that the DCASE baseline published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from accuracy.auc import auc, partial_auc, score_files
from accuracy.confidence.auc_bootstrap import bootstrap_mean_auc
from accuracy.confidence.interval import resampled_weights
from accuracy.errors import TruthError


def test_both_areas_are_scikit_learns_with_and_without_ties() -> None:
    chance = np.random.default_rng(5)
    for _ in range(60):
        labels = chance.integers(0, 2, 40)
        labels[:2] = 0, 1
        scores = np.asarray(
            np.round(chance.normal(0, 1, 40) + labels * chance.normal(), int(chance.integers(0, 4))), np.float64
        )
        assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
        for most in (0.02, 0.1, 0.35):
            wanted = roc_auc_score(labels, scores, max_fpr=most)
            assert partial_auc(scores, labels, most) == pytest.approx(wanted, abs=1e-12)


def test_the_interval_is_that_of_drawing_the_recordings_again_a_set_at_a_time() -> None:
    chance = np.random.default_rng(2)
    labels = np.arange(60) % 2
    scores = np.round(chance.normal(0, 1, 60) + labels, 1)
    groups = [np.arange(0, 30), np.arange(30, 60)]
    drawn = []
    for weights in resampled_weights(60):
        for row in weights.astype(int):
            again = [np.repeat(group, row[group]) for group in groups]
            drawn.append(np.mean([auc(scores[each], labels[each]) for each in again]))
    found = bootstrap_mean_auc(scores, labels, groups)
    assert found is not None
    assert (found.low, found.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]).tolist())
    assert bootstrap_mean_auc(scores, labels, []) is None


@pytest.mark.parametrize(
    ("labels", "said"), [([0, 0], "all 2 are normal"), ([1], "all 1 are anomalies"), ([], "no samples")]
)
def test_one_kind_alone_has_no_area(labels: list[int], said: str) -> None:
    with pytest.raises(TruthError, match=said):
        auc([0.5] * len(labels), labels)
    with pytest.raises(TruthError, match="is NaN"):
        auc([0.1, float("nan")], [0, 1])


@pytest.mark.parametrize(
    ("kind", "wanted", "partial"),
    [
        ("tflite_", 0.876001, 0.764121),
        ("tflite_quant_fullint_", 0.841519, 0.721826),
        ("", 0.864397, 0.746865),
    ],
)
def test_the_published_lists_of_scores_have_their_published_areas(
    zoo: Path, kind: str, wanted: float, partial: float
) -> None:
    folder = zoo / "datasets" / "ad_toycar_scores"
    lists = [folder / f"{kind}anomaly_score_ToyCar_id_0{number}.csv" for number in range(1, 5)]
    found = [score_files(each, each) for each in lists]
    assert np.mean([each["auc"] for each in found]) == pytest.approx(wanted, abs=1e-6)
    assert np.mean([each["pauc"] for each in found]) == pytest.approx(partial, abs=1e-6)


def test_a_list_is_read_line_by_line_and_what_is_none_is_named(tmp_path: Path) -> None:
    scores, labels = tmp_path / "scores.csv", tmp_path / "labels.csv"
    scores.write_text("a.wav,6.95342025\nb.wav,7\n")
    labels.write_text("b.wav,1\na.wav,0\n")
    assert score_files(scores, labels) == {"auc": 1.0, "pauc": 1.0}
    with pytest.raises(TruthError, match=r"does not say whether a\.wav is normal"):
        score_files(scores, scores)
    for text, said in (
        ("a.wav,1\na.wav,2\n", "line 2 names a.wav again"),
        ("a.wav,much\n", "line 1 is 'a.wav,much'"),
        ("a.wav,nan\n", "line 1"),
        ("", "empty"),
        ("c.wav,1\na.wav,0\n", "name different recordings"),
    ):
        labels.write_text(text)
        with pytest.raises(TruthError, match=said.replace(".", r"\.")):
            score_files(scores, labels)
