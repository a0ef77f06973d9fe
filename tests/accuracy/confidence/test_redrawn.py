"""Scores of sets of samples that are drawn again, against scoring those samples alone; and counts of events."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from accuracy.answers.arrays import Output
from accuracy.answers.detections import Detections
from accuracy.auc import auc, partial_auc
from accuracy.confidence.auc_bootstrap import redrawn_auc
from accuracy.confidence.interval import PairedHits, paired_hits, paired_shares, poisson
from accuracy.mean_iou import MeanIoU
from accuracy.metric.detection_score import score_detections
from accuracy.metric.score import Score
from accuracy.truth.boxes.coco import CocoImage, CocoTruth
from tasks.tensors.scoring import Errors

COUNT, KEPT = 6, (0, 2, 3, 5)


def maps_scored(which: tuple[int, ...]) -> Score:
    rng = np.random.default_rng(3)
    pairs = [(rng.integers(0, 5, (7, 5)), rng.integers(0, 5, (7, 5))) for _ in range(COUNT)]
    metric = MeanIoU(classes=4)
    for place in which:
        metric.update(*pairs[place])
    return metric.score()


def boxes_scored(which: tuple[int, ...]) -> Score:
    rng = np.random.default_rng(4)
    box = np.concatenate([rng.integers(0, 50, (24, 2)), rng.integers(20, 60, (24, 2))], axis=1).astype(np.float64)
    image, category = np.repeat(np.arange(COUNT), 4), np.tile([1, 1, 2, 3], COUNT)
    truth = CocoTruth(
        images=tuple(CocoImage(f"{number}.jpg", number + 1, 200, 100) for number in range(COUNT)),
        categories=(1, 2, 3),
        image=image,
        category=category,
        box=box,
        area=box[:, 2] * box[:, 3],
        crowd=np.zeros(24, np.bool_),
        ignore=np.zeros(24, np.bool_),
    )
    moved = box + rng.integers(-12, 13, box.shape)
    found = Detections(image, category, moved, rng.permutation(24) / 24)
    place = np.full(COUNT, -1)
    place[list(which)] = np.arange(len(which))
    kept = place[image] >= 0
    picked = Detections(place[image[kept]], category[kept], moved[kept], found.score[kept])
    return score_detections(truth.select(which), picked)


def arrays_scored(which: tuple[int, ...]) -> Score:
    rng = np.random.default_rng(5)
    found = rng.normal(size=(COUNT, 3, 4)).astype(np.float32)
    expected = found + rng.normal(scale=0.3, size=found.shape).astype(np.float32)
    errors = Errors([])
    for place in which:
        outputs = [Output("good", found[place]), Output("other", found[place] * 2)]
        # Of one sample the second output is not judged.
        errors.update(outputs, {0: expected[place]} | ({1: expected[place]} if place != 2 else {}))
    return errors.score()


@pytest.mark.parametrize("scored", [maps_scored, boxes_scored, arrays_scored])
def test_a_set_scores_what_its_samples_score_by_themselves(scored: Callable[[tuple[int, ...]], Score]) -> None:
    whole, part = scored(tuple(range(COUNT))), scored(KEPT)
    weights = np.zeros((2, COUNT))
    weights[0], weights[1, KEPT] = 1, 1
    assert whole.redrawn is not None
    drawn = whole.redrawn(weights)
    assert drawn
    for name, values in drawn.items():
        # A class that the set lacks counts as the mean of the others in `miou` (see `bootstrap_mean_iou`).
        of_part = part.get(name, np.nan)
        np.testing.assert_allclose(values, [whole[name], of_part], rtol=1e-12, err_msg=name)


def test_the_largest_error_has_no_set_of_its_own() -> None:
    score = arrays_scored(tuple(range(COUNT)))
    assert score.redrawn is not None
    assert {"max_error", "max_error.good", "not_finite"}.isdisjoint(score.redrawn(np.ones((1, COUNT))))


def test_areas_of_a_set_are_those_of_its_recordings_and_none_where_it_has_one_kind() -> None:
    scores, kinds = np.array([0.1, 0.9, 0.3, 0.8, 0.4, 0.35]), np.array([0, 1, 0, 1, 1, 0])
    groups = [np.array([0, 1, 2]), np.array([3, 4, 5])]
    weights = np.array([[1, 1, 1, 1, 1, 1], [2, 1, 0, 0, 3, 1], [1, 0, 1, 0, 0, 4]], np.float64)
    found = redrawn_auc(scores, kinds, groups)(weights)
    drawn = np.repeat(np.arange(6), [2, 1, 0, 0, 3, 1])
    assert found["auc_pooled"][:2].tolist() == [auc(scores, kinds), auc(scores[drawn], kinds[drawn])]
    assert found["pauc_pooled"][1] == partial_auc(scores[drawn], kinds[drawn])
    assert found["auc"][0] == np.mean([auc(scores[group], kinds[group]) for group in groups])
    assert np.isnan([found[name][2] for name in ("auc", "pauc", "auc_pooled", "pauc_pooled")]).all()


@pytest.mark.parametrize("events", [0, 1, 3, 40, 2500])
def test_the_interval_of_a_count_is_garwoods(events: int) -> None:
    found = poisson(events)
    low = stats.chi2.ppf(0.025, 2 * events) / 2 if events else 0.0
    np.testing.assert_allclose([found.low, found.high], [low, stats.chi2.ppf(0.975, 2 * events + 2) / 2], rtol=1e-9)


def test_a_difference_of_paired_shares_has_an_interval_even_where_nothing_changed() -> None:
    one = np.repeat([True, False], [48, 2])
    same = paired_shares(one, one)
    assert same is not None
    assert -0.1 < same.low < 0 < same.high < 0.1
    assert paired_shares(one[:0], one[:0]) is None


def test_nineteen_of_twenty_intervals_of_a_paired_difference_hold_it() -> None:
    # By 4 million samples of the same kind, less than 0.0005 off.
    rng, true = np.random.default_rng(8), -0.2834
    inside = 0
    for _ in range(400):
        hard = rng.random(120)
        one, other = hard + rng.normal(scale=0.2, size=120) < 0.8, hard + rng.normal(scale=0.2, size=120) < 0.5
        found = paired_shares(one, other)
        assert found is not None
        inside += found.low <= true <= found.high
    assert inside >= 370


@pytest.mark.parametrize("shares", [(0.5, 0.01, 0.39, 0.1), (0.89, 0.005, 0.005, 0.1), (0.3, 0.2, 0.2, 0.3)])
@pytest.mark.parametrize("confidence", [0.95, 0.98])
def test_a_paired_interval_holds_the_truth_as_often_as_it_says(
    shares: tuple[float, float, float, float], confidence: float
) -> None:
    """Also where nearly all that changed has changed one way: how many change is chance, too."""
    quantile = NormalDist().inv_cdf((1 + confidence) / 2)
    drawn = np.random.default_rng(7).multinomial(400, shares, 2000).tolist()
    truth, found = shares[1] - shares[2], [paired_hits(PairedHits(*row), quantile) for row in drawn]
    held = sum(one is not None and one.low <= truth <= one.high for one in found) / len(found)
    assert held >= confidence - 0.015
