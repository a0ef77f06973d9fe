"""Confidence intervals against independent formulas, and AP's own matching against COCO's."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accuracy.answers.detections import Detections, read_results
from accuracy.coco_ap import coco_ap
from accuracy.confidence.coco_bootstrap import _classes, average_precision, coco_ap_interval
from accuracy.confidence.interval import bootstrap_mean, bootstrap_mean_iou, percentiles, resampled_weights, wilson
from accuracy.mean_iou import MeanIoU
from accuracy.metric.detection_score import score_detections
from accuracy.psnr import Psnr
from accuracy.squad_f1 import SquadF1
from accuracy.topk import TopK
from accuracy.truth.boxes.coco import CocoImage, CocoTruth
from accuracy.truth.boxes.instances import read_instances

Z = 1.959963984540054
FIELDS = settings(deadline=None, derandomize=True, max_examples=40)


def coco_ap_once(truth: CocoTruth, detections: Detections) -> float:
    """`coco_ap` of the pictures as they are, by the way of the intervals; NaN without an object."""
    return float(average_precision(_classes(truth, detections), np.ones((1, len(truth.images))))[0])


def wilson_ends(hits: int, count: int) -> list[float]:
    """The two shares p at which (hits/count - p)^2 = z^2 p (1 - p) / count: Wilson's own equation, solved."""
    share = hits / count
    a, b, c = 1 + Z**2 / count, -2 * share - Z**2 / count, share**2
    return sorted(np.roots([a, b, c]).real.tolist())


@FIELDS
@given(st.integers(1, 60_000), st.floats(0, 1))
def test_wilsons_interval_solves_wilsons_equation(count: int, share: float) -> None:
    hits = round(share * count)
    interval = wilson(hits, count)
    assert interval is not None
    assert [interval.low, interval.high] == pytest.approx(wilson_ends(hits, count), abs=1e-7)
    assert 0 <= interval.low <= hits / count <= interval.high <= 1
    assert interval.method == "Wilson"


def test_wilsons_interval_has_a_published_example() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263 and 15 of 148, method 3.
    for (hits, count), ends in {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605)}.items():
        interval = wilson(hits, count)
        assert interval is not None
        assert (round(interval.low, 4), round(interval.high, 4)) == ends


def test_nothing_scored_has_no_interval() -> None:
    assert wilson(0, 0) is None
    assert bootstrap_mean(np.zeros(0)) is None
    assert bootstrap_mean(np.array([0.3])) is None
    empty = np.zeros((0, 31), np.int64)
    assert bootstrap_mean_iou(empty, empty, empty) is None
    assert TopK().score("pictures").interval is None
    assert Psnr().score().interval is None


def test_samples_that_are_all_alike_cannot_tell_how_far_their_mean_goes() -> None:
    assert bootstrap_mean(np.ones(50)) is None


def test_a_bootstrapped_mean_reaches_as_far_as_the_normal_interval() -> None:
    values = np.random.default_rng(3).beta(2, 1, 4000)
    interval = bootstrap_mean(values)
    reach = Z * values.std() / math.sqrt(len(values))
    assert interval is not None
    assert interval.low == pytest.approx(values.mean() - reach, abs=0.15 * reach)
    assert interval.high == pytest.approx(values.mean() + reach, abs=0.15 * reach)
    assert interval.method == "bootstrap, 1,000 resamples"


def test_an_interval_does_not_depend_on_the_order_of_the_samples() -> None:
    values = np.random.default_rng(4).random(300)
    assert bootstrap_mean(values) == bootstrap_mean(values[::-1])
    areas = np.random.default_rng(5).integers(0, 100, (3, 40, 31))
    straight, turned = bootstrap_mean_iou(*areas), bootstrap_mean_iou(*areas[:, ::-1])
    assert straight == turned


