"""Labels that were meant otherwise are told from models that guess, and a few samples from many."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from accuracy.metric.label_readings import label_readings

Int64 = npt.NDArray[np.int64]
BY_TEXT = np.array([int(number) for number in sorted(map(str, range(100)))])


def named(classes: int, answered: Int64, truth: Int64) -> dict[str, float]:
    """What is read better than 0."""
    found: dict[str, float] = {}
    for reading in label_readings(classes):
        if share := reading.share(answered, truth):
            found[reading.words] = max(share, found.get(reading.words, 0.0))
    return found


def truth_of(classes: int, samples: int) -> Int64:
    return np.random.default_rng(3).integers(0, classes, samples)


@pytest.mark.parametrize(
    ("classes", "told", "words"),
    [
        (2, lambda truth: 1 - truth, "the two classes exchanged"),
        (
            100,
            lambda truth: np.argsort(BY_TEXT)[truth],
            "classes in the order of their numbers from 0 as text (1, 10, 11, ... 2)",
        ),
        (100, lambda truth: BY_TEXT[truth], "classes in the order of their numbers from 0 as text (1, 10, 11, ... 2)"),
        (12, lambda truth: (5 * truth + 3) % 12, "classes in another order"),
    ],
)
def test_classes_that_are_counted_otherwise_are_told(classes: int, told: Callable[[Int64], Int64], words: str) -> None:
    truth = truth_of(classes, 1200)
    assert named(classes, told(truth), truth)[words] == 1.0


@pytest.mark.parametrize(
    ("classes", "answered", "truth"),
    [
        (1000, [4], [3]),
        (10, [4, 1], [3, 8]),
        (10, [4] * 50, [3] * 50),
        (2, [0] * 8, [1] * 8),
        (2, [0, 1, 0], [1, 0, 1]),
    ],
)
def test_a_few_pictures_and_sets_of_one_class_say_nothing_of_how_classes_are_counted(
    classes: int, answered: list[int], truth: list[int]
) -> None:
    assert not named(classes, np.array(answered), np.array(truth))


@pytest.mark.parametrize("classes", [3, 12, 100])
def test_a_model_that_guesses_goes_with_no_order_of_the_classes(classes: int) -> None:
    random = np.random.default_rng(7)
    for _ in range(20):
        answered, truth = random.integers(0, classes, (2, 12 * classes))
        assert "classes in another order" not in named(classes, answered, truth)