@FIELDS
@given(st.integers(1, 50), st.integers(1, 30), st.integers(1, 40))
def test_each_set_drawn_has_as_many_samples_as_there_are_in_whatever_portions(
    count: int, resamples: int, chunk: int
) -> None:
    weights = np.concatenate(list(resampled_weights(count, resamples, chunk)))
    assert weights.shape == (resamples, count)
    assert (weights.sum(axis=1) == count).all()
    assert (weights == np.concatenate(list(resampled_weights(count, resamples)))).all()


def test_every_sample_is_as_likely_to_be_drawn() -> None:
    weights = np.concatenate(list(resampled_weights(10, 20_000)))
    assert weights.mean(axis=0) == pytest.approx(np.ones(10), abs=0.03)
    assert weights.var(axis=0) == pytest.approx(np.full(10, 0.9), abs=0.05)  # binomial(10, 1/10)


def test_sets_without_a_score_are_left_out_until_they_are_too_many() -> None:
    scores = np.linspace(0.2, 0.4, 101)
    some = percentiles(np.concatenate([scores, np.full(100, np.nan)]))
    assert some is not None
    assert [some.low, some.high] == pytest.approx([0.205, 0.395])
    assert some.method == "bootstrap, 101 resamples"
    assert percentiles(np.concatenate([scores, np.full(102, np.nan)])) is None


def test_a_centred_interval_holds_its_value_and_stays_a_fraction() -> None:
    interval = percentiles(np.linspace(0.2, 0.4, 101), centre=0.02)
    assert interval is not None
    assert [interval.low, interval.high] == pytest.approx([0.0, 0.115])


# --- mIoU --------------------------------------------------------------------------------------------------------


def test_the_interval_of_miou_is_that_of_whole_pictures_drawn_again() -> None:
    random = np.random.default_rng(6)
    pictures = [(random.integers(0, 5, (6, 6)), random.integers(0, 5, (6, 6))) for _ in range(12)]
    pictures += [(truth, truth) for _, truth in pictures[:6]]
    metric = MeanIoU(4)
    for predicted, truth in pictures:
        metric.update(predicted, truth)
    drawn = []
    for _ in range(400):
        again = MeanIoU(4)
        for place in random.integers(0, len(pictures), len(pictures)):
            again.update(*pictures[place])
        drawn.append(again.compute()["miou"])
    score = metric.score()
    assert score.interval is not None
    assert score["miou"] == metric.compute()["miou"]
    assert score.interval.low < score["miou"] < score.interval.high
    assert score.interval.high - score.interval.low == pytest.approx(
        np.ptp(np.quantile(drawn, [0.025, 0.975])), rel=0.2
    )
    assert (score.unit, score.count) == ("pictures", 18)


def test_classes_that_a_set_lacks_do_not_make_it_seem_worse() -> None:
    # Every picture has one class, perfectly found: whichever are drawn, nothing is known to be wrong.
    areas = np.diag(np.full(31, 100))
    assert bootstrap_mean_iou(areas, areas, areas) is None
    half = areas[:16]
    assert bootstrap_mean_iou(half, half, half) is None


# --- AP ----------------------------------------------------------------------------------------------------------


def made_up(
    random: np.random.Generator, pictures: int, *, crowds: float = 0.1, detections: int = 12
) -> tuple[CocoTruth, Detections]:
    """Few classes, many near misses, crowds, equal scores and pictures without anything."""
    image = np.sort(random.integers(0, pictures, 4 * pictures))
    category = random.integers(1, 5, len(image))
    box = np.concatenate([random.uniform(0, 80, (len(image), 2)), random.uniform(5, 60, (len(image), 2))], axis=1)
    ids = random.permutation(1000)[:pictures].tolist()
    truth = CocoTruth(
        images=tuple(CocoImage(f"{number}.jpg", number, 200, 200) for number in ids),
        categories=(1, 2, 3, 4),
        image=image,
        category=category,
        box=box,
        area=box[:, 2] * box[:, 3],
        crowd=random.random(len(image)) < crowds,
        ignore=np.zeros(len(image), np.bool_),
    )
    model = random.integers(0, len(image), detections * pictures)
    found = box[model] * np.exp(random.normal(0, 0.12, (len(model), 4)))
    order = np.argsort(image[model], kind="stable")
    wrong = random.random(len(model)) < 0.2
    labels = np.where(wrong, random.integers(1, 6, len(model)), category[model])
    score = random.integers(0, 40, len(model)) / 40
    return truth, Detections(image[model][order], labels[order], found[order], score[order])


@FIELDS
@given(st.integers(0, 10_000), st.integers(1, 12), st.sampled_from([0.0, 0.3]))
def test_ap_by_the_way_of_the_intervals_is_cocos(seed: int, pictures: int, crowds: float) -> None:
    truth, found = made_up(np.random.default_rng(seed), pictures, crowds=crowds)
    figures = coco_ap(truth, found)
    once = coco_ap_once(truth, found)
    assert once == pytest.approx(figures["coco_ap"], abs=1e-9) if "coco_ap" in figures else math.isnan(once)


def test_only_the_surest_hundred_detections_of_a_picture_and_class_count() -> None:
    truth, found = made_up(np.random.default_rng(8), 2, detections=400)
    assert coco_ap_once(truth, found) == pytest.approx(coco_ap(truth, found)["coco_ap"], abs=1e-9)


def repeated(truth: CocoTruth, found: Detections, places: list[int]) -> tuple[CocoTruth, Detections]:
    """The set in which picture `places[i]` stands at place i, every repetition as a picture of its own."""
    objects = [np.flatnonzero(truth.image == place) for place in places]
    rows = [np.flatnonzero(found.image == place) for place in places]
    at, of = np.concatenate(objects), np.concatenate(rows)
    where = np.repeat(np.arange(len(places)), [len(some) for some in objects])
    there = np.repeat(np.arange(len(places)), [len(some) for some in rows])
    again = CocoTruth(
        images=tuple(CocoImage(f"{at}.jpg", at, 200, 200) for at in range(len(places))),
        categories=truth.categories,
        image=where,
        category=truth.category[at],
        box=truth.box[at],
        area=truth.area[at],
        crowd=truth.crowd[at],
        ignore=truth.ignore[at],
    )
    return again, Detections(there, found.category[of], found.box[of], found.score[of])


def test_a_weighted_picture_counts_as_often_as_it_is_there() -> None:
    from accuracy.confidence.coco_bootstrap import _classes, average_precision

    random = np.random.default_rng(9)
    truth, found = made_up(random, 8)
    # Scores that differ: repetitions are ranked next to their original then, as the weights have it.
    found = Detections(found.image, found.category, found.box, random.permutation(len(found.score)) / len(found.score))
    classes = _classes(truth, found)
    for _ in range(10):
        places = random.integers(0, 8, 8).tolist()
        weights = np.bincount(places, minlength=8).astype(np.float64)[None]
        weighted = average_precision(classes, weights)[0]
        # A repeated hit raises the recall by two steps at once, so the precision between them is not seen.
        assert weighted == pytest.approx(coco_ap(*repeated(truth, found, places))["coco_ap"], abs=0.02)


def test_the_interval_of_ap_holds_it_and_shrinks_with_more_pictures() -> None:
    widths = []
    for pictures in (20, 320):
        truth, found = made_up(np.random.default_rng(10), pictures)
        score = score_detections(truth, found)
        assert score.interval == coco_ap_interval(truth, found)
        assert score.interval is not None
        assert score.interval.low < score["coco_ap"] < score.interval.high
        widths.append(score.interval.high - score.interval.low)
    assert widths[1] == pytest.approx(widths[0] / 4, rel=0.4)


def test_where_ap_at_half_overlap_is_the_headline_it_comes_first_with_an_interval_of_its_own() -> None:
    truth, found = made_up(np.random.default_rng(10), 60)
    score, of_all = score_detections(truth, found, "coco_ap50"), score_detections(truth, found)
    assert next(iter(score)) == "coco_ap50"
    assert score.metrics == of_all.metrics
    assert score.interval is not None
    assert of_all.interval is not None
    assert score.interval.low < score["coco_ap50"] < score.interval.high
    # AP at half overlap is far above the mean over all ten: the other interval does not hold it.
    assert of_all.interval.high < score["coco_ap50"]


def test_ap_of_one_picture_or_without_objects_has_no_interval() -> None:
    truth, found = made_up(np.random.default_rng(11), 1)
    assert coco_ap_interval(truth, found) is None
    truth, found = made_up(np.random.default_rng(11), 5, crowds=1.1)
    assert coco_ap_interval(truth, found) is None
    assert score_detections(truth, found).interval is None


def test_real_detections_have_cocos_ap_and_an_interval_around_it(zoo: Path) -> None:
    folder = zoo / "datasets" / "coco_val50"
    truth = read_instances(folder / "annotations" / "instances_val2017.json")
    found = read_results(folder / "ref_detections_ssd_val2017.json", truth)
    assert coco_ap_once(truth, found) == pytest.approx(0.192395, abs=1e-6)
    shifted = Detections(found.image, found.category, found.box + np.array([30, 0, 0, 0]), found.score)
    assert coco_ap_once(truth, shifted) < 0.15
    score = score_detections(truth, found)
    assert score.interval is not None
    assert 0.1 < score.interval.low < 0.1924 < score.interval.high < 0.3
    assert len(score.notes) == 1


# --- the metrics' scores -----------------------------------------------------------------------------------------


@FIELDS
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_the_parts_of_a_share_of_hits_have_it_as_their_mean(samples: list[tuple[int, int]]) -> None:
    metric = TopK((1,))
    for predicted, label in samples:
        metric.update([predicted], label)
    score = metric.score("pictures")
    hits = sum(predicted == label for predicted, label in samples)
    assert score == {"top1": hits / len(samples)}
    assert score.parts is not None
    assert Fraction(int(score.parts.sum()), len(score.parts)) == Fraction(hits, len(samples))
    assert score.interval == wilson(hits, len(samples))
    assert (score.unit, score.count) == ("pictures", len(samples))


def test_the_parts_of_f1_are_the_questions() -> None:
    metric = SquadF1()
    for predicted, answer in (("a red cat", "red cat"), ("red dog", "red cat"), (None, "x"), ("y", "x")):
        metric.update(predicted, [answer])
    score = metric.score()
    assert score.parts is not None
    assert score.parts.tolist() == [1.0, 0.5, 0.0, 0.0]
    assert score["f1"] == score.parts.mean()
    assert (score.unit, score.count) == ("questions", 4)
    assert score.interval is not None
    assert score.interval.low <= 0.375 <= score.interval.high


def test_a_score_is_a_mapping_of_its_metrics() -> None:
    metric = SquadF1()
    metric.update("x", ["x"])
    assert dict(metric.score()) == metric.compute() == {"f1": 1.0, "exact_match": 1.0, "f1_mobile": 1.0}
    assert next(iter(metric.score())) == "f1"
    assert metric.score() == metric.compute()


def test_psnr_is_bounded_by_no_fixed_weight_but_has_an_interval() -> None:
    random = np.random.default_rng(12)
    metric = Psnr()
    for spread in (5, 10, 20, 40):
        truth = random.integers(0, 255, (8, 8, 3)).astype(np.uint8)
        metric.update(np.clip(truth + random.normal(0, spread, truth.shape), 0, 255).astype(np.uint8), truth)
    score = metric.score()
    assert score.parts is None
    assert score.interval is not None
    assert score.interval.low < score["psnr_db"] < score.interval.high
